//! [`Bundle`]: pages on their way from one file to another. A file that is read into it hands over
//! its frames, held by their count, and bytes only where it has no frames; a file that is written
//! from it copies out of them.

use crate::mm::PAGE;
use crate::mm::io::{Sink, Source};
use abi::Result;
use abi::errno::{EFAULT, ENOMEM};
use alloc::collections::VecDeque;
use hal::mem::Frame;

/// A page with bytes in it.
#[derive(Clone)]
pub(in crate::fs) struct Slot {
    pub(super) frame: Frame,
    pub(super) off: usize,
    pub(super) len: usize,
    /// More may be written behind the bytes: the page belongs to nobody else
    /// (`PIPE_BUF_FLAG_CAN_MERGE`).
    pub(super) open: bool,
}

/// Pages in order, up to a number of them and of bytes.
pub(in crate::fs) struct Bundle {
    slots: VecDeque<Slot>,
    most: usize,
    room: usize,
}

impl Bundle {
    /// Room for `bytes` bytes in `slots` pages.
    pub(in crate::fs) fn new(slots: usize, bytes: usize) -> Result<Self> {
        let mut list = VecDeque::new();
        list.try_reserve_exact(slots).map_err(|_| ENOMEM)?;
        Ok(Self { slots: list, most: slots, room: bytes })
    }

    /// Adds a part of a page; there must be room.
    pub(super) fn push(&mut self, slot: Slot) {
        self.room = self.room.saturating_sub(slot.len);
        self.slots.push_back(slot);
    }

    /// Takes the pages out.
    pub(super) fn into_slots(self) -> VecDeque<Slot> {
        self.slots
    }

    fn is_full(&self) -> bool {
        self.slots.len() >= self.most
    }

    /// Takes up to `len` bytes: `step(slot, n, done)` is given the first slot, how many of its
    /// bytes are meant and how many came before.
    fn take(&mut self, len: usize, mut step: impl FnMut(&Slot, usize, usize)) -> usize {
        let mut done = 0;
        while done < len {
            let Some(slot) = self.slots.front_mut() else { break };
            let n = slot.len.min(len - done);
            step(slot, n, done);
            slot.off += n;
            slot.len -= n;
            done += n;
            if slot.len == 0 {
                self.slots.pop_front();
            }
        }
        done
    }
}

impl Sink for Bundle {
    fn put(&mut self, mut bytes: &[u8]) -> Result<usize> {
        let mut done = 0;
        while !bytes.is_empty() && self.room > 0 {
            let is_full = self.is_full();
            let last = self.slots.back_mut().filter(|slot| slot.open);
            let free = last.as_ref().map_or(0, |slot| PAGE as usize - slot.off - slot.len);
            let n = match last {
                Some(slot) if free > 0 => {
                    let n = free.min(bytes.len()).min(self.room);
                    slot.frame.write(slot.off + slot.len, &bytes[..n]);
                    slot.len += n;
                    n
                }
                _ if is_full => break,
                _ => {
                    match Frame::zeroed() {
                        Ok(frame) => {
                            self.slots.push_back(Slot { frame, off: 0, len: 0, open: true });
                        }
                        Err(_) if done > 0 => break,
                        Err(_) => return Err(ENOMEM),
                    }
                    0
                }
            };
            self.room -= n;
            done += n;
            bytes = &bytes[n..];
        }
        Ok(done)
    }

    fn zero(&mut self, len: usize) -> Result<usize> {
        const ZEROES: [u8; 256] = [0; 256];
        let mut done = 0;
        while done < len {
            match self.put(&ZEROES[..ZEROES.len().min(len - done)])? {
                0 => break,
                n => done += n,
            }
        }
        Ok(done)
    }

    fn frame(&mut self, frame: &Frame, off: usize, len: usize) -> Result<usize> {
        let len = len.min(self.room);
        if self.is_full() || len == 0 {
            return Ok(0);
        }
        self.push(Slot { frame: frame.clone(), off, len, open: false });
        Ok(len)
    }

    fn left(&self) -> usize {
        if !self.is_full() {
            return self.room;
        }
        let last = self.slots.back().filter(|slot| slot.open);
        last.map_or(0, |slot| PAGE as usize - slot.off - slot.len).min(self.room)
    }
}

impl Source for Bundle {
    fn peek(&self, to: &mut [u8]) -> Result<()> {
        if self.slots.iter().map(|slot| slot.len).sum::<usize>() < to.len() {
            return Err(EFAULT);
        }
        let mut rest = to;
        for slot in &self.slots {
            let (now, after) = rest.split_at_mut(slot.len.min(rest.len()));
            slot.frame.read(slot.off, now);
            rest = after;
        }
        Ok(())
    }

    fn get(&mut self, to: &mut [u8]) -> Result<usize> {
        let len = to.len();
        Ok(self.take(len, |slot, n, done| slot.frame.read(slot.off, &mut to[done..done + n])))
    }

    fn left(&self) -> usize {
        self.slots.iter().map(|slot| slot.len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_go_through_in_order_and_within_the_room() {
        let mut bundle = Bundle::new(2, 5000).unwrap();
        let bytes: alloc::vec::Vec<u8> = (0..6000u32).map(|i| (i % 251) as u8).collect();
        assert_eq!(bundle.put(&bytes[..100]), Ok(100));
        assert_eq!(bundle.put(&bytes[100..]), Ok(4900));
        assert_eq!((Sink::left(&bundle), Source::left(&bundle)), (0, 5000));
        let mut first = [0; 7];
        bundle.peek(&mut first).unwrap();
        assert_eq!(first, bytes[..7]);
        let mut back = [0; 6000];
        assert_eq!(bundle.get(&mut back), Ok(5000));
        assert_eq!(back[..5000], bytes[..5000]);
        assert_eq!(Source::left(&bundle), 0);
    }

    #[test]
    fn frames_are_handed_over_as_they_are() {
        let frame = Frame::zeroed().unwrap();
        frame.write(10, b"hello");
        let mut bundle = Bundle::new(2, 100).unwrap();
        assert_eq!(Sink::frame(&mut bundle, &frame, 10, 5), Ok(5));
        // Nothing is ever written behind what belongs to a file.
        assert_eq!(bundle.put(b"!"), Ok(1));
        assert_eq!(bundle.put(b"?"), Ok(1));
        assert_eq!(Sink::frame(&mut bundle, &frame, 10, 5), Ok(0), "two pages are all");
        assert_eq!(Sink::left(&bundle), 93);
        let slots = bundle.into_slots();
        assert!(slots[0].frame.same(&frame) && slots.len() == 2);
    }
}
