//! mount(2), umount2(2), mount_setattr(2) and pivot_root(2).

use super::{CWD, find, find_at};
use crate::fs::Fd;
use crate::fs::mount::AttrChange;
use crate::fs::path::Path;
use crate::mm::user::{UserIn, UserPath, UserStr};
use crate::process::Cx;
use abi::errno::{E2BIG, EFAULT, EINVAL, ENAMETOOLONG, ENOTDIR, EPERM, Result};
use abi::fs::{AtFlags, MOUNT_ATTR_SIZE_VER0, MountAttr, MountFlags, PATH_MAX, UmountFlags};
use abi::process::CAP_SYS_ADMIN;
use alloc::vec::Vec;

/// Bytes of options that mount(2) reads: a page, like Linux.
const OPTIONS: usize = 4096;

/// The upper half of the flags once had to be this; it is ignored.
const MS_MGC_VAL: u64 = 0xc0ed_0000;

/// Flags that are the kernel's own (`MS_NOUSER`, a negative int).
const MS_NOUSER: u64 = !0x7fff_ffff;

/// What `MS_SHARED` and its like change.
const PROPAGATION: MountFlags = MountFlags::SHARED
    .with(MountFlags::PRIVATE)
    .with(MountFlags::SLAVE)
    .with(MountFlags::UNBINDABLE);

/// Whether the caller may change mounts.
fn may_mount(cx: &Cx) -> Result<()> {
    if cx.cred().capable(CAP_SYS_ADMIN) { Ok(()) } else { Err(EPERM) }
}

/// mount(2)
pub fn mount(
    cx: &mut Cx,
    source: Option<UserStr>,
    target: UserPath,
    kind: Option<UserStr>,
    flags: u64,
    options: u64,
) -> Result<()> {
    let space = cx.space();
    let text = |given: Option<UserStr>| match given.map(|text| text.read(space, PATH_MAX)) {
        Some(Err(ENAMETOOLONG)) => Err(EINVAL),
        read => read.transpose(),
    };
    let kind = text(kind)?;
    let from = text(source)?;
    let options = read_options(cx, options)?;
    let at = find(cx, CWD, target, true)?;
    let magic = flags & 0xffff_0000 == MS_MGC_VAL;
    let flags = if magic { flags & 0xffff } else { flags };
    if flags & MS_NOUSER != 0 {
        return Err(EINVAL);
    }
    may_mount(cx)?;
    let flags = MountFlags(flags);
    let mounts = &cx.fs().mounts;
    let named = source.filter(|_| from.as_ref().is_some_and(|from| !from.is_empty()));
    let source = || find(cx, CWD, UserPath::new(named.ok_or(EINVAL)?.addr()), true);
    if flags.has(MountFlags::REMOUNT | MountFlags::BIND) {
        mounts.remount_bind(&at, flags)
    } else if flags.has(MountFlags::REMOUNT) {
        mounts.remount(&at, flags, &options)
    } else if flags.has(MountFlags::BIND) {
        mounts.bind(&source()?, at, flags.has(MountFlags::REC))
    } else if flags.intersects(PROPAGATION) {
        mounts.change_ties(&at, flags)
    } else if flags.has(MountFlags::MOVE) {
        mounts.move_mount(&source()?, at)
    } else {
        let kind = kind.ok_or(EINVAL)?;
        mounts.mount(from.as_deref().unwrap_or(b"none"), at, &kind, flags, &options)
    }
}

/// A page at most, up to its NUL; what lies behind the end of the memory is not needed.
fn read_options(cx: &Cx, at: u64) -> Result<Vec<u8>> {
    if at == 0 {
        return Ok(Vec::new());
    }
    let mut page = alloc::vec![0; OPTIONS];
    let n = cx.space().copy_in_partial(at, &mut page);
    if n == 0 {
        return Err(EFAULT);
    }
    // The last byte of a full page counts as its NUL.
    let end = page.iter().take(n.min(OPTIONS - 1)).position(|&b| b == 0);
    page.truncate(end.unwrap_or(n.min(OPTIONS - 1)));
    Ok(page)
}

/// umount2(2)
pub fn umount2(cx: &mut Cx, target: UserPath, flags: u32) -> Result<()> {
    let flags = UmountFlags::checked(flags).ok_or(EINVAL)?;
    // Of all paths only this one's leads to what is mounted on `.` and `..`, too.
    let at = find(cx, CWD, target, !flags.has(UmountFlags::NOFOLLOW))?.cross();
    may_mount(cx)?;
    cx.fs().mounts.unmount(&at, &cx.fs().root(), flags)
}

/// mount_setattr(2)
pub fn mount_setattr(
    cx: &mut Cx,
    dir: Fd,
    path: UserPath,
    flags: u32,
    attr: UserIn<MountAttr>,
    size: usize,
) -> Result<()> {
    let flags = AtFlags(flags);
    let known = AtFlags::EMPTY_PATH
        | AtFlags::RECURSIVE
        | AtFlags::SYMLINK_NOFOLLOW
        | AtFlags::NO_AUTOMOUNT;
    if !flags.without(known).is_empty() {
        return Err(EINVAL);
    }
    if size > OPTIONS {
        return Err(E2BIG);
    }
    if size < MOUNT_ATTR_SIZE_VER0 {
        return Err(EINVAL);
    }
    may_mount(cx)?;
    let asked = attr.read(cx.space())?;
    // What a later kernel knows has to be zero.
    let mut more = alloc::vec![0; size - MOUNT_ATTR_SIZE_VER0];
    let behind = attr.addr().checked_add(MOUNT_ATTR_SIZE_VER0 as u64).ok_or(EFAULT)?;
    cx.space().copy_in(behind, &mut more)?;
    if more.iter().any(|&byte| byte != 0) {
        return Err(E2BIG);
    }
    if (asked.attr_set, asked.attr_clr, asked.propagation) == (0, 0, 0) {
        return Ok(());
    }
    let change = AttrChange::new(&asked)?;
    let lookup = flags & (AtFlags::EMPTY_PATH | AtFlags::SYMLINK_NOFOLLOW);
    let at = find_at(cx, dir, path, lookup)?.path.ok_or(EINVAL)?;
    cx.fs().mounts.set_attr(&at, &change, flags.has(AtFlags::RECURSIVE))
}

/// pivot_root(2): all processes at the old root get the new one.
pub fn pivot_root(cx: &mut Cx, new: UserPath, put_old: UserPath) -> Result<()> {
    may_mount(cx)?;
    let dir = |path| -> Result<Path> {
        let path = find(cx, CWD, path, true)?;
        if path.dentry.is_dir() { Ok(path) } else { Err(ENOTDIR) }
    };
    let (new, put_old) = (dir(new)?, dir(put_old)?);
    let root = cx.fs().root();
    cx.fs().mounts.pivot(&root, &new, put_old)?;
    cx.kernel.replace_root(&root, &new)
}
