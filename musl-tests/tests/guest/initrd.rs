//! An initramfs cut off anywhere, or changed anywhere: the kernel says so and goes on, or panics
//! in Linux's words. It never hangs and never dies in another way. Only for Eclipse: the
//! reference has no need to prove this, and boots too slowly.

use crate::{log_end, single};
use anyhow::{Result, ensure};
use initramfs::Tree;
use musl_tests::pool::Job;
use musl_tests::program;
use std::time::Duration;
use xtask::exec::{self, Kernel};
use xtask::qemu::{self, Vm};

/// Every boot ends in a panic: of a kernel without init, or of one whose init has ended.
const LAST_WORDS: &str = "Kernel panic - not syncing:";
const LIMIT: Duration = Duration::from_secs(20);

pub fn jobs(kernel: Kernel) -> Vec<Job> {
    if kernel != Kernel::Eclipse {
        return vec![];
    }
    vec![
        single("initrd/cut_plain", || cuts(&archive()?)),
        single("initrd/cut_gzip", || cuts(&initramfs::gzip(&archive()?))),
        single("initrd/changed_header", changed_header),
    ]
}

/// A tree with nothing but a small `/init`.
fn archive() -> Result<Vec<u8>> {
    let programs = program::all()?;
    let hello = programs.iter().find(|program| program.name == "basic/hello");
    let hello = hello.ok_or_else(|| anyhow::anyhow!("basic/hello is gone"))?;
    let mut tree = Tree::new();
    tree.copy(&hello.file()?, "/init")?;
    tree.char_device("/dev/console", 0o600, 5, 1);
    Ok(tree.pack())
}

fn ends_well(archive: &[u8], what: &str) -> Result<String> {
    let initrd = qemu::initrd_file(archive)?;
    let booted = qemu::boot(
        &Vm {
            kernel: exec::kernel_file(Kernel::Eclipse)?,
            initrd: Some(initrd.path().to_owned()),
            append: "console=ttyS0 panic=-1".to_owned(),
            smp: 1,
            mem_mib: 64,
            ..Vm::default()
        },
        LIMIT,
    )?;
    let log = String::from_utf8_lossy(&booted.log).into_owned();
    ensure!(booted.status.is_some(), "{what}: it hangs\n{}", log_end(&booted.log));
    ensure!(log.contains(LAST_WORDS), "{what}: no last words\n{}", log_end(&booted.log));
    Ok(log)
}

/// The small lengths all, then a sample. QEMU takes no empty file.
fn cuts(archive: &[u8]) -> Result<()> {
    let step = (archive.len() / 40).max(1);
    let small = (1..=16).chain(100..=132);
    let sample = (200..archive.len()).step_by(step);
    let last = (archive.len() - 6)..archive.len();
    for len in small.chain(sample).chain(last).filter(|&len| len <= archive.len()) {
        ends_well(&archive[..len], &format!("cut to {len} of {} bytes", archive.len()))?;
    }
    // And whole, it runs: or the cuts above have shown nothing.
    let log = ends_well(archive, "whole")?;
    ensure!(log.contains("hello"), "the whole archive does not run\n{}", log_end(log.as_bytes()));
    Ok(())
}

/// Each byte of the first header (110 bytes of hexadecimal digits) and of the name after it.
fn changed_header() -> Result<()> {
    let archive = archive()?;
    for at in (0..112).step_by(3) {
        for value in [0, b'f', 0xff] {
            let mut changed = archive.clone();
            changed[at] = value;
            ends_well(&changed, &format!("byte {at} set to {value:#x}"))?;
        }
    }
    Ok(())
}
