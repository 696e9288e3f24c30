//! The last resort when memory runs out (`mm/oom_kill.c`): the process that holds most of it is
//! killed, and whoever wanted memory tries again.
//!
//! Badness is Linux's (`oom_badness`): resident pages and page tables, and a thousandth of all
//! memory for each point of `oom_score_adj`. Init and what shares its memory are never chosen, nor
//! is who has adjusted to -1000. Processes that share the victim's memory go with it.

use alloc::sync::Arc;
use core::sync::atomic::{
    AtomicI32,
    Ordering::{Acquire, Relaxed, Release},
};

use abi::{process::OOM_SCORE_ADJ_MIN, signal::SIGKILL};

use super::{Kernel, Pid, Process};
use crate::{
    mm::{PAGE, Space},
    sched::{self, work},
    signal::Pending,
};

/// How long one waits for a victim's end before another must go: it may itself wait for a lock of
/// the one who waits here.
const PATIENCE_NS: u64 = 2_000_000_000;
/// Someone is choosing a victim.
const CHOOSING: i32 = -1;

/// The pid of the process that was killed last to make room; 0: none is waited for.
#[derive(Debug, Default)]
pub struct Victim(AtomicI32);

impl Victim {
    /// Nobody yet.
    pub const fn none() -> Self {
        Self(AtomicI32::new(0))
    }
}

impl Kernel {
    /// Memory has run out: kills a process and waits for its end. `true`: it is worth trying
    /// again. `false`: the caller is dying itself, or nothing can be killed.
    ///
    /// Gives the CPU away, so no spin lock may be held, nor `Mm`.
    pub fn out_of_memory(&self) -> bool {
        let Some(task) = sched::current() else { return false };
        let until = hal::time::now_ns() + PATIENCE_NS;
        loop {
            if task.work() & work::KILL != 0 {
                return false;
            }
            match self.oom_victim.0.load(Acquire) {
                0 if self.oom_victim.0.compare_exchange(0, CHOOSING, Acquire, Relaxed).is_ok() => {
                    if self.settings.panic_on_oom.load(Relaxed) != 0 {
                        hal::panic(format_args!(
                            "Out of memory: system-wide panic_on_oom is enabled"
                        ));
                    }
                    let killed = self.choose_victim().map(|process| self.sacrifice(&process));
                    self.oom_victim.0.store(killed.map_or(0, |pid| pid.0), Release);
                    if killed.is_none() {
                        return false;
                    }
                }
                0 | CHOOSING => sched::yield_now(),
                victim => {
                    if self.is_dying(Pid(victim)) && hal::time::now_ns() < until {
                        sched::yield_now();
                        continue;
                    }
                    // Another waiter may have seen it first.
                    let _ = self.oom_victim.0.compare_exchange(victim, 0, Release, Relaxed);
                    return true;
                }
            }
        }
    }

    /// Has `pid` been killed, but not yet released its memory?
    fn is_dying(&self, pid: Pid) -> bool {
        let family = self.family.lock();
        !family.is_zombie(pid) && family.get(pid).is_some_and(|process| process.is_exiting())
    }

    /// The process with the largest badness (`select_bad_process`).
    ///
    /// With `vm.oom_kill_allocating_task` it is who wants the memory, if that may be killed.
    fn choose_victim(&self) -> Option<Arc<Process>> {
        let family = self.family.lock();
        let init = family.get(Pid::INIT).and_then(|init| space_of(init)).map(|space| space.0);
        let score = |process: &Process| {
            let safe = process.pid == Pid::INIT || process.is_exiting();
            let shared = init.is_some() && init == space_of(process).map(|space| space.0);
            if safe || shared { None } else { badness(process) }
        };
        if self.settings.oom_kill_allocating_task.load(Relaxed) != 0
            && let Some(own) = sched::current().and_then(|task| family.get(Pid(task.id())))
            && score(own).is_some()
        {
            return Some(own.clone());
        }
        let scored = family.iter().filter_map(|(_, process)| Some((score(process)?, process)));
        scored.max_by_key(|(score, _)| *score).map(|(_, process)| process.clone())
    }

    /// Kills the process and those it shares its memory with, and logs it (`__oom_kill_process`).
    fn sacrifice(&self, process: &Process) -> Pid {
        let thread = process.thread();
        let parts = thread.as_ref().and_then(|thread| thread.parts.lock().clone());
        if let (Some(thread), Some(parts)) = (thread, parts) {
            let kib = |pages: u64| pages * PAGE / 1024;
            let counts = parts.space.counts();
            let comm = thread.comm.lock().clone();
            crate::printk!(
                ERR,
                "Out of memory: Killed process {} ({}) total-vm:{}kB, anon-rss:{}kB, \
                 file-rss:{}kB, shmem-rss:{}kB, UID:{} pgtables:{}kB oom_score_adj:{}",
                process.pid.0,
                comm.escape_ascii(),
                kib(parts.space.totals().0.total),
                kib(counts.anon),
                kib(counts.file),
                kib(counts.shmem),
                process.uid().0,
                kib(counts.tables),
                process.oom_score_adj.load(Relaxed),
            );
            let family = self.family.lock();
            let shared = Some(Arc::as_ptr(&parts.space));
            for (pid, sharer) in family.iter() {
                if pid != process.pid && space_of(sharer).map(|space| space.0) == shared {
                    sharer.send_in_family(&Pending::kernel_info(SIGKILL));
                }
            }
        }
        process.send(&Pending::kernel_info(SIGKILL));
        process.pid
    }
}

/// How good a victim the process is, in pages; `None` for one that must be spared, or has no
/// memory (`oom_badness`).
fn badness(process: &Process) -> Option<i64> {
    let adjustment = i64::from(process.oom_score_adj.load(Relaxed));
    let (_, pages) = space_of(process).filter(|_| adjustment != OOM_SCORE_ADJ_MIN.into())?;
    Some(pages as i64 + adjustment * (hal::mem::stats().total as i64 / 1000))
}

/// What /proc/PID/oom_score shows: badness in thousandths of all memory, from 0 to 2000 with the
/// ordinary process in the middle (`proc_oom_score`).
pub fn score(process: &Process) -> u64 {
    let total = hal::mem::stats().total as i64;
    let badness = badness(process).filter(|_| process.pid != Pid::INIT);
    let points = badness.map_or(0, |badness| 1000 + badness * 1000 / total.max(1));
    (points.max(0) * 2 / 3) as u64
}

/// Which address space a process has, and its pages in use, tables included.
fn space_of(process: &Process) -> Option<(*const Space, u64)> {
    let thread = process.thread()?;
    let parts = thread.parts.lock();
    let space = &parts.as_ref()?.space;
    let counts = space.counts();
    Some((Arc::as_ptr(space), counts.anon + counts.file + counts.shmem + counts.tables))
}
