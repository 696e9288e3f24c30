//! [`Log`]: the ring of records, and what of it the console shows.

use alloc::collections::VecDeque;
use core::{
    fmt::{self, Write},
    sync::atomic::{AtomicBool, AtomicI32, Ordering::Relaxed},
};

use heapless::Vec as Line;

use crate::lock::{IrqSpin, order};

/// Bytes of text in a record (Linux's `LOG_LINE_MAX` is 1024 minus the prefix).
const LINE_MAX: usize = 976;

/// Bytes of text the ring keeps (`CONFIG_LOG_BUF_SHIFT` 17).
const RING_BYTES: usize = 1 << 17;

/// One message.
#[derive(Clone, Debug)]
pub struct Record {
    /// Counts all records of this boot.
    pub sequence: u64,
    /// Nanoseconds since boot.
    pub at_ns: u64,
    /// `0..=7`.
    pub level: u8,
    /// Without a line end.
    pub text: alloc::boxed::Box<[u8]>,
}

#[derive(Default)]
struct Ring {
    records: VecDeque<Record>,
    bytes: usize,
    next: u64,
}

/// The kernel log.
pub struct Log {
    ring: IrqSpin<Ring, order::Log>,
    /// Held while a line goes out, so that lines stay whole.
    console: IrqSpin<(), order::Console>,
    /// Messages below the first reach the console; the others are for those who change it or log
    /// without a level (see [`Log::levels`]).
    levels: [AtomicI32; 4],
    /// There is a console.
    console_on: AtomicBool,
}

impl Default for Log {
    fn default() -> Self {
        Self::new()
    }
}

impl Log {
    /// An empty log whose console is on, as Linux's early console.
    pub const fn new() -> Self {
        Self {
            ring: IrqSpin::new(Ring { records: VecDeque::new(), bytes: 0, next: 0 }),
            console: IrqSpin::new(()),
            levels: [
                AtomicI32::new(7),
                AtomicI32::new(super::level::WARNING as i32),
                AtomicI32::new(1),
                AtomicI32::new(7),
            ],
            console_on: AtomicBool::new(false),
        }
    }

    /// Messages with a level below `level` reach the console (`loglevel=`, `quiet`).
    pub fn set_console_level(&self, level: u8) {
        self.levels[0].store(level.into(), Relaxed);
    }

    /// The levels of `kernel.printk`: below which messages reach the console, what a message
    /// without a level has, the least that syslog(2) sets the first to, and what it sets it back
    /// to.
    pub fn levels(&self) -> [i32; 4] {
        [0, 1, 2, 3].map(|at| self.levels[at].load(Relaxed))
    }

    /// Sets them.
    pub fn set_levels(&self, levels: [i32; 4]) {
        for (level, new) in self.levels.iter().zip(levels) {
            level.store(new, Relaxed);
        }
    }

    fn is_shown(&self, level: u8) -> bool {
        i32::from(level) < self.levels[0].load(Relaxed)
    }

    /// Turns the console on and shows what was logged before.
    pub fn start_console(&self) {
        self.console_on.store(true, Relaxed);
        let mut from = 0;
        while let Some(record) = self.at(from) {
            from = record.sequence + 1;
            if self.is_shown(record.level) {
                self.show(record.at_ns, &record.text);
            }
        }
    }

    /// Logs a message, line by line. Interrupts may call it; what finds no memory is shown on the
    /// console but not kept.
    pub fn write(&self, level: u8, text: fmt::Arguments<'_>) {
        let mut lines = Lines { log: self, level, line: Line::new() };
        // `Lines` never fails: what does not fit is cut.
        let _ = lines.write_fmt(text);
        lines.flush();
    }

    fn line(&self, level: u8, text: &[u8]) {
        let at_ns = hal::time::now_ns();
        self.ring.lock().push(level, at_ns, text);
        if self.console_on.load(Relaxed) && self.is_shown(level) {
            self.show(at_ns, text);
        }
    }

    /// The first record from `sequence` on.
    pub fn at(&self, sequence: u64) -> Option<Record> {
        let ring = self.ring.lock();
        let first = ring.records.front()?.sequence;
        ring.records.get(sequence.saturating_sub(first) as usize).cloned()
    }

    fn show(&self, at_ns: u64, text: &[u8]) {
        let mut prefix: heapless::String<32> = heapless::String::new();
        let (s, us) = (at_ns / 1_000_000_000, at_ns / 1000 % 1_000_000);
        let _ = write!(prefix, "[{s:5}.{us:06}] ");
        // A panic may come while a line goes out; it must not wait for itself.
        let _whole = self.console.try_lock();
        hal::dev::serial::write(0, prefix.as_bytes());
        hal::dev::serial::write(0, text);
        hal::dev::serial::write(0, b"\r\n");
    }
}

impl Ring {
    fn push(&mut self, level: u8, at_ns: u64, text: &[u8]) {
        let sequence = self.next;
        self.next += 1;
        let mut kept = alloc::vec::Vec::new();
        if kept.try_reserve_exact(text.len()).is_err() || self.records.try_reserve(1).is_err() {
            return;
        }
        kept.extend_from_slice(text);
        self.bytes += text.len();
        self.records.push_back(Record { sequence, at_ns, level, text: kept.into_boxed_slice() });
        while self.bytes > RING_BYTES {
            let Some(old) = self.records.pop_front() else { break };
            self.bytes -= old.text.len();
        }
    }
}

/// Cuts what is written into lines.
struct Lines<'a> {
    log: &'a Log,
    level: u8,
    line: Line<u8, LINE_MAX>,
}

impl Lines<'_> {
    fn flush(&mut self) {
        if !self.line.is_empty() {
            self.log.line(self.level, &self.line);
            self.line.clear();
        }
    }
}

impl Write for Lines<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for &byte in text.as_bytes() {
            if byte == b'\n' {
                self.flush();
            } else {
                // Beyond the longest line the rest of it is cut.
                let _ = self.line.push(byte);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;
    use std::vec::Vec;

    fn texts(log: &Log) -> Vec<String> {
        let mut from = 0;
        let next = || {
            let record = log.at(from)?;
            from = record.sequence + 1;
            Some(String::from_utf8_lossy(&record.text).into_owned())
        };
        core::iter::from_fn(next).collect()
    }

    #[test]
    fn messages_are_cut_into_lines() {
        let log = Log::new();
        log.write(6, format_args!("one\ntwo {}\n\nthree", 2));
        log.write(6, format_args!("{}", "x".repeat(LINE_MAX + 9)));
        assert_eq!(texts(&log), ["one", "two 2", "three", &"x".repeat(LINE_MAX)]);
    }

    #[test]
    fn the_oldest_records_go_first() {
        let log = Log::new();
        let long = "y".repeat(LINE_MAX);
        for n in 0..200 {
            log.write(6, format_args!("{n} {long}"));
        }
        let kept = texts(&log);
        assert!(kept[kept.len() - 1].starts_with("199 "));
        assert_eq!(kept.len(), RING_BYTES / LINE_MAX);
        let first = log.at(0).map(|record| record.sequence);
        assert_eq!(first, Some(200 - kept.len() as u64), "what is gone is skipped");
        assert!(log.at(200).is_none());
    }
}
