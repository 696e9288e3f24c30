//! The kernel's heap. Lock level `Heap`, above `Frames`. Interrupt handlers must not come here.
//!
//! Small objects (to 1 KiB) come from per-CPU caches by size class, filled in batches from talc;
//! talc serves what is below 8 KiB from arenas of frames and gives empty arenas back; larger objects
//! are blocks of frames, to 2 MiB.
//!
//! `Box` and `Arc` cannot fail softly on stable Rust, so a reserve of arenas stands behind talc, and
//! whoever makes objects on behalf of a program asks [`admit`] first: it refuses while the reserve
//! is not full. On the host the heap is std's, and `admit` fails when a test wants it to.

use crate::contract::NoMemory;

/// What the heap holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct HeapStats {
    /// Bytes of frames behind objects smaller than 8 KiB.
    pub arenas: usize,
    /// Bytes of frames behind larger objects.
    pub large: usize,
}

/// Whether objects may be made for a program: one load and a compare if all is well. `Err` when the
/// reserve has been used and no frames can be had to fill it up again.
#[cfg(not(metal))]
pub fn admit() -> Result<(), NoMemory> {
    crate::machine::admit()
}

/// What the heap holds; on the host nothing, it is std's.
#[cfg(not(metal))]
pub fn stats() -> HeapStats {
    HeapStats::default()
}

#[cfg(metal)]
#[global_allocator]
static HEAP: arena::Heap = arena::Heap::new();

/// Whether objects may be made for a program: one load and a compare if all is well. `Err` when the
/// reserve has been used and no frames can be had to fill it up again.
#[cfg(metal)]
#[inline]
pub fn admit() -> Result<(), NoMemory> {
    HEAP.admit()
}

/// What the heap holds.
#[cfg(metal)]
pub fn stats() -> HeapStats {
    HEAP.stats()
}

/// Fills the reserve for the boot CPU. Called when frames can be had.
#[cfg(metal)]
pub(crate) fn init() {
    reserve_for(1);
}

/// Fills the reserve for so many CPUs: 256 KiB and 64 KiB for each. Called when all are up.
#[cfg(metal)]
pub(crate) fn reserve_for(cpus: usize) {
    HEAP.reserve_for(cpus);
}

#[cfg(any(metal, test))]
mod arena;
