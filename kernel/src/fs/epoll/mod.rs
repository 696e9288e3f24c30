//! epoll(7): sets of files that remember which of them may be ready (`fs/eventpoll.c`).
//!
//! Every file in a set has an [`Entry`], which the file's wake-ups put on the set's ready list;
//! [`Epoll::wait`] asks only those on the list. What is reported level-triggered stays on the
//! list, for the next look to find out that it is not ready any more.
//!
//! Locks: `EpollScan` while a set is looked through or changed; sets within it are looked through
//! under it, which cannot go round since [`nesting`] lets no set contain itself. `EpollItems` for
//! the files of a set and the sets of a file, which a file takes when it goes. `Epoll` for the
//! ready list, below almost everything: wake-ups take it.

mod entry;
mod nesting;

pub use entry::Watchers;
pub use nesting::Nesting;

use alloc::{
    collections::BTreeMap,
    sync::{Arc, Weak},
    vec::Vec,
};
use core::fmt;

use abi::Result;
use abi::errno::{EEXIST, EINTR, EINVAL, ELOOP, ENOENT, ENOMEM};
use abi::fs::{OpenFlags, major, minor};
use abi::poll::{EpollEvent, EpollEvents, PollEvents};
use hal::list::Node;

use self::entry::{Entry, Key, Link, Ready};
use crate::cred::Cred;
use crate::fs::caller::Caller;
use crate::fs::fd_table::Fd;
use crate::fs::file::{File, FileOps};
use crate::fs::nameless::anon_file;
use crate::lock::{Spin, order};
use crate::time::mono_ns;
use crate::wait::{Mutex, Pause, Watch, Woken};

/// What a set says of itself when something in it is ready.
const READABLE: PollEvents = PollEvents::IN.with(PollEvents::RDNORM);

/// What may be asked for together with `EPOLLEXCLUSIVE`.
const EXCLUSIVE_OK: EpollEvents = EpollEvents::IN
    .with(EpollEvents::OUT)
    .with(EpollEvents::ERR)
    .with(EpollEvents::HUP)
    .with(EpollEvents::WAKEUP)
    .with(EpollEvents::ET)
    .with(EpollEvents::EXCLUSIVE);

/// What is reported whether asked for or not.
const ALWAYS: EpollEvents = EpollEvents::ERR.with(EpollEvents::HUP);

/// A set of files.
pub struct Epoll {
    me: Weak<Epoll>,
    /// The open file that it is.
    file: spin::Once<Weak<File>>,
    ready: Arc<Ready>,
    items: Spin<BTreeMap<Key, Item>, order::EpollItems>,
    /// The number of looks through the ready list so far.
    scans: Mutex<u64, order::EpollScan>,
}

/// A file's place in a set. Dropping it ends the watch.
struct Item {
    entry: Arc<Node<Entry>>,
    watch: Watch,
    /// Where the file has noted the set.
    link: Arc<Node<Link>>,
}

/// epoll_create1(2)
pub fn open(c: &Caller, cred: &Arc<Cred>) -> Arc<File> {
    let set = Arc::new_cyclic(|me: &Weak<Epoll>| Epoll {
        me: me.clone(),
        file: spin::Once::new(),
        ready: Arc::default(),
        items: Spin::new(BTreeMap::new()),
        scans: Mutex::new(0),
    });
    let file = anon_file(c, cred, set.clone(), OpenFlags::RDWR);
    set.file.call_once(|| Arc::downgrade(&file));
    file
}

impl Epoll {
    /// `EPOLL_CTL_ADD`. `nesting` is the kernel's only one.
    pub fn add(
        &self,
        nesting: &Nesting,
        c: &Caller,
        (fd, file): (Fd, &Arc<File>),
        asked: EpollEvent,
    ) -> Result<()> {
        let inner = file.ops_as::<Epoll>();
        let exclusive = asked.events.has(EpollEvents::EXCLUSIVE);
        if exclusive && (inner.is_some() || !asked.events.without(EXCLUSIVE_OK).is_empty()) {
            return Err(EINVAL);
        }
        let within = self.file.get().and_then(Weak::upgrade);
        let nested = inner.is_some() || within.is_some_and(|own| !own.watchers().is_empty());
        let _nesting = nested.then(|| nesting.lock());
        if let Some(inner) = inner
            && !nesting::allows(self, inner)?
        {
            return Err(ELOOP);
        }
        let _scan = self.scans.lock();
        let key = Key::new(fd, file);
        if self.items.lock().contains_key(&key) {
            return Err(EEXIST);
        }
        hal::heap::admit().map_err(|_| ENOMEM)?;
        let events = asked.events | ALWAYS;
        let entry = Entry::new(self.ready.clone(), file, fd, events, asked.data);
        let link = file.watchers().add(self.me.clone(), key);
        let mut watch = Watch::calling(entry.clone(), entry::wakes(events), exclusive);
        let found = file.poll(c, Some(&mut watch));
        let blind = watch.is_blind();
        self.items.lock().insert(key, Item { entry: entry.clone(), watch, link });
        let refused = if blind {
            Err(ENOMEM)
        } else if nested && !nesting::paths_fit(file)? {
            Err(EINVAL)
        } else {
            Ok(())
        };
        if refused.is_err() {
            self.forget(key);
            return refused;
        }
        if entry.reports(found) {
            self.ready.put(&entry);
        }
        Ok(())
    }

