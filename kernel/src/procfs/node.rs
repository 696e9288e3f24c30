//! [`Node`]: a row of a table as an inode.

use super::mount::Shared;
use super::open::OpenRow;
use super::table::{Body, Dir, Extras, Named, ProcCx, Row, Subject, name_number, row_number};
use crate::cred::Cred;
use crate::fs::access::{permission, plain_permission};
use crate::fs::attached::Attached;
use crate::fs::inode::Target;
use crate::fs::inode::{self, Access, Attr, Change, Emit, Entry, Inode, Kind, Link, Made, New};
use crate::fs::{Caller, FileOps};
use crate::lock::{Spin, order};
use abi::Result;
use abi::errno::{EINVAL, EIO, ENOENT, ENOMEM, ENOTDIR, EPERM};
use abi::fs::{DT_DIR, DT_LNK, DT_REG, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG};
use abi::time::Timespec;
use alloc::sync::Arc;

/// Where names without a row begin in a listing (`FIRST_PROCESS_ENTRY`); rows begin at 2.
const NAMES_AT: u64 = 256;
const ROWS_AT: u64 = 2;

/// Bytes best read at once, as Linux's `/proc` says.
const BLOCK: u32 = 1024;

/// A file, directory or link.
pub struct Node<T: Subject> {
    fs: Arc<Shared>,
    ino: u64,
    target: T,
    /// Type and permissions.
    mode: u32,
    body: Body<T>,
    extras: Extras<T>,
    /// Last read, last write, last change: since the name was looked up.
    times: Spin<[Timespec; 3], order::Names>,
    attached: Attached,
}

impl<T> Body<T> {
    /// `S_IF*` and `DT_*`.
    fn kind(&self) -> (u32, u8) {
        match self {
            Self::Dir(_) => (S_IFDIR, DT_DIR),
            Self::Link(_) | Self::Magic(_) => (S_IFLNK, DT_LNK),
            _ => (S_IFREG, DT_REG),
        }
    }
}

impl<T: Subject> Node<T> {
    pub(super) fn new(fs: Arc<Shared>, ino: u64, target: T, perm: u32, body: Body<T>) -> Self {
        let times = Spin::new([fs.now(); 3]);
        let mode = body.kind().0 | perm;
        Self {
            fs,
            ino,
            target,
            mode,
            body,
            extras: Extras::NONE,
            times,
            attached: Attached::default(),
        }
    }

    fn cx<'a>(&'a self, opener: Option<&'a Cred>) -> ProcCx<'a, T> {
        let Self { fs, ino, target, .. } = self;
        ProcCx { kernel: fs.kernel, target, opener, fs, ino: *ino }
    }

    fn links(&self) -> u32 {
        let Body::Dir(dir) = &self.body else { return 1 };
        if dir.settings {
            return 1;
        }
        let rows = dir.rows.iter().filter(|row| matches!(row.body, Body::Dir(_))).count();
        let names = dir.names.map_or(0, |names| names.dirs(&self.cx(None)));
        2 + rows as u32 + names
    }

    /// Is the row to be seen on this mount?
    fn shows(&self, row: &Row<T>) -> bool {
        T::ABOUT_PROCESSES || row.extras.about_processes || !self.fs.only_pids()
    }

    fn dir(&self) -> Result<&'static Dir<T>> {
        match self.body {
            Body::Dir(dir) => Ok(dir),
            _ => Err(ENOTDIR),
        }
    }
}

impl<T: Subject> Inode for Node<T> {
    fn attr(&self) -> Attr {
        let Access { mode, uid, gid } = self.access();
        let [atime, mtime, ctime] = *self.times.lock();
        Attr {
            dev: self.fs.dev,
            ino: self.ino,
            mode,
            nlink: self.links(),
            uid,
            gid,
            rdev: 0,
            size: if mode & S_IFMT == S_IFLNK { T::LINK_SIZE } else { 0 },
            blocks: 0,
            blksize: BLOCK,
            atime,
            mtime,
            ctime,
            btime: None,
        }
    }

    fn access(&self) -> Access {
        let (uid, gid) = self.target.owner(self.mode);
        Access { mode: self.mode, uid, gid }
    }

    fn permission(&self, cred: &Cred, want: u32) -> Result<()> {
        let setting = match self.body {
            Body::Value(value) => value.is_setting(),
            Body::Dir(dir) => {
                self.target.may_enter(&self.fs, cred)?;
                dir.settings
            }
            _ => false,
        };
        let usual = match setting {
            true => plain_permission(cred, self.access(), want),
            false => permission(cred, self.access(), want),
        };
        match self.body {
            Body::Dir(Dir { admits: Some(admits), .. }) => admits(&self.cx(Some(cred)), usual),
            _ => usual,
        }
    }

