//! Segments and the task state of each CPU.
//!
//! The selectors are Linux's, for programs see CS and SS in signal frames: kernel 0x10/0x18, user
//! data 0x2b, user code 0x33.

use core::ptr;

use x86_64::VirtAddr;
use x86_64::instructions::segmentation::{CS, DS, ES, SS, Segment};
use x86_64::instructions::tables::load_tss;
use x86_64::registers::segmentation::SegmentSelector;
use x86_64::structures::gdt::{Descriptor, GlobalDescriptorTable};

use super::percpu::PerCpu;

/// Kernel code.
pub const KERNEL_CS: u16 = 0x10;
/// Kernel data.
pub const KERNEL_DS: u16 = 0x18;
/// User code, 64 bits, with privilege level 3.
pub const USER_CS: u16 = 0x33;
/// User data, with privilege level 3.
pub const USER_DS: u16 = 0x2b;
/// Base of the user selectors for SYSRET: SS is 8 above, CS is 16 above.
pub const SYSRET_BASE: u16 = 0x23;

/// Numbers of the interrupt stack table, counted from 1 as in the gates.
pub const IST_DOUBLE_FAULT: u8 = 1;
/// See [`IST_DOUBLE_FAULT`].
pub const IST_NMI: u8 = 2;
/// See [`IST_DOUBLE_FAULT`].
pub const IST_DEBUG: u8 = 3;
/// See [`IST_DOUBLE_FAULT`].
pub const IST_MACHINE_CHECK: u8 = 4;

/// Stacks a CPU needs for traps: one for traps from user mode, four of the table above.
pub const STACKS: usize = 5;

/// Builds and loads the tables of `block`; `stacks` are the tops of the trap stacks.
///
/// # Safety
/// `block` must be this CPU's own, and the stacks nobody else's.
pub unsafe fn load(block: &'static PerCpu, stacks: [u64; STACKS]) {
    // SAFETY: only this CPU uses the cell, and only here.
    let tss = unsafe { &mut *block.tss.get() };
    tss.privilege_stack_table = [VirtAddr::new(stacks[0]), VirtAddr::zero(), VirtAddr::zero()];
    // The structure is packed: its arrays are written as a whole.
    let mut table = tss.interrupt_stack_table;
    for (slot, &top) in table.iter_mut().zip(&stacks[1..]) {
        // What `exception_anywhere` finds above its frame; the frame stays aligned to 16.
        let place = (top - 16) as *mut u64;
        // SAFETY: the top of a stack of our own, on which nothing runs yet.
        unsafe { place.write(ptr::from_ref(block) as u64) };
        *slot = VirtAddr::new(top - 16);
    }
    tss.interrupt_stack_table = table;
    tss.iomap_base = size_of_val(tss) as u16;

    // SAFETY: only this CPU uses the cell, and only here.
    let gdt = unsafe { &mut *block.gdt.get() };
    // At boot the tables are made twice: the task must not be busy the second time. Nothing loads a
    // segment in between.
    *gdt = GlobalDescriptorTable::empty();
    let unused = Descriptor::UserSegment(0);
    gdt.append(unused);
    let code = gdt.append(Descriptor::kernel_code_segment());
    let data = gdt.append(Descriptor::kernel_data_segment());
    // Where Linux has 32-bit user code: empty, so that no program can leave 64-bit mode.
    gdt.append(unused);
    let user_data = gdt.append(Descriptor::user_data_segment());
    let user_code = gdt.append(Descriptor::user_code_segment());
    gdt.append(unused);
    debug_assert!(code.0 == KERNEL_CS && data.0 == KERNEL_DS);
    debug_assert!(user_data.0 == USER_DS && user_code.0 == USER_CS);
    let tss_selector = gdt.append(Descriptor::tss_segment(tss));
    // SAFETY: the table lives in the block, for ever.
    unsafe { gdt.load_unsafe() };
    // SAFETY: the selector names 64-bit kernel code.
    unsafe { CS::set_reg(code) };
    // SAFETY: the selector names kernel data.
    unsafe { SS::set_reg(data) };
    for set in [DS::set_reg, ES::set_reg] {
        // SAFETY: data segments have no meaning in 64-bit mode; null is what user mode starts with.
        unsafe { set(SegmentSelector(0)) };
    }
    // SAFETY: the descriptor was just made and points to a task state that lives for ever.
    unsafe { load_tss(tss_selector) };
}
