//! Streams of bytes into and out of files: [`Sink`] and [`Source`].
//!
//! A file's `read` writes to a `Sink`, its `write` takes from a `Source`; whether user memory or a
//! kernel buffer stands behind is not the file's concern, so `execve`, `sendfile` and tests use
//! the same file code as `read(2)`. Every call says how many bytes it moved: fewer than asked when
//! the other end is full, or when user memory ended in a fault; `EFAULT` only when not one byte
//! could be moved.
//!
//! The user versions take `Mm` and may sleep. A page of a file is passed as its [`Frame`], which
//! is copied straight, with no buffer between and no lock held.

use alloc::vec::Vec;

use abi::errno::{EFAULT, EINVAL, ENOMEM, Result};
use abi::fs::Iovec;
use hal::mem::Frame;

use super::user::{Reads, UserList};
use super::{PAGE, Space};

/// Most bytes one read or write moves (`MAX_RW_COUNT`): `INT_MAX` down to a page.
pub const MAX_RW_COUNT: usize = 0x7fff_f000;

/// Most elements of an iovec list (`UIO_MAXIOV`).
pub const UIO_MAXIOV: usize = 1024;

/// Bytes copied at a time where a frame and a slice must meet.
const PIECE: usize = 256;

/// Where a read puts its bytes.
pub trait Sink {
    /// Appends bytes; returns how many were taken.
    fn put(&mut self, bytes: &[u8]) -> Result<usize>;

    /// Appends all of `bytes`, or `EFAULT`: for files whose reads are whole records.
    fn put_all(&mut self, bytes: &[u8]) -> Result<()> {
        if self.put(bytes)? == bytes.len() { Ok(()) } else { Err(EFAULT) }
    }

    /// Appends `len` zeroes; returns how many were taken.
    fn zero(&mut self, len: usize) -> Result<usize>;

