//! What the kernel says about hostile programs: nothing at warning level or worse. They may crash
//! as they like; that is between them and their parents. And process 1 is alive after it.

use crate::{log_end, single};
use anyhow::{Result, ensure};
use musl_tests::pool::Job;
use musl_tests::program::{self, Program};
use xtask::exec::{self, Exit, Kernel, Options};

/// Shows only what is more urgent than a notice (`loglevel=`).
const WARNINGS: &str = "loglevel=5";

pub fn jobs(kernel: Kernel) -> Result<Vec<Job>> {
    if kernel != Kernel::Eclipse {
        return Ok(vec![]);
    }
    let hostile = program::all()?.into_iter().filter(|program| program.group() == "hostile");
    Ok(hostile.map(job).collect())
}

fn job(program: Program) -> Job {
    let name = format!("quiet/{}", program.name.rsplit('/').next().unwrap_or_default());
    single(&name, move || quiet(&program))
}

fn quiet(program: &Program) -> Result<()> {
    let outcome = exec::run(&Options {
        append: WARNINGS.to_owned(),
        smp: 2,
        mem_mib: program.mem_mib,
        adds: vec![(program.file()?, program.guest_path())],
        timeout: Some(program.timeout),
        argv: vec![program.guest_path()],
        ..Options::default()
    })?;
    let end = || log_end(&outcome.log);
    // The runner is process 1: that it told the status says that it lives.
    ensure!(outcome.status == Exit::Code(program.expect), "{:?}\n{}", outcome.status, end());
    let log = String::from_utf8_lossy(&outcome.log).into_owned();
    // Power-off is announced at the highest level, as on Linux.
    let warnings: Vec<&str> =
        log.lines().filter(|line| line.starts_with('[') && !line.contains("reboot: ")).collect();
    ensure!(warnings.is_empty(), "the kernel warned:\n{}", warnings.join("\n"));
    Ok(())
}
