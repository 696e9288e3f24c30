//! System calls about signals.

use abi::{
    errno::{EAGAIN, EINTR, EINVAL, EPERM, ERESTARTNOHAND, ESRCH, Result},
    signal::{
        NSIG, SIG_BLOCK, SIG_SETMASK, SIG_UNBLOCK, SIGSEGV, SIGSET_SIZE, SaFlags, SigAction,
        SigSet, SigStack, Siginfo,
    },
    time::Timespec,
};

use crate::{
    mm::user::{UserIn, UserOut},
    process::{Cx, Pid, frame, signal},
    sched::Sleep,
    signal::Pending,
    time,
    wait::{Pause, Woken},
};

/// Every call with a signal set says how large it thinks that is.
fn sized(size: usize) -> Result<()> {
    if size == SIGSET_SIZE { Ok(()) } else { Err(EINVAL) }
}

/// rt_sigaction(2)
pub fn rt_sigaction(
    cx: &mut Cx,
    sig: i32,
    new: Option<UserIn<SigAction>>,
    old: Option<UserOut<SigAction>>,
    size: usize,
) -> Result<()> {
    sized(size)?;
    let new = new.map(|new| new.read(cx.space())).transpose()?;
    let sig = u32::try_from(sig).ok().filter(|sig| (1..=NSIG).contains(sig)).ok_or(EINVAL)?;
    if new.is_some() && SigSet::UNBLOCKABLE.has(sig) {
        return Err(EINVAL);
    }
    let before = cx.actions.lock().get(sig);
    if let Some(mut new) = new {
        // Bits that this kernel does not know are gone on the next look: so programs find out.
        new.sa_flags = SaFlags(new.sa_flags.bits() & SaFlags::KNOWN.bits())
            - SaFlags::UNSUPPORTED
            - SaFlags::EXPOSE_TAGBITS;
        set_action(cx, sig, new);
    }
    match old {
        Some(old) => old.write(cx.space(), &before),
        None => Ok(()),
    }
}

/// Sets an action; pending signals that it ignores are gone (POSIX, `do_sigaction`).
fn set_action(cx: &Cx, sig: u32, new: SigAction) {
    let ignored = {
        let mut actions = cx.actions.lock();
        actions.set(sig, new);
        actions.ignored(sig)
    };
    if ignored {
        cx.process().signals.lock().flush(SigSet::of(&[sig]));
    }
}

/// rt_sigprocmask(2)
pub fn rt_sigprocmask(
    cx: &mut Cx,
    how: u32,
    new: Option<UserIn<SigSet>>,
    old: Option<UserOut<SigSet>>,
    size: usize,
) -> Result<()> {
    sized(size)?;
    let before = cx.thread.signals.lock().mask;
    if let Some(new) = new {
        let new = new.read(cx.space())?;
        cx.set_mask(SigSet(match how {
            SIG_BLOCK => before.bits() | new.bits(),
            SIG_UNBLOCK => before.bits() & !new.bits(),
            SIG_SETMASK => new.bits(),
            _ => return Err(EINVAL),
        }));
    }
    match old {
        Some(old) => old.write(cx.space(), &before),
        None => Ok(()),
    }
}

/// rt_sigpending(2): a shorter set is allowed.
pub fn rt_sigpending(cx: &mut Cx, set: u64, size: usize) -> Result<()> {
    if size > SIGSET_SIZE {
        return Err(EINVAL);
    }
    let pending = {
        let group = cx.process().signals.lock();
        let own = cx.thread.signals.lock();
        (group.pending.set().bits() | own.pending.set().bits()) & own.mask.bits()
    };
    cx.space().copy_out(set, pending.to_ne_bytes().get(..size).ok_or(EINVAL)?)
}

/// rt_sigsuspend(2)
pub fn rt_sigsuspend(cx: &mut Cx, mask: UserIn<SigSet>, size: usize) -> Result<()> {
    sized(size)?;
    let mask = mask.read(cx.space())?;
    let before = cx.thread.signals.lock().mask;
    cx.set_mask(mask);
    cx.saved_mask = Some(before);
    pause(cx)
}

/// pause(2)
pub fn pause(cx: &mut Cx) -> Result<()> {
    let over = || !cx.deliverable().is_empty() || cx.must_end();
    while !over() {
        cx.task.park(Sleep::Interruptible, over);
    }
    Err(ERESTARTNOHAND)
}

/// rt_sigtimedwait(2)
pub fn rt_sigtimedwait(
    cx: &mut Cx,
    set: UserIn<SigSet>,
    info: Option<UserOut<Siginfo>>,
    timeout: Option<UserIn<Timespec>>,
    size: usize,
) -> Result<u32> {
    sized(size)?;
    let set = set.read(cx.space())?;
    let set = SigSet(set.bits() & !SigSet::UNBLOCKABLE.bits());
    let deadline = match timeout {
        Some(at) => {
            let ns = time::nanoseconds(at.read(cx.space())?).ok_or(EINVAL)?;
            Some(time::mono_ns().saturating_add(ns))
        }
        None => None,
    };
    let found = wait_for(cx, set, deadline)?;
    if let Some(at) = info {
        at.write(cx.space(), &found)?;
    }
    Ok(found.sig())
}

