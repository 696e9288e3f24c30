//! Telling of what happens to files: inotify(7), and the places of the virtual file system that
//! report (`fs/notify/fsnotify.c`).
//!
//! A watch is a [`Mark`] in the list of an inode ([`super::attached::Attached`]); it holds the
//! inode. What happens to a file is told to the watches of its directory, with the name, then to
//! its own. A file system counts its marks, so that nothing is looked up where nobody watches.
//!
//! Locks, in this order: `Watches` (those of an instance), `Marks` (those on an inode or in a file
//! system), `Events` (an instance's queue). Events are told with none of them held.

mod inotify;
mod queue;

pub use inotify::{Inotify, Users, add, open, remove};

use crate::fs::dentry::Dentry;
use crate::fs::inode::{Inode, Kind};
use crate::fs::path::Path;
use crate::fs::superblock::Super;
use crate::lock::{Spin, order};
use abi::Result;
use abi::errno::ENOMEM;
use abi::fs::InotifyMask as Mask;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

/// A watch on an inode.
pub struct Mark {
    group: Weak<Inotify>,
    /// Its number in the instance.
    wd: i32,
    /// Events asked for, and `EXCL_UNLINK` and `ONESHOT`.
    mask: AtomicU32,
    inode: Arc<dyn Inode>,
    sb: Weak<Super>,
}

impl Mark {
    fn mask(&self) -> Mask {
        Mask(self.mask.load(Ordering::Relaxed))
    }

    /// Takes it from the list of its inode.
    fn leave_inode(self: &Arc<Self>) {
        if let Some(marks) = self.inode.attached().and_then(|attached| attached.marks()) {
            marks.remove(self);
        }
    }
}

/// The watches on an inode.
#[derive(Default)]
pub struct Marks(Spin<Vec<Arc<Mark>>, order::Marks>);

impl Marks {
    fn add(&self, mark: &Arc<Mark>) -> Result<()> {
        let mut list = self.0.lock();
        list.try_reserve(1).map_err(|_| ENOMEM)?;
        list.push(mark.clone());
        Ok(())
    }

    fn remove(&self, mark: &Arc<Mark>) {
        let mut list = self.0.lock();
        list.retain(|other| !Arc::ptr_eq(other, mark));
    }

    /// The watch of `group`.
    fn of(&self, group: &Arc<Inotify>) -> Option<Arc<Mark>> {
        let list = self.0.lock();
        list.iter().find(|mark| mark.group.as_ptr() == Arc::as_ptr(group)).cloned()
    }

    /// Those that `mask` may concern; without memory none.
    fn asking(&self, mask: Mask) -> Vec<Arc<Mark>> {
        let mut asking = Vec::new();
        for mark in self.0.lock().iter().filter(|mark| mark.mask().intersects(mask)) {
            if asking.try_reserve(1).is_ok() {
                asking.push(mark.clone());
            }
        }
        asking
    }
}

/// The watches in a file system.
#[derive(Default)]
pub struct InSuper {
    count: AtomicUsize,
    list: Spin<Vec<Weak<Mark>>, order::Marks>,
}

impl InSuper {
    /// Whether anybody watches anything.
    #[inline]
    fn any(&self) -> bool {
        self.count.load(Ordering::Relaxed) != 0
    }

    fn add(&self, mark: &Arc<Mark>) -> Result<()> {
        let mut list = self.list.lock();
        list.retain(|other| other.strong_count() > 0);
        list.try_reserve(1).map_err(|_| ENOMEM)?;
        list.push(Arc::downgrade(mark));
        self.count.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn remove(&self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }

    /// The file system is gone: its watches are told and end.
    pub fn unmounted(&self) {
        let list = core::mem::take(&mut *self.list.lock());
        for mark in list.iter().filter_map(Weak::upgrade) {
            if let Some(group) = mark.group.upgrade() {
                group.tell(&mark, Mask::UNMOUNT, 0, None);
                group.end(&mark);
            }
        }
    }
}

/// What is told: the event, what joins it to another one, and the name in a directory.
#[derive(Clone, Copy)]
struct Told<'a> {
    mask: Mask,
    cookie: u32,
    name: Option<&'a [u8]>,
    /// By a file whose name is gone: not for those who asked so (`IN_EXCL_UNLINK`).
    unlinked: bool,
}

