//! The end of threads and processes (`kernel/exit.c`).

use core::sync::atomic::Ordering::{Relaxed, Release};

use abi::poll::PollEvents;
use abi::process::FUTEX_BITSET_MATCH_ANY;
use abi::signal::{CLD_EXITED, CLD_KILLED, NSIG, SI_USER, SIGCHLD, SIGCONT, SIGHUP, Siginfo};

use super::{
    Cx, Pid, Process, Thread,
    family::Family,
    futex,
    object::{Remains, Usage},
    robust,
};
use crate::{mm::user::UserOut, sched::work, signal::Pending, tty::JobControl};
use alloc::{sync::Arc, vec::Vec};

/// The thread ends. Everything whose release may sleep is released here; the CPU loop only frees
/// the stack.
pub fn finish(cx: Cx) {
    let process = cx.process().clone();
    stop_taking(&cx);
    release_memory(&cx);
    let used = cx.thread.used();
    let most = cx.parts.space.most_pages();
    if cx.thread.is_leader() {
        let (task, cred) = (cx.task.clone(), cx.parts.cred.clone());
        let comm = cx.thread.comm.lock().clone();
        *process.remains.lock() = Some(Remains { task, comm, cred });
    }
    // The own handles go with `cx`; whoever looked at the thread finds nothing any more.
    let parts = cx.thread.parts.lock().take();
    let thread = cx.thread.clone();
    drop(parts);
    drop(cx);
    if let Some(vfork) = &thread.vfork {
        vfork.finish();
    }
    {
        let mut usage = process.usage.lock();
        usage[0].add(&used);
        usage[0].max_rss = usage[0].max_rss.max(most);
    }
    // Only who has let go of everything is gone: nobody learns of the end of a process while one
    // of its threads still has a file open.
    let status = leave(&process, &thread);
    if !thread.is_leader() {
        thread.leave_user();
    }
    if let Some(status) = status {
        end_process(&process, status);
    }
}

/// The thread takes no more signals (`exit_signals`): others take those of the process, and a stop
/// does not wait for it. What the last one said to exit(2) is the process's wait status; that of
/// init ends the kernel.
fn stop_taking(cx: &Cx) {
    let process = cx.process();
    let stopped = {
        let mut group = process.signals.lock();
        cx.thread.signals.lock().exiting = true;
        if group.living().next().is_none() {
            let status = *group.exit.get_or_insert(cx.ended.unwrap_or(0));
            if process.pid == Pid::INIT {
                drop(group);
                hal::panic(format_args!("Attempted to kill init! exitcode=0x{status:08x}"));
            }
        }
        let pending = group.pending.set();
        group.retarget(pending);
        group.lies_down(&cx.thread)
    };
    if let Some(sig) = stopped {
        process.tell_stopped(sig);
    }
}

/// The thread leaves its process; its children are another thread's from now on. The wait status
/// of the process if it was the last.
fn leave(process: &Process, thread: &Thread) -> Option<i32> {
    let mut family = process.kernel.family.lock();
    let heir = process.signals.lock().living().next().map(|heir| heir.tid());
    if let Some(heir) = heir {
        disown(&family, process, thread.tid(), heir);
    }
    let mut group = process.signals.lock();
    group.threads.remove(thread);
    if !thread.is_leader() {
        family.remove_thread(thread.tid());
    }
    let last = group.threads.is_empty();
    let status = group.exit.unwrap_or(0);
    let awaited = group.exec.is_some();
    drop(group);
    drop(family);
    if awaited {
        process.alone.wake_all();
    }
    last.then_some(status)
}

/// The children that `thread` has made are `heir`'s (`forget_original_parent` with a living
/// thread). Those that asked for it are told that who made them ended.
fn disown(family: &Family<Arc<Process>>, process: &Process, thread: Pid, heir: Pid) {
    for child in family.children(process.pid) {
        if child.maker.load(Relaxed) == thread.0 {
            child.maker.store(heir.0, Relaxed);
            tell_death(child, process);
        }
    }
}

/// `PR_SET_PDEATHSIG`
fn tell_death(child: &Process, parent: &Process) {
    let signal = child.thread().map_or(0, |t| t.traits.death_signal.load(Relaxed));
    if signal != 0 {
        child.send_in_family(&Siginfo::kill(signal, SI_USER, parent.pid.0, parent.uid().0));
    }
}

