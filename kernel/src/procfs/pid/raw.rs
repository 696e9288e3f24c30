//! Files that are windows on a process's memory: `mem`, `cmdline`, `environ`, `auxv`, `pagemap`
//! (`fs/proc/base.c`, `fs/proc/task_mmu.c`).
//!
//! Memory is read by frame, page by page. Who opened a file reads what the process has now, so
//! long as he may look into it: after a program with more rights was executed he finds nothing.

use super::{ProcCx, Process, Task, current};
use crate::cred::Cred;
use crate::fs::file::seek_in;
use crate::fs::regular::MAX_LEN;
use crate::fs::{Caller, File, FileOps, Pos};
use crate::mm::io::{Sink, Source};
use crate::mm::{Addresses, PAGE, Space, users};
use crate::process::Kernel;
use crate::process::access::As;
use crate::sched::{self, work};
use abi::Result;
use abi::errno::{EINVAL, EIO, ENOMEM};
use abi::fs::{SEEK_CUR, SEEK_SET};
use abi::process::CAP_SYS_ADMIN;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;
use hal::mem::{Kind, Perms};
use hal::user::USER_END;

/// Which window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Mem,
    Cmdline,
    Environ,
    Auxv,
    Pagemap,
}

/// An open window.
struct Window {
    kernel: &'static Kernel,
    task: Task,
    what: What,
}

fn open(cx: &ProcCx<Task>, what: What) -> Result<Arc<dyn FileOps>> {
    Ok(Arc::new(Window { kernel: cx.kernel, task: cx.target.clone(), what }))
}

/// `mem`
pub fn mem(cx: &ProcCx<Task>, _c: &Caller) -> Result<Arc<dyn FileOps>> {
    open(cx, What::Mem)
}

/// `cmdline`
pub fn cmdline(cx: &ProcCx<Task>, _c: &Caller) -> Result<Arc<dyn FileOps>> {
    open(cx, What::Cmdline)
}

/// `environ`
pub fn environ(cx: &ProcCx<Task>, _c: &Caller) -> Result<Arc<dyn FileOps>> {
    open(cx, What::Environ)
}

/// `auxv`
pub fn auxv(cx: &ProcCx<Task>, _c: &Caller) -> Result<Arc<dyn FileOps>> {
    open(cx, What::Auxv)
}

/// `pagemap`
pub fn pagemap(cx: &ProcCx<Task>, _c: &Caller) -> Result<Arc<dyn FileOps>> {
    open(cx, What::Pagemap)
}

impl Window {
    /// The memory, if one with these rights may look at it; `None` also for a process that has
    /// ended. Only the arguments are asked of the process, so only they are `ESRCH` then.
    fn space(&self, cred: &Cred) -> Result<Option<Arc<Space>>> {
        if self.what == What::Cmdline {
            return self.task.space();
        }
        let own = current(self.kernel).ok();
        let let_in = |process: &Arc<Process>| {
            process.may_be_looked_into(own.as_deref(), cred, As::File).is_ok()
        };
        Ok(self.task.process().ok().filter(let_in).and_then(|_| self.task.space().ok().flatten()))
    }
}

impl FileOps for Window {
    fn read(&self, f: &File, _c: &Caller, to: &mut dyn Sink, at: Pos) -> Result<usize> {
        let Pos::At(at) = at else { return Err(EINVAL) };
        let Some(space) = self.space(f.cred())? else { return Ok(0) };
        let a = space.addresses();
        match self.what {
            What::Mem => read(&space, at, to.left() as u64, true, to),
            What::Cmdline => read_arguments(&space, &a, at, to),
            What::Environ => read_part(&space, a.env, at, to),
            What::Auxv => read_part(&space, a.auxv, at, to),
            What::Pagemap => read_pagemap(&space, f.cred().capable(CAP_SYS_ADMIN), at, to),
        }
    }

    fn write(&self, f: &File, _c: &Caller, from: &mut dyn Source, at: Pos) -> Result<usize> {
        let Pos::At(at) = at else { return Err(EINVAL) };
        if self.what != What::Mem {
            return Err(EINVAL);
        }
        let Some(space) = self.space(f.cred())? else { return Ok(0) };
        write(&space, at, from)
    }

    fn append(&self, f: &File, c: &Caller, from: &mut dyn Source) -> Result<(usize, u64)> {
        let at = f.offset();
        self.write(f, c, from, Pos::At(at)).map(|n| (n, at + n as u64))
    }

    fn is_seekable(&self) -> bool {
        true
    }

    fn seek(&self, _f: &File, now: u64, offset: i64, whence: u32) -> Result<u64> {
        match whence {
            SEEK_SET | SEEK_CUR => seek_in(now, offset, whence, 0, MAX_LEN),
            _ => Err(EINVAL),
        }
    }
}

/// Reads `len` bytes of memory; `EIO` if there are none.
fn read(space: &Space, at: u64, len: u64, force: bool, to: &mut dyn Sink) -> Result<usize> {
    let mut done = 0;
    while done < len {
        let addr = at.saturating_add(done);
        let part = (PAGE - addr % PAGE).min(len - done) as usize;
        let Some(frame) = space.pin(addr, force) else {
            return if done > 0 { Ok(done as usize) } else { Err(EIO) };
        };
        match to.frame(&frame, (addr % PAGE) as usize, part) {
            Ok(n) => {
                done += n as u64;
                if n < part {
                    break;
                }
            }
            Err(_) if done > 0 => break,
            Err(why) => return Err(why),
        }
        if !sched::go_on(work::SIGNAL | work::KILL) {
            break;
        }
    }
    Ok(done as usize)
}

