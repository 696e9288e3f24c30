//! ioctl(2) on terminals: ioctl_tty(2), `drivers/tty/tty_io.c`, `tty_ioctl.c`, `tty_jobctrl.c`.

use abi::Wire;
use abi::errno::{EFAULT, EINVAL, ENOTTY, EPERM, ERESTARTSYS, ESRCH, Result};
use abi::process::CAP_SYS_ADMIN;
use abi::tty::*;

use super::file::Terminal;
use super::termios::{self, Settings};
use crate::fs::{Caller, File};
use crate::mm::user::{UserIn, UserOut};
use crate::wait::Pause;

/// When new settings take effect (tcsetattr(3)).
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    Now,
    /// After what was written is sent.
    Drained,
    /// The same, and unread input is void.
    Flushed,
}

fn get<T: Wire>(c: &Caller, arg: u64) -> Result<T> {
    UserIn::<T>::new(arg).read(c.space.ok_or(EFAULT)?)
}

fn put<T: Wire>(c: &Caller, arg: u64, value: &T) -> Result<i64> {
    UserOut::<T>::new(arg).write(c.space.ok_or(EFAULT)?, value).map(|()| 0)
}

impl Terminal {
    /// One command. `ENOTTY` if terminals do not know it.
    pub(super) fn command(&self, f: &File, c: &Caller, cmd: u32, arg: u64) -> Result<i64> {
        let tty = &self.tty;
        let admin = c.cred.capable(CAP_SYS_ADMIN);
        match cmd {
            TCGETS => put(c, arg, &termios::to_termios(&self.settings())),
            TCGETS2 => put(c, arg, &self.settings()),
            TCSETS => self.set_termios(c, arg, When::Now),
            TCSETSW => self.set_termios(c, arg, When::Drained),
            TCSETSF => self.set_termios(c, arg, When::Flushed),
            TCSETS2 => self.set_termios2(c, arg, When::Now),
            TCSETSW2 => self.set_termios2(c, arg, When::Drained),
            TCSETSF2 => self.set_termios2(c, arg, When::Flushed),

            TIOCGWINSZ => {
                // Copied first: no lock may be held while user memory is written.
                let size = tty.state().size;
                put(c, arg, &size)
            }
            TIOCGSERIAL => put(c, arg, &tty.driver().serial().ok_or(ENOTTY)?),
            TIOCSWINSZ => {
                tty.resize(get(c, arg)?);
                Ok(0)
            }

            TIOCINQ => put(c, arg, &self.count(|state| state.ldisc.unread(&state.settings))),
            TIOCOUTQ => put(c, arg, &self.count(|state| state.ldisc.sending().len())),
            TCFLSH => self.flush(arg),
            TCXONC => self.flow(arg),
            // The wire carries no breaks: what is left of these is to wait until all is sent.
            TCSBRK | TCSBRKP | TIOCSBRK => {
                tty.check_change()?;
                self.wait_until_sent()
            }
            TIOCCBRK => tty.check_change().map(|()| 0),

            TIOCGPGRP => put(c, arg, &self.owner_of_caller()?.foreground),
            TIOCSPGRP => self.set_foreground(c, arg),
            TIOCGSID => match self.owner_of_caller()?.session {
                0 => Err(ENOTTY),
                session => put(c, arg, &session),
            },
            TIOCSCTTY => tty.acquire_by_ioctl(f.readable(), admin, arg == 1).map(|()| 0),
            TIOCNOTTY => {
                self.owner_of_caller()?;
                tty.release();
                Ok(0)
            }

            TIOCEXCL => self.set_exclusive(true),
            TIOCNXCL => self.set_exclusive(false),
            TIOCGEXCL => {
                let exclusive = tty.state().exclusive;
                put(c, arg, &i32::from(exclusive))
            }
            TIOCGETD => put(c, arg, &i32::from(N_TTY)),
            TIOCSETD => {
                tty.check_change()?;
                // No other line discipline is there.
                if get::<i32>(c, arg)? == i32::from(N_TTY) { Ok(0) } else { Err(EINVAL) }
            }
            TIOCGDEV => put(c, arg, &(tty.dev() as u32)),
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
            _ => Err(ENOTTY),
        }
    }

    fn settings(&self) -> Settings {
        self.tty.state().settings
    }

    /// A number of bytes as these commands give it.
    fn count(&self, of: impl FnOnce(&super::tty::State) -> usize) -> i32 {
        i32::try_from(of(&self.tty.state())).unwrap_or(i32::MAX)
    }

