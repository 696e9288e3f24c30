//! One host machine: its CPUs' threads, its clock, and how it ends.

use super::arena::Ledger;
use super::boot::boot_info;
use super::cpu::{self, Ended};
use super::devices::Port;
use super::program::{Body, Programs, User};
use crate::contract::{CpuId, Hooks, Line, MAX_CPUS};
use crate::irq::{Counts, Source};
use crate::rcu;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How a machine was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// `power::off`
    Off,
    /// `power::reboot`
    Reboot,
    /// `power::halt`
    Halt,
}

/// How time passes on a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// As in the world.
    Real,
    /// As in the world, but when every CPU idles it jumps to the next deadline.
    Skipping,
}

/// The system-call numbers that scripted programs need for what a C library does unasked.
#[derive(Clone, Copy, Debug)]
pub struct Abi {
    /// Called with the program's return value.
    pub exit_group: u64,
    /// Called when a signal handler returns, with the stack pointer as after its `ret`.
    pub rt_sigreturn: u64,
}

/// What to build a machine from.
#[derive(Clone, Debug)]
pub struct Config {
    /// CPUs, 1 to 64.
    pub cpus: usize,
    /// Frames of 4 KiB the machine may hold at a time.
    pub frames: usize,
    /// The kernel's command line.
    pub cmdline: Vec<u8>,
    /// The initial RAM disk.
    pub initrd: Option<Vec<u8>>,
    /// How time passes.
    pub clock: Clock,
    /// System calls that programs make unasked.
    pub abi: Abi,
    /// The run fails after this long (in the world's time).
    pub limit: Duration,
}

impl Config {
    /// Two CPUs, 64 MiB, a skipping clock, a minute at most.
    pub fn new(abi: Abi) -> Config {
        Config {
            cpus: 2,
            frames: 16384,
            cmdline: Vec::new(),
            initrd: None,
            clock: Clock::Skipping,
            abi,
            limit: Duration::from_secs(60),
        }
    }
}

/// The state of one CPU that other threads may touch.
pub(super) struct CpuState {
    pub(super) attention: AtomicBool,
    /// When to call `Hooks::timer`, in ns; `u64::MAX` is never.
    pub(super) deadline: AtomicU64,
    /// Serial ports with an interrupt pending here, a bit each.
    pub(super) lines: AtomicU32,
    pub(super) interrupts: Counts,
    pub(super) data: OnceLock<&'static (dyn Any + Sync)>,
}

impl CpuState {
    /// Whether an interrupt waits to be delivered at time `now`.
    pub(super) fn interrupt_due(&self, now: u64) -> bool {
        self.deadline.load(Ordering::SeqCst) <= now || self.lines.load(Ordering::SeqCst) != 0
    }

    /// Calls the kernel's handlers for what is pending. Interrupts are off on this thread.
    pub(super) fn take_interrupts(&self, machine: &Shared) {
        if self.deadline.load(Ordering::SeqCst) <= machine.now() {
            self.deadline.store(u64::MAX, Ordering::SeqCst);
            self.interrupts.add(Source::Timer);
            machine.hooks.timer();
        }
        let lines = self.lines.swap(0, Ordering::SeqCst);
        for port in (0..machine.ports.len()).filter(|port| lines & 1 << port != 0) {
            if let Some((_, irq)) = super::serial::resources(port) {
                self.interrupts.add(Source::Isa(irq));
            }
            machine.hooks.irq(Line::Serial(port as u8));
        }
    }
}

/// What the threads of a machine share.
pub(super) struct Shared {
    pub(super) hooks: &'static dyn Hooks,
    pub(super) config: Config,
    pub(super) cpus: Vec<CpuState>,
    pub(super) ports: [Port; 2],
    pub(super) ledger: &'static Ledger,
    pub(super) programs: Programs,
    rcu: Arc<rcu::Domain>,
    start: Instant,
    /// Nanoseconds that the clock was moved ahead.
    skipped: AtomicU64,
    /// The CPUs that idle, a bit each.
    idle: Mutex<u64>,
    idle_changed: Condvar,
    booted: OnceLock<()>,
    ended: AtomicBool,
    end: Mutex<Option<Result<End, String>>>,
    end_changed: Condvar,
}

