//! Making, removing and moving names: mkdir(2), mknod(2), symlink(2), link(2), unlink(2),
//! rmdir(2), rename(2).
//!
//! Checks come in Linux's order (`fs/namei.c`), which decides the errno when several apply.
//! Locks: `Rename`, then the `Dir` lock of the directories in question.

use crate::fs::access::{EXEC, WRITE, path_permission, sticky};
use crate::fs::caller::Caller;
use crate::fs::dentry::Dentry;
use crate::fs::inode::{Attr, Dir, Inode, Kind, New, What};
use crate::fs::mount::WriteAccess;
use crate::fs::notify;
use crate::fs::path::{Last, Path, Walk};
use crate::fs::protect;
use abi::Result;
use abi::errno::{EACCES, EBUSY, EEXIST, EINVAL, EISDIR, ENOENT, ENOTDIR, ENOTEMPTY, EPERM, EXDEV};
use abi::fs::{InotifyMask, RenameFlags, S_ISGID, S_IXGRP};
use abi::process::{CAP_FSETID, CAP_MKNOD};
use alloc::sync::Arc;

/// The directory operations of `path`.
pub(super) fn dir_of(path: &Path) -> Result<&dyn Dir> {
    match path.inode()?.kind() {
        Kind::Dir(dir) => Ok(dir),
        _ => Err(ENOTDIR),
    }
}

/// Whether names may be made in directory `dir`.
fn may_create(c: &Caller, dir: &Path) -> Result<()> {
    if dir.dentry.is_unlinked() {
        return Err(ENOENT);
    }
    path_permission(c.cred, dir, WRITE | EXEC)
}

/// Whether `child` may lose its name in `dir`: as a directory if `as_dir`.
fn may_delete(c: &Caller, dir: &Path, child: &Path, as_dir: bool) -> Result<()> {
    let inode = child.inode()?;
    let attr = dir.inode()?.attr();
    path_permission(c.cred, dir, WRITE | EXEC)?;
    sticky(c.cred, &attr, &inode.attr())?;
    match (as_dir, child.dentry.is_dir()) {
        (true, false) => Err(ENOTDIR),
        (false, true) => Err(EISDIR),
        _ => Ok(()),
    }
}

/// Owner and mode of what the caller makes in `dir` (`inode_init_owner`, `mode_strip_sgid`).
pub(super) fn new_inode<'a>(c: &Caller, dir: &Attr, perm: u32, what: What<'a>) -> New<'a> {
    let mut perm = match what {
        What::Link(_) => 0o777,
        _ => perm & 0o7777 & !c.fs_info.umask(),
    };
    let mut gid = c.cred.fsgid;
    if dir.mode & S_ISGID != 0 {
        gid = dir.gid;
        let marked = perm & (S_ISGID | S_IXGRP) == S_ISGID | S_IXGRP;
        if matches!(what, What::Dir) {
            perm |= S_ISGID;
        } else if marked && !c.cred.in_group(gid) && !c.cred.capable(CAP_FSETID) {
            perm &= !S_ISGID;
        }
    }
    New { perm, uid: c.cred.fsuid, gid, what }
}

/// Makes `what` under a name in `dir`, whose `Dir` lock is held, and where `name` leads to
/// nothing.
pub(super) fn create_locked(
    c: &Caller,
    dir: &Path,
    name: &[u8],
    perm: u32,
    what: What,
) -> Result<Arc<Dentry>> {
    may_create(c, dir)?;
    let new = new_inode(c, &dir.inode()?.attr(), perm, what);
    let inode = dir_of(dir)?.create(name, &new)?;
    notify::entry(&dir.dentry, name, &inode, InotifyMask::CREATE, 0);
    Ok(dir.dentry.created(name, inode))
}

/// Makes a file without a name in `dir` (`O_TMPFILE`).
pub(super) fn make_nameless(
    c: &Caller,
    dir: &Path,
    perm: u32,
    linkable: bool,
) -> Result<Arc<Dentry>> {
    let attr = dir.inode()?.attr();
    path_permission(c.cred, dir, WRITE | EXEC)?;
    let new = new_inode(c, &attr, perm, What::File);
    let inode = dir_of(dir)?.nameless(&new, linkable)?;
    let name = alloc::format!("#{}", inode.attr().ino);
    Ok(dir.dentry.nameless(name.as_bytes(), inode))
}

