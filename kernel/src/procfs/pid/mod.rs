//! `/proc/PID`: what processes tell of themselves (`fs/proc/base.c`).

mod access;
mod accounting;
mod fd;
mod links;
mod memory;
mod mounts;
mod namespaces;
mod raw;
mod sched;
mod settings;
mod stat;
mod status;
mod threads;

use super::Text;
use super::mount::{Hide, Shared};
use super::table::{Body, Dir, Named, Names, ProcCx, Row, Subject, dir, leads_to, list, magic};
use super::table::{number_of, raw, text, trigger, value};
use crate::cred::{Cred, Gid, Uid};
use crate::fs::Caller;
use crate::fs::inode::Inode;
use crate::mm::{Dumpable, Space};
use crate::process::{Kernel, Parts, Pid, Process, Thread};
use abi::Result;
use abi::errno::{EINVAL, ENOENT, EPERM, ESRCH, Errno};
use abi::fs::{DT_DIR, S_IFDIR};
use alloc::format;
use alloc::sync::{Arc, Weak};

/// A process, or one of its threads, for as long as it has a pid.
#[derive(Clone)]
pub struct Task {
    process: Weak<Process>,
    /// The thread; `None` stands for all of them together.
    tid: Option<Pid>,
}

impl Task {
    /// The process. `ESRCH` when it has been reaped.
    fn process(&self) -> Result<Arc<Process>> {
        self.process.upgrade().filter(|process| !process.is_reaped()).ok_or(ESRCH)
    }

    /// The thread, or the first one of the process; `None` when that has ended: a zombie, though
    /// others may go on. `ESRCH` when it has been reaped.
    fn living(&self) -> Result<Option<Arc<Thread>>> {
        let process = self.process()?;
        let tid = self.tid.unwrap_or(process.pid);
        let thread = process.thread_of(tid);
        if thread.is_none() && tid != process.pid { Err(ESRCH) } else { Ok(thread) }
    }

    /// What the thread works with; `None` for a zombie.
    fn parts(&self) -> Result<Option<Parts>> {
        Ok(self.living()?.and_then(|thread| thread.parts.lock().clone()))
    }

    /// Its address space; `None` for a zombie.
    fn space(&self) -> Result<Option<Arc<Space>>> {
        Ok(self.parts()?.map(|parts| parts.space))
    }

    /// The number that stands for it.
    fn pid(&self) -> Result<Pid> {
        Ok(self.tid.unwrap_or(self.process()?.pid))
    }
}

impl Subject for Task {
    const LACKING: Errno = EINVAL;

    fn is_stale(&self) -> bool {
        self.living().is_err()
    }

    fn is_hidden(&self, fs: &Shared) -> bool {
        fs.hide() >= Hide::Invisible
            && self.tid.is_none()
            && self.process().is_ok_and(|process| !access::shown(fs, &process, Hide::Invisible))
    }

    fn may_enter(&self, fs: &Shared, _cred: &Cred) -> Result<()> {
        if fs.hide() == Hide::Off || self.tid.is_some() {
            return Ok(());
        }
        if access::shown(fs, &*self.process()?, Hide::NoAccess) { Ok(()) } else { Err(EPERM) }
    }

    /// Its effective user, but root where others may not look into it (`task_dump_owner`).
    fn owner(&self, mode: u32) -> (Uid, Gid) {
        let Ok(process) = self.process() else { return (Uid::ROOT, Gid(0)) };
        let hidden = || match process.space() {
            Some(space) => space.dumpable() != Dumpable::Yes,
            None => true,
        };
        let open = mode == S_IFDIR | 0o555;
        match process.cred() {
            Some(cred) if open || !hidden() => (cred.euid, cred.egid),
            _ => (Uid::ROOT, Gid(0)),
        }
    }
}

/// The rows of processes and of threads.
macro_rules! rows {
    ($($own:expr),* $(,)?) => {
        &[
            $($own,)*
            raw("auxv", 0o400, raw::auxv).guarded(access::read),
            text("cgroup", 0o444, accounting::cgroup),
            trigger("clear_refs", 0o200, memory::clear_refs),
            raw("cmdline", 0o444, raw::cmdline),
            value("comm", 0o644, &settings::Comm),
            text("cpuset", 0o444, accounting::cpuset),
            magic("cwd", &links::Cwd),
            raw("environ", 0o400, raw::environ).guarded(access::read),
            magic("exe", &links::Exe),
            dir("fd", &fd::FD).perm(0o500),
            dir("fdinfo", &fd::FDINFO),
            text("gid_map", 0o644, settings::id_map).writable(settings::set_map),
            text("io", 0o400, accounting::io),
            text("limits", 0o444, accounting::limits),
            list("maps", 0o444, memory::maps).guarded(access::read),
            raw("mem", 0o600, raw::mem).guarded(access::attach),
            list("mountinfo", 0o444, mounts::mountinfo)
                .guarded(mounts::guard)
                .changing(&mounts::CHANGES),
            list("mounts", 0o444, mounts::mounts)
                .guarded(mounts::guard)
                .changing(&mounts::CHANGES),
            dir("ns", &namespaces::NS).perm(0o511),
            list("numa_maps", 0o444, memory::numa_maps).guarded(access::read),
            value("oom_adj", 0o644, &settings::OomAdj),
            text("oom_score", 0o444, settings::oom_score),
            value("oom_score_adj", 0o644, &settings::OomScoreAdj),
            raw("pagemap", 0o400, raw::pagemap).guarded(access::read),
            text("personality", 0o400, accounting::personality),
            text("projid_map", 0o644, settings::id_map).writable(settings::set_map),
            magic("root", &links::Root),
            text("sched", 0o644, sched::sched),
            text("schedstat", 0o444, sched::schedstat),
            value("setgroups", 0o644, &settings::SetGroups),
            list("smaps", 0o444, memory::smaps).guarded(access::read),
            text("smaps_rollup", 0o444, memory::smaps_rollup).guarded(access::read),
            text("stat", 0o444, stat::stat),
            text("statm", 0o444, stat::statm),
            text("status", 0o444, status::status),
            text("uid_map", 0o644, settings::id_map).writable(settings::set_map),
            text("wchan", 0o444, sched::wchan),
        ]
    };
}

