//! inotify(7): an instance is a file to read events from (`fs/notify/inotify/`).

use super::queue::{Event, Queue};
use super::{Mark, Mask};
use crate::cred::{Cred, Uid};
use crate::fs::access::READ;
use crate::fs::caller::Caller;
use crate::fs::file::{File, FileOps, Pos};
use crate::fs::nameless::anon_file;
use crate::fs::path::Path;
use crate::fs::sigio::{self, Listeners, Teller};
use crate::lock::{Spin, order};
use crate::mm::io::Sink;
use crate::mm::user::UserOut;
use crate::wait::{WaitQueue, Watch};
use abi::errno::{EAGAIN, EEXIST, EFAULT, EINVAL, EMFILE, ENOSPC, ENOTDIR, ENOTTY};
use abi::fs::{FIONREAD, InotifyEvent, InotifyInitFlags, NAME_MAX, OpenFlags};
use abi::poll::PollEvents;
use abi::{Result, Wire};
use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use core::fmt;
use core::sync::atomic::{AtomicU32, Ordering};

/// An instance.
pub struct Inotify {
    me: Weak<Inotify>,
    queue: Spin<Queue, order::Events>,
    readable: Arc<WaitQueue>,
    listeners: Listeners,
    watches: Spin<Watches, order::Watches>,
    users: Users,
    uid: Uid,
}

#[derive(Default)]
struct Watches {
    by_number: BTreeMap<i32, Arc<Mark>>,
    /// The number given last.
    last: i32,
}

/// How many instances and watches each user has.
#[derive(Clone, Default)]
pub struct Users(Arc<Spin<BTreeMap<u32, [u32; 2]>, order::Events>>);

/// Which of the two counts.
const INSTANCES: usize = 0;
const WATCHES: usize = 1;

impl Users {
    /// One more for `uid`, if it has less than `most`.
    fn take(&self, uid: Uid, which: usize, most: u32) -> bool {
        let mut users = self.0.lock();
        let counts = users.entry(uid.0).or_default();
        let allowed = counts[which] < most;
        counts[which] += u32::from(allowed);
        allowed
    }

    fn give(&self, uid: Uid, which: usize) {
        let mut users = self.0.lock();
        if let Some(counts) = users.get_mut(&uid.0) {
            counts[which] = counts[which].saturating_sub(1);
            if *counts == [0, 0] {
                users.remove(&uid.0);
            }
        }
    }
}

/// Events and flags that a watch keeps.
const KEPT: Mask = Mask::ACCESS
    .with(Mask::MODIFY)
    .with(Mask::ATTRIB)
    .with(Mask::CLOSE_WRITE)
    .with(Mask::CLOSE_NOWRITE)
    .with(Mask::OPEN)
    .with(Mask::MOVED_FROM)
    .with(Mask::MOVED_TO)
    .with(Mask::CREATE)
    .with(Mask::DELETE)
    .with(Mask::DELETE_SELF)
    .with(Mask::MOVE_SELF)
    .with(Mask::EXCL_UNLINK)
    .with(Mask::ONESHOT);

/// inotify_init1(2). `EMFILE` if the user has too many.
pub fn open(c: &Caller, cred: &Arc<Cred>, flags: InotifyInitFlags) -> Result<Arc<File>> {
    let mounts = &c.fs_info.mounts;
    let (settings, users) = (mounts.settings(), mounts.watchers());
    let most = settings.inotify_max_user_instances.load(Ordering::Relaxed);
    if !users.take(cred.uid, INSTANCES, most) {
        return Err(EMFILE);
    }
    let events = settings.inotify_max_queued_events.load(Ordering::Relaxed);
    let ops = Arc::new_cyclic(|me: &Weak<Inotify>| Inotify {
        me: me.clone(),
        queue: Spin::new(Queue::new(events as usize)),
        readable: Arc::new(WaitQueue::new()),
        listeners: Listeners::default(),
        watches: Spin::new(Watches::default()),
        users: users.clone(),
        uid: cred.uid,
    });
    let nonblock = OpenFlags(flags.bits()) & OpenFlags::NONBLOCK;
    Ok(anon_file(c, cred, ops, OpenFlags::RDONLY | nonblock))
}

