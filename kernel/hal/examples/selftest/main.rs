//! The metal half's self-test: a kernel whose only purpose is to try the hal.
//!
//! Boots like the real one, prints a line per test and `N passed, N failed`, and powers off. On the
//! command line `overflow`, `null` and `panic` end it by a stack overflow, a null dereference and
//! a panic instead, to look at what is printed.

#![cfg_attr(target_os = "none", no_std, no_main)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

extern crate alloc;

#[cfg(metal)]
mod cpus;
#[cfg(metal)]
mod kernel;
#[cfg(metal)]
mod machine;
#[cfg(metal)]
mod memory;
#[cfg(metal)]
mod user;

#[cfg(metal)]
hal::entry!(&kernel::TEST);

#[cfg(not(metal))]
fn main() {}
