//! The metal half's self-test: a kernel whose only purpose is to try the hal, all of it safe code.
//!
//! Boots like the real one, prints a line per test and `N passed, N failed`, and powers off. On the
//! command line `overflow`, `null` and `panic` end it by a stack overflow, a null dereference and
//! a panic instead, to look at what is printed.

#![cfg_attr(target_os = "none", no_std, no_main)]
#![forbid(unsafe_op_in_unsafe_fn)]
#![allow(clippy::unwrap_used)]

extern crate alloc;

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt::{self, Write};
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::SeqCst};

use hal::cpu::{self, CpuId};
use hal::fiber::{Fiber, Suspend, suspend};
use hal::mem::{Fault, Frame, Kind, Perms, Space};
use hal::user::{Regs, Trap, USER_END};
use hal::{BootInfo, Hooks, Line, time};

const CODE: u64 = 0x40_0000;
const DATA: u64 = 0x50_0000;
const STACK_TOP: u64 = DATA + 0x1000;

/// What timer interrupts did.
static TICKS: AtomicU32 = AtomicU32::new(0);
static FIRED_AT: AtomicU64 = AtomicU64::new(0);
static ATTENTION: AtomicBool = AtomicBool::new(false);
/// A fiber for CPU 1 to run, and whether it is done.
static JOB: spin::Mutex<Option<Fiber>> = spin::Mutex::new(None);
static JOB_DONE: AtomicBool = AtomicBool::new(false);

struct Out;

impl Write for Out {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        hal::dev::serial::write(0, text.as_bytes());
        Ok(())
    }
}

macro_rules! say {
    ($($arg:tt)*) => { writeln!(Out, $($arg)*).unwrap_or(()) };
}

struct Test;

impl Hooks for Test {
    fn boot(&'static self, info: BootInfo) {
        say!(
            "{} cpus, {} frames, tsc {} Hz, booted at {} ns, rtc {}",
            info.cpus,
            info.total_frames,
            time::tsc_hz(),
            time::now_ns(),
            info.boot_unix_seconds
        );
        if let Some(initrd) = info.initrd {
            let mut start = [0; 6];
            initrd.read(0, &mut start[..initrd.len().min(6)]);
            say!("initrd of {} bytes, starts with {start:x?}, first page {:?}", initrd.len(), initrd.frame(0));
        }
        match &info.cmdline[..] {
            b"overflow" => {
                let mut fiber = Fiber::new(|| say!("{}", recurse(1))).unwrap();
                fiber.resume();
            }
            b"null" => {
                let mut fiber = Fiber::new(|| hal::dev::serial::write(0, forge())).unwrap();
                fiber.resume();
            }
            b"panic" => hal::panic(format_args!("asked for")),
            _ => {}
        }
    }

    fn cpu_loop(&'static self, cpu: CpuId) {
        if cpu.0 == 0 {
            let (passed, failed) = run_all();
            say!("{passed} passed, {failed} failed");
            hal::power::off();
        }
        loop {
            let job = JOB.lock().take();
            match job {
                Some(mut fiber) => {
                    while fiber.resume() != Suspend::Exit {}
                    drop(fiber);
                    JOB_DONE.store(true, SeqCst);
                }
                None => {
                    cpu::idle_unless(|| JOB.lock().is_some());
                }
            }
        }
    }

    fn timer(&self) {
        FIRED_AT.store(time::now_ns(), SeqCst);
        TICKS.fetch_add(1, SeqCst);
        if ATTENTION.load(SeqCst) {
            cpu::request_attention();
        }
    }

    fn irq(&self, line: Line) {
        let Line::Serial(port) = line;
        while hal::dev::serial::read(port.into()).is_some() {}
    }

    fn log(&self, level: u8, text: fmt::Arguments<'_>) {
        say!("<{level}>{text}");
    }

    fn describe_current(&self, out: &mut dyn Write) {
        let _ = write!(out, "PID: 1 Comm: selftest");
    }
}

