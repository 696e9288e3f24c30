//! I/O priorities: ioprio_get(2), ioprio_set(2) (`block/ioprio.c`). They are kept and inherited as
//! Linux keeps them; no device here has a queue in which they could count.

use abi::{
    errno::{EINVAL, EPERM, ESRCH, Result},
    process::{
        CAP_SYS_ADMIN, CAP_SYS_NICE, IOPRIO_CLASS_BE, IOPRIO_CLASS_IDLE, IOPRIO_CLASS_NONE,
        IOPRIO_CLASS_RT, IOPRIO_CLASS_SHIFT, IOPRIO_NR_LEVELS, IOPRIO_WHO_PGRP, IOPRIO_WHO_PROCESS,
        IOPRIO_WHO_USER, PRIO_PGRP, PRIO_USER,
    },
};

use super::priority::{target, whom};
use crate::{
    cred::Cred,
    process::{Cx, Process},
    sched::TaskRef,
};

/// Calls `f` with each thread that is meant, until one fails. `ESRCH` when there is none.
fn each(
    cx: &Cx,
    which: u32,
    who: i32,
    mut f: impl FnMut(&Process, &TaskRef) -> Result<()>,
) -> Result<()> {
    let which = match which {
        IOPRIO_WHO_PROCESS => {
            let (process, task) = target(cx, who)?;
            return f(&process, &task);
        }
        IOPRIO_WHO_PGRP => PRIO_PGRP,
        IOPRIO_WHO_USER => PRIO_USER,
        _ => return Err(EINVAL),
    };
    let all = whom(cx, which, who)?;
    if all.is_empty() {
        return Err(ESRCH);
    }
    all.iter().try_for_each(|(process, task)| f(process, task))
}

/// ioprio_set(2)
pub fn ioprio_set(cx: &mut Cx, which: u32, who: i32, new: u32) -> Result<()> {
    let cred = cx.cred();
    match class(new) {
        IOPRIO_CLASS_RT if !cred.capable(CAP_SYS_ADMIN) && !cred.capable(CAP_SYS_NICE) => {
            return Err(EPERM);
        }
        IOPRIO_CLASS_RT | IOPRIO_CLASS_BE | IOPRIO_CLASS_IDLE => {}
        IOPRIO_CLASS_NONE if new & (IOPRIO_NR_LEVELS - 1) == 0 => {}
        _ => return Err(EINVAL),
    }
    each(cx, which, who, |process, task| {
        if !is_owner(cred, process) && !cred.capable(CAP_SYS_NICE) {
            return Err(EPERM);
        }
        task.set_ioprio(new & 0xffff);
        Ok(())
    })
}

/// Three bits; below them are three of a level, and hints between the two.
fn class(prio: u32) -> u32 {
    (prio >> IOPRIO_CLASS_SHIFT) & 7
}

/// Whether `cred` may say so of the process (`set_task_ioprio`).
fn is_owner(cred: &Cred, process: &Process) -> bool {
    let uid = process.uid();
    uid == cred.euid || uid == cred.uid
}

/// ioprio_get(2): of several, the best.
pub fn ioprio_get(cx: &mut Cx, which: u32, who: i32) -> Result<u32> {
    let mut best: Option<u32> = None;
    each(cx, which, who, |_, task| {
        let one = task.ioprio();
        best = Some(best.map_or(one, |best| better(best, one)));
        Ok(())
    })?;
    best.ok_or(ESRCH)
}

/// The better of two (`ioprio_best`): the lower number, where none at all is best effort.
fn better(a: u32, b: u32) -> u32 {
    /// What those get that have asked for nothing.
    const USUAL: u32 = (IOPRIO_CLASS_BE << IOPRIO_CLASS_SHIFT) | (IOPRIO_NR_LEVELS / 2);
    let valid = |prio: u32| match class(prio) {
        IOPRIO_CLASS_NONE => USUAL,
        _ => prio,
    };
    valid(a).min(valid(b))
}
