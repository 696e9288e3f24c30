//! Files that are written and files that run exclude each other: `ETXTBSY` (`i_writecount`,
//! `get_write_access` and `deny_write_access` in Linux's `include/linux/fs.h`).
//!
//! A [`Claim`] counts itself in the inode while it lives: an open file that can be written holds
//! one, and so does each program being run, in its [`ExecFile`]. No lock.

use crate::fs::file::File;
use crate::fs::inode::{Inode, Kind};
use abi::Result;
use abi::errno::ETXTBSY;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicI32, Ordering::Relaxed};

/// Part of a regular file: how many may write to it, or, below zero, how many run it.
#[derive(Debug, Default)]
pub struct WriteCount(AtomicI32);

/// The right to write to a file, or to run it with nobody writing to it.
pub struct Claim {
    inode: Arc<dyn Inode>,
    /// What it added to the count.
    step: i32,
}

impl Claim {
    /// For a writer. `ETXTBSY` while the file is being run.
    pub fn to_write(inode: &Arc<dyn Inode>) -> Result<Self> {
        Self::take(inode, 1)
    }

    /// For a program. `ETXTBSY` while the file can be written.
    pub fn to_run(inode: &Arc<dyn Inode>) -> Result<Self> {
        Self::take(inode, -1)
    }

    fn take(inode: &Arc<dyn Inode>, step: i32) -> Result<Self> {
        if let Kind::File(data) = inode.kind() {
            let add = |count: i32| count.checked_add(step).filter(|_| count * step >= 0);
            data.writers().0.fetch_update(Relaxed, Relaxed, add).map_err(|_| ETXTBSY)?;
        }
        Ok(Self { inode: inode.clone(), step })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Kind::File(data) = self.inode.kind() {
            data.writers().0.fetch_sub(self.step, Relaxed);
        }
    }
}

/// A file opened to be run. Until this is dropped nobody can open it for writing; its mappings
/// hold the file alone.
pub struct ExecFile {
    file: Arc<File>,
    _claim: Claim,
}

impl ExecFile {
    /// Makes sure that nobody writes to `file`.
    pub fn new(file: Arc<File>) -> Result<Self> {
        let claim = Claim::to_run(file.inode())?;
        Ok(Self { file, _claim: claim })
    }

    /// The open file.
    pub fn file(&self) -> &Arc<File> {
        &self.file
    }
}
