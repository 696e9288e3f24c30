//! Ways to end the run. Power off and reset are asynchronous: the CPU runs on for a while.

use core::arch::asm;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU8, AtomicU32, Ordering};

use x86_64::instructions::{hlt, interrupts};

use super::dev::acpi::{Machine, Place};
use super::mem::physmap;
use super::port::{inb, outb, outw};

/// PM1a control port, 0: none.
static PM1A: AtomicU32 = AtomicU32::new(0);
/// Sleep type of S5.
static S5: AtomicU8 = AtomicU8::new(0);
/// Sleep control register of hardware-reduced machines.
static SLEEP: AtomicPtr<u8> = AtomicPtr::new(ptr::null_mut());
/// Reset register by memory, or (in the low bits) by port; and its value.
static RESET: AtomicPtr<u8> = AtomicPtr::new(ptr::null_mut());
static RESET_PORT: AtomicU32 = AtomicU32::new(0);
static RESET_VALUE: AtomicU8 = AtomicU8::new(0);

const SLEEP_ENABLE: u8 = 1 << 5;
const PM1_SLEEP_ENABLE: u16 = 1 << 13;

/// Takes what the ACPI tables say.
pub fn init(machine: &Machine) {
    PM1A.store(machine.pm1a_control.into(), Ordering::Relaxed);
    S5.store(machine.s5_type, Ordering::Relaxed);
    if let Some(Place::Memory(pa)) = machine.sleep_control {
        SLEEP.store(physmap::window(pa, 1), Ordering::Relaxed);
    }
    match machine.reset {
        Some((Place::Memory(pa), value)) => {
            RESET.store(physmap::window(pa, 1), Ordering::Relaxed);
            RESET_VALUE.store(value, Ordering::Relaxed);
        }
        Some((Place::Port(port), value)) => {
            RESET_PORT.store(port.into(), Ordering::Relaxed);
            RESET_VALUE.store(value, Ordering::Relaxed);
        }
        None => {}
    }
}

fn poke(register: *mut u8, value: u8) {
    if !register.is_null() {
        // SAFETY: a mapped device register.
        unsafe { register.write_volatile(value) };
    }
}

/// Switches the machine off; halts where it cannot.
pub fn off() -> ! {
    let kind = S5.load(Ordering::Relaxed);
    poke(SLEEP.load(Ordering::Relaxed), kind << 2 | SLEEP_ENABLE);
    let port = PM1A.load(Ordering::Relaxed) as u16;
    if port != 0 {
        outw(port, u16::from(kind) << 10 | PM1_SLEEP_ENABLE);
    }
    halt()
}

/// Restarts the machine: by ACPI's reset register, the keyboard controller, the chipset, and at
/// last a triple fault.
pub fn reboot() -> ! {
    let value = RESET_VALUE.load(Ordering::Relaxed);
    poke(RESET.load(Ordering::Relaxed), value);
    let port = RESET_PORT.load(Ordering::Relaxed) as u16;
    if port != 0 {
        outb(port, value);
    }
    // 0xff: there is no keyboard controller to wait for.
    for _ in 0..1000 {
        if inb(0x64) & 2 == 0 {
            break;
        }
    }
    outb(0x64, 0xfe);
    outb(0xcf9, 0x06);
    let nothing = [0u8; 10];
    interrupts::disable();
    // SAFETY: an empty interrupt table turns the next exception into a reset.
    unsafe { asm!("lidt [{}]", "ud2", in(reg) &nothing, options(noreturn)) }
}

/// Stops all CPUs for ever.
pub fn halt() -> ! {
    super::panic::stop_others();
    stop_cpu()
}

/// Stops this CPU for ever.
pub fn stop_cpu() -> ! {
    interrupts::disable();
    loop {
        hlt();
    }
}
