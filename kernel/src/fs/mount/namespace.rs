//! [`Namespace`]: all mounts, with the tables of file systems and devices, and news of changes.

use super::tree::commit;
use super::{Mount, Numbers};
use crate::fs::caller::Caller;
use crate::fs::file::FileOps;
use crate::fs::locks;
use crate::fs::nameless::Nameless;
use crate::fs::notify;
use crate::fs::path::Path;
use crate::fs::settings::Settings;
use crate::fs::superblock::{FsType, Super};
use crate::fs::tmpfs;
use crate::lock::order;
use crate::time::RealTime;
use crate::wait::{Mutex, WaitQueue};
use abi::Result;
use abi::errno::ENOMEM;
use abi::fs::{MountFlags, OpenFlags, makedev};
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Opens what a device node stands for. Implemented by the table of drivers.
pub trait Devices: Send + Sync {
    /// Opens character device `dev` ([`makedev`]), whose node was found at `path`; `ENXIO` if
    /// there is none.
    fn open_char(
        &self,
        dev: u64,
        path: &Path,
        flags: OpenFlags,
        c: &Caller,
    ) -> Result<Arc<dyn FileOps>>;
    /// Opens block device `dev`; `ENXIO` if there is none.
    fn open_block(&self, dev: u64, flags: OpenFlags, c: &Caller) -> Result<Arc<dyn FileOps>>;
}

/// A tree of mounts (mount_namespaces(7)), with the tables of file systems and devices.
pub struct Namespace {
    root: Arc<Mount>,
    pub(super) mounts: Mutex<Mounts, order::Mounts>,
    /// Counts the changes that `/proc/mounts` shows.
    event: AtomicU64,
    changed: Arc<WaitQueue>,
    types: &'static [FsType],
    devices: &'static dyn Devices,
    clock: &'static RealTime,
    pub(super) ids: Arc<Numbers>,
    pub(super) groups: Arc<Numbers>,
    devs: Arc<Numbers>,
    pipes: AtomicU64,
    settings: Arc<Settings>,
    locks: locks::Registry,
    watchers: notify::Users,
    cookies: AtomicU32,
    events: AtomicU64,
    anon: Arc<Nameless>,
    /// Where files lie that have no name anywhere: memfd_create(2).
    shm: Arc<Mount>,
}

/// All mounts in the order they came.
#[derive(Default)]
pub(super) struct Mounts {
    pub list: BTreeMap<u64, Arc<Mount>>,
    pub last: u64,
}

/// The first mount, which is nowhere to be seen; the root is mount 1, as on Linux.
const SHM_ID: u32 = 0;

/// What files of memfd_create(2) lie on.
const SHM_DEV: u32 = 1;

/// The number of the root file system.
const ROOT_DEV: u32 = SHM_DEV + 1;

/// What pipes without a name lie on.
const PIPE_DEV: u32 = ROOT_DEV + 1;

/// What event files lie on.
const ANON_DEV: u32 = PIPE_DEV + 1;

impl Namespace {
    /// A tree of one mount: the root file system, a tmpfs that calls itself `rootfs` as Linux's
    /// does.
    pub fn new(
        types: &'static [FsType],
        devices: &'static dyn Devices,
        clock: &'static RealTime,
    ) -> Result<Arc<Self>> {
        let (ids, none) = (Numbers::from(SHM_ID), MountFlags::EMPTY);
        let tmpfs = |kind, dev, options| {
            Super::mount(kind, Numbers::from(dev).take(), clock, none, options, tmpfs::mount)
        };
        let shm = tmpfs("tmpfs", SHM_DEV, b"size=0,nr_inodes=0")?;
        let shm = Mount::new(ids.take(), b"tmpfs", shm, none);
        let root = tmpfs("rootfs", ROOT_DEV, b"")?;
        let root = Mount::new(ids.take(), b"rootfs", root, none);
        let mut mounts = Mounts::default();
        commit(&mut mounts, &root);
        Ok(Arc::new(Self {
            root,
            mounts: Mutex::new(mounts),
            event: AtomicU64::new(0),
            changed: Arc::new(WaitQueue::new()),
            types,
            devices,
            clock,
            ids,
            groups: Numbers::from(1),
            devs: Numbers::from(ANON_DEV + 1),
            pipes: AtomicU64::new(1),
            settings: Arc::default(),
            locks: locks::Registry::default(),
            watchers: notify::Users::default(),
            cookies: AtomicU32::new(1),
            events: AtomicU64::new(0),
            anon: Arc::new(Nameless::anon(makedev(0, ANON_DEV), 1, clock)),
            shm,
        }))
    }

