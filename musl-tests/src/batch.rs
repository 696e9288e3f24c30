//! Several programs in one boot. Inside the guest, `guest/suite.c` runs them one after another and
//! frames what each gave; here the frames are read. A program that takes the kernel along, or
//! hangs it, costs only itself: the machine is booted again for those after it.

use crate::program::{self, Build, Program};
use anyhow::{Context, Result, bail};
use std::collections::HashMap;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;
use xtask::exec::{self, Exit, Kernel, Options, Outcome, Stdin};
use xtask::project;

/// How one program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With this status; 128+N for signal N.
    Status(i32),
    /// Not within its time.
    Timeout,
    /// With the kernel's own end, or never: the guest stopped answering.
    KernelDied,
}

/// What running one program gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// How it ended.
    pub end: End,
    /// Both its outputs, as they came.
    pub output: Vec<u8>,
    /// The kernel's log of the boot it ran in.
    pub log: Vec<u8>,
}

/// Programs that share a boot.
#[derive(Clone, Debug)]
pub struct Batch {
    /// On which kernel.
    pub kernel: Kernel,
    /// On how many CPUs.
    pub smp: u32,
    /// With how much memory.
    pub mem_mib: u32,
    /// What runs, in this order.
    pub programs: Vec<Program>,
}

/// What a boot may take beyond its programs.
const MARGIN: Duration = Duration::from_secs(30);
/// What a program takes that does not use up its time.
const USUAL: Duration = Duration::from_secs(10);

impl Batch {
    /// Runs all programs; the answer has one entry for each, by name.
    ///
    /// # Errors
    /// When something is missing on this machine.
    pub fn run(&self) -> Result<HashMap<String, Ran>> {
        let mut results = HashMap::new();
        let mut left: Vec<&Program> = Vec::new();
        for program in &self.programs {
            // A source that does not compile fails its own test only.
            match program.file() {
                Ok(_) => left.push(program),
                Err(error) => {
                    let output = format!("{error:#}\n").into_bytes();
                    let ran = Ran { end: End::Status(127), output, log: vec![] };
                    results.insert(program.name.clone(), ran);
                }
            }
        }
        while !left.is_empty() {
            let outcome = self.boot(&left)?;
            let reports = read_frames(&outcome.stdout)?;
            let mut at = None;
            for (path, report) in reports {
                let place = left.iter().position(|program| program.guest_path() == path);
                let place = place.with_context(|| format!("the guest ran {path}, unasked"))?;
                let (end, output) = report.unwrap_or((End::KernelDied, vec![]));
                let ran = Ran { end, output, log: outcome.log.clone() };
                results.insert(left[place].name.clone(), ran);
                at = Some(place);
            }
            let done = match at {
                Some(place) => place + 1,
                // Not even the first one began: no use in trying again.
                None => left.len(),
            };
            if at.is_none() || (done < left.len() && is_whole(&outcome)) {
                let stderr = String::from_utf8_lossy(&outcome.stderr).into_owned();
                for program in left.drain(..) {
                    let output = format!("it did not begin ({:?})\n{stderr}", outcome.status);
                    let log = outcome.log.clone();
                    let ran = Ran { end: End::KernelDied, output: output.into_bytes(), log };
                    results.entry(program.name.clone()).or_insert(ran);
                }
            }
            left.drain(..done.min(left.len()));
        }
        Ok(results)
    }

    fn boot(&self, programs: &[&Program]) -> Result<Outcome> {
        let suite = project::target("guest/suite");
        let source = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/guest/suite.c"));
        program::compile(source, &suite, Build::Static)?;
        let mut adds = vec![(suite, "/tests/suite".to_owned())];
        let mut list = String::new();
        let mut timeout = MARGIN;
        for program in programs {
            adds.push((program.file()?, program.guest_path()));
            let argument = if program.takes_smp { format!(" {}", self.smp) } else { String::new() };
            writeln!(list, "{} {}{argument}", program.timeout.as_secs(), program.guest_path())?;
            timeout += program.timeout.min(USUAL);
            for thing in &program.brings {
                if !adds.contains(thing) {
                    adds.push(thing.clone());
                }
            }
        }
        timeout += programs.iter().map(|program| program.timeout).max().unwrap_or_default();
        // On a loaded machine the emulated timer may be too slow for Linux's boot-time check of it,
        // and Linux panics.
        let append = if self.kernel == Kernel::Linux { "no_timer_check" } else { "" };
        exec::run(&Options {
            kernel: self.kernel,
            append: append.to_owned(),
            smp: self.smp,
            mem_mib: self.mem_mib,
            adds,
            stdin: Stdin::Bytes(list.into_bytes()),
            timeout: Some(timeout),
            argv: vec!["/tests/suite".to_owned()],
            ..Options::default()
        })
    }
}

/// Whether the suite itself came to its end.
fn is_whole(outcome: &Outcome) -> bool {
    matches!(outcome.status, Exit::Code(_) | Exit::Signal(_))
}

/// One program's path, and how it ended if it did.
type Report = (String, Option<(End, Vec<u8>)>);

/// Takes the suite's output apart. A cut at the end is what a dead kernel leaves: the last program
/// then has no end.
fn read_frames(mut rest: &[u8]) -> Result<Vec<Report>> {
    let mut reports: Vec<Report> = Vec::new();
    while let Some(length) = rest.iter().position(|&byte| byte == b'\n') {
        let line = String::from_utf8_lossy(&rest[..length]).into_owned();
        rest = &rest[length + 1..];
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["begin", path] => reports.push((path.to_owned(), None)),
            ["end", path, how, number, length] => {
                let (number, length): (i32, usize) = (number.parse()?, length.parse()?);
                let Some(output) = rest.get(..length) else { break };
                rest = rest.get(length + 1..).unwrap_or_default();
                let end = match how {
                    "exit" => End::Status(number),
                    "signal" => End::Status(128 + number),
                    _ => End::Timeout,
                };
                match reports.last_mut() {
                    Some((begun, report)) if begun == path => {
                        *report = Some((end, output.to_vec()))
                    }
                    _ => bail!("{path} ended without having begun"),
                }
            }
            _ => bail!("the suite said {line:?}"),
        }
    }
    Ok(reports)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_may_hold_anything() {
        let bytes = b"begin /a\nend /a exit 0 8\nend /a x\nbegin /b\nend /b signal 11 0\n\n";
        let reports = read_frames(bytes).unwrap();
        assert_eq!(reports.len(), 2);
        assert_eq!(reports[0].1, Some((End::Status(0), b"end /a x".to_vec())));
        assert_eq!(reports[1].1, Some((End::Status(139), vec![])));
    }

    #[test]
    fn a_cut_leaves_the_last_without_an_end() {
        let bytes = b"begin /a\nend /a exit 0 100\nabc";
        assert_eq!(read_frames(bytes).unwrap(), [("/a".to_owned(), None)]);
        assert!(read_frames(b"nonsense\n").is_err());
    }
}
