//! Terminals.
//!
//! ```text
//! Terminal (an open file) ──▶ Tty { Ldisc (pure), Settings, Owner } ──▶ dyn Driver (serial, pty)
//!                              └──▶ dyn JobControl (processes, above)
//! ```
//!
//! [`Terminals`] is the set of them that a kernel has. The line discipline is in [`ldisc`], the
//! rules for background processes in [`job`], ioctl(2) in `ioctl`.

mod file;
mod ioctl;
pub mod job;
pub mod ldisc;
pub mod pty;
mod serial;
pub mod termios;
#[cfg(test)]
pub(crate) mod tests;
#[allow(clippy::module_inception, reason = "the type of this name is what the module is about")]
mod tty;

pub use file::Terminal;
pub use job::{Job, JobControl};
use tty::State;
pub use tty::{Driver, Tty};

pub use abi::tty::N_TTY;

use abi::fs::makedev;
use alloc::sync::Arc;
use alloc::vec::Vec;
use pty::Ptys;

use crate::log::Log;

/// Major device number of serial ports (`TTY_MAJOR`).
pub const SERIAL_MAJOR: u32 = 4;

/// Minor device number of the first serial port.
pub const SERIAL_MINOR: u32 = 64;

/// The device number of ptmx.
pub const PTMX: u64 = makedev(5, 2);

/// The terminals of a kernel.
pub struct Terminals {
    ptys: Ptys,
    serial: Vec<Serial>,
    /// Which of them is `/dev/console`.
    console: usize,
    jobs: &'static dyn JobControl,
}

struct Serial {
    port: Arc<serial::Port>,
    tty: Arc<Tty>,
}

impl Terminals {
    /// A terminal for each serial port of the machine; one of them may be where `log` shows its
    /// lines. `console` is the last `console=` of the
    /// command line, as `ttyS0,115200`; without a usable one the first port is the console.
    pub fn new(jobs: &'static dyn JobControl, log: &'static Log, console: Option<&[u8]>) -> Self {
        let count = hal::dev::serial::count();
        let (console, baud) = find_console(console);
        let serial = (0..count)
            .map(|index| {
                let port = serial::Port::new(index, log);
                let baud = if index == console { baud } else { termios::DEFAULT_BAUD };
                let dev = makedev(SERIAL_MAJOR, SERIAL_MINOR + index as u32);
                let tty = Tty::new(dev, port.driver(), termios::serial(baud), jobs);
                Serial { port, tty: Arc::new(tty) }
            })
            .collect();
        Self { ptys: Ptys::new(jobs), serial, console, jobs }
    }

    /// Serial ports.
    pub fn serial_count(&self) -> usize {
        self.serial.len()
    }

    /// `ttyS` and a number.
    pub fn serial(&self, index: usize) -> Option<&Arc<Tty>> {
        self.serial.get(index).map(|serial| &serial.tty)
    }

    /// The terminal behind `/dev/console`.
    pub fn console(&self) -> Option<&Arc<Tty>> {
        self.serial(self.console)
    }

    /// The pseudoterminals.
    pub fn ptys(&self) -> &Ptys {
        &self.ptys
    }

    /// The controlling terminal of the calling process.
    pub fn of_caller(&self) -> Option<Arc<Tty>> {
        self.jobs.terminal()
    }

    /// A serial port has received something. For the interrupt handler, which then defers
    /// [`Terminals::run_deferred`].
    pub fn interrupt(&self, port: usize) {
        if let Some(serial) = self.serial.get(port) {
            serial.port.interrupt();
        }
    }

    /// Takes in what interrupts have left. Does not sleep.
    pub fn run_deferred(&self) {
        for serial in &self.serial {
            if serial.port.take_pending() {
                serial.tty.pump();
            }
        }
    }
}

/// The serial port that is the console, for the kernel log; see [`Terminals::new`].
pub fn console_port(option: Option<&[u8]>) -> usize {
    find_console(option).0
}

fn find_console(option: Option<&[u8]>) -> (usize, u32) {
    option
        .and_then(parse_console)
        .filter(|&(index, _)| index < hal::dev::serial::count())
        .unwrap_or((0, termios::DEFAULT_BAUD))
}

/// `ttyS1,115200n8` as port and speed: Linux's `console=` for serial ports.
fn parse_console(option: &[u8]) -> Option<(usize, u32)> {
    let mut parts = option.splitn(2, |&byte| byte == b',');
    let index = number(parts.next()?.strip_prefix(b"ttyS")?)?;
    let speed = parts.next().unwrap_or_default();
    let digits = speed.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let baud = number(&speed[..digits]).unwrap_or(termios::DEFAULT_BAUD);
    Some((index as usize, baud))
}

fn number(digits: &[u8]) -> Option<u32> {
    core::str::from_utf8(digits).ok()?.parse().ok()
}
