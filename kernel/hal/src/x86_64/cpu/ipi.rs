//! Requests between CPUs: flush this, let go of that.
//!
//! Each CPU owns one [`Request`], which it fills, announces in the `callers` mask of its targets
//! and waits for. **Senders wait with interrupts on**, so two CPUs that call each other serve each
//! other; and a target that spins with interrupts off on a lock is waited for, hence nobody may
//! send while holding a lock that is also taken with interrupts off (asserted: [`call`] wants
//! interrupts on). Handlers take no lock. The kernel is not preempted and interrupt handlers never
//! call, so a CPU's request has one user at a time.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicU64, Ordering};

use super::super::mem::tlb;
use super::{apic, fpu, idt, percpu};
use crate::irq::Source;

/// What another CPU shall do.
#[derive(Clone, Copy)]
pub enum Work {
    /// Nothing (an unused request).
    Nothing,
    /// Drop translations of the pages in the space with this root; none means all.
    Flush {
        /// The space's top table.
        root: u64,
        /// First of the pages' addresses.
        pages: *const u64,
        /// Number of pages.
        count: usize,
    },
    /// Drop all translations, the kernel's included.
    FlushKernel,
    /// Load the kernel's own root if CR3 holds this one.
    Forget {
        /// The root that is about to be freed.
        root: u64,
    },
    /// Store the FPU state the registers hold, if it is still that of this area.
    SaveFpu {
        /// The area, only compared.
        area: *mut fpu::Area,
    },
}

/// A CPU's request to others.
pub struct Request {
    work: UnsafeCell<Work>,
    /// Targets that have not done it yet.
    pending: AtomicU64,
}

impl Request {
    /// An unused request.
    pub const fn new() -> Request {
        Request { work: UnsafeCell::new(Work::Nothing), pending: AtomicU64::new(0) }
    }
}

/// Has the `targets` (a mask; this CPU is left out) do `work`, and waits until all have.
/// Interrupts must be on.
pub fn call(targets: u64, work: Work) {
    let me = percpu::this();
    let targets = targets & !me.bit();
    if targets == 0 {
        return;
    }
    assert!(super::interrupts_on(), "inter-processor call with interrupts off");
    // SAFETY: nobody reads the request while nothing is pending, and its only writer is this CPU.
    unsafe { *me.request.work.get() = work };
    me.request.pending.store(targets, Ordering::Release);
    for index in Bits(targets) {
        let Some(target) = percpu::of(index) else {
            me.request.pending.fetch_and(!(1 << index), Ordering::Relaxed);
            continue;
        };
        // If an older caller's bit is still set its interrupt is on the way and serves both.
        if target.callers.fetch_or(me.bit(), Ordering::AcqRel) == 0 {
            apic::send(index, idt::CALL);
        }
    }
    while me.request.pending.load(Ordering::Acquire) != 0 {
        core::hint::spin_loop();
    }
}

/// Serves all requests to this CPU. From the interrupt handler.
pub fn serve() {
    let me = percpu::this();
    let callers = me.callers.swap(0, Ordering::AcqRel);
    for index in Bits(callers) {
        let Some(caller) = percpu::of(index) else { continue };
        // SAFETY: the caller waits until `pending` is clear, and does not write meanwhile.
        let work = unsafe { *caller.request.work.get() };
        me.interrupts.add(match work {
            Work::Flush { .. } | Work::FlushKernel | Work::Forget { .. } => Source::Flush,
            Work::Nothing | Work::SaveFpu { .. } => Source::Call,
        });
        match work {
            Work::Nothing => {}
            Work::Flush { root, pages, count } => {
                // SAFETY: the caller's slice, borrowed while it waits.
                let pages = unsafe { core::slice::from_raw_parts(pages, count) };
                tlb::flush_local(root, pages);
            }
            Work::FlushKernel => tlb::flush_all_local(),
            Work::Forget { root } => tlb::forget_local(root),
            Work::SaveFpu { area } if me.live.load(Ordering::Relaxed) == area => fpu::save_live(),
            // Another program runs here by now, and this one's state was stored before.
            Work::SaveFpu { .. } => {}
        }
        caller.request.pending.fetch_and(!me.bit(), Ordering::Release);
    }
}

/// The set bits of a mask, lowest first.
struct Bits(u64);

impl Iterator for Bits {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let bit = (self.0 != 0).then(|| self.0.trailing_zeros() as usize)?;
        self.0 &= self.0 - 1;
        Some(bit)
    }
}