/// Locks a mutex whatever became of earlier holders: a panicking thread ends the machine anyway.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The text of a panic.
pub(super) fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().cloned();
    text.or_else(|| payload.downcast_ref::<&str>().map(|text| text.to_string()))
        .unwrap_or_else(|| "a panic without a text".into())
}

impl Shared {
    /// Nanoseconds since boot.
    pub(super) fn now(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64 + self.skipped.load(Ordering::SeqCst)
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    /// Ends the machine; the first reason counts. Threads stop at their next safe point.
    pub(super) fn end(&self, how: Result<End, String>) {
        lock(&self.end).get_or_insert(how);
        self.ended.store(true, Ordering::SeqCst);
        self.end_changed.notify_all();
        self.programs.kill_all();
        self.wake_idle();
    }

    /// Ends the machine for something that should not have happened.
    pub(super) fn fail(&self, text: String) {
        self.end(Err(text));
    }

    /// Lets every idle CPU look again.
    pub(super) fn wake_idle(&self) {
        drop(lock(&self.idle));
        self.idle_changed.notify_all();
    }

    /// Waits on CPU `index` for a kick or an interrupt; `true` when the machine has ended.
    pub(super) fn idle(&self, index: usize) -> bool {
        let mut idle = lock(&self.idle);
        *idle |= 1 << index;
        let stop = loop {
            let (this, now) = (&self.cpus[index], self.now());
            if self.has_ended() {
                break true;
            }
            if this.attention.load(Ordering::SeqCst) || this.interrupt_due(now) {
                break false;
            }
            let next = self.cpus.iter().map(|cpu| cpu.deadline.load(Ordering::SeqCst)).min();
            let next = next.unwrap_or(u64::MAX);
            let quiet = idle.count_ones() as usize == self.cpus.len()
                && !self
                    .cpus
                    .iter()
                    .any(|cpu| cpu.attention.load(Ordering::SeqCst) || cpu.interrupt_due(now));
            if quiet && self.config.clock == Clock::Skipping && next != u64::MAX {
                self.skipped.fetch_add(next - now, Ordering::SeqCst);
                self.idle_changed.notify_all();
                continue;
            }
            let mine = this.deadline.load(Ordering::SeqCst).saturating_sub(now);
            let wait = Duration::from_nanos(mine).min(self.config.limit);
            let waited = self.idle_changed.wait_timeout(idle, wait);
            idle = waited.unwrap_or_else(PoisonError::into_inner).0;
        };
        *idle &= !(1 << index);
        stop
    }

    /// The life of CPU `index`.
    fn run_cpu(self: &Arc<Self>, index: usize) {
        cpu::enter(Some(self.clone()), index, None);
        let life = || {
            if index == 0 {
                self.hooks.boot(boot_info(self));
                let _ = self.booted.set(());
            }
            self.hooks.cpu_loop(CpuId(index as u32));
        };
        match catch_unwind(AssertUnwindSafe(life)) {
            Ok(()) if self.has_ended() => {}
            Ok(()) => self.fail("the CPU loop returned on a running machine".into()),
            Err(payload) if payload.is::<Ended>() => {}
            Err(payload) => self.fail(message(&*payload)),
        }
    }
}

/// The grace periods of this thread's machine; outside a machine there are none.
pub(crate) fn rcu_domain() -> Option<Arc<rcu::Domain>> {
    cpu::machine().map(|machine| machine.rcu.clone())
}

/// A machine for one run of the kernel. Cloning it gives another handle to the same one.
#[derive(Clone)]
pub struct Machine(Arc<Shared>);

impl Machine {
    /// A machine that has not been started.
    ///
    /// # Panics
    /// If the number of CPUs is not in 1..=64.
    pub fn new(hooks: &'static dyn Hooks, config: Config) -> Machine {
        assert!((1..=MAX_CPUS).contains(&config.cpus), "a machine has 1 to 64 CPUs");
        let cpu = |_| CpuState {
            attention: AtomicBool::new(false),
            deadline: AtomicU64::new(u64::MAX),
            lines: AtomicU32::new(0),
            interrupts: Counts::new(),
            data: OnceLock::new(),
        };
        Machine(Arc::new(Shared {
            hooks,
            cpus: (0..config.cpus).map(cpu).collect(),
            ports: Default::default(),
            ledger: Ledger::new(config.frames),
            programs: Programs::default(),
            rcu: Arc::new(rcu::Domain::new()),
            start: Instant::now(),
            skipped: AtomicU64::new(0),
            idle: Mutex::new(0),
            idle_changed: Condvar::new(),
            booted: OnceLock::new(),
            ended: AtomicBool::new(false),
            end: Mutex::new(None),
            end_changed: Condvar::new(),
            config,
        }))
    }

