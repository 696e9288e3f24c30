//! Directories of tmpfs. Lock: `Names`, one directory at a time; the caller's `Dir` locks keep
//! several steps together.

use super::inode::{Body, TmpInode};
use crate::fs::inode::{Dir, Emit, Entry, Inode, New};
use crate::lock::{Spin, order};
use abi::Result;
use abi::errno::{EEXIST, EINVAL, ENOENT, ENOMEM, ENOTDIR, ENOTEMPTY};
use abi::fs::dt_of_mode;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use core::any::Any;
use core::sync::atomic::Ordering;
use hashbrown::HashMap;

/// The entries of a directory, by name and by age.
#[derive(Default)]
pub(super) struct Entries {
    names: HashMap<Arc<[u8]>, Named>,
    /// Listing goes from the youngest to the oldest, as on Linux, so what goes or comes meanwhile
    /// moves nothing.
    ages: BTreeMap<u64, Arc<[u8]>>,
    last: u64,
    /// The directory was removed: nothing can be made in it.
    dead: bool,
}

struct Named {
    age: u64,
    inode: Arc<TmpInode>,
}

/// Positions run against age: `TOP - age` is where the entry of that age has been passed.
const TOP: u64 = 1 << 62;

impl Entries {
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    fn get(&self, name: &[u8]) -> Option<&Arc<TmpInode>> {
        self.names.get(name).map(|named| &named.inode)
    }

    /// Enters `inode`; what had the name before comes back.
    fn put(&mut self, name: &[u8], inode: Arc<TmpInode>) -> Result<Option<Arc<TmpInode>>> {
        if self.dead {
            return Err(ENOENT);
        }
        self.names.try_reserve(1).map_err(|_| ENOMEM)?;
        let name: Arc<[u8]> = Arc::from(name);
        self.last += 1;
        let age = self.last;
        self.ages.insert(age, name.clone());
        let old = self.names.insert(name, Named { age, inode });
        Ok(old.map(|old| {
            self.ages.remove(&old.age);
            old.inode
        }))
    }

    fn take(&mut self, name: &[u8]) -> Option<Arc<TmpInode>> {
        let named = self.names.remove(name)?;
        self.ages.remove(&named.age);
        Some(named.inode)
    }

    /// Takes any entry out.
    pub(super) fn pop(&mut self) -> Option<Arc<TmpInode>> {
        let (_, name) = self.ages.pop_last()?;
        self.names.remove(&name).map(|named| named.inode)
    }

    /// The youngest entry older than position `at` allows.
    fn next(&self, at: u64) -> Option<(u64, Arc<[u8]>, Arc<TmpInode>)> {
        let below = if at <= 2 { u64::MAX } else { TOP.saturating_sub(at) };
        let (age, name) = self.ages.range(..below).next_back()?;
        let named = self.names.get(name)?;
        Some((TOP - age, name.clone(), named.inode.clone()))
    }
}

impl TmpInode {
    fn entries(&self) -> Result<&Spin<Entries, order::Names>> {
        match &self.body {
            Body::Dir(entries) => Ok(entries),
            _ => Err(ENOTDIR),
        }
    }

    /// Marks an empty directory as removed.
    fn kill(&self) -> Result<()> {
        let mut entries = self.entries()?.lock();
        if entries.len() != 0 {
            return Err(ENOTEMPTY);
        }
        entries.dead = true;
        Ok(())
    }

    fn find(&self, name: &[u8]) -> Result<Arc<TmpInode>> {
        self.entries()?.lock().get(name).cloned().ok_or(ENOENT)
    }

    /// Takes a name out; the inode has one less.
    fn forget(&self, name: &[u8]) -> Result<()> {
        let gone = self.entries()?.lock().take(name);
        if let Some(gone) = &gone {
            if gone.is_dir() {
                gone.unlink_all();
                self.relink(-1);
            } else {
                gone.relink(-1);
            }
        }
        self.modified();
        Ok(())
    }
}

