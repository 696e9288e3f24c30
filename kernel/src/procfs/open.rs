//! [`OpenRow`]: an open file of `/proc`, and what it keeps of its text (`fs/seq_file.c`).
//!
//! A read at offset 0 makes the text anew; the reads that follow go on in what was made, so
//! partial reads fit together. Lock: `Seq`, held over making and copying.

use super::mount::Shared;
use super::table::{Body, Extras, ProcCx, Subject};
use super::text::Text;
use crate::fs::file::seek_in;
use crate::fs::regular::MAX_LEN;
use crate::fs::{Caller, File, FileOps, Pos};
use crate::lock::order;
use crate::mm::io::{Sink, Source};
use crate::sched::{self, work};
use crate::wait::{Mutex, Watch};
use abi::Result;
use abi::errno::EINVAL;
use abi::fs::{SEEK_CUR, SEEK_SET};
use abi::poll::PollEvents;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// An open text, list, value or trigger.
pub(super) struct OpenRow<T: Subject> {
    fs: Arc<Shared>,
    ino: u64,
    target: T,
    body: Body<T>,
    extras: Extras<T>,
    kept: Mutex<Kept, order::Seq>,
    /// The version that poll(2) told of.
    seen: AtomicU64,
}

/// The piece of the text that was made last.
#[derive(Default)]
struct Kept {
    text: Text,
    /// Where in the file it begins.
    start: u64,
    /// The key of what comes after it.
    next: Option<u64>,
    /// There is such a piece.
    made: bool,
}

impl Kept {
    /// From the beginning.
    fn restart(&mut self) {
        self.text.clear();
        (self.start, self.next, self.made) = (0, Some(0), true);
    }

    /// What is there from offset `at` on.
    fn rest(&self, at: u64) -> &[u8] {
        let from = at.saturating_sub(self.start) as usize;
        self.text.as_bytes().get(from..).unwrap_or_default()
    }
}

impl<T: Subject> OpenRow<T> {
    pub(super) fn new(cx: &ProcCx<T>, body: Body<T>, extras: Extras<T>) -> Self {
        let seen = extras.changes.map_or(0, |changes| (changes.version)(cx));
        Self {
            fs: cx.fs.clone(),
            ino: cx.ino,
            target: cx.target.clone(),
            body,
            extras,
            kept: Mutex::new(Kept::default()),
            seen: AtomicU64::new(seen),
        }
    }

    fn cx<'a>(&'a self, f: &'a File) -> ProcCx<'a, T> {
        let Self { fs, target, ino, .. } = self;
        ProcCx { kernel: fs.kernel, target, opener: Some(f.cred()), fs, ino: *ino }
    }

    /// Makes the piece with key `key`; the key of the one after it.
    fn make(&self, f: &File, key: u64, out: &mut Text) -> Result<Option<u64>> {
        let cx = self.cx(f);
        match self.body {
            Body::Text(make) => make(&cx, out).map(|()| None),
            Body::Value(value) => value.show(&cx, out).map(|()| None),
            Body::List(next) => next(&cx, key, out),
            _ => Err(T::LACKING),
        }
    }

    fn store(&self, f: &File, c: &Caller, from: &mut dyn Source, at: u64) -> Result<usize> {
        let cx = self.cx(f);
        match (self.body, self.extras.write) {
            (Body::Value(value), _) => value.store(&cx, c, at, from),
            (_, Some(write)) => write(&cx, c, at, from),
            _ => Err(T::LACKING),
        }
    }
}

impl<T: Subject> FileOps for OpenRow<T> {
    fn splices(&self) -> (bool, bool) {
        (true, false)
    }

    fn read(&self, f: &File, _c: &Caller, to: &mut dyn Sink, at: Pos) -> Result<usize> {
        let Pos::At(at) = at else { return Err(EINVAL) };
        if at != 0
            && let Body::Value(value) = self.body
            && value.at_start_only()
        {
            return Ok(0);
        }
        let mut kept = self.kept.lock();
        if at == 0 || !kept.made || at < kept.start {
            kept.restart();
        }
        let mut done = 0;
        loop {
            let now = at + done as u64;
            let rest = kept.rest(now);
            if !rest.is_empty() {
                match to.put(rest) {
                    Ok(n) if n == rest.len() => done += n,
                    Ok(n) => return Ok(done + n),
                    Err(_) if done > 0 => return Ok(done),
                    Err(error) => return Err(error),
                }
            }
            let Some(key) = kept.next else { return Ok(done) };
            if to.left() == 0 || !sched::go_on(work::KILL) {
                return Ok(done);
            }
            kept.start += kept.text.len() as u64;
            kept.text.clear();
            match self.make(f, key, &mut kept.text) {
                // Keys rise, or a list would never end.
                Ok(next) => kept.next = next.filter(|next| *next > key),
                Err(error) => {
                    kept.made = false;
                    return if done > 0 { Ok(done) } else { Err(error) };
                }
            }
        }
    }

    fn write(&self, f: &File, c: &Caller, from: &mut dyn Source, at: Pos) -> Result<usize> {
        let Pos::At(at) = at else { return Err(EINVAL) };
        self.store(f, c, from, at)
    }

    /// `O_APPEND` means nothing here.
    fn append(&self, f: &File, c: &Caller, from: &mut dyn Source) -> Result<(usize, u64)> {
        let at = f.offset();
        self.store(f, c, from, at).map(|n| (n, at + n as u64))
    }

    fn can_poll(&self) -> bool {
        self.extras.changes.is_some()
    }

    fn poll(&self, f: &File, _c: &Caller, watch: Option<&mut Watch>) -> PollEvents {
        let Some(changes) = self.extras.changes else { return crate::fs::file::ALWAYS_READY };
        let cx = self.cx(f);
        if let Some(watch) = watch {
            (changes.watch)(&cx, watch);
        }
        let ready = PollEvents::IN | PollEvents::RDNORM;
        let version = (changes.version)(&cx);
        if self.seen.swap(version, Relaxed) == version {
            ready
        } else {
            ready | PollEvents::ERR | PollEvents::PRI
        }
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
