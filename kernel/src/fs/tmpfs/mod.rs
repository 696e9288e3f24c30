//! tmpfs and ramfs: files in memory (tmpfs(5), `mm/shmem.c`, `fs/ramfs`). The root file system is
//! a tmpfs.
//!
//! Space is counted in pages and bounded, by half of the memory if mount(2) does not say; a ramfs
//! knows no bounds. Locks: `FileData` and `PageCache` for a file's pages; `Names` for attributes
//! and directories, since nothing sleeps there.

mod dir;
mod file;
mod inode;
mod memfd;
mod options;

pub use inode::TmpInode;
pub use memfd::{add_seals, memfd, seals};

use self::options::{Huge, Options, show_huge};
use crate::cred::{Gid, Uid};
use crate::fs::inode::{FileSystem, Inode, MountArgs, New, What};
use crate::lock::{Spin, order};
use crate::mm::PAGE;
use crate::time::{RealTime, timespec};
use abi::errno::{EINVAL, ENOSPC};
use abi::fs::{NAME_MAX, RAMFS_MAGIC, Statfs, TMPFS_MAGIC};
use abi::time::Timespec;
use abi::{Result, Wire};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A tmpfs or ramfs.
struct TmpFs {
    space: Arc<Space>,
    root: Arc<TmpInode>,
    /// Permissions, owner and group that the root began with.
    perm: u32,
    uid: Uid,
    gid: Gid,
    huge: Spin<Huge, order::Names>,
}

/// What all inodes of one tmpfs share.
pub(super) struct Space {
    dev: u64,
    clock: &'static RealTime,
    /// Without bounds, and simpler (ramfs).
    plain: bool,
    next_ino: AtomicU64,
    /// Whether inode numbers may pass 32 bits.
    wide: AtomicBool,
    pages: Budget,
    inodes: Budget,
    /// Inodes without a name that are still in use.
    orphans: AtomicU64,
}

/// A number that may not pass a limit.
struct Budget {
    used: AtomicU64,
    /// [`UNLIMITED`] if there is none.
    limit: AtomicU64,
}

const UNLIMITED: u64 = u64::MAX;

impl Budget {
    fn new(limit: u64) -> Self {
        Self { used: AtomicU64::new(0), limit: AtomicU64::new(limit) }
    }

    fn limit(&self) -> u64 {
        self.limit.load(Ordering::Relaxed)
    }

    /// Takes `n`, or `ENOSPC`.
    fn take(&self, n: u64) -> Result<()> {
        let limit = self.limit();
        let more = |used: u64| used.checked_add(n).filter(|&sum| sum <= limit);
        let taken = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        taken.map(drop).map_err(|_| ENOSPC)
    }

    fn give(&self, n: u64) {
        self.used.fetch_sub(n, Ordering::Relaxed);
    }

    fn left(&self) -> u64 {
        self.limit().saturating_sub(self.used.load(Ordering::Relaxed))
    }

    /// Whether the limit may become `limit`: `EINVAL` below what is used, or where there was none.
    fn accepts(&self, limit: u64) -> Result<()> {
        let fits = self.limit() != UNLIMITED && self.used.load(Ordering::Relaxed) <= limit;
        if limit == UNLIMITED || fits { Ok(()) } else { Err(EINVAL) }
    }

    /// Limit and what is left of it as statfs(2) shows them: nothing where there is none.
    fn shown(&self) -> (i64, i64) {
        match self.limit() {
            UNLIMITED => (0, 0),
            limit => (limit as i64, self.left() as i64),
        }
    }
}

impl Space {
    fn now(&self) -> Timespec {
        timespec(self.clock.now_ns())
    }

    fn new_ino(&self) -> u64 {
        let ino = self.next_ino.fetch_add(1, Ordering::Relaxed);
        if self.wide.load(Ordering::Relaxed) { ino } else { ino & u64::from(u32::MAX) }
    }
}

/// How options say that there is no limit.
fn or_unlimited(n: u64) -> u64 {
    if n == 0 { UNLIMITED } else { n }
}

/// Pages of the machine, and how many of them (and of inodes) a tmpfs has if nobody says.
fn memory() -> (u64, u64) {
    let total = hal::mem::stats().total as u64;
    (total, total / 2)
}

/// Makes a tmpfs.
pub fn mount(args: &MountArgs) -> Result<Box<dyn FileSystem>> {
    make(args, ROOT_PERM)
}

/// Permissions of a root if nobody says: everyone's, and sticky.
const ROOT_PERM: u32 = 0o1777;

/// Makes a tmpfs whose root has permissions `perm` if the options do not say.
pub fn make(args: &MountArgs, perm: u32) -> Result<Box<dyn FileSystem>> {
    let (total, half) = memory();
    let options = Options::parse(args.options, total)?;
    let space = Space {
        dev: args.dev,
        clock: args.clock,
        plain: false,
        next_ino: AtomicU64::new(1),
        wide: AtomicBool::new(options.wide.unwrap_or(true)),
        pages: Budget::new(or_unlimited(options.pages.unwrap_or(half))),
        inodes: Budget::new(or_unlimited(options.inodes.unwrap_or(half))),
        orphans: AtomicU64::new(0),
    };
    with_root(space, Options { perm: options.perm.or(Some(perm)), ..options })
}

