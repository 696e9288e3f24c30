//! [`Wire`]: what lies between the two ends of a pseudoterminal. Lock level: `Pty`, under the
//! slave's `Tty`.
//!
//! On Linux each direction goes through a flip buffer to the line discipline of the other end. The
//! master's is always raw, so here it is only a bound on what one read gives and on what a flush
//! can no longer reach ([`RECEIVED`]). Source: `drivers/tty/pty.c`.

use abi::errno::{EAGAIN, EIO, Result};
use abi::poll::PollEvents;
use abi::tty::{
    CSIZE, ControlFlags, InputFlags, LocalFlags, TIOCPKT_DOSTOP, TIOCPKT_FLUSHREAD,
    TIOCPKT_FLUSHWRITE, TIOCPKT_IOCTL, TIOCPKT_NOSTOP, TIOCPKT_START, TIOCPKT_STOP, VSTART, VSTOP,
};
use alloc::sync::Arc;

use super::devpts::Number;
use super::ring::Ring;
use crate::lock::{Spin, order};
use crate::tty::Driver;
use crate::tty::termios::{self, Ask, Settings};
use crate::wait::WaitQueue;

/// Bytes that have arrived at the master (`N_TTY_BUF_SIZE - 1`).
pub const RECEIVED: usize = 4095;

/// Bytes on their way to either end: what Linux's buffers take from one large write.
const IN_FLIGHT: usize = 9729;

/// The wire of one pseudoterminal.
pub struct Wire {
    state: Spin<State, order::Pty>,
    /// Told of all that the master may wait for.
    pub changed: Arc<WaitQueue>,
}

struct State {
    to_slave: Ring,
    to_master: Ring,
    /// Packet mode, and what the master is to be told next in it.
    packet: bool,
    status: u8,
    /// `TIOCSPTLCK`: the slave cannot be opened.
    locked: bool,
    /// `TCXONC` on the master: what it writes has to wait.
    held: bool,
    /// The master is closed.
    no_master: bool,
    /// The slave was open and is not any more.
    no_slave: bool,
}

/// What a read of the master gives.
pub enum Arrived {
    /// News, in packet mode.
    Status(u8),
    /// The place and number of bytes copied, and whether packet mode puts a byte before them.
    Data { from: u64, len: usize, packet: bool },
}

impl Wire {
    /// A wire whose slave cannot be opened yet.
    pub fn new() -> Result<Self> {
        let state = State {
            to_slave: Ring::new(IN_FLIGHT)?,
            to_master: Ring::new(RECEIVED + IN_FLIGHT)?,
            packet: false,
            status: 0,
            locked: true,
            held: false,
            no_master: false,
            no_slave: false,
        };
        Ok(Self { state: Spin::new(state), changed: Arc::new(WaitQueue::new()) })
    }

    // ---- the master's side ----

    /// What the master may read, copied to `to`. News come alone, so they wait unless this is the
    /// `first` look of a read. `EAGAIN` if there is nothing, `EIO` if there will be nothing until
    /// the slave is opened again.
    pub fn peek(&self, first: bool, to: &mut [u8]) -> Result<Arrived> {
        let mut state = self.state.lock();
        if state.packet && state.status != 0 {
            let news = |state: &mut State| Arrived::Status(core::mem::take(&mut state.status));
            return if first { Ok(news(&mut state)) } else { Err(EAGAIN) };
        }
        match state.to_master.len() {
            0 if state.no_slave => Err(EIO),
            0 => Err(EAGAIN),
            _ => {
                let (from, len) = state.to_master.peek(to);
                Ok(Arrived::Data { from, len, packet: state.packet })
            }
        }
    }

    /// The master has read what lies before place `end`.
    pub fn consume(&self, end: u64) {
        self.state.lock().to_master.consume(end);
    }

    /// Bytes that the master has received and not read (`FIONREAD`).
    pub fn unread(&self) -> usize {
        self.state.lock().to_master.len().min(RECEIVED)
    }

    /// Forgets what the master has received.
    pub fn flush_unread(&self) {
        self.state.lock().to_master.clear();
    }

    /// Forgets what the master has written and the slave has not taken in.
    pub fn flush_written(&self) {
        self.state.lock().to_slave.clear();
        self.changed.wake_all();
    }

    /// How many bytes the master may write now.
    pub fn room(&self) -> usize {
        let state = self.state.lock();
        if state.held { 0 } else { state.to_slave.room() }
    }

    /// Takes what the master writes; returns how much fitted.
    pub fn write(&self, bytes: &[u8]) -> usize {
        self.state.lock().to_slave.push(bytes)
    }

    /// Takes a byte as if the slave had written it (`TIOCSTI` on the master).
    pub fn inject(&self, byte: u8) {
        self.state.lock().to_master.push(&[byte]);
        self.changed.wake_all();
    }

    /// `TCOOFF` and `TCOON` of the master.
    pub fn hold(&self, on: bool) {
        self.state.lock().held = on;
        self.changed.wake_all();
    }