static TEST: Test = Test;
hal::entry!(&TEST);

#[inline(never)]
fn recurse(depth: u64) -> u64 {
    let noise = core::hint::black_box([depth; 64]);
    if depth == u64::MAX { 0 } else { recurse(depth + 1) + noise[depth as usize % 64] }
}

/// A slice where nothing is: the one lie in here.
fn forge() -> &'static [u8] {
    // SAFETY: none; this is to fault.
    unsafe { core::slice::from_raw_parts(core::hint::black_box(16) as *const u8, 4) }
}

type Check = Result<(), &'static str>;

macro_rules! check {
    ($condition:expr) => {
        if !$condition {
            return Err(concat!(stringify!($condition), " at line ", line!()));
        }
    };
}

fn run_all() -> (u32, u32) {
    let tests: &[(&str, fn() -> Check)] = &[
        ("clock goes on", clock),
        ("timer is on time", timer),
        ("short and past deadlines are not lost", deadlines),
        ("fibers take turns", fibers),
        ("a fiber never started drops its function", fiber_discard),
        ("many stacks come and go", stacks),
        ("interrupt guards nest", guards),
        ("registers survive a system call", registers),
        ("system call round trip", round_trip),
        ("exceptions of programs", exceptions),
        ("page faults of programs", page_faults),
        ("odd flags", flags),
        ("single step over mov ss and syscall", single_step),
        ("copies stop at the exact byte", copies),
        ("words", words),
        ("strings", strings),
        ("segment bases", bases),
        ("FPU state of two programs", fpu_two),
        ("FPU images", fpu_images),
        ("device interrupts leave a program alone", quiet_interrupts),
        ("attention ends a run", attention),
        ("a kick before the run is not lost", early_kick),
        ("kick of another CPU", kick),
        ("shootdown on another CPU", shootdown),
        ("a space dies while another CPU has it", forgotten_space),
        ("registers move between CPUs", migration),
        ("entropy", entropy),
    ];
    let (mut passed, mut failed) = (0, 0);
    for (name, test) in tests {
        match test() {
            Ok(()) => {
                passed += 1;
                say!("ok      {name}");
            }
            Err(why) => {
                failed += 1;
                say!("FAILED  {name}: {why}");
            }
        }
    }
    (passed, failed)
}

/// Runs `f` in a fiber on CPU 1. False if there is none.
fn on_other_cpu(f: impl FnOnce() + Send + 'static) -> bool {
    if cpu::count() < 2 {
        return false;
    }
    JOB_DONE.store(false, SeqCst);
    let fiber = Fiber::new(f).unwrap();
    {
        let _guard = cpu::NoIrq::new();
        *JOB.lock() = Some(fiber);
    }
    cpu::kick(CpuId(1));
    true
}

fn wait_until(condition: impl Fn() -> bool) -> bool {
    let end = time::now_ns() + 2_000_000_000;
    while !condition() {
        if time::now_ns() > end {
            return false;
        }
        cpu::relax();
    }
    true
}

fn wait_for_job() -> bool {
    wait_until(|| JOB_DONE.load(SeqCst))
}

/// A space with `code` at [`CODE`] and a zeroed page at [`DATA`].
fn program(code: &[u8]) -> (Space, Regs) {
    let space = Space::new().unwrap();
    let frame = Frame::zeroed().unwrap();
    frame.write(0, code);
    space.map(CODE, frame, Perms::READ | Perms::EXEC, Kind::Anon).unwrap();
    let rw = Perms::READ | Perms::WRITE;
    space.map(DATA, Frame::zeroed().unwrap(), rw, Kind::Anon).unwrap();
    let mut regs = Regs::new().unwrap();
    regs.set_rip(CODE).unwrap();
    regs.set_rsp(STACK_TOP).unwrap();
    (space, regs)
}

