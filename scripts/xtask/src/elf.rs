//! The shared libraries that a program of this machine needs, found as its dynamic linker would
//! find them (ld.so(8)): `DT_RPATH`, `DT_RUNPATH`, then the linker's own folders.

use anyhow::{Context, Result, bail};
use goblin::elf::Elf;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Where Debian's glibc looks without a cache.
const GLIBC_FOLDERS: [&str; 4] =
    ["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib", "/usr/lib"];
/// Where musl looks when `/etc/ld-musl-x86_64.path` says nothing else.
const MUSL_FOLDERS: [&str; 3] = ["/lib", "/usr/local/lib", "/usr/lib"];

/// The interpreter and all libraries, direct and indirect, that `program` names; nothing for a
/// static program or a file that is no ELF.
///
/// # Errors
/// When a file cannot be read or a library is not found.
pub fn needs(program: &Path) -> Result<Vec<PathBuf>> {
    let mut found = BTreeSet::new();
    let mut open = vec![program.to_owned()];
    let mut folders: &[&str] = &GLIBC_FOLDERS;
    while let Some(path) = open.pop() {
        let bytes = fs::read(&path).with_context(|| path.display().to_string())?;
        if !bytes.starts_with(b"\x7fELF") {
            continue;
        }
        let elf = Elf::parse(&bytes).with_context(|| path.display().to_string())?;
        if let Some(interpreter) = elf.interpreter {
            if interpreter.contains("ld-musl") {
                folders = &MUSL_FOLDERS;
            }
            found.insert(PathBuf::from(interpreter));
        }
        for name in &elf.libraries {
            // musl's libc is its dynamic linker.
            if folders == MUSL_FOLDERS && *name == "libc.so" {
                continue;
            }
            let library = find(name, &path, &elf, folders)?;
            if found.insert(library.clone()) {
                open.push(library);
            }
        }
    }
    Ok(found.into_iter().collect())
}

fn find(name: &str, user: &Path, elf: &Elf, folders: &[&str]) -> Result<PathBuf> {
    if name.contains('/') {
        return Ok(PathBuf::from(name));
    }
    let origin = user.parent().unwrap_or(Path::new("/")).to_string_lossy();
    let own = elf.rpaths.iter().chain(&elf.runpaths).flat_map(|paths| paths.split(':'));
    let own = own.map(|path| path.replace("${ORIGIN}", &origin).replace("$ORIGIN", &origin));
    let places = own.chain(folders.iter().map(|folder| (*folder).to_owned()));
    let Some(place) =
        places.map(|folder| Path::new(&folder).join(name)).find(|path| path.is_file())
    else {
        bail!("{} needs {name}, which is not installed here", user.display());
    };
    // A path such as /a/bin/../lib is written plainly; links stay, for the guest looks there, too.
    if place.components().any(|part| part.as_os_str() == "..") {
        return Ok(place.parent().context("a folder")?.canonicalize()?.join(name));
    }
    Ok(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dynamic_program_needs_its_interpreter_and_libc() {
        // This very test is a dynamic program.
        let needs = needs(&std::env::current_exe().unwrap()).unwrap();
        let has = |part: &str| needs.iter().any(|path| path.to_string_lossy().contains(part));
        assert!(has("ld-linux-x86-64.so.2") && has("libc.so.6"), "{needs:?}");
        assert!(needs.iter().all(|path| path.is_absolute() && path.exists()));
    }

    #[test]
    fn what_is_not_dynamic_needs_nothing() {
        assert!(needs(Path::new("/etc/passwd")).unwrap().is_empty());
    }
}