    fn set_termios(&self, c: &Caller, arg: u64, when: When) -> Result<i64> {
        self.tty.check_change()?;
        let new = get::<Termios>(c, arg)?;
        self.change(when, |old| termios::from_termios(&new, old))
    }

    fn set_termios2(&self, c: &Caller, arg: u64, when: When) -> Result<i64> {
        self.tty.check_change()?;
        let new = get::<Termios2>(c, arg)?;
        self.change(when, |_| termios::settle_speeds(new))
    }

    fn change(&self, when: When, new: impl FnOnce(&Settings) -> Settings) -> Result<i64> {
        if when != When::Now {
            if when == When::Flushed {
                self.flush_input();
            }
            self.wait_until_sent()?;
        }
        {
            let mut state = self.tty.state();
            let old = state.settings;
            let new = self.tty.driver().settle(new(&old), &old);
            state.settings = new;
            state.ldisc.settings_changed(&old, &new);
            state.send(self.tty.driver());
        }
        // What the driver holds may now be taken in, and be enough for a reader.
        self.tty.pump();
        Ok(0)
    }

    /// tcdrain(3): sleeps until all is sent, which `^S` may delay for ever.
    fn wait_until_sent(&self) -> Result<i64> {
        let sent = || (self.tty.state().ldisc.sending().len() == 0).then_some(0);
        self.tty.changed.wait(Pause::INTERRUPTIBLE, sent).map_err(|_| ERESTARTSYS)
    }

    fn flush_input(&self) {
        {
            // Under the lock, so that no byte slips from one to the other.
            let mut state = self.tty.state();
            self.tty.driver().flush_received();
            state.ldisc.flush_input();
            state.regulate(self.tty.driver());
        }
        self.tty.wake();
    }

    /// tcflush(3).
    fn flush(&self, what: u64) -> Result<i64> {
        self.tty.check_change()?;
        let what = u32::try_from(what).map_err(|_| EINVAL)?;
        if !matches!(what, TCIFLUSH | TCOFLUSH | TCIOFLUSH) {
            return Err(EINVAL);
        }
        if what != TCOFLUSH {
            self.flush_input();
        }
        if what != TCIFLUSH {
            self.tty.state().ldisc.output().flush();
            self.tty.wake();
        }
        Ok(0)
    }

    /// tcflow(3).
    fn flow(&self, what: u64) -> Result<i64> {
        self.tty.check_change()?;
        {
            let mut state = self.tty.state();
            let settings = state.settings;
            let place = match u32::try_from(what) {
                Ok(TCOOFF | TCOON) => {
                    state.ldisc.output().hold(what == u64::from(TCOOFF));
                    state.send(self.tty.driver());
                    None
                }
                Ok(TCIOFF) => Some(VSTOP),
                Ok(TCION) => Some(VSTART),
                _ => return Err(EINVAL),
            };
            let byte = place.map(|place| settings.c_cc[place]);
            if let Some(byte) = byte.filter(|&byte| byte != POSIX_VDISABLE) {
                self.tty.driver().send(&[byte]);
            }
        }
        self.tty.wake();
        Ok(0)
    }

    fn set_exclusive(&self, on: bool) -> Result<i64> {
        self.tty.state().exclusive = on;
        Ok(0)
    }

    /// Whose terminal it is, if it is the caller's controlling terminal; else `ENOTTY`.
    fn owner_of_caller(&self) -> Result<super::job::Owner> {
        if self.tty.is_terminal_of_caller() { Ok(self.tty.owner()) } else { Err(ENOTTY) }
    }

    /// tcsetpgrp(3).
    fn set_foreground(&self, c: &Caller, arg: u64) -> Result<i64> {
        let tty = &self.tty;
        tty.check_change().map_err(|error| match error {
            ERESTARTSYS => ERESTARTSYS,
            _ => ENOTTY,
        })?;
        let group = get::<i32>(c, arg)?;
        if group < 0 {
            return Err(EINVAL);
        }
        let job = tty.jobs().caller().ok_or(ENOTTY)?;
        if self.owner_of_caller()?.session != job.session {
            return Err(ENOTTY);
        }
        if tty.jobs().session_of(group).ok_or(ESRCH)? != job.session {
            return Err(EPERM);
        }
        if tty.set_foreground(job.session, group) { Ok(0) } else { Err(ENOTTY) }
    }
}
