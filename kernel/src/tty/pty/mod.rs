//! Pseudoterminals: a terminal whose wire ends in a file (pty(7), `drivers/tty/pty.c`).
//!
//! ```text
//! Terminal ──▶ Tty { Ldisc } ──▶ SlaveEnd ──▶ Wire ◀── Master
//!    ▲                                                   │
//!    └── /dev/pts/N ── Node ◀────────────────────────────┘ /dev/ptmx
//! ```
//!
//! The nodes are those of [`devpts`], of which each mount is an instance of its own.

pub mod devpts;
mod master;
mod ring;
mod wire;

pub use master::Master;

use abi::errno::{EIO, ENOMEM, ENOSPC, Result};
use abi::fs::{OpenFlags, makedev};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use super::job::JobControl;
use super::termios;
use super::{Terminal, Tty};
use crate::fs::Caller;
use crate::fs::inode::{FileSystem, MountArgs};
use crate::fs::path::Path;
use wire::{SlaveEnd, Wire};

/// Major device number of slaves (`UNIX98_PTY_SLAVE_MAJOR`).
pub const SLAVE_MAJOR: u32 = 136;

/// Pseudoterminals there may be in all (`/proc/sys/kernel/pty/max`).
pub const MAX: u32 = 4096;

/// What all pseudoterminals of a kernel share.
pub struct Ptys {
    jobs: &'static dyn JobControl,
    /// How many there are (`/proc/sys/kernel/pty/nr`).
    count: AtomicU32,
}

impl Ptys {
    /// None yet.
    pub fn new(jobs: &'static dyn JobControl) -> Self {
        Self { jobs, count: AtomicU32::new(0) }
    }

    /// How many there are.
    pub fn count(&self) -> u32 {
        self.count.load(Relaxed)
    }

    /// Makes an instance of devpts.
    pub fn mount(&'static self, args: &MountArgs) -> Result<Box<dyn FileSystem>> {
        devpts::mount(self, args)
    }

    /// Opens a new pair through the ptmx node at `path`.
    pub fn open_master(&'static self, path: &Path, c: &Caller) -> Result<Arc<Master>> {
        let node = devpts::instance_at(path)?;
        hal::heap::admit().map_err(|_| ENOMEM)?;
        let wire = Arc::new(Wire::new()?);
        let number = node.take_number()?;
        let index = number.index();
        let dev = makedev(SLAVE_MAJOR, index);
        let end = Box::new(SlaveEnd::new(wire.clone(), number));
        let slave = Arc::new(Tty::new(dev, end, termios::PTY, self.jobs));
        let master = Master::new(node.clone(), index, slave.clone(), wire);
        node.add_slave(index, dev, &slave, c.cred);
        Ok(Arc::new(master))
    }

    /// Opens the slave whose node is at `path`. A node elsewhere than in a devpts leads nowhere.
    pub fn open_slave(&self, path: &Path, flags: OpenFlags, c: &Caller) -> Result<Arc<Terminal>> {
        Terminal::open(devpts::slave_at(path).ok_or(EIO)?, flags, c)
    }

    /// Counts one more; `ENOSPC` if there are too many.
    fn enter(&self) -> Result<()> {
        let more = |count| (count < MAX).then_some(count + 1);
        self.count.fetch_update(Relaxed, Relaxed, more).map(drop).map_err(|_| ENOSPC)
    }

    fn leave(&self) {
        self.count.fetch_sub(1, Relaxed);
    }
}
