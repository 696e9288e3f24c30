//! Locks that know their place: every lock type carries a level of the one lock order.
//!
//! [`Spin`] is for short state in thread context, [`IrqSpin`] for state that interrupts touch
//! too; the sleeping locks are in [`crate::wait`]. Debug builds check the order at run time and
//! panic with both names when it is broken; release builds carry nothing.

pub mod order;
mod rank;
pub mod shared;
mod spin;

pub use rank::{Held, might_sleep};
pub use spin::{IrqSpin, IrqSpinGuard, Spin, SpinGuard};
