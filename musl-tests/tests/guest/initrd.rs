//! An initramfs cut off anywhere, or changed anywhere: the kernel says so and goes on, or panics
//! in Linux's words. It never hangs and never dies in another way. Only for Eclipse: the
//! reference has no need to prove this, and boots too slowly.

use crate::{log_end, single};
use anyhow::{Result, ensure};
use initramfs::Tree;
use musl_tests::pool::Job;
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
        single("initrd/cut_plain", || cuts(&archive())),
        single("initrd/cut_gzip", || cuts(&initramfs::gzip(&archive()))),
        single("initrd/changed_header", changed_header),
    ]
}

/// A tree with nothing but a small `/init` that says hello, so small that every byte can be tried.
fn archive() -> Vec<u8> {
    let mut tree = Tree::new();
    tree.file("/init", 0o755, hello());
    tree.pack()
}

/// An executable of one segment: `write(1, "hello\n", 6); exit(0)`.
fn hello() -> Vec<u8> {
    const BASE: u32 = 0x40_0000;
    const HEADERS: u32 = 64 + 56;
    let code = [
        &[0xbf, 1, 0, 0, 0][..],                            // mov $1, %edi
        &[0x48, 0x8d, 0x35, 22, 0, 0, 0],                   // lea 22(%rip), %rsi
        &[0xba, 6, 0, 0, 0],                                // mov $6, %edx
        &[0xb8, 1, 0, 0, 0, 0x0f, 0x05],                    // mov $1, %eax; syscall
        &[0x31, 0xff, 0xb8, 60, 0, 0, 0, 0x0f, 0x05, 0x90], // xor %edi, %edi; mov $60, %eax; syscall
        b"hello\n",
    ]
    .concat();
    let size = u64::from(HEADERS) + code.len() as u64;
    let start = u64::from(BASE + HEADERS);
    [
        &b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0\x01\0\0\0"[..],
        &start.to_le_bytes(),
        &64_u64.to_le_bytes(),                   // e_phoff
        &[0; 12],                                // e_shoff, e_flags
        &[64, 0, 56, 0, 1, 0, 0, 0, 0, 0, 0, 0], // sizes and counts of the headers
        &[1, 0, 0, 0, 5, 0, 0, 0],               // PT_LOAD, readable and executable
        &0_u64.to_le_bytes(),
        &u64::from(BASE).to_le_bytes(),
        &u64::from(BASE).to_le_bytes(),
        &size.to_le_bytes(),
        &size.to_le_bytes(),
        &4096_u64.to_le_bytes(),
        &code,
    ]
    .concat()
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

/// Every length. QEMU takes no empty file.
fn cuts(archive: &[u8]) -> Result<()> {
    for len in 1..archive.len() {
        ends_well(&archive[..len], &format!("cut to {len} of {} bytes", archive.len()))?;
    }
    // And whole, it runs: or the cuts above have shown nothing.
    let log = ends_well(archive, "whole")?;
    ensure!(log.contains("hello"), "the whole archive does not run\n{}", log_end(log.as_bytes()));
    Ok(())
}

/// Each byte of the first header (110 bytes of hexadecimal digits) and of the name after it.
fn changed_header() -> Result<()> {
    let archive = archive();
    for at in 0..116 {
        for value in [0, b'f', 0xff] {
            let mut changed = archive.clone();
            changed[at] = value;
            ends_well(&changed, &format!("byte {at} set to {value:#x}"))?;
        }
    }
    Ok(())
}
