//! [`Thread`]: one task of a process, and the loop that is its life.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, Ordering::Relaxed};

use abi::{errno::Result, process::TASK_COMM_LEN, signal::SigSet};
use hal::user::Trap;

use super::{Cx, Parts, Pid, Process, deliver, exit, object::Usage};
use crate::{
    cred::{Cred, Uid},
    lock::{Spin, order},
    sched::{self, TaskRef, work},
    signal::{Actions, Pending},
    syscall,
    wait::WaitQueue,
};

/// A thread, as others see it. Its registers and what it works with are in its [`Cx`].
pub struct Thread {
    /// Its number (gettid(2)); execve(2) may give it the process's.
    tid: AtomicI32,
    /// Its process.
    pub process: Arc<Process>,
    /// The user in whose count of threads it is, if it does not lead its process.
    user: AtomicU32,
    /// What the scheduler runs.
    task: spin::Once<TaskRef>,
    /// Blocked signals, and those sent to it alone.
    pub signals: Spin<ThreadSignals, order::ThreadSignals>,
    /// What it shares with others, for those who look at it from outside.
    pub parts: Spin<Option<Parts>, order::Parts>,
    /// Its name (`PR_SET_NAME`), without the NUL.
    pub comm: Spin<heapless::Vec<u8, { TASK_COMM_LEN - 1 }>, order::Names>,
    /// The word to clear and wake when it ends (set_tid_address(2)); 0: none.
    pub clear_child_tid: AtomicU64,
    /// The list of robust futexes (set_robust_list(2)).
    pub robust_list: AtomicU64,
    /// Page faults it took.
    pub faults: AtomicU64,
    /// What it has said of itself by prctl(2) and personality(2).
    pub traits: Traits,
    /// What it has read and written.
    pub io: IoCounts,
    /// Its parent sleeps here until it has a program of its own or ends (vfork(2)).
    pub vfork: Option<Arc<Vfork>>,
}

/// What a thread has said of itself by prctl(2) and personality(2).
pub struct Traits {
    /// The signal it gets when its parent ends (`PR_SET_PDEATHSIG`); 0: none.
    pub death_signal: AtomicU32,
    /// execve(2) gives it nothing that it has not (`PR_SET_NO_NEW_PRIVS`).
    pub no_new_privs: AtomicBool,
    /// How late its timers may be, in nanoseconds: now, and by default (`PR_SET_TIMERSLACK`).
    /// Timers are never that late.
    pub timer_slack: [AtomicU64; 2],
    /// personality(2), as others see it.
    pub personality: AtomicU32,
}

/// What init's timers may be late, in nanoseconds.
const TIMER_SLACK_NS: u64 = 50_000;

impl Default for Traits {
    fn default() -> Self {
        Self {
            death_signal: AtomicU32::new(0),
            no_new_privs: AtomicBool::new(false),
            timer_slack: [const { AtomicU64::new(TIMER_SLACK_NS) }; 2],
            personality: AtomicU32::new(0),
        }
    }
}

impl Traits {
    /// What a child starts with.
    pub fn inherited(&self) -> Self {
        let slack = self.timer_slack[0].load(Relaxed);
        Self {
            death_signal: AtomicU32::new(0),
            no_new_privs: AtomicBool::new(self.no_new_privs.load(Relaxed)),
            timer_slack: [AtomicU64::new(slack), AtomicU64::new(slack)],
            personality: AtomicU32::new(self.personality.load(Relaxed)),
        }
    }
}

/// What a thread has read and written by system calls, whatever the files were
/// (`task_io_accounting`).
#[derive(Debug, Default)]
pub struct IoCounts {
    /// Bytes read.
    pub read_bytes: AtomicU64,
    /// Bytes written.
    pub written_bytes: AtomicU64,
    /// Calls that read.
    pub reads: AtomicU64,
    /// Calls that wrote.
    pub writes: AtomicU64,
}

impl IoCounts {
    /// A call has read.
    #[inline]
    pub fn read(&self, result: &Result<usize>) {
        count(&self.read_bytes, &self.reads, result);
    }

    /// A call has written.
    #[inline]
    pub fn wrote(&self, result: &Result<usize>) {
        count(&self.written_bytes, &self.writes, result);
    }

    /// Reads: bytes, calls; writes: bytes, calls.
    pub fn sums(&self) -> [u64; 4] {
        [&self.read_bytes, &self.reads, &self.written_bytes, &self.writes]
            .map(|count| count.load(Relaxed))
    }
}

/// Only the thread itself counts, so no atomic addition is needed.
#[inline]
fn count(bytes: &AtomicU64, calls: &AtomicU64, result: &Result<usize>) {
    if let Ok(n) = result {
        bytes.store(bytes.load(Relaxed) + *n as u64, Relaxed);
    }
    calls.store(calls.load(Relaxed) + 1, Relaxed);
}

/// A parent's wait in vfork(2).
#[derive(Default)]
pub struct Vfork {
    done: core::sync::atomic::AtomicBool,
    queue: WaitQueue,
}

impl Vfork {
    /// The child does not need its parent's memory any more.
    pub fn finish(&self) {
        self.done.store(true, core::sync::atomic::Ordering::SeqCst);
        self.queue.wake_all();
    }

    /// Sleeps until the child is done, or the parent is killed.
    pub fn wait(&self) {
        let done = || self.done.load(core::sync::atomic::Ordering::SeqCst).then_some(());
        // Killed: the parent goes, the child keeps what it shares.
        let _ = self.queue.wait(crate::wait::Pause::KILLABLE, done);
    }
}