/// syscall; jmp back
const SYSCALL_LOOP: &[u8] = &[0x0f, 0x05, 0xeb, 0xfc];
/// jmp self
const SPIN: &[u8] = &[0xeb, 0xfe];
/// mov rax, [rdi]; jmp back
const READ_LOOP: &[u8] = &[0x48, 0x8b, 0x07, 0xeb, 0xfb];
/// movq xmm0, rdi; syscall; movq rax, xmm0; syscall
const XMM: &[u8] =
    &[0x66, 0x48, 0x0f, 0x6e, 0xc7, 0x0f, 0x05, 0x66, 0x48, 0x0f, 0x7e, 0xc0, 0x0f, 0x05];

fn clock() -> Check {
    let mut last = time::now_ns();
    for _ in 0..1000 {
        let now = time::now_ns();
        check!(now >= last);
        last = now;
    }
    check!(time::tsc_hz() > 1_000_000);
    Ok(())
}

fn timer() -> Check {
    for delay in [100_000, 1_000_000, 5_000_000] {
        let deadline = time::now_ns() + delay;
        let before = TICKS.load(SeqCst);
        time::arm(deadline);
        while TICKS.load(SeqCst) == before {
            cpu::idle_unless(|| TICKS.load(SeqCst) != before);
        }
        check!(FIRED_AT.load(SeqCst) >= deadline);
        check!(FIRED_AT.load(SeqCst) - deadline < 50_000_000);
    }
    Ok(())
}

fn deadlines() -> Check {
    for delay in 0..200 {
        let before = TICKS.load(SeqCst);
        time::arm(time::now_ns().saturating_sub(50) + delay);
        check!(wait_until(|| TICKS.load(SeqCst) > before));
    }
    time::arm(0);
    let before = TICKS.load(SeqCst);
    check!(wait_until(|| TICKS.load(SeqCst) >= before));
    time::arm(u64::MAX);
    Ok(())
}

fn fibers() -> Check {
    let count = Arc::new(AtomicU32::new(0));
    let make = |step: u32| {
        let count = count.clone();
        Fiber::new(move || {
            for _ in 0..100 {
                count.fetch_add(step, SeqCst);
                suspend(Suspend::Yield);
            }
        })
        .unwrap()
    };
    let (mut a, mut b) = (make(1), make(1000));
    for turn in 1..=100 {
        check!(a.resume() == Suspend::Yield);
        check!(b.resume() == Suspend::Yield);
        check!(count.load(SeqCst) == turn * 1001);
    }
    check!(a.resume() == Suspend::Exit);
    check!(b.resume() == Suspend::Exit);
    drop((a, b));
    check!(Arc::strong_count(&count) == 1);
    check!(!cpu::may_sleep());
    Ok(())
}

fn fiber_discard() -> Check {
    let held = Arc::new(());
    let inside = held.clone();
    let fiber = Fiber::new(move || drop(inside)).unwrap();
    check!(Arc::strong_count(&held) == 2);
    drop(fiber);
    check!(Arc::strong_count(&held) == 1);
    Ok(())
}

fn stacks() -> Check {
    let before = hal::mem::stats().free;
    for _ in 0..3 {
        let mut fibers = alloc::vec::Vec::new();
        for number in 0..100u32 {
            let mut fiber = Fiber::new(move || {
                core::hint::black_box(recurse_to(20));
                suspend(Suspend::Sleep);
                core::hint::black_box(number);
            })
            .map_err(|_| "no memory")?;
            check!(fiber.resume() == Suspend::Sleep);
            fibers.push(fiber);
        }
        for fiber in &mut fibers {
            check!(fiber.resume() == Suspend::Exit);
        }
    }
    // At most a cache of stacks, their page tables and a little heap stay behind.
    check!(before - hal::mem::stats().free < 16 * 8 + 64 + 256);
    Ok(())
}

