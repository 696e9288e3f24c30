//! [`Gate`]: a count that can be shut at zero, and what mounts and file systems count by it: who
//! writes to them (`mnt_want_write`). No lock.

use super::Mount;
use abi::Result;
use abi::errno::EROFS;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU32, Ordering};

/// How many are inside, or that nobody may enter.
#[derive(Debug, Default)]
pub struct Gate(AtomicU32);

const SHUT: u32 = u32::MAX;

impl Gate {
    /// Nobody is inside; `shut` says whether anybody may be.
    pub const fn new(shut: bool) -> Self {
        Self(AtomicU32::new(if shut { SHUT } else { 0 }))
    }

    /// One more is inside. `false`: it is shut, or too many are.
    pub fn enter(&self) -> bool {
        let one_more = |n: u32| (n < SHUT - 1).then(|| n + 1);
        self.0.fetch_update(Ordering::AcqRel, Ordering::Relaxed, one_more).is_ok()
    }

    /// One who entered is gone.
    pub fn leave(&self) {
        self.0.fetch_sub(1, Ordering::Release);
    }

    /// Shuts it, unless someone is inside: `false`. It may be shut already.
    pub fn shut(&self) -> bool {
        let shut = self.0.compare_exchange(0, SHUT, Ordering::AcqRel, Ordering::Acquire);
        shut.map_or_else(|now| now == SHUT, |_| true)
    }

    /// Opens it if it is shut.
    pub fn open(&self) {
        // It is open then, with whoever is inside.
        let _ = self.0.compare_exchange(SHUT, 0, Ordering::AcqRel, Ordering::Relaxed);
    }

    /// Whether nobody may enter.
    pub fn is_shut(&self) -> bool {
        self.0.load(Ordering::Acquire) == SHUT
    }

    /// Whether someone is inside.
    pub fn is_busy(&self) -> bool {
        !matches!(self.0.load(Ordering::Acquire), 0 | SHUT)
    }
}

/// The right to change a file system through a mount. While it lives neither becomes read-only.
pub struct WriteAccess(Arc<Mount>);

impl WriteAccess {
    /// `EROFS` if the mount or its file system is read-only.
    pub fn new(mount: &Arc<Mount>) -> Result<Self> {
        // In this order: nobody counts as a writer of a mount who may not write to the file system.
        if !mount.sb().writers.enter() {
            return Err(EROFS);
        }
        if !mount.writers.enter() {
            mount.sb().writers.leave();
            return Err(EROFS);
        }
        Ok(Self(mount.clone()))
    }
}

impl Drop for WriteAccess {
    fn drop(&mut self) {
        self.0.writers.leave();
        self.0.sb().writers.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_shuts_only_when_nobody_is_inside() {
        let gate = Gate::default();
        assert!(gate.enter() && gate.enter() && gate.is_busy());
        assert!(!gate.shut());
        gate.leave();
        assert!(!gate.shut() && !gate.is_shut());
        gate.leave();
        assert!(gate.shut() && gate.shut() && gate.is_shut());
        assert!(!gate.enter() && !gate.is_busy());
        gate.open();
        gate.open();
        assert!(gate.enter());
    }
}