/// Walks to where a new name goes and, with the directory locked, has `make` make it.
fn with_new_name<R>(
    c: &Caller,
    from: Option<Path>,
    path: &[u8],
    is_dir: bool,
    make: impl FnOnce(&Path, &[u8]) -> Result<R>,
) -> Result<R> {
    let mut walk = Walk::new(c, from, path)?;
    let Last::Name(name) = walk.to_last()? else { return Err(EEXIST) };
    let dir = walk.at();
    let _entries = dir.dentry.lock_entries();
    if dir.dentry.lookup_locked(name.bytes())?.inode().is_some() {
        return Err(EEXIST);
    }
    if walk.wants_dir() && !is_dir {
        return Err(ENOENT);
    }
    let _access = WriteAccess::new(&dir.mount)?;
    make(dir, name.bytes())
}

/// mkdir(2), mknod(2), symlink(2). `perm` is before the umask.
pub fn make(c: &Caller, from: Option<Path>, path: &[u8], perm: u32, what: What) -> Result<()> {
    with_new_name(c, from, path, matches!(what, What::Dir), |dir, name| {
        if matches!(what, What::Char(_) | What::Block(_)) {
            may_create(c, dir)?;
            // The device of no number is nobody's: overlay file systems mark what is gone by it.
            let whiteout = matches!(what, What::Char(0));
            if !whiteout && !c.cred.capable(CAP_MKNOD) {
                return Err(EPERM);
            }
        }
        create_locked(c, dir, name, perm, what).map(drop)
    })
}

/// link(2): gives the file at `old` one more name.
pub fn link(c: &Caller, old: &Path, from: Option<Path>, path: &[u8]) -> Result<()> {
    with_new_name(c, from, path, false, |dir, name| {
        if !Arc::ptr_eq(&old.mount, &dir.mount) {
            return Err(EXDEV);
        }
        let inode = old.inode()?;
        protect::may_link(c, &**inode)?;
        may_create(c, dir)?;
        if matches!(inode.kind(), Kind::Dir(_)) {
            return Err(EPERM);
        }
        dir_of(dir)?.link(name, inode)?;
        notify::itself(&old.dentry, InotifyMask::ATTRIB);
        notify::entry(&dir.dentry, name, inode, InotifyMask::CREATE, 0);
        dir.dentry.created(name, inode.clone());
        Ok(())
    })
}

/// unlink(2).
pub fn unlink(c: &Caller, from: Option<Path>, path: &[u8]) -> Result<()> {
    let mut walk = Walk::new(c, from, path)?;
    let Last::Name(name) = walk.to_last()? else { return Err(EISDIR) };
    remove(walk.at(), name.bytes(), |child| {
        if walk.wants_dir() {
            child.inode()?;
            return Err(if child.dentry.is_dir() { EISDIR } else { ENOTDIR });
        }
        may_delete(c, walk.at(), child, false)?;
        unmounted(child, || dir_of(walk.at())?.unlink(name.bytes()))
    })
}

/// rmdir(2).
pub fn rmdir(c: &Caller, from: Option<Path>, path: &[u8]) -> Result<()> {
    let mut walk = Walk::new(c, from, path)?;
    let name = match walk.to_last()? {
        Last::Name(name) => name,
        Last::DotDot => return Err(ENOTEMPTY),
        Last::Dot => return Err(EINVAL),
        Last::Here => return Err(EBUSY),
    };
    remove(walk.at(), name.bytes(), |child| {
        child.inode()?;
        may_delete(c, walk.at(), child, true)?;
        unmounted(child, || dir_of(walk.at())?.rmdir(name.bytes()))
    })
}

/// With the directory locked, has `take` take away what `name` leads to. What goes is dropped
/// after the lock; who watches it is told before who watches the directory, unless it is open.
fn remove(dir: &Path, name: &[u8], take: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let _access = WriteAccess::new(&dir.mount)?;
    let inode;
    {
        let _entries = dir.dentry.lock_entries();
        let child = Path { mount: dir.mount.clone(), dentry: dir.dentry.lookup_locked(name)? };
        take(&child)?;
        if !child.dentry.is_dir() {
            notify::itself(&child.dentry, InotifyMask::ATTRIB);
        }
        child.dentry.unlinked();
        inode = child.inode()?.clone();
        drop(child);
        notify::entry(&dir.dentry, name, &inode, InotifyMask::DELETE, 0);
    }
    drop(inode);
    Ok(())
}

/// `EBUSY` where something is mounted.
fn busy(path: &Path) -> Result<()> {
    if path.dentry.has_mounts() { Err(EBUSY) } else { Ok(()) }
}

