//! devpts: the file system of the slaves' nodes. Each mount is an instance with numbers and a
//! `ptmx` of its own. Source: `fs/devpts/inode.c`, `Documentation/filesystems/devpts.rst`.
//!
//! Locks: `Names` for the entries and for attributes.

use abi::Wire as _;
use abi::errno::{EACCES, EINVAL, ENODEV, ENOENT, ENOSPC, EPERM, Result};
use abi::fs::{DEVPTS_SUPER_MAGIC, DT_CHR, NAME_MAX, S_IFCHR, S_IFDIR, S_IFMT, Statfs};
use abi::time::Timespec;
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::sync::{Arc, Weak};
use core::any::Any;
use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::Ptys;
use crate::cred::{Cred, Gid, Uid};
use crate::fs::attached::Attached;
use crate::fs::dentry::Dentry;
use crate::fs::inode::{
    Attr, Change, Dir, Emit, Entry, FileSystem, Inode, Kind, MountArgs, New, What,
};
use crate::fs::path::Path;
use crate::lock::{Spin, order};
use crate::mm::PAGE;
use crate::time::{RealTime, timespec};
use crate::tty::{PTMX, Tty};

/// The most slaves an instance may be asked for (`NR_UNIX98_PTY_MAX`).
const NUMBERS: u32 = 1 << 20;

/// Inode numbers: the top, `ptmx`, and the slave of number 0.
const ROOT_INO: u64 = 1;
const PTMX_INO: u64 = 2;
const SLAVE_INO: u64 = 3;

/// `s_blocksize`
const BLOCK: u32 = 1024;

/// The options of mount(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Options {
    /// Owner and group of slaves; `None`: whoever opens ptmx.
    uid: Option<Uid>,
    gid: Option<Gid>,
    /// Permissions of slaves, and of `ptmx`.
    mode: u32,
    ptmxmode: u32,
    /// How many slaves there may be.
    max: u32,
}

impl Options {
    fn parse(text: &[u8]) -> Result<Self> {
        let mut options = Self { uid: None, gid: None, mode: 0o600, ptmxmode: 0, max: NUMBERS };
        for word in text.split(|&b| b == b',').filter(|word| !word.is_empty()) {
            // As every mount is one.
            if word == b"newinstance" {
                continue;
            }
            let mut parts = word.splitn(2, |&b| b == b'=');
            let (Some(key), Some(value)) = (parts.next(), parts.next()) else {
                return Err(EINVAL);
            };
            match key {
                b"uid" => options.uid = Some(Uid(number(value, 10)?)),
                b"gid" => options.gid = Some(Gid(number(value, 10)?)),
                b"mode" => options.mode = number(value, 8)? & 0o7777,
                b"ptmxmode" => options.ptmxmode = number(value, 8)? & 0o7777,
                b"max" => match number(value, 10)? {
                    max @ 0..=NUMBERS => options.max = max,
                    _ => return Err(EINVAL),
                },
                _ => return Err(EINVAL),
            }
        }
        Ok(options)
    }
}

fn number(digits: &[u8], radix: u32) -> Result<u32> {
    let text = core::str::from_utf8(digits).map_err(|_| EINVAL)?;
    u32::from_str_radix(text, radix).map_err(|_| EINVAL)
}

/// An inode of devpts.
pub struct Node {
    dev: u64,
    ino: u64,
    rdev: u64,
    clock: &'static RealTime,
    meta: Spin<Meta, order::Names>,
    body: Body,
    attached: Attached,
}

#[derive(Clone, Copy)]
struct Meta {
    mode: u32,
    uid: Uid,
    gid: Gid,
    atime: Timespec,
    mtime: Timespec,
    ctime: Timespec,
}

enum Body {
    Root(Instance),
    Ptmx,
    /// `gone`: the master is closed, and the name with it.
    Slave {
        tty: Weak<Tty>,
        gone: AtomicBool,
    },
}

/// One devpts.
struct Instance {
    ptys: &'static Ptys,
    options: Options,
    ptmx: Arc<Node>,
    slaves: Spin<BTreeMap<u32, Arc<Node>>, order::Names>,
    numbers: Spin<Numbers, order::Names>,
}

/// Numbers that are taken: those below `next`, without those that are free again.
#[derive(Default)]
struct Numbers {
    next: u32,
    free: BTreeSet<u32>,
}

