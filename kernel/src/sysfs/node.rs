//! [`Node`]: a directory, attribute or link as an inode (`fs/kernfs`). Lock: `Names` for what
//! chmod(2) and its like change.

use alloc::{boxed::Box, sync::Arc, vec::Vec};

use abi::{
    Result,
    errno::{EACCES, EINVAL, ENOTDIR, EPERM},
    fs::{DT_DIR, DT_LNK, DT_REG, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG},
    time::Timespec,
};

use super::{
    attribute::Attribute,
    draft::{Show, Store},
};
use crate::{
    cred::{Gid, Uid},
    fs::{
        Caller, FileOps,
        attached::Attached,
        inode::{Attr, Change, Dir, Emit, Entry, Inode, Kind, Link, Made, MountArgs, New, What},
    },
    lock::{Spin, order},
    time::timespec,
};

/// What all nodes have in common.
pub(super) struct Shared {
    dev: u64,
    /// When the tree was made.
    born: Timespec,
}

impl Shared {
    pub fn new(args: &MountArgs) -> Self {
        Self { dev: args.dev, born: timespec(args.clock.now_ns()) }
    }
}

/// A directory, attribute or link.
pub(super) struct Node {
    shared: Arc<Shared>,
    ino: u64,
    pub body: Body,
    meta: Spin<Meta, order::Names>,
    attached: Attached,
}

/// An entry of a directory.
pub(super) type Named = (Box<[u8]>, Arc<Node>);

/// What it is.
pub(super) enum Body {
    /// By name.
    Dir(Vec<Named>),
    File(Show, Option<Store>),
    Link(Arc<[u8]>),
}

struct Meta {
    mode: u32,
    uid: Uid,
    gid: Gid,
    atime: Timespec,
    mtime: Timespec,
    ctime: Timespec,
}

/// What an attribute is said to be long: more than none can be.
pub(super) const ATTRIBUTE_SIZE: u64 = 4096;

/// The number of the top.
const ROOT_INO: u64 = 1;

/// Where entries begin in a listing.
const ENTRIES_AT: u64 = 2;

impl Node {
    pub fn new(shared: Arc<Shared>, ino: u64, body: Body) -> Self {
        let mode = match &body {
            Body::Dir(_) if ino == ROOT_INO => S_IFDIR | 0o555,
            Body::Dir(_) => S_IFDIR | 0o755,
            Body::File(_, Some(_)) => S_IFREG | 0o644,
            Body::File(_, None) => S_IFREG | 0o444,
            Body::Link(_) => S_IFLNK | 0o777,
        };
        let born = shared.born;
        let (uid, gid) = (Uid::ROOT, Gid(0));
        let meta = Meta { mode, uid, gid, atime: born, mtime: born, ctime: born };
        Self { shared, ino, body, meta: Spin::new(meta), attached: Attached::default() }
    }

    fn entries(&self) -> Result<&[Named]> {
        match &self.body {
            Body::Dir(entries) => Ok(entries),
            _ => Err(ENOTDIR),
        }
    }

    fn is_dir(&self) -> bool {
        matches!(self.body, Body::Dir(_))
    }
}

impl Inode for Node {
    fn attr(&self) -> Attr {
        let (nlink, size) = match &self.body {
            Body::Dir(entries) => {
                (2 + entries.iter().filter(|(_, node)| node.is_dir()).count() as u32, 0)
            }
            Body::File(..) => (1, ATTRIBUTE_SIZE),
            Body::Link(_) => (1, 0),
        };
        let meta = self.meta.lock();
        Attr {
            dev: self.shared.dev,
            ino: self.ino,
            mode: meta.mode,
            nlink,
            uid: meta.uid,
            gid: meta.gid,
            rdev: 0,
            size,
            blocks: 0,
            blksize: 4096,
            atime: meta.atime,
            mtime: meta.mtime,
            ctime: meta.ctime,
            btime: None,
        }
    }

    fn set_attr(&self, change: &Change) -> Result<()> {
        let mut meta = self.meta.lock();
        if let Some(mode) = change.mode {
            meta.mode = meta.mode & S_IFMT | mode & 0o7777;
        }
        meta.uid = change.uid.unwrap_or(meta.uid);
        meta.gid = change.gid.unwrap_or(meta.gid);
        meta.atime = change.atime.unwrap_or(meta.atime);
        meta.mtime = change.mtime.unwrap_or(meta.mtime);
        meta.ctime = change.ctime.unwrap_or(meta.ctime);
        Ok(())
    }

    fn attached(&self) -> Option<&Attached> {
        Some(&self.attached)
    }

    fn kind(&self) -> Kind<'_> {
        match self.body {
            Body::Dir(_) => Kind::Dir(self),
            Body::File(..) => Kind::Made(self),
            Body::Link(_) => Kind::Link(self),
        }
    }
}

/// Nothing comes or goes but with a device.
impl Dir for Node {
    fn lookup(&self, name: &[u8]) -> Result<Option<Arc<dyn Inode>>> {
        let entries = self.entries()?;
        let at = entries.binary_search_by(|(other, _)| (**other).cmp(name)).ok();
        let found = at.and_then(|at| entries.get(at));
        Ok(found.map(|(_, node)| node.clone() as Arc<dyn Inode>))
    }

    fn readdir(&self, at: u64, emit: Emit) -> Result<()> {
        let skipped = at.saturating_sub(ENTRIES_AT);
        let entries = self.entries()?.get(skipped as usize..).unwrap_or_default();
        for ((name, node), next) in entries.iter().zip(skipped + ENTRIES_AT + 1..) {
            let kind = match node.body {
                Body::Dir(_) => DT_DIR,
                Body::File(..) => DT_REG,
                Body::Link(_) => DT_LNK,
            };
            if !emit(Entry { name, ino: node.ino, kind, next }) {
                break;
            }
        }
        Ok(())
    }

    fn create(&self, _name: &[u8], new: &New) -> Result<Arc<dyn Inode>> {
        Err(if matches!(new.what, What::File) { EACCES } else { EPERM })
    }

    fn link(&self, _name: &[u8], _inode: &Arc<dyn Inode>) -> Result<()> {
        Err(EPERM)
    }

    fn unlink(&self, _name: &[u8]) -> Result<()> {
        Err(EPERM)
    }

    fn rmdir(&self, _name: &[u8]) -> Result<()> {
        Err(EPERM)
    }

    fn rename(&self, _: &[u8], _to: &dyn Inode, _: &[u8], _exchange: bool) -> Result<()> {
        Err(EPERM)
    }
}

impl Made for Node {
    fn open(&self, _caller: &Caller) -> Result<Arc<dyn FileOps>> {
        Ok(Arc::new(Attribute::default()))
    }
}

impl Link for Node {
    fn text(&self, _caller: &Caller) -> Result<Arc<[u8]>> {
        match &self.body {
            Body::Link(text) => Ok(text.clone()),
            _ => Err(EINVAL),
        }
    }
}
