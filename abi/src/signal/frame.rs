//! What a signal handler finds on its stack (`asm/sigcontext.h`, `asm/ucontext.h`).
//!
//! From low to high: return address, [`Ucontext`], siginfo, and further up the floating-point
//! state, aligned to 64 bytes: [`FpState`], then the rest of the XSAVE area, then
//! `FP_XSTATE_MAGIC2`. The program may read and change all of it before rt_sigreturn(2).

use super::{SigSet, SigStack, Siginfo};

consts! {
    /// Marks of an XSAVE area in a frame.
    pub FP_XSTATE_NAMES: u32 {
        /// In [`FpxSwBytes::magic1`]: more than 512 bytes are there.
        FP_XSTATE_MAGIC1 = 0x4650_5853,
        /// The word after the XSAVE area.
        FP_XSTATE_MAGIC2 = 0x4650_5845,
    }
}

/// Bytes of `FP_XSTATE_MAGIC2`.
pub const FP_XSTATE_MAGIC2_SIZE: usize = 4;
/// Alignment of the floating-point state: XSAVE's.
pub const FP_STATE_ALIGN: usize = 64;
/// Bytes below the stack pointer that belong to the interrupted function (the psABI's red zone).
pub const RED_ZONE: u64 = 128;

flags! {
    /// `uc_flags`, without `UC_`.
    pub struct UcFlags: u64 { FP_XSTATE = 1, SIGCONTEXT_SS = 2, STRICT_RESTORE_SS = 4 }
}

wire! {
    /// `struct sigcontext`, 256 bytes: the registers.
    #[allow(missing_docs, reason = "the fields bear the registers' names")]
    pub struct Sigcontext {
        pub r8: u64,
        pub r9: u64,
        pub r10: u64,
        pub r11: u64,
        pub r12: u64,
        pub r13: u64,
        pub r14: u64,
        pub r15: u64,
        pub rdi: u64,
        pub rsi: u64,
        pub rbp: u64,
        pub rbx: u64,
        pub rdx: u64,
        pub rax: u64,
        pub rcx: u64,
        pub rsp: u64,
        pub rip: u64,
        pub eflags: u64,
        pub cs: u16,
        /// Zero; gs is not saved here.
        pub gs: u16,
        /// Zero; fs is not saved here.
        pub fs: u16,
        pub ss: u16,
        /// Error code of the fault.
        pub err: u64,
        /// Number of the fault.
        pub trapno: u64,
        /// The lower half of the blocked signals, as before `uc_sigmask`.
        pub oldmask: u64,
        pub cr2: u64,
        /// Address of the floating-point state; 0 for none.
        pub fpstate: u64,
        /// Zero.
        pub reserved1: [u64; 8],
    }

    /// `struct ucontext` as the kernel has it; the C library's is larger.
    pub struct Ucontext {
        /// What is there.
        pub uc_flags: UcFlags,
        /// Zero.
        pub uc_link: u64,
        /// The alternate stack.
        pub uc_stack: SigStack,
        /// The registers.
        pub uc_mcontext: Sigcontext,
        /// What was blocked and will be again.
        pub uc_sigmask: SigSet,
    }

    /// `struct rt_sigframe` (`asm/sigframe.h`): all but the floating-point state. Its address is
    /// 8 above a multiple of 16, as if a call had just pushed `pretcode`.
    pub struct RtSigframe {
        /// Return address of the handler: `sa_restorer`.
        pub pretcode: u64,
        /// Third argument of the handler.
        pub uc: Ucontext,
        /// Second argument of the handler.
        pub info: Siginfo,
    }

    /// `struct _fpx_sw_bytes`: what Linux says in bytes the processor leaves free.
    pub struct FpxSwBytes {
        /// `FP_XSTATE_MAGIC1` if an XSAVE area follows.
        pub magic1: u32,
        /// Bytes from the start of [`FpState`] through `FP_XSTATE_MAGIC2`.
        pub extended_size: u32,
        /// Which parts of state the area has room for.
        pub xfeatures: u64,
        /// Bytes in the XSAVE area.
        pub xstate_size: u32,
        /// Zero.
        pub padding: [u32; 7],
    }

    /// `struct _fpstate`, 512 bytes: what FXSAVE saves.
    pub struct FpState {
        /// x87 control word.
        pub cwd: u16,
        /// x87 status word.
        pub swd: u16,
        /// x87 tag word, abridged.
        pub twd: u16,
        /// x87 last opcode.
        pub fop: u16,
        /// x87 last instruction.
        pub rip: u64,
        /// x87 last operand.
        pub rdp: u64,
        /// SSE control and status.
        pub mxcsr: u32,
        /// The bits of `mxcsr` that may be set.
        pub mxcsr_mask: u32,
        /// Eight x87 registers, 16 bytes each.
        pub st_space: [u32; 32],
        /// Sixteen SSE registers, 16 bytes each.
        pub xmm_space: [u32; 64],
        /// Reserved by the processor.
        pub reserved2: [u32; 12],
        /// What Linux says about the rest.
        pub sw_reserved: FpxSwBytes,
    }

    /// `struct _header`: the head of the XSAVE area, right after [`FpState`].
    pub struct XstateHeader {
        /// Which parts of state are not in their initial configuration.
        pub xfeatures: u64,
        /// Zero; the second half of it is XCOMP_BV's.
        pub reserved1: [u64; 2],
        /// Zero.
        pub reserved2: [u64; 5],
    }
}
