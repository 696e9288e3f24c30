//! The whole test run: formatting, lints, the tests of every crate, loom's models, the hal's
//! self-test, and the programs of `musl-tests` in the guest.
//!
//! Every step is one command; its output is kept and shown when the step fails. Results are
//! summed from the `test result:` lines that libtest and libtest-mimic print.

use crate::exec::{self, Kernel};
use crate::project;
use crate::toolchain::Way;
use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader, IsTerminal};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How much to test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// What needs no guest: checks, tests of the crates, the kernel's build.
    Quick,
    /// That, loom's models, the hal's self-test, and the guest tests.
    #[default]
    Whole,
    /// The same, with a day at work that takes an hour instead of minutes.
    Deep,
}

/// What to test.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// How much.
    pub depth: Depth,
    /// Only tests with this in their name, and no checks of formatting and lints.
    pub filter: Option<String>,
    /// The guest's kernel. On Linux only the guest tests make sense, and only they run.
    pub kernel: Kernel,
}

/// One step's outcome.
#[derive(Clone, Debug)]
pub struct Step {
    /// What it was.
    pub name: String,
    /// Whether its command succeeded.
    pub ok: bool,
    /// Tests that passed.
    pub passed: u32,
    /// Tests that failed; a command that failed without any counts as one.
    pub failed: u32,
    /// How long it took.
    pub took: Duration,
}

/// Runs the plan, with progress on standard error.
///
/// # Errors
/// When a step's command cannot even be started.
pub fn run(plan: &Plan) -> Result<Vec<Step>> {
    let way = Way::chosen();
    let filter = plan.filter.as_deref();
    let packages = packages(way)?;
    let mut steps = Vec::new();
    if plan.kernel == Kernel::Eclipse {
        if filter.is_none() {
            steps.push(step("format", cargo(way, &["fmt", "--all", "--check"]))?);
            let lint = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
            steps.push(step("lints", cargo(way, &lint))?);
            steps.push(step("lints on metal", metal(way))?);
        }
        for package in &packages {
            steps.push(step(&format!("tests of {}", package.name), package.tests(way, filter))?);
        }
        for package in packages.iter().filter(|_| plan.depth != Depth::Quick) {
            if package.has_models && filter.is_none() {
                let name = format!("models of {}", package.name);
                steps.push(step(&name, models(way, &package.name))?);
            }
        }
        if filter.is_none() && plan.depth != Depth::Quick {
            steps.push(step("hal on three machines", myself(&["self-test"]))?);
        }
        steps.push(step("kernel", myself(&["build"]))?);
    } else {
        exec::kernel_file(plan.kernel)?;
    }
    if plan.depth != Depth::Quick && packages.iter().any(|package| package.has_guest) {
        let mut tests = guest(way, plan.kernel, filter);
        if plan.depth == Depth::Deep {
            tests.env("ECLIPSE_DAY_SECONDS", "3600");
        }
        steps.push(step("guest tests", tests)?);
    }
    Ok(steps)
}

/// The programs of `musl-tests`; the environment tells the runner on which kernel.
fn guest(way: Way, kernel: Kernel, filter: Option<&str>) -> Command {
    let mut command = cargo(way, &["test", "--package", "musl-tests", "--test", "guest"]);
    command.arg("--").args(filter);
    let kernel = match kernel {
        Kernel::Eclipse => "eclipse",
        Kernel::Linux => "linux",
    };
    command.env("ECLIPSE_KERNEL", kernel);
    command
}

/// A crate of the workspace.
struct Package {
    name: String,
    /// Its test target `guest` boots kernels.
    has_guest: bool,
    /// It has tests for loom, which are called `model...`.
    has_models: bool,
}

impl Package {
    fn tests(&self, way: Way, filter: Option<&str>) -> Command {
        let mut command = cargo(way, &["test", "--no-fail-fast", "--package", &self.name]);
        if self.has_guest {
            // That target is a step of its own.
            command.args(["--lib", "--bins"]);
        }
        command.arg("--").args(filter);
        command
    }
}

fn packages(way: Way) -> Result<Vec<Package>> {
    let output = cargo(way, &["metadata", "--no-deps", "--format-version", "1"])
        .stderr(Stdio::inherit())
        .output()
        .context("cargo: run scripts/setup")?;
    let metadata: Value = serde_json::from_slice(&output.stdout).context("cargo metadata")?;
    let list = metadata["packages"].as_array().context("cargo metadata lists packages")?;
    let package = |value: &Value| {
        let manifest = value["manifest_path"].as_str().context("a package has a manifest")?;
        let is_guest = |target: &Value| target["name"] == "guest" && target["test"] == true;
        Ok(Package {
            name: value["name"].as_str().context("a package has a name")?.to_owned(),
            has_guest: value["targets"].as_array().is_some_and(|all| all.iter().any(is_guest)),
            has_models: fs::read_to_string(manifest)?.contains("cfg(loom)"),
        })
    };
    list.iter().map(package).collect()
}

