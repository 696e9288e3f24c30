//! Port I/O. Wrong values confuse a device, never memory: none of the devices reached by these
//! ports does DMA on its own, hence safe functions for this crate (they are not exported).

use core::arch::asm;

/// Reads a byte.
pub fn inb(port: u16) -> u8 {
    let value;
    // SAFETY: port I/O touches no memory.
    unsafe {
        asm!("in al, dx", out("al") value, in("dx") port, options(nomem, nostack, preserves_flags))
    };
    value
}

/// Writes a byte.
pub fn outb(port: u16, value: u8) {
    // SAFETY: port I/O touches no memory.
    unsafe {
        asm!("out dx, al", in("al") value, in("dx") port, options(nomem, nostack, preserves_flags))
    };
}

/// Writes two bytes.
pub fn outw(port: u16, value: u16) {
    // SAFETY: port I/O touches no memory.
    unsafe {
        asm!("out dx, ax", in("ax") value, in("dx") port, options(nomem, nostack, preserves_flags))
    };
}

/// Reads four bytes.
pub fn inl(port: u16) -> u32 {
    let value;
    // SAFETY: port I/O touches no memory.
    unsafe {
        asm!("in eax, dx", out("eax") value, in("dx") port, options(nomem, nostack, preserves_flags))
    };
    value
}

/// Writes `bytes` one after the other to one port.
pub fn outsb(port: u16, bytes: &[u8]) {
    // SAFETY: reads exactly the slice; the direction flag is clear by the ABI.
    unsafe {
        asm!("rep outsb", in("dx") port, inout("rsi") bytes.as_ptr() => _,
             inout("rcx") bytes.len() => _, options(readonly, nostack, preserves_flags));
    }
}
