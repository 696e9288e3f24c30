//! [`Limits`]: the resource limits of a process, with init's values of Debian's Linux 6.1.

use abi::process::{
    RLIM_INFINITY, RLIM_NLIMITS, RLIMIT_CORE, RLIMIT_MEMLOCK, RLIMIT_MSGQUEUE, RLIMIT_NICE,
    RLIMIT_NOFILE, RLIMIT_NPROC, RLIMIT_RTPRIO, RLIMIT_SIGPENDING, RLIMIT_STACK, Rlimit64,
};

/// The soft and hard limits of a process, by `RLIMIT_*`.
#[derive(Clone, Copy, Debug)]
pub struct Limits([Rlimit64; RLIM_NLIMITS as usize]);

impl Limits {
    /// Init's limits; `max_threads` bounds processes and queued signals (half of it each).
    pub fn init(max_threads: u64) -> Self {
        let both = |n| Rlimit64 { rlim_cur: n, rlim_max: n };
        let mut all = [both(RLIM_INFINITY); RLIM_NLIMITS as usize];
        let mut set = |which: u32, cur, max| {
            all[which as usize] = Rlimit64 { rlim_cur: cur, rlim_max: max };
        };
        set(RLIMIT_STACK, 8 << 20, RLIM_INFINITY);
        set(RLIMIT_CORE, 0, RLIM_INFINITY);
        set(RLIMIT_NPROC, max_threads / 2, max_threads / 2);
        set(RLIMIT_NOFILE, 1024, 4096);
        set(RLIMIT_MEMLOCK, 8 << 20, 8 << 20);
        set(RLIMIT_SIGPENDING, max_threads / 2, max_threads / 2);
        set(RLIMIT_MSGQUEUE, 819_200, 819_200);
        set(RLIMIT_NICE, 0, 0);
        set(RLIMIT_RTPRIO, 0, 0);
        Self(all)
    }

    /// The soft limit `which`; unlimited for numbers that are none.
    pub fn get(&self, which: u32) -> u64 {
        self.both(which).map_or(RLIM_INFINITY, |l| l.rlim_cur)
    }

    /// Both limits.
    pub fn both(&self, which: u32) -> Option<Rlimit64> {
        self.0.get(which as usize).copied()
    }

    /// Sets both limits. The caller has checked that it may.
    pub fn set(&mut self, which: u32, value: Rlimit64) {
        if let Some(limit) = self.0.get_mut(which as usize) {
            *limit = value;
        }
    }
}
