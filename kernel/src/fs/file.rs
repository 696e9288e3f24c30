//! Open files: [`File`], and [`FileOps`], what stands behind one.
//!
//! Locks: `FileOffset` for the offset of a seekable file; an object takes what it needs below.
//! Sources: open(2), read(2), write(2), lseek(2), `fs/read_write.c`.

use crate::cred::Cred;
use crate::fs::busy::Claim;
use crate::fs::caller::Caller;
use crate::fs::epoll::Watchers;
use crate::fs::inode::{Emit, Inode};
use crate::fs::locks;
use crate::fs::mount::WriteAccess;
use crate::fs::notify;
use crate::fs::path::Path;
use crate::fs::sigio::Teller;
use crate::lock::order;
use crate::mm::io::{MAX_RW_COUNT, Sink, Source};
use crate::mm::{MapFile, MapSource};
use crate::sched::count_file;
use crate::time::mono_ns;
use crate::wait::{Mutex, Pause, Vigil, Watch, Woken};
use abi::Result;
use abi::errno::{
    EAGAIN, EBADF, EINVAL, ENODEV, ENOTDIR, ENOTTY, ENXIO, EOVERFLOW, ERESTARTSYS, ESPIPE,
};
use abi::fs::{InotifyMask, MountFlags, OpenFlags, SEEK_CUR, SEEK_END, SEEK_SET};
use abi::poll::PollEvents;
use alloc::sync::Arc;
use core::any::Any;
use core::fmt;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// Where a read or write takes place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pos {
    /// Next in the stream: the file has no positions.
    Stream,
    /// At this offset.
    At(u64),
}

/// The events of a file that can always be read and written.
pub const ALWAYS_READY: PollEvents =
    PollEvents::IN.with(PollEvents::RDNORM).with(PollEvents::OUT).with(PollEvents::WRNORM);

/// What is behind an open file. It never sleeps for data: it says `EAGAIN`, and [`File`] sleeps.
///
/// The defaults are Linux's answers where a file lacks the operation.
pub trait FileOps: Any + Send + Sync {
    /// Reads. 0 bytes is the end of the file, `EAGAIN` that nothing is there yet.
    fn read(&self, _f: &File, _c: &Caller, _to: &mut dyn Sink, _at: Pos) -> Result<usize> {
        Err(EINVAL)
    }

    /// Writes as much as there is room for; `EAGAIN` if there is none.
    fn write(&self, _f: &File, _c: &Caller, _from: &mut dyn Source, _at: Pos) -> Result<usize> {
        Err(EINVAL)
    }

    /// Writes at the end, for `O_APPEND`. Returns the bytes and where they end; a file without
    /// positions just writes.
    fn append(&self, f: &File, c: &Caller, from: &mut dyn Source) -> Result<(usize, u64)> {
        self.write(f, c, from, Pos::Stream).map(|n| (n, 0))
    }

    /// Is each write one record, of which the rest is not written if it was too long? Such a file
    /// looks at what it is given ([`Source::peek`]) until it takes it.
    fn writes_records(&self) -> bool {
        false
    }

    /// Can epoll(7) watch it? Whoever has a `poll` of its own says so; the others are always ready.
    fn can_poll(&self) -> bool {
        false
    }

    /// What is ready now, without side effect; and puts `watch`, if any, on the queues that tell
    /// of changes.
    fn poll(&self, _f: &File, _c: &Caller, _watch: Option<&mut Watch>) -> PollEvents {
        ALWAYS_READY
    }

    /// When a read that waits since `began_ns` gives up, in nanoseconds on the monotonic clock
    /// (`VTIME` of a terminal, `SO_RCVTIMEO` of a socket). Asked before each sleep.
    fn read_deadline(&self, _began_ns: u64) -> Option<u64> {
        None
    }

    /// What a read gives that gave up.
    fn read_late(&self, _f: &File, _c: &Caller, _to: &mut dyn Sink) -> Result<usize> {
        Err(EAGAIN)
    }

