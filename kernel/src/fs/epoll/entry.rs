//! The parts of epoll that wake-ups reach: [`Entry`], a file in a set, and [`Ready`], the list of
//! those that may be ready. Also [`Watchers`], the sets that watch a file.

use alloc::{
    sync::{Arc, Weak},
    vec::Vec,
};
use core::sync::atomic::{
    AtomicBool, AtomicU32, AtomicU64,
    Ordering::{Relaxed, SeqCst},
};

use abi::Result;
use abi::errno::ENOMEM;
use abi::poll::{EpollEvents, PollEvents};
use hal::list::{List, Node};

use super::{ALWAYS, Epoll, READABLE};
use crate::fs::fd_table::Fd;
use crate::fs::file::File;
use crate::lock::{IrqSpin, Spin, order};
use crate::sched::Notify;
use crate::wait::{Pause, WaitQueue, Woken};

/// Which file of a set: one file may be in it under several descriptors, and a descriptor may have
/// meant another file when that was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    fd: Fd,
    file: usize,
}

impl Key {
    /// `file` as it was called `fd`.
    pub fn new(fd: Fd, file: &Arc<File>) -> Self {
        Self { fd, file: Arc::as_ptr(file).addr() }
    }
}

/// A file in a set.
pub(super) struct Entry {
    ready: Arc<Ready>,
    file: Weak<File>,
    fd: Fd,
    /// What is asked for, and how; no event while it is disabled (`EPOLLONESHOT`).
    events: AtomicU32,
    /// The program's own number for it.
    data: AtomicU64,
    /// The number of the look through the set that saw it last.
    seen: AtomicU64,
    /// Its file has left the set. Written under the ready list's lock, as is `seen`.
    gone: AtomicBool,
}

impl Entry {
    /// `file`, called `fd`.
    pub fn new(
        ready: Arc<Ready>,
        file: &Arc<File>,
        fd: Fd,
        events: EpollEvents,
        data: u64,
    ) -> Arc<Node<Self>> {
        Arc::new(Node::new(Self {
            ready,
            file: Arc::downgrade(file),
            fd,
            events: AtomicU32::new(events.bits()),
            data: AtomicU64::new(data),
            seen: AtomicU64::new(0),
            gone: AtomicBool::new(false),
        }))
    }

    /// The file, unless it is just being closed.
    pub fn file(&self) -> Option<Arc<File>> {
        self.file.upgrade()
    }

    /// What it was called.
    pub fn fd(&self) -> Fd {
        self.fd
    }

    /// What is asked for, and how.
    pub fn events(&self) -> EpollEvents {
        EpollEvents(self.events.load(SeqCst))
    }

    /// The program's own number for it.
    pub fn data(&self) -> u64 {
        self.data.load(Relaxed)
    }

    /// `EPOLL_CTL_MOD`
    pub fn change(&self, events: EpollEvents, data: u64) {
        self.data.store(data, Relaxed);
        self.events.store(events.bits(), SeqCst);
    }

    /// It has told what it was to tell once (`EPOLLONESHOT`).
    pub fn disable(&self) {
        self.events.fetch_and(EpollEvents::BEHAVIOUR.bits(), SeqCst);
    }

    /// What of `found` it reports.
    pub fn found(&self, found: PollEvents) -> EpollEvents {
        EpollEvents(u32::from(found.bits())) & self.events().without(EpollEvents::BEHAVIOUR)
    }

    /// Does it report any of `found`?
    pub fn reports(&self, found: PollEvents) -> bool {
        !self.found(found).is_empty()
    }
}

/// The poll bits whose wake-ups matter to an entry that asks for `events`.
pub(super) fn wakes(events: EpollEvents) -> u32 {
    events.without(EpollEvents::BEHAVIOUR).bits() | ALWAYS.bits()
}

impl Notify for Node<Entry> {
    fn has_sleepers(&self) -> bool {
        self.ready.sleepers.load(SeqCst) > 0
    }

    fn notify(self: Arc<Self>) {
        // A disabled one is not put there, and stays if it is there.
        if !self.events().without(EpollEvents::BEHAVIOUR).is_empty() {
            self.ready.put(&self);
        }
    }
}

