//! Descriptors and what is done through them: read(2), write(2), dup(2), pipe(2), fcntl(2), …

use crate::fs::inode::Kind;
use crate::fs::{Fd, File, attr, pipe};
use crate::mm::io::{UserSink, UserSource, segments};
use crate::mm::user::{In, Out, UserBytes, UserIn, UserList, UserOut};
use crate::process::Cx;
use crate::tty::pty::Master;
use abi::errno::{EBADF, EFAULT, EINVAL, EIO, EISDIR, ENODEV, ENOPKG, EOPNOTSUPP, ESPIPE, Result};
use abi::fs::{
    CloseRangeFlags, FIGETBSZ, FIOASYNC, FIOCLEX, FIONBIO, FIONCLEX, FallocFlags, InotifyMask,
    Iovec, OpenFlags, RwfFlags, S_IFIFO, SyncRangeFlags,
};
use abi::process::RLIMIT_NOFILE;
use abi::tty::TIOCGPTPEER;
use alloc::sync::Arc;

/// read(2)
pub fn read(cx: &mut Cx, fd: Fd, to: UserBytes<Out>) -> Result<usize> {
    let file = for_reading(cx, fd, to)?;
    cx.with_reader(&file, |c| file.read(c, &mut to.sink(cx.space())))
}

/// write(2)
pub fn write(cx: &mut Cx, fd: Fd, from: UserBytes<In>) -> Result<usize> {
    let file = for_writing(cx, fd, from)?;
    cx.with_writer(&file, |c| file.write(c, &mut from.source(cx.space())))
}

/// pread64(2)
pub fn pread64(cx: &mut Cx, fd: Fd, to: UserBytes<Out>, at: i64) -> Result<usize> {
    not_negative(at)?;
    let file = for_reading(cx, fd, to)?;
    cx.with_reader(&file, |c| file.read_at(c, &mut to.sink(cx.space()), at))
}

/// pwrite64(2)
pub fn pwrite64(cx: &mut Cx, fd: Fd, from: UserBytes<In>, at: i64) -> Result<usize> {
    not_negative(at)?;
    let file = for_writing(cx, fd, from)?;
    cx.with_writer(&file, |c| file.write_at(c, &mut from.source(cx.space()), at))
}

/// The file to read from into `to`, which must lie within user memory (`access_ok`). A file that
/// cannot be read says so itself, and first.
fn for_reading(cx: &Cx, fd: Fd, to: UserBytes<Out>) -> Result<Arc<File>> {
    let file = cx.usable_file(fd)?;
    if file.readable() {
        in_user_memory(to.addr(), to.len())?;
    }
    Ok(file)
}

/// The same for writing.
fn for_writing(cx: &Cx, fd: Fd, from: UserBytes<In>) -> Result<Arc<File>> {
    let file = cx.usable_file(fd)?;
    if file.writable() {
        in_user_memory(from.addr(), from.len())?;
    }
    Ok(file)
}

fn in_user_memory(addr: u64, len: usize) -> Result<()> {
    match addr.checked_add(len as u64) {
        Some(end) if end <= hal::user::USER_END => Ok(()),
        _ => Err(EFAULT),
    }
}

/// readv(2)
pub fn readv(cx: &mut Cx, fd: Fd, list: UserList<Iovec, In>) -> Result<usize> {
    let file = cx.usable_file(fd)?;
    let list = segments(cx.space(), list)?;
    cx.with_reader(&file, |c| file.read(c, &mut UserSink::list(cx.space(), &list)))
}

/// writev(2)
pub fn writev(cx: &mut Cx, fd: Fd, list: UserList<Iovec, In>) -> Result<usize> {
    let file = cx.usable_file(fd)?;
    let list = segments(cx.space(), list)?;
    cx.with_writer(&file, |c| file.write(c, &mut UserSource::list(cx.space(), &list)))
}

/// preadv(2). The upper half of the position is in the lower on 64 bits.
pub fn preadv(cx: &mut Cx, fd: Fd, list: UserList<Iovec, In>, at: i64) -> Result<usize> {
    not_negative(at)?;
    let file = cx.usable_file(fd)?;
    let list = segments(cx.space(), list)?;
    cx.with_reader(&file, |c| file.read_at(c, &mut UserSink::list(cx.space(), &list), at))
}

/// pwritev(2)
pub fn pwritev(cx: &mut Cx, fd: Fd, list: UserList<Iovec, In>, at: i64) -> Result<usize> {
    not_negative(at)?;
    let file = cx.usable_file(fd)?;
    let list = segments(cx.space(), list)?;
    cx.with_writer(&file, |c| file.write_at(c, &mut UserSource::list(cx.space(), &list), at))
}

/// preadv2(2)
pub fn preadv2(
    cx: &mut Cx,
    fd: Fd,
    list: UserList<Iovec, In>,
    at: i64,
    _high: u64,
    flags: u32,
) -> Result<usize> {
    rwf(flags)?;
    if at == -1 { readv(cx, fd, list) } else { preadv(cx, fd, list, at) }
}

