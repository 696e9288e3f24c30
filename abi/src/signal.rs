//! Signals: numbers, sets, actions, siginfo (`asm/signal.h`, `asm-generic/siginfo.h`, signal(7)).
//!
//! What a handler finds on its stack is in [`crate::signal::frame`].

pub mod frame;
mod siginfo;

pub use siginfo::Siginfo;

/// Signals there are, 1 to 64.
pub const NSIG: u32 = 64;
/// First real-time signal, as the kernel counts (the C library keeps some for itself).
pub const SIGRTMIN: u32 = 32;
/// Last real-time signal.
pub const SIGRTMAX: u32 = NSIG;
/// Bytes in a signal set, as `rt_sig*` calls demand them.
pub const SIGSET_SIZE: usize = 8;

consts! {
    /// The signals with names of their own.
    pub SIG_NAMES: u32 {
        SIGHUP = 1, SIGINT = 2, SIGQUIT = 3, SIGILL = 4, SIGTRAP = 5, SIGABRT = 6, SIGIOT = 6,
        SIGBUS = 7, SIGFPE = 8, SIGKILL = 9, SIGUSR1 = 10, SIGSEGV = 11, SIGUSR2 = 12,
        SIGPIPE = 13, SIGALRM = 14, SIGTERM = 15, SIGSTKFLT = 16, SIGCHLD = 17, SIGCONT = 18,
        SIGSTOP = 19, SIGTSTP = 20, SIGTTIN = 21, SIGTTOU = 22, SIGURG = 23, SIGXCPU = 24,
        SIGXFSZ = 25, SIGVTALRM = 26, SIGPROF = 27, SIGWINCH = 28, SIGIO = 29, SIGPOLL = 29,
        SIGPWR = 30, SIGSYS = 31,
    }

    /// What sigprocmask(2) does with a set.
    pub SIG_HOW_NAMES: u32 { SIG_BLOCK = 0, SIG_UNBLOCK = 1, SIG_SETMASK = 2 }

    /// Handlers that are none.
    pub SIG_HANDLER_NAMES: u64 { SIG_DFL = 0, SIG_IGN = 1 }

    /// Where a signal comes from, `si_code`; positive ones are the kernel's.
    pub SI_NAMES: i32 {
        SI_USER = 0, SI_KERNEL = 0x80, SI_QUEUE = -1, SI_TIMER = -2, SI_MESGQ = -3,
        SI_ASYNCIO = -4, SI_SIGIO = -5, SI_TKILL = -6, SI_DETHREAD = -7, SI_ASYNCNL = -60,
    }

    /// `si_code` of `SIGILL`.
    pub ILL_NAMES: i32 {
        ILL_ILLOPC = 1, ILL_ILLOPN = 2, ILL_ILLADR = 3, ILL_ILLTRP = 4, ILL_PRVOPC = 5,
        ILL_PRVREG = 6, ILL_COPROC = 7, ILL_BADSTK = 8,
    }

    /// `si_code` of `SIGFPE`.
    pub FPE_NAMES: i32 {
        FPE_INTDIV = 1, FPE_INTOVF = 2, FPE_FLTDIV = 3, FPE_FLTOVF = 4, FPE_FLTUND = 5,
        FPE_FLTRES = 6, FPE_FLTINV = 7, FPE_FLTSUB = 8, FPE_FLTUNK = 14, FPE_CONDTRAP = 15,
    }

    /// `si_code` of `SIGSEGV`.
    pub SEGV_NAMES: i32 { SEGV_MAPERR = 1, SEGV_ACCERR = 2, SEGV_BNDERR = 3, SEGV_PKUERR = 4 }

    /// `si_code` of `SIGBUS`.
    pub BUS_NAMES: i32 {
        BUS_ADRALN = 1, BUS_ADRERR = 2, BUS_OBJERR = 3, BUS_MCEERR_AR = 4, BUS_MCEERR_AO = 5,
    }

    /// `si_code` of `SIGTRAP`.
    pub TRAP_NAMES: i32 {
        TRAP_BRKPT = 1, TRAP_TRACE = 2, TRAP_BRANCH = 3, TRAP_HWBKPT = 4, TRAP_UNK = 5,
        TRAP_PERF = 6,
    }

    /// `si_code` of `SIGCHLD`.
    pub CLD_NAMES: i32 {
        CLD_EXITED = 1, CLD_KILLED = 2, CLD_DUMPED = 3, CLD_TRAPPED = 4, CLD_STOPPED = 5,
        CLD_CONTINUED = 6,
    }

    /// `si_code` of `SIGIO`.
    pub POLL_NAMES: i32 {
        POLL_IN = 1, POLL_OUT = 2, POLL_MSG = 3, POLL_ERR = 4, POLL_PRI = 5, POLL_HUP = 6,
    }

    /// `si_code` of `SIGSYS`.
    pub SYS_NAMES: i32 { SYS_SECCOMP = 1, SYS_USER_DISPATCH = 2 }

    /// How timer_create(2) tells, `sigev_notify`.
    pub SIGEV_NAMES: i32 {
        SIGEV_SIGNAL = 0, SIGEV_NONE = 1, SIGEV_THREAD = 2, SIGEV_THREAD_ID = 4,
    }

    /// Sizes of alternate stacks.
    pub STACK_NAMES: usize { MINSIGSTKSZ = 2048, SIGSTKSZ = 8192 }
}

