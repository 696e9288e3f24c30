//! Time: `uptime`.

use super::Text;
use super::table::ProcCx;
use crate::time::{NSEC_PER_SEC, mono_ns};
use abi::Result;

/// Nanoseconds in a hundredth of a second.
const CENTI: u64 = NSEC_PER_SEC / 100;

/// `/proc/uptime`: seconds since boot, and seconds that all CPUs together were idle.
pub(super) fn uptime(cx: &ProcCx<()>, out: &mut Text) -> Result<()> {
    let idle: u64 = cx.kernel.sched.cpus().iter().map(|cpu| cpu.idle_ns()).sum();
    let [up, idle] = [mono_ns(), idle].map(|ns| (ns / NSEC_PER_SEC, ns / CENTI % 100));
    writeln!(out, "{}.{:02} {}.{:02}", up.0, up.1, idle.0, idle.1)
}
