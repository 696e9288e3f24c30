//! CPUs of the host machine: who runs here, guards, kicks, idling and interrupt delivery.

use super::fiber::Baton;
use super::machine::Shared;
use crate::contract::{CpuId, HeldStack, Idle, Pinned, sealed::Sealed};
use crate::irq::Counts;
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// What a thread of this process knows about the machine it works for.
struct Here {
    machine: RefCell<Option<Arc<Shared>>>,
    cpu: Cell<usize>,
    /// Set on the threads of fibers.
    baton: RefCell<Option<Arc<Baton>>>,
    no_preempt: Cell<usize>,
    no_irq: Cell<usize>,
    held: RefCell<HeldStack>,
}

thread_local! {
    static HERE: Here = const {
        Here {
            machine: RefCell::new(None),
            cpu: Cell::new(0),
            baton: RefCell::new(None),
            no_preempt: Cell::new(0),
            no_irq: Cell::new(0),
            held: RefCell::new(HeldStack::new()),
        }
    };
}

/// Makes this thread one of `machine`: its CPU `cpu`, or a fiber on it if there is a baton.
pub(super) fn enter(machine: Option<Arc<Shared>>, cpu: usize, baton: Option<Arc<Baton>>) {
    HERE.with(|here| {
        here.machine.replace(machine);
        here.cpu.set(cpu);
        here.baton.replace(baton);
    });
}

/// The machine this thread works for; none in a plain test thread.
pub(super) fn machine() -> Option<Arc<Shared>> {
    HERE.with(|here| here.machine.borrow().clone())
}

/// The fiber this thread is the stack of.
pub(super) fn baton() -> Option<Arc<Baton>> {
    HERE.with(|here| here.baton.borrow().clone())
}

/// The CPU that runs this thread; 0 outside a machine.
pub(crate) fn cpu_index() -> usize {
    HERE.with(|here| here.cpu.get())
}

/// Guards alive on this CPU.
pub(crate) fn guards() -> usize {
    HERE.with(|here| here.no_preempt.get() + here.no_irq.get())
}

/// Runs `f` on the stack of locks held by this fiber or CPU loop.
pub fn held<R>(f: impl FnOnce(&mut HeldStack) -> R) -> R {
    HERE.with(|here| f(&mut here.held.borrow_mut()))
}

/// Keeps its holder on its CPU.
#[derive(Debug)]
pub struct NoPreempt(PhantomData<*const ()>);

impl NoPreempt {
    /// Holds until dropped.
    #[expect(clippy::new_without_default, reason = "taking a guard is worth seeing")]
    pub fn new() -> NoPreempt {
        HERE.with(|here| here.no_preempt.set(here.no_preempt.get() + 1));
        NoPreempt(PhantomData)
    }
}

impl Drop for NoPreempt {
    fn drop(&mut self) {
        HERE.with(|here| here.no_preempt.set(here.no_preempt.get() - 1));
    }
}

impl Sealed for NoPreempt {}
impl Pinned for NoPreempt {}

/// Keeps interrupts off on its CPU, and its holder there.
#[derive(Debug)]
pub struct NoIrq(PhantomData<*const ()>);

impl NoIrq {
    /// Holds until dropped; guards nest.
    #[expect(clippy::new_without_default, reason = "taking a guard is worth seeing")]
    pub fn new() -> NoIrq {
        HERE.with(|here| here.no_irq.set(here.no_irq.get() + 1));
        NoIrq(PhantomData)
    }
}

impl Drop for NoIrq {
    fn drop(&mut self) {
        HERE.with(|here| here.no_irq.set(here.no_irq.get() - 1));
        if !std::thread::panicking() {
            deliver_interrupts();
        }
    }
}

impl Sealed for NoIrq {}
impl Pinned for NoIrq {}

/// Calls the kernel's handlers for what is pending on this CPU, if interrupts are on.
pub(super) fn deliver_interrupts() {
    if HERE.with(|here| here.no_irq.get()) > 0 {
        return;
    }
    let Some(machine) = machine() else { return };
    let cpu = &machine.cpus[cpu_index()];
    while cpu.interrupt_due(machine.now()) {
        HERE.with(|here| here.no_irq.set(1));
        cpu.take_interrupts(&machine);
        HERE.with(|here| here.no_irq.set(0));
    }
}