    /// Appends `len` bytes of a frame from offset `off`; returns how many were taken.
    /// `off + len` is at most a page.
    fn frame(&mut self, frame: &Frame, off: usize, len: usize) -> Result<usize> {
        let mut piece = [0; PIECE];
        let mut done = 0;
        while done < len {
            let part = &mut piece[..PIECE.min(len - done)];
            frame.read(off + done, part);
            match self.put(part) {
                Ok(n) if n == part.len() => done += n,
                Ok(n) => return Ok(done + n),
                Err(_) if done > 0 => return Ok(done),
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    /// How many bytes still fit.
    fn left(&self) -> usize;
}

/// Where a write takes its bytes from.
pub trait Source {
    /// Looks at the next `to.len()` bytes without taking them: `EFAULT` if they are not all there.
    /// For files whose writes are whole records, which may have to wait and be made again.
    fn peek(&self, to: &mut [u8]) -> Result<()>;

    /// Takes the next bytes; returns how many there were.
    fn get(&mut self, to: &mut [u8]) -> Result<usize>;

    /// Takes the next `len` bytes into a frame at offset `off`; returns how many there were.
    /// `off + len` is at most a page.
    fn frame(&mut self, frame: &Frame, off: usize, len: usize) -> Result<usize> {
        let mut piece = [0; PIECE];
        let mut done = 0;
        while done < len {
            let want = PIECE.min(len - done);
            match self.get(&mut piece[..want]) {
                Ok(n) => {
                    frame.write(off + done, &piece[..n]);
                    done += n;
                    if n < want {
                        break;
                    }
                }
                Err(_) if done > 0 => break,
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    /// How many bytes are still to come.
    fn left(&self) -> usize;
}

/// One range of user memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its first address, unchecked.
    pub addr: u64,
    /// Its length in bytes.
    pub len: usize,
}

/// Reads and checks an iovec list as Linux's `import_iovec` does.
///
/// `EINVAL` for more than [`UIO_MAXIOV`] elements or, in any of them, a length that is negative as
/// `ssize_t`; then `EFAULT` for an address range outside user space. What exceeds
/// [`MAX_RW_COUNT`] in total is cut off.
pub fn segments<D: Reads>(space: &Space, list: UserList<Iovec, D>) -> Result<Vec<Segment>> {
    // Linux counts them in 32 bits.
    let list = UserList::<Iovec, D>::new(list.addr(), list.count() as u32 as usize);
    let list = list.to_vec(space, UIO_MAXIOV)?;
    if list.iter().any(|iov| i64::try_from(iov.iov_len).is_err()) {
        return Err(EINVAL);
    }
    let mut segments = Vec::new();
    segments.try_reserve_exact(list.len()).map_err(|_| ENOMEM)?;
    let mut left = MAX_RW_COUNT;
    for Iovec { iov_base, iov_len } in list {
        let end = iov_base.checked_add(iov_len).ok_or(EFAULT)?;
        if end > hal::user::USER_END {
            return Err(EFAULT);
        }
        let len = left.min(iov_len as usize);
        left -= len;
        segments.push(Segment { addr: iov_base, len });
    }
    Ok(segments)
}

/// A position in a list of user ranges, shared by [`UserSink`] and [`UserSource`].
#[derive(Clone)]
struct Cursor<'a> {
    space: &'a Space,
    rest: Rest<'a>,
    /// What is left of the segment in work.
    now: Segment,
    /// Bytes left in all segments.
    left: usize,
}

/// The segments after the one in work.
type Rest<'a> = core::slice::Iter<'a, Segment>;

impl<'a> Cursor<'a> {
    fn single(space: &'a Space, addr: u64, len: usize) -> Self {
        let len = len.min(MAX_RW_COUNT);
        Self { space, rest: [].iter(), now: Segment { addr, len }, left: len }
    }

    fn list(space: &'a Space, segments: &'a [Segment]) -> Self {
        let left = segments.iter().fold(0usize, |sum, s| sum.saturating_add(s.len));
        Self {
            space,
            rest: segments.iter(),
            now: Segment { addr: 0, len: 0 },
            left: left.min(MAX_RW_COUNT),
        }
    }

    /// Moves up to `len` bytes: `step(addr, from, n)` moves `n` bytes, of which `from` have been
    /// moved before by this call, and says how many it managed.
    fn run(
        &mut self,
        len: usize,
        mut step: impl FnMut(u64, usize, usize) -> usize,
    ) -> Result<usize> {
        let want = len.min(self.left);
        let mut done = 0;
        while done < want {
            if self.now.len == 0 {
                match self.rest.next() {
                    Some(segment) => self.now = *segment,
                    None => break,
                }
                continue;
            }
            let part = self.now.len.min(want - done);
            let moved = step(self.now.addr, done, part);
            self.now.addr = self.now.addr.wrapping_add(moved as u64);
            self.now.len -= moved;
            self.left -= moved;
            done += moved;
            if moved < part {
                break;
            }
        }
        if done == 0 && want > 0 { Err(EFAULT) } else { Ok(done) }
    }
}

/// User memory as a [`Sink`].
pub struct UserSink<'a>(Cursor<'a>);

impl<'a> UserSink<'a> {
    /// One range.
    pub fn single(space: &'a Space, addr: u64, len: usize) -> Self {
        Self(Cursor::single(space, addr, len))
    }

    /// The ranges of an iovec list; see [`segments`].
    pub fn list(space: &'a Space, segments: &'a [Segment]) -> Self {
        Self(Cursor::list(space, segments))
    }
}

impl Sink for UserSink<'_> {
    fn put(&mut self, bytes: &[u8]) -> Result<usize> {
        let space = self.0.space;
        self.0
            .run(bytes.len(), |addr, from, n| space.copy_out_partial(addr, &bytes[from..from + n]))
    }

    fn zero(&mut self, len: usize) -> Result<usize> {
        let space = self.0.space;
        self.0.run(len, |addr, _, n| space.zero_out_partial(addr, n))
    }

    fn frame(&mut self, frame: &Frame, off: usize, len: usize) -> Result<usize> {
        debug_assert!(off + len <= PAGE as usize);
        let space = self.0.space;
        self.0.run(len, |addr, from, n| space.copy_frame_out_partial(addr, frame, off + from, n))
    }

    fn left(&self) -> usize {
        self.0.left
    }
}

/// User memory as a [`Source`].
pub struct UserSource<'a>(Cursor<'a>);

impl<'a> UserSource<'a> {
    /// One range.
    pub fn single(space: &'a Space, addr: u64, len: usize) -> Self {
        Self(Cursor::single(space, addr, len))
    }