#[inline(never)]
fn recurse_to(depth: u32) -> u32 {
    let noise = core::hint::black_box([depth; 64]);
    if depth == 0 { 0 } else { recurse_to(depth - 1) + noise[depth as usize % 64] }
}

fn guards() -> Check {
    let a = cpu::NoIrq::new();
    let b = cpu::NoIrq::new();
    drop(a);
    let before = TICKS.load(SeqCst);
    time::arm(0);
    let end = time::now_ns() + 1_000_000;
    while time::now_ns() < end {}
    check!(TICKS.load(SeqCst) == before);
    drop(b);
    check!(wait_until(|| TICKS.load(SeqCst) != before));
    Ok(())
}

fn registers() -> Check {
    let (space, mut r) = program(SYSCALL_LOOP);
    (r.rax, r.rbx, r.rcx, r.rdx, r.rsi, r.rdi, r.rbp) = (1, 2, 3, 4, 5, 6, 7);
    (r.r8, r.r9, r.r10, r.r11, r.r12, r.r13, r.r14, r.r15) = (8, 9, 10, 11, 12, 13, 14, 15);
    for turn in 0..3 {
        check!(r.run(&space) == Trap::Syscall);
        check!(r.rip() == CODE + 2 && r.rcx == CODE + 2 && r.r11 == r.flags());
        check!((r.rax, r.rbx, r.rdx, r.rsi, r.rdi, r.rbp) == (1 + turn, 2, 4, 5, 6, 7));
        check!((r.r8, r.r9, r.r10, r.r12) == (8, 9, 10, 12 + turn));
        check!((r.r13, r.r14, r.r15) == (13, 14, 15));
        check!(r.rsp() == STACK_TOP);
        r.rax += 1;
        r.r12 += 1;
    }
    // Not what SYSRET can restore: RCX and R11 of their own.
    (r.rcx, r.r11) = (77, 78);
    r.set_rip(CODE).unwrap();
    check!(r.run(&space) == Trap::Syscall);
    check!(r.set_rip(1 << 47).is_err() && r.set_rsp(u64::MAX).is_err());
    check!(r.set_fs_base(1 << 63).is_err());
    Ok(())
}

fn round_trip() -> Check {
    const TURNS: u64 = 10_000;
    let (space, mut regs) = program(SYSCALL_LOOP);
    let start = time::now_ns();
    for _ in 0..TURNS {
        if regs.run(&space) != Trap::Syscall {
            return Err("not a system call");
        }
    }
    let each = (time::now_ns() - start) / TURNS;
    say!("        {each} ns (under -icount shift=0: instructions), 2 of them the program's");
    Ok(())
}

fn trap_of(code: &[u8]) -> Trap {
    let (space, mut regs) = program(code);
    regs.run(&space)
}

fn exceptions() -> Check {
    let vector = |code: &[u8]| match trap_of(code) {
        Trap::Exception { vector, .. } => u32::from(vector),
        _ => u32::MAX,
    };
    check!(vector(&[0x31, 0xc9, 0xf7, 0xf1]) == 0); // xor ecx, ecx; div ecx
    check!(vector(&[0xcc]) == 3); // int3
    check!(vector(&[0x0f, 0x0b]) == 6); // ud2
    check!(vector(&[0xf4]) == 13); // hlt
    check!(vector(&[0xfa]) == 13); // cli
    check!(vector(&[0xcd, 0x80]) == 13); // int 0x80
    check!(vector(&[0xcd, 0xec]) == 13); // int of the timer's vector
    check!(vector(&[0xe4, 0x60]) == 13); // in al, 0x60
    let (space, mut regs) = program(&[0x48, 0x8b, 0x07]); // mov rax, [rdi]
    regs.rdi = 1 << 63;
    check!(regs.run(&space) == Trap::Exception { vector: 13, error: 0 });
    Ok(())
}

