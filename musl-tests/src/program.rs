//! The test programs: C files and shell scripts under `programs/GROUP/NAME`, each with its needs
//! in a comment that starts with `@`:
//!
//! ```c
//! //@ smp=1,2,4 timeout=120 oracle
//! ```
//!
//! | word | meaning | without it |
//! |---|---|---|
//! | `smp=N,…` | run once on each of these numbers of CPUs | `1,2` |
//! | `timeout=S` | seconds the program may take | 60 |
//! | `mem=M` | the guest's memory in MiB | 512 |
//! | `expect=N` | the exit status, 128+signal if killed | 0 |
//! | `oracle` | its output must be what Linux gives | any output |
//! | `pie` | also built as a static PIE, as `NAME_pie` | |
//! | `arg=smp` | its first argument is the number of CPUs | none |

use crate::rule::Rule;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};
use xtask::project;

/// How a program is made from its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// A static executable at a fixed address.
    Static,
    /// The same from a source that is not ours, so warnings are not our business.
    Foreign,
    /// A static executable that can be loaded anywhere.
    StaticPie,
    /// A script for the guest's shell: nothing is built.
    Script,
}

/// One test program with what it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// `group/name`.
    pub name: String,
    /// The source file.
    pub source: PathBuf,
    /// How it is built.
    pub build: Build,
    /// The numbers of CPUs it runs on.
    pub smp: Vec<u32>,
    /// How long it may take.
    pub timeout: Duration,
    /// The guest's memory in MiB.
    pub mem_mib: u32,
    /// The exit status that means success.
    pub expect: i32,
    /// How its output is compared with Linux's, if it is.
    pub oracle: Option<Rule>,
    /// Whether it is told the number of CPUs.
    pub takes_smp: bool,
    /// Files and folders of this machine that it uses, with their places in the guest.
    pub brings: Vec<(PathBuf, String)>,
}

/// The folder with all sources.
fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/programs"))
}

impl Program {
    /// A script for the guest's shell that lies in `source`, with every need at its default.
    #[must_use]
    pub fn script(name: String, source: PathBuf) -> Self {
        Self {
            name,
            source,
            build: Build::Script,
            smp: vec![1, 2],
            timeout: Duration::from_secs(60),
            mem_mib: 512,
            expect: 0,
            oracle: None,
            takes_smp: false,
            brings: vec![],
        }
    }

    /// The folder it lies in: its subject.
    #[must_use]
    pub fn group(&self) -> &str {
        self.name.split('/').next().unwrap_or_default()
    }

    /// Where the guest finds it.
    #[must_use]
    pub fn guest_path(&self) -> String {
        format!("/tests/{}", self.name)
    }

    /// The file to put there; compiled if it is older than its source or a header.
    ///
    /// # Errors
    /// When the compiler is missing, or refuses the source.
    pub fn file(&self) -> Result<PathBuf> {
        if self.build == Build::Script {
            return Ok(self.source.clone());
        }
        let program = project::target("guest/tests").join(&self.name);
        compile(&self.source, &program, self.build)?;
        Ok(program)
    }
}

/// Compiles one C file, if it has changed.
///
/// # Errors
/// When the compiler is missing, or refuses the source.
pub fn compile(source: &Path, program: &Path, build: Build) -> Result<()> {
    let newest = headers()?.iter().map(|path| modified(path)).collect::<Result<Vec<_>>>()?;
    let newest = newest.into_iter().fold(modified(source)?, SystemTime::max);
    if modified(program).is_ok_and(|built| built > newest) {
        return Ok(());
    }
    let parent = program.parent().context("a program lies in a folder")?;
    fs::create_dir_all(parent)?;
    // Made beside and moved: another run may be using, or making, the same file.
    let work = tempfile::tempdir_in(parent)?;
    let fresh = work.path().join("program");
    let mut command = Command::new("musl-gcc");
    command.args(["-static", "-O1", "-I"]).arg(folder());
    command.args(if build == Build::Foreign { &["-w"][..] } else { &["-Wall", "-Werror"] });
    command.arg("-o").arg(&fresh);
    if build == Build::StaticPie {
        // musl-gcc does not know -static-pie: it would name an interpreter. So the start files
        // are chosen here: rcrt1.o relocates the program before anything else runs.
        command.args(["-fPIE", "-nostartfiles", "-Wl,-pie,--no-dynamic-linker,-z,text"]);
        let start = |name: &str| Path::new("/usr/lib/x86_64-linux-musl").join(name);
        command.arg(start("rcrt1.o")).arg(start("crti.o")).arg(source).arg(start("crtn.o"));
    } else {
        command.arg(source);
    }
    let output = command.output().context("cannot start musl-gcc: run scripts/setup")?;
    if !output.status.success() {
        bail!("{}:\n{}", source.display(), String::from_utf8_lossy(&output.stderr));
    }
    fs::rename(&fresh, program)?;
    Ok(())
}

