//! Timers: waking a thread at a deadline, and calling the layers above at theirs.
//!
//! Each CPU has a heap of timers, ordered by deadline in nanoseconds on the monotonic clock. The
//! interrupt only notes that something is due; [`Cpu::run_deferred`] fires it, between threads and
//! before user mode. Arming never allocates: whoever arms owns the node. Lock level: `Timers`.

use alloc::sync::{Arc, Weak};
use core::sync::atomic::{
    AtomicU32, AtomicU64,
    Ordering::{Relaxed, SeqCst},
};

use hal::{
    cpu::NoPreempt,
    list::{Heap, HeapNode},
};

use super::{
    cpu::{self, Cpu},
    slot::Wake,
    task::{TaskNode, TaskRef},
};
use crate::lock::{IrqSpin, order};

/// Between two ticks of a busy CPU, in nanoseconds (HZ = 250, as Debian's kernel).
pub const TICK_NS: u64 = 4_000_000;

/// Something that wants to be called at a deadline.
pub trait Expire: Send + Sync {
    /// The deadline has passed. Called in thread context; must not sleep.
    fn expired(&self);
}

enum Target {
    Task(Weak<TaskNode>),
    Call(Weak<dyn Expire>),
}

/// One timer: armed or not.
pub struct Timer {
    target: Target,
    /// The CPU whose heap has it, while it is armed.
    cpu: AtomicU32,
}

/// A timer's node, owned by whoever arms it.
pub type TimerNode = Arc<HeapNode<u64, Timer>>;

impl Timer {
    pub(super) fn for_task(task: Weak<TaskNode>) -> TimerNode {
        Self::node(Target::Task(task))
    }

    /// A timer that calls `target` when it is due, unless that is gone.
    pub fn calling(target: Weak<dyn Expire>) -> TimerNode {
        Self::node(Target::Call(target))
    }

    fn node(target: Target) -> TimerNode {
        Arc::new(HeapNode::new(Timer { target, cpu: AtomicU32::new(0) }))
    }

    fn fire(&self) {
        match &self.target {
            Target::Task(task) => {
                if let Some(task) = task.upgrade().map(TaskRef) {
                    task.wake(Wake::Event);
                }
            }
            Target::Call(target) => {
                if let Some(target) = target.upgrade() {
                    target.expired();
                }
            }
        }
    }
}

/// The timers of one CPU.
#[derive(Default)]
pub struct Timers {
    heap: IrqSpin<Heap<u64, Timer>, order::Timers>,
    /// What the hardware is armed for; `u64::MAX`: nothing.
    armed: AtomicU64,
    /// When the next tick is due; `u64::MAX`: never.
    tick: AtomicU64,
}

impl Timers {
    pub(super) fn new() -> Self {
        Self {
            heap: IrqSpin::new(Heap::new()),
            armed: AtomicU64::new(u64::MAX),
            tick: AtomicU64::new(u64::MAX),
        }
    }

    /// Arms the hardware if `at` comes before what it is armed for. On the timers' own CPU.
    fn arm_by(&self, at: u64) {
        if at < self.armed.load(Relaxed) {
            self.armed.store(at, Relaxed);
            hal::time::arm(at);
        }
    }

    /// A thread starts to run: it needs the tick.
    pub(super) fn start_tick(&self, now: u64) {
        if self.tick.load(Relaxed) == u64::MAX {
            self.tick.store(now + TICK_NS, Relaxed);
            let _pin = hal::cpu::NoIrq::new();
            self.arm_by(now + TICK_NS);
        }
    }
}

/// Arms `timer` for `at` (monotonic nanoseconds) on this CPU; an armed one moves.
pub fn set(timer: &TimerNode, at: u64) {
    clear(timer);
    let pin = NoPreempt::new();
    let Some(cpu) = cpu::this(&pin) else { return };
    let mut heap = cpu.timers.heap.lock();
    timer.cpu.store(cpu.id().0, SeqCst);
    // Not armed: it was cleared above, and only its owner arms it.
    let _ = heap.insert(at, timer.clone());
    cpu.timers.arm_by(at);
}

/// Disarms `timer`. `true` when it was armed.
pub fn clear(timer: &TimerNode) -> bool {
    let Some(sched) = cpu::sched() else { return false };
    let at = timer.cpu.load(SeqCst) as usize;
    sched.cpus().get(at).is_some_and(|cpu| cpu.timers.heap.lock().remove(timer))
}

impl Cpu {
    /// The timer interrupt: something may be due. Runs with interrupts off.
    pub fn timer_interrupt(&self) {
        self.timers.armed.store(u64::MAX, Relaxed);
        self.defer();
    }

    /// Fires what is due, ticks, and arms the hardware for what comes next.
    pub(super) fn run_timers(&self, in_user: bool) {
        self.count_timer_run();
        loop {
            let now = hal::time::now_ns();
            let due = {
                let mut heap = self.timers.heap.lock();
                match heap.peek() {
                    Some((at, _)) if at <= now => heap.pop(),
                    _ => None,
                }
            };
            match due {
                Some((_, timer)) => timer.fire(),
                None => break,
            }
        }
        let now = hal::time::now_ns();
        if self.timers.tick.load(Relaxed) <= now {
            if self.busy() {
                self.timers.tick.store(now + TICK_NS, Relaxed);
                self.tick(in_user);
            } else {
                self.timers.tick.store(u64::MAX, Relaxed);
            }
        }
        let heap = self.timers.heap.lock();
        let next = heap.peek().map_or(u64::MAX, |(at, _)| at);
        self.timers.arm_by(next.min(self.timers.tick.load(Relaxed)));
    }
}
