//! Regular files of tmpfs: a sparse cache of frames.
//!
//! Locks: `FileData` while the length may change (writers, truncate), held over user copies;
//! `PageCache` for the frames, never over a copy: a frame is held by its count.

use super::Space;
use crate::fs::busy::WriteCount;
use crate::fs::inode::Data;
use crate::fs::regular::MAX_LEN;
use crate::lock::order;
use crate::mm::io::{Sink, Source};
use crate::mm::{Mappings, PAGE, PageSource, drop_pages};
use crate::sched::{self, work};
use crate::wait::Mutex;
use abi::Result;
use abi::errno::{EFBIG, EINTR, EIO, ENOMEM, ENOSPC, ENXIO, EOPNOTSUPP, EPERM};
use abi::fs::FallocFlags;
use abi::mm::Seals;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use core::ops::Range;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use hal::mem::{Frame, Kind, Use};

/// The content of a file.
pub(super) struct Pages {
    space: Arc<Space>,
    len: AtomicU64,
    pub(super) writing: Mutex<(), order::FileData>,
    frames: Mutex<BTreeMap<u64, Frame>, order::PageCache>,
    pub(super) mappings: Mappings,
    writers: WriteCount,
    /// [`Seals`]
    pub(super) seals: AtomicU32,
}

/// Pages given back between two looks at whether others want the CPU.
const BATCH: usize = 64;

type Batch = heapless::Vec<(u64, Frame), BATCH>;

/// A part of one page: its index, and the bytes in it.
fn part(at: u64, most: u64) -> (u64, usize, usize) {
    let off = at % PAGE;
    (at / PAGE, off as usize, most.min(PAGE - off) as usize)
}

impl Pages {
    pub(super) fn new(space: Arc<Space>) -> Self {
        Self {
            space,
            len: AtomicU64::new(0),
            writing: Mutex::new(()),
            frames: Mutex::new(BTreeMap::new()),
            mappings: Mappings::default(),
            writers: WriteCount::default(),
            seals: AtomicU32::new(Seals::SEAL.bits()),
        }
    }

    /// Length in bytes, and pages in use.
    pub(super) fn size(&self) -> (u64, u64) {
        let pages = self.frames.lock().len() as u64;
        (self.length(), pages)
    }

    fn length(&self) -> u64 {
        self.len.load(Ordering::Acquire)
    }

    fn get(&self, index: u64) -> Option<Frame> {
        self.frames.lock().get(&index).cloned()
    }

    /// The frame of page `index`, zeroed if it was a hole.
    fn get_or_make(&self, index: u64) -> Result<Frame> {
        if let Some(frame) = self.get(index) {
            return Ok(frame);
        }
        self.space.pages.take(1)?;
        let made = self.make(index);
        if !matches!(made, Ok((_, true))) {
            self.space.pages.give(1);
        }
        made.map(|(frame, _)| frame)
    }

    /// The frame of page `index`, and whether it was made, with space that was taken before.
    fn make(&self, index: u64) -> Result<(Frame, bool)> {
        hal::heap::admit().map_err(|_| ENOMEM)?;
        let made = Frame::zeroed().map_err(|_| ENOMEM);
        let mut frames = self.frames.lock();
        match (frames.get(&index), made) {
            (None, Ok(made)) => {
                made.count_as(Use::Cache);
                frames.insert(index, made.clone());
                Ok((made, true))
            }
            // Another thread was faster, or there is no memory.
            (Some(frame), _) => Ok((frame.clone(), false)),
            (None, Err(error)) => Err(error),
        }
    }

    /// Makes the pages that are missing in `range`: `ENOSPC`, and none is made, without space for
    /// all of them. A signal ends it: `EINTR`. `FileData` is held.
    fn fill(&self, range: Range<u64>) -> Result<()> {
        let there = self.frames.lock().range(range.clone()).count() as u64;
        let mut left = range.end - range.start - there;
        self.space.pages.take(left)?;
        let mut made = Ok(());
        for index in range {
            if self.get(index).is_none() {
                match self.make(index) {
                    Ok((_, true)) => left = left.saturating_sub(1),
                    Ok((_, false)) => {}
                    Err(error) => made = Err(error),
                }
            }
            if made.is_ok() && !sched::go_on(work::SIGNAL | work::KILL) {
                made = Err(EINTR);
            }
            if made.is_err() {
                break;
            }
        }
        self.space.pages.give(left);
        made
    }

    /// Takes out whole pages, from mappings too. `FileData` is held.
    fn drop_range(&self, range: Range<u64>) {
        loop {
            let gone: Batch =
                self.frames.lock().extract_if(range.clone(), |_, _| true).take(BATCH).collect();
            self.space.pages.give(gone.len() as u64);
            let last = gone.len() < BATCH;
            drop(gone);
            if last {
                break;
            }
            sched::go_on(0);
        }
        if !self.mappings.is_empty() {
            drop_pages(self, range);
        }
    }

    /// Zeroes bytes within one page, if there is such a page.
    fn zero_part(&self, index: u64, off: usize, len: usize) {
        if let Some(frame) = self.get(index) {
            frame.zero(off, len);
        }
    }

    fn punch(&self, at: u64, len: u64) {
        let end = at.saturating_add(len).min(self.length().next_multiple_of(PAGE));
        let (first, last) = (at.div_ceil(PAGE), end / PAGE);
        let mut now = at;
        while now < end {
            let (index, off, n) = part(now, end - now);
            if (first..last).contains(&index) {
                now = last * PAGE;
                continue;
            }
            self.zero_part(index, off, n);
            now += n as u64;
        }
        if first < last {
            self.drop_range(first..last);
        }
    }
}

