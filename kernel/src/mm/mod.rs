//! Address spaces: what a program may touch, and how kernel code reaches user memory.
//!
//! [`Map`] is pure data, the list of mapped ranges ([`Vma`]). [`Space`] joins it with the page
//! tables of `hal`: the VMA is the truth, a page-table entry only a cache of it, so that a private
//! writable VMA over a read-only entry *is* copy-on-write. [`user`] and [`io`] are the typed faces
//! through which the rest of the kernel copies to and from user memory.
//!
//! Lock level: `Mm` (a [`Space`]'s map); page sources take `PageCache` below it.

mod advise;
mod copy;
mod fault;
mod foreign;
mod fork;
mod futex;
pub mod io;
mod layout;
mod map;
mod mmap;
mod remap;
mod shared;
mod show;
mod source;
mod space;
mod tree;
pub mod user;
mod vdso;
mod vma;

pub use fault::FaultSignal;
pub use futex::FutexKey;
pub use layout::{Chance, Layout, PIE_BASE, STACK_GUARD_GAP};
pub use map::{MAX_MAP_COUNT, Map, Totals};
pub use mmap::{MapFile, MapRequest, MapSource};
pub use shared::SharedPages;
pub use show::{PSS_SHIFT, Region, RegionName, Survey, users};
pub use source::{Attached, Mappings, PageSource, drop_pages};
pub use space::{Addresses, Dumpable, Space, Who, go_on};
pub use vdso::Vdso;
pub use vma::{Backing, FileRef, Object, Prot, VmFlags, Vma};

/// Bytes in a page.
pub const PAGE: u64 = 4096;

/// The lowest address a program without `CAP_SYS_RAWIO` may map (`vm.mmap_min_addr`).
pub const MMAP_MIN_ADDR: u64 = 65536;

/// `addr` down to the start of its page.
pub const fn page_down(addr: u64) -> u64 {
    addr & !(PAGE - 1)
}

/// `bytes` up to whole pages, if the result still is a number.
pub const fn page_up(bytes: u64) -> Option<u64> {
    match bytes.checked_add(PAGE - 1) {
        Some(sum) => Some(page_down(sum)),
        None => None,
    }
}

/// The same as Linux's `PAGE_ALIGN`: what is too much becomes 0.
pub const fn page_up_wrapping(bytes: u64) -> u64 {
    page_down(bytes.wrapping_add(PAGE - 1))
}

/// Whether `addr` starts a page.
pub const fn is_aligned(addr: u64) -> bool {
    addr & (PAGE - 1) == 0
}

#[cfg(test)]
mod tests;
