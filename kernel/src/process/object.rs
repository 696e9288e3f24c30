//! [`Process`]: a thread group. Its place among others is in [`super::family`].

use alloc::{
    sync::{Arc, Weak},
    vec::Vec,
};
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering::Relaxed};

use abi::{
    process::TASK_COMM_LEN,
    signal::{SIGALRM, SigSet},
};

use super::{Kernel, Pid, Thread, cpu_timers::CpuTimers, members::Members};
use crate::{
    cred::{Cred, Limits, Uid},
    lock::{Spin, order},
    mm::Space,
    sched::{
        TaskRef,
        timer::{self, Expire, Timer, TimerNode},
    },
    signal::Pending,
    tty::Tty,
    wait::WaitQueue,
};

/// A process: threads that share a pid, signals, limits and children.
pub struct Process {
    /// Its number (what getpid(2) returns).
    pub pid: Pid,
    /// The kernel it lives in.
    pub kernel: &'static Kernel,
    /// Its parent's number, for getppid(2) without a lock. Written under `Family`.
    pub ppid: AtomicI32,
    /// The signal its parent gets when it ends; 0: none.
    pub exit_signal: AtomicU32,
    /// Its real user id, whose count of processes it is in.
    uid: AtomicU32,
    /// Monotonic time of its creation, in nanoseconds.
    pub started_ns: u64,
    /// Signals to the whole process, and its way to the end.
    pub signals: Spin<GroupSignals, order::Signals>,
    /// Resource limits.
    pub limits: Spin<Limits, order::Parts>,
    /// Wakes when a child has news, for wait(2).
    pub children: WaitQueue,
    /// Wakes when it or one of its threads is sent a signal, for signalfd(2).
    pub signalled: Arc<WaitQueue>,
    /// It is a zombie, or gone.
    pub ended: AtomicBool,
    /// Wakes when it has become one.
    pub ending: Arc<WaitQueue>,
    /// Wakes when a thread has ended while another executes a program.
    pub alone: WaitQueue,
    /// The thread of its parent that made it, or took it over from one that has ended
    /// (`__WNOTHREAD`). Written under `Family`.
    pub maker: AtomicI32,
    /// What its ended threads used, and what the children that it waited for used.
    pub usage: Spin<[Usage; 2], order::Names>,
    /// Signals it has no handler for do nothing, not even SIGKILL (`SIGNAL_UNKILLABLE`): init.
    pub unkillable: AtomicBool,
    /// alarm(2) and `ITIMER_REAL`.
    pub alarm: Alarm,
    /// `ITIMER_VIRTUAL`, `ITIMER_PROF`, `RLIMIT_CPU`.
    pub cpu_timers: CpuTimers,
    /// Its controlling terminal.
    pub terminal: Spin<Option<Arc<Tty>>, order::Names>,
    /// Its parent, or nobody, has been told of its end: its number is free again.
    pub(super) reaped: AtomicBool,
    /// The foreground group that the terminal had when it was lost: the leader of a session tells
    /// it when it exits (`tty_old_pgrp`). 0: none.
    pub lost_foreground: AtomicI32,
    /// What is left of its last thread when it has ended.
    pub remains: Spin<Option<Remains>, order::Parts>,
    /// How much sooner than others it goes when memory runs out, -1000 to 1000
    /// (`oom_score_adj`); at -1000 it is spared.
    pub oom_score_adj: AtomicI32,
    /// The lowest value that one without `CAP_SYS_RESOURCE` may go back to.
    pub oom_score_adj_min: AtomicI32,
}

/// What others can still learn of a thread that has ended.
#[derive(Clone)]
pub struct Remains {
    /// Its times, switches and priority.
    pub task: TaskRef,
    /// Its name.
    pub comm: heapless::Vec<u8, { TASK_COMM_LEN - 1 }>,
    /// Who it was.
    pub cred: Arc<Cred>,
}

/// The timer behind alarm(2) and `ITIMER_REAL`.
pub struct Alarm {
    node: TimerNode,
    /// Held while the node is armed and disarmed, which one CPU may ask for while another fires it.
    plan: Spin<Plan, order::Alarm>,
}

/// When the alarm goes off.
#[derive(Clone, Copy, Debug, Default)]
struct Plan {
    /// When SIGALRM comes, on the monotonic clock; 0: never.
    at: u64,
    /// Nanoseconds to the one after it; 0: there is none.
    every: u64,
}

