//! tmpfs: files in memory (tmpfs(5), `mm/shmem.c`). The root file system is one.
//!
//! Space is counted in pages and bounded, by half of the memory if mount(2) does not say. Locks:
//! `FileData` and `PageCache` for a file's pages; `Names` for attributes and directories, since
//! nothing sleeps there.

mod dir;
mod file;
mod inode;

pub use inode::TmpInode;

use crate::cred::{Gid, Uid};
use crate::fs::inode::{FileSystem, Inode, MountArgs, New, What};
use crate::mm::PAGE;
use crate::time::{RealTime, timespec};
use abi::errno::{EINVAL, ENOSPC};
use abi::fs::{NAME_MAX, Statfs, TMPFS_MAGIC};
use abi::time::Timespec;
use abi::{Result, Wire};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};

/// A tmpfs.
struct TmpFs {
    space: Arc<Space>,
    root: Arc<TmpInode>,
}

/// What all inodes of one tmpfs share.
pub(super) struct Space {
    dev: u64,
    clock: &'static RealTime,
    next_ino: AtomicU64,
    pages: Budget,
    inodes: Budget,
}

/// A number that may not pass a limit.
struct Budget {
    used: AtomicU64,
    limit: u64,
}

impl Budget {
    fn new(limit: u64) -> Self {
        Self { used: AtomicU64::new(0), limit }
    }

    /// Takes `n`, or `ENOSPC`.
    fn take(&self, n: u64) -> Result<()> {
        let more = |used: u64| used.checked_add(n).filter(|&sum| sum <= self.limit);
        let taken = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        taken.map(drop).map_err(|_| ENOSPC)
    }

    fn give(&self, n: u64) {
        self.used.fetch_sub(n, Ordering::Relaxed);
    }

    fn left(&self) -> u64 {
        self.limit - self.used.load(Ordering::Relaxed).min(self.limit)
    }
}

impl Space {
    fn now(&self) -> Timespec {
        timespec(self.clock.now_ns())
    }
}

/// The options of mount(2).
struct Options {
    pages: u64,
    inodes: u64,
    perm: u32,
    uid: Uid,
    gid: Gid,
}

impl Options {
    /// `size=`, `nr_blocks=`, `nr_inodes=`, `mode=`, `uid=`, `gid=`; `EINVAL` for anything else.
    fn parse(text: &[u8], total: u64) -> Result<Self> {
        let half = total / 2;
        let mut options =
            Self { pages: half, inodes: half, perm: 0o1777, uid: Uid::ROOT, gid: Gid(0) };
        for word in text.split(|&b| b == b',').filter(|word| !word.is_empty()) {
            let mut parts = word.splitn(2, |&b| b == b'=');
            let (Some(key), Some(value)) = (parts.next(), parts.next()) else {
                return Err(EINVAL);
            };
            match key {
                b"size" => options.pages = size(value, total)?,
                b"nr_blocks" => options.pages = or_unlimited(amount(value)?),
                b"nr_inodes" => options.inodes = or_unlimited(amount(value)?),
                b"mode" => options.perm = number(value, 8)? as u32 & 0o7777,
                b"uid" => options.uid = Uid(u32::try_from(number(value, 10)?).map_err(|_| EINVAL)?),
                b"gid" => options.gid = Gid(u32::try_from(number(value, 10)?).map_err(|_| EINVAL)?),
                _ => return Err(EINVAL),
            }
        }
        Ok(options)
    }
}

fn or_unlimited(n: u64) -> u64 {
    if n == 0 { u64::MAX } else { n }
}

/// A size in bytes, or in percent of the memory, as pages.
fn size(value: &[u8], total: u64) -> Result<u64> {
    if let Some(percent) = value.strip_suffix(b"%") {
        return Ok(number(percent, 10)?.min(u64::MAX / total.max(1)) * total / 100);
    }
    Ok(or_unlimited(amount(value)?.div_ceil(PAGE)))
}

