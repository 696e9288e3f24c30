//! Every program of `programs/` in a guest, and tests of whole boots: see `musl_tests`.
//!
//! `cargo test -p musl-tests --test guest -- [FILTER] [--kernel linux]`; the environment variable
//! `ECLIPSE_TEST_KERNEL` (or `ECLIPSE_KERNEL`, as `scripts/test` sets it) does the same.
#![forbid(unsafe_code)]

mod boot;
mod busybox;
mod exec;
mod initrd;
mod quiet;
mod session;

use anyhow::Result;
use libtest_mimic::{Arguments, Conclusion, Failed, Trial};
use musl_tests::batch::{Batch, End, Ran};
use musl_tests::pool::{Job, Pool, Verdict};
use musl_tests::program::{self, Program};
use musl_tests::waiting;
use musl_tests::{differences, oracle};
use std::collections::{BTreeMap, HashMap};
use std::env;
use std::process::ExitCode;
use xtask::exec::Kernel;

/// Machines at work at one time: one for each core of the machines this is built on.
const MACHINES: usize = 2;
/// Programs in one boot: enough to share the cost, few enough to see progress.
const BATCH: usize = 12;
/// How much of the kernel's log a failure shows.
const LOG_LINES: usize = 25;

fn main() -> ExitCode {
    let (kernel, rest) = kernel_of(env::args().collect());
    let mut args = Arguments::from_iter(rest);
    // The tests themselves only wait; the pool does the work.
    args.test_threads = Some(1);
    let jobs = match jobs(kernel, &args) {
        Ok(jobs) => jobs,
        Err(error) => {
            eprintln!("{error:#}");
            return ExitCode::FAILURE;
        }
    };
    let names: Vec<String> = jobs.iter().flat_map(|job| job.names.clone()).collect();
    let pool = if args.list { Pool::default() } else { Pool::start(jobs, MACHINES) };
    let waiting = waiting(kernel);
    let mut trials: BTreeMap<String, Trial> = BTreeMap::new();
    // Those that wait are in the list all the same, as ignored.
    for (&name, &reason) in &waiting {
        let trial = Trial::test(name, move || Err(Failed::from(reason)));
        trials.insert(name.to_owned(), trial.with_ignored_flag(true));
    }
    for name in names {
        let (pool, key) = (pool.clone(), name.clone());
        let trial = Trial::test(&name, move || pool.verdict(&key).map_err(Failed::from));
        let waits = waiting.contains_key(name.as_str());
        trials.insert(name, trial.with_ignored_flag(waits));
    }
    let conclusion: Conclusion = libtest_mimic::run(&args, trials.into_values().collect());
    conclusion.exit_code()
}

/// The kernel to test, by argument or environment, and the arguments without it.
fn kernel_of(mut args: Vec<String>) -> (Kernel, Vec<String>) {
    let mut name =
        ["ECLIPSE_TEST_KERNEL", "ECLIPSE_KERNEL"].iter().find_map(|key| env::var(key).ok());
    if let Some(at) = args.iter().position(|arg| arg == "--kernel")
        && at + 1 < args.len()
    {
        name = Some(args.remove(at + 1));
        args.remove(at);
    }
    match name.as_deref() {
        None | Some("eclipse") => (Kernel::Eclipse, args),
        Some("linux") => (Kernel::Linux, args),
        Some(other) => {
            eprintln!("no kernel is called {other:?}: eclipse or linux");
            std::process::exit(2);
        }
    }
}

/// Whether the command line selects the test, as libtest-mimic decides it.
fn is_selected(args: &Arguments, name: &str) -> bool {
    let hit = |pattern: &String| {
        if args.exact { name == pattern } else { name.contains(pattern.as_str()) }
    };
    args.filter.as_ref().is_none_or(hit) && !args.skip.iter().any(hit)
}

/// The tests that Eclipse does not pass yet, with the reason of each.
fn waiting(kernel: Kernel) -> BTreeMap<&'static str, &'static str> {
    // A line that says nothing is told by a test of its own.
    if kernel == Kernel::Eclipse { waiting::list().unwrap_or_default() } else { BTreeMap::new() }
}

/// Whether the test will run.
fn is_wanted(kernel: Kernel, args: &Arguments, name: &str) -> bool {
    let waits = waiting(kernel).contains_key(name);
    let counts = if args.ignored { waits } else { args.include_ignored || !waits };
    counts && is_selected(args, name)
}

