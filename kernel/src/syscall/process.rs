//! System calls about processes: creation, programs, ends, waiting, groups and sessions.

use abi::{
    Wire,
    errno::{E2BIG, EAGAIN, EBADF, ECHILD, EINVAL, EPERM, ESRCH, Result},
    fs::OpenFlags,
    process::{
        ARCH_GET_FS, ARCH_GET_GS, ARCH_SET_FS, ARCH_SET_GS, CAP_CHECKPOINT_RESTORE, CAP_SYS_ADMIN,
        CSIGNAL, CloneArgs, CloneFlags, P_ALL, P_PGID, P_PID, P_PIDFD, RobustListHead, Rusage,
        WaitKind, WaitOptions,
    },
    signal::{CLD_CONTINUED, CLD_EXITED, CLD_KILLED, CLD_STOPPED, NSIG, SIGCHLD, SIGCONT, Siginfo},
};

use crate::{
    fs::Fd,
    mm::user::{UserIn, UserOut, UserPath},
    process::{
        Cx, Pid,
        access::As,
        clone as create, exec, exit as end,
        family::{News, Wanted, Whose},
        pidfd, signal,
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

/// The size of the first version of clone3(2)'s argument (`CLONE_ARGS_SIZE_VER0`).
const CLONE_ARGS_VER0: usize = 64;

/// clone3(2)
pub fn clone3(cx: &mut Cx, at: u64, size: usize) -> Result<Pid> {
    let args = clone_args(cx, at, size)?;
    let legacy = CloneFlags(u64::from(u32::MAX)) - CloneFlags::DETACHED - CloneFlags(CSIGNAL);
    let known = legacy | CloneFlags::CLEAR_SIGHAND | CloneFlags::INTO_CGROUP;
    let twin = args.flags.intersects(CloneFlags::THREAD | CloneFlags::PARENT);
    let exit_signal = u32::try_from(args.exit_signal).ok().filter(|sig| *sig <= NSIG);
    let no_stack = args.stack == 0;
    let top = args.stack.checked_add(args.stack_size);
    if !args.flags.without(known).is_empty()
        || twin && args.exit_signal != 0
        || no_stack != (args.stack_size == 0)
        || (args.set_tid == 0) != (args.set_tid_size == 0)
        || args.set_tid_size > 1
        || top.is_none_or(|top| top > hal::user::USER_END)
    {
        return Err(EINVAL);
    }
    if args.flags.has(CloneFlags::INTO_CGROUP) {
        // No file is a cgroup's directory.
        return Err(EBADF);
    }
    let set_tid = match args.set_tid {
        0 => None,
        at => Some(Pid(UserIn::<i32>::new(at).read(cx.space())?)),
    };
    let may_choose = [CAP_SYS_ADMIN, CAP_CHECKPOINT_RESTORE];
    if set_tid.is_some() && !may_choose.iter().any(|cap| cx.cred().capable(*cap)) {
        return Err(EPERM);
    }
    create::clone(
        cx,
        &create::Request {
            flags: args.flags,
            exit_signal: exit_signal.ok_or(EINVAL)?,
            stack: if no_stack { 0 } else { args.stack + args.stack_size },
            parent_tid: args.parent_tid,
            child_tid: args.child_tid,
            tls: args.tls,
            pidfd: args.pidfd,
            set_tid,
        },
    )
}

/// clone3(2)'s argument, of any version: what is beyond the known must be zero.
fn clone_args(cx: &Cx, at: u64, size: usize) -> Result<CloneArgs> {
    if size < CLONE_ARGS_VER0 {
        return Err(EINVAL);
    }
    if size > 4096 {
        return Err(E2BIG);
    }
    let mut bytes = [0; CloneArgs::SIZE];
    let known = size.min(CloneArgs::SIZE);
    cx.space().copy_in(at, bytes.get_mut(..known).ok_or(EINVAL)?)?;
    for beyond in known..size {
        if UserIn::<u8>::new(at + beyond as u64).read(cx.space())? != 0 {
            return Err(E2BIG);
        }
    }
    Ok(CloneArgs::get(&bytes))
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
    end::exit_group(cx, code);
    Ok(())
}

/// What kernel and user time a report shows, and the rest of `struct rusage`.
pub(super) fn rusage(usage: &crate::process::Usage) -> Rusage {
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
        P_PIDFD if id >= 0 => return wait_for_pidfd(cx, Fd(id), wanted, options, kinds),
        _ => return Err(EINVAL),
    };
    wait::wait(cx, whose, wanted, options, kinds)
}

/// The same for a process that a file stands for. With `O_NONBLOCK` it does not wait, and says so.
fn wait_for_pidfd(
    cx: &Cx,
    fd: Fd,
    wanted: Wanted,
    options: WaitOptions,
    kinds: WaitKind,
) -> Result<Option<Report>> {
    let process = pidfd::process(cx, fd)?;
    let nonblock = cx.file(fd)?.flags().has(OpenFlags::NONBLOCK);
    let how = if nonblock { options | WaitOptions::NOHANG } else { options };
    if process.is_reaped() {
        return Err(ECHILD);
    }
    let found = wait::wait(cx, Whose::Child(process.pid), wanted, how, kinds)?;
    match found {
        None if nonblock && !options.has(WaitOptions::NOHANG) => Err(EAGAIN),
        found => Ok(found),
    }
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
    Ok(cx.thread.tid())
}

/// getppid(2)
pub fn getppid(cx: &mut Cx) -> Result<Pid> {
    Ok(cx.process().parent_pid())
}

/// The process that `pid` names in calls where 0 is the caller.
pub(super) fn named(cx: &Cx, pid: i32) -> Pid {
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
    Ok(cx.thread.tid())
}

/// set_robust_list(2)
pub fn set_robust_list(cx: &mut Cx, head: u64, len: usize) -> Result<()> {
    if len != RobustListHead::SIZE {
        return Err(EINVAL);
    }
    cx.thread.robust_list.store(head, core::sync::atomic::Ordering::Relaxed);
    Ok(())
}

/// get_robust_list(2)
pub fn get_robust_list(
    cx: &mut Cx,
    tid: i32,
    head: UserOut<u64>,
    len: UserOut<usize>,
) -> Result<()> {
    let found = match tid {
        0 => cx.thread.clone(),
        tid => {
            let process = signal::find(cx, Pid(tid)).ok_or(ESRCH)?;
            let thread = process.thread_of(Pid(tid)).ok_or(ESRCH)?;
            process.may_be_looked_into(Some(cx.process()), cx.cred(), As::Real)?;
            thread
        }
    };
    len.write(cx.space(), &RobustListHead::SIZE)?;
    head.write(cx.space(), &found.robust_list.load(core::sync::atomic::Ordering::Relaxed))
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
