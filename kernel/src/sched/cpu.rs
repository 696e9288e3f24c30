//! One CPU's run queue and loop, and the choice of a CPU for a thread.
//!
//! Every CPU has a queue in the order of [`fair`]. The tick lets the running thread go on until it
//! is behind the first one there by a slice; a woken thread that is ahead of the running one by
//! more than [`GRANULARITY_NS`] takes its place. It wakes on its last CPU, or on an idle one when
//! that is busy; a CPU with nothing to do takes a thread from another's queue.
//!
//! Weighted CPU time means something only beside that of threads on the same CPU. Each CPU knows
//! where its scale stands ([`Queue::floor`]); a thread that comes from elsewhere keeps what it is
//! ahead of that, one that slept keeps at most [`SLEEPER_CREDIT_NS`] of what it is behind.

use alloc::{boxed::Box, vec::Vec};
use core::{
    any::Any,
    fmt,
    sync::atomic::{
        AtomicBool, AtomicI64, AtomicU32, AtomicU64,
        Ordering::{Acquire, Relaxed, Release, SeqCst},
    },
};

use abi::process::{SCHED_FIFO, SCHED_IDLE, SCHED_RR};
use hal::{
    cpu::{CpuId, Idle, NoPreempt, Pinned},
    fiber::Suspend,
    list::Heap,
};

use super::{
    fair::{Params, RR_TICKS, SLICE_NS, fair_key, rank, rt_key, vruntime_of},
    load::LoadAverage,
    task::{Task, TaskRef, work},
    timer::{TICK_NS, Timers},
};
use crate::{
    lock::{IrqSpin, order},
    log::Log,
};

/// What real-time threads may have of every second (`sched_rt_runtime_us`): then the others get
/// their turn.
const RT_NS: u64 = 950_000_000;

/// How far a sleeper's CPU time may lie behind that of the running thread: what it gains by having
/// slept (half of CFS's `sched_latency`).
const SLEEPER_CREDIT_NS: u64 = 3_000_000;

/// How far the running thread must be ahead of a woken one to give way at once (CFS's
/// `sched_wakeup_granularity`).
const GRANULARITY_NS: u64 = 1_000_000;

/// What a CPU does besides running threads; owned by layers above.
pub trait Background: Sync {
    /// Runs what interrupts have left to do. Called between threads and before user mode, never
    /// in an interrupt.
    fn run_deferred(&self, cpu: &Cpu);

    /// Frames have run out. `true`: room was made, try again. See `Kernel::out_of_memory`.
    fn out_of_memory(&self) -> bool;

    /// The log of this kernel.
    fn log(&self) -> &Log;
}

/// Why a thread comes to a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Enqueue {
    /// It was just made.
    New,
    /// It slept.
    Woken,
    /// It had the CPU, and others are more deserving.
    Preempted,
    /// It had the CPU and gave it away.
    Yielded,
}

/// The runnable threads of one CPU.
struct Queue {
    tasks: Heap<u64, Task>,
    /// Weighted CPU time of those who have had least, here; it only rises (CFS's `min_vruntime`).
    floor: u64,
    /// Real-time threads that came so far; a preempted one gets its old place by counting down.
    turns: (u64, u64),
}

/// Where the turns of threads begin that go behind others of their priority.
const LATER: u64 = 1 << 47;

impl Queue {
    const fn new() -> Self {
        Self { tasks: Heap::new(), floor: 0, turns: (LATER, LATER) }
    }

    /// Raises the floor, `running` being where the running thread stands.
    fn raise(&mut self, running: Option<u64>) {
        let first = self.tasks.peek().and_then(|(key, _)| vruntime_of(key));
        if let Some(least) = first.into_iter().chain(running).min() {
            self.floor = self.floor.max(least);
        }
    }

