//! `exec::run` itself: streams, input, statuses, the limit of time, the end of the kernel.

use crate::{log_end, single};
use anyhow::{Result, ensure};
use musl_tests::pool::Job;
use musl_tests::program;
use std::time::Duration;
use xtask::exec::{self, Exit, Kernel, Options, Outcome, Stdin};

pub fn jobs(kernel: Kernel) -> Vec<Job> {
    let mut jobs = vec![
        single("exec/streams", move || streams(kernel)),
        single("exec/stdin", move || stdin(kernel)),
        single("exec/all_bytes", move || all_bytes(kernel)),
        single("exec/signal", move || signal(kernel)),
        single("exec/timeout", move || timeout(kernel)),
    ];
    if kernel == Kernel::Eclipse {
        jobs.push(single("exec/panic", panic));
    }
    jobs
}

fn run(kernel: Kernel, argv: &[&str], stdin: Stdin, seconds: u64) -> Result<Outcome> {
    exec::run(&Options {
        kernel,
        stdin,
        timeout: Some(Duration::from_secs(seconds)),
        argv: argv.iter().map(|&word| word.to_owned()).collect(),
        ..Options::default()
    })
}

/// The outcome is exactly this.
fn is(got: &Outcome, status: Exit, stdout: &[u8], stderr: &[u8]) -> Result<()> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    ensure!(
        got.status == status && got.stdout == stdout && got.stderr == stderr,
        "{:?}, output {} bytes {:?}, errors {:?}\n{}",
        got.status,
        got.stdout.len(),
        text(&got.stdout[..got.stdout.len().min(200)]),
        text(&got.stderr),
        log_end(&got.log)
    );
    Ok(())
}

fn streams(kernel: Kernel) -> Result<()> {
    let got = run(kernel, &["sh", "-c", "echo out; echo err >&2; exit 7"], Stdin::Empty, 60)?;
    is(&got, Exit::Code(7), b"out\n", b"err\n")
}

/// Much input, of all byte values, comes back unchanged, and ends.
fn stdin(kernel: Kernel) -> Result<()> {
    let bytes: Vec<u8> = (0..20_000_u32).map(|i| (i ^ i >> 8) as u8).collect();
    let got = run(kernel, &["cat"], Stdin::Bytes(bytes.clone()), 60)?;
    is(&got, Exit::Code(0), &bytes, b"")?;
    is(&run(kernel, &["cat"], Stdin::Empty, 60)?, Exit::Code(0), b"", b"")
}

fn program_of(name: &str) -> Result<String> {
    let all = program::all()?;
    let found = all.iter().find(|program| program.name == name);
    let file = found.ok_or_else(|| anyhow::anyhow!("no program {name}"))?.file()?;
    Ok(file.to_string_lossy().into_owned())
}

fn all_bytes(kernel: Kernel) -> Result<()> {
    let got = run(kernel, &[&program_of("basic/all_bytes")?], Stdin::Empty, 60)?;
    is(&got, Exit::Code(0), &(0..=255).collect::<Vec<u8>>(), b"")
}

fn signal(kernel: Kernel) -> Result<()> {
    let got = run(kernel, &[&program_of("basic/segv")?], Stdin::Empty, 60)?;
    is(&got, Exit::Signal(11), b"", b"")?;
    ensure!(got.status.status() == 139);
    Ok(())
}

/// What was written before the time was up is there.
fn timeout(kernel: Kernel) -> Result<()> {
    let got = run(kernel, &["sh", "-c", "echo begun; sleep 1000"], Stdin::Empty, 5)?;
    is(&got, Exit::Timeout, b"begun\n", b"")?;
    ensure!(got.status.status() == 124);
    Ok(())
}

/// A kernel told to panic is told apart from a program that fails, and its last words are kept.
fn panic() -> Result<()> {
    let got = exec::run(&Options {
        append: "eclipse.debug=panic".to_owned(),
        timeout: Some(Duration::from_secs(30)),
        argv: vec!["true".to_owned()],
        ..Options::default()
    })?;
    ensure!(got.status == Exit::KernelDied, "{:?}\n{}", got.status, log_end(&got.log));
    let log = String::from_utf8_lossy(&got.log).into_owned();
    ensure!(log.contains("Kernel panic - not syncing"), "{}", log_end(&got.log));
    Ok(())
}