flags! {
    /// Flags of sigaction(2), without `SA_`.
    pub struct SaFlags: u64 {
        NOCLDSTOP = 0x1, NOCLDWAIT = 0x2, SIGINFO = 0x4, UNSUPPORTED = 0x400,
        EXPOSE_TAGBITS = 0x800, RESTORER = 0x0400_0000, ONSTACK = 0x0800_0000,
        RESTART = 0x1000_0000, NODEFER = 0x4000_0000, RESETHAND = 0x8000_0000,
    }

    /// Flags of sigaltstack(2), without `SS_`.
    pub struct SsFlags: u32 { ONSTACK = 1, DISABLE = 2, AUTODISARM = 1 << 31 }
}

/// What a signal does when nobody asked for anything else (signal(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultAction {
    /// End the process.
    Term,
    /// End the process and dump core.
    Core,
    /// Nothing.
    Ignore,
    /// Stop the process.
    Stop,
    /// Continue the process if it is stopped.
    Continue,
}

/// The default action of signal `sig`.
pub const fn default_action(sig: u32) -> DefaultAction {
    match sig {
        SIGQUIT | SIGILL | SIGTRAP | SIGABRT | SIGBUS | SIGFPE | SIGSEGV | SIGXCPU | SIGXFSZ
        | SIGSYS => DefaultAction::Core,
        SIGCHLD | SIGURG | SIGWINCH => DefaultAction::Ignore,
        SIGSTOP | SIGTSTP | SIGTTIN | SIGTTOU => DefaultAction::Stop,
        SIGCONT => DefaultAction::Continue,
        _ => DefaultAction::Term,
    }
}

/// The name of signal `sig`; real-time signals have none.
pub fn name(sig: u32) -> Option<&'static str> {
    crate::name_of(SIG_NAMES, sig)
}

/// A set of signals: bit `sig - 1` stands for signal `sig`.
///
/// A number that is no signal is in no set, and putting it in changes nothing.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct SigSet(pub u64);

impl SigSet {
    /// No signal.
    pub const EMPTY: Self = Self(0);
    /// Every signal.
    pub const FULL: Self = Self(u64::MAX);
    /// The two that can be neither blocked, caught nor ignored.
    pub const UNBLOCKABLE: Self = Self::of(&[SIGKILL, SIGSTOP]);
    /// The signals a fault of the thread itself raises; they are delivered before others.
    pub const SYNCHRONOUS: Self = Self::of(&[SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGSYS]);
    /// The signals that stop by default.
    pub const STOPPING: Self = Self::of(&[SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU]);

    const fn bit(sig: u32) -> u64 {
        if sig >= 1 && sig <= NSIG { 1 << (sig - 1) } else { 0 }
    }

    /// The set of these signals.
    pub const fn of(signals: &[u32]) -> Self {
        let mut set = Self::EMPTY;
        let mut i = 0;
        while i < signals.len() {
            set = set.with(signals[i]);
            i += 1;
        }
        set
    }

    /// The set as a number.
    #[inline]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Whether there is no signal in it.
    #[inline]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Number of signals.
    #[inline]
    pub const fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// Whether `sig` is in it.
    #[inline]
    pub const fn has(self, sig: u32) -> bool {
        self.0 & Self::bit(sig) != 0
    }

    /// Whether they have a signal in common.
    #[inline]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The set and `sig`.
    #[inline]
    pub const fn with(self, sig: u32) -> Self {
        Self(self.0 | Self::bit(sig))
    }

    /// The set but not `sig`.
    #[inline]
    pub const fn without(self, sig: u32) -> Self {
        Self(self.0 & !Self::bit(sig))
    }

    /// Puts `sig` in.
    #[inline]
    pub const fn insert(&mut self, sig: u32) {
        self.0 |= Self::bit(sig);
    }

    /// Takes `sig` out.
    #[inline]
    pub const fn remove(&mut self, sig: u32) {
        self.0 &= !Self::bit(sig);
    }

    /// The signal with the lowest number.
    #[inline]
    pub const fn lowest(self) -> Option<u32> {
        if self.0 == 0 { None } else { Some(self.0.trailing_zeros() + 1) }
    }

