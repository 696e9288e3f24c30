//! Threads, processes and groups as the owners of open files: `F_SETOWN` of fcntl(2), and how the
//! signals that files send reach them (`f_setown`, `send_sigio_to_task`).

use alloc::{
    sync::{Arc, Weak},
    vec::Vec,
};

use abi::{
    errno::{EAGAIN, ESRCH, Result},
    fs::{F_OWNER_PID, F_OWNER_TID},
    signal::{SIGIO, Siginfo},
};

use super::{Kernel, Pid, Process, Thread};
use crate::{
    cred::Uid,
    fs::sigio::{Recipient, Sender},
    signal::{Pending, Queued},
};

/// Whom an open file belongs to.
enum Owner {
    Thread(Weak<Thread>),
    Process(Weak<Process>),
    Group(&'static Kernel, Pid),
}

/// The recipient of kind `F_OWNER_*` with number `id`: `ESRCH` if nothing has that number.
pub fn recipient(kernel: &'static Kernel, kind: i32, id: i32) -> Result<Arc<dyn Recipient>> {
    let pid = Pid(id);
    let family = kernel.family.lock();
    let known = family.get(pid).cloned();
    let group = family.members(pid).next().is_some();
    drop(family);
    if known.is_none() && !group {
        return Err(ESRCH);
    }
    Ok(Arc::new(match kind {
        F_OWNER_TID => {
            let thread = known.and_then(|process| process.thread_of(pid));
            Owner::Thread(thread.map_or_else(Weak::new, |thread| Arc::downgrade(&thread)))
        }
        F_OWNER_PID => {
            let leads = known.filter(|process| process.pid == pid);
            Owner::Process(leads.map_or_else(Weak::new, |process| Arc::downgrade(&process)))
        }
        _ => Owner::Group(kernel, pid),
    }))
}

/// May a file send signals to `target` in the name of `from` (`sigio_perm`)?
fn permitted(target: &Process, from: Sender) -> bool {
    let theirs =
        target.thread().and_then(|t| t.parts.lock().as_ref().map(|parts| parts.cred.clone()));
    let ids = theirs.map_or([target.uid(); 2], |theirs| [theirs.suid, theirs.uid]);
    from.euid == Uid::ROOT || ids.contains(&from.euid) || ids.contains(&from.uid)
}

fn checked(queued: Queued) -> Result<()> {
    if queued == Queued::Full { Err(EAGAIN) } else { Ok(()) }
}

impl Recipient for Owner {
    fn send(&self, info: &Siginfo, from: Sender) -> Result<()> {
        match self {
            Self::Thread(thread) => match thread.upgrade() {
                Some(thread) if permitted(&thread.process, from) => checked(thread.send(info)),
                _ => Ok(()),
            },
            Self::Process(process) => match process.upgrade() {
                Some(process) if permitted(&process, from) => checked(process.send(info)),
                _ => Ok(()),
            },
            Self::Group(kernel, group) => {
                let members: Vec<_> = kernel.family.lock().members(*group).cloned().collect();
                let mut result = Ok(());
                for process in members.iter().filter(|process| permitted(process, from)) {
                    result = result.and(checked(process.send(info)));
                }
                result
            }
        }
    }

    fn send_plain(&self, from: Sender) {
        // A standard signal of the kernel's own finds room always.
        let _ = self.send(&Pending::kernel_info(SIGIO), from);
    }

    fn number(&self) -> i32 {
        match self {
            Self::Thread(thread) => thread.upgrade().map_or(0, |thread| thread.tid().0),
            Self::Process(process) => {
                let here = |process: &Arc<Process>| {
                    process.kernel.family.lock().get(process.pid).is_some()
                };
                process.upgrade().filter(here).map_or(0, |process| process.pid.0)
            }
            Self::Group(kernel, group) => {
                let lives = kernel.family.lock().members(*group).next().is_some();
                if lives { group.0 } else { 0 }
            }
        }
    }
}