static PROCESS_ROWS: &[Row<Task>] = rows![
    value("coredump_filter", 0o644, &settings::CoredumpFilter),
    list("mountstats", 0o400, mounts::mountstats).guarded(mounts::guard),
    dir("task", &threads::TASK),
    text("timers", 0o444, accounting::timers),
    value("timerslack_ns", 0o666, &settings::TimerSlack),
];

static THREAD_ROWS: &[Row<Task>] = rows![text("children", 0o444, accounting::children)];

static PROCESS: Dir<Task> = Dir::new(PROCESS_ROWS).admitting(access::while_there);
static THREAD: Dir<Task> = Dir::new(THREAD_ROWS);

/// The running thread's number.
fn current_tid() -> Pid {
    Pid(crate::sched::current().map_or(0, |task| task.id()))
}

/// Its process.
fn current(kernel: &Kernel) -> Result<Arc<Process>> {
    kernel.family.lock().get(current_tid()).cloned().ok_or(ENOENT)
}

/// `/proc/self`
pub(super) fn own(cx: &ProcCx<()>, _c: &Caller) -> Result<Arc<[u8]>> {
    leads_to(format!("{}", current(cx.kernel)?.pid.0).as_bytes())
}

/// `/proc/thread-self`
pub(super) fn own_thread(cx: &ProcCx<()>, _c: &Caller) -> Result<Arc<[u8]>> {
    let (pid, tid) = (current(cx.kernel)?.pid.0, current_tid().0);
    leads_to(format!("{pid}/task/{tid}").as_bytes())
}

/// The processes in `/proc`.
pub(super) struct Pids;

/// Pids taken under one hold of the `Family` lock.
const BATCH: usize = 64;

impl Names<()> for Pids {
    fn find(&self, cx: &ProcCx<()>, name: &[u8]) -> Result<Option<Arc<dyn Inode>>> {
        let Some(pid) = number_of(name).and_then(|n| i32::try_from(n).ok()) else {
            return Ok(None);
        };
        let process = cx.kernel.family.lock().get(Pid(pid)).cloned();
        let Some(process) = process else { return Ok(None) };
        // The number of a thread will do, though it is not listed.
        let tid = Some(Pid(pid)).filter(|tid| *tid != process.pid);
        let whole = Task { process: Arc::downgrade(&process), tid: None };
        let closed =
            || cx.fs.hide() != Hide::Off && !access::shown(cx.fs, &process, Hide::NoAccess);
        if whole.is_hidden(cx.fs) || tid.is_some() && closed() {
            return Ok(None);
        }
        let target = Task { tid, ..whole };
        cx.node(pid as u64, target, 0o555, Body::Dir(&PROCESS)).map(Some)
    }

    fn list(&self, cx: &ProcCx<()>, from: u64, emit: &mut dyn FnMut(Named) -> bool) -> Result<()> {
        let mut from = i32::try_from(from).unwrap_or(i32::MAX);
        loop {
            let pids: heapless::Vec<Pid, BATCH> = {
                let family = cx.kernel.family.lock();
                family.pids_from(Pid(from)).take(BATCH).collect()
            };
            for pid in &pids {
                if cx.fs.hide() >= Hide::Invisible {
                    let process = cx.kernel.family.lock().get(*pid).cloned();
                    if process
                        .is_none_or(|process| !access::shown(cx.fs, &process, Hide::Invisible))
                    {
                        continue;
                    }
                }
                let name = format!("{}", pid.0);
                if !emit(Named { key: pid.0 as u64, name: name.as_bytes(), kind: DT_DIR }) {
                    return Ok(());
                }
            }
            match pids.last() {
                Some(last) => from = last.0.saturating_add(1),
                None => return Ok(()),
            }
        }
    }

    fn dirs(&self, cx: &ProcCx<()>) -> u32 {
        cx.kernel.family.lock().len() as u32
    }
}
