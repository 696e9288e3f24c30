//! The kernel log for programs: `/dev/kmsg`, and what syslog(2) reads. Sources:
//! `Documentation/ABI/testing/dev-kmsg`, syslog(2), `kernel/printk/printk.c`.
//!
//! Locks: `Turn` for whoever reads a place in the log, then `Log`.

use super::{Drivers, Opening};
use crate::cred::Cred;
use crate::fs::{Caller, File, FileOps, Pos};
use crate::lock::{Spin, order};
use crate::log::{LINE_MAX, Log, Record};
use crate::mm::io::{Sink, Source};
use crate::time::mono_ns;
use crate::wait::{Mutex, Pause, WaitQueue, Watch};
use abi::errno::{EAGAIN, EINVAL, ENOMEM, EPERM, EPIPE, ERESTARTSYS, ESPIPE, Result};
use abi::fs::{OpenFlags, SEEK_DATA, SEEK_END, SEEK_SET};
use abi::poll::PollEvents;
use abi::process::{CAP_SYS_ADMIN, CAP_SYSLOG};
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Who a message is from that a program writes without saying so (`LOG_USER`).
const USER: u8 = 1;

/// Messages that one open file may write in [`INTERVAL_NS`] (`DEFAULT_RATELIMIT_BURST`).
const BURST: u32 = 10;
const INTERVAL_NS: u64 = 5_000_000_000;

/// The readers of the log.
pub struct Readers {
    log: &'static Log,
    /// Told of new records.
    news: Arc<WaitQueue>,
    /// Where `SYSLOG_ACTION_READ` goes on.
    place: Mutex<Place, order::Turn>,
}

/// A place in the log: a record, and the bytes of it that were read.
#[derive(Default)]
struct Place {
    sequence: u64,
    partial: usize,
}

/// Whether `cred` may read and control the log, which `dmesg_restrict` keeps from others.
pub fn may_read(cred: &Cred) -> Result<()> {
    if cred.capable(CAP_SYSLOG) || cred.capable(CAP_SYS_ADMIN) { Ok(()) } else { Err(EPERM) }
}

impl Readers {
    /// The readers of `log`.
    pub fn new(log: &'static Log) -> Self {
        let place = Mutex::new(Place::default());
        Self { log, news: Arc::new(WaitQueue::new()), place }
    }

    /// Wakes those who wait for records, if there are new ones. Does not sleep.
    pub fn run_deferred(&self) {
        if self.log.take_news() {
            self.news.wake_all();
        }
    }

    /// `SYSLOG_ACTION_READ`: sleeps until there is something, then gives as many whole records as
    /// fit, or the begin of one.
    pub fn read(&self, to: &mut dyn Sink) -> Result<usize> {
        if to.left() == 0 {
            return Ok(0);
        }
        let is_there = || (self.place.lock().sequence < self.log.range().end).then_some(());
        self.news.wait(Pause::INTERRUPTIBLE, is_there).map_err(|_| ERESTARTSYS)?;
        let mut place = self.place.lock();
        let mut done = 0;
        while to.left() > 0
            && let Some((record, lines)) = self.next(&mut place)?
        {
            let rest = lines.get(place.partial..).unwrap_or_default();
            if rest.len() <= to.left() {
                done += to.put(rest)?;
                *place = Place { sequence: record.sequence + 1, partial: 0 };
            } else {
                if done == 0 {
                    let part = rest.get(..to.left()).unwrap_or(rest);
                    done = to.put(part)?;
                    place.partial += done;
                }
                break;
            }
        }
        Ok(done)
    }

    /// The record at `place`, or where the oldest is now, as lines.
    fn next(&self, place: &mut Place) -> Result<Option<(Record, Vec<u8>)>> {
        let Some(record) = self.log.at(place.sequence) else { return Ok(None) };
        if record.sequence != place.sequence {
            *place = Place { sequence: record.sequence, partial: 0 };
        }
        let mut lines = Vec::new();
        record.append_lines(&mut lines)?;
        Ok(Some((record, lines)))
    }

    /// `SYSLOG_ACTION_READ_ALL`: the last records that fit, of those that were not cleared; then
    /// `clear` clears them.
    pub fn read_all(&self, to: &mut dyn Sink, clear: bool) -> Result<usize> {
        let (from, end) = (self.log.cleared().max(self.log.range().start), self.log.range().end);
        let mut text = Vec::new();
        let mut starts = Vec::new();
        for record in self.records(from, end) {
            starts.try_reserve(1).map_err(|_| ENOMEM)?;
            starts.push(text.len());
            record.append_lines(&mut text)?;
        }
        let size = text.len();
        let first = starts.iter().find(|&&start| size - start <= to.left()).copied();
        let done = to.put(text.get(first.unwrap_or(size)..).unwrap_or_default());
        if clear {
            self.log.clear(end);
        }
        done
    }

    /// `SYSLOG_ACTION_CLEAR`
    pub fn clear(&self) {
        self.log.clear(self.log.range().end);
    }

    /// `SYSLOG_ACTION_SIZE_UNREAD`: bytes that [`Readers::read`] would give.
    pub fn unread(&self) -> Result<usize> {
        let place = self.place.lock();
        let mut text = Vec::new();
        let mut size = 0;
        for record in self.records(place.sequence, self.log.range().end) {
            text.clear();
            record.append_lines(&mut text)?;
            size += text.len();
        }
        Ok(size.saturating_sub(place.partial))
    }

    fn records(&self, from: u64, end: u64) -> impl Iterator<Item = Record> + '_ {
        let mut at = from;
        core::iter::from_fn(move || {
            let record = self.log.at(at).filter(|record| record.sequence < end)?;
            at = record.sequence + 1;
            Some(record)
        })
    }
}

