//! The per-CPU block behind the kernel's GS base.
//!
//! Fields are atomics or cells that only their own CPU touches, except where said. The assembly of
//! `trap.S` uses some by offset.

use core::any::Any;
use core::arch::asm;
use core::cell::{Cell, UnsafeCell};
use core::mem::offset_of;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use x86_64::structures::gdt::GlobalDescriptorTable;
use x86_64::structures::tss::TaskStateSegment;

use super::super::fiber::Context;
use super::fpu::Area;
use crate::contract::{HeldStack, MAX_CPUS};
use crate::irq::Counts;

/// One CPU's block. It never moves and is never freed.
#[repr(C)]
pub struct PerCpu {
    /// Its own address, so that `gs:0` gives a reference.
    this: *const PerCpu,
    /// The kernel stack pointer to return to when user mode is left.
    kernel_rsp: Cell<u64>,
    /// The registers being run; meaningful only while in user mode.
    regs: Cell<u64>,
    /// The user's stack pointer for two instructions of the system call entry.
    scratch: Cell<u64>,
    /// Leave user mode, or idle, soon. Set by any CPU.
    pub attention: AtomicBool,
    /// This CPU's number.
    pub index: u32,
    /// What CR3 holds. Read by any CPU.
    pub root: AtomicU64,
    /// Whose FPU state and segment bases the registers hold, newer than memory; null: nobody's.
    /// Read by any CPU.
    pub live: AtomicPtr<Area>,
    /// Whose state the registers last held; only ever compared.
    pub loaded: AtomicPtr<Area>,
    /// The running fiber, null in the CPU loop.
    pub fiber: Cell<*mut Context>,
    /// [`super::NoIrq`] guards alive, and the interrupt flag from before the first.
    pub no_irq: Cell<u32>,
    /// Interrupts were on when the first of them was made.
    pub irq_was_on: Cell<bool>,
    /// [`super::NoPreempt`] guards alive.
    pub no_preempt: Cell<u32>,
    /// This CPU's LAPIC id.
    apic_id: AtomicU32,
    /// The armed deadline in ns; `u64::MAX`: none.
    pub deadline: Cell<u64>,
    /// CPUs whose [`super::ipi`] request waits for this one. Set by any CPU.
    pub callers: AtomicU64,
    /// This CPU's request to others.
    pub request: super::ipi::Request,
    /// Interrupts it has served. Read by any CPU.
    pub interrupts: Counts,
    /// Locks held by the CPU loop.
    pub held: UnsafeCell<HeldStack>,
    /// A stack of held locks is lent out.
    pub held_lent: Cell<bool>,
    /// The kernel's own value for this CPU.
    pub data: Cell<Option<&'static (dyn Any + Sync)>>,
    /// Stacks ready for reuse.
    pub stacks: UnsafeCell<super::super::mem::stack::Cache>,
    /// Its descriptor tables.
    pub gdt: UnsafeCell<GlobalDescriptorTable<10>>,
    /// Its task state: stacks for traps.
    pub tss: UnsafeCell<TaskStateSegment>,
}

// SAFETY: the cells are used by their own CPU alone (through `this()`), everything that others
// touch is atomic.
unsafe impl Sync for PerCpu {}

/// Offsets for the assembly.
pub const KERNEL_RSP: usize = offset_of!(PerCpu, kernel_rsp);
/// See [`KERNEL_RSP`].
pub const REGS: usize = offset_of!(PerCpu, regs);
/// See [`KERNEL_RSP`].
pub const SCRATCH: usize = offset_of!(PerCpu, scratch);
/// See [`KERNEL_RSP`].
pub const ATTENTION: usize = offset_of!(PerCpu, attention);

/// See [`KERNEL_RSP`].
pub const ROOT: usize = offset_of!(PerCpu, root);
/// See [`KERNEL_RSP`].
pub const LIVE: usize = offset_of!(PerCpu, live);

/// Blocks of the CPUs that have been started (or are about to be).
static BLOCKS: [AtomicPtr<PerCpu>; MAX_CPUS] =
    [const { AtomicPtr::new(ptr::null_mut()) }; MAX_CPUS];
/// Number of CPUs that run.
static COUNT: AtomicUsize = AtomicUsize::new(1);
/// The boot CPU's block is live; before that, `gs:0` must not be used.
static UP: AtomicBool = AtomicBool::new(false);