impl Numbers {
    /// The smallest free number below `max`.
    fn take(&mut self, max: u32) -> Option<u32> {
        if let Some(&least) = self.free.first() {
            // They all are smaller than `next`.
            return (least < max).then(|| self.free.pop_first()).flatten();
        }
        let fresh = (self.next < max).then_some(self.next)?;
        self.next += 1;
        Some(fresh)
    }

    fn give(&mut self, number: u32) {
        self.free.insert(number);
        while self.next > 0 && self.free.remove(&(self.next - 1)) {
            self.next -= 1;
        }
    }
}

/// A slave's number, for as long as it is kept.
pub struct Number {
    root: Arc<Node>,
    index: u32,
}

impl Number {
    /// The number.
    pub fn index(&self) -> u32 {
        self.index
    }
}

impl Drop for Number {
    fn drop(&mut self) {
        if let Body::Root(instance) = &self.root.body {
            instance.numbers.lock().give(self.index);
            instance.ptys.leave();
        }
    }
}

/// Makes an instance.
pub fn mount(ptys: &'static Ptys, args: &MountArgs) -> Result<Box<dyn FileSystem>> {
    let options = Options::parse(args.options)?;
    let root = (Uid::ROOT, Gid(0));
    let ptmx = Node::new(args, PTMX_INO, S_IFCHR | options.ptmxmode, root, PTMX, Body::Ptmx);
    let instance = Instance {
        ptys,
        options,
        ptmx: Arc::new(ptmx),
        slaves: Spin::new(BTreeMap::new()),
        numbers: Spin::new(Numbers::default()),
    };
    let root = Node::new(args, ROOT_INO, S_IFDIR | 0o755, root, 0, Body::Root(instance));
    Ok(Box::new(DevPts { root: Arc::new(root), options }))
}

/// The instance that a ptmx node at `path` belongs to (`devpts_acquire`): the one it lies in, or
/// the one mounted on `pts` beside it.
pub fn instance_at(path: &Path) -> Result<Arc<Node>> {
    match top(&path.dentry) {
        Some(root) => Ok(root),
        None => beside(path).map(|(_, root)| root),
    }
}

/// The devpts mounted on `pts` beside `path`, and its top as a place (`devpts_ptmx_path`).
fn beside(path: &Path) -> Result<(Path, Arc<Node>)> {
    let dentry = path.dentry.parent().and_then(|parent| parent.cached(b"pts")).ok_or(ENOENT)?;
    let place = Path { mount: path.mount.clone(), dentry }.cross();
    match place.dentry.inode().and_then(as_node) {
        Some(node) if matches!(node.body, Body::Root(_)) && place.is_mount_root() => {
            Ok((place, node))
        }
        _ => Err(ENODEV),
    }
}

/// The top of the devpts that `dentry` lies in, if it does.
fn top(dentry: &Arc<Dentry>) -> Option<Arc<Node>> {
    let fs: &dyn Any = &*dentry.sb().fs;
    fs.downcast_ref::<DevPts>().map(|fs| fs.root.clone())
}

fn as_node(inode: &Arc<dyn Inode>) -> Option<Arc<Node>> {
    let any: Arc<dyn Any + Send + Sync> = inode.clone();
    any.downcast().ok()
}

/// The terminal of the slave at `path`.
pub fn slave_at(path: &Path) -> Option<Arc<Tty>> {
    match &as_node(path.dentry.inode()?)?.body {
        Body::Slave { tty, .. } => tty.upgrade(),
        _ => None,
    }
}

/// Where the node of slave `number` lies, whose master was opened at `ptmx` (`devpts_mntget`):
/// `ENODEV` if that place leads to another instance now.
pub fn slave_path(ptmx: &Path, root: &Arc<Node>, number: u32) -> Result<Path> {
    let mut path = ptmx.clone();
    // A bind mount of ptmx alone stands for the place it is mounted on.
    while path.is_mount_root()
        && let Some(below) = path.mount.place()
    {
        path = below;
    }
    let is_ours = |found: &Arc<Node>| Arc::ptr_eq(found, root);
    let place = match top(&path.dentry).filter(is_ours) {
        Some(_) => Path { dentry: path.mount.root().clone(), mount: path.mount },
        None => beside(&path)
            .and_then(|(place, found)| if is_ours(&found) { Ok(place) } else { Err(ENODEV) })?,
    };
    let dentry = place.dentry.lookup(format!("{number}").as_bytes())?;
    Ok(Path { mount: place.mount, dentry })
}

