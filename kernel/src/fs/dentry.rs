//! Names remembered: a [`Dentry`] is a name in a directory and what it leads to, or that it leads
//! to nothing.
//!
//! A parent knows its children weakly, a child its parent strongly; a bounded ring per file
//! system ([`Super`]) keeps names alive that were used lately. So nothing leaks, and a directory
//! of a million names costs what is in use.
//!
//! Locks: `Dir` (a directory's entries; held over every call of [`crate::fs::inode::Dir`]), then
//! `Names` (children, place), which is never held while a dentry is dropped.

use crate::fs::inode::{Inode, Kind};
use crate::fs::mount::Gate;
use crate::fs::notify;
use crate::fs::superblock::{NOWHERE, Super};
use crate::lock::{Spin, order};
use crate::wait::{Mutex, MutexGuard};
use abi::Result;
use abi::errno::{EBUSY, ENAMETOOLONG, ENOMEM, ENOTDIR};
use abi::fs::NAME_MAX;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::mem;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use hashbrown::HashMap;

/// A name in a directory.
pub struct Dentry {
    sb: Arc<Super>,
    /// What it leads to; `None`: there is no such name.
    inode: Option<Arc<dyn Inode>>,
    place: Spin<Place, order::Names>,
    children: Spin<HashMap<Arc<[u8]>, Weak<Dentry>>, order::Names>,
    entries: Mutex<(), order::Dir>,
    /// Mounts on top of it, in any mount.
    mounts: Gate,
    /// Used since the ring's hand last passed.
    pub(super) used: AtomicBool,
    /// Where in the ring it is.
    pub(super) slot: AtomicUsize,
}

struct Place {
    /// `None` at the top of the file system.
    parent: Option<Arc<Dentry>>,
    name: Arc<[u8]>,
    /// The name is gone; who has the file open still has it.
    unlinked: bool,
}

impl Dentry {
    pub(super) fn new(
        sb: Arc<Super>,
        inode: Option<Arc<dyn Inode>>,
        parent: Option<Arc<Dentry>>,
        name: Arc<[u8]>,
    ) -> Arc<Self> {
        Arc::new(Self {
            sb,
            inode,
            place: Spin::new(Place { parent, name, unlinked: false }),
            children: Spin::new(HashMap::new()),
            entries: Mutex::new(()),
            mounts: Gate::default(),
            used: AtomicBool::new(true),
            slot: AtomicUsize::new(NOWHERE),
        })
    }

    /// The file system.
    pub fn sb(&self) -> &Arc<Super> {
        &self.sb
    }

    /// What the name leads to.
    pub fn inode(&self) -> Option<&Arc<dyn Inode>> {
        self.inode.as_ref()
    }

    /// Whether it is a directory.
    pub fn is_dir(&self) -> bool {
        self.inode.as_ref().is_some_and(|inode| matches!(inode.kind(), Kind::Dir(_)))
    }

    /// The directory it is in; `None` at the top.
    pub fn parent(&self) -> Option<Arc<Dentry>> {
        self.place.lock().parent.clone()
    }

    /// The name.
    pub fn name(&self) -> Arc<[u8]> {
        self.place.lock().name.clone()
    }

    /// Whether the name was taken away.
    pub fn is_unlinked(&self) -> bool {
        self.place.lock().unlinked
    }

    /// Whether something may be mounted here: see [`crate::fs::mount::Mount::child_at`].
    pub fn has_mounts(&self) -> bool {
        self.mounts.is_busy()
    }

    /// Counts a mount here. `false`: none may come any more.
    pub fn mount_added(&self) -> bool {
        self.mounts.enter()
    }

    /// Counts one less.
    pub fn mount_removed(&self) {
        self.mounts.leave()
    }

    /// Before the name is taken away: nothing can be mounted here any more. `EBUSY` if something
    /// is. The `Dir` lock of its directory is held.
    pub fn forbid_mounts(&self) -> Result<()> {
        if self.mounts.shut() { Ok(()) } else { Err(EBUSY) }
    }

    /// The name was not taken away after all.
    pub fn allow_mounts(&self) {
        self.mounts.open()
    }

    /// The path from the top of its file system down to here.
    pub fn text(self: &Arc<Self>) -> Result<Vec<u8>> {
        // Built from the end, each name back to front, and turned over at last.
        let mut reversed = Vec::new();
        let mut at = self.clone();
        while let Some(parent) = at.parent() {
            let name = at.name();
            reversed.try_reserve(name.len() + 1).map_err(|_| ENOMEM)?;
            reversed.extend(name.iter().rev());
            reversed.push(b'/');
            at = parent;
        }
        if reversed.is_empty() {
            reversed.push(b'/');
        }
        reversed.reverse();
        Ok(reversed)
    }

