//! eventfd(2): a counter to wait for (`fs/eventfd.c`). Lock level: `Pipe`.

use core::fmt;
use core::mem::size_of;

use abi::Result;
use abi::errno::{EAGAIN, EINVAL};
use abi::fs::OpenFlags;
use abi::poll::{EventfdFlags, PollEvents};
use alloc::sync::Arc;

use crate::cred::Cred;
use crate::fs::caller::Caller;
use crate::fs::file::{File, FileOps, Pos};
use crate::fs::nameless::anon_file;
use crate::lock::{Spin, order};
use crate::mm::io::{Sink, Source};
use crate::wait::{WaitQueue, Watch};

struct Eventfd {
    /// Never `u64::MAX`.
    count: Spin<u64, order::Pipe>,
    /// A read takes one, not all (`EFD_SEMAPHORE`).
    semaphore: bool,
    changed: Arc<WaitQueue>,
    /// Its number, for `/proc/PID/fdinfo`.
    id: u64,
}

/// eventfd2(2): a counter that starts at `count`.
pub fn open(c: &Caller, cred: &Arc<Cred>, count: u32, flags: EventfdFlags) -> Arc<File> {
    let ops = Arc::new(Eventfd {
        count: Spin::new(count.into()),
        semaphore: flags.has(EventfdFlags::SEMAPHORE),
        changed: Arc::new(WaitQueue::new()),
        id: c.fs_info.mounts.new_event_id(),
    });
    let nonblock = OpenFlags(flags.bits()) & OpenFlags::NONBLOCK;
    anon_file(c, cred, ops, OpenFlags::RDWR | nonblock)
}

impl FileOps for Eventfd {
    fn read(&self, _f: &File, _c: &Caller, to: &mut dyn Sink, _at: Pos) -> Result<usize> {
        if to.left() < size_of::<u64>() {
            return Err(EINVAL);
        }
        let value = {
            let mut count = self.count.lock();
            let value = if self.semaphore { 1.min(*count) } else { *count };
            *count -= value;
            value
        };
        if value == 0 {
            return Err(EAGAIN);
        }
        self.changed.wake(PollEvents::OUT.bits().into(), 1);
        // As on Linux: what cannot be stored is taken all the same.
        to.put_all(&value.to_ne_bytes())?;
        Ok(size_of::<u64>())
    }

    fn write(&self, _f: &File, _c: &Caller, from: &mut dyn Source, _at: Pos) -> Result<usize> {
        let mut bytes = [0; size_of::<u64>()];
        if from.left() < bytes.len() {
            return Err(EINVAL);
        }
        from.peek(&mut bytes)?;
        let value = u64::from_ne_bytes(bytes);
        if value == u64::MAX {
            return Err(EINVAL);
        }
        {
            let mut count = self.count.lock();
            let sum = count.checked_add(value).filter(|&sum| sum < u64::MAX);
            *count = sum.ok_or(EAGAIN)?;
        }
        self.changed.wake(PollEvents::IN.bits().into(), 1);
        Ok(bytes.len())
    }

    fn writes_records(&self) -> bool {
        true
    }

    fn can_poll(&self) -> bool {
        true
    }

    fn poll(&self, _f: &File, _c: &Caller, watch: Option<&mut Watch>) -> PollEvents {
        if let Some(watch) = watch {
            watch.add(&self.changed, 0);
        }
        let count = *self.count.lock();
        let mut events = PollEvents::EMPTY;
        if count > 0 {
            events |= PollEvents::IN;
        }
        if count < u64::MAX - 1 {
            events |= PollEvents::OUT;
        }
        events
    }

    fn seek(&self, _f: &File, now: u64, _offset: i64, _whence: u32) -> Result<u64> {
        Ok(now)
    }

    fn link_name(&self) -> Option<&'static str> {
        Some("anon_inode:[eventfd]")
    }

    fn fdinfo(&self, _f: &File, out: &mut dyn fmt::Write) -> fmt::Result {
        let count = *self.count.lock();
        writeln!(out, "eventfd-count: {count:16x}\neventfd-id: {}", self.id)
    }
}
