//! The trace of system calls in the kernel log, one strace-like line each; on with
//! `eclipse.trace`, per thread by [`crate::sched::work::TRACE`].

use alloc::string::String;
use core::fmt::Write;

use abi::errno::Result;

use super::{Registers, table};
use crate::process::Cx;

/// Makes the call between the two halves of its line.
#[cold]
pub(super) fn call(cx: &mut Cx, nr: u64, registers: &Registers) -> Result<isize> {
    let mut line = String::new();
    let pid = cx.thread.tid().0;
    // A `String` takes whatever is written.
    let _ = table::show(nr, registers, &cx.parts.space, &mut line);
    let result = super::call(cx, nr, registers);
    let mut after = String::new();
    if result.is_ok() {
        let _ = table::show_after(nr, registers, &cx.parts.space, &mut after);
    }
    let _ = match result {
        Ok(value) if !(-4095..=0xffff_ffff).contains(&value) => {
            write!(line, " = {value:#x}{after}")
        }
        Ok(value) => write!(line, " = {value}{after}"),
        Err(why) if why.is_restart() => write!(line, " = ? {why:?}"),
        Err(why) => write!(line, " = -1 {why:?} ({why})"),
    };
    crate::printk!(DEBUG, "[pid {pid}] {line}");
    result
}
