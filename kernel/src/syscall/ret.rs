//! What a handler may return: never a negative number by accident.

use crate::{fs::Fd, process::Pid};

/// A result of a system call.
pub trait Ret {
    /// As `rax` has it.
    fn raw(self) -> isize;
}

impl Ret for () {
    #[inline]
    fn raw(self) -> isize {
        0
    }
}

impl Ret for usize {
    #[inline]
    fn raw(self) -> isize {
        self as isize
    }
}

impl Ret for u32 {
    #[inline]
    fn raw(self) -> isize {
        self as isize
    }
}

/// Addresses, offsets, and registers as rt_sigreturn(2) leaves them.
impl Ret for u64 {
    #[inline]
    fn raw(self) -> isize {
        self as isize
    }
}

impl Ret for Fd {
    #[inline]
    fn raw(self) -> isize {
        self.0 as isize
    }
}

impl Ret for Pid {
    #[inline]
    fn raw(self) -> isize {
        self.0 as isize
    }
}
