//! Traps: the assembly's constants, and what happens to exceptions inside the kernel.

use core::arch::global_asm;
use core::mem::offset_of;

use x86_64::VirtAddr;
use x86_64::registers::control::Cr2;
use x86_64::registers::model_specific::{LStar, Msr, SFMask};
use x86_64::registers::rflags::RFlags;

use super::cpu::{self, gdt, idt, percpu};
use super::panic::{self, Oops};
use super::user::{self, Regs};
use crate::irq::Source;

/// What `enter_user` returns for a system call, and for a run ended by [`cpu::kick`].
pub const SYSCALL: u32 = 0x100;
/// See [`SYSCALL`].
pub const INTERRUPT: u32 = 0x101;

/// Registers of interrupted kernel code, as `push_frame` leaves them.
#[repr(C)]
pub struct Frame {
    pub r15: u64,
    pub r14: u64,
    pub r13: u64,
    pub r12: u64,
    pub r11: u64,
    pub r10: u64,
    pub r9: u64,
    pub r8: u64,
    pub rdi: u64,
    pub rsi: u64,
    pub rdx: u64,
    pub rcx: u64,
    pub rbx: u64,
    pub rax: u64,
    pub rbp: u64,
    pub vector: u64,
    pub error: u64,
    pub rip: u64,
    pub cs: u64,
    pub flags: u64,
    pub rsp: u64,
    pub ss: u64,
}

global_asm!(
    include_str!("trap.S"),
    kernel_rsp = const percpu::KERNEL_RSP,
    regs = const percpu::REGS,
    scratch = const percpu::SCRATCH,
    attention = const percpu::ATTENTION,
    rax = const offset_of!(Regs, rax),
    rbx = const offset_of!(Regs, rbx),
    rcx = const offset_of!(Regs, rcx),
    rdx = const offset_of!(Regs, rdx),
    rsi = const offset_of!(Regs, rsi),
    rdi = const offset_of!(Regs, rdi),
    rbp = const offset_of!(Regs, rbp),
    r8 = const offset_of!(Regs, r8),
    r9 = const offset_of!(Regs, r9),
    r10 = const offset_of!(Regs, r10),
    r11 = const offset_of!(Regs, r11),
    r12 = const offset_of!(Regs, r12),
    r13 = const offset_of!(Regs, r13),
    r14 = const offset_of!(Regs, r14),
    r15 = const offset_of!(Regs, r15),
    rip = const user::RIP,
    rsp = const user::RSP,
    flags = const user::FLAGS,
    frame_size = const size_of::<Frame>(),
    enosys = const -38,
    user_cs = const gdt::USER_CS,
    user_ds = const gdt::USER_DS,
    syscall = const SYSCALL,
    interrupt = const INTERRUPT,
    timer = const idt::TIMER,
    call = const idt::CALL,
    kick = const idt::KICK,
    isa3 = const idt::ISA + 3,
    isa4 = const idt::ISA + 4,
    on_timer = sym on_timer,
    on_call = sym on_call,
    on_kick = sym on_kick,
    on_isa = sym on_isa,
    kernel_exception = sym kernel_exception,
    options(att_syntax)
);

unsafe extern "C" {
    fn syscall_entry();
    fn exception_table();
    fn interrupt_timer();
    fn interrupt_call();
    fn interrupt_kick();
    fn interrupt_isa3();
    fn interrupt_isa4();
    fn interrupt_ignore();
    fn syscall_compat();
}

/// Vector and entry of each exception.
pub fn exception_stubs() -> impl Iterator<Item = (u8, u64)> {
    (0..32u8).map(|vector| (vector, exception_table as *const () as u64 + u64::from(vector) * 16))
}

/// Vector and entry of each interrupt.
pub fn interrupt_stubs() -> [(u8, u64); 5] {
    [
        (idt::TIMER, interrupt_timer as *const () as u64),
        (idt::CALL, interrupt_call as *const () as u64),
        (idt::KICK, interrupt_kick as *const () as u64),
        (idt::ISA + 3, interrupt_isa3 as *const () as u64),
        (idt::ISA + 4, interrupt_isa4 as *const () as u64),
    ]
}

/// Entry of all other vectors: does nothing.
pub fn ignore_address() -> u64 {
    interrupt_ignore as *const () as u64
}

/// Sets up `syscall` on this CPU.
pub fn enable_syscall() {
    const STAR: u32 = 0xc000_0081;
    const CSTAR: u32 = 0xc000_0083;
    let star = u64::from(gdt::SYSRET_BASE) << 48 | u64::from(gdt::KERNEL_CS) << 32;
    // SAFETY: the selectors are those of the GDT.
    unsafe { Msr::new(STAR).write(star) };
    LStar::write(VirtAddr::new(syscall_entry as *const () as u64));
    let compat = syscall_compat as *const () as u64;
    // SAFETY: a stub that goes straight back. AMD's CPUs take `syscall` in compatibility mode here;
    // left alone the register would send them to address 0, in ring 0 with the program's stack.
    unsafe { Msr::new(CSTAR).write(compat) };
    // The kernel starts with these clear. NT would make its IRETQ fault, AC would open user
    // pages under SMAP, TF would single-step it.
    SFMask::write(
        RFlags::INTERRUPT_FLAG
            | RFlags::DIRECTION_FLAG
            | RFlags::TRAP_FLAG
            | RFlags::IOPL_LOW
            | RFlags::IOPL_HIGH
            | RFlags::NESTED_TASK
            | RFlags::RESUME_FLAG
            | RFlags::ALIGNMENT_CHECK,
    );
}

extern "C" fn on_timer(_vector: u32) {
    user::close();
    percpu::this().interrupts.add(Source::Timer);
    cpu::apic::end_of_interrupt();
    super::time::fired();
}

extern "C" fn on_call(_vector: u32) {
    user::close();
    cpu::apic::end_of_interrupt();
    cpu::ipi::serve();
}

extern "C" fn on_kick(_vector: u32) {
    percpu::this().interrupts.add(Source::Kick);
    cpu::apic::end_of_interrupt();
}

extern "C" fn on_isa(vector: u32) {
    user::close();
    let irq = vector as u8 - idt::ISA;
    percpu::this().interrupts.add(Source::Isa(irq));
    super::serial::for_each_ready(irq, |port| super::hooks().irq(crate::Line::Serial(port)));
    cpu::apic::end_of_interrupt();
}

/// An exception in kernel code, or one of those that have a stack of their own.
extern "C" fn kernel_exception(frame: &mut Frame) {
    match frame.vector {
        2 => {
            if panic::in_progress() {
                super::power::stop_cpu();
            }
        }
        14 => {
            let addr = Cr2::read_raw();
            if !user::fix_copy_fault(frame, addr) {
                panic::oops(frame, Oops::PageFault { addr });
            }
        }
        _ => panic::oops(frame, Oops::Exception),
    }
}
