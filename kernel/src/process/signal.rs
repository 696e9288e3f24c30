//! Sending signals (`kernel/signal.c`): to threads, processes and groups, with the rules of
//! kill(2) and signal(7) about who may, what is thrown away, and whom it wakes.

use alloc::{sync::Arc, vec::Vec};

use abi::{
    errno::{EAGAIN, EINVAL, EPERM, ESRCH, Result},
    poll::PollEvents,
    process::{CAP_KILL, RLIMIT_SIGPENDING},
    signal::{
        CLD_CONTINUED, CLD_STOPPED, DefaultAction, SI_USER, SIG_DFL, SIGCHLD, SIGCONT, SIGKILL,
        SIGSTOP, SaFlags, SigAction, SigSet, Siginfo, default_action,
    },
};

use super::{
    Cx, Pid, Process, Thread,
    family::{Family, News},
    object::GroupSignals,
};
use crate::{
    lock::SpinGuard,
    sched::{Wake, work},
    signal::Queued,
};

impl Thread {
    /// Sends this very thread a signal (tgkill(2), or from the kernel).
    pub fn send(&self, info: &Siginfo) -> Queued {
        let group = self.process.signals.lock();
        self.process.send_to(group, info, Some(self))
    }

    /// A fault of the thread's own making: the signal cannot be blocked or ignored
    /// (`force_sig_info`). Without a handler it ends even init.
    pub fn force(&self, info: &Siginfo) {
        let sig = info.sig();
        let was_blocked = self.signals.lock().mask.has(sig);
        if let Some(actions) = self.actions() {
            let mut actions = actions.lock();
            let action = actions.get(sig);
            let ignored = action.sa_handler == abi::signal::SIG_IGN;
            if was_blocked || ignored {
                actions.set(sig, SigAction { sa_handler: SIG_DFL, ..action });
            }
            if was_blocked || ignored || action.sa_handler == SIG_DFL {
                self.process.unkillable.store(false, core::sync::atomic::Ordering::Relaxed);
            }
        }
        let mut own = self.signals.lock();
        own.mask.remove(sig);
        own.pending.push(info, true);
        drop(own);
        self.poke(Wake::Signal);
    }

    /// Its process's limits have changed: it takes its own copy anew.
    pub fn reread_limits(&self) {
        if let Some(task) = self.task() {
            task.post(work::LIMITS, Wake::Event);
        }
    }

    /// Makes the thread look at its signals.
    pub(super) fn poke(&self, why: Wake) {
        if let Some(task) = self.task() {
            let bits = if why == Wake::Kill { work::SIGNAL | work::KILL } else { work::SIGNAL };
            task.post(bits, why);
        }
    }

    /// Does it take `sig` now? A thread that is blocked in sigtimedwait(2) for it does, too.
    fn takes(&self, sig: u32) -> bool {
        let own = self.signals.lock();
        !own.exiting && (!own.mask.has(sig) || own.waiting_for.has(sig))
    }
}

impl Process {
    /// Sends the process a signal.
    pub fn send(&self, info: &Siginfo) -> Queued {
        self.send_to(self.signals.lock(), info, None)
    }

    /// The same with the family locked. A stopped process that SIGCONT lets go on has news for
    /// its parent then, which cannot be told here; only an exit signal chosen so can do this.
    pub fn send_in_family(&self, info: &Siginfo) {
        self.queue(&mut self.signals.lock(), info, None);
    }

    fn send_to(
        &self,
        mut group: SpinGuard<'_, GroupSignals, crate::lock::order::Signals>,
        info: &Siginfo,
        thread: Option<&Thread>,
    ) -> Queued {
        let (queued, resumed) = self.queue(&mut group, info, thread);
        drop(group);
        if resumed {
            self.tell_parent(News::Continued, CLD_CONTINUED, SIGCONT as i32);
        }
        queued
    }