    /// What `/proc/PID/fd` calls it where it has no path, as `anon_inode:[eventfd]`.
    fn link_name(&self) -> Option<&'static str> {
        None
    }

    /// Its own lines in `/proc/PID/fdinfo`.
    fn fdinfo(&self, _f: &File, _out: &mut dyn fmt::Write) -> fmt::Result {
        Ok(())
    }

    /// ioctl(2), but for the commands every file knows.
    fn ioctl(&self, _f: &File, _c: &Caller, _cmd: u32, _arg: u64) -> Result<i64> {
        Err(ENOTTY)
    }

    /// Whether the file has positions: then reads and writes get [`Pos::At`].
    fn is_seekable(&self) -> bool {
        false
    }

    /// The new position for lseek(2), `now` being the old one.
    fn seek(&self, _f: &File, _now: u64, _offset: i64, _whence: u32) -> Result<u64> {
        Err(ESPIPE)
    }

    /// Lists a directory from position `at` on.
    fn readdir(&self, _f: &File, _c: &Caller, _at: u64, _emit: Emit) -> Result<()> {
        Err(ENOTDIR)
    }

    /// Whether splice(2) reads from it, and whether it writes to it.
    fn splices(&self) -> (bool, bool) {
        (false, false)
    }

    /// What mmap(2) of it gives.
    fn map(&self, _f: &File) -> Result<MapSource> {
        Err(ENODEV)
    }

    /// fsync(2), fdatasync(2).
    fn sync(&self, _f: &File) -> Result<()> {
        Err(EINVAL)
    }

    /// Lets `teller` tell of what happens to the object (`O_ASYNC`), or no more. `ENOTTY`: nothing
    /// is told of such objects.
    fn listen(&self, _f: &File, _teller: &Arc<Teller>, _fd: i32, _on: bool) -> Result<()> {
        Err(ENOTTY)
    }

    /// The last step of open(2), which may have to wait (`EAGAIN`) for another process, as a
    /// named pipe does.
    fn opened(&self, _f: &File, _c: &Caller) -> Result<()> {
        Ok(())
    }
}

/// An open file description (open(2)): what descriptors share after dup(2) and fork(2).
pub struct File {
    /// Epoll sets that watch it: first, so that they forget it before it goes.
    watchers: Watchers,
    ops: Arc<dyn FileOps>,
    inode: Arc<dyn Inode>,
    /// How it was found; a pipe or socket was not.
    path: Option<Path>,
    /// What it can be used for, decided at open.
    mode: Mode,
    /// That it was opened has been told, so that its close is, too.
    announced: AtomicBool,
    /// While it can be written, it cannot be run,
    _claim: Option<Claim>,
    /// and its mount cannot become read-only.
    _access: Option<WriteAccess>,
    /// `O_*`: the access mode, and the status flags that fcntl(2) can change.
    flags: AtomicU32,
    /// Whose credentials opened it.
    cred: Arc<Cred>,
    /// Written under `seeking`, which reads and writes hold; read without.
    offset: AtomicU64,
    /// Whom it sends signals, if anyone ever asked.
    teller: spin::Once<Arc<Teller>>,
    seeking: Mutex<(), order::FileOffset>,
}

#[derive(Clone, Copy)]
struct Mode {
    read: bool,
    write: bool,
}

/// The flags that `F_SETFL` can change (`SETFL_MASK`); `O_ASYNC` is [`File::set_async`]'s.
const CHANGEABLE: OpenFlags =
    OpenFlags::APPEND.with(OpenFlags::NONBLOCK).with(OpenFlags::DIRECT).with(OpenFlags::NOATIME);

/// Flags that only say how to open; `F_GETFL` does not show them.
const OPENING: OpenFlags = OpenFlags::CREAT
    .with(OpenFlags::EXCL)
    .with(OpenFlags::NOCTTY)
    .with(OpenFlags::TRUNC)
    .with(OpenFlags::CLOEXEC);

impl File {
    /// Opens `inode`, found at `path`. Permission was checked.
    pub fn new(
        ops: Arc<dyn FileOps>,
        inode: Arc<dyn Inode>,
        path: Option<Path>,
        flags: OpenFlags,
        cred: Arc<Cred>,
    ) -> Self {
        let usable = !flags.has(OpenFlags::PATH);
        count_file(1);
        Self {
            watchers: Watchers::default(),
            ops,
            inode,
            path,
            _claim: None,
            announced: AtomicBool::new(false),
            _access: None,
            mode: Mode { read: usable && flags.reads(), write: usable && flags.writes() },
            flags: AtomicU32::new(flags.without(OPENING).bits()),
            cred,
            offset: AtomicU64::new(0),
            teller: spin::Once::new(),
            seeking: Mutex::new(()),
        }
    }

