//! Running user programs, and reaching their memory.

use core::arch::{asm, global_asm};
use core::mem::offset_of;
use core::sync::atomic::Ordering;

use x86_64::VirtAddr;
use x86_64::instructions::interrupts;
use x86_64::registers::control::Cr2;

use super::cpu::{self, features, fpu, percpu};
use super::mem::tlb;
use super::trap::{self, Frame};
use crate::contract::{Access, BadState, Fault, NoMemory, NonCanonical, Trap, USER_END};
use crate::mem::{self, Space};

/// Bytes of the FPU image: an XSAVE area in standard format, or 512 on CPUs without XSAVE.
pub fn fpu_bytes() -> usize {
    fpu::size()
}

/// The components an FPU image may hold (XCR0).
pub fn fpu_components() -> u64 {
    fpu::components()
}

/// A user program's registers.
///
/// The integer registers are free to change. What could raise privilege or make the return to user
/// mode fault (RIP, RSP, flags, segment bases, FPU state) is behind setters that check.
#[repr(C)]
#[expect(missing_docs, reason = "the registers' names say all")]
pub struct Regs {
    pub rax: u64,
    pub rbx: u64,
    pub rcx: u64,
    pub rdx: u64,
    pub rsi: u64,
    pub rdi: u64,
    pub rbp: u64,
    pub r8: u64,
    pub r9: u64,
    pub r10: u64,
    pub r11: u64,
    pub r12: u64,
    pub r13: u64,
    pub r14: u64,
    pub r15: u64,
    /// Canonical, always: see [`Regs::set_rip`] and [`Regs::explain`].
    rip: u64,
    rsp: u64,
    /// Bit 1 and IF set, nothing privileged; see [`Regs::set_flags`].
    flags: u64,
    state: fpu::State,
}

/// Offsets for the assembly.
pub const RIP: usize = offset_of!(Regs, rip);
/// See [`RIP`].
pub const RSP: usize = offset_of!(Regs, rsp);
/// See [`RIP`].
pub const FLAGS: usize = offset_of!(Regs, flags);

/// Bit 1, which is always set, and IF.
const FLAGS_FIXED: u64 = 0x202;
/// IOPL and VM: user mode must never have them.
const PRIVILEGED: u64 = 0x2_3000;
/// What `rt_sigreturn` may set, Linux's FIX_EFLAGS: AC OF DF TF SF ZF AF PF CF, and RF.
const FLAGS_FREE: u64 = 0x5_0dd5;
/// End of the lower canonical half.
const CANONICAL_END: u64 = 1 << 47;

fn canonical(address: u64) -> Result<u64, NonCanonical> {
    if address < CANONICAL_END { Ok(address) } else { Err(NonCanonical) }
}

impl Regs {
    /// All registers zero, clean FPU state (FCW 0x37f, MXCSR 0x1f80).
    ///
    /// # Errors
    /// [`NoMemory`] when there is no room for the FPU state.
    pub fn new() -> Result<Regs, NoMemory> {
        Ok(Regs::with_state(fpu::State::new()?))
    }

    fn with_state(state: fpu::State) -> Regs {
        Regs {
            rax: 0,
            rbx: 0,
            rcx: 0,
            rdx: 0,
            rsi: 0,
            rdi: 0,
            rbp: 0,
            r8: 0,
            r9: 0,
            r10: 0,
            r11: 0,
            r12: 0,
            r13: 0,
            r14: 0,
            r15: 0,
            rip: 0,
            rsp: 0,
            flags: FLAGS_FIXED,
            state,
        }
    }

    /// A copy, FPU state included (fork).
    ///
    /// # Errors
    /// [`NoMemory`] when there is no room for the FPU state.
    pub fn try_clone(&mut self) -> Result<Regs, NoMemory> {
        let mut copy = Regs::with_state(self.state.try_clone()?);
        copy.copy_integers(self);
        Ok(copy)
    }

