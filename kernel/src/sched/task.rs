//! [`Task`]: the scheduling half of a thread. What a CPU runs, a queue holds and a waker wakes.

use alloc::sync::{Arc, Weak};
use core::ops::Deref;
use core::sync::atomic::{
    AtomicBool, AtomicI32, AtomicU32, AtomicU64,
    Ordering::{Acquire, Relaxed, Release, SeqCst},
};

use hal::{
    cpu::CpuId,
    fiber::Fiber,
    list::{HeapNode, List, Node},
    mem::NoMemory,
};

use super::{
    cpu::{self, Enqueue, Sched},
    fair::Params,
    parking::Parking,
    slot::{Sleep, State, Wake},
    timer::{Timer, TimerNode},
};
use crate::lock::{IrqSpin, order};

/// A task with its place on a run queue, ordered by [`super::fair`].
pub(super) type TaskNode = HeapNode<u64, Task>;

/// A counted handle to a task.
#[derive(Clone)]
pub struct TaskRef(pub(super) Arc<TaskNode>);

impl Deref for TaskRef {
    type Target = Task;
    fn deref(&self) -> &Task {
        &self.0
    }
}

impl PartialEq for TaskRef {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// The bits of [`Task::work`]: everything that must be looked at before user mode.
pub mod work {
    /// Signals may be deliverable.
    pub const SIGNAL: u32 = 1 << 0;
    /// The CPU should go to somebody else.
    pub const RESCHED: u32 = 1 << 1;
    /// The thread shall end (SIGKILL, group exit, execve of a sibling).
    pub const KILL: u32 = 1 << 2;
    /// System calls are traced to the log.
    pub const TRACE: u32 = 1 << 3;
    /// An interrupt left something to do on the CPU.
    pub const DEFERRED: u32 = 1 << 4;
    /// The process's resource limits have changed.
    pub const LIMITS: u32 = 1 << 5;
}

/// The scheduling half of a thread.
pub struct Task {
    id: AtomicI32,
    /// Its fiber while it does not run, and whether wakers called.
    parking: Parking<Fiber, IrqSpin<State<Fiber>, order::Slot>, AtomicBool, { Lane::COUNT }>,
    /// See [`work`]. Read once on entry to and once on exit from every system call.
    work: AtomicU32,
    /// The CPU it runs on, or ran on last.
    cpu: AtomicU32,
    /// Bit n: it may run on CPU n.
    allowed: AtomicU64,
    /// Nanoseconds on a CPU, up to the last switch.
    ran_ns: AtomicU64,
    /// How it is scheduled ([`Params::pack`]).
    params: AtomicU32,
    /// Its I/O priority, as ioprio_set(2) has it.
    ioprio: AtomicU32,
    /// Weighted CPU time in nanoseconds, on the scale of the CPU that it ran on or is queued on:
    /// what fairness compares (CFS's `vruntime`).
    vruntime: AtomicU64,
    /// When it was put on a run queue, in nanoseconds.
    queued_ns: AtomicU64,
    /// Nanoseconds on run queues, up to the last switch (`sched_info.run_delay`).
    waited_ns: AtomicU64,
    /// How often it was given a CPU (`sched_info.pcount`).
    runs: AtomicU64,
    /// How often it changed its CPU.
    migrations: AtomicU64,
    /// Ticks that found it in user mode and in the kernel.
    ticks: [AtomicU64; 2],
    /// The times in user mode and in the kernel that were told last.
    told_ns: [AtomicU64; 2],
    /// When it was given its CPU, in nanoseconds.
    since_ns: AtomicU64,
    /// Switches away by its own will and by the tick.
    switches: [AtomicU64; 2],
    /// The task's own places on wait queues, one per lane, so that sleeping never allocates.
    waiters: [Arc<Node<Waiter>>; Lane::COUNT],
    /// Wakes it at a deadline.
    alarm: TimerNode,
}

/// What /proc/PID/schedstat and sched show.
#[derive(Clone, Copy, Debug)]
pub struct Statistics {
    /// Nanoseconds spent runnable, waiting for a CPU.
    pub waited_ns: u64,
    /// How often it was given a CPU.
    pub runs: u64,
    /// How often it changed its CPU.
    pub migrations: u64,
    /// Weighted CPU time.
    pub vruntime_ns: u64,
    /// When it was given its CPU last, on the monotonic clock.
    pub started_ns: u64,
}

/// A thread waits for an event with the first lane; taking a sleeping lock while it tests for the
/// event uses the second, so that neither wake-up is mistaken for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Files, children, futexes, time.
    Event,
    /// Sleeping locks.
    Lock,
}

