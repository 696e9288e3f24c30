//! The cases of `busybox/*.sh`: each applet of Debian's busybox doing its real work, on Linux and
//! here. A file holds the cases of one subject:
//!
//! ```sh
//! #: cut
//! printf 'a:b\nc:d\n' | cut -d: -f2
//! ```
//!
//! The lines after a heading run in an empty directory of their own; `/tests/pty` (`guest/pty.c`)
//! is there for programs that want a terminal. What is compared is the
//! status, both outputs, and the files that are left there, each with its mode, links, size and
//! contents. The heading may say more:
//!
//! | word | meaning |
//! |---|---|
//! | `numbers` | numbers in the outputs may differ ([`Rule::Numbers`]) |
//! | `needs=THING` | neither guest has it, so it fails on both: messages may differ ([`Rule::Class`]) |
//! | `lacks=THING` | Linux has it and Eclipse not: there it must fail, and say why ([`Rule::Refused`]) |
//! | `boot` | the lines run as process 1 of a boot of their own, and their output is the console |
//! | `timeout=S` | seconds it may take, 20 if not said |
//!
//! [`MISSING`] names the things. A name that is no applet's is refused, and so is an applet without a case; one may have several,
//! as `cut:fields`.

use crate::program::{self, Build, Program};
use crate::rule::{ERRORS, FILES, Rule};
use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use xtask::project;

/// What is missing, and why.
pub const MISSING: [(&str, &str); 6] = [
    ("disk", "the machine has no disk, CD or tape; files cannot stand in for them"),
    ("hardware", "the machine has no I2C bus, watchdog, modem, flash chip or virtual console"),
    ("modules", "the guest has no kernel modules, and Eclipse can load none"),
    ("namespaces", "Eclipse has one namespace of each kind"),
    ("network", "the machine has no network card and the guest has not set up the loopback one"),
    ("sockets", "Eclipse has no sockets"),
];

/// One case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// The applet, or `APPLET:WHAT`.
    pub name: String,
    /// The lines.
    pub script: String,
    /// How what it gives is compared.
    pub rule: Rule,
    /// Whether it has a boot of its own.
    pub boot: bool,
    /// How long it may take.
    pub timeout: Duration,
}

/// The cases of one file.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The file's name without `.sh`.
    pub name: String,
    /// In the order of the file.
    pub cases: Vec<Case>,
}

/// All cases.
///
/// # Errors
/// When a file cannot be read or has a heading that means nothing.
pub fn all() -> Result<Vec<Subject>> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/busybox"));
    let mut files = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .filter(|path| path.as_ref().is_ok_and(|path| path.extension().is_some_and(|e| e == "sh")))
        .collect::<Result<Vec<PathBuf>>>()?;
    files.sort();
    let read = |path: &PathBuf| {
        let name = path.file_stem().and_then(|name| name.to_str()).context("a plain name")?;
        let cases = parse(&fs::read_to_string(path)?);
        let cases = cases.with_context(|| path.display().to_string())?;
        Ok(Subject { name: name.to_owned(), cases })
    };
    files.iter().map(read).collect()
}

fn parse(text: &str) -> Result<Vec<Case>> {
    let mut cases: Vec<Case> = Vec::new();
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("#: ") {
            cases.push(heading_of(heading).with_context(|| format!("at {line:?}"))?);
        } else if let Some(case) = cases.last_mut() {
            writeln!(case.script, "{line}")?;
        }
    }
    Ok(cases)
}

fn heading_of(heading: &str) -> Result<Case> {
    let mut words = heading.split_whitespace();
    let mut case = Case {
        name: words.next().context("it names no applet")?.to_owned(),
        script: String::new(),
        rule: Rule::Same,
        boot: false,
        timeout: Duration::from_secs(20),
    };
    for word in words {
        match word.split_once('=').unwrap_or((word, "")) {
            ("numbers", "") => case.rule = Rule::Numbers,
            ("needs", thing) if is_missing(thing) => case.rule = Rule::Class,
            ("lacks", thing) if is_missing(thing) => case.rule = Rule::Refused,
            ("boot", "") => case.boot = true,
            ("timeout", seconds) => case.timeout = Duration::from_secs(seconds.parse()?),
            _ => bail!("unknown word {word:?}"),
        }
    }
    Ok(case)
}

fn is_missing(thing: &str) -> bool {
    MISSING.iter().any(|missing| missing.0 == thing)
}