    /// Queues a signal and wakes who takes it. Also says whether the process goes on after a stop.
    fn queue(
        &self,
        group: &mut GroupSignals,
        info: &Siginfo,
        thread: Option<&Thread>,
    ) -> (Queued, bool) {
        let sig = info.sig();
        let leader = group.threads.iter().next();
        // Ending already, or gone: nothing changes that.
        let Some(leader) = leader.filter(|_| group.exit.is_none()) else {
            return (Queued::Already, false);
        };
        let mut resumed = false;
        if sig == SIGCONT {
            group.flush(SigSet::STOPPING);
            group.stopping = false;
            resumed = group.stopped.take().is_some();
            group.to_stop = 0;
        } else if SigSet::STOPPING.has(sig) {
            group.flush(SigSet::of(&[SIGCONT]));
        }
        let target = thread.unwrap_or(&leader);
        let queued = if self.throws_away(target, sig) {
            Queued::Already
        } else if sig == SIGKILL {
            group.exit = Some(abi::process::wait_signaled(SIGKILL, false));
            group.threads.iter().for_each(|thread| thread.poke(Wake::Kill));
            Queued::Yes
        } else {
            let limit = self.limits.lock().get(RLIMIT_SIGPENDING);
            let room = (group.pending.len() as u64) < limit;
            let queued = match thread {
                Some(thread) => thread.signals.lock().pending.push(info, room),
                None => group.pending.push(info, room),
            };
            if matches!(queued, Queued::Yes | Queued::WithoutInfo) {
                self.signalled.wake(PollEvents::IN.bits().into(), 1);
                match thread {
                    Some(thread) if thread.takes(sig) => thread.poke(Wake::Signal),
                    Some(_) => {}
                    None => {
                        if let Some(taker) = group.living().find(|thread| thread.takes(sig)) {
                            taker.poke(Wake::Signal);
                        }
                    }
                }
            }
            queued
        };
        if resumed {
            group.threads.iter().for_each(|thread| thread.poke(Wake::Continue));
        }
        (queued, resumed)
    }

    /// Is `sig` thrown away at once (`sig_ignored`)? Not when it is blocked: the action may change
    /// before it is not.
    fn throws_away(&self, target: &Thread, sig: u32) -> bool {
        if sig != SIGKILL && sig != SIGSTOP && target.signals.lock().mask.has(sig) {
            return false;
        }
        let Some(actions) = target.actions() else { return false };
        let actions = actions.lock();
        let unkillable = self.unkillable.load(core::sync::atomic::Ordering::Relaxed);
        actions.ignored(sig) || unkillable && actions.get(sig).sa_handler == SIG_DFL
    }

    /// The whole process ends with wait status `status`, unless it does already.
    pub fn kill_group(&self, status: i32) {
        let mut group = self.signals.lock();
        if group.exit.is_none() {
            group.exit = Some(status);
        }
        for thread in group.threads.iter() {
            thread.poke(Wake::Kill);
        }
    }

    /// Stops the process by `sig`, which a thread has just taken, unless SIGCONT came after it; the
    /// threads lie down in [`super::deliver`].
    pub fn stop(&self, sig: u32) {
        let mut group = self.signals.lock();
        let called_off = !core::mem::take(&mut group.stopping);
        if called_off || group.exit.is_some() || group.stopped.is_some() {
            return;
        }
        group.stopped = Some(sig);
        group.stops += 1;
        group.to_stop = group.living().count();
        for thread in group.living() {
            thread.poke(Wake::Signal);
        }
    }

    /// The last thread has lain down for signal `sig`: the parent is told.
    pub(super) fn tell_stopped(&self, sig: u32) {
        self.tell_parent(News::Stopped(sig), CLD_STOPPED, sig as i32);
    }

    /// Tells the parent that the process stopped or went on, with SIGCHLD unless it does not want
    /// to know (`SA_NOCLDSTOP`).
    fn tell_parent(&self, news: News, code: i32, status: i32) {
        let parent = {
            let mut family = self.kernel.family.lock();
            // Whoever has changed it since tells that: news are told in the order of the changes.
            let stopped = self.signals.lock().stopped.is_some();
            if stopped != matches!(news, News::Stopped(_)) {
                return;
            }
            family.untell(self.pid);
            family.tell(self.pid, news)
        };
        let Some(parent) = parent else { return };
        let wanted = parent.thread().and_then(|t| t.actions()).is_some_and(|actions| {
            let action = actions.lock().get(SIGCHLD);
            !action.sa_flags.has(SaFlags::NOCLDSTOP)
        });
        if wanted {
            parent.send(&self.child_info(code, status));
        }
        parent.children.wake_all();
    }

    /// The siginfo of a SIGCHLD about this process.
    pub fn child_info(&self, code: i32, status: i32) -> Siginfo {
        let used = self.used();
        let ticks = |ns: u64| (ns / (1_000_000_000 / abi::time::USER_HZ)) as i64;
        let uid = self.uid().0;
        Siginfo::chld(code, self.pid.0, uid, status, ticks(used.user_ns), ticks(used.system_ns))
    }
}

impl GroupSignals {
    /// The threads that are not about to end; the leader first.
    pub fn living(&self) -> impl Iterator<Item = Arc<Thread>> {
        self.threads.iter().filter(|thread| !thread.signals.lock().exiting)
    }

