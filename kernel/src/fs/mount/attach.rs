//! What mount(2) and pivot_root(2) do to the tree. Checks come in Linux's order
//! (`fs/namespace.c`), which decides the errno when several apply.

use super::namespace::Mounts;
use super::tree::{Copy, commit, discard, hang, is_reachable, members, reserve, tuck, unhang};
use super::{ATIME, KEPT, Mount, Namespace, Propagation, ties};
use crate::fs::path::Path;
use abi::Result;
use abi::errno::{EBUSY, EINVAL, ELOOP, ENODEV, ENOENT, ENOSPC, ENOTDIR};
use abi::fs::MountFlags;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::Ordering;

/// The flags of a mount that mount(2) asks for: without a word on times of last read they are
/// kept roughly.
fn kept(flags: MountFlags) -> MountFlags {
    let strict = flags.has(MountFlags::STRICTATIME);
    let mut kept = flags & KEPT.with(MountFlags::RDONLY);
    if strict {
        kept = kept.without(MountFlags::NOATIME);
    }
    if strict || flags.has(MountFlags::NOATIME) {
        kept.without(MountFlags::RELATIME)
    } else {
        kept | MountFlags::RELATIME
    }
}

impl Namespace {
    /// Mounts a new file system of kind `kind` at `at`. `ENODEV` for an unknown kind.
    pub fn mount(
        &self,
        source: &[u8],
        at: Path,
        kind: &[u8],
        flags: MountFlags,
        options: &[u8],
    ) -> Result<()> {
        let kind = self.types().iter().find(|t| t.name.as_bytes() == kind).ok_or(ENODEV)?;
        let (root, follows) = kind.instance(self.new_dev(), self.clock(), flags, options)?;
        let new = Mount::new(self.ids.take(), source, root, kept(flags));
        let mut mounts = self.mounts.lock();
        if follows {
            new.sb().reconfigure(flags, options)?;
        }
        let at = self.here(at)?;
        if Arc::ptr_eq(at.mount.sb(), new.sb()) && at.is_mount_root() {
            return Err(EBUSY);
        }
        self.graft(&mut mounts, &new, at)
    }

    /// Shows `from` at `at`, too (`MS_BIND`), with all that is mounted below it if `all`.
    pub fn bind(&self, from: &Path, at: Path, all: bool) -> Result<()> {
        let mut mounts = self.mounts.lock();
        let at = self.here(at)?;
        if from.mount.ties().unbindable || !from.mount.in_tree() {
            return Err(EINVAL);
        }
        let copy = match all {
            true => self.copy_tree(&from.mount, &from.dentry, Copy::Peer)?,
            false => self.copy(&from.mount, &from.dentry, Copy::Peer)?,
        };
        let grafted = self.graft(&mut mounts, &copy, at);
        if grafted.is_err() {
            discard(&copy);
        }
        grafted
    }

    /// Changes flags and options of the file system, and flags of the mount, that `at` is the top
    /// of (`MS_REMOUNT`).
    pub fn remount(&self, at: &Path, flags: MountFlags, options: &[u8]) -> Result<()> {
        let _mounts = self.mounts.lock();
        may_change(at)?;
        at.mount.sb().reconfigure(flags, options)?;
        at.mount.set_flags(remounted(&at.mount, flags))?;
        self.touch();
        Ok(())
    }

    /// Changes the flags of the mount alone (`MS_REMOUNT | MS_BIND`).
    pub fn remount_bind(&self, at: &Path, flags: MountFlags) -> Result<()> {
        let _mounts = self.mounts.lock();
        may_change(at)?;
        at.mount.set_flags(remounted(&at.mount, flags))?;
        self.touch();
        Ok(())
    }

    /// Changes what the mount that `at` is the top of has to do with others, and all below it if
    /// `all` (`MS_SHARED` and its like).
    pub fn change_ties(&self, at: &Path, flags: MountFlags) -> Result<()> {
        let kind = flags.without(MountFlags::REC | MountFlags::SILENT);
        let to = self.propagation(kind).ok_or(EINVAL)?;
        let _mounts = self.mounts.lock();
        if !at.is_mount_root() {
            return Err(EINVAL);
        }
        if !flags.has(MountFlags::REC) {
            ties::change(&at.mount, to);
            return Ok(());
        }
        for mount in members(&at.mount)? {
            ties::change(&mount, to);
        }
        Ok(())
    }

