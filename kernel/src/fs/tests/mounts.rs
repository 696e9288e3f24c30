//! The tree of mounts.

use super::*;
use crate::fs::mount::Shown;
use abi::errno::{EBUSY, EEXIST, EINVAL, ELOOP, ENODEV, ENOENT, ENOTDIR, EROFS, EXDEV};
use abi::fs::{MountFlags, UmountFlags};
use std::string::String;

const NONE: MountFlags = MountFlags::EMPTY;

impl World {
    fn mount(&self, path: &str, options: &str) -> Result<()> {
        let at = self.find(path)?;
        self.info.mounts.mount(b"none", at, b"tmpfs", NONE, options.as_bytes())
    }

    fn bind(&self, from: &str, to: &str) -> Result<()> {
        self.info.mounts.bind(&self.find(from)?, self.find(to)?, false)
    }

    fn bind_all(&self, from: &str, to: &str) -> Result<()> {
        self.info.mounts.bind(&self.find(from)?, self.find(to)?, true)
    }

    fn tie(&self, path: &str, flags: MountFlags) -> Result<()> {
        self.info.mounts.change_ties(&self.find(path)?, flags)
    }

    fn move_mount(&self, from: &str, to: &str) -> Result<()> {
        self.info.mounts.move_mount(&self.find(from)?, self.find(to)?)
    }

    fn unmount_as(&self, path: &str, flags: UmountFlags) -> Result<()> {
        let at = self.find(path)?;
        self.info.mounts.unmount(&at, &self.info.root(), flags)
    }

    fn unmount(&self, path: &str) -> Result<()> {
        self.unmount_as(path, UmountFlags::EMPTY)
    }

    fn ties(&self, path: &str) -> Shown {
        let path = self.find(path).unwrap();
        self.info.mounts.show_ties(&path.mount, &self.info.root())
    }

    fn exists(&self, path: &str) -> bool {
        self.find(path).is_ok()
    }

    fn count(&self) -> usize {
        self.info.mounts.list().unwrap().len()
    }

    /// A mount at each of these directories, which are made.
    fn with_mounts(dirs: &[&str]) -> Self {
        let w = Self::new();
        for dir in dirs {
            w.mkdir(dir).unwrap();
            w.mount(dir, "").unwrap();
        }
        w
    }
}

#[test]
fn mounting() {
    let w = World::new();
    w.mkdir("/m").unwrap();
    w.touch("/m/below").unwrap();
    let at = w.find("/m").unwrap();
    assert_eq!(w.info.mounts.mount(b"none", at, b"nofs", NONE, b""), Err(ENODEV));
    assert_eq!(w.mount("/m/below", ""), Err(ENOTDIR));
    w.mount("/m", "size=64k").unwrap();
    assert_eq!(w.find("/m/below").err(), Some(ENOENT));
    w.mkdir("/m/d").unwrap();
    assert_eq!(w.text(&w.find("/m/d").unwrap()), "/m/d");
    assert_eq!(w.find("/m/d/../..").map(|p| w.text(&p)), Ok("/".into()));
    assert_eq!(w.rename("/m/d", "/d"), Err(EXDEV));
    w.touch("/f").unwrap();
    assert_eq!(w.link("/f", "/m/f"), Err(EXDEV));
    assert_eq!(w.rmdir("/m"), Err(EBUSY));
    assert_eq!(w.rename("/m", "/n"), Err(EBUSY));
    w.mount("/m", "").unwrap();
    assert_eq!(w.find("/m/d").err(), Some(ENOENT), "the upper one hides the lower");
    let open = w.open("/m", OpenFlags::DIRECTORY).unwrap();
    assert_eq!(w.unmount("/m"), Err(EBUSY));
    drop(open);
    assert_eq!(w.unmount("/m"), Ok(()));
    w.chdir("/m/d").unwrap();
    assert_eq!(w.unmount("/m"), Err(EBUSY));
    assert_eq!(w.unmount("/m/d"), Err(EINVAL));
    assert_eq!(w.unmount_as("/m", UmountFlags::DETACH), Ok(()));
    assert_eq!(w.text(&w.info.cwd()), "(unreachable)/d");
    assert!(w.exists("/m/below"));
    assert_eq!(w.unmount("/"), Err(EINVAL));
    assert_eq!(w.count(), 1);
}

#[test]
fn a_read_only_mount_stays_as_it_is() {
    let w = World::with_mounts(&["/m"]);
    w.touch("/m/f").unwrap();
    let root = w.find("/m").unwrap();
    let open = w.open("/m/f", OpenFlags::WRONLY).unwrap();
    assert_eq!(w.info.mounts.remount(&root, MountFlags::RDONLY, b""), Err(EBUSY));
    assert_eq!(w.info.mounts.remount_bind(&root, MountFlags::RDONLY), Err(EBUSY));
    drop(open);
    w.info.mounts.remount(&root, MountFlags::RDONLY, b"").unwrap();
    assert_eq!(w.touch("/m/new"), Err(EROFS));
    assert_eq!(w.mkdir("/m/f"), Err(EEXIST));
    assert_eq!(w.unlink("/m/f"), Err(EROFS));
    assert_eq!(w.rename("/m/f", "/m/g"), Err(EROFS));
    assert_eq!(w.open("/m/f", OpenFlags::WRONLY).err(), Some(EROFS));
    assert!(w.open("/m/f", OpenFlags::RDONLY).is_ok());
}

