//! Kernel coroutines, each on a stack of its own.
//!
//! A [`Fiber`] is owned by whoever resumes it, so it cannot run on two CPUs. Its [`Context`] and
//! its function lie at the top of its own stack: making a fiber takes a stack and no heap.

use core::arch::{asm, naked_asm};
use core::cell::UnsafeCell;
use core::mem::{offset_of, size_of};

use super::cpu::{self, fpu, percpu};
use super::mem::stack::Stack;
use crate::contract::{HeldStack, NoMemory, Suspend};

/// A fiber's control block, at the top of its stack.
#[repr(C)]
pub struct Context {
    /// Saved stack pointer of the side that does not run.
    other: u64,
    /// First function on the stack.
    start: unsafe extern "C" fn(*mut Context) -> !,
    /// Drops the function of a fiber that was never started.
    discard: unsafe fn(*mut Context),
    why: Suspend,
    phase: Phase,
    held: UnsafeCell<HeldStack>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    New,
    Suspended,
    Running,
    Exited,
}

/// A coroutine of the kernel. Must have exited, or never have been resumed, when it is dropped.
pub struct Fiber {
    context: *mut Context,
    /// Keeps the memory of `context`.
    _stack: Stack,
}

// SAFETY: the function is `Send`, and the stack of a suspended fiber is used by nobody else. What
// lies on it across a suspension is not bound to a CPU: guards are asserted to be gone.
unsafe impl Send for Fiber {}

/// Where a value of type `T` lies below the control block.
fn place<T>(context: *mut Context) -> *mut T {
    let below = (context as usize - size_of::<T>()) & !(align_of::<T>().max(16) - 1);
    below as *mut T
}

impl Fiber {
    /// A fiber that will run `f` when first resumed.
    ///
    /// # Errors
    /// [`NoMemory`] when there is no room for a stack.
    pub fn new<F: FnOnce() + Send + 'static>(f: F) -> Result<Fiber, NoMemory> {
        const { assert!(size_of::<F>() <= 4096) };
        let stack = Stack::new()?;
        let context = (stack.top() as usize - size_of::<Context>()) & !63;
        let context = context as *mut Context;
        let function = place::<F>(context);
        // The first switch pops these: rbp, rbx, and the address to return to.
        let first = (function as usize & !15) as *mut [u64; 4];
        // SAFETY: 4 words below the function, inside the stack.
        let first = unsafe { first.sub(1) };
        // SAFETY: within the fresh stack, aligned.
        unsafe { first.write([0, context as u64, fiber_start as *const () as u64, 0]) };
        // SAFETY: as above.
        unsafe { function.write(f) };
        let new = Context {
            other: first as u64,
            start: start::<F>,
            discard: discard::<F>,
            why: Suspend::Yield,
            phase: Phase::New,
            held: UnsafeCell::new(HeldStack::new()),
        };
        // SAFETY: as above.
        unsafe { context.write(new) };
        Ok(Fiber { context, _stack: stack })
    }

    /// Runs the fiber until it suspends or its function has returned ([`Suspend::Exit`]).
    ///
    /// # Panics
    /// If it has exited already.
    pub fn resume(&mut self) -> Suspend {
        let cpu = percpu::this();
        let caller = cpu.fiber.get();
        // SAFETY: the context lives as long as the stack, and nobody runs on it.
        let context = unsafe { &mut *self.context };
        assert!(context.phase != Phase::Exited, "resume of a fiber that has exited");
        context.phase = Phase::Running;
        cpu.fiber.set(self.context);
        // SAFETY: `other` is the fiber's saved stack pointer. It comes back on this CPU.
        unsafe { switch(&raw mut context.other) };
        percpu::this().fiber.set(caller);
        // SAFETY: as above; read anew, the fiber has written.
        let context = unsafe { &mut *self.context };
        if context.phase == Phase::Running {
            context.phase = Phase::Suspended;
        }
        context.why
    }
}

