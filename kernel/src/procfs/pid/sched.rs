//! `sched`, `schedstat`, `wchan`: a thread as the scheduler sees it (`kernel/sched/debug.c`).

use super::{ProcCx, Task, Text, stat};
use crate::sched::TaskRef;
use abi::Result;
use abi::errno::ESRCH;

fn scheduled(cx: &ProcCx<Task>) -> Result<TaskRef> {
    match cx.target.living()? {
        Some(thread) => thread.task().cloned(),
        None => cx.target.process()?.task(),
    }
    .ok_or(ESRCH)
}

/// `schedstat`: nanoseconds on a CPU, nanoseconds waiting for one, times it was given one.
pub fn schedstat(cx: &ProcCx<Task>, out: &mut Text) -> Result<()> {
    let task = scheduled(cx)?;
    let statistics = task.statistics();
    writeln!(out, "{} {} {}", task.ran_ns(), statistics.waited_ns, statistics.runs)
}

/// `sched`: what is known here of Linux's rows; there are no averages of load, and one memory node.
pub fn sched(cx: &ProcCx<Task>, out: &mut Text) -> Result<()> {
    let task = scheduled(cx)?;
    let process = cx.target.process()?;
    let threads = stat::threads(&process);
    out.bytes(&stat::comm(cx.target)?)?;
    writeln!(out, " ({}, #threads: {threads})", cx.target.pid()?.0)?;
    writeln!(out, "{:-<67}", "")?;
    let statistics = task.statistics();
    for (name, ns) in [
        ("se.exec_start", statistics.started_ns),
        ("se.vruntime", statistics.vruntime_ns),
        ("se.sum_exec_runtime", task.ran_ns()),
    ] {
        writeln!(out, "{name:45}:{:14}.{:06}", ns / 1_000_000, ns % 1_000_000)?;
    }
    let params = task.params();
    let (voluntary, forced) = task.switches();
    for (name, value) in [
        ("se.nr_migrations", statistics.migrations),
        ("nr_switches", voluntary + forced),
        ("nr_voluntary_switches", voluntary),
        ("nr_involuntary_switches", forced),
        ("se.load.weight", params.weight() << 10),
        ("policy", params.policy.into()),
        ("prio", params.prio() as u64),
    ] {
        writeln!(out, "{name:45}:{value:21}")?;
    }
    Ok(())
}

/// `wchan`: where it sleeps is told to nobody, as by a kernel without symbols.
pub fn wchan(cx: &ProcCx<Task>, out: &mut Text) -> Result<()> {
    cx.target.process()?;
    write!(out, "0")
}
