//! Paths: open(2), mkdir(2), rename(2), chdir(2), and by subject below stat(2), chmod(2),
//! mount(2) and their kin.

mod attr;
mod list;
mod mount;
mod stat;
mod xattr;

pub use attr::*;
pub use list::*;
pub use mount::*;
pub use stat::*;
pub use xattr::*;

use crate::fs::caller::Caller;
use crate::fs::inode::{Inode, What};
use crate::fs::mount::WriteAccess;
use crate::fs::path::{self, Path, lookup, lookup_dir};
use crate::fs::{Fd, File, Kind, namei, notify, open as opening, tmpfs};
use crate::mm::user::{Out, UserBytes, UserIn, UserPath, UserStr};
use crate::process::Cx;
use abi::errno::{
    E2BIG, EAGAIN, EBADF, EINVAL, ENAMETOOLONG, ENOENT, ENOSYS, ENOTDIR, EPERM, ERANGE, Result,
};
use abi::fs::{
    AT_FDCWD, AT_REMOVEDIR, AtFlags, InotifyMask, NAME_MAX, OPEN_HOW_SIZE_VER0, OpenFlags, OpenHow,
    PATH_MAX, RenameFlags, ResolveFlags, S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFMT, S_IFREG,
    S_IFSOCK, makedev, new_decode_dev,
};
use abi::mm::{MemfdFlags, PAGE_SIZE};
use abi::process::{CAP_DAC_READ_SEARCH, CAP_SYS_CHROOT, RLIMIT_NOFILE};
use alloc::sync::Arc;
use alloc::vec::Vec;

/// The working directory, in place of a descriptor.
pub(super) const CWD: Fd = Fd(AT_FDCWD);

/// Where `path` starts when it is relative to `dir`; `None` if that does not matter or is the
/// working directory.
fn start(cx: &Cx, dir: Fd, path: &[u8]) -> Result<Option<Path>> {
    if path.is_empty() {
        return Err(ENOENT);
    }
    if dir == CWD || path.starts_with(b"/") {
        return Ok(None);
    }
    cx.file(dir)?.path().cloned().map(Some).ok_or(ENOTDIR)
}

/// Reads a path and hands it on with where it starts.
fn with_path<R>(
    cx: &Cx,
    dir: Fd,
    path: UserPath,
    f: impl FnOnce(&Caller, Option<Path>, &[u8]) -> Result<R>,
) -> Result<R> {
    let path = path.read(cx.space())?;
    let start = start(cx, dir, &path)?;
    cx.with_caller(|c| f(c, start, &path))
}

/// The file a path leads to.
fn find(cx: &Cx, dir: Fd, path: UserPath, follow: bool) -> Result<Path> {
    with_path(cx, dir, path, |c, start, path| lookup(c, start, path, follow))
}

/// An inode, and how it was found unless by the descriptor of something without a name.
struct Found {
    inode: Arc<dyn Inode>,
    path: Option<Path>,
}

impl Found {
    fn at(path: Path) -> Result<Self> {
        Ok(Self { inode: path.inode()?.clone(), path: Some(path) })
    }

    fn open(cx: &Cx, fd: Fd) -> Result<Self> {
        let file = cx.file(fd)?;
        Ok(Self { inode: file.inode().clone(), path: file.path().cloned() })
    }

    /// Tells those who watch it of a change.
    fn tell(&self, event: InotifyMask) {
        if let Some(path) = &self.path {
            notify::changed(path, event);
        }
    }

    /// The right to change it: `EROFS` if it was found through a read-only mount.
    fn write_access(&self) -> Result<Option<WriteAccess>> {
        self.path.as_ref().map(|path| WriteAccess::new(&path.mount)).transpose()
    }
}

/// The file that `path` leads to, or with `AT_EMPTY_PATH` and an empty path the one open at `dir`.
fn find_at(cx: &Cx, dir: Fd, path: UserPath, flags: AtFlags) -> Result<Found> {
    let text = path.read(cx.space())?;
    if text.is_empty() && flags.has(AtFlags::EMPTY_PATH) {
        return match dir {
            CWD => Found::at(cx.fs().cwd()),
            fd => Found::open(cx, fd),
        };
    }
    let start = start(cx, dir, &text)?;
    let follow = !flags.has(AtFlags::SYMLINK_NOFOLLOW);
    Found::at(cx.with_caller(|c| lookup(c, start, &text, follow))?)
}

