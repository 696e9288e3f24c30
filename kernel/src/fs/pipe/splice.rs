//! What splice(2), tee(2) and vmsplice(2) need of a pipe: pages put in and taken out whole.

use super::bundle::{Bundle, Slot};
use super::{End, Pipe};
use crate::fs::caller::Caller;
use crate::fs::file::File;
use crate::fs::sigio::Event;
use crate::mm::io::{Sink, Source};
use crate::signal::Signal;
use abi::Result;
use abi::errno::{EAGAIN, ENOMEM, EPIPE};
use abi::poll::PollEvents;
use abi::signal::SIGPIPE;
use alloc::sync::Arc;

/// The pipe behind a file, if there is one.
pub(in crate::fs) fn of(file: &File) -> Option<&Arc<Pipe>> {
    file.ops_as::<End>().map(|end| &end.pipe)
}

/// Slots kept free for somebody who is about to fill them; writers take them for full meanwhile.
pub(in crate::fs) struct Room<'p> {
    pipe: &'p Pipe,
    /// How many.
    pub(in crate::fs) slots: usize,
}

impl Pipe {
    /// Keeps all free slots, `most` at most. `EAGAIN` if there is none; `EPIPE` and the signal when
    /// nobody reads.
    pub(in crate::fs) fn reserve(&self, c: &Caller, most: usize) -> Result<Room<'_>> {
        let mut state = self.state.lock();
        if state.readers == 0 {
            drop(state);
            (c.raise)(Signal(SIGPIPE));
            return Err(EPIPE);
        }
        let slots = state.free().min(most);
        if slots == 0 {
            return Err(EAGAIN);
        }
        let more = state.slots - state.ring.len();
        state.ring.try_reserve(more).map_err(|_| ENOMEM)?;
        state.reserved += slots;
        Ok(Room { pipe: self, slots })
    }

    /// Hands the first `len` bytes, in `slots` pages at most, to `take`, which says how many it
    /// took; so many go from the pipe if `consume`. 0: all writers are gone. `EAGAIN`: it is empty.
    pub(in crate::fs) fn take_pages(
        &self,
        slots: usize,
        len: usize,
        consume: bool,
        take: impl FnOnce(Bundle) -> Result<usize>,
    ) -> Result<usize> {
        let _turn = self.read_turn.lock();
        let mut bundle = Bundle::new(slots, len)?;
        {
            let state = self.state.lock();
            if state.ring.is_empty() {
                return if state.writers == 0 { Ok(0) } else { Err(EAGAIN) };
            }
            for slot in state.ring.iter().take(slots) {
                let len = slot.len.min(Sink::left(&bundle));
                if len == 0 {
                    break;
                }
                bundle.push(Slot { len, open: false, ..slot.clone() });
            }
        }
        let n = take(bundle)?;
        if consume {
            self.skip(n);
            self.write_listeners.tell(Event::Out);
        }
        Ok(n)
    }

    /// The first `n` bytes go. The turn to read is held.
    fn skip(&self, mut n: usize) {
        let mut was_full = false;
        while n > 0 {
            let front = self.state.lock().ring.front().map(|slot| (slot.frame.clone(), slot.len));
            let Some((frame, len)) = front else { break };
            was_full |= self.consume(frame, len.min(n));
            n -= len.min(n);
        }
        if was_full {
            self.writable.wake((PollEvents::OUT | PollEvents::WRNORM).bits().into(), 1);
        }
    }
}

impl Room<'_> {
    /// Puts the pages of `bundle` into the pipe, no more of them than were kept; returns how many
    /// bytes that were.
    pub(in crate::fs) fn fill(mut self, bundle: Bundle) -> usize {
        let n = Source::left(&bundle);
        {
            let mut state = self.pipe.state.lock();
            for slot in bundle.into_slots() {
                if slot.len > 0 && self.slots > 0 {
                    state.ring.push_back(slot);
                    self.slots -= 1;
                    state.reserved -= 1;
                }
            }
        }
        if n > 0 {
            self.pipe.readable.wake((PollEvents::IN | PollEvents::RDNORM).bits().into(), 1);
            self.pipe.read_listeners.tell(Event::In);
        }
        n
    }
}

/// What was not filled is free for others.
impl Drop for Room<'_> {
    fn drop(&mut self) {
        if self.slots > 0 {
            self.pipe.state.lock().reserved -= self.slots;
            self.pipe.writable.wake((PollEvents::OUT | PollEvents::WRNORM).bits().into(), 1);
        }
    }
}