impl Data for Arc<Pages> {
    fn read(&self, at: u64, to: &mut dyn Sink) -> Result<usize> {
        let mut done = 0;
        loop {
            let now = at + done as u64;
            let left = self.length().saturating_sub(now).min(to.left() as u64);
            if left == 0 {
                return Ok(done);
            }
            let (index, off, n) = part(now, left);
            let moved = match self.get(index) {
                Some(frame) => to.frame(&frame, off, n),
                None => to.zero(n),
            };
            match moved {
                Ok(moved) => {
                    done += moved;
                    if moved < n || !sched::go_on(work::KILL) {
                        return Ok(done);
                    }
                }
                Err(_) if done > 0 => return Ok(done),
                Err(error) => return Err(error),
            }
        }
    }

    fn write(&self, at: Option<u64>, from: &mut dyn Source, limit: u64) -> Result<(usize, u64)> {
        let _writing = self.writing.lock();
        let at = at.unwrap_or_else(|| self.length());
        if at >= limit {
            return Err(EFBIG);
        }
        let want = (from.left() as u64).min(limit - at);
        let mut done = 0;
        while done < want {
            let (index, off, n) = part(at + done, want - done);
            let moved = self
                .may_write(at + done + n as u64)
                .and_then(|()| self.get_or_make(index))
                .and_then(|frame| from.frame(&frame, off, n));
            match moved {
                Ok(moved) => {
                    done += moved as u64;
                    self.len.fetch_max(at + done, Ordering::Release);
                    if moved < n || !sched::go_on(work::KILL) {
                        break;
                    }
                }
                Err(_) if done > 0 => break,
                Err(error) => return Err(error),
            }
        }
        Ok((done as usize, at + done))
    }

    fn truncate(&self, len: u64) -> Result<()> {
        if len > MAX_LEN {
            return Err(EFBIG);
        }
        let _writing = self.writing.lock();
        self.may_resize(len)?;
        let old = self.len.swap(len, Ordering::AcqRel);
        if len < old {
            let (index, off, n) = part(len, PAGE);
            if off != 0 {
                self.zero_part(index, off, n);
            }
            self.drop_range(len.div_ceil(PAGE)..u64::MAX);
        }
        Ok(())
    }

    fn allocate(&self, mode: FallocFlags, at: u64, len: u64) -> Result<()> {
        let end = at.checked_add(len).filter(|&end| end <= MAX_LEN).ok_or(EFBIG)?;
        if self.space.plain {
            return Err(EOPNOTSUPP);
        }
        let _writing = self.writing.lock();
        if mode == FallocFlags::PUNCH_HOLE | FallocFlags::KEEP_SIZE {
            if self.seals().intersects(Seals::WRITE | Seals::FUTURE_WRITE) {
                return Err(EPERM);
            }
            self.punch(at, len);
            return Ok(());
        }
        if !mode.without(FallocFlags::KEEP_SIZE).is_empty() {
            return Err(EOPNOTSUPP);
        }
        if self.seals().has(Seals::GROW) && end > self.length() {
            return Err(EPERM);
        }
        let range = at / PAGE..end.div_ceil(PAGE);
        if range.end - range.start > self.space.pages.limit() {
            return Err(ENOSPC);
        }
        self.fill(range)?;
        if !mode.has(FallocFlags::KEEP_SIZE) {
            self.len.fetch_max(end, Ordering::Release);
        }
        Ok(())
    }

    fn seek(&self, at: u64, hole: bool) -> Result<u64> {
        let len = self.length();
        if at >= len {
            return Err(ENXIO);
        }
        let frames = self.frames.lock();
        let mut index = at / PAGE;
        if hole {
            for (&data, _) in frames.range(index..) {
                if data != index {
                    break;
                }
                index += 1;
            }
            return Ok((index * PAGE).clamp(at, len));
        }
        let (&data, _) = frames.range(index..).next().ok_or(ENXIO)?;
        Some((data * PAGE).max(at)).filter(|&found| found < len).ok_or(ENXIO)
    }

    fn writers(&self) -> &WriteCount {
        &self.writers
    }

    fn pages(&self) -> Arc<dyn PageSource> {
        self.clone()
    }

    fn adopt(&self, index: u64, frame: &Frame) -> bool {
        if self.space.pages.take(1).is_err() {
            return false;
        }
        frame.count_as(Use::Cache);
        let old = self.frames.lock().insert(index, frame.clone());
        if old.is_some() {
            self.space.pages.give(1);
        }
        self.len.fetch_max((index + 1) * PAGE, Ordering::Release);
        true
    }
}

impl PageSource for Pages {
    fn page(&self, index: u64, _write: bool) -> Result<Frame> {
        if index >= self.length().div_ceil(PAGE) {
            return Err(EIO);
        }
        self.get_or_make(index)
    }

    fn cached(&self, first: u64, to: &mut [Option<Frame>]) {
        let frames = self.frames.lock();
        let end = first.saturating_add(to.len() as u64);
        for (index, frame) in frames.range(first..end) {
            if let Some(slot) = to.get_mut((index - first) as usize) {
                *slot = Some(frame.clone());
            }
        }
    }

    fn len(&self) -> u64 {
        self.length()
    }

    fn kind(&self) -> Kind {
        Kind::Shmem
    }

    fn mappings(&self) -> Option<&Mappings> {
        Some(&self.mappings)
    }

    fn is_sealed(&self) -> bool {
        self.seals().intersects(Seals::WRITE | Seals::FUTURE_WRITE)
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        let frames = self.frames.get_mut();
        self.space.pages.give(frames.len() as u64);
        // In steps, with others running in between: it may be all the memory there is.
        while let Some((_, frame)) = frames.pop_first() {
            drop(frame);
            if frames.len().is_multiple_of(BATCH) {
                sched::go_on(0);
            }
        }
    }
}
