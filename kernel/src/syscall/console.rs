//! The terminal of the caller, and the kernel's own: vhangup(2).

use abi::{
    errno::{EPERM, Result},
    process::CAP_SYS_TTY_CONFIG,
};

use crate::process::Cx;

/// vhangup(2)
pub fn vhangup(cx: &mut Cx) -> Result<()> {
    if !cx.cred().capable(CAP_SYS_TTY_CONFIG) {
        return Err(EPERM);
    }
    let terminal = cx.process().terminal.lock().clone();
    if let Some(terminal) = terminal {
        terminal.hang_up(false);
    }
    Ok(())
}
