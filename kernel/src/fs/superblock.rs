//! File systems in use ([`Super`]), and the kinds there are ([`FsType`]).
//!
//! Locks: `Mounts` while the one instance of a kind is made, and over every change of flags and
//! options; `Names` for the ring of names used lately. Source: `fs/super.c`, `fs/fs_context.c`.

use crate::fs::dentry::Dentry;
use crate::fs::inode::Inode;
use crate::fs::mount::{Gate, Number};
use crate::fs::notify;
use crate::lock::{Spin, order};
use crate::time::RealTime;
use crate::wait::Mutex;
use abi::Result;
use abi::errno::{EBUSY, EINVAL, ENOMEM};
use abi::fs::{MountFlags, Statfs, makedev};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::Any;
use core::fmt;
use core::mem;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

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

    /// Whether files without a name wait for their last user to go, so that the file system cannot
    /// become read-only yet.
    fn has_orphans(&self) -> bool {
        false
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
    instances: Instances,
}

/// How many file systems of a kind there are.
enum Instances {
    /// One per mount.
    Many,
    /// One, which all mounts show: its top, once somebody asked. It stays for ever.
    One {
        top: Mutex<Option<Arc<Dentry>>, order::Mounts>,
        /// Whether flags and options of a later mount change it.
        follows: bool,
    },
}

impl FsType {
    /// A kind of file system that needs no device; each mount makes a new one.
    pub fn nodev(
        name: &'static str,
        mount: impl Fn(&MountArgs) -> Result<Box<dyn FileSystem>> + Send + Sync + 'static,
    ) -> Self {
        Self { name, nodev: true, mount: Box::new(mount), instances: Instances::Many }
    }

    /// The same, but all mounts show one and the same, as sysfs does. It is made without options;
    /// if it `follows`, those of every mount change it, as if that were a remount.
    pub fn single(
        name: &'static str,
        follows: bool,
        mount: impl Fn(&MountArgs) -> Result<Box<dyn FileSystem>> + Send + Sync + 'static,
    ) -> Self {
        let instances = Instances::One { top: Mutex::new(None), follows };
        Self { instances, ..Self::nodev(name, mount) }
    }

    /// The top of the file system for a new mount, and whether the mount is to reconfigure it.
    /// `dev` is its number if it is new.
    pub(super) fn instance(
        &self,
        dev: Number,
        clock: &'static RealTime,
        flags: MountFlags,
        options: &[u8],
    ) -> Result<(Arc<Dentry>, bool)> {
        let (flags, own) = split_flags(flags, options)?;
        match &self.instances {
            Instances::Many => {
                let top = Super::mount(self.name, dev, clock, flags, &own, &self.mount)?;
                Ok((top, false))
            }
            Instances::One { follows: false, .. } if !own.is_empty() => Err(EINVAL),
            Instances::One { top, follows } => {
                let mut top = top.lock();
                if let Some(top) = &*top {
                    return Ok((top.clone(), *follows));
                }
                let rw = MountFlags::EMPTY;
                let made = Super::mount(self.name, dev, clock, rw, b"", &self.mount)?;
                Ok((top.insert(made).clone(), true))
            }
        }
    }
}

/// What a new file system is given.
pub struct MountArgs<'a> {
    /// Its device number.
    pub dev: u64,
    /// The options that are its own.
    pub options: &'a [u8],
    /// The clock that stamps its files.
    pub clock: &'static RealTime,
}

/// The flags of mount(2) that belong to a file system, whatever the number of its mounts.
const FS_FLAGS: MountFlags = CHANGEABLE.with(MountFlags::DIRSYNC);

/// Those that `MS_REMOUNT` changes (`MS_RMT_MASK`).
const CHANGEABLE: MountFlags = MountFlags::RDONLY
    .with(MountFlags::SYNCHRONOUS)
    .with(MountFlags::MANDLOCK)
    .with(MountFlags::I_VERSION)
    .with(MountFlags::LAZYTIME);

/// Words among the options that set or clear such a flag.
const FLAG_WORDS: [(&str, MountFlags, bool); 9] = [
    ("ro", MountFlags::RDONLY, true),
    ("rw", MountFlags::RDONLY, false),
    ("sync", MountFlags::SYNCHRONOUS, true),
    ("async", MountFlags::SYNCHRONOUS, false),
    ("dirsync", MountFlags::DIRSYNC, true),
    ("mand", MountFlags::MANDLOCK, true),
    ("nomand", MountFlags::MANDLOCK, false),
    ("lazytime", MountFlags::LAZYTIME, true),
    ("nolazytime", MountFlags::LAZYTIME, false),
];