    /// Where `task` stands here. `rt`: real-time threads may come first now.
    fn place(&mut self, task: &Task, how: Enqueue, rt: bool) -> u64 {
        let params = task.params();
        if params.is_real_time() && rt {
            let turn = match how {
                Enqueue::Preempted if params.policy == SCHED_FIFO => {
                    self.turns.0 -= 1;
                    self.turns.0
                }
                _ => {
                    self.turns.1 += 1;
                    self.turns.1
                }
            };
            return rt_key(params.rt_priority, turn);
        }
        let first = self.tasks.peek().and_then(|(key, _)| vruntime_of(key));
        let least = match how {
            Enqueue::New | Enqueue::Preempted => 0,
            Enqueue::Woken => self.floor.saturating_sub(SLEEPER_CREDIT_NS),
            // Behind the one who waits longest.
            Enqueue::Yielded => first.map_or(0, |first| first + 1),
        };
        let vruntime = task.vruntime().max(least);
        task.set_vruntime(vruntime);
        fair_key(vruntime)
    }
}

/// How a thread spends the time of a CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// In user mode.
    User,
    /// In user mode, with a nice value above 0.
    Nice,
    /// In the kernel.
    System,
}

impl Mode {
    fn of(in_user: bool, params: Params) -> Self {
        match in_user {
            true if params.nice > 0 => Self::Nice,
            true => Self::User,
            false => Self::System,
        }
    }
}

/// One CPU.
pub struct Cpu {
    id: CpuId,
    sched: &'static Sched,
    queue: IrqSpin<Queue, order::RunQueue>,
    /// Length of `queue`, readable without its lock.
    queued: AtomicU32,
    current: IrqSpin<Option<TaskRef>, order::RunQueue>,
    /// Ticks since the current thread got the CPU.
    ticks: AtomicU32,
    /// What real-time threads have had of this second.
    rt: RtShare,
    /// An interrupt left something to do.
    deferred: AtomicBool,
    pub(super) timers: Timers,
    /// Context switches so far.
    switches: AtomicU64,
    /// Times the timers were looked at.
    timer_runs: AtomicU64,
    /// Nanoseconds spent running threads, by [`Mode`].
    busy_ns: [AtomicU64; 3],
    /// What the running thread used up to here is in `busy_ns`.
    accounted_ns: AtomicU64,
    /// Nanoseconds spent idle.
    idle_ns: AtomicU64,
    /// Idle since then; 0: not idle.
    idle_since_ns: AtomicU64,
    /// Files opened here less those closed here: only the sum over all CPUs has a meaning.
    open_files: AtomicI64,
}

/// All CPUs of one kernel.
pub struct Sched {
    cpus: spin::Once<Box<[Cpu]>>,
    /// Bit n: CPU n has nothing to do.
    idle: AtomicU64,
    background: spin::Once<&'static dyn Background>,
    load: LoadAverage,
    /// Threads asleep that count as load: no signal wakes them.
    blocked: AtomicU64,
}

impl Default for Sched {
    fn default() -> Self {
        Self::new()
    }
}

impl Sched {
    /// The scheduler before its CPUs are known.
    pub const fn new() -> Self {
        Self {
            cpus: spin::Once::new(),
            idle: AtomicU64::new(0),
            background: spin::Once::new(),
            load: LoadAverage::new(),
            blocked: AtomicU64::new(0),
        }
    }

