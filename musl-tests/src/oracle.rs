//! What Linux itself prints. An oracle program runs once on the reference kernel; its output is
//! kept under `target/guest/oracle/`, by the hash of the program, and is what other kernels are
//! compared with.

use crate::batch::{Batch, End};
use crate::program::Program;
use anyhow::{Context, Result, bail};
use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use xtask::exec::{self, Kernel};
use xtask::project;

/// One Linux at a time asks; whoever comes second finds the answers kept.
static ASKING: Mutex<()> = Mutex::new(());

/// Runs those of `programs` on Linux whose answer is not kept yet.
///
/// # Errors
/// When Linux cannot be run, or a program fails on it.
pub fn ask(programs: &[Program]) -> Result<()> {
    let _guard = ASKING.lock().unwrap_or_else(PoisonError::into_inner);
    let mut wanted = Vec::new();
    for program in programs.iter().filter(|program| program.oracle) {
        // A source that does not compile is told by its own test.
        if program.file().is_ok() && !kept(program)?.exists() {
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
        if ran.end != End::Status(program.expect) {
            let output = String::from_utf8_lossy(&ran.output).into_owned();
            bail!("{} on Linux: {:?}\n{output}", program.name, ran.end);
        }
        let path = kept(program)?;
        fs::create_dir_all(path.parent().context("the place is in a folder")?)?;
        fs::write(path, ran.output)?;
    }
    Ok(())
}

/// What Linux answered; [`ask`] has been called before.
///
/// # Errors
/// When the answer is not there.
pub fn answer(program: &Program) -> Result<Vec<u8>> {
    let path = kept(program)?;
    fs::read(&path).with_context(|| path.display().to_string())
}

fn kept(program: &Program) -> Result<PathBuf> {
    let mut hasher = DefaultHasher::new();
    fs::read(program.file()?)?.hash(&mut hasher);
    exec::kernel_file(Kernel::Linux)?.file_name().hash(&mut hasher);
    let name = format!("{}-{:016x}", program.name.replace('/', "."), hasher.finish());
    Ok(project::target("guest/oracle").join(name))
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