    /// The same, and the file keeps `claim` and `access` as long as it is open.
    pub fn holding(mut self, claim: Option<Claim>, access: Option<WriteAccess>) -> Self {
        (self._claim, self._access) = (claim, access);
        self
    }

    /// What is behind it.
    pub fn ops(&self) -> &Arc<dyn FileOps> {
        &self.ops
    }

    /// What is behind it, if that is a `T`.
    pub fn ops_as<T: FileOps>(&self) -> Option<&T> {
        let ops: &dyn Any = &*self.ops;
        ops.downcast_ref()
    }

    /// The epoll sets that watch it.
    pub fn watchers(&self) -> &Watchers {
        &self.watchers
    }

    /// The inode.
    pub fn inode(&self) -> &Arc<dyn Inode> {
        &self.inode
    }

    /// How it was found, unless it is a pipe, socket or the like.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_ref()
    }

    /// Whose credentials opened it.
    pub fn cred(&self) -> &Arc<Cred> {
        &self.cred
    }

    /// `O_*` as `F_GETFL` shows them.
    pub fn flags(&self) -> OpenFlags {
        OpenFlags(self.flags.load(Ordering::Relaxed))
    }

    /// `F_SETFL`: only the flags that can change do.
    pub fn set_flags(&self, flags: OpenFlags) {
        let kept = self.flags().without(CHANGEABLE);
        self.flags.store((kept | flags & CHANGEABLE).bits(), Ordering::Relaxed);
    }

    /// Sets or clears `O_NONBLOCK` (`FIONBIO`).
    pub fn set_nonblock(&self, on: bool) {
        match on {
            true => self.flags.fetch_or(OpenFlags::NONBLOCK.bits(), Ordering::Relaxed),
            false => self.flags.fetch_and(!OpenFlags::NONBLOCK.bits(), Ordering::Relaxed),
        };
    }

    /// Whom it sends signals.
    pub fn teller(&self) -> &Arc<Teller> {
        self.teller.call_once(Arc::default)
    }

    /// Sets or clears `O_ASYNC` (`FIOASYNC`), for descriptor `fd`. `ENOTTY` where it means nothing.
    pub fn set_async(&self, fd: i32, on: bool) -> Result<()> {
        if self.flags().has(OpenFlags::ASYNC) == on {
            return Ok(());
        }
        self.ops.listen(self, self.teller(), fd, on)?;
        match on {
            true => self.flags.fetch_or(OpenFlags::ASYNC.bits(), Ordering::Relaxed),
            false => self.flags.fetch_and(!OpenFlags::ASYNC.bits(), Ordering::Relaxed),
        };
        Ok(())
    }

    /// Tells those who watch the file that it was opened.
    pub fn announce(&self) {
        self.announced.store(true, Ordering::Relaxed);
        self.tell(InotifyMask::OPEN);
    }

    /// Tells those who watch the file what was done through this one.
    #[inline]
    pub fn tell(&self, event: InotifyMask) {
        if let Some(path) = &self.path {
            notify::used(path, event);
        }
    }

    /// Whether it was opened with `O_PATH`: good as a place, not as a file.
    pub fn is_path(&self) -> bool {
        self.flags().has(OpenFlags::PATH)
    }

    /// Whether read(2) is allowed.
    pub fn readable(&self) -> bool {
        self.mode.read
    }

    /// Whether write(2) is allowed.
    pub fn writable(&self) -> bool {
        self.mode.write
    }

    /// read(2), readv(2): at the file's offset.
    pub fn read(&self, c: &Caller, to: &mut dyn Sink) -> Result<usize> {
        self.may_read()?;
        if !self.ops.is_seekable() {
            return self.read_pos(c, to, Pos::Stream);
        }
        let _seeking = self.seeking.lock();
        let offset = self.offset();
        let n = self.read_pos(c, to, Pos::At(offset))?;
        self.set_offset(offset + n as u64);
        Ok(n)
    }

    /// pread(2), preadv(2).
    pub fn read_at(&self, c: &Caller, to: &mut dyn Sink, at: i64) -> Result<usize> {
        let at = u64::try_from(at).map_err(|_| EINVAL)?;
        if !self.ops.is_seekable() {
            return Err(ESPIPE);
        }
        self.may_read()?;
        self.read_pos(c, to, Pos::At(at))
    }

    /// write(2), writev(2): at the file's offset, or with `O_APPEND` at its end.
    pub fn write(&self, c: &Caller, from: &mut dyn Source) -> Result<usize> {
        self.may_write()?;
        self.written(self.write_here(c, from))
    }

    /// A write at the end of the file, wherever that is (`RWF_APPEND`); the offset follows.
    pub fn append(&self, c: &Caller, from: &mut dyn Source) -> Result<usize> {
        if !self.ops.is_seekable() {
            return self.write(c, from);
        }
        self.may_write()?;
        let _seeking = self.seeking.lock();
        let (n, end) = self.ops.append(self, c, from)?;
        self.set_offset(end);
        self.written(Ok(n))
    }

    /// The same; the offset stays.
    pub fn append_at(&self, c: &Caller, from: &mut dyn Source) -> Result<usize> {
        if !self.ops.is_seekable() {
            return Err(ESPIPE);
        }
        self.may_write()?;
        self.written(self.ops.append(self, c, from).map(|(n, _)| n))
    }

    /// Tells of a write that was one.
    fn written(&self, done: Result<usize>) -> Result<usize> {
        if done.is_ok_and(|n| n > 0) {
            self.tell(InotifyMask::MODIFY);
        }
        done
    }

    fn write_here(&self, c: &Caller, from: &mut dyn Source) -> Result<usize> {
        if !self.ops.is_seekable() {
            return match self.ops.writes_records() {
                true => self.block(c, || self.ops.write(self, c, from, Pos::Stream)),
                false => self.write_stream(c, from),
            };
        }
        let _seeking = self.seeking.lock();
        if self.flags().has(OpenFlags::APPEND) {
            let (n, end) = self.ops.append(self, c, from)?;
            self.set_offset(end);
            return Ok(n);
        }
        let offset = self.offset();
        let n = self.write_pos(c, from, offset)?;
        self.set_offset(offset + n as u64);
        Ok(n)
    }

    /// pwrite(2), pwritev(2). As on Linux, `O_APPEND` appends here too, whatever `at` says.
    pub fn write_at(&self, c: &Caller, from: &mut dyn Source, at: i64) -> Result<usize> {
        let at = u64::try_from(at).map_err(|_| EINVAL)?;
        if !self.ops.is_seekable() {
            return Err(ESPIPE);
        }
        self.may_write()?;
        if self.flags().has(OpenFlags::APPEND) {
            return self.append_at(c, from);
        }
        self.written(self.write_pos(c, from, at))
    }

    fn may_read(&self) -> Result<()> {
        if self.mode.read { Ok(()) } else { Err(EBADF) }
    }

    fn may_write(&self) -> Result<()> {
        if self.mode.write { Ok(()) } else { Err(EBADF) }
    }

    fn read_pos(&self, c: &Caller, to: &mut dyn Sink, at: Pos) -> Result<usize> {
        if let Pos::At(at) = at {
            in_range(at, to.left())?;
        }
        let deadline = |began_ns| self.ops.read_deadline(began_ns);
        let nonblock = self.flags().has(OpenFlags::NONBLOCK);
        let done = self.block_until(c, nonblock, deadline, |late| match late {
            false => self.ops.read(self, c, to, at),
            true => self.ops.read_late(self, c, to),
        })?;
        if done > 0 {
            self.tell(InotifyMask::ACCESS);
        }
        Ok(done)
    }

    fn write_pos(&self, c: &Caller, from: &mut dyn Source, at: u64) -> Result<usize> {
        in_range(at, from.left())?;
        self.block(c, || self.ops.write(self, c, from, Pos::At(at)))
    }

    /// A blocking write to a stream ends when all is written, or when something is in the way.
    fn write_stream(&self, c: &Caller, from: &mut dyn Source) -> Result<usize> {
        let mut done = 0;
        loop {
            match self.block(c, || self.ops.write(self, c, from, Pos::Stream)) {
                Ok(n) => done += n,
                Err(_) if done > 0 => return Ok(done),
                Err(error) => return Err(error),
            }
            if from.left() == 0 || self.flags().has(OpenFlags::NONBLOCK) {
                return Ok(done);
            }
        }
    }

    /// lseek(2): the new offset.
    pub fn seek(&self, offset: i64, whence: u32) -> Result<u64> {
        let _seeking = self.seeking.lock();
        let new = self.ops.seek(self, self.offset(), offset, whence)?;
        self.set_offset(new);
        Ok(new)
    }

    /// Where the next read or write takes place.
    pub fn offset(&self) -> u64 {
        self.offset.load(Ordering::Relaxed)
    }

    /// Moves the offset on without looking at who else moves it, as splice(2) does.
    pub fn advance(&self, by: usize) {
        self.offset.fetch_add(by as u64, Ordering::Relaxed);
    }

    fn set_offset(&self, offset: u64) {
        self.offset.store(offset, Ordering::Relaxed);
    }

    /// getdents64(2): hands entries to `emit` from the offset on, which follows what was taken.
    pub fn readdir(&self, c: &Caller, emit: Emit) -> Result<()> {
        let _seeking = self.seeking.lock();
        let mut next = self.offset();
        let result = self.ops.readdir(self, c, next, &mut |entry| {
            let taken = emit(entry);
            if taken {
                next = entry.next;
            }
            taken
        });
        self.set_offset(next);
        result.inspect(|()| self.tell(InotifyMask::ACCESS))
    }

    /// The file as mmap(2) wants it.
    pub fn map_file(self: &Arc<Self>) -> MapFile {
        let flags = self.path.as_ref().map_or(MountFlags::EMPTY, |path| path.mount.flags());
        MapFile {
            source: self.ops.map(self).ok(),
            file: self.clone(),
            readable: self.mode.read,
            writable: self.mode.write,
            append_only: false,
            noexec: flags.has(MountFlags::NOEXEC),
        }
    }

    /// What is ready, for poll(2) and its kin.
    pub fn poll(&self, c: &Caller, watch: Option<&mut Watch>) -> PollEvents {
        self.ops.poll(self, c, watch)
    }

    /// The last step of open(2). `O_NONBLOCK` is the object's business here.
    pub fn block_opening(&self, c: &Caller) -> Result<()> {
        self.block(c, || self.ops.opened(self, c))
    }

    /// Repeats `op` until it says anything but `EAGAIN`. Between the attempts it sleeps until the
    /// file tells of a change; a signal ends that with `ERESTARTSYS`. With `O_NONBLOCK` there is
    /// one attempt.
    pub fn block<R>(&self, c: &Caller, op: impl FnMut() -> Result<R>) -> Result<R> {
        self.block_unless(self.flags().has(OpenFlags::NONBLOCK), c, op)
    }

    /// The same, but `nonblock` and not the file's flag decides.
    pub fn block_unless<R>(
        &self,
        nonblock: bool,
        c: &Caller,
        mut op: impl FnMut() -> Result<R>,
    ) -> Result<R> {
        self.block_until(c, nonblock, |_| None, |_| op())
    }

    /// The same for an operation that waits for something besides the file.
    pub fn block_on<R>(
        &self,
        nonblock: bool,
        c: &Caller,
        watch: impl FnOnce(&mut Watch),
        mut op: impl FnMut() -> Result<R>,
    ) -> Result<R> {
        let watch = |all: &mut Watch| {
            self.ops.poll(self, c, Some(all));
            watch(all);
        };
        sleep_until(nonblock, watch, |_| None, |_| op())
    }

    /// The same with a deadline, which may change while it sleeps: it is told when the call began.
    /// When it has passed, `op` is told that it is late and has the last word.
    fn block_until<R>(
        &self,
        c: &Caller,
        nonblock: bool,
        deadline: impl Fn(u64) -> Option<u64>,
        op: impl FnMut(bool) -> Result<R>,
    ) -> Result<R> {
        let watch = |watch: &mut Watch| {
            self.ops.poll(self, c, Some(watch));
        };
        sleep_until(nonblock, watch, deadline, op)
    }
}

