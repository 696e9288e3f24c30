//! Builds the kernel image, and the page that says which system calls it has.

use crate::project;
use crate::symbols;
use crate::toolchain::{TARGET, Way};
use anyhow::{Context, Result, bail};
use indicatif::ProgressBar;
use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

/// How the kernel is optimised and checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// For use and for measuring.
    #[default]
    Release,
    /// Optimised, yet with assertions, overflow checks and lock ranks.
    Checked,
}

impl Profile {
    fn name(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Checked => "checked",
        }
    }
}

/// How much is told while building. All of it goes to standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tell {
    /// What cargo tells.
    All,
    /// Only why it failed: the output of a program is to follow. A terminal sees that something
    /// goes on.
    Failure,
}

/// Builds the kernel and puts it at [`project::kernel`], and the same with what debuggers read at
/// [`project::kernel_with_symbols`].
///
/// # Errors
/// When it does not compile, or something for compiling is missing.
pub fn kernel(profile: Profile, tell: Tell) -> Result<PathBuf> {
    let linked = image(&["--package", "kernel", "--bin", "eclipse"], "eclipse", profile, tell)?;
    put(&project::kernel_with_symbols(), &linked)?;
    bootable(&linked, project::kernel())
}

/// Builds the hal's self-test, which boots like the kernel.
///
/// # Errors
/// As [`kernel`].
pub fn selftest(profile: Profile, tell: Tell) -> Result<PathBuf> {
    let example = ["--package", "hal", "--example", "selftest"];
    let linked = image(&example, "examples/selftest", profile, tell)?;
    bootable(&linked, project::target("selftest"))
}

/// Builds one program for bare metal and reads it from its place in the profile's folder.
fn image(what: &[&str], name: &str, profile: Profile, tell: Tell) -> Result<Vec<u8>> {
    let way = Way::chosen();
    let mut cargo = way.cargo();
    cargo.arg("build").args(what).args(["--profile", profile.name()]);
    cargo.arg("--target-dir").arg(project::target(""));
    way.for_target(&mut cargo);
    // Standard input may belong to a program that is about to run.
    cargo.stdin(Stdio::null());
    let ok = match tell {
        Tell::All => cargo.status().context("cargo: run scripts/setup")?.success(),
        Tell::Failure => {
            // indicatif draws nothing where standard error is no terminal.
            let spinner = ProgressBar::new_spinner().with_message("building the kernel");
            spinner.enable_steady_tick(Duration::from_millis(200));
            let output = cargo.output().context("cargo: run scripts/setup")?;
            spinner.finish_and_clear();
            if !output.status.success() {
                io::stderr().write_all(&output.stderr)?;
            }
            output.status.success()
        }
    };
    if !ok {
        bail!("the kernel does not build");
    }
    let linked = project::target(TARGET).join(profile.name()).join(name);
    fs::read(&linked).with_context(|| linked.display().to_string())
}

/// Puts the bootable form of a linked image into its place.
fn bootable(linked: &[u8], place: PathBuf) -> Result<PathBuf> {
    let image = symbols::bootable(linked).context("making the kernel bootable")?;
    put(&place, &image)?;
    Ok(place)
}

/// Writes `docs/syscalls.md` from the kernel's table of system calls.
///
/// # Errors
/// When the kernel does not compile for this machine.
pub fn coverage_page() -> Result<PathBuf> {
    let mut cargo = Way::chosen().cargo();
    cargo.args(["run", "--quiet", "--package", "kernel", "--example", "syscalls"]);
    cargo.arg("--target-dir").arg(project::target("")).stderr(Stdio::inherit());
    let page = cargo.output().context("cargo: run scripts/setup")?;
    anyhow::ensure!(page.status.success(), "the table cannot be read");
    let place = project::root().join("docs/syscalls.md");
    fs::write(&place, page.stdout)?;
    Ok(place)
}

/// Moves a file into its place whole: a machine may be booting the old one right now.
fn put(place: &Path, bytes: &[u8]) -> Result<()> {
    let readable = Permissions::from_mode(0o644);
    let mut fresh =
        tempfile::Builder::new().permissions(readable).tempfile_in(project::target(""))?;
    fresh.write_all(bytes)?;
    fs::rename(fresh.into_temp_path(), place)?;
    Ok(())
}
