//! ioctl(2) on terminals: ioctl_tty(2), `drivers/tty/tty_io.c`, `tty_ioctl.c`.
//!
//! What a pseudoterminal's master passes on to its slave is in [`Tty::shared_command`]: settings
//! are in `mode`, sessions and groups in `jobs`.

mod jobs;
mod mode;

use abi::Wire;
use abi::errno::{EFAULT, EINTR, EINVAL, EIO, ENOTTY, EPERM, ERESTARTSYS, Result};
use abi::process::CAP_SYS_ADMIN;
use abi::tty::*;
use alloc::sync::Arc;

use super::file::Terminal;
use super::{State, Tty};
use crate::fs::{Caller, File};
use crate::mm::user::{UserIn, UserOut};
use crate::wait::Pause;

pub(super) fn get<T: Wire>(c: &Caller, arg: u64) -> Result<T> {
    UserIn::<T>::new(arg).read(c.space.ok_or(EFAULT)?)
}

pub(super) fn put<T: Wire>(c: &Caller, arg: u64, value: &T) -> Result<i64> {
    UserOut::<T>::new(arg).write(c.space.ok_or(EFAULT)?, value).map(|()| 0)
}

impl Terminal {
    /// One command. `ENOTTY` if terminals do not know it.
    pub(super) fn command(&self, f: &File, c: &Caller, cmd: u32, arg: u64) -> Result<i64> {
        let tty = &self.tty;
        let admin = c.cred.capable(CAP_SYS_ADMIN);
        match cmd {
            TIOCINQ => put(c, arg, &self.count(|state| state.ldisc.unread(&state.settings))),
            TIOCOUTQ => put(c, arg, &self.count(|state| state.unsent(tty.driver()))),
            TCFLSH => self.flush(arg),
            TCXONC => self.flow(arg),
            // The wire carries no breaks: what is left of these is to wait until all is sent.
            TCSBRK | TCSBRKP | TIOCSBRK => {
                tty.check_change()?;
                tty.wait_until_sent().map_err(|_| EINTR)
            }
            TIOCCBRK => tty.check_change().map(|()| 0),

            TIOCEXCL => self.set_exclusive(true),
            TIOCNXCL => self.set_exclusive(false),
            TIOCGEXCL => {
                let exclusive = tty.state().exclusive;
                put(c, arg, &i32::from(exclusive))
            }
            TIOCGETD => put(c, arg, &i32::from(N_TTY)),
            TIOCSETD => {
                tty.check_change()?;
                tty.wait_until_sent().map_err(|_| EINTR)?;
                // No other line discipline is there.
                if get::<i32>(c, arg)? == i32::from(N_TTY) { Ok(0) } else { Err(EINVAL) }
            }
            // Only a master has a peer.
            TIOCGPTPEER => Err(EIO),
            TIOCGSERIAL => put(c, arg, &tty.driver().serial().ok_or(ENOTTY)?),
            TIOCMGET => put(c, arg, &tty.driver().modem().ok_or(ENOTTY)?),
            TIOCMSET | TIOCMBIS | TIOCMBIC => {
                tty.driver().modem().ok_or(ENOTTY)?;
                let lines = get::<u32>(c, arg)?;
                let (on, off) = match cmd {
                    TIOCMSET => (lines, !lines),
                    TIOCMBIS => (lines, 0),
                    _ => (0, lines),
                };
                let _in_turn = tty.state();
                tty.driver().set_modem(on, off);
                Ok(0)
            }
            TIOCSTI => {
                if !tty.is_terminal_of_caller() && !admin {
                    return Err(EPERM);
                }
                tty.inject(get(c, arg)?);
                Ok(0)
            }
            TIOCVHANGUP => {
                if !admin {
                    return Err(EPERM);
                }
                tty.hang_up(false);
                Ok(0)
            }
            _ => tty.shared_command(f, c, cmd, arg, false),
        }
    }

    /// A number of bytes as these commands give it.
    fn count(&self, of: impl FnOnce(&State) -> usize) -> i32 {
        i32::try_from(of(&self.tty.state())).unwrap_or(i32::MAX)
    }

    /// tcflush(3).
    fn flush(&self, what: u64) -> Result<i64> {
        let tty = &self.tty;
        tty.check_change()?;
        let what = u32::try_from(what).map_err(|_| EINVAL)?;
        if !matches!(what, TCIFLUSH | TCOFLUSH | TCIOFLUSH) {
            return Err(EINVAL);
        }
        if what != TCOFLUSH {
            tty.flush_input();
        }
        if what != TCIFLUSH {
            {
                let mut state = tty.state();
                state.ldisc.output().flush();
                tty.driver().flush_sent();
            }
            tty.wake();
        }
        Ok(0)
    }

    /// tcflow(3).
    fn flow(&self, what: u64) -> Result<i64> {
        let tty = &self.tty;
        tty.check_change()?;
        {
            let mut state = tty.state();
            let settings = state.settings;
            let place = match u32::try_from(what) {
                Ok(TCOOFF | TCOON) => {
                    let was_stopped = state.ldisc.sending().is_stopped();
                    state.ldisc.output().hold(what == u64::from(TCOOFF));
                    state.tell_flow(was_stopped, tty.driver());
                    state.send(tty.driver());
                    None
                }
                Ok(TCIOFF) => Some(VSTOP),
                Ok(TCION) => Some(VSTART),
                _ => return Err(EINVAL),
            };
            let byte = place.map(|place| settings.c_cc[place]);
            if let Some(byte) = byte.filter(|&byte| byte != POSIX_VDISABLE) {
                tty.driver().send(&[byte]);
            }
        }
        tty.wake();
        Ok(0)
    }

    fn set_exclusive(&self, on: bool) -> Result<i64> {
        self.tty.state().exclusive = on;
        Ok(0)
    }
}

impl Tty {
    /// A command that means the same on both ends of a pseudoterminal, where it acts on the slave.
    /// `by_master`: it came from the other end.
    pub(super) fn shared_command(
        self: &Arc<Self>,
        f: &File,
        c: &Caller,
        cmd: u32,
        arg: u64,
        by_master: bool,
    ) -> Result<i64> {
        match cmd {
            TIOCGWINSZ => {
                // Copied first: no lock may be held while user memory is written.
                let size = self.state().size;
                put(c, arg, &size)
            }
            TIOCSWINSZ => {
                self.resize(get(c, arg)?);
                Ok(0)
            }
            TIOCGDEV => put(c, arg, &(self.dev() as u32)),
            TIOCGPGRP | TIOCSPGRP | TIOCGSID | TIOCSCTTY | TIOCNOTTY => {
                self.job_command(f, c, cmd, arg, by_master)
            }
            _ => self.mode_command(c, cmd, arg),
        }
    }

    /// tcdrain(3): sleeps until all is sent, which `^S` may delay for ever.
    fn wait_until_sent(&self) -> Result<i64> {
        let sent = || (self.state().unsent(self.driver()) == 0).then_some(0);
        self.changed.wait(Pause::INTERRUPTIBLE, sent).map_err(|_| ERESTARTSYS)
    }

    fn flush_input(&self) {
        {
            // Under the lock, so that no byte slips from one to the other.
            let mut state = self.state();
            self.driver().flush_received();
            state.ldisc.flush_input();
            self.driver().input_flushed();
            state.regulate(self.driver());
        }
        self.wake();
    }
}
