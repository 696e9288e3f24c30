//! Changing attributes: chmod(2), chown(2), utimensat(2), truncate(2), and answering stat(2).

use crate::cred::{Gid, Uid};
use crate::fs::access::{
    self, READ, WRITE, is_owner, mode_without_set_id, path_permission, permission,
};
use crate::fs::busy::Claim;
use crate::fs::caller::Caller;
use crate::fs::inode::{Attr, Change, Inode, Kind};
use crate::fs::mount::WriteAccess;
use crate::fs::path::Path;
use crate::signal::Signal;
use crate::time;
use abi::Result;
use abi::Wire;
use abi::errno::{EACCES, EFBIG, EINVAL, EISDIR, EPERM, EROFS};
use abi::fs::{
    AccessMode, MountFlags, S_IFDIR, S_ISGID, Stat, Statx, StatxAttr, StatxMask, StatxTimestamp,
    major, minor, s_isblk, s_ischr, s_isdir, s_islnk, s_isreg,
};
use abi::process::{CAP_CHOWN, CAP_FSETID, RLIMIT_FSIZE};
use abi::signal::SIGXFSZ;
use abi::time::Timespec;
use alloc::sync::Arc;

/// The time to stamp files with.
pub fn now(c: &Caller) -> Timespec {
    time::timespec(c.fs_info.mounts.clock().now_ns())
}

/// chmod(2). `perm`: the new permission bits.
pub fn chmod(c: &Caller, inode: &Arc<dyn Inode>, perm: u32) -> Result<()> {
    let attr = inode.attr();
    if !is_owner(c.cred, &attr) {
        return Err(EPERM);
    }
    let mut perm = perm & 0o7777;
    if !c.cred.in_group(attr.gid) && !c.cred.capable(CAP_FSETID) {
        perm &= !S_ISGID;
    }
    inode.set_attr(&Change { mode: Some(perm), ctime: Some(now(c)), ..Change::default() })
}

/// chown(2). `None` leaves the owner or group as it is.
pub fn chown(c: &Caller, inode: &Arc<dyn Inode>, uid: Option<Uid>, gid: Option<Gid>) -> Result<()> {
    let attr = inode.attr();
    let mine = c.cred.fsuid == attr.uid;
    let keeps_uid = uid.is_none_or(|uid| mine && uid == attr.uid);
    let own_gid = |gid| mine && (gid == attr.gid || c.cred.in_group(gid));
    let allowed = keeps_uid && gid.is_none_or(own_gid);
    if !allowed && !c.cred.capable(CAP_CHOWN) {
        return Err(EPERM);
    }
    let mode = match attr.file_type() {
        S_IFDIR => None,
        _ => mode_without_set_id(&attr),
    };
    inode.set_attr(&Change { mode, uid, gid, ctime: Some(now(c)), ..Change::default() })
}

/// A time for [`set_times`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewTime {
    /// Leave it (`UTIME_OMIT`).
    Keep,
    /// The current time (`UTIME_NOW`).
    Now,
    /// This time.
    At(Timespec),
}

/// utimensat(2): sets the times of last read and last write.
pub fn set_times(c: &Caller, inode: &Arc<dyn Inode>, atime: NewTime, mtime: NewTime) -> Result<()> {
    let attr = inode.attr();
    if !is_owner(c.cred, &attr) {
        // Who may write the file may also say that it was written now.
        if (atime, mtime) != (NewTime::Now, NewTime::Now) {
            return Err(EPERM);
        }
        permission(c.cred, &attr, WRITE).map_err(|_| EACCES)?;
    }
    let now = now(c);
    let time = |new| match new {
        NewTime::Keep => None,
        NewTime::Now => Some(now),
        NewTime::At(time) => Some(time),
    };
    let (atime, mtime) = (time(atime), time(mtime));
    inode.set_attr(&Change { atime, mtime, ctime: Some(now), ..Change::default() })
}

/// truncate(2).
pub fn truncate(c: &Caller, path: &Path, len: u64) -> Result<()> {
    let inode = path.inode()?;
    match inode.kind() {
        Kind::Dir(_) => return Err(EISDIR),
        Kind::File(_) | Kind::Made(_) => {}
        _ => return Err(EINVAL),
    }
    let _access = WriteAccess::new(&path.mount)?;
    inode.permission(c.cred, WRITE)?;
    let _claim = Claim::to_write(inode)?;
    set_len(c, inode, len)
}

