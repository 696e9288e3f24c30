//! CPUs: identity, guards, kicks and idling.

use core::any::Any;
use core::marker::PhantomData;
use core::sync::atomic::Ordering;

use x86_64::instructions::interrupts;

use crate::contract::{CpuId, HeldStack, Idle, Pinned, sealed};
use crate::irq::Counts;

pub mod apic;
pub mod features;
pub mod fpu;
pub mod gdt;
pub mod idt;
pub mod ipi;
pub mod percpu;

pub use features::{hwcap, hwcap2};
pub use percpu::count;

/// Runs `f` with the interrupt counters of `cpu`.
pub(crate) fn with_interrupts<R>(cpu: CpuId, f: impl FnOnce(&Counts) -> R) -> Option<R> {
    percpu::of(cpu.0 as usize).map(|cpu| f(&cpu.interrupts))
}

/// The number of `cpu`'s local APIC.
pub fn apic_id(cpu: CpuId) -> u32 {
    percpu::of(cpu.0 as usize).map_or(0, percpu::PerCpu::apic_id)
}

/// What the CPUs say of themselves (they are taken to be equals): EAX, EBX, ECX and EDX of a CPUID
/// leaf; zeros beyond the highest.
pub fn cpuid(leaf: u32, subleaf: u32) -> [u32; 4] {
    let found = features::cpuid(leaf, subleaf);
    [found.eax, found.ebx, found.ecx, found.edx]
}

/// Whether interrupts are on.
#[inline]
pub fn interrupts_on() -> bool {
    interrupts::are_enabled()
}

/// Keeps its holder on this CPU: no suspension while it lives.
///
/// The kernel is not preempted, so this only counts: [`crate::fiber::suspend`] asserts that none is
/// alive, and read-copy-update takes a live guard for a reader.
pub struct NoPreempt {
    _not_send: PhantomData<*const ()>,
}

impl NoPreempt {
    /// Makes a guard.
    #[inline]
    #[expect(clippy::new_without_default, reason = "a guard is made on purpose")]
    pub fn new() -> NoPreempt {
        percpu::count_guard::<1>();
        NoPreempt { _not_send: PhantomData }
    }
}

impl Drop for NoPreempt {
    #[inline]
    fn drop(&mut self) {
        percpu::count_guard::<-1>();
    }
}

/// Keeps interrupts off on this CPU. Nests in any order: they come back, if they were on before
/// the first, when the last guard goes.
pub struct NoIrq {
    _not_send: PhantomData<*const ()>,
}

impl NoIrq {
    /// Turns interrupts off.
    #[inline]
    #[expect(clippy::new_without_default, reason = "a guard is made on purpose")]
    pub fn new() -> NoIrq {
        let were_on = interrupts_on();
        interrupts::disable();
        let cpu = percpu::this();
        let depth = cpu.no_irq.get();
        if depth == 0 {
            cpu.irq_was_on.set(were_on);
        }
        cpu.no_irq.set(depth + 1);
        NoIrq { _not_send: PhantomData }
    }
}

impl Drop for NoIrq {
    #[inline]
    fn drop(&mut self) {
        let cpu = percpu::this();
        let depth = cpu.no_irq.get() - 1;
        cpu.no_irq.set(depth);
        if depth == 0 && cpu.irq_was_on.get() {
            interrupts::enable();
        }
    }
}

impl sealed::Sealed for NoPreempt {}
impl Pinned for NoPreempt {}
impl sealed::Sealed for NoIrq {}
impl Pinned for NoIrq {}

/// Makes CPU `cpu` leave user mode with [`crate::user::Trap::Interrupt`], or leave idle. Never
/// lost: [`crate::user::Regs::run`] and [`idle_unless`] look at the request with interrupts off.
/// Does nothing for a CPU that does not run.
pub fn kick(cpu: CpuId) {
    let Some(target) = percpu::of(cpu.0 as usize) else { return };
    // Someone else's request is still unseen: its interrupt is on the way.
    if !target.attention.swap(true, Ordering::SeqCst) && target.index != percpu::this().index {
        apic::send(cpu.0 as usize, idt::KICK);
    }
}

/// From [`crate::Hooks::timer`] or [`crate::Hooks::irq`]: the interrupted program shall leave
/// user mode.
#[inline]
pub fn request_attention() {
    percpu::this().attention.store(true, Ordering::Relaxed);
}

/// Halts this CPU until an interrupt, unless `has_work` says yes; it is asked with interrupts off,
/// so no wake-up between question and halt is lost.
pub fn idle_unless(has_work: impl FnOnce() -> bool) -> Idle {
    let cpu = percpu::this();
    debug_assert!(cpu.no_irq.get() == 0, "idle with interrupts off");
    interrupts::disable();
    if has_work() || cpu.attention.swap(false, Ordering::SeqCst) {
        interrupts::enable();
    } else {
        interrupts::enable_and_hlt();
        cpu.attention.store(false, Ordering::SeqCst);
    }
    Idle::Woken
}

/// Gives this CPU the kernel's own value, to be read back by [`data`].
pub fn set_data(value: &'static (dyn Any + Sync)) {
    let _guard = NoIrq::new();
    percpu::this().data.set(Some(value));
}

/// The value given to [`set_data`] on this CPU.
#[inline]
pub fn data(_pin: &impl Pinned) -> Option<&'static (dyn Any + Sync)> {
    percpu::this().data.get()
}

/// Whether the caller may suspend: inside a fiber, interrupts on, and (checked builds) no guard
/// alive.
pub fn may_sleep() -> bool {
    let cpu = percpu::this();
    !cpu.fiber.get().is_null() && cpu.no_preempt.get() == 0 && interrupts_on()
}

/// A short breath in a spinning loop.
#[inline]
pub fn relax() {
    core::hint::spin_loop();
}

/// Lends the stack of held locks of the running fiber, or of the CPU loop. Interrupts are off
/// meanwhile; `f` must not call this again.
pub fn held<R>(f: impl FnOnce(&mut HeldStack) -> R) -> R {
    let _guard = NoIrq::new();
    let lent = &percpu::this().held_lent;
    assert!(!lent.replace(true), "context::held inside itself");
    let stack = super::fiber::held_stack();
    // SAFETY: the stack belongs to what runs on this CPU, interrupts are off, and nobody else has
    // it: `f` cannot come here again.
    let result = f(unsafe { &mut *stack });
    lent.set(false);
    result
}
