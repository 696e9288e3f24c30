//! System calls about processes: creation, programs, ends, waiting, identity, limits.

use alloc::sync::Arc;

use abi::{
    errno::{EBADF, EFAULT, EINVAL, ENOSYS, EPERM, ESRCH, Result},
    process::{
        ARCH_GET_FS, ARCH_GET_GS, ARCH_SET_FS, ARCH_SET_GS, CAP_SETGID, CAP_SETUID, CAP_SYS_NICE,
        CAP_SYS_RESOURCE, FUTEX_BITSET_MATCH_ANY, FUTEX_CLOCK_REALTIME, FUTEX_CMP_REQUEUE,
        FUTEX_PRIVATE_FLAG, FUTEX_REQUEUE, FUTEX_WAIT, FUTEX_WAIT_BITSET, FUTEX_WAKE,
        FUTEX_WAKE_BITSET, P_ALL, P_PGID, P_PID, P_PIDFD, RLIM_NLIMITS, RLIMIT_CPU, RLIMIT_NOFILE,
        RLIMIT_STACK, RUSAGE_CHILDREN, RUSAGE_SELF, RUSAGE_THREAD, Rlimit64, Rusage, WaitKind,
        WaitOptions,
    },
    signal::{CLD_CONTINUED, CLD_EXITED, CLD_KILLED, CLD_STOPPED, SIGCHLD, SIGCONT, Siginfo},
    time::Timespec,
};

use crate::{
    cred::{Cred, Gid, NGROUPS_MAX, Uid},
    fs::Fd,
    mm::user::{In, Out, UserIn, UserList, UserOut, UserPath},
    process::{
        Cx, Pid, clone as create, exec, exit as end,
        family::{News, Wanted, Whose},
        futex, signal,
        wait::{self, Report},
    },
    time,
};

/// fork(2)
pub fn fork(cx: &mut Cx) -> Result<Pid> {
    create::clone(cx, &create::Request::fork())
}

/// vfork(2)
pub fn vfork(cx: &mut Cx) -> Result<Pid> {
    create::clone(cx, &create::Request::vfork())
}

/// clone(2)
pub fn clone(
    cx: &mut Cx,
    flags: u64,
    stack: u64,
    parent_tid: u64,
    child_tid: u64,
    tls: u64,
) -> Result<Pid> {
    create::clone(cx, &create::Request::clone(flags, stack, parent_tid, child_tid, tls))
}

/// execve(2)
pub fn execve(cx: &mut Cx, path: UserPath, argv: u64, envp: u64) -> Result<()> {
    exec::execve(cx, Fd(abi::fs::AT_FDCWD), path, argv, envp, 0)
}

/// execveat(2)
pub fn execveat(
    cx: &mut Cx,
    dir: Fd,
    path: UserPath,
    argv: u64,
    envp: u64,
    flags: u32,
) -> Result<()> {
    exec::execve(cx, dir, path, argv, envp, flags)
}

/// exit(2)
pub fn exit(cx: &mut Cx, code: i32) -> Result<()> {
    end::exit(cx, code);
    Ok(())
}

/// exit_group(2)
pub fn exit_group(cx: &mut Cx, code: i32) -> Result<()> {
    end::exit(cx, code);
    Ok(())
}

/// What kernel and user time a report shows, and the rest of `struct rusage`.
fn rusage(usage: &crate::process::Usage) -> Rusage {
    let zero = <Rusage as abi::Wire>::ZERO;
    Rusage {
        ru_utime: time::timeval(usage.user_ns as i64),
        ru_stime: time::timeval(usage.system_ns as i64),
        ru_maxrss: usage.max_rss as i64 * 4,
        ru_minflt: usage.faults as i64,
        ru_nvcsw: usage.switches.0 as i64,
        ru_nivcsw: usage.switches.1 as i64,
        ..zero
    }
}

