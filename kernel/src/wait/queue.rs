//! [`WaitQueue`]: who wants to know of a change; [`Watch`]: one thread's wish on several queues.
//! Lock level: `Wait`.

use alloc::{sync::Arc, vec::Vec};
use core::sync::atomic::Ordering::Relaxed;

use hal::list::{List, Node};

use super::waiting::{self, Sleeper};
use crate::{
    lock::{IrqSpin, might_sleep, order},
    sched::{self, Lane, Sleep, TaskRef, Waiter, work},
};

/// Why a sleep ended before its condition came true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// A signal (for [`Sleep::Killable`], one that kills).
    Signal,
    /// The deadline passed.
    Deadline,
}

/// How to sleep, and until when.
#[derive(Clone, Copy, Debug)]
pub struct Pause {
    /// What ends it.
    pub how: Sleep,
    /// Nanoseconds on the monotonic clock.
    pub deadline: Option<u64>,
}

impl Pause {
    /// Until the event or a signal.
    pub const INTERRUPTIBLE: Self = Self { how: Sleep::Interruptible, deadline: None };
    /// Until the event or a killing signal.
    pub const KILLABLE: Self = Self { how: Sleep::Killable, deadline: None };
    /// Until the event.
    pub const UNINTERRUPTIBLE: Self = Self { how: Sleep::Uninterruptible, deadline: None };

    /// The same with a deadline.
    pub const fn until(self, deadline: Option<u64>) -> Self {
        Self { deadline, ..self }
    }

    /// Has something other than the event ended this sleep of `task`?
    fn over(self, task: &TaskRef) -> Option<Woken> {
        let bits = match self.how {
            Sleep::Interruptible => work::SIGNAL | work::KILL,
            Sleep::Killable => work::KILL,
            Sleep::Uninterruptible | Sleep::Stopped => 0,
        };
        if task.work() & bits != 0 {
            return Some(Woken::Signal);
        }
        self.deadline.filter(|&at| hal::time::now_ns() >= at).map(|_| Woken::Deadline)
    }
}

/// A queue of those who want to know when something changes.
#[derive(Default)]
pub struct WaitQueue {
    waiters: IrqSpin<List<Waiter>, order::Wait>,
}

impl WaitQueue {
    /// An empty queue.
    pub const fn new() -> Self {
        Self { waiters: IrqSpin::new(List::new()) }
    }

    /// Wakes everyone.
    pub fn wake_all(&self) {
        self.wake(u32::MAX, usize::MAX);
    }

    /// Wakes those who ask for one of `events` (`POLL*` bits): all that share, and the first
    /// `exclusive` of those that want to be woken alone.
    pub fn wake(&self, events: u32, exclusive: usize) {
        let waiters = self.waiters.lock();
        let mut left = exclusive;
        for waiter in waiters.iter() {
            let asks = waiter.events.load(Relaxed);
            if asks != 0 && asks & events == 0 {
                continue;
            }
            let alone = waiter.exclusive.load(Relaxed);
            if alone && left == 0 {
                continue;
            }
            if waiter.wake() && alone {
                left -= 1;
            }
        }
    }

    /// Is nobody waiting?
    pub fn is_empty(&self) -> bool {
        self.waiters.lock().is_empty()
    }

    /// Sleeps until `cond` yields. It is tested before the first sleep and after each wake-up and
    /// may itself take sleeping locks.
    pub fn wait<R>(&self, pause: Pause, cond: impl FnMut() -> Option<R>) -> Result<R, Woken> {
        self.wait_in(Lane::Event, false, pause, cond)
    }

    /// As [`WaitQueue::wait`], but one [`WaitQueue::wake`] wakes only so many who wait so.
    pub fn wait_alone<R>(&self, pause: Pause, cond: impl FnMut() -> Option<R>) -> Result<R, Woken> {
        self.wait_in(Lane::Event, true, pause, cond)
    }

