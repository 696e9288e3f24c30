//! Serial ports as terminals: `ttyS0` and the others.
//!
//! The interrupt moves received bytes from the port to a queue; deferred work lets the terminal
//! take them from there ([`Tty::pump`]). A full queue leaves bytes in the port, which makes the
//! sender wait; they are fetched when the terminal has made room. Nothing is lost, in whatever
//! mode, as long as the sender heeds that (QEMU does).

use abi::tty::{
    Serial, TIOCM_CAR, TIOCM_CTS, TIOCM_DSR, TIOCM_DTR, TIOCM_LOOP, TIOCM_OUT1, TIOCM_OUT2,
    TIOCM_RNG, TIOCM_RTS,
};
use abi::{Result, Wire};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use crossbeam_queue::ArrayQueue;

use super::termios::{self, Settings};
use super::tty::Driver;
use crate::lock::{IrqSpin, order};
use crate::log::Log;

/// Received bytes that wait for the terminal.
const QUEUE: usize = 4096;

/// A serial port: what the interrupt and the terminal share.
pub struct Port {
    index: usize,
    received: ArrayQueue<u8>,
    /// Held by whoever moves bytes from the port to the queue, so that they keep their order.
    fetching: IrqSpin<(), order::SerialPort>,
    /// The interrupt has left something to do.
    pending: AtomicBool,
    /// The modem lines that go out (`TIOCM_*`); written under the terminal's lock.
    lines: AtomicU32,
    /// Shows its lines on this port, if it is the console.
    log: &'static Log,
}

impl Port {
    /// Port `index` of the machine.
    pub fn new(index: usize, log: &'static Log) -> Arc<Self> {
        Arc::new(Self {
            index,
            received: ArrayQueue::new(QUEUE),
            fetching: IrqSpin::new(()),
            pending: AtomicBool::new(false),
            lines: AtomicU32::new(TIOCM_DTR | TIOCM_RTS | TIOCM_OUT2),
            log,
        })
    }

    /// The port has received something. For the interrupt handler: neither allocates nor sleeps.
    pub fn interrupt(&self) {
        self.fetch();
        self.pending.store(true, Ordering::Release);
    }

    /// Has an interrupt come since this was last asked?
    pub fn take_pending(&self) -> bool {
        self.pending.swap(false, Ordering::Acquire)
    }

    /// Moves bytes from the port to the queue, while that has room.
    fn fetch(&self) {
        let _order = self.fetching.lock();
        while !self.received.is_full() {
            let Some(byte) = hal::dev::serial::read(self.index) else { return };
            // Only this function pushes, and the queue is not full.
            let _ = self.received.push(byte);
        }
    }

    /// The terminal's side of the port.
    pub fn driver(self: &Arc<Self>) -> Box<dyn Driver> {
        Box::new(Uart(self.clone()))
    }
}

/// The modem lines that go out, with their bits in the modem control register, and those that come
/// in, with theirs in the modem status register.
const OUT: [(u32, u8); 5] =
    [(TIOCM_DTR, 1), (TIOCM_RTS, 2), (TIOCM_OUT1, 4), (TIOCM_OUT2, 8), (TIOCM_LOOP, 16)];
const IN: [(u32, u8); 4] =
    [(TIOCM_CTS, 0x10), (TIOCM_DSR, 0x20), (TIOCM_RNG, 0x40), (TIOCM_CAR, 0x80)];

struct Uart(Arc<Port>);

impl Driver for Uart {
    fn open(&self) -> Result<()> {
        hal::dev::serial::listen(self.0.index);
        Ok(())
    }

    fn receive(&self, to: &mut [u8]) -> usize {
        let mut n = 0;
        while let Some(slot) = to.get_mut(n) {
            let next = self.0.received.pop().or_else(|| {
                self.0.fetch();
                self.0.received.pop()
            });
            let Some(byte) = next else { break };
            *slot = byte;
            n += 1;
        }
        n
    }

    fn room(&self) -> usize {
        // Sending waits for the port, so there always is room.
        usize::MAX
    }

    fn send(&self, bytes: &[u8]) {
        let port = self.0.index;
        let write = || hal::dev::serial::write(port, bytes);
        if self.0.log.is_console(port) { self.0.log.on_console(write) } else { write() }
    }

    fn flush_received(&self) {
        while self.0.received.pop().is_some() {}
        self.0.fetch();
        while self.0.received.pop().is_some() {}
    }

    fn modem(&self) -> Option<u32> {
        let status = hal::dev::serial::modem_status(self.0.index)?;
        let on = IN.iter().filter(|(_, bit)| status & bit != 0).map(|(line, _)| line);
        Some(on.fold(self.0.lines.load(Ordering::Relaxed), |lines, line| lines | line))
    }

    fn set_modem(&self, on: u32, off: u32) {
        let settable = OUT.iter().fold(0, |all, (line, _)| all | line);
        let lines = self.0.lines.load(Ordering::Relaxed) & !off | on & settable;
        self.0.lines.store(lines, Ordering::Relaxed);
        let bits = OUT.iter().filter(|(line, _)| lines & line != 0).map(|(_, bit)| bit);
        hal::dev::serial::set_modem_control(self.0.index, bits.fold(0, |all, bit| all | bit));
    }

    fn serial(&self) -> Option<Serial> {
        /// `ASYNC_BOOT_AUTOCONF` and `ASYNC_SKIP_TEST`, as ports that are where a PC has them.
        const FLAGS: i32 = 1 << 28 | 1 << 6;
        /// `PORT_16550A`, what QEMU's ports are.
        const PORT_16550A: i32 = 4;
        let (port, irq) = hal::dev::serial::resources(self.0.index)?;
        Some(Serial {
            r#type: PORT_16550A,
            line: self.0.index as i32,
            port: port.into(),
            irq: irq.into(),
            flags: FLAGS,
            xmit_fifo_size: 16,
            baud_base: 115_200,
            close_delay: 50,
            closing_wait: 3000,
            ..Serial::ZERO
        })
    }

    fn settle(&self, new: Settings, old: &Settings) -> Settings {
        let new = termios::settle_serial(new, old);
        // Speed 0 hangs up.
        match (old.c_ospeed, new.c_ospeed) {
            (0, 0) => {}
            (_, 0) => self.set_modem(0, TIOCM_DTR | TIOCM_RTS),
            (0, _) => self.set_modem(TIOCM_DTR | TIOCM_RTS, 0),
            _ => {}
        }
        new
    }
}