/// open(2)
pub fn open(cx: &mut Cx, path: UserPath, flags: u32, perm: u32) -> Result<Fd> {
    openat(cx, CWD, path, flags, perm)
}

/// creat(2)
pub fn creat(cx: &mut Cx, path: UserPath, perm: u32) -> Result<Fd> {
    let flags = OpenFlags::CREAT | OpenFlags::WRONLY | OpenFlags::TRUNC;
    openat(cx, CWD, path, flags.bits(), perm)
}

/// openat(2): flags it does not know are not looked at.
pub fn openat(cx: &mut Cx, dir: Fd, path: UserPath, flags: u32, perm: u32) -> Result<Fd> {
    open_at(cx, dir, path, OpenFlags::from_bits_truncate(flags), perm & 0o7777)
}

/// openat2(2). What is larger than the known structure must end in zeroes.
pub fn openat2(
    cx: &mut Cx,
    dir: Fd,
    path: UserPath,
    how: UserIn<OpenHow>,
    size: usize,
) -> Result<Fd> {
    if size < OPEN_HOW_SIZE_VER0 {
        return Err(EINVAL);
    }
    if size > PAGE_SIZE {
        return Err(E2BIG);
    }
    for at in OPEN_HOW_SIZE_VER0..size {
        let byte = UserIn::<u8>::new(how.addr().wrapping_add(at as u64)).read(cx.space())?;
        if byte != 0 {
            return Err(E2BIG);
        }
    }
    let how = how.read(cx.space())?;
    let flags = u32::try_from(how.flags).ok().and_then(OpenFlags::checked).ok_or(EINVAL)?;
    let rules = ResolveFlags::checked(how.resolve.bits()).ok_or(EINVAL)?;
    let makes = flags.has(OpenFlags::CREAT) || opening::is_nameless(flags);
    let with_path =
        OpenFlags::PATH | OpenFlags::DIRECTORY | OpenFlags::NOFOLLOW | OpenFlags::CLOEXEC;
    if how.mode & !0o7777 != 0
        || !makes && how.mode != 0
        || rules.has(ResolveFlags::BENEATH | ResolveFlags::IN_ROOT)
        || flags.has(OpenFlags::PATH) && !flags.without(with_path).is_empty()
    {
        return Err(EINVAL);
    }
    // What changes anything cannot be done with what is remembered alone.
    if rules.has(ResolveFlags::CACHED) && (makes || flags.has(OpenFlags::TRUNC)) {
        return Err(EAGAIN);
    }
    open_by(cx, dir, path, flags, how.mode as u32, rules)
}

fn open_at(cx: &Cx, dir: Fd, path: UserPath, flags: OpenFlags, perm: u32) -> Result<Fd> {
    open_by(cx, dir, path, flags, perm, ResolveFlags::EMPTY)
}

fn open_by(
    cx: &Cx,
    dir: Fd,
    path: UserPath,
    flags: OpenFlags,
    perm: u32,
    rules: ResolveFlags,
) -> Result<Fd> {
    let path = path.read(cx.space())?;
    let cloexec = flags.has(OpenFlags::CLOEXEC);
    let fd = cx.files().reserve(cx.limit(RLIMIT_NOFILE), cloexec)?;
    // In a root of its own even an absolute path starts at the directory.
    let relative = path.strip_prefix(b"/").filter(|_| rules.has(ResolveFlags::IN_ROOT));
    let start = match relative {
        Some(_) => start(cx, dir, b".")?,
        None => start(cx, dir, &path)?,
    };
    let file =
        cx.with_caller(|c| opening::open_ruled(c, cx.cred(), start, &path, flags, perm, rules))?;
    Ok(fd.install(file))
}

/// Opens what a path names, without a descriptor for it.
pub(super) fn open_path(
    cx: &Cx,
    dir: Fd,
    path: &[u8],
    flags: OpenFlags,
    perm: u32,
) -> Result<Arc<File>> {
    let start = start(cx, dir, path)?;
    cx.with_caller(|c| opening::open(c, cx.cred(), start, path, flags, perm))
}

/// The longest name of a file made by memfd_create(2): it is shown with `memfd:` before it.
const MFD_NAME_MAX: usize = NAME_MAX - 6;