impl Lane {
    const COUNT: usize = 2;
}

/// One place on one wait queue.
pub struct Waiter {
    target: Target,
    /// Poll events it asks for; 0: all.
    pub events: AtomicU32,
    /// Woken alone (Linux's `WQ_FLAG_EXCLUSIVE`).
    pub exclusive: AtomicBool,
}

/// Who is behind a place.
#[derive(Clone)]
pub enum Target {
    /// A thread, which wakes.
    Task(Weak<TaskNode>, Lane),
    /// Something else, which is told when the queue's lock is free again.
    Call(Arc<Node<Call>>),
}

/// Something other than a thread that wants to know of a change, as an epoll entry does.
pub trait Notify: Send + Sync {
    /// Will telling it reach somebody who waits? Decides whether the event is spent where only so
    /// many are to be told. Asked under the queue's lock: may take none.
    fn has_sleepers(&self) -> bool;

    /// Something changed. May be called under any lock above `Epoll`, from any thread.
    fn notify(self: Arc<Self>);
}

/// A [`Notify`], with a place on the list of those that a wake-up has yet to tell.
pub struct Call(Arc<dyn Notify>);

impl Call {
    /// Tells it.
    pub fn run(&self) {
        self.0.clone().notify();
    }
}

impl Target {
    /// The thread `task`, waiting for an event.
    pub fn task(task: &TaskRef) -> Self {
        Self::Task(Arc::downgrade(&task.0), Lane::Event)
    }

    /// What is told instead of woken.
    pub fn call(what: Arc<dyn Notify>) -> Self {
        Self::Call(Arc::new(Node::new(Call(what))))
    }
}

impl Waiter {
    /// A place for `target`.
    pub fn new(target: Target, events: u32, exclusive: bool) -> Arc<Node<Waiter>> {
        Arc::new(Node::new(Waiter {
            target,
            events: AtomicU32::new(events),
            exclusive: AtomicBool::new(exclusive),
        }))
    }

    /// Wakes the thread behind it, or puts who is to be told on `calls`. `true` when the event
    /// reached somebody who waits.
    pub fn wake(&self, calls: &mut List<Call>) -> bool {
        match &self.target {
            Target::Task(task, lane) => {
                let Some(task) = task.upgrade().map(TaskRef) else { return false };
                task.notify(*lane);
                true
            }
            Target::Call(call) => {
                let reaches = call.0.has_sleepers();
                // On a list already: another wake-up is about to tell it, of this change, too.
                let _ = calls.push_back(call.clone());
                reaches
            }
        }
    }
}