fn tell(inode: &Arc<dyn Inode>, told: Told) {
    let Some(marks) = inode.attached().and_then(|attached| attached.marks()) else { return };
    for mark in marks.asking(told.mask.without(Mask::ISDIR)) {
        let asked = mark.mask();
        if told.unlinked && asked.has(Mask::EXCL_UNLINK) {
            continue;
        }
        let Some(group) = mark.group.upgrade() else { continue };
        let mut mask = told.mask;
        if mask.intersects(Mask::MOVE_SELF | Mask::DELETE_SELF) {
            // As it always was.
            mask = mask.without(Mask::ISDIR);
        }
        group.tell(&mark, mask, told.cookie, told.name);
        if asked.has(Mask::ONESHOT) {
            group.end(&mark);
        }
    }
}

/// The event with the flag that it is about a directory, if it is.
fn about(inode: &Arc<dyn Inode>, mask: Mask) -> Mask {
    if matches!(inode.kind(), Kind::Dir(_)) { mask | Mask::ISDIR } else { mask }
}

/// Something was done with the file at `dentry`. `by_file`: through an open file.
#[cold]
fn tell_both(dentry: &Dentry, mask: Mask, by_file: bool) {
    let Some(inode) = dentry.inode() else { return };
    let mask = about(inode, mask);
    let unlinked = by_file && dentry.is_unlinked();
    if let Some(dir) = dentry.parent()
        && let Some(above) = dir.inode()
    {
        tell(above, Told { mask, cookie: 0, name: Some(&dentry.name()), unlinked });
    }
    tell(inode, Told { mask, cookie: 0, name: None, unlinked });
}

/// An open file was used: its directory and it are told.
#[inline]
pub fn used(path: &Path, mask: Mask) {
    if path.dentry.sb().watches.any() {
        tell_both(&path.dentry, mask, true);
    }
}

/// The attributes or the length of a file changed: its directory and it are told.
#[inline]
pub fn changed(path: &Path, mask: Mask) {
    if path.dentry.sb().watches.any() {
        tell_both(&path.dentry, mask, false);
    }
}

/// Something happened to the inode at `dentry` itself: it alone is told.
pub fn itself(dentry: &Dentry, mask: Mask) {
    if dentry.sb().watches.any()
        && let Some(inode) = dentry.inode()
    {
        tell(inode, Told { mask: about(inode, mask), cookie: 0, name: None, unlinked: false });
    }
}

/// A name in directory `dir` came, went or moved; it leads or led to `inode`.
pub fn entry(dir: &Dentry, name: &[u8], inode: &Arc<dyn Inode>, mask: Mask, cookie: u32) {
    if dir.sb().watches.any()
        && let Some(above) = dir.inode()
    {
        let mask = about(inode, mask);
        tell(above, Told { mask, cookie, name: Some(name), unlinked: false });
    }
}

/// `moved` has gone from one directory and name to another, where `replaced` was before.
pub fn renamed(
    from: (&Dentry, &[u8]),
    to: (&Dentry, &[u8]),
    moved: &Dentry,
    replaced: Option<&Dentry>,
    cookie: u32,
) {
    if let Some(inode) = moved.inode() {
        entry(from.0, from.1, inode, Mask::MOVED_FROM, cookie);
        entry(to.0, to.1, inode, Mask::MOVED_TO, cookie);
        if let Some(replaced) = replaced {
            itself(replaced, Mask::ATTRIB);
        }
        itself(moved, Mask::MOVE_SELF);
    }
}

/// Nobody has `dentry` any more. If its name is gone and the inode has no other, neither does
/// anybody have that: its watches are told and end.
pub fn dropped(sb: &Super, inode: Option<&Arc<dyn Inode>>, unlinked: bool) {
    let Some(inode) = inode.filter(|_| unlinked && sb.watches.any()) else { return };
    let Some(marks) = inode.attached().and_then(|attached| attached.marks()) else { return };
    if inode.attr().nlink != 0 {
        return;
    }
    tell(inode, Told { mask: Mask::DELETE_SELF, cookie: 0, name: None, unlinked: false });
    let list = marks.0.lock().clone();
    for mark in list {
        if let Some(group) = mark.group.upgrade() {
            group.end(&mark);
        }
    }
}