/// The instance behind `file`: `EINVAL` if it is none.
fn of(file: &File) -> Result<Arc<Inotify>> {
    file.ops_as::<Inotify>().and_then(|inotify| inotify.me.upgrade()).ok_or(EINVAL)
}

/// inotify_add_watch(2), once the mask was found good: the number of the watch.
pub fn add(
    c: &Caller,
    file: &File,
    find: impl FnOnce(bool) -> Result<Path>,
    mask: Mask,
) -> Result<i32> {
    let group = of(file)?;
    let path = find(!mask.has(Mask::DONT_FOLLOW))?;
    let inode = path.inode()?;
    if mask.has(Mask::ONLYDIR) && !path.dentry.is_dir() {
        return Err(ENOTDIR);
    }
    inode.permission(c.cred, READ)?;
    let marks = inode.attached().ok_or(ENOSPC)?.marks_or_new();
    let most = c.fs_info.mounts.settings().inotify_max_user_watches.load(Ordering::Relaxed);
    let kept = mask & KEPT;
    let mut watches = group.watches.lock();
    if let Some(mark) = marks.of(&group) {
        if mask.has(Mask::MASK_CREATE) {
            return Err(EEXIST);
        }
        match mask.has(Mask::MASK_ADD) {
            true => mark.mask.fetch_or(kept.bits(), Ordering::Relaxed),
            false => mark.mask.swap(kept.bits(), Ordering::Relaxed),
        };
        return Ok(mark.wd);
    }
    // As on Linux, an attempt that fails uses a number up, too.
    let (sb, wd) = (path.dentry.sb(), watches.next());
    if !group.users.take(group.uid, WATCHES, most) {
        return Err(ENOSPC);
    }
    let mark = Arc::new(Mark {
        group: group.me.clone(),
        wd,
        mask: AtomicU32::new(kept.bits()),
        inode: inode.clone(),
        sb: Arc::downgrade(sb),
    });
    let entered = marks.add(&mark).and_then(|()| {
        let counted = sb.watches.add(&mark);
        counted.inspect_err(|_| marks.remove(&mark))
    });
    if let Err(why) = entered {
        group.users.give(group.uid, WATCHES);
        return Err(why);
    }
    watches.by_number.insert(wd, mark);
    Ok(wd)
}

/// inotify_rm_watch(2)
pub fn remove(file: &File, wd: i32) -> Result<()> {
    let group = of(file)?;
    let mark = group.watches.lock().by_number.get(&wd).cloned().ok_or(EINVAL)?;
    group.end(&mark);
    Ok(())
}

impl Watches {
    /// A number that is free: one after the other, from 1 again after the last.
    fn next(&mut self) -> i32 {
        loop {
            self.last = self.last.checked_add(1).unwrap_or(1);
            if !self.by_number.contains_key(&self.last) {
                return self.last;
            }
        }
    }
}

impl Inotify {
    /// Queues an event of `mark`, while that is a watch of the instance.
    pub(super) fn tell(&self, mark: &Mark, mask: Mask, cookie: u32, name: Option<&[u8]>) {
        let name = name.map(Arc::from);
        let news = {
            let watches = self.watches.lock();
            if !watches.by_number.contains_key(&mark.wd) {
                return;
            }
            self.queue.lock().push(Event { wd: mark.wd, mask, cookie, name })
        };
        self.news(news);
    }

    /// Ends a watch: `IN_IGNORED` is its last event.
    pub(super) fn end(&self, mark: &Arc<Mark>) {
        let news = {
            let mut watches = self.watches.lock();
            if watches.by_number.remove(&mark.wd).is_none() {
                return;
            }
            mark.leave_inode();
            let (wd, mask) = (mark.wd, Mask::IGNORED);
            self.queue.lock().push(Event { wd, mask, cookie: 0, name: None })
        };
        self.forget(mark);
        self.news(news);
    }

