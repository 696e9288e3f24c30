//! open(2): from a path to a [`File`] (`do_open` and `may_open` in `fs/namei.c`).

use crate::cred::Cred;
use crate::fs::access::{EXEC, READ, WRITE, is_owner, path_permission, permission};
use crate::fs::attr;
use crate::fs::busy::{Claim, ExecFile};
use crate::fs::caller::Caller;
use crate::fs::file::{File, FileOps};
use crate::fs::inode::{Attr, Kind, What};
use crate::fs::mount::WriteAccess;
use crate::fs::namei;
use crate::fs::path::{Last, Path, Walk};
use crate::fs::pipe;
use crate::fs::protect;
use crate::fs::regular::{Directory, Place, Regular};
use abi::Result;
use abi::errno::{EACCES, EEXIST, EINVAL, EISDIR, ELOOP, ENOTDIR, ENXIO, EPERM};
use abi::fs::{
    InotifyMask, MountFlags, OpenFlags, ResolveFlags, S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK,
    S_IFREG, S_IFSOCK,
};
use alloc::sync::Arc;

/// Opens `path`, which starts at `from` (`None`: the working directory) unless it is absolute.
/// A new file gets `perm` without the umask.
///
/// `cred` is the caller's own, which the file keeps.
pub fn open(
    c: &Caller,
    cred: &Arc<Cred>,
    from: Option<Path>,
    path: &[u8],
    flags: OpenFlags,
    perm: u32,
) -> Result<Arc<File>> {
    open_ruled(c, cred, from, path, flags, perm, ResolveFlags::EMPTY)
}

/// The same, and the way there obeys the rules of openat2(2).
pub fn open_ruled(
    c: &Caller,
    cred: &Arc<Cred>,
    from: Option<Path>,
    path: &[u8],
    flags: OpenFlags,
    perm: u32,
    rules: ResolveFlags,
) -> Result<Arc<File>> {
    let flags = effective(flags)?;
    let (path, created) = find(c, Walk::ruled(c, from, path, rules)?, flags, perm)?;
    if flags.has(OpenFlags::PATH) {
        let inode = path.inode()?.clone();
        let file = File::new(Arc::new(Place), inode, Some(path), flags, cred.clone());
        return Ok(Arc::new(file));
    }
    let cuts =
        flags.has(OpenFlags::TRUNC) && !created && matches!(path.kind(), Some(Kind::File(_)));
    let _access = cuts.then(|| WriteAccess::new(&path.mount)).transpose()?;
    if !created {
        may_open(c, &path, flags)?;
    }
    let file = open_inode(c, cred, path, flags)?;
    if cuts {
        // Which `O_RDONLY` does not keep from cutting the file.
        let _claim = Claim::to_write(file.inode())?;
        attr::set_len(c, file.inode(), 0)?;
        file.tell(InotifyMask::MODIFY);
    }
    file.announce();
    Ok(file)
}

/// What of the flags counts (`build_open_flags`).
fn effective(flags: OpenFlags) -> Result<OpenFlags> {
    if flags.has(OpenFlags::PATH) {
        let kept =
            OpenFlags::PATH | OpenFlags::DIRECTORY | OpenFlags::NOFOLLOW | OpenFlags::CLOEXEC;
        return Ok(flags & kept);
    }
    let bad = if is_nameless(flags) {
        !flags.has(OpenFlags::TMPFILE) || flags.has(OpenFlags::CREAT) || !flags.writes()
    } else {
        flags.has(OpenFlags::CREAT | OpenFlags::DIRECTORY)
    };
    if bad {
        return Err(EINVAL);
    }
    // As for every 64-bit program.
    Ok(flags | OpenFlags::LARGEFILE)
}

/// Whether the flags ask for a file without a name: the bit of `O_TMPFILE` that is its own.
pub fn is_nameless(flags: OpenFlags) -> bool {
    flags.intersects(OpenFlags::TMPFILE - OpenFlags::DIRECTORY)
}

/// Walks to the file, and makes it if it is missing and `O_CREAT` says so. The second value tells
/// whether it was made.
fn find(c: &Caller, mut walk: Walk, flags: OpenFlags, perm: u32) -> Result<(Path, bool)> {
    let exclusive = flags.has(OpenFlags::CREAT | OpenFlags::EXCL);
    let follow = !flags.has(OpenFlags::NOFOLLOW) && !exclusive;
    if is_nameless(flags) {
        let dir = walk.target(follow)?;
        if !dir.dentry.is_dir() {
            return Err(ENOTDIR);
        }
        let _access = WriteAccess::new(&dir.mount)?;
        let dentry = namei::make_nameless(c, &dir, perm, !flags.has(OpenFlags::EXCL))?;
        return Ok((Path { mount: dir.mount, dentry }, true));
    }
    if !flags.has(OpenFlags::CREAT) {
        let path = walk.target(follow)?;
        if flags.has(OpenFlags::DIRECTORY) && !path.dentry.is_dir() {
            return Err(ENOTDIR);
        }
        return Ok((path, false));
    }
    let found = loop {
        let name = match walk.to_last()? {
            Last::Name(name) => name,
            Last::DotDot => {
                walk.up()?;
                break walk.at().clone();
            }
            Last::Here | Last::Dot => break walk.at().clone(),
        };
        if walk.wants_dir() {
            return Err(EISDIR);
        }
        let mut child = walk.child(name.bytes())?;
        if child.dentry.inode().is_none() {
            let dir = walk.at();
            let _entries = dir.dentry.lock_entries();
            let dentry = dir.dentry.lookup_locked(name.bytes())?;
            child = Path { mount: dir.mount.clone(), dentry }.cross();
            if child.dentry.inode().is_none() {
                let _access = WriteAccess::new(&dir.mount)?;
                let dentry = namei::create_locked(c, dir, name.bytes(), perm, What::File)?;
                let made = Path { mount: dir.mount.clone(), dentry };
                return Ok((made, true));
            }
        }
        if follow && walk.follow(&child)? {
            continue;
        }
        break child;
    };
    if exclusive {
        return Err(EEXIST);
    }
    if found.dentry.is_dir() {
        return Err(EISDIR);
    }
    protect::may_take(c, &**walk.at().inode()?, &**found.inode()?)?;
    Ok((found, false))
}

