//! [`Pending`]: the signals that wait for a thread or for a whole process (`struct sigpending`).

use alloc::collections::VecDeque;

use abi::signal::{SI_KERNEL, SI_USER, SIGRTMIN, SigSet, Siginfo};

/// What became of a signal that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queued {
    /// It waits, with its siginfo.
    Yes,
    /// It waits, but what came with it was lost: the queue is full.
    WithoutInfo,
    /// A standard signal that waits already.
    Already,
    /// Not queued: the limit is reached and the sender must be told (`EAGAIN`).
    Full,
}

/// Signals that wait.
#[derive(Default)]
pub struct Pending {
    set: SigSet,
    queue: VecDeque<Siginfo>,
}

impl Pending {
    /// The signals that wait.
    pub fn set(&self) -> SigSet {
        self.set
    }

    /// Siginfos that wait; they count against `RLIMIT_SIGPENDING`.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Is nothing waiting?
    pub fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    /// Queues a signal, as `__send_signal_locked` does: standard signals wait once; real-time ones
    /// queue in order. `room`: the limit of queued signals is not reached.
    pub fn push(&mut self, info: &Siginfo, room: bool) -> Queued {
        let sig = info.sig();
        let standard = sig < SIGRTMIN;
        if standard && self.set.has(sig) {
            return Queued::Already;
        }
        // The kernel's own and standard signals may go beyond the limit (`override_rlimit`).
        let beyond = standard && info.si_code >= 0;
        if (room || beyond) && self.queue.try_reserve(1).is_ok() {
            self.queue.push_back(*info);
            self.set.insert(sig);
            return Queued::Yes;
        }
        if !standard && info.si_code != SI_USER {
            return Queued::Full;
        }
        self.set.insert(sig);
        Queued::WithoutInfo
    }

    /// Adds signals of which nothing but the number is known.
    pub fn add_bare(&mut self, signals: SigSet) {
        self.set = SigSet(self.set.bits() | signals.bits());
    }

    /// Takes the next signal of `wanted`: one that a fault raised first, then by number.
    pub fn take(&mut self, wanted: SigSet) -> Option<Siginfo> {
        let ready = SigSet(self.set.bits() & wanted.bits());
        let faults = SigSet(ready.bits() & SigSet::SYNCHRONOUS.bits());
        let sig = faults.lowest().or(ready.lowest())?;
        let at = self.queue.iter().position(|info| info.sig() == sig);
        let info = match at.and_then(|at| self.queue.remove(at)) {
            Some(info) => info,
            // What came with it was lost: it reads as from kill(2) by nobody.
            None => Siginfo::kill(sig, SI_USER, 0, 0),
        };
        if !self.queue.iter().any(|info| info.sig() == sig) {
            self.set.remove(sig);
        }
        Some(info)
    }

    /// Forgets the signals of `which`.
    pub fn flush(&mut self, which: SigSet) {
        self.set = SigSet(self.set.bits() & !which.bits());
        self.queue.retain(|info| !which.has(info.sig()));
    }

    /// A signal from the kernel without further facts.
    pub fn kernel_info(sig: u32) -> Siginfo {
        Siginfo::kill(sig, SI_KERNEL, 0, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use abi::signal::{SI_QUEUE, SIGINT, SIGSEGV, SIGUSR1};

    fn user(sig: u32) -> Siginfo {
        Siginfo::kill(sig, SI_USER, 1, 0)
    }

    #[test]
    fn standard_signals_wait_once() {
        let mut p = Pending::default();
        assert_eq!(p.push(&user(SIGINT), true), Queued::Yes);
        assert_eq!(p.push(&user(SIGINT), true), Queued::Already);
        assert_eq!(p.take(SigSet::FULL).map(|i| i.sig()), Some(SIGINT));
        assert!(p.take(SigSet::FULL).is_none() && p.is_empty());
    }

    #[test]
    fn real_time_signals_queue_in_order() {
        let mut p = Pending::default();
        for value in 0..3 {
            assert_eq!(p.push(&Siginfo::queue(40, 1, 0, value), true), Queued::Yes);
        }
        for value in 0..3 {
            assert_eq!(p.take(SigSet::FULL).map(|i| i.value()), Some(value));
        }
        assert!(p.is_empty());
    }

    #[test]
    fn faults_come_first_then_the_lowest() {
        let mut p = Pending::default();
        for sig in [40, SIGUSR1, SIGINT, SIGSEGV] {
            p.push(&user(sig), true);
        }
        let order: std::vec::Vec<_> =
            core::iter::from_fn(|| p.take(SigSet::FULL)).map(|i| i.sig()).collect();
        assert_eq!(order, [SIGSEGV, SIGINT, SIGUSR1, 40]);
    }

    #[test]
    fn masked_signals_stay() {
        let mut p = Pending::default();
        p.push(&user(SIGINT), true);
        assert!(p.take(SigSet::of(&[SIGUSR1])).is_none());
        assert!(p.set().has(SIGINT));
    }

    #[test]
    fn at_the_limit_only_the_info_of_standard_signals_is_lost() {
        let mut p = Pending::default();
        let queued = Siginfo::queue(SIGUSR1, 1, 0, 7);
        assert_eq!(p.push(&queued, false), Queued::WithoutInfo);
        assert_eq!(p.push(&Siginfo::queue(40, 1, 0, 7), false), Queued::Full);
        assert_eq!(p.push(&user(41), false), Queued::WithoutInfo);
        assert_eq!(queued.si_code, SI_QUEUE);
        assert_eq!(p.take(SigSet::of(&[SIGUSR1])).map(|i| (i.si_code, i.pid())), Some((0, 0)));
    }
}
