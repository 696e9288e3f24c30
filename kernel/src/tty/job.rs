//! Job control: what terminals ask of processes, and the rules for background processes.
//!
//! Processes stand above terminals; they implement [`JobControl`]. Groups and sessions are named
//! by their numbers, 0 being none. Sources: credentials(7), `drivers/tty/tty_jobctrl.c`.

use abi::errno::{EIO, EPERM, ERESTARTSYS, Result};
use abi::signal::{SIGCONT, SIGHUP, SIGTTIN, SIGTTOU};
use alloc::sync::Arc;

use super::tty::Tty;

/// The calling process, as terminals see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its process group.
    pub group: i32,
    /// Its session.
    pub session: i32,
    /// It leads its session.
    pub leads_session: bool,
    /// Nobody could continue its group if that stopped (`is_current_pgrp_orphaned`).
    pub orphaned: bool,
}

/// What terminals ask of processes. No lock of a terminal is held when these are called, and none
/// of them sleeps.
pub trait JobControl: Send + Sync {
    /// The calling process. `None` for the kernel's own threads.
    fn caller(&self) -> Option<Job>;

    /// Whether the calling thread blocks `signal` or its process ignores it (`is_ignored`).
    fn shields(&self, signal: u32) -> bool;

    /// The calling process's controlling terminal.
    fn terminal(&self) -> Option<Arc<Tty>>;

    /// Gives the calling process a controlling terminal, which its children inherit, or takes
    /// it away.
    fn set_terminal(&self, tty: Option<Arc<Tty>>);

    /// The session of a process group; as Linux's `session_of_pgrp`, also of a process that leads
    /// no group. `None` if there is neither.
    fn session_of(&self, group: i32) -> Option<i32>;

    /// Sends a signal from the kernel to every process of a group.
    fn signal_group(&self, group: i32, signal: u32);

    /// Tells the leader of a session, if it is still there, that its terminal is gone (`SIGHUP`
    /// and `SIGCONT`). When it exits, `foreground` is to be told.
    fn hang_up_leader(&self, session: i32, foreground: i32);

    /// No process of the session has a controlling terminal any more (`session_clear_tty`).
    fn clear_terminals(&self, session: i32);
}

/// Whose terminal it is. Part of a terminal's state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// The session that it controls; 0: none.
    pub session: i32,
    /// The foreground process group; 0: none.
    pub foreground: i32,
}

impl Tty {
    /// Is this the calling process's controlling terminal?
    pub fn is_terminal_of_caller(&self) -> bool {
        self.jobs().terminal().is_some_and(|tty| core::ptr::eq(&*tty, self))
    }

    /// May the calling process use its controlling terminal in a way for which a background one
    /// gets `signal` (`__tty_check_change`)? `EIO` if it cannot be stopped; `ERESTARTSYS` if it
    /// now is.
    pub fn check_foreground(&self, signal: u32) -> Result<()> {
        let Some(job) = self.jobs().caller() else { return Ok(()) };
        let foreground = self.owner().foreground;
        if foreground == 0 || foreground == job.group || !self.is_terminal_of_caller() {
            return Ok(());
        }
        if self.jobs().shields(signal) {
            return if signal == SIGTTIN { Err(EIO) } else { Ok(()) };
        }
        if job.orphaned {
            return Err(EIO);
        }
        self.jobs().signal_group(job.group, signal);
        Err(ERESTARTSYS)
    }

    /// The check before settings change (`tty_check_change`).
    pub fn check_change(&self) -> Result<()> {
        self.check_foreground(SIGTTOU)
    }

    /// A session leader without a terminal that opens one gets it, if it is free
    /// (`tty_open_proc_set_tty`).
    pub fn acquire_by_open(self: &Arc<Self>) {
        let Some(job) = self.jobs().caller() else { return };
        if job.leads_session && self.jobs().terminal().is_none() {
            self.acquire(job);
        }
    }

    /// `TIOCSCTTY`: makes this the caller's controlling terminal. `steal`: even if it is
    /// another session's.
    pub fn acquire_by_ioctl(
        self: &Arc<Self>,
        readable: bool,
        admin: bool,
        steal: bool,
    ) -> Result<()> {
        let job = self.jobs().caller().ok_or(EPERM)?;
        let session = self.owner().session;
        if job.leads_session && session == job.session {
            return Ok(());
        }
        if !job.leads_session || self.jobs().terminal().is_some() {
            return Err(EPERM);
        }
        if session != 0 {
            if !(steal && admin) {
                return Err(EPERM);
            }
            self.jobs().clear_terminals(session);
            self.disown(session);
        }
        if !readable && !admin {
            return Err(EPERM);
        }
        if self.acquire(job) { Ok(()) } else { Err(EPERM) }
    }

    fn acquire(self: &Arc<Self>, job: Job) -> bool {
        let taken = self.take_ownership(Owner { session: job.session, foreground: job.group });
        if taken {
            self.jobs().set_terminal(Some(self.clone()));
        }
        taken
    }

    /// `TIOCNOTTY`: the calling process gives the terminal up (`disassociate_ctty(0)`). A leader
    /// frees it and tells the foreground group.
    pub fn release(&self) {
        let Some(job) = self.jobs().caller() else { return };
        if job.leads_session {
            self.signal_foreground(SIGHUP);
            self.signal_foreground(SIGCONT);
            self.free(job.session);
        }
        self.jobs().set_terminal(None);
    }

    /// The leader of `session` exits (`disassociate_ctty(1)`): a pseudoterminal is free, and its
    /// foreground group told; any other terminal is hung up.
    pub fn leader_exits(&self, session: i32) {
        if self.driver().is_pty() {
            self.signal_foreground(SIGHUP);
            self.free(session);
        } else {
            self.hang_up(true);
        }
    }

    /// It is no longer the terminal of `session`.
    fn free(&self, session: i32) {
        self.disown(session);
        self.jobs().clear_terminals(session);
    }

    /// Sends a signal to the foreground group.
    pub(super) fn signal_foreground(&self, signal: u32) {
        let foreground = self.owner().foreground;
        if foreground != 0 {
            self.jobs().signal_group(foreground, signal);
        }
    }

    /// The line is gone: whoever has the terminal open loses it, and its session is told
    /// (`__tty_hangup`). `leader_exits`: the reason is that the leader of the session exits, and
    /// the foreground group is told, too.
    pub fn hang_up(&self, leader_exits: bool) {
        let owner = self.cut_off();
        if owner.session != 0 {
            self.jobs().hang_up_leader(owner.session, owner.foreground);
            if leader_exits && owner.foreground != 0 {
                self.jobs().signal_group(owner.foreground, SIGHUP);
            }
            self.jobs().clear_terminals(owner.session);
        }
    }
}
