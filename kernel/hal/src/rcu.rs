//! Read-copy-update: readers take no lock and write nothing; what they may still see is dropped only
//! when every CPU has passed a quiescent point since.
//!
//! The kernel is not preempted, so a reader is done when no guard is alive on its CPU. The CPU loop
//! says so by [`quiescent`]. Each retired value waits for the epoch that it opened: a CPU that has
//! seen that epoch at a quiescent point has also seen the new value, for the pointer was changed
//! before the epoch. Drops run in [`reap`], on a worker thread, where they may sleep.

use crate::contract::{CpuId, MAX_CPUS, Pinned};
use crate::machine;
use alloc::boxed::Box;
use core::marker::PhantomData;
use core::ptr::NonNull;

#[cfg(loom)]
use loom::sync::{
    Mutex,
    atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering},
};
#[cfg(not(loom))]
use {
    core::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering},
    spin::Mutex,
};

/// A value with room for its wait.
struct Entry<T: ?Sized> {
    next: Option<Retired>,
    epoch: u64,
    value: T,
}

/// A value that nobody can find any more, but some may still read.
struct Retired(NonNull<Entry<dyn Send>>);

// SAFETY: it owns the value, which is `Send`.
unsafe impl Send for Retired {}

/// The epochs of one machine.
pub(crate) struct Domain {
    epoch: AtomicU64,
    /// The epoch each CPU saw at its last quiescent point.
    seen: [AtomicU64; MAX_CPUS],
    waiting: AtomicUsize,
    /// Retired values, newest first.
    retired: Mutex<Option<Retired>>,
}

impl Domain {
    #[cfg(not(loom))]
    pub(crate) const fn new() -> Domain {
        Domain {
            epoch: AtomicU64::new(0),
            seen: [const { AtomicU64::new(0) }; MAX_CPUS],
            waiting: AtomicUsize::new(0),
            retired: Mutex::new(None),
        }
    }

    #[cfg(loom)]
    pub(crate) fn new() -> Domain {
        Domain {
            epoch: AtomicU64::new(0),
            seen: core::array::from_fn(|_| AtomicU64::new(0)),
            waiting: AtomicUsize::new(0),
            retired: Mutex::new(None),
        }
    }

    fn list<R>(&self, f: impl FnOnce(&mut Option<Retired>) -> R) -> R {
        #[cfg(not(loom))]
        return f(&mut self.retired.lock());
        #[cfg(loom)]
        return f(&mut self.retired.lock().expect("no model panics here"));
    }

    /// `cpu` reads nothing at this moment.
    fn pass(&self, cpu: usize) {
        let epoch = self.epoch.load(Ordering::Acquire);
        if self.seen[cpu].load(Ordering::Relaxed) != epoch {
            // Release: what was read on this CPU was read before anybody sees that it passed.
            self.seen[cpu].store(epoch, Ordering::Release);
        }
    }

    /// Takes over a value that can no longer be found.
    fn retire(&self, retired: Retired) {
        self.list(|list| {
            // Release: who sees this epoch finds what replaced the value.
            let epoch = self.epoch.fetch_add(1, Ordering::AcqRel) + 1;
            let entry = retired.0.as_ptr();
            // SAFETY: nobody else touches an entry's `epoch`; readers hold `&value` only.
            unsafe { (*entry).epoch = epoch };
            // SAFETY: nor its `next`.
            unsafe { (*entry).next = list.take() };
            *list = Some(retired);
            self.waiting.fetch_add(1, Ordering::Relaxed);
        });
    }

    /// Drops all values that none of the first `cpus` CPUs can still read; which CPUs hold up others.
    fn reap(&self, cpus: usize) -> u64 {
        let mut ripe = Chain(None);
        let late = self.list(|list| {
            let seen = || self.seen[..cpus].iter().map(|seen| seen.load(Ordering::Acquire));
            let safe = seen().min().unwrap_or(0);
            let mut kept = Chain(None);
            let mut newest = 0;
            let mut all = Chain(list.take());
            while let Some((retired, epoch)) = all.pop() {
                newest = newest.max(epoch);
                if epoch <= safe {
                    ripe.push(retired);
                    self.waiting.fetch_sub(1, Ordering::Relaxed);
                } else {
                    kept.push(retired);
                }
            }
            *list = kept.0.take();
            seen()
                .enumerate()
                .filter(|&(_, seen)| seen < newest)
                .fold(0, |set, (i, _)| set | 1 << i)
        });
        while let Some((retired, _)) = ripe.pop() {
            // SAFETY: it came from a box, was taken out of the list, and no reader is left.
            drop(unsafe { Box::from_raw(retired.0.as_ptr()) });
        }
        late
    }
}

impl Drop for Domain {
    fn drop(&mut self) {
        // Every CPU is gone, so every reader.
        self.reap(0);
        let mut rest = Chain(self.list(Option::take));
        while let Some((retired, _)) = rest.pop() {
            // SAFETY: it came from a box, was taken out of the list, and no reader is left.
            drop(unsafe { Box::from_raw(retired.0.as_ptr()) });
        }
    }
}