impl Node {
    fn new(
        args: &MountArgs,
        ino: u64,
        mode: u32,
        (uid, gid): (Uid, Gid),
        rdev: u64,
        body: Body,
    ) -> Self {
        let now = timespec(args.clock.now_ns());
        let meta = Meta { mode, uid, gid, atime: now, mtime: now, ctime: now };
        Self {
            dev: args.dev,
            ino,
            rdev,
            clock: args.clock,
            meta: Spin::new(meta),
            body,
            attached: Attached::default(),
        }
    }

    fn instance(&self) -> Result<&Instance> {
        match &self.body {
            Body::Root(instance) => Ok(instance),
            _ => Err(ENODEV),
        }
    }

    /// Takes a number for a new slave. `ENOSPC` if there are too many, here or in all.
    pub fn take_number(self: &Arc<Self>) -> Result<Number> {
        let instance = self.instance()?;
        instance.ptys.enter()?;
        let index = instance.numbers.lock().take(instance.options.max);
        let Some(index) = index else {
            instance.ptys.leave();
            return Err(ENOSPC);
        };
        Ok(Number { root: self.clone(), index })
    }

    /// Makes the node of slave `number`, opened by `cred`.
    pub fn add_slave(&self, number: u32, rdev: u64, tty: &Arc<Tty>, cred: &Cred) {
        let Ok(instance) = self.instance() else { return };
        let options = &instance.options;
        let owner = (options.uid.unwrap_or(cred.fsuid), options.gid.unwrap_or(cred.fsgid));
        let args = MountArgs { dev: self.dev, options: b"", clock: self.clock };
        let ino = SLAVE_INO + u64::from(number);
        let body = Body::Slave { tty: Arc::downgrade(tty), gone: AtomicBool::new(false) };
        let node = Node::new(&args, ino, S_IFCHR | options.mode, owner, rdev, body);
        instance.slaves.lock().insert(number, Arc::new(node));
    }

    /// Takes away the node of slave `number`.
    pub fn remove_slave(&self, number: u32) {
        let Ok(instance) = self.instance() else { return };
        let node = instance.slaves.lock().remove(&number);
        if let Some(Body::Slave { gone, .. }) = node.as_ref().map(|node| &node.body) {
            gone.store(true, Relaxed);
        }
    }
}

impl Inode for Node {
    fn attr(&self) -> Attr {
        let meta = *self.meta.lock();
        Attr {
            dev: self.dev,
            ino: self.ino,
            mode: meta.mode,
            nlink: match self.body {
                Body::Root(_) => 2,
                _ => u32::from(!self.is_stale()),
            },
            uid: meta.uid,
            gid: meta.gid,
            rdev: self.rdev,
            size: 0,
            blocks: 0,
            blksize: BLOCK,
            atime: meta.atime,
            mtime: meta.mtime,
            ctime: meta.ctime,
            btime: None,
        }
    }

    fn attached(&self) -> Option<&Attached> {
        Some(&self.attached)
    }

    fn set_attr(&self, change: &Change) -> Result<()> {
        let mut meta = self.meta.lock();
        if let Some(mode) = change.mode {
            meta.mode = meta.mode & S_IFMT | mode & 0o7777;
        }
        meta.uid = change.uid.unwrap_or(meta.uid);
        meta.gid = change.gid.unwrap_or(meta.gid);
        meta.atime = change.atime.unwrap_or(meta.atime);
        meta.mtime = change.mtime.unwrap_or(meta.mtime);
        meta.ctime = change.ctime.unwrap_or(meta.ctime);
        Ok(())
    }

    fn kind(&self) -> Kind<'_> {
        match self.body {
            Body::Root(_) => Kind::Dir(self),
            Body::Ptmx | Body::Slave { .. } => Kind::Char(self.rdev),
        }
    }

    fn is_stale(&self) -> bool {
        matches!(&self.body, Body::Slave { gone, .. } if gone.load(Relaxed))
    }
}

/// Positions in a listing: that of slave n, from the highest down, and that of `ptmx`.
const FIRST: u64 = 2;
const fn after(number: u32) -> u64 {
    FIRST + (NUMBERS - number) as u64
}
const END: u64 = after(0) + 1;