impl Drop for Fiber {
    fn drop(&mut self) {
        // SAFETY: the context lives as long as the stack, and the fiber does not run: it is owned.
        let context = unsafe { &*self.context };
        let discard = context.discard;
        match context.phase {
            Phase::New => {
                // SAFETY: the function is still in its place.
                unsafe { discard(self.context) }
            }
            Phase::Exited => {}
            Phase::Suspended | Phase::Running => {
                panic!("a fiber is dropped before it has exited")
            }
        }
    }
}

/// Goes back to whoever resumed this fiber; returns when it is resumed again, perhaps on another
/// CPU.
///
/// # Panics
/// Outside a fiber, with interrupts off, and (checked builds) with a guard alive.
pub fn suspend(why: Suspend) {
    let cpu = percpu::this();
    let context = cpu.fiber.get();
    assert!(!context.is_null(), "suspend outside a fiber");
    assert!(cpu.no_irq.get() == 0, "suspend with interrupts off");
    assert!(cpu.no_preempt.get() == 0, "suspend in atomic context");
    leave(context, why);
}

fn leave(context: *mut Context, why: Suspend) {
    {
        let _guard = cpu::NoIrq::new();
        fpu::save_live();
    }
    // SAFETY: the running fiber's context; its resumer waits.
    unsafe { (*context).why = why };
    // SAFETY: as above.
    let other = unsafe { &raw mut (*context).other };
    // SAFETY: while a fiber runs, `other` is its resumer's stack pointer.
    unsafe { switch(other) };
}

/// The stack of held locks of the running fiber, or of the CPU loop.
pub fn held_stack() -> *mut HeldStack {
    let cpu = percpu::this();
    let context = cpu.fiber.get();
    if context.is_null() {
        return cpu.held.get();
    }
    // SAFETY: the running fiber's context is alive.
    unsafe { (*context).held.get() }
}

/// Exchanges the stack pointer with `*other`.
///
/// # Safety
/// `*other` must be a stack pointer saved by this function, or prepared like one.
#[inline]
unsafe fn switch(other: *mut u64) {
    // SAFETY: the callee keeps RBX, RBP and the stack; all other registers are declared lost.
    unsafe {
        asm!("call {}", sym exchange, inout("rdi") other => _,
             out("rax") _, out("rcx") _, out("rdx") _, out("rsi") _, out("r8") _, out("r9") _,
             out("r10") _, out("r11") _, out("r12") _, out("r13") _, out("r14") _, out("r15") _);
    }
}

#[unsafe(naked)]
extern "C" fn exchange() {
    naked_asm!(
        "push rbx",
        "push rbp",
        "mov rax, [rdi]",
        "mov [rdi], rsp",
        "mov rsp, rax",
        "pop rbp",
        "pop rbx",
        "ret",
    )
}

/// The bottom of every fiber's stack; RBX holds the context.
#[unsafe(naked)]
extern "C" fn fiber_start() {
    naked_asm!(
        "mov rdi, rbx",
        "xor ebp, ebp", // back traces end here
        "call [rbx + {start}]",
        "ud2",
        start = const offset_of!(Context, start),
    )
}

/// # Safety
/// Once, by `fiber_start` on the fiber's own stack.
unsafe extern "C" fn start<F: FnOnce()>(context: *mut Context) -> ! {
    // SAFETY: `Fiber::new` wrote it, and it is taken once.
    let f = unsafe { place::<F>(context).read() };
    f();
    // SAFETY: the running fiber's context.
    unsafe { (*context).phase = Phase::Exited };
    leave(context, Suspend::Exit);
    unreachable!("an exited fiber was resumed")
}

/// # Safety
/// Once, for a fiber that was never resumed.
unsafe fn discard<F>(context: *mut Context) {
    // SAFETY: by the caller, the function is in its place and not used again.
    unsafe { place::<F>(context).drop_in_place() };
}