impl TaskRef {
    /// A new task around `body`, asleep until it is woken with [`TaskRef::start`].
    pub fn new(
        id: i32,
        allowed: u64,
        body: impl FnOnce(TaskRef) + Send + 'static,
    ) -> Result<TaskRef, NoMemory> {
        let task = Arc::new_cyclic(|me: &Weak<TaskNode>| {
            let waiter = |lane| Waiter::new(Target::Task(me.clone(), lane), 0, false);
            HeapNode::new(Task {
                id: AtomicI32::new(id),
                parking: Parking::new(
                    IrqSpin::new(State::Dead),
                    [AtomicBool::new(false), AtomicBool::new(false)],
                ),
                work: AtomicU32::new(0),
                cpu: AtomicU32::new(0),
                allowed: AtomicU64::new(allowed),
                ran_ns: AtomicU64::new(0),
                params: AtomicU32::new(Params::default().pack()),
                ioprio: AtomicU32::new(0),
                vruntime: AtomicU64::new(0),
                queued_ns: AtomicU64::new(0),
                waited_ns: AtomicU64::new(0),
                runs: AtomicU64::new(0),
                migrations: AtomicU64::new(0),
                ticks: [AtomicU64::new(0), AtomicU64::new(0)],
                told_ns: [AtomicU64::new(0), AtomicU64::new(0)],
                since_ns: AtomicU64::new(0),
                switches: [AtomicU64::new(0), AtomicU64::new(0)],
                waiters: [waiter(Lane::Event), waiter(Lane::Lock)],
                alarm: Timer::for_task(me.clone()),
            })
        });
        let me = Arc::downgrade(&task);
        let fiber = Fiber::new(move || {
            if let Some(task) = me.upgrade().map(TaskRef) {
                body(task);
            }
        })?;
        task.parking.slot(|slot| *slot = State::Asleep(fiber, Sleep::Uninterruptible));
        Ok(Self(task))
    }
}

impl Task {
    /// The number of its thread (gettid(2)).
    pub fn id(&self) -> i32 {
        self.id.load(Relaxed)
    }

    /// Its thread takes another number (execve(2) of one that is not the leader).
    pub fn set_id(&self, id: i32) {
        self.id.store(id, Relaxed);
    }

    /// The work word.
    #[inline]
    pub fn work(&self) -> u32 {
        self.work.load(Acquire)
    }

    /// Sets bits that only this thread reads.
    pub fn set_work(&self, bits: u32) {
        self.work.fetch_or(bits, SeqCst);
    }

    /// Clears bits; `true` when one of them was set.
    pub fn clear_work(&self, bits: u32) -> bool {
        self.work.fetch_and(!bits, SeqCst) & bits != 0
    }

    /// The running thread suspends until woken, unless `stay` says that it need not any more.
    /// `stay` is asked after the intention was announced: a wake-up from then on is not lost.
    pub fn park(&self, how: Sleep, stay: impl FnOnce() -> bool) {
        crate::lock::might_sleep();
        self.parking.park(how, stay, || {
            self.switches[0].fetch_add(1, Relaxed);
            let load = matches!(how, Sleep::Killable | Sleep::Uninterruptible);
            let sched = if load { cpu::sched() } else { None };
            sched.inspect(|sched| sched.count_blocked(true));
            hal::fiber::suspend(hal::fiber::Suspend::Sleep);
            sched.inspect(|sched| sched.count_blocked(false));
        });
    }

    /// Did a waker of this lane call since [`Task::clear_woken`]?
    pub fn woken(&self, lane: Lane) -> bool {
        self.parking.woken(lane as usize)
    }

    /// Forgets earlier wake-ups, before the condition is tested.
    pub fn clear_woken(&self, lane: Lane) {
        self.parking.clear(lane as usize);
    }

    /// The task's own place on wait queues.
    pub fn waiter(&self, lane: Lane) -> &Arc<Node<Waiter>> {
        &self.waiters[lane as usize]
    }

    /// The timer that wakes it at a deadline.
    pub fn alarm(&self) -> &TimerNode {
        &self.alarm
    }

    /// The letter of /proc/PID/stat.
    pub fn letter(&self) -> char {
        self.parking.slot(|slot| slot.letter())
    }

    /// The CPU it runs on, or ran on last.
    pub fn last_cpu(&self) -> CpuId {
        CpuId(self.cpu.load(Relaxed))
    }

    /// The CPUs it may run on, bit n for CPU n.
    pub fn allowed(&self) -> u64 {
        self.allowed.load(Relaxed)
    }

