//! Copies between the kernel and user memory on the host machine, by walking the page tables. On
//! metal the processor walks them (`x86_64/user.rs`).
//!
//! Permissions are those that the processor would check. A part that lies in one page is copied
//! under the space's lock, which keeps the page's frame from being freed meanwhile.

use super::Space;
use super::entry::{Table, index_at};
use crate::contract::{Access, Fault, USER_END};
use crate::frame::{Frame, SIZE, bytes};
use crate::machine;
use core::ops::ControlFlow;
use core::sync::atomic::{AtomicU32, Ordering};
use spin::MutexGuard;

const READ: Access = Access { write: false, exec: false };
const WRITE: Access = Access { write: true, exec: false };

impl Space {
    /// Where the kernel sees the byte at `addr`, if `access` is allowed there.
    fn resolve(&self, addr: u64, access: Access, walk: &MutexGuard<'_, ()>) -> Option<*mut u8> {
        let table: Table = self.last_table(addr, walk)?;
        let index = index_at(addr, 0);
        let entry = table.get(index);
        let allowed = entry.is_present()
            && (!access.write || entry.is_writable())
            && (!access.exec || entry.is_executable());
        if !allowed {
            return None;
        }
        table.touch(index, access.write);
        Some(machine::phys_to_virt(entry.pa() + addr % SIZE as u64))
    }

    /// Calls `part` for each part of the range that lies in one page, with where the kernel sees it,
    /// how far it is from the start, and its length; until it says `Break`.
    fn parts(
        &self,
        addr: u64,
        len: usize,
        access: Access,
        mut part: impl FnMut(*mut u8, usize, usize) -> ControlFlow<()>,
    ) -> Result<(), Fault> {
        let mut done = 0;
        while done < len {
            let fault = |at: u64| Err(Fault { done, addr: at, access });
            let Some(at) = addr.checked_add(done as u64).filter(|&at| at < USER_END) else {
                return fault(addr.saturating_add(done as u64));
            };
            let count = (len - done).min(SIZE - at as usize % SIZE);
            let walk = self.walk.lock();
            let Some(memory) = self.resolve(at, access, &walk) else { return fault(at) };
            if part(memory, done, count).is_break() {
                break;
            }
            done += count;
        }
        Ok(())
    }

    /// Whether one byte at `addr` can be accessed so; sets the accessed and dirty bits like the
    /// access itself.
    pub(crate) fn probe(&self, addr: u64, access: Access) -> Result<(), Fault> {
        self.parts(addr, 1, access, |_, _, _| ControlFlow::Continue(()))
    }

    /// Copies from user memory.
    pub fn copy_in(&self, from: u64, to: &mut [u8]) -> Result<(), Fault> {
        self.parts(from, to.len(), READ, |memory, done, len| {
            // SAFETY: within the page that was resolved, whose frame the lock keeps.
            unsafe { bytes::load(&mut to[done..done + len], memory) };
            ControlFlow::Continue(())
        })
    }

    /// Copies to user memory.
    pub fn copy_out(&self, to: u64, from: &[u8]) -> Result<(), Fault> {
        self.parts(to, from.len(), WRITE, |memory, done, len| {
            // SAFETY: within the page that was resolved, whose frame the lock keeps.
            unsafe { bytes::store(memory, &from[done..done + len]) };
            ControlFlow::Continue(())
        })
    }

    /// Zeroes user memory.
    pub fn zero_out(&self, to: u64, len: usize) -> Result<(), Fault> {
        self.parts(to, len, WRITE, |memory, _, len| {
            // SAFETY: within the page that was resolved, whose frame the lock keeps.
            unsafe { bytes::zero(memory, len) };
            ControlFlow::Continue(())
        })
    }

    /// Copies from offset `off` of a frame to user memory.
    ///
    /// # Panics
    /// If the range leaves the frame.
    pub fn copy_frame_out(
        &self,
        to: u64,
        frame: &Frame,
        off: usize,
        len: usize,
    ) -> Result<(), Fault> {
        let from = frame.at(off, len);
        self.parts(to, len, WRITE, |memory, done, len| {
            // SAFETY: within a page and a frame, both kept; a page of this very frame may overlap,
            // which leaves odd bytes in the user's page and nothing else.
            unsafe { bytes::copy(memory, from.wrapping_add(done), len) };
            ControlFlow::Continue(())
        })
    }

    /// Copies from user memory to offset `off` of a frame.
    ///
    /// # Panics
    /// If the range leaves the frame.
    pub fn copy_frame_in(
        &self,
        from: u64,
        frame: &Frame,
        off: usize,
        len: usize,
    ) -> Result<(), Fault> {
        let to = frame.at(off, len);
        self.parts(from, len, READ, |memory, done, len| {
            // SAFETY: as in `copy_frame_out`.
            unsafe { bytes::copy(to.wrapping_add(done), memory, len) };
            ControlFlow::Continue(())
        })
    }

    /// Copies a string up to its NUL or the end of `to`; its length if the NUL was found (the NUL is
    /// copied, too).
    pub fn copy_str_in(&self, from: u64, to: &mut [u8]) -> Result<Option<usize>, Fault> {
        let mut found = None;
        self.parts(from, to.len(), READ, |memory, done, len| {
            let part = &mut to[done..done + len];
            // SAFETY: within the page that was resolved, whose frame the lock keeps.
            unsafe { bytes::load(part, memory) };
            found = part.iter().position(|&byte| byte == 0).map(|at| done + at);
            if found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        Ok(found)
    }

    /// Reads a word that others may change at the same time. An `at` that is not a multiple of four
    /// is answered as an address out of range.
    pub fn load_u32(&self, at: u64) -> Result<u32, Fault> {
        self.word(at, READ, |word| word.load(Ordering::SeqCst))
    }

    /// Atomically writes `new` if `old` is there; what was seen. Alignment as for `load_u32`.
    pub fn cas_u32(&self, at: u64, old: u32, new: u32) -> Result<u32, Fault> {
        self.word(at, WRITE, |word| {
            match word.compare_exchange(old, new, Ordering::SeqCst, Ordering::SeqCst) {
                Ok(seen) | Err(seen) => seen,
            }
        })
    }

    fn word(
        &self,
        at: u64,
        access: Access,
        f: impl FnOnce(&AtomicU32) -> u32,
    ) -> Result<u32, Fault> {
        if !at.is_multiple_of(4) {
            return Err(Fault { done: 0, addr: USER_END, access });
        }
        let (mut f, mut seen) = (Some(f), 0);
        self.parts(at, 4, access, |memory, _, _| {
            // SAFETY: four aligned bytes of the page that was resolved, whose frame the lock keeps.
            let word = unsafe { AtomicU32::from_ptr(memory.cast()) };
            if let Some(f) = f.take() {
                seen = f(word);
            }
            ControlFlow::Continue(())
        })?;
        Ok(seen)
    }
}
