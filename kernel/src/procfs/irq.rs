//! Interrupts: `interrupts`, `softirqs`, and their sums in `stat` (`kernel/irq/proc.c`,
//! `arch/x86/kernel/irq.c`).

use super::Text;
use super::table::ProcCx;
use crate::sched::Cpu;
use abi::Result;
use hal::dev::serial;
use hal::irq::{ISA_LINES, Source, count};

/// The interrupts between and within CPUs, by Linux's names.
const LOCAL: [(&str, Source, &str); 4] = [
    ("LOC", Source::Timer, "Local timer interrupts"),
    ("RES", Source::Kick, "Rescheduling interrupts"),
    ("CAL", Source::Call, "Function call interrupts"),
    ("TLB", Source::Flush, "TLB shootdowns"),
];

/// Linux's kinds of deferred work. Here timers are looked at between threads and before user mode;
/// the other kinds do not exist.
const SOFTIRQS: [&str; 10] =
    ["HI", "TIMER", "NET_TX", "NET_RX", "BLOCK", "IRQ_POLL", "TASKLET", "SCHED", "HRTIMER", "RCU"];

fn softirqs(cpu: &Cpu, name: &str) -> u64 {
    if name == "TIMER" { cpu.timer_runs() } else { 0 }
}

fn counts(out: &mut Text, cpus: &[Cpu], source: Source) -> Result<()> {
    cpus.iter().try_for_each(|cpu| write!(out, "{:>10} ", count(cpu.id(), source)))
}

fn header(out: &mut Text, indent: usize, cpus: &[Cpu]) -> Result<()> {
    write!(out, "{:indent$}", "")?;
    cpus.iter().try_for_each(|cpu| write!(out, "CPU{:<8}", cpu.id().0))?;
    writeln!(out)
}

/// `/proc/interrupts`
pub(super) fn interrupts(cx: &ProcCx<()>, out: &mut Text) -> Result<()> {
    let cpus = cx.kernel.sched.cpus();
    header(out, 11, cpus)?;
    for line in 0..ISA_LINES {
        let ports =
            (0..serial::count()).filter_map(|port| Some((port, serial::resources(port)?.1)));
        let mut users = ports.filter(|(_, irq)| *irq == line).map(|(port, _)| port).peekable();
        if users.peek().is_none() {
            continue;
        }
        write!(out, "{line:>3}: ")?;
        counts(out, cpus, Source::Isa(line))?;
        write!(out, "  IO-APIC {line:>3}-edge    ")?;
        for (at, port) in users.enumerate() {
            write!(out, "{}ttyS{port}", if at == 0 { "  " } else { ", " })?;
        }
        writeln!(out)?;
    }
    for (name, source, what) in LOCAL {
        write!(out, "{name}: ")?;
        counts(out, cpus, source)?;
        writeln!(out, "  {what}")?;
    }
    Ok(())
}

/// `/proc/softirqs`
pub(super) fn softirq_table(cx: &ProcCx<()>, out: &mut Text) -> Result<()> {
    let cpus = cx.kernel.sched.cpus();
    header(out, 20, cpus)?;
    for name in SOFTIRQS {
        write!(out, "{name:>12}:")?;
        cpus.iter().try_for_each(|cpu| write!(out, " {:>10}", softirqs(cpu, name)))?;
        writeln!(out)?;
    }
    Ok(())
}

/// The line `intr` of `/proc/stat`: all interrupts, then those of each line.
pub(super) fn intr_line(cpus: &[Cpu], out: &mut Text) -> Result<()> {
    let sum = |source| cpus.iter().map(|cpu| count(cpu.id(), source)).sum::<u64>();
    let lines = (0..ISA_LINES).map(|line| sum(Source::Isa(line)));
    let local: u64 = LOCAL.iter().map(|(_, source, _)| sum(*source)).sum();
    write!(out, "intr {}", local + lines.clone().sum::<u64>())?;
    lines.into_iter().try_for_each(|count| write!(out, " {count}"))?;
    writeln!(out)
}

/// The line `softirq` of `/proc/stat`.
pub(super) fn softirq_line(cpus: &[Cpu], out: &mut Text) -> Result<()> {
    let sum = |name| cpus.iter().map(|cpu| softirqs(cpu, name)).sum::<u64>();
    write!(out, "softirq {}", SOFTIRQS.iter().map(|name| sum(name)).sum::<u64>())?;
    SOFTIRQS.iter().try_for_each(|name| write!(out, " {}", sum(name)))?;
    writeln!(out)
}
