//! The host machine under a kernel of forty lines: fibers, clock, interrupts, scripted programs.

use super::*;
use crate::contract::{BootInfo, CpuId, Hooks, Idle, Line, Suspend, Trap};
use crate::cpu::{idle_unless, kick, request_attention};
use crate::fiber::{Fiber, suspend};
use crate::mem::{Frame, Kind, Perms, Space};
use crate::user::Regs;
use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

const EXIT: u64 = 231;
const SIGRETURN: u64 = 15;
const FORK: u64 = 57;
const WAIT: u64 = 61;
const ADD: u64 = 1000;
const SIGNAL: u64 = 1001;
const EXEC: u64 = 59;
const HOUR: u64 = 3_600_000_000_000;

type Main = Box<dyn Fn(&'static Mini) + Send + Sync>;

/// A kernel: one queue of fibers, processes without a parent's say.
struct Mini {
    main: Main,
    queue: Mutex<VecDeque<Fiber>>,
    exits: Mutex<Vec<i32>>,
    alive: AtomicUsize,
    ticks: AtomicU64,
}

impl Hooks for Mini {
    fn boot(&'static self, _info: BootInfo) {
        self.spawn(move || (self.main)(self));
    }

    fn cpu_loop(&'static self, _cpu: CpuId) {
        loop {
            crate::rcu::quiescent();
            let next = self.queue.lock().unwrap().pop_front();
            let Some(mut fiber) = next else {
                if idle_unless(|| !self.queue.lock().unwrap().is_empty()) == Idle::Stop {
                    return;
                }
                continue;
            };
            if fiber.resume() != Suspend::Exit {
                // Whoever yields runs on soon: no need to disturb the others.
                self.queue.lock().unwrap().push_back(fiber);
            }
        }
    }

    fn timer(&self) {
        if self.ticks.fetch_add(1, Ordering::SeqCst) == 2 {
            power::off();
        }
        time::arm(time::now_ns() + HOUR);
        request_attention();
    }

    fn irq(&self, line: Line) {
        let Line::Serial(port) = line;
        while let Some(byte) = serial::read(port.into()) {
            if byte == b'!' {
                power::off();
            }
            serial::write(port.into(), &[byte.to_ascii_uppercase()]);
        }
    }

    fn log(&self, _level: u8, _text: fmt::Arguments<'_>) {}

    fn describe_current(&self, out: &mut dyn fmt::Write) {
        out.write_str("Comm: mini").unwrap();
    }
}

impl Mini {
    fn machine(
        config: Config,
        main: impl Fn(&'static Mini) + Send + Sync + 'static,
    ) -> (Machine, &'static Mini) {
        let mini: &'static Mini = Box::leak(Box::new(Mini {
            main: Box::new(main),
            queue: Mutex::default(),
            exits: Mutex::default(),
            alive: AtomicUsize::new(0),
            ticks: AtomicU64::new(0),
        }));
        (Machine::new(mini, config), mini)
    }

    fn spawn(&self, f: impl FnOnce() + Send + 'static) {
        self.queue.lock().unwrap().push_back(Fiber::new(f).unwrap());
        (0..crate::cpu::count()).for_each(|cpu| kick(CpuId(cpu as u32)));
    }

    /// Runs a process; the machine is turned off when the last has exited.
    fn process(&'static self, space: Space, regs: Regs) {
        self.alive.fetch_add(1, Ordering::SeqCst);
        self.spawn(move || {
            let code = self.live(space, regs);
            self.exits.lock().unwrap().push(code);
            if self.alive.fetch_sub(1, Ordering::SeqCst) == 1 {
                power::off();
            }
        });
    }

    /// Starts the program at `entry` with a page of stack below 1 GiB.
    fn exec(entry: u64) -> (Space, Regs) {
        let space = Space::new().unwrap();
        let text = Frame::zeroed().unwrap();
        space.map(entry, text, Perms::READ | Perms::EXEC, Kind::File).unwrap();
        let mut regs = Regs::new().unwrap();
        regs.set_rip(entry).unwrap();
        regs.set_rsp(1 << 30);
        (space, regs)
    }

    fn live(&'static self, mut space: Space, mut regs: Regs) -> i32 {
        let mut interrupted: Option<Regs> = None;
        loop {
            match regs.run(&space) {
                Trap::Syscall => match regs.rax {
                    EXIT => return regs.rdi as i32,
                    ADD => regs.rax = regs.rdi + regs.r9,
                    WAIT => {
                        while self.alive.load(Ordering::SeqCst) > 1 {
                            suspend(Suspend::Yield);
                        }
                        regs.rax = 0;
                    }
                    FORK => {
                        let child = Space::new().unwrap();
                        space.share_into(&child, 0..crate::mem::USER_END, true).unwrap();
                        space.flush_all();
                        let mut copy = regs.try_clone().unwrap();
                        copy.rax = 0;
                        self.process(child, copy);
                        regs.rax = 7;
                    }
                    // Calls the handler in `rdi`; the old registers are kept here, not on the stack.
                    SIGNAL => {
                        let handler = regs.rdi;
                        regs.rax = 77;
                        interrupted = Some(regs.try_clone().unwrap());
                        regs.set_rip(handler).unwrap();
                        regs.set_rsp(0x1000);
                        (regs.rdi, regs.rsi, regs.rdx) = (10, 0x20, 0x30);
                    }
                    SIGRETURN => {
                        assert_eq!(regs.rsp(), 0x1008);
                        let kept = interrupted.take().unwrap();
                        regs.rax = kept.rax;
                        regs.set_rip(kept.rip()).unwrap();
                        regs.set_rsp(kept.rsp());
                    }
                    EXEC => (space, regs) = Mini::exec(regs.rdi),
                    nr => panic!("no system call {nr}"),
                },
                Trap::Fault { addr, access, .. } => {
                    let page = addr & !0xfff;
                    if addr >= 1 << 30 || access.exec {
                        return -11;
                    }
                    let perms = Perms::READ | Perms::WRITE;
                    match space.lookup(page) {
                        None => {
                            space.map(page, Frame::zeroed().unwrap(), perms, Kind::Anon).unwrap()
                        }
                        Some((frame, _)) => {
                            if !space.make_writable(page, &frame) {
                                let copy = Frame::copy_of(&frame).unwrap();
                                drop(space.replace(page, &frame, copy, perms, Kind::Anon));
                            }
                        }
                    }
                }
                Trap::Exception { vector, .. } => return -i32::from(vector),
                Trap::Interrupt => suspend(Suspend::Yield),
            }
        }
    }
}