impl PerCpu {
    /// A block for CPU `index`.
    pub const fn new(index: u32, apic_id: u32) -> PerCpu {
        PerCpu {
            this: ptr::null(),
            kernel_rsp: Cell::new(0),
            regs: Cell::new(0),
            scratch: Cell::new(0),
            attention: AtomicBool::new(false),
            index,
            root: AtomicU64::new(0),
            live: AtomicPtr::new(ptr::null_mut()),
            loaded: AtomicPtr::new(ptr::null_mut()),
            fiber: Cell::new(ptr::null_mut()),
            no_irq: Cell::new(0),
            irq_was_on: Cell::new(false),
            no_preempt: Cell::new(0),
            apic_id: AtomicU32::new(apic_id),
            deadline: Cell::new(u64::MAX),
            callers: AtomicU64::new(0),
            request: super::ipi::Request::new(),
            interrupts: Counts::new(),
            held: UnsafeCell::new(HeldStack::new()),
            held_lent: Cell::new(false),
            data: Cell::new(None),
            stacks: UnsafeCell::new(super::super::mem::stack::Cache::new()),
            gdt: UnsafeCell::new(GlobalDescriptorTable::empty()),
            tss: UnsafeCell::new(TaskStateSegment::new()),
        }
    }

    /// Registers the block under its number.
    ///
    /// # Safety
    /// `block` must stay valid for ever and be used for this alone.
    pub unsafe fn register(block: *mut PerCpu) {
        // SAFETY: nobody else knows the block yet.
        let place = unsafe { &mut *block };
        place.this = block;
        BLOCKS[place.index as usize].store(block, Ordering::Release);
    }

    /// Its LAPIC id.
    pub fn apic_id(&self) -> u32 {
        self.apic_id.load(Ordering::Relaxed)
    }

    /// Sets its LAPIC id, which the boot CPU learns late.
    pub fn set_apic_id(&self, id: u32) {
        self.apic_id.store(id, Ordering::Relaxed);
    }

    /// This CPU's bit in a mask of CPUs.
    pub fn bit(&self) -> u64 {
        1 << self.index
    }
}

/// This CPU's block. The reference is only good until the fiber suspends.
#[inline]
pub fn this() -> &'static PerCpu {
    let block: *const PerCpu;
    // SAFETY: GS points at this CPU's block whenever kernel code runs; its first field is its own
    // address. Not `pure`: after a suspension the answer may be another.
    unsafe { asm!("mov {}, gs:[0]", out(reg) block, options(readonly, nostack, preserves_flags)) };
    // SAFETY: blocks are never freed, and shared access is what the type allows.
    unsafe { &*block }
}

/// Adds `N` to this CPU's count of [`super::NoPreempt`] guards, in one instruction.
#[inline]
pub fn count_guard<const N: i32>() {
    // SAFETY: a field of this CPU's block.
    unsafe {
        asm!("add dword ptr gs:[{count}], {n}", count = const offset_of!(PerCpu, no_preempt), n = const N,
             options(nostack));
    }
}

/// This CPU's block, or `None` early at boot.
pub fn this_checked() -> Option<&'static PerCpu> {
    UP.load(Ordering::Relaxed).then(this)
}

/// Block of CPU `index`, if it was started.
pub fn of(index: usize) -> Option<&'static PerCpu> {
    let block = BLOCKS.get(index)?.load(Ordering::Acquire);
    // SAFETY: registered blocks are valid for ever.
    unsafe { block.as_ref() }
}

/// Number of CPUs that run.
#[inline]
pub fn count() -> usize {
    COUNT.load(Ordering::Relaxed)
}

/// Sets the number of CPUs that run; at boot.
pub fn set_count(count: usize) {
    COUNT.store(count, Ordering::Relaxed);
}

/// Loads the GS base with `block`; from here on [`this`] works on this CPU.
///
/// # Safety
/// The block must be registered and belong to this CPU.
pub unsafe fn load(block: *mut PerCpu) {
    use x86_64::VirtAddr;
    use x86_64::registers::model_specific::{GsBase, KernelGsBase};
    GsBase::write(VirtAddr::new(block as u64));
    KernelGsBase::write(VirtAddr::zero());
    UP.store(true, Ordering::Relaxed);
}
