//! [`PageSource`]: where the pages of files and shared memory come from, and who maps them.
//!
//! A source knows its mappers ([`Mappings`]), so that a file which becomes shorter can take its
//! pages back from every program ([`drop_pages`]). An [`Attached`] in a range keeps that list
//! true by itself: it registers when made or cloned and leaves when dropped.
//!
//! Lock levels: a source's `page` and its `Mappings` take `PageCache` only, never `FileData`,
//! since faults come here with `Mm` held.

use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::ops::{Deref, Range};

use core::sync::atomic::{AtomicI64, Ordering::Relaxed};

use abi::errno::{EBUSY, EPERM, Result};
use hal::mem::{Frame, Kind};

use super::{PAGE, Space};
use crate::lock::order;
use crate::wait::Mutex;

/// Something that consists of pages which programs may map: a file's data, shared memory.
pub trait PageSource: Send + Sync {
    /// The frame of page `index`, read in or created if need be; a later write through a shared
    /// mapping changes this very frame. May sleep. `write`: the page is about to be written, so a
    /// hole must get a frame of its own.
    ///
    /// Any error makes the fault a `SIGBUS`, but `ENOMEM`, which is the machine's lack of memory.
    fn page(&self, index: u64, write: bool) -> Result<Frame>;

    /// Puts the frames at hand, from page `first` on, into `to`; must not sleep for them. Faults
    /// map these along with the page they need.
    fn cached(&self, first: u64, to: &mut [Option<Frame>]) {
        let _ = (first, to);
    }

    /// Length in bytes. Pages wholly beyond it cannot be touched.
    fn len(&self) -> u64;

    /// Whether there is nothing to map.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What its pages count as in a program's memory: `File`, or `Shmem` for memory that has no
    /// other home. Pages of `Shmem` sources become writable at the first touch, others at the
    /// first write.
    fn kind(&self) -> Kind {
        Kind::File
    }

    /// Whether no mapping made from now on may be written through (`F_SEAL_WRITE`).
    fn is_sealed(&self) -> bool {
        false
    }

    /// What a mapping of it is called in /proc/PID/maps where it has no file.
    fn name(&self) -> Option<&'static str> {
        None
    }

    /// Who maps it; `None` if its pages never go, so that nobody needs to know.
    fn mappings(&self) -> Option<&Mappings>;
}

/// Whether page `index` lies within the source.
pub(super) fn has_page(source: &dyn PageSource, index: u64) -> bool {
    index < source.len().div_ceil(PAGE)
}

/// The address spaces that map a source. A part of every source.
#[derive(Default)]
pub struct Mappings {
    /// By the address of the `Space`: the space and in how many ranges it maps the source.
    spaces: Mutex<BTreeMap<usize, (Weak<Space>, usize)>, order::PageCache>,
    /// Shared mappings of files open for writing; negative: there may be none (`i_mmap_writable`).
    writable: AtomicI64,
}

impl Mappings {
    /// Whether any program maps the source.
    pub fn is_empty(&self) -> bool {
        self.spaces.lock().is_empty()
    }

    /// From now on nobody maps it shared with the right to write: `EBUSY` if somebody does.
    pub fn deny_writing(&self) -> Result<()> {
        let deny = |count: i64| (count <= 0).then_some(-1);
        self.writable.fetch_update(Relaxed, Relaxed, deny).map(drop).map_err(|_| EBUSY)
    }

    fn allow_writing(&self) -> Result<()> {
        let more = |count: i64| (count >= 0).then_some(count + 1);
        self.writable.fetch_update(Relaxed, Relaxed, more).map(drop).map_err(|_| EPERM)
    }

    fn attach(&self, space: &Weak<Space>) {
        let mut spaces = self.spaces.lock();
        spaces.entry(space.as_ptr().addr()).or_insert_with(|| (space.clone(), 0)).1 += 1;
    }

    fn detach(&self, space: &Weak<Space>) {
        let mut spaces = self.spaces.lock();
        let key = space.as_ptr().addr();
        if let Some((_, count)) = spaces.get_mut(&key) {
            *count -= 1;
            if *count == 0 {
                spaces.remove(&key);
            }
        }
    }

    fn spaces(&self) -> Vec<Arc<Space>> {
        self.spaces.lock().values().filter_map(|(space, _)| space.upgrade()).collect()
    }
}

/// Takes the pages `range` (by index) of `source` away from everyone who maps them, private
/// copies included, as truncate(2) must. The source has already forgotten them itself, so a fault
/// that comes now sees the new length.
///
/// Takes `Mm` of every mapper: call without any lock at or below that level.
pub fn drop_pages(source: &dyn PageSource, range: Range<u64>) {
    let Some(mappings) = source.mappings() else { return };
    for space in mappings.spaces() {
        space.unmap_source(source, range.clone());
    }
}

/// A source together with the space that maps it.
pub struct Attached {
    source: Arc<dyn PageSource>,
    space: Weak<Space>,
    /// It counts among those that may write to the source.
    writes: bool,
}

impl Attached {
    /// Registers one more range of `space` with the source.
    pub fn new(source: Arc<dyn PageSource>, space: &Weak<Space>) -> Self {
        if let Some(mappings) = source.mappings() {
            mappings.attach(space);
        }
        Self { source, space: space.clone(), writes: false }
    }

    /// The same for a shared mapping of a file that is open for writing: `EPERM` if that was
    /// forbidden ([`Mappings::deny_writing`]).
    pub fn writing(source: Arc<dyn PageSource>, space: &Weak<Space>) -> Result<Self> {
        if let Some(mappings) = source.mappings() {
            mappings.allow_writing()?;
        }
        let mut new = Self::new(source, space);
        new.writes = true;
        Ok(new)
    }

    /// The same source in another space.
    pub fn for_space(&self, space: &Weak<Space>) -> Self {
        let mappings = self.source.mappings();
        if let Some(mappings) = mappings.filter(|_| self.writes) {
            // While this one writes it has not been forbidden.
            mappings.writable.fetch_add(1, Relaxed);
        }
        let mut new = Self::new(self.source.clone(), space);
        new.writes = self.writes;
        new
    }

    /// The source itself, to be used after the map's lock is released.
    pub fn to_arc(&self) -> Arc<dyn PageSource> {
        self.source.clone()
    }

    /// Whether both are the same source.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.source, &other.source)
    }

    /// Whether this is `source`.
    pub fn is(&self, source: &dyn PageSource) -> bool {
        core::ptr::addr_eq(Arc::as_ptr(&self.source), source)
    }
}

impl Clone for Attached {
    fn clone(&self) -> Self {
        self.for_space(&self.space)
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        if let Some(mappings) = self.source.mappings() {
            mappings.detach(&self.space);
            if self.writes {
                mappings.writable.fetch_sub(1, Relaxed);
            }
        }
    }
}

impl Deref for Attached {
    type Target = dyn PageSource;

    fn deref(&self) -> &Self::Target {
        &*self.source
    }
}