/// An open `/dev/kmsg`.
struct Kmsg {
    readers: &'static Readers,
    /// The next record to read.
    next: Mutex<u64, order::Turn>,
    rate: Spin<Rate, order::Names>,
}

/// How much was written lately.
#[derive(Default)]
struct Rate {
    began_ns: Option<u64>,
    written: u32,
    missed: u32,
}

impl Rate {
    /// Whether one more message may be written (`___ratelimit`).
    fn admit(&mut self, now: u64) -> bool {
        let began = *self.began_ns.get_or_insert(now);
        if now - began > INTERVAL_NS {
            (self.began_ns, self.written) = (Some(now), 0);
        }
        let admitted = self.written < BURST;
        match admitted {
            true => self.written += 1,
            false => self.missed += 1,
        }
        admitted
    }
}

pub(super) fn open(drivers: &'static Drivers, how: &Opening) -> Result<Arc<dyn FileOps>> {
    let readers = drivers.log_readers;
    if how.flags.access() != OpenFlags::WRONLY {
        may_read(how.caller.cred)?;
    }
    let next = Mutex::new(readers.log.range().start);
    Ok(Arc::new(Kmsg { readers, next, rate: Spin::new(Rate::default()) }))
}

/// Takes `<priority>` from the begin of a message: facility, if it names one, level, and the rest.
fn take_prefix(text: &[u8]) -> Option<(Option<u8>, u8, &[u8])> {
    let inner = text.strip_prefix(b"<")?;
    let digits = inner.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = inner.split_at_checked(digits)?;
    let rest = rest.strip_prefix(b">")?;
    let add = |n: u32, digit: &u8| n.wrapping_mul(10).wrapping_add(u32::from(digit - b'0'));
    let priority = number.iter().fold(0, add);
    let facility = (priority >> 3) as u8;
    Some((Some(facility).filter(|_| priority >> 3 != 0), (priority & 7) as u8, rest))
}

impl FileOps for Kmsg {
    fn read(&self, _f: &File, _c: &Caller, to: &mut dyn Sink, _at: Pos) -> Result<usize> {
        let mut next = self.next.lock();
        let record = self.readers.log.at(*next).ok_or(EAGAIN)?;
        if record.sequence != *next {
            // The next one is gone; the reader is told so once.
            *next = record.sequence;
            return Err(EPIPE);
        }
        let text = record.extended()?;
        *next = record.sequence + 1;
        if text.len() > to.left() { Err(EINVAL) } else { to.put(&text) }
    }

    fn write(&self, _f: &File, _c: &Caller, from: &mut dyn Source, _at: Pos) -> Result<usize> {
        let len = from.left();
        if len > LINE_MAX {
            return Err(EINVAL);
        }
        if !self.rate.lock().admit(mono_ns()) {
            return Ok(len);
        }
        let mut bytes = [0; LINE_MAX];
        let n = from.get(&mut bytes[..len])?;
        // The longest text there can be has room for a NUL at its end.
        let text = bytes[..n].split(|&byte| byte == 0).next().unwrap_or_default();
        let log = self.readers.log;
        let without = log.levels()[1] as u8 & 7;
        let text = text.get(..LINE_MAX - 1).unwrap_or(text);
        let (facility, level, text) = take_prefix(text).unwrap_or((None, without, text));
        log.write_user(facility.unwrap_or(USER), level, text);
        self.readers.run_deferred();
        Ok(len)
    }

    fn poll(&self, _f: &File, _c: &Caller, watch: Option<&mut Watch>) -> PollEvents {
        if let Some(watch) = watch {
            watch.add(&self.readers.news, 0);
        }
        let (next, there) = (*self.next.lock(), self.readers.log.range());
        let readable = PollEvents::IN | PollEvents::RDNORM;
        match there.end {
            end if next >= end => PollEvents::EMPTY,
            _ if next < there.start => readable | PollEvents::ERR | PollEvents::PRI,
            _ => readable,
        }
    }

    fn is_seekable(&self) -> bool {
        true
    }

    fn seek(&self, _f: &File, _now: u64, offset: i64, whence: u32) -> Result<u64> {
        if offset != 0 {
            return Err(ESPIPE);
        }
        let log = self.readers.log;
        *self.next.lock() = match whence {
            SEEK_SET => log.range().start,
            SEEK_DATA => log.cleared().max(log.range().start),
            SEEK_END => log.range().end,
            _ => return Err(EINVAL),
        };
        Ok(0)
    }
}

impl Drop for Kmsg {
    fn drop(&mut self) {
        let missed = self.rate.get_mut().missed;
        if missed > 0 {
            let pid = crate::sched::current_id();
            crate::printk!(
                WARNING,
                "pid {pid}: {missed} output lines suppressed due to ratelimiting"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priorities_before_messages() {
        assert_eq!(take_prefix(b"<30>x"), Some((Some(3), 6, &b"x"[..])));
        assert_eq!(take_prefix(b"<5>"), Some((None, 5, &b""[..])));
        assert_eq!(take_prefix(b"<>x"), Some((None, 0, &b"x"[..])));
        assert_eq!(take_prefix(b"<999999>q"), Some((Some(71), 7, &b"q"[..])));
        for plain in [&b"x<5>"[..], b"<5", b"<x>", b"<5x>", b""] {
            assert_eq!(take_prefix(plain), None, "{}", plain.escape_ascii());
        }
    }

    #[test]
    fn a_burst_ends_and_comes_back() {
        let mut rate = Rate::default();
        let admitted = (0..20).filter(|_| rate.admit(5)).count();
        assert_eq!((admitted, rate.missed), (10, 10));
        assert!(!rate.admit(INTERVAL_NS + 5) && rate.admit(INTERVAL_NS + 6));
    }
}
