//! A day in an hour, or by default in five minutes: a small machine at work on two CPUs, which at
//! the end has its memory, its files and its processes back.

use super::console::{Console, Machine, ROOT};
use anyhow::{Context, Result, ensure};
use std::env;
use xtask::exec::Kernel;

/// How many seconds the day takes where `ECLIPSE_DAY_SECONDS` says nothing else.
const SECONDS: u32 = 300;

pub fn day(kernel: Kernel) -> Result<()> {
    let seconds = match env::var("ECLIPSE_DAY_SECONDS") {
        Ok(seconds) => seconds.parse().context("ECLIPSE_DAY_SECONDS")?,
        Err(_) => SECONDS,
    };
    let mut c = Console::boot_as_root(Machine { smp: 2, ..Machine::of(kernel) }, |tree| {
        tree.file("/usr/bin/day", 0o755, include_bytes!("../../../guest/day.sh").to_vec());
        Ok(())
    })?;
    c.enter(&format!("day {seconds}"))?;
    loop {
        let sign = c.expect_match(r"(hour|over:|day:) .*\n")?;
        ensure!(!sign.starts_with("day:"), "{sign}");
        if sign.starts_with("over:") {
            break;
        }
    }
    c.expect(ROOT)?;
    c.enter("poweroff")?;
    c.expect("reboot: Power down")?;
    c.end().map(drop)
}
