//! Telling the CPUs that translations are gone, and only then freeing what they led to.

use super::Space;
use crate::frame::Frame;
use crate::machine;
use core::sync::atomic::{Ordering, fence};

/// Beyond so many pages a CPU forgets the whole address space: cheaper than one by one.
const PAGES: usize = 8;
/// Frames in a flush that is handed to the caller: small, as it is moved about.
pub(super) const SMALL: usize = 16;
/// Frames in a flush that collects from a large range.
pub(super) const LARGE: usize = 256;

/// Up to `N` frames that were unmapped, and pages that changed. When dropped, the CPUs that have the space
/// active forget the pages (or everything), then the frames are freed. Interrupts must be on and no
/// spin lock held: other CPUs have to answer.
#[must_use = "CPUs use old translations until this is dropped"]
pub struct Flush<'a, const N: usize = SMALL> {
    space: &'a Space,
    stale: Stale,
    frames: heapless::Vec<Frame, N>,
}

/// The pages whose translations CPUs may still have.
enum Stale {
    Pages(heapless::Vec<u64, PAGES>),
    Everything,
}

impl<'a> Flush<'a> {
    /// A flush of the whole address space.
    pub(super) fn everything(space: &'a Space) -> Flush<'a> {
        Flush { space, stale: Stale::Everything, frames: heapless::Vec::new() }
    }
}

impl<'a, const N: usize> Flush<'a, N> {
    pub(super) fn new(space: &'a Space) -> Flush<'a, N> {
        let stale = Stale::Pages(heapless::Vec::new());
        Flush { space, stale, frames: heapless::Vec::new() }
    }

    /// Notes that the translation of `page` is out of date.
    pub(super) fn page(&mut self, page: u64) {
        if let Stale::Pages(pages) = &mut self.stale
            && pages.push(page).is_err()
        {
            self.stale = Stale::Everything;
        }
    }

    /// Keeps a frame until the flush is done. The caller has asked [`Flush::has_room`].
    pub(super) fn keep(&mut self, frame: Frame) {
        if self.frames.push(frame).is_err() {
            unreachable!("the caller left room for the frames of one step");
        }
    }

    /// Whether one page and the tables above it still find room.
    pub(super) fn has_room(&self) -> bool {
        self.frames.len() + 4 <= N
    }

    /// Does it now, and is empty again. The space's lock must not be held.
    pub(super) fn run(&mut self) {
        let pages: &[u64] = match &self.stale {
            Stale::Pages(pages) if pages.is_empty() => {
                self.frames.clear();
                return;
            }
            Stale::Pages(pages) => pages,
            Stale::Everything => &[],
        };
        // The changed entries come before the look at who may have cached them: a CPU that sets its
        // bit later loads its root later still.
        fence(Ordering::SeqCst);
        let cpus = super::active_cpus(self.space.root());
        if cpus != 0 {
            machine::tlb::shoot(cpus, self.space.root(), pages);
        }
        self.stale = Stale::Pages(heapless::Vec::new());
        self.frames.clear();
    }
}

impl<const N: usize> Drop for Flush<'_, N> {
    fn drop(&mut self) {
        self.run();
    }
}
