//! What `/proc/PID/mounts`, `mountinfo` and `mountstats` say of a mount
//! (`fs/proc_namespace.c`).

use super::{Mount, Namespace};
use crate::fs::path::Path;
use abi::Result;
use abi::fs::MountFlags;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::{self, Write};

/// Per-mount flags in the order in which they are shown.
const MOUNT_WORDS: [(MountFlags, &str); 7] = [
    (MountFlags::NOSUID, ",nosuid"),
    (MountFlags::NODEV, ",nodev"),
    (MountFlags::NOEXEC, ",noexec"),
    (MountFlags::NOATIME, ",noatime"),
    (MountFlags::NODIRATIME, ",nodiratime"),
    (MountFlags::RELATIME, ",relatime"),
    (MountFlags::NOSYMFOLLOW, ",nosymfollow"),
];

/// The same for flags of the file system.
const FS_WORDS: [(MountFlags, &str); 4] = [
    (MountFlags::SYNCHRONOUS, ",sync"),
    (MountFlags::DIRSYNC, ",dirsync"),
    (MountFlags::MANDLOCK, ",mand"),
    (MountFlags::LAZYTIME, ",lazytime"),
];

fn show(out: &mut dyn Write, flags: MountFlags, words: &[(MountFlags, &str)]) -> fmt::Result {
    words.iter().filter(|(flag, _)| flags.has(*flag)).try_for_each(|(_, word)| out.write_str(word))
}

fn access(read_only: bool) -> &'static str {
    if read_only { "ro" } else { "rw" }
}

/// The ties of a mount as `mountinfo` shows them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// `shared:N`
    pub shared: Option<u32>,
    /// `master:N`
    pub master: Option<u32>,
    /// `propagate_from:N`, where the master itself cannot be seen.
    pub propagate_from: Option<u32>,
    /// `unbindable`
    pub unbindable: bool,
}

impl Mount {
    /// Identity of what it is mounted on; its own at the root of all.
    pub fn parent_id(&self) -> u32 {
        self.place().map_or(self.id, |place| place.mount.id)
    }

    /// Which directory or file of its file system it shows: a path from the top of that.
    pub fn root_text(&self) -> Result<Vec<u8>> {
        self.root().text()
    }

    /// `rw,nosuid,…`: the options of the mount alone, as in `mountinfo`.
    pub fn show_mount(&self, out: &mut dyn Write) -> fmt::Result {
        let flags = self.flags();
        out.write_str(access(flags.has(MountFlags::RDONLY)))?;
        show(out, flags, &MOUNT_WORDS)
    }

    /// `rw,sync,size=…`: the options of the file system, as at the end of a line of `mountinfo`.
    pub fn show_super(&self, out: &mut dyn Write) -> fmt::Result {
        out.write_str(access(self.sb().is_read_only()))?;
        show(out, self.sb().flags(), &FS_WORDS)?;
        self.sb().fs.show_options(out)
    }

    /// All options in one, as in `mounts`.
    pub fn show_all(&self, out: &mut dyn Write) -> fmt::Result {
        out.write_str(access(self.is_read_only()))?;
        show(out, self.sb().flags(), &FS_WORDS)?;
        show(out, self.flags(), &MOUNT_WORDS)?;
        self.sb().fs.show_options(out)
    }
}

impl Namespace {
    /// The ties of `mount`, as someone sees them whose root is `root`.
    pub fn show_ties(&self, mount: &Mount, root: &Path) -> Shown {
        let _mounts = self.mounts.lock();
        let ties = mount.ties();
        let mut shown = Shown {
            shared: ties.group.map(|group| group.id()),
            master: ties.master.as_ref().map(|master| master.id()),
            propagate_from: None,
            unbindable: ties.unbindable,
        };
        let mut above = ties.master;
        while let Some(group) = above {
            let peers = group.peers();
            if peers.iter().any(|peer| is_seen(peer, root)) {
                shown.propagate_from = Some(group.id()).filter(|id| shown.master != Some(*id));
                break;
            }
            above = peers.first().and_then(|peer| peer.ties().master);
        }
        shown
    }
}

/// Whether `mount` is in the tree and below `root`.
fn is_seen(mount: &Arc<Mount>, root: &Path) -> bool {
    let top = Path { mount: mount.clone(), dentry: mount.root().clone() };
    mount.in_tree() && super::tree::is_reachable(&top, root)
}
