//! The two protocols of waiting, without the machine: [`until`] a condition holds, and
//! [`Waiting`], by which those who unlock know of those who sleep for the lock.

use core::sync::atomic::AtomicUsize;

use crate::lock::shared::Counter;

/// The thread that waits, as [`until`] needs it.
pub trait Sleeper {
    /// Forgets earlier wake-ups.
    fn clear(&self);
    /// Sleeps until it is woken, unless it was since [`Sleeper::clear`], or `stay` says so.
    fn park(&self, stay: impl Fn() -> bool);
}

/// Sleeps until `cond` yields, or `over` says why it should not any longer. The sleeper has a place
/// on a queue that is woken after each change of the condition.
pub fn until<R, E>(
    sleeper: &impl Sleeper,
    mut cond: impl FnMut() -> Option<R>,
    over: impl Fn() -> Option<E>,
) -> Result<R, E> {
    loop {
        sleeper.clear();
        if let Some(r) = cond() {
            return Ok(r);
        }
        if let Some(why) = over() {
            return Err(why);
        }
        sleeper.park(|| over().is_some());
    }
}

/// How many sleep for a lock.
pub struct Waiting<N = AtomicUsize>(N);

impl Waiting {
    /// Nobody.
    pub const fn new() -> Self {
        Self::from(AtomicUsize::new(0))
    }
}

impl<N: Counter> Waiting<N> {
    /// As many as `n` says.
    pub const fn from(n: N) -> Self {
        Self(n)
    }

    /// Calls `sleep`, which tries for the lock again before it sleeps: either it sees that the lock
    /// is free, or whoever frees it sees that somebody waits.
    pub fn during<R>(&self, sleep: impl FnOnce() -> R) -> R {
        self.0.up();
        let r = sleep();
        self.0.down();
        r
    }

    /// The lock has been let go: calls `wake` if somebody waits.
    pub fn released(&self, wake: impl FnOnce()) {
        if !self.0.is_zero() {
            wake();
        }
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::*;
    use crate::sched::parking::model::Thread;
    use alloc::vec::Vec;
    use core::convert::Infallible;
    use loom::{
        cell::UnsafeCell,
        sync::{
            Arc, Mutex,
            atomic::{
                AtomicBool, AtomicUsize,
                Ordering::{Acquire, Relaxed, Release},
            },
        },
        thread,
    };

    impl Sleeper for Arc<Thread> {
        fn clear(&self) {
            self.parking.clear(0);
        }

        fn park(&self, _stay: impl Fn() -> bool) {
            Thread::park(self);
        }
    }

    #[derive(Default)]
    struct Queue(Mutex<Vec<Arc<Thread>>>);

    impl Queue {
        fn wait<R>(&self, me: &Arc<Thread>, cond: impl FnMut() -> Option<R>) -> R {
            self.0.lock().unwrap().push(me.clone());
            let Ok(r) = until(me, cond, || None::<Infallible>);
            self.0.lock().unwrap().retain(|other| !Arc::ptr_eq(other, me));
            r
        }

        fn wake_one(&self) {
            if let Some(first) = self.0.lock().unwrap().first() {
                first.ring();
            }
        }
    }

    /// Register, clear, test, park against set, wake.
    #[test]
    fn model_a_change_before_the_wake_is_not_missed() {
        loom::model(|| {
            let queue = Arc::new(Queue::default());
            let event = Arc::new(AtomicBool::new(false));
            let (of_waker, set) = (queue.clone(), event.clone());
            let waker = thread::spawn(move || {
                set.store(true, Relaxed);
                of_waker.wake_one();
            });
            let me = Thread::new();
            queue.wait(&me, || event.load(Relaxed).then_some(()));
            waker.join().unwrap();
        });
    }

    /// A sleeping lock as [`super::super::Mutex`] is one.
    struct Lock {
        held: AtomicBool,
        waiting: Waiting<AtomicUsize>,
        queue: Queue,
        value: UnsafeCell<u32>,
    }

    impl Lock {
        fn try_lock(&self) -> Option<()> {
            self.held.compare_exchange(false, true, Acquire, Relaxed).ok().map(|_| ())
        }

        fn lock(&self, me: &Arc<Thread>) {
            if self.try_lock().is_none() {
                self.waiting.during(|| self.queue.wait(me, || self.try_lock()));
            }
        }

        fn unlock(&self) {
            self.held.store(false, Release);
            self.waiting.released(|| self.queue.wake_one());
        }
    }

    fn two_lock(times: usize) {
        loom::model(move || {
            let lock = Arc::new(Lock {
                held: AtomicBool::new(false),
                waiting: Waiting::from(AtomicUsize::new(0)),
                queue: Queue::default(),
                value: UnsafeCell::new(0),
            });
            let work = move |lock: &Lock| {
                let me = Thread::new();
                for _ in 0..times {
                    lock.lock(&me);
                    // Loom reports a second one who is inside.
                    drop(lock.value.get_mut());
                    lock.unlock();
                }
            };
            let other = {
                let lock = lock.clone();
                thread::spawn(move || work(&lock))
            };
            work(&lock);
            other.join().unwrap();
        });
    }

    /// An unlock sees the one who counted itself, or that one sees the lock free.
    #[test]
    fn model_nobody_sleeps_for_a_free_lock() {
        two_lock(1);
    }
}
