//! mount(2) and umount2(2).

use super::{CWD, find};
use crate::mm::user::{UserPath, UserStr};
use crate::process::Cx;
use abi::errno::{EFAULT, EINVAL, EPERM, Result};
use abi::fs::{MountFlags, PATH_MAX, UmountFlags};
use abi::process::CAP_SYS_ADMIN;
use alloc::vec::Vec;

/// Bytes of options that mount(2) reads: a page, like Linux.
const OPTIONS: usize = 4096;

/// The upper half of the flags once had to be this; it is ignored.
const MS_MGC_VAL: u64 = 0xc0ed_0000;

/// mount(2)
pub fn mount(
    cx: &mut Cx,
    source: Option<UserStr>,
    target: UserPath,
    kind: Option<UserStr>,
    flags: u64,
    options: u64,
) -> Result<()> {
    let space = cx.space();
    let text = |given: Option<UserStr>, max| match given {
        Some(given) => given.read(space, max),
        None => Ok(Vec::new()),
    };
    let kind_name = text(kind, PATH_MAX)?;
    let source_name = text(source, PATH_MAX)?;
    let options = read_options(cx, options)?;
    let at = find(cx, CWD, target, true)?;
    if !cx.cred().capable(CAP_SYS_ADMIN) {
        return Err(EPERM);
    }
    let magic = flags & 0xffff_0000 == MS_MGC_VAL;
    let flags = MountFlags(if magic { flags & 0xffff } else { flags });
    let mounts = &cx.fs().mounts;
    let propagation =
        MountFlags::SHARED | MountFlags::PRIVATE | MountFlags::SLAVE | MountFlags::UNBINDABLE;
    if flags.has(MountFlags::REMOUNT) {
        return mounts.remount(&at, with_atime(flags));
    }
    if flags.has(MountFlags::BIND) {
        let source = source.ok_or(EINVAL)?;
        let from = find(cx, CWD, UserPath::new(source.addr()), true)?;
        return mounts.bind(&from, at);
    }
    if flags.intersects(propagation) {
        // There is one name space: nothing propagates anywhere.
        return if at.is_mount_root() { Ok(()) } else { Err(EINVAL) };
    }
    if flags.has(MountFlags::MOVE) {
        let source = source.ok_or(EINVAL)?;
        let from = find(cx, CWD, UserPath::new(source.addr()), true)?;
        return mounts.move_mount(&from, at);
    }
    if kind.is_none() {
        return Err(EINVAL);
    }
    let shown = if source.is_some() { &source_name[..] } else { b"none" };
    mounts.mount(shown, at, &kind_name, with_atime(flags), &options)
}

/// Without a word on times of last read they are kept roughly.
fn with_atime(flags: MountFlags) -> MountFlags {
    if flags.has(MountFlags::STRICTATIME) {
        flags.without(MountFlags::RELATIME | MountFlags::NOATIME)
    } else if flags.has(MountFlags::NOATIME) {
        flags.without(MountFlags::RELATIME)
    } else {
        flags | MountFlags::RELATIME
    }
}

/// A page at most, up to its NUL; what lies behind the end of the memory is not needed.
fn read_options(cx: &Cx, at: u64) -> Result<Vec<u8>> {
    if at == 0 {
        return Ok(Vec::new());
    }
    let mut page = alloc::vec![0; OPTIONS];
    let n = cx.space().copy_in_partial(at, &mut page);
    if n == 0 {
        return Err(EFAULT);
    }
    let end = page.iter().take(n).position(|&b| b == 0).unwrap_or(n);
    page.truncate(end);
    Ok(page)
}

/// umount2(2)
pub fn umount2(cx: &mut Cx, target: UserPath, flags: u32) -> Result<()> {
    let flags = UmountFlags::checked(flags).ok_or(EINVAL)?;
    let at = find(cx, CWD, target, !flags.has(UmountFlags::NOFOLLOW))?;
    if !cx.cred().capable(CAP_SYS_ADMIN) {
        return Err(EPERM);
    }
    cx.fs().mounts.unmount(&at, flags.has(UmountFlags::DETACH))
}