/// memfd_create(2). There are no huge pages: `ENOSYS`, as without hugetlbfs.
pub fn memfd_create(cx: &mut Cx, name: UserStr, flags: u32) -> Result<Fd> {
    /// The size of huge pages stands in the upper six bits.
    const HUGE: u32 = 0x3f << 26;
    let huge = MemfdFlags(flags).has(MemfdFlags::HUGETLB);
    let known = if huge { flags & !HUGE } else { flags };
    let flags = MemfdFlags::checked(known).ok_or(EINVAL)?;
    let name = name.read(cx.space(), MFD_NAME_MAX + 1).map_err(|why| match why {
        ENAMETOOLONG => EINVAL,
        why => why,
    })?;
    if huge {
        return Err(ENOSYS);
    }
    let fd = cx.files().reserve(cx.limit(RLIMIT_NOFILE), flags.has(MemfdFlags::CLOEXEC))?;
    let sealable = flags.has(MemfdFlags::ALLOW_SEALING);
    let file = cx.with_caller(|c| tmpfs::memfd(c, cx.cred(), &name, sealable))?;
    Ok(fd.install(file))
}

/// mkdir(2)
pub fn mkdir(cx: &mut Cx, path: UserPath, perm: u32) -> Result<()> {
    mkdirat(cx, CWD, path, perm)
}

/// mkdirat(2)
pub fn mkdirat(cx: &mut Cx, dir: Fd, path: UserPath, perm: u32) -> Result<()> {
    with_path(cx, dir, path, |c, start, path| namei::make(c, start, path, perm & 0o1777, What::Dir))
}

/// mknod(2)
pub fn mknod(cx: &mut Cx, path: UserPath, mode: u32, dev: u32) -> Result<()> {
    mknodat(cx, CWD, path, mode, dev)
}

/// mknodat(2)
pub fn mknodat(cx: &mut Cx, dir: Fd, path: UserPath, mode: u32, dev: u32) -> Result<()> {
    let (major, minor) = new_decode_dev(dev);
    let dev = makedev(major, minor);
    let what = match mode & S_IFMT {
        0 | S_IFREG => What::File,
        S_IFCHR => What::Char(dev),
        S_IFBLK => What::Block(dev),
        S_IFIFO => What::Fifo,
        S_IFSOCK => What::Socket,
        S_IFDIR => return Err(EPERM),
        _ => return Err(EINVAL),
    };
    with_path(cx, dir, path, |c, start, path| namei::make(c, start, path, mode & 0o7777, what))
}

/// symlink(2)
pub fn symlink(cx: &mut Cx, to: UserPath, path: UserPath) -> Result<()> {
    symlinkat(cx, to, CWD, path)
}

/// symlinkat(2)
pub fn symlinkat(cx: &mut Cx, to: UserPath, dir: Fd, path: UserPath) -> Result<()> {
    let to = to.read(cx.space())?;
    if to.is_empty() {
        return Err(ENOENT);
    }
    if to.len() >= PATH_MAX {
        return Err(ENAMETOOLONG);
    }
    with_path(cx, dir, path, |c, start, path| namei::make(c, start, path, 0o777, What::Link(&to)))
}

/// link(2)
pub fn link(cx: &mut Cx, old: UserPath, new: UserPath) -> Result<()> {
    linkat(cx, CWD, old, CWD, new, 0)
}

/// linkat(2)
pub fn linkat(
    cx: &mut Cx,
    old_dir: Fd,
    old: UserPath,
    dir: Fd,
    path: UserPath,
    flags: u32,
) -> Result<()> {
    let flags = AtFlags(flags);
    if !flags.without(AtFlags::SYMLINK_FOLLOW | AtFlags::EMPTY_PATH).is_empty() {
        return Err(EINVAL);
    }
    if flags.has(AtFlags::EMPTY_PATH) && !cx.cred().capable(CAP_DAC_READ_SEARCH) {
        return Err(ENOENT);
    }
    let follow = flags.has(AtFlags::SYMLINK_FOLLOW);
    let nofollow = if follow { AtFlags::EMPTY } else { AtFlags::SYMLINK_NOFOLLOW };
    let found = find_at(cx, old_dir, old, flags & AtFlags::EMPTY_PATH | nofollow)?;
    let old = found.path.ok_or(abi::errno::EXDEV)?;
    with_path(cx, dir, path, |c, start, path| namei::link(c, &old, start, path))
}

/// unlink(2)
pub fn unlink(cx: &mut Cx, path: UserPath) -> Result<()> {
    unlinkat(cx, CWD, path, 0)
}

/// rmdir(2)
pub fn rmdir(cx: &mut Cx, path: UserPath) -> Result<()> {
    unlinkat(cx, CWD, path, AT_REMOVEDIR)
}

