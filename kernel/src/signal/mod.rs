//! Signals as data: actions and what is pending. Sending is [`crate::process::signal`]'s, delivery
//! [`crate::process::deliver`]'s. See signal(7).

mod actions;
mod pending;

pub use actions::{Actions, Disposition};
pub use pending::{Pending, Queued};

/// A signal's number, 1 to 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signal(pub u32);