/// pwritev2(2)
pub fn pwritev2(
    cx: &mut Cx,
    fd: Fd,
    list: UserList<Iovec, In>,
    at: i64,
    _high: u64,
    flags: u32,
) -> Result<usize> {
    if !rwf(flags)?.has(RwfFlags::APPEND) {
        return if at == -1 { writev(cx, fd, list) } else { pwritev(cx, fd, list, at) };
    }
    if at < -1 {
        return Err(EINVAL);
    }
    let file = cx.file(fd)?;
    let list = segments(cx.space(), list)?;
    let from = &mut UserSource::list(cx.space(), &list);
    cx.with_writer(&file, |c| match at {
        -1 => file.append(c, from),
        _ => file.append_at(c, from),
    })
}

/// The flags that are known. No file here promises never to wait, as `RWF_NOWAIT` asks; all but
/// `RWF_APPEND` ask for what every write here is anyway.
fn rwf(flags: u32) -> Result<RwfFlags> {
    let flags = RwfFlags::checked(flags).ok_or(EOPNOTSUPP)?;
    if flags.has(RwfFlags::NOWAIT) { Err(EOPNOTSUPP) } else { Ok(flags) }
}

fn not_negative(at: i64) -> Result<()> {
    if at < 0 { Err(EINVAL) } else { Ok(()) }
}

/// lseek(2)
pub fn lseek(cx: &mut Cx, fd: Fd, offset: i64, whence: u32) -> Result<u64> {
    let file = cx.usable_file(fd)?;
    if whence > abi::fs::SEEK_HOLE {
        return Err(EINVAL);
    }
    file.seek(offset, whence)
}

/// close(2)
pub fn close(cx: &mut Cx, fd: Fd) -> Result<()> {
    cx.files().close(fd)
}

/// close_range(2)
pub fn close_range(cx: &mut Cx, first: u32, last: u32, flags: u32) -> Result<()> {
    let flags = CloseRangeFlags::checked(flags).ok_or(EINVAL)?;
    if first > last {
        return Err(EINVAL);
    }
    if flags.has(CloseRangeFlags::UNSHARE) {
        let own = cx.files().fork()?;
        cx.parts.files = Arc::new(own);
        cx.publish();
    }
    cx.files().close_range(first..=last, flags.has(CloseRangeFlags::CLOEXEC))
}

/// dup(2)
pub fn dup(cx: &mut Cx, old: Fd) -> Result<Fd> {
    let file = cx.file(old)?;
    cx.files().insert(file, cx.limit(RLIMIT_NOFILE), false)
}

/// dup2(2)
pub fn dup2(cx: &mut Cx, old: Fd, new: Fd) -> Result<Fd> {
    if old == new {
        return cx.file(old).map(|_| new);
    }
    cx.files().dup_to(old, new, cx.limit(RLIMIT_NOFILE), false)?;
    Ok(new)
}

/// dup3(2)
pub fn dup3(cx: &mut Cx, old: Fd, new: Fd, flags: u32) -> Result<Fd> {
    let flags = OpenFlags(flags);
    if flags != OpenFlags::CLOEXEC && !flags.is_empty() || old == new {
        return Err(EINVAL);
    }
    let cloexec = flags.has(OpenFlags::CLOEXEC);
    cx.files().dup_to(old, new, cx.limit(RLIMIT_NOFILE), cloexec)?;
    Ok(new)
}

/// pipe(2)
pub fn pipe(cx: &mut Cx, fds: UserOut<[i32; 2]>) -> Result<()> {
    pipe2(cx, fds, 0)
}

/// pipe2(2)
pub fn pipe2(cx: &mut Cx, fds: UserOut<[i32; 2]>, flags: u32) -> Result<()> {
    let flags = OpenFlags(flags);
    // O_NOTIFICATION_PIPE, which needs CONFIG_WATCH_QUEUE, is called O_EXCL otherwise.
    let known = OpenFlags::CLOEXEC | OpenFlags::NONBLOCK | OpenFlags::EXCL;
    if !flags.without(known).is_empty() {
        return Err(EINVAL);
    }
    if flags.has(OpenFlags::EXCL) {
        return Err(ENOPKG);
    }
    let (limit, cloexec) = (cx.limit(RLIMIT_NOFILE), flags.has(OpenFlags::CLOEXEC));
    let (from, to) = cx.with_caller(|c| pipe::pipe(c, cx.cred(), flags))?;
    let read = cx.files().reserve(limit, cloexec)?;
    let write = cx.files().reserve(limit, cloexec)?;
    fds.write(cx.space(), &[read.fd().0, write.fd().0])?;
    read.install(from);
    write.install(to);
    Ok(())
}

