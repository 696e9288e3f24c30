//! What Eclipse thinks: the kernel above the machine. No `unsafe`.
//!
//! The modules stand in the order of their layers: each uses only those above it in this list.
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
pub mod process;
pub mod random;
pub mod sched;
pub mod signal;
pub mod syscall;
pub mod time;
pub mod tty;
pub mod wait;
