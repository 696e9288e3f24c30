//! The initramfs trees: what every guest finds, and what makes one a harness or an interactive
//! guest.

use crate::{elf, project};
use anyhow::{Context, Result, bail};
use initramfs::{Kind, Meta, Node, Tree};
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

/// Folders beside those that hold a file: path and mode.
const FOLDERS: [(&str, u32); 11] = [
    ("/mnt", 0o755),
    ("/proc", 0o555),
    ("/root", 0o700),
    ("/run", 0o755),
    ("/srv", 0o755),
    ("/sys", 0o555),
    ("/tmp", 0o1777),
    ("/usr/lib", 0o755),
    ("/usr/local/bin", 0o755),
    ("/var/log", 0o755),
    ("/var/tmp", 0o1777),
];

/// What not everybody may read or what is not root's, where the rest of `initramfs/root` is 0644
/// or, when it can be executed, 0755: path, mode, owner and group.
const GUARDED: [(&str, u32, u32); 4] = [
    ("/etc/shadow", 0o640, 0),
    ("/home/user", 0o750, 1000),
    ("/var/spool/cron/crontabs", 0o700, 0),
    ("/var/spool/cron/crontabs/root", 0o600, 0),
];

/// A small Unix: the files of `initramfs/root`, Debian's busybox as it is with a link for each of
/// its applets, device nodes.
///
/// # Errors
/// When busybox is not installed or the repository is not whole.
pub fn base() -> Result<Tree> {
    let mut tree = Tree::new();
    copy_root(&mut tree)?;
    for (path, mode) in FOLDERS {
        tree.dir(path, mode);
    }
    for (path, mode, major, minor) in DEVICES {
        tree.char_device(path, mode, major, minor);
    }
    tree.symlink("/dev/fd", "/proc/self/fd");
    let busybox = Path::new("/bin/busybox");
    tree.copy(busybox, "/bin/busybox").context("busybox: run scripts/setup")?;
    // login, passwd and su need root's rights whoever calls them; busybox itself drops them for
    // every other applet.
    set_mode(&mut tree, "/bin/busybox", 0o4755, 0);
    let list = Command::new(busybox).arg("--list-full").output()?;
    for applet in String::from_utf8(list.stdout)?.lines() {
        let path = format!("/{applet}");
        if tree.get(&path).is_none() {
            tree.symlink(&path, "/bin/busybox");
        }
    }
    Ok(tree)
}

/// Copies `initramfs/root`. A working copy keeps of a file's mode only whether it can be executed.
fn copy_root(tree: &mut Tree) -> Result<()> {
    tree.copy(&project::root().join("initramfs/root"), "/")?;
    let plain = |node: &Node| if node.meta.mode & 0o111 == 0 { 0o644 } else { 0o755 };
    let nodes: Vec<(String, u32)> =
        tree.iter().map(|(path, node)| (format!("/{path}"), plain(node))).collect();
    for (path, mode) in nodes {
        set_mode(tree, &path, mode, 0);
    }
    tree.dir("/home/user", 0o755);
    for (path, mode, owner) in GUARDED {
        set_mode(tree, path, mode, owner);
    }
    Ok(())
}

/// Gives what lies at `path` another mode, and an owner with a group of the same number. Links
/// have no mode of their own.
fn set_mode(tree: &mut Tree, path: &str, mode: u32, owner: u32) {
    let node = tree.get(path).filter(|node| !matches!(node.kind, Kind::Symlink(_)));
    if let Some(mut node) = node.cloned() {
        node.meta = Meta { mode, uid: owner, gid: owner, ..node.meta };
        tree.add(path, node);
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_whole_and_guarded() {
        let tree = base().unwrap();
        let mode = |path: &str| tree.get(path).map(|node| (node.meta.mode, node.meta.uid));
        assert_eq!(mode("/bin/busybox"), Some((0o4755, 0)));
        assert_eq!(mode("/etc/shadow"), Some((0o640, 0)));
        assert_eq!(mode("/etc/passwd"), Some((0o644, 0)));
        assert_eq!(mode("/etc/init.d/rcS"), Some((0o755, 0)));
        assert_eq!(mode("/home/user"), Some((0o750, 1000)));
        assert_eq!(mode("/tmp"), Some((0o1777, 0)));
        let link = |path: &str| match tree.get(path).map(|node| &node.kind) {
            Some(Kind::Symlink(target)) => target.clone(),
            other => panic!("{path} is {other:?}"),
        };
        assert_eq!(link("/init"), "/sbin/init");
        assert_eq!(link("/var/run"), "/run");
        for applet in ["/bin/sh", "/bin/login", "/sbin/init", "/usr/bin/passwd", "/usr/sbin/crond"]
        {
            assert_eq!(link(applet), "/bin/busybox");
        }
    }
}
