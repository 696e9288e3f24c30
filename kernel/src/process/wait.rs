//! wait4(2) and waitid(2): news of children (`do_wait`).

use core::sync::atomic::Ordering::Relaxed;

use abi::{
    errno::{ERESTARTSYS, Result},
    process::{WaitKind, WaitOptions},
    signal::SIGCHLD,
};

use super::{
    Cx, Pid, Process, exit,
    family::{News, Wanted, Whose},
    object::Usage,
};
use crate::wait::Pause;

/// What a waiter learns.
#[derive(Clone, Copy, Debug)]
pub struct Report {
    /// The child.
    pub pid: Pid,
    /// Its real user id.
    pub uid: u32,
    /// What happened.
    pub news: News,
    /// What it used.
    pub usage: Usage,
}

impl Report {
    /// The `int` that wait4(2) stores.
    pub fn status(&self) -> i32 {
        match self.news {
            News::Ended(status) => status,
            News::Stopped(sig) => abi::process::wait_stopped(sig),
            News::Continued => abi::process::WAIT_CONTINUED,
        }
    }
}

/// Is the child left out: by `__WCLONE` or its absence for its exit signal, or by `__WNOTHREAD` as
/// another thread's (`eligible_child`)?
fn left_out(cx: &Cx, child: &Process, kinds: WaitKind) -> bool {
    let is_clone = child.exit_signal.load(Relaxed) != SIGCHLD;
    let others = kinds.has(WaitKind::NOTHREAD) && child.maker.load(Relaxed) != cx.thread.tid().0;
    others || !kinds.has(WaitKind::ALL) && is_clone != kinds.has(WaitKind::CLONE)
}

/// Waits for `wanted` news of `whose`. `None` with `WNOHANG`: there are none now.
pub fn wait(
    cx: &Cx,
    whose: Whose,
    wanted: Wanted,
    options: WaitOptions,
    kinds: WaitKind,
) -> Result<Option<Report>> {
    let process = cx.process();
    let keep = options.has(WaitOptions::NOWAIT);
    let seen = |child: &alloc::sync::Arc<Process>| !left_out(cx, child, kinds);
    let look = || match cx.kernel.family.lock().wait(process.pid, whose, wanted, keep, seen) {
        Err(why) => Some(Err(why)),
        Ok(Some(found)) => Some(Ok(Some(found))),
        Ok(None) if options.has(WaitOptions::NOHANG) => Some(Ok(None)),
        Ok(None) => None,
    };
    loop {
        let found = process.children.wait(Pause::INTERRUPTIBLE, look).map_err(|_| ERESTARTSYS)?;
        let Some((pid, child, news)) = found? else { return Ok(None) };
        let uid = child.uid().0;
        let usage = match news {
            News::Ended(_) if !keep => match exit::reap(process, pid) {
                Some(usage) => usage,
                // Another thread was faster.
                None => continue,
            },
            _ => child.used(),
        };
        return Ok(Some(Report { pid, uid, news, usage }));
    }
}
