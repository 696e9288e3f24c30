//! Who may do what to an inode: Linux's discretionary access control (path_resolution(7),
//! capabilities(7), `fs/namei.c`).

use crate::cred::{Cred, Uid};
use crate::fs::inode::{Access, Attr};
use crate::fs::path::Path;
use abi::Result;
use abi::errno::{EACCES, EPERM, EROFS};
use abi::fs::{S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, S_ISGID, S_ISUID, S_ISVTX, S_IXGRP};
use abi::process::{CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_FSETID};

/// Execute a file, search a directory.
pub const EXEC: u32 = 1;
/// Write.
pub const WRITE: u32 = 2;
/// Read.
pub const READ: u32 = 4;

/// Whether `cred` may access the inode in every way of `want` (a set of [`READ`], [`WRITE`] and
/// [`EXEC`]): else `EACCES`.
pub fn permission(cred: &Cred, file: impl Into<Access>, want: u32) -> Result<()> {
    let attr: Access = file.into();
    if plain_permission(cred, attr, want).is_ok() {
        return Ok(());
    }
    let is_dir = attr.mode & S_IFMT == S_IFDIR;
    let searching = if is_dir { want & WRITE == 0 } else { want == READ };
    if searching && cred.capable(CAP_DAC_READ_SEARCH) {
        return Ok(());
    }
    // Not even the superuser executes a file that nobody may execute.
    let executable = is_dir || want & EXEC == 0 || attr.mode & 0o111 != 0;
    if executable && cred.capable(CAP_DAC_OVERRIDE) {
        return Ok(());
    }
    Err(EACCES)
}

/// The same without regard to capabilities: the permission bits bind the superuser, too.
pub fn plain_permission(cred: &Cred, file: Access, want: u32) -> Result<()> {
    let class = if cred.fsuid == file.uid {
        file.mode >> 6
    } else if cred.in_group(file.gid) {
        file.mode >> 3
    } else {
        file.mode
    };
    if class & want == want { Ok(()) } else { Err(EACCES) }
}

/// Whether `cred` may access the file at `path`, where not even the superuser writes to a read-only
/// file system: `EROFS` (`inode_permission`). Whether the mount lets anyone write is
/// [`WriteAccess`]'s matter.
///
/// [`WriteAccess`]: crate::fs::mount::WriteAccess
pub fn path_permission(cred: &Cred, path: &Path, want: u32) -> Result<()> {
    let inode = path.inode()?;
    if want & WRITE != 0 && path.mount.sb().is_read_only() {
        let kind = inode.access().mode & S_IFMT;
        if matches!(kind, S_IFREG | S_IFDIR | S_IFLNK) {
            return Err(EROFS);
        }
    }
    inode.permission(cred, want)
}

/// Whether `cred` owns the inode or may act as if it did.
pub fn is_owner(cred: &Cred, attr: &Attr) -> bool {
    cred.fsuid == attr.uid || cred.capable(CAP_FOWNER)
}

/// In a sticky directory only the owner of a file or of the directory takes a name away: else
/// `EPERM`.
pub fn sticky(cred: &Cred, dir: &Attr, file: &Attr) -> Result<()> {
    let mine = |owner: Uid| cred.fsuid == owner;
    if dir.mode & S_ISVTX == 0 || mine(file.uid) || mine(dir.uid) || cred.capable(CAP_FOWNER) {
        return Ok(());
    }
    Err(EPERM)
}

/// The mode after someone without [`CAP_FSETID`] wrote to the file: set-user-ID goes, and so does
/// set-group-ID where it is not the mark of mandatory locking. `None` if nothing changes.
pub fn mode_after_write(cred: &Cred, attr: &Attr) -> Option<u32> {
    if attr.file_type() == S_IFDIR || cred.capable(CAP_FSETID) {
        return None;
    }
    mode_without_set_id(attr)
}

/// The mode after a change of owner: as [`mode_after_write`], whoever did it.
pub fn mode_without_set_id(attr: &Attr) -> Option<u32> {
    let mut drop = S_ISUID;
    if attr.mode & S_IXGRP != 0 {
        drop |= S_ISGID;
    }
    (attr.mode & drop != 0).then_some(attr.mode & !drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cred::{CapSet, Gid};
    use abi::Wire;
    use abi::time::Timespec;

    fn attr(mode: u32, uid: u32, gid: u32) -> Attr {
        let time = Timespec::ZERO;
        Attr {
            dev: 0,
            ino: 1,
            mode,
            nlink: 1,
            uid: Uid(uid),
            gid: Gid(gid),
            rdev: 0,
            size: 0,
            blocks: 0,
            blksize: 4096,
            atime: time,
            mtime: time,
            ctime: time,
            btime: None,
        }
    }

    fn user(id: u32) -> Cred {
        let mut cred = Cred::root();
        (cred.fsuid, cred.fsgid) = (Uid(id), Gid(id));
        cred.effective = CapSet::EMPTY;
        cred
    }

    #[test]
    fn the_first_class_that_fits_decides() {
        let file = attr(S_IFREG | 0o047, 10, 20);
        assert_eq!(permission(&user(10), &file, READ), Err(EACCES), "owner, though others may");
        assert_eq!(permission(&user(20), &file, READ), Ok(()));
        assert_eq!(permission(&user(20), &file, READ | WRITE), Err(EACCES));
        assert_eq!(permission(&user(30), &file, READ | WRITE | EXEC), Ok(()));
    }

    #[test]
    fn root_executes_only_what_somebody_may() {
        let root = Cred::root();
        assert_eq!(permission(&root, &attr(S_IFREG | 0o600, 1, 1), EXEC), Err(EACCES));
        assert_eq!(permission(&root, &attr(S_IFREG | 0o601, 1, 1), EXEC | WRITE), Ok(()));
        assert_eq!(permission(&root, &attr(S_IFDIR, 1, 1), EXEC | WRITE), Ok(()));
    }

    #[test]
    fn sticky_directories_protect_files_of_others() {
        let dir = attr(S_IFDIR | 0o1777, 0, 0);
        assert_eq!(sticky(&user(5), &dir, &attr(S_IFREG, 5, 5)), Ok(()));
        assert_eq!(sticky(&user(6), &dir, &attr(S_IFREG, 5, 5)), Err(EPERM));
        assert_eq!(sticky(&Cred::root(), &dir, &attr(S_IFREG, 5, 5)), Ok(()));
    }

    #[test]
    fn writing_takes_set_id_bits() {
        let file = attr(S_IFREG | 0o6755, 1, 1);
        assert_eq!(mode_after_write(&user(1), &file), Some(S_IFREG | 0o755));
        assert_eq!(mode_after_write(&Cred::root(), &file), None);
        let locking = attr(S_IFREG | 0o2744, 1, 1);
        assert_eq!(mode_after_write(&user(1), &locking), None);
    }
}
