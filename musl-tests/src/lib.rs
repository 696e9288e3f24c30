//! The harness around the programs in `programs/`: finds and compiles them ([`program`]), runs
//! them in batches inside a guest ([`batch`]), compares what must equal Linux's ([`oracle`],
//! [`rule`]), and keeps two machines busy meanwhile ([`pool`]). Two suites are about Debian's
//! busybox: each of its applets at work ([`applets`]), and its own tests ([`testsuite`]).
//!
//! The test target `guest` puts these together; each program on each number of CPUs is one named
//! test, `group/name::smpN`. It runs on Eclipse, or on the reference Linux with
//! `ECLIPSE_TEST_KERNEL=linux` or `--kernel linux`.
#![forbid(unsafe_code)]

pub mod applets;
pub mod batch;
pub mod differences;
pub mod oracle;
pub mod pool;
pub mod program;
pub mod rule;
pub mod testsuite;
pub mod waiting;
