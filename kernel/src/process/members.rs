//! [`Members`]: the living threads of a process. Kept under its `Signals` lock.

use alloc::{
    collections::BTreeMap,
    sync::{Arc, Weak},
};

use super::{Pid, Thread};

/// The living threads of a process.
#[derive(Default)]
pub struct Members {
    /// The thread that bears the process's number; gone when it has ended before the others.
    leader: Option<Weak<Thread>>,
    others: BTreeMap<Pid, Weak<Thread>>,
}

impl Members {
    /// A thread comes: the first is the leader.
    pub fn add(&mut self, thread: &Arc<Thread>) {
        if thread.is_leader() {
            self.leader = Some(Arc::downgrade(thread));
        } else {
            self.others.insert(thread.tid(), Arc::downgrade(thread));
        }
    }

    /// A thread goes.
    pub fn remove(&mut self, thread: &Thread) {
        if thread.is_leader() {
            self.leader = None;
        } else {
            self.others.remove(&thread.tid());
        }
    }

    /// The only thread left takes the leader's place, and with it its number.
    pub fn promote(&mut self, thread: &Arc<Thread>) {
        self.others.remove(&thread.tid());
        self.leader = Some(Arc::downgrade(thread));
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.others.len() + usize::from(self.leader.is_some())
    }

    /// Are they all gone?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The thread `tid` of process `process`.
    pub fn get(&self, process: Pid, tid: Pid) -> Option<Arc<Thread>> {
        if tid == process { self.leader.as_ref() } else { self.others.get(&tid) }?.upgrade()
    }

    /// All of them; the leader first, then by rising number.
    pub fn iter(&self) -> impl Iterator<Item = Arc<Thread>> {
        self.leader.iter().chain(self.others.values()).filter_map(Weak::upgrade)
    }

    /// The first thread from number `tid` on that is not the leader.
    pub fn next_other(&self, tid: Pid) -> Option<Arc<Thread>> {
        self.others.range(tid..).find_map(|(_, thread)| thread.upgrade())
    }
}
