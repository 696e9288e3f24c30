//! Address spaces: four-level page tables, the same code on both machines. Lock level `Table`'s
//! innermost: one plain spin lock per space, under which only frames are allocated.
//!
//! On metal the root goes into CR3; the host walks the tables in software. Every filled last-level entry keeps one count of its frame, present or not (a page without
//! any permission keeps its frame in an entry that is not present).
//!
//! What a CPU may have cached is dealt with by [`Flush`]; new pages and wider permissions need none,
//! as CPUs do not cache absence and fault once more on a stale narrower entry.

#[cfg(not(metal))]
mod copy;
mod entry;
mod flush;
mod range;

pub use flush::Flush;

use crate::contract::{NoMemory, USER_END};
use crate::frame::{Frame, SIZE, Use};
use crate::machine;
use core::ops::{BitOr, ControlFlow, Range};
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use entry::{Entry, Table, index_at, span};
use spin::{Mutex, MutexGuard};

const PAGE: u64 = SIZE as u64;
/// The level of the root.
const ROOT: u32 = 3;

/// What a program may do with a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Perms(u8);

impl Perms {
    /// Nothing: every access faults, but the page keeps its frame (`PROT_NONE`).
    pub const NONE: Perms = Perms(0);
    /// Read. Any other permission implies it, as on all x86.
    pub const READ: Perms = Perms(1);
    /// Write.
    pub const WRITE: Perms = Perms(2);
    /// Fetch instructions.
    pub const EXEC: Perms = Perms(4);

    /// Whether all of `other` is allowed.
    pub fn contains(self, other: Perms) -> bool {
        self.0 & other.0 == other.0
    }

    /// What is in `self` but not in `other`.
    pub fn without(self, other: Perms) -> Perms {
        Perms(self.0 & !other.0)
    }
}

impl BitOr for Perms {
    type Output = Perms;

    fn bitor(self, other: Perms) -> Perms {
        Perms(self.0 | other.0)
    }
}

/// What a page is counted as (`RssAnon`, `RssFile`, `RssShmem` in proc(5)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Private memory.
    Anon = 0,
    /// A file's page.
    File = 1,
    /// Shared memory.
    Shmem = 2,
}

impl Kind {
    /// A page of this kind is in `frame` now. Pages of files are counted by their owners.
    fn note(self, frame: &Frame) {
        if self == Kind::Anon {
            frame.count_as(Use::Anon);
        }
    }
}

/// Why a page could not be mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapError {
    /// No frame for a table.
    NoMemory,
    /// There is a page already.
    Busy,
}

impl From<NoMemory> for MapError {
    fn from(_: NoMemory) -> MapError {
        MapError::NoMemory
    }
}

/// The entry is not what the caller thought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed;

/// How much a space maps, in pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Counts {
    /// Pages of [`Kind::Anon`].
    pub anon: u64,
    /// Pages of [`Kind::File`].
    pub file: u64,
    /// Pages of [`Kind::Shmem`].
    pub shmem: u64,
    /// Page tables, the root included.
    pub tables: u64,
}

/// One page of a space, as [`Space::next_page`] finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapped {
    /// Its address.
    pub page: u64,
    /// The number of its frame.
    pub frame: u64,
    /// How many handles to the frame there are, this entry included.
    pub sharers: u32,
    /// What may be done with it.
    pub perms: Perms,
    /// What it is counted as.
    pub kind: Kind,
    /// It has been used since that was last forgotten ([`Space::forget_use`]), ...
    pub accessed: bool,
    /// ... and written since it was mapped.
    pub dirty: bool,
}

/// The page tables of one address space. Every method may be called at any time from any thread
/// that may spin; none sleeps.
pub struct Space {
    root: Table,
    /// Held while tables are walked or changed.
    walk: Mutex<()>,
    // Changed under `walk` only, read at any time.
    pages: [AtomicU64; 3],
    tables: AtomicU64,
}

/// Fails loudly where the caller's arithmetic went wrong: an address of no page of user memory.
fn check(page: u64) {
    assert!(page.is_multiple_of(PAGE) && page < USER_END, "not a page of user memory: {page:#x}");
}

/// The whole pages of `range` that can be mapped at all.
fn clip(range: Range<u64>) -> Range<u64> {
    range.start / PAGE * PAGE..range.end.min(USER_END)
}