/// Runs `f` as the fiber of a machine with so many frames; fails if it panics or leaks a frame.
pub(crate) fn on_machine(frames: usize, f: impl Fn(&Machine) + Send + Sync + 'static) {
    let this = Arc::new(Mutex::new(None::<Machine>));
    let known = this.clone();
    let (machine, _) = Mini::machine(Config { frames, ..config() }, move |_| {
        let machine = known.lock().unwrap().clone().unwrap();
        f(&machine);
        power::off();
    });
    *this.lock().unwrap() = Some(machine.clone());
    assert_eq!(machine.run(), Ok(End::Off));
    assert_eq!(machine.frames_held(), 0, "frames were leaked");
}

fn config() -> Config {
    Config::new(Abi { exit_group: EXIT, rt_sigreturn: SIGRETURN })
}

/// Runs one program until all processes have exited; their exit codes, sorted.
fn run(program: impl Fn(&mut User) -> i32 + Send + Sync + 'static) -> Vec<i32> {
    let entry = Arc::new(AtomicU64::new(0));
    let known = entry.clone();
    let (machine, mini) = Mini::machine(config(), move |mini| {
        let (space, regs) = Mini::exec(known.load(Ordering::SeqCst));
        mini.process(space, regs);
    });
    entry.store(machine.program(program), Ordering::SeqCst);
    assert_eq!(machine.run(), Ok(End::Off));
    assert_eq!(machine.frames_held(), 0);
    let mut exits = mini.exits.lock().unwrap().clone();
    exits.sort_unstable();
    exits
}

