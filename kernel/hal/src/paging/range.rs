//! Whole ranges of an address space: protect, unmap, share, move. Tables are walked in order, not
//! from the root for each page, and what is not mapped is skipped by table.

use super::entry::{Table, index_at, span};
use super::flush::{LARGE, SMALL};
use super::{Flush, Kind, MapError, PAGE, Perms, ROOT, Space, check, clip};
use crate::contract::{NoMemory, USER_END};
use core::ops::{ControlFlow, Range};
use core::sync::atomic::Ordering;
use spin::MutexGuard;

impl Space {
    /// Changes the permissions of all pages in `range`. Never grants W: the write fault does, which
    /// knows about sharing.
    pub fn protect(&self, range: Range<u64>, perms: Perms) -> Flush<'_> {
        let mut flush = Flush::new(self);
        let walk = self.walk.lock();
        self.for_pages(range, &walk, |page, table, index| {
            let old = table.update(index, |entry| entry.with_perms(perms));
            let lost = old.perms().without(perms | Perms::READ);
            if old.is_present() && (lost != Perms::NONE || perms == Perms::NONE) {
                flush.page(page);
            }
        });
        drop(walk);
        flush
    }

    /// Unmaps all pages in `range`, and frees tables that become empty. Large ranges are flushed in
    /// parts, and entirely before this returns.
    pub fn unmap(&self, range: Range<u64>) -> Flush<'_> {
        let mut flush = Flush::new(self);
        let range = clip(range);
        if range.end.saturating_sub(range.start) / PAGE < SMALL as u64 / 2 {
            self.clear_range(range, &mut flush);
        } else {
            self.clear_range(range, &mut Flush::<LARGE>::new(self));
        }
        flush
    }

    fn clear_range<const N: usize>(&self, range: Range<u64>, flush: &mut Flush<'_, N>) {
        let Range { start: mut at, end } = range;
        while at < end {
            let walk = self.walk.lock();
            at = self.clear(self.root, ROOT, 0, at..end, flush);
            drop(walk);
            if at < end {
                flush.run();
            }
        }
    }

    /// Under the lock: clears what `range` meets of the table at `base`; where it stopped, for want of room in
    /// `flush`, or the end.
    fn clear<const N: usize>(
        &self,
        table: Table,
        level: u32,
        base: u64,
        range: Range<u64>,
        flush: &mut Flush<'_, N>,
    ) -> u64 {
        let first = ((range.start.max(base) - base) / span(level)) as usize;
        let mut next = first;
        while let Some(index) = table.next_filled(next) {
            next = index + 1;
            let start = base + index as u64 * span(level);
            if start >= range.end {
                break;
            }
            if !flush.has_room() {
                return start.max(range.start);
            }
            if level == 0 {
                let entry = table.take(index);
                if !entry.is_empty() {
                    if entry.is_present() {
                        flush.page(start);
                    }
                    self.count(entry.kind(), -1);
                    // SAFETY: just taken out.
                    flush.keep(unsafe { entry.into_frame() });
                }
            } else if let Some(child) = table.child(index) {
                let stopped = self.clear(child, level - 1, start, range.clone(), flush);
                if child.is_empty() {
                    table.take(index);
                    self.tables.fetch_sub(1, Ordering::Relaxed);
                    // A CPU may know the table without knowing a page of it; flushing one page
                    // makes it forget all upper levels (SDM vol. 3, 4.10.4.1).
                    flush.page(start.max(range.start));
                    // SAFETY: no entry leads to it any more, and the flush outlives the caches.
                    flush.keep(unsafe { child.into_frame() });
                }
                if stopped < range.end.min(start + span(level)) {
                    return stopped;
                }
            }
        }
        range.end
    }

    /// Shares all pages in `range` with `child`, where it has none: fork. With `cow` both lose W, and
    /// the caller must call [`Space::flush_all`] when all ranges are shared, also after an error.
    pub fn share_into(&self, child: &Space, range: Range<u64>, cow: bool) -> Result<(), NoMemory> {
        if self.root.pa() == child.root.pa() {
            return Ok(());
        }
        // Two locks of a kind: the one with the lower root first.
        let (ours, theirs) = if self.root.pa() < child.root.pa() {
            let ours = self.walk.lock();
            (ours, child.walk.lock())
        } else {
            let theirs = child.walk.lock();
            (self.walk.lock(), theirs)
        };
        let Range { start: mut at, end } = clip(range);
        while at < end {
            let from = match self.last_table_or_gap(at, &ours) {
                Ok(table) => table,
                Err(next) => {
                    at = next;
                    continue;
                }
            };
            let stop = end.min((at | (span(1) - 1)) + 1);
            let pages = index_at(at, 0)..index_at(at, 0) + ((stop - at).div_ceil(PAGE)) as usize;
            at = stop;
            if from.is_empty() {
                continue;
            }
            let to = child.last_table_or_new(stop - 1, &theirs).map_err(|_| NoMemory)?;
            let mut shared = [0i64; 3];
            let mut next = pages.start;
            while let Some(index) = from.next_filled(next).filter(|index| *index < pages.end) {
                next = index + 1;
                let mut entry = from.get(index);
                if !to.get(index).is_empty() {
                    continue;
                }
                if cow && entry.is_writable() {
                    entry = from.update(index, |entry| entry.with_write(false)).with_write(false);
                }
                // The new handle goes into the child's entry.
                core::mem::forget(entry.share());
                to.fill(index, entry.fresh());
                shared[entry.kind() as usize] += 1;
            }
            for kind in [Kind::Anon, Kind::File, Kind::Shmem] {
                child.count(kind, shared[kind as usize]);
            }
        }
        Ok(())
    }

    /// Moves the pages of `len` bytes from one place to another that is empty (mremap). `Busy`, and
    /// nothing is moved, if it is not.
    pub fn move_range(&self, from: u64, to: u64, len: u64) -> Result<Flush<'_>, MapError> {
        check(from);
        check(to);
        assert!(len <= USER_END - from.max(to), "not a range of user memory: {len:#x}");
        if from < to + len && to < from + len {
            return Err(MapError::Busy);
        }
        let mut flush = Flush::new(self);
        let walk = self.walk.lock();
        // First all that can fail.
        let failed = self.each_page(from..from + len, &walk, |page, _, _| {
            let target = page - from + to;
            match self.last_table_or_new(target, &walk) {
                Ok(table) if table.get(index_at(target, 0)).is_empty() => ControlFlow::Continue(()),
                Ok(_) => ControlFlow::Break(MapError::Busy),
                Err(error) => ControlFlow::Break(error),
            }
        });
        if let ControlFlow::Break(error) = failed {
            return Err(error);
        }
        self.for_pages(from..from + len, &walk, |page, table, index| {
            let target = page - from + to;
            // Always there since the first pass.
            if let Some(there) = self.last_table(target, &walk) {
                let entry = table.take(index);
                there.fill(index_at(target, 0), entry);
                if entry.is_present() {
                    flush.page(page);
                }
            }
        });
        drop(walk);
        Ok(flush)
    }

    /// Calls `f` for all filled last-level entries in `range`.
    pub(super) fn for_pages(
        &self,
        range: Range<u64>,
        walk: &MutexGuard<'_, ()>,
        mut f: impl FnMut(u64, Table, usize),
    ) {
        let _ = self.each_page(range, walk, |page, table, index| {
            f(page, table, index);
            ControlFlow::<()>::Continue(())
        });
    }

    /// Calls `f` for the filled last-level entries in `range`, until it says `Break`.
    pub(super) fn each_page<B>(
        &self,
        range: Range<u64>,
        walk: &MutexGuard<'_, ()>,
        mut f: impl FnMut(u64, Table, usize) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let Range { start: mut at, end } = clip(range);
        while at < end {
            match self.last_table_or_gap(at, walk) {
                Err(next) => at = next,
                Ok(table) => {
                    let stop = end.min((at | (span(1) - 1)) + 1);
                    let base = at & !(span(1) - 1);
                    let mut next = index_at(at, 0);
                    while let Some(index) = table.next_filled(next) {
                        let page = base + index as u64 * PAGE;
                        if page >= stop {
                            break;
                        }
                        f(page, table, index)?;
                        next = index + 1;
                    }
                    at = stop;
                }
            }
        }
        ControlFlow::Continue(())
    }
}
