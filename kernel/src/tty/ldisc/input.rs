//! [`Input`]: the ring of received bytes, with the ends of lines (`read_buf` and `read_flags`).

use abi::tty::POSIX_VDISABLE;

/// Bytes the ring holds (`N_TTY_BUF_SIZE`). One is kept free for the end of an overlong line.
pub const SIZE: usize = 4096;

/// In canonical mode, the byte that stands for "end of file" where a line ends (`__DISABLED_CHAR`).
const END_OF_FILE: u8 = POSIX_VDISABLE;

/// The ring. `tail <= line <= head <= tail + SIZE`, all counted from the beginning of time, so
/// that a position stays good when the ring is emptied.
pub struct Input {
    bytes: [u8; SIZE],
    /// Bit n: the byte at place n ends a line.
    ends: [u64; SIZE / 64],
    /// The next byte to read.
    tail: u64,
    /// The first byte that is not yet part of a whole line.
    line: u64,
    /// Where the next byte goes.
    head: u64,
}

/// What a reader may take next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peek {
    /// Position of the first byte.
    pub from: u64,
    /// Bytes given.
    pub len: usize,
    /// Position to [`Input::consume`] up to, once they have arrived.
    pub next: u64,
    /// A line ends here: the read is complete, even with no byte at all.
    pub ends: bool,
}

fn place(at: u64) -> usize {
    at as usize % SIZE
}

impl Input {
    /// An empty ring.
    pub const fn new() -> Self {
        Self { bytes: [0; SIZE], ends: [0; SIZE / 64], tail: 0, line: 0, head: 0 }
    }

    /// Bytes in the ring.
    pub fn len(&self) -> usize {
        (self.head - self.tail) as usize
    }

    /// Bytes of the unfinished line.
    pub fn line_len(&self) -> usize {
        (self.head - self.line) as usize
    }

    /// Is there a whole line?
    pub fn has_line(&self) -> bool {
        self.line != self.tail
    }

    /// Bytes in whole lines, marks of end-of-file not counted (`inq_canon`).
    pub fn lines_len(&self) -> usize {
        let marks = (self.tail..self.line).filter(|&at| self.is_eof(at)).count();
        (self.line - self.tail) as usize - marks
    }

    /// Appends a byte; a full ring stays as it is.
    pub fn push(&mut self, byte: u8) {
        if self.len() < SIZE {
            self.bytes[place(self.head)] = byte;
            self.set_end(self.head, false);
            self.head += 1;
        }
    }

    /// Appends a byte that ends a line; `None` ends it without a byte (end of file).
    pub fn end_line(&mut self, byte: Option<u8>) {
        if self.len() < SIZE {
            self.push(byte.unwrap_or(END_OF_FILE));
            self.set_end(self.head - 1, true);
            self.line = self.head;
        }
    }

    /// The byte at `back` (from 1) before the end of the unfinished line.
    pub fn back(&self, back: usize) -> Option<u8> {
        (back <= self.line_len()).then(|| self.bytes[place(self.head - back as u64)])
    }

    /// The unfinished line.
    pub fn unfinished(&self) -> impl DoubleEndedIterator<Item = u8> + '_ {
        (self.line..self.head).map(|at| self.bytes[place(at)])
    }

    /// Takes back the last `count` bytes of the unfinished line.
    pub fn erase(&mut self, count: usize) {
        self.head -= count.min(self.line_len()) as u64;
    }

    /// Forgets all bytes.
    pub fn flush(&mut self) {
        self.tail = self.head;
        self.line = self.head;
    }

    /// Line mode begins or ends. What is there when it begins is a line, however it ends.
    pub fn set_canonical(&mut self, on: bool) {
        self.ends = [0; SIZE / 64];
        self.line = self.tail;
        if on && self.head != self.tail {
            self.set_end(self.head - 1, true);
            self.line = self.head;
        }
    }

    /// Copies what comes next to `to`, in canonical mode up to the end of a line.
    pub fn peek(&self, canonical: bool, to: &mut [u8]) -> Peek {
        let from = self.tail;
        let limit = if canonical { self.line } else { self.head };
        let mut len = 0;
        let mut at = from;
        while at < limit {
            if canonical && self.is_eof(at) {
                return Peek { from, len, next: at + 1, ends: true };
            }
            let Some(slot) = to.get_mut(len) else { break };
            *slot = self.bytes[place(at)];
            len += 1;
            at += 1;
            if canonical && self.is_end(at - 1) {
                return Peek { from, len, next: at, ends: true };
            }
        }
        Peek { from, len, next: at, ends: false }
    }

    /// Removes what was read, up to position `next`; what was flushed meanwhile is gone already.
    pub fn consume(&mut self, next: u64) {
        self.tail = self.tail.max(next.min(self.head));
        self.line = self.line.max(self.tail);
    }

    fn is_end(&self, at: u64) -> bool {
        let place = place(at);
        self.ends[place / 64] >> (place % 64) & 1 != 0
    }

    fn is_eof(&self, at: u64) -> bool {
        self.is_end(at) && self.bytes[place(at)] == END_OF_FILE
    }

    fn set_end(&mut self, at: u64, on: bool) {
        let place = place(at);
        let bit = 1 << (place % 64);
        if on {
            self.ends[place / 64] |= bit;
        } else {
            self.ends[place / 64] &= !bit;
        }
    }
}
