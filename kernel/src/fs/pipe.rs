//! Pipes and named pipes: a ring of pages between writers and readers (pipe(7), fifo(7)).
//!
//! Locks: `PipeTurn`, one for each end, is held over user copies and keeps the readers, and the
//! writers, apart; `Pipe` guards the ring and is never held over a copy. A reader looks, copies,
//! then consumes, so a fault loses nothing; a writer copies, then publishes.

pub(super) mod bundle;
pub(super) mod splice;

use crate::cred::Cred;
use crate::fs::caller::Caller;
use crate::fs::file::{File, FileOps, Pos};
use crate::fs::inode::Inode;
use crate::fs::nameless::Nameless;
use crate::fs::sigio::{Event, Listeners, Teller};
use crate::lock::{Spin, order};
use crate::mm::PAGE;
use crate::mm::io::{Sink, Source};
use crate::mm::user::UserOut;
use crate::signal::Signal;
use crate::wait::{Mutex, WaitQueue, Watch};
use abi::Result;
use abi::errno::{EAGAIN, EBADF, EBUSY, EFAULT, EINVAL, ENOMEM, ENOTTY, ENXIO, EPERM, EPIPE};
use abi::fs::{F_GETPIPE_SZ, FIONREAD, OpenFlags};
use abi::poll::PollEvents;
use abi::process::CAP_SYS_RESOURCE;
use abi::signal::SIGPIPE;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use bundle::Slot;
use core::mem;
use core::sync::atomic::Ordering::Relaxed;
use hal::mem::Frame;

/// Pages in a new pipe's ring (`PIPE_DEF_BUFFERS`).
const SLOTS: usize = 16;

/// Emptied pages kept for the next write.
const SPARES: usize = 2;

/// A pipe.
pub struct Pipe {
    state: Spin<State, order::Pipe>,
    read_turn: Mutex<(), order::PipeTurn>,
    write_turn: Mutex<(), order::PipeTurn>,
    /// Something came, or the last writer went.
    readable: Arc<WaitQueue>,
    /// There is room, or the last reader went.
    writable: Arc<WaitQueue>,
    /// Who gets SIGIO when it was written to, and when it was read from.
    read_listeners: Listeners,
    write_listeners: Listeners,
}

struct State {
    ring: VecDeque<Slot>,
    /// The most slots; a power of two.
    slots: usize,
    /// Free ones that somebody is about to fill ([`splice::Room`]).
    reserved: usize,
    spares: heapless::Vec<Frame, SPARES>,
    readers: usize,
    writers: usize,
    /// How many readers and writers there have ever been: what a named pipe's open waits for.
    readers_seen: u64,
    writers_seen: u64,
    /// Somebody has polled it: every write is told, not only the first into an empty ring, since
    /// edge-triggered readers ask for that (Linux's `poll_usage`).
    polled: bool,
}

impl State {
    /// Slots that a writer may take.
    fn free(&self) -> usize {
        self.slots.saturating_sub(self.ring.len() + self.reserved)
    }
}

/// The pipe of a FIFO's inode; it exists while the FIFO is open.
#[derive(Default)]
pub struct Fifo {
    pipe: Spin<alloc::sync::Weak<Pipe>, order::Names>,
    /// It is the inode of a pipe without a name: who opens that once more, through
    /// `/proc/PID/fd`, waits for nobody.
    nameless: bool,
}

impl Fifo {
    /// For the inode of a pipe without a name.
    fn of(pipe: &Arc<Pipe>) -> Self {
        Self { pipe: Spin::new(Arc::downgrade(pipe)), nameless: true }
    }
}

/// One open end of a pipe, or both (a FIFO opened for reading and writing).
struct End {
    pipe: Arc<Pipe>,
    reads: bool,
    writes: bool,
    /// Opened by name.
    named: bool,
    /// Writers and readers seen before this end was opened.
    writers_before: u64,
    readers_before: u64,
}

impl Pipe {
    fn new() -> Result<Arc<Self>> {
        let mut ring = VecDeque::new();
        ring.try_reserve_exact(SLOTS).map_err(|_| ENOMEM)?;
        Ok(Arc::new(Self {
            state: Spin::new(State {
                ring,
                slots: SLOTS,
                reserved: 0,
                spares: heapless::Vec::new(),
                readers: 0,
                writers: 0,
                readers_seen: 0,
                writers_seen: 0,
                polled: false,
            }),
            read_turn: Mutex::new(()),
            write_turn: Mutex::new(()),
            readable: Arc::new(WaitQueue::new()),
            writable: Arc::new(WaitQueue::new()),
            read_listeners: Listeners::default(),
            write_listeners: Listeners::default(),
        }))
    }

