//! From the loader's hand-over to the kernel's CPU loop.
//!
//! `entry.S` brings the boot CPU to [`rust_start`] with the first GiB mapped. Then, in order:
//! descriptor tables (so that a fault says something), the memory map, the final page tables, the
//! frame allocator and the heap, ACPI, interrupts, clocks, the other CPUs, and the kernel.

use alloc::vec::Vec;
use core::arch::{asm, global_asm};
use core::ops::Range;

use x86_64::instructions::interrupts;

use super::cpu::percpu::PerCpu;
use super::cpu::{apic, features, fpu, gdt, idt, percpu};
use super::dev::acpi::Machine;
use super::dev::serial;
use super::mem::physmap::{self, phys_to_virt};
use super::mem::stack::{self, Stack};
use super::{hooks, power, time, trap};
use crate::contract::{BootInfo, CpuId};
use crate::frame;

mod initrd;
mod memory_map;
mod smp;

pub use initrd::Initrd;
use memory_map::Handover;

/// Where the image is linked; see linker.ld.
pub const KERNEL_BASE: u64 = 0xffff_ffff_8000_0000;

const BOOT_STACK: usize = 32 << 10;
/// Stack for faults before there are real ones.
const EARLY_TRAP_STACK: usize = 8 << 10;
/// What the boot tables map.
const BOOT_MAPPED: u64 = 1 << 30;
/// The first MiB belongs to the firmware; only the trampoline uses it.
const LOW: u64 = 1 << 20;

#[repr(C, align(4096))]
struct Memory<const N: usize>([u8; N]);

static mut STACK: Memory<BOOT_STACK> = Memory([0; BOOT_STACK]);
static mut EARLY_TRAPS: Memory<EARLY_TRAP_STACK> = Memory([0; EARLY_TRAP_STACK]);
static mut PML4: Memory<4096> = Memory([0; 4096]);
static mut PDPT: Memory<4096> = Memory([0; 4096]);
static mut PD: Memory<4096> = Memory([0; 4096]);
static mut BOOT_CPU: PerCpu = PerCpu::new(0, 0);
static HANDOVER: spin::Mutex<Handover> = spin::Mutex::new(Handover::empty());

global_asm!(
    include_str!("entry.S"),
    base = const KERNEL_BASE,
    pml4 = sym PML4,
    pdpt = sym PDPT,
    pd = sym PD,
    stack = sym STACK,
    stack_size = const BOOT_STACK,
    rust_start = sym rust_start,
    options(att_syntax)
);

/// The boot CPU, on the boot stack, in the boot tables.
extern "C" fn rust_start(start_info: u32) -> ! {
    serial::init();
    features::detect();
    let block = &raw mut BOOT_CPU;
    // SAFETY: a static, used for nothing else.
    unsafe { PerCpu::register(block) };
    idt::init();
    // SAFETY: this CPU's block, registered.
    unsafe { percpu::load(block) };
    let early = &raw const EARLY_TRAPS as u64 + EARLY_TRAP_STACK as u64;
    // SAFETY: nobody else's stack; one fault at this stage is the last.
    unsafe { gdt::load(percpu::this(), [early; gdt::STACKS]) };
    idt::load();
    features::enable();

    let mut handover = HANDOVER.lock();
    // SAFETY: nothing was written outside the image; the boot tables map it.
    if unsafe { handover.read(start_info) }.is_none() {
        super::panic::panic(format_args!("no PVH start info"));
    }
    set_up_memory(&handover);

    let machine = Machine::read(handover.rsdp);
    apic::init(&machine);
    apic::enable_local();
    percpu::this().set_apic_id(apic::id());
    power::init(&machine);
    time::calibrate(&machine);
    time::enable();
    // SAFETY: this CPU's own block, with real stacks now.
    unsafe { enter_cpu(percpu::this()) };
    smp::start(&machine, &handover);
    drop(handover);
    crate::heap::reserve_for(percpu::count());

    // On with a stack that has a guard page.
    let Ok(stack) = Stack::new() else {
        super::panic::panic(format_args!("no memory for a stack"))
    };
    let top = stack.top();
    core::mem::forget(stack);
    // SAFETY: a fresh stack; nothing on the old one is needed any more.
    unsafe {
        asm!("mov rsp, {}", "xor ebp, ebp", "call {}", in(reg) top, sym run_kernel, options(noreturn))
    }
}

