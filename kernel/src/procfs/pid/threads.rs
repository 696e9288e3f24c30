//! `task/`: the threads of a process (`proc_task_readdir`).

use super::super::table::number_of;
use super::{Body, Dir, Named, Names, Pid, ProcCx, THREAD, Task};
use crate::fs::inode::Inode;
use abi::Result;
use abi::errno::ENOMEM;
use abi::fs::DT_DIR;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;

pub static TASK: Dir<Task> = Dir::new(&[]).with(&Threads);

struct Threads;

/// The numbers of the threads, rising. One that has ended still counts while it is the leader.
fn numbers(task: &Task) -> Result<Vec<Pid>> {
    let process = task.process()?;
    let mut numbers = Vec::from([process.pid]);
    let group = process.signals.lock();
    numbers.try_reserve(group.threads.len()).map_err(|_| ENOMEM)?;
    numbers.extend(group.living().map(|thread| thread.tid()).filter(|tid| *tid != process.pid));
    drop(group);
    numbers.sort_unstable();
    Ok(numbers)
}

impl Names<Task> for Threads {
    fn find(&self, cx: &ProcCx<Task>, name: &[u8]) -> Result<Option<Arc<dyn Inode>>> {
        let tid = number_of(name).and_then(|n| i32::try_from(n).ok()).map(Pid);
        let Some(tid) = tid else { return Ok(None) };
        let task = Task { process: cx.target.process.clone(), tid: Some(tid) };
        if task.living().is_err() {
            return Ok(None);
        }
        cx.node(tid.0 as u64, task, 0o555, Body::Dir(&THREAD)).map(Some)
    }

    fn list(
        &self,
        cx: &ProcCx<Task>,
        from: u64,
        emit: &mut dyn FnMut(Named) -> bool,
    ) -> Result<()> {
        for tid in numbers(cx.target)?.into_iter().filter(|tid| tid.0 as u64 >= from) {
            let name = format!("{}", tid.0);
            if !emit(Named { key: tid.0 as u64, name: name.as_bytes(), kind: DT_DIR }) {
                break;
            }
        }
        Ok(())
    }

    fn dirs(&self, cx: &ProcCx<Task>) -> u32 {
        numbers(cx.target).map_or(0, |numbers| numbers.len() as u32)
    }
}
