//! The local APIC (by memory; no machine here has x2APIC), the I/O APICs, and the dead 8259s.

use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

use super::super::dev::acpi::Machine;
use super::super::mem::physmap;
use super::super::port::outb;
use super::{idt, percpu};

const ID: usize = 0x20;
const TASK_PRIORITY: usize = 0x80;
const EOI: usize = 0xb0;
const SPURIOUS: usize = 0xf0;
const ICR_LOW: usize = 0x300;
const ICR_HIGH: usize = 0x310;
const LVT_TIMER: usize = 0x320;
const LVT_LINT0: usize = 0x350;
const LVT_LINT1: usize = 0x360;
const LVT_ERROR: usize = 0x370;
const TIMER_INITIAL: usize = 0x380;
const TIMER_CURRENT: usize = 0x390;
const TIMER_DIVIDE: usize = 0x3e0;

const MASKED: u32 = 1 << 16;
const PERIODIC: u32 = 1 << 17;
const ICR_PENDING: u32 = 1 << 12;

static LOCAL: AtomicPtr<u8> = AtomicPtr::new(ptr::null_mut());
/// The I/O APIC of GSI 0.., its first GSI being 0.
static IO: AtomicPtr<u8> = AtomicPtr::new(ptr::null_mut());
/// GSI of ISA interrupts 3 and 4 with the flags of their overrides, as `flags << 8 | gsi`.
static ROUTES: spin::Once<[u32; 16]> = spin::Once::new();

#[inline]
fn read(register: usize) -> u32 {
    let base = LOCAL.load(Ordering::Relaxed);
    // SAFETY: the registers of the local APIC are within its mapped page.
    let place = unsafe { base.add(register) };
    // SAFETY: 4-byte aligned device registers; reading has no effect on memory.
    unsafe { place.cast::<u32>().read_volatile() }
}

#[inline]
fn write(register: usize, value: u32) {
    let base = LOCAL.load(Ordering::Relaxed);
    // SAFETY: the registers of the local APIC are within its mapped page.
    let place = unsafe { base.add(register) };
    // SAFETY: 4-byte aligned device registers; the values come from this file only and cause at
    // most interrupts that have handlers.
    unsafe { place.cast::<u32>().write_volatile(value) };
}

/// Maps the APICs and silences the 8259s, which SeaBIOS leaves with an interrupt pending.
pub fn init(machine: &Machine) {
    for port in [0x21, 0xa1] {
        outb(port, 0xff);
    }
    LOCAL.store(physmap::window(machine.local_apic, 4096), Ordering::Relaxed);
    if let Some(io) = machine.io_apic {
        IO.store(physmap::window(io, 4096), Ordering::Relaxed);
    }
    ROUTES.call_once(|| machine.isa_routes);
}

/// Enables this CPU's APIC with all local interrupts masked.
pub fn enable_local() {
    write(SPURIOUS, 0x100 | u32::from(idt::SPURIOUS));
    write(TASK_PRIORITY, 0);
    for lvt in [LVT_LINT0, LVT_LINT1, LVT_ERROR, LVT_TIMER] {
        write(lvt, MASKED);
    }
    write(LVT_LINT1, 0x400); // NMI
    write(TIMER_DIVIDE, 0b1011); // by 1
}

/// This CPU's APIC id.
pub fn id() -> u32 {
    read(ID) >> 24
}

/// Ends the interrupt being served.
#[inline]
pub fn end_of_interrupt() {
    write(EOI, 0);
}

fn command(apic_id: u32, low: u32) {
    // Interrupts off: a handler that sends an IPI must not come between the two halves.
    let _guard = super::NoIrq::new();
    while read(ICR_LOW) & ICR_PENDING != 0 {
        core::hint::spin_loop();
    }
    write(ICR_HIGH, apic_id << 24);
    write(ICR_LOW, low);
}

/// Sends `vector` to CPU `index`.
pub fn send(index: usize, vector: u8) {
    if let Some(cpu) = percpu::of(index) {
        command(cpu.apic_id(), 0x4000 | u32::from(vector));
    }
}

/// Sends a non-maskable interrupt to all other CPUs.
pub fn nmi_others() {
    if LOCAL.load(Ordering::Relaxed).is_null() {
        return;
    }
    write(ICR_LOW, 0xc4400);
}

/// Starts the CPU with this APIC id at `page << 12`: INIT and one SIPI; no machine that runs this
/// needs the delays of 1993.
pub fn start(apic_id: u32, page: u8) {
    command(apic_id, 0x4500);
    command(apic_id, 0x4600 | u32::from(page));
}

/// Modes of the timer.
#[derive(Clone, Copy)]
pub enum Timer {
    /// Interrupt once after the count.
    OneShot,
    /// Interrupt each time the count has passed.
    Periodic,
    /// Count down without an interrupt.
    Silent,
}

/// Sets the timer's mode.
pub fn timer_mode(mode: Timer) {
    let bits = match mode {
        Timer::OneShot => 0,
        Timer::Periodic => PERIODIC,
        Timer::Silent => MASKED,
    };
    write(LVT_TIMER, u32::from(idt::TIMER) | bits);
}

/// Starts the timer with `count` ticks; 0 stops it.
pub fn timer_start(count: u32) {
    write(TIMER_INITIAL, count);
}

/// Ticks left.
pub fn timer_left() -> u32 {
    read(TIMER_CURRENT)
}

fn io_write(register: u32, value: u32) {
    let base = IO.load(Ordering::Relaxed);
    // SAFETY: the index register of the mapped I/O APIC.
    unsafe { base.cast::<u32>().write_volatile(register) };
    // SAFETY: its data window, 16 bytes on, is within the mapped page.
    let window = unsafe { base.add(0x10) };
    // SAFETY: routes interrupts to vectors that have handlers.
    unsafe { window.cast::<u32>().write_volatile(value) };
}

/// Routes ISA interrupt `irq` to the boot CPU, edge or level as the firmware says.
pub fn route_isa(irq: u8) {
    /// The index and the data register are used as a pair.
    static PAIR: spin::Mutex<()> = spin::Mutex::new(());
    let Some(&route) = ROUTES.get().and_then(|routes| routes.get(usize::from(irq))) else { return };
    if IO.load(Ordering::Relaxed).is_null() {
        return;
    }
    let (gsi, flags) = (route & 0xff, route >> 8);
    let low_active = if flags & 3 == 3 { 1 << 13 } else { 0 };
    let level = if flags >> 2 & 3 == 3 { 1 << 15 } else { 0 };
    let boot_cpu = percpu::of(0).map_or(0, percpu::PerCpu::apic_id);
    let _off = super::NoIrq::new();
    let _pair = PAIR.lock();
    io_write(0x10 + 2 * gsi + 1, boot_cpu << 24);
    io_write(0x10 + 2 * gsi, u32::from(idt::ISA + irq) | low_active | level);
}
