//! The host machine: the face of the kernel's hardware on std, for `cargo test`.
//!
//! Several machines may live in one process, each with its own CPUs, clock, serial ports and frame
//! limit. CPUs, fibers and user programs are std threads that hand control to each other, so of
//! each CPU exactly one thread runs. Interrupts are delivered at safe points only: when a CPU idles,
//! enters or leaves [`user::Regs::run`], or drops its last [`cpu::NoIrq`].
//!
//! User programs are *scripted*: Rust closures that make system calls and touch user memory through
//! the very page tables the kernel wrote ([`User`]).

mod arena;
pub(crate) mod boot;
pub(crate) mod cpu;
mod devices;
pub(crate) mod fiber;
mod machine;
mod program;
pub(crate) mod user;
pub(crate) mod vdso;

#[cfg(test)]
pub(crate) mod tests;

pub(crate) use arena::{
    admit, charge, kernel_pml4_template, limits, phys_to_virt, refund, stack_frames, tlb,
};
pub(crate) use cpu::{cpu_index, guards};
pub(crate) use devices::{panic, power, random, serial, time};
pub(crate) use machine::rcu_domain;

pub use machine::{Abi, Clock, Config, End, Machine};
pub use program::{Body, User};
