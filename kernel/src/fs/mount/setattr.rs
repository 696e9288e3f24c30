//! mount_setattr(2): attributes of mounts, of a whole tree at once (`do_mount_setattr` in
//! `fs/namespace.c`).

use super::tree::members;
use super::{ATIME, Mount, Namespace, ties};
use crate::fs::path::Path;
use abi::Result;
use abi::errno::{EBUSY, EINVAL};
use abi::fs::{MountAttr, MountAttrFlags, MountFlags};
use alloc::sync::Arc;
use core::sync::atomic::Ordering;

/// Attributes and the flags of mount(2) that are the same.
const SAME: [(MountAttrFlags, MountFlags); 6] = [
    (MountAttrFlags::RDONLY, MountFlags::RDONLY),
    (MountAttrFlags::NOSUID, MountFlags::NOSUID),
    (MountAttrFlags::NODEV, MountFlags::NODEV),
    (MountAttrFlags::NOEXEC, MountFlags::NOEXEC),
    (MountAttrFlags::NODIRATIME, MountFlags::NODIRATIME),
    (MountAttrFlags::NOSYMFOLLOW, MountFlags::NOSYMFOLLOW),
];

/// What is to become of the flags of a mount, and of its ties.
pub struct AttrChange {
    set: MountFlags,
    clear: MountFlags,
    ties: MountFlags,
}

fn same(attr: MountAttrFlags) -> MountFlags {
    let set = SAME.iter().filter(|(a, _)| attr.has(*a));
    set.fold(MountFlags::EMPTY, |flags, (_, flag)| flags | *flag)
}

impl AttrChange {
    /// What the caller asks for (`build_mount_kattr`): `EINVAL` for what is unknown, for more than
    /// one kind of ties, for another way to keep times of last read that does not clear the old,
    /// and for `IDMAP`, which no file system here allows.
    pub fn new(attr: &MountAttr) -> Result<Self> {
        let (set, clear) = (MountAttrFlags(attr.attr_set), MountAttrFlags(attr.attr_clr));
        let known = same_attrs() | MountAttrFlags::_ATIME;
        let kinds =
            MountFlags::SHARED | MountFlags::PRIVATE | MountFlags::SLAVE | MountFlags::UNBINDABLE;
        let ties = MountFlags(attr.propagation);
        let several = attr.propagation.count_ones() > 1;
        if several || !ties.without(kinds).is_empty() || !(set | clear).without(known).is_empty() {
            return Err(EINVAL);
        }
        let mut change = Self { set: same(set), clear: same(clear), ties };
        let atime = set & MountAttrFlags::_ATIME;
        let cleared = clear & MountAttrFlags::_ATIME;
        if cleared.is_empty() {
            return if atime.is_empty() { Ok(change) } else { Err(EINVAL) };
        }
        if cleared != MountAttrFlags::_ATIME {
            return Err(EINVAL);
        }
        change.clear |= ATIME.without(MountFlags::NODIRATIME);
        match atime {
            MountAttrFlags::EMPTY => change.set |= MountFlags::RELATIME,
            MountAttrFlags::NOATIME => change.set |= MountFlags::NOATIME,
            MountAttrFlags::STRICTATIME => {}
            _ => return Err(EINVAL),
        }
        Ok(change)
    }

    fn of(&self, mount: &Mount) -> MountFlags {
        mount.flags().without(self.clear) | self.set
    }
}

fn same_attrs() -> MountAttrFlags {
    SAME.iter().fold(MountAttrFlags::EMPTY, |attrs, (attr, _)| attrs | *attr)
}

impl Namespace {
    /// Changes the mount that `at` is the top of, and all below it if `all`. `EBUSY`, and nothing
    /// has changed, if one is to become read-only through which somebody writes.
    pub fn set_attr(&self, at: &Path, change: &AttrChange, all: bool) -> Result<()> {
        let _mounts = self.mounts.lock();
        if !at.is_mount_root() || !at.mount.in_tree() {
            return Err(EINVAL);
        }
        let mounts =
            if all { members(&at.mount)? } else { alloc::vec::Vec::from([at.mount.clone()]) };
        shut_all(&mounts, change)?;
        for mount in &mounts {
            let flags = change.of(mount);
            if !flags.has(MountFlags::RDONLY) {
                mount.writers.open();
            }
            mount.flags.store((flags & super::KEPT).bits(), Ordering::Relaxed);
            if let Some(to) = self.propagation(change.ties) {
                ties::change(mount, to);
            }
        }
        self.touch();
        Ok(())
    }
}

/// Lets nobody write through the mounts that become read-only, or leaves all as they were.
fn shut_all(mounts: &[Arc<Mount>], change: &AttrChange) -> Result<()> {
    let becomes = |mount: &&Arc<Mount>| {
        change.of(mount).has(MountFlags::RDONLY) && !mount.flags().has(MountFlags::RDONLY)
    };
    let mut shut = alloc::vec::Vec::new();
    for mount in mounts.iter().filter(becomes) {
        if !mount.writers.shut() {
            for mount in shut {
                let mount: &Arc<Mount> = mount;
                mount.writers.open();
            }
            return Err(EBUSY);
        }
        shut.push(mount);
    }
    Ok(())
}
