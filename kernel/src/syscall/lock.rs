//! flock(2), and the record locks of fcntl(2).

use crate::fs::locks::{self, Bytes, Kind, Lock, Owner, Style};
use crate::fs::{Fd, File};
use crate::mm::user::UserInOut;
use crate::process::Cx;
use abi::errno::{EBADF, EINVAL, EOVERFLOW, Result};
use abi::fs::{
    F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW, F_RDLCK, F_SETLKW, F_UNLCK, F_WRLCK, Flock, FlockOp,
    SEEK_CUR, SEEK_END, SEEK_SET,
};
use alloc::sync::Arc;

/// The locks of other processes as those of open file descriptions show them.
const NO_PID: i32 = -1;

/// flock(2)
pub fn flock(cx: &mut Cx, fd: Fd, op: u32) -> Result<()> {
    let op = FlockOp(op);
    // Mandatory locks are gone from Linux; who asks for one is told that it has it.
    if op.has(FlockOp::MAND) {
        return Ok(());
    }
    let kind = match op.without(FlockOp::NB) {
        FlockOp::SH => Some(Kind::Read),
        FlockOp::EX => Some(Kind::Write),
        FlockOp::UN => None,
        _ => return Err(EINVAL),
    };
    let file = cx.usable_file(fd)?;
    if kind.is_some() && !file.readable() && !file.writable() {
        return Err(EBADF);
    }
    let locks = cx.with_caller(|c| locks::of(c, &file))?;
    let owner = Owner::of(&*file);
    let Some(kind) = kind else {
        locks.unflock(owner);
        return Ok(());
    };
    let pid = cx.process().pid.0;
    let wanted = Lock { style: Style::Flock, owner, pid, kind, bytes: Bytes::ALL };
    locks.lock(&wanted, !op.has(FlockOp::NB))
}

/// `F_GETLK`, `F_SETLK`, `F_SETLKW` and the same for open file descriptions.
pub(super) fn record(cx: &Cx, fd: Fd, file: &Arc<File>, cmd: u32, arg: u64) -> Result<()> {
    let user = UserInOut::<Flock>::new(arg);
    let asked = user.read(cx.space())?;
    let of_file = matches!(cmd, F_OFD_GETLK | F_OFD_SETLK | F_OFD_SETLKW);
    let gets = matches!(cmd, abi::fs::F_GETLK | F_OFD_GETLK);
    if gets && !matches!(asked.l_type, F_RDLCK | F_WRLCK) {
        return Err(EINVAL);
    }
    let bytes = bytes(file, &asked)?;
    let kind = match asked.l_type {
        F_RDLCK => Some(Kind::Read),
        F_WRLCK => Some(Kind::Write),
        F_UNLCK => None,
        _ => return Err(EINVAL),
    };
    if !gets {
        may_lock(file, kind)?;
    }
    if of_file && asked.l_pid != 0 {
        return Err(EINVAL);
    }
    let locks = cx.with_caller(|c| locks::of(c, file))?;
    let (style, owner, pid) = match of_file {
        true => (Style::Ofd, Owner::of(&**file), NO_PID),
        false => (Style::Posix, Owner::of(&**cx.files()), cx.process().pid.0),
    };
    let Some(kind) = kind else { return locks.unlock(owner, bytes) };
    let wanted = Lock { style, owner, pid, kind, bytes };
    if gets {
        let answer = match locks.conflict(&wanted) {
            Some(other) => told(&other),
            None => Flock { l_type: F_UNLCK, ..asked },
        };
        return user.write(cx.space(), &answer);
    }
    locks.lock(&wanted, matches!(cmd, F_SETLKW | F_OFD_SETLKW))?;
    // Another thread may have closed the descriptor meanwhile, and with it the lock that was not
    // there yet.
    if !of_file && !cx.file(fd).is_ok_and(|now| Arc::ptr_eq(&now, file)) {
        locks.unlock(owner, bytes)?;
        return Err(EBADF);
    }
    Ok(())
}

/// Which bytes are meant (`flock_to_posix_lock`): `EINVAL` below the begin of the file, `EOVERFLOW`
/// beyond the last offset.
fn bytes(file: &File, asked: &Flock) -> Result<Bytes> {
    let base = match u32::from(asked.l_whence as u16) {
        SEEK_SET => 0,
        SEEK_CUR => file.offset() as i64,
        SEEK_END => file.inode().attr().size as i64,
        _ => return Err(EINVAL),
    };
    let start = base.checked_add(asked.l_start).ok_or(EOVERFLOW)?;
    if start < 0 {
        return Err(EINVAL);
    }
    let (first, last) = match asked.l_len {
        0 => (start, i64::MAX),
        1.. => (start, start.checked_add(asked.l_len - 1).ok_or(EOVERFLOW)?),
        _ => (start.checked_add(asked.l_len).filter(|&first| first >= 0).ok_or(EINVAL)?, start - 1),
    };
    Ok(Bytes { first: first as u64, last: last as u64 })
}

/// A shared lock is for those who read, the other for those who write.
fn may_lock(file: &File, kind: Option<Kind>) -> Result<()> {
    let may = match kind {
        Some(Kind::Read) => file.readable(),
        Some(Kind::Write) => file.writable(),
        None => true,
    };
    if may { Ok(()) } else { Err(EBADF) }
}

/// A lock as `F_GETLK` tells it.
fn told(lock: &Lock) -> Flock {
    let Bytes { first, last } = lock.bytes;
    Flock {
        l_type: match lock.kind {
            Kind::Read => F_RDLCK,
            Kind::Write => F_WRLCK,
        },
        l_whence: SEEK_SET as i16,
        l_start: first as i64,
        l_len: if last == Bytes::END { 0 } else { (last - first + 1) as i64 },
        l_pid: lock.pid,
    }
}