    /// The ranges of an iovec list; see [`segments`].
    pub fn list(space: &'a Space, segments: &'a [Segment]) -> Self {
        Self(Cursor::list(space, segments))
    }
}

impl Source for UserSource<'_> {
    fn peek(&self, to: &mut [u8]) -> Result<()> {
        let ahead = &mut UserSource(self.0.clone());
        if ahead.get(to)? == to.len() { Ok(()) } else { Err(EFAULT) }
    }

    fn get(&mut self, to: &mut [u8]) -> Result<usize> {
        let space = self.0.space;
        self.0.run(to.len(), |addr, from, n| space.copy_in_partial(addr, &mut to[from..from + n]))
    }

    fn frame(&mut self, frame: &Frame, off: usize, len: usize) -> Result<usize> {
        debug_assert!(off + len <= PAGE as usize);
        let space = self.0.space;
        self.0.run(len, |addr, from, n| space.copy_frame_in_partial(addr, frame, off + from, n))
    }

    fn left(&self) -> usize {
        self.0.left
    }
}

/// A kernel buffer as a [`Sink`].
pub struct SliceSink<'a> {
    room: &'a mut [u8],
    done: usize,
}

impl<'a> SliceSink<'a> {
    /// Fills `room` from its start.
    pub fn new(room: &'a mut [u8]) -> Self {
        Self { room, done: 0 }
    }

    /// How many bytes have been put.
    pub fn done(&self) -> usize {
        self.done
    }

    fn take(&mut self, len: usize) -> &mut [u8] {
        let from = self.done;
        self.done += len.min(self.room.len() - from);
        &mut self.room[from..self.done]
    }
}

impl Sink for SliceSink<'_> {
    fn put(&mut self, bytes: &[u8]) -> Result<usize> {
        let room = self.take(bytes.len());
        room.copy_from_slice(&bytes[..room.len()]);
        Ok(room.len())
    }

    fn zero(&mut self, len: usize) -> Result<usize> {
        let room = self.take(len);
        room.fill(0);
        Ok(room.len())
    }

    fn frame(&mut self, frame: &Frame, off: usize, len: usize) -> Result<usize> {
        let room = self.take(len);
        frame.read(off, room);
        Ok(room.len())
    }

    fn left(&self) -> usize {
        self.room.len() - self.done
    }
}

/// A kernel buffer as a [`Source`].
pub struct SliceSource<'a>(&'a [u8]);

impl<'a> SliceSource<'a> {
    /// Yields `bytes` from their start.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    fn take(&mut self, len: usize) -> &'a [u8] {
        let (now, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        now
    }
}

impl Source for SliceSource<'_> {
    fn peek(&self, to: &mut [u8]) -> Result<()> {
        to.copy_from_slice(self.0.get(..to.len()).ok_or(EFAULT)?);
        Ok(())
    }

    fn get(&mut self, to: &mut [u8]) -> Result<usize> {
        let bytes = self.take(to.len());
        to[..bytes.len()].copy_from_slice(bytes);
        Ok(bytes.len())
    }

    fn frame(&mut self, frame: &Frame, off: usize, len: usize) -> Result<usize> {
        let bytes = self.take(len);
        frame.write(off, bytes);
        Ok(bytes.len())
    }

    fn left(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_stop_when_full_or_empty() {
        let mut room = [9; 5];
        let mut sink = SliceSink::new(&mut room);
        assert_eq!(sink.put(b"abc"), Ok(3));
        assert_eq!(sink.zero(1), Ok(1));
        assert_eq!(sink.put(b"xyz"), Ok(1));
        assert_eq!(sink.left(), 0);
        assert_eq!(&room, b"abc\0x");

        let mut source = SliceSource::new(b"hello");
        let mut to = [0; 3];
        assert_eq!(source.get(&mut to), Ok(3));
        assert_eq!(&to, b"hel");
        assert_eq!(source.get(&mut to), Ok(2));
        assert_eq!(source.left(), 0);
    }
}
