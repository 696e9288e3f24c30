//! futex(2): sleeping on a word of user memory (`kernel/futex/`).
//!
//! A waiter is queued under the lock of a hash bucket, under which the word is compared without
//! faulting: a change of the word before the wake-up is either seen, or finds the waiter queued.
//! Lock level: `Futex`.

use alloc::sync::Arc;
use core::sync::atomic::{
    AtomicBool, AtomicU32, AtomicU64,
    Ordering::{Relaxed, SeqCst},
};

use abi::errno::{EAGAIN, EFAULT, EINVAL, ENOSYS, ERESTARTSYS, ETIMEDOUT, Result};
use abi::process::{
    FUTEX_OP_ADD, FUTEX_OP_ANDN, FUTEX_OP_CMP_EQ, FUTEX_OP_CMP_GE, FUTEX_OP_CMP_GT,
    FUTEX_OP_CMP_LE, FUTEX_OP_CMP_LT, FUTEX_OP_CMP_NE, FUTEX_OP_OPARG_SHIFT, FUTEX_OP_OR,
    FUTEX_OP_SET, FUTEX_OP_XOR,
};
use hal::{
    list::{List, Node},
    user::Access,
};

use super::Cx;
use crate::{
    lock::{Spin, SpinGuard, order},
    mm::FutexKey,
    sched::{Lane, TaskRef},
    wait::{Pause, WaitQueue, Woken},
};

/// Buckets of the hash table; a power of two (Linux: 256 for each CPU).
const BUCKETS: usize = 256;

/// One thread's wait.
pub struct Waiter {
    task: TaskRef,
    /// What it waits for; changed by requeueing, under both buckets' locks.
    key: [AtomicU64; 2],
    /// `FUTEX_WAIT_BITSET`
    bits: AtomicU32,
    woken: AtomicBool,
}

type Bucket = Spin<List<Waiter>, order::Futex>;

/// All futexes of a kernel on which somebody sleeps.
pub struct Futexes {
    buckets: [Bucket; BUCKETS],
}

impl Waiter {
    fn key(&self) -> FutexKey {
        FutexKey([self.key[0].load(Relaxed), self.key[1].load(Relaxed)])
    }

    fn set_key(&self, key: FutexKey) {
        self.key[0].store(key.0[0], Relaxed);
        self.key[1].store(key.0[1], Relaxed);
    }
}

impl Futexes {
    /// Nobody sleeps.
    pub const fn new() -> Self {
        Self { buckets: [const { Spin::new(List::new()) }; BUCKETS] }
    }

    fn bucket(&self, key: FutexKey) -> &Bucket {
        // Fibonacci hashing: the high bits of the product depend on all bits of the key.
        let mixed = (key.0[0] ^ key.0[1].rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        &self.buckets[(mixed >> 56) as usize % BUCKETS]
    }

    /// Locks the bucket that has `waiter` now.
    fn lock_of(&self, waiter: &Waiter) -> SpinGuard<'_, List<Waiter>, order::Futex> {
        loop {
            let key = waiter.key();
            let bucket = self.bucket(key).lock();
            if waiter.key() == key {
                return bucket;
            }
        }
    }
}

impl Default for Futexes {
    fn default() -> Self {
        Self::new()
    }
}

/// `FUTEX_WAIT` and `FUTEX_WAIT_BITSET`: sleeps while the word at `addr` is `value`, until
/// `deadline` (monotonic nanoseconds).
pub fn wait(
    cx: &Cx,
    addr: u64,
    private: bool,
    value: u32,
    bits: u32,
    deadline: Option<u64>,
) -> Result<()> {
    if bits == 0 {
        return Err(EINVAL);
    }
    let key = key_of(cx, addr, private)?;
    let waiter = Arc::new(Node::new(Waiter {
        task: cx.task.clone(),
        key: [AtomicU64::new(key.0[0]), AtomicU64::new(key.0[1])],
        bits: AtomicU32::new(bits),
        woken: AtomicBool::new(false),
    }));
    let futexes = &cx.kernel.futexes;
    with_word(cx, addr, || {
        let mut bucket = futexes.bucket(key).lock();
        if cx.space().hal().load_u32(addr).map_err(|_| EFAULT)? != value {
            return Err(EAGAIN);
        }
        // A fresh node is on no list.
        let _ = bucket.push_back(waiter.clone());
        Ok(())
    })?;
    let nothing = WaitQueue::new();
    let pause = Pause::INTERRUPTIBLE.until(deadline);
    let slept = nothing.wait(pause, || waiter.woken.load(SeqCst).then_some(()));
    let Err(why) = slept else { return Ok(()) };
    if !futexes.lock_of(&waiter).remove(&waiter) {
        // The wake-up was faster than the reason to give up.
        return Ok(());
    }
    Err(if why == Woken::Deadline { ETIMEDOUT } else { ERESTARTSYS })
}