    pub(super) fn read(&self, to: &mut dyn Sink) -> Result<usize> {
        if to.left() == 0 {
            return Ok(0);
        }
        let _turn = self.read_turn.lock();
        let mut done = 0;
        let mut was_full = false;
        let result = loop {
            let (frame, off, len) = {
                let state = self.state.lock();
                match state.ring.front() {
                    Some(slot) if to.left() > 0 => {
                        (slot.frame.clone(), slot.off, slot.len.min(to.left()))
                    }
                    _ if done > 0 => break Ok(done),
                    _ if state.writers == 0 => break Ok(0),
                    _ => break Err(EAGAIN),
                }
            };
            match to.frame(&frame, off, len) {
                Ok(n) => {
                    done += n;
                    was_full |= self.consume(frame, n);
                    if n < len {
                        break Ok(done);
                    }
                }
                Err(_) if done > 0 => break Ok(done),
                Err(error) => break Err(error),
            }
        };
        if was_full {
            self.writable.wake((PollEvents::OUT | PollEvents::WRNORM).bits().into(), 1);
        }
        self.write_listeners.tell(Event::Out);
        result
    }

    /// Takes `n` bytes off the first slot, whose frame is `frame`. Returns whether the ring was
    /// full and is not any more.
    fn consume(&self, frame: Frame, n: usize) -> bool {
        let mut state = self.state.lock();
        let full = state.ring.len() >= state.slots;
        let Some(slot) = state.ring.front_mut() else { return false };
        slot.off += n;
        slot.len -= n;
        if slot.len > 0 {
            return false;
        }
        let emptied = state.ring.pop_front();
        // The copy in hand is one of two; without the slot's it is the only one.
        drop(emptied);
        if frame.is_unique() {
            // A full store of spares lets the frame go.
            let _ = state.spares.push(frame);
        }
        full
    }

    pub(super) fn write(&self, c: &Caller, from: &mut dyn Source) -> Result<usize> {
        if from.left() == 0 {
            return Ok(0);
        }
        let _turn = self.write_turn.lock();
        let mut done = 0;
        let mut news = false;
        let result = loop {
            let place = self.place(from.left(), done == 0);
            let (frame, off, len, merged) = match place {
                Ok(Some(place)) => place,
                Ok(None) if done > 0 => break Ok(done),
                Ok(None) => break Err(EAGAIN),
                Err(error) => {
                    if error == EPIPE {
                        (c.raise)(Signal(SIGPIPE));
                    }
                    break if done > 0 { Ok(done) } else { Err(error) };
                }
            };
            match from.frame(&frame, off, len) {
                Ok(n) => {
                    done += n;
                    news |= self.publish(frame, off, n, merged);
                    if n < len || from.left() == 0 {
                        break Ok(done);
                    }
                }
                Err(_) if done > 0 => break Ok(done),
                Err(error) => break Err(error),
            }
        };
        if news {
            self.readable.wake((PollEvents::IN | PollEvents::RDNORM).bits().into(), 1);
        }
        self.read_listeners.tell(Event::In);
        result
    }

    /// Where the next of `left` bytes go: a frame, an offset and a length, and whether the frame
    /// is the last slot's. `None` if there is no room.
    ///
    /// The odd bytes of a write (all, if it is small) are added to the last page if they fit
    /// whole; the rest goes to pages of its own. So a write of up to `PIPE_BUF` bytes is one
    /// piece or nothing.
    fn place(&self, left: usize, first: bool) -> Result<Option<(Frame, usize, usize, bool)>> {
        let page = PAGE as usize;
        let mut state = self.state.lock();
        if state.readers == 0 {
            return Err(EPIPE);
        }
        let odd = left % page;
        if let Some(last) = state.ring.back() {
            let end = last.off + last.len;
            if last.open && first && odd > 0 && end + odd <= page {
                return Ok(Some((last.frame.clone(), end, odd, true)));
            }
        }
        if state.free() == 0 {
            return Ok(None);
        }
        state.ring.try_reserve(1).map_err(|_| ENOMEM)?;
        let spare = state.spares.pop();
        drop(state);
        let frame = match spare {
            Some(frame) => frame,
            None => Frame::zeroed().map_err(|_| ENOMEM)?,
        };
        Ok(Some((frame, 0, left.min(page), false)))
    }