/// Everything that the command line selects, as few boots as it takes.
fn jobs(kernel: Kernel, args: &Arguments) -> Result<Vec<Job>> {
    let mut jobs = exec::jobs(kernel);
    jobs.extend(boot::jobs(kernel));
    jobs.extend(initrd::jobs(kernel));
    jobs.extend(quiet::jobs(kernel)?);
    jobs.extend(session::jobs(kernel, |name| is_selected(args, name)));
    jobs.extend(busybox::jobs(kernel, args)?);
    jobs.retain(|job| job.names.iter().any(|name| is_wanted(kernel, args, name)));
    let mut groups: BTreeMap<(String, u32, u32), Vec<Program>> = BTreeMap::new();
    for program in program::all()? {
        for &smp in
            program.smp.iter().filter(|&&smp| is_wanted(kernel, args, &name_of(&program, smp)))
        {
            let key = (program.group().to_owned(), smp, program.mem_mib);
            groups.entry(key).or_default().push(program.clone());
        }
    }
    for ((_, smp, mem_mib), programs) in groups {
        for programs in programs.chunks(BATCH) {
            jobs.push(batch_job(Batch { kernel, smp, mem_mib, programs: programs.to_vec() }));
        }
    }
    Ok(jobs)
}

fn name_of(program: &Program, smp: u32) -> String {
    format!("{}::smp{smp}", program.name)
}

fn batch_job(batch: Batch) -> Job {
    let names = batch.programs.iter().map(|program| name_of(program, batch.smp)).collect();
    Job { names, work: Box::new(move || run_batch(&batch)) }
}

fn run_batch(batch: &Batch) -> HashMap<String, Verdict> {
    verdicts(batch, &run_beside_linux(batch))
}

/// Each program's result by name, after Linux has given its answers.
fn run_beside_linux(batch: &Batch) -> Result<HashMap<String, Ran>> {
    oracle::ask(&batch.programs).and_then(|()| batch.run())
}

fn verdicts(batch: &Batch, results: &Result<HashMap<String, Ran>>) -> HashMap<String, Verdict> {
    let judged = batch.programs.iter().map(|program| {
        let verdict = match results {
            Ok(results) => judge(batch.kernel, program, &results[&program.name]),
            Err(error) => Err(format!("{error:#}")),
        };
        (name_of(program, batch.smp), verdict)
    });
    judged.collect()
}

/// Whether a program did what it should.
fn judge(kernel: Kernel, program: &Program, ran: &Ran) -> Verdict {
    let shown = |why: String| {
        let output = String::from_utf8_lossy(&ran.output).into_owned();
        Err(format!("{why}\n{}{}", tail(&output, 60), log_end(&ran.log)))
    };
    match ran.end {
        End::Status(status) if status != program.expect => {
            return shown(format!("status {status}, not {}", program.expect));
        }
        End::Status(_) => {}
        End::Timeout => return shown(format!("not done after {} s", program.timeout.as_secs())),
        End::KernelDied => return shown("the kernel died, or hangs".to_owned()),
    }
    if let Some(rule) = program.oracle {
        let text = |error: anyhow::Error| format!("{error:#}");
        let mut linux = oracle::answer(program).map_err(text)?;
        let mut ours = ran.output.clone();
        if kernel == Kernel::Eclipse {
            (linux, ours) = differences::without(&program.name, &linux, &ours).map_err(text)?;
        }
        if let Some(difference) = rule.difference(&linux, &ours) {
            return Err(format!("not what Linux prints\n{difference}{}", log_end(&ran.log)));
        }
    }
    Ok(())
}

/// The last lines of a text.
fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    let mut end = all[all.len().saturating_sub(lines)..].join("\n");
    end.push('\n');
    end
}

/// The end of the kernel's log, under a heading.
fn log_end(log: &[u8]) -> String {
    format!("--- the kernel's log ends:\n{}", tail(&String::from_utf8_lossy(log), LOG_LINES))
}

/// A job that is one test.
fn single(name: &str, work: impl FnOnce() -> Result<()> + Send + 'static) -> Job {
    let key = name.to_owned();
    let names = vec![key.clone()];
    let work = move || HashMap::from([(key, work().map_err(|error| format!("{error:#}")))]);
    Job { names, work: Box::new(work) }
}