/// Has `take` take away the name of `path`, on which nothing is mounted, now or later: `EBUSY`.
fn unmounted(path: &Path, take: impl FnOnce() -> Result<()>) -> Result<()> {
    path.dentry.forbid_mounts()?;
    let taken = take();
    if taken.is_err() {
        path.dentry.allow_mounts();
    }
    taken
}

/// rename(2), renameat2(2).
pub fn rename(
    c: &Caller,
    (old_from, old_path): (Option<Path>, &[u8]),
    (new_from, new_path): (Option<Path>, &[u8]),
    flags: RenameFlags,
) -> Result<()> {
    let exchange = flags.has(RenameFlags::EXCHANGE);
    if flags.has(RenameFlags::WHITEOUT) || exchange && flags.has(RenameFlags::NOREPLACE) {
        return Err(EINVAL);
    }
    let mut old_walk = Walk::new(c, old_from, old_path)?;
    let old_last = old_walk.to_last()?;
    let mut new_walk = Walk::new(c, new_from, new_path)?;
    let new_last = new_walk.to_last()?;
    let (from, to) = (old_walk.at(), new_walk.at());
    if !Arc::ptr_eq(&from.mount, &to.mount) {
        return Err(EXDEV);
    }
    let Last::Name(old_name) = old_last else { return Err(EBUSY) };
    let Last::Name(new_name) = new_last else {
        return Err(if flags.has(RenameFlags::NOREPLACE) { EEXIST } else { EBUSY });
    };
    let _access = WriteAccess::new(&from.mount)?;
    let (old_name, new_name) = (old_name.bytes(), new_name.bytes());
    let replaced;
    {
        let _rename = from.mount.sb().rename.lock();
        let _entries = Dentry::lock_both(&from.dentry, &to.dentry);
        let at = |dir: &Path, name| -> Result<Path> {
            Ok(Path { mount: dir.mount.clone(), dentry: dir.dentry.lookup_locked(name)? })
        };
        let old = at(from, old_name)?;
        let moving = old.inode()?.clone();
        let new = at(to, new_name)?;
        if flags.has(RenameFlags::NOREPLACE) && new.dentry.inode().is_some() {
            return Err(EEXIST);
        }
        if exchange {
            new.inode()?;
            if !new.dentry.is_dir() && new_walk.wants_dir() {
                return Err(ENOTDIR);
            }
        }
        let is_dir = old.dentry.is_dir();
        if !is_dir && (old_walk.wants_dir() || !exchange && new_walk.wants_dir()) {
            return Err(ENOTDIR);
        }
        // Neither may be above the other's directory.
        if to.dentry.is_within(&old.dentry) {
            return Err(EINVAL);
        }
        if from.dentry.is_within(&new.dentry) {
            return Err(if exchange { EINVAL } else { ENOTEMPTY });
        }
        if same_inode(&old, &new) {
            return Ok(());
        }
        may_delete(c, from, &old, is_dir)?;
        if new.dentry.inode().is_none() {
            may_create(c, to)?;
        } else {
            may_delete(c, to, &new, if exchange { new.dentry.is_dir() } else { is_dir })?;
        }
        // A directory gets another `..`, which is a write to it.
        if !Arc::ptr_eq(&from.dentry, &to.dentry) {
            if is_dir {
                moving.permission(c.cred, WRITE)?;
            }
            if exchange && new.dentry.is_dir() {
                new.inode()?.permission(c.cred, WRITE).map_err(|_| EACCES)?;
            }
        }
        busy(&old)?;
        busy(&new)?;
        let target: &dyn Inode = &**to.inode()?;
        let take = || dir_of(from)?.rename(old_name, target, new_name, exchange);
        match exchange || new.dentry.inode().is_none() {
            true => take()?,
            false => unmounted(&new, take)?,
        }
        if exchange {
            old.dentry.moved(&to.dentry, new_name);
            new.dentry.moved(&from.dentry, old_name);
        } else {
            new.dentry.unlinked();
            old.dentry.moved(&to.dentry, new_name);
        }
        let (here, there) = ((&*from.dentry, old_name), (&*to.dentry, new_name));
        let replaces = (!exchange).then_some(&*new.dentry);
        notify::renamed(here, there, &old.dentry, replaces, c.fs_info.mounts.new_cookie());
        if exchange {
            notify::renamed(there, here, &new.dentry, None, c.fs_info.mounts.new_cookie());
        }
        replaced = (old, new);
    }
    drop(replaced);
    Ok(())
}

fn same_inode(a: &Path, b: &Path) -> bool {
    match (a.dentry.inode(), b.dentry.inode()) {
        (Some(a), Some(b)) => Arc::ptr_eq(a, b),
        _ => false,
    }
}
