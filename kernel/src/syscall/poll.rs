//! Waiting for files: poll(2), ppoll(2), select(2), pselect6(2).

use crate::fs::poll::{Request, SELECT_EX, SELECT_IN, SELECT_OUT, wait};
use crate::fs::{Caller, Fd};
use crate::mm::Space;
use crate::mm::user::{In, InOut, UserBytes, UserIn, UserInOut, UserList, UserOut};
use crate::process::{Cx, Restart};
use crate::time::{self, NSEC_PER_SEC};
use abi::errno::{
    EBADF, EFAULT, EINTR, EINVAL, ENOMEM, ERESTART_RESTARTBLOCK, ERESTARTNOHAND, Result,
};
use abi::poll::{FD_SET_WORD_BITS, PollEvents, Pollfd};
use abi::process::RLIMIT_NOFILE;
use abi::signal::SigSet;
use abi::time::{Timespec, Timeval};
use alloc::vec::Vec;
use hal::user::USER_END;

/// Bytes in a `sigset_t` as the kernel has it.
const SIGSET_SIZE: u64 = 8;

/// poll(2)
pub fn poll(cx: &mut Cx, fds: u64, count: u32, timeout_ms: i32) -> Result<usize> {
    let until = match u64::try_from(timeout_ms) {
        Ok(ms) => Some(time::mono_ns().saturating_add(ms * 1_000_000)),
        Err(_) => None,
    };
    poll_until(cx, fds, count, until)
}

/// poll(2) until a deadline, also when restart_syscall(2) takes it up again.
pub fn poll_until(cx: &mut Cx, fds: u64, count: u32, until: Option<u64>) -> Result<usize> {
    match poll_list(cx, UserList::new(fds, count as usize), until) {
        Err(ERESTARTNOHAND) => {
            cx.restart_block = Some(Restart::Poll { fds, count, until });
            Err(ERESTART_RESTARTBLOCK)
        }
        done => done,
    }
}

/// ppoll(2)
pub fn ppoll(
    cx: &mut Cx,
    fds: UserList<Pollfd, InOut>,
    timeout: Option<UserInOut<Timespec>>,
    mask: Option<UserIn<SigSet>>,
    mask_size: u64,
) -> Result<usize> {
    let until = deadline(cx, timeout)?;
    with_mask(cx, mask, mask_size, |cx| {
        let result = poll_list(cx, fds, until);
        tell_rest(cx, timeout, until);
        result
    })
}

/// select(2)
pub fn select(
    cx: &mut Cx,
    count: i32,
    read: u64,
    write: u64,
    except: u64,
    timeout: Option<UserInOut<Timeval>>,
) -> Result<usize> {
    let until = match timeout {
        None => None,
        Some(timeout) => {
            let Timeval { tv_sec, tv_usec } = timeout.read(cx.space())?;
            // More than a second of microseconds is allowed here.
            let sec = tv_sec.checked_add(tv_usec / 1_000_000).ok_or(EINVAL)?;
            let tv_nsec = tv_usec % 1_000_000 * 1000;
            let after = time::nanoseconds(Timespec { tv_sec: sec, tv_nsec }).ok_or(EINVAL)?;
            Some(time::mono_ns().saturating_add(after))
        }
    };
    let result = select_sets(cx, count, [read, write, except], until);
    if let (Some(timeout), Some(until)) = (timeout, until) {
        let rest = time::timeval(until.saturating_sub(time::mono_ns()) as i64);
        // As Linux: a time that cannot be told is not told.
        let _ = timeout.write(cx.space(), &rest);
    }
    result
}

/// pselect6(2)
pub fn pselect6(
    cx: &mut Cx,
    count: i32,
    read: u64,
    write: u64,
    except: u64,
    timeout: Option<UserInOut<Timespec>>,
    mask: Option<UserIn<[u64; 2]>>,
) -> Result<usize> {
    // The sixth argument points to the mask's address and size.
    let [mask, size] = match mask {
        Some(pair) => pair.read(cx.space())?,
        None => [0, 0],
    };
    let until = deadline(cx, timeout)?;
    let mask = (mask != 0).then(|| UserIn::new(mask));
    with_mask(cx, mask, size, |cx| {
        let result = select_sets(cx, count, [read, write, except], until);
        tell_rest(cx, timeout, until);
        result
    })
}

/// When a relative timeout ends; `None` without one.
fn deadline(cx: &Cx, timeout: Option<UserInOut<Timespec>>) -> Result<Option<u64>> {
    let Some(timeout) = timeout else { return Ok(None) };
    let after = time::nanoseconds(timeout.read(cx.space())?).ok_or(EINVAL)?;
    Ok(Some(time::mono_ns().saturating_add(after)))
}

/// Writes back what is left of the time.
fn tell_rest(cx: &Cx, timeout: Option<UserInOut<Timespec>>, until: Option<u64>) {
    if let (Some(timeout), Some(until)) = (timeout, until) {
        let rest = until.saturating_sub(time::mono_ns());
        let rest = Timespec {
            tv_sec: (rest / NSEC_PER_SEC) as i64,
            tv_nsec: (rest % NSEC_PER_SEC) as i64,
        };
        // As Linux: a time that cannot be told is not told.
        let _ = timeout.write(cx.space(), &rest);
    }
}

