//! Who comes first on a CPU: the policies of sched(7) as one number, the smaller the sooner
//! (`kernel/sched/fair.c`, `kernel/sched/rt.c`).
//!
//! Threads of the fair policies stand by their CPU time, divided by their weight; real-time ones
//! stand before all of them, by priority, then by the order they came.

use abi::process::{SCHED_BATCH, SCHED_FIFO, SCHED_IDLE, SCHED_NORMAL, SCHED_RR};

use super::timer::TICK_NS;

/// How far the running thread may get ahead of the first in the queue: three ticks at nice 0.
pub(super) const SLICE_NS: u64 = 3 * TICK_NS;

/// Ticks that a `SCHED_RR` thread has before others of its priority (`RR_TIMESLICE`, 100 ms).
pub(super) const RR_TICKS: u32 = 25;

/// The weight of nice 0.
const NICE_0: u64 = 1024;

/// The weight of `SCHED_IDLE`.
const IDLE: u64 = 3;

/// Weights by nice value, -20 first: each step is worth about a tenth of a CPU
/// (`sched_prio_to_weight`).
const WEIGHTS: [u64; 40] = [
    88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916, 9548, 7620, 6100, 4904,
    3906, 3121, 2501, 1991, 1586, 1277, 1024, 820, 655, 526, 423, 335, 272, 215, 172, 137, 110, 87,
    70, 56, 45, 36, 29, 23, 18, 15,
];

/// How a thread is scheduled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Params {
    /// `SCHED_*`.
    pub policy: u32,
    /// -20 to 19.
    pub nice: i32,
    /// 1 to 99 for the real-time policies, else 0.
    pub rt_priority: u32,
    /// Children start as ordinary threads (`SCHED_RESET_ON_FORK`).
    pub reset_on_fork: bool,
}

impl Params {
    /// Is it one of the real-time policies?
    pub fn is_real_time(&self) -> bool {
        matches!(self.policy, SCHED_FIFO | SCHED_RR)
    }

    /// May it take the CPU from others when it wakes?
    pub(super) fn preempts(&self) -> bool {
        !matches!(self.policy, SCHED_BATCH | SCHED_IDLE)
    }

    /// Its share of a CPU, relative to others.
    pub fn weight(&self) -> u64 {
        match self.policy {
            SCHED_IDLE => IDLE,
            _ => WEIGHTS[(self.nice.clamp(-20, 19) + 20) as usize],
        }
    }

    /// What `ns` on the CPU count as: less for one who deserves more.
    pub(super) fn charge(&self, ns: u64) -> u64 {
        match self.weight() {
            NICE_0 => ns,
            weight => (u128::from(ns) * u128::from(NICE_0) / u128::from(weight)) as u64,
        }
    }

    /// The kernel's own measure (`task_struct.prio`): below 100 real-time, then by nice value.
    pub fn prio(&self) -> i32 {
        match self.is_real_time() {
            true => 99 - self.rt_priority as i32,
            false => 120 + self.nice,
        }
    }

    /// What a child starts with.
    pub fn inherited(&self) -> Self {
        if !self.reset_on_fork {
            return *self;
        }
        let nice = if self.is_real_time() { 0 } else { self.nice.max(0) };
        Self { policy: SCHED_NORMAL, nice, rt_priority: 0, reset_on_fork: false }
    }

    /// As one word, so that it is read and written at once.
    pub(super) fn pack(&self) -> u32 {
        let nice = (self.nice + 20) as u32 & 0xff;
        self.policy & 0xff
            | nice << 8
            | self.rt_priority << 16
            | u32::from(self.reset_on_fork) << 24
    }

    pub(super) fn unpack(word: u32) -> Self {
        Self {
            policy: word & 0xff,
            nice: (word >> 8 & 0xff) as i32 - 20,
            rt_priority: word >> 16 & 0xff,
            reset_on_fork: word >> 24 & 1 != 0,
        }
    }
}

/// How long a thread may run while others like it wait, in nanoseconds; 0: for ever.
pub fn slice_ns(params: &Params) -> u64 {
    match params.policy {
        SCHED_FIFO => 0,
        SCHED_RR => u64::from(RR_TICKS) * TICK_NS,
        _ => SLICE_NS,
    }
}

/// Where the fair ones stand, behind all real-time ones.
const FAIR: u64 = 1 << 63;
/// Where the order of coming stands in a real-time key, below the priority.
const TURN_BITS: u32 = 48;

/// The place of a fair thread with this much weighted CPU time.
pub(super) fn fair_key(vruntime: u64) -> u64 {
    FAIR | vruntime
}

/// The place of a real-time thread of this priority that came as number `turn`.
pub(super) fn rt_key(priority: u32, turn: u64) -> u64 {
    u64::from(99u32.saturating_sub(priority)) << TURN_BITS | turn & ((1 << TURN_BITS) - 1)
}

/// The weighted CPU time behind a fair key; `None` for a real-time one.
pub(super) fn vruntime_of(key: u64) -> Option<u64> {
    (key & FAIR != 0).then_some(key & !FAIR)
}

/// What orders keys before all else: of two real-time threads, the priority.
pub(super) fn rank(key: u64) -> u64 {
    key >> TURN_BITS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_holds_all_parameters() {
        for policy in [SCHED_NORMAL, SCHED_FIFO, SCHED_RR, SCHED_BATCH, SCHED_IDLE] {
            for nice in -20..20 {
                let params = Params { policy, nice, rt_priority: 99, reset_on_fork: nice < 0 };
                assert_eq!(Params::unpack(params.pack()), params);
            }
        }
    }

    #[test]
    fn keys_order_policies_then_priorities_then_time() {
        let keys = [rt_key(99, 7), rt_key(50, 3), rt_key(50, 4), rt_key(1, 0), fair_key(0)];
        assert!(keys.is_sorted());
        assert!(fair_key(5) < fair_key(6));
        assert_eq!((vruntime_of(fair_key(9)), vruntime_of(rt_key(1, 9))), (Some(9), None));
    }

    #[test]
    fn a_nicer_thread_is_charged_more() {
        let charge = |nice| Params { nice, ..Params::default() }.charge(1024);
        assert_eq!((charge(0), charge(19), charge(-20)), (1024, 69905, 11));
    }

    #[test]
    fn a_child_may_be_kept_from_inheriting() {
        let rr = Params { policy: SCHED_RR, nice: 3, rt_priority: 5, reset_on_fork: true };
        assert_eq!(rr.inherited(), Params::default());
        let fair = Params { nice: -3, ..Params::default() };
        assert_eq!(fair.inherited(), fair);
        assert_eq!(Params { reset_on_fork: true, ..fair }.inherited(), Params::default());
    }
}
