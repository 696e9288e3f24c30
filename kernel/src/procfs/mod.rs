//! `/proc`: the kernel's state as files (proc(5), `fs/proc/`).
//!
//! Everything that exists is a row of a table ([`table`]): a name, permissions, and a function that
//! makes the text. Lookup, listing, inode numbers, opening and reading come from the tables
//! ([`node`], [`open`]); [`root`] is the first of them, [`pid`] has those of processes.
//!
//! Rows are made while the reader's `Seq` lock is held, so they may take any lock below it.

mod cpuinfo;
mod irq;
mod mem;
mod mount;
mod node;
mod open;
pub mod pid;
mod root;
mod stat;
mod sys;
mod sysrq;
mod system;
pub mod table;
#[cfg(test)]
mod tests;
mod text;
mod tty;

pub use mount::mount;
pub use text::Text;
