//! The end: panics and oopses, in Linux's words, with a back trace.
//!
//! What is printed goes straight to the first serial port, without any lock; the other CPUs are
//! stopped first.

use core::fmt::{self, Write};
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};

use x86_64::instructions::interrupts;
use x86_64::registers::control::{Cr0, Cr2, Cr3, Cr4};

use super::cpu::{apic, percpu};
use super::mem::{physmap, stack};
use super::symbols::Symbol;
use super::trap::Frame;
use super::{power, serial, time};

/// Linux's `panic=`.
static TIMEOUT: AtomicI32 = AtomicI32::new(0);
static PANICKING: AtomicBool = AtomicBool::new(false);
/// How often this machine has come here: a panic in a panic prints less.
static DEPTH: AtomicU32 = AtomicU32::new(0);
/// Most frames of a back trace.
const FRAMES: usize = 32;

/// What happened in kernel mode.
pub enum Oops {
    /// A page fault that is not a user copy's.
    PageFault {
        /// CR2.
        addr: u64,
    },
    /// Any other exception.
    Exception,
}

/// Linux's `panic=`: 0 waits for ever, a negative value reboots at once, n > 0 after n seconds.
pub fn set_panic_timeout(seconds: i32) {
    TIMEOUT.store(seconds, Ordering::Relaxed);
}

/// Whether the machine is going down: an NMI now means "stop".
pub fn in_progress() -> bool {
    PANICKING.load(Ordering::Relaxed)
}

/// Stops all other CPUs for ever.
pub fn stop_others() {
    PANICKING.store(true, Ordering::SeqCst);
    apic::nmi_others();
}

/// The first serial port as a writer, with Linux's time stamp before each line.
struct Console {
    line_start: bool,
}

impl Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for part in text.split_inclusive('\n') {
            if self.line_start {
                let now = time::now_ns() / 1000;
                self.line_start = false;
                write!(self, "[{:5}.{:06}] ", now / 1_000_000, now % 1_000_000)?;
            }
            match part.strip_suffix('\n') {
                Some(line) => {
                    serial::write(0, line.as_bytes());
                    serial::write(0, b"\r\n");
                    self.line_start = true;
                }
                None => serial::write(0, part.as_bytes()),
            }
        }
        Ok(())
    }
}

/// Stops everything else and gives the console. The second CPU to come here stops instead.
fn begin() -> Console {
    interrupts::disable();
    if PANICKING.swap(true, Ordering::SeqCst) {
        if DEPTH.load(Ordering::Relaxed) != current_cpu() + 1 {
            power::stop_cpu();
        }
        // A panic while printing the first.
        serial::write(0, b"\r\nrecursive kernel panic\r\n");
        end();
    }
    DEPTH.store(current_cpu() + 1, Ordering::Relaxed);
    apic::nmi_others();
    Console { line_start: true }
}

fn current_cpu() -> u32 {
    percpu::this_checked().map_or(0, |cpu| cpu.index)
}

/// `panic=`'s policy.
fn end() -> ! {
    let timeout = TIMEOUT.load(Ordering::Relaxed);
    if timeout == 0 {
        power::stop_cpu();
    }
    if timeout > 0 {
        let mut console = Console { line_start: true };
        let _ = writeln!(console, "Rebooting in {timeout} seconds..");
        let until = time::now_ns() + timeout as u64 * 1_000_000_000;
        while time::now_ns() < until {
            core::hint::spin_loop();
        }
    }
    power::reboot()
}

/// Whether a word at `address` can be read without a fault: on a stack or in the image.
fn is_stack(address: u64) -> bool {
    let stacks = physmap::AREA..physmap::AREA + (4 << 30);
    let image = super::boot::KERNEL_BASE + physmap::image().start
        ..super::boot::KERNEL_BASE + physmap::image().end;
    address.is_multiple_of(8)
        && (stacks.contains(&address) && !stack::is_guard(address) || image.contains(&address))
}

fn trace(console: &mut Console, mut rbp: u64, first: Option<u64>) -> fmt::Result {
    writeln!(console, "Call Trace:\n <TASK>")?;
    if let Some(rip) = first {
        writeln!(console, " {}", Symbol(rip))?;
    }
    for _ in 0..FRAMES {
        if !is_stack(rbp) || !is_stack(rbp + 8) {
            break;
        }
        // SAFETY: a mapped, aligned word.
        let next = unsafe { *(rbp as *const u64) };
        // SAFETY: as above.
        let back = unsafe { *((rbp + 8) as *const u64) };
        if back == 0 {
            break;
        }
        // The call is before the return address; the last instruction of a function may be one.
        writeln!(console, " {}", Symbol(back - 1))?;
        if next <= rbp {
            break;
        }
        rbp = next;
    }
    writeln!(console, " </TASK>")
}

