//! The file system as mount(2) knows it, and the options of proc(5).

use super::node::Node;
use super::root::ROOT;
use super::table::Body;
use crate::cred::Gid;
use crate::fs::inode::{FileSystem, Inode, MountArgs};
use crate::process::Kernel;
use crate::time::{RealTime, timespec};
use abi::errno::EINVAL;
use abi::fs::{NAME_MAX, PROC_SUPER_MAGIC, Statfs};
use abi::time::Timespec;
use abi::{Result, Wire};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering::Relaxed};

/// The number of the root directory (`PROC_ROOT_INO`).
const ROOT_INO: u64 = 1;

/// What all nodes of one mounted `/proc` share.
pub struct Shared {
    pub(super) kernel: &'static Kernel,
    pub(super) dev: u64,
    clock: &'static RealTime,
    options: Options,
}

/// What others may know of a process (`hidepid=`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hide {
    /// All that permissions give.
    Off = 0,
    /// That there is one, but nothing in its directory.
    NoAccess = 1,
    /// Nothing.
    Invisible = 2,
    /// Nothing, not even the group that `gid=` names.
    Ptraceable = 4,
}

impl Hide {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Off, "off"),
        (Self::NoAccess, "noaccess"),
        (Self::Invisible, "invisible"),
        (Self::Ptraceable, "ptraceable"),
    ];

    /// From its number or its name.
    fn parse(text: &[u8]) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|(hide, name)| {
            name.as_bytes() == text || number(text).is_ok_and(|number| number == *hide as u32)
        });
        found.map(|(hide, _)| hide).ok_or(EINVAL)
    }

    fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(hide, _)| *hide == self).map_or("", |(_, name)| name)
    }
}

/// The options of mount(2).
#[derive(Debug, Default)]
struct Options {
    hide: AtomicU8,
    /// Who is exempt from hiding.
    gid: AtomicU32,
    /// Nothing but processes is shown (`subset=pid`).
    only_pids: AtomicBool,
}

fn number(text: &[u8]) -> Result<u32> {
    core::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(EINVAL)
}

impl Options {
    /// Changes what `text` says, if all of it is good: else `EINVAL`.
    fn change(&self, text: &[u8]) -> Result<()> {
        let (mut hide, mut gid, mut only_pids) = (None, None, None);
        for word in text.split(|&b| b == b',').filter(|word| !word.is_empty()) {
            let at = word.iter().position(|&b| b == b'=').ok_or(EINVAL)?;
            let (key, value) = word.split_at(at);
            let value = value.get(1..).unwrap_or_default();
            match key {
                b"hidepid" => hide = Some(Hide::parse(value)?),
                b"gid" => gid = Some(number(value)?),
                b"subset" => {
                    // A list, which may be empty, with the one word that there is.
                    let mut parts = value.split(|&b| b == b'+').filter(|part| !part.is_empty());
                    if !parts.all(|part| part == b"pid") {
                        return Err(EINVAL);
                    }
                    only_pids = Some(!value.is_empty());
                }
                _ => return Err(EINVAL),
            }
        }
        if let Some(hide) = hide {
            self.hide.store(hide as u8, Relaxed);
        }
        if let Some(gid) = gid {
            self.gid.store(gid, Relaxed);
        }
        if let Some(only_pids) = only_pids {
            self.only_pids.store(only_pids, Relaxed);
        }
        Ok(())
    }
}

impl Shared {
    /// A file system with device number `dev` and Linux's default options.
    pub(super) fn new(kernel: &'static Kernel, dev: u64, clock: &'static RealTime) -> Self {
        Self { kernel, dev, clock, options: Options::default() }
    }

    pub(super) fn now(&self) -> Timespec {
        timespec(self.clock.now_ns())
    }

    /// What others may know of a process.
    pub(super) fn hide(&self) -> Hide {
        let number = self.options.hide.load(Relaxed);
        let found = Hide::ALL.into_iter().find(|(hide, _)| *hide as u8 == number);
        found.map_or(Hide::Off, |(hide, _)| hide)
    }

    /// Who may know all the same.
    pub(super) fn gid(&self) -> Gid {
        Gid(self.options.gid.load(Relaxed))
    }

    /// Is there nothing but processes?
    pub(super) fn only_pids(&self) -> bool {
        self.options.only_pids.load(Relaxed)
    }
}

struct ProcFs {
    shared: Arc<Shared>,
    root: Arc<Node<()>>,
}

/// Mounts the state of `kernel`.
pub fn mount(kernel: &'static Kernel, args: &MountArgs) -> Result<Box<dyn FileSystem>> {
    let shared = Arc::new(Shared::new(kernel, args.dev, args.clock));
    shared.options.change(args.options)?;
    let root = Arc::new(Node::new(shared.clone(), ROOT_INO, (), 0o555, Body::Dir(&ROOT)));
    Ok(Box::new(ProcFs { shared, root }))
}

impl FileSystem for ProcFs {
    fn root(&self) -> Arc<dyn Inode> {
        self.root.clone()
    }

    fn statfs(&self) -> Statfs {
        Statfs {
            f_type: PROC_SUPER_MAGIC as i64,
            f_bsize: 4096,
            f_frsize: 4096,
            f_namelen: NAME_MAX as i64,
            ..Statfs::ZERO
        }
    }

    fn show_options(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        if self.shared.gid() != Gid(0) {
            write!(out, ",gid={}", self.shared.gid().0)?;
        }
        if self.shared.hide() != Hide::Off {
            write!(out, ",hidepid={}", self.shared.hide().name())?;
        }
        if self.shared.only_pids() {
            write!(out, ",subset=pid")?;
        }
        Ok(())
    }

    fn reconfigure(&self, options: &[u8]) -> Result<()> {
        self.shared.options.change(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options() {
        let options = Options::default();
        let now = || {
            let Options { hide, gid, only_pids } = &options;
            (hide.load(Relaxed), gid.load(Relaxed), only_pids.load(Relaxed))
        };
        assert_eq!(options.change(b"hidepid=2,gid=7"), Ok(()));
        assert_eq!(now(), (2, 7, false));
        assert_eq!(options.change(b"hidepid=ptraceable,,subset=pid"), Ok(()));
        assert_eq!(now(), (4, 7, true));
        for bad in ["hidepid=3", "hidepid", "hidepid=1,what=1", "gid=x", "gid=-1", "subset=x"] {
            assert_eq!(options.change(bad.as_bytes()), Err(EINVAL), "{bad}");
        }
        assert_eq!(now(), (4, 7, true), "all or nothing");
        assert_eq!(options.change(b"hidepid=off,subset="), Ok(()));
        assert_eq!(now(), (0, 7, false));
    }
}
