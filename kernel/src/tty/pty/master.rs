//! [`Master`]: the open file on the master's side of a pseudoterminal. Sources: pty(7),
//! `drivers/tty/pty.c`, `n_tty_read` for packet mode.
//!
//! It is no [`Tty`] of its own: the settings that it shows and changes are the slave's, and its
//! bytes pass as they are. Locks: `Turn` for readers and for writers, then the slave's `Tty`.

use abi::errno::{EAGAIN, EIO, Result};
use abi::fs::OpenFlags;
use abi::poll::PollEvents;
use abi::signal::{SIGINT, SIGQUIT, SIGTSTP};
use abi::tty::{
    TCFLSH, TCIFLUSH, TCIOFF, TCIOFLUSH, TCION, TCOFLUSH, TCOOFF, TCOON, TCSBRK, TCSBRKP, TCXONC,
    TIOCCBRK, TIOCEXCL, TIOCGETD, TIOCGEXCL, TIOCGPKT, TIOCGPTLCK, TIOCGPTN, TIOCINQ, TIOCNXCL,
    TIOCOUTQ, TIOCPKT, TIOCPKT_DATA, TIOCSBRK, TIOCSETD, TIOCSIG, TIOCSPTLCK, TIOCSTI, TIOCVHANGUP,
};
use abi::{errno::EINVAL, errno::EPERM, process::CAP_SYS_ADMIN};
use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::devpts::Node;
use super::wire::{Arrived, RECEIVED, Wire};
use crate::cred::Cred;
use crate::fs::path::Path;
use crate::fs::{Caller, File, FileOps, Pos, open};
use crate::lock::order;
use crate::mm::io::{Sink, Source};
use crate::tty::file::{DEAD, Stamp, stamp};
use crate::tty::ioctl::{get, put};
use crate::tty::ldisc::CHUNK;
use crate::tty::{N_TTY, Tty};
use crate::wait::{Mutex, Watch};

/// Bytes that one call of `write` takes at most; [`File`] calls again for the rest.
const WRITE_MAX: usize = 2048;

/// An open master.
pub struct Master {
    node: Arc<Node>,
    number: u32,
    slave: Arc<Tty>,
    wire: Arc<Wire>,
    exclusive: AtomicBool,
    /// It was hung up (`TIOCVHANGUP`).
    dead: AtomicBool,
    reading: Mutex<(), order::Turn>,
    writing: Mutex<(), order::Turn>,
}

impl Master {
    /// The master of a new pair, whose slave counts it as one who has it open.
    pub(super) fn new(node: Arc<Node>, number: u32, slave: Arc<Tty>, wire: Arc<Wire>) -> Self {
        slave.hold();
        Self {
            node,
            number,
            slave,
            wire,
            exclusive: AtomicBool::new(false),
            dead: AtomicBool::new(false),
            reading: Mutex::new(()),
            writing: Mutex::new(()),
        }
    }

    /// Opens the slave, wherever its node lies now (`TIOCGPTPEER`). `f` is the master's file.
    pub fn open_peer(
        &self,
        f: &File,
        c: &Caller,
        cred: &Arc<Cred>,
        flags: OpenFlags,
    ) -> Result<Arc<File>> {
        let place: &Path = f.path().ok_or(EIO)?;
        let path = super::devpts::slave_path(place, &self.node, self.number)?;
        open::open_inode(c, cred, path, flags)
    }

    fn is_dead(&self) -> bool {
        self.dead.load(Relaxed)
    }

    /// Copies what has arrived to the reader; `done` bytes are there already.
    fn give(&self, to: &mut dyn Sink) -> Result<usize> {
        let mut piece = [0; CHUNK];
        let mut done = 0;
        let mut data = 0;
        while to.left() > 0 && data < RECEIVED {
            let want = to.left().min(piece.len()).min(RECEIVED - data);
            let arrived = match self.wire.peek(done == 0, &mut piece[..want]) {
                Err(_) if done > 0 => break,
                arrived => arrived?,
            };
            let (from, mut len) = match arrived {
                Arrived::Status(status) => return to.put(&[status]),
                Arrived::Data { from, len, packet } => {
                    if packet && done == 0 {
                        done += to.put(&[TIOCPKT_DATA])?;
                    }
                    (from, len)
                }
            };
            len = len.min(to.left());
            if len == 0 {
                break;
            }
            // Copied with no lock held; what did not arrive stays.
            match to.put(&piece[..len]) {
                Ok(n) => {
                    self.wire.consume(from + n as u64);
                    (done, data) = (done + n, data + n);
                    if n < len {
                        break;
                    }
                }
                Err(error) if data == 0 => return Err(error),
                Err(_) => break,
            }
        }
        Ok(done)
    }

