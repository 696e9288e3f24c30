//! umount2(2) (`do_umount` and `umount_tree` in `fs/namespace.c`).

use super::namespace::Mounts;
use super::propagate::receivers;
use super::tree::{hang, members, unhang, withdraw};
use super::{Mount, Namespace, Propagation, key, ties};
use crate::fs::path::Path;
use abi::Result;
use abi::errno::{EAGAIN, EBUSY, EINVAL};
use abi::fs::{MountFlags, UmountFlags};
use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::Ordering;

/// Who holds a mount that nobody uses: the name space and the place where it hangs.
const UNUSED: usize = 2;

/// `expiry` of a mount that was marked, and since then entered by one walk: that of umount2(2).
const UNTOUCHED: u32 = 2;

impl Namespace {
    /// Takes away the mount that `at` is the top of. `EBUSY` while it is in use, unless
    /// `MNT_DETACH` says so: then it leaves the tree at once, with all that is mounted below, and
    /// goes when its last user does. With `MNT_EXPIRE`, `EAGAIN` the first time.
    ///
    /// `root` is the caller's: the mount it is on does not go but becomes read-only.
    pub fn unmount(&self, at: &Path, root: &Path, flags: UmountFlags) -> Result<()> {
        let mut mounts = self.mounts.lock();
        let mount = &at.mount;
        if !at.is_mount_root() || !mount.in_tree() || self.is_root(mount) {
            return Err(EINVAL);
        }
        let is_own_root = Arc::ptr_eq(mount, &root.mount);
        let lazy = flags.has(UmountFlags::DETACH);
        if flags.has(UmountFlags::EXPIRE) {
            if is_own_root || flags.intersects(UmountFlags::FORCE | UmountFlags::DETACH) {
                return Err(EINVAL);
            }
            expire(mount)?;
        }
        if is_own_root && !lazy {
            let flags = mount.sb().flags() | MountFlags::RDONLY;
            return mount.sb().reconfigure(flags, b"");
        }
        let gone = if lazy { members(mount)? } else { Vec::from([mount.clone()]) };
        let gone = with_counterparts(gone);
        if !lazy {
            if !mount.children.lock().is_empty() {
                return Err(EBUSY);
            }
            for counterpart in gone.iter().filter(|other| !Arc::ptr_eq(other, mount)) {
                may_go(counterpart)?;
            }
            close(mount)?;
        }
        take_down(&mut mounts, &gone);
        self.touch();
        drop(mounts);
        drop(gone);
        Ok(())
    }
}

/// `MNT_EXPIRE`: goes on if nobody has used the mount since the last time.
fn expire(mount: &Arc<Mount>) -> Result<()> {
    if Arc::strong_count(mount) > UNUSED + 1 {
        return Err(EBUSY);
    }
    match mount.expiry.swap(1, Ordering::Relaxed) {
        UNTOUCHED => Ok(()),
        _ => Err(EAGAIN),
    }
}

/// What covers the whole of `mount`, and only hides it.
fn topper(mount: &Mount) -> Option<Arc<Mount>> {
    mount.child_at(mount.root())
}

/// `EBUSY` if somebody uses a counterpart, which is in one list here.
fn may_go(mount: &Arc<Mount>) -> Result<()> {
    // A topper holds what it covers.
    let known = UNUSED + 1 + usize::from(topper(mount).is_some());
    if Arc::strong_count(mount) > known { Err(EBUSY) } else { Ok(()) }
}

/// Lets nobody walk into `mount` any more, unless somebody uses it: `EBUSY`. It is in one list
/// here, and in the path that led to it.
fn close(mount: &Arc<Mount>) -> Result<()> {
    let place = mount.place().ok_or(EINVAL)?;
    let closed = {
        let mut children = place.mount.children.lock();
        if Arc::strong_count(mount) > UNUSED + 2 {
            return Err(EBUSY);
        }
        children.remove(&key(&place.dentry))
    };
    drop(closed);
    Ok(())
}

/// `gone` and what has to go with it: for each of them, what is mounted at the same place on the
/// peers and slaves of its parent, unless something else is mounted on that.
fn with_counterparts(gone: Vec<Arc<Mount>>) -> Vec<Arc<Mount>> {
    let mut known: BTreeSet<u32> = gone.iter().map(|mount| mount.id).collect();
    let mut all = gone.clone();
    // From the leaves up, so that a counterpart's children were looked at before it.
    for mount in gone.iter().rev() {
        let Some(place) = mount.place() else { continue };
        let Some(group) = place.mount.ties().group else { continue };
        for receiver in receivers(&group) {
            let Some(other) = receiver.child_at(&place.dentry) else { continue };
            if !known.contains(&other.id) && only_these_on(&other, &known) {
                known.insert(other.id);
                all.push(other);
            }
        }
    }
    all
}

/// Whether nothing but `these` is mounted on `mount`, and what covers it whole.
fn only_these_on(mount: &Mount, these: &BTreeSet<u32>) -> bool {
    let top = key(mount.root());
    mount.children.lock().iter().all(|(at, child)| *at == top || these.contains(&child.id))
}

/// Takes mounts out of the tree, each on its own: nothing stays mounted on them. What only covered
/// one of them takes its place.
fn take_down(mounts: &mut Mounts, gone: &[Arc<Mount>]) {
    for mount in gone {
        withdraw(mounts, mount);
        ties::change(mount, Propagation::Private);
    }
    for mount in gone {
        let above = topper(mount).filter(|above| above.in_tree());
        match (mount.place(), above) {
            (Some(place), Some(above)) => {
                mount.at.lock().take();
                // There is room, since `mount` was there, and the name is.
                if hang(&above, place.clone()).is_ok() {
                    place.dentry.mount_removed();
                }
            }
            _ => drop(unhang(mount)),
        }
    }
}
