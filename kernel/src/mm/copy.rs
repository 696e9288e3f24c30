//! Copies between the kernel and a program's memory.
//!
//! `hal` copies until it meets a page it cannot use; here that page is faulted in, as the program
//! itself would have done, and the copy goes on. `*_partial` tells how far it came, which is what
//! read(2) needs for its short counts; the others turn an incomplete copy into `EFAULT`.
//!
//! Takes `Mm` (in the fault) and may sleep.

use abi::errno::{EFAULT, Result};
use hal::mem::{Fault, Frame};

use super::Space;

impl Space {
    /// Repeats `copy(done)`, which copies what is left after `done` bytes, until it succeeds or a
    /// fault is denied. Returns the bytes copied and whether that is all.
    fn with_faults(
        &self,
        mut copy: impl FnMut(usize) -> core::result::Result<(), Fault>,
    ) -> (usize, bool) {
        let mut done = 0;
        loop {
            let Err(fault) = copy(done) else { return (done, true) };
            done += fault.done;
            if fault.addr >= hal::user::USER_END || self.fault(fault.addr, fault.access).is_err() {
                return (done, false);
            }
        }
    }

    fn whole(&self, copy: impl FnMut(usize) -> core::result::Result<(), Fault>) -> Result<()> {
        if self.with_faults(copy).1 { Ok(()) } else { Err(EFAULT) }
    }

    fn partial(
        &self,
        len: usize,
        copy: impl FnMut(usize) -> core::result::Result<(), Fault>,
    ) -> usize {
        match self.with_faults(copy) {
            (_, true) => len,
            (done, false) => done,
        }
    }

    /// Reads user memory at `from`. `EFAULT` if any byte cannot be read; `to` then holds a part.
    pub fn copy_in(&self, from: u64, to: &mut [u8]) -> Result<()> {
        self.whole(|done| self.hal().copy_in(from.wrapping_add(done as u64), &mut to[done..]))
    }

    /// Writes user memory at `to`. `EFAULT` if any byte cannot be written; some may have been.
    pub fn copy_out(&self, to: u64, from: &[u8]) -> Result<()> {
        self.whole(|done| self.hal().copy_out(to.wrapping_add(done as u64), &from[done..]))
    }

    /// Zeroes `len` bytes of user memory at `to`. `EFAULT` like [`copy_out`](Self::copy_out).
    pub fn zero_out(&self, to: u64, len: usize) -> Result<()> {
        self.whole(|done| self.hal().zero_out(to.wrapping_add(done as u64), len - done))
    }

    /// Reads as much as can be read; returns the number of bytes.
    pub fn copy_in_partial(&self, from: u64, to: &mut [u8]) -> usize {
        self.partial(to.len(), |done| {
            self.hal().copy_in(from.wrapping_add(done as u64), &mut to[done..])
        })
    }

    /// Writes as much as can be written; returns the number of bytes.
    pub fn copy_out_partial(&self, to: u64, from: &[u8]) -> usize {
        self.partial(from.len(), |done| {
            self.hal().copy_out(to.wrapping_add(done as u64), &from[done..])
        })
    }

    /// Zeroes as much as can be written; returns the number of bytes.
    pub fn zero_out_partial(&self, to: u64, len: usize) -> usize {
        self.partial(len, |done| self.hal().zero_out(to.wrapping_add(done as u64), len - done))
    }

    /// Copies `len` bytes of `frame` from `off` to user memory; returns how many it managed.
    pub fn copy_frame_out_partial(&self, to: u64, frame: &Frame, off: usize, len: usize) -> usize {
        self.partial(len, |done| {
            let to = to.wrapping_add(done as u64);
            self.hal().copy_frame_out(to, frame, off + done, len - done)
        })
    }

    /// Copies `len` bytes of user memory into `frame` at `off`; returns how many it managed.
    pub fn copy_frame_in_partial(&self, from: u64, frame: &Frame, off: usize, len: usize) -> usize {
        self.partial(len, |done| {
            let from = from.wrapping_add(done as u64);
            self.hal().copy_frame_in(from, frame, off + done, len - done)
        })
    }

    /// Reads a string up to its NUL or until `to` is full.
    ///
    /// Returns the length without the NUL, or `None` if `to` was filled without meeting one.
    /// `EFAULT` if memory ends before either.
    pub fn copy_str_in(&self, from: u64, to: &mut [u8]) -> Result<Option<usize>> {
        let mut length = None;
        self.whole(|done| {
            let from = from.wrapping_add(done as u64);
            length = self.hal().copy_str_in(from, &mut to[done..])?.map(|n| done + n);
            Ok(())
        })?;
        Ok(length)
    }
}
