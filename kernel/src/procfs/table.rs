//! The tables: what a directory of `/proc` has.
//!
//! ```text
//! static ROOT: Dir<()> = Dir::new(&[
//!     text("uptime", 0o444, time::uptime),        // made anew by every read at offset 0
//!     list("locks", 0o444, locks::next),          // made piece by piece
//!     raw("kmsg", 0o400, kmsg::open),             // file operations of its own
//!     link("mounts", |_, _| to("self/mounts")),
//!     dir("sys", &sys::SYS),
//! ]).with(&Pids);                                 // and names that no table can list
//! ```
//!
//! A table is about a subject ([`Subject`]): nothing (`()`) for the machine as a whole, a process
//! for `/proc/PID`. Its rows get it as [`ProcCx::target`], typed.

use super::{mount::Shared, node::Node, text::Text};
use crate::cred::{Cred, Gid, Uid};
use crate::fs::inode::Inode;
use crate::fs::{Caller, FileOps, Path};
use crate::mm::io::Source;
use crate::process::Kernel;
use crate::wait::Watch;
use abi::errno::{EINVAL, EIO, ENOMEM, Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;

/// What the rows of a table tell about. Cheap to clone; holds nothing alive (a process: weakly).
pub trait Subject: Clone + Send + Sync + 'static {
    /// What reading and writing a row say that cannot do it.
    const LACKING: Errno;

    /// Is it a process, or does it belong to one?
    const ABOUT_PROCESSES: bool = true;

    /// The size that links about it are said to have.
    const LINK_SIZE: u64 = 0;

    /// Whether it is gone, so that cached names of it mean nothing any more. Asked on every walk.
    fn is_stale(&self) -> bool {
        false
    }

    /// Does this mount hide it from the running thread (`hidepid=`)? Then it is not to be found.
    fn is_hidden(&self, fs: &Shared) -> bool {
        let _ = fs;
        false
    }

    /// May the running thread, which acts as `cred`, use its directory on this mount at all?
    fn may_enter(&self, fs: &Shared, cred: &Cred) -> Result<()> {
        let _ = (fs, cred);
        Ok(())
    }

    /// Who owns a row with this type and these permissions.
    fn owner(&self, mode: u32) -> (Uid, Gid) {
        let _ = mode;
        (Uid::ROOT, Gid(0))
    }
}

/// The machine as a whole.
impl Subject for () {
    const LACKING: Errno = EIO;
    const ABOUT_PROCESSES: bool = false;
}

/// What a row's function may know.
pub struct ProcCx<'a, T> {
    /// The kernel.
    pub kernel: &'static Kernel,
    /// What the table is about.
    pub target: &'a T,
    /// Who opened the file, or walks through the link; nobody for lookups and listings.
    pub opener: Option<&'a Cred>,
    /// The file system, for making nodes.
    pub(super) fs: &'a Arc<Shared>,
    /// The inode number of the row or directory.
    pub(super) ino: u64,
}

impl<T> ProcCx<'_, T> {
    /// A node for the entry `key` of this directory, for [`Names::find`].
    pub fn node<U: Subject>(
        &self,
        key: u64,
        target: U,
        perm: u32,
        what: Body<U>,
    ) -> Result<Arc<dyn Inode>> {
        hal::heap::admit().map_err(|_| ENOMEM)?;
        Ok(Arc::new(Node::new(self.fs.clone(), name_number(self.ino, key), target, perm, what)))
    }
}

impl<'a, T> ProcCx<'a, T> {
    /// The same about another subject.
    pub fn about<'b, U>(&'b self, target: &'b U) -> ProcCx<'b, U>
    where
        'a: 'b,
    {
        ProcCx { kernel: self.kernel, target, opener: self.opener, fs: self.fs, ino: self.ino }
    }
}

/// Makes the whole text.
pub type Make<T> = fn(&ProcCx<T>, &mut Text) -> Result<()>;
/// Appends the records from key `from` (0: the first) on, one at least, until there are no more or
/// [`Text::is_full`]. Returns the key to go on with, or `None` at the end. Keys only rise.
pub type Next<T> = fn(&ProcCx<T>, from: u64, out: &mut Text) -> Result<Option<u64>>;
/// Opens a file that has operations of its own.
pub type Open<T> = fn(&ProcCx<T>, &Caller) -> Result<Arc<dyn FileOps>>;
/// Takes what is written at a position of the file; returns how many bytes.
pub type Write<T> = fn(&ProcCx<T>, &Caller, at: u64, from: &mut dyn Source) -> Result<usize>;
/// Says who may open a file, besides the permissions.
pub type Guard<T> = fn(&ProcCx<T>, &Caller) -> Result<()>;
/// Where a symbolic link leads, as text.
pub type Leads<T> = fn(&ProcCx<T>, &Caller) -> Result<Arc<[u8]>>;

