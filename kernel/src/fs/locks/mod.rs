//! Advisory locks on files: record locks of processes and of open file descriptions (fcntl(2)), and
//! whole-file locks (flock(2)).
//!
//! The locks of a file hang on its inode ([`super::attached::Attached`]). A record lock belongs to
//! a table of open files and goes when any descriptor of the file is closed in it; the other two
//! belong to an open file and go with that. Who has to wait notes whom it waits for and is woken
//! when that one lets something go; then it tries again.
//!
//! Locks: `FileLocks` for those of one file, then `LockTable`. Source: `fs/locks.c`.

mod ranges;
mod registry;
mod show;

pub use ranges::{Bytes, Kind, Lock, Owner, Style};
pub use registry::Registry;
pub use show::show;

use crate::fs::caller::Caller;
use crate::fs::fd_table::FdTable;
use crate::fs::file::File;
use crate::lock::{Spin, order};
use crate::wait::{Pause, WaitQueue};
use abi::Result;
use abi::errno::{EAGAIN, ENOLCK, ERESTARTSYS};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use hal::list::Node;
use ranges::Ranges;

/// The locks on a file.
pub struct FileLocks {
    /// Where the file is, for `/proc/locks`.
    dev: u64,
    ino: u64,
    me: Weak<Node<FileLocks>>,
    registry: registry::Shared,
    state: Spin<State, order::FileLocks>,
}

#[derive(Default)]
struct State {
    ranges: Ranges,
    /// Those of flock(2).
    whole: Vec<Lock>,
    waiting: Vec<Waiting>,
}

/// A thread that waits for a lock.
struct Waiting {
    waiter: Arc<Waiter>,
    /// Who is in the way; `None`: it was, and the thread has been woken to try again.
    blocker: Option<Owner>,
}

struct Waiter {
    wanted: Lock,
    queue: WaitQueue,
}

/// The locks on `file`, from now on. `ENOLCK` if it cannot have any.
pub fn of<'f>(c: &Caller, file: &'f File) -> Result<&'f FileLocks> {
    let inode = file.inode();
    let attached = inode.attached().ok_or(ENOLCK)?;
    if let Some(locks) = attached.locks() {
        return Ok(locks);
    }
    let attr = inode.attr();
    let registry = c.fs_info.mounts.locks();
    Ok(attached.locks_or(registry, |me| FileLocks {
        dev: attr.dev,
        ino: attr.ino,
        me,
        registry: registry.shared(),
        state: Spin::new(State::default()),
    }))
}

/// A descriptor of `file` was closed in `table`: the record locks that the table has on it go.
pub fn closed(table: &FdTable, file: &File) {
    if let Some(locks) = file.inode().attached().and_then(|attached| attached.locks()) {
        locks.remove_ranges(Owner::of(table));
    }
}

/// `file` is no longer open anywhere: its own locks go.
pub fn released(file: &File) {
    if let Some(locks) = file.inode().attached().and_then(|attached| attached.locks()) {
        let owner = Owner::of(file);
        locks.remove_ranges(owner);
        locks.unflock(owner);
    }
}

impl FileLocks {
    /// What is in the way of record lock `wanted` (`F_GETLK`).
    pub fn conflict(&self, wanted: &Lock) -> Option<Lock> {
        self.state.lock().ranges.conflict(wanted).copied()
    }

    /// Takes lock `wanted`. If something is in the way: `EAGAIN`, or with `wait` it sleeps until
    /// nothing is, a signal comes (`ERESTARTSYS`) or it would sleep for ever (`EDEADLK`).
    pub fn lock(&self, wanted: &Lock, wait: bool) -> Result<()> {
        if wanted.style == Style::Flock && self.unflock_other(wanted) {
            return Ok(());
        }
        match self.attempt(wanted, None) {
            Err(EAGAIN) if wait => {}
            done => return done,
        }
        let waiter = Arc::new(Waiter { wanted: *wanted, queue: WaitQueue::new() });
        let slept =
            waiter.queue.wait(Pause::INTERRUPTIBLE, || match self.attempt(wanted, Some(&waiter)) {
                Err(EAGAIN) => None,
                done => Some(done),
            });
        self.stop_waiting(&waiter);
        slept.unwrap_or(Err(ERESTARTSYS))
    }

