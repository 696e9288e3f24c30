//! [`Tty`]: one terminal. Its line discipline, settings and owner, between a [`Driver`] and the
//! files that programs have opened. Locks: `Turn` for readers and for writers, then `Tty`.

use abi::errno::{EBUSY, Result};
use abi::poll::PollEvents;
use abi::signal::{SIGWINCH, SigSet};
use abi::tty::{LocalFlags, Serial, Winsize};
use alloc::boxed::Box;
use alloc::sync::Arc;

use super::job::{JobControl, Owner};
use super::ldisc::{EXPANSION, Ldisc};
use super::termios::{self, Ask, Settings};
use crate::lock::{Spin, SpinGuard, order};
use crate::time::mono_ns;
use crate::wait::{Mutex, WaitQueue};

/// Bytes that go to or come from a driver at a time.
const PIECE: usize = 256;

/// What drives the wire. All calls come from threads or deferred work, never from interrupts;
/// those that move bytes come one at a time, under the terminal's lock, and must not sleep.
pub trait Driver: Send + Sync {
    /// A file is opened: start to receive. `EIO` if the other end is not there.
    fn open(&self) -> Result<()>;

    /// A file was closed; `left` are still open.
    fn close(&self, left: usize) {
        let _ = left;
    }

    /// The next received bytes, up to `to.len()`; the terminal asks only while it has room.
    fn receive(&self, to: &mut [u8]) -> usize;

    /// How many bytes it can take now.
    fn room(&self) -> usize;

    /// Takes bytes to send, no more than there is room for.
    fn send(&self, bytes: &[u8]);

    /// Forgets what it has received.
    fn flush_received(&self);

    /// Forgets what it was given to send, as far as that can be.
    fn flush_sent(&self) {}

    /// Whether it keeps no output: what is written is with the other end, and while output is
    /// stopped nothing can be written.
    fn is_direct(&self) -> bool {
        false
    }

    /// Unread input was thrown away.
    fn input_flushed(&self) {}

    /// Output has stopped or goes on.
    fn stopped(&self, stopped: bool) {
        let _ = stopped;
    }

    /// The terminal was hung up: the settings it goes back to, if it does
    /// (`TTY_DRIVER_RESET_TERMIOS`).
    fn hung_up(&self) -> Option<Settings> {
        None
    }

    /// Whether the other end is a program.
    fn is_pty(&self) -> bool {
        false
    }

    /// The modem lines (`TIOCM_*`) that are on; `None` if there are none.
    fn modem(&self) -> Option<u32> {
        None
    }

    /// Turns modem lines on and off, those that go out; called only if there are such.
    fn set_modem(&self, on: u32, off: u32) {
        let _ = (on, off);
    }

    /// What `TIOCGSERIAL` tells of it; only serial ports have something to tell.
    fn serial(&self) -> Option<Serial> {
        None
    }

    /// What it makes of new settings: those it cannot do it leaves as they were.
    fn settle(&self, new: Settings, old: &Settings) -> Settings;
}

/// One terminal.
pub struct Tty {
    dev: u64,
    driver: Box<dyn Driver>,
    jobs: &'static dyn JobControl,
    state: Spin<State, order::Tty>,
    /// Whose turn it is to read; held across the copy to the reader.
    pub(super) reading: Mutex<(), order::Turn>,
    /// Whose turn it is to write.
    pub(super) writing: Mutex<(), order::Turn>,
    /// Told of everything: input, room, hang-ups, settings.
    pub(super) changed: Arc<WaitQueue>,
}

/// What the lock of a terminal guards.
pub(super) struct State {
    pub settings: Settings,
    /// The bits and characters set here stay as they are (`TIOCSLCKTRMIOS`).
    pub locked: Settings,
    pub ldisc: Box<Ldisc>,
    pub size: Winsize,
    /// `TIOCEXCL`: nobody else may open it.
    pub exclusive: bool,
    owner: Owner,
    /// Open files.
    opens: usize,
    /// Times it was hung up: files opened before the last time are dead.
    hangups: u64,
    /// When input came last (monotonic nanoseconds), for `VTIME`.
    last_input_ns: u64,
}

