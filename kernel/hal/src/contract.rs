//! Types of the hal's face that are the same on both machines.

use alloc::vec::Vec;
use core::any::Any;
use core::fmt;

/// Most CPUs a machine can have; CPU sets are `u64` masks.
pub const MAX_CPUS: usize = 64;

/// End of the addresses a user program may map: the lower canonical half less its last page, as on
/// Linux (`TASK_SIZE_MAX`). No `syscall` instruction can therefore return to a non-canonical `rip`.
pub const USER_END: u64 = 0x7fff_ffff_f000;

/// What the machine asks of the kernel. Given once to `hal::entry!` (metal) or to a host machine.
pub trait Hooks: Any + Sync {
    /// Called on the boot CPU, once: memory, heap, interrupts, clock and all CPUs are up; the
    /// other CPUs wait until this returns. Not a fiber: must not suspend.
    fn boot(&'static self, info: BootInfo);

    /// Then called on every CPU. Returns only when [`crate::cpu::idle_unless`] said
    /// [`Idle::Stop`] (a host machine being shut down).
    fn cpu_loop(&'static self, cpu: CpuId);

    /// This CPU's deadline ([`crate::time::arm`]) has passed. Interrupts are off. Must neither
    /// allocate nor free nor sleep.
    fn timer(&self);

    /// A device interrupt; the rules of [`Hooks::timer`] hold.
    fn irq(&self, line: Line);

    /// The machine has something to say for the kernel log; `level` as Linux's `KERN_*`, 0..=7.
    fn log(&self, level: u8, text: fmt::Arguments<'_>);

    /// For panics: writes "PID: 1 Comm: init" of what runs on this CPU, without taking any lock
    /// that may be held.
    fn describe_current(&self, out: &mut dyn fmt::Write);
}

/// What the boot loader and the machine say about themselves.
pub struct BootInfo {
    /// The kernel's command line, without a terminating NUL.
    pub cmdline: Vec<u8>,
    /// The initial RAM disk, if one was loaded.
    pub initrd: Option<crate::Initrd>,
    /// Seconds since the Unix epoch by the real-time clock, at boot.
    pub boot_unix_seconds: i64,
    /// CPUs that run.
    pub cpus: usize,
    /// Frames of 4 KiB in the hands of the frame allocator, the initrd's included.
    pub total_frames: usize,
    /// The firmware's memory map, sorted by address, for the log.
    pub memory_map: Vec<MemoryRange>,
}

/// One entry of the firmware's memory map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryRange {
    /// First byte, physical.
    pub start: u64,
    /// One past the last byte.
    pub end: u64,
    /// e820 type: 1 RAM, 2 reserved, 3 ACPI tables, 4 ACPI non-volatile, 5 unusable.
    pub kind: u32,
}

/// No frame, or no heap, is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoMemory;

/// A device interrupt line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// The serial port of this index has received something.
    Serial(u8),
}

/// A CPU's number, from 0, without gaps; 0 is the boot CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CpuId(pub u32);

/// Proof that the holder stays on its CPU. Implemented by the guards only.
pub trait Pinned: sealed::Sealed {
    /// The CPU this guard pins its holder to.
    fn cpu(&self) -> CpuId {
        CpuId(crate::machine::cpu_index() as u32)
    }
}

pub(crate) mod sealed {
    /// Keeps [`super::Pinned`] in this crate.
    pub trait Sealed {}
}

/// Why [`crate::cpu::idle_unless`] came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idle {
    /// There may be work.
    Woken,
    /// The machine is being shut down: leave the CPU loop.
    Stop,
}

/// One held lock, as the lock-order checker of debug builds records it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its level.
    pub rank: u8,
    /// Its level's name.
    pub name: &'static str,
}

/// The locks one fiber (or CPU loop) holds, outermost first.
pub type HeldStack = heapless::Vec<Held, 24>;

/// What a fiber tells the one who resumes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suspend {
    /// Runnable: resume again soon.
    Yield,
    /// Not runnable until something wakes it.
    Sleep,
    /// Its function has returned.
    Exit,
}

/// What brought a user program back into the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trap {
    /// A `syscall` instruction; the registers hold number and arguments as on Linux.
    Syscall,
    /// A page fault at `addr`; `error` is the CPU's error code.
    Fault {
        /// The address that faulted (CR2); may be any value, even non-canonical half.
        addr: u64,
        /// What was tried.
        access: Access,
        /// The CPU's error code.
        error: u32,
    },
    /// Any other exception.
    Exception {
        /// Its vector, 0..=31.
        vector: u8,
        /// Its error code, or 0.
        error: u32,
    },
    /// Nothing of the program's doing: the kernel asked for attention.
    Interrupt,
}

/// What a memory access tried; neither flag is a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Access {
    /// It was a write.
    pub write: bool,
    /// It was an instruction fetch.
    pub exec: bool,
}

/// The address is not in the lower canonical half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NonCanonical;

/// The FPU image is not one this CPU can load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadState;

/// An access that was not possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Bytes copied before it.
    pub done: usize,
    /// The first byte that could not be accessed; at or above [`USER_END`] nothing can help.
    pub addr: u64,
    /// What was tried.
    pub access: Access,
}
