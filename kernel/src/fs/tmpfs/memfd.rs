//! memfd_create(2): files of a tmpfs that is mounted nowhere, without a name but with one to show;
//! and seals, which every file of a tmpfs has (`mm/memfd.c`).
//!
//! Seals change under the file's `FileData`, which writes and changes of length hold, too.

use super::TmpInode;
use super::file::Pages;
use super::inode::Body;
use crate::cred::Cred;
use crate::fs::busy::Claim;
use crate::fs::caller::Caller;
use crate::fs::file::File;
use crate::fs::inode::{Inode, New, What};
use crate::fs::namei;
use crate::fs::path::Path;
use crate::fs::regular::Regular;
use crate::mm::PageSource;
use abi::Result;
use abi::errno::{EINVAL, EPERM};
use abi::fs::OpenFlags;
use abi::mm::Seals;
use alloc::sync::Arc;
use core::any::Any;
use core::sync::atomic::Ordering;

/// Makes a file that `/proc` shows as `/memfd:NAME`.
pub fn memfd(c: &Caller, cred: &Arc<Cred>, name: &[u8], sealable: bool) -> Result<Arc<File>> {
    let mount = c.fs_info.mounts.shm().clone();
    let dir = Path { dentry: mount.root().clone(), mount };
    let new = New { perm: 0o777, uid: c.cred.fsuid, gid: c.cred.fsgid, what: What::File };
    let inode = namei::dir_of(&dir)?.nameless(&new, false)?;
    if sealable {
        sealed_pages(&inode)?.seals.store(0, Ordering::Relaxed);
    }
    let claim = Claim::to_write(&inode)?;
    let dentry = dir.dentry.nameless(&[b"memfd:", name].concat(), inode.clone());
    let path = Path { mount: dir.mount, dentry };
    let flags = OpenFlags::RDWR | OpenFlags::LARGEFILE;
    let file = File::new(Arc::new(Regular), inode, Some(path), flags, cred.clone());
    Ok(Arc::new(file.holding(Some(claim), None)))
}

fn sealed_pages(inode: &Arc<dyn Inode>) -> Result<&Pages> {
    let any: &dyn Any = &**inode;
    match any.downcast_ref::<TmpInode>().map(|inode| &inode.body) {
        Some(Body::File(pages)) => Ok(pages),
        _ => Err(EINVAL),
    }
}

/// `F_GET_SEALS`: `EINVAL` for what cannot have any.
pub fn seals(file: &File) -> Result<Seals> {
    Ok(sealed_pages(file.inode())?.seals())
}

/// `F_ADD_SEALS`
pub fn add_seals(file: &File, new: u32) -> Result<()> {
    if !file.writable() {
        return Err(EPERM);
    }
    let new = Seals::checked(new).ok_or(EINVAL)?;
    sealed_pages(file.inode())?.add_seals(new)
}

impl Pages {
    pub(super) fn seals(&self) -> Seals {
        Seals(self.seals.load(Ordering::Relaxed))
    }

    fn add_seals(&self, new: Seals) -> Result<()> {
        let _writing = self.writing.lock();
        let old = self.seals();
        if old.has(Seals::SEAL) {
            return Err(EPERM);
        }
        if new.has(Seals::WRITE) && !old.has(Seals::WRITE) {
            self.mappings.deny_writing()?;
        }
        self.seals.store((old | new).bits(), Ordering::Relaxed);
        Ok(())
    }

    /// `EPERM` where the seals do not let bytes up to `end` be written; `FileData` is held.
    pub(super) fn may_write(&self, end: u64) -> Result<()> {
        let seals = self.seals();
        let grows = seals.has(Seals::GROW) && end > self.len();
        if grows || seals.intersects(Seals::WRITE | Seals::FUTURE_WRITE) {
            return Err(EPERM);
        }
        Ok(())
    }

    /// `EPERM` where they do not let it become `len` bytes long; `FileData` is held.
    pub(super) fn may_resize(&self, len: u64) -> Result<()> {
        let (seals, old) = (self.seals(), self.len());
        let shrinks = seals.has(Seals::SHRINK) && len < old;
        let grows = seals.has(Seals::GROW) && len > old;
        if shrinks || grows { Err(EPERM) } else { Ok(()) }
    }
}
