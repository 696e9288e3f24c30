//! What each kernel costs before any program runs: the size of its file, the instructions from
//! reset to `/init`, memory, and the least memory it boots with. The program in the guest is
//! `musl-tests/bench/boot.c`.

use crate::exec::{self, Kernel};
use crate::qemu::{self, Accel, Vm};
use crate::{image, project};
use anyhow::{Context, Result};
use initramfs::Tree;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::time::Duration;

/// How long one boot may take; a kernel short of memory may stand still.
const LIMIT: Duration = Duration::from_secs(30);
/// Memory of the machine whose memory is looked at, in MiB.
const MEM_MIB: u32 = 256;
/// A shell as the first program, and what is left then. Only Linux knows what it could drop.
const SHELL: &str = "#!/bin/sh\nmount -t proc proc /proc 2>/dev/null\n/bin/boot\nexit 0\n";

/// The costs of one kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Costs {
    /// Bytes of the file.
    pub file: u64,
    /// Instructions from reset to the first program, the firmware's included.
    pub instructions: u64,
    /// Of 256 MiB, the bytes that sysinfo(2) does not count as memory.
    pub reserved: u64,
    /// Of 256 MiB, the bytes that no program can have while one shell runs.
    pub taken: u64,
    /// The least `-m`, in MiB, with which a shell runs.
    pub least_mib: u32,
}

/// What the guest's program said.
struct Said {
    ticks: u64,
    total: u64,
    free: u64,
}

/// Measures one kernel.
///
/// # Errors
/// When the guest cannot be started, or does not come up with 256 MiB.
pub fn measure(kernel: Kernel) -> Result<Costs> {
    let file = exec::kernel_file(kernel)?;
    let program = image::compile(&project::root().join("musl-tests/bench/boot.c"), "boot", "-O2")?;
    let mut direct = Tree::new();
    direct.dir("/dev", 0o755);
    direct.char_device("/dev/console", 0o600, 5, 1);
    direct.copy(&program, "/init")?;
    let mut shell = image::base()?;
    shell.copy(&program, "/bin/boot")?;
    shell.file("/init", 0o755, SHELL.as_bytes().to_vec());
    let (direct, shell) = (direct.pack(), shell.pack());

    let whole = u64::from(MEM_MIB) << 20;
    let first = boot(&file, &direct, MEM_MIB, Accel::Icount)?.context("it does not boot")?;
    let later = boot(&file, &shell, MEM_MIB, Accel::Icount)?.context("no shell comes up")?;
    // Between what surely fails and what surely works.
    let (mut fails, mut works) = (1, MEM_MIB);
    while works - fails > 1 {
        let middle = fails.midpoint(works);
        match boot(&file, &shell, middle, Accel::Tcg)? {
            Some(_) => works = middle,
            None => fails = middle,
        }
    }
    Ok(Costs {
        file: fs::metadata(&file)?.len(),
        instructions: first.ticks,
        reserved: whole.saturating_sub(later.total),
        taken: whole.saturating_sub(later.free),
        least_mib: works,
    })
}

/// Boots and gives what the program said; none when it did not come to that.
fn boot(kernel: &Path, archive: &[u8], mem_mib: u32, accel: Accel) -> Result<Option<Said>> {
    let initrd = qemu::initrd_file(archive)?;
    let vm = Vm {
        kernel: kernel.to_owned(),
        initrd: Some(initrd.path().to_owned()),
        append: "console=ttyS0 panic=-1 quiet".to_owned(),
        smp: 1,
        mem_mib,
        accel,
        ..Vm::default()
    };
    // With too little memory even QEMU may refuse: that is a "no" as well.
    let log = qemu::boot(&vm, LIMIT).map(|booted| booted.log).unwrap_or_default();
    Ok(String::from_utf8_lossy(&log).lines().find_map(said))
}

fn said(line: &str) -> Option<Said> {
    let mut numbers = line.strip_prefix("boot ")?.split_whitespace().map(str::parse);
    let mut next = || numbers.next()?.ok();
    Some(Said { ticks: next()?, total: next()?, free: next()? })
}

/// Both kernels for people.
#[must_use]
pub fn table(linux: &Costs, eclipse: &Costs) -> String {
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let rows = |costs: &Costs| {
        [
            ("kernel file, MiB", mib(costs.file)),
            ("reset to /init, million instructions", costs.instructions as f64 / 1e6),
            ("not memory, of 256 MiB", mib(costs.reserved)),
            ("not for programs, of 256 MiB", mib(costs.taken)),
            ("least memory for a shell, MiB", f64::from(costs.least_mib)),
        ]
    };
    let mut text = format!("{:<38} {:>9} {:>9}\n", "", "Linux", "Eclipse");
    for ((name, linux), (_, eclipse)) in rows(linux).into_iter().zip(rows(eclipse)) {
        text += &format!("{name:<38} {linux:>9.1} {eclipse:>9.1}\n");
    }
    text
}

/// One kernel for machines.
#[must_use]
pub fn to_json(costs: &Costs) -> Value {
    json!({
        "file_bytes": costs.file,
        "instructions_to_init": costs.instructions,
        "reserved_bytes": costs.reserved,
        "taken_bytes": costs.taken,
        "least_mib": costs.least_mib,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guests_line_is_found() {
        let said = said("boot 5 268435456 100\r").unwrap();
        assert_eq!((said.ticks, said.total, said.free), (5, 268_435_456, 100));
        assert!(super::said("boot 5 6").is_none() && super::said("reboot 1 2 3").is_none());
    }
}
