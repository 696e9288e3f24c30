//! The end of a thread that holds futexes: those on its robust list are marked as left behind, and
//! one who waits is woken (`exit_robust_list` in `kernel/futex/core.c`, set_robust_list(2)).

use core::sync::atomic::Ordering::Relaxed;

use abi::{
    Wire,
    errno::{EFAULT, Result},
    process::{
        FUTEX_BITSET_MATCH_ANY, FUTEX_OWNER_DIED, FUTEX_TID_MASK, FUTEX_WAITERS, RobustListHead,
    },
};

use super::{Cx, futex};
use crate::mm::user::UserIn;

/// A list may have been made to go on for ever (`ROBUST_LIST_LIMIT`).
const LIMIT: usize = 2048;

/// The lowest bit of a link says that its lock inherits priority.
const PI: u64 = 1;

/// Walks the list. What cannot be read ends the walk: it is the program's own loss.
pub(super) fn release(cx: &Cx) {
    let head = cx.thread.robust_list.swap(0, Relaxed);
    if head != 0 {
        let _ = walk(cx, head);
    }
}

fn walk(cx: &Cx, at: u64) -> Result<()> {
    let head = UserIn::<RobustListHead>::new(at).read(cx.space())?;
    let word = |link: u64| (link & !PI).wrapping_add_signed(head.futex_offset);
    let pending = head.list_op_pending;
    let mut link = head.list;
    for _ in 0..LIMIT {
        if link & !PI == at {
            break;
        }
        // The next before this one's owner is told, who may free it.
        let next = UserIn::<u64>::new(link & !PI).read(cx.space());
        if link & !PI != pending & !PI {
            leave_behind(cx, word(link), link & PI != 0, false)?;
        }
        link = next?;
        crate::sched::go_on(0);
    }
    if pending & !PI != 0 {
        leave_behind(cx, word(pending), pending & PI != 0, true)?;
    }
    Ok(())
}

/// The futex `addr` loses its owner, if that is this thread (`handle_futex_death`). `pending`: the
/// thread was just taking or freeing it.
fn leave_behind(cx: &Cx, addr: u64, inherits: bool, pending: bool) -> Result<()> {
    if !addr.is_multiple_of(u32::SIZE as u64) {
        return Err(EFAULT);
    }
    let own = cx.thread.tid().0 as u32;
    loop {
        let value = UserIn::<u32>::new(addr).read(cx.space())?;
        // Freed already, but who waits for it may not have been woken.
        if pending && !inherits && value & FUTEX_TID_MASK == 0 {
            let _ = futex::wake(cx, addr, false, 1, FUTEX_BITSET_MATCH_ANY);
            return Ok(());
        }
        if value & FUTEX_TID_MASK != own {
            return Ok(());
        }
        let left = value & FUTEX_WAITERS | FUTEX_OWNER_DIED;
        if futex::exchange(cx, addr, value, left)? {
            if !inherits && value & FUTEX_WAITERS != 0 {
                let _ = futex::wake(cx, addr, false, 1, FUTEX_BITSET_MATCH_ANY);
            }
            return Ok(());
        }
    }
}