    fn copy_integers(&mut self, from: &Regs) {
        (self.rax, self.rbx, self.rcx, self.rdx) = (from.rax, from.rbx, from.rcx, from.rdx);
        (self.rsi, self.rdi, self.rbp, self.rsp) = (from.rsi, from.rdi, from.rbp, from.rsp);
        (self.r8, self.r9, self.r10, self.r11) = (from.r8, from.r9, from.r10, from.r11);
        (self.r12, self.r13, self.r14, self.r15) = (from.r12, from.r13, from.r14, from.r15);
        (self.rip, self.flags) = (from.rip, from.flags);
    }

    /// Runs the program in `space` until something needs the kernel. Device interrupts are served
    /// meanwhile without returning, unless one of them, or [`cpu::kick`], asks for attention.
    ///
    /// After [`Trap::Syscall`] `rip` is past the instruction, `rcx` equals it and `r11` the flags.
    #[inline(always)]
    pub fn run(&mut self, space: &Space) -> Trap {
        interrupts::disable();
        // The way of most system calls: no attention is asked for, the space is loaded, and the
        // FPU state is in the registers.
        // SAFETY: reads fields of this CPU's block; both ways out are declared.
        unsafe {
            asm!("cmp byte ptr gs:[{attention}], 0", "jne {slow}",
                 "cmp gs:[{active}], {root}", "jne {slow}",
                 "cmp gs:[{live}], {state}", "jne {slow}",
                 attention = const percpu::ATTENTION, active = const percpu::ROOT,
                 live = const percpu::LIVE, root = in(reg) tlb::root(space),
                 state = in(reg) self.state.key(), slow = label { return self.run_slowly(space) },
                 options(nostack, readonly));
        }
        let (code, error) = enter(self);
        if code == trap::SYSCALL {
            interrupts::enable();
            return Trap::Syscall;
        }
        self.explain(code, error)
    }

    /// The rest of [`Regs::run`]. Interrupts are off.
    #[cold]
    fn run_slowly(&mut self, space: &Space) -> Trap {
        if self.state.is_elsewhere() {
            interrupts::enable();
            self.state.come_here();
            interrupts::disable();
        }
        let cpu = percpu::this();
        // A full barrier: whoever finds the request set, and so sends no interrupt, has his work seen
        // by those who look for it from here on.
        if cpu.attention.swap(false, Ordering::SeqCst) {
            interrupts::enable();
            return Trap::Interrupt;
        }
        tlb::activate(space);
        self.state.load();
        let (code, error) = enter(self);
        self.explain(code, error)
    }

    /// Turns what ended a run into a [`Trap`], and turns interrupts on.
    #[cold]
    fn explain(&mut self, code: u32, error: u32) -> Trap {
        // A fault's address must be read before another fault can happen.
        let addr = Cr2::read_raw();
        close();
        // A jump to a non-canonical address leaves it in RIP on some machines (TCG), where IRETQ
        // must never find it. The page at USER_END faults just as surely.
        if VirtAddr::try_new(self.rip).is_err() {
            self.rip = USER_END;
        }
        if code == trap::INTERRUPT {
            percpu::this().attention.swap(false, Ordering::SeqCst);
        }
        interrupts::enable();
        match code {
            trap::SYSCALL => Trap::Syscall,
            trap::INTERRUPT => Trap::Interrupt,
            14 => Trap::Fault { addr, access: access(error), error },
            vector => Trap::Exception { vector: vector as u8, error },
        }
    }

    /// The next instruction.
    pub fn rip(&self) -> u64 {
        self.rip
    }

    /// Sets the next instruction.
    ///
    /// # Errors
    /// [`NonCanonical`] for addresses that are not in the lower canonical half.
    pub fn set_rip(&mut self, rip: u64) -> Result<(), NonCanonical> {
        self.rip = canonical(rip)?;
        Ok(())
    }

    /// The stack pointer.
    pub fn rsp(&self) -> u64 {
        self.rsp
    }

    /// Sets the stack pointer. Any value will do: it is looked at in user mode only.
    pub fn set_rsp(&mut self, rsp: u64) {
        self.rsp = rsp;
    }

    /// RFLAGS as the program sees them (IF set).
    pub fn flags(&self) -> u64 {
        self.flags
    }

    /// Sets those flags a program may own, as Linux's `rt_sigreturn` does; the others stay.
    pub fn set_flags(&mut self, flags: u64) {
        self.flags = self.flags & !FLAGS_FREE | flags & FLAGS_FREE | FLAGS_FIXED;
    }