/// `flags` with what `options` say of them, and the other options.
fn split_flags(flags: MountFlags, options: &[u8]) -> Result<(MountFlags, Vec<u8>)> {
    let mut flags = flags & FS_FLAGS;
    let mut own = Vec::new();
    own.try_reserve(options.len()).map_err(|_| ENOMEM)?;
    for word in options.split(|&b| b == b',') {
        match FLAG_WORDS.iter().find(|(name, ..)| name.as_bytes() == word) {
            Some((_, flag, true)) => flags |= *flag,
            Some((_, flag, false)) => flags = flags.without(*flag),
            None => {
                if !own.is_empty() {
                    own.push(b',');
                }
                own.extend(word);
            }
        }
    }
    Ok((flags, own))
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
    /// Who writes to it; shut while it is read-only.
    pub(super) writers: Gate,
    /// [`FS_FLAGS`] without `RDONLY`.
    flags: AtomicU64,
    /// How many mounts show it, attached or not.
    mounts: AtomicUsize,
    recent: Spin<Ring, order::Names>,
    _dev: Number,
    /// Who watches files of it.
    pub watches: notify::InSuper,
}

impl Drop for Super {
    fn drop(&mut self) {
        self.watches.unmounted();
    }
}

impl Super {
    /// Puts a file system into use; returns its top.
    pub(super) fn mount(
        kind: &'static str,
        dev: Number,
        clock: &'static RealTime,
        flags: MountFlags,
        options: &[u8],
        mount: impl FnOnce(&MountArgs) -> Result<Box<dyn FileSystem>>,
    ) -> Result<Arc<Dentry>> {
        let args = MountArgs { dev: makedev(0, dev.get()), options, clock };
        let fs = mount(&args)?;
        let root = fs.root();
        let sb = Arc::new(Self {
            dev: args.dev,
            kind,
            clock,
            fs,
            rename: Mutex::new(()),
            writers: Gate::new(flags.has(MountFlags::RDONLY)),
            flags: AtomicU64::new(flags.without(MountFlags::RDONLY).bits()),
            mounts: AtomicUsize::new(0),
            recent: Spin::new(Ring::default()),
            watches: notify::InSuper::default(),
            _dev: dev,
        });
        Ok(Dentry::new(sb, Some(root), None, Arc::from(&b"/"[..])))
    }

    /// Whether nothing in it may be changed, through any mount.
    pub fn is_read_only(&self) -> bool {
        self.writers.is_shut()
    }

    /// The flags that are the file system's own.
    pub fn flags(&self) -> MountFlags {
        let flags = MountFlags(self.flags.load(Ordering::Relaxed));
        if self.is_read_only() { flags | MountFlags::RDONLY } else { flags }
    }

    /// Takes other flags and options (`reconfigure_super`). `EBUSY` if it is to become read-only
    /// while somebody writes. The `Mounts` lock is held.
    pub(super) fn reconfigure(&self, flags: MountFlags, options: &[u8]) -> Result<()> {
        let (flags, own) = split_flags(flags, options)?;
        let shuts = flags.has(MountFlags::RDONLY) && !self.is_read_only();
        if shuts && !self.writers.shut() {
            return Err(EBUSY);
        }
        let checked = if shuts && self.fs.has_orphans() { Err(EBUSY) } else { Ok(()) };
        if let Err(error) = checked.and_then(|()| self.fs.reconfigure(&own)) {
            if shuts {
                self.writers.open();
            }
            return Err(error);
        }
        if !flags.has(MountFlags::RDONLY) {
            self.writers.open();
        }
        let kept = self.flags().without(CHANGEABLE);
        let flags = kept | (flags & CHANGEABLE).without(MountFlags::RDONLY);
        self.flags.store(flags.bits(), Ordering::Relaxed);
        Ok(())
    }

    /// A mount shows it.
    pub(super) fn mount_added(&self) {
        self.mounts.fetch_add(1, Ordering::Relaxed);
    }

    /// A mount is gone; with the last go the names, which would keep it alive.
    pub(super) fn mount_gone(&self) {
        if self.mounts.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.forget_all();
        }
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