    /// Notes a signal to many processes for the children that are in the making.
    fn delay(&mut self, sig: u32) {
        for (_, delayed) in &mut self.forking {
            let off = match sig {
                SIGCONT => SigSet::STOPPING,
                _ if SigSet::STOPPING.has(sig) => SigSet::of(&[SIGCONT]),
                _ => SigSet::EMPTY,
            };
            *delayed = SigSet(delayed.bits() & !off.bits());
            delayed.insert(sig);
        }
    }

    /// Forgets pending signals of the process and its threads.
    pub fn flush(&mut self, which: SigSet) {
        self.pending.flush(which);
        self.threads.iter().for_each(|thread| thread.signals.lock().pending.flush(which));
    }

    /// Must thread `tid` end: with all others, or because another executes a program?
    pub fn ends(&self, tid: Pid) -> bool {
        self.exit.is_some() || self.exec.is_some_and(|exec| exec != tid)
    }

    /// A thread that was to take `signals` of the process does not any more: others do
    /// (`retarget_shared_pending`).
    pub fn retarget(&self, signals: SigSet) {
        for sig in SigSet(signals.bits() & self.pending.set().bits()).iter() {
            if let Some(taker) = self.living().find(|thread| thread.takes(sig)) {
                taker.poke(Wake::Signal);
            }
        }
    }

    /// `thread` lies down for the present stop, if there is one, or ends before it could. The
    /// stop's signal if it was the last to do so: the parent is to be told.
    pub fn lies_down(&mut self, thread: &Thread) -> Option<u32> {
        let stop = core::mem::replace(&mut thread.signals.lock().stop, self.stops);
        if stop == self.stops || self.to_stop == 0 {
            return None;
        }
        self.to_stop -= 1;
        self.stopped.filter(|_| self.to_stop == 0)
    }
}

/// What is to be sent: `None` for signal 0, which only asks whether it could be; `EINVAL` for no
/// signal at all, which is found out only when there is somebody to send it to.
pub type Message = Result<Option<Siginfo>>;

/// May the caller send `sig` to `target` (`check_kill_permission`)?
///
/// `session` tells a process's session, with the family locked or not.
fn permitted(
    cx: &Cx,
    target: &Process,
    sig: u32,
    session: impl Fn(Pid) -> Option<Pid>,
) -> Result<()> {
    let cred = cx.cred();
    let theirs =
        target.thread().and_then(|t| t.parts.lock().as_ref().map(|parts| parts.cred.clone()));
    // A zombie has only its real id left.
    let ids = theirs.map_or([target.uid(); 2], |theirs| [theirs.suid, theirs.uid]);
    if cred.capable(CAP_KILL) || ids.contains(&cred.euid) || ids.contains(&cred.uid) {
        return Ok(());
    }
    if sig == SIGCONT && session(cx.process().pid) == session(target.pid) {
        return Ok(());
    }
    Err(EPERM)
}

fn session_of(cx: &Cx, pid: Pid) -> Option<Pid> {
    cx.kernel.family.lock().place(pid).map(|(_, _, session)| session)
}

/// Checks, then sends.
pub fn send_with(cx: &Cx, target: &Process, message: &Message) -> Result<()> {
    let info = message.as_ref().map_err(|why| *why)?;
    permitted(cx, target, info.as_ref().map_or(0, Siginfo::sig), |pid| session_of(cx, pid))?;
    match info {
        Some(info) if target.send(info) == Queued::Full => Err(EAGAIN),
        _ => Ok(()),
    }
}

/// The message of kill(2) and its kin.
fn user_message(cx: &Cx, sig: i32, code: i32) -> Message {
    match u32::try_from(sig) {
        Ok(0) => Ok(None),
        Ok(sig @ 1..=abi::signal::NSIG) => {
            Ok(Some(Siginfo::kill(sig, code, cx.process().pid.0, cx.cred().uid.0)))
        }
        _ => Err(EINVAL),
    }
}

/// kill(2)
pub fn kill(cx: &Cx, pid: i32, sig: i32) -> Result<()> {
    let mut resumed = Vec::new();
    let result = kill_locked(cx, pid, sig, &mut resumed);
    for process in resumed {
        process.tell_parent(News::Continued, CLD_CONTINUED, SIGCONT as i32);
    }
    result
}

