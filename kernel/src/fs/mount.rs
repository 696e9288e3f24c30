//! Mounts: which file system continues the tree where.
//!
//! Locks: `Mounts` (changes of the tree), then `Names` (a mount's children and place).
//! Source: mount(2), umount(2), `fs/namespace.c`.

use crate::fs::caller::Caller;
use crate::fs::dentry::Dentry;
use crate::fs::file::FileOps;
use crate::fs::inode::Kind;
use crate::fs::locks;
use crate::fs::nameless::Nameless;
use crate::fs::path::Path;
use crate::fs::settings::Settings;
use crate::fs::superblock::{FsType, MountArgs, Super};
use crate::fs::tmpfs;
use crate::lock::{Spin, order};
use crate::time::RealTime;
use crate::wait::Mutex;
use abi::Result;
use abi::errno::{EAGAIN, EBUSY, EINVAL, ELOOP, ENODEV, ENOENT, ENOMEM, ENOTDIR};
use abi::fs::{MountFlags, OpenFlags, Statfs, StatfsFlags, makedev};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use hashbrown::HashMap;

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

/// One file system, or a part of one, at one place of the tree.
pub struct Mount {
    /// Identity, as `/proc/PID/mountinfo` and statx(2) show it.
    pub id: u32,
    /// What was mounted, as the first word in `/proc/mounts`.
    pub source: Box<[u8]>,
    root: Arc<Dentry>,
    flags: AtomicU64,
    /// Where it is mounted; `None` at the root of all, and when it is detached.
    at: Spin<Option<Path>, order::Names>,
    /// What is mounted on it, by the address of the dentry it covers.
    children: Spin<HashMap<usize, Arc<Mount>>, order::Names>,
}

/// A tree of mounts (mount_namespaces(7)), with the tables of file systems and devices.
pub struct Namespace {
    root: Arc<Mount>,
    /// All mounts in the order they came.
    mounts: Mutex<Vec<Arc<Mount>>, order::Mounts>,
    types: &'static [FsType],
    devices: &'static dyn Devices,
    clock: &'static RealTime,
    ids: AtomicU32,
    devs: AtomicU32,
    pipes: AtomicU64,
    settings: Arc<Settings>,
    locks: locks::Registry,
    events: AtomicU64,
    anon: Arc<Nameless>,
    /// Where files lie that have no name anywhere: memfd_create(2).
    shm: Arc<Mount>,
}

/// The flags that belong to a mount; the others say what mount(2) is to do.
const KEPT: MountFlags = MountFlags::RDONLY
    .with(MountFlags::NOSUID)
    .with(MountFlags::NODEV)
    .with(MountFlags::NOEXEC)
    .with(MountFlags::NOATIME)
    .with(MountFlags::NODIRATIME)
    .with(MountFlags::RELATIME)
    .with(MountFlags::NOSYMFOLLOW);

impl Mount {
    fn new(id: u32, source: &[u8], root: Arc<Dentry>, flags: MountFlags) -> Arc<Self> {
        Arc::new(Self {
            id,
            source: source.into(),
            root,
            flags: AtomicU64::new((flags & KEPT).bits()),
            at: Spin::new(None),
            children: Spin::new(HashMap::new()),
        })
    }

    /// Its top.
    pub fn root(&self) -> &Arc<Dentry> {
        &self.root
    }

    /// The file system.
    pub fn sb(&self) -> &Arc<Super> {
        self.root.sb()
    }

    /// How it is mounted.
    pub fn flags(&self) -> MountFlags {
        MountFlags(self.flags.load(Ordering::Relaxed))
    }

    /// Whether nothing on it may be changed.
    pub fn is_read_only(&self) -> bool {
        self.flags().has(MountFlags::RDONLY)
    }

    /// Where it is mounted.
    pub fn place(&self) -> Option<Path> {
        self.at.lock().clone()
    }

    /// What is mounted on `dentry` of this mount.
    pub fn child_at(&self, dentry: &Arc<Dentry>) -> Option<Arc<Mount>> {
        self.children.lock().get(&key(dentry)).cloned()
    }

    /// statfs(2).
    pub fn statfs(&self) -> Statfs {
        let sb = self.sb();
        let flags = self.flags();
        let mut shown = StatfsFlags::VALID;
        for (flag, show) in [
            (MountFlags::RDONLY, StatfsFlags::RDONLY),
            (MountFlags::NOSUID, StatfsFlags::NOSUID),
            (MountFlags::NODEV, StatfsFlags::NODEV),
            (MountFlags::NOEXEC, StatfsFlags::NOEXEC),
            (MountFlags::NOATIME, StatfsFlags::NOATIME),
            (MountFlags::NODIRATIME, StatfsFlags::NODIRATIME),
            (MountFlags::RELATIME, StatfsFlags::RELATIME),
            (MountFlags::NOSYMFOLLOW, StatfsFlags::NOSYMFOLLOW),
        ] {
            if flags.has(flag) {
                shown |= show;
            }
        }
        Statfs { f_flags: shown, ..sb.fs.statfs() }
    }
}