fn page_faults() -> Check {
    let fault = |code: &[u8], at: u64| {
        let (space, mut regs) = program(code);
        regs.rdi = at;
        match regs.run(&space) {
            Trap::Fault { addr, access, error } => Some((addr, access.write, access.exec, error & 7)),
            _ => None,
        }
    };
    check!(fault(&[0x48, 0x8b, 0x07], 0x1234) == Some((0x1234, false, false, 4)));
    check!(fault(&[0x48, 0x89, 0x07], 0x1234) == Some((0x1234, true, false, 6)));
    check!(fault(&[0x48, 0x89, 0x07], CODE) == Some((CODE, true, false, 7)));
    check!(fault(&[0xff, 0xe7], DATA) == Some((DATA, false, true, 5))); // jmp rdi
    let kernel = 0xffff_8880_0000_1000;
    check!(fault(&[0x48, 0x8b, 0x07], kernel).is_some_and(|(addr, ..)| addr == kernel));
    Ok(())
}

/// pushf; or qword [rsp], flag; popf; syscall
fn with_flag(flag: u32) -> [u8; 12] {
    let [a, b, c, d] = flag.to_le_bytes();
    [0x9c, 0x48, 0x81, 0x0c, 0x24, a, b, c, d, 0x9d, 0x0f, 0x05]
}

fn flags() -> Check {
    // NT, AC, DF, ID: none may survive into the kernel, all belong to the program.
    for flag in [0x4000, 0x4_0000, 0x400, 0x20_0000] {
        let (space, mut regs) = program(&with_flag(flag));
        check!(regs.run(&space) == Trap::Syscall);
        check!(regs.flags() & u64::from(flag) != 0 && regs.r11 == regs.flags());
        let mut byte = [0];
        check!(space.copy_in(DATA, &mut byte).is_ok());
        regs.set_rip(CODE + 10).unwrap();
        regs.rcx = 0; // by IRETQ
        check!(regs.run(&space) == Trap::Syscall);
        check!(regs.flags() & u64::from(flag) != 0);
    }
    let mut regs = Regs::new().unwrap();
    regs.set_flags(u64::MAX);
    check!(regs.flags() & 0x3_3000 & !0x1_0000 == 0); // no IOPL, no VM
    regs.set_flags(0);
    check!(regs.flags() == 0x202);
    Ok(())
}

fn single_step() -> Check {
    // mov eax, 0x2b; pushf; or [rsp], TF; popf; mov ss, eax; syscall; nop
    let mut code = [0x90; 22];
    code[..5].copy_from_slice(&[0xb8, 0x2b, 0, 0, 0]);
    code[5..15].copy_from_slice(&with_flag(0x100)[..10]);
    code[15..19].copy_from_slice(&[0x8e, 0xd0, 0x0f, 0x05]);
    let (space, mut regs) = program(&code);
    check!(regs.run(&space) == Trap::Syscall);
    check!(regs.flags() & 0x100 != 0);
    check!(regs.run(&space) == Trap::Exception { vector: 1, error: 0 });
    check!(regs.rip() == CODE + 20);
    Ok(())
}