    /// The signals, by rising number.
    pub fn iter(self) -> impl Iterator<Item = u32> {
        (1..=NSIG).filter(move |&sig| self.has(sig))
    }
}

impl core::ops::BitOr for SigSet {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl core::ops::BitOrAssign for SigSet {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl core::ops::BitAnd for SigSet {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl core::ops::Not for SigSet {
    type Output = Self;
    fn not(self) -> Self {
        Self(!self.0)
    }
}

impl core::ops::Sub for SigSet {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl core::ops::SubAssign for SigSet {
    fn sub_assign(&mut self, other: Self) {
        self.0 &= !other.0;
    }
}

impl core::fmt::Debug for SigSet {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut set = f.debug_set();
        for sig in self.iter() {
            match name(sig) {
                Some(name) => set.entry(&format_args!("{name}")),
                None => set.entry(&format_args!("SIGRT{sig}")),
            };
        }
        set.finish()
    }
}

impl crate::Wire for SigSet {
    const SIZE: usize = SIGSET_SIZE;
    const ZERO: Self = Self::EMPTY;

    #[inline]
    fn put(&self, out: &mut [u8]) {
        self.0.put(out);
    }

    #[inline]
    fn get(bytes: &[u8]) -> Self {
        Self(u64::get(bytes))
    }
}

wire! {
    /// `struct sigaction` as the kernel has it; the C library's is another.
    pub struct SigAction {
        /// `SIG_DFL`, `SIG_IGN`, or the address of the handler.
        pub sa_handler: u64,
        /// Flags.
        pub sa_flags: SaFlags,
        /// Where a handler returns to: code that calls rt_sigreturn(2).
        pub sa_restorer: u64,
        /// What is blocked while the handler runs.
        pub sa_mask: SigSet,
    }

    /// `stack_t`: an alternate stack.
    pub struct SigStack {
        /// Lowest address.
        pub ss_sp: u64,
        /// Flags.
        pub ss_flags: SsFlags,
        /// Bytes.
        pub ss_size: u64,
    }

    /// `struct sigevent`, of timer_create(2), 64 bytes.
    pub struct Sigevent {
        /// Comes with the signal.
        pub sigev_value: u64,
        /// Signal.
        pub sigev_signo: i32,
        /// How to tell, `SIGEV_*`.
        pub sigev_notify: i32,
        /// Thread to tell, with `SIGEV_THREAD_ID`.
        pub sigev_notify_thread_id: i32,
        /// Unused.
        pub __pad: [i32; 11],
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::Wire;
    use std::format;

    #[test]
    fn a_set_holds_signals_1_to_64() {
        let mut set = SigSet::of(&[SIGHUP, 64]);
        assert_eq!(set.bits(), 1 | 1 << 63);
        assert!(set.has(1) && set.has(64) && !set.has(2));
        assert!(!SigSet::FULL.has(0) && !SigSet::FULL.has(65));
        set.insert(0);
        set.insert(65);
        assert_eq!(set.len(), 2);
        set.remove(1);
        assert_eq!(set.lowest(), Some(64));
        set.remove(64);
        assert_eq!(set.lowest(), None);
        assert!(set.is_empty());
    }

    #[test]
    fn sets_print_names() {
        assert_eq!(format!("{:?}", SigSet::of(&[2, 17, 40])), "{SIGINT, SIGCHLD, SIGRT40}");
    }

    #[test]
    fn default_actions_are_those_of_signal_7() {
        use DefaultAction::*;
        assert_eq!(default_action(SIGKILL), Term);
        assert_eq!(default_action(SIGRTMIN), Term);
        assert_eq!(default_action(SIGSEGV), Core);
        assert_eq!(default_action(SIGCHLD), Ignore);
        assert_eq!(default_action(SIGTTOU), Stop);
        assert_eq!(default_action(SIGCONT), Continue);
        assert_eq!((1..=NSIG).filter(|&s| default_action(s) == Core).count(), 10);
    }

    #[test]
    fn siginfo_fields_lie_where_c_has_them() {
        let info = Siginfo::kill(SIGTERM, SI_USER, 7, 8);
        assert_eq!((info.pid(), info.uid()), (7, 8));
        let mut bytes = [0xaa; Siginfo::SIZE];
        info.put(&mut bytes);
        assert_eq!(
            bytes[..24],
            [15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 8, 0, 0, 0]
        );
        assert!(bytes[24..].iter().all(|&b| b == 0));
        let info = Siginfo::chld(CLD_KILLED, -1, 8, 9, 10, 11);
        assert_eq!((info.pid(), info.uid(), info.status()), (-1, 8, 9));
        assert_eq!((info.utime(), info.stime()), (10, 11));
    }
}
