//! The harness around the programs in `programs/`: finds and compiles them ([`program`]), runs
//! them in batches inside a guest ([`batch`]), compares what must equal Linux's ([`oracle`]), and
//! keeps two machines busy meanwhile ([`pool`]).
//!
//! The test target `guest` puts these together; each program on each number of CPUs is one named
//! test, `group/name::smpN`. It runs on Eclipse, or on the reference Linux with
//! `ECLIPSE_TEST_KERNEL=linux` or `--kernel linux`.
#![forbid(unsafe_code)]

pub mod batch;
pub mod oracle;
pub mod pool;
pub mod program;