/// A file whose text and writing are one object: settings.
pub trait Value<T>: Sync {
    /// Makes the text.
    fn show(&self, cx: &ProcCx<T>, out: &mut Text) -> Result<()>;

    /// Takes what is written at a position; returns how many bytes.
    fn store(&self, cx: &ProcCx<T>, c: &Caller, at: u64, from: &mut dyn Source) -> Result<usize>;

    /// Do its permissions bind the superuser, too, as those of `/proc/sys` do?
    fn is_setting(&self) -> bool {
        false
    }

    /// Has it no text but at offset 0, whatever the text's length?
    fn at_start_only(&self) -> bool {
        false
    }
}

/// A link that leads straight to a file, and has a text of its own to show.
pub trait Magic<T>: Sync {
    /// What readlink(2) shows.
    fn text(&self, cx: &ProcCx<T>, c: &Caller) -> Result<Arc<[u8]>>;

    /// Where a walk goes on.
    fn follow(&self, cx: &ProcCx<T>, c: &Caller) -> Result<Path>;
}

/// Names that come and go: processes, descriptors.
pub trait Names<T>: Sync {
    /// The node of a name, made with [`ProcCx::node`] under its key.
    fn find(&self, cx: &ProcCx<T>, name: &[u8]) -> Result<Option<Arc<dyn Inode>>>;

    /// Gives the entries from key `from` on, by rising key, until `emit` says `false`.
    fn list(&self, cx: &ProcCx<T>, from: u64, emit: &mut dyn FnMut(Named) -> bool) -> Result<()>;

    /// How many of them are directories, for the link count.
    fn dirs(&self, cx: &ProcCx<T>) -> u32 {
        let _ = cx;
        0
    }
}

/// An entry of [`Names`].
pub struct Named<'a> {
    /// Its place in the order; with the directory it decides the inode number.
    pub key: u64,
    /// Its name.
    pub name: &'a [u8],
    /// `DT_*`.
    pub kind: u8,
}

/// Tells poll(2) of changes: `POLLERR | POLLPRI` since the file was opened or polled last.
pub struct Changes<T> {
    /// Rises with every change.
    pub version: fn(&ProcCx<T>) -> u64,
    /// Has `watch` told of the next one.
    pub watch: fn(&ProcCx<T>, &mut Watch),
}

/// What a row is.
pub enum Body<T: 'static> {
    /// See [`Make`].
    Text(Make<T>),
    /// See [`Next`].
    List(Next<T>),
    /// See [`Value`].
    Value(&'static dyn Value<T>),
    /// Only for writing.
    Trigger,
    /// See [`Open`].
    Raw(Open<T>),
    /// See [`Leads`].
    Link(Leads<T>),
    /// See [`Magic`].
    Magic(&'static dyn Magic<T>),
    /// A directory about the same subject.
    Dir(&'static Dir<T>),
}

impl<T> Clone for Body<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Body<T> {}

/// What a row has besides its body. Made by the builders below; nothing by default.
pub struct Extras<T: 'static> {
    /// Takes what is written.
    pub(super) write: Option<Write<T>>,
    /// Asked when the file is opened: who may.
    pub(super) guard: Option<Guard<T>>,
    /// For poll(2).
    pub(super) changes: Option<&'static Changes<T>>,
    /// It is there even where only processes are shown.
    pub(super) about_processes: bool,
}

impl<T> Clone for Extras<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Extras<T> {}

impl<T> Extras<T> {
    pub(super) const NONE: Self =
        Self { write: None, guard: None, changes: None, about_processes: false };
}

/// A row of a table.
pub struct Row<T: 'static> {
    pub(super) name: &'static str,
    pub(super) perm: u32,
    pub(super) body: Body<T>,
    pub(super) extras: Extras<T>,
}

/// A directory.
pub struct Dir<T: 'static> {
    pub(super) rows: &'static [Row<T>],
    pub(super) names: Option<&'static dyn Names<T>>,
    /// It is part of `/proc/sys`.
    pub(super) settings: bool,
    /// See [`Dir::admitting`].
    pub(super) admits: Option<Admits<T>>,
}

/// Who may use a directory: is given what the permissions say, and has the last word.
pub type Admits<T> = fn(&ProcCx<T>, Result<()>) -> Result<()>;

impl<T> Dir<T> {
    /// A directory with these rows. They are listed in this order.
    pub const fn new(rows: &'static [Row<T>]) -> Self {
        Self { rows, names: None, settings: false, admits: None }
    }

    /// A directory of settings: it has one link, and its permissions bind the superuser, too.
    pub const fn settings(rows: &'static [Row<T>]) -> Self {
        Self { rows, names: None, settings: true, admits: None }
    }

