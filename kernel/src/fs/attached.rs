//! What the virtual file system keeps with an inode, whatever the file system: locks and watches. Nothing is
//! allocated before it is needed; most files never have any.

use crate::fs::locks::{FileLocks, Registry};
use crate::fs::notify::Marks;
use alloc::boxed::Box;
use alloc::sync::{Arc, Weak};
use core::sync::atomic::AtomicU8;
use hal::list::Node;

/// Part of an inode.
#[derive(Default)]
pub struct Attached {
    locks: spin::Once<Arc<Node<FileLocks>>>,
    marks: spin::Once<Box<Marks>>,
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

impl Attached {
    /// The watches on the file, if there ever were any.
    pub fn marks(&self) -> Option<&Marks> {
        self.marks.get().map(|marks| &**marks)
    }

    /// The same, from now on for sure.
    pub fn marks_or_new(&self) -> &Marks {
        self.marks.call_once(Box::default)
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        if let Some(locks) = self.locks.get() {
            locks.leave(locks);
        }
    }
}