/// wait4(2)
pub fn wait4(
    cx: &mut Cx,
    pid: i32,
    status: Option<UserOut<i32>>,
    options: u32,
    usage: Option<UserOut<Rusage>>,
) -> Result<Pid> {
    let known = WaitOptions::NOHANG | WaitOptions::STOPPED | WaitOptions::CONTINUED;
    let kinds = WaitKind::from_bits_truncate(options);
    if options & !(known.bits() | WaitKind::KNOWN.bits()) != 0 {
        return Err(EINVAL);
    }
    let options = WaitOptions::from_bits_truncate(options);
    let whose = match pid {
        -1 => Whose::Any,
        0 => Whose::Group(own_group(cx)),
        1.. => Whose::Child(Pid(pid)),
        // The number of no group can be the negative of this one.
        i32::MIN => return Err(ESRCH),
        _ => Whose::Group(Pid(-pid)),
    };
    let wanted = Wanted {
        ended: true,
        stopped: options.has(WaitOptions::STOPPED),
        continued: options.has(WaitOptions::CONTINUED),
    };
    let Some(report) = wait::wait(cx, whose, wanted, options, kinds)? else { return Ok(Pid::NONE) };
    // The child is reaped even where its status cannot be stored.
    if let Some(at) = status {
        at.write(cx.space(), &report.status())?;
    }
    if let Some(at) = usage {
        at.write(cx.space(), &rusage(&report.usage))?;
    }
    Ok(report.pid)
}

/// waitid(2)
pub fn waitid(
    cx: &mut Cx,
    which: u32,
    id: i32,
    info: Option<UserOut<Siginfo>>,
    options: u32,
    usage: Option<UserOut<Rusage>>,
) -> Result<()> {
    let report = wait_for(cx, which, id, options);
    if let (Ok(Some(report)), Some(at)) = (&report, usage) {
        at.write(cx.space(), &rusage(&report.usage))?;
    }
    // Zeros also where there is nothing to tell, and where the call fails.
    if let Some(at) = info {
        let told = report.as_ref().ok().and_then(Option::as_ref);
        let told = told.map_or(<Siginfo as abi::Wire>::ZERO, child_info);
        at.write(cx.space(), &told)?;
    }
    report.map(drop)
}

/// The wait that waitid(2)'s arguments mean.
fn wait_for(cx: &Cx, which: u32, id: i32, options: u32) -> Result<Option<Report>> {
    let kinds = WaitKind::from_bits_truncate(options);
    let options = WaitOptions::checked(options & !WaitKind::KNOWN.bits()).ok_or(EINVAL)?;
    let wanted = Wanted {
        ended: options.has(WaitOptions::EXITED),
        stopped: options.has(WaitOptions::STOPPED),
        continued: options.has(WaitOptions::CONTINUED),
    };
    if !(wanted.ended || wanted.stopped || wanted.continued) {
        return Err(EINVAL);
    }
    let whose = match which {
        P_ALL => Whose::Any,
        P_PID if id > 0 => Whose::Child(Pid(id)),
        P_PGID if id > 0 => Whose::Group(Pid(id)),
        P_PGID if id == 0 => Whose::Group(own_group(cx)),
        // Nothing here is a pidfd.
        P_PIDFD if id >= 0 => return Err(EBADF),
        _ => return Err(EINVAL),
    };
    wait::wait(cx, whose, wanted, options, kinds)
}

/// The siginfo of waitid(2); its times stay zero.
fn child_info(report: &Report) -> Siginfo {
    let (code, status) = match report.news {
        News::Stopped(sig) => (CLD_STOPPED, sig as i32),
        News::Continued => (CLD_CONTINUED, SIGCONT as i32),
        News::Ended(status) if status & 0x7f == 0 => (CLD_EXITED, status >> 8 & 0xff),
        News::Ended(status) => (CLD_KILLED, status & 0x7f),
    };
    let mut info = Siginfo::chld(code, report.pid.0, report.uid, status, 0, 0);
    info.si_signo = SIGCHLD as i32;
    info
}

fn own_group(cx: &Cx) -> Pid {
    let family = cx.kernel.family.lock();
    family.place(cx.process().pid).map_or(Pid::NONE, |place| place.1)
}

/// getpid(2)
pub fn getpid(cx: &mut Cx) -> Result<Pid> {
    Ok(cx.process().pid)
}

/// gettid(2)
pub fn gettid(cx: &mut Cx) -> Result<Pid> {
    Ok(cx.thread.tid)
}

