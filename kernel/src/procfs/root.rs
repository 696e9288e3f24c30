//! The table of `/proc` itself.
//!
//! In the order of Linux's listing: shorter names first, then by the alphabet.

use super::pid::{self, Pids};
use super::sys::SYS;
use super::table::{Dir, dir, leads_to, link, text, trigger};
use super::tty::TTY;
use super::{cpuinfo, irq, mem, stat, sysrq, system};

/// A directory with nothing in it.
static EMPTY: Dir<()> = Dir::new(&[]);

pub(super) static ROOT: Dir<()> = Dir::new(&[
    dir("fs", &EMPTY),
    dir("bus", &EMPTY),
    dir("sys", &SYS),
    dir("tty", &TTY),
    text("misc", 0o444, system::none),
    text("stat", 0o444, stat::stat),
    text("iomem", 0o444, mem::iomem),
    text("locks", 0o444, system::locks),
    text("swaps", 0o444, system::swaps),
    dir("driver", &EMPTY),
    link("mounts", |_, _| leads_to(b"self/mounts")),
    text("uptime", 0o444, stat::uptime),
    text("vmstat", 0o444, mem::vmstat),
    text("cmdline", 0o444, system::cmdline),
    text("cpuinfo", 0o444, cpuinfo::cpuinfo),
    text("devices", 0o444, system::devices),
    text("ioports", 0o444, mem::ioports),
    text("loadavg", 0o444, stat::loadavg),
    text("meminfo", 0o444, mem::meminfo),
    text("modules", 0o444, system::none),
    text("version", 0o444, system::version),
    text("consoles", 0o444, system::consoles),
    text("softirqs", 0o444, irq::softirq_table),
    text("buddyinfo", 0o444, mem::buddyinfo),
    text("diskstats", 0o444, system::none),
    text("interrupts", 0o444, irq::interrupts),
    text("partitions", 0o444, system::none),
    text("execdomains", 0o444, system::execdomains),
    text("filesystems", 0o444, system::filesystems),
    trigger("sysrq-trigger", 0o200, sysrq::trigger),
    link("self", pid::own).about_processes(),
    link("thread-self", pid::own_thread).about_processes(),
])
.with(&Pids);
