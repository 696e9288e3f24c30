//! Inodes: what a file system has to implement.
//!
//! [`Inode::kind`] says what the file is and gives the operations that this kind has. The virtual
//! file system matches on it once, so no file system needs a default that answers a wrong errno.

use crate::cred::{Cred, Gid, Uid};
use crate::fs::access;
use crate::fs::attached::Attached;
use crate::fs::busy::WriteCount;
use crate::fs::caller::Caller;
use crate::fs::file::FileOps;
use crate::fs::path::Path;
use crate::fs::pipe::Fifo;
pub use crate::fs::superblock::{FileSystem, FsType, MountArgs};
use crate::fs::xattr::Xattrs;
use crate::mm::PageSource;
use crate::mm::io::{Sink, Source};
use abi::Result;
use abi::errno::EOPNOTSUPP;
use abi::fs::{FallocFlags, S_IFMT};
use abi::time::Timespec;
use alloc::sync::Arc;
use core::any::Any;
use hal::mem::Frame;

/// What stat(2) tells of an inode.
#[derive(Clone, Copy, Debug)]
pub struct Attr {
    /// The file system's device number.
    pub dev: u64,
    /// Number within the file system.
    pub ino: u64,
    /// Type and permissions.
    pub mode: u32,
    /// Names (for a directory: names, `.` and the `..` of its children).
    pub nlink: u32,
    /// Owner.
    pub uid: Uid,
    /// Group.
    pub gid: Gid,
    /// Which device a device node stands for.
    pub rdev: u64,
    /// Length in bytes.
    pub size: u64,
    /// Space taken, in units of 512 bytes.
    pub blocks: u64,
    /// Bytes best moved at once.
    pub blksize: u32,
    /// Last read.
    pub atime: Timespec,
    /// Last write.
    pub mtime: Timespec,
    /// Last change of the inode.
    pub ctime: Timespec,
    /// Birth, where the file system keeps it.
    pub btime: Option<Timespec>,
}

impl Attr {
    /// The type bits of the mode.
    pub fn file_type(&self) -> u32 {
        self.mode & S_IFMT
    }
}

/// What decides who may do what: all that a walk asks of most inodes.
#[derive(Clone, Copy, Debug)]
pub struct Access {
    /// Type and permissions.
    pub mode: u32,
    /// Owner.
    pub uid: Uid,
    /// Group.
    pub gid: Gid,
}

impl From<&Attr> for Access {
    fn from(attr: &Attr) -> Self {
        Self { mode: attr.mode, uid: attr.uid, gid: attr.gid }
    }
}

/// A change of attributes; `None` leaves one as it is. Permission was checked by the caller.
#[derive(Clone, Copy, Debug, Default)]
pub struct Change {
    /// Permission bits; the type is kept.
    pub mode: Option<u32>,
    /// Owner.
    pub uid: Option<Uid>,
    /// Group.
    pub gid: Option<Gid>,
    /// Last read.
    pub atime: Option<Timespec>,
    /// Last write.
    pub mtime: Option<Timespec>,
    /// Last change of the inode.
    pub ctime: Option<Timespec>,
}

