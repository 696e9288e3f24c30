//! Inodes of tmpfs: attributes and kinds. Lock: `Names` for the attributes.

use super::Space;
use super::dir::Entries;
use super::file::Pages;
use crate::cred::{Gid, Uid};
use crate::fs::attached::Attached;
use crate::fs::caller::Caller;
use crate::fs::inode::{Access, Attr, Change, Inode, Kind, Link, New, What};
use crate::fs::pipe::Fifo;
use crate::fs::xattr::Xattrs;
use crate::lock::{Spin, order};
use crate::mm::PAGE;
use abi::Result;
use abi::fs::{S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK};
use abi::time::Timespec;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, Ordering};

/// An inode.
pub struct TmpInode {
    pub(super) space: Arc<Space>,
    pub(super) ino: u64,
    meta: Spin<Meta, order::Names>,
    /// It was made without a name and may be given one.
    pub(super) linkable: AtomicBool,
    pub(super) body: Body,
    attached: Attached,
    xattrs: Xattrs,
}

/// What it is.
pub(super) enum Body {
    Dir(Spin<Entries, order::Names>),
    File(Arc<Pages>),
    Link(Arc<[u8]>),
    Char(u64),
    Block(u64),
    Fifo(Fifo),
    Socket,
}

#[derive(Clone, Copy)]
struct Meta {
    mode: u32,
    nlink: u32,
    uid: Uid,
    gid: Gid,
    atime: Timespec,
    mtime: Timespec,
    ctime: Timespec,
    btime: Timespec,
}

/// What an entry adds to the size of its directory (`BOGO_DIRENT_SIZE`).
const ENTRY_SIZE: u64 = 20;

/// Shorter link texts take no page (`SHORT_SYMLINK_LEN`).
const SHORT_LINK: usize = 128;

fn pages_of_link(text: &[u8]) -> u64 {
    u64::from(text.len() + 1 > SHORT_LINK)
}

impl TmpInode {
    /// Makes an inode with one name (a directory: with two), yet to be entered somewhere.
    pub(super) fn new(space: &Arc<Space>, new: &New) -> Result<Arc<Self>> {
        space.inodes.take(1)?;
        if let What::Link(text) = new.what
            && let Err(error) = space.pages.take(pages_of_link(text))
        {
            space.inodes.give(1);
            return Err(error);
        }
        let (kind, body) = match new.what {
            What::File => (S_IFREG, Body::File(Arc::new(Pages::new(space.clone())))),
            What::Dir => (S_IFDIR, Body::Dir(Spin::new(Entries::default()))),
            What::Link(text) => (S_IFLNK, Body::Link(text.into())),
            What::Char(dev) => (S_IFCHR, Body::Char(dev)),
            What::Block(dev) => (S_IFBLK, Body::Block(dev)),
            What::Fifo => (S_IFIFO, Body::Fifo(Fifo::default())),
            What::Socket => (S_IFSOCK, Body::Socket),
        };
        let now = space.now();
        let meta = Meta {
            mode: kind | new.perm & 0o7777,
            nlink: if kind == S_IFDIR { 2 } else { 1 },
            uid: new.uid,
            gid: new.gid,
            atime: now,
            mtime: now,
            ctime: now,
            btime: now,
        };
        let ino = space.new_ino();
        let linkable = AtomicBool::new(false);
        Ok(Arc::new(Self {
            space: space.clone(),
            ino,
            meta: Spin::new(meta),
            linkable,
            body,
            attached: Attached::default(),
            xattrs: Xattrs::default(),
        }))
    }

    /// The type bits.
    pub(super) fn file_type(&self) -> u32 {
        self.meta.lock().mode & S_IFMT
    }

    pub(super) fn is_dir(&self) -> bool {
        matches!(self.body, Body::Dir(_))
    }

    /// Whether it may get one more name, since it has one or never had, and whether that is its
    /// first.
    pub(super) fn takes_names(&self) -> Option<bool> {
        let nameless = self.linkable.swap(false, Ordering::Relaxed);
        (nameless || self.meta.lock().nlink > 0).then_some(nameless)
    }

    /// The number of names changed by `by`. Each but the first of a file has the space of an inode,
    /// which goes with it.
    pub(super) fn relink(&self, by: i32) {
        let now = self.space.now();
        let mut meta = self.meta.lock();
        if by < 0 && meta.nlink > 1 && !self.is_dir() {
            self.space.inodes.give(1);
        }
        self.set_nlink(&mut meta, |nlink| nlink.saturating_add_signed(by));
        meta.ctime = now;
    }

