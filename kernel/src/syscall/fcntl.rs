//! fcntl(2): what is asked and changed of descriptors and open files.

use super::lock;
use crate::fs::access::is_owner;
use crate::fs::sigio::{Recipient, Sender};
use crate::fs::{Fd, File, Kind, pipe, tmpfs};
use crate::mm::user::{UserIn, UserOut};
use crate::process::{Cx, sigio};
use abi::errno::{EBADF, EINVAL, ENOTTY, EPERM, ESRCH, Result};
use abi::fs::{
    F_ADD_SEALS, F_DUPFD, F_DUPFD_CLOEXEC, F_GET_RW_HINT, F_GET_SEALS, F_GETFD, F_GETFL, F_GETLK,
    F_GETOWN, F_GETOWN_EX, F_GETOWNER_UIDS, F_GETPIPE_SZ, F_GETSIG, F_OFD_GETLK, F_OFD_SETLK,
    F_OFD_SETLKW, F_OWNER_PGRP, F_OWNER_PID, F_OWNER_TID, F_SET_RW_HINT, F_SETFD, F_SETFL, F_SETLK,
    F_SETLKW, F_SETOWN, F_SETOWN_EX, F_SETPIPE_SZ, F_SETSIG, FD_CLOEXEC, FOwnerEx, OpenFlags,
    RWH_WRITE_LIFE_EXTREME,
};
use abi::process::RLIMIT_NOFILE;
use abi::signal::NSIG;
use alloc::sync::Arc;
use core::sync::atomic::Ordering::Relaxed;

/// fcntl(2)
pub fn fcntl(cx: &mut Cx, fd: Fd, cmd: u32, arg: u64) -> Result<u64> {
    let file = cx.file(fd)?;
    let files = cx.files();
    match cmd {
        F_DUPFD | F_DUPFD_CLOEXEC => {
            let limit = cx.limit(RLIMIT_NOFILE);
            let min = usize::try_from(arg as u32).ok().filter(|&min| (min as u64) < limit);
            let new = files.reserve_from(min.ok_or(EINVAL)?, limit, cmd == F_DUPFD_CLOEXEC)?;
            Ok(new.install(file).0 as u64)
        }
        F_GETFD => Ok(if files.cloexec(fd)? { FD_CLOEXEC.into() } else { 0 }),
        F_SETFD => files.set_cloexec(fd, arg & u64::from(FD_CLOEXEC) != 0).map(|()| 0),
        F_GETFL => Ok(file.flags().bits().into()),
        _ if file.is_path() => Err(EBADF),
        F_SETFL => set_flags(cx, fd, &file, OpenFlags(arg as u32)).map(|()| 0),
        F_GETLK | F_SETLK | F_SETLKW | F_OFD_GETLK | F_OFD_SETLK | F_OFD_SETLKW => {
            lock::record(cx, fd, &file, cmd, arg).map(|()| 0)
        }
        F_GETPIPE_SZ | F_SETPIPE_SZ => cx.with_caller(|c| pipe::fcntl(&file, c, cmd, arg)),
        F_ADD_SEALS => tmpfs::add_seals(&file, arg as u32).map(|()| 0),
        F_GET_SEALS => Ok(tmpfs::seals(&file)?.bits().into()),
        F_GETSIG => Ok(file.teller().signal().into()),
        F_SETSIG => {
            let signal = u32::try_from(arg).ok().filter(|signal| *signal <= NSIG).ok_or(EINVAL)?;
            file.teller().set_signal(signal);
            Ok(0)
        }
        F_GETOWN | F_GETOWN_EX | F_GETOWNER_UIDS => owner(cx, &file, cmd, arg),
        F_SETOWN => {
            let (kind, id) = match arg as i32 {
                i32::MIN => return Err(EINVAL),
                id @ ..0 => (F_OWNER_PGRP, -id),
                id => (F_OWNER_PID, id),
            };
            set_owner(cx, &file, kind, id)
        }
        F_SETOWN_EX => {
            let asked = UserIn::<FOwnerEx>::new(arg).read(cx.space())?;
            if !matches!(asked.r#type, F_OWNER_TID | F_OWNER_PID | F_OWNER_PGRP) {
                return Err(EINVAL);
            }
            set_owner(cx, &file, asked.r#type, asked.pid)
        }
        F_GET_RW_HINT | F_SET_RW_HINT => write_hint(cx, &file, cmd, arg),
        _ => Err(EINVAL),
    }
}

/// `F_SETFL`
fn set_flags(cx: &Cx, fd: Fd, file: &File, flags: OpenFlags) -> Result<()> {
    let regular = matches!(file.inode().kind(), Kind::File(_));
    if flags.has(OpenFlags::DIRECT) && regular {
        return Err(EINVAL);
    }
    let atime = flags.has(OpenFlags::NOATIME) && !file.flags().has(OpenFlags::NOATIME);
    if atime && !is_owner(cx.cred(), &file.inode().attr()) {
        return Err(EPERM);
    }
    match file.set_async(fd.0, flags.has(OpenFlags::ASYNC)) {
        // Asking what tells nothing to do so is no error here.
        Ok(()) | Err(ENOTTY) => {}
        Err(why) => return Err(why),
    }
    file.set_flags(flags);
    Ok(())
}

/// `F_SETOWN`, `F_SETOWN_EX`. Number 0 is nobody.
fn set_owner(cx: &Cx, file: &File, kind: i32, id: i32) -> Result<u64> {
    let owner: Option<Arc<dyn Recipient>> = match id {
        0 => None,
        id if id < 0 => return Err(ESRCH),
        id => Some(sigio::recipient(cx.kernel, kind, id)?),
    };
    let from = Sender { uid: cx.cred().uid, euid: cx.cred().euid };
    file.teller().set_owner(kind, owner, from);
    Ok(0)
}

/// `F_GETOWN`, `F_GETOWN_EX`, `F_GETOWNER_UIDS`
fn owner(cx: &Cx, file: &File, cmd: u32, arg: u64) -> Result<u64> {
    let (kind, id, from) = file.teller().owner();
    match cmd {
        F_GETOWN if kind == F_OWNER_PGRP => Ok(-i64::from(id) as u64),
        F_GETOWN => Ok(id as u64),
        F_GETOWN_EX => {
            let answer = FOwnerEx { r#type: kind, pid: id };
            UserOut::<FOwnerEx>::new(arg).write(cx.space(), &answer).map(|()| 0)
        }
        _ => {
            let ids = [from.uid.0, from.euid.0];
            UserOut::<[u32; 2]>::new(arg).write(cx.space(), &ids).map(|()| 0)
        }
    }
}

/// `F_GET_RW_HINT`, `F_SET_RW_HINT`: remembered with the inode, and nothing comes of it here.
fn write_hint(cx: &Cx, file: &File, cmd: u32, arg: u64) -> Result<u64> {
    let hint = &file.inode().attached().ok_or(EINVAL)?.write_hint;
    if cmd == F_GET_RW_HINT {
        let hint = u64::from(hint.load(Relaxed));
        return UserOut::<u64>::new(arg).write(cx.space(), &hint).map(|()| 0);
    }
    let new = UserIn::<u64>::new(arg).read(cx.space())?;
    if new > RWH_WRITE_LIFE_EXTREME {
        return Err(EINVAL);
    }
    hint.store(new as u8, Relaxed);
    Ok(0)
}
