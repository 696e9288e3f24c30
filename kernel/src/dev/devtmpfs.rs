//! devtmpfs: a node for every device of the machine, in a tree that is shared by all its mounts
//! and that programs may change like any tmpfs (`drivers/base/devtmpfs.c`).

use alloc::boxed::Box;

use abi::Result;

use super::{Drivers, Kind};
use crate::{
    cred::{Gid, Uid},
    fs::{
        inode::{Dir, FileSystem, Kind as Is, MountArgs, New, What},
        superblock::FsType,
        tmpfs,
    },
};

/// Permissions of the root, whatever mount(2) says.
const ROOT_PERM: u32 = 0o755;

/// The kind of file system, filled with the devices of `drivers`.
pub fn kind(drivers: &'static Drivers) -> FsType {
    FsType::single("devtmpfs", true, move |args| fill(drivers, args))
}

fn fill(drivers: &Drivers, args: &MountArgs) -> Result<Box<dyn FileSystem>> {
    let fs = tmpfs::make(args, ROOT_PERM)?;
    let root = fs.root();
    if let Is::Dir(dir) = root.kind() {
        for device in drivers.devices() {
            let what = match device.kind {
                Kind::Char => What::Char(device.dev()),
                Kind::Block => What::Block(device.dev()),
            };
            let new = New { perm: device.perm, uid: Uid::ROOT, gid: Gid(0), what };
            make_node(dir, device.name.as_bytes(), &new)?;
        }
    }
    Ok(fs)
}

/// Makes the node `name`, with the directories that its name leads through.
fn make_node(top: &dyn Dir, name: &[u8], new: &New) -> Result<()> {
    let Some(slash) = name.iter().position(|&b| b == b'/') else {
        return top.create(name, new).map(drop);
    };
    let (dir, rest) = (&name[..slash], &name[slash + 1..]);
    let below = match top.lookup(dir)? {
        Some(below) => below,
        None => {
            let (uid, gid, what) = (Uid::ROOT, Gid(0), What::Dir);
            top.create(dir, &New { perm: ROOT_PERM, uid, gid, what })?
        }
    };
    match below.kind() {
        Is::Dir(below) => make_node(below, rest, new),
        _ => Err(abi::errno::ENOTDIR),
    }
}