#[test]
fn fibers_take_turns() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let fiber = |name: u32| {
        let log = log.clone();
        Fiber::new(move || {
            for turn in 0..3 {
                log.lock().unwrap().push((name, turn));
                suspend(Suspend::Yield);
            }
        })
    };
    let (mut a, mut b) = (fiber(1).unwrap(), fiber(2).unwrap());
    for _ in 0..3 {
        assert_eq!(a.resume(), Suspend::Yield);
        assert_eq!(b.resume(), Suspend::Yield);
    }
    assert_eq!((a.resume(), b.resume()), (Suspend::Exit, Suspend::Exit));
    assert_eq!(*log.lock().unwrap(), [(1, 0), (2, 0), (1, 1), (2, 1), (1, 2), (2, 2)]);
}

#[test]
fn a_fiber_never_started_may_be_dropped() {
    drop(Fiber::new(|| unreachable!()).unwrap());
}

#[test]
#[should_panic(expected = "before it had exited")]
fn a_fiber_in_the_middle_may_not() {
    let mut fiber = Fiber::new(|| suspend(Suspend::Sleep)).unwrap();
    assert_eq!(fiber.resume(), Suspend::Sleep);
    drop(fiber);
}

#[test]
fn a_program_computes_and_exits() {
    let codes = run(|u| {
        assert_eq!(u.syscall(ADD, [30, 0, 0, 0, 0, 12]), 42);
        u.store_u64(0x1_0ffc, 0x1122_3344_5566_7788);
        assert_eq!(u.load_u64(0x1_0ffc), 0x1122_3344_5566_7788);
        assert_eq!(u.load_u32(0x1_1000), 0x1122_3344);
        assert_eq!(u.cas_u32(0x1_1000, 0x1122_3344, 5), 0x1122_3344);
        assert_eq!(u.cas_u32(0x1_1000, 0, 6), 5);
        assert_eq!(u.stack(), 1 << 30);
        3
    });
    assert_eq!(codes, [3]);
}

#[test]
fn fork_copies_on_write() {
    let codes = run(|u| {
        u.store_u64(0x5000, 1);
        for child in 0..4 {
            let pid = u.fork(FORK, [0; 6], move |u| {
                assert_eq!(u.load_u64(0x5000), 1);
                u.store_u64(0x5000, 100 + child);
                let grandchild = u.fork(FORK, [0; 6], |u| u.load_u64(0x5000) as i32);
                assert_eq!(grandchild, 7);
                u.load_u64(0x5000) as i32
            });
            assert_eq!(pid, 7);
        }
        u.syscall(WAIT, [0; 6]);
        u.load_u64(0x5000) as i32
    });
    assert_eq!(codes, [1, 100, 100, 101, 101, 102, 102, 103, 103]);
}

#[test]
fn a_handler_runs_inside_a_system_call() {
    let codes = run(|u| {
        let handler = u.handler(|u| {
            assert_eq!((u.args(), u.stack()), ([10, 0x20, 0x30], 0x1000));
            let before = u.load_u64(0x6000);
            u.store_u64(0x6000, before + 1);
            99
        });
        assert_eq!(u.syscall(SIGNAL, [handler, 0, 0, 0, 0, 0]), 77);
        assert_eq!(u.syscall(SIGNAL, [handler, 0, 0, 0, 0, 0]), 77);
        u.load_u64(0x6000) as i32
    });
    assert_eq!(codes, [2]);
}

