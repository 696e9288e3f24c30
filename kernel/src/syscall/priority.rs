//! System calls about who gets the CPU first: nice values, scheduling policies (sched(7)).
//!
//! The rules are those of `kernel/sys.c` and `kernel/sched/core.c`. `SCHED_DEADLINE` is not built,
//! nor are uclamp hints: they get the answer for a policy, or a flag, that does not exist.

use alloc::{sync::Arc, vec::Vec};

use abi::{
    Wire,
    errno::{E2BIG, EACCES, EINVAL, EPERM, ESRCH, Errno, Result},
    process::{
        CAP_SYS_NICE, PRIO_PGRP, PRIO_PROCESS, PRIO_USER, RLIMIT_NICE, RLIMIT_RTPRIO, SCHED_BATCH,
        SCHED_DEADLINE, SCHED_FIFO, SCHED_FLAG_RESET_ON_FORK, SCHED_IDLE, SCHED_NORMAL,
        SCHED_RESET_ON_FORK, SCHED_RR, SchedAttr, SchedParam,
    },
    time::Timespec,
};

use crate::{
    cred::{Cred, Uid},
    mm::user::{UserIn, UserOut},
    process::{Cx, Pid, Process, signal},
    sched::{Params, TaskRef},
    time,
};

/// Whether `cred` may say how a thread of `theirs` is scheduled (`check_same_owner`,
/// `set_one_prio_perm`).
fn is_owner(cred: &Cred, theirs: Option<&Cred>) -> bool {
    theirs.is_some_and(|theirs| cred.euid == theirs.euid || cred.euid == theirs.uid)
}

/// A thread: its process, and its scheduling half.
type Scheduled = (Arc<Process>, TaskRef);

/// The thread `id`, also when it has ended and is the first of its process; 0 is the caller.
pub(super) fn target(cx: &Cx, id: i32) -> Result<Scheduled> {
    if id == 0 {
        return Ok((cx.process().clone(), cx.task.clone()));
    }
    let process = signal::find(cx, Pid(id)).ok_or(ESRCH)?;
    let living = process.thread_of(Pid(id)).and_then(|thread| thread.task().cloned());
    let ended = || process.task().filter(|_| process.pid == Pid(id));
    let task = living.or_else(ended).ok_or(ESRCH)?;
    Ok((process, task))
}

/// Those whom getpriority(2) and setpriority(2) are about.
pub(super) fn whom(cx: &Cx, which: u32, who: i32) -> Result<Vec<Scheduled>> {
    let mut found = Vec::new();
    let mut add = |process: &Arc<Process>| {
        let ended = process.task().filter(|_| process.thread().is_none());
        let group = process.signals.lock();
        let living = group.living().filter_map(|thread| thread.task().cloned());
        living.chain(ended).all(|task| {
            let room = found.try_reserve(1).is_ok();
            if room {
                found.push((process.clone(), task));
            }
            room
        })
    };
    let family = cx.kernel.family.lock();
    let complete = match which {
        PRIO_PROCESS => {
            drop(family);
            return target(cx, who).map(|one| Vec::from([one]));
        }
        PRIO_PGRP => {
            let own = family.place(cx.process().pid).map_or(Pid::NONE, |place| place.1);
            family.members(if who == 0 { own } else { Pid(who) }).all(&mut add)
        }
        PRIO_USER => {
            let uid = if who == 0 { cx.cred().uid } else { Uid(who as u32) };
            let theirs = family.iter().filter(|(_, process)| process.uid() == uid);
            theirs.map(|(_, process)| process).all(&mut add)
        }
        _ => return Err(EINVAL),
    };
    if complete { Ok(found) } else { Err(abi::errno::ENOMEM) }
}

/// getpriority(2): 20 less the lowest nice value among them, since errors are negative.
pub fn getpriority(cx: &mut Cx, which: u32, who: i32) -> Result<usize> {
    let nices = whom(cx, which, who)?.into_iter().map(|(_, task)| task.params().nice);
    nices.min().map(|nice| (20 - nice) as usize).ok_or(ESRCH)
}

/// setpriority(2)
pub fn setpriority(cx: &mut Cx, which: u32, who: i32, nice: i32) -> Result<()> {
    let nice = nice.clamp(-20, 19);
    let mut result = Err(ESRCH);
    for (process, task) in whom(cx, which, who)? {
        match renice(cx, &process, &task, nice) {
            Ok(()) if result == Err(ESRCH) => result = Ok(()),
            Ok(()) => {}
            Err(why) => result = Err(why),
        }
    }
    result
}