/// The rest of the boot CPU's life.
extern "C" fn run_kernel() -> ! {
    let handover = HANDOVER.lock();
    let initrd = handover.initrd.clone().map(|range| {
        // SAFETY: its frames were adopted in `set_up_memory`.
        unsafe { Initrd::new(range.start, (range.end - range.start) as usize) }
    });
    let info = BootInfo {
        cmdline: handover.cmdline.to_vec(),
        initrd,
        boot_unix_seconds: time::rtc_unix(),
        cpus: percpu::count(),
        total_frames: frame::stats().total,
        memory_map: Vec::from(&handover.memory[..]),
    };
    interrupts::enable();
    drop(handover);
    hooks().boot(info);
    smp::go();
    hooks().cpu_loop(CpuId(0));
    power::off()
}

/// Sets up what every CPU needs of its own: tables, trap stacks, features, FPU, system calls.
///
/// # Safety
/// `cpu` must be the running CPU's block.
unsafe fn enter_cpu(cpu: &'static PerCpu) {
    // SAFETY: by the caller.
    unsafe { percpu::load(core::ptr::from_ref(cpu).cast_mut()) };
    let (Ok(traps), Ok(faults)) = (Stack::new(), Stack::new()) else {
        super::panic::panic(format_args!("no memory for the stacks of a CPU"));
    };
    // One stack for interrupts of user mode; the other is shared out to the rare cases.
    let part = (stack::SIZE / (gdt::STACKS - 1)) as u64;
    let tops = core::array::from_fn(|index| match index {
        0 => traps.top(),
        index => faults.top() - part * (index as u64 - 1),
    });
    core::mem::forget((traps, faults));
    // SAFETY: this CPU's block, and stacks of its own.
    unsafe { gdt::load(cpu, tops) };
    idt::load();
    features::enable();
    features::set_number(cpu.index);
    cpu.root.store(physmap::kernel_root(), core::sync::atomic::Ordering::Relaxed);
    // SAFETY: the kernel's own tables.
    unsafe { physmap::load(physmap::kernel_root()) };
    fpu::enable(cpu.index == 0);
    trap::enable_syscall();
}

/// Final page tables, frame allocator, heap.
fn set_up_memory(handover: &Handover) {
    let image = physmap::image();
    let initrd = handover.initrd_frames();
    // A first supply: the RAM from the image's end up to the initrd or the end of what is mapped.
    let Some(ram) = handover.ram().find(|ram| ram.contains(&image.start)) else {
        super::panic::panic(format_args!("the kernel does not lie in RAM"));
    };
    let mut limit = ram.end.min(BOOT_MAPPED) & !4095;
    if (image.end..limit).contains(&initrd.start) {
        limit = initrd.start;
    }
    let mut next = image.end;
    let mut supply = |bytes: u64| {
        let start = next;
        next += bytes.next_multiple_of(4096);
        if next > limit {
            super::panic::panic(format_args!("not enough memory"));
        }
        start
    };
    let mut table = || {
        let frame = supply(4096);
        // SAFETY: a frame between image and initrd, which nobody uses, by the boot mapping.
        unsafe { core::ptr::write_bytes((KERNEL_BASE + frame) as *mut u8, 0, 4096) };
        frame
    };
    // SAFETY: zeroed frames of our own.
    unsafe { physmap::init(&handover.memory, &mut table) };

    let highest = handover.ram().map(|ram| ram.end).max().unwrap_or(0);
    let frames = (highest / 4096) as usize;
    let metadata = supply((frames * frame::META_SIZE) as u64);
    let place = phys_to_virt(metadata);
    // SAFETY: RAM from the supply.
    unsafe { frame::bytes::zero(place, (frames * frame::META_SIZE).next_multiple_of(8)) };
    // SAFETY: zeroed, ours, and given away.
    unsafe { frame::init(place.cast(), frames) };
    let used = image.start & !4095..next;
    for ram in handover.ram() {
        without(ram.start.max(LOW)..ram.end, &used, |part| {
            without(part, &initrd, |free| {
                // SAFETY: RAM that neither image, supply nor initrd use.
                unsafe { frame::add_region(free.start, free.end) };
            });
        });
    }
    if initrd.start < initrd.end {
        // SAFETY: the initrd's frames, which `run_kernel` takes over.
        unsafe { frame::adopt_region(initrd.start, initrd.end) };
    }
    crate::heap::init();
}

/// Calls `f` with the parts of `range` outside `hole`.
fn without(range: Range<u64>, hole: &Range<u64>, mut f: impl FnMut(Range<u64>)) {
    if hole.is_empty() || hole.end <= range.start || range.end <= hole.start {
        if !range.is_empty() {
            f(range);
        }
        return;
    }
    if range.start < hole.start {
        f(range.start..hole.start);
    }
    if hole.end < range.end {
        f(hole.end..range.end);
    }
}
