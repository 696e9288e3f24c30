//! What a process (or several, `CLONE_FS`) has of the tree of names: root, working directory,
//! umask. Locks: `Files`.

use crate::fs::mount::Namespace;
use crate::fs::path::Path;
use crate::lock::{Spin, order};
use alloc::sync::Arc;
use core::mem;
use core::sync::atomic::{AtomicU32, Ordering};

/// Root, working directory and umask.
pub struct FsInfo {
    /// The mounts.
    pub mounts: Arc<Namespace>,
    umask: AtomicU32,
    places: Spin<Places, order::Files>,
}

#[derive(Clone)]
struct Places {
    root: Path,
    cwd: Path,
}

impl FsInfo {
    /// At the root of `mounts`, with umask 022.
    pub fn new(mounts: Arc<Namespace>) -> Self {
        let root = mounts.root();
        let places = Spin::new(Places { root: root.clone(), cwd: root });
        Self { mounts, umask: AtomicU32::new(0o022), places }
    }

    /// One's own copy, for a fork without `CLONE_FS`.
    pub fn fork(&self) -> Self {
        let places = self.places.lock().clone();
        Self {
            mounts: self.mounts.clone(),
            umask: AtomicU32::new(self.umask()),
            places: Spin::new(places),
        }
    }

    /// Where absolute paths start, and where `..` ends.
    pub fn root(&self) -> Path {
        self.places.lock().root.clone()
    }

    /// Where relative paths start.
    pub fn cwd(&self) -> Path {
        self.places.lock().cwd.clone()
    }

    /// chroot(2). Permission was checked.
    pub fn set_root(&self, root: Path) {
        let old = mem::replace(&mut self.places.lock().root, root);
        drop(old);
    }

    /// chdir(2). Permission was checked.
    pub fn set_cwd(&self, cwd: Path) {
        let old = mem::replace(&mut self.places.lock().cwd, cwd);
        drop(old);
    }

    /// Root and working directory go from `old`, where they are there, to `new`.
    pub fn replace(&self, old: &Path, new: &Path) {
        let mut places = self.places.lock();
        let Places { root, cwd } = &mut *places;
        let mut given = [None, None];
        for (place, given) in [root, cwd].into_iter().zip(&mut given) {
            if place.same(old) {
                *given = Some(mem::replace(place, new.clone()));
            }
        }
        drop(places);
        drop(given);
    }

    /// Permission bits that new files do not get.
    pub fn umask(&self) -> u32 {
        self.umask.load(Ordering::Relaxed)
    }

    /// Sets the umask, returns the old one.
    pub fn set_umask(&self, umask: u32) -> u32 {
        self.umask.swap(umask & 0o777, Ordering::Relaxed)
    }
}
