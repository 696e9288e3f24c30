//! The two suites about Debian's busybox: each applet at work (`musl_tests::applets`), and its own
//! tests (`musl_tests::testsuite`). Both are held against Linux.

use crate::{is_wanted, name_of, run_beside_linux, single, verdicts};
use anyhow::{Context, Result, ensure};
use libtest_mimic::Arguments;
use musl_tests::applets::{self, Case};
use musl_tests::batch::{Batch, Ran};
use musl_tests::oracle;
use musl_tests::pool::{Job, Verdict};
use musl_tests::program::Program;
use musl_tests::testsuite;
use musl_tests::waiting;
use std::collections::BTreeSet;
use std::time::Duration;
use xtask::exec::{self, Kernel};
use xtask::image;
use xtask::qemu::{self, Vm};

/// Programs of busybox's own suite in one boot.
const SUITE_BATCH: usize = 20;
/// How long a boot with a case as process 1 may take.
const BOOT_LIMIT: Duration = Duration::from_secs(60);
/// The first line of such a case's own output.
const BEGIN: &str = "--- begin";

pub fn jobs(kernel: Kernel, args: &Arguments) -> Result<Vec<Job>> {
    let mut jobs = vec![single("applet/all_have_a_case", || {
        applets::complete(&applets::all()?, &applets::applets()?)
    })];
    for subject in applets::all()? {
        let (boots, shared): (Vec<Case>, Vec<Case>) =
            subject.cases.into_iter().partition(|case| case.boot);
        jobs.extend(boots.into_iter().map(|case| boot_job(kernel, case)));
        let programs = shared.iter().map(Case::program).collect::<Result<Vec<_>>>()?;
        jobs.extend(batch(
            kernel,
            args,
            programs,
            &format!("applet/no_call_missing_{}", subject.name),
        ));
    }
    match testsuite::all() {
        Ok(programs) => {
            for (number, programs) in programs.chunks(SUITE_BATCH).enumerate() {
                let calls = format!("busybox/no_call_missing_{number}");
                jobs.extend(batch(kernel, args, programs.to_vec(), &calls));
            }
        }
        // Without the source there is no list of tests: one test says so.
        Err(error) => jobs.push(single("busybox/source", move || Err(error))),
    }
    Ok(jobs)
}

/// The job of these programs in one boot; `calls` is the test that nothing asked for a system call
/// that is not there.
fn batch(kernel: Kernel, args: &Arguments, mut programs: Vec<Program>, calls: &str) -> Option<Job> {
    programs.retain(|program| is_wanted(kernel, args, &name_of(program, 1)));
    let batch = Batch { kernel, smp: 1, mem_mib: 512, programs };
    let mut names: Vec<_> = batch.programs.iter().map(|program| name_of(program, 1)).collect();
    if names.is_empty() {
        return None;
    }
    let calls = (kernel == Kernel::Eclipse).then(|| calls.to_owned());
    names.extend(calls.clone());
    let work = move || {
        let results = run_beside_linux(&batch);
        let mut verdicts = verdicts(&batch, &results);
        if let (Some(calls), Ok(results)) = (calls, &results) {
            verdicts.insert(calls, no_call_missing(results.values()));
        }
        verdicts
    };
    Some(Job { names, work: Box::new(work) })
}

/// The kernel says once per boot and call when it has none; those that are waited for may be
/// among them.
fn no_call_missing<'a>(results: impl Iterator<Item = &'a Ran>) -> Verdict {
    let waiting = waiting::list().map_err(|error| format!("{error:#}"))?;
    let mut missing = BTreeSet::new();
    for ran in results {
        let log = String::from_utf8_lossy(&ran.log);
        let lines = log.lines().filter(|line| line.ends_with(" is not implemented"));
        let names = lines.filter_map(|line| line.rsplit_once('(')?.1.split(')').next());
        missing.extend(names.map(|name| format!("call/{name}")));
    }
    missing.retain(|name| !waiting.contains_key(name.as_str()));
    if missing.is_empty() { Ok(()) } else { Err(format!("not implemented: {missing:?}")) }
}

fn boot_job(kernel: Kernel, case: Case) -> Job {
    single(&case.test(), move || {
        let linux = oracle::once(&case.test(), &case.script, || boot(Kernel::Linux, &case))?;
        let ours = boot(kernel, &case)?;
        match case.rule.difference(&linux, &ours) {
            Some(difference) => anyhow::bail!("not what Linux does\n{difference}"),
            None => Ok(()),
        }
    })
}

/// Boots with a case as process 1. Answers what it wrote to the console, with the kernel's last
/// words, and whether the machine ended or stands still.
fn boot(kernel: Kernel, case: &Case) -> Result<Vec<u8>> {
    let mut tree = image::base()?;
    let script = format!("#!/bin/sh\necho '{BEGIN}'\n{}", case.script);
    tree.file("/script", 0o755, script.into_bytes());
    let initrd = qemu::initrd_file(&tree.pack())?;
    let vm = Vm {
        kernel: exec::kernel_file(kernel)?,
        initrd: Some(initrd.path().to_owned()),
        append: "console=ttyS0 panic=-1 loglevel=5 rdinit=/script no_timer_check".to_owned(),
        smp: 1,
        mem_mib: 256,
        ..Vm::default()
    };
    let booted = qemu::boot(&vm, BOOT_LIMIT)?;
    let log = String::from_utf8_lossy(&booted.log).into_owned();
    let begin = log.find(BEGIN).with_context(|| format!("it did not begin:\n{log}"))?;
    let mut text = String::new();
    for line in log[begin..].lines().map(str::trim_end) {
        // What the kernel says is only the same where the machine ends; Linux reboots before it says
        // so a second time.
        match line.strip_prefix('[').and_then(|line| line.split_once("] ")) {
            Some((_, said)) if said.starts_with("---[ end") => {}
            Some((_, said)) if said.starts_with("reboot: ") || said.contains("panic - ") => {
                text += &format!("{said}\n");
            }
            Some(_) => {}
            None => text += &format!("{line}\n"),
        }
    }
    ensure!(!text.is_empty(), "no output:\n{log}");
    text += if booted.status.is_some() { "the machine has ended\n" } else { "it stands still\n" };
    Ok(text.into_bytes())
}
