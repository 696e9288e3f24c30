//! The ends of a session.

use super::Test;
use super::console::{CTRL_A, Console, Machine, ROOT};
use anyhow::Result;
use xtask::exec::Kernel;

/// Tests that end the machine, with their names.
pub const TESTS: &[Test] =
    &[("poweroff", poweroff), ("reboot", reboot), ("halt", halt), ("init_signals", init_signals)];

fn boot(kernel: Kernel) -> Result<Console> {
    Console::boot_as_root(Machine::of(kernel), |_| Ok(()))
}

/// init ends everybody in order, and QEMU ends with success.
fn poweroff(kernel: Kernel) -> Result<()> {
    let mut c = boot(kernel)?;
    c.enter("poweroff")?;
    c.expect("The system is going down NOW!")?;
    c.expect("Sent SIGTERM to all processes")?;
    c.expect("Sent SIGKILL to all processes")?;
    c.expect("Requesting system poweroff")?;
    c.expect("reboot: Power down")?;
    c.end().map(drop)
}

/// QEMU was told to end where a machine restarts.
fn reboot(kernel: Kernel) -> Result<()> {
    let mut c = boot(kernel)?;
    c.enter("reboot")?;
    c.expect("Requesting system reboot")?;
    c.expect("reboot: Restarting system")?;
    c.end().map(drop)
}

/// A halted machine stays on, and says nothing more; one leaves it by QEMU's own key.
fn halt(kernel: Kernel) -> Result<()> {
    let mut c = boot(kernel)?;
    c.enter("halt")?;
    c.expect("Requesting system halt")?;
    c.expect("reboot: System halted")?;
    c.keys("are you there?\r")?;
    anyhow::ensure!(c.falls_silent(), "it goes on");
    c.keys(&format!("{CTRL_A}x"))?;
    let last = c.end()?;
    anyhow::ensure!(last.contains("QEMU: Terminated"), "{last:?}");
    Ok(())
}

/// Process 1 takes no signal that it has no handler for, not even SIGKILL.
fn init_signals(kernel: Kernel) -> Result<()> {
    let mut c = boot(kernel)?;
    c.check("kill -9 1; kill -STOP 1; kill -SEGV 1; echo $?", "0")?;
    c.check("kill -0 1; echo $?", "0")?;
    // Without -f, poweroff asks init; with it, it is the kernel that is asked.
    c.enter("poweroff -f")?;
    c.expect("reboot: Power down")?;
    let last = c.end()?;
    anyhow::ensure!(!last.contains(ROOT), "{last:?}");
    Ok(())
}
