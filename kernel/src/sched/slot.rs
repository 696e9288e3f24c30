//! Who owns a thread's fiber: a CPU, a run queue, or (asleep) the slot itself. Never two of them.
//!
//! The slot is the only meeting point of a sleeper and its wakers, and the truth behind the state
//! letter in /proc. The rules are those of Linux's `set_current_state`/`try_to_wake_up`: say that
//! you are about to sleep, test the condition, then sleep; a wake-up in between cancels the sleep.
//! The state machine is pure; [`super::Task`] keeps it under a lock of level `Slot`.

use core::mem::replace;

/// How deep a thread sleeps: what may wake it, and its letter in /proc.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sleep {
    /// Any wake-up or signal (`S`).
    Interruptible,
    /// A wake-up, or a signal that kills (`D`).
    Killable,
    /// A wake-up only (`D`).
    Uninterruptible,
    /// Stopped by a signal; ends with SIGCONT or SIGKILL (`T`).
    Stopped,
}

/// Why somebody wakes a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// What it waits for may have come.
    Event,
    /// A signal is there to be handled.
    Signal,
    /// It shall die.
    Kill,
    /// SIGCONT.
    Continue,
}

impl Sleep {
    /// Does `why` end this sleep?
    pub fn ends_by(self, why: Wake) -> bool {
        match why {
            Wake::Event => self != Sleep::Stopped,
            Wake::Signal => self == Sleep::Interruptible,
            Wake::Kill => self != Sleep::Uninterruptible,
            Wake::Continue => matches!(self, Sleep::Stopped | Sleep::Interruptible),
        }
    }
}

/// The state of a thread, with its fiber when no CPU has it.
#[derive(Debug)]
pub enum State<F> {
    /// A CPU runs it.
    Running,
    /// A CPU runs it, and it has said that it will sleep.
    Preparing(Sleep),
    /// A CPU runs it; a wake-up came between saying so and sleeping.
    Woken,
    /// It sleeps.
    Asleep(F, Sleep),
    /// It waits for a CPU.
    Queued(F),
    /// It is gone.
    Dead,
}

impl<F> State<F> {
    /// The running thread will sleep unless it is woken first.
    pub fn prepare(&mut self, how: Sleep) {
        *self = State::Preparing(how);
    }

    /// The running thread will not sleep after all.
    pub fn cancel(&mut self) {
        *self = State::Running;
    }

    /// The CPU loop lays down the fiber of a thread that suspended to sleep. `true`: it sleeps;
    /// `false`: a wake-up came first, and the fiber must be queued.
    #[must_use]
    pub fn lay_down(&mut self, fiber: F) -> bool {
        match *self {
            State::Preparing(how) => {
                *self = State::Asleep(fiber, how);
                true
            }
            _ => {
                *self = State::Queued(fiber);
                false
            }
        }
    }

    /// `true`: the thread was asleep and is `Queued` now; the caller must put it on a run queue.
    #[must_use]
    pub fn wake(&mut self, why: Wake) -> bool {
        match self {
            State::Preparing(how) if how.ends_by(why) => {
                *self = State::Woken;
                false
            }
            State::Asleep(_, how) if how.ends_by(why) => {
                if let State::Asleep(fiber, _) = replace(self, State::Running) {
                    *self = State::Queued(fiber);
                }
                true
            }
            _ => false,
        }
    }

    /// A CPU takes the fiber of a queued thread to run it.
    pub fn take(&mut self) -> Option<F> {
        match replace(self, State::Running) {
            State::Queued(fiber) => Some(fiber),
            other => {
                *self = other;
                None
            }
        }
    }

    /// Does a CPU run it?
    pub fn is_on_cpu(&self) -> bool {
        matches!(self, State::Running | State::Preparing(_) | State::Woken)
    }

    /// The letter of /proc/PID/stat.
    pub fn letter(&self) -> char {
        match self {
            State::Running | State::Preparing(_) | State::Woken | State::Queued(_) => 'R',
            State::Asleep(_, Sleep::Interruptible) => 'S',
            State::Asleep(_, Sleep::Killable | Sleep::Uninterruptible) => 'D',
            State::Asleep(_, Sleep::Stopped) => 'T',
            State::Dead => 'X',
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wake_up_before_the_sleep_cancels_it() {
        let mut s = State::Running;
        s.prepare(Sleep::Interruptible);
        assert!(!s.wake(Wake::Event));
        assert!(!s.lay_down(7));
        assert_eq!(s.take(), Some(7));
    }

    #[test]
    fn only_the_right_reason_ends_a_sleep() {
        for (how, why, ends) in [
            (Sleep::Uninterruptible, Wake::Kill, false),
            (Sleep::Uninterruptible, Wake::Event, true),
            (Sleep::Killable, Wake::Signal, false),
            (Sleep::Killable, Wake::Kill, true),
            (Sleep::Stopped, Wake::Event, false),
            (Sleep::Stopped, Wake::Continue, true),
        ] {
            let mut s = State::Running;
            s.prepare(how);
            assert!(s.lay_down(()));
            assert_eq!(s.wake(why), ends, "{how:?} {why:?}");
        }
    }

    #[test]
    fn waking_the_running_leaves_no_trace() {
        let mut s: State<()> = State::Running;
        assert!(!s.wake(Wake::Event));
        s.prepare(Sleep::Interruptible);
        assert!(s.lay_down(()), "an old wake-up must not end a later sleep");
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::*;
    use alloc::{boxed::Box, vec::Vec};
    use loom::{
        sync::{
            Arc, Mutex,
            atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
        },
        thread,
    };

    /// One sleeper, two wakers: the fiber becomes runnable exactly once.
    #[test]
    fn model_runnable_exactly_once() {
        loom::model(|| {
            let slot = Arc::new(Mutex::new(State::Running));
            let queued = Arc::new(AtomicUsize::new(0));
            slot.lock().unwrap().prepare(Sleep::Interruptible);
            let wakers: Vec<_> = (0..2)
                .map(|_| {
                    let (slot, queued) = (slot.clone(), queued.clone());
                    thread::spawn(move || {
                        if slot.lock().unwrap().wake(Wake::Event) {
                            queued.fetch_add(1, SeqCst);
                        }
                    })
                })
                .collect();
            if !slot.lock().unwrap().lay_down(Box::new(7)) {
                queued.fetch_add(1, SeqCst);
            }
            for waker in wakers {
                waker.join().unwrap();
            }
            assert_eq!(queued.load(SeqCst), 1);
        });
    }

    /// Prepare, test, lay down against set, wake: the sleeper never sleeps through the event.
    #[test]
    fn model_no_lost_wake_up() {
        loom::model(|| {
            let slot = Arc::new(Mutex::new(State::Running));
            let event = Arc::new(AtomicBool::new(false));
            let (slot2, event2) = (slot.clone(), event.clone());
            let waker = thread::spawn(move || {
                event2.store(true, SeqCst);
                slot2.lock().unwrap().wake(Wake::Event)
            });
            slot.lock().unwrap().prepare(Sleep::Uninterruptible);
            let saw = event.load(SeqCst);
            let asleep = if saw {
                slot.lock().unwrap().cancel();
                false
            } else {
                slot.lock().unwrap().lay_down(())
            };
            let woke = waker.join().unwrap();
            assert!(!asleep || woke, "asleep with the event there and nobody to wake it");
        });
    }
}
