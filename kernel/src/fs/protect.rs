//! What keeps users from tricking each other in shared directories: `protected_hardlinks`,
//! `protected_symlinks`, `protected_fifos` and `protected_regular` of `/proc/sys/fs` (proc(5);
//! `may_linkat`, `may_follow_link` and `may_create_in_sticky` in `fs/namei.c`).

use crate::fs::access::{READ, WRITE, is_owner};
use crate::fs::caller::Caller;
use crate::fs::inode::{Access, Inode};
use abi::Result;
use abi::errno::{EACCES, EPERM};
use abi::fs::{S_IFIFO, S_IFMT, S_IFREG, S_ISGID, S_ISUID, S_ISVTX, S_IWGRP, S_IWOTH, S_IXGRP};
use core::sync::atomic::Ordering::Relaxed;

/// Whether the caller may give `inode` one more name: `EPERM` for who neither owns it nor may read
/// and write it, or could keep a set-user-ID program alive by it.
pub fn may_link(c: &Caller, inode: &dyn Inode) -> Result<()> {
    if c.fs_info.mounts.settings().protected_hardlinks.load(Relaxed) == 0 {
        return Ok(());
    }
    let attr = inode.attr();
    let runs_as = attr.mode & S_ISUID != 0 || attr.mode & (S_ISGID | S_IXGRP) == S_ISGID | S_IXGRP;
    let safe =
        attr.file_type() == S_IFREG && !runs_as && inode.permission(c.cred, READ | WRITE).is_ok();
    if safe || is_owner(c.cred, &attr) { Ok(()) } else { Err(EPERM) }
}

/// Whether the caller may follow `link`, the last name of a path, in directory `dir`: `EACCES` if
/// someone else put it where everybody may put links.
pub fn may_follow(c: &Caller, dir: &dyn Inode, link: &dyn Inode) -> Result<()> {
    if c.fs_info.mounts.settings().protected_symlinks.load(Relaxed) == 0 {
        return Ok(());
    }
    let owner = link.access().uid;
    let dir = dir.access();
    let shared = dir.mode & (S_ISVTX | S_IWOTH) == S_ISVTX | S_IWOTH;
    if owner == c.cred.fsuid || !shared || dir.uid == owner { Ok(()) } else { Err(EACCES) }
}

/// Whether the caller may open `file`, which it wanted to create in directory `dir` and found
/// there: `EACCES` if someone else put it where others may put files.
pub fn may_take(c: &Caller, dir: &dyn Inode, file: &dyn Inode) -> Result<()> {
    let settings = c.fs_info.mounts.settings();
    let Access { mode, uid, .. } = file.access();
    let level = match mode & S_IFMT {
        S_IFIFO => settings.protected_fifos.load(Relaxed),
        S_IFREG => settings.protected_regular.load(Relaxed),
        // Other kinds are always protected where everybody may write.
        _ => 1,
    };
    let dir = dir.access();
    if level == 0 || dir.mode & S_ISVTX == 0 || uid == dir.uid || uid == c.cred.fsuid {
        return Ok(());
    }
    let shared = dir.mode & S_IWOTH != 0 || level >= 2 && dir.mode & S_IWGRP != 0;
    if shared { Err(EACCES) } else { Ok(()) }
}