#[test]
fn options_read_as_linux_prints_them() {
    let w = World::new();
    w.mkdir("/m").unwrap();
    let at = w.find("/m").unwrap();
    let flags = MountFlags::NOSUID | MountFlags::NODIRATIME | MountFlags::SYNCHRONOUS;
    let options = b"size=64k,nr_inodes=9,mode=700,uid=1,gid=2,lazytime";
    w.info.mounts.mount(b"src", at, b"tmpfs", flags, options).unwrap();
    w.mkdir("/m/d").unwrap();
    w.mkdir("/n").unwrap();
    w.bind("/m/d", "/n").unwrap();
    let mount = w.find("/n").unwrap().mount;
    let [mut all, mut own, mut sb] = [const { String::new() }; 3];
    mount.show_all(&mut all).unwrap();
    mount.show_mount(&mut own).unwrap();
    mount.show_super(&mut sb).unwrap();
    let fs = "size=64k,nr_inodes=9,mode=700,uid=1,gid=2,inode64";
    assert_eq!(all, std::format!("rw,sync,lazytime,nosuid,nodiratime,relatime,{fs}"));
    assert_eq!(own, "rw,nosuid,nodiratime,relatime");
    assert_eq!(sb, std::format!("rw,sync,lazytime,{fs}"));
    assert_eq!(mount.root_text().unwrap(), b"/d");
    assert_eq!((&*mount.source, mount.parent_id()), (&b"src"[..], 1));
}

#[test]
fn peers_show_the_same_mounts() {
    let w = World::with_mounts(&["/a"]);
    w.mkdir("/a/d").unwrap();
    for dir in ["/b", "/c"] {
        w.mkdir(dir).unwrap();
    }
    w.tie("/a", MountFlags::SHARED).unwrap();
    w.bind("/a", "/b").unwrap();
    w.bind("/a/d", "/c").unwrap();
    assert_eq!(w.ties("/a"), Shown { shared: Some(1), ..Shown::default() });
    assert_eq!(w.ties("/c"), w.ties("/a"));
    w.mount("/b/d", "").unwrap();
    w.touch("/a/d/f").unwrap();
    assert!(w.exists("/b/d/f") && w.exists("/c/f"));
    assert_eq!(w.ties("/c").shared, Some(2), "the new one is shared, too");
    assert_eq!(w.count(), 7);
    w.unmount("/a/d").unwrap();
    assert!(!w.exists("/b/d/f") && !w.exists("/c/f"));
    assert_eq!(w.count(), 4);
    // In use in one place means in use.
    w.mount("/a/d", "").unwrap();
    let open = w.open("/b/d", OpenFlags::DIRECTORY).unwrap();
    assert_eq!(w.unmount("/a/d"), Err(EBUSY));
    assert_eq!(w.count(), 7);
    w.unmount_as("/a/d", UmountFlags::DETACH).unwrap();
    assert_eq!(w.count(), 4);
    drop(open);
}

#[test]
fn slaves_follow_and_do_not_lead() {
    let w = World::with_mounts(&["/a"]);
    w.mkdir("/a/d").unwrap();
    w.mkdir("/b").unwrap();
    w.mkdir("/c").unwrap();
    w.tie("/a", MountFlags::SHARED).unwrap();
    w.bind("/a", "/b").unwrap();
    w.tie("/b", MountFlags::SLAVE).unwrap();
    assert_eq!(w.ties("/b"), Shown { master: Some(1), ..Shown::default() });
    // A slave with peers of its own.
    w.tie("/b", MountFlags::SHARED).unwrap();
    w.bind("/b", "/c").unwrap();
    assert_eq!(w.ties("/c"), Shown { shared: Some(2), master: Some(1), ..Shown::default() });
    w.mount("/a/d", "").unwrap();
    w.touch("/a/d/f").unwrap();
    assert!(w.exists("/b/d/f") && w.exists("/c/d/f"));
    let (b, c) = (w.ties("/b/d"), w.ties("/c/d"));
    assert_eq!(b, c, "peers among each other");
    assert_eq!(b.master, w.ties("/a/d").shared);
    w.unmount("/b/d").unwrap();
    assert!(w.exists("/a/d/f") && !w.exists("/c/d/f"));
    w.unmount("/a/d").unwrap();
    w.mount("/c/d", "").unwrap();
    w.touch("/c/d/g").unwrap();
    assert!(w.exists("/b/d/g") && !w.exists("/a/d/g"));
    // Something of its own stays when the master's goes.
    w.mkdir("/b/d/own").unwrap();
    w.mount("/a/d", "").unwrap();
    w.touch("/a/d/h").unwrap();
    assert!(w.exists("/b/d/own"), "what is there stays on top");
    w.unmount("/a/d").unwrap();
    assert!(w.exists("/b/d/own"));
    w.unmount("/b/d").unwrap();
    assert_eq!(w.count(), 4);
}

