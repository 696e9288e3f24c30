//! File systems in use ([`Super`]), and the kinds there are ([`FsType`]).
//!
//! Locks: `Mounts` while the one instance of a kind is made; `Names` for the ring of names used
//! lately. Source: `fs/super.c`.

use crate::fs::dentry::Dentry;
use crate::fs::inode::Inode;
use crate::lock::{Spin, order};
use crate::time::RealTime;
use crate::wait::Mutex;
use abi::Result;
use abi::errno::EINVAL;
use abi::fs::Statfs;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::Any;
use core::fmt;
use core::mem;
use core::sync::atomic::Ordering;

/// A file system, once mounted.
pub trait FileSystem: Any + Send + Sync {
    /// The directory at its top.
    fn root(&self) -> Arc<dyn Inode>;

    /// Space and limits; `f_flags` comes from the mount.
    fn statfs(&self) -> Statfs;

    /// Options as `/proc/mounts` shows them, each with a comma before it.
    fn show_options(&self, out: &mut dyn fmt::Write) -> fmt::Result;

    /// Takes other options (`MS_REMOUNT`): `EINVAL` for one it does not know, and then nothing
    /// changes.
    fn reconfigure(&self, options: &[u8]) -> Result<()> {
        if options.is_empty() { Ok(()) } else { Err(EINVAL) }
    }
}

/// Makes a file system. A closure, since some show what lies above this layer (procfs).
pub type Mounter = Box<dyn Fn(&MountArgs) -> Result<Box<dyn FileSystem>> + Send + Sync>;

/// A kind of file system: a row of the table that `boot` hands to the mount name space.
pub struct FsType {
    /// Name, as mount(2) takes it.
    pub name: &'static str,
    /// Whether it lives without a device (`nodev` in `/proc/filesystems`).
    pub nodev: bool,
    mount: Mounter,
    /// For a kind with one instance that all its mounts show: the top of it, once it was asked
    /// for. It stays for ever.
    single: Option<Mutex<Option<Arc<Dentry>>, order::Mounts>>,
}

impl FsType {
    /// A kind of file system that needs no device; each mount makes a new one.
    pub fn nodev(
        name: &'static str,
        mount: impl Fn(&MountArgs) -> Result<Box<dyn FileSystem>> + Send + Sync + 'static,
    ) -> Self {
        Self { name, nodev: true, mount: Box::new(mount), single: None }
    }

    /// The same, but all mounts show one and the same (`get_tree_single`). It is made without
    /// options; those of a mount change it.
    pub fn single(
        name: &'static str,
        mount: impl Fn(&MountArgs) -> Result<Box<dyn FileSystem>> + Send + Sync + 'static,
    ) -> Self {
        Self { single: Some(Mutex::new(None)), ..Self::nodev(name, mount) }
    }

    /// The top of the file system for a new mount.
    pub fn instance(&self, args: &MountArgs) -> Result<Arc<Dentry>> {
        let Some(single) = &self.single else { return Super::mount(self.name, args, &self.mount) };
        let mut single = single.lock();
        let root = match &*single {
            Some(root) => root,
            None => {
                let plain = MountArgs { options: b"", ..*args };
                single.insert(Super::mount(self.name, &plain, &self.mount)?)
            }
        };
        root.sb().fs.reconfigure(args.options)?;
        Ok(root.clone())
    }
}

/// What a new file system is given.
pub struct MountArgs<'a> {
    /// Its device number.
    pub dev: u64,
    /// The data argument of mount(2).
    pub options: &'a [u8],
    /// The clock that stamps its files.
    pub clock: &'static RealTime,
}

/// A file system in use.
pub struct Super {
    /// Its device number (`st_dev`).
    pub dev: u64,
    /// The name of its kind.
    pub kind: &'static str,
    /// The clock that stamps its files.
    pub clock: &'static RealTime,
    /// The file system itself.
    pub fs: Box<dyn FileSystem>,
    /// Held while a name moves from one directory to another.
    pub rename: Mutex<(), order::Rename>,
    recent: Spin<Ring, order::Names>,
}

impl Super {
    /// Puts a file system into use; returns its top.
    pub fn mount(
        kind: &'static str,
        args: &MountArgs,
        mount: impl FnOnce(&MountArgs) -> Result<Box<dyn FileSystem>>,
    ) -> Result<Arc<Dentry>> {
        let fs = mount(args)?;
        let root = fs.root();
        let sb = Arc::new(Self {
            dev: args.dev,
            kind,
            clock: args.clock,
            fs,
            rename: Mutex::new(()),
            recent: Spin::new(Ring::default()),
        });
        Ok(Dentry::new(sb, Some(root), None, Arc::from(&b"/"[..])))
    }

    /// Keeps `dentry` for a while.
    pub(super) fn remember(&self, dentry: &Arc<Dentry>) {
        let dropped = self.recent.lock().add(dentry);
        drop(dropped);
    }

    /// Keeps it no longer.
    pub(super) fn forget(&self, dentry: &Dentry) {
        let mut ring = self.recent.lock();
        let slot = dentry.slot.swap(NOWHERE, Ordering::Relaxed);
        let kept = ring.slots.get_mut(slot).and_then(Option::take);
        drop(ring);
        drop(kept);
    }

    /// Forgets all names: the last mount of the file system is gone, or memory. `false`: there
    /// were none.
    pub fn forget_all(&self) -> bool {
        let slots = {
            let mut ring = self.recent.lock();
            for dentry in ring.slots.iter().flatten() {
                dentry.slot.store(NOWHERE, Ordering::Relaxed);
            }
            mem::take(&mut ring.slots)
        };
        slots.iter().any(Option::is_some)
    }
}

/// The names used lately, with a clock hand (second chance).
#[derive(Default)]
struct Ring {
    slots: Vec<Option<Arc<Dentry>>>,
    hand: usize,
}

/// Names a file system keeps without anyone using them.
const RECENT: usize = 16384;
/// How far the hand goes for one new name, at most.
const PATIENCE: usize = 8;
/// Not in the ring.
pub(super) const NOWHERE: usize = usize::MAX;

impl Ring {
    /// Returns what had to go.
    fn add(&mut self, dentry: &Arc<Dentry>) -> Option<Arc<Dentry>> {
        if self.slots.len() < RECENT && self.slots.try_reserve(1).is_ok() {
            dentry.slot.store(self.slots.len(), Ordering::Relaxed);
            self.slots.push(Some(dentry.clone()));
            return None;
        }
        for _ in 0..PATIENCE {
            self.hand = (self.hand + 1) % self.slots.len().max(1);
            let used = |d: &Arc<Dentry>| d.used.swap(false, Ordering::Relaxed);
            if !self.slots.get(self.hand).and_then(Option::as_ref).is_some_and(used) {
                break;
            }
        }
        let slot = self.slots.get_mut(self.hand)?;
        dentry.slot.store(self.hand, Ordering::Relaxed);
        let old = slot.replace(dentry.clone());
        if let Some(old) = &old {
            old.slot.store(NOWHERE, Ordering::Relaxed);
        }
        old
    }
}
