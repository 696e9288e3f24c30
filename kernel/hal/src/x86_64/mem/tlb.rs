//! Which space a CPU has in CR3, and keeping the TLBs in step with the tables.
//!
//! CR3 is written only when the space really changes: the CPU loop, kernel fibers and idle keep
//! the last one. A space's mask of active CPUs (`paging::enter`, `paging::leave`) names those that may have it
//! in CR3: a CPU joins before it loads CR3 and leaves after it has loaded another, so whoever
//! changes the tables and then reads the mask misses nobody. Nothing is tagged or global, so
//! loading CR3 drops everything.

use core::sync::atomic::Ordering;

use x86_64::VirtAddr;
use x86_64::instructions::tlb;

use super::super::cpu::{NoIrq, ipi, percpu};
use super::physmap;
use crate::paging::{self, Space};

/// Beyond this many pages everything is dropped at once (Linux's
/// `tlb_single_page_flush_ceiling`).
const FEW: usize = 33;

/// A space's top table.
#[inline]
pub fn root(space: &Space) -> u64 {
    space.root()
}

/// Loads `space` on this CPU, if it is not loaded. Interrupts must be off.
pub fn activate(space: &Space) {
    let cpu = percpu::this();
    let root = root(space);
    if cpu.root.load(Ordering::Relaxed) == root {
        return;
    }
    paging::enter(root, cpu.index as usize);
    change(root);
}

/// Loads `root` and leaves the space that was loaded. Interrupts must be off.
fn change(root: u64) {
    let cpu = percpu::this();
    let old = cpu.root.load(Ordering::Relaxed);
    cpu.root.store(root, Ordering::Relaxed);
    // SAFETY: the root of a space, or the kernel's own: the upper half is the kernel's. A space's
    // is not freed before this CPU has forgotten it.
    unsafe { physmap::load(root) };
    if old != physmap::kernel_root() {
        paging::leave(old, cpu.index as usize);
    }
}

/// Drops this CPU's translations of `pages` (empty: all) of the space with this root, if loaded.
pub fn flush_local(root: u64, pages: &[u64]) {
    if percpu::this().root.load(Ordering::Relaxed) != root {
        return;
    }
    if pages.is_empty() || pages.len() > FEW {
        tlb::flush_all();
    } else {
        for &page in pages {
            tlb::flush(VirtAddr::new_truncate(page));
        }
    }
}

/// Drops all of this CPU's translations.
pub fn flush_all_local() {
    tlb::flush_all();
}

/// Loads the kernel's own root if CR3 holds `root`. Interrupts off, or in their handler.
pub fn forget_local(root: u64) {
    if percpu::this().root.load(Ordering::Relaxed) == root {
        change(physmap::kernel_root());
    }
}

/// Drops translations of `pages` (empty: all) of a space on the CPUs of the mask, this one
/// included, and waits until it is done. Interrupts must be on.
pub fn shoot(cpus: u64, root: u64, pages: &[u64]) {
    let me = percpu::this();
    if cpus & me.bit() != 0 {
        flush_local(root, pages);
    }
    if cpus & !me.bit() != 0 {
        let (pages, count) = if pages.len() > FEW { (&[][..], 0) } else { (pages, pages.len()) };
        ipi::call(cpus, ipi::Work::Flush { root, pages: pages.as_ptr(), count });
    }
}

/// Makes the CPUs of the mask let go of a root that is about to be freed. Interrupts must be on.
pub fn forget(root: u64, cpus: u64) {
    {
        let _guard = NoIrq::new();
        forget_local(root);
    }
    ipi::call(cpus, ipi::Work::Forget { root });
}

/// Drops all translations everywhere: a kernel mapping has gone. Interrupts must be on.
pub fn flush_kernel() {
    let all = u64::MAX >> (64 - percpu::count());
    flush_all_local();
    ipi::call(all, ipi::Work::FlushKernel);
}
