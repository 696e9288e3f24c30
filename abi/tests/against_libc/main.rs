//! Compares every fact in this crate with the host's own headers and with the `libc` crate.
//!
//! * [`numbers`]: each table of constants and flags, name by name, with what the C compiler says;
//! * [`layouts`]: each structure, field by field, with C's `sizeof` and `offsetof`, and those the
//!   `libc` crate has with that, too;
//! * [`lists`]: system call numbers and errnos, in both directions, with the headers and `libc`;
//! * [`complete`]: that no table and no structure of the sources is missing from the above.
//!
//! It needs a C compiler as `cc`, glibc's headers, and kernel headers no older than 6.1. A name
//! a header lacks is a failure, not a skip.

mod complete;
mod host;
mod layouts;
mod lists;
mod numbers;
