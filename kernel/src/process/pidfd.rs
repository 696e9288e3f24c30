//! Files that stand for a process (pidfd_open(2), `CLONE_PIDFD`): readable when it has ended.

use alloc::sync::Arc;
use core::{fmt, sync::atomic::Ordering::Acquire};

use abi::{
    errno::{EBADF, EINVAL, ESRCH, Result},
    fs::OpenFlags,
    poll::PollEvents,
    process::PidfdFlags,
};

use super::{Cx, Pid, Process, signal};
use crate::{
    fs::{Caller, Fd, File, FileOps, nameless::anon_file},
    wait::Watch,
};

/// Keeps the process's handle, not its number: that may be another's one day.
struct Pidfd(Arc<Process>);

/// A file for `process`.
pub(super) fn file(cx: &Cx, process: Arc<Process>, flags: PidfdFlags) -> Arc<File> {
    let flags = OpenFlags::RDWR | OpenFlags(flags.bits()) & OpenFlags::NONBLOCK;
    cx.with_caller(|c| anon_file(c, cx.cred(), Arc::new(Pidfd(process)), flags))
}

/// pidfd_open(2): `EINVAL` for a thread that leads no process.
pub fn open(cx: &Cx, pid: Pid, flags: PidfdFlags) -> Result<Arc<File>> {
    let process = signal::find(cx, pid).ok_or(ESRCH)?;
    if process.pid != pid {
        return Err(EINVAL);
    }
    Ok(file(cx, process, flags))
}

/// The process that `fd` stands for. `EBADF` if it is no such file.
pub fn process(cx: &Cx, fd: Fd) -> Result<Arc<Process>> {
    let file = cx.usable_file(fd)?;
    file.ops_as::<Pidfd>().map(|pidfd| pidfd.0.clone()).ok_or(EBADF)
}

impl FileOps for Pidfd {
    fn can_poll(&self) -> bool {
        true
    }

    fn poll(&self, _f: &File, _c: &Caller, watch: Option<&mut Watch>) -> PollEvents {
        if let Some(watch) = watch {
            watch.add(&self.0.ending, 0);
        }
        match self.0.ended.load(Acquire) {
            true => PollEvents::IN | PollEvents::RDNORM,
            false => PollEvents::EMPTY,
        }
    }

    fn link_name(&self) -> Option<&'static str> {
        Some("anon_inode:[pidfd]")
    }

    fn fdinfo(&self, _f: &File, out: &mut dyn fmt::Write) -> fmt::Result {
        let pid = if self.0.is_reaped() { -1 } else { self.0.pid.0 };
        writeln!(out, "Pid:\t{pid}\nNSpid:\t{pid}")
    }
}
