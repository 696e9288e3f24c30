//! The work behind the scripts.
fn main() {}
