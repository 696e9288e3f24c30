//! Mounts: which file system continues the tree where.
//!
//! ```text
//! Namespace ──▶ Mount ──▶ Super       several mounts may show one file system, or parts of it
//!                 ├──▶ at: Path       the place it covers, in its parent mount
//!                 ├──▶ children       what covers places of its own
//!                 └──▶ ties           its peers and its master: where mounts on it appear, too
//! ```
//!
//! [`namespace`] holds all mounts, [`attach`] and [`unmount`] change the tree, [`ties`] and
//! [`propagate`] are Linux's shared subtrees, [`show`] is what `/proc` prints of them.
//!
//! Locks: `Mounts` (every change of the tree), then `Names` (a mount's children, place and ties).
//! A walk takes `Names` of one mount where it crosses into another, and nothing else.
//! Source: mount(2), umount(2), mount_namespaces(7), `fs/namespace.c`.

mod attach;
mod gate;
mod namespace;
mod number;
mod propagate;
mod setattr;
mod show;
mod ties;
mod tree;
mod unmount;

pub use gate::{Gate, WriteAccess};
pub use namespace::{Devices, Namespace};
pub use number::{Number, Numbers};
pub use setattr::AttrChange;
pub use show::Shown;
pub use ties::Propagation;

use self::ties::Ties;
use crate::fs::dentry::Dentry;
use crate::fs::inode::Kind;
use crate::fs::path::Path;
use crate::fs::superblock::Super;
use crate::lock::{Spin, order};
use abi::Result;
use abi::errno::EBUSY;
use abi::fs::{MountFlags, Statfs, StatfsFlags};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use hashbrown::HashMap;

/// One file system, or a part of one, at one place of the tree.
pub struct Mount {
    /// Identity, as `/proc/PID/mountinfo` and statx(2) show it.
    pub id: u32,
    /// What was mounted, as the first word in `/proc/mounts`.
    pub source: Box<[u8]>,
    root: Arc<Dentry>,
    /// [`KEPT`].
    flags: AtomicU64,
    /// Who writes through it; shut while it is read-only.
    writers: Gate,
    /// Where it is mounted; `None` at the root of all, and when it is detached.
    at: Spin<Option<Path>, order::Names>,
    /// What is mounted on it, by the address of the dentry it covers.
    children: Spin<HashMap<usize, Arc<Mount>>, order::Names>,
    /// Changed under the `Mounts` lock.
    ties: Spin<Ties, order::Names>,
    /// Its place among the mounts of the name space; 0 if it is in none. Changed under the
    /// `Mounts` lock.
    rank: AtomicU64,
    /// 0, or one more than the number of times it was entered since `MNT_EXPIRE` marked it.
    expiry: AtomicU32,
    _id: Number,
}

/// The flags that belong to a mount, with `RDONLY`, which its [`Gate`] keeps; the others belong to
/// the file system or say what mount(2) is to do.
const KEPT: MountFlags = MountFlags::NOSUID
    .with(MountFlags::NODEV)
    .with(MountFlags::NOEXEC)
    .with(ATIME)
    .with(MountFlags::NOSYMFOLLOW);

/// Those that say when a time of last read is noted.
const ATIME: MountFlags =
    MountFlags::NOATIME.with(MountFlags::NODIRATIME).with(MountFlags::RELATIME);

impl Mount {
    fn new(id: Number, source: &[u8], root: Arc<Dentry>, flags: MountFlags) -> Arc<Self> {
        root.sb().mount_added();
        Arc::new(Self {
            id: id.get(),
            source: source.into(),
            root,
            flags: AtomicU64::new((flags & KEPT).bits()),
            writers: Gate::new(flags.has(MountFlags::RDONLY)),
            at: Spin::new(None),
            children: Spin::new(HashMap::new()),
            ties: Spin::new(Ties::default()),
            rank: AtomicU64::new(0),
            expiry: AtomicU32::new(0),
            _id: id,
        })
    }

    /// Its top.
    pub fn root(&self) -> &Arc<Dentry> {
        &self.root
    }

    /// The file system.
    pub fn sb(&self) -> &Arc<Super> {
        self.root.sb()
    }

    /// How it is mounted.
    pub fn flags(&self) -> MountFlags {
        let flags = MountFlags(self.flags.load(Ordering::Relaxed));
        if self.writers.is_shut() { flags | MountFlags::RDONLY } else { flags }
    }

    /// Takes other flags. `EBUSY` if it is to become read-only while somebody writes. The
    /// `Mounts` lock is held.
    fn set_flags(&self, flags: MountFlags) -> Result<()> {
        if !flags.has(MountFlags::RDONLY) {
            self.writers.open();
        } else if !self.writers.shut() {
            return Err(EBUSY);
        }
        self.flags.store((flags & KEPT).bits(), Ordering::Relaxed);
        Ok(())
    }

    /// Whether nothing may be changed through it.
    pub fn is_read_only(&self) -> bool {
        self.writers.is_shut() || self.sb().is_read_only()
    }

    /// Where it is mounted.
    pub fn place(&self) -> Option<Path> {
        self.at.lock().clone()
    }

    /// Whether it is in the name space, and not detached from it.
    pub fn in_tree(&self) -> bool {
        self.rank.load(Ordering::Relaxed) != 0
    }

    /// What is mounted on `dentry` of this mount.
    pub fn child_at(&self, dentry: &Arc<Dentry>) -> Option<Arc<Mount>> {
        self.children.lock().get(&key(dentry)).cloned()
    }

    /// A walk goes into it.
    fn entered(&self) {
        if self.expiry.load(Ordering::Relaxed) != 0 {
            self.expiry.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// statfs(2).
    pub fn statfs(&self) -> Statfs {
        let flags = self.flags() | self.sb().flags();
        let mut shown = StatfsFlags::VALID;
        for (flag, show) in [
            (MountFlags::RDONLY, StatfsFlags::RDONLY),
            (MountFlags::NOSUID, StatfsFlags::NOSUID),
            (MountFlags::NODEV, StatfsFlags::NODEV),
            (MountFlags::NOEXEC, StatfsFlags::NOEXEC),
            (MountFlags::SYNCHRONOUS, StatfsFlags::SYNCHRONOUS),
            (MountFlags::MANDLOCK, StatfsFlags::MANDLOCK),
            (MountFlags::NOATIME, StatfsFlags::NOATIME),
            (MountFlags::NODIRATIME, StatfsFlags::NODIRATIME),
            (MountFlags::RELATIME, StatfsFlags::RELATIME),
            (MountFlags::NOSYMFOLLOW, StatfsFlags::NOSYMFOLLOW),
        ] {
            if flags.has(flag) {
                shown |= show;
            }
        }
        Statfs { f_flags: shown, ..self.sb().fs.statfs() }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        self.sb().mount_gone();
    }
}

fn key(dentry: &Arc<Dentry>) -> usize {
    Arc::as_ptr(dentry).addr()
}

impl Path {
    /// Whether it is the top of its mount.
    pub fn is_mount_root(&self) -> bool {
        Arc::ptr_eq(&self.dentry, &self.mount.root)
    }

    /// Goes on to what is mounted here, and on that.
    pub fn cross(mut self) -> Path {
        while self.dentry.has_mounts() {
            let Some(mount) = self.mount.child_at(&self.dentry) else { break };
            mount.entered();
            let dentry = mount.root.clone();
            self = Path { mount, dentry };
        }
        self
    }

    /// The kind of file, if the name exists.
    pub fn kind(&self) -> Option<Kind<'_>> {
        self.dentry.inode().map(|inode| inode.kind())
    }
}
