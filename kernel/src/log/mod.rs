//! The kernel log: Linux's levels and records in a ring, and its way to the console.
//! Lock level: `Log`, then `Console`.
//!
//! [`printk!`] finds the log of the running kernel through [`crate::sched`]; before the CPUs are
//! known, the machine's boot messages come through [`hal::Hooks::log`] directly.

mod ring;
mod text;

pub use ring::{LINE_MAX, Log, RING_BYTES, Record};

/// Levels of messages (syslog(2), `KERN_*`): the smaller, the more urgent.
pub mod level {
    /// System is unusable.
    pub const EMERG: u8 = 0;
    /// Action must be taken at once.
    pub const ALERT: u8 = 1;
    /// Critical conditions.
    pub const CRIT: u8 = 2;
    /// Errors.
    pub const ERR: u8 = 3;
    /// Warnings; what a message without a level has.
    pub const WARNING: u8 = 4;
    /// Normal but significant.
    pub const NOTICE: u8 = 5;
    /// Informational.
    pub const INFO: u8 = 6;
    /// Debugging.
    pub const DEBUG: u8 = 7;
}

/// Logs one line: `printk!(INFO, "Run {} as init process", path)`.
#[macro_export]
macro_rules! printk {
    ($level:ident, $($arg:tt)*) => {
        $crate::sched::printk($crate::log::level::$level, format_args!($($arg)*))
    };
}
