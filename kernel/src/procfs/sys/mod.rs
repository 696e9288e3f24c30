//! `/proc/sys`: settings (`kernel/sysctl.c`, `fs/proc/proc_sysctl.c`).
//!
//! A row is a name, permissions, and a value: whole numbers within a range ([`Ints`]) or a line of
//! text ([`Line`]). Only what takes effect is there. The permissions bind the superuser, too.

mod fs;
mod kernel;
mod number;
mod vm;

use super::Text;
use super::table::{Dir, ProcCx, Row, Value, dir, value};
use crate::fs::Caller;
use crate::mm::io::Source;
use crate::process::Kernel;
use abi::errno::{EINVAL, EIO, Result};
use alloc::vec::Vec;
use core::ops::RangeInclusive;

pub(super) static SYS: Dir<()> =
    Dir::settings(&[dir("fs", &fs::FS), dir("kernel", &kernel::KERNEL), dir("vm", &vm::VM)]);

/// Bytes of a write that are looked at.
const INPUT: usize = 4095;

/// Sets numbers.
type SetInts<const N: usize> = fn(&ProcCx<()>, [i64; N]) -> Result<()>;
/// Writes a line's text, without its end.
type GetLine = fn(&Kernel, &mut Text) -> Result<()>;
/// Sets a line's text.
type SetLine = fn(&Kernel, &[u8]) -> Result<()>;

/// `N` whole numbers with tabs between them (`proc_dointvec_minmax`).
struct Ints<const N: usize> {
    /// What each may be.
    range: RangeInclusive<i64>,
    get: fn(&Kernel) -> [i64; N],
    /// `None`: it never changes, whatever the permissions.
    set: Option<SetInts<N>>,
}

/// A number; read-only if there is no way to change it.
const fn int(name: &'static str, value: &'static Ints<1>) -> Row<()> {
    self::value(name, if value.set.is_some() { 0o644 } else { 0o444 }, value)
}

/// A number that never changes.
const fn fixed(get: fn(&Kernel) -> [i64; 1]) -> Ints<1> {
    Ints { range: i64::MIN..=i64::MAX, get, set: None }
}

impl<const N: usize> Value<()> for Ints<N> {
    fn show(&self, cx: &ProcCx<()>, out: &mut Text) -> Result<()> {
        for (at, number) in (self.get)(cx.kernel).into_iter().enumerate() {
            write!(out, "{}{number}", if at == 0 { "" } else { "\t" })?;
        }
        writeln!(out)
    }

    /// As many numbers as there are, the others stay. What is written anywhere but at the
    /// beginning changes nothing.
    fn store(&self, cx: &ProcCx<()>, _c: &Caller, at: u64, from: &mut dyn Source) -> Result<usize> {
        let len = from.left();
        let set = self.set.ok_or(EIO)?;
        if at != 0 || len == 0 {
            return Ok(len);
        }
        let text = written(from)?;
        let mut values = (self.get)(cx.kernel);
        let (found, left) = number::parse(&text, &mut values, &self.range);
        if found? == 0 {
            return Err(EINVAL);
        }
        set(cx, values)?;
        Ok(len - left)
    }

    fn is_setting(&self) -> bool {
        true
    }

    fn at_start_only(&self) -> bool {
        true
    }
}

/// What is written, as far as anybody looks.
fn written(from: &mut dyn Source) -> Result<Vec<u8>> {
    let len = from.left().min(INPUT);
    let mut text = Vec::new();
    text.try_reserve_exact(len).map_err(|_| abi::errno::ENOMEM)?;
    text.resize(len, 0);
    if from.get(&mut text)? < len {
        return Err(abi::errno::EFAULT);
    }
    Ok(text)
}

/// A line of text (`proc_dostring`).
struct Line {
    /// Bytes it may have.
    max: usize,
    get: GetLine,
    set: Option<SetLine>,
}

/// A text that never changes.
const fn text(get: GetLine) -> Line {
    Line { max: 0, get, set: None }
}

/// A line of text; read-only if there is no way to change it.
const fn line(name: &'static str, value: &'static Line) -> Row<()> {
    self::value(name, if value.set.is_some() { 0o644 } else { 0o444 }, value)
}

impl Value<()> for Line {
    fn show(&self, cx: &ProcCx<()>, out: &mut Text) -> Result<()> {
        (self.get)(cx.kernel, out)?;
        writeln!(out)
    }

    /// What is written goes on where the file's position is, and ends at a line end.
    fn store(&self, cx: &ProcCx<()>, _c: &Caller, at: u64, from: &mut dyn Source) -> Result<usize> {
        let len = from.left();
        let set = self.set.ok_or(EIO)?;
        let mut old = Text::default();
        (self.get)(cx.kernel, &mut old)?;
        let Some(kept) = usize::try_from(at).ok().and_then(|at| old.as_bytes().get(..at)) else {
            return Ok(len);
        };
        let new = written(from)?;
        let new = new.split(|&byte| byte == 0 || byte == b'\n').next().unwrap_or_default();
        let mut text = Text::default();
        text.bytes(kept)?;
        text.bytes(new)?;
        set(cx.kernel, text.as_bytes().get(..self.max).unwrap_or(text.as_bytes()))?;
        Ok(len)
    }

    fn is_setting(&self) -> bool {
        true
    }
}
