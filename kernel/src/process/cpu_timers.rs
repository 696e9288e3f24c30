//! Timers that run on CPU time: `ITIMER_VIRTUAL`, `ITIMER_PROF` and `RLIMIT_CPU`
//! (`kernel/time/posix-cpu-timers.c`). They are looked at in every tick that finds their process
//! running, as precisely as CPU time is counted. Lock level: `Names`.

use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

use abi::{
    process::{RLIM_INFINITY, RLIMIT_CPU, Rlimit64, wait_signaled},
    signal::{SIGKILL, SIGPROF, SIGVTALRM, SIGXCPU},
};

use super::Process;
use crate::{
    lock::{Spin, order},
    signal::Pending,
    time::NSEC_PER_SEC,
};

/// The CPU time a timer runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CpuClock {
    /// In user mode.
    Virtual,
    /// In user mode and in the kernel.
    Prof,
}

#[derive(Clone, Copy, Debug, Default)]
struct Timer {
    /// CPU time at which the signal comes, in nanoseconds; 0: never.
    at: u64,
    /// To the next one; 0: there is none.
    every: u64,
}

/// A process's CPU timers.
pub struct CpuTimers {
    timers: Spin<[Timer; 2], order::Names>,
    /// One of them, or `RLIMIT_CPU`, is set: ticks must look.
    active: AtomicBool,
}

impl Default for CpuTimers {
    fn default() -> Self {
        Self { timers: Spin::new([Timer::default(); 2]), active: AtomicBool::new(false) }
    }
}

impl Process {
    fn cpu_time(&self, clock: CpuClock) -> u64 {
        let used = self.used();
        match clock {
            CpuClock::Virtual => used.user_ns,
            CpuClock::Prof => used.user_ns + used.system_ns,
        }
    }

    /// Nanoseconds to the next signal (0: none) and between those after it.
    pub fn cpu_timer_left(&self, clock: CpuClock) -> (u64, u64) {
        let now = self.cpu_time(clock);
        let timer = self.cpu_timers.timers.lock()[clock as usize];
        let left = if timer.at == 0 { 0 } else { timer.at.saturating_sub(now).max(1) };
        (left, timer.every)
    }

    /// Sets a timer: the first signal after `first` nanoseconds of CPU time (0: disarm). Returns
    /// the old values likewise.
    pub fn set_cpu_timer(&self, clock: CpuClock, first: u64, every: u64) -> (u64, u64) {
        let old = self.cpu_timer_left(clock);
        let at = if first == 0 { 0 } else { self.cpu_time(clock).saturating_add(first) };
        self.cpu_timers.timers.lock()[clock as usize] = Timer { at, every };
        self.watch_cpu_time();
        old
    }

    /// A timer or `RLIMIT_CPU` was set.
    pub fn watch_cpu_time(&self) {
        self.cpu_timers.active.store(true, Relaxed);
    }

    /// A tick found a thread of the process running.
    pub(super) fn tick(&self) {
        if !self.cpu_timers.active.load(Relaxed) {
            return;
        }
        let mut armed = false;
        for (clock, signal) in [(CpuClock::Virtual, SIGVTALRM), (CpuClock::Prof, SIGPROF)] {
            let now = self.cpu_time(clock);
            let fire = {
                let timer = &mut self.cpu_timers.timers.lock()[clock as usize];
                let fire = timer.at != 0 && now >= timer.at;
                if fire {
                    timer.at = if timer.every == 0 { 0 } else { now + timer.every };
                }
                armed |= timer.at != 0;
                fire
            };
            if fire {
                self.send(&Pending::kernel_info(signal));
            }
        }
        armed |= self.check_cpu_limit();
        self.cpu_timers.active.store(armed, Relaxed);
    }

    /// `RLIMIT_CPU`: SIGXCPU every second beyond the soft limit, SIGKILL at the hard one. `true`:
    /// there is a limit.
    fn check_cpu_limit(&self) -> bool {
        let Some(limit) = self.limits.lock().both(RLIMIT_CPU) else { return false };
        if limit.rlim_cur == RLIM_INFINITY {
            return false;
        }
        let seconds = self.cpu_time(CpuClock::Prof) / NSEC_PER_SEC;
        if seconds >= limit.rlim_max {
            self.kill_group(wait_signaled(SIGKILL, false));
        } else if seconds >= limit.rlim_cur {
            self.send(&Pending::kernel_info(SIGXCPU));
            let next = Rlimit64 { rlim_cur: seconds + 1, ..limit };
            self.limits.lock().set(RLIMIT_CPU, next);
        }
        true
    }
}
