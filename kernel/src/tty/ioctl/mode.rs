//! Terminal settings by ioctl(2), in all the structures that Linux takes (`tty_mode_ioctl`).

use abi::errno::{EINVAL, ENOTTY, EPERM, Result};
use abi::process::CAP_SYS_ADMIN;
use abi::tty::*;

use super::{get, put};
use crate::fs::Caller;
use crate::tty::Tty;
use crate::tty::termios::{self, Settings};

/// When new settings take effect (tcsetattr(3)).
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    Now,
    /// After what was written is sent.
    Drained,
    /// The same, and unread input is void.
    Flushed,
}

impl Tty {
    /// One of these commands; `ENOTTY` for any other.
    pub(super) fn mode_command(&self, c: &Caller, cmd: u32, arg: u64) -> Result<i64> {
        match cmd {
            TCGETS => put(c, arg, &termios::to_termios(&self.settings())),
            TCGETS2 => put(c, arg, &self.settings()),
            TCGETA => put(c, arg, &termios::to_termio(&self.settings())),
            TCSETS => self.set_termios(c, arg, When::Now),
            TCSETSW => self.set_termios(c, arg, When::Drained),
            TCSETSF => self.set_termios(c, arg, When::Flushed),
            TCSETS2 => self.set_termios2(c, arg, When::Now),
            TCSETSW2 => self.set_termios2(c, arg, When::Drained),
            TCSETSF2 => self.set_termios2(c, arg, When::Flushed),
            TCSETA => self.set_termio(c, arg, When::Now),
            TCSETAW => self.set_termio(c, arg, When::Drained),
            TCSETAF => self.set_termio(c, arg, When::Flushed),

            TIOCGLCKTRMIOS => {
                let locked = self.state().locked;
                put(c, arg, &termios::to_termios(&locked))
            }
            TIOCSLCKTRMIOS => {
                if !c.cred.capable(CAP_SYS_ADMIN) {
                    return Err(EPERM);
                }
                let new = get::<Termios>(c, arg)?;
                let mut state = self.state();
                state.locked = termios::from_termios(&new, &state.settings);
                Ok(0)
            }
            TIOCGSOFTCAR => {
                let local = self.settings().c_cflag.has(ControlFlags::CLOCAL);
                put(c, arg, &i32::from(local))
            }
            TIOCSSOFTCAR => self.set_soft_carrier(get::<i32>(c, arg)? != 0),
            _ => Err(ENOTTY),
        }
    }

    fn settings(&self) -> Settings {
        self.state().settings
    }

    fn set_termios(&self, c: &Caller, arg: u64, when: When) -> Result<i64> {
        self.check_change()?;
        let new = get::<Termios>(c, arg)?;
        self.change(when, |old| termios::from_termios(&new, old))
    }

    fn set_termios2(&self, c: &Caller, arg: u64, when: When) -> Result<i64> {
        self.check_change()?;
        let new = get::<Termios2>(c, arg)?;
        self.change(when, |_| termios::settle_speeds(new))
    }

    fn set_termio(&self, c: &Caller, arg: u64, when: When) -> Result<i64> {
        self.check_change()?;
        let new = get::<Termio>(c, arg)?;
        self.change(when, |old| termios::from_termio(&new, old))
    }

    fn change(&self, when: When, new: impl FnOnce(&Settings) -> Settings) -> Result<i64> {
        if when != When::Now {
            if when == When::Flushed {
                self.flush_input();
            }
            self.wait_until_sent()?;
        }
        {
            let mut state = self.state();
            let old = state.settings;
            let new = termios::keep_locked(new(&old), &old, &state.locked);
            state.settings = self.driver().settle(new, &old);
            let (new, was_stopped) = (state.settings, state.ldisc.sending().is_stopped());
            state.ldisc.settings_changed(&old, &new);
            state.tell_flow(was_stopped, self.driver());
            state.send(self.driver());
        }
        // What the driver holds may now be taken in, and be enough for a reader.
        self.pump();
        Ok(0)
    }

    /// `CLOCAL` alone. `EINVAL` if the driver does not let it change.
    fn set_soft_carrier(&self, local: bool) -> Result<i64> {
        let mut state = self.state();
        let old = state.settings;
        let mut new = old;
        new.c_cflag = old.c_cflag.without(ControlFlags::CLOCAL);
        if local {
            new.c_cflag |= ControlFlags::CLOCAL;
        }
        state.settings = self.driver().settle(new, &old);
        if state.settings.c_cflag.has(ControlFlags::CLOCAL) == local { Ok(0) } else { Err(EINVAL) }
    }
}
