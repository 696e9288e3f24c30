//! [`Terminal`]: an open file on a terminal. Reading with `VMIN` and `VTIME`, writing, polling;
//! ioctl(2) is in `ioctl`. Sources: termios(3), `n_tty_read`, `n_tty_write`.

use abi::errno::{EAGAIN, EIO, ENOTTY, Errno, Result};
use abi::fs::OpenFlags;
use abi::poll::PollEvents;
use abi::process::CAP_SYS_ADMIN;
use abi::signal::{SIGTTIN, SIGTTOU};
use abi::time::Timespec;
use abi::tty::{LocalFlags, TIOCSPGRP};
use alloc::sync::Arc;

use super::ldisc::CHUNK;
use super::termios::{Ask, Settings};
use super::tty::Tty;
use crate::fs::inode::Change;
use crate::fs::{Caller, File, FileOps, Pos};
use crate::mm::io::{Sink, Source};
use crate::time::NSEC_PER_SEC;
use crate::wait::Watch;

/// Bytes that one call of `write` takes at most; [`File`] calls again for the rest.
const WRITE_MAX: usize = 2048;

/// An open terminal.
pub struct Terminal {
    pub(super) tty: Arc<Tty>,
    /// The terminal's count of hang-ups when it was opened.
    hangups: u64,
    /// Opened as `/dev/console`: background processes may read and write, and it outlives the
    /// sessions that have it as their terminal.
    console: bool,
}

impl Terminal {
    /// Opens a terminal. Without `O_NOCTTY` it becomes the controlling terminal of a session
    /// leader that has none, if it is nobody's and can be read.
    pub fn open(tty: Arc<Tty>, flags: OpenFlags, c: &Caller) -> Result<Arc<Self>> {
        let this = Self::attach(tty, c, false)?;
        if flags.reads() && !flags.has(OpenFlags::NOCTTY) {
            this.tty.acquire_by_open();
        }
        Ok(Arc::new(this))
    }

    /// Opens a terminal as `/dev/console`, which never becomes a controlling terminal by that.
    pub fn open_console(tty: Arc<Tty>, c: &Caller) -> Result<Arc<Self>> {
        Self::attach(tty, c, true).map(Arc::new)
    }

    fn attach(tty: Arc<Tty>, c: &Caller, console: bool) -> Result<Self> {
        let hangups = tty.enter(c.cred.capable(CAP_SYS_ADMIN))?;
        Ok(Self { tty, hangups, console })
    }

    /// The terminal.
    pub fn tty(&self) -> &Arc<Tty> {
        &self.tty
    }

    /// Was the terminal hung up since this file was opened? The console's files are left out of
    /// that (`redirected_tty_write` in `__tty_hangup`).
    fn is_dead(&self) -> bool {
        !self.console && self.tty.state().hangups() != self.hangups
    }

    /// Is there enough for a read of `len` bytes? In raw mode: all `VMIN` bytes, or as many as
    /// fit; with `O_NONBLOCK` whatever there is.
    fn ready(&self, len: usize, nonblock: bool) -> Result<Ready> {
        let state = self.tty.state();
        let t = &state.settings;
        let min = if nonblock { 1 } else { t.min().min(len) };
        if state.ldisc.readable(t, min) {
            return Ok(Ready::Yes);
        }
        let at_once = !t.canonical() && t.min() == 0 && t.time_ns() == 0;
        if at_once { Ok(Ready::Nothing) } else { Err(EAGAIN) }
    }

    /// Copies to the reader up to the end of the line or, in raw mode, all there is.
    fn give(&self, to: &mut dyn Sink) -> Result<usize> {
        let mut piece = [0; CHUNK];
        let mut done = 0;
        while to.left() > 0 {
            let want = to.left().min(piece.len());
            let peek = {
                let state = self.tty.state();
                state.ldisc.peek(&state.settings, &mut piece[..want])
            };
            // Copied with no lock held; what did not arrive stays.
            let taken = if peek.len == 0 { Ok(0) } else { to.put(&piece[..peek.len]) };
            if let Ok(n) = taken {
                self.tty.state().ldisc.consume(&peek, n);
                done += n;
            }
            match taken {
                Err(error) if done == 0 => return Err(error),
                Ok(n) if n == peek.len && n > 0 && !peek.ends => {}
                _ => return Ok(done),
            }
        }
        let mut state = self.tty.state();
        let settings = state.settings;
        state.ldisc.skip_eof(&settings);
        Ok(done)
    }

    /// Takes up to a chunk from the writer. 0: there is no room now.
    fn take(&self, from: &mut dyn Source) -> Result<usize> {
        let mut piece = [0; CHUNK];
        let room = self.tty.state().room(self.tty.driver());
        if room == 0 {
            return Ok(0);
        }
        let want = room.min(from.left());
        let n = from.get(&mut piece[..want])?;
        let mut state = self.tty.state();
        let settings = state.settings;
        state.ldisc.output().write(&piece[..n], &settings);
        state.send(self.tty.driver());
        Ok(n)
    }
}

