//! Ties between mounts: peers, which show each other's mounts, and slaves, which show their
//! master's (mount_namespaces(7), `Documentation/filesystems/sharedsubtree.rst`, `fs/pnode.c`).
//!
//! Linux hangs slaves on one mount of a group of peers and passes them on when that leaves; here
//! they belong to the [`Group`] itself. The `Mounts` lock is held over every change.

use super::{Mount, Number, Numbers};
use crate::lock::{Spin, order};
use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;

/// How a mount passes on what is mounted and unmounted on it.
#[derive(Clone, Default)]
pub(super) struct Ties {
    /// Its peers; `None` unless it is shared.
    pub group: Option<Arc<Group>>,
    /// Whose mounts it shows, too.
    pub master: Option<Arc<Group>>,
    /// It cannot be bound anywhere else.
    pub unbindable: bool,
}

/// Mounts that are peers, at least one while it exists, and their slaves.
pub(super) struct Group {
    id: Number,
    peers: Spin<Members, order::Names>,
    slaves: Spin<Members, order::Names>,
}

/// Mounts by their ids.
type Members = BTreeMap<u32, Weak<Mount>>;

/// What mount(2) can make of a mount.
#[derive(Clone, Copy)]
pub enum Propagation<'a> {
    /// `MS_SHARED`, with the numbers of groups.
    Shared(&'a Arc<Numbers>),
    /// `MS_SLAVE`
    Slave,
    /// `MS_PRIVATE`
    Private,
    /// `MS_UNBINDABLE`
    Unbindable,
}

impl Group {
    /// Its number, as `shared:N` and `master:N` show it.
    pub fn id(&self) -> u32 {
        self.id.get()
    }

    pub fn peers(&self) -> Vec<Arc<Mount>> {
        self.peers.lock().values().filter_map(Weak::upgrade).collect()
    }

    pub fn slaves(&self) -> Vec<Arc<Mount>> {
        self.slaves.lock().values().filter_map(Weak::upgrade).collect()
    }
}

impl Mount {
    pub(super) fn ties(&self) -> Ties {
        self.ties.lock().clone()
    }

    /// Whether it has peers, or would have them if it were bound somewhere.
    pub(super) fn is_shared(&self) -> bool {
        self.ties.lock().group.is_some()
    }
}

impl Mount {
    /// Undoes the sharing of a mount that has no peers.
    pub(super) fn forget_group(&self) {
        let group = self.ties.lock().group.take();
        drop(group);
    }
}

/// Makes `mount` a peer in `group`.
pub(super) fn join(mount: &Arc<Mount>, group: &Arc<Group>) {
    group.peers.lock().insert(mount.id, Arc::downgrade(mount));
    let old = mount.ties.lock().group.replace(group.clone());
    drop(old);
}

/// Makes `mount` a slave of `master`, or of nobody.
pub(super) fn set_master(mount: &Arc<Mount>, master: Option<Arc<Group>>) {
    if let Some(master) = &master {
        master.slaves.lock().insert(mount.id, Arc::downgrade(mount));
    }
    let old = core::mem::replace(&mut mount.ties.lock().master, master.clone());
    if let Some(old) = old
        && !master.is_some_and(|master| Arc::ptr_eq(&master, &old))
    {
        old.slaves.lock().remove(&mount.id);
    }
}

/// Makes `mount` what mount(2) says (`change_mnt_propagation`).
pub(super) fn change(mount: &Arc<Mount>, to: Propagation) {
    if let Propagation::Shared(numbers) = to {
        mount.ties.lock().unbindable = false;
        if !mount.is_shared() {
            let (peers, slaves) = (Spin::new(Members::new()), Spin::new(Members::new()));
            join(mount, &Arc::new(Group { id: numbers.take(), peers, slaves }));
        }
        return;
    }
    let group = mount.ties.lock().group.take();
    if let Some(group) = group {
        leave(mount, &group);
    }
    match to {
        Propagation::Private => mount.ties.lock().unbindable = false,
        Propagation::Unbindable => mount.ties.lock().unbindable = true,
        Propagation::Slave | Propagation::Shared(_) => return,
    }
    set_master(mount, None);
}

/// `mount` is no peer in `group` any more, but its slave, if there are others; else the slaves of
/// the group become those of its master.
fn leave(mount: &Arc<Mount>, group: &Arc<Group>) {
    let alone = {
        let mut peers = group.peers.lock();
        peers.remove(&mount.id);
        peers.is_empty()
    };
    if !alone {
        set_master(mount, Some(group.clone()));
        return;
    }
    let master = mount.ties().master;
    for slave in group.slaves() {
        set_master(&slave, master.clone());
    }
}
