//! Waiting for many files: poll, select, epoll; eventfd and signalfd
//! (`asm-generic/poll.h`, `linux/eventpoll.h`, `linux/signalfd.h`).

/// Descriptors in an `fd_set` as the C library makes them; the kernel takes longer ones too.
pub const FD_SETSIZE: usize = 1024;

/// Bits in one word of an `fd_set`: select(2) reads and writes whole words.
pub const FD_SET_WORD_BITS: usize = 64;

flags! {
    /// Events of poll(2), without `POLL`.
    pub struct PollEvents: u16 {
        IN = 0x0001, PRI = 0x0002, OUT = 0x0004, ERR = 0x0008, HUP = 0x0010, NVAL = 0x0020,
        RDNORM = 0x0040, RDBAND = 0x0080, WRNORM = 0x0100, WRBAND = 0x0200, MSG = 0x0400,
        REMOVE = 0x1000, RDHUP = 0x2000,
    }

    /// Events and behaviour of an epoll entry, without `EPOLL`. The events are poll's.
    pub struct EpollEvents: u32 {
        IN = 0x0001, PRI = 0x0002, OUT = 0x0004, ERR = 0x0008, HUP = 0x0010, NVAL = 0x0020,
        RDNORM = 0x0040, RDBAND = 0x0080, WRNORM = 0x0100, WRBAND = 0x0200, MSG = 0x0400,
        RDHUP = 0x2000, EXCLUSIVE = 1 << 28, WAKEUP = 1 << 29, ONESHOT = 1 << 30, ET = 1 << 31,
    }

    /// Flags of epoll_create1(2), without `EPOLL_`.
    pub struct EpollCreateFlags: u32 { CLOEXEC = 0o2000000 }

    /// Flags of eventfd2(2), without `EFD_`.
    pub struct EventfdFlags: u32 { SEMAPHORE = 1, CLOEXEC = 0o2000000, NONBLOCK = 0o4000 }

    /// Flags of signalfd4(2), without `SFD_`.
    pub struct SignalfdFlags: u32 { CLOEXEC = 0o2000000, NONBLOCK = 0o4000 }
}

impl PollEvents {
    /// The events reported whether asked for or not.
    pub const ALWAYS: Self = Self::ERR.with(Self::HUP).with(Self::NVAL);
}

impl EpollEvents {
    /// The bits that are behaviour, not events.
    pub const BEHAVIOUR: Self =
        Self::EXCLUSIVE.with(Self::WAKEUP).with(Self::ONESHOT).with(Self::ET);
}

consts! {
    /// Operations of epoll_ctl(2).
    pub EPOLL_CTL_NAMES: u32 { EPOLL_CTL_ADD = 1, EPOLL_CTL_DEL = 2, EPOLL_CTL_MOD = 3 }
}

wire! {
    /// `struct pollfd`.
    pub struct Pollfd {
        /// File descriptor; a negative one is skipped.
        pub fd: i32,
        /// Events asked for.
        pub events: PollEvents,
        /// Events found.
        pub revents: PollEvents,
    }

    /// `struct signalfd_siginfo`: what a signalfd is read as.
    pub struct SignalfdSiginfo {
        /// Signal.
        pub ssi_signo: u32,
        /// Unused.
        pub ssi_errno: i32,
        /// `si_code`.
        pub ssi_code: i32,
        /// Sender's process id.
        pub ssi_pid: u32,
        /// Sender's real user id.
        pub ssi_uid: u32,
        /// File descriptor (`SIGIO`).
        pub ssi_fd: i32,
        /// Timer id.
        pub ssi_tid: u32,
        /// Band event (`SIGIO`).
        pub ssi_band: u32,
        /// Timer overruns.
        pub ssi_overrun: u32,
        /// Trap number.
        pub ssi_trapno: u32,
        /// Exit status or signal (`SIGCHLD`).
        pub ssi_status: i32,
        /// Integer sent by sigqueue(3).
        pub ssi_int: i32,
        /// Pointer sent by sigqueue(3).
        pub ssi_ptr: u64,
        /// User time consumed (`SIGCHLD`), in ticks of `USER_HZ`.
        pub ssi_utime: u64,
        /// System time consumed (`SIGCHLD`), in ticks of `USER_HZ`.
        pub ssi_stime: u64,
        /// Address of a fault.
        pub ssi_addr: u64,
        /// Least significant bit of the address (`SIGBUS`).
        pub ssi_addr_lsb: u16,
        /// Zero.
        pub __pad2: u16,
        /// System call (`SIGSYS`).
        pub ssi_syscall: i32,
        /// Address of the system call (`SIGSYS`).
        pub ssi_call_addr: u64,
        /// Architecture of the system call (`SIGSYS`).
        pub ssi_arch: u32,
        /// Zero, up to 128 bytes.
        pub __pad: [u8; 28],
    }
}

wire_packed! {
    /// `struct epoll_event`: packed on x86-64, so that 32-bit programs have the same layout.
    pub struct EpollEvent {
        /// Events asked for or found.
        pub events: EpollEvents,
        /// The caller's own number.
        pub data: u64,
    }
}