#[test]
fn exec_leaves_the_old_program() {
    struct Noted(Arc<AtomicUsize>);
    impl Drop for Noted {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let unwound = Arc::new(AtomicUsize::new(0));
    let entries = Arc::new(AtomicU64::new(0));
    let known = entries.clone();
    let (machine, mini) = Mini::machine(config(), move |mini| {
        let (space, regs) = Mini::exec(known.load(Ordering::SeqCst));
        mini.process(space, regs);
    });
    let second = machine.program(|_| 5);
    let noted = unwound.clone();
    let first = machine.program(move |u| {
        let _noted = Noted(noted.clone());
        u.syscall(EXEC, [second, 0, 0, 0, 0, 0]);
        unreachable!()
    });
    entries.store(first, Ordering::SeqCst);
    assert_eq!(machine.run(), Ok(End::Off));
    assert_eq!(*mini.exits.lock().unwrap(), [5]);
    while unwound.load(Ordering::SeqCst) == 0 {
        std::thread::yield_now();
    }
}

#[test]
fn bad_accesses_trap() {
    assert_eq!(run(|u| u.load_u32(1 << 40) as i32), [-11]);
    assert_eq!(run(|u| u.load_u32(1 << 50) as i32), [-13]);
    assert_eq!(
        run(|u| {
            u.store_u32(0x9000, 1);
            u.jump(0x9000);
            0
        }),
        [-11]
    );
    assert_eq!(
        run(|u| {
            u.exception(0, 0);
            0
        }),
        [0]
    );
}

#[test]
fn a_failing_assertion_fails_the_run() {
    let (machine, _) = Mini::machine(config(), |_| panic!("on purpose"));
    assert_eq!(machine.run(), Err("on purpose".into()));
    let (machine, _) = Mini::machine(config(), |_| panic::panic(format_args!("no {}", "init")));
    let text = machine.run().unwrap_err();
    assert!(text.starts_with("Kernel panic - not syncing: no init"), "{text}");
    assert!(text.ends_with("Comm: mini"), "{text}");
}

#[test]
fn the_clock_skips_what_nobody_uses() {
    let (machine, mini) = Mini::machine(config(), |_| time::arm(HOUR));
    let start = std::time::Instant::now();
    assert_eq!(machine.run(), Ok(End::Off));
    assert_eq!(mini.ticks.load(Ordering::SeqCst), 3);
    assert!(start.elapsed().as_secs() < 50);
}

#[test]
fn a_real_clock_does_not() {
    let config =
        Config { clock: Clock::Real, limit: std::time::Duration::from_millis(50), ..config() };
    let (machine, mini) = Mini::machine(config, |_| time::arm(HOUR));
    let text = machine.run().unwrap_err();
    assert!(text.starts_with("the machine still ran"), "{text}");
    assert_eq!(mini.ticks.load(Ordering::SeqCst), 0);
}

#[test]
fn serial_input_interrupts() {
    let (machine, _) = Mini::machine(config(), |_| serial::listen(0));
    machine.type_in(0, b"hel");
    let other = machine.clone();
    let runner = std::thread::spawn(move || other.run());
    while machine.serial_output(0) != b"HEL" {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    machine.type_in(0, b"lo!");
    assert_eq!(runner.join().unwrap(), Ok(End::Off));
    assert_eq!(machine.serial_output(0), b"HELLO");
}

#[test]
fn a_program_that_never_traps_is_interrupted() {
    let (machine, mini) = {
        let entry = Arc::new(AtomicU64::new(0));
        let known = entry.clone();
        let (machine, mini) = Mini::machine(config(), move |mini| {
            let (space, regs) = Mini::exec(known.load(Ordering::SeqCst));
            mini.process(space, regs);
            time::arm(time::now_ns() + 1_000_000);
        });
        let program = |_: &mut User| loop {
            std::thread::sleep(std::time::Duration::from_millis(10));
        };
        entry.store(machine.program(program), Ordering::SeqCst);
        (machine, mini)
    };
    // The timer turns it off at its third call; that needs a CPU that leaves user mode.
    mini.ticks.store(2, Ordering::SeqCst);
    assert_eq!(machine.run(), Ok(End::Off));
}

#[test]
fn the_nth_frame_and_admission_can_fail() {
    let (machine, _) = Mini::machine(Config { frames: 8, ..config() }, |_| {
        let held: Vec<_> = std::iter::from_fn(|| Frame::zeroed().ok()).collect();
        assert_eq!(held.len(), 8);
        assert_eq!(crate::mem::stats().free, 0);
        drop(held);
        let stats = crate::mem::stats();
        assert_eq!((stats.total, stats.free), (8, 8));
        power::reboot();
    });
    machine.fail_admit_at(2);
    assert_eq!(machine.run(), Ok(End::Reboot));
    assert_eq!(machine.frames_held(), 0);
    assert_eq!((machine.frame_requests(), machine.admissions()), (9, 1));

    let (machine, _) = Mini::machine(config(), |_| {
        let works: Vec<_> = (0..5).map(|_| Frame::zeroed().is_ok()).collect();
        assert_eq!(works, [true, true, false, true, true]);
        power::off();
    });
    machine.fail_frame_at(3);
    assert_eq!(machine.run(), Ok(End::Off));
}