/// What busybox says it can do.
///
/// # Errors
/// When busybox is not installed.
pub fn applets() -> Result<BTreeSet<String>> {
    let output = Command::new("/bin/busybox").arg("--list").output();
    let list = output.context("busybox: run scripts/setup")?.stdout;
    Ok(String::from_utf8(list)?.lines().map(str::to_owned).collect())
}

/// Every applet has a case, every case an applet, and no two the same name.
///
/// # Errors
/// When that is not so, with the names.
pub fn complete(subjects: &[Subject], applets: &BTreeSet<String>) -> Result<()> {
    let mut names = BTreeSet::new();
    for case in subjects.iter().flat_map(|subject| &subject.cases) {
        ensure!(names.insert(case.name.as_str()), "two cases are called {}", case.name);
    }
    let covered: BTreeSet<String> =
        names.iter().map(|name| name.split(':').next().unwrap_or_default().to_owned()).collect();
    let missing: Vec<_> = applets.difference(&covered).collect();
    ensure!(missing.is_empty(), "applets without a case in musl-tests/busybox: {missing:?}");
    let unknown: Vec<_> = covered.difference(applets).collect();
    ensure!(unknown.is_empty(), "cases of applets that busybox does not have: {unknown:?}");
    Ok(())
}

impl Case {
    /// The test's name.
    #[must_use]
    pub fn test(&self) -> String {
        format!("applet/{}", self.name)
    }

    /// The script as a program of the suite.
    ///
    /// # Errors
    /// Those of writing the script under `target/`.
    pub fn program(&self) -> Result<Program> {
        let name = self.test();
        let source = project::target("guest/scripts").join(&name);
        write_if_new(&source, &self.framed())?;
        let pty = project::target("guest/pty");
        let of_pty = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/guest/pty.c"));
        program::compile(of_pty, &pty, Build::Static)?;
        let brings = vec![(pty, "/tests/pty".to_owned())];
        let program = Program::script(name, source);
        Ok(Program {
            smp: vec![1],
            timeout: self.timeout,
            oracle: Some(self.rule),
            brings,
            ..program
        })
    }

    /// The lines with what shows their effects. They may do as they like with their shell, so they
    /// have one of their own.
    fn framed(&self) -> String {
        format!(
            "#!/bin/sh\n\
             mkdir work && cd work || exit 1\n\
             cat >../case <<'END OF CASE'\n{}END OF CASE\n\
             sh ../case >../out 2>../err\n\
             echo \"status $?\"\n\
             echo '--- output'; cat ../out\n\
             echo '{ERRORS}'; cat ../err\n\
             echo '{FILES}'\n\
             find . ! -name . -exec stat -c '%A %h %s %N' {{}} + | sort -k4\n\
             find . -type f -exec md5sum {{}} + | sort -k2\n",
            self.script
        )
    }
}

/// Writes a file that may be there with the same contents: then its time is kept.
///
/// # Errors
/// Those of writing.
pub fn write_if_new(path: &Path, text: &str) -> Result<()> {
    if fs::read(path).is_ok_and(|old| old == text.as_bytes()) {
        return Ok(());
    }
    let folder = path.parent().context("a file lies in a folder")?;
    fs::create_dir_all(folder)?;
    // Written beside and moved: another run may be reading it.
    let fresh = tempfile::NamedTempFile::new_in(folder)?;
    fs::write(fresh.path(), text)?;
    fs::set_permissions(fresh.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    fresh.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_applet_has_a_case() {
        complete(&all().unwrap(), &applets().unwrap()).unwrap();
    }

    #[test]
    fn a_missing_case_and_an_unknown_one_are_told() {
        let subject = |name: &str| {
            let cases = parse(&format!("#: {name}\ntrue\n")).unwrap();
            [Subject { name: "x".to_owned(), cases }]
        };
        let applets = BTreeSet::from(["cut".to_owned()]);
        complete(&subject("cut:fields"), &applets).unwrap();
        assert!(complete(&subject("paste"), &applets).is_err());
        assert!(complete(&[], &applets).is_err());
    }

    #[test]
    fn headings_say_how_to_compare() {
        let cases = parse("about\n#: a numbers\nx\ny\n#: b needs=disk timeout=5\n").unwrap();
        assert_eq!((cases[0].script.as_str(), cases[0].rule), ("x\ny\n", Rule::Numbers));
        assert_eq!((cases[1].rule, cases[1].timeout), (Rule::Class, Duration::from_secs(5)));
        assert!(parse("#: a needs=luck\n").is_err());
    }
}
