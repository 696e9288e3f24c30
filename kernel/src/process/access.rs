//! Who may look into another process (`ptrace_may_access` in `kernel/ptrace.c`).

use abi::errno::{EPERM, Result};
use abi::process::CAP_SYS_PTRACE;

use super::Process;
use crate::{cred::Cred, mm::Dumpable};

/// As whom the caller asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum As {
    /// As for a file: by the ids for file access and the effective capabilities.
    File,
    /// As for a system call: by the real ids and the permitted capabilities.
    Real,
}

impl Process {
    /// Whether one of `cred`, in process `own`, may look into this one: `EPERM`.
    ///
    /// A process may look into itself. Else all its user ids must be the caller's, all its groups,
    /// too, it must be dumpable, and it must not be able to do more; or the caller has
    /// `CAP_SYS_PTRACE`.
    pub fn may_be_looked_into(&self, own: Option<&Self>, cred: &Cred, how: As) -> Result<()> {
        if own.is_some_and(|own| core::ptr::eq(own, self)) || cred.capable(CAP_SYS_PTRACE) {
            return Ok(());
        }
        let theirs = self.cred().ok_or(EPERM)?;
        let (uid, gid, capable) = match how {
            As::File => (cred.fsuid, cred.fsgid, cred.effective),
            As::Real => (cred.uid, cred.gid, cred.permitted),
        };
        let same = [theirs.uid, theirs.euid, theirs.suid].iter().all(|id| *id == uid)
            && [theirs.gid, theirs.egid, theirs.sgid].iter().all(|id| *id == gid);
        let shows = self.space().is_none_or(|space| space.dumpable() == Dumpable::Yes);
        let weaker = theirs.permitted.0 & !capable.0 == 0;
        if same && shows && weaker { Ok(()) } else { Err(EPERM) }
    }
}
