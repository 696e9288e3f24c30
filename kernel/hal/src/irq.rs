//! What interrupts each CPU has served, for `/proc/interrupts`.

use crate::contract::CpuId;
use crate::machine;
use core::sync::atomic::{AtomicU64, Ordering};

/// Where an interrupt came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The CPU's own timer.
    Timer,
    /// Another CPU wanted attention ([`crate::cpu::kick`]).
    Kick,
    /// Another CPU wanted something done.
    Call,
    /// Another CPU wanted translations dropped.
    Flush,
    /// A device on this ISA line, 0 to 15.
    Isa(u8),
}

/// ISA lines.
pub const ISA_LINES: u8 = 16;

const KINDS: usize = 4 + ISA_LINES as usize;

impl Source {
    fn index(self) -> usize {
        match self {
            Source::Timer => 0,
            Source::Kick => 1,
            Source::Call => 2,
            Source::Flush => 3,
            Source::Isa(line) => 4 + usize::from(line),
        }
    }
}

/// How many interrupts `cpu` has served from `source`; 0 for a CPU or a line that is not there.
pub fn count(cpu: CpuId, source: Source) -> u64 {
    machine::cpu::with_interrupts(cpu, |counts| counts.get(source)).unwrap_or(0)
}

/// The counters of one CPU, which alone writes them.
#[derive(Debug)]
pub(crate) struct Counts([AtomicU64; KINDS]);

impl Counts {
    pub(crate) const fn new() -> Self {
        Self([const { AtomicU64::new(0) }; KINDS])
    }

    /// One more. In the interrupt handler of the CPU.
    #[inline]
    pub(crate) fn add(&self, source: Source) {
        if let Some(count) = self.0.get(source.index()) {
            count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        }
    }

    fn get(&self, source: Source) -> u64 {
        self.0.get(source.index()).map_or(0, |count| count.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_have_counters_of_their_own() {
        let counts = Counts::new();
        let all = [
            Source::Timer,
            Source::Kick,
            Source::Call,
            Source::Flush,
            Source::Isa(0),
            Source::Isa(15),
        ];
        for (n, source) in all.into_iter().enumerate() {
            for _ in 0..n {
                counts.add(source);
            }
        }
        counts.add(Source::Isa(16));
        for (n, source) in all.into_iter().enumerate() {
            assert_eq!(counts.get(source), n as u64);
        }
        assert_eq!(counts.get(Source::Isa(16)), 0, "there is none");
    }
}
