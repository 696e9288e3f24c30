//! System calls: verbs. A row in [`table`] joins a number with a handler, an ordinary function;
//! dispatch, the trace line and the coverage page come from that row and the function's types.
//!
//! Handlers are grouped by subject and stay thin: they check and translate arguments and call one
//! method below.

pub mod arg;
pub mod caps;
pub mod console;
pub mod event;
pub mod fcntl;
pub mod fd;
pub mod foreign;
pub mod fs;
pub mod ids;
pub mod ioprio;
pub mod limits;
pub mod lock;
pub mod mem;
pub mod misc;
pub mod net;
pub mod notify;
pub mod pidfd;
pub mod poll;
pub mod prctl;
pub mod priority;
pub mod process;
pub mod ret;
pub mod sched;
pub mod signal;
pub mod splice;
pub mod swap;
pub mod table;
pub mod time;
mod trace;

use abi::errno::{ENOMEM, ENOSYS, Result};

use crate::{process::Cx, sched::work};

/// The six argument registers.
pub type Registers = [u64; 6];

/// Makes the system call that the thread's registers ask for.
pub fn dispatch(cx: &mut Cx) {
    let nr = cx.regs.rax;
    let registers = [cx.regs.rdi, cx.regs.rsi, cx.regs.rdx, cx.regs.r10, cx.regs.r8, cx.regs.r9];
    cx.nr = nr;
    let result = if cx.task.work() & work::TRACE != 0 {
        trace::call(cx, nr, &registers)
    } else {
        call(cx, nr, &registers)
    };
    cx.regs.rax = match result {
        Ok(value) => value as u64,
        Err(why) => {
            if why.is_restart() {
                cx.restart = Some(why);
            }
            why.as_neg() as u64
        }
    };
}

fn call(cx: &mut Cx, nr: u64, registers: &Registers) -> Result<isize> {
    while hal::heap::admit().is_err() && !gives_back(nr) {
        make_room(cx)?;
    }
    match table::call(cx, nr, registers) {
        Some(result) => result,
        None => {
            missing(cx, nr);
            Err(ENOSYS)
        }
    }
}

/// Calls that give memory back, and those that a program cannot take an error from: they use the
/// heap's reserve.
#[cold]
fn gives_back(nr: u64) -> bool {
    use abi::nr::{close, exit, exit_group, munmap, reboot, rt_sigreturn};
    let calls = [close, exit, exit_group, munmap, reboot, rt_sigreturn];
    usize::try_from(nr).is_ok_and(|nr| calls.contains(&nr))
}

/// The heap's reserve has been used: gives up what is only remembered, then kills for room.
/// `ENOMEM` when that does not help, or the caller is the one to die.
#[cold]
fn make_room(cx: &Cx) -> Result<()> {
    let remembered = cx.kernel.mounts.get().is_some_and(|mounts| mounts.forget_names());
    if remembered || cx.kernel.out_of_memory() { Ok(()) } else { Err(ENOMEM) }
}

/// Says once per number that a program asks for a call that is not built.
#[cold]
fn missing(cx: &Cx, nr: u64) {
    let Some(name) = usize::try_from(nr).ok().and_then(abi::nr::name) else { return };
    if cx.kernel.first_miss(nr as usize) {
        crate::printk!(INFO, "eclipse: system call {nr} ({name}) is not implemented");
    }
}