/// The thread leaves its memory (`mm_release`): those who wait for locks it holds, and for its end
/// (`CLONE_CHILD_CLEARTID`), are told.
pub(super) fn release_memory(cx: &Cx) {
    robust::release(cx);
    let at = cx.thread.clear_child_tid.swap(0, Relaxed);
    if at != 0 && Arc::strong_count(&cx.parts.space) > 2 {
        // A bad address is the program's own loss.
        let _ = UserOut::<i32>::new(at).write(&cx.parts.space, &0);
        let _ = futex::wake(cx, at, false, 1, FUTEX_BITSET_MATCH_ANY);
    }
}

/// The last thread is gone: the process becomes a zombie, its family is told.
fn end_process(process: &Arc<Process>, status: i32) {
    process.set_alarm(0, 0);
    leave_terminal(process);
    let mut family = process.kernel.family.lock();
    let ended = family.end(process.pid, status);
    process.ended.store(true, Release);
    for (child, parent, zombie) in &ended.adopted {
        child.ppid.store(parent.pid.0, Relaxed);
        child.maker.store(parent.pid.0, Relaxed);
        tell_death(child, process);
        if *zombie {
            notify(&mut family, child, parent);
        }
    }
    if let Some(parent) = &ended.parent {
        notify(&mut family, process, parent);
    }
    drop(family);
    process.ending.wake((PollEvents::IN | PollEvents::RDNORM).bits().into(), 1);
    for group in &ended.orphaned {
        wake_orphans(process, *group);
    }
}

/// The leader of a session leaves its terminal to nobody.
fn leave_terminal(process: &Process) {
    let terminal = process.terminal.lock().take();
    let session = process.kernel.family.lock().place(process.pid).map(|place| place.2);
    if session != Some(process.pid) {
        return;
    }
    if let Some(terminal) = terminal {
        terminal.leader_exits(process.pid.0);
        return;
    }
    let lost = process.lost_foreground.load(Relaxed);
    if lost != 0 {
        process.kernel.signal_group(lost, SIGHUP);
        process.kernel.signal_group(lost, SIGCONT);
    }
}

/// Tells `parent` that `child` ended (`do_notify_parent`). A parent that ignores SIGCHLD never
/// sees the zombie. All under the lock under which wait(2) looks: whoever has learnt of the end
/// has got the signal, too.
fn notify(family: &mut Family<Arc<Process>>, child: &Arc<Process>, parent: &Process) {
    let actions = parent.thread().and_then(|thread| thread.actions());
    let sig = child.exit_signal.load(Relaxed);
    let (reaps, silent) = match &actions {
        Some(actions) if sig == SIGCHLD => {
            let actions = actions.lock();
            (actions.reaps_itself(), actions.ignores_children())
        }
        _ => (false, false),
    };
    if (1..=NSIG).contains(&sig) && !silent {
        let status = family.status(child.pid).unwrap_or(0);
        let (code, value) = match status & 0x7f {
            0 => (CLD_EXITED, status >> 8 & 0xff),
            sig => (CLD_KILLED, sig),
        };
        let mut info = child.child_info(code, value);
        info.si_signo = sig as i32;
        parent.send_in_family(&info);
    }
    if reaps {
        // The caller still has a handle: nothing big is dropped under the lock.
        let _ = family.reap(child.pid);
        child.reaped.store(true, Relaxed);
    }
    parent.children.wake_all();
}

/// A group that nobody can restart any more, with stopped members, gets SIGHUP and SIGCONT.
fn wake_orphans(of: &Process, group: Pid) {
    let members: Vec<Arc<Process>> = of.kernel.family.lock().members(group).cloned().collect();
    if members.iter().any(|member| member.signals.lock().stopped.is_some()) {
        for member in &members {
            member.send(&Pending::kernel_info(SIGHUP));
            member.send(&Pending::kernel_info(SIGCONT));
        }
    }
}

/// A zombie was waited for: its usage goes to the parent, its number is free again.
pub(super) fn reap(parent: &Process, child: Pid) -> Option<Usage> {
    let gone = parent.kernel.family.lock().reap(child)?;
    gone.reaped.store(true, Relaxed);
    let [own, children] = *gone.usage.lock();
    let mut sum = own;
    sum.add(&children);
    parent.usage.lock()[1].add(&sum);
    Some(own)
}

/// exit(2): the thread ends, on its way back to user mode.
pub fn exit(cx: &mut Cx, code: i32) {
    cx.ended = Some(abi::process::wait_exited(code as u8));
    cx.task.set_work(work::SIGNAL);
}

/// exit_group(2)
pub fn exit_group(cx: &Cx, code: i32) {
    cx.process().kill_group(abi::process::wait_exited(code as u8));
}