/// `FUTEX_WAKE` and `FUTEX_WAKE_BITSET`: wakes at most `most` waiters. Returns how many.
pub fn wake(cx: &Cx, addr: u64, private: bool, most: u32, bits: u32) -> Result<usize> {
    if bits == 0 {
        return Err(EINVAL);
    }
    let key = key_of(cx, addr, private)?;
    let mut woken = 0;
    let mut bucket = cx.kernel.futexes.bucket(key).lock();
    while woken < most as usize {
        let wanted = |w: &Waiter| w.key() == key && w.bits.load(Relaxed) & bits != 0;
        let Some(waiter) = bucket.take_first(wanted) else { break };
        rouse(&waiter);
        woken += 1;
    }
    Ok(woken)
}

/// `FUTEX_REQUEUE` and `FUTEX_CMP_REQUEUE` (with `expected`): wakes at most `most` waiters of
/// `from` and lets at most `moved` others wait for `to`.
pub fn requeue(
    cx: &Cx,
    (from, to): (u64, u64),
    private: bool,
    (most, moved): (u32, u32),
    expected: Option<u32>,
) -> Result<usize> {
    if most > i32::MAX as u32 || moved > i32::MAX as u32 {
        return Err(EINVAL);
    }
    let (key, target) = (key_of(cx, from, private)?, key_of(cx, to, private)?);
    let futexes = &cx.kernel.futexes;
    let mut done = 0;
    with_word(cx, from, || {
        let (mut source, mut other) = Spin::lock_pair(futexes.bucket(key), futexes.bucket(target));
        if let Some(expected) = expected
            && cx.space().hal().load_u32(from).map_err(|_| EFAULT)? != expected
        {
            return Err(EAGAIN);
        }
        while done < (most as usize).saturating_add(moved as usize) {
            let Some(waiter) = source.take_first(|w| w.key() == key) else { break };
            if done < most as usize {
                rouse(&waiter);
            } else {
                waiter.set_key(target);
                // It was taken off the other list just now.
                let _ = other.as_deref_mut().unwrap_or(&mut source).push_back(waiter);
            }
            done += 1;
            // To itself everybody would go round for ever.
            if key == target && done >= most as usize {
                break;
            }
        }
        Ok(())
    })?;
    Ok(done)
}

/// `FUTEX_WAKE_OP`: changes the word at `to` as `op` says, wakes at most `most` waiters of `from`,
/// and at most `more` of `to` if the word was as `op` compares it (`futex_wake_op`).
pub fn wake_op(
    cx: &Cx,
    (from, to): (u64, u64),
    private: bool,
    (most, more): (u32, u32),
    op: u32,
) -> Result<usize> {
    let (key, target) = (key_of(cx, from, private)?, key_of(cx, to, private)?);
    let op = WakeOp(op);
    op.check()?;
    let futexes = &cx.kernel.futexes;
    loop {
        let (mut source, mut other) = Spin::lock_pair(futexes.bucket(key), futexes.bucket(target));
        let old = match op.apply(cx, to) {
            Ok(old) => old,
            Err(EFAULT) => {
                drop((source, other));
                let write = Access { write: true, exec: false };
                cx.space().fault(to, write).map_err(|_| EFAULT)?;
                continue;
            }
            Err(why) => return Err(why),
        };
        let mut woken = wake_first(&mut source, key, most as usize);
        if op.compares(old) {
            let list = other.as_deref_mut().unwrap_or(&mut source);
            woken += wake_first(list, target, more as usize);
        }
        return Ok(woken);
    }
}