    /// A mark that the instance has no more counts no more.
    fn forget(&self, mark: &Mark) {
        if let Some(sb) = mark.sb.upgrade() {
            sb.watches.remove();
        }
        self.users.give(self.uid, WATCHES);
    }

    fn news(&self, news: bool) {
        if news {
            self.readable.wake((PollEvents::IN | PollEvents::RDNORM).bits().into(), 1);
            self.listeners.tell(sigio::Event::In);
        }
    }
}

impl FileOps for Inotify {
    fn read(&self, _f: &File, _c: &Caller, to: &mut dyn Sink, _at: Pos) -> Result<usize> {
        let mut done = 0;
        loop {
            let event = {
                let mut queue = self.queue.lock();
                match queue.first() {
                    Some(event) if event.size() <= to.left() => queue.pop(),
                    Some(_) if done == 0 => return Err(EINVAL),
                    _ => None,
                }
            };
            let Some(event) = event else { break };
            let mut bytes = [0; InotifyEvent::SIZE + NAME_MAX + 1];
            let name = event.name.as_deref().unwrap_or_default();
            event.head().put(&mut bytes);
            let size = event.size();
            if let Some(room) = bytes.get_mut(InotifyEvent::SIZE..InotifyEvent::SIZE + name.len()) {
                room.copy_from_slice(name);
            }
            // As on Linux: what cannot be stored is gone all the same.
            to.put_all(bytes.get(..size).ok_or(EFAULT)?)?;
            done += size;
        }
        if done == 0 { Err(EAGAIN) } else { Ok(done) }
    }

    fn poll(&self, _f: &File, _c: &Caller, watch: Option<&mut Watch>) -> PollEvents {
        if let Some(watch) = watch {
            watch.add(&self.readable, 0);
        }
        match self.queue.lock().first() {
            Some(_) => PollEvents::IN | PollEvents::RDNORM,
            None => PollEvents::EMPTY,
        }
    }

    fn ioctl(&self, _f: &File, c: &Caller, cmd: u32, arg: u64) -> Result<i64> {
        if cmd != FIONREAD {
            return Err(ENOTTY);
        }
        let bytes = self.queue.lock().bytes();
        let space = c.space.ok_or(EFAULT)?;
        UserOut::<i32>::new(arg).write(space, &(bytes as i32))?;
        Ok(0)
    }

    fn listen(&self, _f: &File, teller: &Arc<Teller>, fd: i32, on: bool) -> Result<()> {
        self.listeners.set(teller, fd, on)
    }

    fn fdinfo(&self, _f: &File, out: &mut dyn fmt::Write) -> fmt::Result {
        let mut from = 0;
        loop {
            let next = {
                let watches = self.watches.lock();
                watches.by_number.range(from..).next().map(|(_, mark)| mark.clone())
            };
            let Some(mark) = next else { return Ok(()) };
            let (attr, mask) = (mark.inode.attr(), mark.mask().without(Mask::EXCL_UNLINK));
            let dev = abi::fs::new_encode_dev(abi::fs::major(attr.dev), abi::fs::minor(attr.dev));
            let (wd, ino, mask) = (mark.wd, attr.ino, mask.bits());
            writeln!(
                out,
                "inotify wd:{wd:x} ino:{ino:x} sdev:{dev:x} mask:{mask:x} ignored_mask:0 "
            )?;
            from = wd.saturating_add(1);
        }
    }
}

/// The instance is closed: its watches go.
impl Drop for Inotify {
    fn drop(&mut self) {
        let marks = core::mem::take(&mut self.watches.get_mut().by_number);
        for mark in marks.values() {
            mark.leave_inode();
            self.forget(mark);
        }
        self.users.give(self.uid, INSTANCES);
    }
}
