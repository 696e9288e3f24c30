//! Asking about files: stat(2), statx(2), access(2), statfs(2).

use super::{CWD, Found, find, find_at};
use crate::cred::{CapSet, Cred, Uid};
use crate::fs::{Caller, Fd, attr};
use crate::mm::user::{UserOut, UserPath};
use crate::process::Cx;
use abi::Wire;
use abi::errno::{EINVAL, Result};
use abi::fs::{
    AccessMode, AtFlags, NAME_MAX, PIPE_BUF, PIPEFS_MAGIC, Stat, Statfs, Statx, StatxMask,
};

/// stat(2)
pub fn stat(cx: &mut Cx, path: UserPath, to: UserOut<Stat>) -> Result<()> {
    newfstatat(cx, CWD, path, to, 0)
}

/// lstat(2)
pub fn lstat(cx: &mut Cx, path: UserPath, to: UserOut<Stat>) -> Result<()> {
    newfstatat(cx, CWD, path, to, AtFlags::SYMLINK_NOFOLLOW.bits())
}

/// fstat(2)
pub fn fstat(cx: &mut Cx, fd: Fd, to: UserOut<Stat>) -> Result<()> {
    let found = Found::open(cx, fd)?;
    to.write(cx.space(), &attr::stat(&found.inode.attr()))
}

/// newfstatat(2), known as fstatat(2)
pub fn newfstatat(
    cx: &mut Cx,
    dir: Fd,
    path: UserPath,
    to: UserOut<Stat>,
    flags: u32,
) -> Result<()> {
    let flags = AtFlags(flags);
    let sync = AtFlags::STATX_FORCE_SYNC | AtFlags::STATX_DONT_SYNC;
    let known = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT | AtFlags::EMPTY_PATH;
    if !flags.without(known | sync).is_empty() {
        return Err(EINVAL);
    }
    let found = find_at(cx, dir, path, flags)?;
    to.write(cx.space(), &attr::stat(&found.inode.attr()))
}

/// statx(2)
pub fn statx(
    cx: &mut Cx,
    dir: Fd,
    path: UserPath,
    flags: u32,
    mask: u32,
    to: UserOut<Statx>,
) -> Result<()> {
    let flags = AtFlags(flags);
    let sync = AtFlags::STATX_FORCE_SYNC | AtFlags::STATX_DONT_SYNC;
    if mask & StatxMask::_RESERVED.bits() != 0 || flags.has(sync) {
        return Err(EINVAL);
    }
    let known = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT | AtFlags::EMPTY_PATH | sync;
    if !flags.without(known).is_empty() {
        return Err(EINVAL);
    }
    let found = find_at(cx, dir, path, flags)?;
    to.write(cx.space(), &attr::statx(&found.inode.attr(), found.path.as_ref()))
}

/// access(2)
pub fn access(cx: &mut Cx, path: UserPath, want: u32) -> Result<()> {
    faccessat2(cx, CWD, path, want, 0)
}

/// faccessat(2)
pub fn faccessat(cx: &mut Cx, dir: Fd, path: UserPath, want: u32) -> Result<()> {
    faccessat2(cx, dir, path, want, 0)
}

/// faccessat2(2)
pub fn faccessat2(cx: &mut Cx, dir: Fd, path: UserPath, want: u32, flags: u32) -> Result<()> {
    let want = AccessMode::checked(want).ok_or(EINVAL)?;
    let flags = AtFlags(flags);
    let known = AtFlags::EACCESS | AtFlags::SYMLINK_NOFOLLOW | AtFlags::EMPTY_PATH;
    if !flags.without(known).is_empty() {
        return Err(EINVAL);
    }
    let cred = match flags.has(AtFlags::EACCESS) {
        true => Cred::clone(cx.cred()),
        false => real(cx.cred()),
    };
    let text = path.read(cx.space())?;
    let path = if text.is_empty() && flags.has(AtFlags::EMPTY_PATH) {
        match find_at(cx, dir, path, flags)?.path {
            Some(path) => path,
            // A pipe can be used by who has it.
            None => return Ok(()),
        }
    } else {
        let start = super::start(cx, dir, &text)?;
        let follow = !flags.has(AtFlags::SYMLINK_NOFOLLOW);
        let walk = |c: &Caller| {
            crate::fs::path::lookup(&Caller { cred: &cred, ..*c }, start, &text, follow)
        };
        cx.with_caller(walk)?
    };
    attr::access(&cred, &path, want)
}

/// The caller as its real user and group, with the capabilities that user would have.
fn real(cred: &Cred) -> Cred {
    let mut real = cred.clone();
    (real.fsuid, real.fsgid) = (cred.uid, cred.gid);
    real.effective = if cred.uid == Uid::ROOT { cred.permitted } else { CapSet::EMPTY };
    real
}

/// statfs(2)
pub fn statfs(cx: &mut Cx, path: UserPath, to: UserOut<Statfs>) -> Result<()> {
    let path = find(cx, CWD, path, true)?;
    to.write(cx.space(), &path.mount.statfs())
}

/// fstatfs(2)
pub fn fstatfs(cx: &mut Cx, fd: Fd, to: UserOut<Statfs>) -> Result<()> {
    let found = Found::open(cx, fd)?;
    let answer = match &found.path {
        Some(path) => path.mount.statfs(),
        None => Statfs {
            f_type: PIPEFS_MAGIC as i64,
            f_bsize: PIPE_BUF as i64,
            f_frsize: PIPE_BUF as i64,
            f_namelen: NAME_MAX as i64,
            ..Statfs::ZERO
        },
    };
    to.write(cx.space(), &answer)
}
