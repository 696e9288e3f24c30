//! The 16550 serial ports of a PC.
//!
//! Port I/O cannot break memory safety, so nothing here is locked: who writes to one port from two
//! CPUs gets mixed bytes and must lock above. That keeps the panic path free of locks.

use core::sync::atomic::{AtomicUsize, Ordering};

use super::super::port::{inb, outb, outsb};

/// Linux's order of the legacy ports (`SERIAL_PORT_DFNS`): I/O base and ISA interrupt.
pub const PORTS: [(u16, u8); 4] = [(0x3f8, 4), (0x2f8, 3), (0x3e8, 4), (0x2e8, 3)];

/// Ports found, densely numbered: bits 4n..4n+4 hold 1 + index into [`PORTS`].
static FOUND: AtomicUsize = AtomicUsize::new(0);

const DATA: u16 = 0;
const IER: u16 = 1;
const FCR: u16 = 2;
const LCR: u16 = 3;
const MCR: u16 = 4;
const LSR: u16 = 5;
const MSR: u16 = 6;
const SCRATCH: u16 = 7;

const IER_RX: u8 = 1;
const LSR_DATA_READY: u8 = 1;
const LSR_TX_EMPTY: u8 = 0x20;
/// Bytes the transmitter takes once it has said that it is empty.
const FIFO: usize = 16;

/// Finds the ports by their scratch registers and sets them to 115200 8n1, FIFOs on, interrupts
/// off. A missing port reads as 0xff, whose status would look ready.
pub fn init() {
    let mut found = 0;
    let mut count = 0;
    for (index, &(base, _)) in PORTS.iter().enumerate() {
        outb(base + SCRATCH, 0xa5);
        let high = inb(base + SCRATCH) == 0xa5;
        outb(base + SCRATCH, 0x5a);
        if !high || inb(base + SCRATCH) != 0x5a {
            continue;
        }
        outb(base + IER, 0);
        outb(base + LCR, 0x80); // divisor latch
        outb(base + DATA, 1);
        outb(base + IER, 0);
        outb(base + LCR, 0x03);
        outb(base + FCR, 0x07);
        outb(base + MCR, 0x0b); // DTR, RTS, OUT2: the interrupt gate of real hardware
        found |= (index + 1) << (4 * count);
        count += 1;
    }
    FOUND.store(found, Ordering::Relaxed);
}

fn slot(port: usize) -> Option<usize> {
    if port >= PORTS.len() {
        return None;
    }
    ((FOUND.load(Ordering::Relaxed) >> (4 * port)) & 0xf).checked_sub(1)
}

fn base(port: usize) -> Option<u16> {
    slot(port).map(|slot| PORTS[slot].0)
}

/// Number of serial ports.
pub fn count() -> usize {
    (0..PORTS.len()).take_while(|&port| slot(port).is_some()).count()
}

/// A port's first I/O port and its interrupt.
pub fn resources(port: usize) -> Option<(u16, u8)> {
    slot(port).map(|slot| PORTS[slot])
}

/// Sends `bytes`; waits for the transmitter. Does nothing when there is no such port.
pub fn write(port: usize, bytes: &[u8]) {
    let Some(base) = base(port) else { return };
    for burst in bytes.chunks(FIFO) {
        while inb(base + LSR) & LSR_TX_EMPTY == 0 {
            core::hint::spin_loop();
        }
        outsb(base + DATA, burst);
    }
}

/// Takes one received byte, if there is one. From interrupt or thread context.
pub fn read(port: usize) -> Option<u8> {
    let base = base(port)?;
    (inb(base + LSR) & LSR_DATA_READY != 0).then(|| inb(base + DATA))
}

/// The modem lines that come in: the port's modem status register.
pub fn modem_status(port: usize) -> Option<u8> {
    base(port).map(|base| inb(base + MSR))
}

/// Sets the modem lines that go out: the port's modem control register.
pub fn set_modem_control(port: usize, lines: u8) {
    if let Some(base) = base(port) {
        outb(base + MCR, lines);
    }
}

/// Lets the port interrupt when it has received something ([`crate::Line::Serial`]).
pub fn listen(port: usize) {
    let Some(slot) = slot(port) else { return };
    let (base, irq) = PORTS[slot];
    super::super::cpu::apic::route_isa(irq);
    outb(base + IER, IER_RX);
}

/// Calls `f` with each port that shares the ISA interrupt `irq` and has something to read.
pub fn for_each_ready(irq: u8, mut f: impl FnMut(u8)) {
    for port in 0..PORTS.len() {
        let Some(slot) = slot(port) else { break };
        let (base, line) = PORTS[slot];
        if line == irq && inb(base + LSR) & LSR_DATA_READY != 0 {
            f(port as u8);
        }
    }
}
