//! System calls that make and use event files: eventfd(2), signalfd(2), timerfd_create(2), epoll(7).

use abi::{
    errno::{EFAULT, EINVAL, EPERM, Result},
    poll::{
        EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, EpollCreateFlags, EpollEvent, EpollEvents,
        EventfdFlags, SignalfdFlags,
    },
    process::{CAP_BLOCK_SUSPEND, CAP_WAKE_ALARM, RLIMIT_NOFILE},
    signal::{SIGSET_SIZE, SigSet},
    time::{
        CLOCK_BOOTTIME, CLOCK_BOOTTIME_ALARM, CLOCK_MONOTONIC, CLOCK_REALTIME,
        CLOCK_REALTIME_ALARM, Itimerspec, TimerfdCreateFlags, TimerfdSetFlags, Timespec,
    },
};
use alloc::sync::Arc;

use super::poll::with_mask;
use crate::{
    fs::{
        Fd, File,
        epoll::{self, Epoll},
        eventfd,
        timerfd::{self, Timerfd},
    },
    mm::user::{UserIn, UserOut},
    process::{
        Cx,
        signalfd::{self, Signalfd},
    },
    time,
};

/// signalfd(2)
pub fn signalfd(cx: &mut Cx, fd: Fd, mask: UserIn<SigSet>, size: usize) -> Result<Fd> {
    signalfd4(cx, fd, mask, size, 0)
}

/// signalfd4(2)
pub fn signalfd4(cx: &mut Cx, fd: Fd, mask: UserIn<SigSet>, size: usize, flags: u32) -> Result<Fd> {
    if size != SIGSET_SIZE {
        return Err(EINVAL);
    }
    let mask = mask.read(cx.space())? - SigSet::UNBLOCKABLE;
    let flags = SignalfdFlags::checked(flags).ok_or(EINVAL)?;
    if fd.0 == -1 {
        let file = signalfd::open(cx, mask, flags);
        return install(cx, file, flags.has(SignalfdFlags::CLOEXEC));
    }
    let file = cx.usable_file(fd)?;
    file.ops_as::<Signalfd>().ok_or(EINVAL)?.set_mask(cx, mask);
    Ok(fd)
}

/// timerfd_create(2)
pub fn timerfd_create(cx: &mut Cx, clock: u32, flags: u32) -> Result<Fd> {
    let flags = TimerfdCreateFlags::checked(flags).ok_or(EINVAL)?;
    if !matches!(clock, CLOCK_REALTIME | CLOCK_MONOTONIC | CLOCK_BOOTTIME) && !is_alarm(clock) {
        return Err(EINVAL);
    }
    may_wake(cx, clock)?;
    let file = cx.with_caller(|c| timerfd::open(c, cx.cred(), clock, flags));
    install(cx, file, flags.has(TimerfdCreateFlags::CLOEXEC))
}

/// Does it wake the machine?
fn is_alarm(clock: u32) -> bool {
    matches!(clock, CLOCK_REALTIME_ALARM | CLOCK_BOOTTIME_ALARM)
}

fn may_wake(cx: &Cx, clock: u32) -> Result<()> {
    if is_alarm(clock) && !cx.cred().capable(CAP_WAKE_ALARM) { Err(EPERM) } else { Ok(()) }
}

/// timerfd_settime(2)
pub fn timerfd_settime(
    cx: &mut Cx,
    fd: Fd,
    flags: u32,
    new: UserIn<Itimerspec>,
    old: Option<UserOut<Itimerspec>>,
) -> Result<()> {
    let new = new.read(cx.space())?;
    let flags = TimerfdSetFlags::checked(flags).ok_or(EINVAL)?;
    let first = time::nanoseconds(new.it_value).ok_or(EINVAL)?;
    let every = time::nanoseconds(new.it_interval).ok_or(EINVAL)?;
    let file = cx.usable_file(fd)?;
    let timer = file.ops_as::<Timerfd>().ok_or(EINVAL)?;
    may_wake(cx, timer.clock())?;
    let before = timer.set(flags, (first, every));
    match old {
        Some(old) => old.write(cx.space(), &itimerspec(before)),
        None => Ok(()),
    }
}

/// timerfd_gettime(2)
pub fn timerfd_gettime(cx: &mut Cx, fd: Fd, out: UserOut<Itimerspec>) -> Result<()> {
    let file = cx.usable_file(fd)?;
    let timer = file.ops_as::<Timerfd>().ok_or(EINVAL)?;
    out.write(cx.space(), &itimerspec(timer.left()))
}

fn itimerspec((first, every): timerfd::Setting) -> Itimerspec {
    Itimerspec { it_interval: time::timespec(every as i64), it_value: time::timespec(first as i64) }
}

/// Gives a new event file a descriptor.
fn install(cx: &Cx, file: Arc<File>, cloexec: bool) -> Result<Fd> {
    cx.files().insert(file, cx.limit(RLIMIT_NOFILE), cloexec)
}