    fn command(&self, f: &File, c: &Caller, cmd: u32, arg: u64) -> Result<i64> {
        match cmd {
            TIOCGPTN => put(c, arg, &self.number),
            TIOCSPTLCK => {
                self.wire.lock(get::<i32>(c, arg)? != 0);
                Ok(0)
            }
            TIOCGPTLCK => put(c, arg, &i32::from(self.wire.is_locked())),
            TIOCPKT => {
                self.wire.set_packet(get::<i32>(c, arg)? != 0);
                Ok(0)
            }
            TIOCGPKT => put(c, arg, &i32::from(self.wire.is_packet())),
            TIOCSIG => self.signal(arg),

            TIOCINQ => put(c, arg, &(self.wire.unread() as i32)),
            TIOCOUTQ => put(c, arg, &0i32),
            TCFLSH => self.flush(arg),
            TCXONC => self.flow(arg),
            TCSBRK | TCSBRKP | TIOCSBRK | TIOCCBRK => Ok(0),
            TIOCEXCL | TIOCNXCL => {
                self.exclusive.store(cmd == TIOCEXCL, Relaxed);
                Ok(0)
            }
            TIOCGEXCL => put(c, arg, &i32::from(self.exclusive.load(Relaxed))),
            TIOCGETD => put(c, arg, &i32::from(N_TTY)),
            TIOCSETD if get::<i32>(c, arg)? == i32::from(N_TTY) => Ok(0),
            TIOCSETD => Err(EINVAL),
            TIOCSTI if !c.cred.capable(CAP_SYS_ADMIN) => Err(EPERM),
            TIOCSTI => {
                self.wire.inject(get(c, arg)?);
                Ok(0)
            }
            TIOCVHANGUP if !c.cred.capable(CAP_SYS_ADMIN) => Err(EPERM),
            TIOCVHANGUP => {
                self.dead.store(true, Relaxed);
                self.wire.changed.wake_all();
                Ok(0)
            }
            _ => self.slave.shared_command(f, c, cmd, arg, true),
        }
    }

    /// `TIOCSIG`: a signal to the slave's foreground group.
    fn signal(&self, signal: u64) -> Result<i64> {
        let signal = u32::try_from(signal).map_err(|_| EINVAL)?;
        if !matches!(signal, SIGINT | SIGQUIT | SIGTSTP) {
            return Err(EINVAL);
        }
        self.slave.signal_foreground(signal);
        Ok(0)
    }

    /// tcflush(3).
    fn flush(&self, what: u64) -> Result<i64> {
        let what = u32::try_from(what).map_err(|_| EINVAL)?;
        if !matches!(what, TCIFLUSH | TCOFLUSH | TCIOFLUSH) {
            return Err(EINVAL);
        }
        if what != TCOFLUSH {
            self.wire.flush_unread();
            self.slave.drain();
        }
        if what != TCIFLUSH {
            self.wire.flush_written();
        }
        Ok(0)
    }

    /// tcflow(3).
    fn flow(&self, what: u64) -> Result<i64> {
        match u32::try_from(what) {
            Ok(TCOOFF) => self.wire.hold(true),
            Ok(TCOON) => self.wire.hold(false),
            // A master has no characters to stop and start the slave with.
            Ok(TCIOFF | TCION) => {}
            _ => return Err(EINVAL),
        }
        Ok(0)
    }
}

impl FileOps for Master {
    fn read(&self, f: &File, _c: &Caller, to: &mut dyn Sink, _at: Pos) -> Result<usize> {
        if self.is_dead() || to.left() == 0 {
            return Ok(0);
        }
        let turn = self.reading.lock();
        let n = self.give(to)?;
        drop(turn);
        // There is room again for what the slave holds back.
        self.slave.drain();
        stamp(f, Stamp::Read);
        Ok(n)
    }

    fn write(&self, f: &File, _c: &Caller, from: &mut dyn Source, _at: Pos) -> Result<usize> {
        if self.is_dead() {
            return Err(EIO);
        }
        let _turn = self.writing.lock();
        let mut piece = [0; CHUNK];
        let mut done = 0;
        while from.left() > 0 && done < WRITE_MAX {
            let want = self.wire.room().min(from.left()).min(piece.len());
            if want == 0 {
                if done == 0 {
                    return Err(EAGAIN);
                }
                break;
            }
            match from.get(&mut piece[..want]) {
                Ok(n) => {
                    // No one else writes, so there still is room.
                    self.wire.write(&piece[..n]);
                    self.slave.pump();
                    done += n;
                    if n < want {
                        break;
                    }
                }
                Err(error) if done == 0 => return Err(error),
                Err(_) => break,
            }
        }
        stamp(f, Stamp::Written);
        Ok(done)
    }

    fn poll(&self, _f: &File, _c: &Caller, watch: Option<&mut Watch>) -> PollEvents {
        if let Some(watch) = watch {
            watch.add(&self.wire.changed, 0);
        }
        if self.is_dead() { DEAD } else { self.wire.events() }
    }

    fn ioctl(&self, f: &File, c: &Caller, cmd: u32, arg: u64) -> Result<i64> {
        if self.is_dead() {
            return Err(crate::tty::file::dead_ioctl(cmd));
        }
        self.command(f, c, cmd, arg)
    }
}

/// The slave's node goes, and who has the slave open is cut off.
impl Drop for Master {
    fn drop(&mut self) {
        self.wire.close_master();
        self.node.remove_slave(self.number);
        self.slave.hang_up(false);
        self.slave.leave();
    }
}