/// Repeats `op` as [`File::block`] says. The only place in the kernel where a file operation
/// sleeps for data.
fn sleep_until<R>(
    nonblock: bool,
    watch: impl FnOnce(&mut Watch),
    deadline: impl Fn(u64) -> Option<u64>,
    mut op: impl FnMut(bool) -> Result<R>,
) -> Result<R> {
    match op(false) {
        Err(EAGAIN) if !nonblock => {}
        done => return done,
    }
    let Some(mut vigil) = Vigil::new() else { return Err(EAGAIN) };
    let began_ns = mono_ns();
    watch(&mut vigil.watch);
    loop {
        vigil.clear();
        match op(false) {
            Err(EAGAIN) => {}
            done => return done,
        }
        match vigil.wait(Pause::INTERRUPTIBLE.until(deadline(began_ns))) {
            Ok(()) => {}
            Err(Woken::Signal) => return Err(ERESTARTSYS),
            Err(Woken::Deadline) => return op(true),
        }
    }
}

/// The file is closed for good.
impl Drop for File {
    fn drop(&mut self) {
        if *self.announced.get_mut() {
            let writes = self.mode.write;
            self.tell(if writes { InotifyMask::CLOSE_WRITE } else { InotifyMask::CLOSE_NOWRITE });
        }
        locks::released(self);
        count_file(-1);
    }
}