/// unlinkat(2)
pub fn unlinkat(cx: &mut Cx, dir: Fd, path: UserPath, flags: u32) -> Result<()> {
    match flags {
        0 => with_path(cx, dir, path, namei::unlink),
        AT_REMOVEDIR => with_path(cx, dir, path, namei::rmdir),
        _ => Err(EINVAL),
    }
}

/// rename(2)
pub fn rename(cx: &mut Cx, old: UserPath, new: UserPath) -> Result<()> {
    renameat2(cx, CWD, old, CWD, new, 0)
}

/// renameat(2)
pub fn renameat(cx: &mut Cx, old_dir: Fd, old: UserPath, dir: Fd, new: UserPath) -> Result<()> {
    renameat2(cx, old_dir, old, dir, new, 0)
}

/// renameat2(2)
pub fn renameat2(
    cx: &mut Cx,
    old_dir: Fd,
    old: UserPath,
    dir: Fd,
    new: UserPath,
    flags: u32,
) -> Result<()> {
    let flags = RenameFlags::checked(flags).ok_or(EINVAL)?;
    let (old, new) = (old.read(cx.space())?, new.read(cx.space())?);
    let (from, to) = (start(cx, old_dir, &old)?, start(cx, dir, &new)?);
    cx.with_caller(|c| namei::rename(c, (from, &old), (to, &new), flags))
}

/// readlink(2)
pub fn readlink(cx: &mut Cx, path: UserPath, to: UserBytes<Out>) -> Result<usize> {
    readlinkat(cx, CWD, path, to)
}

/// readlinkat(2): an empty path means the link that `dir` itself is.
pub fn readlinkat(cx: &mut Cx, dir: Fd, path: UserPath, to: UserBytes<Out>) -> Result<usize> {
    // The length is an int for Linux.
    if to.len() as i32 <= 0 {
        return Err(EINVAL);
    }
    let empty = AtFlags::EMPTY_PATH | AtFlags::SYMLINK_NOFOLLOW;
    let given = !path.read(cx.space())?.is_empty();
    let found = find_at(cx, dir, path, empty)?;
    let Kind::Link(link) = found.inode.kind() else {
        return Err(if given { EINVAL } else { ENOENT });
    };
    let text = cx.with_caller(|c| link.text(c))?;
    if let Some(path) = &found.path {
        crate::fs::regular::touch_atime(&found.inode, &path.mount);
    }
    to.copy_from(cx.space(), &text)
}

/// chdir(2)
pub fn chdir(cx: &mut Cx, path: UserPath) -> Result<()> {
    let path = path.read(cx.space())?;
    let dir = cx.with_caller(|c| lookup_dir(c, &path))?;
    cx.fs().set_cwd(dir);
    Ok(())
}

/// fchdir(2)
pub fn fchdir(cx: &mut Cx, fd: Fd) -> Result<()> {
    let file = cx.file(fd)?;
    let dir = file.path().ok_or(ENOTDIR)?;
    cx.with_caller(|c| path::may_enter(c, dir))?;
    cx.fs().set_cwd(dir.clone());
    Ok(())
}

/// chroot(2)
pub fn chroot(cx: &mut Cx, path: UserPath) -> Result<()> {
    let path = path.read(cx.space())?;
    let dir = cx.with_caller(|c| lookup_dir(c, &path))?;
    if !cx.cred().capable(CAP_SYS_CHROOT) {
        return Err(EPERM);
    }
    cx.fs().set_root(dir);
    Ok(())
}

/// getcwd(2): the length with the NUL.
pub fn getcwd(cx: &mut Cx, to: UserBytes<Out>) -> Result<usize> {
    let cwd = cx.fs().cwd();
    if cwd.dentry.is_unlinked() {
        return Err(ENOENT);
    }
    let mut text: Vec<u8> = cwd.text(&cx.fs().root())?;
    text.push(0);
    if text.len() > PATH_MAX {
        return Err(ENAMETOOLONG);
    }
    if text.len() > to.len() {
        return Err(ERANGE);
    }
    to.copy_from(cx.space(), &text)
}

/// umask(2)
pub fn umask(cx: &mut Cx, umask: u32) -> Result<u32> {
    Ok(cx.fs().set_umask(umask))
}

/// For calls that need an open file and not only a place.
fn usable(cx: &Cx, fd: Fd) -> Result<Found> {
    cx.usable_file(fd).map_err(|_| EBADF)?;
    Found::open(cx, fd)
}
