//! [`WaitQueue`]: who wants to know of a change; [`Watch`]: one wish on several queues; [`Vigil`]:
//! that of a thread, which sleeps until it is told.
//! Lock level: `Wait`.

use alloc::{sync::Arc, vec::Vec};
use core::sync::atomic::Ordering::Relaxed;

use abi::poll::PollEvents;
use hal::list::{List, Node};

use super::waiting::{self, Sleeper};
use crate::{
    lock::{IrqSpin, might_sleep, order},
    sched::{self, Lane, Notify, Sleep, Target, TaskRef, Waiter, work},
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
    ///
    /// Who is told instead of woken is told when the queue's lock is free again: it may wake
    /// another queue, and whom that tells the next.
    pub fn wake(&self, events: u32, exclusive: usize) {
        let mut calls = List::new();
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
            if waiter.wake(&mut calls) && alone {
                left -= 1;
            }
        }
        drop(waiters);
        // Off the list first: from then on another wake-up tells it again.
        while let Some(call) = calls.pop_front() {
            call.run();
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
        let _stay = Stay::take(self, waiter);
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
struct Stay<'a> {
    queue: &'a WaitQueue,
    waiter: &'a Arc<Node<Waiter>>,
}

impl<'a> Stay<'a> {
    fn take(queue: &'a WaitQueue, waiter: &'a Arc<Node<Waiter>>) -> Self {
        // A lane's place is free here: waits of one lane do not nest.
        let _ = queue.waiters.lock().push_back(waiter.clone());
        Self { queue, waiter }
    }
}

impl Drop for Stay<'_> {
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

/// The wish to know of changes on many queues: what poll(2) and epoll_ctl(2) hand to files.
pub struct Watch {
    target: Target,
    /// The `POLL*` bits that matter; 0: all.
    events: u32,
    /// Woken alone (`EPOLLEXCLUSIVE`).
    alone: bool,
    places: Vec<Place>,
    /// There was no memory for some place: nobody may call.
    blind: bool,
}

/// Where a watch is registered.
struct Place {
    queue: Arc<WaitQueue>,
    /// The bits that the file said this queue tells of; 0: all.
    events: u32,
    waiter: Arc<Node<Waiter>>,
}

impl Watch {
    /// The wish to tell `target` of `events` (`POLL*` bits), on no queue yet. `alone`: of those
    /// that want it so, one event is told to one only.
    pub fn calling(target: Arc<dyn Notify>, events: u32, alone: bool) -> Self {
        Self { target: Target::call(target), events, alone, places: Vec::new(), blind: false }
    }

    /// Also watches `queue` for `events` (`POLL*` bits; 0: all). Without memory the watch is
    /// blind there.
    pub fn add(&mut self, queue: &Arc<WaitQueue>, events: u32) {
        if self.places.try_reserve(1).is_err() {
            self.blind = true;
            return;
        }
        let waiter = Waiter::new(self.target.clone(), both(self.events, events), self.alone);
        let _ = queue.waiters.lock().push_back(waiter.clone());
        self.places.push(Place { queue: queue.clone(), events, waiter });
    }

    /// Other `POLL*` bits matter from now on.
    pub fn set_events(&mut self, events: u32) {
        self.events = events;
        for place in &self.places {
            place.waiter.events.store(both(events, place.events), Relaxed);
        }
    }

    /// Was there no memory for some queue?
    pub fn is_blind(&self) -> bool {
        self.blind
    }
}

/// What a place asks for where the watch wants `wanted` and the queue tells of `told`; 0 is all of
/// them. Errors and hang-ups always matter.
fn both(wanted: u32, told: u32) -> u32 {
    match (wanted, told) {
        (0, events) | (events, 0) => events,
        (wanted, told) => wanted & told | u32::from(PollEvents::ALWAYS.bits()),
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        for place in &self.places {
            place.queue.waiters.lock().remove(&place.waiter);
        }
    }
}

/// The running thread's wish to know of changes on many queues, and its sleep until then.
pub struct Vigil {
    task: TaskRef,
    /// Where it is registered.
    pub watch: Watch,
}

impl Vigil {
    /// On no queue yet. `None` outside threads.
    pub fn new() -> Option<Self> {
        let task = sched::current()?;
        let target = Target::task(&task);
        let watch = Watch { target, events: 0, alone: false, places: Vec::new(), blind: false };
        Some(Self { task, watch })
    }

    /// Forgets earlier wake-ups; to be called before the files are asked.
    pub fn clear(&self) {
        self.task.clear_woken(Lane::Event);
    }

    /// Sleeps until one of the queues wakes. Where one could not be watched it does not sleep, so
    /// that the files are asked again and again.
    pub fn wait(&self, pause: Pause) -> Result<(), Woken> {
        let _alarm = pause.deadline.map(|at| Alarm::set(&self.task, at));
        loop {
            if self.task.woken(Lane::Event) {
                return Ok(());
            }
            if let Some(why) = pause.over(&self.task) {
                return Err(why);
            }
            if self.watch.blind {
                sched::yield_now();
                return Ok(());
            }
            self.task.park(pause.how, || {
                self.task.woken(Lane::Event) || pause.over(&self.task).is_some()
            });
        }
    }
}