fn who(console: &mut Console) -> fmt::Result {
    write!(console, "CPU: {} ", current_cpu())?;
    super::hooks().describe_current(console);
    writeln!(console, " Not tainted Eclipse {}", env!("CARGO_PKG_VERSION"))
}

/// Says "Kernel panic - not syncing", where and who, and ends the machine by `panic=`'s policy.
pub fn panic(args: fmt::Arguments<'_>) -> ! {
    let mut console = begin();
    let rbp: u64;
    // SAFETY: reads a register.
    unsafe {
        core::arch::asm!("mov {}, rbp", out(reg) rbp, options(nomem, nostack, preserves_flags))
    };
    let _ = writeln!(console, "Kernel panic - not syncing: {args}");
    let _ = who(&mut console);
    let _ = trace(&mut console, rbp, None);
    let _ = writeln!(console, "---[ end Kernel panic - not syncing: {args} ]---");
    end()
}

/// Reports an exception in kernel mode and ends the machine: a kernel without memory errors has
/// nothing to gain from going on.
pub fn oops(frame: &Frame, what: Oops) -> ! {
    let mut console = begin();
    let _ = report(&mut console, frame, what);
    let _ = writeln!(console, "Kernel panic - not syncing: Fatal exception");
    end()
}

fn report(console: &mut Console, frame: &Frame, what: Oops) -> fmt::Result {
    match what {
        Oops::PageFault { addr } if addr < 4096 => {
            writeln!(console, "BUG: kernel NULL pointer dereference, address: {addr:016x}")?;
        }
        Oops::PageFault { addr } => {
            writeln!(console, "BUG: unable to handle page fault for address: {addr:016x}")?;
        }
        Oops::Exception if frame.vector == 8 && stack::is_guard(Cr2::read_raw()) => {
            let addr = Cr2::read_raw();
            writeln!(
                console,
                "BUG: kernel stack overflow: stack guard page was hit at {addr:016x}"
            )?;
        }
        Oops::Exception => writeln!(console, "{}: {:04x}", name(frame.vector), frame.error)?,
    }
    if let Oops::PageFault { .. } = what {
        let error = frame.error;
        let verb = match error {
            e if e & 16 != 0 => "instruction fetch",
            e if e & 2 != 0 => "write access",
            _ => "read access",
        };
        let why = if error & 1 == 0 { "not-present page" } else { "permissions violation" };
        writeln!(
            console,
            "#PF: supervisor {verb} in kernel mode\n#PF: error_code({error:#06x}) - {why}"
        )?;
    }
    who(console)?;
    writeln!(console, "RIP: {:04x}:{}", frame.cs, Symbol(frame.rip))?;
    writeln!(console, "RSP: {:04x}:{:016x} EFLAGS: {:08x}", frame.ss, frame.rsp, frame.flags)?;
    for [(a, av), (b, bv), (c, cv)] in [
        [("RAX", frame.rax), ("RBX", frame.rbx), ("RCX", frame.rcx)],
        [("RDX", frame.rdx), ("RSI", frame.rsi), ("RDI", frame.rdi)],
        [("RBP", frame.rbp), ("R08", frame.r8), ("R09", frame.r9)],
        [("R10", frame.r10), ("R11", frame.r11), ("R12", frame.r12)],
        [("R13", frame.r13), ("R14", frame.r14), ("R15", frame.r15)],
    ] {
        writeln!(console, "{a}: {av:016x} {b}: {bv:016x} {c}: {cv:016x}")?;
    }
    writeln!(
        console,
        "CR0: {:08x} CR2: {:016x} CR3: {:016x} CR4: {:08x}",
        Cr0::read_raw(),
        Cr2::read_raw(),
        Cr3::read().0.start_address().as_u64(),
        Cr4::read_raw()
    )?;
    trace(console, frame.rbp, Some(frame.rip))
}

/// Linux's name of an exception.
fn name(vector: u64) -> &'static str {
    match vector {
        0 => "divide error",
        6 => "invalid opcode",
        8 => "double fault",
        11 => "segment not present",
        12 => "stack segment",
        13 => "general protection fault",
        18 => "machine check",
        19 => "simd exception",
        _ => "unexpected exception",
    }
}

#[cfg(target_os = "none")]
#[panic_handler]
fn rust_panic(info: &core::panic::PanicInfo<'_>) -> ! {
    match info.location() {
        Some(place) => panic(format_args!("{} at {place}", info.message())),
        None => panic(format_args!("{}", info.message())),
    }
}
