//! What is mounted on a shared mount appears on its peers and slaves, and goes there, too
//! (`propagate_mnt` and `propagate_umount` in `fs/pnode.c`). The `Mounts` lock is held.

use super::ties::Group;
use super::tree::{Copy, discard, is_below};
use super::{Mount, Namespace};
use crate::fs::path::Path;
use abi::Result;
use alloc::collections::{BTreeSet, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Every mount to which what happens on a mount of `group` is passed on, that mount included.
pub(super) fn receivers(group: &Arc<Group>) -> Vec<Arc<Mount>> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::from([group.id()]);
    let mut groups = VecDeque::from([group.clone()]);
    while let Some(group) = groups.pop_front() {
        found.extend(group.peers());
        for slave in group.slaves() {
            match slave.ties().group {
                None => found.push(slave),
                Some(group) if seen.insert(group.id()) => groups.push_back(group),
                Some(_) => {}
            }
        }
    }
    found
}

impl Namespace {
    /// Copies of `tree`, all of whose mounts are shared, for every mount that has to show what is
    /// mounted at `at`, each with its place.
    ///
    /// The mounts of one group get copies that are peers: among the peers of the mount at `at`
    /// they are peers of `tree`, and in a group of slaves, slaves of what their master has got.
    pub(super) fn propagate(
        &self,
        tree: &Arc<Mount>,
        at: &Path,
    ) -> Result<Vec<(Arc<Mount>, Path)>> {
        let mut copies = Vec::new();
        let made = self.propagate_to(tree, at, &mut copies);
        if made.is_err() {
            for (copy, _) in copies.drain(..) {
                discard(&copy);
            }
        }
        made.map(|()| copies)
    }

    fn propagate_to(
        &self,
        tree: &Arc<Mount>,
        at: &Path,
        copies: &mut Vec<(Arc<Mount>, Path)>,
    ) -> Result<()> {
        let Some(group) = at.mount.ties().group else { return Ok(()) };
        let shows = |mount: &Arc<Mount>| {
            let other = !Arc::ptr_eq(mount, &at.mount) && mount.in_tree();
            other && is_below(&at.dentry, mount.root())
        };
        let mut copy_to = |mount: Arc<Mount>, from: &Arc<Mount>, how| -> Result<Arc<Mount>> {
            let copy = self.copy_tree(from, from.root(), how)?;
            copies.push((copy.clone(), Path { mount, dentry: at.dentry.clone() }));
            Ok(copy)
        };
        let mut seen = BTreeSet::from([group.id()]);
        let mut groups = VecDeque::from([(group, tree.clone(), Copy::Peer)]);
        while let Some((group, mut from, mut how)) = groups.pop_front() {
            for peer in group.peers().into_iter().filter(shows) {
                let copy = copy_to(peer, &from, how)?;
                if how != Copy::Peer {
                    (from, how) = (copy, Copy::Peer);
                }
            }
            for slave in group.slaves() {
                match slave.ties().group {
                    Some(group) if seen.insert(group.id()) => {
                        groups.push_back((group, from.clone(), Copy::SharedSlave));
                    }
                    Some(_) => {}
                    None if shows(&slave) => {
                        copy_to(slave, &from, Copy::Slave)?;
                    }
                    None => {}
                }
            }
        }
        Ok(())
    }
}
