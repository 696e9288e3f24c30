//! What Eclipse thinks: the kernel above the machine. No `unsafe`.
//!
//! The modules stand in the order of their layers: each uses only those above it in this list.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod lock;
pub mod sched;
pub mod wait;