/// ioctl(2)
pub fn ioctl(cx: &mut Cx, fd: Fd, cmd: u32, arg: u64) -> Result<u64> {
    let file = cx.usable_file(fd)?;
    match cmd {
        FIOCLEX => cx.files().set_cloexec(fd, true).map(|()| 0),
        FIONCLEX => cx.files().set_cloexec(fd, false).map(|()| 0),
        FIONBIO => {
            let on = UserIn::<i32>::new(arg).read(cx.space())?;
            file.set_nonblock(on != 0);
            Ok(0)
        }
        FIGETBSZ => {
            let size = file.inode().attr().blksize;
            UserOut::<u32>::new(arg).write(cx.space(), &size).map(|()| 0)
        }
        FIOASYNC => {
            let on = UserIn::<i32>::new(arg).read(cx.space())?;
            file.set_async(fd.0, on != 0).map(|()| 0)
        }
        TIOCGPTPEER if file.ops_as::<Master>().is_some() => open_peer(cx, &file, arg),
        _ => cx.with_caller(|c| file.ops().ioctl(&file, c, cmd, arg)).map(|n| n as u64),
    }
}

/// Opens the other end of a pseudoterminal (`TIOCGPTPEER`).
fn open_peer(cx: &mut Cx, file: &File, flags: u64) -> Result<u64> {
    let flags = OpenFlags(flags as u32);
    let master = file.ops_as::<Master>().ok_or(EIO)?;
    let peer = cx.with_caller(|c| master.open_peer(file, c, cx.cred(), flags))?;
    let limit = cx.limit(RLIMIT_NOFILE);
    let fd = cx.files().insert(peer, limit, flags.has(OpenFlags::CLOEXEC))?;
    Ok(fd.0 as u64)
}

/// sync(2)
pub fn sync(_cx: &mut Cx) -> Result<()> {
    Ok(())
}

/// syncfs(2)
pub fn syncfs(cx: &mut Cx, fd: Fd) -> Result<()> {
    cx.usable_file(fd).map(drop)
}

/// fsync(2)
pub fn fsync(cx: &mut Cx, fd: Fd) -> Result<()> {
    let file = cx.usable_file(fd)?;
    file.ops().sync(&file)
}

/// fdatasync(2)
pub fn fdatasync(cx: &mut Cx, fd: Fd) -> Result<()> {
    fsync(cx, fd)
}

/// ftruncate(2)
pub fn ftruncate(cx: &mut Cx, fd: Fd, len: i64) -> Result<()> {
    let len = u64::try_from(len).map_err(|_| EINVAL)?;
    let file = cx.usable_file(fd)?;
    if !file.writable() {
        return Err(EINVAL);
    }
    cx.with_caller(|c| attr::set_len(c, file.inode(), len))?;
    file.tell(InotifyMask::MODIFY);
    Ok(())
}

/// fallocate(2)
pub fn fallocate(cx: &mut Cx, fd: Fd, mode: u32, at: i64, len: i64) -> Result<()> {
    let file = cx.usable_file(fd)?;
    let (Ok(at), Ok(len)) = (u64::try_from(at), u64::try_from(len)) else { return Err(EINVAL) };
    if len == 0 {
        return Err(EINVAL);
    }
    let mode = FallocFlags::checked(mode).ok_or(EOPNOTSUPP)?;
    if mode.has(FallocFlags::PUNCH_HOLE) && !mode.has(FallocFlags::KEEP_SIZE) {
        return Err(EOPNOTSUPP);
    }
    if !file.writable() {
        return Err(EBADF);
    }
    match file.inode().kind() {
        Kind::File(data) => {
            data.allocate(mode, at, len)?;
            file.tell(InotifyMask::MODIFY);
            Ok(())
        }
        Kind::Fifo(_) => Err(ESPIPE),
        Kind::Dir(_) => Err(EISDIR),
        _ if file.inode().attr().file_type() == S_IFIFO => Err(ESPIPE),
        _ => Err(ENODEV),
    }
}

/// readahead(2): everything is in memory already.
pub fn readahead(cx: &mut Cx, fd: Fd, _at: i64, _count: usize) -> Result<()> {
    let file = cx.usable_file(fd)?;
    if !file.readable() {
        return Err(EBADF);
    }
    match file.inode().kind() {
        Kind::File(_) | Kind::Block(_) => Ok(()),
        _ => Err(EINVAL),
    }
}

/// sync_file_range(2): nothing is further from the disk than memory.
pub fn sync_file_range(cx: &mut Cx, fd: Fd, at: i64, len: i64, flags: u32) -> Result<()> {
    let file = cx.usable_file(fd)?;
    SyncRangeFlags::checked(flags).ok_or(EINVAL)?;
    if at < 0 || at.checked_add(len).is_none_or(|end| end < at) {
        return Err(EINVAL);
    }
    match file.inode().kind() {
        Kind::File(_) | Kind::Made(_) | Kind::Block(_) | Kind::Dir(_) | Kind::Link(_) => Ok(()),
        _ => Err(ESPIPE),
    }
}

/// fadvise64(2): the advice is taken note of by doing nothing.
pub fn fadvise64(cx: &mut Cx, fd: Fd, _at: i64, len: i64, advice: u32) -> Result<()> {
    let file = cx.usable_file(fd)?;
    if file.inode().attr().file_type() == S_IFIFO {
        return Err(ESPIPE);
    }
    if len < 0 || advice > abi::fs::POSIX_FADV_NOREUSE {
        return Err(EINVAL);
    }
    Ok(())
}