/// Sets a regular file's length; permission was checked. `EINVAL` for other kinds, `EFBIG` and
/// `SIGXFSZ` beyond `RLIMIT_FSIZE`.
pub fn set_len(c: &Caller, inode: &Arc<dyn Inode>, len: u64) -> Result<()> {
    let data = match inode.kind() {
        Kind::File(data) => data,
        Kind::Made(_) => return Ok(()),
        _ => return Err(EINVAL),
    };
    let attr = inode.attr();
    if len > attr.size && len > c.limits.get(RLIMIT_FSIZE) {
        (c.raise)(Signal(SIGXFSZ));
        return Err(EFBIG);
    }
    data.truncate(len)?;
    let mode = access::mode_after_write(c.cred, &attr);
    let now = now(c);
    inode.set_attr(&Change { mode, mtime: Some(now), ctime: Some(now), ..Change::default() })
}

/// access(2): `cred` asks, which is not always the caller's own.
pub fn access(cred: &crate::cred::Cred, path: &Path, want: AccessMode) -> Result<()> {
    let attr = path.inode()?.attr();
    let regular = s_isreg(attr.mode);
    if want.has(AccessMode::X) && regular && path.mount.flags().has(MountFlags::NOEXEC) {
        return Err(EACCES);
    }
    // Devices and pipes on a read-only file system can still be written to.
    let on_disk = regular || s_isdir(attr.mode) || s_islnk(attr.mode);
    path_permission(cred, path, want.bits() & (READ | WRITE | access::EXEC))?;
    if want.has(AccessMode::W) && on_disk && path.mount.is_read_only() {
        return Err(EROFS);
    }
    Ok(())
}

/// The answer of stat(2).
pub fn stat(attr: &Attr) -> Stat {
    Stat {
        st_dev: attr.dev,
        st_ino: attr.ino,
        st_nlink: attr.nlink.into(),
        st_mode: attr.mode,
        st_uid: attr.uid.0,
        st_gid: attr.gid.0,
        st_rdev: attr.rdev,
        st_size: attr.size as i64,
        st_blksize: attr.blksize.into(),
        st_blocks: attr.blocks as i64,
        st_atime: attr.atime.tv_sec,
        st_atime_nsec: attr.atime.tv_nsec,
        st_mtime: attr.mtime.tv_sec,
        st_mtime_nsec: attr.mtime.tv_nsec,
        st_ctime: attr.ctime.tv_sec,
        st_ctime_nsec: attr.ctime.tv_nsec,
        ..Stat::ZERO
    }
}

/// The answer of statx(2). It always gives the basic fields, and the time of birth if the file
/// system has it; `path` adds what belongs to the mount.
pub fn statx(attr: &Attr, path: Option<&Path>) -> Statx {
    let stamp = |t: Timespec| StatxTimestamp { tv_sec: t.tv_sec, tv_nsec: t.tv_nsec as u32 };
    let mut mask = StatxMask::BASIC_STATS;
    let mut attributes = StatxAttr::EMPTY;
    if attr.btime.is_some() {
        mask |= StatxMask::BTIME;
    }
    if let Some(path) = path {
        mask |= StatxMask::MNT_ID;
        if path.is_mount_root() {
            attributes |= StatxAttr::MOUNT_ROOT;
        }
    }
    let device = s_ischr(attr.mode) || s_isblk(attr.mode);
    let rdev = if device { attr.rdev } else { 0 };
    Statx {
        stx_mask: mask,
        stx_blksize: attr.blksize,
        stx_attributes: attributes,
        stx_nlink: attr.nlink,
        stx_uid: attr.uid.0,
        stx_gid: attr.gid.0,
        stx_mode: attr.mode as u16,
        stx_ino: attr.ino,
        stx_size: attr.size,
        stx_blocks: attr.blocks,
        stx_attributes_mask: StatxAttr::MOUNT_ROOT,
        stx_atime: stamp(attr.atime),
        stx_btime: attr.btime.map_or(StatxTimestamp::ZERO, stamp),
        stx_ctime: stamp(attr.ctime),
        stx_mtime: stamp(attr.mtime),
        stx_rdev_major: major(rdev),
        stx_rdev_minor: minor(rdev),
        stx_dev_major: major(attr.dev),
        stx_dev_minor: minor(attr.dev),
        stx_mnt_id: path.map_or(0, |path| path.mount.id.into()),
        ..Statx::ZERO
    }
}
