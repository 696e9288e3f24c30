//! Somebody at the terminal: what `scripts/run` boots, logged in to, typed at and switched off
//! again. Every step is the same on the reference, where it must pass first.
//!
//! Steps that only need a shell share a boot; one that fails costs itself that machine, and the
//! next one gets a fresh one.

mod break_things;
mod console;
mod day;
mod keys;
mod login;
mod power;
mod programs;
mod shell;

use crate::single;
use anyhow::{Context, Result};
use console::{Console, Machine};
use initramfs::Tree;
use musl_tests::pool::{Job, Verdict};
use std::collections::HashMap;
use xtask::exec::Kernel;

/// Something done at root's prompt that ends there, under its name.
type Step = (&'static str, Work);
/// What a step does.
type Work = fn(&mut Console) -> Result<()>;

/// A test with a machine of its own, under its name.
type Test = (&'static str, fn(Kernel) -> Result<()>);

/// Puts into the tree what a group of steps wants beyond busybox.
type Additions = fn(&mut Tree) -> Result<()>;

/// The jobs with at least one test that `selected` wants.
pub fn jobs(kernel: Kernel, selected: impl Fn(&str) -> bool) -> Vec<Job> {
    let mut jobs = Vec::new();
    let plain: Additions = |_| Ok(());
    let groups = [
        (login::STEPS, plain),
        (shell::STEPS, plain),
        (keys::STEPS, plain),
        (programs::STEPS, programs::additions),
    ];
    for (steps, additions) in groups {
        let full = |name: &str| format!("session/{name}");
        let steps: Vec<(String, _)> =
            steps.iter().map(|(name, step)| (full(name), *step)).collect();
        let steps: Vec<_> = steps.into_iter().filter(|(name, _)| selected(name)).collect();
        if !steps.is_empty() {
            jobs.push(shared(kernel, steps, additions));
        }
    }
    for (name, step) in power::TESTS {
        jobs.push(single(&format!("session/{name}"), move || step(kernel)));
    }
    for (name, step) in break_things::TESTS {
        jobs.push(single(&format!("break_things/{name}"), move || step(kernel)));
    }
    jobs.push(single("session/day", move || day::day(kernel)));
    jobs
}

/// A job of steps at one terminal.
fn shared(kernel: Kernel, steps: Vec<(String, Work)>, additions: Additions) -> Job {
    let names = steps.iter().map(|(name, _)| name.clone()).collect();
    let work = move || {
        let mut console = None;
        let mut verdicts: HashMap<String, Verdict> = HashMap::new();
        for (name, step) in steps {
            let verdict = at_prompt(kernel, &mut console, step, additions);
            if verdict.is_err() {
                console = None;
            }
            verdicts.insert(name, verdict.map_err(|error| format!("{error:#}")));
        }
        verdicts
    };
    Job { names, work: Box::new(work) }
}

fn at_prompt(
    kernel: Kernel,
    console: &mut Option<Console>,
    step: Work,
    additions: Additions,
) -> Result<()> {
    let console = match console {
        Some(console) => console,
        None => console.insert(Console::boot_as_root(Machine::of(kernel), additions)?),
    };
    step(console)?;
    console.check("echo still $((6 * 7))", "still 42").context("after the step")
}