impl Space {
    /// An empty address space.
    pub fn new() -> Result<Space, NoMemory> {
        let root = Table::new_root()?;
        if let Some(template) = machine::kernel_pml4_template() {
            root.copy_upper_half(template);
        }
        Ok(Space {
            root,
            walk: Mutex::new(()),
            pages: [const { AtomicU64::new(0) }; 3],
            tables: AtomicU64::new(1),
        })
    }

    /// Maps a page that is not mapped. The frame's handle goes into the entry.
    pub fn map(&self, page: u64, frame: Frame, perms: Perms, kind: Kind) -> Result<(), MapError> {
        check(page);
        let walk = self.walk.lock();
        let table = self.last_table_or_new(page, &walk)?;
        let index = index_at(page, 0);
        if !table.get(index).is_empty() {
            return Err(MapError::Busy);
        }
        kind.note(&frame);
        table.fill(index, Entry::page(frame.into_pa(), perms, kind));
        self.count(kind, 1);
        Ok(())
    }

    /// The frame and permissions of a page.
    pub fn lookup(&self, page: u64) -> Option<(Frame, Perms)> {
        check(page);
        let walk = self.walk.lock();
        let entry = self.last_table(page, &walk)?.get(index_at(page, 0));
        (!entry.is_empty()).then(|| (entry.share(), entry.perms()))
    }

    /// The first page at or behind `from` and before `end` that has a frame.
    pub fn next_page(&self, from: u64, end: u64) -> Option<Mapped> {
        let range = clip(from.checked_next_multiple_of(PAGE)?..end);
        let walk = self.walk.lock();
        let found = self.each_page(range, &walk, |page, table, index| {
            ControlFlow::Break(table.get(index).describe(page))
        });
        found.break_value()
    }

    /// Calls `f` for every page in `range` that has a frame. A lock is held meanwhile under which
    /// only memory may be looked at: ranges should be short.
    pub fn visit(&self, range: Range<u64>, mut f: impl FnMut(Mapped)) {
        let walk = self.walk.lock();
        self.for_pages(clip(range), &walk, |page, table, index| {
            f(table.get(index).describe(page));
        });
    }

