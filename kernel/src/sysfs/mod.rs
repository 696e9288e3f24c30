//! `/sys`: the devices of the machine as directories (sysfs(5), `fs/sysfs`, `drivers/base`).
//!
//! The tree is drafted once, when it is first mounted, from the tables of what there is
//! ([`devices`], [`cpus`]); nothing comes or goes later. [`draft`] is how a tree is written down,
//! [`node`] what it becomes, [`attribute`] an open file.

mod attribute;
mod cpus;
mod devices;
mod draft;
mod node;

use alloc::{boxed::Box, sync::Arc};
use core::{
    fmt,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use abi::{
    Result, Wire,
    fs::{NAME_MAX, SYSFS_MAGIC, Statfs},
};

use self::{draft::Draft, node::Node};
use crate::{
    fs::{
        inode::{FileSystem, Inode, MountArgs},
        superblock::FsType,
    },
    process::Kernel,
};

/// Directories that are there with or without anything in them.
const TOP: [&str; 10] =
    ["block", "bus", "class", "dev", "devices", "firmware", "fs", "kernel", "module", "power"];

/// The kind of file system: one for all mounts.
pub fn kind(kernel: &'static Kernel) -> FsType {
    FsType::single("sysfs", false, move |args| mount(kernel, args))
}

fn mount(kernel: &'static Kernel, args: &MountArgs) -> Result<Box<dyn FileSystem>> {
    let mut top = Draft::dir();
    for name in TOP {
        top.at(name);
    }
    let uevents = Arc::new(Uevents::default());
    devices::add(&mut top, kernel, &uevents);
    cpus::add(&mut top, kernel, &uevents);
    let told = uevents.clone();
    let seqnum = move |out: &mut dyn fmt::Write| writeln!(out, "{}", told.0.load(Relaxed));
    top.file("kernel/uevent_seqnum", seqnum);
    Ok(Box::new(SysFs { root: top.build(args)? }))
}

/// Events that a program had told anew by writing to a `uevent` file; they are counted, and nobody
/// listens.
#[derive(Default)]
struct Uevents(AtomicU64);

impl Uevents {
    /// Takes the word of an action (`kobject_synth_uevent`). `EINVAL` for any other.
    fn tell(&self, text: &[u8]) -> Result<()> {
        const ACTIONS: [&[u8]; 8] =
            [b"add", b"remove", b"change", b"move", b"online", b"offline", b"bind", b"unbind"];
        if !ACTIONS.contains(&text.trim_ascii_end()) {
            return Err(abi::errno::EINVAL);
        }
        self.0.fetch_add(1, Relaxed);
        Ok(())
    }
}

struct SysFs {
    root: Arc<Node>,
}

impl FileSystem for SysFs {
    fn root(&self) -> Arc<dyn Inode> {
        self.root.clone()
    }

    fn statfs(&self) -> Statfs {
        Statfs {
            f_type: SYSFS_MAGIC as i64,
            f_bsize: 4096,
            f_frsize: 4096,
            f_namelen: NAME_MAX as i64,
            ..Statfs::ZERO
        }
    }

    fn show_options(&self, _out: &mut dyn fmt::Write) -> fmt::Result {
        Ok(())
    }
}