    /// `EPOLL_CTL_MOD`
    pub fn modify(
        &self,
        c: &Caller,
        (fd, file): (Fd, &Arc<File>),
        asked: EpollEvent,
    ) -> Result<()> {
        if asked.events.has(EpollEvents::EXCLUSIVE) {
            return Err(EINVAL);
        }
        let _scan = self.scans.lock();
        let entry = {
            let mut items = self.items.lock();
            let item = items.get_mut(&Key::new(fd, file)).ok_or(ENOENT)?;
            if item.entry.events().has(EpollEvents::EXCLUSIVE) {
                return Err(EINVAL);
            }
            let events = asked.events | ALWAYS;
            item.entry.change(events, asked.data);
            item.watch.set_events(entry::wakes(events));
            item.entry.clone()
        };
        // Asked after the change: what came before it told by the old events.
        if entry.reports(file.poll(c, None)) {
            self.ready.put(&entry);
        }
        Ok(())
    }

    /// `EPOLL_CTL_DEL`
    pub fn remove(&self, (fd, file): (Fd, &Arc<File>)) -> Result<()> {
        let _scan = self.scans.lock();
        if self.forget(Key::new(fd, file)) { Ok(()) } else { Err(ENOENT) }
    }

    /// Takes a file out; `false` if it is not in.
    fn forget(&self, key: Key) -> bool {
        let item = self.items.lock().remove(&key);
        let Some(item) = item else { return false };
        self.ready.drop_entry(&item.entry);
        if let Some(file) = item.entry.file() {
            file.watchers().remove(&item.link);
        }
        true
    }

    /// epoll_wait(2): hands at most `most` events to `tell`, sleeping until `deadline` (monotonic
    /// nanoseconds; `None`: for ever) while there are none. Returns how many there were.
    pub fn wait(
        &self,
        c: &Caller,
        most: usize,
        deadline: Option<u64>,
        mut tell: impl FnMut(usize, &EpollEvent) -> Result<()>,
    ) -> Result<usize> {
        loop {
            match self.scan(c, most, &mut tell)? {
                0 => {}
                found => return Ok(found),
            }
            if deadline.is_some_and(|at| at <= mono_ns()) {
                return Ok(0);
            }
            let pause = Pause::INTERRUPTIBLE.until(deadline);
            match self.ready.sleep(pause) {
                Ok(()) | Err(Woken::Deadline) => {}
                Err(Woken::Signal) if self.ready.is_empty() => return Err(EINTR),
                Err(Woken::Signal) => {}
            }
        }
    }

    /// Tells what is ready, each file once.
    fn scan(
        &self,
        c: &Caller,
        most: usize,
        tell: &mut impl FnMut(usize, &EpollEvent) -> Result<()>,
    ) -> Result<usize> {
        if self.ready.is_empty() {
            return Ok(0);
        }
        let mut scans = self.scans.lock();
        *scans += 1;
        let mut told = 0;
        let mut result = Ok(());
        while told < most
            && let Some(entry) = self.ready.next(*scans)
        {
            let Some(file) = entry.file() else { continue };
            let asked = entry.events();
            let found = entry.found(file.poll(c, None));
            if found.is_empty() {
                continue;
            }
            result = tell(told, &EpollEvent { events: found, data: entry.data() });
            if result.is_err() {
                self.ready.put_first(&entry);
                break;
            }
            told += 1;
            if asked.has(EpollEvents::ONESHOT) {
                entry.disable();
            } else if !asked.has(EpollEvents::ET) {
                self.ready.put_quietly(&entry);
            }
        }
        drop(scans);
        // Others who sleep for this set may have the rest.
        self.ready.tell_rest();
        if told > 0 { Ok(told) } else { result.map(|()| 0) }
    }

    /// The sets and other files within, for [`nesting`].
    fn files(&self) -> Result<Vec<Arc<File>>> {
        let items = self.items.lock();
        let mut files = Vec::new();
        files.try_reserve_exact(items.len()).map_err(|_| ENOMEM)?;
        files.extend(items.values().filter_map(|item| item.entry.file()));
        Ok(files)
    }
}

impl FileOps for Epoll {
    fn can_poll(&self) -> bool {
        true
    }

    /// Readable if a file within is ready. Those on the list that are not leave it.
    fn poll(&self, _f: &File, c: &Caller, watch: Option<&mut Watch>) -> PollEvents {
        if let Some(watch) = watch {
            watch.add(self.ready.queue(), 0);
        }
        let mut scans = self.scans.lock_nested();
        *scans += 1;
        while let Some(entry) = self.ready.next(*scans) {
            let ready = entry.file().is_some_and(|file| entry.reports(file.poll(c, None)));
            if ready {
                self.ready.put_first(&entry);
                return READABLE;
            }
        }
        PollEvents::EMPTY
    }

    fn seek(&self, _f: &File, now: u64, _offset: i64, _whence: u32) -> Result<u64> {
        Ok(now)
    }

    fn link_name(&self) -> Option<&'static str> {
        Some("anon_inode:[eventpoll]")
    }

    fn fdinfo(&self, _f: &File, out: &mut dyn fmt::Write) -> fmt::Result {
        let mut entries = Vec::new();
        {
            let items = self.items.lock();
            entries.try_reserve_exact(items.len()).map_err(|_| fmt::Error)?;
            entries.extend(items.values().map(|item| item.entry.clone()));
        }
        for entry in entries {
            let Some(file) = entry.file() else { continue };
            let attr = file.inode().attr();
            writeln!(
                out,
                "tfd: {:8} events: {:8x} data: {:16x}  pos:{} ino:{:x} sdev:{:x}",
                entry.fd().0,
                entry.events().bits(),
                entry.data(),
                file.offset(),
                attr.ino,
                u64::from(major(attr.dev)) << 20 | u64::from(minor(attr.dev)),
            )?;
        }
        Ok(())
    }
}

impl Drop for Epoll {
    fn drop(&mut self) {
        // One by one: dropping an item takes locks, and may close what only the set still knows.
        while let Some((key, _)) = self.items.get_mut().first_key_value() {
            let key = *key;
            self.forget(key);
        }
    }
}