impl Plan {
    /// Nanoseconds to the next SIGALRM (0: none) and between those after it.
    fn left(self) -> (u64, u64) {
        match self.at {
            0 => (0, self.every),
            at => (at.saturating_sub(hal::time::now_ns()).max(1), self.every),
        }
    }
}

/// What signals do to a whole process.
#[derive(Default)]
pub struct GroupSignals {
    /// Sent to the process, for whichever thread takes them.
    pub pending: Pending,
    /// The living threads.
    pub threads: Members,
    /// It ends with this wait status (`SIGNAL_GROUP_EXIT`).
    pub exit: Option<i32>,
    /// The thread that executes a program, for which all others end.
    pub exec: Option<Pid>,
    /// It is stopped by this signal, or about to be.
    pub stopped: Option<u32>,
    /// How many stops there have been.
    pub stops: u64,
    /// How many threads have yet to lie down for the present stop.
    pub to_stop: usize,
    /// Threads in the middle of a fork, and the signals sent to whole groups since it began: the
    /// child, which is not yet there to be sent them, gets those, too.
    pub forking: Vec<(Pid, SigSet)>,
    /// A thread has taken a stop signal and is about to stop the process; SIGCONT calls that
    /// off (`JOBCTL_STOP_DEQUEUED`).
    pub stopping: bool,
}

/// What a process has used.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Nanoseconds in user mode, by ended threads.
    pub user_ns: u64,
    /// Nanoseconds in the kernel, by ended threads.
    pub system_ns: u64,
    /// Page faults without I/O.
    pub faults: u64,
    /// Voluntary and involuntary switches.
    pub switches: (u64, u64),
    /// Largest resident set in pages.
    pub max_rss: u64,
    /// Reads and writes: bytes read, calls that read, bytes written, calls that wrote.
    pub io: [u64; 4],
}

impl Process {
    /// A process without threads yet. `unkillable` is for init.
    pub fn new(
        kernel: &'static Kernel,
        pid: Pid,
        exit_signal: u32,
        uid: Uid,
        limits: Limits,
    ) -> Arc<Self> {
        kernel.users.enter(uid);
        Arc::new_cyclic(|me: &Weak<Self>| Self {
            pid,
            kernel,
            ppid: AtomicI32::new(0),
            exit_signal: AtomicU32::new(exit_signal),
            uid: AtomicU32::new(uid.0),
            started_ns: hal::time::now_ns(),
            signals: Spin::new(GroupSignals::default()),
            limits: Spin::new(limits),
            children: WaitQueue::new(),
            signalled: Arc::new(WaitQueue::new()),
            ended: AtomicBool::new(false),
            ending: Arc::new(WaitQueue::new()),
            alone: WaitQueue::new(),
            maker: AtomicI32::new(0),
            usage: Spin::new([Usage::default(); 2]),
            unkillable: AtomicBool::new(pid == Pid::INIT),
            alarm: Alarm {
                node: Timer::calling(me.clone() as Weak<dyn Expire>),
                plan: Spin::new(Plan::default()),
            },
            cpu_timers: CpuTimers::default(),
            terminal: Spin::new(None),
            reaped: AtomicBool::new(false),
            lost_foreground: AtomicI32::new(0),
            remains: Spin::new(None),
            oom_score_adj: AtomicI32::new(0),
            oom_score_adj_min: AtomicI32::new(0),
        })
    }

    /// Its parent's number; 0 for init.
    pub fn parent_pid(&self) -> Pid {
        Pid(self.ppid.load(Relaxed))
    }

    /// Its real user id, also when it has ended.
    pub fn uid(&self) -> Uid {
        Uid(self.uid.load(Relaxed))
    }

    /// Its real user id is `uid` from now on; the users' counts follow.
    pub(super) fn set_uid(&self, uid: Uid) {
        let old = self.uid.swap(uid.0, Relaxed);
        if old != uid.0 {
            self.kernel.users.leave(Uid(old));
            self.kernel.users.enter(uid);
        }
    }

    /// Takes over from its parent what a fork hands down.
    pub(super) fn inherit(&self, parent: &Process) {
        let terminal = parent.terminal.lock().clone();
        *self.terminal.lock() = terminal;
        for (from, to) in [
            (&parent.oom_score_adj, &self.oom_score_adj),
            (&parent.oom_score_adj_min, &self.oom_score_adj_min),
        ] {
            to.store(from.load(Relaxed), Relaxed);
        }
    }

