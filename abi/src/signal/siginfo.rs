//! `siginfo_t`: what is known about a signal (sigaction(2), `asm-generic/siginfo.h`).

use super::{SI_QUEUE, SI_TIMER, SIGCHLD, SIGIO, SIGSYS, SYS_SECCOMP};

wire! {
    /// `siginfo_t`, 128 bytes: a head of three numbers and a union, here fourteen words.
    ///
    /// Which fields mean something follows from the signal and its code. Make one with the
    /// constructor of its kind; what a kind does not use is zero.
    pub struct Siginfo {
        /// Signal.
        pub si_signo: i32,
        /// An errno; nearly always 0.
        pub si_errno: i32,
        /// Where it comes from, `SI_*`, or the signal's own code (`SEGV_MAPERR`).
        pub si_code: i32,
        /// The union.
        pub si_fields: [u64; 14],
    }
}

/// Two halves of a word, the lower first.
const fn pair(low: u32, high: u32) -> u64 {
    low as u64 | (high as u64) << 32
}

impl Siginfo {
    const fn new(sig: u32, code: i32, fields: [u64; 4]) -> Self {
        let [a, b, c, d] = fields;
        let si_fields = [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        Self { si_signo: sig as i32, si_errno: 0, si_code: code, si_fields }
    }

    /// Sent by a process: kill(2) with `SI_USER`, tkill(2) with `SI_TKILL`; or by the kernel with
    /// `SI_KERNEL` and zeroes.
    pub const fn kill(sig: u32, code: i32, pid: i32, uid: u32) -> Self {
        Self::new(sig, code, [pair(pid as u32, uid), 0, 0, 0])
    }

    /// Sent with a value by sigqueue(3).
    pub const fn queue(sig: u32, pid: i32, uid: u32, value: u64) -> Self {
        Self::new(sig, SI_QUEUE, [pair(pid as u32, uid), value, 0, 0])
    }

    /// A POSIX timer rang, and `overrun` times more since.
    pub const fn timer(sig: u32, id: i32, overrun: i32, value: u64) -> Self {
        Self::new(sig, SI_TIMER, [pair(id as u32, overrun as u32), value, 0, 0])
    }

    /// A child ended, stopped or went on. Times are in ticks of `USER_HZ`.
    pub const fn chld(code: i32, pid: i32, uid: u32, status: i32, utime: i64, stime: i64) -> Self {
        let fields = [pair(pid as u32, uid), status as u32 as u64, utime as u64, stime as u64];
        Self::new(SIGCHLD, code, fields)
    }

    /// The thread itself did something wrong at `addr`.
    pub const fn fault(sig: u32, code: i32, addr: u64) -> Self {
        Self::new(sig, code, [addr, 0, 0, 0])
    }

    /// Something happened to a file (`POLL_IN`, …).
    pub const fn poll(code: i32, band: i64, fd: i32) -> Self {
        Self::new(SIGIO, code, [band as u64, fd as u32 as u64, 0, 0])
    }

    /// Seccomp did not like a system call.
    pub const fn sys(call_addr: u64, syscall: i32, arch: u32) -> Self {
        Self::new(SIGSYS, SYS_SECCOMP, [call_addr, pair(syscall as u32, arch), 0, 0])
    }

    const fn low(&self, word: usize) -> u32 {
        self.si_fields[word] as u32
    }

    const fn high(&self, word: usize) -> u32 {
        (self.si_fields[word] >> 32) as u32
    }

    /// The signal as an unsigned number.
    pub const fn sig(&self) -> u32 {
        self.si_signo as u32
    }

    /// Sender or child (kill, queue, chld).
    pub const fn pid(&self) -> i32 {
        self.low(0) as i32
    }

    /// Real user of the sender or child (kill, queue, chld).
    pub const fn uid(&self) -> u32 {
        self.high(0)
    }

    /// The value that came along (queue, timer).
    pub const fn value(&self) -> u64 {
        self.si_fields[1]
    }

    /// The timer (timer).
    pub const fn timer_id(&self) -> i32 {
        self.low(0) as i32
    }

    /// How often the timer rang without being heard (timer).
    pub const fn overrun(&self) -> i32 {
        self.high(0) as i32
    }

    /// Sets what [`overrun`](Self::overrun) tells, which is known only on delivery.
    pub const fn set_overrun(&mut self, overrun: i32) {
        self.si_fields[0] = pair(self.low(0), overrun as u32);
    }

    /// Exit status or signal (chld).
    pub const fn status(&self) -> i32 {
        self.low(1) as i32
    }

    /// User time in ticks of `USER_HZ` (chld).
    pub const fn utime(&self) -> i64 {
        self.si_fields[2] as i64
    }

    /// System time in ticks of `USER_HZ` (chld).
    pub const fn stime(&self) -> i64 {
        self.si_fields[3] as i64
    }

    /// Address (fault).
    pub const fn addr(&self) -> u64 {
        self.si_fields[0]
    }

    /// Least significant bit of the address (fault, `BUS_MCEERR_*`).
    pub const fn addr_lsb(&self) -> i16 {
        self.si_fields[1] as i16
    }

    /// Protection key (fault, `SEGV_PKUERR`).
    pub const fn pkey(&self) -> u32 {
        self.low(2)
    }

    /// Events (poll).
    pub const fn band(&self) -> i64 {
        self.si_fields[0] as i64
    }

    /// File descriptor (poll).
    pub const fn fd(&self) -> i32 {
        self.low(1) as i32
    }

    /// Address of the call (sys).
    pub const fn call_addr(&self) -> u64 {
        self.si_fields[0]
    }

    /// Number of the call (sys).
    pub const fn syscall(&self) -> i32 {
        self.low(1) as i32
    }

    /// Architecture of the call, `AUDIT_ARCH_*` (sys).
    pub const fn arch(&self) -> u32 {
        self.high(1)
    }
}