/// getppid(2)
pub fn getppid(cx: &mut Cx) -> Result<Pid> {
    Ok(cx.process().parent_pid())
}

/// The process that `pid` names in calls where 0 is the caller.
fn named(cx: &Cx, pid: i32) -> Pid {
    if pid == 0 { cx.process().pid } else { Pid(pid) }
}

/// setpgid(2)
pub fn setpgid(cx: &mut Cx, pid: i32, group: i32) -> Result<()> {
    let pid = named(cx, pid);
    let group = if group == 0 { pid } else { Pid(group) };
    if group.0 < 0 {
        return Err(EINVAL);
    }
    cx.kernel.family.lock().set_group(cx.process().pid, pid, group)
}

/// getpgid(2)
pub fn getpgid(cx: &mut Cx, pid: i32) -> Result<Pid> {
    let pid = named(cx, pid);
    cx.kernel.family.lock().place(pid).map(|place| place.1).ok_or(ESRCH)
}

/// getpgrp(2)
pub fn getpgrp(cx: &mut Cx) -> Result<Pid> {
    getpgid(cx, 0)
}

/// getsid(2)
pub fn getsid(cx: &mut Cx, pid: i32) -> Result<Pid> {
    let pid = named(cx, pid);
    cx.kernel.family.lock().place(pid).map(|place| place.2).ok_or(ESRCH)
}

/// setsid(2)
pub fn setsid(cx: &mut Cx) -> Result<Pid> {
    let session = cx.kernel.family.lock().new_session(cx.process().pid)?;
    let old = cx.process().terminal.lock().take();
    drop(old);
    Ok(session)
}

/// set_tid_address(2)
pub fn set_tid_address(cx: &mut Cx, at: u64) -> Result<Pid> {
    cx.thread.clear_child_tid.store(at, core::sync::atomic::Ordering::Relaxed);
    Ok(cx.thread.tid)
}

/// set_robust_list(2)
pub fn set_robust_list(cx: &mut Cx, head: u64, len: usize) -> Result<()> {
    if len != <abi::process::RobustListHead as abi::Wire>::SIZE {
        return Err(EINVAL);
    }
    cx.thread.robust_list.store(head, core::sync::atomic::Ordering::Relaxed);
    Ok(())
}

/// arch_prctl(2)
pub fn arch_prctl(cx: &mut Cx, code: u32, addr: u64) -> Result<()> {
    let out = UserOut::<u64>::new(addr);
    match code {
        ARCH_SET_FS | ARCH_SET_GS if addr >= hal::user::USER_END => Err(EPERM),
        ARCH_SET_FS => cx.regs.set_fs_base(addr).map_err(|_| EPERM),
        ARCH_SET_GS => cx.regs.set_gs_base(addr).map_err(|_| EPERM),
        ARCH_GET_FS => {
            let base = cx.regs.fs_base();
            out.write(cx.space(), &base)
        }
        ARCH_GET_GS => {
            let base = cx.regs.gs_base();
            out.write(cx.space(), &base)
        }
        _ => Err(EINVAL),
    }
}

/// getuid(2)
pub fn getuid(cx: &mut Cx) -> Result<u32> {
    Ok(cx.cred().uid.0)
}

/// geteuid(2)
pub fn geteuid(cx: &mut Cx) -> Result<u32> {
    Ok(cx.cred().euid.0)
}

/// getgid(2)
pub fn getgid(cx: &mut Cx) -> Result<u32> {
    Ok(cx.cred().gid.0)
}

/// getegid(2)
pub fn getegid(cx: &mut Cx) -> Result<u32> {
    Ok(cx.cred().egid.0)
}

/// getresuid(2)
pub fn getresuid(
    cx: &mut Cx,
    real: UserOut<u32>,
    effective: UserOut<u32>,
    saved: UserOut<u32>,
) -> Result<()> {
    let cred = cx.cred().clone();
    real.write(cx.space(), &cred.uid.0)?;
    effective.write(cx.space(), &cred.euid.0)?;
    saved.write(cx.space(), &cred.suid.0)
}

