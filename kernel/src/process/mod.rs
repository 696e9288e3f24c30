//! Processes and threads: what they are, how they begin, what they run, how they are signalled and
//! how they end.
//!
//! A [`Process`] is a thread group, a [`Thread`] a task in it; [`Cx`] is the running thread's own
//! context, handed to every system call. [`family`] knows who belongs to whom.

pub mod access;
pub mod clone;
pub mod cpu_timers;
mod cx;
pub mod deliver;
pub mod exec;
pub mod exit;
pub mod family;
pub mod frame;
pub mod futex;
mod jobs;
mod kernel;
pub mod members;
mod object;
pub mod oom;
pub mod pidfd;
pub mod reboot;
mod robust;
mod roots;
pub mod settings;
pub mod sigio;
pub mod signal;
pub mod signalfd;
mod thread;
pub mod uts;
pub mod wait;

pub use cx::{Cx, NO_ALT_STACK, Parts, Restart, TrapInfo};
pub use family::Pid;
pub use kernel::{Kernel, Options};
pub use object::{GroupSignals, Process, Remains, Usage};
pub use thread::{IoCounts, Thread, ThreadSignals, Traits, run};