fn cargo(way: Way, args: &[&str]) -> Command {
    let mut command = way.cargo();
    command.args(args);
    command
}

/// Checks the bare-metal half with a compiler that allows stable features only. It is compiled
/// for this machine, so that no library for bare metal is needed, in a folder of its own, since
/// `ECLIPSE_METAL` changes what is built.
fn metal(way: Way) -> Command {
    let mut command = cargo(way, &["clippy", "--package", "hal", "--package", "kernel"]);
    command
        .args(["--lib", "--bins", "--examples"])
        .arg("--target-dir")
        .arg(project::target("metal"));
    command.args(["--", "-D", "warnings"]).env("ECLIPSE_METAL", "1");
    command
}

/// Explores the interleavings of a crate's lock-free parts.
fn models(way: Way, package: &str) -> Command {
    let mut command = cargo(way, &["test", "--release", "--lib", "--package", package]);
    command.arg("--target-dir").arg(project::target("loom")).arg("model");
    command.env("RUSTFLAGS", "--cfg loom");
    command
}

/// This very program with other arguments.
fn myself(args: &[&str]) -> Command {
    let mut me = Command::new(std::env::current_exe().unwrap_or_else(|_| "xtask".into()));
    me.args(args);
    me
}

/// Runs one step.
fn step(name: &str, mut command: Command) -> Result<Step> {
    let start = Instant::now();
    let spinner = ProgressBar::new_spinner();
    if std::io::stderr().is_terminal() {
        let style = ProgressStyle::with_template("{spinner} {prefix} {elapsed} {wide_msg}")?;
        spinner.set_style(style);
        spinner.set_prefix(name.to_owned());
        spinner.enable_steady_tick(Duration::from_millis(200));
    } else {
        eprintln!("- {name} ...");
    }

    let (reader, writer) = std::io::pipe()?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .spawn()
        .with_context(|| format!("{command:?}"))?;
    // The command holds the pipe's writing end open as well; without this it would never end.
    drop(command);
    let (mut output, mut passed, mut failed) = (String::new(), 0, 0);
    for line in BufReader::new(reader).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        if let Some((good, bad)) = results(&line) {
            passed += good;
            failed += bad;
        }
        spinner.set_message(format!("{passed} passed, {failed} failed  {}", line.trim()));
        output += &line;
        output.push('\n');
    }
    let ok = child.wait()?.success();
    spinner.finish_and_clear();
    if !ok && failed == 0 {
        failed = 1;
    }
    let step = Step { name: name.to_owned(), ok, passed, failed, took: start.elapsed() };
    if !ok {
        eprint!("{output}");
    }
    eprintln!("{}", line_of(&step));
    Ok(step)
}

/// Reads `test result: ok. 3 passed; 0 failed; ...`.
fn results(line: &str) -> Option<(u32, u32)> {
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let count = |what: &str| {
        let part = counts.split("; ").find_map(|part| part.strip_suffix(what))?;
        part.parse().ok()
    };
    Some((count(" passed")?, count(" failed")?))
}

/// One step for people.
#[must_use]
pub fn line_of(step: &Step) -> String {
    let verdict = if step.ok { "ok" } else { "FAILED" };
    let seconds = step.took.as_secs_f64();
    let counts = match (step.passed, step.failed) {
        (0, 0) => String::new(),
        (passed, failed) => format!("{passed} passed, {failed} failed"),
    };
    format!("  {:<26} {verdict:<6} {seconds:>7.1} s  {counts}", step.name).trim_end().to_owned()
}

/// All tests that passed and failed.
#[must_use]
pub fn totals(steps: &[Step]) -> (u32, u32) {
    (steps.iter().map(|step| step.passed).sum(), steps.iter().map(|step| step.failed).sum())
}

/// The run for machines.
#[must_use]
pub fn to_json(steps: &[Step]) -> Value {
    let (passed, failed) = totals(steps);
    let one = |step: &Step| {
        json!({
            "name": step.name,
            "ok": step.ok,
            "passed": step.passed,
            "failed": step.failed,
            "seconds": step.took.as_secs_f64(),
        })
    };
    json!({
        "passed": passed,
        "failed": failed,
        "steps": steps.iter().map(one).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_read_from_their_line() {
        let line =
            "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out";
        assert_eq!(results(line), Some((12, 3)));
        assert_eq!(results("test foo ... ok"), None);
        assert_eq!(results("test result: nonsense"), None);
    }

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_step_that_fails_without_results_counts_as_one() {
        let bad = step("bad", sh("echo no; exit 3")).unwrap();
        assert_eq!((bad.ok, bad.passed, bad.failed), (false, 0, 1));
        let good = step("good", sh("echo 'test result: ok. 2 passed; 0 failed; x'")).unwrap();
        assert_eq!((good.ok, good.passed, good.failed), (true, 2, 0));
        assert_eq!(totals(&[bad, good]), (2, 1));
    }
}
