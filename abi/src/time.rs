//! Clocks, timers and the structures that carry time (`linux/time.h`, `linux/time_types.h`).

/// Ticks per second in what user space is shown: times(2), `/proc/stat`, `AT_CLKTCK`.
pub const USER_HZ: u64 = 100;

consts! {
    /// Clocks of clock_gettime(2).
    pub CLOCK_NAMES: u32 {
        CLOCK_REALTIME = 0, CLOCK_MONOTONIC = 1, CLOCK_PROCESS_CPUTIME_ID = 2,
        CLOCK_THREAD_CPUTIME_ID = 3, CLOCK_MONOTONIC_RAW = 4, CLOCK_REALTIME_COARSE = 5,
        CLOCK_MONOTONIC_COARSE = 6, CLOCK_BOOTTIME = 7, CLOCK_REALTIME_ALARM = 8,
        CLOCK_BOOTTIME_ALARM = 9, CLOCK_SGI_CYCLE = 10, CLOCK_TAI = 11, MAX_CLOCKS = 16,
    }

    /// The three interval timers of setitimer(2).
    pub ITIMER_NAMES: u32 { ITIMER_REAL = 0, ITIMER_VIRTUAL = 1, ITIMER_PROF = 2 }

    /// Instead of nanoseconds, in utimensat(2).
    pub UTIME_NAMES: i64 { UTIME_NOW = 0x3fff_ffff, UTIME_OMIT = 0x3fff_fffe }

    /// ioctls of a timerfd.
    pub TFD_IOC_NAMES: u32 { TFD_IOC_SET_TICKS = 0x4008_5400 }

    /// State of the clock, as adjtimex(2) returns it.
    pub TIME_STATE_NAMES: u32 {
        TIME_OK = 0, TIME_INS = 1, TIME_DEL = 2, TIME_OOP = 3, TIME_WAIT = 4, TIME_ERROR = 5,
    }
}

flags! {
    /// Flags of clock_nanosleep(2) and timer_settime(2), without `TIMER_`.
    pub struct TimerFlags: u32 { ABSTIME = 1 }

    /// Flags of timerfd_create(2), without `TFD_`.
    pub struct TimerfdCreateFlags: u32 { CLOEXEC = 0o2000000, NONBLOCK = 0o4000 }

    /// Flags of timerfd_settime(2), without `TFD_TIMER_`.
    pub struct TimerfdSetFlags: u32 { ABSTIME = 1, CANCEL_ON_SET = 2 }

    /// What adjtimex(2) shall change (`timex.modes`), without `ADJ_`.
    pub struct AdjFlags: u32 {
        /// adjtime(3), old-fashioned.
        OFFSET_SINGLESHOT = 0x8001,
        OFFSET = 0x0001, FREQUENCY = 0x0002, MAXERROR = 0x0004, ESTERROR = 0x0008,
        STATUS = 0x0010, TIMECONST = 0x0020, TAI = 0x0080, SETOFFSET = 0x0100, MICRO = 0x1000,
        NANO = 0x2000, TICK = 0x4000,
    }

    /// `timex.status`, without `STA_`.
    pub struct StaFlags: u32 {
        PLL = 0x0001, PPSFREQ = 0x0002, PPSTIME = 0x0004, FLL = 0x0008, INS = 0x0010,
        DEL = 0x0020, UNSYNC = 0x0040, FREQHOLD = 0x0080, PPSSIGNAL = 0x0100,
        PPSJITTER = 0x0200, PPSWANDER = 0x0400, PPSERROR = 0x0800, CLOCKERR = 0x1000,
        NANO = 0x2000, MODE = 0x4000, CLK = 0x8000,
    }
}

wire! {
    /// `struct timespec`: seconds and nanoseconds.
    pub struct Timespec {
        /// Seconds.
        pub tv_sec: i64,
        /// Nanoseconds, 0 to 999 999 999.
        pub tv_nsec: i64,
    }

    /// `struct timeval`: seconds and microseconds.
    pub struct Timeval {
        /// Seconds.
        pub tv_sec: i64,
        /// Microseconds, 0 to 999 999.
        pub tv_usec: i64,
    }

    /// `struct timezone`, of gettimeofday(2).
    pub struct Timezone {
        /// Minutes west of Greenwich.
        pub tz_minuteswest: i32,
        /// Kind of daylight saving time; unused.
        pub tz_dsttime: i32,
    }

    /// `struct itimerval`, of setitimer(2).
    pub struct Itimerval {
        /// Period; zero for a timer that rings once.
        pub it_interval: Timeval,
        /// Time left; zero for a timer that is off.
        pub it_value: Timeval,
    }

    /// `struct itimerspec`, of timer_settime(2) and timerfd_settime(2).
    pub struct Itimerspec {
        /// Period; zero for a timer that rings once.
        pub it_interval: Timespec,
        /// Time left, or the moment with `ABSTIME`; zero for a timer that is off.
        pub it_value: Timespec,
    }

    /// `struct tms`, of times(2), in ticks of [`USER_HZ`].
    pub struct Tms {
        /// Own time in user mode.
        pub tms_utime: i64,
        /// Own time in the kernel.
        pub tms_stime: i64,
        /// User time of children waited for.
        pub tms_cutime: i64,
        /// Kernel time of children waited for.
        pub tms_cstime: i64,
    }

    /// `struct utimbuf`, of utime(2).
    pub struct Utimbuf {
        /// Access time, in seconds.
        pub actime: i64,
        /// Modification time, in seconds.
        pub modtime: i64,
    }

    /// `struct timex`, of adjtimex(2).
    pub struct Timex {
        /// What to change.
        pub modes: AdjFlags,
        /// Time offset in µs, or ns with `STA_NANO`.
        pub offset: i64,
        /// Frequency offset, in 2^-16 ppm.
        pub freq: i64,
        /// Maximum error, in µs.
        pub maxerror: i64,
        /// Estimated error, in µs.
        pub esterror: i64,
        /// Clock command and status.
        pub status: StaFlags,
        /// Time constant of the phase-locked loop.
        pub constant: i64,
        /// Precision of the clock, in µs (read only).
        pub precision: i64,
        /// Frequency tolerance, in ppm (read only).
        pub tolerance: i64,
        /// The time (read only, except for `ADJ_SETOFFSET`).
        pub time: Timeval,
        /// µs between ticks of [`USER_HZ`].
        pub tick: i64,
        /// PPS frequency, in 2^-16 ppm (read only).
        pub ppsfreq: i64,
        /// PPS jitter (read only).
        pub jitter: i64,
        /// PPS interval duration, as a shift of seconds (read only).
        pub shift: i32,
        /// PPS stability, in 2^-16 ppm (read only).
        pub stabil: i64,
        /// PPS count of jitter limit exceeded (read only).
        pub jitcnt: i64,
        /// PPS count of calibration intervals (read only).
        pub calcnt: i64,
        /// PPS count of calibration errors (read only).
        pub errcnt: i64,
        /// PPS count of stability limit exceeded (read only).
        pub stbcnt: i64,
        /// Offset of TAI from UTC, in seconds (read only).
        pub tai: i32,
        /// Zero.
        pub __unused: [i32; 11],
    }
}