/// Only ptmx makes and closing takes away; every operation of a program's is refused as by a
/// directory without it.
impl Dir for Node {
    fn lookup(&self, name: &[u8]) -> Result<Option<Arc<dyn Inode>>> {
        let instance = self.instance()?;
        if name == b"ptmx" {
            return Ok(Some(instance.ptmx.clone()));
        }
        let plain = name == b"0" || !name.starts_with(b"0") && name.iter().all(u8::is_ascii_digit);
        let index = number(name, 10).ok().filter(|_| plain);
        let found = index.and_then(|index| instance.slaves.lock().get(&index).cloned());
        Ok(found.map(|node| node as Arc<dyn Inode>))
    }

    fn readdir(&self, at: u64, emit: Emit) -> Result<()> {
        let instance = self.instance()?;
        let mut at = at.max(FIRST);
        while at < END {
            let below = u32::try_from(after(0) - at).unwrap_or(0);
            let next = instance.slaves.lock().range(..below).next_back().map(|(&number, _)| number);
            let taken = match next {
                Some(number) => {
                    at = after(number);
                    let name = format!("{number}");
                    let ino = SLAVE_INO + u64::from(number);
                    emit(Entry { name: name.as_bytes(), ino, kind: DT_CHR, next: at })
                }
                None => {
                    at = END;
                    emit(Entry { name: b"ptmx", ino: PTMX_INO, kind: DT_CHR, next: at })
                }
            };
            if !taken {
                break;
            }
        }
        Ok(())
    }

    fn caches_absence(&self) -> bool {
        false
    }

    fn create(&self, _name: &[u8], new: &New) -> Result<Arc<dyn Inode>> {
        Err(if matches!(new.what, What::File) { EACCES } else { EPERM })
    }

    fn link(&self, _name: &[u8], _inode: &Arc<dyn Inode>) -> Result<()> {
        Err(EPERM)
    }

    fn unlink(&self, _name: &[u8]) -> Result<()> {
        Err(EPERM)
    }

    fn rmdir(&self, _name: &[u8]) -> Result<()> {
        Err(EPERM)
    }

    fn rename(&self, _: &[u8], _: &dyn Inode, _: &[u8], _exchange: bool) -> Result<()> {
        Err(EPERM)
    }
}

/// A mounted instance.
struct DevPts {
    root: Arc<Node>,
    options: Options,
}

impl FileSystem for DevPts {
    fn root(&self) -> Arc<dyn Inode> {
        self.root.clone()
    }

    fn statfs(&self) -> Statfs {
        Statfs {
            f_type: DEVPTS_SUPER_MAGIC as i64,
            f_bsize: PAGE as i64,
            f_namelen: NAME_MAX as i64,
            f_frsize: PAGE as i64,
            ..Statfs::ZERO
        }
    }

    fn show_options(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        let Options { uid, gid, mode, ptmxmode, max } = self.options;
        if let Some(uid) = uid {
            write!(out, ",uid={}", uid.0)?;
        }
        if let Some(gid) = gid {
            write!(out, ",gid={}", gid.0)?;
        }
        write!(out, ",mode={mode:03o},ptmxmode={ptmxmode:03o}")?;
        if max < NUMBERS {
            write!(out, ",max={max}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options() {
        let parse = |text: &str| Options::parse(text.as_bytes());
        let default = Options { uid: None, gid: None, mode: 0o600, ptmxmode: 0, max: NUMBERS };
        assert_eq!(parse(""), Ok(default));
        assert_eq!(parse("newinstance"), Ok(default));
        let all =
            Options { uid: Some(Uid(7)), gid: Some(Gid(5)), mode: 0o620, ptmxmode: 0o666, max: 3 };
        assert_eq!(parse("uid=7,gid=5,mode=620,ptmxmode=0666,max=3"), Ok(all));
        for bad in
            ["gid", "gid=", "gid=x", "mode=9", "max=1048577", "max=-1", "size=3", "newinstance=1"]
        {
            assert_eq!(parse(bad), Err(EINVAL), "{bad}");
        }
    }

    #[test]
    fn the_smallest_free_number_comes_next() {
        let mut numbers = Numbers::default();
        assert_eq!([(); 4].map(|()| numbers.take(3)), [Some(0), Some(1), Some(2), None]);
        numbers.give(1);
        numbers.give(0);
        assert_eq!([(); 3].map(|()| numbers.take(3)), [Some(0), Some(1), None]);
        numbers.give(2);
        assert_eq!((numbers.next, numbers.free.len()), (2, 0));
    }
}
