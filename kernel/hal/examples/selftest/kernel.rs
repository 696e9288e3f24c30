//! The kernel of the self-test: hooks, runner, and what the tests share.

use core::fmt::{self, Write};
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::SeqCst};

use hal::cpu::{self, CpuId};
use hal::fiber::{Fiber, Suspend};
use hal::mem::{Frame, Kind, Perms, Space};
use hal::user::Regs;
use hal::{BootInfo, Hooks, Line, time};

use crate::{cpus, machine, memory, user};

pub const CODE: u64 = 0x40_0000;
pub const DATA: u64 = 0x50_0000;
pub const STACK_TOP: u64 = DATA + 0x1000;

/// What timer interrupts did.
pub static TICKS: AtomicU32 = AtomicU32::new(0);
pub static FIRED_AT: AtomicU64 = AtomicU64::new(0);
pub static ATTENTION: AtomicBool = AtomicBool::new(false);
/// A fiber for CPU 1 to run, and whether it is done.
static JOB: spin::Mutex<Option<Fiber>> = spin::Mutex::new(None);
static JOB_DONE: AtomicBool = AtomicBool::new(false);

macro_rules! say {
    ($($arg:tt)*) => { $crate::kernel::print(format_args!($($arg)*)) };
}
pub(crate) use say;

/// The last byte a serial port has received.
static RECEIVED: AtomicU32 = AtomicU32::new(0);

/// Waits for an `x` on the first serial port, by interrupts only.
fn echo() {
    hal::dev::serial::listen(0);
    say!("send an x");
    while RECEIVED.load(SeqCst) != u32::from(b'x') {
        cpu::idle_unless(|| RECEIVED.load(SeqCst) == u32::from(b'x'));
    }
    say!("got it");
}

struct Out;

impl Write for Out {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        hal::dev::serial::write(0, text.as_bytes());
        Ok(())
    }
}

/// Writes a line to the first serial port, which cannot fail.
pub fn print(args: fmt::Arguments<'_>) {
    writeln!(Out, "{args}").unwrap_or(());
}

/// The kernel.
pub struct Test;

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
            say!(
                "initrd of {} bytes, starts with {start:x?}, first page {:?}",
                initrd.len(),
                initrd.frame(0)
            );
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
            b"reboot" => hal::power::reboot(),
            b"echo" => echo(),
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
        while let Some(byte) = hal::dev::serial::read(port.into()) {
            RECEIVED.store(byte.into(), SeqCst);
        }
    }

    fn log(&self, level: u8, text: fmt::Arguments<'_>) {
        say!("<{level}>{text}");
    }

    fn describe_current(&self, out: &mut dyn Write) {
        let _ = write!(out, "PID: 1 Comm: selftest");
    }
}

pub static TEST: Test = Test;

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

/// What a test says.
pub type Check = Result<(), &'static str>;

macro_rules! check {
    ($condition:expr) => {
        if !$condition {
            return Err(concat!(stringify!($condition), " at line ", line!()));
        }
    };
}
pub(crate) use check;

type Row = (&'static str, fn() -> Check);

fn run_all() -> (u32, u32) {
    let tests: &[Row] = &[
        ("clock goes on", machine::clock),
        ("timer is on time", machine::timer),
        ("short and past deadlines are not lost", machine::deadlines),
        ("fibers take turns", machine::fibers),
        ("fiber switch", machine::switch_cost),
        ("held locks are each fiber's own", machine::held_locks),
        ("a fiber never started drops its function", machine::fiber_discard),
        ("many stacks come and go", machine::stacks),
        ("interrupt guards nest", machine::guards),
        ("registers survive a system call", user::registers),
        ("system call round trip", user::round_trip),
        ("exceptions of programs", user::exceptions),
        ("page faults of programs", user::page_faults),
        ("odd flags", user::flags),
        ("single step over mov ss and syscall", user::single_step),
        ("copies stop at the exact byte", memory::copies),
        ("words", memory::words),
        ("strings", memory::strings),
        ("segment bases", user::bases),
        ("FPU state of two programs", user::fpu_two),
        ("FPU images", user::fpu_images),
        ("device interrupts leave a program alone", cpus::quiet_interrupts),
        ("attention ends a run", cpus::attention),
        ("a kick before the run is not lost", cpus::early_kick),
        ("kick of another CPU", cpus::kick),
        ("shootdown on another CPU", cpus::shootdown),
        ("two CPUs shoot at each other", cpus::crossfire),
        ("a space dies while another CPU has it", cpus::forgotten_space),
        ("registers move between CPUs", cpus::migration),
        ("entropy", machine::entropy),
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
pub fn on_other_cpu(f: impl FnOnce() + Send + 'static) -> bool {
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

pub fn wait_until(condition: impl Fn() -> bool) -> bool {
    let end = time::now_ns() + 60_000_000_000;
    while !condition() {
        if time::now_ns() > end {
            return false;
        }
        cpu::relax();
    }
    true
}

pub fn wait_for_job() -> bool {
    wait_until(|| JOB_DONE.load(SeqCst))
}

/// A space with `code` at [`CODE`] and a zeroed page at [`DATA`].
pub fn program(code: &[u8]) -> (Space, Regs) {
    let space = Space::new().unwrap();
    let frame = Frame::zeroed().unwrap();
    frame.write(0, code);
    space.map(CODE, frame, Perms::READ | Perms::EXEC, Kind::Anon).unwrap();
    let rw = Perms::READ | Perms::WRITE;
    space.map(DATA, Frame::zeroed().unwrap(), rw, Kind::Anon).unwrap();
    let mut regs = Regs::new().unwrap();
    regs.set_rip(CODE).unwrap();
    regs.set_rsp(STACK_TOP);
    (space, regs)
}

/// syscall; jmp back
pub const SYSCALL_LOOP: &[u8] = &[0x0f, 0x05, 0xeb, 0xfc];
/// jmp self
pub const SPIN: &[u8] = &[0xeb, 0xfe];
/// mov rax, [rdi]; jmp back
pub const READ_LOOP: &[u8] = &[0x48, 0x8b, 0x07, 0xeb, 0xfb];
/// movq xmm0, rdi; syscall; movq rax, xmm0; syscall
pub const XMM: &[u8] =
    &[0x66, 0x48, 0x0f, 0x6e, 0xc7, 0x0f, 0x05, 0x66, 0x48, 0x0f, 0x7e, 0xc0, 0x0f, 0x05];
