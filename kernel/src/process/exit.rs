//! The end of threads and processes (`kernel/exit.c`).

use core::sync::atomic::Ordering::Relaxed;

use abi::signal::{CLD_EXITED, CLD_KILLED, NSIG, SI_USER, SIGCHLD, SIGCONT, SIGHUP, Siginfo};

use super::{
    Cx, Pid, Process,
    family::Family,
    object::{Remains, Usage},
};
use crate::{mm::user::UserOut, signal::Pending};
use alloc::{sync::Arc, vec::Vec};

/// The thread ends. Everything whose release may sleep is released here; the CPU loop only frees
/// the stack.
pub fn finish(cx: Cx) {
    let process = cx.process().clone();
    let used = cx.thread.used();
    let (status, last) = {
        let mut group = process.signals.lock();
        let own = Arc::as_ptr(&cx.thread);
        let last = group.threads.iter().all(|thread| thread.as_ptr() == own);
        let fatal = last && process.pid == Pid::INIT;
        if !fatal {
            group.threads.retain(|thread| thread.as_ptr() != own);
        }
        (group.exit.unwrap_or(0), last)
    };
    if last && process.pid == Pid::INIT {
        hal::panic(format_args!("Attempted to kill init! exitcode=0x{status:08x}"));
    }
    release_memory(&cx);
    let most = cx.parts.space.most_pages();
    {
        let mut usage = process.usage.lock();
        usage[0].add(&used);
        usage[0].max_rss = usage[0].max_rss.max(most);
    }
    if last {
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
    if last {
        end_process(&process, status);
    }
}

/// The thread leaves its memory (`mm_release`): `CLONE_CHILD_CLEARTID` tells those who share it.
pub(super) fn release_memory(cx: &Cx) {
    cx.thread.robust_list.store(0, Relaxed);
    let at = cx.thread.clear_child_tid.swap(0, Relaxed);
    if at != 0 && Arc::strong_count(&cx.parts.space) > 2 {
        // A bad address is the program's own loss.
        let _ = UserOut::<i32>::new(at).write(&cx.parts.space, &0);
    }
}

/// The last thread is gone: the process becomes a zombie, its family is told.
fn end_process(process: &Arc<Process>, status: i32) {
    process.set_alarm(0, 0);
    let terminal = process.terminal.lock().take();
    let leads = process.kernel.family.lock().place(process.pid).map(|place| place.2);
    if let Some(terminal) = terminal.filter(|_| leads == Some(process.pid)) {
        terminal.hang_up(true);
    }
    let mut family = process.kernel.family.lock();
    let ended = family.end(process.pid, status);
    for (child, parent, zombie) in &ended.adopted {
        child.ppid.store(parent.pid.0, Relaxed);
        let signal = child.thread().map_or(0, |t| t.traits.death_signal.load(Relaxed));
        if signal != 0 {
            child.send_in_family(&Siginfo::kill(signal, SI_USER, process.pid.0, process.uid().0));
        }
        if *zombie {
            notify(&mut family, child, parent);
        }
    }
    if let Some(parent) = &ended.parent {
        notify(&mut family, process, parent);
    }
    drop(family);
    for group in &ended.orphaned {
        wake_orphans(process, *group);
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
    let [own, children] = *gone.usage.lock();
    let mut sum = own;
    sum.add(&children);
    parent.usage.lock()[1].add(&sum);
    Some(own)
}

/// exit_group(2) and exit(2) of a single thread.
pub fn exit(cx: &Cx, code: i32) {
    cx.process().kill_group(abi::process::wait_exited(code as u8));
}
