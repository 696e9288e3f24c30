//! Extended attributes: xattr(7), setxattr(2), `fs/xattr.c`.
//!
//! [`Xattrs`] keeps them in memory, as part of an inode; the rules about who may see and change
//! which are here for all file systems. Lock: `Names`, never held over a copy of user memory.

use crate::cred::Cred;
use crate::fs::access::{READ, WRITE, is_owner};
use crate::fs::inode::Inode;
use crate::lock::{Spin, order};
use abi::Result;
use abi::errno::{EEXIST, EINVAL, ENODATA, ENOMEM, EOPNOTSUPP, EPERM, ERANGE};
use abi::fs::{S_IFDIR, S_IFREG, S_ISVTX, XattrFlags};
use abi::process::{CAP_SETFCAP, CAP_SYS_ADMIN};
use alloc::vec::Vec;

/// Where attributes of the name spaces `security.` and `trusted.` are kept.
#[derive(Default)]
pub struct Xattrs {
    /// The youngest last.
    list: Spin<Vec<Xattr>, order::Names>,
}

struct Xattr {
    name: Vec<u8>,
    value: Vec<u8>,
}

/// The attribute that gives a program capabilities.
const CAPABILITY: &[u8] = b"security.capability";
/// Names of the two access control lists.
const ACLS: [&[u8]; 2] = [b"system.posix_acl_access", b"system.posix_acl_default"];

/// Whose business an attribute is.
fn is_in(name: &[u8], space: &[u8]) -> bool {
    name.starts_with(space)
}

/// Whether `cred` may read or write attribute `name` at all (`xattr_permission`).
fn may(cred: &Cred, inode: &dyn Inode, name: &[u8], want: u32) -> Result<()> {
    let refused = if want == WRITE { EPERM } else { ENODATA };
    if is_in(name, b"security.") || is_in(name, b"system.") {
        return Ok(());
    }
    if is_in(name, b"trusted.") {
        return if cred.capable(CAP_SYS_ADMIN) { Ok(()) } else { Err(refused) };
    }
    if is_in(name, b"user.") {
        let attr = &inode.attr();
        let kind = attr.file_type();
        if kind != S_IFREG && kind != S_IFDIR {
            return Err(refused);
        }
        let sticky = kind == S_IFDIR && attr.mode & S_ISVTX != 0;
        if sticky && want == WRITE && !is_owner(cred, attr) {
            return Err(EPERM);
        }
    }
    inode.permission(cred, want)
}

/// Where attribute `name` of the inode is kept (`xattr_resolve_name`): `EOPNOTSUPP` if nowhere.
fn kept<'i>(inode: &'i dyn Inode, name: &[u8]) -> Result<&'i Xattrs> {
    let xattrs = inode.xattrs().ok_or(EOPNOTSUPP)?;
    match name {
        b"security." | b"trusted." => Err(EINVAL),
        _ if is_in(name, b"security.") || is_in(name, b"trusted.") => Ok(xattrs),
        _ => Err(EOPNOTSUPP),
    }
}

/// What the security module says of changes in its name space (`cap_inode_setxattr`).
fn may_secure(cred: &Cred, name: &[u8]) -> Result<()> {
    let needed = match name {
        CAPABILITY => CAP_SETFCAP,
        _ if is_in(name, b"security.") => CAP_SYS_ADMIN,
        _ => return Ok(()),
    };
    if cred.capable(needed) { Ok(()) } else { Err(EPERM) }
}

/// Whether this is a `struct vfs_cap_data` (of revision 2 or 3) by its length and head.
fn is_capability(value: &[u8]) -> bool {
    /// `VFS_CAP_REVISION_MASK`, of the first word.
    const REVISION: u32 = 0xff00_0000;
    let head = value.first_chunk().map(|head| u32::from_le_bytes(*head) & REVISION);
    matches!((value.len(), head), (20, Some(0x0200_0000)) | (24, Some(0x0300_0000)))
}