    /// Makes the CPUs. Called once, at boot.
    pub fn start(&'static self, count: usize, background: &'static dyn Background) {
        self.background.call_once(|| background);
        self.cpus.call_once(|| {
            (0..count as u32)
                .map(|n| Cpu {
                    id: CpuId(n),
                    sched: self,
                    queue: IrqSpin::new(Queue::new()),
                    queued: AtomicU32::new(0),
                    current: IrqSpin::new(None),
                    ticks: AtomicU32::new(0),
                    rt: RtShare::default(),
                    deferred: AtomicBool::new(false),
                    timers: Timers::new(),
                    switches: AtomicU64::new(0),
                    timer_runs: AtomicU64::new(0),
                    busy_ns: [const { AtomicU64::new(0) }; 3],
                    accounted_ns: AtomicU64::new(0),
                    idle_ns: AtomicU64::new(0),
                    idle_since_ns: AtomicU64::new(0),
                    open_files: AtomicI64::new(0),
                })
                .collect::<Vec<_>>()
                .into_boxed_slice()
        });
        if let Some(boot) = self.cpus().first() {
            hal::cpu::set_data(boot as &'static (dyn Any + Sync));
        }
    }

    /// All CPUs, in order.
    pub fn cpus(&'static self) -> &'static [Cpu] {
        self.cpus.get().map_or(&[], |cpus| cpus)
    }

    /// Open files (`nr_files`).
    pub fn open_files(&self) -> i64 {
        let cpus = self.cpus.get().map_or(&[][..], |cpus| cpus);
        cpus.iter().map(|cpu| cpu.open_files.load(Relaxed)).sum()
    }

    /// Threads that run or wait for a CPU (`nr_running`).
    pub fn running(&'static self) -> u64 {
        self.cpus().iter().map(Cpu::runnable).sum()
    }

    /// The load averages over 1, 5 and 15 minutes, in units of 2^-[`super::load::SHIFT`].
    pub fn load_averages(&'static self) -> [u64; 3] {
        self.sample_load();
        self.load.get()
    }

    /// Takes a sample of the load if one is due.
    fn sample_load(&'static self) {
        let now = hal::time::now_ns();
        if self.load.is_due(now) {
            self.load.sample(now, self.running() + self.blocked.load(Relaxed));
        }
    }

    /// A thread begins (or ends) a sleep that counts as load.
    pub(super) fn count_blocked(&self, begins: bool) {
        match begins {
            true => self.blocked.fetch_add(1, Relaxed),
            false => self.blocked.fetch_sub(1, Relaxed),
        };
    }

    /// A mask with a bit for every CPU.
    pub fn all_cpus(&'static self) -> u64 {
        u64::MAX >> (64 - self.cpus().len().clamp(1, 64))
    }

    /// Puts a task that is `Queued` on a run queue. Called under its slot lock.
    pub(super) fn enqueue(&'static self, task: TaskRef, how: Enqueue) {
        let Some(cpu) = self.cpus().get(self.choose(&task)) else { return };
        let last = task.last_cpu();
        // Each lock on its own: they are of one level.
        let left = self.cpus().get(last.0 as usize).filter(|left| left.id != cpu.id);
        let left = left.map(|left| left.queue.lock().floor);
        let running = cpu.running();
        task.queued(cpu.id, hal::time::now_ns());
        let (first, was_idle) = {
            let mut queue = cpu.queue.lock();
            queue.raise(running.and_then(|(key, _)| vruntime_of(key)));
            if let Some(left) = left {
                task.migrate(left, queue.floor);
            }
            let params = task.params();
            let key = queue.place(&task, how, cpu.rt.left());
            // A queued task is on no heap: its state went to `Queued` under the slot lock.
            let _ = queue.tasks.insert(key, task.0);
            // Against a CPU that says it is idle and then looks here: one of the two must see the
            // other, so neither store may pass the load behind it.
            cpu.queued.store(queue.tasks.len() as u32, SeqCst);
            let first = how == Enqueue::Woken
                && running.is_some_and(|running| goes_first(key, params, running));
            (first, self.idle.load(SeqCst) & 1 << cpu.id.0 != 0)
        };
        if first && let Some(current) = cpu.current.lock().as_ref() {
            current.set_work(work::RESCHED);
        }
        if was_idle || first {
            hal::cpu::kick(cpu.id);
        }
    }

    /// Its last CPU if that is idle or the only one; else an idle one; else its last.
    fn choose(&'static self, task: &Task) -> usize {
        let allowed = match task.allowed() & self.all_cpus() {
            0 => self.all_cpus(),
            mask => mask,
        };
        let last = task.last_cpu().0;
        let idle = self.idle.load(Relaxed) & allowed;
        if allowed & 1 << last == 0 {
            let pick = if idle != 0 { idle } else { allowed };
            return pick.trailing_zeros() as usize;
        }
        if idle & 1 << last != 0 || idle == 0 {
            return last as usize;
        }
        idle.trailing_zeros() as usize
    }

    /// Is there a queued thread that `cpu` may run?
    fn has_work_for(&'static self, cpu: CpuId) -> bool {
        self.cpus().iter().any(|other| {
            other.queued.load(SeqCst) > 0
                && (other.id == cpu
                    || other.queue.lock().tasks.any(|task| task.allowed() & 1 << cpu.0 != 0))
        })
    }

    /// Takes a thread that `thief` may run from the longest other queue.
    fn steal(&'static self, thief: CpuId) -> Option<TaskRef> {
        let victim = self
            .cpus()
            .iter()
            .filter(|cpu| cpu.id != thief && cpu.queued.load(Acquire) > 0)
            .max_by_key(|cpu| cpu.queued.load(Relaxed))?;
        let (task, from) = {
            let mut queue = victim.queue.lock();
            let (_, task) = queue.tasks.take_any(|task| task.allowed() & 1 << thief.0 != 0)?;
            victim.queued.store(queue.tasks.len() as u32, Release);
            (task, queue.floor)
        };
        let to = self.cpus().get(thief.0 as usize).map_or(0, |cpu| cpu.queue.lock().floor);
        task.migrate(from, to);
        Some(TaskRef(task))
    }
}

/// Does a woken thread with this place take the CPU from the running one (`check_preempt_curr`)?
fn goes_first(key: u64, params: Params, (running, theirs): (u64, Params)) -> bool {
    match (vruntime_of(key), vruntime_of(running)) {
        // Of one real-time priority, the running thread goes on.
        (None, None) => rank(key) < rank(running),
        (woken, None) => woken.is_none(),
        (None, Some(_)) => true,
        (Some(woken), Some(running)) => {
            let idle = theirs.policy == SCHED_IDLE && params.policy != SCHED_IDLE;
            idle || params.preempts() && running > woken + GRANULARITY_NS
        }
    }
}

/// How much of the current second real-time threads have had on one CPU. It is counted by the
/// clock: on a slow machine a second has fewer ticks.
#[derive(Default)]
struct RtShare {
    had_ns: AtomicU64,
    second: AtomicU64,
    /// When it was counted last.
    counted_ns: AtomicU64,
}

impl RtShare {
    /// May they go on?
    fn left(&self) -> bool {
        let second = hal::time::now_ns() / NSEC_PER_SEC;
        self.second.load(Relaxed) != second || self.had_ns.load(Relaxed) < RT_NS
    }

    /// A tick found one running, which has the CPU since `since`.
    fn count(&self, since: u64) {
        let now = hal::time::now_ns();
        let from = self.counted_ns.swap(now, Relaxed).max(since);
        let second = now / NSEC_PER_SEC;
        if self.second.swap(second, Relaxed) != second {
            self.had_ns.store(0, Relaxed);
        }
        let from = from.max(second * NSEC_PER_SEC);
        self.had_ns.fetch_add(now.saturating_sub(from), Relaxed);
    }
}

const NSEC_PER_SEC: u64 = 1_000_000_000;

impl Cpu {
    /// Its number.
    pub fn id(&self) -> CpuId {
        self.id
    }

    /// Context switches so far.
    pub fn switches(&self) -> u64 {
        self.switches.load(Relaxed)
    }

    /// Nanoseconds spent idle so far.
    pub fn idle_ns(&self) -> u64 {
        let now = match self.idle_since_ns.load(Relaxed) {
            0 => 0,
            since => hal::time::now_ns().saturating_sub(since),
        };
        self.idle_ns.load(Relaxed) + now
    }

    /// Nanoseconds spent running threads so far, by [`Mode`]. What lies between two ticks goes where
    /// the second found the thread.
    pub fn busy_ns(&self, mode: Mode) -> u64 {
        self.busy_ns[mode as usize].load(Relaxed)
    }

    /// Times that timers were looked at (Linux's timer softirq).
    pub fn timer_runs(&self) -> u64 {
        self.timer_runs.load(Relaxed)
    }

    /// Threads that run or wait here.
    fn runnable(&self) -> u64 {
        u64::from(self.queued.load(Relaxed)) + u64::from(self.current.lock().is_some())
    }

    /// The running thread had the CPU since the last call.
    fn account(&self, now: u64, mode: Mode) {
        let used = now.saturating_sub(self.accounted_ns.swap(now, Relaxed));
        self.busy_ns[mode as usize].fetch_add(used, Relaxed);
    }

    /// Timers were looked at.
    pub(super) fn count_timer_run(&self) {
        self.timer_runs.fetch_add(1, Relaxed);
    }

    /// The running thread, if it is one.
    pub fn current(&self) -> Option<TaskRef> {
        self.current.lock().clone()
    }

    /// An interrupt has left work behind; the CPU will run its deferred work soon.
    pub fn defer(&self) {
        self.deferred.store(true, Release);
        if let Some(task) = self.current.lock().as_ref() {
            task.set_work(work::DEFERRED);
        }
        hal::cpu::request_attention();
    }

    /// Where the running thread stands now, and how it is scheduled.
    fn running(&self) -> Option<(u64, Params)> {
        let current = self.current.lock();
        let current = current.as_ref()?;
        let params = current.params();
        let key = match params.is_real_time() && self.rt.left() {
            true => rt_key(params.rt_priority, 0),
            false => fair_key(current.vruntime_now()),
        };
        Some((key, params))
    }

    /// A tick passed: does somebody else deserve the CPU, or could an idle one help?
    pub(super) fn tick(&self, in_user: bool) {
        let idle = self.sched.idle.load(Relaxed);
        if idle != 0 && self.queued.load(Relaxed) > 0 {
            hal::cpu::kick(CpuId(idle.trailing_zeros()));
        }
        let ticks = self.ticks.fetch_add(1, Relaxed) + 1;
        let Some((key, params)) = self.running() else { return };
        let over = self.queued.load(Relaxed) > 0 && self.is_over(key, params, ticks);
        if let Some(task) = self.current.lock().as_ref() {
            task.count_tick(in_user);
            self.account(hal::time::now_ns(), Mode::of(in_user, params));
            if params.is_real_time() {
                self.rt.count(task.statistics().started_ns);
            }
            if over {
                task.set_work(work::RESCHED);
            }
        }
        self.sched.sample_load();
    }

    /// Has the running thread, which stands at `running`, had its share before those who wait?
    fn is_over(&self, running: u64, params: Params, ticks: u32) -> bool {
        let mut queue = self.queue.lock();
        queue.raise(vruntime_of(running));
        let Some((first, _)) = queue.tasks.peek() else { return false };
        match (vruntime_of(running), vruntime_of(first)) {
            (None, Some(_)) => false,
            (None, None) if params.policy == SCHED_RR && ticks >= RR_TICKS => {
                rank(first) <= rank(running)
            }
            (None, None) => rank(first) < rank(running),
            (Some(_), None) => true,
            (Some(running), Some(first)) => {
                running > first + SLICE_NS
                    || running > first && u64::from(ticks) * TICK_NS >= SLICE_NS
            }
        }
    }

    /// Is a thread running here, or about to? In the CPU loop the idle bit cannot tell: it is set
    /// only while the CPU waits.
    pub fn busy(&self) -> bool {
        self.queued.load(Relaxed) > 0 || self.current.lock().is_some()
    }

    /// Runs what interrupts have left to do here. `in_user`: user mode was interrupted.
    pub fn run_deferred(&self, in_user: bool) {
        if self.deferred.swap(false, Acquire) {
            self.run_timers(in_user);
            if let Some(background) = self.sched.background.get() {
                background.run_deferred(self);
            }
        }
    }

    /// The loop of this CPU. Returns when the machine stops.
    pub fn run(&'static self) {
        // The boot CPU has been told in `Sched::start`.
        if this(&NoPreempt::new()).is_none() {
            hal::cpu::set_data(self as &'static (dyn Any + Sync));
        }
        loop {
            hal::rcu::quiescent();
            self.run_deferred(false);
            if let Some(task) = self.next() {
                self.resume(task);
            } else if !self.idle() {
                return;
            }
        }
    }

    fn next(&self) -> Option<TaskRef> {
        if self.queued.load(Acquire) > 0 {
            let mut queue = self.queue.lock();
            queue.raise(None);
            if let Some((_, task)) = queue.tasks.pop() {
                self.queued.store(queue.tasks.len() as u32, Release);
                return Some(TaskRef(task));
            }
        }
        self.sched.steal(self.id)
    }

    fn resume(&self, task: TaskRef) {
        let now = hal::time::now_ns();
        let Some(mut fiber) = task.take(self.id, now) else { return };
        self.timers.start_tick(now);
        self.switches.fetch_add(1, Relaxed);
        self.accounted_ns.store(now, Relaxed);
        self.ticks.store(0, Relaxed);
        *self.current.lock() = Some(task.clone());
        // An interrupt before that found nobody to tell, and the thread may never leave user mode
        // by itself.
        if self.deferred.load(Acquire) {
            task.set_work(work::DEFERRED);
        }
        let why = fiber.resume();
        let now = hal::time::now_ns();
        task.account(now);
        self.account(now, Mode::of(task.is_mostly_in_user(), task.params()));
        // Dropped after the lock: it may be the last handle.
        let was = self.current.lock().take();
        drop(was);
        match why {
            Suspend::Yield => task.requeue(fiber, self.sched),
            Suspend::Sleep => task.lay_down(fiber, self.sched),
            Suspend::Exit => {
                task.bury();
                drop(fiber);
            }
        }
    }

    /// Sleeps until there is work. `false`: the machine stops.
    fn idle(&self) -> bool {
        let bit = 1 << self.id.0;
        let before = hal::time::now_ns();
        self.idle_since_ns.store(before, Relaxed);
        self.sched.idle.fetch_or(bit, SeqCst);
        let woken = hal::cpu::idle_unless(|| {
            self.deferred.load(SeqCst) || self.sched.has_work_for(self.id)
        });
        self.sched.idle.fetch_and(!bit, SeqCst);
        self.idle_since_ns.store(0, Relaxed);
        self.idle_ns.fetch_add(hal::time::now_ns() - before, Relaxed);
        woken == Idle::Woken
    }
}

/// This CPU. Before the CPU loops run (at boot) there is none.
pub fn this(pin: &impl Pinned) -> Option<&'static Cpu> {
    let data: &dyn Any = hal::cpu::data(pin)?;
    data.downcast_ref()
}

/// The number of this CPU.
pub(super) fn this_id() -> CpuId {
    NoPreempt::new().cpu()
}

/// The scheduler of the running thread's kernel.
pub(super) fn sched() -> Option<&'static Sched> {
    this(&NoPreempt::new()).map(|cpu| cpu.sched)
}

/// For work of any length in the kernel, which is not preempted: lets timers and other threads have
/// their turn where an interrupt has left something to do, as each tick does. `false`: since then
/// one of `bits` stands in the work word, so the work should end.
pub fn go_on(bits: u32) -> bool {
    let due = this(&NoPreempt::new()).is_some_and(|cpu| cpu.deferred.load(Relaxed));
    if !due {
        return true;
    }
    super::yield_now();
    current().is_none_or(|task| task.work() & bits == 0)
}

/// Counts a file that was opened (1) or closed (-1), without a word that CPUs share.
pub fn count_file(change: i64) {
    if let Some(cpu) = this(&NoPreempt::new()) {
        cpu.open_files.fetch_add(change, Relaxed);
    }
}

/// The running thread. `None` in a CPU loop and at boot.
pub fn current() -> Option<TaskRef> {
    this(&NoPreempt::new())?.current()
}

/// A page for a program cannot be had. `true`: room was made, it is worth trying again. Gives the
/// CPU away, so no spin lock may be held, nor `Mm`.
pub fn out_of_memory() -> bool {
    let background = sched().and_then(|sched| sched.background.get());
    background.is_some_and(|background| background.out_of_memory())
}

/// Logs a line; see [`printk!`].
pub fn printk(level: u8, text: fmt::Arguments<'_>) {
    let cpu = this(&NoPreempt::new());
    let Some(cpu) = cpu else { return };
    if let Some(background) = cpu.sched.background.get() {
        background.log().write(level, text);
        // Who reads the log is told when the CPU comes by: whatever lock may be held here.
        cpu.deferred.store(true, Release);
    }
}

/// The number of the running thread; 0 if it is none, or that cannot be told at once: for panics,
/// which wait for no lock.
pub fn current_id() -> i32 {
    let cpu = this(&NoPreempt::new());
    let id = cpu.and_then(|cpu| cpu.current.try_lock().and_then(|task| Some(task.as_ref()?.id())));
    id.unwrap_or(0)
}
