//! What an archive holds becomes files below the root.

use super::Target;
use super::cpio::{Header, Receiver};
use crate::cred::{Cred, Gid, Uid};
use crate::fs::caller::Caller;
use crate::fs::file::File;
use crate::fs::inode::{Change, Inode, Kind, What};
use crate::fs::path::lookup;
use crate::fs::{namei, open};
use crate::mm::PAGE;
use crate::mm::io::SliceSource;
use abi::fs::{OpenFlags, S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFMT, makedev};
use abi::time::Timespec;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Receives an archive.
pub struct Tree<'a> {
    c: &'a Caller<'a>,
    cred: &'a Arc<Cred>,
    /// The file whose data comes, and how much of it came.
    open: Option<(Arc<File>, u64)>,
    /// Directories get their times last, since what is made in them changes these.
    dirs: Vec<(Arc<dyn Inode>, u32)>,
}

fn at(seconds: u32) -> Timespec {
    Timespec { tv_sec: seconds.into(), tv_nsec: 0 }
}

/// Paths in an archive are relative to the root, which is the working directory.
fn own(header: &Header) -> Change {
    Change {
        mode: Some(header.mode & 0o7777),
        uid: Some(Uid(header.uid)),
        gid: Some(Gid(header.gid)),
        ..Change::default()
    }
}

fn timed(header: &Header) -> Change {
    let time = at(header.mtime);
    Change { atime: Some(time), mtime: Some(time), ..Change::default() }
}

impl<'a> Tree<'a> {
    pub fn new(c: &'a Caller<'a>, cred: &'a Arc<Cred>) -> Self {
        Self { c, cred, open: None, dirs: Vec::new() }
    }

    /// Everything is there.
    pub fn finish(self) {
        for (dir, mtime) in &self.dirs {
            let time = at(*mtime);
            let change = Change { atime: Some(time), mtime: Some(time), ..Change::default() };
            // As Linux: what cannot be stamped is left as it is.
            let _ = dir.set_attr(&change);
        }
    }

    fn find(&self, name: &[u8]) -> Option<Arc<dyn Inode>> {
        let path = lookup(self.c, None, name, false).ok()?;
        path.inode().ok().cloned()
    }

    /// A name that is taken by another kind of file makes way (`clean_path`).
    fn clean(&self, name: &[u8], mode: u32) {
        let Some(old) = self.find(name) else { return };
        let kind = old.attr().mode & S_IFMT;
        if kind != mode & S_IFMT {
            // As Linux: if it cannot go, making the new file fails.
            let _ = match kind {
                S_IFDIR => namei::rmdir(self.c, None, name),
                _ => namei::unlink(self.c, None, name),
            };
        }
    }

    fn apply(&self, name: &[u8], change: &Change) {
        if let Some(inode) = self.find(name) {
            // Nothing here refuses attributes.
            let _ = inode.set_attr(change);
        }
    }
}

impl Receiver for Tree<'_> {
    fn dir(&mut self, name: &[u8], header: &Header) {
        self.clean(name, header.mode);
        // It may be there already, as the root is; then it gets the new attributes.
        let _ = namei::make(self.c, None, name, header.mode, What::Dir);
        self.apply(name, &own(header));
        if let Some(inode) = self.find(name) {
            if self.dirs.try_reserve(1).is_ok() {
                self.dirs.push((inode, header.mtime));
            }
        }
    }

    fn node(&mut self, name: &[u8], header: &Header) {
        self.clean(name, header.mode);
        let dev = makedev(header.rdev.0, header.rdev.1);
        let what = match header.mode & S_IFMT {
            S_IFCHR => What::Char(dev),
            S_IFBLK => What::Block(dev),
            S_IFIFO => What::Fifo,
            _ => What::Socket,
        };
        // A node that is there already gets the new attributes.
        let _ = namei::make(self.c, None, name, header.mode, what);
        self.apply(name, &own(header));
        self.apply(name, &timed(header));
    }

    fn symlink(&mut self, name: &[u8], text: &[u8], header: &Header) {
        self.clean(name, 0);
        // Linux does not care whether it could be made, either.
        let _ = namei::make(self.c, None, name, 0o777, What::Link(text));
        self.apply(name, &Change { mode: None, ..own(header) });
        self.apply(name, &timed(header));
    }

    fn link(&mut self, old: &[u8], name: &[u8]) -> bool {
        self.clean(name, 0);
        let Ok(path) = lookup(self.c, None, old, false) else { return false };
        namei::link(self.c, &path, None, name).is_ok()
    }

    fn file(&mut self, name: &[u8], header: &Header, again: bool) -> bool {
        if !again {
            self.clean(name, header.mode);
        }
        let mut flags = OpenFlags::WRONLY | OpenFlags::CREAT;
        if !again {
            flags |= OpenFlags::TRUNC;
        }
        let perm = header.mode & 0o7777;
        let Ok(file) = open::open(self.c, self.cred, None, name, flags, perm) else { return false };
        // Its owner is whoever the archive says; that cannot fail here.
        let _ = file.inode().set_attr(&own(header));
        if let (Kind::File(data), true) = (file.inode().kind(), header.len > 0) {
            if data.truncate(header.len.into()).is_err() {
                return false;
            }
        }
        self.open = Some((file, 0));
        true
    }

    fn data(&mut self, bytes: &[u8]) -> bool {
        let Some((file, done)) = &mut self.open else { return false };
        let written = file.write_at(self.c, &mut SliceSource::new(bytes), *done as i64);
        *done += bytes.len() as u64;
        written == Ok(bytes.len())
    }

    fn close(&mut self, header: &Header) {
        if let Some((file, _)) = self.open.take() {
            // The mode again, since writing may have taken set-id bits.
            let _ = file.inode().set_attr(&own(header));
            let _ = file.inode().set_attr(&timed(header));
        }
    }
}

impl Target for Tree<'_> {
    fn adopt(&mut self, frame: &hal::mem::Frame) -> bool {
        let Some((file, done)) = &mut self.open else { return false };
        let Kind::File(data) = file.inode().kind() else { return false };
        if *done % PAGE != 0 || !data.adopt(*done / PAGE, frame) {
            return false;
        }
        *done += PAGE;
        true
    }
}
