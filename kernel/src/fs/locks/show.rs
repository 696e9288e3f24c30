//! `/proc/locks`: every lock, and below it who waits for it (`lock_get_status`).

use super::ranges::{Bytes, Kind, Lock, Style};
use super::{FileLocks, Registry, State};
use abi::fs::{major, minor};
use core::fmt::{self, Write};

/// Writes the lines of `/proc/locks`.
pub fn show(registry: &Registry, out: &mut dyn Write) -> fmt::Result {
    let mut number = 0;
    let mut result = Ok(());
    registry.each(|file| {
        if result.is_ok() {
            result = file.show(&mut number, out);
        }
    });
    result
}

impl FileLocks {
    fn show(&self, number: &mut u64, out: &mut dyn Write) -> fmt::Result {
        let state = self.state.lock();
        for lock in state.whole.iter().chain(state.ranges.iter()) {
            *number += 1;
            write!(out, "{number}: ")?;
            self.line(lock, out)?;
            for wanted in state.waiting_for(lock) {
                write!(out, "{number}: -> ")?;
                self.line(wanted, out)?;
            }
        }
        Ok(())
    }

    fn line(&self, lock: &Lock, out: &mut dyn Write) -> fmt::Result {
        let style = match lock.style {
            Style::Posix => "POSIX ",
            Style::Ofd => "OFDLCK",
            Style::Flock => "FLOCK ",
        };
        let kind = match lock.kind {
            Kind::Read => "READ",
            Kind::Write => "WRITE",
        };
        let (major, minor) = (major(self.dev), minor(self.dev));
        write!(out, "{style} ADVISORY  {kind} {} {major:02x}:{minor:02x}:{}", lock.pid, self.ino)?;
        match lock.bytes {
            Bytes { first, last: Bytes::END } => writeln!(out, " {first} EOF"),
            Bytes { first, last } => writeln!(out, " {first} {last}"),
        }
    }
}

impl State {
    /// What waits for `held`: it is the first that is in the way of them.
    fn waiting_for<'s>(&'s self, held: &'s Lock) -> impl Iterator<Item = &'s Lock> {
        let waiting = self.waiting.iter().filter(|waiting| waiting.blocker.is_some());
        let wanted = waiting.map(|waiting| &waiting.waiter.wanted);
        wanted.filter(|wanted| self.in_the_way(wanted) == Some(held))
    }
}