    /// Shows `n` bytes that were copied into `frame` to the readers. Returns whether they must be
    /// told: there was nothing to read before, or somebody polls.
    fn publish(&self, frame: Frame, off: usize, n: usize, merged: bool) -> bool {
        let mut state = self.state.lock();
        let news = state.ring.is_empty() || state.polled;
        if merged {
            // A reader may have emptied that page meanwhile; then it is a new slot.
            if let Some(last) = state.ring.back_mut()
                && last.frame.same(&frame)
                && last.off + last.len == off
            {
                last.len += n;
                return news;
            }
        }
        state.ring.push_back(Slot { frame, off, len: n, open: true });
        news
    }

    /// Bytes to be read (`FIONREAD`).
    fn len(&self) -> usize {
        self.state.lock().ring.iter().map(|slot| slot.len).sum()
    }

    /// The size in bytes (`F_GETPIPE_SZ`).
    pub fn size(&self) -> u64 {
        self.state.lock().slots as u64 * PAGE
    }

    /// Sets the size to `size` bytes rounded up (`F_SETPIPE_SZ`): `EBUSY` if more is in use,
    /// `EPERM` beyond what the caller may have.
    pub fn set_size(&self, c: &Caller, size: u64) -> Result<u64> {
        if size > 1 << 31 {
            return Err(EINVAL);
        }
        let size = size.max(PAGE).next_power_of_two();
        let slots = (size / PAGE) as usize;
        let grows = slots > self.state.lock().slots;
        let max = c.fs_info.mounts.settings().pipe_max_size.load(Relaxed);
        if grows && size > max && !c.cred.capable(CAP_SYS_RESOURCE) {
            return Err(EPERM);
        }
        let was_full = {
            let mut state = self.state.lock();
            if state.ring.len() + state.reserved > slots {
                return Err(EBUSY);
            }
            let was_full = state.ring.len() >= state.slots;
            state.slots = slots;
            was_full
        };
        if was_full {
            self.writable.wake_all();
        }
        Ok(size)
    }

    fn open(self: &Arc<Self>, reads: bool, writes: bool, named: bool) -> End {
        let mut state = self.state.lock();
        let (writers_before, readers_before) = (state.writers_seen, state.readers_seen);
        state.readers += usize::from(reads);
        state.writers += usize::from(writes);
        state.readers_seen += u64::from(reads);
        state.writers_seen += u64::from(writes);
        drop(state);
        End { pipe: self.clone(), reads, writes, named, writers_before, readers_before }
    }
}

/// Opens the pipe of a named one (fifo(7)). `ENXIO` to write without waiting when nobody reads.
pub fn open_fifo(fifo: &Fifo, flags: OpenFlags) -> Result<Arc<dyn FileOps>> {
    let (reads, writes) = (flags.reads(), flags.writes());
    if !reads && !writes {
        return Err(EINVAL);
    }
    let new = Pipe::new()?;
    let pipe = {
        let mut known = fifo.pipe.lock();
        known.upgrade().unwrap_or_else(|| {
            *known = Arc::downgrade(&new);
            new
        })
    };
    let nobody = writes && !reads && pipe.state.lock().readers == 0;
    if nobody && flags.has(OpenFlags::NONBLOCK) && !fifo.nameless {
        return Err(ENXIO);
    }
    let end = pipe.open(reads, writes, !fifo.nameless);
    // Those whose open waits for this end.
    pipe.readable.wake_all();
    pipe.writable.wake_all();
    Ok(Arc::new(end))
}

/// pipe2(2): the end to read and the end to write.
pub fn pipe(c: &Caller, cred: &Arc<Cred>, flags: OpenFlags) -> Result<(Arc<File>, Arc<File>)> {
    let pipe = Pipe::new()?;
    let inode: Arc<dyn Inode> = Arc::new(Nameless::pipe(c, Fifo::of(&pipe)));
    let end = |reads: bool, access: OpenFlags| {
        let ops = Arc::new(pipe.open(reads, !reads, false));
        Arc::new(File::new(ops, inode.clone(), None, flags | access, cred.clone()))
    };
    Ok((end(true, OpenFlags::RDONLY), end(false, OpenFlags::WRONLY)))
}