    /// Nanoseconds on a CPU so far.
    pub fn ran_ns(&self) -> u64 {
        let now = if self.parking.slot(|slot| slot.is_on_cpu()) {
            hal::time::now_ns().saturating_sub(self.since_ns.load(Relaxed))
        } else {
            0
        };
        self.ran_ns.load(Relaxed) + now
    }

    /// Nanoseconds in user mode and in the kernel: the time it ran, shared out as the ticks found
    /// it. Neither ever falls, though the shares do (`cputime_adjust`).
    pub fn times_ns(&self) -> (u64, u64) {
        let [user_before, system_before] = [0, 1].map(|at| self.told_ns[at].load(Relaxed));
        let ran = self.ran_ns().max(user_before + system_before);
        let [user, system] = [0, 1].map(|at| self.ticks[at].load(Relaxed));
        let share = match user + system {
            0 => ran,
            sum => (u128::from(ran) * u128::from(user) / u128::from(sum)) as u64,
        };
        let user = share.min(ran - system_before).max(user_before);
        let told = [user, ran - user];
        for (at, new) in told.into_iter().enumerate() {
            self.told_ns[at].fetch_max(new, Relaxed);
        }
        (told[0], told[1])
    }

    /// Do ticks find it in user mode more often than in the kernel?
    pub(super) fn is_mostly_in_user(&self) -> bool {
        let [user, system] = [0, 1].map(|at| self.ticks[at].load(Relaxed));
        user >= system
    }

    /// A tick found it running.
    pub(super) fn count_tick(&self, in_user: bool) {
        self.ticks[usize::from(!in_user)].fetch_add(1, Relaxed);
    }

    /// Voluntary and involuntary context switches.
    pub fn switches(&self) -> (u64, u64) {
        (self.switches[0].load(Relaxed), self.switches[1].load(Relaxed))
    }

    /// How it is scheduled.
    pub fn params(&self) -> Params {
        Params::unpack(self.params.load(Relaxed))
    }

    /// Its I/O priority, as ioprio_get(2) tells it.
    pub fn ioprio(&self) -> u32 {
        self.ioprio.load(Relaxed)
    }

    /// Changes its I/O priority.
    pub fn set_ioprio(&self, new: u32) {
        self.ioprio.store(new, Relaxed);
    }

    /// Changes how it is scheduled. A queued thread keeps its place until it has run.
    pub fn set_params(&self, params: Params) {
        self.params.store(params.pack(), Relaxed);
    }

    /// What its waiting and running amounts to.
    pub fn statistics(&self) -> Statistics {
        Statistics {
            waited_ns: self.waited_ns.load(Relaxed),
            runs: self.runs.load(Relaxed),
            migrations: self.migrations.load(Relaxed),
            vruntime_ns: self.vruntime.load(Relaxed),
            started_ns: self.since_ns.load(Relaxed),
        }
    }

    // ---- for the CPU loop ----

    /// A CPU takes the queued task's fiber.
    pub(super) fn take(&self, cpu: CpuId, now: u64) -> Option<Fiber> {
        let fiber = self.parking.slot(State::take)?;
        self.cpu.store(cpu.0, Relaxed);
        self.since_ns.store(now, Relaxed);
        self.waited_ns.fetch_add(now.saturating_sub(self.queued_ns.load(Relaxed)), Relaxed);
        self.runs.fetch_add(1, Relaxed);
        Some(fiber)
    }

    /// It is put on the queue of `cpu`.
    pub(super) fn queued(&self, cpu: CpuId, now: u64) {
        self.cpu.store(cpu.0, Relaxed);
        self.queued_ns.store(now, Relaxed);
    }

    /// Its weighted CPU time, without what it is running now.
    pub(super) fn vruntime(&self) -> u64 {
        self.vruntime.load(Relaxed)
    }

    /// The same up to now; it is running.
    pub(super) fn vruntime_now(&self) -> u64 {
        let ran = hal::time::now_ns().saturating_sub(self.since_ns.load(Relaxed));
        self.vruntime.load(Relaxed) + self.params().charge(ran)
    }

