//! [`Log`]: the ring of records, and what of it the console shows.

use alloc::collections::VecDeque;
use core::{
    fmt::{self, Write},
    sync::atomic::{AtomicBool, AtomicI32, AtomicU64, AtomicUsize, Ordering::Relaxed},
};

use heapless::Vec as Line;

use super::text::Stamp;
use crate::lock::{IrqSpin, order};

/// Bytes of text in a record (`LOG_LINE_MAX`).
pub const LINE_MAX: usize = 992;

/// Bytes of text the ring keeps (`CONFIG_LOG_BUF_SHIFT` 17).
pub const RING_BYTES: usize = 1 << 17;

/// How often a line that is to be shown looks whether the console is free, before it goes out all
/// the same: who has the console may be the one who panics.
const PATIENCE: usize = 1 << 22;

/// One message.
#[derive(Clone, Debug)]
pub struct Record {
    /// Counts all records of this boot.
    pub sequence: u64,
    /// Nanoseconds since boot.
    pub at_ns: u64,
    /// `0..=7`.
    pub level: u8,
    /// Who says so (`LOG_KERN`, `LOG_USER`, …); 0 is the kernel.
    pub facility: u8,
    /// Without a line end.
    pub text: alloc::boxed::Box<[u8]>,
}

#[derive(Default)]
struct Ring {
    records: VecDeque<Record>,
    bytes: usize,
    next: u64,
    /// The last record has no line end: readers see it when the next one comes.
    unfinished: bool,
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
    /// The serial port that it is.
    port: AtomicUsize,
    /// The first record that `SYSLOG_ACTION_CLEAR` has not cleared.
    cleared: AtomicU64,
    /// The level before `SYSLOG_ACTION_CONSOLE_OFF`; negative: it is on.
    level_when_on: AtomicI32,
    /// There are records that readers have not been told of.
    news: AtomicBool,
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
            ring: IrqSpin::new(Ring {
                records: VecDeque::new(),
                bytes: 0,
                next: 0,
                unfinished: false,
            }),
            console: IrqSpin::new(()),
            levels: [
                AtomicI32::new(7),
                AtomicI32::new(super::level::WARNING as i32),
                AtomicI32::new(1),
                AtomicI32::new(7),
            ],
            console_on: AtomicBool::new(false),
            port: AtomicUsize::new(0),
            cleared: AtomicU64::new(0),
            level_when_on: AtomicI32::new(-1),
            news: AtomicBool::new(false),
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

    /// `SYSLOG_ACTION_CONSOLE_OFF` and `_ON`: the least level, and back.
    pub fn switch_console(&self, on: bool) {
        let [now, _, least, _] = self.levels();
        if on {
            let kept = self.level_when_on.swap(-1, Relaxed);
            if kept >= 0 {
                self.levels[0].store(kept, Relaxed);
            }
        } else {
            let _ = self.level_when_on.compare_exchange(-1, now, Relaxed, Relaxed);
            self.levels[0].store(least, Relaxed);
        }
    }

    /// `SYSLOG_ACTION_CONSOLE_LEVEL`: not below the least.
    pub fn choose_level(&self, level: i32) {
        let least = self.levels[2].load(Relaxed);
        self.levels[0].store(level.max(least), Relaxed);
        self.level_when_on.store(-1, Relaxed);
    }

    /// The first record that was not cleared.
    pub fn cleared(&self) -> u64 {
        self.cleared.load(Relaxed)
    }

    /// Records before `sequence` are cleared: they stay, but syslog(2) does not show them again.
    pub fn clear(&self, sequence: u64) {
        self.cleared.store(sequence, Relaxed);
    }

    /// The number of the first record that is there, and that of the next to come.
    pub fn range(&self) -> core::ops::Range<u64> {
        let ring = self.ring.lock();
        ring.next - ring.records.len() as u64..ring.end()
    }

    /// Is there something that readers have not been told of?
    pub fn take_news(&self) -> bool {
        self.news.swap(false, Relaxed)
    }

    /// Turns the console on, which is serial port `port`, and shows what was logged before.
    pub fn start_console(&self, port: usize) {
        self.port.store(port, Relaxed);
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

    /// Logs what a program says: one record, whatever lines it has. Without a line end at the end
    /// of it readers wait for the next record.
    pub fn write_user(&self, facility: u8, level: u8, text: &[u8]) {
        let line = text.strip_suffix(b"\n");
        self.record(facility, level, line.unwrap_or(text), line.is_some());
    }

    fn record(&self, facility: u8, level: u8, text: &[u8], finished: bool) {
        let at_ns = hal::time::now_ns();
        {
            let mut ring = self.ring.lock();
            ring.push(facility, level, at_ns, text);
            ring.unfinished = !finished;
        }
        self.news.store(true, Relaxed);
        if self.console_on.load(Relaxed) && self.is_shown(level) {
            self.show(at_ns, text);
        }
    }

    /// The first record from `sequence` on.
    pub fn at(&self, sequence: u64) -> Option<Record> {
        let ring = self.ring.lock();
        let first = ring.records.front()?.sequence;
        if sequence >= ring.end() {
            return None;
        }
        ring.records.get(sequence.saturating_sub(first) as usize).cloned()
    }

    fn show(&self, at_ns: u64, text: &[u8]) {
        let port = self.port.load(Relaxed);
        let mut prefix: heapless::String<32> = heapless::String::new();
        // Twenty digits and some.
        let _ = write!(prefix, "{}", Stamp(at_ns));
        self.on_console(|| {
            for line in text.split(|&byte| byte == b'\n') {
                hal::dev::serial::write(port, prefix.as_bytes());
                hal::dev::serial::write(port, line);
                hal::dev::serial::write(port, b"\r\n");
            }
        });
    }

    /// Calls `write` while no line of the log goes out to the console. A terminal on the same port
    /// writes so, too.
    pub fn on_console(&self, write: impl FnOnce()) {
        // A panic may come while a line goes out; it must not wait for itself.
        let mut whole = self.console.try_lock();
        for _ in 0..PATIENCE {
            if whole.is_some() {
                break;
            }
            hal::cpu::relax();
            whole = self.console.try_lock();
        }
        write();
        drop(whole);
    }

    /// Is `port` the console?
    pub fn is_console(&self, port: usize) -> bool {
        self.console_on.load(Relaxed) && self.port.load(Relaxed) == port
    }
}

impl Ring {
    /// The number after the last record that readers see.
    fn end(&self) -> u64 {
        self.next - u64::from(self.unfinished && !self.records.is_empty())
    }

    fn push(&mut self, facility: u8, level: u8, at_ns: u64, text: &[u8]) {
        let mut kept = alloc::vec::Vec::new();
        if kept.try_reserve_exact(text.len()).is_err() || self.records.try_reserve(1).is_err() {
            return;
        }
        kept.extend_from_slice(text);
        self.bytes += text.len();
        let (sequence, text) = (self.next, kept.into_boxed_slice());
        self.next += 1;
        self.records.push_back(Record { sequence, at_ns, level, facility, text });
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
            self.log.record(0, self.level, &self.line, true);
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
