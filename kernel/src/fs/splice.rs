//! Bytes from file to file without a way through user memory: splice(2), tee(2), vmsplice(2),
//! sendfile(2), copy_file_range(2) (`fs/splice.c`, `fs/read_write.c`).
//!
//! Pages of files are handed over in a [`Bundle`], held by their count; no two files are locked at
//! once.

use crate::fs::caller::Caller;
use crate::fs::file::File;
use crate::fs::pipe::bundle::Bundle;
use crate::fs::pipe::splice::{Room, of};
use crate::mm::io::{MAX_RW_COUNT, Sink, Source};
use abi::Result;
use abi::errno::{EAGAIN, EBADF, EINVAL, EISDIR, EOVERFLOW, ESPIPE, EXDEV};
use abi::fs::{OpenFlags, SpliceFlags, s_isblk, s_isdir, s_isreg};
use alloc::sync::Arc;

/// Pages that are on their way at once.
const PAGES: usize = 16;

/// Where in a file: the file's own offset, or one that the caller keeps.
pub type Place<'a> = Option<&'a mut i64>;

/// Reads up to what `to` has room for. The offset moves on by what was read.
fn read(c: &Caller, from: &File, at: Place, to: &mut Bundle) -> Result<usize> {
    match at {
        Some(at) => from.read_at(c, to, *at).inspect(|&n| *at += n as i64),
        None if !from.ops().is_seekable() => from.read(c, to),
        None => from.read_at(c, to, from.offset() as i64).inspect(|&n| from.advance(n)),
    }
}

/// Writes what is in `bytes`. The offset moves on by what was written.
fn write(c: &Caller, to: &File, at: Place, bytes: &mut Bundle) -> Result<usize> {
    match at {
        Some(at) => to.write_at(c, bytes, *at).inspect(|&n| *at += n as i64),
        None if !to.ops().is_seekable() => to.write(c, bytes),
        None => to.write_at(c, bytes, to.offset() as i64).inspect(|&n| to.advance(n)),
    }
}

/// splice(2): moves up to `len` bytes; one of the files must be a pipe.
pub fn splice(
    c: &Caller,
    from: &File,
    from_at: Place,
    to: &File,
    to_at: Place,
    len: usize,
    flags: SpliceFlags,
) -> Result<usize> {
    if !from.readable() || !to.writable() {
        return Err(EBADF);
    }
    let nonblock =
        |file: &File| flags.has(SpliceFlags::NONBLOCK) || file.flags().has(OpenFlags::NONBLOCK);
    match (of(from), of(to)) {
        (Some(a), Some(b)) if Arc::ptr_eq(a, b) => Err(EINVAL),
        (Some(_), Some(_)) => {
            let nonblock = nonblock(from) || nonblock(to);
            between_pipes(c, from, to, len, nonblock, true)
        }
        (Some(_), None) => {
            let odd_place = to_at.is_some() && !to.ops().is_seekable();
            if odd_place || to.flags().has(OpenFlags::APPEND) || !to.ops().splices().1 {
                return Err(EINVAL);
            }
            from_pipe(c, from, to, to_at, len, nonblock(from))
        }
        (None, Some(_)) => {
            let odd_place = from_at.is_some() && !from.ops().is_seekable();
            if odd_place {
                return Err(EINVAL);
            }
            to_pipe(c, from, from_at, to, len, nonblock(to))
        }
        (None, None) => Err(EINVAL),
    }
}

