//! [`Parking`]: where a thread that sleeps and those who wake it meet.
//!
//! The thread clears a flag, tests its condition, says that it will sleep, looks at the flag once
//! more, and sleeps; a waker changes the condition, sets the flag, then wakes the slot. Whatever
//! the interleaving, the thread sees the condition, or the flag, or is woken.

use super::slot::{Sleep, State, Wake};
use crate::lock::shared::{Flag, Guarded};

/// The slot of one thread, and a flag for each of its `LANES`. `F` is its fiber.
pub struct Parking<F, S, B, const LANES: usize> {
    slot: S,
    /// Set by wakers; cleared by the sleeper before it tests its condition.
    woken: [B; LANES],
    fiber: core::marker::PhantomData<fn(F)>,
}

impl<F, S: Guarded<State<F>>, B: Flag, const LANES: usize> Parking<F, S, B, LANES> {
    /// Around a slot and flags that are not set.
    pub const fn new(slot: S, woken: [B; LANES]) -> Self {
        Self { slot, woken, fiber: core::marker::PhantomData }
    }

    /// Runs `f` with the slot.
    pub fn slot<R>(&self, f: impl FnOnce(&mut State<F>) -> R) -> R {
        self.slot.with(f)
    }

    /// Forgets earlier wake-ups of `lane`, before the condition is tested.
    pub fn clear(&self, lane: usize) {
        self.woken[lane].swap(false);
    }

    /// Did a waker of `lane` call since [`Parking::clear`]?
    pub fn woken(&self, lane: usize) -> bool {
        self.woken[lane].get()
    }

    /// The thread itself: calls `suspend`, which ends in [`Parking::lay_down`], unless `stay` says
    /// that it need not sleep any more.
    pub fn park(&self, how: Sleep, stay: impl FnOnce() -> bool, suspend: impl FnOnce()) {
        self.slot(|slot| slot.prepare(how));
        if stay() {
            self.slot(State::cancel);
        } else {
            suspend();
        }
    }

    /// The CPU that ran it: its fiber goes to the slot. Calls `enqueue` if it was woken meanwhile.
    pub fn lay_down(&self, fiber: F, enqueue: impl FnOnce()) {
        self.slot(|slot| {
            if !slot.lay_down(fiber) {
                enqueue();
            }
        });
    }

    /// Wakes the thread if `why` ends its sleep: then `enqueue` is called.
    pub fn wake(&self, why: Wake, enqueue: impl FnOnce()) {
        self.slot(|slot| {
            if slot.wake(why) {
                enqueue();
            }
        });
    }

    /// A waker of `lane`, after it has changed the condition.
    pub fn ring(&self, lane: usize, enqueue: impl FnOnce()) {
        self.woken[lane].swap(true);
        self.wake(Wake::Event, enqueue);
    }
}

/// A parking on loom's types, for the models here and in [`crate::wait`].
#[cfg(all(test, loom))]
pub mod model {
    use super::*;
    use alloc::vec::Vec;
    use loom::{
        sync::{
            Arc, Condvar, Mutex,
            atomic::{AtomicBool, Ordering::Relaxed},
        },
        thread,
    };

    /// A thread with a CPU and a run queue of its own: a lost wake-up is a deadlock, which loom
    /// reports.
    pub struct Thread {
        /// What it shares with its wakers.
        pub parking: Parking<(), Mutex<State<()>>, AtomicBool, 1>,
        /// How often it stands in the run queue.
        queued: Mutex<u32>,
        enqueued: Condvar,
    }

    impl Thread {
        /// It runs.
        pub fn new() -> Arc<Self> {
            let parking = Parking::new(Mutex::new(State::Running), [AtomicBool::new(false)]);
            Arc::new(Self { parking, queued: Mutex::new(0), enqueued: Condvar::new() })
        }

        /// Sleeps, as the kernel does it with a fiber and a CPU loop.
        pub fn park(&self) {
            self.parking.park(
                Sleep::Uninterruptible,
                || self.parking.woken(0),
                || {
                    self.parking.lay_down((), || self.enqueue());
                    let mut queued = self.queued.lock().unwrap();
                    while *queued == 0 {
                        queued = self.enqueued.wait(queued).unwrap();
                    }
                    *queued -= 1;
                    drop(queued);
                    assert_eq!(self.parking.slot(State::take), Some(()));
                },
            );
        }

        /// Wakes it.
        pub fn ring(&self) {
            self.parking.ring(0, || self.enqueue());
        }

        fn enqueue(&self) {
            let mut queued = self.queued.lock().unwrap();
            assert_eq!(*queued, 0, "it is enqueued once");
            *queued += 1;
            self.enqueued.notify_one();
        }
    }

    /// So many wakers, each with a condition that no lock orders: the weakest there is.
    fn events_come(wakers: usize) {
        let sleeper = Thread::new();
        let events: Arc<Vec<_>> = Arc::new((0..wakers).map(|_| AtomicBool::new(false)).collect());
        let wakers: Vec<_> = (0..wakers)
            .map(|n| {
                let (sleeper, events) = (sleeper.clone(), events.clone());
                thread::spawn(move || {
                    events[n].store(true, Relaxed);
                    sleeper.ring();
                })
            })
            .collect();
        loop {
            sleeper.parking.clear(0);
            if events.iter().all(|event| event.load(Relaxed)) {
                break;
            }
            sleeper.park();
        }
        for waker in wakers {
            waker.join().unwrap();
        }
    }

    #[test]
    fn model_a_sleeper_sees_what_it_waits_for() {
        loom::model(|| events_come(1));
    }

    /// Every interleaving of three threads would take hours: here a thread is interrupted at most
    /// twice.
    #[test]
    fn model_a_sleeper_sees_all_that_it_waits_for() {
        let mut some = loom::model::Builder::new();
        some.preemption_bound = Some(2);
        some.check(|| events_come(2));
    }
}