    /// Takes the lock if nothing is in the way; else notes whom `waiter` waits for.
    fn attempt(&self, wanted: &Lock, waiter: Option<&Arc<Waiter>>) -> Result<()> {
        let mut state = self.state.lock();
        if let Some(blocker) = state.in_the_way(wanted).map(|lock| lock.owner) {
            return match waiter {
                Some(waiter) => self.note(&mut state, waiter, blocker).and(Err(EAGAIN)),
                None => Err(EAGAIN),
            };
        }
        match wanted.style {
            Style::Flock => {
                state.whole.try_reserve(1).map_err(|_| ENOLCK)?;
                state.whole.push(*wanted);
            }
            Style::Posix | Style::Ofd => {
                if state.ranges.lock(*wanted)? {
                    self.wake(&mut state, wanted.owner);
                }
            }
        }
        Ok(())
    }

    /// Gives up record locks: `bytes` of what `owner` has.
    pub fn unlock(&self, owner: Owner, bytes: Bytes) -> Result<()> {
        let mut state = self.state.lock();
        if state.ranges.unlock(owner, bytes)? {
            self.wake(&mut state, owner);
        }
        Ok(())
    }

    fn remove_ranges(&self, owner: Owner) {
        let mut state = self.state.lock();
        if state.ranges.remove(owner) {
            self.wake(&mut state, owner);
        }
    }

    /// flock(2) with `LOCK_UN`.
    pub fn unflock(&self, owner: Owner) {
        let mut state = self.state.lock();
        let before = state.whole.len();
        state.whole.retain(|lock| lock.owner != owner);
        if state.whole.len() != before {
            self.wake(&mut state, owner);
        }
    }

    /// Before a lock of flock(2) is taken, one of the other kind goes: a change is not one step.
    /// `true`: it is there already.
    fn unflock_other(&self, wanted: &Lock) -> bool {
        let held = self.state.lock().whole.iter().find(|lock| lock.owner == wanted.owner).copied();
        match held {
            Some(held) if held.kind == wanted.kind => true,
            Some(_) => {
                self.unflock(wanted.owner);
                false
            }
            None => false,
        }
    }

    /// Notes that `waiter` waits for `blocker`. Deadlocks are looked for among processes only.
    fn note(&self, state: &mut State, waiter: &Arc<Waiter>, blocker: Owner) -> Result<()> {
        let known = state.waiting.iter().position(|w| Arc::ptr_eq(&w.waiter, waiter));
        if known.and_then(|at| state.waiting.get(at)).is_some_and(|w| w.blocker == Some(blocker)) {
            return Ok(());
        }
        state.waiting.try_reserve(1).map_err(|_| ENOLCK)?;
        if let Some(at) = known {
            let old = state.waiting.remove(at);
            self.forget(&old);
        }
        if waiter.wanted.style == Style::Posix {
            self.registry.lock().wait(waiter.wanted.owner, blocker)?;
        }
        state.waiting.push(Waiting { waiter: waiter.clone(), blocker: Some(blocker) });
        Ok(())
    }

    fn stop_waiting(&self, waiter: &Arc<Waiter>) {
        let mut state = self.state.lock();
        if let Some(at) = state.waiting.iter().position(|w| Arc::ptr_eq(&w.waiter, waiter)) {
            let old = state.waiting.remove(at);
            self.forget(&old);
        }
    }

    /// Nobody is to think that it waits for its blocker.
    fn forget(&self, waiting: &Waiting) {
        let wanted = &waiting.waiter.wanted;
        if let Some(blocker) = waiting.blocker
            && wanted.style == Style::Posix
        {
            self.registry.lock().go_on(wanted.owner, blocker);
        }
    }

    /// `owner` let something go: those who wait for it try again.
    fn wake(&self, state: &mut State, owner: Owner) {
        for waiting in &mut state.waiting {
            if waiting.blocker == Some(owner) {
                self.forget(waiting);
                waiting.blocker = None;
                waiting.waiter.queue.wake_all();
            }
        }
    }

    /// The file is gone, `me` with it.
    pub(super) fn leave(&self, me: &Arc<Node<FileLocks>>) {
        self.registry.lock().leave(me);
    }
}

impl State {
    /// The first lock that is in the way of `wanted`.
    fn in_the_way(&self, wanted: &Lock) -> Option<&Lock> {
        match wanted.style {
            Style::Flock => self.whole.iter().find(|lock| wanted.conflicts(lock)),
            Style::Posix | Style::Ofd => self.ranges.conflict(wanted),
        }
    }
}
