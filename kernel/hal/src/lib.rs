//! What the machine does. The only crate of the kernel with `unsafe` in it.
//!
//! This file is the contract between the machine and the kernel above it: **no call of this crate
//! can break memory safety**, whatever safe code does with it. There are two machines behind the
//! one face: `x86_64` on bare metal (`cfg(metal)`), and `host` on std, where the whole kernel runs
//! inside `cargo test`. Frames, page tables, lists and read-copy-update are shared by both.
//!
//! The kernel is soft-float and not preempted: a fiber leaves its CPU only by [`fiber::suspend`].
//! Kernel code runs with interrupts on, except while a [`cpu::NoIrq`] is alive.

#![cfg_attr(metal, no_std)]
#![deny(missing_docs)]

extern crate alloc;

mod contract;
mod frame;
pub mod heap;
pub mod irq;
pub mod list;
mod paging;
pub mod rcu;

#[cfg(not(metal))]
pub mod host;
#[cfg(metal)]
mod x86_64;

#[cfg(not(metal))]
use host as machine;
#[cfg(metal)]
use x86_64 as machine;

pub use contract::{BootInfo, Hooks, Line, MemoryRange, NoMemory};
pub use machine::boot::Initrd;
pub use machine::panic::{panic, set_panic_timeout};

/// CPUs: who am I, guards, kicks, idling.
pub mod cpu {
    pub use crate::contract::{CpuId, Idle, MAX_CPUS as MAX, Pinned};
    pub use crate::machine::cpu::{
        NoIrq, NoPreempt, apic_id, count, cpuid, data, hwcap, hwcap2, idle_unless, kick, may_sleep,
        relax, request_attention, set_data,
    };
}

/// The stack of locks held by the running fiber (or by the CPU loop), for lock-order checks.
pub mod context {
    pub use crate::contract::{Held, HeldStack};
    pub use crate::machine::cpu::held;
}

/// Kernel coroutines, each with a stack of its own.
pub mod fiber {
    pub use crate::contract::Suspend;
    pub use crate::machine::fiber::{Fiber, suspend};
}

/// User-mode execution: registers and traps.
pub mod user {
    pub use crate::contract::{Access, BadState, NonCanonical, Trap, USER_END};
    pub use crate::machine::user::{Regs, fpu_bytes, fpu_components};
}

/// Frames and address spaces.
pub mod mem {
    pub use crate::contract::{Fault, NoMemory, USER_END};
    pub use crate::frame::{Frame, MemStats, SIZE as FRAME_SIZE, Use, free_blocks, stats};
    pub use crate::paging::{Changed, Counts, Flush, Kind, MapError, Mapped, Perms, Space};
}

/// The clock and each CPU's one-shot timer.
pub mod time {
    pub use crate::machine::time::{arm, now_ns, rtc_unix, tsc_hz};
}

/// Code and data that every program gets to tell the time without a system call.
pub mod vdso {
    pub use crate::machine::vdso::Vdso;
}

/// Devices the machine itself drives.
pub mod dev {
    /// Serial ports, numbered from 0 in the order of `ttyS0`, `ttyS1`.
    pub mod serial {
        pub use crate::machine::serial::{
            count, listen, modem_status, read, resources, set_modem_control, write,
        };
    }
}

/// Ways to end the run.
pub mod power {
    pub use crate::machine::power::{halt, off, reboot};
}

/// Entropy for the kernel's random number generator.
pub mod random {
    pub use crate::machine::random::seed;
}

/// Gives the kernel to the machine: `hal::entry!(&KERNEL)`, once, in the image's `main.rs`.
///
/// The argument is a constant expression of type `&'static dyn Hooks`.
#[cfg(metal)]
#[macro_export]
macro_rules! entry {
    ($hooks:expr) => {
        #[doc(hidden)]
        #[unsafe(no_mangle)]
        static ECLIPSE_HOOKS: &'static dyn $crate::Hooks = $hooks;

        // The metal half is also type-checked for hosted targets, where a program needs a `main`.
        #[cfg(not(target_os = "none"))]
        fn main() {}
    };
}

/// On the host there is no image to enter: machines are made by tests (`hal::host`).
#[cfg(not(metal))]
#[macro_export]
macro_rules! entry {
    ($hooks:expr) => {
        fn main() {
            // Nothing runs it here; its type is checked all the same.
            let _: &'static dyn $crate::Hooks = $hooks;
        }
    };
}