#[test]
fn slaves_of_a_group_that_ends_go_to_its_master() {
    let w = World::with_mounts(&["/a"]);
    for dir in ["/a/d", "/b", "/c"] {
        w.mkdir(dir).unwrap();
    }
    w.tie("/a", MountFlags::SHARED).unwrap();
    w.bind("/a", "/b").unwrap();
    w.tie("/b", MountFlags::SLAVE).unwrap();
    w.tie("/b", MountFlags::SHARED).unwrap();
    w.bind("/b", "/c").unwrap();
    w.tie("/c", MountFlags::SLAVE).unwrap();
    assert_eq!(w.ties("/c").master, Some(2));
    w.unmount("/b").unwrap();
    assert_eq!(w.ties("/c"), Shown { master: Some(1), ..Shown::default() });
    w.mount("/a/d", "").unwrap();
    w.touch("/a/d/f").unwrap();
    assert!(w.exists("/c/d/f"));
    w.tie("/a", MountFlags::PRIVATE).unwrap();
    assert_eq!(w.ties("/c"), Shown::default());
}

#[test]
fn what_ties_forbid() {
    let w = World::with_mounts(&["/a", "/b"]);
    for dir in ["/a/d", "/b/d", "/c", "/c/d"] {
        w.mkdir(dir).unwrap();
    }
    assert_eq!(w.tie("/c", MountFlags::SHARED), Err(EINVAL));
    assert_eq!(w.tie("/a", MountFlags::SHARED | MountFlags::SLAVE), Err(EINVAL));
    assert_eq!(w.tie("/a", MountFlags::SHARED | MountFlags::RDONLY), Err(EINVAL));
    w.tie("/a", MountFlags::UNBINDABLE).unwrap();
    assert!(w.ties("/a").unbindable);
    assert_eq!(w.bind("/a", "/c"), Err(EINVAL));
    w.tie("/b", MountFlags::SHARED).unwrap();
    assert_eq!(w.move_mount("/a", "/b/d"), Err(EINVAL), "an unbindable one under a shared one");
    w.mount("/b/d", "").unwrap();
    assert_eq!(w.move_mount("/b/d", "/c"), Err(EINVAL), "from under a shared one");
    assert_eq!(w.move_mount("/a", "/a/d"), Err(ELOOP));
    assert_eq!(w.move_mount("/", "/c"), Err(EINVAL));
    w.move_mount("/a", "/c").unwrap();
    assert!(w.exists("/c/d") && w.exists("/a"));
}

#[test]
fn a_bound_tree_leaves_out_what_is_unbindable() {
    let w = World::with_mounts(&["/a"]);
    for dir in ["/a/x", "/a/y", "/b"] {
        w.mkdir(dir).unwrap();
    }
    w.mount("/a/x", "").unwrap();
    w.mount("/a/y", "").unwrap();
    w.touch("/a/x/f").unwrap();
    w.touch("/a/y/f").unwrap();
    w.tie("/a/y", MountFlags::UNBINDABLE).unwrap();
    w.bind_all("/a", "/b").unwrap();
    assert!(w.exists("/b/x/f") && !w.exists("/b/y/f"));
    assert_eq!(w.unmount("/b"), Err(EBUSY));
    w.unmount_as("/b", UmountFlags::DETACH).unwrap();
    assert_eq!(w.count(), 4);
}

#[test]
fn numbers_are_used_again() {
    let w = World::with_mounts(&["/a"]);
    let id = |path| w.find(path).unwrap().mount.id;
    assert_eq!((id("/"), id("/a")), (1, 2));
    let dev = w.find("/a").unwrap().mount.sb().dev;
    w.unmount("/a").unwrap();
    w.mount("/a", "").unwrap();
    assert_eq!((id("/a"), w.find("/a").unwrap().mount.sb().dev), (2, dev));
}

#[test]
fn changes_are_told() {
    let w = World::new();
    w.mkdir("/m").unwrap();
    let before = w.info.mounts.event();
    w.mount("/m", "").unwrap();
    let mounted = w.info.mounts.event();
    assert!(mounted > before);
    w.unmount("/m").unwrap();
    assert!(w.info.mounts.event() > mounted);
}

#[test]
fn marked_mounts_go_when_nobody_comes() {
    let w = World::with_mounts(&["/m"]);
    let expire = || w.unmount_as("/m", UmountFlags::EXPIRE);
    assert_eq!(expire(), Err(abi::errno::EAGAIN));
    assert!(w.exists("/m"));
    assert_eq!(expire(), Err(abi::errno::EAGAIN), "somebody came");
    assert_eq!(expire(), Ok(()));
}
