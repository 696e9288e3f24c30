//! Sessions and foreground groups by ioctl(2) (`tty_jobctrl_ioctl`).

use abi::errno::{EINVAL, EIO, ENOTTY, EPERM, ESRCH, Result};
use abi::process::CAP_SYS_ADMIN;
use abi::tty::{TIOCGPGRP, TIOCGSID, TIOCSCTTY, TIOCSPGRP};
use alloc::sync::Arc;

use super::{get, put};
use crate::fs::{Caller, File};
use crate::tty::Tty;
use crate::tty::job::Owner;

impl Tty {
    /// One of these commands; the last possible is `TIOCNOTTY`.
    pub(super) fn job_command(
        self: &Arc<Self>,
        f: &File,
        c: &Caller,
        cmd: u32,
        arg: u64,
        by_master: bool,
    ) -> Result<i64> {
        match cmd {
            TIOCGPGRP => put(c, arg, &self.seen_owner(by_master)?.foreground),
            TIOCSPGRP => self.set_foreground_by_ioctl(c, arg),
            TIOCGSID => match self.seen_owner(by_master)?.session {
                0 => Err(ENOTTY),
                session => put(c, arg, &session),
            },
            TIOCSCTTY => {
                let admin = c.cred.capable(CAP_SYS_ADMIN);
                self.acquire_by_ioctl(f.readable(), admin, arg == 1).map(|()| 0)
            }
            _ if by_master => Err(ENOTTY),
            _ => {
                self.seen_owner(false)?;
                self.release();
                Ok(0)
            }
        }
    }

    /// Whose terminal it is, for one who may know: a process whose controlling terminal it is, or
    /// who holds the other end. Else `ENOTTY`.
    fn seen_owner(&self, by_master: bool) -> Result<Owner> {
        if by_master || self.is_terminal_of_caller() { Ok(self.owner()) } else { Err(ENOTTY) }
    }

    /// tcsetpgrp(3).
    fn set_foreground_by_ioctl(&self, c: &Caller, arg: u64) -> Result<i64> {
        self.check_change().map_err(|error| if error == EIO { ENOTTY } else { error })?;
        let group = get::<i32>(c, arg)?;
        if group < 0 {
            return Err(EINVAL);
        }
        let job = self.jobs().caller().ok_or(ENOTTY)?;
        if self.seen_owner(false)?.session != job.session {
            return Err(ENOTTY);
        }
        if self.jobs().session_of(group).ok_or(ESRCH)? != job.session {
            return Err(EPERM);
        }
        if self.set_foreground(job.session, group) { Ok(0) } else { Err(ENOTTY) }
    }
}