/// Entries chained through `next`, not owned: what is left in it is leaked, never dropped early.
struct Chain(Option<Retired>);

impl Chain {
    fn push(&mut self, retired: Retired) {
        // SAFETY: retired entries' `next` belongs to whoever holds them.
        unsafe { (*retired.0.as_ptr()).next = self.0.take() };
        self.0 = Some(retired);
    }

    fn pop(&mut self) -> Option<(Retired, u64)> {
        let retired = self.0.take()?;
        let entry = retired.0.as_ptr();
        // SAFETY: as in `push`.
        self.0 = unsafe { (*entry).next.take() };
        // SAFETY: `epoch` was set before the entry came into a list.
        let epoch = unsafe { (*entry).epoch };
        Some((retired, epoch))
    }
}

/// Calls `f` with this machine's epochs; none outside a host machine.
fn domain<R>(f: impl FnOnce(&Domain) -> R) -> Option<R> {
    #[cfg(metal)]
    {
        static DOMAIN: Domain = Domain::new();
        Some(f(&DOMAIN))
    }
    #[cfg(not(metal))]
    machine::rcu_domain().map(|domain| f(&domain))
}

/// A pointer to a value that is read without locks and replaced as a whole. Replacements must be
/// ordered by the caller's lock if one depends on the value before.
pub struct Rcu<T> {
    entry: AtomicPtr<Entry<T>>,
    owns: PhantomData<T>,
}

// SAFETY: owns a `T` that may move to, and be dropped on, another thread.
unsafe impl<T: Send> Send for Rcu<T> {}
// SAFETY: readers share `&T`, and a replaced `T` is dropped on another thread.
unsafe impl<T: Send + Sync> Sync for Rcu<T> {}

impl<T> Rcu<T> {
    /// Holds `value`.
    pub fn new(value: T) -> Rcu<T> {
        Rcu { entry: AtomicPtr::new(Self::boxed(value)), owns: PhantomData }
    }

    fn boxed(value: T) -> *mut Entry<T> {
        Box::into_raw(Box::new(Entry { next: None, epoch: 0, value }))
    }

    /// The value at this moment. It stays readable while the guard lives, however often it is
    /// replaced meanwhile.
    pub fn read<'a>(&'a self, _pin: &'a impl Pinned) -> &'a T {
        // Acquire: what was written to the value before it was put here.
        let entry = self.entry.load(Ordering::Acquire);
        // SAFETY: it is dropped after every CPU has passed a quiescent point since it was replaced,
        // which none does while it has a guard.
        unsafe { &(*entry).value }
    }
}

impl<T: Send + 'static> Rcu<T> {
    /// Puts `value` in place of the old one, which is dropped after a grace period.
    pub fn replace(&self, value: T) {
        let old = self.exchange(value);
        // Outside a machine nobody knows the readers: there it is leaked.
        domain(|domain| domain.retire(old));
    }

    fn exchange(&self, value: T) -> Retired {
        let old: *mut Entry<dyn Send> = self.entry.swap(Self::boxed(value), Ordering::AcqRel);
        Retired(NonNull::new(old).expect("a box is not null"))
    }
}

impl<T> Drop for Rcu<T> {
    fn drop(&mut self) {
        let entry = self.entry.load(Ordering::Relaxed);
        // SAFETY: it came from a box; a reader would borrow `self`.
        drop(unsafe { Box::from_raw(entry) });
    }
}

/// Drops `value` after a grace period: for what was just unlinked from something that readers walk.
pub fn retire(value: impl Send + 'static) {
    let entry: Box<Entry<dyn Send>> = Box::new(Entry { next: None, epoch: 0, value });
    let entry = Retired(NonNull::from(Box::leak(entry)));
    domain(|domain| domain.retire(entry));
}

/// Says that this CPU reads nothing at this moment. For the CPU loop between fibers, and for the
/// way out to user mode. Does nothing while a guard is alive.
pub fn quiescent() {
    if machine::guards() == 0 {
        domain(|domain| domain.pass(machine::cpu_index()));
    }
}

/// How many values wait for their grace period.
pub fn pending() -> usize {
    domain(|domain| domain.waiting.load(Ordering::Relaxed)).unwrap_or(0)
}

/// Drops what can be dropped, and kicks the CPUs that hold up the rest; how many values that is.
/// May sleep if the drops do.
pub fn reap() -> usize {
    quiescent();
    let late = domain(|domain| domain.reap(crate::cpu::count())).unwrap_or(0);
    for cpu in (0..MAX_CPUS).filter(|cpu| late >> cpu & 1 != 0) {
        crate::cpu::kick(CpuId(cpu as u32));
    }
    pending()
}

#[cfg(test)]
#[path = "rcu_tests.rs"]
mod tests;