    /// The FS base (thread pointer).
    pub fn fs_base(&mut self) -> u64 {
        self.state.bases().0
    }

    /// Sets the FS base.
    ///
    /// # Errors
    /// As [`Regs::set_rip`].
    pub fn set_fs_base(&mut self, base: u64) -> Result<(), NonCanonical> {
        self.state.set_fs_base(canonical(base)?);
        Ok(())
    }

    /// The GS base.
    pub fn gs_base(&mut self) -> u64 {
        self.state.bases().1
    }

    /// Sets the GS base.
    ///
    /// # Errors
    /// As [`Regs::set_rip`].
    pub fn set_gs_base(&mut self, base: u64) -> Result<(), NonCanonical> {
        self.state.set_gs_base(canonical(base)?);
        Ok(())
    }

    /// Writes the FPU image to `to` (as much as fits), for signal frames.
    pub fn save_fpu(&mut self, to: &mut [u8]) {
        self.state.save(to);
    }

    /// Takes an FPU image from a program.
    ///
    /// # Errors
    /// [`BadState`] if the CPU could not load it; nothing has changed then.
    pub fn restore_fpu(&mut self, from: &[u8]) -> Result<(), BadState> {
        self.state.restore(from)
    }

    /// Clean FPU state (execve).
    pub fn reset_fpu(&mut self) {
        self.state.reset();
    }
}

/// Enters user mode and comes back with what ended the run: vector (or one of `trap`'s codes) and
/// error code. Interrupts are off before and after; space and FPU state must be in place.
#[inline]
fn enter(regs: &mut Regs) -> (u32, u32) {
    debug_assert!(
        VirtAddr::try_new(regs.rip).is_ok()
            && regs.flags & (FLAGS_FIXED | PRIVILEGED) == FLAGS_FIXED
    );
    let code: u32;
    let error: u32;
    // SAFETY: `enter_user` keeps RBX, RBP and the stack, all others are declared lost. User mode
    // reaches no kernel memory; `regs` is written by the way back.
    unsafe {
        asm!("call enter_user", inout("rdi") regs as *mut Regs => _, out("eax") code,
             out("edx") error, out("rcx") _, out("rsi") _, out("r8") _, out("r9") _, out("r10") _,
             out("r11") _, out("r12") _, out("r13") _, out("r14") _, out("r15") _);
    }
    (code, error)
}

/// What a page fault's error code says was tried.
fn access(error: u32) -> Access {
    Access { write: error & 2 != 0, exec: error & 16 != 0 }
}

global_asm!(include_str!("copy.S"), options(att_syntax));

unsafe extern "C" {
    fn user_copy_start();
    fn user_copy_end();
    static user_copy_fixups: [u64; 13];
}

/// If `frame` is a page fault of one of the copies on a user address, has it go on at the fixup.
pub fn fix_copy_fault(frame: &mut Frame, addr: u64) -> bool {
    let range = user_copy_start as *const () as u64..user_copy_end as *const () as u64;
    if !range.contains(&frame.rip) || addr >= CANONICAL_END {
        return false;
    }
    // SAFETY: the table of copy.S, read-only.
    let fixups = unsafe { &user_copy_fixups };
    let Some(pair) = fixups.chunks_exact(2).find(|pair| pair[0] == frame.rip) else { return false };
    frame.rip = pair[1];
    frame.rdx = addr;
    true
}

/// Opens user memory to the kernel while it lives (SMAP).
struct Open;

impl Open {
    #[inline]
    fn new() -> Open {
        if features::has(features::SMAP) {
            // SAFETY: CPUID has SMAP; accesses in between are the copies only.
            unsafe { asm!("stac", options(nostack)) };
        }
        Open
    }
}

impl Drop for Open {
    #[inline]
    fn drop(&mut self) {
        close();
    }
}

/// Closes user memory to the kernel. Exceptions and interrupts, other than `syscall`, come with
/// the program's own AC flag, or that of an interrupted copy.
#[inline]
pub fn close() {
    if features::has(features::SMAP) {
        // SAFETY: CPUID has SMAP.
        unsafe { asm!("clac", options(nostack)) };
    }
}

