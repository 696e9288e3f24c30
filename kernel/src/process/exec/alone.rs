//! Before a process takes up a new program, the thread that executes it must be its only one, and
//! bear its number (`de_thread`).

use abi::errno::{EAGAIN, Result};
use core::sync::atomic::Ordering::Relaxed;

use super::Cx;
use crate::{sched::Wake, wait::Pause};

/// Ends all other threads of the process and waits until they are gone. Another one that has begun
/// the same, or ends the process, wins: `EAGAIN`, which nobody will see.
pub fn become_only(cx: &Cx) -> Result<()> {
    let (process, own) = (cx.process(), cx.thread.tid());
    {
        let mut group = process.signals.lock();
        if group.ends(own) {
            return Err(EAGAIN);
        }
        if group.threads.len() == 1 && cx.thread.is_leader() {
            return Ok(());
        }
        group.exec = Some(own);
        for other in group.threads.iter().filter(|thread| thread.tid() != own) {
            other.poke(Wake::Kill);
        }
    }
    let only = || (process.signals.lock().threads.len() == 1).then_some(());
    process.alone.wait(Pause::KILLABLE, only).map_err(|_| EAGAIN)?;
    let mut family = cx.kernel.family.lock();
    for child in family.children(process.pid) {
        child.maker.store(process.pid.0, Relaxed);
    }
    let mut group = process.signals.lock();
    group.exec = None;
    let promoted = !cx.thread.is_leader();
    if promoted {
        family.remove_thread(own);
        group.threads.promote(&cx.thread);
        cx.thread.lead();
    }
    drop(group);
    drop(family);
    if promoted {
        cx.thread.leave_user();
        process.set_uid(cx.cred().uid);
    }
    Ok(())
}