/// The signal state of one thread.
#[derive(Default)]
pub struct ThreadSignals {
    /// What it does not want to see now.
    pub mask: SigSet,
    /// Sent to this thread alone.
    pub pending: Pending,
    /// Blocked signals that it waits for nevertheless (rt_sigtimedwait(2)).
    pub waiting_for: SigSet,
    /// It is about to end: it takes nothing any more.
    pub exiting: bool,
    /// The number of the last stop of the process that it has lain down for.
    pub stop: u64,
}

impl Thread {
    /// A thread of `process` that has no task yet.
    pub fn new(
        tid: Pid,
        process: Arc<Process>,
        mask: SigSet,
        traits: Traits,
        vfork: Option<Arc<Vfork>>,
    ) -> Self {
        Self {
            tid: AtomicI32::new(tid.0),
            process,
            user: AtomicU32::new(0),
            task: spin::Once::new(),
            signals: Spin::new(ThreadSignals { mask, ..ThreadSignals::default() }),
            parts: Spin::new(None),
            comm: Spin::new(heapless::Vec::new()),
            clear_child_tid: AtomicU64::new(0),
            robust_list: AtomicU64::new(0),
            faults: AtomicU64::new(0),
            traits,
            io: IoCounts::default(),
            vfork,
        }
    }

    /// Its number (gettid(2)).
    pub fn tid(&self) -> Pid {
        Pid(self.tid.load(Relaxed))
    }

    /// Does it bear the process's number?
    pub fn is_leader(&self) -> bool {
        self.tid() == self.process.pid
    }

    /// It is counted as one of `uid`'s from now on; the leader is by its process.
    pub(super) fn enter_user(&self, uid: Uid) {
        self.user.store(uid.0, Relaxed);
        self.process.kernel.users.enter(uid);
    }

    /// It ends, or leads: it is not counted any more.
    pub(super) fn leave_user(&self) {
        self.process.kernel.users.leave(Uid(self.user.load(Relaxed)));
    }

    /// Its real user id is `uid` from now on; the users' counts follow.
    pub(super) fn set_uid(&self, uid: Uid) {
        if self.is_leader() {
            self.process.set_uid(uid);
        } else if self.user.load(Relaxed) != uid.0 {
            self.leave_user();
            self.enter_user(uid);
        }
    }

    /// It bears the process's number from now on: the last thread of an execve(2).
    pub(super) fn lead(&self) {
        self.tid.store(self.process.pid.0, Relaxed);
        if let Some(task) = self.task() {
            task.set_id(self.process.pid.0);
        }
    }

    /// What the scheduler runs. `None` only while it is being made.
    pub fn task(&self) -> Option<&TaskRef> {
        self.task.get()
    }

    /// Gives the thread its task.
    pub fn set_task(&self, task: TaskRef) {
        self.task.call_once(|| task);
    }

    /// Sets the name: the first 15 bytes of `name`.
    pub fn set_comm(&self, name: &[u8]) {
        let name = &name[..name.len().min(TASK_COMM_LEN - 1)];
        let mut comm = self.comm.lock();
        comm.clear();
        // It fits: it was cut.
        let _ = comm.extend_from_slice(name);
    }

    /// What it does with each signal; `None` once it is gone. Unlike its other parts these may be
    /// let go under any lock.
    pub fn actions(&self) -> Option<Arc<Spin<Actions, order::Actions>>> {
        self.parts.lock().as_ref().map(|parts| parts.actions.clone())
    }

    /// Who it is; `None` once it is gone.
    pub fn cred(&self) -> Option<Arc<Cred>> {
        self.parts.lock().as_ref().map(|parts| parts.cred.clone())
    }

    /// What it has used so far.
    pub fn used(&self) -> Usage {
        let Some(task) = self.task() else { return Usage::default() };
        let (user_ns, system_ns) = task.times_ns();
        Usage {
            user_ns,
            system_ns,
            faults: self.faults.load(Relaxed),
            switches: task.switches(),
            max_rss: 0,
            io: self.io.sums(),
        }
    }
}

/// The whole life of a user thread.
pub fn run(mut cx: Cx) {
    let mut in_user = false;
    cx.start();
    loop {
        // Also before the first step: a new thread may have been stopped or ended already.
        if cx.must_look() && !look(&mut cx, in_user) {
            return exit::finish(cx);
        }
        let trap = cx.regs.run(cx.parts.space.hal());
        in_user = trap == Trap::Interrupt;
        match trap {
            Trap::Syscall => syscall::dispatch(&mut cx),
            Trap::Fault { addr, access, error } => cx.fault(addr, access, error),
            Trap::Exception { vector, error } => cx.exception(vector, error),
            Trap::Interrupt => {}
        }
    }
}

/// Does what stands in the work word. `in_user`: an interrupt found the thread in user mode.
/// `false`: the thread ends.
#[cold]
fn look(cx: &mut Cx, in_user: bool) -> bool {
    loop {
        if cx.task.clear_work(work::DEFERRED)
            && let Some(cpu) = sched::this(&hal::cpu::NoPreempt::new())
        {
            cpu.run_deferred(in_user);
            cx.process().tick();
        }
        if cx.task.clear_work(work::LIMITS) {
            let limits = *cx.process().limits.lock();
            cx.limits = limits;
        }
        let todo = cx.task.work();
        let deliver = todo & (work::SIGNAL | work::KILL) != 0
            || cx.restart.is_some()
            || cx.saved_mask.is_some();
        if deliver && !deliver::deliver(cx) {
            return false;
        }
        if todo & work::RESCHED != 0 {
            sched::yield_now();
            continue;
        }
        if !cx.must_look() {
            return true;
        }
    }
}