/// getresgid(2)
pub fn getresgid(
    cx: &mut Cx,
    real: UserOut<u32>,
    effective: UserOut<u32>,
    saved: UserOut<u32>,
) -> Result<()> {
    let cred = cx.cred().clone();
    real.write(cx.space(), &cred.gid.0)?;
    effective.write(cx.space(), &cred.egid.0)?;
    saved.write(cx.space(), &cred.sgid.0)
}

/// Installs changed credentials; capabilities follow the user ids.
fn install(cx: &mut Cx, mut new: Cred) {
    let old = cx.cred().clone();
    new.ids_changed(&old);
    new.fsuid_changed(old.fsuid);
    cx.set_cred(Arc::new(new));
}

/// setuid(2)
pub fn setuid(cx: &mut Cx, uid: u32) -> Result<()> {
    let uid = valid(uid).map(Uid)?;
    let mut new = (**cx.cred()).clone();
    if new.capable(CAP_SETUID) {
        (new.uid, new.suid) = (uid, uid);
    } else if uid != new.uid && uid != new.suid {
        return Err(EPERM);
    }
    (new.euid, new.fsuid) = (uid, uid);
    install(cx, new);
    Ok(())
}

/// setgid(2)
pub fn setgid(cx: &mut Cx, gid: u32) -> Result<()> {
    let gid = valid(gid).map(Gid)?;
    let mut new = (**cx.cred()).clone();
    if new.capable(CAP_SETGID) {
        (new.gid, new.sgid) = (gid, gid);
    } else if gid != new.gid && gid != new.sgid {
        return Err(EPERM);
    }
    (new.egid, new.fsgid) = (gid, gid);
    install(cx, new);
    Ok(())
}

/// -1 is no id.
fn valid(id: u32) -> Result<u32> {
    if id == u32::MAX { Err(EINVAL) } else { Ok(id) }
}

/// -1 leaves an id as it is.
fn given(id: u32) -> Option<u32> {
    (id != u32::MAX).then_some(id)
}

/// setreuid(2)
pub fn setreuid(cx: &mut Cx, real: u32, effective: u32) -> Result<()> {
    let old = cx.cred().clone();
    let mut new = (*old).clone();
    let any = old.capable(CAP_SETUID);
    if let Some(id) = given(real).map(Uid) {
        if !any && id != old.uid && id != old.euid {
            return Err(EPERM);
        }
        new.uid = id;
    }
    if let Some(id) = given(effective).map(Uid) {
        if !any && ![old.uid, old.euid, old.suid].contains(&id) {
            return Err(EPERM);
        }
        new.euid = id;
    }
    if given(real).is_some() || given(effective).is_some_and(|id| Uid(id) != old.uid) {
        new.suid = new.euid;
    }
    new.fsuid = new.euid;
    install(cx, new);
    Ok(())
}

/// setregid(2)
pub fn setregid(cx: &mut Cx, real: u32, effective: u32) -> Result<()> {
    let old = cx.cred().clone();
    let mut new = (*old).clone();
    let any = old.capable(CAP_SETGID);
    if let Some(id) = given(real).map(Gid) {
        if !any && id != old.gid && id != old.egid {
            return Err(EPERM);
        }
        new.gid = id;
    }
    if let Some(id) = given(effective).map(Gid) {
        if !any && ![old.gid, old.egid, old.sgid].contains(&id) {
            return Err(EPERM);
        }
        new.egid = id;
    }
    if given(real).is_some() || given(effective).is_some_and(|id| Gid(id) != old.gid) {
        new.sgid = new.egid;
    }
    new.fsgid = new.egid;
    install(cx, new);
    Ok(())
}

/// setresuid(2)
pub fn setresuid(cx: &mut Cx, real: u32, effective: u32, saved: u32) -> Result<()> {
    let old = cx.cred().clone();
    let mut new = (*old).clone();
    let own = [old.uid, old.euid, old.suid];
    for (id, field) in [(real, &mut new.uid), (effective, &mut new.euid), (saved, &mut new.suid)] {
        let Some(id) = given(id).map(Uid) else { continue };
        if !old.capable(CAP_SETUID) && !own.contains(&id) {
            return Err(EPERM);
        }
        *field = id;
    }
    new.fsuid = new.euid;
    install(cx, new);
    Ok(())
}