/// Writes what is in the pipe to a file until it is empty; waits only for the first page.
fn from_pipe(
    c: &Caller,
    from: &File,
    to: &File,
    mut at: Place,
    len: usize,
    nonblock: bool,
) -> Result<usize> {
    let pipe = of(from).ok_or(EINVAL)?;
    let len = len.min(MAX_RW_COUNT);
    let mut done = 0;
    while done < len {
        let mut attempt = || {
            pipe.take_pages(PAGES, len - done, true, |mut bundle| {
                write(c, to, at.as_deref_mut(), &mut bundle)
            })
        };
        let result =
            if done > 0 { attempt() } else { from.block_unless(nonblock, c, &mut attempt) };
        match result {
            Ok(0) => break,
            Ok(n) => done += n,
            Err(_) if done > 0 => break,
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// Reads a file into the free pages of a pipe, waiting for one of them.
fn to_pipe(
    c: &Caller,
    from: &File,
    at: Place,
    to: &File,
    len: usize,
    nonblock: bool,
) -> Result<usize> {
    let pipe = of(to).ok_or(EINVAL)?;
    let len = len.min(MAX_RW_COUNT);
    let room = to.block_unless(nonblock, c, || pipe.reserve(c, usize::MAX))?;
    if !from.ops().splices().0 {
        return Err(EINVAL);
    }
    let mut bundle = Bundle::new(room.slots, len)?;
    read(c, from, at, &mut bundle)?;
    Ok(room.fill(bundle))
}

/// Moves pages from pipe to pipe, or with `consume` off (tee(2)) makes both have them.
fn between_pipes(
    c: &Caller,
    from: &File,
    to: &File,
    len: usize,
    nonblock: bool,
    consume: bool,
) -> Result<usize> {
    let (Some(source), Some(target)) = (of(from), of(to)) else { return Err(EINVAL) };
    loop {
        // Both are waited for before anything moves.
        let there = from.block_unless(nonblock, c, || {
            source.take_pages(1, 1, false, |bundle| Ok(Source::left(&bundle)))
        })?;
        if there == 0 {
            return Ok(0);
        }
        let room: Room = to.block_unless(nonblock, c, || target.reserve(c, usize::MAX))?;
        let slots = room.slots;
        match source.take_pages(slots, len, consume, |bundle| Ok(room.fill(bundle))) {
            // Another reader was faster.
            Err(EAGAIN) if !nonblock => {}
            done => return done,
        }
    }
}

/// tee(2): up to `len` bytes of one pipe are in the other, too.
pub fn tee(c: &Caller, from: &File, to: &File, len: usize, flags: SpliceFlags) -> Result<usize> {
    if !from.readable() || !to.writable() {
        return Err(EBADF);
    }
    match (of(from), of(to)) {
        (Some(a), Some(b)) if !Arc::ptr_eq(a, b) => {}
        _ => return Err(EINVAL),
    }
    let nonblock = flags.has(SpliceFlags::NONBLOCK)
        || from.flags().has(OpenFlags::NONBLOCK)
        || to.flags().has(OpenFlags::NONBLOCK);
    between_pipes(c, from, to, len, nonblock, false)
}

/// vmsplice(2) into a pipe: as much of the memory as the pipe has room for, once it has any. The
/// bytes are copied: what the program does with its memory afterwards is its own business.
pub fn from_memory(
    c: &Caller,
    to: &File,
    source: &mut dyn Source,
    flags: SpliceFlags,
) -> Result<usize> {
    let pipe = of(to).ok_or(EBADF)?;
    to.block_unless(flags.has(SpliceFlags::NONBLOCK), c, || pipe.write(c, source))
}

/// vmsplice(2) from a pipe.
pub fn to_memory(
    c: &Caller,
    from: &File,
    sink: &mut dyn Sink,
    flags: SpliceFlags,
) -> Result<usize> {
    let pipe = of(from).ok_or(EBADF)?;
    from.block_unless(flags.has(SpliceFlags::NONBLOCK), c, || pipe.read(sink))
}

/// sendfile(2)
pub fn sendfile(c: &Caller, from: &File, at: Place, to: &File, count: usize) -> Result<usize> {
    let start = at.as_deref().map_or(from.offset() as i64, |at| *at);
    let start = u64::try_from(start).map_err(|_| EINVAL)?;
    if start.checked_add(count as u64).is_none_or(|end| i64::try_from(end).is_err()) {
        return Err(EINVAL);
    }
    let count = count.min(MAX_RW_COUNT);
    if of(to).is_some() {
        return to_pipe(c, from, at, to, count, to.flags().has(OpenFlags::NONBLOCK));
    }
    let mode = from.inode().attr().mode;
    let readable = (s_isreg(mode) || s_isblk(mode)) && from.ops().splices().0;
    if to.flags().has(OpenFlags::APPEND) || !readable || !to.ops().splices().1 {
        return Err(EINVAL);
    }
    copy(c, from, at, to, None, count)
}

/// copy_file_range(2)
pub fn copy_file_range(
    c: &Caller,
    from: &File,
    from_at: Place,
    to: &File,
    to_at: Place,
    count: usize,
) -> Result<usize> {
    let (a, b) = (from.inode().attr(), to.inode().attr());
    if s_isdir(a.mode) || s_isdir(b.mode) {
        return Err(EISDIR);
    }
    if !s_isreg(a.mode) || !s_isreg(b.mode) {
        return Err(EINVAL);
    }
    if !from.readable() || !to.writable() || to.flags().has(OpenFlags::APPEND) {
        return Err(EBADF);
    }
    if a.dev != b.dev {
        return Err(EXDEV);
    }
    let start = from_at.as_deref().map_or(from.offset() as i64, |at| *at);
    let target = to_at.as_deref().map_or(to.offset() as i64, |at| *at);
    let (Ok(start), Ok(target)) = (u64::try_from(start), u64::try_from(target)) else {
        return Err(EINVAL);
    };
    let ends = [start, target].map(|at| at.checked_add(count as u64));
    if ends.contains(&None) {
        return Err(EOVERFLOW);
    }
    let count = (count as u64).min(a.size.saturating_sub(start));
    // Ranges that overlap have no meaning.
    let same = Arc::ptr_eq(from.inode(), to.inode());
    if same && start < target + count && target < start + count {
        return Err(EINVAL);
    }
    copy(c, from, from_at, to, to_at, (count as usize).min(MAX_RW_COUNT))
}

/// Copies up to `count` bytes, some pages at a time: each is read, then written. What could not be
/// written counts as not read.
fn copy(
    c: &Caller,
    from: &File,
    mut from_at: Place,
    to: &File,
    mut to_at: Place,
    count: usize,
) -> Result<usize> {
    let mut done = 0;
    while done < count {
        let mut bundle = Bundle::new(PAGES, count - done)?;
        let mut at = from_at.as_deref().map_or(from.offset() as i64, |at| *at);
        let moved = match read(c, from, Some(&mut at), &mut bundle) {
            Ok(0) => break,
            Ok(got) => write(c, to, to_at.as_deref_mut(), &mut bundle).map(|put| (got, put)),
            Err(error) => Err(error),
        };
        let (got, put) = match moved {
            Ok(moved) => moved,
            Err(_) if done > 0 => break,
            Err(error) => return Err(error),
        };
        match from_at.as_deref_mut() {
            Some(at) => *at += put as i64,
            None => from.advance(put),
        }
        done += put;
        if put < got {
            break;
        }
    }
    Ok(done)
}

/// `ESPIPE` where an offset is given for a pipe.
pub fn no_place(file: &File, given: bool) -> Result<()> {
    if given && of(file).is_some() { Err(ESPIPE) } else { Ok(()) }
}
