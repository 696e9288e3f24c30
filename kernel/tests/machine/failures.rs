//! Memory that runs out.