/// setresgid(2)
pub fn setresgid(cx: &mut Cx, real: u32, effective: u32, saved: u32) -> Result<()> {
    let old = cx.cred().clone();
    let mut new = (*old).clone();
    let own = [old.gid, old.egid, old.sgid];
    for (id, field) in [(real, &mut new.gid), (effective, &mut new.egid), (saved, &mut new.sgid)] {
        let Some(id) = given(id).map(Gid) else { continue };
        if !old.capable(CAP_SETGID) && !own.contains(&id) {
            return Err(EPERM);
        }
        *field = id;
    }
    new.fsgid = new.egid;
    install(cx, new);
    Ok(())
}

/// setfsuid(2): never fails, returns the old id.
pub fn setfsuid(cx: &mut Cx, uid: u32) -> Result<u32> {
    let old = cx.cred().clone();
    let id = Uid(uid);
    let may = old.capable(CAP_SETUID) || [old.uid, old.euid, old.suid, old.fsuid].contains(&id);
    if given(uid).is_some() && may && id != old.fsuid {
        let mut new = (*old).clone();
        new.fsuid = id;
        new.fsuid_changed(old.fsuid);
        cx.set_cred(Arc::new(new));
    }
    Ok(old.fsuid.0)
}

/// setfsgid(2): never fails, returns the old id.
pub fn setfsgid(cx: &mut Cx, gid: u32) -> Result<u32> {
    let old = cx.cred().clone();
    let id = Gid(gid);
    let may = old.capable(CAP_SETGID) || [old.gid, old.egid, old.sgid, old.fsgid].contains(&id);
    if given(gid).is_some() && may && id != old.fsgid {
        let mut new = (*old).clone();
        new.fsgid = id;
        cx.set_cred(Arc::new(new));
    }
    Ok(old.fsgid.0)
}

/// getgroups(2)
pub fn getgroups(cx: &mut Cx, size: i32, list: u64) -> Result<usize> {
    let groups = cx.cred().groups.clone();
    let size = usize::try_from(size).map_err(|_| EINVAL)?;
    if size != 0 {
        if size < groups.len() {
            return Err(EINVAL);
        }
        let list = UserList::<u32, Out>::new(list, size);
        for (at, group) in groups.iter().enumerate() {
            list.set(cx.space(), at, &group.0)?;
        }
    }
    Ok(groups.len())
}

/// setgroups(2)
pub fn setgroups(cx: &mut Cx, size: i32, list: u64) -> Result<()> {
    if !cx.cred().capable(CAP_SETGID) {
        return Err(EPERM);
    }
    let size = usize::try_from(size).ok().filter(|n| *n <= NGROUPS_MAX).ok_or(EINVAL)?;
    let mut groups = UserList::<u32, In>::new(list, size).to_vec(cx.space(), NGROUPS_MAX)?;
    if groups.contains(&u32::MAX) {
        return Err(EINVAL);
    }
    groups.sort_unstable();
    let mut new = (**cx.cred()).clone();
    new.groups = groups.into_iter().map(Gid).collect();
    cx.set_cred(Arc::new(new));
    Ok(())
}

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
            let counts = cx.space().counts();
            usage.max_rss = usage.max_rss.max(counts.anon + counts.file + counts.shmem);
            usage
        }
        RUSAGE_CHILDREN => cx.process().usage.lock()[1],
        RUSAGE_THREAD => cx.thread.used(),
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

/// sched_yield(2)
pub fn sched_yield(_cx: &mut Cx) -> Result<()> {
    crate::sched::yield_now();
    Ok(())
}

/// getcpu(2)
pub fn getcpu(cx: &mut Cx, cpu: Option<UserOut<u32>>, node: Option<UserOut<u32>>) -> Result<()> {
    if let Some(cpu) = cpu {
        cpu.write(cx.space(), &cx.task.last_cpu().0)?;
    }
    match node {
        Some(node) => node.write(cx.space(), &0),
        None => Ok(()),
    }
}

/// sched_getaffinity(2): as many bytes as the mask has words for all CPUs.
pub fn sched_getaffinity(cx: &mut Cx, pid: i32, len: u32, mask: u64) -> Result<usize> {
    if !len.is_multiple_of(8) || len == 0 {
        return Err(EINVAL);
    }
    let task = affinity_target(cx, pid)?;
    let allowed = task.allowed() & cx.kernel.sched.all_cpus();
    UserOut::<u64>::new(mask).write(cx.space(), &allowed)?;
    Ok(8)
}

