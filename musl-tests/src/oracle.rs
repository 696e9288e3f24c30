//! What Linux itself prints. An oracle program runs once on the reference kernel; its output is
//! kept under `target/guest/oracle/`, by the hash of the program and of everything around it, and
//! is what other kernels are compared with.

use crate::batch::{Batch, End};
use crate::program::Program;
use anyhow::{Context, Result};
use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use xtask::exec::{self, Kernel};
use xtask::{image, project};

/// One Linux at a time asks; whoever comes second finds the answers kept.
static ASKING: Mutex<()> = Mutex::new(());

/// Runs those of `programs` on Linux whose answer is not kept yet. A program that fails there gets
/// none.
///
/// # Errors
/// When Linux cannot be run.
pub fn ask(programs: &[Program]) -> Result<()> {
    let _guard = ASKING.lock().unwrap_or_else(PoisonError::into_inner);
    let mut wanted = Vec::new();
    for program in programs.iter().filter(|program| program.oracle.is_some()) {
        // A source that does not compile is told by its own test.
        if program.file().is_ok() && !place_of(program)?.exists() {
            wanted.push(program.clone());
        }
    }
    let Some(mem_mib) = wanted.iter().map(|program| program.mem_mib).max() else {
        return Ok(());
    };
    let batch = Batch { kernel: Kernel::Linux, smp: 1, mem_mib, programs: wanted };
    let mut results = batch.run()?;
    for program in &batch.programs {
        let ran = results.remove(&program.name).context("each program has a result")?;
        let place = place_of(program)?;
        if ran.end == End::Status(program.expect) {
            keep(&place, &ran.output)?;
        } else {
            let output = String::from_utf8_lossy(&ran.output);
            let text = format!("it fails on Linux: {:?}\n{output}", ran.end);
            keep(&failure(&place), text.as_bytes())?;
        }
    }
    Ok(())
}

/// What Linux answered; [`ask`] has been called before.
///
/// # Errors
/// When the program fails on Linux: with what it printed there.
pub fn answer(program: &Program) -> Result<Vec<u8>> {
    let place = place_of(program)?;
    let failed = || fs::read_to_string(failure(&place)).unwrap_or_default();
    fs::read(&place).with_context(failed)
}

/// What `ask` answers for `name`; an answer to an equal `question` is kept from earlier runs.
///
/// # Errors
/// Those of `ask`, and of keeping the answer.
pub fn once(
    name: &str,
    question: impl Hash,
    ask: impl FnOnce() -> Result<Vec<u8>>,
) -> Result<Vec<u8>> {
    let place = place(name, question)?;
    if let Ok(answer) = fs::read(&place) {
        return Ok(answer);
    }
    let _guard = ASKING.lock().unwrap_or_else(PoisonError::into_inner);
    let answer = ask()?;
    keep(&place, &answer)?;
    Ok(answer)
}

/// Where it is kept that there is no answer, and why.
fn failure(place: &Path) -> PathBuf {
    format!("{}.failed", place.display()).into()
}

fn keep(place: &Path, answer: &[u8]) -> Result<()> {
    fs::create_dir_all(place.parent().context("the place is in a folder")?)?;
    Ok(fs::write(place, answer)?)
}

fn place_of(program: &Program) -> Result<PathBuf> {
    place(&program.name, fs::read(program.file()?)?)
}

fn place(name: &str, question: impl Hash) -> Result<PathBuf> {
    let mut hasher = DefaultHasher::new();
    question.hash(&mut hasher);
    surroundings()?.hash(&mut hasher);
    let name = format!("{}-{:016x}", name.replace('/', "."), hasher.finish());
    Ok(project::target("guest/oracle").join(name))
}

/// The hash of what every program runs on and in: the kernel, the initramfs, what starts it.
fn surroundings() -> Result<u64> {
    static HASH: OnceLock<u64> = OnceLock::new();
    if let Some(&hash) = HASH.get() {
        return Ok(hash);
    }
    let mut hasher = DefaultHasher::new();
    exec::kernel_file(Kernel::Linux)?.file_name().hash(&mut hasher);
    image::base()?.pack().hash(&mut hasher);
    include_str!("../guest/suite.c").hash(&mut hasher);
    Ok(*HASH.get_or_init(|| hasher.finish()))
}

/// The first line in which two outputs differ, for people; none when they are equal.
#[must_use]
pub fn difference(linux: &[u8], ours: &[u8]) -> Option<String> {
    if linux == ours {
        return None;
    }
    let (mut a, mut b) = (linux.split(|&c| c == b'\n'), ours.split(|&c| c == b'\n'));
    let mut text = String::new();
    let mut shown = 0;
    for number in 1.. {
        let (line_a, line_b) = (a.next(), b.next());
        if line_a.is_none() && line_b.is_none() {
            break;
        }
        if line_a != line_b {
            let show = |line: Option<&[u8]>| {
                line.map_or("(the end)".into(), |line| String::from_utf8_lossy(line).into_owned())
            };
            text +=
                &format!("line {number}\n  Linux: {}\n  here:  {}\n", show(line_a), show(line_b));
            shown += 1;
            if shown == 10 {
                text += "and more\n";
                break;
            }
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_shown_by_line() {
        assert_eq!(difference(b"a\nb\n", b"a\nb\n"), None);
        let text = difference(b"a\nb\nc\n", b"a\nx\nc\n").unwrap();
        assert_eq!(text, "line 2\n  Linux: b\n  here:  x\n");
        assert!(difference(b"a", b"a\n").unwrap().contains("(the end)"));
    }
}