/// The entries of a set that may be ready, and who waits for them.
#[derive(Default)]
pub(super) struct Ready {
    list: IrqSpin<List<Entry>, order::Epoll>,
    /// Threads in epoll_wait(2), woken alone, and those who poll the set.
    queue: Arc<WaitQueue>,
    /// How many are in epoll_wait(2).
    sleepers: AtomicU32,
}

impl Ready {
    /// Wakes when something was put on the list.
    pub fn queue(&self) -> &Arc<WaitQueue> {
        &self.queue
    }

    /// Is nothing on it?
    pub fn is_empty(&self) -> bool {
        self.list.lock().is_empty()
    }

    /// `entry` may be ready: puts it on the list and wakes.
    pub fn put(&self, entry: &Arc<Node<Entry>>) {
        self.put_quietly(entry);
        self.queue.wake(READABLE.bits().into(), 1);
    }

    /// Puts `entry` on the list unless it is there, or its file has left the set.
    pub fn put_quietly(&self, entry: &Arc<Node<Entry>>) {
        let mut list = self.list.lock();
        if !entry.gone.load(Relaxed) {
            let _ = list.push_back(entry.clone());
        }
    }

    /// The same, first of all: it was taken off just now.
    pub fn put_first(&self, entry: &Arc<Node<Entry>>) {
        let mut list = self.list.lock();
        if !entry.gone.load(Relaxed) {
            entry.seen.store(0, Relaxed);
            let _ = list.push_front(entry.clone());
        }
    }

    /// Takes the first off, unless look number `scan` has seen it before: then it has seen all.
    pub fn next(&self, scan: u64) -> Option<Arc<Node<Entry>>> {
        let mut list = self.list.lock();
        let entry = list.pop_front()?;
        if entry.seen.load(Relaxed) == scan {
            let _ = list.push_front(entry);
            return None;
        }
        entry.seen.store(scan, Relaxed);
        Some(entry)
    }

    /// Its file leaves the set: nothing puts it on the list any more.
    pub fn drop_entry(&self, entry: &Arc<Node<Entry>>) {
        let mut list = self.list.lock();
        entry.gone.store(true, Relaxed);
        list.remove(entry);
    }

    /// Sleeps until something is on the list.
    pub fn sleep(&self, pause: Pause) -> core::result::Result<(), Woken> {
        self.sleepers.fetch_add(1, SeqCst);
        let slept = self.queue.wait_alone(pause, || (!self.is_empty()).then_some(()));
        self.sleepers.fetch_sub(1, SeqCst);
        slept
    }

    /// Wakes another sleeper if something is on the list.
    pub fn tell_rest(&self) {
        if self.sleepers.load(SeqCst) > 0 && !self.is_empty() {
            self.queue.wake(READABLE.bits().into(), 1);
        }
    }
}

/// Where a file has noted a set that watches it.
pub(super) struct Link {
    set: Weak<Epoll>,
    key: Key,
}

/// The epoll sets that watch a file. Dropped with the file: then they forget it.
#[derive(Default)]
pub struct Watchers(Spin<List<Link>, order::EpollItems>);

impl Watchers {
    /// Is nobody watching?
    pub fn is_empty(&self) -> bool {
        self.0.lock().is_empty()
    }

    /// Notes that `set` watches the file as `key`.
    pub(super) fn add(&self, set: Weak<Epoll>, key: Key) -> Arc<Node<Link>> {
        let link = Arc::new(Node::new(Link { set, key }));
        // A fresh node is on no list.
        let _ = self.0.lock().push_back(link.clone());
        link
    }

    /// The set of `link` does not watch it any more.
    pub(super) fn remove(&self, link: &Arc<Node<Link>>) {
        self.0.lock().remove(link);
    }

    /// The sets. `ENOMEM` without memory for their list.
    pub(super) fn sets(&self) -> Result<Vec<Arc<Epoll>>> {
        let mut sets = Vec::new();
        let links = self.0.lock();
        sets.try_reserve_exact(links.len()).map_err(|_| ENOMEM)?;
        sets.extend(links.iter().filter_map(|link| link.set.upgrade()));
        Ok(sets)
    }
}

impl Drop for Watchers {
    fn drop(&mut self) {
        loop {
            // The lock is free while the set is told.
            let link = self.0.lock().pop_front();
            let Some(link) = link else { break };
            if let Some(set) = link.set.upgrade() {
                set.forget(link.key);
            }
        }
    }
}