/// What an inode is, with the operations of that kind.
pub enum Kind<'a> {
    /// A directory.
    Dir(&'a dyn Dir),
    /// A regular file made of pages.
    File(&'a dyn Data),
    /// A regular file whose content is made as it is read (procfs).
    Made(&'a dyn Made),
    /// A symbolic link.
    Link(&'a dyn Link),
    /// A character device.
    Char(u64),
    /// A block device.
    Block(u64),
    /// A named pipe.
    Fifo(&'a Fifo),
    /// A socket's name.
    Socket,
}

/// A file as the file system has it, whatever its names.
pub trait Inode: Any + Send + Sync {
    /// The attributes.
    fn attr(&self) -> Attr;

    /// The attributes that decide on access.
    fn access(&self) -> Access {
        Access::from(&self.attr())
    }

    /// Whether `cred` may access it in every way of `want` (see [`access`]): `EACCES` if not.
    fn permission(&self, cred: &Cred, want: u32) -> Result<()> {
        access::permission(cred, self.access(), want)
    }

    /// Changes attributes.
    fn set_attr(&self, change: &Change) -> Result<()>;

    /// What it is.
    fn kind(&self) -> Kind<'_>;

    /// Whether no directory has a name for it: then its open files have no path.
    fn is_nameless(&self) -> bool {
        false
    }

    /// Where the virtual file system keeps its own with this inode. `None`: there is no place, so
    /// the file cannot be locked.
    fn attached(&self) -> Option<&Attached> {
        None
    }

    /// Its extended attributes, where the file system keeps any.
    fn xattrs(&self) -> Option<&Xattrs> {
        None
    }

    /// Whether a cached name no longer stands for this inode, as in `/proc` when a process ends.
    fn is_stale(&self) -> bool {
        false
    }
}

/// How a new inode is to be.
#[derive(Clone, Copy, Debug)]
pub struct New<'a> {
    /// Permission bits, umask already applied.
    pub perm: u32,
    /// Owner.
    pub uid: Uid,
    /// Group.
    pub gid: Gid,
    /// What to make.
    pub what: What<'a>,
}

/// The kinds of inode a directory can be asked to make.
#[derive(Clone, Copy, Debug)]
pub enum What<'a> {
    /// An empty regular file.
    File,
    /// An empty directory.
    Dir,
    /// A symbolic link with this text.
    Link(&'a [u8]),
    /// A character device.
    Char(u64),
    /// A block device.
    Block(u64),
    /// A named pipe.
    Fifo,
    /// A socket's name.
    Socket,
}

/// An entry of a directory, as readdir(3) shows it.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Name.
    pub name: &'a [u8],
    /// Inode number.
    pub ino: u64,
    /// `DT_*`.
    pub kind: u8,
    /// Where the entry after this one is found.
    pub next: u64,
}

/// Takes entries one by one; `false` says that this one found no room and ends the listing.
pub type Emit<'a> = &'a mut dyn FnMut(Entry) -> bool;

/// Operations of a directory.
///
/// The caller holds the directory's `Dir` lock, has checked permissions and the length of the
/// name. What an operation changes is there when it returns, and nothing if it fails.
pub trait Dir: Send + Sync {
    /// Finds a name.
    fn lookup(&self, name: &[u8]) -> Result<Option<Arc<dyn Inode>>>;

    /// Lists from position `at` on; 0 is the begin. Positions stay good when entries go. `.` and
    /// `..` come from the caller: entries begin at position 2.
    fn readdir(&self, at: u64, emit: Emit) -> Result<()>;

    /// Whether the absence of a name may be remembered until a `create`.
    fn caches_absence(&self) -> bool {
        true
    }

    /// Makes an inode under a name that is not there yet.
    fn create(&self, name: &[u8], new: &New) -> Result<Arc<dyn Inode>>;

    /// Makes a file without a name (`O_TMPFILE`), which a `link` may give it if it is `linkable`.
    fn nameless(&self, new: &New, linkable: bool) -> Result<Arc<dyn Inode>> {
        let _ = (new, linkable);
        Err(EOPNOTSUPP)
    }

    /// Gives `inode`, of the same file system and not a directory, one more name. `ENOENT` if its
    /// last name is gone.
    fn link(&self, name: &[u8], inode: &Arc<dyn Inode>) -> Result<()>;

    /// Takes away the name of something that is not a directory.
    fn unlink(&self, name: &[u8]) -> Result<()>;

    /// Takes away the name of an empty directory; from then on nothing can be made in it.
    fn rmdir(&self, name: &[u8]) -> Result<()>;

    /// Moves `name` to `new_name` in `to`, a directory of the same file system whose `Dir` lock
    /// is held too. What had that name before goes (an empty directory if a directory moves), or
    /// takes the old place for `exchange`.
    fn rename(&self, name: &[u8], to: &dyn Inode, new_name: &[u8], exchange: bool) -> Result<()>;
}

/// Operations of a regular file made of pages.
pub trait Data: Send + Sync {
    /// Reads at `at`; 0 bytes at or past the end.
    fn read(&self, at: u64, to: &mut dyn Sink) -> Result<usize>;

    /// Writes at `at`, or for `None` at the end, with no other writer in between. Goes no further
    /// than `limit`: `EFBIG` if not one byte fits below it. Returns the bytes and where they end.
    fn write(&self, at: Option<u64>, from: &mut dyn Source, limit: u64) -> Result<(usize, u64)>;

    /// Sets the length. Pages beyond it go, from mappings too; what is added reads as zeroes.
    fn truncate(&self, len: u64) -> Result<()>;

    /// fallocate(2); modes a file system lacks are `EOPNOTSUPP`.
    fn allocate(&self, mode: FallocFlags, at: u64, len: u64) -> Result<()>;

    /// The first position from `at` on that is data (or, for `hole`, is not): `ENXIO` past the
    /// end.
    fn seek(&self, at: u64, hole: bool) -> Result<u64>;

    /// Who writes to it or runs it.
    fn writers(&self) -> &WriteCount;

    /// The pages, for mapping.
    fn pages(&self) -> Arc<dyn PageSource>;

    /// Makes `frame` page `index` of the file without a copy, if the file system can.
    fn adopt(&self, index: u64, frame: &Frame) -> bool {
        let _ = (index, frame);
        false
    }
}

/// Operations of a file that is made as it is read.
pub trait Made: Send + Sync {
    /// Opens it.
    fn open(&self, caller: &Caller) -> Result<Arc<dyn FileOps>>;
}

/// Where a symbolic link leads.
pub enum Target {
    /// To a path, walked from the link's directory.
    Text(Arc<[u8]>),
    /// Straight to a file, as `/proc/PID/cwd` does, whatever path leads there.
    Jump(Path),
}

/// Operations of a symbolic link.
pub trait Link: Send + Sync {
    /// The text readlink(2) shows.
    fn text(&self, caller: &Caller) -> Result<Arc<[u8]>>;

    /// Where a walk goes on.
    fn follow(&self, caller: &Caller) -> Result<Target> {
        self.text(caller).map(Target::Text)
    }
}
