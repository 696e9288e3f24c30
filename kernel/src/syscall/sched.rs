//! System calls about CPUs and waiting for each other: sched(7), futex(7).

use abi::{
    errno::{EFAULT, EINVAL, ENOSYS, EPERM, ERESTART_RESTARTBLOCK, ERESTARTSYS, ESRCH, Result},
    process::{
        CAP_SYS_NICE, FUTEX_BITSET_MATCH_ANY, FUTEX_CLOCK_REALTIME, FUTEX_CMP_REQUEUE,
        FUTEX_PRIVATE_FLAG, FUTEX_REQUEUE, FUTEX_WAIT, FUTEX_WAIT_BITSET, FUTEX_WAKE,
        FUTEX_WAKE_BITSET, FUTEX_WAKE_OP,
    },
    time::Timespec,
};

use crate::{
    mm::user::{UserIn, UserOut},
    process::{Cx, Pid, Restart, futex, signal},
    time,
};

/// sched_yield(2)
pub fn sched_yield(_cx: &mut Cx) -> Result<()> {
    crate::sched::yield_now();
    Ok(())
}

/// getcpu(2)
pub fn getcpu(cx: &mut Cx, cpu: Option<UserOut<u32>>, node: Option<UserOut<u32>>) -> Result<()> {
    if let Some(cpu) = cpu {
        cpu.write(cx.space(), &cx.task.last_cpu().0)?;
    }
    match node {
        Some(node) => node.write(cx.space(), &0),
        None => Ok(()),
    }
}

/// sched_getaffinity(2): as many bytes as the mask has words for all CPUs.
pub fn sched_getaffinity(cx: &mut Cx, pid: i32, len: u32, mask: u64) -> Result<usize> {
    if !len.is_multiple_of(8) || len == 0 {
        return Err(EINVAL);
    }
    let task = affinity_target(cx, pid)?;
    let allowed = task.allowed() & cx.kernel.sched.all_cpus();
    UserOut::<u64>::new(mask).write(cx.space(), &allowed)?;
    Ok(8)
}

/// sched_setaffinity(2)
pub fn sched_setaffinity(cx: &mut Cx, pid: i32, len: u32, mask: u64) -> Result<()> {
    let mut bytes = [0; 8];
    let given = (len as usize).min(8);
    cx.space().copy_in(mask, bytes.get_mut(..given).ok_or(EFAULT)?)?;
    let task = affinity_target(cx, pid)?;
    if pid != 0 && !may_schedule(cx, Pid(pid)) {
        return Err(EPERM);
    }
    let allowed = u64::from_le_bytes(bytes) & cx.kernel.sched.all_cpus();
    if allowed == 0 {
        return Err(EINVAL);
    }
    task.set_allowed(allowed);
    Ok(())
}

/// Whether the caller may say how process `pid` is scheduled (`check_same_owner`).
fn may_schedule(cx: &Cx, pid: Pid) -> bool {
    let theirs = signal::find(cx, pid)
        .and_then(|process| process.thread_of(pid))
        .and_then(|thread| thread.parts.lock().clone())
        .map(|parts| parts.cred);
    let own = cx.cred();
    own.capable(CAP_SYS_NICE)
        || theirs.is_some_and(|theirs| own.euid == theirs.euid || own.euid == theirs.uid)
}

fn affinity_target(cx: &Cx, pid: i32) -> Result<crate::sched::TaskRef> {
    if pid == 0 {
        return Ok(cx.task.clone());
    }
    let process = signal::find(cx, Pid(pid)).ok_or(ESRCH)?;
    process.thread_of(Pid(pid)).and_then(|thread| thread.task().cloned()).ok_or(ESRCH)
}

/// futex(2)
pub fn futex(
    cx: &mut Cx,
    addr: u64,
    op: u32,
    value: u32,
    timeout: u64,
    other: u64,
    last: u32,
) -> Result<usize> {
    let private = op & FUTEX_PRIVATE_FLAG != 0;
    let command = op & !(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
    let waits = matches!(command, FUTEX_WAIT | FUTEX_WAIT_BITSET);
    if op & FUTEX_CLOCK_REALTIME != 0 && command != FUTEX_WAIT_BITSET {
        return Err(ENOSYS);
    }
    let deadline = if waits { futex_deadline(cx, op, timeout)? } else { None };
    // Where it is no pointer, the fourth argument is a count.
    let moved = timeout as u32;
    match command {
        FUTEX_WAIT => futex_wait(cx, addr, private, (value, ANY), deadline),
        FUTEX_WAIT_BITSET => futex_wait(cx, addr, private, (value, last), deadline),
        FUTEX_WAKE => futex::wake(cx, addr, private, value, ANY),
        FUTEX_WAKE_BITSET => futex::wake(cx, addr, private, value, last),
        FUTEX_WAKE_OP => futex::wake_op(cx, (addr, other), private, (value, moved), last),
        FUTEX_REQUEUE => futex::requeue(cx, (addr, other), private, (value, moved), None),
        FUTEX_CMP_REQUEUE => futex::requeue(cx, (addr, other), private, (value, moved), Some(last)),
        _ => Err(ENOSYS),
    }
}

/// A wait that a signal without a handler interrupts goes on to the same deadline.
pub(super) fn futex_wait(
    cx: &mut Cx,
    addr: u64,
    private: bool,
    (value, bits): (u32, u32),
    deadline: Option<u64>,
) -> Result<usize> {
    match (futex::wait(cx, addr, private, value, bits, deadline), deadline) {
        (Err(ERESTARTSYS), Some(until)) => {
            cx.restart_block = Some(Restart::Futex { addr, private, value, bits, until });
            Err(ERESTART_RESTARTBLOCK)
        }
        (done, _) => done.map(|()| 0),
    }
}

/// All bits: any waker will do.
const ANY: u32 = FUTEX_BITSET_MATCH_ANY;

/// `FUTEX_WAIT` takes a span, `FUTEX_WAIT_BITSET` a time on one of two clocks.
fn futex_deadline(cx: &Cx, op: u32, timeout: u64) -> Result<Option<u64>> {
    if timeout == 0 {
        return Ok(None);
    }
    let at = UserIn::<Timespec>::new(timeout).read(cx.space())?;
    let at = time::nanoseconds(at).ok_or(EINVAL)?;
    let now = time::mono_ns();
    Ok(Some(if op & FUTEX_WAIT_BITSET == 0 {
        now.saturating_add(at)
    } else if op & FUTEX_CLOCK_REALTIME != 0 {
        let ahead = (at as i64).saturating_sub(cx.kernel.real_time.now_ns()).max(0);
        now.saturating_add(ahead as u64)
    } else {
        at
    }))
}