/// Copies; `Err((left, addr))` if a user address faulted.
///
/// # Safety
/// The side in the kernel must be valid for `length` bytes (read or written), the side in user
/// memory must end at or below [`USER_END`].
#[inline]
unsafe fn copy(to: *mut u8, from: *const u8, length: usize) -> Result<(), (usize, u64)> {
    let left: usize;
    let addr: u64;
    let open = Open::new();
    // SAFETY: kernel side by the caller; faults of the user side are fixed up.
    unsafe {
        asm!("call user_copy", inout("rdi") to => _, inout("rsi") from => _,
             inout("rcx") length => _, out("rax") left, out("rdx") addr);
    }
    drop(open);
    if left == 0 { Ok(()) } else { Err((left, addr)) }
}

/// The part of a user range that is below [`USER_END`].
#[inline]
fn clamp(at: u64, length: usize) -> usize {
    length.min(USER_END.saturating_sub(at).min(usize::MAX as u64) as usize)
}

/// Turns what a copy of `allowed` out of `length` bytes said into the answer.
#[inline]
fn answer(
    result: Result<(), (usize, u64)>,
    at: u64,
    allowed: usize,
    length: usize,
    write: bool,
) -> Result<(), Fault> {
    let access = Access { write, exec: false };
    match result {
        Ok(()) if allowed == length => Ok(()),
        Ok(()) => Err(Fault { done: allowed, addr: at.max(USER_END), access }),
        Err((left, addr)) => Err(Fault { done: allowed - left, addr, access }),
    }
}

/// Copies between the kernel and a program's memory. They never sleep: they stop at the first byte
/// that cannot be reached, and the kernel above brings it in and goes on.
impl Space {
    /// Makes this space the active one, so that its addresses mean its memory. It stays so until
    /// the fiber suspends: only fibers change it, never interrupts.
    #[inline]
    fn here(&self) {
        if percpu::this().root.load(Ordering::Relaxed) != tlb::root(self) {
            let _guard = cpu::NoIrq::new();
            tlb::activate(self);
        }
    }

    /// Copies from the program.
    ///
    /// # Errors
    /// [`Fault`] at the first byte that cannot be read.
    pub fn copy_in(&self, from: u64, to: &mut [u8]) -> Result<(), Fault> {
        self.here();
        let allowed = clamp(from, to.len());
        // SAFETY: `to` is valid, and the user range was clamped.
        let result = unsafe { copy(to.as_mut_ptr(), from as *const u8, allowed) };
        answer(result, from, allowed, to.len(), false)
    }

    /// Copies to the program.
    ///
    /// # Errors
    /// [`Fault`] at the first byte that cannot be written.
    pub fn copy_out(&self, to: u64, from: &[u8]) -> Result<(), Fault> {
        self.here();
        let allowed = clamp(to, from.len());
        // SAFETY: `from` is valid, and the user range was clamped.
        let result = unsafe { copy(to as *mut u8, from.as_ptr(), allowed) };
        answer(result, to, allowed, from.len(), true)
    }

    /// Writes zeros to the program's memory.
    ///
    /// # Errors
    /// As [`Space::copy_out`].
    pub fn zero_out(&self, to: u64, length: usize) -> Result<(), Fault> {
        self.here();
        let allowed = clamp(to, length);
        let left: usize;
        let addr: u64;
        let open = Open::new();
        // SAFETY: writes user memory only; faults are fixed up.
        unsafe {
            asm!("call user_zero", inout("rdi") to => _, inout("rcx") allowed => _,
                 out("rax") left, out("rdx") addr, in("r8") allowed & 7);
        }
        drop(open);
        let result = if left == 0 { Ok(()) } else { Err((left, addr)) };
        answer(result, to, allowed, length, true)
    }

    /// Copies from a frame to the program.
    ///
    /// # Errors
    /// As [`Space::copy_out`].
    ///
    /// # Panics
    /// If `offset + length` is beyond the frame.
    pub fn copy_frame_out(
        &self,
        to: u64,
        frame: &mem::Frame,
        offset: usize,
        length: usize,
    ) -> Result<(), Fault> {
        self.here();
        let allowed = clamp(to, length);
        // SAFETY: the frame is held by its count; programs may write it meanwhile, which a copy
        // in assembly tolerates.
        let result = unsafe { copy(to as *mut u8, frame_at(frame, offset, length), allowed) };
        answer(result, to, allowed, length, true)
    }

