//! What Eclipse thinks: the kernel above the machine. No `unsafe`.
//!
//! The layers, lowest first; each module uses only those to its left (`tests/layers.rs` sees to
//! it): lock, log, random, sched, wait, time, cred, signal, mm, fs, tty, dev, net, process, procfs,
//! sysfs, syscall, boot.
#![no_std]
#![forbid(unsafe_code)]
// Nothing a program does may end in a panic of ours; a kernel that cannot go on says so by
// `hal::panic`.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod lock;
#[macro_use]
pub mod log;
pub mod boot;
pub mod cred;
pub mod dev;
pub mod fs;
pub mod mm;
pub mod net;
pub mod process;
pub mod procfs;
pub mod random;
pub mod sched;
pub mod signal;
pub mod syscall;
pub mod sysfs;
pub mod time;
pub mod tty;
pub mod wait;