/// Wakes at most `most` waiters for `key`.
fn wake_first(list: &mut List<Waiter>, key: FutexKey, most: usize) -> usize {
    let mut woken = 0;
    while woken < most
        && let Some(waiter) = list.take_first(|waiter| waiter.key() == key)
    {
        rouse(&waiter);
        woken += 1;
    }
    woken
}

/// The last argument of `FUTEX_WAKE_OP`: operation, comparison, and an argument of 12 bits for each.
#[derive(Clone, Copy)]
struct WakeOp(u32);

impl WakeOp {
    fn operation(self) -> u32 {
        self.0 >> 28 & 7
    }

    fn comparison(self) -> u32 {
        self.0 >> 24 & 15
    }

    fn check(self) -> Result<()> {
        let known = self.operation() <= FUTEX_OP_XOR && self.comparison() <= FUTEX_OP_CMP_GE;
        if known { Ok(()) } else { Err(ENOSYS) }
    }

    /// Changes the word at `at`; what it was. `EFAULT`: its page is not there.
    fn apply(self, cx: &Cx, at: u64) -> Result<u32> {
        let signed = (self.0 << 8) as i32 >> 20;
        let shifts = self.0 >> 28 & FUTEX_OP_OPARG_SHIFT != 0;
        let arg = if shifts { 1u32 << (signed & 31) } else { signed as u32 };
        let space = cx.space().hal();
        let mut old = space.load_u32(at).map_err(|_| EFAULT)?;
        loop {
            let new = match self.operation() {
                FUTEX_OP_SET => arg,
                FUTEX_OP_ADD => old.wrapping_add(arg),
                FUTEX_OP_OR => old | arg,
                FUTEX_OP_ANDN => old & !arg,
                _ => old ^ arg,
            };
            let seen = space.cas_u32(at, old, new).map_err(|_| EFAULT)?;
            if seen == old {
                return Ok(old);
            }
            old = seen;
        }
    }

    fn compares(self, old: u32) -> bool {
        let (old, arg) = (old as i32, (self.0 << 20) as i32 >> 20);
        match self.comparison() {
            FUTEX_OP_CMP_EQ => old == arg,
            FUTEX_OP_CMP_NE => old != arg,
            FUTEX_OP_CMP_LT => old < arg,
            FUTEX_OP_CMP_LE => old <= arg,
            FUTEX_OP_CMP_GT => old > arg,
            _ => old >= arg,
        }
    }
}

/// Writes `new` to the word at `addr` if `old` is there; whether it was.
pub(super) fn exchange(cx: &Cx, addr: u64, old: u32, new: u32) -> Result<bool> {
    loop {
        match cx.space().hal().cas_u32(addr, old, new) {
            Ok(seen) => return Ok(seen == old),
            Err(_) => {
                let write = Access { write: true, exec: false };
                cx.space().fault(addr, write).map_err(|_| EFAULT)?;
            }
        }
    }
}

/// Wakes one waiter that was taken off its list.
fn rouse(waiter: &Waiter) {
    waiter.woken.store(true, SeqCst);
    waiter.task.notify(Lane::Event);
}

/// The futex that `addr` names. `EINVAL` if it is not aligned, `EFAULT` where there is nothing.
fn key_of(cx: &Cx, addr: u64, private: bool) -> Result<FutexKey> {
    if !addr.is_multiple_of(4) {
        return Err(EINVAL);
    }
    cx.space().futex_key(addr, private)
}

/// Repeats `attempt` while the word cannot be read because its page is not there yet.
fn with_word(cx: &Cx, addr: u64, mut attempt: impl FnMut() -> Result<()>) -> Result<()> {
    loop {
        match attempt() {
            Err(EFAULT) => {
                let read = Access { write: false, exec: false };
                cx.space().fault(addr, read).map_err(|_| EFAULT)?;
            }
            done => return done,
        }
    }
}
