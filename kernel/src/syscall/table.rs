//! The table of system calls: one row each, by subject. `partial` says what a row leaves out; the
//! coverage page `docs/syscalls.md` is made from it.

use core::fmt::{self, Write};

use abi::{errno::Result, nr};

use super::{
    Registers,
    arg::{Arg, Args},
    misc, process,
    ret::Ret,
    signal, time,
};
use crate::{mm::Space, process::Cx};

/// An ordinary function `fn(&mut Cx, A, B, …) -> Result<R>` is a handler. `M` only tells apart the
/// implementations for different numbers of parameters.
pub trait Handler<M> {
    /// Takes the arguments and calls it.
    fn call(self, cx: &mut Cx, registers: &Registers) -> Result<isize>;
    /// Shows the arguments.
    fn show(self, registers: &Registers, space: &Space, out: &mut dyn Write) -> fmt::Result;
    /// Shows what was written through the arguments.
    fn show_after(self, registers: &Registers, space: &Space, out: &mut dyn Write) -> fmt::Result;
}

macro_rules! handler {
    ($($a:ident),*) => {
        #[allow(non_snake_case, unused_mut, unused_variables, reason = "one macro for all arities")]
        impl<F, R: Ret, $($a: Arg),*> Handler<($($a,)*)> for F
        where
            F: Fn(&mut Cx, $($a),*) -> Result<R>,
        {
            #[inline(always)]
            fn call(self, cx: &mut Cx, registers: &Registers) -> Result<isize> {
                let mut args = Args::new(registers);
                $(let $a = $a::take(&mut args);)*
                self(cx, $($a),*).map(Ret::raw)
            }

            fn show(self, registers: &Registers, space: &Space, out: &mut dyn Write) -> fmt::Result {
                let mut args = Args::new(registers);
                let mut separator = "";
                $(
                    out.write_str(separator)?;
                    $a::take(&mut args).show(space, out)?;
                    separator = ", ";
                )*
                Ok(())
            }

            fn show_after(
                self,
                registers: &Registers,
                space: &Space,
                out: &mut dyn Write,
            ) -> fmt::Result {
                let mut args = Args::new(registers);
                $($a::take(&mut args).show_after(space, out)?;)*
                Ok(())
            }
        }
    };
}
handler!();
handler!(A);
handler!(A, B);
handler!(A, B, C);
handler!(A, B, C, D);
handler!(A, B, C, D, E);
handler!(A, B, C, D, E, G);

macro_rules! syscalls {
    ($($name:ident => $handler:path $(, partial $note:literal)?;)*) => {
        /// Calls the handler of `nr`. `None`: there is none.
        #[inline]
        pub fn call(cx: &mut Cx, nr: u64, registers: &Registers) -> Option<Result<isize>> {
            Some(match usize::try_from(nr).ok()? {
                $(nr::$name => Handler::call($handler, cx, registers),)*
                _ => return None,
            })
        }

        /// Shows a call as `name(arguments)`.
        pub fn show(nr: u64, registers: &Registers, space: &Space, out: &mut dyn Write) -> fmt::Result {
            match nr as usize {
                $(nr::$name => {
                    out.write_str(concat!(stringify!($name), "("))?;
                    Handler::show($handler, registers, space, out)?;
                })*
                other => {
                    let name = nr::name(other).unwrap_or("syscall");
                    write!(out, "{name}({registers:x?}")?;
                }
            }
            out.write_str(")")
        }

        /// Shows what a call wrote to user memory.
        pub fn show_after(
            nr: u64,
            registers: &Registers,
            space: &Space,
            out: &mut dyn Write,
        ) -> fmt::Result {
            match nr as usize {
                $(nr::$name => Handler::show_after($handler, registers, space, out),)*
                _ => Ok(()),
            }
        }

        /// What is built, and what it leaves out.
        pub const IMPLEMENTED: &[(usize, &str)] = &[$((nr::$name, concat!($($note)?))),*];
    };
}

syscalls! {
}
