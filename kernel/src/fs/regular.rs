//! Open regular files and directories, and files opened as places only (`O_PATH`).

use crate::fs::access::mode_after_write;
use crate::fs::attr::now;
use crate::fs::caller::Caller;
use crate::fs::file::{ALWAYS_READY, File, FileOps, Pos, seek_in};
use crate::fs::inode::{Change, Data, Emit, Entry, Inode, Kind};
use crate::fs::mount::Mount;
use crate::mm::MapSource;
use crate::mm::io::{Sink, Source};
use crate::signal::Signal;
use crate::time::timespec;
use crate::wait::Watch;
use abi::Result;
use abi::errno::{EBADF, EFBIG, EINVAL, EISDIR, ENOENT, ENOTDIR};
use abi::fs::{DT_DIR, FIGETBSZ, FIOQSIZE, MountFlags, OpenFlags, SEEK_DATA, SEEK_HOLE};
use abi::poll::PollEvents;
use abi::process::{RLIM_INFINITY, RLIMIT_FSIZE};
use abi::signal::SIGXFSZ;
use alloc::sync::Arc;

/// The longest a file can be (`MAX_LFS_FILESIZE`).
pub const MAX_LEN: u64 = i64::MAX as u64;

/// A day in seconds: how old a time of last read may grow under `relatime`.
const DAY: i64 = 24 * 60 * 60;

/// Notes that `inode`, reached through `mount`, was read (`touch_atime`).
pub fn touch_atime(inode: &Arc<dyn Inode>, mount: &Mount) {
    let flags = mount.flags();
    if flags.has(MountFlags::NOATIME) || mount.is_read_only() {
        return;
    }
    if flags.has(MountFlags::NODIRATIME) && matches!(inode.kind(), Kind::Dir(_)) {
        return;
    }
    let now = timespec(mount.sb().clock.now_ns());
    let attr = inode.attr();
    let key = |t: abi::time::Timespec| (t.tv_sec, t.tv_nsec);
    if key(attr.atime) == key(now) {
        return;
    }
    let fresh = key(attr.atime) > key(attr.mtime)
        && key(attr.atime) > key(attr.ctime)
        && now.tv_sec - attr.atime.tv_sec < DAY;
    if flags.has(MountFlags::RELATIME) && fresh {
        return;
    }
    // A time that cannot be noted is no reason for a read to fail.
    let _ = inode.set_attr(&Change { atime: Some(now), ..Change::default() });
}

fn accessed(f: &File) {
    if let Some(path) = f.path()
        && !f.flags().has(OpenFlags::NOATIME)
    {
        touch_atime(f.inode(), &path.mount);
    }
}

/// An open regular file made of pages.
pub struct Regular;

impl Regular {
    fn data(f: &File) -> Result<&dyn Data> {
        match f.inode().kind() {
            Kind::File(data) => Ok(data),
            _ => Err(EINVAL),
        }
    }

    fn write_to(
        f: &File,
        c: &Caller,
        from: &mut dyn Source,
        at: Option<u64>,
    ) -> Result<(usize, u64)> {
        let limit = c.limits.get(RLIMIT_FSIZE);
        if from.left() == 0 {
            return Ok((0, at.unwrap_or_else(|| f.inode().attr().size)));
        }
        let result = Self::data(f)?.write(at, from, limit.min(MAX_LEN));
        if result == Err(EFBIG) && limit != RLIM_INFINITY {
            (c.raise)(Signal(SIGXFSZ));
        }
        let (n, end) = result?;
        if n > 0 {
            let now = now(c);
            let mode = mode_after_write(c.cred, &f.inode().attr());
            let change = Change { mode, mtime: Some(now), ctime: Some(now), ..Change::default() };
            f.inode().set_attr(&change)?;
        }
        Ok((n, end))
    }
}

impl FileOps for Regular {
    fn read(&self, f: &File, _c: &Caller, to: &mut dyn Sink, at: Pos) -> Result<usize> {
        let Pos::At(at) = at else { return Err(EINVAL) };
        let n = Self::data(f)?.read(at, to)?;
        accessed(f);
        Ok(n)
    }

    fn write(&self, f: &File, c: &Caller, from: &mut dyn Source, at: Pos) -> Result<usize> {
        let Pos::At(at) = at else { return Err(EINVAL) };
        Self::write_to(f, c, from, Some(at)).map(|(n, _)| n)
    }

