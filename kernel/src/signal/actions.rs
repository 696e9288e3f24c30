//! [`Actions`]: what a process does with each signal (`struct sighand_struct`).

use abi::signal::{
    DefaultAction, NSIG, SIG_DFL, SIG_IGN, SIGCHLD, SaFlags, SigAction, SigSet, default_action,
};

/// What happens when a signal is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Nothing.
    Ignore,
    /// The process ends; `true`: with a core dump.
    Terminate(bool),
    /// The process stops.
    Stop,
    /// A handler runs.
    Handle,
}

/// The actions of a process, one for each signal.
#[derive(Clone, Debug)]
pub struct Actions([SigAction; NSIG as usize]);

const DEFAULT: SigAction = SigAction {
    sa_handler: SIG_DFL,
    sa_flags: SaFlags::EMPTY,
    sa_restorer: 0,
    sa_mask: SigSet::EMPTY,
};

impl Default for Actions {
    fn default() -> Self {
        Self([DEFAULT; NSIG as usize])
    }
}

impl Actions {
    /// The action for `sig`, a number from 1 to 64.
    pub fn get(&self, sig: u32) -> SigAction {
        self.0.get(sig.wrapping_sub(1) as usize).copied().unwrap_or(DEFAULT)
    }

    /// Sets the action for `sig`.
    pub fn set(&mut self, sig: u32, mut action: SigAction) {
        action.sa_mask = SigSet(action.sa_mask.bits() & !SigSet::UNBLOCKABLE.bits());
        if let Some(slot) = self.0.get_mut(sig.wrapping_sub(1) as usize) {
            *slot = action;
        }
    }

    /// What delivering `sig` means.
    pub fn disposition(&self, sig: u32) -> Disposition {
        match self.get(sig).sa_handler {
            SIG_IGN => Disposition::Ignore,
            SIG_DFL => match default_action(sig) {
                DefaultAction::Ignore | DefaultAction::Continue => Disposition::Ignore,
                DefaultAction::Term => Disposition::Terminate(false),
                DefaultAction::Core => Disposition::Terminate(true),
                DefaultAction::Stop => Disposition::Stop,
            },
            _ => Disposition::Handle,
        }
    }

    /// Is `sig` thrown away when it is sent (`sig_ignored`)? Not while it is blocked.
    pub fn ignored(&self, sig: u32) -> bool {
        self.disposition(sig) == Disposition::Ignore
    }

    /// execve and `CLONE_CLEAR_SIGHAND`: handlers are gone, what is ignored stays ignored.
    pub fn reset_handlers(&mut self) {
        for action in &mut self.0 {
            let handler = if action.sa_handler == SIG_IGN { SIG_IGN } else { SIG_DFL };
            *action = SigAction { sa_handler: handler, ..DEFAULT };
        }
    }

    /// Does the parent want no zombies (`SIG_IGN` or `SA_NOCLDWAIT` for SIGCHLD)?
    pub fn reaps_itself(&self) -> bool {
        let action = self.get(SIGCHLD);
        action.sa_handler == SIG_IGN || action.sa_flags.has(SaFlags::NOCLDWAIT)
    }

    /// Does the parent want no SIGCHLD at all?
    pub fn ignores_children(&self) -> bool {
        self.get(SIGCHLD).sa_handler == SIG_IGN
    }

    /// The signals with handlers and the ignored ones (`SigCgt` and `SigIgn` of /proc/PID/status).
    pub fn caught_and_ignored(&self) -> (SigSet, SigSet) {
        let (mut caught, mut ignored) = (SigSet::EMPTY, SigSet::EMPTY);
        for (sig, action) in (1..).zip(&self.0) {
            match action.sa_handler {
                SIG_DFL => {}
                SIG_IGN => ignored.insert(sig),
                _ => caught.insert(sig),
            }
        }
        (caught, ignored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use abi::signal::{SIGKILL, SIGSEGV, SIGTERM, SIGTSTP};

    #[test]
    fn defaults_are_those_of_signal_7() {
        let a = Actions::default();
        assert_eq!(a.disposition(SIGTERM), Disposition::Terminate(false));
        assert_eq!(a.disposition(SIGSEGV), Disposition::Terminate(true));
        assert_eq!(a.disposition(SIGTSTP), Disposition::Stop);
        assert!(a.ignored(SIGCHLD) && !a.reaps_itself());
    }

    #[test]
    fn exec_keeps_what_is_ignored() {
        let mut a = Actions::default();
        a.set(SIGTERM, SigAction { sa_handler: SIG_IGN, ..DEFAULT });
        a.set(SIGSEGV, SigAction { sa_handler: 0x1000, sa_mask: SigSet::FULL, ..DEFAULT });
        assert!(!a.get(SIGSEGV).sa_mask.has(SIGKILL));
        a.reset_handlers();
        assert!(a.ignored(SIGTERM));
        assert_eq!(a.disposition(SIGSEGV), Disposition::Terminate(true));
    }
}