/// What the processor tells programs of itself: nothing, here.
pub fn hwcap() -> u64 {
    0
}

/// What the kernel lets programs use: nothing, here.
pub fn hwcap2() -> u64 {
    0
}

/// What the CPUs say of themselves: nothing, here.
pub fn cpuid(_leaf: u32, _subleaf: u32) -> [u32; 4] {
    [0; 4]
}

/// The number of `cpu`'s local APIC.
pub fn apic_id(cpu: CpuId) -> u32 {
    cpu.0
}

/// Runs `f` with the interrupt counters of `cpu`.
pub(crate) fn with_interrupts<R>(cpu: CpuId, f: impl FnOnce(&Counts) -> R) -> Option<R> {
    machine()?.cpus.get(cpu.0 as usize).map(|cpu| f(&cpu.interrupts))
}

/// How many CPUs run.
pub fn count() -> usize {
    machine().map_or(1, |machine| machine.cpus.len())
}

/// Asks for the kernel's attention on `cpu`: its program traps with `Trap::Interrupt`, or it leaves
/// idle.
pub fn kick(cpu: CpuId) {
    if let Some(machine) = machine()
        && let Some(target) = machine.cpus.get(cpu.0 as usize)
    {
        target.attention.store(true, Ordering::SeqCst);
        machine.wake_idle();
    }
}

/// Makes the interrupted `Regs::run` of this CPU return `Trap::Interrupt`.
pub fn request_attention() {
    if let Some(machine) = machine() {
        machine.cpus[cpu_index()].attention.store(true, Ordering::SeqCst);
    }
}

/// Takes back a request for attention on this CPU; whether there was one.
pub(super) fn take_attention() -> bool {
    machine()
        .is_some_and(|machine| machine.cpus[cpu_index()].attention.swap(false, Ordering::SeqCst))
}

/// Waits for an interrupt or a kick unless `has_work`, which is asked with interrupts off.
pub fn idle_unless(has_work: impl FnOnce() -> bool) -> Idle {
    let Some(machine) = machine() else { return Idle::Stop };
    let irq = NoIrq::new();
    let work = has_work();
    drop(irq);
    if machine.has_ended() {
        return Idle::Stop;
    }
    if work || take_attention() {
        return Idle::Woken;
    }
    let stop = machine.idle(cpu_index());
    deliver_interrupts();
    take_attention();
    if stop { Idle::Stop } else { Idle::Woken }
}

/// Gives this CPU its one kernel-owned value; the first call counts.
pub fn set_data(data: &'static (dyn Any + Sync)) {
    if let Some(machine) = machine() {
        let kept = machine.cpus[cpu_index()].data.set(data);
        debug_assert!(kept.is_ok(), "the value of a CPU is set once");
    }
}

/// This CPU's kernel-owned value.
pub fn data(_pin: &impl Pinned) -> Option<&'static (dyn Any + Sync)> {
    machine().and_then(|machine| machine.cpus[cpu_index()].data.get().copied())
}

/// Whether the caller may suspend: it is a fiber and holds no guard.
pub fn may_sleep() -> bool {
    guards() == 0 && baton().is_some()
}

/// One turn of a loop that waits for another CPU.
pub fn relax() {
    checkpoint();
    std::thread::sleep(Duration::from_micros(20));
}

/// Stays here for good if the machine has ended: nothing may run on a machine that is off.
pub(super) fn checkpoint() {
    if machine().is_some_and(|machine| machine.has_ended()) {
        leave();
    }
}

/// What a CPU's thread unwinds with when its machine has ended.
pub(super) struct Ended;

/// Ends this thread's part in an ended machine: a fiber gives its CPU back and never returns (its
/// stack is leaked like the kernel's other memory), a CPU unwinds to its thread's beginning.
pub(super) fn leave() -> ! {
    let Some(baton) = baton() else { std::panic::resume_unwind(Box::new(Ended)) };
    baton.end();
    loop {
        std::thread::park();
    }
}
