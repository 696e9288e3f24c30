//! System calls of inotify(7).

use abi::errno::{EINVAL, Result};
use abi::fs::{InotifyInitFlags, InotifyMask as Mask};
use abi::process::RLIMIT_NOFILE;

use crate::fs::path::lookup;
use crate::fs::{Fd, notify};
use crate::mm::user::UserPath;
use crate::process::Cx;

/// inotify_init(2)
pub fn inotify_init(cx: &mut Cx) -> Result<Fd> {
    inotify_init1(cx, 0)
}

/// inotify_init1(2)
pub fn inotify_init1(cx: &mut Cx, flags: u32) -> Result<Fd> {
    let flags = InotifyInitFlags::checked(flags).ok_or(EINVAL)?;
    let file = cx.with_caller(|c| notify::open(c, cx.cred(), flags))?;
    cx.files().insert(file, cx.limit(RLIMIT_NOFILE), flags.has(InotifyInitFlags::CLOEXEC))
}

/// inotify_add_watch(2)
pub fn inotify_add_watch(cx: &mut Cx, fd: Fd, path: UserPath, mask: u32) -> Result<u32> {
    let mask = Mask::checked(mask).filter(|mask| !mask.is_empty()).ok_or(EINVAL)?;
    let file = cx.usable_file(fd)?;
    if mask.has(Mask::MASK_ADD | Mask::MASK_CREATE) {
        return Err(EINVAL);
    }
    let path = || path.read(cx.space());
    cx.with_caller(|c| {
        let find = |follow| lookup(c, None, &path()?, follow);
        notify::add(c, &file, find, mask).map(|wd| wd as u32)
    })
}

/// inotify_rm_watch(2)
pub fn inotify_rm_watch(cx: &mut Cx, fd: Fd, wd: i32) -> Result<()> {
    let file = cx.usable_file(fd)?;
    notify::remove(&file, wd)
}