fn write(space: &Space, at: u64, from: &mut dyn Source) -> Result<usize> {
    let mut buffer = Vec::new();
    buffer.try_reserve_exact(PAGE as usize).map_err(|_| ENOMEM)?;
    buffer.resize(PAGE as usize, 0);
    let mut done = 0;
    while from.left() > 0 {
        let addr = at.saturating_add(done as u64);
        let len = from.left().min((PAGE - addr % PAGE) as usize);
        let piece = buffer.get_mut(..len).ok_or(EINVAL)?;
        let got = match from.get(piece) {
            Ok(got) => got,
            Err(_) if done > 0 => break,
            Err(why) => return Err(why),
        };
        let put = space.poke(addr, piece.get(..got).ok_or(EINVAL)?, true);
        done += put;
        if put < len {
            break;
        }
    }
    if done == 0 { Err(EIO) } else { Ok(done) }
}

/// Reads from offset `at` of a range of memory; nothing past its end.
fn read_part(space: &Space, range: Range<u64>, at: u64, to: &mut dyn Sink) -> Result<usize> {
    let len = range.end.saturating_sub(range.start);
    let left = len.saturating_sub(at).min(to.left() as u64);
    if left == 0 {
        return Ok(0);
    }
    read(space, range.start + at, left, false, to)
}

/// The argument strings. A program that has overwritten the last NUL among them shows a title of
/// its own choice instead, which may go on where the environment was (`get_mm_cmdline`).
fn read_arguments(space: &Space, a: &Addresses, at: u64, to: &mut dyn Sink) -> Result<usize> {
    let args = a.args.clone();
    if args.is_empty() {
        return Ok(0);
    }
    let mut last = [0];
    let titled = space.peek(args.end - 1, &mut last, false) == 1 && last != [0];
    if !titled {
        return read_part(space, args, at, to);
    }
    let adjacent = a.env.start == args.end && a.env.end >= a.env.start;
    let end = if adjacent { a.env.end } else { args.end };
    let mut title = Vec::new();
    title.try_reserve_exact(PAGE as usize).map_err(|_| ENOMEM)?;
    title.resize(PAGE as usize, 0);
    let got = space.peek(args.start, &mut title, false);
    let text = title.get(..got).unwrap_or_default();
    // With its NUL, if there is one.
    let len = text.iter().position(|b| *b == 0).map_or(got, |nul| nul + 1);
    let len = (len as u64).min(end - args.start).saturating_sub(at).min(to.left() as u64);
    let from = usize::try_from(at).unwrap_or(usize::MAX);
    match text.get(from..from.saturating_add(len as usize)) {
        Some(part) if !part.is_empty() => to.put(part),
        _ => Ok(0),
    }
}

/// A page is present; ...
const PM_PRESENT: u64 = 1 << 63;
/// ... belongs to a file or is shared; ...
const PM_FILE: u64 = 1 << 61;
/// ... is nobody else's.
const PM_MMAP_EXCLUSIVE: u64 = 1 << 56;
/// Bytes of an entry.
const PM_ENTRY: u64 = 8;
/// Pages looked at under one hold of a lock.
const PM_BATCH: usize = 64;

/// An entry for each page. Frame numbers are told to the privileged only.
fn read_pagemap(space: &Space, privileged: bool, at: u64, to: &mut dyn Sink) -> Result<usize> {
    if !at.is_multiple_of(PM_ENTRY) || !(to.left() as u64).is_multiple_of(PM_ENTRY) {
        return Err(EINVAL);
    }
    let mut page = (at / PM_ENTRY).saturating_mul(PAGE);
    let mut done = 0;
    while to.left() > 0 && page < USER_END {
        let pages = (to.left() / PM_ENTRY as usize).min(PM_BATCH);
        let end = USER_END.min(page + pages as u64 * PAGE);
        let mut bytes = [0; PM_BATCH * PM_ENTRY as usize];
        space.visit_pages(page..end, |found| {
            let mut entry = if found.perms == Perms::NONE { 0 } else { PM_PRESENT };
            if privileged {
                entry |= found.frame;
            }
            if found.kind != Kind::Anon {
                entry |= PM_FILE;
            }
            if users(&found) == 1 {
                entry |= PM_MMAP_EXCLUSIVE;
            }
            let place = ((found.page - page) / PAGE * PM_ENTRY) as usize;
            if let Some(room) = bytes.get_mut(place..place + PM_ENTRY as usize) {
                room.copy_from_slice(&entry.to_le_bytes());
            }
        });
        let len = ((end - page) / PAGE * PM_ENTRY) as usize;
        match to.put(bytes.get(..len).ok_or(EINVAL)?) {
            Ok(n) => {
                done += n;
                if n < len {
                    break;
                }
            }
            Err(_) if done > 0 => break,
            Err(why) => return Err(why),
        }
        page = end;
        if !sched::go_on(work::SIGNAL | work::KILL) {
            break;
        }
    }
    Ok(done)
}
