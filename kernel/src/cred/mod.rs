//! Who a thread is and what it may use: ids, capabilities, limits. See credentials(7),
//! capabilities(7), getrlimit(2). Immutable values behind `Arc`: a change makes a new one.

mod ids;
mod limits;

pub use ids::{CapSet, Cred, Gid, NGROUPS_MAX, Uid};
pub use limits::Limits;
