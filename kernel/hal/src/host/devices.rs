//! Clock, serial ports, power, entropy and panic of the host machine.

use super::machine::lock;
use std::collections::VecDeque;
use std::sync::Mutex;

/// One serial port.
#[derive(Default)]
pub(super) struct Port(Mutex<Line>);

#[derive(Default)]
struct Line {
    output: Vec<u8>,
    input: VecDeque<u8>,
    listening: bool,
}

impl Port {
    /// Takes bytes from outside; whether the kernel wants an interrupt for them.
    pub(super) fn receive(&self, bytes: &[u8]) -> bool {
        let mut line = lock(&self.0);
        line.input.extend(bytes);
        line.listening
    }

    /// All that was written.
    pub(super) fn output(&self) -> Vec<u8> {
        lock(&self.0).output.clone()
    }
}

/// The clock and each CPU's one-shot timer.
pub(crate) mod time {
    use super::super::cpu::{cpu_index, machine};
    use std::sync::LazyLock;
    use std::sync::atomic::Ordering;
    use std::time::{Instant, SystemTime, UNIX_EPOCH};

    /// Nanoseconds since boot; outside a machine, since some moment in this process.
    pub fn now_ns() -> u64 {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        machine().map_or_else(|| START.elapsed().as_nanos() as u64, |machine| machine.now())
    }

    /// Lets `Hooks::timer` be called on this CPU at `deadline_ns`; `u64::MAX` is never.
    pub fn arm(deadline_ns: u64) {
        if let Some(machine) = machine() {
            machine.cpus[cpu_index()].deadline.store(deadline_ns, Ordering::SeqCst);
        }
    }

    /// Ticks per second of the time-stamp counter: the host counts nanoseconds.
    pub fn tsc_hz() -> u64 {
        1_000_000_000
    }

    /// Seconds since the Unix epoch by the real-time clock.
    pub fn rtc_unix() -> i64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs() as i64)
    }
}

/// Serial ports: what is written is kept for the test.
pub(crate) mod serial {
    use super::super::cpu::machine;
    use super::super::machine::lock;
    use std::sync::atomic::Ordering;

    /// How many ports there are.
    pub fn count() -> usize {
        machine().map_or(0, |machine| machine.ports.len())
    }

    /// A port's first I/O port and its interrupt: those of a PC's.
    pub fn resources(port: usize) -> Option<(u16, u8)> {
        const PC: [(u16, u8); 4] = [(0x3f8, 4), (0x2f8, 3), (0x3e8, 4), (0x2e8, 3)];
        PC.get(port).copied().filter(|_| port < count())
    }

    /// Sends `bytes` through `port`, if there is such a port.
    pub fn write(port: usize, bytes: &[u8]) {
        if let Some(port) = machine().as_ref().and_then(|machine| machine.ports.get(port)) {
            lock(&port.0).output.extend_from_slice(bytes);
        }
    }

    /// The next byte received.
    pub fn read(port: usize) -> Option<u8> {
        lock(&machine()?.ports.get(port)?.0).input.pop_front()
    }

    /// The modem lines that come in: somebody is at the other end, as with QEMU's ports.
    pub fn modem_status(port: usize) -> Option<u8> {
        (port < count()).then_some(0xb0)
    }

    /// Sets the modem lines that go out, which nobody here looks at.
    pub fn set_modem_control(_port: usize, _lines: u8) {}

    /// Wants `Line::Serial` interrupts for what `port` receives, on CPU 0.
    pub fn listen(port: usize) {
        let Some(machine) = machine() else { return };
        let Some(uart) = machine.ports.get(port) else { return };
        let mut line = lock(&uart.0);
        line.listening = true;
        if !line.input.is_empty() {
            machine.cpus[0].lines.fetch_or(1 << port, Ordering::SeqCst);
        }
    }
}

/// Ways to end the run. Outside a machine there is nothing to end: they panic.
pub(crate) mod power {
    use super::super::cpu::{leave, machine};
    use super::super::machine::End;

    fn end(how: End) -> ! {
        machine().expect("only a machine can be turned off").end(Ok(how));
        leave()
    }

    /// Turns the machine off.
    pub fn off() -> ! {
        end(End::Off)
    }

    /// Starts the machine anew: the host leaves that to the test.
    pub fn reboot() -> ! {
        end(End::Reboot)
    }

    /// Stops all CPUs.
    pub fn halt() -> ! {
        end(End::Halt)
    }
}

/// Entropy.
pub(crate) mod random {
    use std::hash::{BuildHasher, RandomState};

    /// 32 bytes for the kernel's generator. Never fails.
    pub fn seed() -> [u8; 32] {
        let mut seed = [0; 32];
        for (i, chunk) in seed.chunks_mut(8).enumerate() {
            chunk.copy_from_slice(&RandomState::new().hash_one(i).to_ne_bytes());
        }
        seed
    }
}

/// The end of a kernel that cannot go on.
pub(crate) mod panic {
    use super::super::cpu::{leave, machine};
    use std::fmt::{Arguments, Write};

    /// Ends the machine with "Kernel panic - not syncing: ..."; outside a machine, panics.
    pub fn panic(args: Arguments<'_>) -> ! {
        let mut text = format!("Kernel panic - not syncing: {args}");
        let Some(machine) = machine() else { panic!("{text}") };
        text.push_str("; ");
        // Writing to a `String` cannot fail, and a kernel that cannot tell is not asked twice.
        let _ = write!(text, "CPU: {} ", super::super::cpu_index());
        machine.hooks.describe_current(&mut text);
        machine.fail(text);
        leave()
    }

    /// What happens after a panic: the host machine always ends at once.
    pub fn set_panic_timeout(_seconds: i32) {}
}
