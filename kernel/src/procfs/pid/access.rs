//! Who may open the files of a process (`mm_access`, `proc_fd_access_allowed`): see
//! [`crate::process::access`].

use super::{ProcCx, Task, current};
use crate::fs::Caller;
use crate::mm::Space;
use crate::process::Process;
use crate::process::access::As;
use crate::procfs::mount::{Hide, Shared};
use abi::Result;
use abi::errno::EACCES;
use alloc::sync::Arc;

/// Whether the running thread may know of `process` what a mount that hides as much as `from` keeps
/// from others (`has_pid_permissions`).
pub fn shown(fs: &Shared, process: &Process, from: Hide) -> bool {
    let hide = fs.hide();
    if hide < from {
        return true;
    }
    let Ok(own) = current(fs.kernel) else { return false };
    let Some(cred) = own.cred() else { return false };
    hide != Hide::Ptraceable && cred.in_group(fs.gid())
        || process.may_be_looked_into(Some(&own), &cred, As::File).is_ok()
}

/// Whether the running thread may look into the process: `EPERM`.
pub fn look(cx: &ProcCx<Task>) -> Result<()> {
    let own = current(cx.kernel)?;
    let cred = own.cred().ok_or(EACCES)?;
    cx.target.process()?.may_be_looked_into(Some(&own), &cred, As::File)
}

/// For files that tell of the memory, and links into a process: `EACCES` on opening and following.
pub fn read(cx: &ProcCx<Task>, _c: &Caller) -> Result<()> {
    look(cx).map_err(|_| EACCES)
}

/// `/proc/PID` itself, kept open, is `ESRCH` when the process is gone (`proc_pid_permission`).
pub fn while_there(cx: &ProcCx<Task>, usual: Result<()>) -> Result<()> {
    cx.target.process()?;
    usual
}

/// `fdinfo/` is for those who may look into the process (`proc_fdinfo_permission`).
pub fn lookers(cx: &ProcCx<Task>, usual: Result<()>) -> Result<()> {
    look(cx).map_err(|_| EACCES)?;
    usual
}

/// `fd/` is always open to the process itself, whomever it belongs to (`proc_fd_permission`).
pub fn itself(cx: &ProcCx<Task>, usual: Result<()>) -> Result<()> {
    let own =
        || Arc::ptr_eq(&current(cx.kernel)?, &cx.target.process()?).then_some(()).ok_or(EACCES);
    usual.or_else(|why| own().map_err(|_| why))
}

/// For files that change the memory.
pub fn attach(cx: &ProcCx<Task>, c: &Caller) -> Result<()> {
    read(cx, c)
}

/// The memory that the opener of a file may look at; `None` when there is none, or none for him:
/// a program executed since then is not what he was let in to.
pub fn memory(cx: &ProcCx<Task>) -> Result<Option<Arc<Space>>> {
    let process = cx.target.process()?;
    let own = current(cx.kernel).ok();
    let let_in = cx
        .opener
        .is_none_or(|opener| process.may_be_looked_into(own.as_deref(), opener, As::File).is_ok());
    if let_in { cx.target.space() } else { Ok(None) }
}