    /// Takes the `Dir` lock.
    pub fn lock_entries(&self) -> MutexGuard<'_, (), order::Dir> {
        self.entries.lock()
    }

    /// Takes the `Dir` locks of two directories, which may be the same.
    pub fn lock_both<'a>(a: &'a Self, b: &'a Self) -> impl Sized + 'a {
        Mutex::lock_pair(&a.entries, &b.entries)
    }

    /// The child of that name if it is remembered. Neither sleeps nor allocates.
    pub fn cached(&self, name: &[u8]) -> Option<Arc<Dentry>> {
        let child = self.children.lock().get(name).and_then(Weak::upgrade)?;
        if !child.used.load(Ordering::Relaxed) {
            child.used.store(true, Ordering::Relaxed);
        }
        if child.inode.as_ref().is_some_and(|inode| inode.is_stale()) {
            child.remove();
            return None;
        }
        Some(child)
    }

    /// The child of that name, whether it exists or not.
    pub fn lookup(self: &Arc<Self>, name: &[u8]) -> Result<Arc<Dentry>> {
        match self.cached(name) {
            Some(child) => Ok(child),
            None => {
                let _entries = self.lock_entries();
                self.lookup_locked(name)
            }
        }
    }

    /// The same for one who holds the `Dir` lock.
    pub fn lookup_locked(self: &Arc<Self>, name: &[u8]) -> Result<Arc<Dentry>> {
        if let Some(child) = self.cached(name) {
            return Ok(child);
        }
        if name.len() > NAME_MAX {
            return Err(ENAMETOOLONG);
        }
        let Some(Kind::Dir(dir)) = self.inode.as_ref().map(|inode| inode.kind()) else {
            return Err(ENOTDIR);
        };
        let inode = dir.lookup(name)?;
        hal::heap::admit().map_err(|_| ENOMEM)?;
        let keep = inode.is_some() || dir.caches_absence();
        let child = Self::new(self.sb.clone(), inode, Some(self.clone()), Arc::from(name));
        if keep {
            self.adopt(&child)?;
        }
        Ok(child)
    }

    /// After a name came to be: remembers what it leads to. The `Dir` lock is held.
    pub fn created(self: &Arc<Self>, name: &[u8], inode: Arc<dyn Inode>) -> Arc<Dentry> {
        let absent = self.cached(name);
        if let Some(absent) = absent {
            absent.remove();
        }
        let child = Self::new(self.sb.clone(), Some(inode), Some(self.clone()), Arc::from(name));
        // Without memory it is not remembered; the next walk asks the directory again.
        let _ = self.adopt(&child);
        child
    }

    /// A file made here that has no name. `/proc` shows it as a deleted one that was called `name`.
    pub fn nameless(self: &Arc<Self>, name: &[u8], inode: Arc<dyn Inode>) -> Arc<Dentry> {
        let child = Self::new(self.sb.clone(), Some(inode), Some(self.clone()), Arc::from(name));
        child.place.lock().unlinked = true;
        child
    }

    /// Lists `child` among the children and in the ring.
    fn adopt(&self, child: &Arc<Dentry>) -> Result<()> {
        let name = child.name();
        {
            let mut children = self.children.lock();
            children.try_reserve(1).map_err(|_| ENOMEM)?;
            children.insert(name, Arc::downgrade(child));
        }
        self.sb.remember(child);
        Ok(())
    }

    /// After the name was taken away. The parent's `Dir` lock is held.
    pub fn unlinked(&self) {
        self.place.lock().unlinked = true;
        self.remove();
        if self.is_dir() {
            self.forget_children();
        }
    }

    /// Takes it out of its parent's children and out of the ring.
    fn remove(&self) {
        let (parent, name) = {
            let place = self.place.lock();
            (place.parent.clone(), place.name.clone())
        };
        if let Some(parent) = parent {
            let mut children = parent.children.lock();
            if children.get(&name).is_some_and(|child| core::ptr::eq(child.as_ptr(), self)) {
                children.remove(&name);
            }
        }
        self.sb.forget(self);
    }

    /// Forgets what is known of the names in it: it was removed, and was empty.
    fn forget_children(&self) {
        let children = mem::take(&mut *self.children.lock());
        for child in children.values() {
            if let Some(child) = child.upgrade() {
                self.sb.forget(&child);
            }
        }
    }

    /// After a rename: it has another name now. The `Dir` locks of both directories and the
    /// `Rename` lock are held.
    pub fn moved(self: &Arc<Self>, to: &Arc<Dentry>, name: &[u8]) {
        self.remove();
        let name: Arc<[u8]> = Arc::from(name);
        let old = {
            let mut place = self.place.lock();
            place.name = name;
            place.parent.replace(to.clone())
        };
        drop(old);
        // Without memory it is found again by asking the directory.
        let _ = to.adopt(self);
    }

    /// Whether `self` is `other` or somewhere below it. Without the `Rename` lock the answer is
    /// only sure if it is yes.
    pub fn is_within(self: &Arc<Self>, other: &Arc<Dentry>) -> bool {
        let mut at = self.clone();
        loop {
            if Arc::ptr_eq(&at, other) {
                return true;
            }
            match at.parent() {
                Some(parent) => at = parent,
                None => return false,
            }
        }
    }
}

/// Leaves the parent's list, then lets go of the parent: in a loop, since a chain of directories
/// may be deeper than the stack.
impl Drop for Dentry {
    fn drop(&mut self) {
        let mut next = self.leave();
        while let Some(mut parent) = next.and_then(Arc::into_inner) {
            next = parent.leave();
        }
    }
}

impl Dentry {
    fn leave(&mut self) -> Option<Arc<Dentry>> {
        let place = self.place.get_mut();
        let parent = place.parent.take()?;
        let mut children = parent.children.lock();
        if children.get(&place.name).is_some_and(|child| child.strong_count() == 0) {
            children.remove(&place.name);
        }
        drop(children);
        notify::dropped(&self.sb, self.inode.as_ref(), place.unlinked);
        Some(parent)
    }
}
