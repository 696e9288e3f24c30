//! The initramfs trees: what every guest finds, and what makes one a harness or an interactive
//! guest.

use crate::{elf, project};
use anyhow::{Context, Result, bail};
use initramfs::{Kind, Tree};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Where names of programs are looked up in the guest.
pub const GUEST_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Device nodes for a kernel without devtmpfs: path, mode, major, minor (Linux:
/// `Documentation/admin-guide/devices.txt`).
const DEVICES: [(&str, u32, u32, u32); 10] = [
    ("/dev/console", 0o600, 5, 1),
    ("/dev/full", 0o666, 1, 7),
    ("/dev/kmsg", 0o644, 1, 11),
    ("/dev/null", 0o666, 1, 3),
    ("/dev/random", 0o666, 1, 8),
    ("/dev/tty", 0o666, 5, 0),
    ("/dev/ttyS0", 0o600, 4, 64),
    ("/dev/ttyS1", 0o600, 4, 65),
    ("/dev/urandom", 0o666, 1, 9),
    ("/dev/zero", 0o666, 1, 5),
];

/// A small Unix: Debian's busybox with a link for each of its applets, `/etc`, device nodes.
///
/// # Errors
/// When busybox is not installed or the repository is not whole.
pub fn base() -> Result<Tree> {
    let mut tree = Tree::new();
    tree.copy(&project::root().join("initramfs/root"), "/")?;
    for folder in ["/dev", "/mnt", "/proc", "/run", "/sys", "/usr/lib", "/var/log"] {
        tree.dir(folder, 0o755);
    }
    tree.dir("/", 0o755);
    tree.dir("/root", 0o700);
    tree.dir("/tmp", 0o1777);
    tree.dir("/var/tmp", 0o1777);
    for (path, mode, major, minor) in DEVICES {
        tree.char_device(path, mode, major, minor);
    }
    tree.symlink("/dev/fd", "/proc/self/fd");
    let busybox = Path::new("/bin/busybox");
    tree.copy(busybox, "/bin/busybox").context("busybox: run scripts/setup")?;
    let list = Command::new(busybox).arg("--list-full").output()?;
    for applet in String::from_utf8(list.stdout)?.lines() {
        let path = format!("/{applet}");
        if tree.get(&path).is_none() {
            tree.symlink(&path, "/bin/busybox");
        }
    }
    Ok(tree)
}

/// One program for the guest runner to run.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// The guest path that is executed.
    pub path: String,
    /// The working directory.
    pub cwd: String,
    /// The arguments, the name first.
    pub argv: Vec<String>,
    /// The environment, `NAME=VALUE`.
    pub env: Vec<String>,
}

/// Makes `tree` a harness guest: its `/init` is the runner, which runs `program`.
///
/// # Errors
/// When the runner cannot be compiled, or an item holds a NUL.
pub fn add_runner(tree: &mut Tree, program: &Program) -> Result<()> {
    tree.copy(&runner()?, "/init")?;
    let argc = program.argv.len().to_string();
    let mut text = Vec::new();
    let head = [&program.path, &program.cwd, &argc];
    for item in head.into_iter().chain(&program.argv).chain(&program.env) {
        if item.contains('\0') {
            bail!("{item:?} holds a NUL");
        }
        text.extend_from_slice(item.as_bytes());
        text.push(0);
    }
    tree.file("/.exec", 0o600, text);
    Ok(())
}

/// Compiles the guest runner if its source is newer than the last result.
fn runner() -> Result<std::path::PathBuf> {
    compile(&project::root().join("initramfs/runner/runner.c"), "runner", "-Os")
}

/// Compiles one C file into a static program under `target/guest/`, if it is not there already.
///
/// # Errors
/// When musl's compiler is not installed or refuses the file.
pub fn compile(source: &Path, name: &str, optimise: &str) -> Result<std::path::PathBuf> {
    let program = project::target("guest").join(name);
    let time = |path: &Path| fs::metadata(path).and_then(|info| info.modified());
    let source_time = time(source).with_context(|| source.display().to_string())?;
    if time(&program).is_ok_and(|built| built > source_time) {
        return Ok(program);
    }
    fs::create_dir_all(project::target("guest"))?;
    // Compiled beside and moved: another run may be using, or making, the same file.
    let work = tempfile::tempdir_in(project::target("guest"))?;
    let fresh = work.path().join(name);
    let output = Command::new("musl-gcc")
        .args(["-static", "-Wall", "-Wextra", "-Werror", optimise, "-o"])
        .arg(&fresh)
        .arg(source)
        .output()
        .context("musl-gcc: run scripts/setup")?;
    if !output.status.success() {
        bail!("musl-gcc {}:\n{}", source.display(), String::from_utf8_lossy(&output.stderr));
    }
    fs::rename(&fresh, &program)?;
    Ok(program)
}

/// Copies a file or folder of this machine into the guest. A dynamic program brings the
/// interpreter and the shared libraries it names.
///
/// # Errors
/// Those of reading the files; a library that is not found.
pub fn add_host(tree: &mut Tree, host: &Path, guest: &str) -> Result<()> {
    tree.copy(host, guest).with_context(|| format!("copying {}", host.display()))?;
    if host.is_file() {
        for library in elf::needs(host)? {
            let path = library.to_str().context("a library's path is UTF-8")?;
            tree.copy(&library, path)?;
        }
    }
    Ok(())
}

/// The guest path of a program given as the user gave it, and what must be copied for it: a name
/// is looked up in the guest's `PATH`; a path is a file of this machine, brought in at its
/// absolute path, or else one of the guest's. None when there is no such program.
#[must_use]
pub fn resolve(tree: &Tree, command: &str) -> Option<(String, Option<std::path::PathBuf>)> {
    let in_guest = |path: &str| {
        tree.get(path).is_some_and(|node| matches!(node.kind, Kind::File(_) | Kind::Symlink(_)))
    };
    if !command.contains('/') {
        let mut places = GUEST_PATH.split(':').map(|folder| format!("{folder}/{command}"));
        if let Some(place) = places.find(|place| in_guest(place)) {
            return Some((place, None));
        }
    }
    if Path::new(command).is_file() {
        let host = fs::canonicalize(Path::new(command).parent()?.join("."));
        let host = host.ok()?.join(Path::new(command).file_name()?);
        // The name as given, when it is plain and absolute: busybox looks at argv[0], and a link
        // such as /bin stays what the user called it.
        let plain = command.starts_with('/') && !command.contains("/.") && !command.contains("//");
        let guest = if plain { command.to_owned() } else { host.to_str()?.to_owned() };
        return Some((guest, Some(host)));
    }
    in_guest_path(command).filter(|path| in_guest(path)).map(|path| (path, None))
}

fn in_guest_path(command: &str) -> Option<String> {
    let plain = command.starts_with('/') && !command.contains("/.") && !command.contains("//");
    plain.then(|| command.to_owned())
}