/// Makes a ramfs: the only option it looks at is `mode=`.
pub fn mount_plain(args: &MountArgs) -> Result<Box<dyn FileSystem>> {
    let is_mode = |word: &&[u8]| word.starts_with(b"mode=");
    let mode = args.options.split(|&b| b == b',').rfind(is_mode);
    let options = Options::parse(mode.unwrap_or_default(), 0)?;
    let space = Space {
        dev: args.dev,
        clock: args.clock,
        plain: true,
        next_ino: AtomicU64::new(1),
        wide: AtomicBool::new(true),
        pages: Budget::new(UNLIMITED),
        inodes: Budget::new(UNLIMITED),
        orphans: AtomicU64::new(0),
    };
    with_root(space, Options { perm: options.perm.or(Some(PLAIN_PERM)), ..options })
}

/// Permissions of a ramfs's root if nobody says.
const PLAIN_PERM: u32 = 0o755;

fn with_root(space: Space, options: Options) -> Result<Box<dyn FileSystem>> {
    let space = Arc::new(space);
    let perm = options.perm.unwrap_or(ROOT_PERM);
    let (uid, gid) = (options.uid.unwrap_or(Uid::ROOT), options.gid.unwrap_or(Gid(0)));
    let root = TmpInode::new(&space, &New { perm, uid, gid, what: What::Dir })?;
    let huge = Spin::new(options.huge.unwrap_or(Huge::Never));
    Ok(Box::new(TmpFs { space, root, perm, uid, gid, huge }))
}

impl FileSystem for TmpFs {
    fn root(&self) -> Arc<dyn Inode> {
        self.root.clone()
    }

    fn statfs(&self) -> Statfs {
        let Space { dev, plain, pages, inodes, .. } = &*self.space;
        let (blocks, free) = pages.shown();
        let (files, ffree) = inodes.shown();
        Statfs {
            f_type: if *plain { RAMFS_MAGIC } else { TMPFS_MAGIC } as i64,
            f_bsize: PAGE as i64,
            f_blocks: blocks,
            f_bfree: free,
            f_bavail: free,
            f_files: files,
            f_ffree: ffree,
            f_fsid: if *plain { [0; 2] } else { [*dev as i32, (*dev >> 32) as i32] },
            f_namelen: NAME_MAX as i64,
            f_frsize: PAGE as i64,
            ..Statfs::ZERO
        }
    }

    fn show_options(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        let Space { plain, pages, inodes, wide, .. } = &*self.space;
        if *plain {
            return if self.perm == PLAIN_PERM {
                Ok(())
            } else {
                write!(out, ",mode={:o}", self.perm)
            };
        }
        let (_, half) = memory();
        let shown = |limit: u64| if limit == UNLIMITED { 0 } else { limit };
        if pages.limit() != half {
            write!(out, ",size={}k", shown(pages.limit()).wrapping_mul(PAGE / 1024))?;
        }
        if inodes.limit() != half {
            write!(out, ",nr_inodes={}", shown(inodes.limit()))?;
        }
        if self.perm != ROOT_PERM {
            write!(out, ",mode={:03o}", self.perm)?;
        }
        if self.uid != Uid::ROOT {
            write!(out, ",uid={}", self.uid.0)?;
        }
        if self.gid != Gid(0) {
            write!(out, ",gid={}", self.gid.0)?;
        }
        write!(out, ",inode{}", if wide.load(Ordering::Relaxed) { 64 } else { 32 })?;
        show_huge(*self.huge.lock(), out)
    }

    fn has_orphans(&self) -> bool {
        self.space.orphans.load(Ordering::Relaxed) != 0
    }

    /// The root keeps its owner and permissions, whatever the options say of them.
    fn reconfigure(&self, options: &[u8]) -> Result<()> {
        let Space { plain, next_ino, wide, pages, inodes, .. } = &*self.space;
        if *plain {
            return Ok(());
        }
        let options = Options::parse(options, memory().0)?;
        let (most_pages, most_inodes) =
            (options.pages.map(or_unlimited), options.inodes.map(or_unlimited));
        most_pages.map_or(Ok(()), |limit| pages.accepts(limit))?;
        most_inodes.map_or(Ok(()), |limit| inodes.accepts(limit))?;
        if options.wide == Some(false) && next_ino.load(Ordering::Relaxed) > u64::from(u32::MAX) {
            return Err(EINVAL);
        }
        if let Some(limit) = most_pages {
            pages.limit.store(limit, Ordering::Relaxed);
        }
        if let Some(limit) = most_inodes {
            inodes.limit.store(limit, Ordering::Relaxed);
        }
        if let Some(on) = options.wide {
            wide.store(on, Ordering::Relaxed);
        }
        if let Some(huge) = options.huge {
            *self.huge.lock() = huge;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_ends() {
        let budget = Budget::new(3);
        assert_eq!(budget.take(2), Ok(()));
        assert_eq!(budget.take(2), Err(ENOSPC));
        assert_eq!(budget.take(u64::MAX), Err(ENOSPC));
        budget.give(1);
        assert_eq!(budget.left(), 2);
    }

    #[test]
    fn a_limit_may_not_fall_below_what_is_used() {
        let budget = Budget::new(3);
        budget.take(2).unwrap();
        assert_eq!(budget.accepts(2), Ok(()));
        assert_eq!(budget.accepts(1), Err(EINVAL));
        assert_eq!(budget.accepts(UNLIMITED), Ok(()));
        assert_eq!(Budget::new(UNLIMITED).accepts(9), Err(EINVAL), "there was none");
    }
}
