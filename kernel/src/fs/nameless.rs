//! Inodes of what no directory names: pipes, and the one that event files share
//! (`fs/pipe.c`, `fs/anon_inodes.c`). Lock level: `Names`.

use crate::cred::{Cred, Gid, Uid};
use crate::fs::attached::Attached;
use crate::fs::attr;
use crate::fs::caller::Caller;
use crate::fs::file::{File, FileOps};
use crate::fs::inode::{Attr, Change, Inode, Kind};
use crate::fs::mount::Namespace;
use crate::fs::path::Path;
use crate::fs::pipe::Fifo;
use crate::lock::{Spin, order};
use crate::time::{RealTime, timespec};
use abi::Result;
use abi::fs::{OpenFlags, PIPE_BUF, S_IFIFO, S_IFMT, S_IFSOCK};
use alloc::sync::Arc;

/// Such an inode: attributes and nothing else.
pub struct Nameless {
    attr: Spin<Attr, order::Names>,
    fifo: Option<Fifo>,
    attached: Attached,
}

impl Nameless {
    fn new(attr: Attr, fifo: Option<Fifo>) -> Self {
        Self { attr: Spin::new(attr), fifo, attached: Attached::default() }
    }

    /// That of a new pipe.
    pub fn pipe(c: &Caller, fifo: Fifo) -> Self {
        Self::new(own_attr(c, S_IFIFO | 0o600), Some(fifo))
    }

    /// That of a new socket, in the file system of pipes: Linux has another such for sockets.
    pub fn socket(c: &Caller) -> Self {
        Self::new(own_attr(c, S_IFSOCK | 0o777), None)
    }

    /// The one that event files share (`anon_inode_inode`): it has no type.
    pub fn anon(dev: u64, ino: u64, clock: &RealTime) -> Self {
        let now = timespec(clock.now_ns());
        let attr = Attr {
            dev,
            ino,
            mode: 0o600,
            nlink: 1,
            uid: Uid::ROOT,
            gid: Gid(0),
            rdev: 0,
            size: 0,
            blocks: 0,
            blksize: 4096,
            atime: now,
            mtime: now,
            ctime: now,
            btime: None,
        };
        Self::new(attr, None)
    }
}

impl Namespace {
    /// A place for an inode that no directory names, so that a walk can go on to it from
    /// `/proc/PID/fd`.
    pub fn nowhere(&self, inode: &Arc<dyn Inode>) -> Path {
        let mount = self.shm().clone();
        let dentry = mount.root().nameless(b"", inode.clone());
        Path { mount, dentry }
    }
}

/// The attributes of an inode that one object has for itself.
fn own_attr(c: &Caller, mode: u32) -> Attr {
    let now = attr::now(c);
    let mounts = &c.fs_info.mounts;
    Attr {
        dev: mounts.pipe_dev(),
        ino: mounts.new_pipe_ino(),
        mode,
        nlink: 1,
        uid: c.cred.fsuid,
        gid: c.cred.fsgid,
        rdev: 0,
        size: 0,
        blocks: 0,
        blksize: PIPE_BUF as u32,
        atime: now,
        mtime: now,
        ctime: now,
        btime: None,
    }
}

/// An open event file (`anon_inode_getfile`): `ops` behind the inode that all of them share.
pub fn anon_file(
    c: &Caller,
    cred: &Arc<Cred>,
    ops: Arc<dyn FileOps>,
    flags: OpenFlags,
) -> Arc<File> {
    let inode: Arc<dyn Inode> = c.fs_info.mounts.anon_inode().clone();
    Arc::new(File::new(ops, inode, None, flags, cred.clone()))
}

impl Inode for Nameless {
    fn attr(&self) -> Attr {
        *self.attr.lock()
    }

    fn set_attr(&self, change: &Change) -> Result<()> {
        let mut attr = self.attr.lock();
        if let Some(mode) = change.mode {
            attr.mode = attr.mode & S_IFMT | mode & 0o7777;
        }
        attr.uid = change.uid.unwrap_or(attr.uid);
        attr.gid = change.gid.unwrap_or(attr.gid);
        attr.atime = change.atime.unwrap_or(attr.atime);
        attr.mtime = change.mtime.unwrap_or(attr.mtime);
        attr.ctime = change.ctime.unwrap_or(attr.ctime);
        Ok(())
    }

    fn kind(&self) -> Kind<'_> {
        // What is no pipe cannot be opened by its inode, as a socket's name cannot.
        self.fifo.as_ref().map_or(Kind::Socket, Kind::Fifo)
    }

    fn is_nameless(&self) -> bool {
        true
    }

    fn attached(&self) -> Option<&Attached> {
        Some(&self.attached)
    }
}