    /// A thread of it: the leader while that lives.
    pub fn thread(&self) -> Option<Arc<Thread>> {
        self.signals.lock().threads.iter().next()
    }

    /// Its thread `tid`, while that lives.
    pub fn thread_of(&self, tid: Pid) -> Option<Arc<Thread>> {
        self.signals.lock().threads.get(self.pid, tid)
    }

    /// Is its number free again?
    pub fn is_reaped(&self) -> bool {
        self.reaped.load(Relaxed)
    }

    /// Sets `oom_score_adj` for it and for those that share its memory (`__set_oom_adj`). `floor`:
    /// others may not go below that any more.
    pub fn set_oom_score_adj(&self, new: i32, floor: bool) {
        let set = |process: &Self| {
            process.oom_score_adj.store(new, Relaxed);
            if floor {
                process.oom_score_adj_min.store(new, Relaxed);
            }
        };
        set(self);
        let Some(space) = self.space() else { return };
        // Besides its own parts and the running thread's, only other processes hold it.
        if Arc::strong_count(&space) > 3 {
            let family = self.kernel.family.lock();
            let shares =
                |other: &&Arc<Self>| other.space().is_some_and(|other| Arc::ptr_eq(&other, &space));
            family.iter().map(|(_, process)| process).filter(shares).for_each(|p| set(p));
        }
    }

    /// What the scheduler runs or ran: also when it has ended. `None` while it is being made.
    pub fn task(&self) -> Option<TaskRef> {
        match self.thread() {
            Some(thread) => thread.task().cloned(),
            None => self.remains.lock().as_ref().map(|remains| remains.task.clone()),
        }
    }

    /// Its address space; `None` when it has ended.
    pub fn space(&self) -> Option<Arc<Space>> {
        self.thread()?.parts.lock().as_ref().map(|parts| parts.space.clone())
    }

    /// Who it is, or was when it ended.
    pub fn cred(&self) -> Option<Arc<Cred>> {
        let living = self.thread().and_then(|thread| thread.cred());
        living.or_else(|| self.remains.lock().as_ref().map(|remains| remains.cred.clone()))
    }

    /// What its ended threads and the living ones have used.
    pub fn used(&self) -> Usage {
        let threads: Vec<_> = self.signals.lock().threads.iter().collect();
        let mut used = self.usage.lock()[0];
        for thread in threads {
            used.add(&thread.used());
        }
        used
    }

    /// Is it on its way to the end?
    pub fn is_exiting(&self) -> bool {
        self.signals.lock().exit.is_some()
    }

    /// Arms the real-time interval timer: the first SIGALRM in `first` nanoseconds (0: disarm),
    /// then one `every` so often (0: no more). Returns the old values likewise.
    pub fn set_alarm(&self, first: u64, every: u64) -> (u64, u64) {
        let mut plan = self.alarm.plan.lock();
        let old = plan.left();
        timer::clear(&self.alarm.node);
        let at = if first == 0 { 0 } else { hal::time::now_ns().saturating_add(first) };
        *plan = Plan { at, every };
        if at != 0 {
            timer::set(&self.alarm.node, at);
        }
        old
    }

    /// Nanoseconds to the next SIGALRM (0: none) and between those after it.
    pub fn alarm_left(&self) -> (u64, u64) {
        self.alarm.plan.lock().left()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kernel.users.leave(self.uid());
    }
}

impl Expire for Process {
    fn expired(&self) {
        {
            let mut plan = self.alarm.plan.lock();
            let now = hal::time::now_ns();
            // Set anew or disarmed after the timer went off.
            if plan.at == 0 || plan.at > now {
                return;
            }
            match (now - plan.at).checked_div(plan.every) {
                None => plan.at = 0,
                Some(missed) => {
                    let next = plan.at.saturating_add((missed + 1).saturating_mul(plan.every));
                    plan.at = next;
                    timer::set(&self.alarm.node, next);
                }
            }
        }
        self.send(&Pending::kernel_info(SIGALRM));
    }
}

impl Usage {
    /// Adds `other`; of the largest resident sets the larger counts.
    pub fn add(&mut self, other: &Usage) {
        self.user_ns += other.user_ns;
        self.system_ns += other.system_ns;
        self.faults += other.faults;
        self.switches.0 += other.switches.0;
        self.switches.1 += other.switches.1;
        self.max_rss = self.max_rss.max(other.max_rss);
        for (sum, more) in self.io.iter_mut().zip(other.io) {
            *sum += more;
        }
    }
}
