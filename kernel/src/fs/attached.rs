//! What the virtual file system keeps with an inode, whatever the file system: locks. Nothing is
//! allocated before it is needed; most files never have any.

use crate::fs::locks::{FileLocks, Registry};
use alloc::sync::{Arc, Weak};
use core::sync::atomic::AtomicU8;
use hal::list::Node;

/// Part of an inode.
#[derive(Default)]
pub struct Attached {
    locks: spin::Once<Arc<Node<FileLocks>>>,
    /// `F_SET_RW_HINT`: how long what is written is expected to live.
    pub write_hint: AtomicU8,
}

impl Attached {
    /// The locks on the file, if there ever were any.
    pub fn locks(&self) -> Option<&FileLocks> {
        self.locks.get().map(|node| &***node)
    }

    /// The same, from now on for sure: `new` makes them, and `registry` knows of them.
    pub fn locks_or(
        &self,
        registry: &Registry,
        new: impl FnOnce(Weak<Node<FileLocks>>) -> FileLocks,
    ) -> &FileLocks {
        self.locks.call_once(|| registry.enter(new))
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        if let Some(locks) = self.locks.get() {
            locks.leave(locks);
        }
    }
}
