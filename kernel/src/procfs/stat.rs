//! Time and what the CPUs did with it: `stat`, `uptime`, `loadavg` (`fs/proc/stat.c`,
//! `fs/proc/uptime.c`, `fs/proc/loadavg.c`).

use super::Text;
use super::irq;
use super::table::ProcCx;
use crate::process::Kernel;
use crate::sched::{Cpu, Mode, load};
use crate::time::{NSEC_PER_SEC, mono_ns};
use abi::Result;
use core::sync::atomic::Ordering::Relaxed;

/// Nanoseconds in a unit of time that programs see (`USER_HZ` is 100).
pub(super) const CLOCK_TICK_NS: u64 = NSEC_PER_SEC / 100;

/// Threads and processes that there are.
fn threads(kernel: &Kernel) -> usize {
    kernel.family.lock().len()
}

/// `/proc/uptime`: seconds since boot, and seconds that all CPUs together were idle.
pub(super) fn uptime(cx: &ProcCx<()>, out: &mut Text) -> Result<()> {
    let idle: u64 = cx.kernel.sched.cpus().iter().map(Cpu::idle_ns).sum();
    let [up, idle] = [mono_ns(), idle].map(|ns| (ns / NSEC_PER_SEC, ns / CLOCK_TICK_NS % 100));
    writeln!(out, "{}.{:02} {}.{:02}", up.0, up.1, idle.0, idle.1)
}

/// `/proc/loadavg`
pub(super) fn loadavg(cx: &ProcCx<()>, out: &mut Text) -> Result<()> {
    for average in cx.kernel.sched.load_averages() {
        // To the nearest hundredth.
        let hundredths = ((average + (1 << load::SHIFT) / 200) * 100) >> load::SHIFT;
        write!(out, "{}.{:02} ", hundredths / 100, hundredths % 100)?;
    }
    let running = cx.kernel.sched.running();
    let last = cx.kernel.family.lock().last_pid().0;
    writeln!(out, "{running}/{} {last}", threads(cx.kernel))
}

/// The ten columns of a `cpu` line. What a virtual machine's host does is not known here, nothing
/// waits for disks, and interrupts count as the time they interrupt.
fn cpu_line(out: &mut Text, name: core::fmt::Arguments<'_>, times_ns: [u64; 4]) -> Result<()> {
    let [user, nice, system, idle] = times_ns.map(|ns| ns / CLOCK_TICK_NS);
    writeln!(out, "cpu{name} {user} {nice} {system} {idle} 0 0 0 0 0 0")
}

/// `/proc/stat`
pub(super) fn stat(cx: &ProcCx<()>, out: &mut Text) -> Result<()> {
    let cpus = cx.kernel.sched.cpus();
    let times = |cpu: &Cpu| {
        let [user, nice, system] = [Mode::User, Mode::Nice, Mode::System].map(|m| cpu.busy_ns(m));
        [user, nice, system, cpu.idle_ns()]
    };
    let add = |sum: [u64; 4], cpu: [u64; 4]| [0, 1, 2, 3].map(|i| sum[i] + cpu[i]);
    let all = cpus.iter().map(times).fold([0; 4], add);
    cpu_line(out, format_args!(" "), all)?;
    for (n, cpu) in cpus.iter().enumerate() {
        cpu_line(out, format_args!("{n}"), times(cpu))?;
    }
    irq::intr_line(cpus, out)?;
    writeln!(out, "ctxt {}", cpus.iter().map(Cpu::switches).sum::<u64>())?;
    writeln!(out, "btime {}", cx.kernel.real_time.boot_ns().div_euclid(NSEC_PER_SEC as i64))?;
    writeln!(out, "processes {}", cx.kernel.forks.load(Relaxed))?;
    writeln!(out, "procs_running {}", cx.kernel.sched.running())?;
    writeln!(out, "procs_blocked 0")?;
    irq::softirq_line(cpus, out)
}
