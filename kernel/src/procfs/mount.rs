//! The file system as mount(2) knows it.

use super::node::Node;
use super::root::ROOT;
use super::table::Body;
use crate::fs::inode::{FileSystem, Inode, MountArgs};
use crate::process::Kernel;
use crate::time::{RealTime, timespec};
use abi::errno::EINVAL;
use abi::fs::{NAME_MAX, PROC_SUPER_MAGIC, Statfs};
use abi::time::Timespec;
use abi::{Result, Wire};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;

/// The number of the root directory (`PROC_ROOT_INO`).
const ROOT_INO: u64 = 1;

/// What all nodes of one mounted `/proc` share.
pub(super) struct Shared {
    pub kernel: &'static Kernel,
    pub dev: u64,
    clock: &'static RealTime,
}

impl Shared {
    /// A file system with device number `dev`.
    pub fn new(kernel: &'static Kernel, dev: u64, clock: &'static RealTime) -> Self {
        Self { kernel, dev, clock }
    }

    pub fn now(&self) -> Timespec {
        timespec(self.clock.now_ns())
    }
}

struct ProcFs {
    root: Arc<Node<()>>,
}

/// Mounts the state of `kernel`.
pub fn mount(kernel: &'static Kernel, args: &MountArgs) -> Result<Box<dyn FileSystem>> {
    if args.options.split(|&b| b == b',').any(|word| !word.is_empty()) {
        return Err(EINVAL);
    }
    let shared = Arc::new(Shared::new(kernel, args.dev, args.clock));
    let root = Arc::new(Node::new(shared, ROOT_INO, (), 0o555, Body::Dir(&ROOT)));
    Ok(Box::new(ProcFs { root }))
}

impl FileSystem for ProcFs {
    fn root(&self) -> Arc<dyn Inode> {
        self.root.clone()
    }

    fn statfs(&self) -> Statfs {
        Statfs {
            f_type: PROC_SUPER_MAGIC as i64,
            f_bsize: 4096,
            f_frsize: 4096,
            f_namelen: NAME_MAX as i64,
            ..Statfs::ZERO
        }
    }

    fn show_options(&self, _out: &mut dyn fmt::Write) -> fmt::Result {
        Ok(())
    }
}
