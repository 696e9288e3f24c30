//! Trees of mounts: hanging them up, taking them down, copying them. The `Mounts` lock is held
//! over all of this.

use super::namespace::Mounts;
use super::ties::{Ties, change, join, set_master};
use super::{Mount, Namespace, Propagation, key};
use crate::fs::dentry::Dentry;
use crate::fs::path::Path;
use abi::Result;
use abi::errno::{EINVAL, ENOENT, ENOMEM};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::Ordering;

/// How a copy of a mount is tied to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Copy {
    /// As it is tied itself: a peer if it is shared, a slave of its master.
    Peer,
    /// As its slave.
    Slave,
    /// As its slave with peers of its own.
    SharedSlave,
}

/// Puts `mount` on top of `to`, from where it was before, if anywhere; what was there is covered,
/// and yet to be hung somewhere else. `ENOENT` where the name is gone.
///
/// At no moment is it nowhere.
pub(super) fn hang(mount: &Arc<Mount>, to: Path) -> Result<()> {
    if !to.dentry.mount_added() {
        return Err(ENOENT);
    }
    if reserve(&to.mount).is_err() {
        to.dentry.mount_removed();
        return Err(ENOMEM);
    }
    let old = mount.at.lock().replace(to.clone());
    let covered = to.mount.children.lock().insert(key(&to.dentry), mount.clone());
    drop(covered);
    if let Some(old) = old {
        take_from(mount, &old);
    }
    Ok(())
}

/// Room for one more child, which stays until the `Mounts` lock is released.
pub(super) fn reserve(mount: &Mount) -> Result<()> {
    mount.children.lock().try_reserve(1).map_err(|_| ENOMEM)
}

/// Takes `mount` from its place.
pub(super) fn unhang(mount: &Arc<Mount>) -> Option<Path> {
    let place = mount.at.lock().take()?;
    take_from(mount, &place);
    Some(place)
}

fn take_from(mount: &Arc<Mount>, place: &Path) {
    let taken = {
        let mut children = place.mount.children.lock();
        let there = children.get(&key(&place.dentry)).is_some_and(|m| Arc::ptr_eq(m, mount));
        if there { children.remove(&key(&place.dentry)) } else { None }
    };
    drop(taken);
    place.dentry.mount_removed();
}

/// Puts `under` between `above` and the place where it is mounted.
pub(super) fn tuck(under: &Arc<Mount>, above: &Arc<Mount>) -> Result<()> {
    let Some(place) = above.place() else { return Err(EINVAL) };
    reserve(under)?;
    hang(under, place)?;
    hang(above, Path { mount: under.clone(), dentry: under.root.clone() })
}

/// `top` with all that is mounted below it, each after what it is mounted on.
pub(super) fn members(top: &Arc<Mount>) -> Result<Vec<Arc<Mount>>> {
    let mut found = Vec::from([top.clone()]);
    let mut next = 0;
    while let Some(mount) = found.get(next).cloned() {
        next += 1;
        found.extend(children(&mount)?);
    }
    Ok(found)
}

/// What is mounted on `mount`, oldest first.
fn children(mount: &Mount) -> Result<Vec<Arc<Mount>>> {
    let mut list = Vec::new();
    {
        let children = mount.children.lock();
        list.try_reserve_exact(children.len()).map_err(|_| ENOMEM)?;
        list.extend(children.values().cloned());
    }
    list.sort_by_key(|child| (child.rank.load(Ordering::Relaxed), child.id));
    Ok(list)
}

/// Enters `mount` among those of the name space.
pub(super) fn commit(mounts: &mut Mounts, mount: &Arc<Mount>) {
    mounts.last += 1;
    mount.rank.store(mounts.last, Ordering::Relaxed);
    mounts.list.insert(mounts.last, mount.clone());
}

/// Takes `mount` out of the name space.
pub(super) fn withdraw(mounts: &mut Mounts, mount: &Arc<Mount>) {
    let rank = mount.rank.swap(0, Ordering::Relaxed);
    let gone = mounts.list.remove(&rank);
    drop(gone);
}

/// Whether `dentry` is `top` or below it.
pub(super) fn is_below(dentry: &Arc<Dentry>, top: &Arc<Dentry>) -> bool {
    if !Arc::ptr_eq(dentry.sb(), top.sb()) {
        return false;
    }
    let _still = top.sb().rename.lock();
    dentry.is_within(top)
}

/// Whether `path` is below `root`, through whatever mounts.
pub(super) fn is_reachable(path: &Path, root: &Path) -> bool {
    let mut at = path.clone();
    while !Arc::ptr_eq(&at.mount, &root.mount) {
        match at.mount.place() {
            Some(place) => at = place,
            None => return false,
        }
    }
    is_below(&at.dentry, &root.dentry)
}

/// Takes a tree apart that is not in the name space.
pub(super) fn discard(top: &Arc<Mount>) {
    let mut left = Vec::from([top.clone()]);
    while let Some(mount) = left.pop() {
        let children: Vec<_> = mount.children.lock().values().cloned().collect();
        left.extend(children);
        change(&mount, Propagation::Private);
        drop(unhang(&mount));
    }
}

impl Namespace {
    /// A copy of `old` from `root` on, in no place yet.
    pub(super) fn copy(
        &self,
        old: &Arc<Mount>,
        root: &Arc<Dentry>,
        how: Copy,
    ) -> Result<Arc<Mount>> {
        hal::heap::admit().map_err(|_| ENOMEM)?;
        let new = Mount::new(self.ids.take(), &old.source, root.clone(), old.flags());
        let Ties { group, master, unbindable } = old.ties();
        match how {
            Copy::Peer => {
                new.ties.lock().unbindable = unbindable;
                if let Some(group) = &group {
                    join(&new, group);
                }
                set_master(&new, master);
            }
            Copy::Slave => set_master(&new, group),
            Copy::SharedSlave => {
                set_master(&new, group);
                change(&new, Propagation::Shared(&self.groups));
            }
        }
        Ok(new)
    }

    /// A copy of `old` from `root` on with what is mounted below, but for what is unbindable.
    pub(super) fn copy_tree(
        &self,
        old: &Arc<Mount>,
        root: &Arc<Dentry>,
        how: Copy,
    ) -> Result<Arc<Mount>> {
        let top = self.copy(old, root, how)?;
        let copied = self.copy_below(old, &top, how);
        if copied.is_err() {
            discard(&top);
        }
        copied.map(|()| top)
    }

    fn copy_below(&self, old: &Arc<Mount>, new: &Arc<Mount>, how: Copy) -> Result<()> {
        let mut left = Vec::from([(old.clone(), new.clone())]);
        while let Some((old, new)) = left.pop() {
            for child in children(&old)? {
                let Some(place) = child.place() else { continue };
                if child.ties().unbindable || !is_below(&place.dentry, &new.root) {
                    continue;
                }
                let copy = self.copy(&child, &child.root, how)?;
                let hung = hang(&copy, Path { mount: new.clone(), dentry: place.dentry });
                if let Err(error) = hung {
                    discard(&copy);
                    return Err(error);
                }
                left.push((child, copy));
            }
        }
        Ok(())
    }
}