fn renice(cx: &Cx, process: &Process, task: &TaskRef, nice: i32) -> Result<()> {
    let cred = cx.cred();
    if !is_owner(cred, process.cred().as_deref()) && !cred.capable(CAP_SYS_NICE) {
        return Err(EPERM);
    }
    let params = task.params();
    if nice < params.nice && !may_be_nice(cred, process, nice) {
        return Err(EACCES);
    }
    task.set_params(Params { nice, ..params });
    Ok(())
}

/// Whether a thread of `process` may get as low a nice value (`can_nice`).
fn may_be_nice(cred: &Cred, process: &Process, nice: i32) -> bool {
    let allowed = process.limits.lock().get(RLIMIT_NICE);
    (20 - nice) as u64 <= allowed || cred.capable(CAP_SYS_NICE)
}

/// sched_setscheduler(2)
pub fn sched_setscheduler(
    cx: &mut Cx,
    pid: i32,
    policy: i32,
    param: Option<UserIn<SchedParam>>,
) -> Result<()> {
    let policy = u32::try_from(policy).map_err(|_| EINVAL)?;
    change(cx, pid, param, Some(policy))
}

/// sched_setparam(2)
pub fn sched_setparam(cx: &mut Cx, pid: i32, param: Option<UserIn<SchedParam>>) -> Result<()> {
    change(cx, pid, param, None)
}

fn change(cx: &Cx, pid: i32, param: Option<UserIn<SchedParam>>, policy: Option<u32>) -> Result<()> {
    let param = param.filter(|_| pid >= 0).ok_or(EINVAL)?.read(cx.space())?;
    let (process, task) = target(cx, pid)?;
    let old = task.params();
    let new = Params {
        policy: policy.map_or(old.policy, |policy| policy & !SCHED_RESET_ON_FORK),
        nice: old.nice,
        rt_priority: u32::try_from(param.sched_priority).map_err(|_| EINVAL)?,
        reset_on_fork: policy.map_or(old.reset_on_fork, |p| p & SCHED_RESET_ON_FORK != 0),
    };
    set(cx, &process, &task, new)
}

/// Checks, then changes (`__sched_setscheduler`).
fn set(cx: &Cx, process: &Process, task: &TaskRef, new: Params) -> Result<()> {
    let old = task.params();
    if !matches!(new.policy, SCHED_NORMAL | SCHED_FIFO | SCHED_RR | SCHED_BATCH | SCHED_IDLE)
        || new.rt_priority > 99
        || new.is_real_time() != (new.rt_priority != 0)
    {
        return Err(EINVAL);
    }
    let cred = cx.cred();
    let lower = !new.is_real_time() && new.nice < old.nice && !may_be_nice(cred, process, new.nice);
    let allowed = process.limits.lock().get(RLIMIT_RTPRIO);
    let higher = new.is_real_time()
        && (new.policy != old.policy && allowed == 0
            || new.rt_priority > old.rt_priority && u64::from(new.rt_priority) > allowed);
    let from_idle = old.policy == SCHED_IDLE
        && new.policy != SCHED_IDLE
        && !may_be_nice(cred, process, old.nice);
    let owner = is_owner(cred, process.cred().as_deref());
    let frees = old.reset_on_fork && !new.reset_on_fork;
    if (lower || higher || from_idle || !owner || frees) && !cred.capable(CAP_SYS_NICE) {
        return Err(EPERM);
    }
    task.set_params(new);
    Ok(())
}

/// sched_getscheduler(2)
pub fn sched_getscheduler(cx: &mut Cx, pid: i32) -> Result<usize> {
    let (_, task) = target(cx, Some(pid).filter(|pid| *pid >= 0).ok_or(EINVAL)?)?;
    let params = task.params();
    let reset = if params.reset_on_fork { SCHED_RESET_ON_FORK } else { 0 };
    Ok((params.policy | reset) as usize)
}

/// sched_getparam(2)
pub fn sched_getparam(cx: &mut Cx, pid: i32, param: Option<UserOut<SchedParam>>) -> Result<()> {
    let param = param.filter(|_| pid >= 0).ok_or(EINVAL)?;
    let (_, task) = target(cx, pid)?;
    let params = task.params();
    param.write(cx.space(), &SchedParam { sched_priority: params.rt_priority as i32 })
}

/// The size of the first `struct sched_attr`.
const ATTR_SIZE_VER0: u32 = 48;