    pub(super) fn wait_in<R>(
        &self,
        lane: Lane,
        alone: bool,
        pause: Pause,
        mut cond: impl FnMut() -> Option<R>,
    ) -> Result<R, Woken> {
        might_sleep();
        if let Some(r) = cond() {
            return Ok(r);
        }
        let Some(task) = sched::current() else {
            // At boot nothing can be waited for; spin until another CPU changes it.
            loop {
                if let Some(r) = cond() {
                    return Ok(r);
                }
                hal::cpu::relax();
            }
        };
        let waiter = task.waiter(lane);
        waiter.events.store(0, Relaxed);
        waiter.exclusive.store(alone, Relaxed);
        let _place = Place::take(self, waiter);
        let _alarm = pause.deadline.map(|at| Alarm::set(&task, at));
        let sleeper = InLane { task: &task, lane, how: pause.how };
        let waited = waiting::until(&sleeper, cond, || pause.over(&task));
        // Woken alone for an event that it will not take: hand it on.
        if waited.is_err() && alone && task.woken(lane) {
            self.wake(u32::MAX, 1);
        }
        waited
    }
}

/// The running thread, on one of its lanes.
struct InLane<'a> {
    task: &'a TaskRef,
    lane: Lane,
    how: Sleep,
}

impl Sleeper for InLane<'_> {
    fn clear(&self) {
        self.task.clear_woken(self.lane);
    }

    fn park(&self, stay: impl Fn() -> bool) {
        self.task.park(self.how, || self.task.woken(self.lane) || stay());
    }
}

/// A waiter's place on a queue; dropping it gives the place up, so that no late wake-up reaches an
/// innocent sleep.
struct Place<'a> {
    queue: &'a WaitQueue,
    waiter: &'a Arc<Node<Waiter>>,
}

impl<'a> Place<'a> {
    fn take(queue: &'a WaitQueue, waiter: &'a Arc<Node<Waiter>>) -> Self {
        // A lane's place is free here: waits of one lane do not nest.
        let _ = queue.waiters.lock().push_back(waiter.clone());
        Self { queue, waiter }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.queue.waiters.lock().remove(self.waiter);
    }
}

/// Wakes the thread at a deadline, for as long as it is kept.
struct Alarm<'a>(&'a TaskRef);

impl<'a> Alarm<'a> {
    fn set(task: &'a TaskRef, at: u64) -> Self {
        sched::timer::set(task.alarm(), at);
        Self(task)
    }
}

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        sched::timer::clear(self.0.alarm());
    }
}

/// The wish of one thread to know of changes on many queues: what poll(2) hands to every file.
pub struct Watch {
    task: TaskRef,
    places: Vec<(Arc<WaitQueue>, Arc<Node<Waiter>>)>,
    /// There was no memory for some place: nobody may call, so it does not sleep.
    blind: bool,
}

impl Watch {
    /// An empty wish of the running thread. `None` outside threads.
    pub fn new() -> Option<Self> {
        Some(Self { task: sched::current()?, places: Vec::new(), blind: false })
    }

    /// Also watches `queue` for `events` (`POLL*` bits; 0: all). Without memory the watch is not
    /// made, and the thread looks again and again instead of sleeping.
    pub fn add(&mut self, queue: &Arc<WaitQueue>, events: u32) {
        if self.places.try_reserve(1).is_err() {
            self.blind = true;
            return;
        }
        let waiter = Waiter::new(&self.task, events);
        let _ = queue.waiters.lock().push_back(waiter.clone());
        self.places.push((queue.clone(), waiter));
    }

    /// Forgets earlier wake-ups; to be called before the files are asked.
    pub fn clear(&self) {
        self.task.clear_woken(Lane::Event);
    }

    /// Sleeps until one of the queues wakes.
    pub fn wait(&self, pause: Pause) -> Result<(), Woken> {
        let _alarm = pause.deadline.map(|at| Alarm::set(&self.task, at));
        loop {
            if self.task.woken(Lane::Event) {
                return Ok(());
            }
            if let Some(why) = pause.over(&self.task) {
                return Err(why);
            }
            if self.blind {
                sched::yield_now();
                return Ok(());
            }
            self.task.park(pause.how, || {
                self.task.woken(Lane::Event) || pause.over(&self.task).is_some()
            });
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        for (queue, waiter) in &self.places {
            queue.waiters.lock().remove(waiter);
        }
    }
}