/// A number with one of the suffixes k, m, g, t.
fn amount(value: &[u8]) -> Result<u64> {
    let (digits, shift) = match value.split_last() {
        Some((b'k' | b'K', digits)) => (digits, 10),
        Some((b'm' | b'M', digits)) => (digits, 20),
        Some((b'g' | b'G', digits)) => (digits, 30),
        Some((b't' | b'T', digits)) => (digits, 40),
        _ => (value, 0),
    };
    number(digits, 10)?.checked_mul(1 << shift).ok_or(EINVAL)
}

fn number(digits: &[u8], radix: u32) -> Result<u64> {
    let text = core::str::from_utf8(digits).map_err(|_| EINVAL)?;
    u64::from_str_radix(text, radix).map_err(|_| EINVAL)
}

/// Makes a tmpfs.
pub fn mount(args: &MountArgs) -> Result<Box<dyn FileSystem>> {
    let total = hal::mem::stats().total as u64;
    let options = Options::parse(args.options, total)?;
    let space = Arc::new(Space {
        dev: args.dev,
        clock: args.clock,
        next_ino: AtomicU64::new(1),
        pages: Budget::new(options.pages),
        inodes: Budget::new(options.inodes),
    });
    let perm = match args.options {
        // The root of all is no place for everyone's files.
        b"" if args.dev == ROOT_DEV => 0o755,
        _ => options.perm,
    };
    let new = New { perm, uid: options.uid, gid: options.gid, what: What::Dir };
    let root = TmpInode::new(&space, &new)?;
    Ok(Box::new(TmpFs { space, root }))
}

/// The device number of the root file system.
const ROOT_DEV: u64 = abi::fs::makedev(0, crate::fs::mount::FIRST_DEV);

impl FileSystem for TmpFs {
    fn root(&self) -> Arc<dyn Inode> {
        self.root.clone()
    }

    fn statfs(&self) -> Statfs {
        let Space { pages, inodes, .. } = &*self.space;
        // As Linux: what has no limit shows as nothing.
        let shown = |budget: &Budget| match budget.limit {
            u64::MAX => (0, 0),
            limit => (limit as i64, budget.left() as i64),
        };
        let (blocks, free) = shown(pages);
        let (files, ffree) = shown(inodes);
        Statfs {
            f_type: TMPFS_MAGIC as i64,
            f_bsize: PAGE as i64,
            f_blocks: blocks,
            f_bfree: free,
            f_bavail: free,
            f_files: files,
            f_ffree: ffree,
            f_namelen: NAME_MAX as i64,
            f_frsize: PAGE as i64,
            ..Statfs::ZERO
        }
    }

    fn show_options(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        let Space { pages, inodes, .. } = &*self.space;
        if pages.limit != u64::MAX {
            write!(out, ",size={}k", pages.limit.saturating_mul(PAGE / 1024))?;
        }
        if inodes.limit != u64::MAX {
            write!(out, ",nr_inodes={}", inodes.limit)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options() {
        let parse = |text: &str| Options::parse(text.as_bytes(), 1000);
        let default = parse("").unwrap();
        assert_eq!((default.pages, default.inodes, default.perm), (500, 500, 0o1777));
        let all = parse("size=1m,nr_inodes=7,mode=700,uid=3,gid=4").unwrap();
        assert_eq!((all.pages, all.inodes, all.perm), (256, 7, 0o700));
        assert_eq!((all.uid, all.gid), (Uid(3), Gid(4)));
        assert_eq!(parse("size=25%").unwrap().pages, 250);
        assert_eq!(parse("size=0").unwrap().pages, u64::MAX);
        assert_eq!(parse("size=4097").unwrap().pages, 2);
        for bad in ["size", "size=x", "size=99999999999t", "what=1", "mode=9", "uid=-1"] {
            assert_eq!(parse(bad).err(), Some(EINVAL), "{bad}");
        }
    }

    #[test]
    fn a_budget_ends() {
        let budget = Budget::new(3);
        assert_eq!(budget.take(2), Ok(()));
        assert_eq!(budget.take(2), Err(ENOSPC));
        assert_eq!(budget.take(u64::MAX), Err(ENOSPC));
        budget.give(1);
        assert_eq!(budget.left(), 2);
    }
}
