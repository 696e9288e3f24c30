//! `ns/`: the name spaces a process is in (`fs/proc/namespaces.c`, namespaces(7)). There is one of
//! each kind, with the numbers that Linux gives its first ones.

use super::super::table::Magic;
use super::{Dir, ProcCx, Task, access, magic};
use crate::cred::{Gid, Uid};
use crate::fs::inode::{Attr, Change, Inode, Kind, Made};
use crate::fs::{Caller, FileOps, Path};
use abi::Result;
use abi::errno::{EACCES, EPERM};
use abi::fs::S_IFREG;
use abi::time::Timespec;
use alloc::sync::Arc;

pub static NS: Dir<Task> = Dir::new(&[
    magic("cgroup", &Ns { text: "cgroup:[4026531835]", number: 4_026_531_835 }),
    magic("ipc", &Ns { text: "ipc:[4026531839]", number: 4_026_531_839 }),
    magic("mnt", &Ns { text: "mnt:[4026531841]", number: 4_026_531_841 }),
    magic("net", &Ns { text: "net:[4026531840]", number: 4_026_531_840 }),
    magic("pid", &PID),
    magic("pid_for_children", &PID),
    magic("time", &TIME),
    magic("time_for_children", &TIME),
    magic("user", &Ns { text: "user:[4026531837]", number: 4_026_531_837 }),
    magic("uts", &Ns { text: "uts:[4026531838]", number: 4_026_531_838 }),
]);

const PID: Ns = Ns { text: "pid:[4026531836]", number: 4_026_531_836 };
const TIME: Ns = Ns { text: "time:[4026531834]", number: 4_026_531_834 };

/// A kind of name space, and the number of the one there is (`linux/proc_ns.h`).
struct Ns {
    text: &'static str,
    number: u64,
}

impl Magic<Task> for Ns {
    fn text(&self, cx: &ProcCx<Task>, _c: &Caller) -> Result<Arc<[u8]>> {
        access::look(cx).map_err(|_| EACCES)?;
        Ok(Arc::from(self.text.as_bytes()))
    }

    fn follow(&self, cx: &ProcCx<Task>, c: &Caller) -> Result<Path> {
        access::look(cx).map_err(|_| EACCES)?;
        let inode: Arc<dyn Inode> = Arc::new(Place { text: self.text, number: self.number });
        Ok(c.fs_info.mounts.nowhere(&inode))
    }
}

/// The device of name spaces, nsfs.
const NSFS_DEV: u64 = 4;

/// A name space as a file: something to be compared by its number, and kept open.
struct Place {
    text: &'static str,
    number: u64,
}

impl Inode for Place {
    fn attr(&self) -> Attr {
        let never = Timespec { tv_sec: 0, tv_nsec: 0 };
        Attr {
            dev: NSFS_DEV,
            ino: self.number,
            mode: S_IFREG | 0o444,
            nlink: 1,
            uid: Uid::ROOT,
            gid: Gid(0),
            rdev: 0,
            size: 0,
            blocks: 0,
            blksize: 4096,
            atime: never,
            mtime: never,
            ctime: never,
            btime: None,
        }
    }

    fn set_attr(&self, _change: &Change) -> Result<()> {
        Err(EPERM)
    }

    fn kind(&self) -> Kind<'_> {
        Kind::Made(self)
    }

    fn is_nameless(&self) -> bool {
        true
    }
}

impl Made for Place {
    fn open(&self, _caller: &Caller) -> Result<Arc<dyn FileOps>> {
        Ok(Arc::new(Opened(self.text)))
    }
}

/// There is nothing to be read.
struct Opened(&'static str);

impl FileOps for Opened {
    fn link_name(&self) -> Option<&'static str> {
        Some(self.0)
    }
}
