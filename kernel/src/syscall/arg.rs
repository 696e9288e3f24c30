//! What may stand in a handler's parameter list: how it is taken from the argument registers, and
//! how the trace shows it.

use core::fmt::{self, Debug, Write};

use abi::Wire;

use super::Registers;
use crate::{
    fs::Fd,
    mm::{
        Space,
        user::{
            In, InOut, Out, UserBytes, UserIn, UserInOut, UserList, UserOut, UserPath, UserStr,
        },
    },
};

/// Bytes of a string that the trace shows, as strace does.
const SHOWN: usize = 32;

/// The argument registers, taken left to right.
pub struct Args<'a> {
    registers: &'a Registers,
    at: usize,
}

impl<'a> Args<'a> {
    /// From the first register on.
    pub fn new(registers: &'a Registers) -> Self {
        Self { registers, at: 0 }
    }

    /// The next register.
    #[inline]
    pub fn register(&mut self) -> u64 {
        let value = self.registers.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        value
    }

    fn peek(&self) -> u64 {
        self.registers.get(self.at).copied().unwrap_or(0)
    }
}

/// A type that may stand in a handler's parameter list.
pub trait Arg: Copy {
    /// Takes it from the registers. A (pointer, length) pair is one argument and takes two.
    fn take(args: &mut Args<'_>) -> Self;

    /// Shows it, before the call.
    fn show(&self, space: &Space, out: &mut dyn Write) -> fmt::Result;

    /// Shows what the kernel wrote through it, after the call.
    fn show_after(&self, _space: &Space, _out: &mut dyn Write) -> fmt::Result {
        Ok(())
    }
}

macro_rules! number {
    ($($t:ty),*) => { $(
        impl Arg for $t {
            #[inline]
            fn take(args: &mut Args<'_>) -> Self {
                args.register() as $t
            }
            fn show(&self, _: &Space, out: &mut dyn Write) -> fmt::Result {
                write!(out, "{self}")
            }
        }
    )* };
}
number!(i32, i64, u32, u64, usize);

impl Arg for Fd {
    #[inline]
    fn take(args: &mut Args<'_>) -> Self {
        Fd(args.register() as i32)
    }
    fn show(&self, _: &Space, out: &mut dyn Write) -> fmt::Result {
        match self.0 {
            abi::fs::AT_FDCWD => out.write_str("AT_FDCWD"),
            fd => write!(out, "{fd}"),
        }
    }
}

fn pointer(addr: u64, out: &mut dyn Write) -> fmt::Result {
    match addr {
        0 => out.write_str("NULL"),
        addr => write!(out, "{addr:#x}"),
    }
}

fn value<T: Wire + Debug>(addr: u64, space: &Space, out: &mut dyn Write) -> fmt::Result {
    match UserIn::<T>::new(addr).read(space) {
        Ok(value) => write!(out, "{value:?}"),
        Err(_) => pointer(addr, out),
    }
}

impl<T: Wire + Debug> Arg for UserIn<T> {
    #[inline]
    fn take(args: &mut Args<'_>) -> Self {
        Self::new(args.register())
    }
    fn show(&self, space: &Space, out: &mut dyn Write) -> fmt::Result {
        value::<T>(self.addr(), space, out)
    }
}

impl<T: Wire + Debug> Arg for UserOut<T> {
    #[inline]
    fn take(args: &mut Args<'_>) -> Self {
        Self::new(args.register())
    }
    fn show(&self, _: &Space, out: &mut dyn Write) -> fmt::Result {
        pointer(self.addr(), out)
    }
    fn show_after(&self, space: &Space, out: &mut dyn Write) -> fmt::Result {
        out.write_char(' ')?;
        value::<T>(self.addr(), space, out)
    }
}

impl<T: Wire + Debug> Arg for UserInOut<T> {
    #[inline]
    fn take(args: &mut Args<'_>) -> Self {
        Self::new(args.register())
    }
    fn show(&self, space: &Space, out: &mut dyn Write) -> fmt::Result {
        value::<T>(self.addr(), space, out)
    }
}

fn text(addr: u64, len: usize, space: &Space, out: &mut dyn Write) -> fmt::Result {
    let mut bytes = [0; SHOWN];
    let shown = len.min(SHOWN);
    match space.copy_in(addr, &mut bytes[..shown]) {
        Ok(()) => {
            write!(out, "\"{}\"", bytes[..shown].escape_ascii())?;
            if len > shown { out.write_str("...") } else { Ok(()) }
        }
        Err(_) => pointer(addr, out),
    }
}

impl Arg for UserBytes<In> {
    #[inline]
    fn take(args: &mut Args<'_>) -> Self {
        let addr = args.register();
        Self::new(addr, args.register() as usize)
    }
    fn show(&self, space: &Space, out: &mut dyn Write) -> fmt::Result {
        text(self.addr(), self.len(), space, out)?;
        write!(out, ", {}", self.len())
    }
}

impl Arg for UserBytes<Out> {
    #[inline]
    fn take(args: &mut Args<'_>) -> Self {
        let addr = args.register();
        Self::new(addr, args.register() as usize)
    }
    fn show(&self, _: &Space, out: &mut dyn Write) -> fmt::Result {
        pointer(self.addr(), out)?;
        write!(out, ", {}", self.len())
    }
}

macro_rules! list {
    ($($d:ty),*) => { $(
        impl<T: Wire> Arg for UserList<T, $d> {
            #[inline]
            fn take(args: &mut Args<'_>) -> Self {
                let addr = args.register();
                Self::new(addr, args.register() as usize)
            }
            fn show(&self, _: &Space, out: &mut dyn Write) -> fmt::Result {
                pointer(self.addr(), out)?;
                write!(out, ", {}", self.count())
            }
        }
    )* };
}
list!(In, Out, InOut);

macro_rules! string {
    ($($t:ty),*) => { $(
        impl Arg for $t {
            #[inline]
            fn take(args: &mut Args<'_>) -> Self {
                Self::new(args.register())
            }
            fn show(&self, space: &Space, out: &mut dyn Write) -> fmt::Result {
                match UserStr::new(self.addr()).read(space, 4096) {
                    Ok(bytes) => write!(out, "\"{}\"", bytes.escape_ascii()),
                    Err(_) => pointer(self.addr(), out),
                }
            }
        }
    )* };
}
string!(UserPath, UserStr);

/// NULL is `None`.
impl<T: Arg> Arg for Option<T> {
    #[inline]
    fn take(args: &mut Args<'_>) -> Self {
        let null = args.peek() == 0;
        let value = T::take(args);
        (!null).then_some(value)
    }
    fn show(&self, space: &Space, out: &mut dyn Write) -> fmt::Result {
        match self {
            Some(value) => value.show(space, out),
            None => out.write_str("NULL"),
        }
    }
    fn show_after(&self, space: &Space, out: &mut dyn Write) -> fmt::Result {
        self.map_or(Ok(()), |value| value.show_after(space, out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_cut_to_their_types() {
        let registers = [u64::MAX - 99, 0x1_0000_0005, u64::MAX, 0, 7, 9];
        let mut args = Args::new(&registers);
        assert_eq!(Fd::take(&mut args).0, abi::fs::AT_FDCWD);
        assert_eq!(u32::take(&mut args), 5);
        assert_eq!(i64::take(&mut args), -1);
        assert!(<Option<UserIn<u64>> as Arg>::take(&mut args).is_none());
        let bytes = UserBytes::<In>::take(&mut args);
        assert_eq!((bytes.addr(), bytes.len()), (7, 9));
        assert_eq!(args.register(), 0, "there are six");
    }

    #[test]
    fn an_absent_pair_takes_two_registers() {
        let registers = [0, 8, 3, 0, 0, 0];
        let mut args = Args::new(&registers);
        assert!(<Option<UserBytes<Out>> as Arg>::take(&mut args).is_none());
        assert_eq!(i32::take(&mut args), 3);
    }
}
