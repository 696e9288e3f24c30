//! A tree of files without processes: what the tests below work on.

mod boot;
mod mounts;
mod names;
mod pipes;
mod tree;

use crate::cred::{CapSet, Cred, Gid, Limits, Uid};
use crate::fs::attr;
use crate::fs::caller::Caller;
use crate::fs::file::{File, FileOps};
use crate::fs::info::FsInfo;
use crate::fs::inode::{Change, What};
use crate::fs::mount::{Devices, Namespace};
use crate::fs::path::{Path, lookup};
use crate::fs::{inode::FsType, tmpfs};
use crate::fs::{namei, open};
use crate::mm::io::{SliceSink, SliceSource};
use crate::signal::Signal;
use crate::time::RealTime;
use abi::Result;
use abi::errno::ENXIO;
use abi::fs::OpenFlags;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::RefCell;

struct NoDevices;

impl Devices for NoDevices {
    fn open_char(&self, _: u64, _: &Path, _: OpenFlags, _: &Caller) -> Result<Arc<dyn FileOps>> {
        Err(ENXIO)
    }
    fn open_block(&self, _: u64, _: OpenFlags, _: &Caller) -> Result<Arc<dyn FileOps>> {
        Err(ENXIO)
    }
}

/// A root file system and someone who uses it.
struct World {
    info: FsInfo,
    cred: Arc<Cred>,
    limits: Limits,
    signals: RefCell<Vec<u32>>,
}

impl World {
    fn new() -> Self {
        // The first frame brings the memory whose size limits a tmpfs.
        drop(hal::mem::Frame::zeroed());
        let clock = Box::leak(Box::new(RealTime::new()));
        let mounts = Namespace::new(
            alloc::vec![FsType::nodev("tmpfs", tmpfs::mount)].leak(),
            &NoDevices,
            clock,
        )
        .unwrap();
        let perm = Change { mode: Some(0o755), ..Change::default() };
        mounts.root().inode().unwrap().set_attr(&perm).unwrap();
        Self {
            info: FsInfo::new(mounts),
            cred: Arc::new(Cred::root()),
            limits: Limits::init(1000),
            signals: RefCell::default(),
        }
    }

    fn with<R>(&self, f: impl FnOnce(&Caller) -> R) -> R {
        let raise = |signal: Signal| self.signals.borrow_mut().push(signal.0);
        f(&Caller {
            cred: &self.cred,
            space: None,
            limits: &self.limits,
            fs_info: &self.info,
            raise: &raise,
        })
    }

    /// From now on an ordinary user.
    fn become_user(&mut self, id: u32) {
        let mut cred = Cred::root();
        (cred.uid, cred.euid, cred.fsuid) = (Uid(id), Uid(id), Uid(id));
        (cred.gid, cred.egid, cred.fsgid) = (Gid(id), Gid(id), Gid(id));
        cred.effective = CapSet::EMPTY;
        self.cred = Arc::new(cred);
    }

    fn become_root(&mut self) {
        self.cred = Arc::new(Cred::root());
    }

    fn make(&self, path: &str, perm: u32, what: What) -> Result<()> {
        self.with(|c| namei::make(c, None, path.as_bytes(), perm, what))
    }

    fn mkdir(&self, path: &str) -> Result<()> {
        self.make(path, 0o777, What::Dir)
    }

    fn symlink(&self, to: &str, path: &str) -> Result<()> {
        self.make(path, 0o777, What::Link(to.as_bytes()))
    }

    fn open(&self, path: &str, flags: OpenFlags) -> Result<Arc<File>> {
        self.with(|c| open::open(c, &self.cred, None, path.as_bytes(), flags, 0o666))
    }

    fn touch(&self, path: &str) -> Result<()> {
        self.open(path, OpenFlags::CREAT | OpenFlags::WRONLY).map(drop)
    }

    fn find(&self, path: &str) -> Result<Path> {
        self.with(|c| lookup(c, None, path.as_bytes(), true))
    }

    fn unlink(&self, path: &str) -> Result<()> {
        self.with(|c| namei::unlink(c, None, path.as_bytes()))
    }

    fn rmdir(&self, path: &str) -> Result<()> {
        self.with(|c| namei::rmdir(c, None, path.as_bytes()))
    }

    fn link(&self, old: &str, new: &str) -> Result<()> {
        let old = self.with(|c| lookup(c, None, old.as_bytes(), false))?;
        self.with(|c| namei::link(c, &old, None, new.as_bytes()))
    }

    fn rename(&self, old: &str, new: &str) -> Result<()> {
        let none = abi::fs::RenameFlags::EMPTY;
        self.with(|c| namei::rename(c, (None, old.as_bytes()), (None, new.as_bytes()), none))
    }

    fn chdir(&self, path: &str) -> Result<()> {
        self.find(path).map(|path| self.info.set_cwd(path))
    }

    fn nlink(&self, path: &str) -> u32 {
        self.find(path).unwrap().inode().unwrap().attr().nlink
    }

    fn text(&self, path: &Path) -> std::string::String {
        std::string::String::from_utf8(path.text(&self.info.root()).unwrap()).unwrap()
    }

    fn write(&self, file: &File, bytes: &[u8]) -> Result<usize> {
        self.with(|c| file.write(c, &mut SliceSource::new(bytes)))
    }

    fn read(&self, file: &File, len: usize) -> Result<Vec<u8>> {
        let mut bytes = vec![0; len];
        let n = self.with(|c| file.read(c, &mut SliceSink::new(&mut bytes)))?;
        bytes.truncate(n);
        Ok(bytes)
    }

    fn read_at(&self, file: &File, len: usize, at: i64) -> Result<Vec<u8>> {
        let mut bytes = vec![0; len];
        let n = self.with(|c| file.read_at(c, &mut SliceSink::new(&mut bytes), at))?;
        bytes.truncate(n);
        Ok(bytes)
    }

    fn names(&self, path: &str) -> Vec<std::string::String> {
        let dir = self.open(path, OpenFlags::DIRECTORY).unwrap();
        let mut names = Vec::new();
        let text = |name: &[u8]| std::string::String::from_utf8_lossy(name).into_owned();
        self.with(|c| {
            dir.readdir(c, &mut |entry| {
                names.push(text(entry.name));
                true
            })
        })
        .unwrap();
        names
    }

    fn set_len(&self, file: &File, len: u64) -> Result<()> {
        self.with(|c| attr::set_len(c, file.inode(), len))
    }
}
