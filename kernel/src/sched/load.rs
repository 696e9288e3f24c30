//! Load averages: threads that run or wait for a CPU or for something they cannot be disturbed in,
//! averaged over 1, 5 and 15 minutes (`kernel/sched/loadavg.c`).
//!
//! A sample is due every five seconds. Busy CPUs take it with their tick. When there was no tick
//! all CPUs were idle, so the samples that were missed meanwhile are those of an idle machine;
//! they are made up for by the next tick or by whoever reads.

use core::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

use super::timer::TICK_NS;

/// Bits behind the point.
pub const SHIFT: u32 = 11;
const ONE: u64 = 1 << SHIFT;
/// Between two samples: a tick more than five seconds, so as not to beat with what runs each second.
const PERIOD_NS: u64 = 5_000_000_000 + TICK_NS;
/// What an average keeps from one sample to the next: exp(-5 s / 1, 5, 15 min).
const KEPT: [u64; 3] = [1884, 2014, 2037];

/// The averages.
pub struct LoadAverage {
    averages: [AtomicU64; 3],
    /// When the next sample is due.
    next_ns: AtomicU64,
}

impl LoadAverage {
    pub(super) const fn new() -> Self {
        Self { averages: [const { AtomicU64::new(0) }; 3], next_ns: AtomicU64::new(PERIOD_NS) }
    }

    /// Is a sample due?
    pub(super) fn is_due(&self, now_ns: u64) -> bool {
        now_ns >= self.next_ns.load(Relaxed)
    }

    /// Takes the samples that are due: the last with `active` threads, those before it with none.
    pub(super) fn sample(&self, now_ns: u64, active: u64) {
        let due = self.next_ns.load(Acquire);
        let Some(late) = now_ns.checked_sub(due) else { return };
        let missed = late / PERIOD_NS;
        let next = due + (missed + 1) * PERIOD_NS;
        // Whoever moves the date takes the sample.
        if self.next_ns.compare_exchange(due, next, Acquire, Relaxed).is_err() {
            return;
        }
        for (average, kept) in self.averages.iter().zip(KEPT) {
            let idle = calc(average.load(Relaxed), power(kept, missed), 0);
            average.store(calc(idle, kept, active * ONE), Release);
        }
    }

    /// The averages over 1, 5 and 15 minutes, in units of 2^-[`SHIFT`].
    pub(super) fn get(&self) -> [u64; 3] {
        [0, 1, 2].map(|at| self.averages[at].load(Acquire))
    }
}

/// The average after a sample, rounded up while the load rises (`calc_load`).
fn calc(average: u64, kept: u64, active: u64) -> u64 {
    let new = average * kept + active * (ONE - kept);
    if active >= average { new.div_ceil(ONE) } else { new / ONE }
}

/// `base`^`n` with the point where it is (`fixed_power_int`).
fn power(mut base: u64, mut n: u64) -> u64 {
    let mut result = ONE;
    while n > 0 {
        if n & 1 == 1 {
            result = (result * base + ONE / 2) >> SHIFT;
        }
        base = (base * base + ONE / 2) >> SHIFT;
        n >>= 1;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hundredths(load: &LoadAverage) -> [u64; 3] {
        load.get().map(|average| (average + ONE / 200) * 100 / ONE)
    }

    #[test]
    fn a_steady_load_is_reached_in_time() {
        let load = LoadAverage::new();
        assert!(!load.is_due(PERIOD_NS - 1));
        load.sample(PERIOD_NS - 1, 5);
        assert_eq!(load.get(), [0; 3]);
        for n in 1..=12 {
            load.sample(n * PERIOD_NS, 1);
        }
        // 1 - 1/e after a minute of one.
        let [one, five, fifteen] = hundredths(&load);
        assert!((62..=65).contains(&one), "{one}");
        assert!((17..=19).contains(&five), "{five}");
        assert!((6..=8).contains(&fifteen), "{fifteen}");
        for n in 13..1000 {
            load.sample(n * PERIOD_NS, 1);
        }
        assert_eq!(hundredths(&load), [100; 3]);
    }

    #[test]
    fn an_idle_time_is_made_up_for() {
        let (by_one, at_once) = (LoadAverage::new(), LoadAverage::new());
        for load in [&by_one, &at_once] {
            for n in 1..=100 {
                load.sample(n * PERIOD_NS, 3);
            }
        }
        for n in 101..=112 {
            by_one.sample(n * PERIOD_NS, 0);
        }
        at_once.sample(112 * PERIOD_NS + 5, 0);
        for (a, b) in hundredths(&by_one).into_iter().zip(hundredths(&at_once)) {
            assert!(a.abs_diff(b) <= 1, "{a} {b}");
        }
        at_once.sample(112 * PERIOD_NS + 6, 100);
        assert_eq!(at_once.next_ns.load(Relaxed), 113 * PERIOD_NS);
    }
}