fn same_fs(inode: &Arc<dyn Inode>) -> Result<Arc<TmpInode>> {
    let any: Arc<dyn Any + Send + Sync> = inode.clone();
    any.downcast().map_err(|_| EINVAL)
}

impl Dir for TmpInode {
    fn lookup(&self, name: &[u8]) -> Result<Option<Arc<dyn Inode>>> {
        let found = self.entries()?.lock().get(name).cloned();
        Ok(found.map(|inode| inode as Arc<dyn Inode>))
    }

    fn readdir(&self, mut at: u64, emit: Emit) -> Result<()> {
        let entries = self.entries()?;
        loop {
            // The entry is copied out, so that `emit` may sleep.
            let Some((next, name, inode)) = entries.lock().next(at) else { return Ok(()) };
            let kind = dt_of_mode(inode.file_type());
            if !emit(Entry { name: &name, ino: inode.ino, kind, next }) {
                return Ok(());
            }
            at = next;
        }
    }

    fn create(&self, name: &[u8], new: &New) -> Result<Arc<dyn Inode>> {
        let inode = TmpInode::new(&self.space, new)?;
        let entries = self.entries()?;
        let replaced = {
            let mut entries = entries.lock();
            if entries.get(name).is_some() {
                return Err(EEXIST);
            }
            entries.put(name, inode.clone())?
        };
        drop(replaced);
        if inode.is_dir() {
            self.relink(1);
        }
        self.modified();
        Ok(inode)
    }

    fn nameless(&self, new: &New, linkable: bool) -> Result<Arc<dyn Inode>> {
        let inode = TmpInode::new(&self.space, new)?;
        inode.relink(-1);
        inode.linkable.store(linkable, Ordering::Relaxed);
        Ok(inode)
    }

    fn link(&self, name: &[u8], inode: &Arc<dyn Inode>) -> Result<()> {
        let inode = same_fs(inode)?;
        let is_first = inode.takes_names().ok_or(ENOENT)?;
        let taken = u64::from(!is_first);
        self.space.inodes.take(taken)?;
        if let Err(error) = self.entries()?.lock().put(name, inode.clone()) {
            self.space.inodes.give(taken);
            return Err(error);
        }
        inode.relink(1);
        self.modified();
        Ok(())
    }

    fn unlink(&self, name: &[u8]) -> Result<()> {
        self.find(name)?;
        self.forget(name)
    }

    fn rmdir(&self, name: &[u8]) -> Result<()> {
        self.find(name)?.kill()?;
        self.forget(name)
    }

    fn rename(&self, name: &[u8], to: &dyn Inode, new_name: &[u8], exchange: bool) -> Result<()> {
        let to: &dyn Any = to;
        let to: &TmpInode = to.downcast_ref().ok_or(EINVAL)?;
        let moving = self.find(name)?;
        if exchange {
            let other = to.find(new_name)?;
            let first = to.entries()?.lock().put(new_name, moving.clone())?;
            let second = self.entries()?.lock().put(name, other.clone())?;
            drop((first, second));
            let (down, up) = (i32::from(moving.is_dir()), i32::from(other.is_dir()));
            self.relink(up - down);
            to.relink(down - up);
            other.relink(0);
        } else {
            let target = to.entries()?.lock().get(new_name).cloned();
            if let Some(target) = &target
                && target.is_dir()
            {
                target.kill()?;
            }
            let replaced = to.entries()?.lock().put(new_name, moving.clone())?;
            let moved = self.entries()?.lock().take(name);
            drop(moved);
            match replaced {
                Some(old) if old.is_dir() => {
                    old.unlink_all();
                    self.relink(-1);
                }
                replaced => {
                    if let Some(old) = replaced {
                        old.relink(-1);
                    }
                    if moving.is_dir() {
                        self.relink(-1);
                        to.relink(1);
                    }
                }
            }
        }
        moving.relink(0);
        self.modified();
        to.modified();
        Ok(())
    }
}
