//! The source of Debian's busybox, which holds its tests. apt fetches it from the archives that
//! this machine's packages come from, and checks it against their signatures.

use crate::project;
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The package whose binary the guests have.
const PACKAGE: &str = "busybox-static";

/// A folder with the source of the installed busybox: `upstream`, and Debian's part in `debian`.
/// Fetched at the first call.
///
/// # Errors
/// When the archives cannot be reached or do not have it any more.
pub fn busybox() -> Result<PathBuf> {
    let version = installed("${source:Version}")?;
    let folder = project::target("busybox").join(version.replace(':', "_"));
    if folder.exists() {
        return Ok(folder);
    }
    let parent = project::target("busybox");
    fs::create_dir_all(&parent)?;
    // Another run may be fetching at the same time: work beside, then move.
    let work = tempfile::tempdir_in(&parent)?;
    let package = format!("{}={version}", installed("${source:Package}")?);
    eprintln!("Fetching the source {package} ...");
    fetch(&package, work.path()).with_context(|| {
        format!("busybox's own tests need the source {package} from Debian's archive")
    })?;
    let source = work.path().join("source");
    unpack(&find(work.path(), ".orig.tar.")?, &source.join("upstream"))?;
    unpack(&find(work.path(), ".debian.tar.")?, &source.join("debian"))?;
    match fs::rename(&source, &folder) {
        Err(_) if folder.exists() => {}
        moved => moved?,
    }
    Ok(folder)
}

fn installed(field: &str) -> Result<String> {
    let text = output(Command::new("dpkg-query").args(["-W", "-f", field, PACKAGE]))?;
    ensure!(!text.is_empty(), "{PACKAGE} is not installed: run scripts/setup");
    Ok(text)
}

/// apt with lists of sources of its own, under `folder`: the machine's may have none.
fn fetch(package: &str, folder: &Path) -> Result<()> {
    fs::write(folder.join("sources.list"), archives()?)?;
    fs::create_dir_all(folder.join("lists/partial"))?;
    let apt = |args: &[&str]| {
        let place = |key: &str, name: &str| format!("{key}={}", folder.join(name).display());
        let mut command = Command::new("apt-get");
        command.current_dir(folder).args(["-qq", "-o", "APT::Sandbox::User=root"]);
        command.args(["-o", &place("Dir::Etc::sourcelist", "sources.list")]);
        command.args(["-o", "Dir::Etc::sourceparts=/dev/null"]);
        command.args(["-o", &place("Dir::State::lists", "lists")]);
        command.args(["-o", &place("Dir::Cache", "cache")]).args(args);
        output(&mut command)
    };
    apt(&["-o", "APT::Update::Error-Mode=any", "update"])?;
    apt(&["source", "--download-only", package])?;
    Ok(())
}

/// The lines of a sources.list: where this machine gets its busybox from, but for sources.
fn archives() -> Result<String> {
    let format = "deb-src $(REPO_URI) $(RELEASE) $(COMPONENT)";
    let wanted = ["Created-By: Packages", "Origin: Debian", "Component: main"];
    let mut apt = Command::new("apt-get");
    let lines = output(apt.args(["indextargets", "--format", format]).args(wanted))?;
    if lines.is_empty() {
        bail!("apt knows no archive of Debian's: run scripts/setup --lists");
    }
    Ok(lines)
}

/// Unpacks what lies in the one folder of an archive.
fn unpack(archive: &Path, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let how = match archive.extension().and_then(|extension| extension.to_str()) {
        Some("bz2") => "xjf",
        Some("xz") => "xJf",
        _ => "xzf",
    };
    let mut tar = Command::new("busybox");
    tar.args(["tar", how]).arg(archive).arg("-C").arg(folder);
    output(tar.args(["--strip-components", "1"]))?;
    Ok(())
}

fn find(folder: &Path, part: &str) -> Result<PathBuf> {
    let entries = fs::read_dir(folder)?;
    let mut paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths
        .find(|path| path.to_string_lossy().contains(part))
        .with_context(|| format!("the source has no file *{part}*"))
}

/// What a command prints, without blanks at its ends.
fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    if !output.status.success() {
        bail!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