/// setxattr(2). Whether the mount may be written to was checked.
pub fn set(
    cred: &Cred,
    inode: &dyn Inode,
    name: &[u8],
    value: Vec<u8>,
    flags: XattrFlags,
) -> Result<()> {
    if name == CAPABILITY && !value.is_empty() && !is_capability(&value) {
        return Err(EINVAL);
    }
    may(cred, inode, name, WRITE)?;
    may_secure(cred, name)?;
    kept(inode, name)?.set(name, value, flags)
}

/// getxattr(2): the value; `ERANGE` if it is longer than `most`.
pub fn get(cred: &Cred, inode: &dyn Inode, name: &[u8], most: usize) -> Result<Vec<u8>> {
    may(cred, inode, name, READ)?;
    if ACLS.contains(&name) && inode.xattrs().is_some() {
        return Err(ENODATA);
    }
    kept(inode, name)?.get(name, most)
}

/// How long the value is.
pub fn len(cred: &Cred, inode: &dyn Inode, name: &[u8]) -> Result<usize> {
    get(cred, inode, name, usize::MAX).map(|value| value.len())
}

/// removexattr(2). Whether the mount may be written to was checked.
pub fn remove(cred: &Cred, inode: &dyn Inode, name: &[u8]) -> Result<()> {
    may(cred, inode, name, WRITE)?;
    may_secure(cred, name)?;
    kept(inode, name)?.remove(name)
}

/// listxattr(2): the names that `cred` may see, each with a NUL.
pub fn list(cred: &Cred, inode: &dyn Inode) -> Result<Vec<u8>> {
    match inode.xattrs() {
        Some(xattrs) => xattrs.names(cred.capable(CAP_SYS_ADMIN)),
        None => Ok(Vec::new()),
    }
}

impl Xattrs {
    fn set(&self, name: &[u8], value: Vec<u8>, flags: XattrFlags) -> Result<()> {
        let mut own = Vec::new();
        own.try_reserve_exact(name.len()).map_err(|_| ENOMEM)?;
        own.extend_from_slice(name);
        let mut new = Xattr { name: own, value };
        {
            let mut list = self.list.lock();
            match list.iter_mut().find(|xattr| xattr.name == name) {
                Some(_) if flags.has(XattrFlags::CREATE) => return Err(EEXIST),
                Some(old) => core::mem::swap(old, &mut new),
                None if flags.has(XattrFlags::REPLACE) => return Err(ENODATA),
                None => {
                    list.try_reserve(1).map_err(|_| ENOMEM)?;
                    list.push(new);
                    return Ok(());
                }
            }
        }
        // What was there before goes without the lock.
        drop(new);
        Ok(())
    }

    fn get(&self, name: &[u8], most: usize) -> Result<Vec<u8>> {
        let mut copy = Vec::new();
        loop {
            let len = {
                let list = self.list.lock();
                let xattr = list.iter().find(|xattr| xattr.name == name).ok_or(ENODATA)?;
                match xattr.value.len() {
                    len if len > most => return Err(ERANGE),
                    len if len <= copy.capacity() => {
                        copy.extend_from_slice(&xattr.value);
                        return Ok(copy);
                    }
                    len => len,
                }
            };
            copy.try_reserve_exact(len).map_err(|_| ENOMEM)?;
        }
    }

    fn remove(&self, name: &[u8]) -> Result<()> {
        let mut list = self.list.lock();
        let at = list.iter().position(|xattr| xattr.name == name).ok_or(ENODATA)?;
        let gone = list.remove(at);
        drop(list);
        drop(gone);
        Ok(())
    }

    fn names(&self, trusted: bool) -> Result<Vec<u8>> {
        let mut names = Vec::new();
        let list = self.list.lock();
        let seen = list.iter().rev().filter(|xattr| trusted || !is_in(&xattr.name, b"trusted."));
        for xattr in seen {
            names.try_reserve(xattr.name.len() + 1).map_err(|_| ENOMEM)?;
            names.extend_from_slice(&xattr.name);
            names.push(0);
        }
        Ok(names)
    }
}
