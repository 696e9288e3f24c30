//! Signal frames: the interrupted context on the user stack, bit for bit as Linux lays it out
//! (`arch/x86/kernel/signal.c`, `fpu/signal.c`), and rt_sigreturn(2), which takes it back.

use alloc::vec::Vec;
use core::mem::offset_of;

use abi::{
    Wire,
    errno::{EFAULT, ENOMEM, Result},
    signal::{
        SaFlags, SigAction, SigSet, SigStack, Siginfo, SsFlags,
        frame::{
            FP_STATE_ALIGN, FP_XSTATE_MAGIC1, FP_XSTATE_MAGIC2, FP_XSTATE_MAGIC2_SIZE, FpState,
            FpxSwBytes, RED_ZONE, RtSigframe, Sigcontext, UcFlags, Ucontext, XstateHeader,
        },
    },
};

use super::{Cx, cx::NO_ALT_STACK};
use crate::mm::user::{UserIn, UserOut};

/// Selectors of 64-bit user mode, `__USER_CS` and `__USER_DS`.
const USER_CS: u16 = 0x33;
const USER_SS: u16 = 0x2b;

/// Direction, trap and resume flag: clear when a handler starts.
const FLAGS_OFF: u64 = 1 << 10 | 1 << 8 | 1 << 16;

/// Does `sp` lie on the alternate stack (`on_sig_stack`)?
pub fn on_alt_stack(stack: &SigStack, sp: u64) -> bool {
    !stack.ss_flags.has(SsFlags::AUTODISARM)
        && sp > stack.ss_sp
        && sp - stack.ss_sp <= stack.ss_size
}

/// The alternate stack as sigaltstack(2) and frames report it.
pub fn alt_stack_report(stack: &SigStack, sp: u64) -> SigStack {
    let state = if stack.ss_size == 0 {
        SsFlags::DISABLE
    } else if on_alt_stack(stack, sp) {
        SsFlags::ONSTACK
    } else {
        SsFlags::EMPTY
    };
    SigStack { ss_flags: state | (stack.ss_flags & SsFlags::AUTODISARM), ..*stack }
}

/// The most bytes a frame can take (`AT_MINSIGSTKSZ`).
pub fn largest() -> u64 {
    let fpu = hal::user::fpu_bytes() + FP_XSTATE_MAGIC2_SIZE;
    // The return address, alignment of the frame and of the floating-point state.
    (RtSigframe::SIZE + fpu + FP_STATE_ALIGN + 16 + 8) as u64
}

/// Pushes the frame of a handler for `info` and makes the handler what runs next. `mask` is what
/// the frame will restore. `Err`: it does not fit there.
pub fn push(cx: &mut Cx, info: &Siginfo, action: &SigAction, mask: SigSet) -> Result<()> {
    if !action.sa_flags.has(SaFlags::RESTORER) {
        return Err(EFAULT);
    }
    let fpu_bytes = hal::user::fpu_bytes();
    let extended = fpu_bytes > FpState::SIZE;
    let tail = if extended { FP_XSTATE_MAGIC2_SIZE } else { 0 };

    let mut sp = cx.regs.rsp().wrapping_sub(RED_ZONE);
    let stack = cx.alt_stack;
    let mut entering = false;
    let nested = stack.ss_size != 0 && on_alt_stack(&stack, cx.regs.rsp());
    if action.sa_flags.has(SaFlags::ONSTACK) && stack.ss_size != 0 && !nested {
        sp = stack.ss_sp.wrapping_add(stack.ss_size);
        entering = true;
    }
    let fp_at = sp.wrapping_sub((fpu_bytes + tail) as u64) & !(FP_STATE_ALIGN as u64 - 1);
    let at = (fp_at.wrapping_sub(RtSigframe::SIZE as u64) & !15).wrapping_sub(8);
    // Running off the end of the alternate stack must not reach what lies below it.
    if (nested || entering) && !(stack.ss_sp..stack.ss_sp.wrapping_add(stack.ss_size)).contains(&at)
    {
        return Err(EFAULT);
    }

    let mut image = Vec::new();
    image.try_reserve_exact(fpu_bytes + tail).map_err(|_| ENOMEM)?;
    image.resize(fpu_bytes + tail, 0);
    cx.regs.save_fpu(&mut image[..fpu_bytes]);
    if extended {
        let sw = FpxSwBytes {
            magic1: FP_XSTATE_MAGIC1,
            extended_size: (fpu_bytes + tail) as u32,
            xfeatures: hal::user::fpu_components(),
            xstate_size: fpu_bytes as u32,
            padding: [0; 7],
        };
        sw.put(&mut image[offset_of!(FpState, sw_reserved)..]);
        FP_XSTATE_MAGIC2.put(&mut image[fpu_bytes..]);
    }
    cx.parts.space.copy_out(fp_at, &image)?;

    let xstate = if extended { UcFlags::FP_XSTATE } else { UcFlags::EMPTY };
    let frame = RtSigframe {
        pretcode: action.sa_restorer,
        uc: Ucontext {
            uc_flags: xstate | UcFlags::SIGCONTEXT_SS | UcFlags::STRICT_RESTORE_SS,
            uc_link: 0,
            uc_stack: alt_stack_report(&stack, cx.regs.rsp()),
            uc_mcontext: context(cx, mask, fp_at),
            uc_sigmask: mask,
        },
        info: if action.sa_flags.has(SaFlags::SIGINFO) { *info } else { Siginfo::ZERO },
    };
    UserOut::<RtSigframe>::new(at).write(&cx.parts.space, &frame)?;

    if stack.ss_flags.has(SsFlags::AUTODISARM) {
        cx.alt_stack = NO_ALT_STACK;
    }
    cx.regs.set_rip(action.sa_handler).map_err(|_| EFAULT)?;
    cx.regs.set_rsp(at);
    cx.regs.rdi = info.sig().into();
    cx.regs.rsi = at + offset_of!(RtSigframe, info) as u64;
    cx.regs.rdx = at + offset_of!(RtSigframe, uc) as u64;
    cx.regs.rax = 0;
    let flags = cx.regs.flags() & !FLAGS_OFF;
    cx.regs.set_flags(flags);
    cx.regs.reset_fpu();
    Ok(())
}