/// Whether a read can go on.
enum Ready {
    Yes,
    /// There is nothing, and the reader does not want to wait.
    Nothing,
}

impl FileOps for Terminal {
    fn splices(&self) -> (bool, bool) {
        (true, true)
    }

    fn read(&self, f: &File, _c: &Caller, to: &mut dyn Sink, _at: Pos) -> Result<usize> {
        if self.is_dead() {
            return Ok(0);
        }
        if !self.console {
            self.tty.check_foreground(SIGTTIN)?;
        }
        if to.left() == 0 {
            return Ok(0);
        }
        let turn = self.tty.reading.lock();
        let n = match self.ready(to.left(), f.flags().has(OpenFlags::NONBLOCK))? {
            Ready::Yes => self.give(to)?,
            Ready::Nothing => 0,
        };
        drop(turn);
        // There is room again for what the driver holds back.
        self.tty.pump();
        stamp(f, Stamp::Read);
        Ok(n)
    }

    fn write(&self, f: &File, _c: &Caller, from: &mut dyn Source, _at: Pos) -> Result<usize> {
        if self.is_dead() {
            return Err(EIO);
        }
        let stops = |t: &Settings| t.local(LocalFlags::TOSTOP);
        if !self.console && stops(&self.tty.state().settings) {
            self.tty.check_foreground(SIGTTOU)?;
        }
        let _turn = self.tty.writing.lock();
        let mut done = 0;
        while from.left() > 0 && done < WRITE_MAX {
            match self.take(from) {
                Ok(0) if done == 0 => return Err(EAGAIN),
                Ok(0) => break,
                Ok(n) => done += n,
                Err(error) if done == 0 => return Err(error),
                Err(_) => break,
            }
        }
        stamp(f, Stamp::Written);
        Ok(done)
    }

    fn can_poll(&self) -> bool {
        true
    }

    fn poll(&self, _f: &File, _c: &Caller, watch: Option<&mut Watch>) -> PollEvents {
        if let Some(watch) = watch {
            watch.add(&self.tty.changed, 0);
        }
        if self.is_dead() {
            return DEAD;
        }
        self.tty.state().events(self.tty.driver())
    }

    fn ioctl(&self, f: &File, c: &Caller, cmd: u32, arg: u64) -> Result<i64> {
        if self.is_dead() {
            return Err(dead_ioctl(cmd));
        }
        self.command(f, c, cmd, arg)
    }

    fn read_deadline(&self, began_ns: u64) -> Option<u64> {
        let state = self.tty.state();
        let t = &state.settings;
        if t.canonical() || t.time_ns() == 0 {
            return None;
        }
        if t.min() == 0 {
            return Some(began_ns + t.time_ns());
        }
        // Between bytes: the clock runs once there is one.
        let last = state.last_input_ns().max(began_ns);
        state.ldisc.readable(t, 1).then(|| last + t.time_ns())
    }

    fn read_late(&self, _f: &File, _c: &Caller, to: &mut dyn Sink) -> Result<usize> {
        let _turn = self.tty.reading.lock();
        self.give(to)
    }
}

/// What ioctl(2) says of a file whose terminal was hung up (`hung_up_tty_ioctl`).
pub(super) fn dead_ioctl(cmd: u32) -> Errno {
    if cmd == TIOCSPGRP { ENOTTY } else { EIO }
}

/// Which time of a device node an operation sets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stamp {
    Read,
    Written,
}

/// Notes in the node's times that the terminal is in use, to eight seconds: who looks is not to
/// learn when each key is pressed (`tty_update_time`).
pub(super) fn stamp(f: &File, what: Stamp) {
    let Some(path) = f.path() else { return };
    let now = path.mount.sb().clock.now_ns().div_euclid(NSEC_PER_SEC as i64);
    let attr = f.inode().attr();
    let old = if what == Stamp::Read { attr.atime } else { attr.mtime };
    if (now ^ old.tv_sec) & !7 == 0 {
        return;
    }
    let new = Some(Timespec { tv_sec: now, ..old });
    let change = match what {
        Stamp::Read => Change { atime: new, ..Change::default() },
        Stamp::Written => Change { mtime: new, ..Change::default() },
    };
    // A time that cannot be noted is no reason to fail.
    let _ = f.inode().set_attr(&change);
}

/// What poll(2) says of a file whose terminal was hung up (`hung_up_tty_poll`).
pub(super) const DEAD: PollEvents = PollEvents::IN
    .with(PollEvents::RDNORM)
    .with(PollEvents::OUT)
    .with(PollEvents::WRNORM)
    .with(PollEvents::ERR)
    .with(PollEvents::HUP);

impl Drop for Terminal {
    fn drop(&mut self) {
        self.tty.leave();
    }
}