fn key(dentry: &Arc<Dentry>) -> usize {
    Arc::as_ptr(dentry).addr()
}

impl Namespace {
    /// A tree of one mount: the root file system, a tmpfs that calls itself `rootfs` as Linux's
    /// does.
    pub fn new(
        types: &'static [FsType],
        devices: &'static dyn Devices,
        clock: &'static RealTime,
    ) -> Result<Arc<Self>> {
        let args = MountArgs { dev: makedev(0, FIRST_DEV), options: b"", clock };
        let root = Super::mount("rootfs", &args, tmpfs::mount)?;
        let root = Mount::new(1, b"rootfs", root, MountFlags::EMPTY);
        let args = MountArgs { dev: makedev(0, SHM_DEV), options: b"size=0,nr_inodes=0", clock };
        let shm = Super::mount("tmpfs", &args, tmpfs::mount)?;
        Ok(Arc::new(Self {
            mounts: Mutex::new(Vec::from([root.clone()])),
            root,
            types,
            devices,
            clock,
            ids: AtomicU32::new(2),
            devs: AtomicU32::new(ANON_DEV + 1),
            pipes: AtomicU64::new(1),
            settings: Arc::default(),
            locks: locks::Registry::default(),
            events: AtomicU64::new(0),
            anon: Arc::new(Nameless::anon(makedev(0, ANON_DEV), 1, clock)),
            shm: Mount::new(0, b"tmpfs", shm, MountFlags::EMPTY),
        }))
    }