    /// Forgets that the pages of a kind that is `wanted` have been used.
    pub fn forget_use(&self, range: Range<u64>, wanted: impl Fn(Kind) -> bool) -> Flush<'_> {
        let mut flush = Flush::new(self);
        let walk = self.walk.lock();
        self.for_pages(clip(range), &walk, |page, table, index| {
            if wanted(table.get(index).kind()) {
                let old = table.update(index, Entry::unused);
                if old.is_present() && old.is_accessed() {
                    flush.page(page);
                }
            }
        });
        drop(walk);
        flush
    }

    /// Gives a page another frame, if it still has `old`: the copy of copy-on-write.
    pub fn replace(
        &self,
        page: u64,
        old: &Frame,
        new: Frame,
        perms: Perms,
        kind: Kind,
    ) -> Result<Flush<'_>, Changed> {
        check(page);
        let mut flush = Flush::new(self);
        let walk = self.walk.lock();
        let table = self.last_table(page, &walk).ok_or(Changed)?;
        let index = index_at(page, 0);
        let entry = table.get(index);
        if entry.is_empty() || entry.pa() != old.pa() {
            return Err(Changed);
        }
        // Through an empty entry: no CPU may see both frames writable, and hardware's bits of the
        // old page must not land in the new entry.
        let entry = table.take(index);
        kind.note(&new);
        table.fill(index, Entry::page(new.into_pa(), perms, kind));
        self.count(entry.kind(), -1);
        self.count(kind, 1);
        if entry.is_present() {
            flush.page(page);
        }
        // SAFETY: just taken out.
        flush.keep(unsafe { entry.into_frame() });
        Ok(flush)
    }

    /// Lets a page be written if it still has `frame` and nobody else does: besides the entry and
    /// the caller's own handle there is none. Whether it can be written now.
    pub fn make_writable(&self, page: u64, frame: &Frame) -> bool {
        check(page);
        let walk = self.walk.lock();
        let Some(table) = self.last_table(page, &walk) else { return false };
        let index = index_at(page, 0);
        let entry = table.get(index);
        let ours = entry.is_present() && entry.pa() == frame.pa();
        if !ours || (!entry.is_writable() && frame.count() != 2) {
            return false;
        }
        table.update(index, |entry| entry.with_write(true));
        true
    }

    /// Lets a page be written whoever else has its frame: for shared mappings. Whether it still
    /// had `frame` and can be written now.
    pub fn share_writable(&self, page: u64, frame: &Frame) -> bool {
        check(page);
        let walk = self.walk.lock();
        let Some(table) = self.last_table(page, &walk) else { return false };
        let index = index_at(page, 0);
        let entry = table.get(index);
        let ours = entry.is_present() && entry.pa() == frame.pa();
        if ours {
            table.update(index, |entry| entry.with_write(true));
        }
        ours
    }

    /// Makes all CPUs forget what they know of this space.
    pub fn flush_all(&self) {
        drop(Flush::everything(self));
    }

    /// How much is mapped; exact only while nobody changes it.
    pub fn counts(&self) -> Counts {
        let [anon, file, shmem] = [0, 1, 2].map(|kind| self.pages[kind].load(Ordering::Relaxed));
        Counts { anon, file, shmem, tables: self.tables.load(Ordering::Relaxed) }
    }

    /// Physical address of the root table: what belongs into CR3.
    pub(crate) fn root(&self) -> u64 {
        self.root.pa()
    }

    fn count(&self, kind: Kind, pages: i64) {
        self.pages[kind as usize].fetch_add(pages as u64, Ordering::Relaxed);
    }

    /// The last-level table of `page`, or the address at which the next one may begin.
    fn last_table_or_gap(&self, page: u64, _: &MutexGuard<'_, ()>) -> Result<Table, u64> {
        let mut table = self.root;
        for level in (1..=ROOT).rev() {
            let next = || (page | (span(level) - 1)) + 1;
            table = table.child(index_at(page, level)).ok_or_else(next)?;
        }
        Ok(table)
    }

    fn last_table(&self, page: u64, walk: &MutexGuard<'_, ()>) -> Option<Table> {
        self.last_table_or_gap(page, walk).ok()
    }

    /// The last-level table of `page`, made if need be. Tables made before an error stay, empty,
    /// until an `unmap` passes or the space is dropped.
    fn last_table_or_new(&self, page: u64, _: &MutexGuard<'_, ()>) -> Result<Table, MapError> {
        let mut table = self.root;
        for level in (1..=ROOT).rev() {
            let index = index_at(page, level);
            table = match table.child(index) {
                Some(child) => child,
                None => {
                    let child = Table::new()?;
                    table.set_child(index, child);
                    self.tables.fetch_add(1, Ordering::Relaxed);
                    child
                }
            };
        }
        Ok(table)
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        // No CPU uses the root from here on, so nothing needs to be flushed.
        let cpus = active_cpus(self.root());
        if cpus != 0 {
            machine::tlb::forget(self.root(), cpus);
            (0..2).for_each(|half| active_word(self.root(), half).store(0, Ordering::SeqCst));
        }
        drop(self.unmap(0..USER_END));
        debug_assert_eq!(self.counts(), Counts { tables: 1, ..Counts::default() });
        // SAFETY: no CPU has it in CR3, and this is the end of the space.
        drop(unsafe { self.root.into_frame() });
    }
}

/// Two words of the root's metadata hold a bit for each CPU that may have translations of its space.
/// They lie there and not in `Space` so that a CPU that switches away needs no `Space` to tell.
fn active_word(root_pa: u64, half: usize) -> &'static AtomicU32 {
    Table::at(root_pa).words(half)
}

fn active_cpus(root_pa: u64) -> u64 {
    let [low, high] = [0, 1].map(|half| active_word(root_pa, half).load(Ordering::SeqCst));
    u64::from(high) << 32 | u64::from(low)
}

/// Notes that `cpu` is about to load `root_pa` into CR3: to be called before it does. The root is
/// that of a live space, or of one that waits for this CPU in `tlb::forget`.
#[cfg(any(metal, test))]
pub(crate) fn enter(root_pa: u64, cpu: usize) {
    active_word(root_pa, cpu / 32).fetch_or(1 << (cpu % 32), Ordering::SeqCst);
}

/// Notes that `cpu` has loaded another root (which made it forget all of this one's pages).
#[cfg(any(metal, test))]
pub(crate) fn leave(root_pa: u64, cpu: usize) {
    active_word(root_pa, cpu / 32).fetch_and(!(1 << (cpu % 32)), Ordering::SeqCst);
}

#[cfg(test)]
#[path = "paging/tests.rs"]
mod tests;