fn kill_locked(cx: &Cx, pid: i32, sig: i32, resumed: &mut Vec<Arc<Process>>) -> Result<()> {
    let message = &user_message(cx, sig, SI_USER);
    match pid {
        // The one number whose negative is no group.
        i32::MIN => Err(ESRCH),
        -1 => {
            let family = cx.kernel.family.lock();
            let own = cx.process().pid;
            let others = family.iter().filter(|(pid, _)| *pid != Pid::INIT && *pid != own);
            send_to_all(cx, &family, others.map(|(_, process)| process), message, true, resumed)
        }
        0 | ..-1 => {
            let family = cx.kernel.family.lock();
            let own = family.place(cx.process().pid).map_or(Pid::NONE, |place| place.1);
            let group = if pid == 0 { own } else { Pid(-pid) };
            send_to_all(cx, &family, family.members(group), message, false, resumed)
        }
        _ => {
            let target = find(cx, Pid(pid)).ok_or(ESRCH)?;
            send_with(cx, &target, message)
        }
    }
}

/// Sends to many under the family's lock, so that no fork escapes: a child is there to be sent to,
/// or its parent has the signal before the child is (see [`super::clone`]).
///
/// Success if one could be sent to; else why the last could not (`EPERM` counts only where it is
/// about a named group). Those that go on after a stop are put among `resumed`.
fn send_to_all<'a>(
    cx: &Cx,
    family: &Family<Arc<Process>>,
    targets: impl Iterator<Item = &'a Arc<Process>>,
    message: &Message,
    everybody: bool,
    resumed: &mut Vec<Arc<Process>>,
) -> Result<()> {
    let session = |pid| family.place(pid).map(|(_, _, session)| session);
    let mut result = Err(ESRCH);
    let mut nobody = true;
    for target in targets {
        nobody = false;
        let sent = message.as_ref().map_err(|why| *why).and_then(|info| {
            permitted(cx, target, info.as_ref().map_or(0, Siginfo::sig), session)?;
            let Some(info) = info else { return Ok(()) };
            let (queued, goes_on) = {
                let mut group = target.signals.lock();
                group.delay(info.sig());
                target.queue(&mut group, info, None)
            };
            // Without memory its parent is not told; it goes on all the same.
            if goes_on && resumed.try_reserve(1).is_ok() {
                resumed.push(target.clone());
            }
            if queued == Queued::Full { Err(EAGAIN) } else { Ok(()) }
        });
        match sent {
            Ok(()) => result = Ok(()),
            Err(why) if result.is_err() && !(everybody && why == EPERM) => result = Err(why),
            Err(_) => {}
        }
    }
    // kill(-1) by somebody who may kill nobody has done what it could.
    if everybody && !nobody && result == Err(ESRCH) { Ok(()) } else { result }
}

/// The process `pid`, also by the number of one of its threads.
pub fn find(cx: &Cx, pid: Pid) -> Option<Arc<Process>> {
    cx.kernel.family.lock().get(pid).cloned()
}

/// tkill(2) (`tgid` `None`) and tgkill(2)
pub fn kill_thread(cx: &Cx, tgid: Option<i32>, tid: i32, sig: i32) -> Result<()> {
    if tid <= 0 || tgid.is_some_and(|tgid| tgid <= 0) {
        return Err(EINVAL);
    }
    let process = find(cx, Pid(tid)).ok_or(ESRCH)?;
    if tgid.is_some_and(|tgid| process.pid != Pid(tgid)) {
        return Err(ESRCH);
    }
    let info = user_message(cx, sig, abi::signal::SI_TKILL)?;
    permitted(cx, &process, sig as u32, |pid| session_of(cx, pid))?;
    // A zombie can be sent anything; it has no thread to take it.
    let thread = process.thread_of(Pid(tid));
    match (info, thread) {
        (Some(info), Some(thread)) if thread.send(&info) == Queued::Full => Err(EAGAIN),
        _ => Ok(()),
    }
}

/// rt_tgsigqueueinfo(2), whose `info` the caller may send.
pub fn queue_thread(cx: &Cx, tgid: i32, tid: i32, sig: i32, info: Siginfo) -> Result<()> {
    let process = find(cx, Pid(tid)).filter(|process| process.pid == Pid(tgid)).ok_or(ESRCH)?;
    let sig = u32::try_from(sig).ok().filter(|sig| *sig <= abi::signal::NSIG).ok_or(EINVAL)?;
    permitted(cx, &process, sig, |pid| session_of(cx, pid))?;
    match process.thread_of(Pid(tid)) {
        Some(thread) if sig != 0 && thread.send(&info) == Queued::Full => Err(EAGAIN),
        _ => Ok(()),
    }
}

/// Is the default action of `sig` to stop only where job control can restart it?
pub fn stops_unless_orphaned(sig: u32) -> bool {
    sig != SIGSTOP && default_action(sig) == DefaultAction::Stop
}
