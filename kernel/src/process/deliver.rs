//! Delivering signals on the way to user mode (`arch_do_signal_or_restart`, `get_signal`), and the
//! restart of interrupted system calls. The only place where a signal takes effect.

use abi::{
    errno::{EINTR, ERESTART_RESTARTBLOCK, ERESTARTNOHAND, ERESTARTNOINTR, ERESTARTSYS},
    nr,
    process::wait_signaled,
    signal::{SIG_DFL, SIGSEGV, SaFlags, SigAction, SigSet, Siginfo},
};

use super::{Cx, frame, signal};
use crate::{
    sched::{Sleep, work},
    signal::Disposition,
};

/// Takes what is pending. `false`: the thread ends now.
pub fn deliver(cx: &mut Cx) -> bool {
    loop {
        cx.task.clear_work(work::SIGNAL);
        if cx.ended.is_some() || cx.must_end() {
            return false;
        }
        if lie_down_if_stopped(cx) {
            continue;
        }
        let Some(info) = take(cx) else { break };
        let sig = info.sig();
        let action = cx.actions.lock().get(sig);
        let disposition = cx.actions.lock().disposition(sig);
        let shielded = cx.process().unkillable.load(core::sync::atomic::Ordering::Relaxed);
        match disposition {
            Disposition::Ignore => {}
            Disposition::Handle => handle(cx, &info, action),
            // Init sees only what it asked for.
            _ if shielded => {}
            Disposition::Stop => {
                if !(signal::stops_unless_orphaned(sig) && in_orphaned_group(cx)) {
                    cx.process().stop(sig);
                }
            }
            Disposition::Terminate(core) => {
                report(cx, &info, core);
                cx.process().kill_group(wait_signaled(sig, false));
                return false;
            }
        }
    }
    restart(cx);
    if let Some(mask) = cx.saved_mask.take() {
        cx.set_mask(mask);
    }
    true
}

impl Cx {
    /// Changes the mask of blocked signals; those that it lets through now will be looked at.
    pub fn set_mask(&self, mask: SigSet) {
        let mask = SigSet(mask.bits() & !SigSet::UNBLOCKABLE.bits());
        let group = self.process().signals.lock();
        let old = core::mem::replace(&mut self.thread.signals.lock().mask, mask);
        // What it would have taken is for others to take.
        group.retarget(SigSet(mask.bits() & !old.bits()));
        drop(group);
        self.recalculate();
    }

    /// Must it end: with its process, or because another thread executes a program?
    pub fn must_end(&self) -> bool {
        self.process().signals.lock().ends(self.thread.tid())
    }

    /// Notes whether something deliverable is pending (`recalc_sigpending`).
    pub fn recalculate(&self) {
        if !self.deliverable().is_empty() {
            self.task.set_work(work::SIGNAL);
        }
    }

    /// Will a pending signal end the process?
    pub fn is_ending(&self) -> bool {
        let pending = self.deliverable();
        let actions = self.actions.lock();
        let ends = |sig| matches!(actions.disposition(sig), Disposition::Terminate(_));
        pending.iter().any(ends)
    }

    /// The pending signals that are not blocked.
    pub fn deliverable(&self) -> SigSet {
        let group = self.process().signals.lock().pending.set();
        let own = self.thread.signals.lock();
        SigSet((group.bits() | own.pending.set().bits()) & !own.mask.bits())
    }
}

/// The next signal that is not blocked: the thread's own before the process's, faults before all.
fn take(cx: &Cx) -> Option<Siginfo> {
    let mut group = cx.process().signals.lock();
    let mut own = cx.thread.signals.lock();
    let open = SigSet(!own.mask.bits());
    let info = own.pending.take(open).or_else(|| group.pending.take(open))?;
    group.stopping |= SigSet::STOPPING.has(info.sig());
    Some(info)
}

/// Sleeps while the process is stopped. `true`: it was.
fn lie_down_if_stopped(cx: &Cx) -> bool {
    let still = || {
        let group = cx.process().signals.lock();
        group.stopped.is_some() && !group.ends(cx.thread.tid())
    };
    let mut was = false;
    while still() {
        was = true;
        let last = cx.process().signals.lock().lies_down(&cx.thread);
        if let Some(sig) = last {
            cx.process().tell_stopped(sig);
        }
        cx.task.park(Sleep::Stopped, || !still());
    }
    was
}

fn in_orphaned_group(cx: &Cx) -> bool {
    let family = cx.kernel.family.lock();
    family.place(cx.process().pid).is_some_and(|(_, group, _)| family.is_orphaned(group))
}

/// Runs a handler: the interrupted context goes to the user stack, the handler is next.
fn handle(cx: &mut Cx, info: &Siginfo, action: SigAction) {
    let sig = info.sig();
    if action.sa_flags.has(SaFlags::RESETHAND) {
        let gone = SigAction { sa_handler: SIG_DFL, ..action };
        cx.actions.lock().set(sig, gone);
    }
    match cx.restart.take() {
        Some(ERESTARTNOINTR) => rewind(cx, cx.nr),
        Some(ERESTARTSYS) if action.sa_flags.has(SaFlags::RESTART) => rewind(cx, cx.nr),
        Some(_) => cx.regs.rax = EINTR.as_neg() as u64,
        None => {}
    }
    let mask = cx.thread.signals.lock().mask;
    let saved = cx.saved_mask.take().unwrap_or(mask);
    if frame::push(cx, info, &action, saved).is_err() {
        // No room for the frame: SIGSEGV, which cannot be handled on this stack if it is the one
        // that failed (`signal_setup_done`, `force_sigsegv`).
        if sig == SIGSEGV {
            let action = cx.actions.lock().get(SIGSEGV);
            cx.actions.lock().set(SIGSEGV, SigAction { sa_handler: SIG_DFL, ..action });
        }
        cx.thread.force(&crate::signal::Pending::kernel_info(SIGSEGV));
        return;
    }
    let mut during = SigSet(mask.bits() | action.sa_mask.bits());
    if !action.sa_flags.has(SaFlags::NODEFER) {
        during.insert(sig);
    }
    cx.set_mask(during);
}

/// No handler runs: an interrupted call is made again.
fn restart(cx: &mut Cx) {
    match cx.restart.take() {
        Some(ERESTARTSYS | ERESTARTNOINTR | ERESTARTNOHAND) => rewind(cx, cx.nr),
        Some(ERESTART_RESTARTBLOCK) => rewind(cx, nr::restart_syscall as u64),
        _ => {}
    }
}

/// Back to the `syscall` instruction, two bytes long.
fn rewind(cx: &mut Cx, nr: u64) {
    cx.regs.rax = nr;
    let ip = cx.regs.rip().wrapping_sub(2);
    // The instruction was executed there: the address is canonical.
    let _ = cx.regs.set_rip(ip);
}

/// Linux's line about a program that a fault has ended (`show_unhandled_signals`).
fn report(cx: &Cx, info: &Siginfo, core: bool) {
    let fault = SigSet::SYNCHRONOUS.has(info.sig()) && info.si_code > 0;
    if !core || !fault || info.sig() != SIGSEGV || cx.trap.vector != 14 {
        return;
    }
    let comm = cx.thread.comm.lock().clone();
    crate::printk!(
        INFO,
        "{}[{}]: segfault at {:x} ip {:016x} sp {:016x} error {:x}",
        comm.escape_ascii(),
        cx.thread.tid().0,
        cx.trap.addr,
        cx.regs.rip(),
        cx.regs.rsp(),
        cx.trap.error
    );
}