/// sched_setaffinity(2)
pub fn sched_setaffinity(cx: &mut Cx, pid: i32, len: u32, mask: u64) -> Result<()> {
    let mut bytes = [0; 8];
    let given = (len as usize).min(8);
    cx.space().copy_in(mask, bytes.get_mut(..given).ok_or(EFAULT)?)?;
    let task = affinity_target(cx, pid)?;
    if pid != 0 && !may_schedule(cx, Pid(pid)) {
        return Err(EPERM);
    }
    let allowed = u64::from_le_bytes(bytes) & cx.kernel.sched.all_cpus();
    if allowed == 0 {
        return Err(EINVAL);
    }
    task.set_allowed(allowed);
    Ok(())
}

/// Whether the caller may say how process `pid` is scheduled (`check_same_owner`).
fn may_schedule(cx: &Cx, pid: Pid) -> bool {
    let parts = signal::find(cx, pid)
        .and_then(|process| process.thread())
        .and_then(|thread| thread.parts.lock().clone());
    let own = cx.cred();
    let same = |theirs: &Cred| own.euid == theirs.euid || own.euid == theirs.uid;
    own.capable(CAP_SYS_NICE) || parts.is_some_and(|parts| same(&parts.cred))
}

fn affinity_target(cx: &Cx, pid: i32) -> Result<crate::sched::TaskRef> {
    if pid == 0 {
        return Ok(cx.task.clone());
    }
    let process = signal::find(cx, Pid(pid)).ok_or(ESRCH)?;
    process.thread().and_then(|thread| thread.task().cloned()).ok_or(ESRCH)
}

/// futex(2)
pub fn futex(
    cx: &mut Cx,
    addr: u64,
    op: u32,
    value: u32,
    timeout: u64,
    other: u64,
    last: u32,
) -> Result<usize> {
    let private = op & FUTEX_PRIVATE_FLAG != 0;
    let command = op & !(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
    let waits = matches!(command, FUTEX_WAIT | FUTEX_WAIT_BITSET);
    if op & FUTEX_CLOCK_REALTIME != 0 && command != FUTEX_WAIT_BITSET {
        return Err(ENOSYS);
    }
    let deadline = if waits { futex_deadline(cx, op, timeout)? } else { None };
    // Where it is no pointer, the fourth argument is a count.
    let moved = timeout as u32;
    match command {
        FUTEX_WAIT => futex::wait(cx, addr, private, value, ANY, deadline).map(|()| 0),
        FUTEX_WAIT_BITSET => futex::wait(cx, addr, private, value, last, deadline).map(|()| 0),
        FUTEX_WAKE => futex::wake(cx, addr, private, value, ANY),
        FUTEX_WAKE_BITSET => futex::wake(cx, addr, private, value, last),
        FUTEX_REQUEUE => futex::requeue(cx, (addr, other), private, (value, moved), None),
        FUTEX_CMP_REQUEUE => futex::requeue(cx, (addr, other), private, (value, moved), Some(last)),
        _ => Err(ENOSYS),
    }
}

/// All bits: any waker will do.
const ANY: u32 = FUTEX_BITSET_MATCH_ANY;

/// `FUTEX_WAIT` takes a span, `FUTEX_WAIT_BITSET` a time on one of two clocks.
fn futex_deadline(cx: &Cx, op: u32, timeout: u64) -> Result<Option<u64>> {
    if timeout == 0 {
        return Ok(None);
    }
    let at = UserIn::<Timespec>::new(timeout).read(cx.space())?;
    let at = time::nanoseconds(at).ok_or(EINVAL)?;
    let now = time::mono_ns();
    Ok(Some(if op & FUTEX_WAIT_BITSET == 0 {
        now.saturating_add(at)
    } else if op & FUTEX_CLOCK_REALTIME != 0 {
        let ahead = (at as i64).saturating_sub(cx.kernel.real_time.now_ns()).max(0);
        now.saturating_add(ahead as u64)
    } else {
        at
    }))
}
