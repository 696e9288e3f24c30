//! [`Settings`]: what `/proc/sys` can change in the layers of processes.

use core::sync::atomic::{AtomicI32, AtomicU64, Ordering::Relaxed};

/// Most threads there can be, whatever the memory: what a futex word has room for
/// (`FUTEX_TID_MASK`).
pub const MAX_THREADS: u64 = 0x3fff_ffff;
/// The least that memory allows, however small it is.
pub const MIN_THREADS: u64 = 20;

/// Values of `/proc/sys/kernel` and `/proc/sys/vm`.
pub struct Settings {
    /// `kernel.randomize_va_space`: what of an address space is left to chance. 0: nothing; 1: not
    /// the heap; 2: all.
    pub randomize_va_space: AtomicI32,
    /// `kernel.threads-max`; 0: what memory allows.
    pub threads_max: AtomicU64,
    /// `kernel.panic`: seconds from a panic to the restart; 0: never; negative: at once.
    pub panic_timeout: AtomicI32,
    /// `vm.panic_on_oom`: not 0: when memory runs out, no process is killed but all.
    pub panic_on_oom: AtomicI32,
    /// `vm.oom_kill_allocating_task`, if not 0: who wanted the memory is killed, not who has most.
    pub oom_kill_allocating_task: AtomicI32,
    /// Identifies this boot; 0 until somebody asks.
    boot_id: [AtomicU64; 2],
}

impl Settings {
    /// Linux's defaults.
    pub(super) const fn new() -> Self {
        Self {
            randomize_va_space: AtomicI32::new(2),
            threads_max: AtomicU64::new(0),
            panic_timeout: AtomicI32::new(0),
            panic_on_oom: AtomicI32::new(0),
            oom_kill_allocating_task: AtomicI32::new(0),
            boot_id: [const { AtomicU64::new(0) }; 2],
        }
    }

    /// The 128 bits that identify this boot, made by `random` when they are asked for first.
    pub fn boot_id(&self, random: impl Fn() -> u64) -> [u64; 2] {
        [0, 1].map(|half| {
            let new = random() | 1 << 63;
            match self.boot_id[half].compare_exchange(0, new, Relaxed, Relaxed) {
                Ok(_) => new,
                Err(known) => known,
            }
        })
    }

    /// Sets `kernel.panic`.
    pub fn set_panic_timeout(&self, seconds: i32) {
        self.panic_timeout.store(seconds, Relaxed);
        hal::set_panic_timeout(seconds);
    }
}
