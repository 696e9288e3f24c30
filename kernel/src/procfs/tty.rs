//! `/proc/tty`: the drivers of terminals (`fs/proc/proc_tty.c`).

use super::Text;
use super::table::{Dir, ProcCx, text};
use abi::Result;
use hal::dev::serial;

pub(super) static TTY: Dir<()> = Dir::new(&[text("drivers", 0o444, drivers)]);

/// `/proc/tty/drivers`: name, nodes, major and minor numbers, kind.
fn drivers(_cx: &ProcCx<()>, out: &mut Text) -> Result<()> {
    let mut line = |name: &str, node: &str, major: u32, minors: (u32, usize), kind: &str| {
        write!(out, "{name:<20} /dev/{node:<8} {major:>3} ")?;
        let (first, count) = minors;
        match count {
            1 => write!(out, "{first:>7}")?,
            _ => write!(out, "{first}-{}", first as usize + count - 1)?,
        }
        writeln!(out, " {kind}")
    };
    line("/dev/tty", "tty", 5, (0, 1), "system:/dev/tty")?;
    line("/dev/console", "console", 5, (1, 1), "system:console")?;
    line("/dev/ptmx", "ptmx", 5, (2, 1), "system")?;
    line("serial", "ttyS", 4, (64, serial::count().max(1)), "serial")?;
    line("pty_slave", "pts", 136, (0, 1 << 20), "pty:slave")?;
    line("pty_master", "ptm", 128, (0, 1 << 20), "pty:master")
}
