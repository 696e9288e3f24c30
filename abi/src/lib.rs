//! The Linux x86-64 ABI: numbers, errnos, flags and structures. Facts only, no behaviour.
//!
//! The facts are those of Linux 6.1. They are written down here by subject and checked against
//! the system's own headers and the `libc` crate by `tests/against_libc.rs`.
//!
//! Four small macros give every fact the same shape:
//!
//! * [`consts!`] makes plain numbers and a table of their names,
//! * [`flags!`] makes a type for a set of bits that knows the names of its bits,
//! * [`wire!`] and [`wire_packed!`] make structures that can be read from and written to bytes
//!   through the [`Wire`] trait, without `unsafe` and without ever showing padding to anyone.
#![no_std]
#![forbid(unsafe_code)]

// The modules that define macros come first.
#[macro_use]
pub mod wire;
#[macro_use]
pub mod flags;
#[macro_use]
mod consts;

pub mod elf_aux;
pub mod errno;
pub mod fs;
pub mod mm;
pub mod net;
pub mod nr;
pub mod poll;
pub mod process;
pub mod signal;
pub mod time;
pub mod tty;

pub use consts::{Names, name_of};
pub use errno::{Errno, Result};
pub use wire::Wire;