    fn attached(&self) -> Option<&Attached> {
        Some(&self.attached)
    }

    fn set_attr(&self, change: &Change) -> Result<()> {
        if change.mode.is_some() || change.uid.is_some() || change.gid.is_some() {
            return Err(EPERM);
        }
        let mut times = self.times.lock();
        for (time, new) in times.iter_mut().zip([change.atime, change.mtime, change.ctime]) {
            *time = new.unwrap_or(*time);
        }
        Ok(())
    }

    fn kind(&self) -> Kind<'_> {
        match self.body {
            Body::Dir(_) => Kind::Dir(self),
            Body::Link(_) | Body::Magic(_) => Kind::Link(self),
            _ => Kind::Made(self),
        }
    }

    fn is_stale(&self) -> bool {
        self.target.is_stale() || self.target.is_hidden(&self.fs)
    }
}

/// A name that is not there is `ENOENT` at once, whatever was to be done with it, as on Linux;
/// nothing can be made, moved or removed.
impl<T: Subject> inode::Dir for Node<T> {
    fn lookup(&self, name: &[u8]) -> Result<Option<Arc<dyn Inode>>> {
        if self.target.is_stale() {
            return Err(ENOENT);
        }
        let dir = self.dir()?;
        if let Some((index, row)) = dir.row(name).filter(|(_, row)| self.shows(row)) {
            hal::heap::admit().map_err(|_| ENOMEM)?;
            let ino = row_number(self.ino, index);
            let node = Node::new(self.fs.clone(), ino, self.target.clone(), row.perm, row.body);
            return Ok(Some(Arc::new(Node { extras: row.extras, ..node })));
        }
        let found = dir.names.map(|names| names.find(&self.cx(None), name)).transpose()?;
        found.flatten().ok_or(ENOENT).map(Some)
    }

    fn readdir(&self, at: u64, emit: Emit) -> Result<()> {
        if self.target.is_stale() {
            return Err(ENOENT);
        }
        let dir = self.dir()?;
        let skip = at.saturating_sub(ROWS_AT) as usize;
        let rows = dir.rows.iter().enumerate().skip(skip);
        for (index, row) in rows.filter(|(_, row)| self.shows(row)) {
            let (ino, kind) = (row_number(self.ino, index), row.body.kind().1);
            let next = ROWS_AT + index as u64 + 1;
            if !emit(Entry { name: row.name.as_bytes(), ino, kind, next }) {
                return Ok(());
            }
        }
        let Some(names) = dir.names else { return Ok(()) };
        names.list(&self.cx(None), at.saturating_sub(NAMES_AT), &mut |Named { key, name, kind }| {
            let ino = name_number(self.ino, key);
            emit(Entry { name, ino, kind, next: NAMES_AT + key + 1 })
        })
    }

    fn caches_absence(&self) -> bool {
        false
    }

    fn create(&self, _name: &[u8], _new: &New) -> Result<Arc<dyn Inode>> {
        Err(EPERM)
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

impl<T: Subject> Link for Node<T> {
    fn text(&self, caller: &Caller) -> Result<Arc<[u8]>> {
        let cx = self.cx(Some(caller.cred));
        match self.body {
            Body::Link(leads) => leads(&cx, caller),
            Body::Magic(magic) => magic.text(&cx, caller),
            _ => Err(EINVAL),
        }
    }

    fn follow(&self, caller: &Caller) -> Result<Target> {
        match self.body {
            Body::Magic(magic) => {
                magic.follow(&self.cx(Some(caller.cred)), caller).map(Target::Jump)
            }
            _ => self.text(caller).map(Target::Text),
        }
    }
}

impl<T: Subject> Made for Node<T> {
    fn open(&self, caller: &Caller) -> Result<Arc<dyn FileOps>> {
        let cx = self.cx(Some(caller.cred));
        if let Some(guard) = self.extras.guard {
            guard(&cx, caller)?;
        }
        match self.body {
            Body::Raw(open) => open(&cx, caller),
            Body::Dir(_) | Body::Link(_) | Body::Magic(_) => Err(EIO),
            Body::Text(_) | Body::List(_) | Body::Value(_) | Body::Trigger => {
                Ok(Arc::new(OpenRow::new(&cx, self.body, self.extras)))
            }
        }
    }
}
