//! Clocks: what time it is. Timers are [`crate::sched::timer`]'s. See clock_gettime(2), time(7).

use core::sync::atomic::{AtomicI64, Ordering::Relaxed};

use abi::time::{Timespec, Timeval};
use alloc::sync::Arc;

use crate::wait::WaitQueue;

/// Nanoseconds in a second.
pub const NSEC_PER_SEC: u64 = 1_000_000_000;

/// The real-time clock: an offset to the monotonic one, in nanoseconds.
#[derive(Default)]
pub struct RealTime {
    offset: AtomicI64,
    /// Wakes when it was set.
    changed: spin::Once<Arc<WaitQueue>>,
}

impl RealTime {
    /// A clock at the epoch.
    pub const fn new() -> Self {
        Self { offset: AtomicI64::new(0), changed: spin::Once::new() }
    }

    /// Now, in nanoseconds since the epoch.
    pub fn now_ns(&self) -> i64 {
        self.offset.load(Relaxed) + mono_ns() as i64
    }

    /// Sets it to `now` nanoseconds since the epoch.
    pub fn set(&self, now: i64) {
        self.offset.store(now - mono_ns() as i64, Relaxed);
    }

    /// Wakes when it was set, since moments on it come earlier or later then.
    pub fn changed(&self) -> &Arc<WaitQueue> {
        self.changed.call_once(Arc::default)
    }

    /// Nanoseconds since the epoch at boot (`btime` of /proc/stat).
    pub fn boot_ns(&self) -> i64 {
        self.offset.load(Relaxed)
    }
}

/// The monotonic clock, in nanoseconds since boot.
pub fn mono_ns() -> u64 {
    hal::time::now_ns()
}

/// Nanoseconds as a `struct timespec`.
pub fn timespec(ns: i64) -> Timespec {
    let per = NSEC_PER_SEC as i64;
    Timespec { tv_sec: ns.div_euclid(per), tv_nsec: ns.rem_euclid(per) }
}

/// Nanoseconds as a `struct timeval`.
pub fn timeval(ns: i64) -> Timeval {
    let ts = timespec(ns);
    Timeval { tv_sec: ts.tv_sec, tv_usec: ts.tv_nsec / 1000 }
}

/// A `struct timespec` as nanoseconds; beyond what fits it is forever, as with Linux's
/// `timespec64_to_ktime`. `None` when it is no valid time (`EINVAL`).
pub fn nanoseconds(ts: Timespec) -> Option<u64> {
    if ts.tv_sec < 0 || !(0..NSEC_PER_SEC as i64).contains(&ts.tv_nsec) {
        return None;
    }
    let ns = (ts.tv_sec as u64).saturating_mul(NSEC_PER_SEC).saturating_add(ts.tv_nsec as u64);
    Some(ns.min(i64::MAX as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_the_epoch_round_down() {
        let ts = timespec(-1);
        assert_eq!((ts.tv_sec, ts.tv_nsec), (-1, 999_999_999));
    }

    #[test]
    fn bad_times_are_none_and_huge_ones_forever() {
        let ns = |tv_sec, tv_nsec| nanoseconds(Timespec { tv_sec, tv_nsec });
        assert_eq!(ns(1, 2), Some(1_000_000_002));
        assert_eq!(ns(-1, 0), None);
        assert_eq!(ns(0, 1_000_000_000), None);
        assert_eq!(ns(0, -1), None);
        assert_eq!(ns(i64::MAX, 0), Some(i64::MAX as u64));
    }
}