/// What access open(2) flags ask for.
fn wanted(flags: OpenFlags) -> u32 {
    let mut want = match flags.access() {
        OpenFlags::RDONLY => READ,
        OpenFlags::WRONLY => WRITE,
        _ => READ | WRITE,
    };
    if flags.has(OpenFlags::TRUNC) {
        want |= WRITE;
    }
    want
}

/// Whether the caller may open an existing file.
fn may_open(c: &Caller, path: &Path, flags: OpenFlags) -> Result<()> {
    let attr = path.inode()?.attr();
    let want = wanted(flags);
    match attr.file_type() {
        S_IFLNK => return Err(ELOOP),
        S_IFDIR if want & WRITE != 0 => return Err(EISDIR),
        S_IFCHR | S_IFBLK if path.mount.flags().has(MountFlags::NODEV) => return Err(EACCES),
        _ => {}
    }
    path_permission(c.cred, path, want)?;
    if flags.has(OpenFlags::NOATIME) && !is_owner(c.cred, &attr) {
        return Err(EPERM);
    }
    Ok(())
}

/// Opens what is at `path`, whoever asks.
pub fn open_inode(c: &Caller, cred: &Arc<Cred>, path: Path, flags: OpenFlags) -> Result<Arc<File>> {
    let inode = path.inode()?.clone();
    let claim = flags.writes().then(|| Claim::to_write(&inode)).transpose()?;
    // A write to a device or pipe is none to the file system.
    let on_disk = matches!(inode.kind(), Kind::File(_) | Kind::Made(_));
    let writes = flags.writes() && on_disk;
    let access = writes.then(|| WriteAccess::new(&path.mount)).transpose()?;
    let devices = c.fs_info.mounts.devices();
    let ops: Arc<dyn FileOps> = match inode.kind() {
        Kind::Dir(_) => Arc::new(Directory),
        Kind::File(_) if flags.has(OpenFlags::DIRECT) => return Err(EINVAL),
        Kind::File(_) => Arc::new(Regular),
        Kind::Made(made) => made.open(c)?,
        Kind::Link(_) => return Err(ELOOP),
        Kind::Char(dev) => devices.open_char(dev, &path, flags, c)?,
        Kind::Block(dev) => devices.open_block(dev, flags, c)?,
        Kind::Fifo(fifo) => pipe::open_fifo(fifo, flags)?,
        Kind::Socket => return Err(ENXIO),
    };
    let path = (!inode.is_nameless()).then_some(path);
    let file = File::new(ops, inode, path, flags, cred.clone()).holding(claim, access);
    let file = Arc::new(file);
    file.block_opening(c)?;
    // No file here can be read past the page cache, and Linux finds out last.
    if flags.has(OpenFlags::DIRECT) { Err(EINVAL) } else { Ok(file) }
}

/// Opens a program for execve(2): a regular file that the caller may execute. `ETXTBSY` while it
/// can be written.
pub fn open_exec(
    c: &Caller,
    cred: &Arc<Cred>,
    from: Option<Path>,
    path: &[u8],
    follow: bool,
) -> Result<ExecFile> {
    exec_at(c, cred, Walk::new(c, from, path)?.target(follow)?)
}

/// The same for a place that was found already (execveat(2) with an empty path).
pub fn exec_at(c: &Caller, cred: &Arc<Cred>, path: Path) -> Result<ExecFile> {
    let attr: Attr = path.inode()?.attr();
    match attr.file_type() {
        S_IFLNK => return Err(ELOOP),
        S_IFREG => {}
        S_IFDIR | S_IFCHR | S_IFBLK | S_IFIFO | S_IFSOCK => return Err(EACCES),
        _ => return Err(EACCES),
    }
    permission(c.cred, &attr, EXEC)?;
    if path.mount.flags().has(MountFlags::NOEXEC) {
        return Err(EACCES);
    }
    let file = open_inode(c, cred, path, OpenFlags::RDONLY)?;
    file.announce();
    ExecFile::new(file)
}

/// The user and group a program runs as if its file says so: set-user-ID and set-group-ID, unless
/// the mount forbids them.
pub fn set_ids(path: &Path) -> Result<(Option<crate::cred::Uid>, Option<crate::cred::Gid>)> {
    let attr = path.inode()?.attr();
    if path.mount.flags().has(MountFlags::NOSUID) {
        return Ok((None, None));
    }
    let marked = abi::fs::S_ISGID | abi::fs::S_IXGRP;
    let uid = (attr.mode & abi::fs::S_ISUID != 0).then_some(attr.uid);
    let gid = (attr.mode & marked == marked).then_some(attr.gid);
    Ok((uid, gid))
}