    fn append(&self, f: &File, c: &Caller, from: &mut dyn Source) -> Result<(usize, u64)> {
        Self::write_to(f, c, from, None)
    }

    fn ioctl(&self, f: &File, c: &Caller, cmd: u32, arg: u64) -> Result<i64> {
        let attr = f.inode().attr();
        let space = c.space.ok_or(abi::errno::EFAULT)?;
        match cmd {
            abi::fs::FIONREAD => {
                let left = attr.size as i64 - f.offset() as i64;
                crate::mm::user::UserOut::<i32>::new(arg).write(space, &(left as i32))?;
            }
            FIGETBSZ => {
                crate::mm::user::UserOut::<i32>::new(arg).write(space, &(attr.blksize as i32))?;
            }
            FIOQSIZE => {
                crate::mm::user::UserOut::<i64>::new(arg).write(space, &(attr.size as i64))?;
            }
            _ => return Err(abi::errno::ENOTTY),
        }
        Ok(0)
    }

    fn is_seekable(&self) -> bool {
        true
    }

    fn splices(&self) -> (bool, bool) {
        (true, true)
    }

    fn seek(&self, f: &File, now: u64, offset: i64, whence: u32) -> Result<u64> {
        if whence == SEEK_DATA || whence == SEEK_HOLE {
            let at = u64::try_from(offset).map_err(|_| abi::errno::ENXIO)?;
            return Self::data(f)?.seek(at, whence == SEEK_HOLE);
        }
        seek_in(now, offset, whence, f.inode().attr().size, MAX_LEN)
    }

    fn map(&self, f: &File) -> Result<MapSource> {
        accessed(f);
        Ok(MapSource::Pages(Self::data(f)?.pages()))
    }

    fn sync(&self, _f: &File) -> Result<()> {
        // What is only in memory is as safe as it gets.
        Ok(())
    }
}

/// An open directory.
pub struct Directory;

impl FileOps for Directory {
    fn read(&self, _f: &File, _c: &Caller, _to: &mut dyn Sink, _at: Pos) -> Result<usize> {
        Err(EISDIR)
    }

    fn is_seekable(&self) -> bool {
        true
    }

    fn seek(&self, _f: &File, now: u64, offset: i64, whence: u32) -> Result<u64> {
        match whence {
            abi::fs::SEEK_SET | abi::fs::SEEK_CUR => seek_in(now, offset, whence, 0, MAX_LEN),
            _ => Err(EINVAL),
        }
    }

    fn readdir(&self, f: &File, _c: &Caller, at: u64, emit: Emit) -> Result<()> {
        let path = f.path().ok_or(ENOTDIR)?;
        let Kind::Dir(dir) = f.inode().kind() else { return Err(ENOTDIR) };
        let _entries = path.dentry.lock_entries();
        if path.dentry.is_unlinked() {
            return Err(ENOENT);
        }
        let ino = f.inode().attr().ino;
        let up = match path.dentry.parent() {
            Some(parent) => parent.inode().map_or(ino, |inode| inode.attr().ino),
            None => ino,
        };
        let dots: [(&[u8], u64); 2] = [(b".", ino), (b"..", up)];
        for (i, (name, ino)) in dots.into_iter().enumerate().skip(at.min(2) as usize) {
            if !emit(Entry { name, ino, kind: DT_DIR, next: i as u64 + 1 }) {
                return Ok(());
            }
        }
        dir.readdir(at.max(2), emit)?;
        accessed(f);
        Ok(())
    }

    fn sync(&self, _f: &File) -> Result<()> {
        Ok(())
    }
}

/// A file opened with `O_PATH`.
pub struct Place;

impl FileOps for Place {
    fn read(&self, _f: &File, _c: &Caller, _to: &mut dyn Sink, _at: Pos) -> Result<usize> {
        Err(EBADF)
    }

    fn write(&self, _f: &File, _c: &Caller, _from: &mut dyn Source, _at: Pos) -> Result<usize> {
        Err(EBADF)
    }

    fn poll(&self, _f: &File, _c: &Caller, _watch: Option<&mut Watch>) -> PollEvents {
        ALWAYS_READY
    }
}
