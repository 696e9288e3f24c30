//! What a process may use, has used and belongs to: `limits`, `io`, `cgroup` and the like
//! (`fs/proc/base.c`).

use super::{ProcCx, Task, Text, access, stat};
use abi::Result;
use abi::errno::EACCES;
use abi::process::{
    RLIM_INFINITY, RLIMIT_AS, RLIMIT_CORE, RLIMIT_CPU, RLIMIT_DATA, RLIMIT_FSIZE, RLIMIT_LOCKS,
    RLIMIT_MEMLOCK, RLIMIT_MSGQUEUE, RLIMIT_NICE, RLIMIT_NOFILE, RLIMIT_NPROC, RLIMIT_RSS,
    RLIMIT_RTPRIO, RLIMIT_RTTIME, RLIMIT_SIGPENDING, RLIMIT_STACK,
};
use core::sync::atomic::Ordering::Relaxed;

const LIMITS: [(u32, &str, &str); 16] = [
    (RLIMIT_CPU, "Max cpu time", "seconds"),
    (RLIMIT_FSIZE, "Max file size", "bytes"),
    (RLIMIT_DATA, "Max data size", "bytes"),
    (RLIMIT_STACK, "Max stack size", "bytes"),
    (RLIMIT_CORE, "Max core file size", "bytes"),
    (RLIMIT_RSS, "Max resident set", "bytes"),
    (RLIMIT_NPROC, "Max processes", "processes"),
    (RLIMIT_NOFILE, "Max open files", "files"),
    (RLIMIT_MEMLOCK, "Max locked memory", "bytes"),
    (RLIMIT_AS, "Max address space", "bytes"),
    (RLIMIT_LOCKS, "Max file locks", "locks"),
    (RLIMIT_SIGPENDING, "Max pending signals", "signals"),
    (RLIMIT_MSGQUEUE, "Max msgqueue size", "bytes"),
    (RLIMIT_NICE, "Max nice priority", ""),
    (RLIMIT_RTPRIO, "Max realtime priority", ""),
    (RLIMIT_RTTIME, "Max realtime timeout", "us"),
];

/// `limits`
pub fn limits(cx: &ProcCx<Task>, out: &mut Text) -> Result<()> {
    let limits = *cx.target.process()?.limits.lock();
    let line = |out: &mut Text, [name, soft, hard]: [&str; 3]| {
        write!(out, "{name:25} {soft:20} {hard:20} ")
    };
    line(out, ["Limit", "Soft Limit", "Hard Limit"])?;
    writeln!(out, "{:10}", "Units")?;
    for (which, name, unit) in LIMITS {
        let Some(limit) = limits.both(which) else { continue };
        write!(out, "{name:25} ")?;
        for value in [limit.rlim_cur, limit.rlim_max] {
            match value {
                RLIM_INFINITY => write!(out, "{:20} ", "unlimited")?,
                value => write!(out, "{value:<20} ")?,
            }
        }
        match unit {
            "" => writeln!(out)?,
            unit => writeln!(out, "{unit:10}")?,
        }
    }
    Ok(())
}

/// `io`: there is no storage below the files, so nothing is read from it or written to it.
pub fn io(cx: &ProcCx<Task>, out: &mut Text) -> Result<()> {
    let process = cx.target.process()?;
    access::look(cx).map_err(|_| EACCES)?;
    let [rchar, syscr, wchar, syscw] = stat::used(cx.target, &process)?.io;
    writeln!(out, "rchar: {rchar}\nwchar: {wchar}\nsyscr: {syscr}\nsyscw: {syscw}")?;
    writeln!(out, "read_bytes: 0\nwrite_bytes: 0\ncancelled_write_bytes: 0")
}

/// `cgroup`: no hierarchy of control groups is in use.
pub fn cgroup(cx: &ProcCx<Task>, _out: &mut Text) -> Result<()> {
    cx.target.process().map(drop)
}

/// `cpuset`: all are in the root of them.
pub fn cpuset(cx: &ProcCx<Task>, out: &mut Text) -> Result<()> {
    cx.target.process()?;
    writeln!(out, "/")
}

/// `timers`: POSIX timers, of which there are none.
pub fn timers(cx: &ProcCx<Task>, _out: &mut Text) -> Result<()> {
    cx.target.process().map(drop)
}

/// `personality`
pub fn personality(cx: &ProcCx<Task>, out: &mut Text) -> Result<()> {
    access::look(cx)?;
    let thread = cx.target.living()?;
    let bits = thread.map_or(0, |thread| thread.traits.personality.load(Relaxed));
    writeln!(out, "{bits:08x}")
}

/// `children`: those of the process, at its first thread.
pub fn children(cx: &ProcCx<Task>, out: &mut Text) -> Result<()> {
    let process = cx.target.process()?;
    if cx.target.pid()? != process.pid {
        return Ok(());
    }
    let mut from = super::Pid(0);
    loop {
        let batch: heapless::Vec<super::Pid, 64> = {
            let family = cx.kernel.family.lock();
            family.children_from(process.pid, from).take(64).collect()
        };
        for child in &batch {
            write!(out, "{} ", child.0)?;
        }
        match batch.last() {
            Some(last) => from = super::Pid(last.0.saturating_add(1)),
            None => return Ok(()),
        }
    }
}
