//! `mounts`: the mounts that a process sees (`fs/proc_namespace.c`).

use super::{ProcCx, Task, Text};
use crate::fs::Caller;
use crate::fs::mount::Mount;
use crate::fs::path::Path;
use abi::Result;
use abi::errno::{EINVAL, EIO};
use abi::fs::MountFlags;
use alloc::sync::Arc;

/// The flags of a mount, as options show them.
const FLAGS: [(MountFlags, &str); 7] = [
    (MountFlags::NOSUID, ",nosuid"),
    (MountFlags::NODEV, ",nodev"),
    (MountFlags::NOEXEC, ",noexec"),
    (MountFlags::NOATIME, ",noatime"),
    (MountFlags::NODIRATIME, ",nodiratime"),
    (MountFlags::RELATIME, ",relatime"),
    (MountFlags::NOSYMFOLLOW, ",nosymfollow"),
];

/// Characters that end a field.
const SPECIAL: &[u8] = b" \t\n\\#";

/// One that has ended has no mounts any more: `EINVAL` on opening.
pub fn guard(cx: &ProcCx<Task>, _c: &Caller) -> Result<()> {
    cx.target.parts()?.map(drop).ok_or(EINVAL)
}

/// `mounts`. Keys are the ids of mounts, which rise as they come.
pub fn mounts(cx: &ProcCx<Task>, from: u64, out: &mut Text) -> Result<Option<u64>> {
    let Some(parts) = cx.target.parts()? else { return Ok(None) };
    let fs = parts.fs;
    let root = fs.root();
    for mount in fs.mounts.list()?.iter().filter(|mount| u64::from(mount.id) >= from) {
        if out.is_full() {
            return Ok(Some(mount.id.into()));
        }
        line(mount, &root, out)?;
    }
    Ok(None)
}

fn line(mount: &Arc<Mount>, root: &Path, out: &mut Text) -> Result<()> {
    let top = Path { mount: mount.clone(), dentry: mount.root().clone() };
    let place = top.text(root)?;
    // Outside of what the process can reach.
    if !place.starts_with(b"/") {
        return Ok(());
    }
    out.escaped(&mount.source, SPECIAL)?;
    out.bytes(b" ")?;
    out.escaped(&place, SPECIAL)?;
    let flags = mount.flags();
    let access = if flags.has(MountFlags::RDONLY) { "ro" } else { "rw" };
    write!(out, " {} {access}", mount.sb().kind)?;
    for (_, word) in FLAGS.iter().filter(|(flag, _)| flags.has(*flag)) {
        write!(out, "{word}")?;
    }
    mount.sb().fs.show_options(out).map_err(|_| EIO)?;
    writeln!(out, " 0 0")
}