    /// It has these names, too, which are listed after the rows.
    pub const fn with(self, names: &'static dyn Names<T>) -> Self {
        Self { names: Some(names), ..self }
    }

    /// `admits` says who may use it.
    pub const fn admitting(self, admits: Admits<T>) -> Self {
        Self { admits: Some(admits), ..self }
    }

    /// The row `name`, with its index.
    pub(super) fn row(&self, name: &[u8]) -> Option<(usize, &'static Row<T>)> {
        self.rows.iter().enumerate().find(|(_, row)| row.name.as_bytes() == name)
    }
}

const fn row<T>(name: &'static str, perm: u32, body: Body<T>) -> Row<T> {
    Row { name, perm, body, extras: Extras::NONE }
}

/// A file whose text is made anew by every read at offset 0.
pub const fn text<T>(name: &'static str, perm: u32, make: Make<T>) -> Row<T> {
    row(name, perm, Body::Text(make))
}

/// A file that is made piece by piece.
pub const fn list<T>(name: &'static str, perm: u32, next: Next<T>) -> Row<T> {
    row(name, perm, Body::List(next))
}

/// A setting.
pub const fn value<T>(name: &'static str, perm: u32, value: &'static dyn Value<T>) -> Row<T> {
    row(name, perm, Body::Value(value))
}

/// A file that is only written to.
pub const fn trigger<T>(name: &'static str, perm: u32, write: Write<T>) -> Row<T> {
    row(name, perm, Body::Trigger).writable(write)
}

/// A file with operations of its own.
pub const fn raw<T>(name: &'static str, perm: u32, open: Open<T>) -> Row<T> {
    row(name, perm, Body::Raw(open))
}

/// A symbolic link.
pub const fn link<T>(name: &'static str, leads: Leads<T>) -> Row<T> {
    row(name, 0o777, Body::Link(leads))
}

/// A symbolic link that is followed straight to a place.
pub const fn magic<T>(name: &'static str, magic: &'static dyn Magic<T>) -> Row<T> {
    row(name, 0o777, Body::Magic(magic))
}

/// A directory.
pub const fn dir<T>(name: &'static str, dir: &'static Dir<T>) -> Row<T> {
    row(name, 0o555, Body::Dir(dir))
}

impl<T> Row<T> {
    /// With permissions other than usual.
    pub const fn perm(mut self, perm: u32) -> Self {
        self.perm = perm;
        self
    }

    /// It can be written.
    pub const fn writable(mut self, write: Write<T>) -> Self {
        self.extras.write = Some(write);
        self
    }

    /// `guard` decides who may open it, besides the permissions.
    pub const fn guarded(mut self, guard: Guard<T>) -> Self {
        self.extras.guard = Some(guard);
        self
    }

    /// It is there even where only processes are shown (`subset=pid`).
    pub const fn about_processes(mut self) -> Self {
        self.extras.about_processes = true;
        self
    }

    /// poll(2) tells of changes.
    pub const fn changing(mut self, changes: &'static Changes<T>) -> Self {
        self.extras.changes = Some(changes);
        self
    }
}

/// A link's text.
pub fn leads_to(text: &[u8]) -> Result<Arc<[u8]>> {
    Ok(Arc::from(text))
}

/// What is written to a file, of which `max` bytes are looked at: `EINVAL` for more.
pub fn input(from: &mut dyn Source, max: usize) -> Result<Vec<u8>> {
    let len = from.left();
    if len > max {
        return Err(EINVAL);
    }
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(len).map_err(|_| ENOMEM)?;
    bytes.resize(len, 0);
    if from.get(&mut bytes)? < len {
        return Err(abi::errno::EFAULT);
    }
    Ok(bytes)
}

/// A number as a name: digits without a leading zero (`name_to_int`).
pub fn number_of(name: &[u8]) -> Option<u32> {
    match name {
        [] | [b'0', _, ..] => None,
        digits => digits.iter().try_fold(0_u32, |n, digit| {
            let digit = digit.wrapping_sub(b'0');
            if digit > 9 { None } else { n.checked_mul(10)?.checked_add(digit.into()) }
        }),
    }
}

/// The inode number of row `index` of directory `parent`.
pub(super) fn row_number(parent: u64, index: usize) -> u64 {
    mix(parent, index as u64)
}

/// The inode number of name `key` of directory `parent`.
pub(super) fn name_number(parent: u64, key: u64) -> u64 {
    mix(parent, key | 1 << 63)
}

/// Numbers are the same in every mount, and kept nowhere: 48 bits of a hash (splitmix64).
fn mix(parent: u64, key: u64) -> u64 {
    let mut z = parent.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ key;
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ z >> 31) >> 16
}
