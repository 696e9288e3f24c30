//! The reference kernel: Debian's Linux 6.1 for the cloud, taken out of its package without
//! installing it.

use crate::project;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Reference Linux: the newest Debian kernel of this series is taken.
const SERIES: &str = "linux-image-6.1";

/// The reference kernel's file, fetched at the first call.
///
/// # Errors
/// When Debian's archive does not have it or cannot be reached.
pub fn kernel() -> Result<PathBuf> {
    let folder = project::target("linux");
    if let Some(kernel) = cached(&folder) {
        return Ok(kernel);
    }
    // apt-get works in the current folder, and another run may be fetching at the same time: work
    // beside, then move the one file into its place.
    fs::create_dir_all(&folder)?;
    let work = tempfile::tempdir_in(&folder)?;
    if let Err(why) = download(work.path()) {
        // The lists may be missing, or so old that the package has been replaced.
        eprintln!("{why:#}");
        run(Command::new(project::root().join("scripts/setup")).arg("--lists"))?;
        download(work.path())?;
    }
    let deb = find(work.path(), "", ".deb")?;
    let tree = work.path().join("tree");
    run(Command::new("dpkg").arg("-x").arg(deb).arg(&tree))?;
    let kernel = find(&tree.join("boot"), "vmlinuz-", "-cloud-amd64")?;
    let name = kernel.file_name().context("a kernel has a name")?;
    fs::rename(&kernel, folder.join(name))?;
    cached(&folder).context("the kernel has just been put there")
}

fn download(folder: &Path) -> Result<()> {
    let package = newest_package()?;
    eprintln!("Fetching the reference kernel, {package} ...");
    run(Command::new("apt-get").args(["download", "-qq", &package]).current_dir(folder))
}

fn cached(folder: &Path) -> Option<PathBuf> {
    let names = fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    names.filter(|path| named(path).starts_with("vmlinuz-")).max()
}

/// The name of the newest cloud kernel package of the series, signed or not.
fn newest_package() -> Result<String> {
    let output = Command::new("apt-cache").args(["search", "--names-only", SERIES]).output()?;
    let list = String::from_utf8(output.stdout)?;
    let names = list.lines().filter_map(|line| line.split(' ').next());
    let kernels = names.filter(|name| {
        let name = name.trim_end_matches("-unsigned");
        name.starts_with(&format!("{SERIES}.")) && name.ends_with("-cloud-amd64")
    });
    // "linux-image-6.1.0-NN-cloud-amd64": NN tells the age; of equals, the signed one.
    let age = |name: &str| name.split('-').nth(3).and_then(|n| n.parse::<u32>().ok());
    kernels
        .max_by_key(|name| (age(name), !name.ends_with("-unsigned")))
        .map(str::to_owned)
        .with_context(|| format!("no {SERIES}*-cloud-amd64 known to apt: is this Debian 12?"))
}

fn find(folder: &Path, start: &str, end: &str) -> Result<PathBuf> {
    let entries = fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    let mut paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths
        .find(|path| named(path).starts_with(start) && named(path).ends_with(end))
        .with_context(|| format!("no {start}*{end} in {}", folder.display()))
}

fn named(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    if !output.status.success() {
        bail!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
