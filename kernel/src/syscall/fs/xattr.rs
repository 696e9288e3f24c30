//! Extended attributes: setxattr(2), getxattr(2), listxattr(2), removexattr(2) and their kin.

use super::{CWD, Found, find, usable};
use crate::fs::Fd;
use crate::fs::xattr;
use crate::mm::user::{In, Out, UserBytes, UserPath, UserStr};
use crate::process::Cx;
use abi::errno::{E2BIG, EINVAL, ENAMETOOLONG, ENOMEM, ERANGE, Result};
use abi::fs::{InotifyMask, XATTR_LIST_MAX, XATTR_NAME_MAX, XATTR_SIZE_MAX, XattrFlags};
use alloc::vec::Vec;

/// The file at `path`, or the link there.
fn at(cx: &Cx, path: UserPath, follow: bool) -> Result<Found> {
    Found::at(find(cx, CWD, path, follow)?)
}

/// A name of 1 to 255 bytes: `ERANGE`.
fn name(cx: &Cx, name: UserStr) -> Result<Vec<u8>> {
    match name.read(cx.space(), XATTR_NAME_MAX + 1) {
        Err(ENAMETOOLONG) => Err(ERANGE),
        Ok(name) if name.is_empty() => Err(ERANGE),
        result => result,
    }
}

fn set(cx: &Cx, found: &Found, key: UserStr, value: UserBytes<In>, flags: u32) -> Result<()> {
    let _access = found.write_access()?;
    let flags = XattrFlags::checked(flags).ok_or(EINVAL)?;
    let key = name(cx, key)?;
    if value.len() > XATTR_SIZE_MAX {
        return Err(E2BIG);
    }
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(value.len()).map_err(|_| ENOMEM)?;
    bytes.resize(value.len(), 0);
    cx.space().copy_in(value.addr(), &mut bytes)?;
    xattr::set(cx.cred(), &*found.inode, &key, bytes, flags)?;
    found.tell(InotifyMask::ATTRIB);
    Ok(())
}

fn get(cx: &Cx, found: &Found, key: UserStr, value: UserBytes<Out>) -> Result<usize> {
    let key = name(cx, key)?;
    if value.is_empty() {
        return xattr::len(cx.cred(), &*found.inode, &key);
    }
    let bytes = xattr::get(cx.cred(), &*found.inode, &key, value.len())?;
    cx.space().copy_out(value.addr(), &bytes)?;
    Ok(bytes.len())
}

fn list(cx: &Cx, found: &Found, to: UserBytes<Out>) -> Result<usize> {
    let names = xattr::list(cx.cred(), &*found.inode)?;
    if to.is_empty() {
        return Ok(names.len());
    }
    if names.len() > to.len().min(XATTR_LIST_MAX) {
        return Err(if to.len() >= XATTR_LIST_MAX { E2BIG } else { ERANGE });
    }
    cx.space().copy_out(to.addr(), &names)?;
    Ok(names.len())
}

fn remove(cx: &Cx, found: &Found, key: UserStr) -> Result<()> {
    let _access = found.write_access()?;
    let key = name(cx, key)?;
    xattr::remove(cx.cred(), &*found.inode, &key)?;
    found.tell(InotifyMask::ATTRIB);
    Ok(())
}

/// setxattr(2)
pub fn setxattr(
    cx: &mut Cx,
    path: UserPath,
    name: UserStr,
    value: UserBytes<In>,
    flags: u32,
) -> Result<()> {
    set(cx, &at(cx, path, true)?, name, value, flags)
}

/// lsetxattr(2)
pub fn lsetxattr(
    cx: &mut Cx,
    path: UserPath,
    name: UserStr,
    value: UserBytes<In>,
    flags: u32,
) -> Result<()> {
    set(cx, &at(cx, path, false)?, name, value, flags)
}

/// fsetxattr(2)
pub fn fsetxattr(
    cx: &mut Cx,
    fd: Fd,
    name: UserStr,
    value: UserBytes<In>,
    flags: u32,
) -> Result<()> {
    set(cx, &usable(cx, fd)?, name, value, flags)
}

/// getxattr(2)
pub fn getxattr(
    cx: &mut Cx,
    path: UserPath,
    name: UserStr,
    value: UserBytes<Out>,
) -> Result<usize> {
    get(cx, &at(cx, path, true)?, name, value)
}

/// lgetxattr(2)
pub fn lgetxattr(
    cx: &mut Cx,
    path: UserPath,
    name: UserStr,
    value: UserBytes<Out>,
) -> Result<usize> {
    get(cx, &at(cx, path, false)?, name, value)
}

/// fgetxattr(2)
pub fn fgetxattr(cx: &mut Cx, fd: Fd, name: UserStr, value: UserBytes<Out>) -> Result<usize> {
    get(cx, &usable(cx, fd)?, name, value)
}

/// listxattr(2)
pub fn listxattr(cx: &mut Cx, path: UserPath, to: UserBytes<Out>) -> Result<usize> {
    list(cx, &at(cx, path, true)?, to)
}

/// llistxattr(2)
pub fn llistxattr(cx: &mut Cx, path: UserPath, to: UserBytes<Out>) -> Result<usize> {
    list(cx, &at(cx, path, false)?, to)
}

/// flistxattr(2)
pub fn flistxattr(cx: &mut Cx, fd: Fd, to: UserBytes<Out>) -> Result<usize> {
    list(cx, &usable(cx, fd)?, to)
}

/// removexattr(2)
pub fn removexattr(cx: &mut Cx, path: UserPath, name: UserStr) -> Result<()> {
    remove(cx, &at(cx, path, true)?, name)
}

/// lremovexattr(2)
pub fn lremovexattr(cx: &mut Cx, path: UserPath, name: UserStr) -> Result<()> {
    remove(cx, &at(cx, path, false)?, name)
}

/// fremovexattr(2)
pub fn fremovexattr(cx: &mut Cx, fd: Fd, name: UserStr) -> Result<()> {
    remove(cx, &usable(cx, fd)?, name)
}