    /// The clock that stamps files.
    pub fn clock(&self) -> &'static RealTime {
        self.clock
    }

    /// The root of all, below whatever is mounted on it.
    pub fn root(&self) -> Path {
        Path { mount: self.root.clone(), dentry: self.root.root().clone() }
    }

    /// Whether `mount` is the root of all, which stays where it is.
    pub(super) fn is_root(&self, mount: &Arc<Mount>) -> bool {
        Arc::ptr_eq(mount, &self.root)
    }

    /// What `/proc/sys/fs` can change.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The kinds of file system.
    pub fn types(&self) -> &'static [FsType] {
        self.types
    }

    /// The devices.
    pub fn devices(&self) -> &'static dyn Devices {
        self.devices
    }

    /// A device number for a file system without a device.
    pub(super) fn new_dev(&self) -> super::Number {
        self.devs.take()
    }

    /// The device number of pipes without a name.
    pub fn pipe_dev(&self) -> u64 {
        makedev(0, PIPE_DEV)
    }

    /// A number for an eventfd.
    pub fn new_event_id(&self) -> u64 {
        self.events.fetch_add(1, Ordering::Relaxed)
    }

    /// The inode that event files share.
    pub fn anon_inode(&self) -> &Arc<Nameless> {
        &self.anon
    }

    /// The tmpfs of files without a name, which is mounted nowhere (`shm_mnt`).
    pub fn shm(&self) -> &Arc<Mount> {
        &self.shm
    }

    /// How many watches each user has.
    pub fn watchers(&self) -> &notify::Users {
        &self.watchers
    }

    /// A number that joins the two events of a rename.
    pub fn new_cookie(&self) -> u32 {
        self.cookies.fetch_add(1, Ordering::Relaxed)
    }

    /// What is known of locks on files.
    pub fn locks(&self) -> &locks::Registry {
        &self.locks
    }

    /// An inode number for a pipe without a name.
    pub fn new_pipe_ino(&self) -> u64 {
        self.pipes.fetch_add(1, Ordering::Relaxed)
    }

    /// All mounts, in the order they came. `ENOMEM` without memory.
    pub fn list(&self) -> Result<Vec<Arc<Mount>>> {
        let mounts = self.mounts.lock();
        let mut list = Vec::new();
        list.try_reserve_exact(mounts.list.len()).map_err(|_| ENOMEM)?;
        list.extend(mounts.list.values().cloned());
        Ok(list)
    }

    /// The first mount from number `from` on, in the order they came, with its number.
    pub fn next_mount(&self, from: u64) -> Option<(u64, Arc<Mount>)> {
        let mounts = self.mounts.lock();
        mounts.list.range(from..).next().map(|(number, mount)| (*number, mount.clone()))
    }

    /// How often the mounts have changed: what a poll(2) of `/proc/PID/mounts` compares.
    pub fn event(&self) -> u64 {
        self.event.load(Ordering::Acquire)
    }

    /// Woken after each change.
    pub fn changed(&self) -> &Arc<WaitQueue> {
        &self.changed
    }

    /// Tells of a change (`touch_mnt_namespace`). The `Mounts` lock is held.
    pub(super) fn touch(&self) {
        self.event.fetch_add(1, Ordering::Release);
        self.changed.wake_all();
    }

    /// Forgets the names of all file systems that nobody uses. `false`: there were none.
    pub fn forget_names(&self) -> bool {
        let mounts = self.mounts.lock();
        mounts.list.values().filter(|mount| mount.sb().forget_all()).count() > 0
    }
}