fn copies() -> Check {
    let (space, _) = program(&[]);
    let mut big = [7u8; 64];
    // One mapped page: copies that run over its end stop there.
    for (start, length) in [(60, 64), (1, 3), (13, 29), (8, 16), (0, 1)] {
        let at = DATA + 4096 - start;
        let result = space.copy_out(at, &big[..length]);
        let expected = if length <= start as usize { None } else { Some(start as usize) };
        check!(result.map_err(|fault| fault.done).err() == expected);
        if let Err(Fault { addr, access, .. }) = result {
            check!(addr == DATA + 4096 && access.write);
        }
        let result = space.copy_in(at, &mut big[..length]);
        check!(result.map_err(|fault| fault.done).err() == expected);
        let result = space.zero_out(at, length);
        check!(result.map_err(|fault| fault.done).err() == expected);
        big = [7; 64];
    }
    check!(space.copy_out(DATA, &[1, 2, 3, 4, 5, 6, 7, 8, 9]).is_ok());
    let mut back = [0; 9];
    check!(space.copy_in(DATA, &mut back).is_ok() && back == [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    check!(space.zero_out(DATA + 1, 7).is_ok() && space.copy_in(DATA, &mut back).is_ok());
    check!(back == [1, 0, 0, 0, 0, 0, 0, 0, 9]);
    check!(space.copy_out(CODE, &[1]).is_err());
    for at in [USER_END, USER_END - 1, u64::MAX, u64::MAX - 3, 0xffff_8880_0000_0000, 1 << 47] {
        let fault = space.copy_in(at, &mut back).unwrap_err();
        check!(fault.done == 0 && fault.addr >= at.min(USER_END - 1));
        check!(space.load_u32(at).is_err() && space.cas_u32(at, 0, 0).is_err());
    }
    check!(space.copy_in(USER_END, &mut []).is_ok());
    let frame = Frame::zeroed().unwrap();
    frame.write(100, b"frame");
    check!(space.copy_frame_out(DATA + 50, &frame, 100, 5).is_ok());
    check!(space.copy_frame_in(DATA + 50, &frame, 200, 5).is_ok());
    let mut text = [0; 5];
    frame.read(200, &mut text);
    check!(&text == b"frame");
    // Another space's memory is named, not assumed.
    let (other, _) = program(&[]);
    check!(other.copy_in(DATA, &mut back).is_ok() && back == [0; 9]);
    check!(space.copy_in(DATA, &mut back).is_ok() && back[0] == 1);
    Ok(())
}

fn words() -> Check {
    let (space, _) = program(&[]);
    check!(space.cas_u32(DATA, 0, 5) == Ok(0) && space.cas_u32(DATA, 0, 6) == Ok(5));
    check!(space.load_u32(DATA) == Ok(5));
    let fault = space.load_u32(DATA + 0x1000).unwrap_err();
    check!(fault.addr == DATA + 0x1000 && !fault.access.write);
    check!(space.cas_u32(CODE, 0, 1).is_err_and(|fault| fault.access.write));
    Ok(())
}

fn strings() -> Check {
    let (space, _) = program(&[]);
    let mut text = [0; 200];
    check!(space.copy_out(DATA, b"a string\0").is_ok());
    check!(space.copy_str_in(DATA, &mut text) == Ok(Some(8)) && &text[..8] == b"a string");
    check!(space.copy_str_in(DATA, &mut text[..4]) == Ok(None));
    check!(space.copy_out(DATA + 4093, b"ab\0").is_ok());
    check!(space.copy_str_in(DATA + 4093, &mut text) == Ok(Some(2)));
    check!(space.copy_out(DATA + 4093, b"abc").is_ok());
    check!(space.copy_str_in(DATA + 4093, &mut text).is_err_and(|fault| fault.done == 3));
    Ok(())
}

fn bases() -> Check {
    let (space, mut regs) = program(SYSCALL_LOOP);
    let (_, mut other) = program(SYSCALL_LOOP);
    regs.set_fs_base(0x1000).unwrap();
    regs.set_gs_base(0x2000).unwrap();
    for _ in 0..3 {
        check!(regs.run(&space) == Trap::Syscall && other.run(&space) == Trap::Syscall);
        check!((regs.fs_base(), regs.gs_base()) == (0x1000, 0x2000));
        check!((other.fs_base(), other.gs_base()) == (0, 0));
    }
    // mov fs:[0], rax reaches the base; rdfsbase is not offered by every CPU.
    let (space, mut regs) = program(&[0x64, 0x48, 0x89, 0x04, 0x25, 0, 0, 0, 0, 0x0f, 0x05]);
    regs.set_fs_base(DATA).unwrap();
    regs.rax = 4321;
    check!(regs.run(&space) == Trap::Syscall && space.load_u32(DATA) == Ok(4321));
    Ok(())
}

fn fpu_two() -> Check {
    let make = |value: u64| {
        let (space, mut regs) = program(XMM);
        regs.rdi = value;
        (space, regs)
    };
    let ((space_a, mut a), (space_b, mut b)) = (make(111), make(222));
    check!(a.run(&space_a) == Trap::Syscall && b.run(&space_b) == Trap::Syscall);
    let mut child = a.try_clone().map_err(|_| "no memory")?;
    check!(a.run(&space_a) == Trap::Syscall && a.rax == 111);
    check!(b.run(&space_b) == Trap::Syscall && b.rax == 222);
    check!(child.run(&space_a) == Trap::Syscall && child.rax == 111);
    // Across a suspension, with another program in between.
    let mut fiber = Fiber::new(move || {
        let (space, mut regs) = program(XMM);
        regs.rdi = 333;
        let first = regs.run(&space);
        suspend(Suspend::Yield);
        let second = regs.run(&space);
        assert!((first, second, regs.rax) == (Trap::Syscall, Trap::Syscall, 333));
    })
    .unwrap();
    check!(fiber.resume() == Suspend::Yield);
    b.set_rip(CODE).unwrap();
    check!(b.run(&space_b) == Trap::Syscall);
    check!(fiber.resume() == Suspend::Exit);
    Ok(())
}

fn fpu_images() -> Check {
    let (space, mut regs) = program(XMM);
    let mut image = alloc::vec![0xaa; regs.fpu_size()];
    regs.save_fpu(&mut image);
    check!(image[..2] == [0x7f, 0x03] && image[24..28] == [0x80, 0x1f, 0, 0]);
    check!(image[160..416].iter().all(|&byte| byte == 0));
    regs.rdi = 0x1122_3344;
    check!(regs.run(&space) == Trap::Syscall);
    regs.save_fpu(&mut image);
    check!(image[160..164] == [0x44, 0x33, 0x22, 0x11]);
    image[160] = 0x55;
    check!(regs.restore_fpu(&image).is_ok());
    check!(regs.run(&space) == Trap::Syscall && regs.rax == 0x1122_3355);
    let good = image.clone();
    image[27] = 0xff; // reserved MXCSR bits
    check!(regs.restore_fpu(&image).is_err());
    if image.len() > 576 {
        for bad in [512 + 7, 520, 575] {
            image.copy_from_slice(&good);
            image[bad] = 0x80;
            check!(regs.restore_fpu(&image).is_err());
        }
    }
    check!(regs.restore_fpu(&good[..100]).is_err() && regs.restore_fpu(&good[..512]).is_ok());
    regs.reset_fpu();
    regs.set_rip(CODE + 7).unwrap();
    check!(regs.run(&space) == Trap::Syscall && regs.rax == 0);
    Ok(())
}

fn quiet_interrupts() -> Check {
    // dec rdi; jnz; syscall: long enough for a few timer interrupts.
    let (space, mut regs) = program(&[0x48, 0xff, 0xcf, 0x75, 0xfb, 0x0f, 0x05]);
    regs.rdi = 20_000_000;
    let before = TICKS.load(SeqCst);
    time::arm(time::now_ns() + 100_000);
    check!(regs.run(&space) == Trap::Syscall);
    check!(TICKS.load(SeqCst) == before + 1);
    Ok(())
}

fn attention() -> Check {
    let (space, mut regs) = program(SPIN);
    ATTENTION.store(true, SeqCst);
    for _ in 0..10 {
        time::arm(time::now_ns() + 100_000);
        check!(regs.run(&space) == Trap::Interrupt && regs.rip() == CODE);
    }
    ATTENTION.store(false, SeqCst);
    Ok(())
}

fn early_kick() -> Check {
    let (space, mut regs) = program(SPIN);
    cpu::kick(CpuId(0));
    check!(regs.run(&space) == Trap::Interrupt);
    cpu::kick(CpuId(0));
    cpu::idle_unless(|| false); // returns at once
    Ok(())
}

fn kick() -> Check {
    static ENTERED: AtomicBool = AtomicBool::new(false);
    static GOT: AtomicBool = AtomicBool::new(false);
    let started = on_other_cpu(|| {
        let (space, mut regs) = program(SPIN);
        // A kick meant for the job itself may still be there.
        while !GOT.load(SeqCst) {
            ENTERED.store(true, SeqCst);
            if regs.run(&space) == Trap::Interrupt && !ENTERED.load(SeqCst) {
                GOT.store(true, SeqCst);
            }
        }
    });
    if !started {
        return Ok(());
    }
    check!(wait_until(|| ENTERED.load(SeqCst)));
    let end = time::now_ns() + 1_000_000;
    while time::now_ns() < end {
        cpu::relax();
    }
    ENTERED.store(false, SeqCst);
    cpu::kick(CpuId(1));
    check!(wait_for_job() && GOT.load(SeqCst));
    Ok(())
}

fn shootdown() -> Check {
    let (space, mut regs) = program(READ_LOOP);
    regs.rdi = DATA;
    let space = Arc::new(space);
    let faulted = Arc::new(AtomicU64::new(0));
    let (theirs, result) = (space.clone(), faulted.clone());
    let started = on_other_cpu(move || {
        loop {
            match regs.run(&theirs) {
                Trap::Fault { addr, .. } => break result.store(addr, SeqCst),
                Trap::Interrupt => {}
                _ => break,
            }
        }
    });
    if !started {
        return Ok(());
    }
    let end = time::now_ns() + 5_000_000;
    while time::now_ns() < end {
        cpu::relax();
    }
    check!(faulted.load(SeqCst) == 0);
    drop(space.unmap(DATA..DATA + 4096));
    check!(wait_for_job());
    check!(faulted.load(SeqCst) == DATA);
    Ok(())
}

fn forgotten_space() -> Check {
    static PARKED: spin::Mutex<Option<Box<(Space, Regs)>>> = spin::Mutex::new(None);
    let started = on_other_cpu(|| {
        let (space, mut regs) = program(XMM);
        regs.rdi = 77;
        regs.run(&space);
        *PARKED.lock() = Some(Box::new((space, regs)));
    });
    if !started {
        return Ok(());
    }
    check!(wait_for_job());
    // CPU 1 still has it in CR3, and the FPU state in its registers was stored by its exit.
    let parked = PARKED.lock().take();
    let (space, mut regs) = *parked.ok_or("nothing parked")?;
    check!(regs.run(&space) == Trap::Syscall && regs.rax == 77);
    drop((space, regs));
    check!(on_other_cpu(|| {}) && wait_for_job());
    Ok(())
}

fn migration() -> Check {
    static HANDED: spin::Mutex<Option<Box<(Space, Regs)>>> = spin::Mutex::new(None);
    static STAY: AtomicBool = AtomicBool::new(true);
    // The fiber over there neither suspends nor exits: the state must be fetched from its CPU.
    let started = on_other_cpu(|| {
        let (space, mut regs) = program(XMM);
        regs.rdi = 4711;
        regs.run(&space);
        *HANDED.lock() = Some(Box::new((space, regs)));
        while STAY.load(SeqCst) {
            cpu::relax();
        }
    });
    if !started {
        return Ok(());
    }
    check!(wait_until(|| HANDED.lock().is_some()));
    let handed = HANDED.lock().take();
    let (space, mut regs) = *handed.ok_or("nothing handed")?;
    check!(regs.run(&space) == Trap::Syscall && regs.rax == 4711);
    STAY.store(false, SeqCst);
    check!(wait_for_job());
    Ok(())
}

fn entropy() -> Check {
    let (a, b) = (hal::random::seed(), hal::random::seed());
    check!(a != b && a != [0; 32]);
    Ok(())
}
