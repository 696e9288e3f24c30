//! busybox's own tests, from Debian's source package: each `NAME.tests` file and each folder
//! `NAME/` of its `testsuite` is one program, `busybox/NAME`, and each folder of its tests of the
//! shell, `busybox/ash-...`. What passes on Linux must pass here ([`Rule::Passes`]).
//!
//! The guest has the suite at `/busybox`, with the configuration that Debian builds with; the
//! suite leaves out what that configuration has not.

use crate::applets::write_if_new;
use crate::program::{self, Build, Program};
use crate::rule::Rule;
use anyhow::{Context, Result, ensure};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use xtask::{project, source};

/// Where the guest has the suite.
const GUEST: &str = "/busybox";
/// Needs the source code and its build, not a running busybox.
const OF_THE_SOURCE: &str = "all_sourcecode";
/// Helpers that the tests of the shell call, compiled from the source.
const HELPERS: [&str; 3] = ["printenv", "recho", "zecho"];
/// How long one program may take.
const LIMIT: Duration = Duration::from_secs(240);

/// The programs; the source is fetched if it is not here.
///
/// # Errors
/// When the source cannot be fetched.
pub fn all() -> Result<Vec<Program>> {
    let folder = prepared()?;
    let mut programs = Vec::new();
    for name in subjects(&folder.join("testsuite"))? {
        // A verbose run says why something fails, but too much for the serial line.
        let script = format!(
            "#!/bin/sh\n\
             cp -r {GUEST} . && cd busybox/testsuite || exit 1\n\
             sh ./runtest -v {name} >said 2>&1\n\
             grep '^[A-Z]*: ' said; echo '--- and at last:'; tail -n 40 said\n"
        );
        programs.push(program(&name, &script, &folder)?);
    }
    for name in names(&folder.join("ash_test"), |path| path.is_dir())? {
        // Its own words for the two ends become those of the other tests.
        let script = format!(
            "#!/bin/sh\n\
             cp -r {GUEST} . && cd busybox/ash_test || exit 1\n\
             sh ./run-all {name} 2>&1 |\n\
             sed 's/^\\(.*\\): ok$/PASS: \\1/; s/^\\(.*\\): fail$/FAIL: \\1/'\n\
             cat *.fail 2>/dev/null\n\
             exit 0\n"
        );
        programs.push(program(&name, &script, &folder)?);
    }
    Ok(programs)
}

/// The folder that the guest gets, put together from the source at the first call.
fn prepared() -> Result<PathBuf> {
    let source = source::busybox()?;
    let folder = source.join("guest");
    if folder.exists() {
        return Ok(folder);
    }
    let work = tempfile::tempdir_in(&source)?;
    let tests = work.path().join("ash_test");
    copy(&source.join("upstream/testsuite"), work.path())?;
    copy(&source.join("upstream/shell/ash_test"), work.path())?;
    for (link, place) in [("busybox", work.path()), ("ash", &tests)] {
        std::os::unix::fs::symlink("/bin/busybox", place.join(link))?;
        fs::copy(source.join("debian/config/pkg/static"), place.join(".config"))?;
    }
    for helper in HELPERS {
        let source = tests.join(helper).with_extension("c");
        program::compile(&source, &tests.join(helper), Build::Foreign)?;
    }
    match fs::rename(work.path(), &folder) {
        Err(_) if folder.exists() => {}
        moved => moved?,
    }
    Ok(folder)
}

/// cp(1) keeps links and modes.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let status = Command::new("cp").arg("-a").arg(from).arg(to).status()?;
    ensure!(status.success(), "cp -a {}: {status}", from.display());
    Ok(())
}

fn program(name: &str, script: &str, folder: &Path) -> Result<Program> {
    let name = format!("busybox/{name}");
    let source = project::target("guest/scripts").join(&name);
    write_if_new(&source, script)?;
    let brings = vec![(folder.to_owned(), GUEST.to_owned())];
    let oracle = Some(Rule::Passes);
    let program = Program::script(name, source);
    Ok(Program { smp: vec![1], timeout: LIMIT, oracle, brings, ..program })
}

/// The subjects of the suite, each told by a file or a folder or both.
fn subjects(suite: &Path) -> Result<BTreeSet<String>> {
    let mut all = names(suite, |path| path.is_dir())?;
    let files = names(suite, |path| path.extension().is_some_and(|it| it == "tests"))?;
    all.extend(files.iter().filter_map(|name| Some(name.strip_suffix(".tests")?.to_owned())));
    all.remove(OF_THE_SOURCE);
    Ok(all)
}

fn names(folder: &Path, wanted: impl Fn(&Path) -> bool) -> Result<BTreeSet<String>> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<PathBuf>>>()?;
    let name = |path: PathBuf| Some(path.file_name()?.to_str()?.to_owned());
    Ok(paths.into_iter().filter(|path| wanted(path)).filter_map(name).collect())
}
