//! Memory: `meminfo`, `vmstat`, `buddyinfo` (`fs/proc/meminfo.c`, `mm/vmstat.c`), and what lies at
//! which address: `iomem`, `ioports` (`kernel/resource.c`).

use super::Text;
use super::table::ProcCx;
use abi::Result;
use abi::process::CAP_SYS_ADMIN;
use hal::dev::serial;

/// Kibibytes in a page.
const KIB: usize = 4;

/// `/proc/meminfo`, without the lines for what is not counted here.
///
/// Files live in memory alone, so their pages are shared memory (`Shmem`) and none can be written
/// back. Nothing is reclaimed: all pages count as active, and what is available is what is free.
pub(super) fn meminfo(_cx: &ProcCx<()>, out: &mut Text) -> Result<()> {
    let memory = hal::mem::stats();
    let heap = hal::heap::stats();
    let heap_kib = (heap.arenas + heap.large) / 1024;
    let lines = [
        ("MemTotal:", memory.total * KIB),
        ("MemFree:", memory.free * KIB),
        ("MemAvailable:", memory.free * KIB),
        ("Buffers:", 0),
        ("Cached:", memory.cache * KIB),
        ("SwapCached:", 0),
        ("Active:", (memory.anon + memory.cache) * KIB),
        ("Inactive:", 0),
        ("Active(anon):", (memory.anon + memory.cache) * KIB),
        ("Inactive(anon):", 0),
        ("Active(file):", 0),
        ("Inactive(file):", 0),
        ("Unevictable:", 0),
        ("SwapTotal:", 0),
        ("SwapFree:", 0),
        ("Dirty:", 0),
        ("Writeback:", 0),
        ("AnonPages:", memory.anon * KIB),
        ("Shmem:", memory.cache * KIB),
        ("KReclaimable:", 0),
        ("Slab:", heap_kib),
        ("SReclaimable:", 0),
        ("SUnreclaim:", heap_kib),
        ("KernelStack:", memory.stacks * KIB),
        ("PageTables:", memory.tables * KIB),
        ("SecPageTables:", 0),
        ("NFS_Unstable:", 0),
        ("Bounce:", 0),
        ("WritebackTmp:", 0),
    ];
    lines.iter().try_for_each(|(name, kib)| writeln!(out, "{name:<16}{kib:>8} kB"))
}

/// `/proc/buddyinfo`: free blocks of 2^n pages. There is one zone, and no block above 2 MiB.
pub(super) fn buddyinfo(_cx: &ProcCx<()>, out: &mut Text) -> Result<()> {
    write!(out, "Node 0, zone {:>8} ", "Normal")?;
    hal::mem::free_blocks().iter().try_for_each(|blocks| write!(out, "{blocks:>6} "))?;
    writeln!(out)
}

/// `/proc/vmstat`, without the counters that nobody keeps here: pages by use, and what moved to and
/// from disks.
pub(super) fn vmstat(_cx: &ProcCx<()>, out: &mut Text) -> Result<()> {
    let memory = hal::mem::stats();
    let stack_kib = memory.stacks * KIB;
    let counters = [
        ("nr_free_pages", memory.free),
        ("nr_inactive_anon", 0),
        ("nr_active_anon", memory.anon + memory.cache),
        ("nr_inactive_file", 0),
        ("nr_active_file", 0),
        ("nr_unevictable", 0),
        ("nr_anon_pages", memory.anon),
        ("nr_file_pages", memory.cache),
        ("nr_dirty", 0),
        ("nr_writeback", 0),
        ("nr_shmem", memory.cache),
        ("nr_kernel_stack", stack_kib),
        ("nr_page_table_pages", memory.tables),
        ("nr_swapcached", 0),
        ("pgpgin", 0),
        ("pgpgout", 0),
        ("pswpin", 0),
        ("pswpout", 0),
    ];
    counters.iter().try_for_each(|(name, count)| writeln!(out, "{name} {count}"))
}

/// `/proc/iomem`: the firmware's memory map. Addresses are for the privileged alone.
pub(super) fn iomem(cx: &ProcCx<()>, out: &mut Text) -> Result<()> {
    let known = cx.opener.is_some_and(|cred| cred.capable(CAP_SYS_ADMIN));
    for range in cx.kernel.memory_map.get().into_iter().flatten() {
        let (start, last) = if known { (range.start, range.end - 1) } else { (0, 0) };
        let kind = match range.kind {
            1 => "System RAM",
            3 => "ACPI Tables",
            4 => "ACPI Non-volatile Storage",
            5 => "Unusable memory",
            _ => "Reserved",
        };
        writeln!(out, "{start:08x}-{last:08x} : {kind}")?;
    }
    Ok(())
}

/// Ports of a serial interface.
const SERIAL_PORTS: u16 = 8;

/// `/proc/ioports`: those that the kernel drives. Addresses as in `iomem`.
pub(super) fn ioports(cx: &ProcCx<()>, out: &mut Text) -> Result<()> {
    let known = cx.opener.is_some_and(|cred| cred.capable(CAP_SYS_ADMIN));
    let mut bases: heapless::Vec<u16, 4> =
        (0..4).filter_map(|port| serial::resources(port).map(|(base, _)| base)).collect();
    bases.sort_unstable();
    for base in bases {
        let (start, last) = if known { (base, base + SERIAL_PORTS - 1) } else { (0, 0) };
        writeln!(out, "{start:04x}-{last:04x} : serial")?;
    }
    Ok(())
}
