//! System calls about what a process may use and has used.

use abi::{
    errno::{EINVAL, EPERM, ESRCH, Result},
    process::{
        CAP_SYS_RESOURCE, RLIM_NLIMITS, RLIMIT_CPU, RLIMIT_NOFILE, RLIMIT_STACK, RUSAGE_CHILDREN,
        RUSAGE_SELF, RUSAGE_THREAD, Rlimit64, Rusage,
    },
};

use super::process::{named, rusage};
use crate::{
    mm::user::{UserIn, UserOut},
    process::{Cx, Usage, signal},
    time,
};

/// prlimit64(2)
pub fn prlimit64(
    cx: &mut Cx,
    pid: i32,
    which: u32,
    new: Option<UserIn<Rlimit64>>,
    old: Option<UserOut<Rlimit64>>,
) -> Result<()> {
    let new = new.map(|new| new.read(cx.space())).transpose()?;
    let pid = named(cx, pid);
    let process = signal::find(cx, pid).ok_or(ESRCH)?;
    if process.pid != cx.process().pid {
        let cred = cx.cred();
        let theirs = process.thread().and_then(|t| t.parts.lock().clone()).map(|p| p.cred);
        let same = theirs.is_some_and(|c| {
            [c.uid, c.euid, c.suid].iter().all(|id| *id == cred.uid)
                && [c.gid, c.egid, c.sgid].iter().all(|id| *id == cred.gid)
        });
        if !same && !cred.capable(CAP_SYS_RESOURCE) {
            return Err(EPERM);
        }
    }
    let before = change_limit(cx, &process, which, new)?;
    match old {
        Some(old) => old.write(cx.space(), &before),
        None => Ok(()),
    }
}

fn change_limit(
    cx: &mut Cx,
    process: &crate::process::Process,
    which: u32,
    new: Option<Rlimit64>,
) -> Result<Rlimit64> {
    /// The most files one process may ever have open (`sysctl_nr_open`).
    const NR_OPEN: u64 = 1 << 20;
    if which >= RLIM_NLIMITS {
        return Err(EINVAL);
    }
    if let Some(new) = new {
        if new.rlim_cur > new.rlim_max {
            return Err(EINVAL);
        }
        if which == RLIMIT_NOFILE && new.rlim_max > NR_OPEN {
            return Err(EPERM);
        }
    }
    let mut limits = process.limits.lock();
    let before = limits.both(which).ok_or(EINVAL)?;
    if let Some(new) = new {
        if new.rlim_max > before.rlim_max && !cx.cred().capable(CAP_SYS_RESOURCE) {
            return Err(EPERM);
        }
        limits.set(which, new);
    }
    drop(limits);
    if let Some(new) = new {
        let space = process.thread().and_then(|t| t.parts.lock().clone()).map(|p| p.space);
        if let Some(space) = space.filter(|_| which == RLIMIT_STACK) {
            space.set_stack_limit(new.rlim_cur);
        }
        if which == RLIMIT_CPU {
            process.watch_cpu_time();
        }
        if process.pid == cx.process().pid {
            cx.limits = *process.limits.lock();
        } else if let Some(thread) = process.thread() {
            thread.reread_limits();
        }
    }
    Ok(before)
}

/// getrlimit(2)
pub fn getrlimit(cx: &mut Cx, which: u32, old: UserOut<Rlimit64>) -> Result<()> {
    let limit = cx.process().limits.lock().both(which).ok_or(EINVAL)?;
    old.write(cx.space(), &limit)
}

/// setrlimit(2)
pub fn setrlimit(cx: &mut Cx, which: u32, new: UserIn<Rlimit64>) -> Result<()> {
    let new = new.read(cx.space())?;
    let process = cx.process().clone();
    change_limit(cx, &process, which, Some(new)).map(drop)
}

/// getrusage(2)
pub fn getrusage(cx: &mut Cx, who: i32, out: UserOut<Rusage>) -> Result<()> {
    let usage = match who {
        RUSAGE_SELF => {
            let mut usage = cx.process().used();
            usage.max_rss = usage.max_rss.max(cx.space().most_pages());
            usage
        }
        RUSAGE_CHILDREN => cx.process().usage.lock()[1],
        RUSAGE_THREAD => Usage { max_rss: cx.space().most_pages(), ..cx.thread.used() },
        _ => return Err(EINVAL),
    };
    out.write(cx.space(), &rusage(&usage))
}

/// times(2)
pub fn times(cx: &mut Cx, out: Option<UserOut<abi::time::Tms>>) -> Result<u64> {
    let tick = |ns: u64| (ns / (time::NSEC_PER_SEC / abi::time::USER_HZ)) as i64;
    if let Some(out) = out {
        let own = cx.process().used();
        let children = cx.process().usage.lock()[1];
        let times = abi::time::Tms {
            tms_utime: tick(own.user_ns),
            tms_stime: tick(own.system_ns),
            tms_cutime: tick(children.user_ns),
            tms_cstime: tick(children.system_ns),
        };
        out.write(cx.space(), &times)?;
    }
    Ok(tick(time::mono_ns()) as u64)
}
