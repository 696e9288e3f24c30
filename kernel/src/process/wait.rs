//! wait4(2) and waitid(2): news of children (`do_wait`).

use abi::{
    errno::{ERESTARTSYS, Result},
    process::WaitOptions,
};

use super::{
    Cx, Pid, exit,
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

/// Waits for `wanted` news of `whose`. `None` with `WNOHANG`: there are none now.
pub fn wait(cx: &Cx, whose: Whose, wanted: Wanted, options: WaitOptions) -> Result<Option<Report>> {
    let process = cx.process();
    let keep = options.has(WaitOptions::NOWAIT);
    let look = || match cx.kernel.family.lock().wait(process.pid, whose, wanted, keep) {
        Err(why) => Some(Err(why)),
        Ok(Some(found)) => Some(Ok(Some(found))),
        Ok(None) if options.has(WaitOptions::NOHANG) => Some(Ok(None)),
        Ok(None) => None,
    };
    loop {
        let found = process.children.wait(Pause::INTERRUPTIBLE, look).map_err(|_| ERESTARTSYS)?;
        let Some((pid, child, news)) = found? else { return Ok(None) };
        let uid = child.uid();
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