    /// Copies from the program to a frame.
    ///
    /// # Errors
    /// As [`Space::copy_in`].
    ///
    /// # Panics
    /// If `offset + length` is beyond the frame.
    pub fn copy_frame_in(
        &self,
        from: u64,
        frame: &mem::Frame,
        offset: usize,
        length: usize,
    ) -> Result<(), Fault> {
        self.here();
        let allowed = clamp(from, length);
        // SAFETY: as in `copy_frame_out`.
        let result = unsafe { copy(frame_at(frame, offset, length), from as *const u8, allowed) };
        answer(result, from, allowed, length, false)
    }

    /// Copies from the program up to and with a NUL, as far as `to` reaches. `Some(length)` if a
    /// NUL was met (the length is without it).
    ///
    /// # Errors
    /// [`Fault`] at the first byte that cannot be read before a NUL; what is before it is in `to`.
    pub fn copy_str_in(&self, from: u64, to: &mut [u8]) -> Result<Option<usize>, Fault> {
        // A string mostly ends long before its buffer: pieces keep the copy short, and never go
        // far into a page after the one in which it ends.
        const PIECE: usize = 64;
        let mut done = 0;
        while done < to.len() {
            let end = to.len().min(done + PIECE);
            let piece = &mut to[done..end];
            let result = self.copy_in(from.wrapping_add(done as u64), piece);
            let copied = match result {
                Ok(()) => piece.len(),
                Err(fault) => fault.done,
            };
            if let Some(nul) = piece[..copied].iter().position(|&byte| byte == 0) {
                return Ok(Some(done + nul));
            }
            result.map_err(|fault| Fault { done: done + copied, ..fault })?;
            done = end;
        }
        Ok(None)
    }

    /// Reads a 32-bit word of the program (aligned for atomicity). May be called with interrupts
    /// off.
    ///
    /// # Errors
    /// [`Fault`] if it cannot be read.
    pub fn load_u32(&self, at: u64) -> Result<u32, Fault> {
        self.here();
        let access = Access::default();
        if clamp(at, 4) < 4 {
            return Err(Fault { done: 0, addr: at.max(USER_END), access });
        }
        let (value, failed, addr): (u32, u64, u64);
        let open = Open::new();
        // SAFETY: reads user memory only; a fault is fixed up.
        unsafe {
            asm!("call user_load", in("rsi") at, out("ecx") value, out("rax") failed,
                 out("rdx") addr);
        }
        drop(open);
        if failed == 0 { Ok(value) } else { Err(Fault { done: 0, addr, access }) }
    }

    /// Replaces a 32-bit word of the program, atomically, if it holds `old`; says what it held.
    ///
    /// # Errors
    /// [`Fault`] if it cannot be written.
    pub fn cas_u32(&self, at: u64, old: u32, new: u32) -> Result<u32, Fault> {
        self.here();
        let access = Access { write: true, exec: false };
        if clamp(at, 4) < 4 {
            return Err(Fault { done: 0, addr: at.max(USER_END), access });
        }
        let (seen, failed, addr): (u32, u64, u64);
        let open = Open::new();
        // SAFETY: writes user memory only; a fault is fixed up.
        unsafe {
            asm!("call user_cas", in("rdi") at, inout("eax") old => seen,
                 inout("rcx") u64::from(new) => failed, out("rdx") addr);
        }
        drop(open);
        if failed == 0 { Ok(seen) } else { Err(Fault { done: 0, addr, access }) }
    }
}

/// Where `length` bytes at `offset` of a frame are in the physmap.
fn frame_at(frame: &mem::Frame, offset: usize, length: usize) -> *mut u8 {
    assert!(offset <= 4096 && length <= 4096 - offset, "copy beyond a frame");
    let start = super::phys_to_virt(frame.number() << 12);
    // SAFETY: inside the frame, or just at its end.
    unsafe { start.add(offset) }
}