/// `EINVAL` where a position and a length pass the largest offset (`rw_verify_area`).
fn in_range(at: u64, len: usize) -> Result<()> {
    let len = len.min(MAX_RW_COUNT) as u64;
    match at.checked_add(len) {
        Some(end) if i64::try_from(end).is_ok() => Ok(()),
        _ => Err(EINVAL),
    }
}

/// lseek(2) in a file of `end` bytes, without holes; positions may go up to `max`.
pub fn seek_in(now: u64, offset: i64, whence: u32, end: u64, max: u64) -> Result<u64> {
    let base = match whence {
        SEEK_SET => 0,
        SEEK_CUR => now,
        SEEK_END => end,
        abi::fs::SEEK_DATA | abi::fs::SEEK_HOLE => {
            let at = u64::try_from(offset).map_err(|_| ENXIO)?;
            if at >= end {
                return Err(ENXIO);
            }
            return Ok(if whence == abi::fs::SEEK_DATA { at } else { end });
        }
        _ => return Err(EINVAL),
    };
    let base = i64::try_from(base).map_err(|_| EOVERFLOW)?;
    let at = base.checked_add(offset).ok_or(EINVAL)?;
    u64::try_from(at).ok().filter(|&at| at <= max).ok_or(EINVAL)
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File").field("flags", &self.flags()).finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::fs::inode::{Attr, Change, Kind};
    use abi::fs::{SEEK_DATA, SEEK_HOLE};

    struct Nothing;
    impl FileOps for Nothing {}
    impl Inode for Nothing {
        fn attr(&self) -> Attr {
            unreachable!("it has no attributes")
        }
        fn set_attr(&self, _change: &Change) -> Result<()> {
            Err(EINVAL)
        }
        fn kind(&self) -> Kind<'_> {
            Kind::Socket
        }
    }

    /// A file with nothing behind it.
    pub fn nothing() -> Arc<File> {
        let cred = Arc::new(Cred::root());
        Arc::new(File::new(Arc::new(Nothing), Arc::new(Nothing), None, OpenFlags::RDWR, cred))
    }

    #[test]
    fn seeking() {
        let seek = |offset, whence| seek_in(10, offset, whence, 100, 1000);
        assert_eq!(seek(5, SEEK_SET), Ok(5));
        assert_eq!(seek(-10, SEEK_CUR), Ok(0));
        assert_eq!(seek(-11, SEEK_CUR), Err(EINVAL));
        assert_eq!(seek(900, SEEK_END), Ok(1000));
        assert_eq!(seek(901, SEEK_END), Err(EINVAL));
        assert_eq!(seek(i64::MAX, SEEK_END), Err(EINVAL));
        assert_eq!(seek(99, SEEK_DATA), Ok(99));
        assert_eq!(seek(99, SEEK_HOLE), Ok(100));
        assert_eq!(seek(100, SEEK_HOLE), Err(ENXIO));
        assert_eq!(seek(-1, SEEK_DATA), Err(ENXIO));
        assert_eq!(seek(0, 5), Err(EINVAL));
    }

    #[test]
    fn ranges_end_at_the_largest_offset() {
        assert_eq!(in_range(i64::MAX as u64, 0), Ok(()));
        assert_eq!(in_range(i64::MAX as u64, 1), Err(EINVAL));
        assert_eq!(in_range(u64::MAX, 0), Err(EINVAL));
    }
}
