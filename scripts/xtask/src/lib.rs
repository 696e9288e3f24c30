//! The work behind the scripts: build the kernel, pack an initramfs, boot it in QEMU, test and
//! measure. The test crates use it, too: [`exec::run`] runs one program on a kernel, and
//! [`qemu::boot`] boots any initramfs.
#![forbid(unsafe_code)]

pub mod accel;
pub mod build;
pub mod elf;
pub mod exec;
pub mod image;
pub mod insn;
pub mod interactive;
pub mod linux;
pub mod project;
pub mod qemu;
pub mod report;
pub mod selftest;
pub mod source;
pub mod symbols;
pub mod test;
pub mod toolchain;
pub mod wire;
