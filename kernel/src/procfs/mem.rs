//! Memory: `meminfo` (`fs/proc/meminfo.c`).

use super::Text;
use super::table::ProcCx;
use abi::Result;

/// Kibibytes in a page.
const KIB: u64 = 4;

/// `/proc/meminfo`
pub(super) fn meminfo(_cx: &ProcCx<()>, out: &mut Text) -> Result<()> {
    let memory = hal::mem::stats();
    let mut line = |name: &str, pages: u64| writeln!(out, "{name:<16}{:>8} kB", pages * KIB);
    line("MemTotal:", memory.total as u64)?;
    line("MemFree:", memory.free as u64)?;
    line("MemAvailable:", memory.free as u64)
}