/// eventfd(2)
pub fn eventfd(cx: &mut Cx, count: u32) -> Result<Fd> {
    eventfd2(cx, count, 0)
}

/// eventfd2(2)
pub fn eventfd2(cx: &mut Cx, count: u32, flags: u32) -> Result<Fd> {
    let flags = EventfdFlags::checked(flags).ok_or(EINVAL)?;
    let file = cx.with_caller(|c| eventfd::open(c, cx.cred(), count, flags));
    install(cx, file, flags.has(EventfdFlags::CLOEXEC))
}

/// epoll_create(2): the size is a hint from old times, but must be positive.
pub fn epoll_create(cx: &mut Cx, size: i32) -> Result<Fd> {
    if size <= 0 { Err(EINVAL) } else { epoll_create1(cx, 0) }
}

/// epoll_create1(2)
pub fn epoll_create1(cx: &mut Cx, flags: u32) -> Result<Fd> {
    let flags = EpollCreateFlags::checked(flags).ok_or(EINVAL)?;
    let file = cx.with_caller(|c| epoll::open(c, cx.cred()));
    install(cx, file, flags.has(EpollCreateFlags::CLOEXEC))
}

/// epoll_ctl(2)
pub fn epoll_ctl(cx: &mut Cx, set: Fd, op: u32, fd: Fd, event: UserIn<EpollEvent>) -> Result<()> {
    let mut asked = EpollEvent { events: EpollEvents::EMPTY, data: 0 };
    if op != EPOLL_CTL_DEL {
        asked = event.read(cx.space())?;
    }
    let (own, file) = (cx.usable_file(set)?, cx.usable_file(fd)?);
    if !file.ops().can_poll() {
        return Err(EPERM);
    }
    if !cx.cred().capable(CAP_BLOCK_SUSPEND) {
        asked.events = asked.events.without(EpollEvents::WAKEUP);
    }
    let set = own.ops_as::<Epoll>().filter(|_| !Arc::ptr_eq(&own, &file)).ok_or(EINVAL)?;
    let target = (fd, &file);
    match op {
        EPOLL_CTL_ADD => cx.with_caller(|c| set.add(&cx.kernel.epoll_nesting, c, target, asked)),
        EPOLL_CTL_DEL => set.remove(target),
        EPOLL_CTL_MOD => cx.with_caller(|c| set.modify(c, target, asked)),
        _ => Err(EINVAL),
    }
}

/// epoll_wait(2)
pub fn epoll_wait(cx: &mut Cx, set: Fd, out: u64, most: i32, timeout_ms: i32) -> Result<usize> {
    wait(cx, set, out, most, after_ms(timeout_ms))
}

/// epoll_pwait(2)
pub fn epoll_pwait(
    cx: &mut Cx,
    set: Fd,
    out: u64,
    most: i32,
    timeout_ms: i32,
    mask: Option<UserIn<SigSet>>,
    mask_size: u64,
) -> Result<usize> {
    with_mask(cx, mask, mask_size, |cx| wait(cx, set, out, most, after_ms(timeout_ms)))
}

/// epoll_pwait2(2)
pub fn epoll_pwait2(
    cx: &mut Cx,
    set: Fd,
    out: u64,
    most: i32,
    timeout: Option<UserIn<Timespec>>,
    mask: Option<UserIn<SigSet>>,
    mask_size: u64,
) -> Result<usize> {
    let until = match timeout {
        None => None,
        Some(timeout) => {
            let after = time::nanoseconds(timeout.read(cx.space())?).ok_or(EINVAL)?;
            Some(time::mono_ns().saturating_add(after))
        }
    };
    with_mask(cx, mask, mask_size, |cx| wait(cx, set, out, most, until))
}

/// When a timeout in milliseconds ends; a negative one never does.
fn after_ms(timeout: i32) -> Option<u64> {
    let ms = u64::try_from(timeout).ok()?;
    Some(time::mono_ns().saturating_add(ms * 1_000_000))
}

fn wait(cx: &Cx, set: Fd, out: u64, most: i32, until: Option<u64>) -> Result<usize> {
    const SIZE: usize = <EpollEvent as abi::Wire>::SIZE;
    let most =
        usize::try_from(most).ok().filter(|most| (1..=i32::MAX as usize / SIZE).contains(most));
    let most = most.ok_or(EINVAL)?;
    let end = out.checked_add((most * SIZE) as u64);
    if end.is_none_or(|end| end > hal::user::USER_END) {
        return Err(EFAULT);
    }
    let own = cx.usable_file(set)?;
    let set = own.ops_as::<Epoll>().ok_or(EINVAL)?;
    let space = cx.space();
    cx.with_caller(|c| {
        set.wait(c, most, until, |n, event| {
            UserOut::<EpollEvent>::new(out + (n * SIZE) as u64).write(space, event)
        })
    })
}
