//! The boot loader's initial RAM disk, in the frames where the loader put it.

use core::fmt;

use super::super::phys_to_virt;
use crate::frame::Frame;

/// The initial RAM disk. Its frames are owned, one count each, until it is dropped.
pub struct Initrd {
    start: u64,
    len: usize,
}

impl Initrd {
    /// Takes over the frames of a range.
    ///
    /// # Safety
    /// The frames must have been adopted by the frame allocator, for this alone.
    pub(super) unsafe fn new(start: u64, len: usize) -> Initrd {
        Initrd { start, len }
    }

    /// Bytes in it.
    #[expect(clippy::len_without_is_empty, reason = "an empty one is never made")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Copies the bytes from `at` on.
    ///
    /// # Panics
    /// If they are not all inside.
    pub fn read(&self, at: usize, to: &mut [u8]) {
        assert!(at <= self.len && to.len() <= self.len - at, "read beyond the initrd");
        let from = phys_to_virt(self.start + at as u64);
        // SAFETY: inside the range. Frames that `frame` gave away may be written meanwhile; such
        // a copy tolerates that.
        unsafe { crate::frame::bytes::load(to, from) };
    }

    /// The frame that holds the page at `at`, shared, if `at` is the start of a frame and the whole
    /// page lies inside.
    pub fn frame(&self, at: usize) -> Option<Frame> {
        let pa = self.start + at as u64;
        let inside = at.checked_add(4096)? <= self.len;
        (inside && pa.is_multiple_of(4096)).then(|| {
            // SAFETY: an adopted frame; the handle made from it keeps our count ...
            let own = core::mem::ManuallyDrop::new(unsafe { Frame::from_pa(pa) });
            // ... and this is one more.
            Frame::clone(&own)
        })
    }
}

impl Drop for Initrd {
    fn drop(&mut self) {
        let end = (self.start + self.len as u64).next_multiple_of(4096);
        for pa in (self.start & !4095..end).step_by(4096) {
            // SAFETY: an adopted frame, whose count is given back once.
            drop(unsafe { Frame::from_pa(pa) });
        }
    }
}

impl fmt::Debug for Initrd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[mem {:#x}-{:#x}]", self.start, self.start + self.len as u64)
    }
}