fn context(cx: &Cx, mask: SigSet, fpstate: u64) -> Sigcontext {
    let r = &cx.regs;
    Sigcontext {
        r8: r.r8,
        r9: r.r9,
        r10: r.r10,
        r11: r.r11,
        r12: r.r12,
        r13: r.r13,
        r14: r.r14,
        r15: r.r15,
        rdi: r.rdi,
        rsi: r.rsi,
        rbp: r.rbp,
        rbx: r.rbx,
        rdx: r.rdx,
        rax: r.rax,
        rcx: r.rcx,
        rsp: r.rsp(),
        rip: r.rip(),
        eflags: r.flags(),
        cs: USER_CS,
        gs: 0,
        fs: 0,
        ss: USER_SS,
        err: cx.trap.error,
        trapno: cx.trap.vector,
        oldmask: mask.bits(),
        cr2: cx.trap.addr,
        fpstate,
        reserved1: [0; 8],
    }
}

/// rt_sigreturn(2): takes back what [`push`] put on the stack. `Err`: it is no frame.
pub fn pop(cx: &mut Cx) -> Result<()> {
    let at = cx.regs.rsp().wrapping_sub(8);
    let uc_at = at.wrapping_add(offset_of!(RtSigframe, uc) as u64);
    let uc = UserIn::<Ucontext>::new(uc_at).read(&cx.parts.space)?;
    cx.set_mask(uc.uc_sigmask);
    let c = &uc.uc_mcontext;
    // Only 64-bit user segments can be returned to; with others the return would fault.
    let strict = uc.uc_flags.has(UcFlags::STRICT_RESTORE_SS);
    if c.cs | 3 != USER_CS || strict && c.ss | 3 != USER_SS {
        return Err(EFAULT);
    }
    let r = &mut cx.regs;
    (r.r8, r.r9, r.r10, r.r11) = (c.r8, c.r9, c.r10, c.r11);
    (r.r12, r.r13, r.r14, r.r15) = (c.r12, c.r13, c.r14, c.r15);
    (r.rdi, r.rsi, r.rbp, r.rbx) = (c.rdi, c.rsi, c.rbp, c.rbx);
    (r.rdx, r.rax, r.rcx) = (c.rdx, c.rax, c.rcx);
    r.set_rsp(c.rsp);
    r.set_rip(c.rip).map_err(|_| EFAULT)?;
    r.set_flags(c.eflags);
    restore_fpu(cx, c.fpstate)?;
    restore_alt_stack(cx, &uc.uc_stack);
    Ok(())
}

fn restore_fpu(cx: &mut Cx, at: u64) -> Result<()> {
    if at == 0 {
        cx.regs.reset_fpu();
        return Ok(());
    }
    let fpu_bytes = hal::user::fpu_bytes();
    let sw_at = at.wrapping_add(offset_of!(FpState, sw_reserved) as u64);
    let sw = UserIn::<FpxSwBytes>::new(sw_at).read(&cx.parts.space)?;
    let whole = sw.magic1 == FP_XSTATE_MAGIC1
        && sw.xstate_size as usize >= FpState::SIZE + XstateHeader::SIZE
        && sw.xstate_size as usize <= fpu_bytes
        && sw.extended_size as usize >= sw.xstate_size as usize + FP_XSTATE_MAGIC2_SIZE
        && UserIn::<u32>::new(at.wrapping_add(sw.xstate_size.into())).read(&cx.parts.space)
            == Ok(FP_XSTATE_MAGIC2);
    let bytes = if whole { sw.xstate_size as usize } else { FpState::SIZE };
    let mut image = Vec::new();
    image.try_reserve_exact(bytes).map_err(|_| ENOMEM)?;
    image.resize(bytes, 0);
    cx.parts.space.copy_in(at, &mut image)?;
    cx.regs.restore_fpu(&image).map_err(|_| EFAULT)
}

/// The alternate stack of the frame is set again; a bad one is left out silently, as on Linux.
fn restore_alt_stack(cx: &mut Cx, stack: &SigStack) {
    let sp = cx.regs.rsp();
    // Linux ignores the result of do_sigaltstack here.
    let _ = set_alt_stack(cx, stack, sp);
}

/// sigaltstack(2) with the stack pointer at `sp`.
pub fn set_alt_stack(cx: &mut Cx, new: &SigStack, sp: u64) -> Result<()> {
    use abi::errno::{EINVAL, EPERM};
    use abi::signal::MINSIGSTKSZ;
    if cx.alt_stack.ss_size != 0 && on_alt_stack(&cx.alt_stack, sp) {
        return Err(EPERM);
    }
    let mode = new.ss_flags - SsFlags::AUTODISARM;
    if mode != SsFlags::EMPTY && mode != SsFlags::DISABLE && mode != SsFlags::ONSTACK {
        return Err(EINVAL);
    }
    if mode == SsFlags::DISABLE {
        cx.alt_stack = SigStack { ss_sp: 0, ss_size: 0, ss_flags: new.ss_flags };
        return Ok(());
    }
    if new.ss_size < MINSIGSTKSZ as u64 {
        return Err(ENOMEM);
    }
    cx.alt_stack = *new;
    Ok(())
}
