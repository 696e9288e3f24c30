//! Attributes by path and by descriptor: chmod(2), chown(2), utimensat(2), truncate(2).

use super::{CWD, Found, find, find_at, usable};
use crate::cred::{Gid, Uid};
use crate::fs::Fd;
use crate::fs::attr::{self, NewTime};
use crate::fs::notify;
use crate::mm::user::{UserIn, UserPath};
use crate::process::Cx;
use abi::errno::{EFAULT, EINVAL, Result};
use abi::fs::{AtFlags, InotifyMask};
use abi::time::{Timespec, Timeval, UTIME_NOW, UTIME_OMIT, Utimbuf};

fn change_mode(cx: &Cx, found: &Found, perm: u32) -> Result<()> {
    let _access = found.write_access()?;
    cx.with_caller(|c| attr::chmod(c, &found.inode, perm))?;
    found.tell(InotifyMask::ATTRIB);
    Ok(())
}

/// chmod(2)
pub fn chmod(cx: &mut Cx, path: UserPath, perm: u32) -> Result<()> {
    fchmodat(cx, CWD, path, perm)
}

/// fchmod(2)
pub fn fchmod(cx: &mut Cx, fd: Fd, perm: u32) -> Result<()> {
    let found = usable(cx, fd)?;
    change_mode(cx, &found, perm)
}

/// fchmodat(2)
pub fn fchmodat(cx: &mut Cx, dir: Fd, path: UserPath, perm: u32) -> Result<()> {
    let found = Found::at(find(cx, dir, path, true)?)?;
    change_mode(cx, &found, perm)
}

/// The id -1 leaves owner or group as it is.
fn given(id: u32) -> Option<u32> {
    (id != u32::MAX).then_some(id)
}

fn change_owner(cx: &Cx, found: &Found, uid: u32, gid: u32) -> Result<()> {
    let _access = found.write_access()?;
    let (uid, gid) = (given(uid).map(Uid), given(gid).map(Gid));
    cx.with_caller(|c| attr::chown(c, &found.inode, uid, gid))?;
    if uid.is_some() || gid.is_some() {
        found.tell(InotifyMask::ATTRIB);
    }
    Ok(())
}

/// chown(2)
pub fn chown(cx: &mut Cx, path: UserPath, uid: u32, gid: u32) -> Result<()> {
    fchownat(cx, CWD, path, uid, gid, 0)
}

/// lchown(2)
pub fn lchown(cx: &mut Cx, path: UserPath, uid: u32, gid: u32) -> Result<()> {
    fchownat(cx, CWD, path, uid, gid, AtFlags::SYMLINK_NOFOLLOW.bits())
}

/// fchown(2)
pub fn fchown(cx: &mut Cx, fd: Fd, uid: u32, gid: u32) -> Result<()> {
    let found = usable(cx, fd)?;
    change_owner(cx, &found, uid, gid)
}

/// fchownat(2)
pub fn fchownat(
    cx: &mut Cx,
    dir: Fd,
    path: UserPath,
    uid: u32,
    gid: u32,
    flags: u32,
) -> Result<()> {
    let flags = AtFlags(flags);
    if !flags.without(AtFlags::SYMLINK_NOFOLLOW | AtFlags::EMPTY_PATH).is_empty() {
        return Err(EINVAL);
    }
    let found = find_at(cx, dir, path, flags)?;
    change_owner(cx, &found, uid, gid)
}

/// truncate(2)
pub fn truncate(cx: &mut Cx, path: UserPath, len: i64) -> Result<()> {
    let len = u64::try_from(len).map_err(|_| EINVAL)?;
    let path = find(cx, CWD, path, true)?;
    cx.with_caller(|c| attr::truncate(c, &path, len))?;
    notify::changed(&path, InotifyMask::MODIFY);
    Ok(())
}

fn set_times(cx: &Cx, found: &Found, [atime, mtime]: [NewTime; 2]) -> Result<()> {
    let _access = found.write_access()?;
    cx.with_caller(|c| attr::set_times(c, &found.inode, atime, mtime))?;
    // One time alone looks like what usually changes it.
    match (atime, mtime) {
        (NewTime::Keep, NewTime::Keep) => {}
        (_, NewTime::Keep) => found.tell(InotifyMask::ACCESS),
        (NewTime::Keep, _) => found.tell(InotifyMask::MODIFY),
        _ => found.tell(InotifyMask::ATTRIB),
    }
    Ok(())
}

/// utime(2)
pub fn utime(cx: &mut Cx, path: UserPath, times: Option<UserIn<Utimbuf>>) -> Result<()> {
    let at = |tv_sec| NewTime::At(Timespec { tv_sec, tv_nsec: 0 });
    let times = match times {
        Some(times) => {
            let Utimbuf { actime, modtime } = times.read(cx.space())?;
            [at(actime), at(modtime)]
        }
        None => [NewTime::Now; 2],
    };
    set_times(cx, &Found::at(find(cx, CWD, path, true)?)?, times)
}

/// utimes(2)
pub fn utimes(cx: &mut Cx, path: UserPath, times: Option<UserIn<[Timeval; 2]>>) -> Result<()> {
    futimesat(cx, CWD, Some(path), times)
}

/// futimesat(2)
pub fn futimesat(
    cx: &mut Cx,
    dir: Fd,
    path: Option<UserPath>,
    times: Option<UserIn<[Timeval; 2]>>,
) -> Result<()> {
    let mut new = [NewTime::Now; 2];
    if let Some(times) = times {
        for (new, tv) in new.iter_mut().zip(times.read(cx.space())?) {
            if !(0..1_000_000).contains(&tv.tv_usec) {
                return Err(EINVAL);
            }
            *new = NewTime::At(Timespec { tv_sec: tv.tv_sec, tv_nsec: tv.tv_usec * 1000 });
        }
    }
    let found = match path {
        Some(path) => Found::at(find(cx, dir, path, true)?)?,
        None => usable(cx, dir)?,
    };
    set_times(cx, &found, new)
}

/// utimensat(2); without a path it is futimens(3).
pub fn utimensat(
    cx: &mut Cx,
    dir: Fd,
    path: Option<UserPath>,
    times: Option<UserIn<[Timespec; 2]>>,
    flags: u32,
) -> Result<()> {
    let mut new = [NewTime::Now; 2];
    if let Some(times) = times {
        for (new, time) in new.iter_mut().zip(times.read(cx.space())?) {
            *new = match time.tv_nsec {
                UTIME_NOW => NewTime::Now,
                UTIME_OMIT => NewTime::Keep,
                0..1_000_000_000 => NewTime::At(time),
                _ => return Err(EINVAL),
            };
        }
        // Nothing to do: not even the path is looked at.
        if new == [NewTime::Keep; 2] {
            return Ok(());
        }
    }
    let flags = AtFlags(flags);
    if !flags.without(AtFlags::SYMLINK_NOFOLLOW | AtFlags::EMPTY_PATH).is_empty() {
        return Err(EINVAL);
    }
    let found = match path {
        Some(path) => find_at(cx, dir, path, flags)?,
        None if dir == CWD => return Err(EFAULT),
        None if !flags.is_empty() => return Err(EINVAL),
        None => usable(cx, dir)?,
    };
    set_times(cx, &found, new)
}
