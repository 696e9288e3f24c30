//! The machine on bare metal: x86-64 PCs and QEMU's `q35`, `pc` and `microvm`.

use crate::contract::Hooks;

pub mod boot;
pub mod cpu;
pub mod dev;
pub mod fiber;
pub mod mem;
pub mod panic;
mod port;
pub mod power;
pub mod random;
mod symbols;
pub mod time;
mod trap;
pub mod user;
pub mod vdso;

pub use dev::serial;
pub use mem::physmap::phys_to_virt;
pub use mem::stack::frames as stack_frames;
pub use mem::tlb;

unsafe extern "Rust" {
    /// Given by `hal::entry!`.
    safe static ECLIPSE_HOOKS: &'static dyn Hooks;
}

/// The kernel.
#[inline]
pub fn hooks() -> &'static dyn Hooks {
    ECLIPSE_HOOKS
}

/// The CPU this runs on; 0 early at boot.
#[inline]
pub fn cpu_index() -> usize {
    cpu::percpu::this_checked().map_or(0, |cpu| cpu.index as usize)
}

/// Physical address of the table whose upper half every space copies; constant after boot.
pub fn kernel_pml4_template() -> Option<u64> {
    Some(mem::physmap::kernel_root())
}

/// Guards alive on this CPU: none may be when read-copy-update is told that nothing is read.
pub fn guards() -> usize {
    let cpu = cpu::percpu::this();
    (cpu.no_irq.get() + cpu.no_preempt.get()) as usize
}