    /// What poll(2) says of the master.
    pub fn events(&self) -> PollEvents {
        let state = self.state.lock();
        let mut events = PollEvents::EMPTY;
        if state.packet && state.status != 0 {
            events |= PollEvents::PRI | PollEvents::IN | PollEvents::RDNORM;
        }
        if state.to_master.len() > 0 {
            events |= PollEvents::IN | PollEvents::RDNORM;
        }
        if !state.held && state.to_slave.room() > 0 {
            events |= PollEvents::OUT | PollEvents::WRNORM;
        }
        if state.no_slave {
            events |= PollEvents::HUP;
        }
        events
    }

    /// The master is closed.
    pub fn close_master(&self) {
        self.state.lock().no_master = true;
    }

    // ---- modes ----

    /// Whether the slave cannot be opened (`TIOCGPTLCK`).
    pub fn is_locked(&self) -> bool {
        self.state.lock().locked
    }

    /// `TIOCSPTLCK`
    pub fn lock(&self, on: bool) {
        self.state.lock().locked = on;
    }

    /// Whether the master is in packet mode (`TIOCGPKT`).
    pub fn is_packet(&self) -> bool {
        self.state.lock().packet
    }

    /// `TIOCPKT`. Old news are void.
    pub fn set_packet(&self, on: bool) {
        let mut state = self.state.lock();
        if on && !state.packet {
            state.status = 0;
        }
        state.packet = on;
    }

    /// The master is to be told `add`, which makes `remove` old.
    fn report(&self, add: u8, remove: u8) {
        let mut state = self.state.lock();
        if state.packet {
            state.status = state.status & !remove | add;
            drop(state);
            self.changed.wake_all();
        }
    }
}

/// The slave's end of a wire. The pair's number is free again when it goes, which may be long after
/// the master is closed.
pub struct SlaveEnd {
    wire: Arc<Wire>,
    _number: Number,
}

impl SlaveEnd {
    /// The end of `wire` for slave `number`.
    pub fn new(wire: Arc<Wire>, number: Number) -> Self {
        Self { wire, _number: number }
    }

    /// Do these settings stop output with `^S` and start it with `^Q`?
    fn flows(t: &Settings) -> bool {
        t.input(InputFlags::IXON) && t.c_cc[VSTOP] == 0o23 && t.c_cc[VSTART] == 0o21
    }
}

impl Driver for SlaveEnd {
    fn open(&self) -> Result<()> {
        let mut state = self.wire.state.lock();
        if state.no_master || state.locked {
            return Err(EIO);
        }
        state.no_slave = false;
        Ok(())
    }

    /// The master counts as one who has the slave open.
    fn close(&self, left: usize) {
        if left <= 1 {
            self.wire.state.lock().no_slave = true;
            self.wire.changed.wake_all();
        }
    }

    fn receive(&self, to: &mut [u8]) -> usize {
        let n = self.wire.state.lock().to_slave.pop(to);
        if n > 0 {
            self.wire.changed.wake_all();
        }
        n
    }

    fn room(&self) -> usize {
        self.wire.state.lock().to_master.room()
    }

    fn send(&self, bytes: &[u8]) {
        // No more than there is room for, says the caller.
        self.wire.state.lock().to_master.push(bytes);
        self.wire.changed.wake_all();
    }

    fn flush_received(&self) {
        self.wire.flush_written();
    }

    fn is_direct(&self) -> bool {
        true
    }

    fn input_flushed(&self) {
        self.wire.report(TIOCPKT_FLUSHREAD, 0);
    }

    fn flush_sent(&self) {
        self.wire.state.lock().to_master.truncate(RECEIVED);
        self.wire.report(TIOCPKT_FLUSHWRITE, 0);
    }

    fn stopped(&self, stopped: bool) {
        match stopped {
            true => self.wire.report(TIOCPKT_STOP, TIOCPKT_START),
            false => self.wire.report(TIOCPKT_START, TIOCPKT_STOP),
        }
    }

    fn settle(&self, mut new: Settings, old: &Settings) -> Settings {
        let external = [old, &new].iter().any(|t| t.local(LocalFlags::EXTPROC));
        let news = if external { TIOCPKT_IOCTL } else { 0 };
        match (Self::flows(old), Self::flows(&new)) {
            (false, true) => self.wire.report(news | TIOCPKT_DOSTOP, TIOCPKT_NOSTOP),
            (true, false) => self.wire.report(news | TIOCPKT_NOSTOP, TIOCPKT_DOSTOP),
            _ if external => self.wire.report(news, 0),
            _ => {}
        }
        let fixed = CSIZE | ControlFlags::PARENB.bits();
        new.c_cflag = ControlFlags(new.c_cflag.bits() & !fixed) | termios::PTY_FIXED;
        new
    }

    fn hung_up(&self) -> Option<Settings> {
        self.wire.state.lock().status = 0;
        Some(termios::PTY)
    }

    fn is_pty(&self) -> bool {
        true
    }
}