/// Takes a pending signal of `set`, or sleeps until one is sent.
fn wait_for(cx: &Cx, set: SigSet, deadline: Option<u64>) -> Result<Siginfo> {
    let take = || {
        let mut group = cx.process().signals.lock();
        let mut own = cx.thread.signals.lock();
        own.pending.take(set).or_else(|| group.pending.take(set))
    };
    cx.thread.signals.lock().waiting_for = set;
    let nothing = crate::wait::WaitQueue::new();
    let pause = Pause { how: Sleep::Interruptible, deadline };
    let found = nothing.wait(pause, take);
    cx.thread.signals.lock().waiting_for = SigSet::EMPTY;
    // A signal ends the wait: it is the one, or another.
    match found {
        Ok(info) => Ok(info),
        Err(why) => take().ok_or(if why == Woken::Deadline { EAGAIN } else { EINTR }),
    }
}

/// rt_sigreturn(2)
pub fn rt_sigreturn(cx: &mut Cx) -> Result<u64> {
    if frame::pop(cx).is_err() {
        cx.thread.force(&Pending::kernel_info(SIGSEGV));
        return Ok(0);
    }
    Ok(cx.regs.rax)
}

/// sigaltstack(2)
pub fn sigaltstack(
    cx: &mut Cx,
    new: Option<UserIn<SigStack>>,
    old: Option<UserOut<SigStack>>,
) -> Result<()> {
    let new = new.map(|new| new.read(cx.space())).transpose()?;
    let sp = cx.regs.rsp();
    let before = frame::alt_stack_report(&cx.alt_stack, sp);
    if let Some(new) = new {
        frame::set_alt_stack(cx, &new, sp)?;
    }
    match old {
        Some(old) => old.write(cx.space(), &before),
        None => Ok(()),
    }
}

/// kill(2)
pub fn kill(cx: &mut Cx, pid: i32, sig: i32) -> Result<()> {
    signal::kill(cx, pid, sig)
}

/// tkill(2)
pub fn tkill(cx: &mut Cx, tid: i32, sig: i32) -> Result<()> {
    signal::kill_thread(cx, None, tid, sig)
}

/// tgkill(2)
pub fn tgkill(cx: &mut Cx, tgid: i32, tid: i32, sig: i32) -> Result<()> {
    signal::kill_thread(cx, Some(tgid), tid, sig)
}

/// rt_sigqueueinfo(2)
pub fn rt_sigqueueinfo(cx: &mut Cx, pid: i32, sig: i32, info: UserIn<Siginfo>) -> Result<()> {
    let mut info = info.read(cx.space())?;
    info.si_signo = sig;
    // Only the kernel and kill(2) may say what these say, but to oneself anything goes.
    let forged = info.si_code >= 0 || info.si_code == abi::signal::SI_TKILL;
    if forged && pid != cx.process().pid.0 {
        return Err(EPERM);
    }
    let message = match sig {
        0 => Ok(None),
        _ if u32::try_from(sig).is_ok_and(|sig| sig <= NSIG) => Ok(Some(info)),
        _ => Err(EINVAL),
    };
    let target = signal::find(cx, Pid(pid)).ok_or(ESRCH)?;
    signal::send_with(cx, &target, &message)
}

/// rt_tgsigqueueinfo(2)
pub fn rt_tgsigqueueinfo(
    cx: &mut Cx,
    tgid: i32,
    tid: i32,
    sig: i32,
    info: UserIn<Siginfo>,
) -> Result<()> {
    let mut info = info.read(cx.space())?;
    info.si_signo = sig;
    if tid <= 0 || tgid <= 0 {
        return Err(EINVAL);
    }
    let forged = info.si_code >= 0 || info.si_code == abi::signal::SI_TKILL;
    if forged && tid != cx.thread.tid().0 {
        return Err(EPERM);
    }
    signal::queue_thread(cx, tgid, tid, sig, info)
}

/// alarm(2): whole seconds, rounded as Linux does: less than half a second left counts as none
/// only when there is none.
pub fn alarm(cx: &mut Cx, seconds: u32) -> Result<u32> {
    let (left, _) = cx.process().set_alarm(u64::from(seconds) * time::NSEC_PER_SEC, 0);
    let rounded = (left + time::NSEC_PER_SEC / 2) / time::NSEC_PER_SEC;
    Ok(if left == 0 { 0 } else { rounded.max(1) as u32 })
}