    /// The clock that stamps files.
    pub fn clock(&self) -> &'static RealTime {
        self.clock
    }

    /// The root of all, below whatever is mounted on it.
    pub fn root(&self) -> Path {
        Path { mount: self.root.clone(), dentry: self.root.root.clone() }
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
    pub fn new_dev(&self) -> u64 {
        makedev(0, self.devs.fetch_add(1, Ordering::Relaxed))
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

    /// An inode number for a pipe without a name.
    pub fn new_pipe_ino(&self) -> u64 {
        self.pipes.fetch_add(1, Ordering::Relaxed)
    }

    /// The tmpfs of files without a name, which is mounted nowhere (`shm_mnt`).
    pub fn shm(&self) -> &Arc<Mount> {
        &self.shm
    }

    /// What is known of locks on files.
    pub fn locks(&self) -> &locks::Registry {
        &self.locks
    }

    /// All mounts, in the order they came. `ENOMEM` without memory.
    pub fn list(&self) -> Result<Vec<Arc<Mount>>> {
        let mounts = self.mounts.lock();
        let mut list = Vec::new();
        list.try_reserve_exact(mounts.len()).map_err(|_| ENOMEM)?;
        list.extend(mounts.iter().cloned());
        Ok(list)
    }

    /// Forgets the names of all file systems that nobody uses. `false`: there were none.
    pub fn forget_names(&self) -> bool {
        let mounts = self.mounts.lock();
        mounts.iter().filter(|mount| mount.sb().forget_all()).count() > 0
    }

    /// Mounts a new file system of kind `kind` at `at`. `ENODEV` for an unknown kind.
    pub fn mount(
        &self,
        source: &[u8],
        at: Path,
        kind: &[u8],
        flags: MountFlags,
        options: &[u8],
    ) -> Result<()> {
        let kind = self.types.iter().find(|t| t.name.as_bytes() == kind).ok_or(ENODEV)?;
        if !at.dentry.is_dir() {
            return Err(ENOTDIR);
        }
        let args = MountArgs { dev: self.new_dev(), options, clock: self.clock };
        let root = kind.instance(&args)?;
        self.attach(Mount::new(self.new_id(), source, root, flags), at)
    }

    /// Shows `from` at `at`, too (`MS_BIND`).
    pub fn bind(&self, from: &Path, at: Path) -> Result<()> {
        if from.dentry.is_dir() != at.dentry.is_dir() {
            return Err(ENOTDIR);
        }
        let old = &from.mount;
        self.attach(Mount::new(self.new_id(), &old.source, from.dentry.clone(), old.flags()), at)
    }

    /// Changes the flags of the mount that `at` is the top of (`MS_REMOUNT`).
    pub fn remount(&self, at: &Path, flags: MountFlags) -> Result<()> {
        if !at.is_mount_root() {
            return Err(EINVAL);
        }
        at.mount.flags.store((flags & KEPT).bits(), Ordering::Relaxed);
        Ok(())
    }

    /// Moves the mount that `from` is the top of to `at` (`MS_MOVE`).
    pub fn move_mount(&self, from: &Path, at: Path) -> Result<()> {
        if !from.is_mount_root() {
            return Err(EINVAL);
        }
        if from.dentry.is_dir() != at.dentry.is_dir() {
            return Err(EINVAL);
        }
        let mounts = self.mounts.lock();
        let mut above = Some(at.clone());
        while let Some(path) = above {
            if Arc::ptr_eq(&path.mount, &from.mount) {
                return Err(ELOOP);
            }
            above = path.mount.place();
        }
        let mount = detach(&from.mount).ok_or(EINVAL)?;
        put(mount, at)?;
        drop(mounts);
        Ok(())
    }

    /// Takes away the mount that `at` is the top of. `EBUSY` while it is in use, unless `lazy`:
    /// then it leaves the tree at once, and goes when its last user does.
    pub fn unmount(&self, at: &Path, lazy: bool) -> Result<()> {
        if !at.is_mount_root() {
            return Err(EINVAL);
        }
        let mut mounts = self.mounts.lock();
        let mount = &at.mount;
        if Arc::ptr_eq(mount, &self.root) {
            return Err(EINVAL);
        }
        if !lazy {
            // In use by the list, its place, `at`; anything more is somebody.
            if !mount.children.lock().is_empty() || Arc::strong_count(mount) > 3 {
                return Err(EBUSY);
            }
        }
        let mut gone = Vec::new();
        gone.try_reserve_exact(mounts.len()).map_err(|_| ENOMEM)?;
        gone.push(detach(mount).ok_or(EINVAL)?);
        let mut next = 0;
        while let Some(mount) = gone.get(next).cloned() {
            next += 1;
            mounts.retain(|other| !Arc::ptr_eq(other, &mount));
            let children: Vec<_> = mount.children.lock().values().cloned().collect();
            gone.extend(children.iter().filter_map(detach));
        }
        let still_used = |sb: &Arc<Super>| mounts.iter().any(|other| Arc::ptr_eq(other.sb(), sb));
        for mount in &gone {
            if !still_used(mount.sb()) {
                mount.sb().forget_all();
            }
        }
        drop(mounts);
        Ok(())
    }

    fn new_id(&self) -> u32 {
        self.ids.fetch_add(1, Ordering::Relaxed)
    }

    fn attach(&self, mount: Arc<Mount>, at: Path) -> Result<()> {
        let mut mounts = self.mounts.lock();
        if mounts.len() >= self.settings.mount_max.load(Ordering::Relaxed) as usize {
            return Err(abi::errno::ENOSPC);
        }
        mounts.try_reserve(1).map_err(|_| ENOMEM)?;
        put(mount.clone(), at)?;
        mounts.push(mount);
        Ok(())
    }
}

/// The first number for file systems without a device; 1 is what Linux's own ramfs has.
pub(super) const FIRST_DEV: u32 = 2;

/// What files of memfd_create(2) lie on.
const SHM_DEV: u32 = 1;

/// What pipes without a name lie on.
const PIPE_DEV: u32 = FIRST_DEV + 1;
/// What event files lie on.
const ANON_DEV: u32 = PIPE_DEV + 1;

/// Puts `mount` on top of `at`. The `Mounts` lock is held.
fn put(mount: Arc<Mount>, at: Path) -> Result<()> {
    if at.dentry.is_unlinked() {
        return Err(ENOENT);
    }
    {
        let mut children = at.mount.children.lock();
        children.try_reserve(1).map_err(|_| ENOMEM)?;
        if children.contains_key(&key(&at.dentry)) {
            // Someone mounted here since `at` was found.
            return Err(EAGAIN);
        }
        children.insert(key(&at.dentry), mount.clone());
    }
    at.dentry.mount_added();
    let old = mount.at.lock().replace(at);
    drop(old);
    Ok(())
}

/// Takes `mount` from its place. The `Mounts` lock is held.
fn detach(mount: &Arc<Mount>) -> Option<Arc<Mount>> {
    let place = mount.at.lock().take()?;
    place.dentry.mount_removed();
    place.mount.children.lock().remove(&key(&place.dentry))
}

impl Path {
    /// Whether it is the top of its mount.
    pub fn is_mount_root(&self) -> bool {
        Arc::ptr_eq(&self.dentry, &self.mount.root)
    }

    /// Goes on to what is mounted here, and on that.
    pub fn cross(mut self) -> Path {
        while self.dentry.has_mounts() {
            let Some(mount) = self.mount.child_at(&self.dentry) else { break };
            let dentry = mount.root.clone();
            self = Path { mount, dentry };
        }
        self
    }

    /// The kind of file, if the name exists.
    pub fn kind(&self) -> Option<Kind<'_>> {
        self.dentry.inode().map(|inode| inode.kind())
    }
}