impl Tty {
    /// A terminal with device number `dev`.
    pub fn new(
        dev: u64,
        driver: Box<dyn Driver>,
        settings: Settings,
        jobs: &'static dyn JobControl,
    ) -> Self {
        let state = State {
            settings,
            locked: termios::UNLOCKED,
            ldisc: Box::default(),
            size: Winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 },
            exclusive: false,
            owner: Owner::default(),
            opens: 0,
            hangups: 0,
            last_input_ns: 0,
        };
        Self {
            dev,
            driver,
            jobs,
            state: Spin::new(state),
            reading: Mutex::new(()),
            writing: Mutex::new(()),
            changed: Arc::new(WaitQueue::new()),
        }
    }

    /// Its device number.
    pub fn dev(&self) -> u64 {
        self.dev
    }

    pub(super) fn jobs(&self) -> &'static dyn JobControl {
        self.jobs
    }

    pub(super) fn driver(&self) -> &dyn Driver {
        &*self.driver
    }

    pub(super) fn state(&self) -> SpinGuard<'_, State, order::Tty> {
        self.state.lock()
    }

    // ---- the wire ----

    /// Moves received bytes through the line discipline while it has room, and sends what that
    /// echoes. Called when the driver has received something, and when a reader made room.
    pub fn pump(&self) {
        let mut signals = SigSet::EMPTY;
        let foreground = {
            let mut state = self.state.lock();
            state.receive(&*self.driver, &mut signals);
            state.send(&*self.driver);
            state.owner.foreground
        };
        self.after_input(foreground, signals);
    }

    /// Takes one byte as if it had been received (`TIOCSTI`).
    pub(super) fn inject(&self, byte: u8) {
        let mut signals = SigSet::EMPTY;
        let foreground = {
            let mut state = self.state.lock();
            if state.ldisc.room(&state.settings) > 0 {
                state.accept(byte, &*self.driver, &mut signals);
            }
            state.send(&*self.driver);
            state.owner.foreground
        };
        self.after_input(foreground, signals);
    }

    fn after_input(&self, foreground: i32, signals: SigSet) {
        if foreground != 0 {
            for signal in signals.iter() {
                self.jobs.signal_group(foreground, signal);
            }
        }
        self.wake();
    }

    /// Sends what waits, as far as the driver has room. Called when it has more.
    pub fn drain(&self) {
        self.state.lock().send(&*self.driver);
        self.wake();
    }

    /// Something has changed that readers, writers or pollers may wait for.
    pub(super) fn wake(&self) {
        self.changed.wake_all();
    }

    // ---- opening, closing, hanging up ----

    /// Counts an open file. `EBUSY` if the terminal is another's alone. The result tells later
    /// whether the terminal was hung up since.
    pub(super) fn enter(&self, admin: bool) -> Result<u64> {
        let mut state = self.state.lock();
        if state.exclusive && !admin {
            return Err(EBUSY);
        }
        // Under the lock, so that the driver sees opens and closes in their order.
        self.driver.open()?;
        state.opens += 1;
        Ok(state.hangups)
    }

    /// Counts one who keeps the terminal as it is, but does not use it.
    pub(super) fn hold(&self) {
        self.state.lock().opens += 1;
    }

    /// An open file is closed. After the last one the terminal keeps only its settings.
    pub(super) fn leave(&self) {
        let mut state = self.state.lock();
        state.opens -= 1;
        if state.opens == 0 {
            state.exclusive = false;
            state.send(&*self.driver);
            state.ldisc.reset();
        }
        self.driver.close(state.opens);
    }

    /// All files open now are dead, input and output are void, and it is nobody's terminal. The
    /// result is whose it was.
    pub(super) fn cut_off(&self) -> Owner {
        let owner = {
            let mut state = self.state.lock();
            state.hangups += 1;
            state.exclusive = false;
            state.ldisc.reset();
            self.driver.flush_sent();
            state.settings = self.driver.hung_up().unwrap_or(state.settings);
            core::mem::take(&mut state.owner)
        };
        self.wake();
        owner
    }

    // ---- whose it is ----

    /// Whose terminal it is.
    pub fn owner(&self) -> Owner {
        self.state.lock().owner
    }

    /// Takes a terminal that is nobody's.
    pub(super) fn take_ownership(&self, new: Owner) -> bool {
        let mut state = self.state.lock();
        let free = state.owner.session == 0;
        if free {
            state.owner = new;
        }
        free
    }

    /// Ends the ownership of `session`.
    pub(super) fn disown(&self, session: i32) {
        let mut state = self.state.lock();
        if state.owner.session == session {
            state.owner = Owner::default();
        }
    }

    /// Puts a group into the foreground, if the terminal still is `session`'s.
    pub(super) fn set_foreground(&self, session: i32, group: i32) -> bool {
        let mut state = self.state.lock();
        let ours = state.owner.session == session;
        if ours {
            state.owner.foreground = group;
        }
        ours
    }

    /// Sets the size and tells the foreground group if that is a change (`tty_do_resize`).
    pub fn resize(&self, size: Winsize) {
        let foreground = {
            let mut state = self.state.lock();
            if state.size == size {
                return;
            }
            state.size = size;
            state.owner.foreground
        };
        if foreground != 0 {
            self.jobs.signal_group(foreground, SIGWINCH);
        }
    }
}