/// What the programs include beside the library's own.
fn headers() -> Result<Vec<PathBuf>> {
    let is_header = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "h");
    Ok(entries(folder())?.into_iter().filter(is_header).collect())
}

fn modified(path: &Path) -> Result<SystemTime> {
    let info = fs::metadata(path).with_context(|| path.display().to_string())?;
    Ok(info.modified()?)
}

/// All programs, ordered by name.
///
/// # Errors
/// When a source cannot be read, or asks for something unknown.
pub fn all() -> Result<Vec<Program>> {
    let mut programs = Vec::new();
    for group in entries(folder())?.iter().filter(|path| path.is_dir()) {
        for source in entries(group)? {
            let text = fs::read_to_string(&source)?;
            let program = parse(&source, &text).with_context(|| source.display().to_string())?;
            if program.build == Build::Static && directive(&text).any(|word| word == "pie") {
                let name = format!("{}_pie", program.name);
                programs.push(Program { name, build: Build::StaticPie, ..program.clone() });
            }
            programs.push(program);
        }
    }
    programs.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(programs)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let list = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut paths = list.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

/// The words after `//@` or `#@`.
fn directive(text: &str) -> impl Iterator<Item = &str> {
    let after = |line: &'_ str| -> Option<usize> {
        ["//@ ", "#@ "].iter().find(|mark| line.starts_with(**mark)).map(|mark| mark.len())
    };
    text.lines()
        .filter_map(move |line| after(line).map(|start| &line[start..]))
        .flat_map(str::split_whitespace)
}

fn parse(source: &Path, text: &str) -> Result<Program> {
    let part = |part: Option<&std::ffi::OsStr>| {
        Ok::<_, anyhow::Error>(
            part.and_then(|name| name.to_str()).context("a plain name")?.to_owned(),
        )
    };
    let group = part(source.parent().and_then(Path::file_name))?;
    let build = match source.extension().and_then(|extension| extension.to_str()) {
        Some("c") => Build::Static,
        Some("sh") => Build::Script,
        _ => bail!("neither a C file nor a shell script"),
    };
    let name = format!("{group}/{}", part(source.file_stem())?);
    let mut program = Program { build, ..Program::script(name, source.to_owned()) };
    for word in directive(text) {
        match word.split_once('=').unwrap_or((word, "")) {
            ("smp", list) => {
                program.smp = list.split(',').map(str::parse).collect::<Result<_, _>>()?;
            }
            ("timeout", seconds) => program.timeout = Duration::from_secs(seconds.parse()?),
            ("mem", mib) => program.mem_mib = mib.parse()?,
            ("expect", status) => program.expect = status.parse()?,
            ("oracle", "") => program.oracle = Some(Rule::Same),
            ("arg", "smp") => program.takes_smp = true,
            ("pie", "") => {}
            _ => bail!("unknown word {word:?} after @"),
        }
    }
    Ok(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_are_read_from_the_comment() {
        let text = "/* x */\n//@ smp=4 timeout=7 oracle expect=139\nint main;\n";
        let program = parse(Path::new("/p/mm/cow.c"), text).unwrap();
        assert_eq!((program.name.as_str(), program.group()), ("mm/cow", "mm"));
        let oracle = Some(Rule::Same);
        assert_eq!((program.smp, program.expect, program.oracle), (vec![4], 139, oracle));
        assert_eq!(program.timeout, Duration::from_secs(7));
        assert!(parse(Path::new("/p/mm/cow.c"), "//@ smp=x").is_err());
        assert!(parse(Path::new("/p/mm/cow.c"), "//@ hello").is_err());
    }

    #[test]
    fn every_program_is_found() {
        let programs = all().unwrap();
        assert!(programs.iter().any(|program| program.name == "basic/hello_pie"));
        assert!(programs.len() > 50);
    }
}