/// sched_setattr(2)
pub fn sched_setattr(cx: &mut Cx, pid: i32, attr: u64, flags: u32) -> Result<()> {
    if attr == 0 || pid < 0 || flags != 0 {
        return Err(EINVAL);
    }
    let attr = read_attr(cx, attr)?;
    let (process, task) = target(cx, pid)?;
    if attr.sched_policy == SCHED_DEADLINE || attr.sched_flags & !SCHED_FLAG_RESET_ON_FORK != 0 {
        return Err(EINVAL);
    }
    let old = task.params();
    let fair = matches!(attr.sched_policy, SCHED_NORMAL | SCHED_BATCH);
    let new = Params {
        policy: attr.sched_policy,
        nice: if fair { attr.sched_nice.clamp(-20, 19) } else { old.nice },
        rt_priority: attr.sched_priority,
        reset_on_fork: attr.sched_flags & SCHED_FLAG_RESET_ON_FORK != 0,
    };
    set(cx, &process, &task, new)
}

/// A structure of any size that has nothing set beyond what is known (`sched_copy_attr`): `E2BIG`
/// tells the caller the size that is.
fn read_attr(cx: &Cx, at: u64) -> Result<SchedAttr> {
    let size = UserIn::<u32>::new(at).read(cx.space())?;
    let size = if size == 0 { ATTR_SIZE_VER0 } else { size };
    let too_big = || -> Errno {
        // A bad address is the caller's own loss.
        let _ = UserOut::<u32>::new(at).write(cx.space(), &(SchedAttr::SIZE as u32));
        E2BIG
    };
    if !(ATTR_SIZE_VER0..=4096).contains(&size) {
        return Err(too_big());
    }
    let mut bytes = [0; SchedAttr::SIZE];
    let known = (size as usize).min(SchedAttr::SIZE);
    cx.space().copy_in(at, bytes.get_mut(..known).ok_or(EINVAL)?)?;
    for beyond in known as u64..u64::from(size) {
        if UserIn::<u8>::new(at + beyond).read(cx.space())? != 0 {
            return Err(too_big());
        }
    }
    Ok(SchedAttr::get(&bytes))
}

/// sched_getattr(2)
pub fn sched_getattr(cx: &mut Cx, pid: i32, attr: u64, size: u32, flags: u32) -> Result<()> {
    if attr == 0 || pid < 0 || !(ATTR_SIZE_VER0..=4096).contains(&size) || flags != 0 {
        return Err(EINVAL);
    }
    let (_, task) = target(cx, pid)?;
    let params = task.params();
    let told = (size as usize).min(SchedAttr::SIZE);
    let attr_out = SchedAttr {
        size: told as u32,
        sched_policy: params.policy,
        sched_flags: if params.reset_on_fork { SCHED_FLAG_RESET_ON_FORK } else { 0 },
        sched_nice: if params.is_real_time() { 0 } else { params.nice },
        sched_priority: params.rt_priority,
        sched_util_max: 1024,
        ..SchedAttr::ZERO
    };
    let mut bytes = [0; SchedAttr::SIZE];
    attr_out.put(&mut bytes);
    cx.space().copy_out(attr, bytes.get(..told).ok_or(EINVAL)?)
}

/// sched_get_priority_max(2)
pub fn sched_get_priority_max(_cx: &mut Cx, policy: i32) -> Result<usize> {
    bounds(policy).map(|bounds| bounds.1)
}

/// sched_get_priority_min(2)
pub fn sched_get_priority_min(_cx: &mut Cx, policy: i32) -> Result<usize> {
    bounds(policy).map(|bounds| bounds.0)
}

fn bounds(policy: i32) -> Result<(usize, usize)> {
    match u32::try_from(policy) {
        Ok(SCHED_FIFO | SCHED_RR) => Ok((1, 99)),
        Ok(SCHED_NORMAL | SCHED_BATCH | SCHED_IDLE | SCHED_DEADLINE) => Ok((0, 0)),
        _ => Err(EINVAL),
    }
}

/// sched_rr_get_interval(2)
pub fn sched_rr_get_interval(cx: &mut Cx, pid: i32, out: UserOut<Timespec>) -> Result<()> {
    let (_, task) = target(cx, Some(pid).filter(|pid| *pid >= 0).ok_or(EINVAL)?)?;
    let slice = crate::sched::fair::slice_ns(&task.params());
    out.write(cx.space(), &time::timespec(slice as i64))
}