    /// Puts it elsewhere among others.
    pub(super) fn set_vruntime(&self, vruntime: u64) {
        self.vruntime.store(vruntime, Relaxed);
    }

    /// It goes from one CPU to another, whose scales begin at `from` and at `to`.
    pub(super) fn migrate(&self, from: u64, to: u64) {
        let lag = self.vruntime.load(Relaxed).saturating_sub(from);
        self.vruntime.store(to.saturating_add(lag), Relaxed);
        self.migrations.fetch_add(1, Relaxed);
    }

    /// Its time on the CPU ended.
    pub(super) fn account(&self, now: u64) {
        let ran = now.saturating_sub(self.since_ns.load(Relaxed));
        self.ran_ns.fetch_add(ran, Relaxed);
        self.vruntime.fetch_add(self.params().charge(ran), Relaxed);
    }

    /// It returned: nothing wakes it any more.
    pub(super) fn bury(&self) {
        self.parking.slot(|slot| *slot = State::Dead);
    }
}

impl TaskRef {
    /// The first wake-up of a new task, on this CPU or an idle one. It stands where its maker
    /// stands, which goes on running (`kernel.sched_child_runs_first` is 0).
    pub fn start(&self) {
        let Some(sched) = cpu::sched() else { return };
        if let Some(maker) = cpu::current() {
            self.vruntime.store(maker.vruntime_now(), Relaxed);
            self.set_params(maker.params().inherited());
            self.set_ioprio(maker.ioprio());
        }
        self.cpu.store(cpu::this_id().0, Relaxed);
        self.parking.wake(Wake::Event, || sched.enqueue(self.clone(), Enqueue::New));
    }

    /// It was never started and never will be: what it would have run goes now, and with it the
    /// handles that this has of the thread, and the thread of the task.
    pub fn abandon(&self) {
        let never_ran = self.parking.slot(|slot| core::mem::replace(slot, State::Dead));
        drop(never_ran);
    }

    /// What it waits for may have come: it tests its condition again.
    pub fn notify(&self, lane: Lane) {
        if let Some(sched) = cpu::sched() {
            self.parking.ring(lane as usize, || sched.enqueue(self.clone(), Enqueue::Woken));
        }
    }

    /// Wakes the thread if `why` ends its sleep.
    pub fn wake(&self, why: Wake) {
        let Some(sched) = cpu::sched() else { return };
        self.parking.wake(why, || sched.enqueue(self.clone(), Enqueue::Woken));
    }

    /// Sets bits of the work word; makes a running thread look at them soon.
    pub fn post(&self, bits: u32, why: Wake) {
        self.work.fetch_or(bits, SeqCst);
        if self.parking.slot(|slot| slot.is_on_cpu()) {
            hal::cpu::kick(CpuId(self.cpu.load(Relaxed)));
        }
        self.wake(why);
    }

    /// Changes the CPUs it may run on; it moves at its next switch.
    pub fn set_allowed(&self, mask: u64) {
        self.allowed.store(mask, Relaxed);
        if mask & 1 << self.cpu.load(Relaxed) == 0 {
            self.post(work::RESCHED, Wake::Signal);
        }
    }

    /// It suspended to sleep.
    pub(super) fn lay_down(&self, fiber: Fiber, sched: &'static Sched) {
        self.parking.lay_down(fiber, || sched.enqueue(self.clone(), Enqueue::Woken));
    }

    /// It gave the CPU away but wants it again.
    pub(super) fn requeue(&self, fiber: Fiber, sched: &'static Sched) {
        self.switches[1].fetch_add(1, Relaxed);
        let told = self.work.fetch_and(!work::RESCHED, Release) & work::RESCHED != 0;
        let how = if told { Enqueue::Preempted } else { Enqueue::Yielded };
        self.parking.slot(|slot| {
            *slot = State::Queued(fiber);
            sched.enqueue(self.clone(), how);
        });
    }
}