    /// What one of the flags for ties asks for.
    pub(super) fn propagation(&self, kind: MountFlags) -> Option<Propagation<'_>> {
        match kind {
            MountFlags::SHARED => Some(Propagation::Shared(&self.groups)),
            MountFlags::SLAVE => Some(Propagation::Slave),
            MountFlags::PRIVATE => Some(Propagation::Private),
            MountFlags::UNBINDABLE => Some(Propagation::Unbindable),
            _ => None,
        }
    }

    /// Moves the mount that `from` is the top of to `at` (`MS_MOVE`).
    pub fn move_mount(&self, from: &Path, at: Path) -> Result<()> {
        let mut mounts = self.mounts.lock();
        let at = self.here(at)?;
        let moving = &from.mount;
        let parent = moving.place().ok_or(EINVAL)?.mount;
        if !moving.in_tree() || !from.is_mount_root() {
            return Err(EINVAL);
        }
        if from.dentry.is_dir() != at.dentry.is_dir() || parent.is_shared() {
            return Err(EINVAL);
        }
        if at.mount.is_shared() && members(moving)?.iter().any(|m| m.ties().unbindable) {
            return Err(EINVAL);
        }
        let mut above = Some(at.clone());
        while let Some(path) = above {
            if Arc::ptr_eq(&path.mount, moving) {
                return Err(ELOOP);
            }
            above = path.mount.place();
        }
        self.attach(&mut mounts, moving, at)
    }

    /// Makes the mount `new` the root in place of `root`, which moves to `put_old`
    /// (pivot_root(2)). Who has the old root as theirs is the caller's business.
    pub fn pivot(&self, root: &Path, new: &Path, put_old: Path) -> Result<()> {
        let _mounts = self.mounts.lock();
        let put_old = self.here(put_old)?;
        let place = |mount: &Mount| mount.place();
        let shared = |place: &Option<Path>| place.as_ref().is_some_and(|at| at.mount.is_shared());
        let (new_at, root_at) = (place(&new.mount), place(&root.mount));
        if put_old.mount.is_shared() || shared(&new_at) || shared(&root_at) {
            return Err(EINVAL);
        }
        if !root.mount.in_tree() || !new.mount.in_tree() {
            return Err(EINVAL);
        }
        if new.dentry.is_unlinked() {
            return Err(ENOENT);
        }
        let is_root = |path: &Path| Arc::ptr_eq(&path.mount, &root.mount);
        if is_root(new) || is_root(&put_old) {
            return Err(EBUSY);
        }
        let (Some(root_at), Some(_)) = (root_at, new_at) else { return Err(EINVAL) };
        let tops = root.is_mount_root() && new.is_mount_root();
        if !tops || !is_reachable(&put_old, new) || !is_reachable(new, root) {
            return Err(EINVAL);
        }
        // One of the two steps below must not fail after the other.
        reserve(&put_old.mount)?;
        let target = put_old.dentry.clone();
        if !target.mount_added() {
            return Err(ENOENT);
        }
        let moved = hang(&new.mount, root_at).and_then(|()| hang(&root.mount, put_old));
        target.mount_removed();
        self.touch();
        moved
    }

    /// Where a mount at `at` goes: on top of what has been mounted there meanwhile. `EINVAL`
    /// outside the tree, `ENOENT` where the name is gone.
    fn here(&self, at: Path) -> Result<Path> {
        let at = at.cross();
        if at.dentry.is_unlinked() {
            return Err(ENOENT);
        }
        if at.mount.in_tree() { Ok(at) } else { Err(EINVAL) }
    }

    /// Attaches what is not a directory only to what is none (`graft_tree`).
    fn graft(&self, mounts: &mut Mounts, tree: &Arc<Mount>, at: Path) -> Result<()> {
        if tree.root().is_dir() != at.dentry.is_dir() {
            return Err(ENOTDIR);
        }
        self.attach(mounts, tree, at)
    }

    /// Puts `tree`, wherever it was, at `at`, and copies of it where that shows, too
    /// (`attach_recursive_mnt`). On failure nothing has changed.
    fn attach(&self, mounts: &mut Mounts, tree: &Arc<Mount>, at: Path) -> Result<()> {
        let own = members(tree)?;
        let shares = at.mount.is_shared();
        let was_private: Vec<_> = own.iter().filter(|m| shares && !m.is_shared()).collect();
        let unbindable: Vec<_> = own.iter().filter(|m| shares && m.ties().unbindable).collect();
        for mount in &was_private {
            ties::change(mount, Propagation::Shared(&self.groups));
        }
        let attached = self.attach_all(mounts, tree, &own, at);
        if attached.is_err() {
            for mount in was_private {
                mount.forget_group();
            }
            for mount in unbindable {
                mount.ties.lock().unbindable = true;
            }
        }
        attached
    }

    fn attach_all(
        &self,
        mounts: &mut Mounts,
        tree: &Arc<Mount>,
        own: &[Arc<Mount>],
        at: Path,
    ) -> Result<()> {
        let copies = self.propagate(tree, &at)?;
        let hung = self.hang_all(mounts, tree, own, at, &copies);
        if hung.is_err() {
            for (copy, _) in &copies {
                discard(copy);
            }
        }
        hung
    }

    fn hang_all(
        &self,
        mounts: &mut Mounts,
        tree: &Arc<Mount>,
        own: &[Arc<Mount>],
        at: Path,
        copies: &[(Arc<Mount>, Path)],
    ) -> Result<()> {
        let mut new = Vec::new();
        new.extend(own.iter().filter(|mount| !mount.in_tree()).cloned());
        for (copy, place) in copies {
            new.extend(members(copy)?);
            // So that none of the steps below can fail half way.
            reserve(&place.mount)?;
            reserve(copy)?;
        }
        let most = self.settings().mount_max.load(Ordering::Relaxed) as usize;
        if mounts.list.len() + new.len() > most {
            return Err(ENOSPC);
        }
        hang(tree, at)?;
        for (copy, place) in copies {
            let hung = match place.mount.child_at(&place.dentry) {
                Some(there) => tuck(copy, &there),
                None => hang(copy, place.clone()),
            };
            if hung.is_err() {
                drop(unhang(copy));
            }
        }
        for mount in &new {
            commit(mounts, mount);
        }
        self.touch();
        Ok(())
    }
}

/// Whether the mount that `at` is the top of may change: `EINVAL`.
fn may_change(at: &Path) -> Result<()> {
    if at.mount.in_tree() && at.is_mount_root() { Ok(()) } else { Err(EINVAL) }
}

/// The flags of `mount` after a remount: without a word on times of last read, the old ones.
fn remounted(mount: &Mount, flags: MountFlags) -> MountFlags {
    if flags.intersects(ATIME | MountFlags::STRICTATIME) {
        return kept(flags);
    }
    kept(flags).without(ATIME) | mount.flags() & ATIME
}
