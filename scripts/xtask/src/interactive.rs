//! A boot for people: busybox on this terminal, or QEMU waiting for gdb.

use crate::exec::{self, Kernel};
use crate::qemu::{Accel, Vm};
use crate::{image, project};
use anyhow::{Context, Result};
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

/// What to boot.
#[derive(Clone, Debug, Default)]
pub struct Session {
    /// Which kernel.
    pub kernel: Kernel,
    /// Number of CPUs.
    pub smp: u32,
    /// Memory in MiB.
    pub mem_mib: u32,
    /// Words added to the kernel's command line.
    pub append: String,
    /// Further arguments for QEMU.
    pub qemu_args: Vec<String>,
}

/// Boots to a login prompt on this terminal; this process becomes QEMU and returns only on errors.
///
/// # Errors
/// When something is missing on this machine.
pub fn run(session: &Session) -> Result<()> {
    eprintln!(
        "Log in as root, without a password. Leave with 'poweroff', or at any time with Ctrl-A x."
    );
    let kernel = exec::kernel_file(session.kernel)?;
    let accel = exec::accelerator(&kernel)?;
    become_qemu(session, accel, &[])
}

/// The same, but QEMU waits for a debugger before the first instruction.
///
/// # Errors
/// When something is missing on this machine.
pub fn debug(session: &Session) -> Result<()> {
    let kernel = project::kernel_with_symbols();
    eprintln!("QEMU waits for gdb. In another terminal:");
    eprintln!("  gdb {} -ex 'target remote :1234'", kernel.display());
    eprintln!("There, 'break kernel::syscall::fd::read' and 'continue'. Leave with Ctrl-A x.");
    // A debugger wants its single steps exact.
    become_qemu(session, Accel::Tcg, &["-s", "-S"])
}

fn become_qemu(session: &Session, accel: Accel, args: &[&str]) -> Result<()> {
    // Linux writes 30 kB about hardware if not told to be quiet.
    let quiet = if session.kernel == Kernel::Linux { "quiet " } else { "" };
    let append = format!("console=ttyS0 panic=-1 {quiet}{}", session.append);
    let vm = Vm {
        kernel: exec::kernel_file(session.kernel)?,
        initrd: Some(initramfs()?),
        append: append.trim_end().to_owned(),
        smp: session.smp,
        mem_mib: session.mem_mib,
        accel,
        ..Vm::default()
    };
    let mut command = on_terminal(&vm);
    command.args(args).args(&session.qemu_args);
    Err(command.exec()).context("cannot start QEMU: run scripts/setup")
}

/// QEMU with its first serial port on the terminal, and its own keys behind Ctrl-A.
#[must_use]
pub fn on_terminal(vm: &Vm) -> Command {
    let mut command = vm.command();
    command.args(["-serial", "mon:stdio"]);
    command
}

/// Packs the interactive initramfs into a file that stays.
fn initramfs() -> Result<PathBuf> {
    let place = project::target("initramfs.cpio");
    let fresh = tempfile::Builder::new().tempfile_in(project::target(""))?;
    fs::write(fresh.path(), image::base()?.pack())?;
    fs::rename(fresh.into_temp_path(), &place)?;
    Ok(place)
}
