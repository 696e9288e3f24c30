//! process_vm_readv(2), process_vm_writev(2): copies to and from another process.

use abi::{
    errno::{EFAULT, EINVAL, ENOMEM, ESRCH, Result},
    fs::Iovec,
};
use alloc::{sync::Arc, vec::Vec};

use crate::{
    mm::{
        PAGE, Space,
        io::{Sink, Source, UIO_MAXIOV, UserSink, UserSource, segments},
        user::{In, UserList},
    },
    process::{Cx, Pid, access::As, signal},
};

/// process_vm_readv(2)
pub fn process_vm_readv(
    cx: &mut Cx,
    pid: i32,
    local: UserList<Iovec, In>,
    remote: UserList<Iovec, In>,
    flags: u64,
) -> Result<usize> {
    let local = local_side(cx, local, flags)?;
    let to = &mut UserSink::list(cx.space(), &local);
    if to.left() == 0 {
        return Ok(0);
    }
    let Some((space, remote)) = remote_side(cx, pid, remote)? else { return Ok(0) };
    each_page(&remote, |addr, len| {
        let len = len.min(to.left());
        let Some(frame) = space.pin(addr, false) else { return Err(EFAULT) };
        let done = to.frame(&frame, (addr % PAGE) as usize, len)?;
        Ok((done, done == len && to.left() > 0))
    })
}

/// process_vm_writev(2)
pub fn process_vm_writev(
    cx: &mut Cx,
    pid: i32,
    local: UserList<Iovec, In>,
    remote: UserList<Iovec, In>,
    flags: u64,
) -> Result<usize> {
    let local = local_side(cx, local, flags)?;
    let from = &mut UserSource::list(cx.space(), &local);
    if from.left() == 0 {
        return Ok(0);
    }
    let Some((space, remote)) = remote_side(cx, pid, remote)? else { return Ok(0) };
    let mut buffer = Vec::new();
    buffer.try_reserve_exact(PAGE as usize).map_err(|_| ENOMEM)?;
    buffer.resize(PAGE as usize, 0);
    each_page(&remote, |addr, len| {
        let piece = buffer.get_mut(..len.min(from.left())).ok_or(EINVAL)?;
        let got = from.get(piece)?;
        let done = space.poke(addr, piece.get(..got).ok_or(EINVAL)?, false);
        if done == 0 { Err(EFAULT) } else { Ok((done, done == piece.len() && from.left() > 0)) }
    })
}

/// The caller's own memory. The flags come first, as on Linux.
fn local_side(
    cx: &Cx,
    local: UserList<Iovec, In>,
    flags: u64,
) -> Result<Vec<crate::mm::io::Segment>> {
    if flags != 0 {
        return Err(EINVAL);
    }
    segments(cx.space(), local)
}

/// The other process's memory; `None` if nothing of it is asked for. Its addresses are looked at
/// when their turn comes.
fn remote_side(
    cx: &Cx,
    pid: i32,
    remote: UserList<Iovec, In>,
) -> Result<Option<(Arc<Space>, Vec<Iovec>)>> {
    let remote = remote.to_vec(cx.space(), UIO_MAXIOV)?;
    if remote.iter().any(|iov| i64::try_from(iov.iov_len).is_err()) {
        return Err(EINVAL);
    }
    if remote.iter().all(|iov| iov.iov_len == 0) {
        return Ok(None);
    }
    let process = signal::find(cx, Pid(pid)).ok_or(ESRCH)?;
    let space = process.space().ok_or(ESRCH)?;
    if !Arc::ptr_eq(&space, cx.space()) {
        process.may_be_looked_into(Some(cx.process()), cx.cred(), As::Real)?;
    }
    Ok(Some((space, remote)))
}

/// Calls `copy` for all parts of pages in `ranges`, until it fails or says that it ends. Bytes that
/// were copied count more than an error.
fn each_page(
    ranges: &[Iovec],
    mut copy: impl FnMut(u64, usize) -> Result<(usize, bool)>,
) -> Result<usize> {
    let mut total = 0;
    for range in ranges {
        let mut done = 0;
        while done < range.iov_len {
            let Some(addr) = range.iov_base.checked_add(done) else {
                return if total > 0 { Ok(total) } else { Err(EFAULT) };
            };
            let len = (PAGE - addr % PAGE).min(range.iov_len - done);
            match copy(addr, len as usize) {
                Ok((n, goes_on)) => {
                    total += n;
                    done += n as u64;
                    if !goes_on || !crate::sched::go_on(crate::sched::work::KILL) {
                        return Ok(total);
                    }
                }
                Err(_) if total > 0 => return Ok(total),
                Err(why) => return Err(why),
            }
        }
    }
    Ok(total)
}