/// The pipe behind a file, for `F_GETPIPE_SZ` and `F_SETPIPE_SZ`: `EBADF` if it is none.
pub fn fcntl(f: &File, c: &Caller, cmd: u32, arg: u64) -> Result<u64> {
    let end = f.ops_as::<End>().ok_or(EBADF)?;
    match cmd {
        F_GETPIPE_SZ => Ok(end.pipe.size()),
        _ => end.pipe.set_size(c, arg & u64::from(u32::MAX)),
    }
}

impl FileOps for End {
    fn read(&self, _f: &File, _c: &Caller, to: &mut dyn Sink, _at: Pos) -> Result<usize> {
        self.pipe.read(to)
    }

    fn write(&self, _f: &File, c: &Caller, from: &mut dyn Source, _at: Pos) -> Result<usize> {
        self.pipe.write(c, from)
    }

    fn can_poll(&self) -> bool {
        true
    }

    fn poll(&self, _f: &File, _c: &Caller, watch: Option<&mut Watch>) -> PollEvents {
        if let Some(watch) = watch {
            if self.reads {
                watch.add(&self.pipe.readable, 0);
            }
            if self.writes {
                watch.add(&self.pipe.writable, 0);
            }
        }
        let mut events = PollEvents::EMPTY;
        let mut state = self.pipe.state.lock();
        state.polled = true;
        if self.reads {
            if !state.ring.is_empty() {
                events |= PollEvents::IN | PollEvents::RDNORM;
            }
            // The end of a named pipe is not its end before the first writer came.
            if state.writers == 0 && state.writers_seen != self.writers_before_open() {
                events |= PollEvents::HUP;
            }
        }
        if self.writes {
            if state.free() > 0 {
                events |= PollEvents::OUT | PollEvents::WRNORM;
            }
            if state.readers == 0 {
                events |= PollEvents::ERR;
            }
        }
        events
    }

    fn ioctl(&self, _f: &File, c: &Caller, cmd: u32, arg: u64) -> Result<i64> {
        if cmd != FIONREAD {
            return Err(ENOTTY);
        }
        let space = c.space.ok_or(EFAULT)?;
        UserOut::<i32>::new(arg).write(space, &(self.pipe.len() as i32))?;
        Ok(0)
    }

    fn listen(&self, _f: &File, teller: &Arc<Teller>, fd: i32, on: bool) -> Result<()> {
        if self.reads {
            self.pipe.read_listeners.set(teller, fd, on)?;
        }
        if self.writes {
            self.pipe.write_listeners.set(teller, fd, on)?;
        }
        Ok(())
    }

    fn opened(&self, f: &File, _c: &Caller) -> Result<()> {
        if !self.named || self.reads && self.writes || f.flags().has(OpenFlags::NONBLOCK) {
            return Ok(());
        }
        // It is enough that the other end came, even if it has gone again.
        let state = self.pipe.state.lock();
        let met = match self.reads {
            true => state.writers > 0 || state.writers_seen != self.writers_before,
            false => state.readers > 0 || state.readers_seen != self.readers_before,
        };
        if met { Ok(()) } else { Err(EAGAIN) }
    }
}

impl End {
    fn writers_before_open(&self) -> u64 {
        if self.named { self.writers_before } else { 0 }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let (readers, writers, unread) = {
            let mut state = self.pipe.state.lock();
            state.readers -= usize::from(self.reads);
            state.writers -= usize::from(self.writes);
            let (readers, writers) = (state.readers, state.writers);
            // What nobody can read any more goes, should a FIFO be opened again.
            let closed = readers == 0 && writers == 0;
            (readers, writers, closed.then(|| mem::take(&mut state.ring)))
        };
        drop(unread);
        if readers == 0 {
            self.pipe.writable.wake_all();
        }
        if writers == 0 {
            self.pipe.readable.wake_all();
        }
        if (readers == 0) != (writers == 0) {
            self.pipe.read_listeners.tell(Event::In);
            self.pipe.write_listeners.tell(Event::Out);
        }
    }
}