/// Runs `f` with another signal mask. If a signal ended it, that mask stays until the signal is
/// delivered.
pub(super) fn with_mask(
    cx: &mut Cx,
    mask: Option<UserIn<SigSet>>,
    size: u64,
    f: impl FnOnce(&mut Cx) -> Result<usize>,
) -> Result<usize> {
    let Some(mask) = mask else { return f(cx) };
    if size != SIGSET_SIZE {
        return Err(EINVAL);
    }
    let mask = mask.read(cx.space())?;
    let before = cx.thread.signals.lock().mask;
    cx.set_mask(mask);
    let result = f(cx);
    match result {
        Err(ERESTARTNOHAND | EINTR) => cx.saved_mask = Some(before),
        _ => cx.set_mask(before),
    }
    result
}

fn poll_list(cx: &Cx, fds: UserList<Pollfd, InOut>, until: Option<u64>) -> Result<usize> {
    if fds.count() as u64 > cx.limit(RLIMIT_NOFILE) {
        return Err(EINVAL);
    }
    let space = cx.space();
    let asked = fds.to_vec(space, fds.count())?;
    let mut list = Vec::new();
    list.try_reserve_exact(asked.len()).map_err(|_| ENOMEM)?;
    for Pollfd { fd, events, .. } in &asked {
        let file = if *fd < 0 { None } else { cx.usable_file(Fd(*fd)).ok() };
        let bad = *fd >= 0 && file.is_none();
        let revents = if bad { PollEvents::NVAL } else { PollEvents::EMPTY };
        list.push(Request { file, events: *events, revents });
    }
    let ready = cx.with_caller(|c| wait(c, &mut list, until))?;
    // `user_write_access_begin` looks at the range, even at that of an empty list.
    if fds.addr() > USER_END {
        return Err(EFAULT);
    }
    for (index, (pollfd, request)) in asked.iter().zip(&list).enumerate() {
        fds.set(space, index, &Pollfd { revents: request.revents, ..*pollfd })?;
    }
    Ok(ready)
}

/// One of select's sets, as whole words.
struct Set {
    at: u64,
    words: Vec<u64>,
}

impl Set {
    fn read(space: &Space, at: u64, count: usize) -> Result<Self> {
        let mut words = Vec::new();
        let len = count.div_ceil(FD_SET_WORD_BITS);
        words.try_reserve_exact(len).map_err(|_| ENOMEM)?;
        if at == 0 {
            words.resize(len, 0);
        } else {
            let bytes = UserBytes::<In>::new(at, len * 8).to_vec(space)?;
            let word = |chunk: &[u8; 8]| u64::from_ne_bytes(*chunk);
            words.extend(bytes.as_chunks().0.iter().map(word));
        }
        Ok(Self { at, words })
    }

    fn has(&self, fd: usize) -> bool {
        let word = self.words.get(fd / FD_SET_WORD_BITS).copied().unwrap_or(0);
        word >> (fd % FD_SET_WORD_BITS) & 1 != 0
    }

    fn add(&mut self, fd: usize) {
        if let Some(word) = self.words.get_mut(fd / FD_SET_WORD_BITS) {
            *word |= 1 << (fd % FD_SET_WORD_BITS);
        }
    }

    fn write(&self, space: &Space) -> Result<()> {
        if self.at == 0 {
            return Ok(());
        }
        for (index, word) in self.words.iter().enumerate() {
            UserOut::<u64>::new(self.at + index as u64 * 8).write(space, word)?;
        }
        Ok(())
    }
}

fn select_sets(cx: &Cx, count: i32, sets: [u64; 3], until: Option<u64>) -> Result<usize> {
    let count = usize::try_from(count).map_err(|_| EINVAL)?;
    // As Linux: what lies beyond the table of descriptors does not count.
    let count = count.min(cx.files().size());
    let space = cx.space();
    let mut asked = Vec::new();
    for at in sets {
        asked.push(Set::read(space, at, count)?);
    }
    const WANT: [PollEvents; 3] = [SELECT_IN, SELECT_OUT, SELECT_EX];
    let mut list = Vec::new();
    let mut fds = Vec::new();
    for fd in 0..count {
        let mut events = PollEvents::EMPTY;
        for (set, want) in asked.iter().zip(WANT) {
            if set.has(fd) {
                events |= want;
            }
        }
        if events.is_empty() {
            continue;
        }
        let file = cx.usable_file(Fd(fd as i32)).map_err(|_| EBADF)?;
        list.try_reserve(1).map_err(|_| ENOMEM)?;
        fds.try_reserve(1).map_err(|_| ENOMEM)?;
        list.push(Request { file: Some(file), events, revents: PollEvents::EMPTY });
        fds.push(fd);
    }
    cx.with_caller(|c: &Caller| wait(c, &mut list, until))?;
    let mut found = 0;
    for (set, want) in asked.iter_mut().zip(WANT) {
        let before = core::mem::take(&mut set.words);
        set.words.resize(before.len(), 0);
        let wanted = Set { at: 0, words: before };
        for (&fd, request) in fds.iter().zip(&list) {
            if wanted.has(fd) && request.revents.intersects(want) {
                set.add(fd);
                found += 1;
            }
        }
    }
    for set in &asked {
        set.write(space)?;
    }
    Ok(found)
}
