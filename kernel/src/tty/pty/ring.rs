//! [`Ring`]: a bounded queue of bytes whose places are counted from the beginning of time, so that
//! a reader can look, copy and then consume while others flush.

use abi::errno::{ENOMEM, Result};
use alloc::boxed::Box;
use alloc::vec::Vec;

/// A queue of bytes.
pub struct Ring {
    bytes: Box<[u8]>,
    /// The next byte to take, and where the next one goes: `tail <= head <= tail + bytes.len()`.
    tail: u64,
    head: u64,
}

impl Ring {
    /// An empty one that holds `size` bytes.
    pub fn new(size: usize) -> Result<Self> {
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(size).map_err(|_| ENOMEM)?;
        bytes.resize(size, 0);
        Ok(Self { bytes: bytes.into_boxed_slice(), tail: 0, head: 0 })
    }

    /// Bytes in it.
    pub fn len(&self) -> usize {
        (self.head - self.tail) as usize
    }

    /// Bytes that still fit.
    pub fn room(&self) -> usize {
        self.bytes.len() - self.len()
    }

    /// Appends what fits; returns how many bytes that were.
    pub fn push(&mut self, from: &[u8]) -> usize {
        let n = from.len().min(self.room());
        for (at, &byte) in (self.head..).zip(&from[..n]) {
            let place = self.place(at);
            self.bytes[place] = byte;
        }
        self.head += n as u64;
        n
    }

    /// Copies the first bytes to `to`; returns where they begin and how many they are.
    pub fn peek(&self, to: &mut [u8]) -> (u64, usize) {
        let n = to.len().min(self.len());
        for (at, slot) in (self.tail..).zip(&mut to[..n]) {
            *slot = self.bytes[self.place(at)];
        }
        (self.tail, n)
    }

    /// Removes what lies before place `end`; what was flushed meanwhile is gone already.
    pub fn consume(&mut self, end: u64) {
        self.tail = self.tail.max(end.min(self.head));
    }

    /// Takes the first bytes out.
    pub fn pop(&mut self, to: &mut [u8]) -> usize {
        let (from, n) = self.peek(to);
        self.consume(from + n as u64);
        n
    }

    /// Forgets all bytes.
    pub fn clear(&mut self) {
        self.tail = self.head;
    }

    /// Forgets all but the first `kept` bytes. Whoever has peeked at more will consume bytes that
    /// come now.
    pub fn truncate(&mut self, kept: usize) {
        self.head = self.head.min(self.tail + kept as u64);
    }

    fn place(&self, at: u64) -> usize {
        (at % self.bytes.len() as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_keeps_the_order_and_its_bound() {
        let mut ring = Ring::new(4).unwrap();
        assert_eq!((ring.push(b"abc"), ring.push(b"de"), ring.room()), (3, 1, 0));
        let mut two = [0; 2];
        assert_eq!((ring.peek(&mut two), two), ((0, 2), *b"ab"));
        ring.consume(1);
        assert_eq!((ring.push(b"xy"), ring.pop(&mut two), two), (1, 2, *b"bc"));
        ring.truncate(1);
        assert_eq!((ring.len(), ring.pop(&mut two), two[0]), (1, 1, b'd'));
    }

    #[test]
    fn what_was_cleared_is_not_consumed_twice() {
        let mut ring = Ring::new(4).unwrap();
        ring.push(b"abcd");
        let (from, n) = ring.peek(&mut [0; 4]);
        ring.clear();
        ring.push(b"e");
        ring.consume(from + n as u64);
        assert_eq!(ring.len(), 1);
    }
}
