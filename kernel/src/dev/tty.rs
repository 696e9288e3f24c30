//! The device files of terminals: `/dev/ttyS*`, `/dev/tty`, `/dev/console`, `/dev/ptmx` and
//! the slaves in devpts (ttyS(4), tty(4), console(4), pts(4)).

use super::{Drivers, Opening};
use crate::fs::FileOps;
use crate::tty::{SERIAL_MINOR, Terminal};
use abi::Result;
use abi::errno::{EIO, ENODEV, ENXIO};
use abi::fs::OpenFlags;
use alloc::sync::Arc;

/// Whether the machine has the serial port with this minor number.
pub(super) fn has_serial(drivers: &Drivers, minor: u32) -> bool {
    ((minor - SERIAL_MINOR) as usize) < drivers.terminals.serial_count()
}

/// A serial port.
pub(super) fn open_serial(drivers: &'static Drivers, how: &Opening) -> Result<Arc<dyn FileOps>> {
    let tty = drivers.terminals.serial((how.minor - SERIAL_MINOR) as usize).ok_or(ENXIO)?;
    Ok(Terminal::open(tty.clone(), how.flags, how.caller)?)
}

/// The calling process's controlling terminal.
pub(super) fn open_own(drivers: &'static Drivers, how: &Opening) -> Result<Arc<dyn FileOps>> {
    let tty = drivers.terminals.of_caller().ok_or(ENXIO)?;
    Ok(Terminal::open(tty, how.flags | OpenFlags::NOCTTY, how.caller)?)
}

/// The terminal that `console=` has chosen.
pub(super) fn open_console(drivers: &'static Drivers, how: &Opening) -> Result<Arc<dyn FileOps>> {
    let tty = drivers.terminals.console().ok_or(ENODEV)?;
    Ok(Terminal::open_console(tty.clone(), how.caller)?)
}

/// A new pseudoterminal.
pub(super) fn open_ptmx(drivers: &'static Drivers, how: &Opening) -> Result<Arc<dyn FileOps>> {
    let path = how.path.ok_or(EIO)?;
    Ok(drivers.terminals.ptys().open_master(path, how.caller)?)
}

/// The slave of a pseudoterminal.
pub(super) fn open_slave(drivers: &'static Drivers, how: &Opening) -> Result<Arc<dyn FileOps>> {
    let path = how.path.ok_or(EIO)?;
    Ok(drivers.terminals.ptys().open_slave(path, how.flags, how.caller)?)
}
