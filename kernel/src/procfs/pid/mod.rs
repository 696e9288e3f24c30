//! `/proc/PID`: what processes tell of themselves (`fs/proc/base.c`).

mod mounts;

use super::Text;
use super::table::{Body, Dir, Named, Names, ProcCx, Subject, input, leads_to, list};
use super::table::{number_of, value};
use crate::cred::{Gid, Uid};
use crate::fs::Caller;
use crate::fs::inode::Inode;
use crate::mm::io::Source;
use crate::process::{Kernel, Pid, Process, Thread};
use abi::Result;
use abi::errno::{EINVAL, ENOENT, ESRCH, Errno};
use abi::fs::DT_DIR;
use alloc::format;
use alloc::sync::{Arc, Weak};

/// A process, for as long as it has a pid.
#[derive(Clone)]
pub struct Task {
    process: Weak<Process>,
}

impl Task {
    /// The process. `ESRCH` when it has been reaped.
    fn process(&self) -> Result<Arc<Process>> {
        self.process.upgrade().ok_or(ESRCH)
    }

    /// A thread of it. `ESRCH` when there is none any more.
    fn thread(&self) -> Result<Arc<Thread>> {
        self.process()?.thread().ok_or(ESRCH)
    }
}

impl Subject for Task {
    const LACKING: Errno = EINVAL;

    /// The family holds a process until it is reaped, and lookups hold it weakly.
    fn is_stale(&self) -> bool {
        self.process.strong_count() == 0
    }

    fn owner(&self, _mode: u32) -> (Uid, Gid) {
        let thread = self.thread().ok();
        let parts = thread.and_then(|thread| thread.parts.lock().clone());
        parts.map_or((Uid::ROOT, Gid(0)), |parts| (parts.cred.euid, parts.cred.egid))
    }
}

static PID: Dir<Task> =
    Dir::new(&[value("comm", 0o644, &Comm), list("mounts", 0o444, mounts::next)]);

/// The running thread, which must be one of a process.
fn current(kernel: &Kernel) -> Result<Arc<Process>> {
    kernel.family.lock().get(Pid(crate::sched::current_id())).cloned().ok_or(ENOENT)
}

/// `/proc/self`
pub(super) fn own(cx: &ProcCx<()>, _c: &Caller) -> Result<Arc<[u8]>> {
    leads_to(format!("{}", current(cx.kernel)?.pid.0).as_bytes())
}

/// `/proc/thread-self`
pub(super) fn own_thread(cx: &ProcCx<()>, _c: &Caller) -> Result<Arc<[u8]>> {
    let (pid, tid) = (current(cx.kernel)?.pid.0, crate::sched::current_id());
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
        let process = cx.kernel.family.lock().get(Pid(pid)).map(Arc::downgrade);
        let Some(process) = process else { return Ok(None) };
        cx.node(pid as u64, Task { process }, 0o555, Body::Dir(&PID)).map(Some)
    }

    fn list(&self, cx: &ProcCx<()>, from: u64, emit: &mut dyn FnMut(Named) -> bool) -> Result<()> {
        let mut from = i32::try_from(from).unwrap_or(i32::MAX);
        loop {
            let pids: heapless::Vec<Pid, BATCH> = {
                let family = cx.kernel.family.lock();
                family.pids_from(Pid(from)).take(BATCH).collect()
            };
            for pid in &pids {
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

/// `/proc/PID/comm`: the name of the thread.
struct Comm;

/// Bytes that are looked at: more than a name has (`PROC_NUMBUF`).
const COMM_INPUT: usize = 4096;

impl super::table::Value<Task> for Comm {
    fn show(&self, cx: &ProcCx<Task>, out: &mut Text) -> Result<()> {
        let comm = cx.target.thread()?.comm.lock().clone();
        out.escaped(&comm, b"\n\\")?;
        writeln!(out)
    }

    /// Only a thread of the process itself may name it.
    fn store(
        &self,
        cx: &ProcCx<Task>,
        _c: &Caller,
        _at: u64,
        from: &mut dyn Source,
    ) -> Result<usize> {
        let bytes = input(from, COMM_INPUT)?;
        let thread = cx.target.thread()?;
        if !Arc::ptr_eq(&thread.process, &current(cx.kernel)?) {
            return Err(EINVAL);
        }
        let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
        thread.set_comm(&bytes[..end]);
        Ok(bytes.len())
    }
}