impl State {
    /// Times the terminal was hung up.
    pub fn hangups(&self) -> u64 {
        self.hangups
    }

    /// When input came last.
    pub fn last_input_ns(&self) -> u64 {
        self.last_input_ns
    }

    /// Moves bytes from the driver to the line discipline. What comes to a terminal that nobody
    /// has open is lost.
    fn receive(&mut self, driver: &dyn Driver, signals: &mut SigSet) {
        if self.opens == 0 {
            driver.flush_received();
            return;
        }
        let mut piece = [0; PIECE];
        loop {
            let room = self.ldisc.room(&self.settings).min(PIECE);
            let n = driver.receive(&mut piece[..room]);
            if n == 0 {
                break;
            }
            for &byte in &piece[..n] {
                self.accept(byte, driver, signals);
            }
            self.last_input_ns = mono_ns();
            // Echo has little room: it goes out before the next piece.
            self.send(driver);
        }
        self.regulate(driver);
    }

    fn accept(&mut self, byte: u8, driver: &dyn Driver, signals: &mut SigSet) {
        let was_stopped = self.ldisc.sending().is_stopped();
        if let Some(signal) = self.ldisc.receive(byte, &self.settings) {
            signals.insert(signal);
            if !self.settings.local(LocalFlags::NOFLSH) {
                driver.flush_sent();
                driver.input_flushed();
            }
        }
        self.tell_flow(was_stopped, driver);
    }

    /// Tells the driver if output has stopped or gone on.
    pub fn tell_flow(&self, was_stopped: bool, driver: &dyn Driver) {
        let stopped = self.ldisc.sending().is_stopped();
        if stopped != was_stopped {
            driver.stopped(stopped);
        }
    }

    /// How many bytes a program may write now.
    pub fn room(&self, driver: &dyn Driver) -> usize {
        let sending = self.ldisc.sending();
        match driver.is_direct() {
            true if sending.is_stopped() => 0,
            true => sending.room().min(driver.room().saturating_sub(sending.len()) / EXPANSION),
            false => sending.room(),
        }
    }

    /// Bytes written that the other end has not got (`tty_chars_in_buffer`).
    pub fn unsent(&self, driver: &dyn Driver) -> usize {
        if driver.is_direct() { 0 } else { self.ldisc.sending().len() }
    }

    /// Tells the sender to stop or go on, if that is due. Such a byte waits for no other.
    pub fn regulate(&mut self, driver: &dyn Driver) {
        if let Some(byte) = self.ldisc.flow(&self.settings)
            && driver.room() > 0
        {
            driver.send(&[byte]);
        }
    }

    /// Sends what waits, as far as the driver has room.
    pub fn send(&mut self, driver: &dyn Driver) {
        let mut piece = [0; PIECE];
        loop {
            let room = driver.room().min(PIECE);
            let settings = self.settings;
            let n = self.ldisc.output().take(&mut piece[..room], &settings, driver.is_direct());
            if n == 0 {
                return;
            }
            driver.send(&piece[..n]);
        }
    }

    /// What poll(2) says.
    pub fn events(&self, driver: &dyn Driver) -> PollEvents {
        let t = &self.settings;
        let mut events = PollEvents::EMPTY;
        let min = if t.time_ns() == 0 { t.min() } else { 1 };
        if self.ldisc.readable(t, min) {
            events |= PollEvents::IN | PollEvents::RDNORM;
        }
        if self.room(driver) > 0 && driver.room() > 0 {
            events |= PollEvents::OUT | PollEvents::WRNORM;
        }
        events
    }
}
