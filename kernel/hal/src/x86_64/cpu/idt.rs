//! The interrupt descriptor table: one for all CPUs, written once.

use core::arch::asm;
use core::cell::UnsafeCell;

use super::super::trap;
use super::gdt;

/// Per-CPU one-shot timer.
pub const TIMER: u8 = 0xec;
/// Requests between CPUs ([`super::ipi`]).
pub const CALL: u8 = 0xf0;
/// Wake up, or leave user mode.
pub const KICK: u8 = 0xf1;
/// The LAPIC's spurious vector.
pub const SPURIOUS: u8 = 0xff;
/// ISA interrupt n arrives at this plus n.
pub const ISA: u8 = 0x30;

#[repr(C, align(16))]
struct Table(UnsafeCell<[[u64; 2]; 256]>);

// SAFETY: written by `init` before other CPUs start, afterwards only read by the hardware.
unsafe impl Sync for Table {}

static IDT: Table = Table(UnsafeCell::new([[0; 2]; 256]));

/// An interrupt gate: interrupts are off in the handler.
fn gate(handler: u64, ist: u8, user: bool) -> [u64; 2] {
    let privilege = if user { 3 } else { 0 };
    let attributes = 0x8e00 | privilege << 13 | u64::from(ist);
    let low = handler & 0xffff
        | u64::from(gdt::KERNEL_CS) << 16
        | attributes << 32
        | (handler >> 16 & 0xffff) << 48;
    [low, handler >> 32]
}

/// Fills the table. On the boot CPU, before [`load`].
pub fn init() {
    // SAFETY: nobody uses the table yet.
    let table = unsafe { &mut *IDT.0.get() };
    // Whatever has no business here is sent back at once.
    table.fill(gate(trap::ignore_address(), 0, false));
    for (vector, handler) in trap::exception_stubs() {
        let ist = match vector {
            1 => gdt::IST_DEBUG,
            2 => gdt::IST_NMI,
            8 => gdt::IST_DOUBLE_FAULT,
            18 => gdt::IST_MACHINE_CHECK,
            _ => 0,
        };
        // `int3` and `into` may be executed by programs; other `int n` are #GP, as on Linux.
        table[usize::from(vector)] = gate(handler, ist, matches!(vector, 3 | 4));
    }
    for (vector, handler) in trap::interrupt_stubs() {
        table[usize::from(vector)] = gate(handler, 0, false);
    }
}

/// Makes this CPU use the table.
pub fn load() {
    #[repr(C, packed)]
    struct Pointer {
        limit: u16,
        base: *const [[u64; 2]; 256],
    }
    let pointer = Pointer { limit: 256 * 16 - 1, base: IDT.0.get() };
    // SAFETY: the table is filled and lives for ever.
    unsafe {
        asm!("lidt [{}]", in(reg) &raw const pointer, options(readonly, nostack, preserves_flags))
    };
}
