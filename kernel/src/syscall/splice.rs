//! Bytes from file to file: splice(2), tee(2), vmsplice(2), sendfile(2), copy_file_range(2).

use crate::fs::splice::{self as moving, Place, no_place};
use crate::fs::{Caller, Fd};
use crate::mm::io::{UserSink, UserSource, segments};
use crate::mm::user::{In, UserInOut, UserList};
use crate::process::Cx;
use abi::errno::{EBADF, EINVAL, ESPIPE, Result};
use abi::fs::{Iovec, SpliceFlags};

/// An offset in user memory, or none.
type At = Option<UserInOut<i64>>;

fn load(cx: &Cx, at: At) -> Result<Option<i64>> {
    at.map(|at| at.read(cx.space())).transpose()
}

/// Moves bytes and notes how many: the offsets go back to where they came from.
fn run(
    cx: &Cx,
    places: [(At, Option<i64>); 2],
    f: impl FnOnce(&Caller, [Place; 2]) -> Result<usize>,
) -> Result<usize> {
    let [(from_user, mut from), (to_user, mut to)] = places;
    let done = cx.with_caller(|c| f(c, [from.as_mut(), to.as_mut()]));
    cx.thread.io.read(&done);
    cx.thread.io.wrote(&done);
    if done.is_ok() {
        for (user, at) in [(from_user, from), (to_user, to)] {
            if let (Some(user), Some(at)) = (user, at) {
                user.write(cx.space(), &at)?;
            }
        }
    }
    done
}

fn known(flags: u32) -> Result<SpliceFlags> {
    SpliceFlags::checked(flags).ok_or(EINVAL)
}

/// splice(2)
pub fn splice(
    cx: &mut Cx,
    from: Fd,
    from_at: At,
    to: Fd,
    to_at: At,
    len: usize,
    flags: u32,
) -> Result<usize> {
    if len == 0 {
        return Ok(0);
    }
    let flags = known(flags)?;
    let (from, to) = (cx.usable_file(from)?, cx.usable_file(to)?);
    no_place(&from, from_at.is_some())?;
    no_place(&to, to_at.is_some())?;
    let places = [(from_at, load(cx, from_at)?), (to_at, load(cx, to_at)?)];
    run(cx, places, |c, [a, b]| moving::splice(c, &from, a, &to, b, len, flags))
}

/// tee(2)
pub fn tee(cx: &mut Cx, from: Fd, to: Fd, len: usize, flags: u32) -> Result<usize> {
    let flags = known(flags)?;
    if len == 0 {
        return Ok(0);
    }
    let (from, to) = (cx.usable_file(from)?, cx.usable_file(to)?);
    cx.with_caller(|c| moving::tee(c, &from, &to, len, flags))
}

/// vmsplice(2)
pub fn vmsplice(cx: &mut Cx, fd: Fd, list: UserList<Iovec, In>, flags: u32) -> Result<usize> {
    let flags = known(flags)?;
    let file = cx.usable_file(fd)?;
    if !file.readable() && !file.writable() {
        return Err(EBADF);
    }
    let list = segments(cx.space(), list)?;
    if list.iter().all(|segment| segment.len == 0) {
        return Ok(0);
    }
    cx.with_caller(|c| match file.writable() {
        true => {
            let mut source = UserSource::list(cx.space(), &list);
            moving::from_memory(c, &file, &mut source, flags)
        }
        false => {
            let mut sink = UserSink::list(cx.space(), &list);
            moving::to_memory(c, &file, &mut sink, flags)
        }
    })
}

/// sendfile(2)
pub fn sendfile(cx: &mut Cx, to: Fd, from: Fd, at: At, count: usize) -> Result<usize> {
    let start = load(cx, at)?;
    let from = cx.usable_file(from)?;
    if !from.readable() {
        return Err(EBADF);
    }
    if at.is_some() && !from.ops().is_seekable() {
        return Err(ESPIPE);
    }
    let to = cx.usable_file(to)?;
    if !to.writable() {
        return Err(EBADF);
    }
    run(cx, [(at, start), (None, None)], |c, [at, _]| moving::sendfile(c, &from, at, &to, count))
}

/// copy_file_range(2)
pub fn copy_file_range(
    cx: &mut Cx,
    from: Fd,
    from_at: At,
    to: Fd,
    to_at: At,
    count: usize,
    flags: u32,
) -> Result<usize> {
    let (from, to) = (cx.usable_file(from)?, cx.usable_file(to)?);
    let places = [(from_at, load(cx, from_at)?), (to_at, load(cx, to_at)?)];
    if flags != 0 {
        return Err(EINVAL);
    }
    run(cx, places, |c, [a, b]| moving::copy_file_range(c, &from, a, &to, b, count))
}
