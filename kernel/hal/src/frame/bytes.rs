//! Copies to and from memory that user programs may write at the same time.
//!
//! Such memory is never borrowed. On metal one string instruction does each copy, on the host
//! relaxed atomics do, so that a racing program sees and leaves odd bytes but no undefined
//! behaviour. Ranges are those of one frame; `from` and `to` never overlap.

#[cfg(metal)]
mod imp {
    use core::arch::asm;

    /// Copies `len` bytes.
    ///
    /// # Safety
    /// Both ranges must be mapped memory of the kernel's half that no Rust value lies in, or a
    /// buffer the caller owns.
    pub(crate) unsafe fn copy(to: *mut u8, from: *const u8, len: usize) {
        // SAFETY: the caller vouches for both ranges; the direction flag is clear in Rust code.
        unsafe {
            asm!(
                "rep movsq",
                "mov ecx, {tail:e}",
                "rep movsb",
                tail = in(reg) len & 7,
                inout("rcx") len / 8 => _,
                inout("rsi") from => _,
                inout("rdi") to => _,
                options(nostack, preserves_flags),
            );
        }
    }

    /// Zeroes `len` bytes.
    ///
    /// # Safety
    /// As for [`copy`].
    pub(crate) unsafe fn zero(to: *mut u8, len: usize) {
        // SAFETY: the caller vouches for the range; the direction flag is clear in Rust code.
        unsafe {
            asm!(
                "rep stosq",
                "mov ecx, {tail:e}",
                "rep stosb",
                tail = in(reg) len & 7,
                inout("rcx") len / 8 => _,
                inout("rdi") to => _,
                in("rax") 0u64,
                options(nostack, preserves_flags),
            );
        }
    }

    /// Copies out of shared memory.
    ///
    /// # Safety
    /// As for [`copy`].
    pub(crate) unsafe fn load(to: &mut [u8], from: *const u8) {
        // SAFETY: passed on; `to` is the caller's own.
        unsafe { copy(to.as_mut_ptr(), from, to.len()) }
    }

    /// Copies into shared memory.
    ///
    /// # Safety
    /// As for [`copy`].
    pub(crate) unsafe fn store(to: *mut u8, from: &[u8]) {
        // SAFETY: passed on; `from` is the caller's own.
        unsafe { copy(to, from.as_ptr(), from.len()) }
    }
}

#[cfg(not(metal))]
mod imp {
    use core::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};

    /// Bytes before the first multiple of eight in a range of `len` bytes at `at`.
    fn head(at: *const u8, len: usize) -> usize {
        (at.addr().wrapping_neg() & 7).min(len)
    }

    /// Moves `at` on; where it was.
    fn step(at: &mut *const u8, bytes: usize) -> *const u8 {
        core::mem::replace(at, at.wrapping_add(bytes))
    }

    /// The byte `at`.
    ///
    /// # Safety
    /// It must be in the arena.
    unsafe fn byte<'a>(at: *const u8) -> &'a AtomicU8 {
        // SAFETY: arena memory is never freed and only used through atomics.
        unsafe { AtomicU8::from_ptr(at.cast_mut()) }
    }

    /// The aligned eight bytes `at`.
    ///
    /// # Safety
    /// They must be in the arena.
    unsafe fn word<'a>(at: *const u8) -> &'a AtomicU64 {
        // SAFETY: as for `byte`; the caller has aligned it.
        unsafe { AtomicU64::from_ptr(at.cast_mut().cast()) }
    }

    /// Copies out of shared memory.
    ///
    /// # Safety
    /// The range at `from` must be in the arena.
    pub(crate) unsafe fn load(to: &mut [u8], from: *const u8) {
        let (first, rest) = to.split_at_mut(head(from, to.len()));
        let mut at = from;
        for to in first {
            // SAFETY: inside the caller's range.
            *to = unsafe { byte(step(&mut at, 1)) }.load(Relaxed);
        }
        let (words, last) = rest.as_chunks_mut::<8>();
        for to in words {
            // SAFETY: inside the caller's range, and aligned behind the head.
            *to = unsafe { word(step(&mut at, 8)) }.load(Relaxed).to_ne_bytes();
        }
        for to in last {
            // SAFETY: inside the caller's range.
            *to = unsafe { byte(step(&mut at, 1)) }.load(Relaxed);
        }
    }

    /// Copies into shared memory.
    ///
    /// # Safety
    /// The range at `to` must be in the arena.
    pub(crate) unsafe fn store(to: *mut u8, from: &[u8]) {
        let (first, rest) = from.split_at(head(to, from.len()));
        let mut at = to.cast_const();
        for &from in first {
            // SAFETY: inside the caller's range.
            unsafe { byte(step(&mut at, 1)) }.store(from, Relaxed);
        }
        let (words, last) = rest.as_chunks::<8>();
        for &from in words {
            // SAFETY: inside the caller's range, and aligned behind the head.
            unsafe { word(step(&mut at, 8)) }.store(u64::from_ne_bytes(from), Relaxed);
        }
        for &from in last {
            // SAFETY: inside the caller's range.
            unsafe { byte(step(&mut at, 1)) }.store(from, Relaxed);
        }
    }

    /// Copies `len` bytes of shared memory.
    ///
    /// # Safety
    /// Both ranges must be in the arena.
    pub(crate) unsafe fn copy(to: *mut u8, from: *const u8, len: usize) {
        let mut buffer = [0; 256];
        for at in (0..len).step_by(buffer.len()) {
            let part = &mut buffer[..(len - at).min(256)];
            // SAFETY: inside the caller's range.
            unsafe { load(part, from.wrapping_add(at)) };
            // SAFETY: inside the caller's range.
            unsafe { store(to.wrapping_add(at), part) };
        }
    }

    /// Zeroes `len` bytes.
    ///
    /// # Safety
    /// The range must be in the arena.
    pub(crate) unsafe fn zero(to: *mut u8, len: usize) {
        for at in (0..len).step_by(256) {
            // SAFETY: inside the caller's range.
            unsafe { store(to.wrapping_add(at), &[0; 256][..(len - at).min(256)]) };
        }
    }
}

pub(crate) use imp::{copy, load, store, zero};
