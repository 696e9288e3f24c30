//! The hal's self-test (`kernel/hal/examples/selftest`), on each machine that QEMU plays: what the
//! tests on this machine cannot see of the bare-metal half.

use crate::build::{self, Profile, Tell};
use crate::qemu::{self, Accel, Machine, Vm};
use anyhow::{Context, Result};
use std::time::Duration;

/// How long one run may take; an idle machine needs a few seconds.
const LIMIT: Duration = Duration::from_secs(120);

/// Builds it and runs it everywhere; prints what it says and one line of results for each machine,
/// in libtest's words.
///
/// # Errors
/// When it does not build, QEMU cannot be started, or a run ends without its results.
pub fn run() -> Result<bool> {
    let image = build::selftest(Profile::Release, Tell::All)?;
    let mut good = true;
    for machine in [Machine::Q35, Machine::Pc, Machine::Microvm] {
        let vm = Vm {
            kernel: image.clone(),
            machine,
            smp: 2,
            mem_mib: 128,
            accel: Accel::Tcg,
            ..Vm::default()
        };
        let log = String::from_utf8_lossy(&qemu::boot(&vm, LIMIT)?.log).into_owned();
        println!("{machine:?}:\n{log}");
        let (passed, failed) =
            log.lines().find_map(results).context("it did not come to its end")?;
        good &= failed == 0 && passed > 0;
        let verdict = if failed == 0 { "ok" } else { "FAILED" };
        println!("test result: {verdict}. {passed} passed; {failed} failed; on {machine:?}");
    }
    Ok(good)
}

/// Reads `N passed, N failed`.
fn results(line: &str) -> Option<(u32, u32)> {
    let (passed, failed) = line.trim_end().strip_suffix(" failed")?.split_once(" passed, ")?;
    Some((passed.parse().ok()?, failed.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::results;

    #[test]
    fn only_the_last_line_is_a_result() {
        assert_eq!(results("30 passed, 1 failed\r"), Some((30, 1)));
        assert_eq!(results("ok      clock goes on"), None);
        assert_eq!(results("FAILED  timer: 2 passed, none failed"), None);
    }
}