    /// Keeps count of inodes without a name.
    fn set_nlink(&self, meta: &mut Meta, new: impl FnOnce(u32) -> u32) {
        let new = new(meta.nlink);
        let old = core::mem::replace(&mut meta.nlink, new);
        match (old, meta.nlink) {
            (1.., 0) => self.space.orphans.fetch_add(1, Ordering::Relaxed),
            (0, 1..) => self.space.orphans.fetch_sub(1, Ordering::Relaxed),
            _ => 0,
        };
    }

    /// The directory has no name any more, and no `.` either.
    pub(super) fn unlink_all(&self) {
        let now = self.space.now();
        let mut meta = self.meta.lock();
        self.set_nlink(&mut meta, |_| 0);
        meta.ctime = now;
    }

    /// An entry came or went.
    pub(super) fn modified(&self) {
        let now = self.space.now();
        let mut meta = self.meta.lock();
        (meta.mtime, meta.ctime) = (now, now);
    }
}

impl Inode for TmpInode {
    fn attr(&self) -> Attr {
        let (size, pages) = match &self.body {
            Body::Dir(_) if self.space.plain => (0, 0),
            Body::Dir(entries) => ((entries.lock().len() as u64 + 2) * ENTRY_SIZE, 0),
            Body::File(pages) => pages.size(),
            Body::Link(text) => (text.len() as u64, pages_of_link(text)),
            _ => (0, 0),
        };
        let rdev = match self.body {
            Body::Char(dev) | Body::Block(dev) => dev,
            _ => 0,
        };
        let meta = *self.meta.lock();
        Attr {
            dev: self.space.dev,
            ino: self.ino,
            mode: meta.mode,
            nlink: meta.nlink,
            uid: meta.uid,
            gid: meta.gid,
            rdev,
            size,
            blocks: pages * (PAGE / 512),
            blksize: PAGE as u32,
            atime: meta.atime,
            mtime: meta.mtime,
            ctime: meta.ctime,
            btime: (!self.space.plain).then_some(meta.btime),
        }
    }

    fn access(&self) -> Access {
        let meta = self.meta.lock();
        Access { mode: meta.mode, uid: meta.uid, gid: meta.gid }
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

    fn kind(&self) -> Kind<'_> {
        match &self.body {
            Body::Dir(_) => Kind::Dir(self),
            Body::File(pages) => Kind::File(pages),
            Body::Link(_) => Kind::Link(self),
            Body::Char(dev) => Kind::Char(*dev),
            Body::Block(dev) => Kind::Block(*dev),
            Body::Fifo(fifo) => Kind::Fifo(fifo),
            Body::Socket => Kind::Socket,
        }
    }

    fn attached(&self) -> Option<&Attached> {
        Some(&self.attached)
    }

    fn xattrs(&self) -> Option<&Xattrs> {
        Some(&self.xattrs)
    }
}

impl Link for TmpInode {
    fn text(&self, _caller: &Caller) -> Result<Arc<[u8]>> {
        match &self.body {
            Body::Link(text) => Ok(text.clone()),
            _ => Err(abi::errno::EINVAL),
        }
    }
}

/// Gives the space back. A directory that goes with all that is in it (its file system was
/// unmounted) is taken apart step by step, since it may be deeper than the stack.
impl Drop for TmpInode {
    fn drop(&mut self) {
        self.space.inodes.give(1);
        if let Body::Link(text) = &self.body {
            self.space.pages.give(pages_of_link(text));
        }
        if self.meta.get_mut().nlink == 0 {
            self.space.orphans.fetch_sub(1, Ordering::Relaxed);
        }
        let Body::Dir(entries) = &mut self.body else { return };
        let mut above = alloc::vec::Vec::new();
        let mut here = core::mem::take(entries.get_mut());
        loop {
            while let Some(inode) = here.pop() {
                let Some(mut inode) = Arc::into_inner(inode) else { continue };
                if let Body::Dir(entries) = &mut inode.body {
                    above.push(core::mem::replace(&mut here, core::mem::take(entries.get_mut())));
                }
            }
            match above.pop() {
                Some(entries) => here = entries,
                None => return,
            }
        }
    }
}
