//! [`Kernel`]: what there is once per kernel. Reached through `cx.kernel`; tests hold several.

use alloc::{collections::BTreeMap, string::String, sync::Arc, vec::Vec};
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use abi::process::PID_MAX_DEFAULT;

use super::{
    family::Family,
    futex::Futexes,
    object::Process,
    oom::Victim,
    settings::{MAX_THREADS, MIN_THREADS, Settings},
    uts::Uts,
};
use crate::{
    cred::Uid,
    dev::{DeviceTable, Drivers, kmsg::Readers},
    fs::{epoll::Nesting, inode::FsType, mount::Namespace},
    lock::{Spin, order},
    log::Log,
    mm::Vdso,
    net::unix::Registry,
    random::Random,
    sched::Sched,
    time::RealTime,
    tty::Terminals,
};

/// One kernel.
pub struct Kernel {
    /// CPUs and run queues.
    pub sched: Sched,
    /// The kernel log.
    pub log: Log,
    /// Random numbers.
    pub random: Random,
    /// The real-time clock.
    pub real_time: RealTime,
    /// The vDSO, if the machine has one; set at boot.
    pub vdso: spin::Once<Vdso>,
    /// All processes.
    pub family: Spin<Family<Arc<Process>>, order::Family>,
    /// How many processes each user has.
    pub users: Users,
    /// Who was killed to make room.
    pub(super) oom_victim: Victim,
    /// Held while an epoll set is put into another.
    pub epoll_nesting: Nesting,
    /// Futexes on which somebody sleeps.
    pub futexes: Futexes,
    /// Host and domain name.
    pub uts: Spin<Uts, order::Names>,
    /// The sockets that have names.
    pub sockets: Registry,
    /// The file systems that mount(2) knows; set at boot.
    pub file_systems: spin::Once<Vec<FsType>>,
    /// The initial mounts; set when the root is there.
    pub mounts: spin::Once<Arc<Namespace>>,
    /// The terminals; set at boot.
    pub terminals: spin::Once<Terminals>,
    /// Who reads the log; set at boot.
    pub log_readers: spin::Once<Readers>,
    /// What device drivers work with; set at boot.
    pub drivers: spin::Once<Drivers>,
    /// The devices as file systems see them; set at boot.
    pub devices: spin::Once<DeviceTable>,
    /// The firmware's memory map; set at boot.
    pub memory_map: spin::Once<Vec<hal::MemoryRange>>,
    /// The kernel command line; set at boot.
    pub options: spin::Once<Options>,
    /// Processes and threads created since boot.
    pub forks: AtomicU64,
    /// What `/proc/sys` can change.
    pub settings: Settings,
    /// System calls that programs asked for and that are not built; a bit each.
    missed: [AtomicU64; 8],
}

/// Processes by real user id, zombies included, for `RLIMIT_NPROC`.
pub struct Users(Spin<BTreeMap<u32, u64>, order::Users>);

impl Users {
    const fn new() -> Self {
        Self(Spin::new(BTreeMap::new()))
    }

    /// How many processes `uid` has.
    pub fn count(&self, uid: Uid) -> u64 {
        self.0.lock().get(&uid.0).copied().unwrap_or(0)
    }

    /// One process more.
    pub(super) fn enter(&self, uid: Uid) {
        *self.0.lock().entry(uid.0).or_default() += 1;
    }

    /// One process less.
    pub(super) fn leave(&self, uid: Uid) {
        let mut users = self.0.lock();
        if let Some(count) = users.get_mut(&uid.0) {
            *count -= 1;
            if *count == 0 {
                users.remove(&uid.0);
            }
        }
    }
}

/// What the kernel command line asks for (Linux's kernel-parameters.txt).
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// All of it, as it was given.
    pub line: Vec<u8>,
    /// `rdinit=`: the first program to try in the initramfs.
    pub rdinit: Option<Vec<u8>>,
    /// `init=`
    pub init: Option<Vec<u8>>,
    /// Words that are no parameters: arguments of init.
    pub args: Vec<Vec<u8>>,
    /// `NAME=VALUE` words that are no parameters: init's environment.
    pub env: Vec<Vec<u8>>,
    /// `norandmaps`: no chance in address spaces.
    pub norandmaps: bool,
    /// `quiet`, `debug` or `loglevel=`.
    pub console_level: Option<u8>,
    /// `panic=`: seconds until the machine is restarted; negative: at once; 0: never.
    pub panic: i32,
    /// The last `console=`.
    pub console: Option<String>,
    /// `eclipse.debug=`: a fault to provoke, for testing what watches the kernel.
    pub debug: Option<Vec<u8>>,
    /// `eclipse.trace`: system calls go to the log.
    pub trace: bool,
}

impl Kernel {
    /// A kernel before boot.
    pub const fn new() -> Self {
        Self {
            sched: Sched::new(),
            log: Log::new(),
            random: Random::new(),
            real_time: RealTime::new(),
            vdso: spin::Once::new(),
            family: Spin::new(Family::new(PID_MAX_DEFAULT)),
            users: Users::new(),
            oom_victim: Victim::none(),
            epoll_nesting: Nesting::new(),
            futexes: Futexes::new(),
            uts: Spin::new(Uts::new()),
            sockets: Registry::new(),
            file_systems: spin::Once::new(),
            mounts: spin::Once::new(),
            terminals: spin::Once::new(),
            log_readers: spin::Once::new(),
            drivers: spin::Once::new(),
            devices: spin::Once::new(),
            memory_map: spin::Once::new(),
            options: spin::Once::new(),
            forks: AtomicU64::new(0),
            settings: Settings::new(),
            missed: [const { AtomicU64::new(0) }; 8],
        }
    }

    /// Sets the real-time clock to `now` nanoseconds since the epoch.
    pub fn set_real_time(&self, now: i64) {
        match self.vdso.get() {
            Some(vdso) => vdso.set_clock(&self.real_time, now),
            None => self.real_time.set(now),
        }
        self.real_time.changed().wake_all();
    }

    /// Most processes and threads (`max_threads`): what `kernel.threads-max` says, or what memory
    /// allows, of which stacks may take an eighth.
    pub fn max_threads(&self) -> u64 {
        const PER_THREAD: u64 = 8 * 16384 / 4096;
        match self.settings.threads_max.load(Relaxed) {
            0 => (hal::mem::stats().total as u64 / PER_THREAD).clamp(MIN_THREADS, MAX_THREADS),
            max => max,
        }
    }

    /// Is this the first time that a program asks for system call `nr`?
    pub fn first_miss(&self, nr: usize) -> bool {
        let bit = 1 << (nr % 64);
        self.missed.get(nr / 64).is_some_and(|word| word.fetch_or(bit, Relaxed) & bit == 0)
    }

    /// Counts a fork.
    pub fn count_fork(&self) {
        self.forks.fetch_add(1, Relaxed);
    }
}

impl Default for Kernel {
    fn default() -> Self {
        Self::new()
    }
}