    /// Boots the kernel and runs it until it turns the machine off, or panics: then the `Err` is
    /// the panic's text. To be called once.
    pub fn run(&self) -> Result<End, String> {
        let threads: Vec<_> = (0..self.0.cpus.len()).map(|index| self.start_cpu(index)).collect();
        let limit = Instant::now() + self.0.config.limit;
        let mut end = lock(&self.0.end);
        while end.is_none() {
            let left = limit.saturating_duration_since(Instant::now());
            if left.is_zero() {
                drop(end);
                self.0.fail(format!("the machine still ran after {:?}", self.0.config.limit));
                end = lock(&self.0.end);
                break;
            }
            let waited = self.0.end_changed.wait_timeout(end, left);
            end = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let how = end.clone().expect("the machine has ended");
        drop(end);
        // A CPU that waits for a lock held by a thread that has stopped never comes to its end; it
        // is left behind.
        let patience = Instant::now() + Duration::from_secs(2);
        while threads.iter().any(|thread| !thread.is_finished()) && Instant::now() < patience {
            std::thread::sleep(Duration::from_micros(100));
        }
        how
    }

    fn start_cpu(&self, index: usize) -> JoinHandle<()> {
        let shared = self.0.clone();
        let body = move || {
            while index > 0 && shared.booted.get().is_none() {
                if shared.has_ended() {
                    return;
                }
                std::thread::sleep(Duration::from_micros(100));
            }
            shared.run_cpu(index);
        };
        let thread = std::thread::Builder::new().name(format!("cpu{index}")).stack_size(8 << 20);
        thread.spawn(body).expect("the host has a thread for each CPU")
    }

    /// Makes the calling thread work for this machine, on its CPU 0: what it allocates is on the
    /// machine's account. For tests of parts of a kernel, without booting it.
    pub fn attach(&self) {
        cpu::enter(Some(self.0.clone()), 0, None);
    }

    /// Registers a program; the address at which it is entered is returned. The kernel starts it by
    /// entering user mode there with the page mapped executable. Addresses are page-aligned.
    pub fn program(&self, body: impl Fn(&mut User) -> i32 + Send + Sync + 'static) -> u64 {
        self.0.programs.register_program(Arc::new(body))
    }

    /// Registers a program at an address of the caller's choice.
    pub fn program_at(&self, entry: u64, body: Body) {
        self.0.programs.register(entry, body);
    }

    /// Lets `bytes` arrive at a serial port.
    pub fn type_in(&self, port: usize, bytes: &[u8]) {
        if self.0.ports[port].receive(bytes) {
            self.0.cpus[0].lines.fetch_or(1 << port, Ordering::SeqCst);
            self.0.wake_idle();
        }
    }

    /// All that was written to a serial port.
    pub fn serial_output(&self, port: usize) -> Vec<u8> {
        self.0.ports[port].output()
    }

    /// Frames the machine holds: allocated by its threads and not freed, by whomever.
    pub fn frames_held(&self) -> usize {
        self.0.ledger.held()
    }

    /// Allocations of frames asked for so far.
    pub fn frame_requests(&self) -> u64 {
        self.0.ledger.frame_requests()
    }

    /// Makes the `n`-th allocation of frames from now fail, once; 1 is the next.
    pub fn fail_frame_at(&self, n: u64) {
        self.0.ledger.fail_frame_at(n);
    }

    /// Calls of `heap::admit` so far.
    pub fn admissions(&self) -> u64 {
        self.0.ledger.admissions()
    }

    /// Makes the `n`-th call of `heap::admit` from now fail, once; 1 is the next.
    pub fn fail_admit_at(&self, n: u64) {
        self.0.ledger.fail_admit_at(n);
    }
}
