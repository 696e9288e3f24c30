//! Builds the kernel image.

use crate::project;
use crate::toolchain::{TARGET, Way};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::PathBuf;

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

/// Builds the kernel and puts it at [`project::kernel`]; `quiet` leaves only errors of cargo's
/// messages. All messages go to standard error.
///
/// # Errors
/// When it does not compile, or something for compiling is missing.
pub fn kernel(profile: Profile, quiet: bool) -> Result<PathBuf> {
    let way = Way::chosen();
    let mut cargo = way.cargo();
    cargo.args(["build", "--package", "kernel", "--bin", "eclipse"]);
    cargo.args(["--profile", profile.name()]).arg("--target-dir").arg(project::target(""));
    if quiet {
        cargo.arg("--quiet");
    }
    way.for_target(&mut cargo);
    // Standard input may belong to a program that is about to run.
    cargo.stdin(std::process::Stdio::null());
    let status = cargo.status().context("cargo: run scripts/setup")?;
    if !status.success() {
        bail!("the kernel does not build");
    }
    let built = project::target(TARGET).join(profile.name()).join("eclipse");
    let place = project::kernel();
    // Moved into place whole: a machine may be booting the old one right now.
    let fresh = tempfile::Builder::new().tempfile_in(project::target(""))?;
    fs::copy(&built, fresh.path()).with_context(|| built.display().to_string())?;
    fs::rename(fresh.into_temp_path(), &place)?;
    Ok(place)
}
