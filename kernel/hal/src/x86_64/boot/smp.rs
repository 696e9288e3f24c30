//! Starting the other CPUs: INIT and one SIPI each, all at once, no fixed delays.
//!
//! Waiting is done in `hlt` under a periodic timer: under QEMU's `-icount` an INIT makes virtual
//! time jump to the next timer event, which should not be far.

use alloc::boxed::Box;
use core::arch::global_asm;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use x86_64::instructions::interrupts;

use super::super::cpu::percpu::{self, PerCpu};
use super::super::cpu::{apic, idt};
use super::super::dev::acpi::Machine;
use super::super::mem::stack::Stack;
use super::super::{hooks, time};
use super::memory_map::Handover;
use super::{KERNEL_BASE, PML4, phys_to_virt};
use crate::contract::{CpuId, MAX_CPUS};

/// Where the trampoline is copied to: in the first MiB, and no firmware's.
const TRAMPOLINE: u64 = 0x8000;
/// How long to wait for CPUs that do not come.
const PATIENCE_NS: u64 = 5_000_000_000;
/// Timer period while waiting.
const POLL_NS: u64 = 10_000;

/// Stack of each CPU to be started, by APIC id.
static STACKS: [AtomicU64; 256] = [const { AtomicU64::new(0) }; 256];
/// CPUs that are up, as a mask.
static ONLINE: AtomicU64 = AtomicU64::new(1);
/// The kernel has booted: the others may go.
static GO: AtomicBool = AtomicBool::new(false);

global_asm!(
    include_str!("trampoline.S"),
    place = const TRAMPOLINE,
    base = const KERNEL_BASE,
    pml4 = sym PML4,
    stacks = sym STACKS,
    ap_main = sym ap_main,
    options(att_syntax)
);

unsafe extern "C" {
    static trampoline_start: u8;
    static trampoline_end: u8;
}

/// Starts the other CPUs, as many as the command line (`maxcpus=`, `nosmp`) and [`MAX_CPUS`]
/// allow, and waits until they are up.
pub fn start(machine: &Machine, handover: &Handover) {
    let wanted = match handover.option("maxcpus").and_then(|text| text.parse().ok()) {
        Some(limit) => MAX_CPUS.min(usize::max(limit, 1)),
        None if handover.flag("nosmp") => 1,
        None => MAX_CPUS,
    };
    let me = apic::id();
    let others = machine.cpus.iter().copied().filter(|&id| id != me && id < 256);
    let low = TRAMPOLINE..TRAMPOLINE + 4096;
    if !handover.ram().any(|ram| ram.start <= low.start && low.end <= ram.end) {
        return;
    }
    copy_trampoline();

    let mut targets = heapless::Vec::<u32, MAX_CPUS>::new();
    for apic_id in others.take(wanted - 1) {
        let index = targets.len() as u32 + 1;
        let Ok(stack) = Stack::new() else { break };
        let block = Box::leak(Box::new(PerCpu::new(index, apic_id)));
        // SAFETY: leaked, and this CPU's alone.
        unsafe { PerCpu::register(block) };
        STACKS[apic_id as usize].store(stack.top(), Ordering::Release);
        core::mem::forget(stack);
        let _ = targets.push(apic_id);
    }
    if targets.is_empty() {
        return;
    }
    time::periodic(POLL_NS);
    for &apic_id in &targets {
        apic::start(apic_id, (TRAMPOLINE >> 12) as u8);
    }
    let all = u64::MAX >> (63 - targets.len());
    let patience = time::now_ns() + PATIENCE_NS;
    while ONLINE.load(Ordering::Acquire) != all && time::now_ns() < patience {
        interrupts::enable_and_hlt();
        interrupts::disable();
    }
    time::enable();
    let online = ONLINE.load(Ordering::Acquire);
    // Numbers have no gaps: what comes after a CPU that is missing is not used.
    let count = online.trailing_ones() as usize;
    percpu::set_count(count);
    if online != all {
        hooks().log(3, format_args!("smp: CPU {count} did not start"));
    }
}

/// Puts the trampoline into low memory, and the kernel's half into the boot tables it uses.
fn copy_trampoline() {
    let (start, end) = (&raw const trampoline_start, &raw const trampoline_end);
    // SAFETY: low RAM that nobody uses, mapped by the physmap; checked by the caller.
    unsafe {
        ptr::copy_nonoverlapping(start, phys_to_virt(TRAMPOLINE), end as usize - start as usize)
    };
    let root = phys_to_virt(super::super::mem::physmap::kernel_root()).cast::<u64>();
    let boot = (&raw mut PML4).cast::<u64>();
    // SAFETY: upper half of the kernel's top table.
    let from = unsafe { root.add(256) };
    // SAFETY: upper half of the boot table, which this CPU has left.
    let to = unsafe { boot.add(256) };
    // SAFETY: 256 entries each.
    unsafe { ptr::copy_nonoverlapping(from, to, 256) };
}

/// Lets the other CPUs into the kernel's CPU loop.
pub fn go() {
    GO.store(true, Ordering::Release);
    for index in 1..percpu::count() {
        apic::send(index, idt::KICK);
    }
}

/// A started CPU, on its own stack.
extern "C" fn ap_main(apic_id: u32) -> ! {
    let index =
        (1..MAX_CPUS).find(|&index| percpu::of(index).is_some_and(|cpu| cpu.apic_id() == apic_id));
    let Some(cpu) = index.and_then(percpu::of) else { super::super::power::stop_cpu() };
    // SAFETY: its own block; called once.
    unsafe { super::enter_cpu(cpu) };
    super::super::cpu::apic::enable_local();
    time::enable();
    ONLINE.fetch_or(cpu.bit(), Ordering::AcqRel);
    loop {
        interrupts::disable();
        if GO.load(Ordering::Acquire) {
            break;
        }
        interrupts::enable_and_hlt();
    }
    if cpu.index as usize >= percpu::count() {
        super::super::power::stop_cpu();
    }
    interrupts::enable();
    hooks().cpu_loop(CpuId(cpu.index));
    super::super::power::stop_cpu()
}
