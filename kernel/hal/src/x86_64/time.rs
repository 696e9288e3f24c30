//! The clock and each CPU's one-shot timer.
//!
//! The time stamp counter is the clock; the LAPIC timer interrupts. Both are measured at boot, at
//! the same time, against a timer of known frequency.

use core::arch::asm;
use core::sync::atomic::{AtomicU64, Ordering};

use super::cpu::{NoIrq, apic, percpu};
use super::dev::acpi::Machine;
use super::mem::physmap;
use super::port::{inb, inl, outb};

const NS: u64 = 1_000_000_000;
/// What LAPIC timers of virtual machines run at (QEMU, KVM); taken if nothing can be measured.
const VIRTUAL_LAPIC_HZ: u64 = 1_000_000_000;

/// Ticks of the counter per second.
static TSC_HZ: AtomicU64 = AtomicU64::new(0);
/// Counter at the start.
static TSC_START: AtomicU64 = AtomicU64::new(0);
/// Nanoseconds per tick, times 2^32.
static TSC_TO_NS: AtomicU64 = AtomicU64::new(0);
/// LAPIC timer ticks per nanosecond, times 2^32.
static NS_TO_LAPIC: AtomicU64 = AtomicU64::new(0);

/// The counter, read in program order.
#[inline]
fn tsc() -> u64 {
    let (low, high): (u32, u32);
    // SAFETY: reads a counter.
    unsafe {
        asm!("lfence", "rdtsc", out("eax") low, out("edx") high, options(nomem, nostack, preserves_flags))
    };
    u64::from(high) << 32 | u64::from(low)
}

#[inline]
fn scale(value: u64, factor: u64) -> u64 {
    ((u128::from(value) * u128::from(factor)) >> 32) as u64
}

/// Nanoseconds since boot; never goes back.
#[inline]
pub fn now_ns() -> u64 {
    scale(tsc().wrapping_sub(TSC_START.load(Ordering::Relaxed)), TSC_TO_NS.load(Ordering::Relaxed))
}

/// Frequency of the time stamp counter.
pub fn tsc_hz() -> u64 {
    TSC_HZ.load(Ordering::Relaxed)
}

/// The counter at zero of [`now_ns`], and nanoseconds per tick, times 2^32.
pub fn tsc_scale() -> (u64, u64) {
    (TSC_START.load(Ordering::Relaxed), TSC_TO_NS.load(Ordering::Relaxed))
}

/// Seconds since the Unix epoch by the real-time clock.
pub fn rtc_unix() -> i64 {
    super::dev::rtc::unix()
}

/// A timer of known frequency that counts up.
enum Reference {
    /// ACPI's HPET: counter register and frequency.
    Hpet(*const u32, u64),
    /// ACPI's timer, 24 bits, by port.
    PmTimer(u16),
    /// The 8254's channel 0, 16 bits.
    Pit,
}

impl Reference {
    fn find(machine: &Machine) -> Option<Reference> {
        if let Some(pa) = machine.hpet {
            let base = physmap::window(pa, 0x100).cast::<u32>();
            // SAFETY: the HPET's capability register, inside the window: its upper half is the
            // period in fs.
            let period = unsafe { base.add(1) };
            // SAFETY: a device register.
            let period = unsafe { period.read_volatile() };
            // SAFETY: its configuration register, inside the window.
            let config = unsafe { base.add(4) };
            // SAFETY: a device register.
            let enabled = unsafe { config.read_volatile() } | 1;
            // SAFETY: starts the main counter, changes nothing else.
            unsafe { config.write_volatile(enabled) };
            // SAFETY: the main counter.
            let counter = unsafe { base.add(0xf0 / 4) };
            if (1_000_000..=100_000_000).contains(&period) {
                return Some(Reference::Hpet(counter, 1_000_000_000_000_000 / u64::from(period)));
            }
        }
        if let Some(port) = machine.pm_timer {
            return Some(Reference::PmTimer(port));
        }
        outb(0x43, 0x34); // channel 0, rate generator, 65536
        outb(0x40, 0);
        outb(0x40, 0);
        let pit = Reference::Pit;
        let first = pit.read();
        (0..100).any(|_| pit.read() != first).then_some(pit)
    }

    fn hz(&self) -> u64 {
        match self {
            Reference::Hpet(_, hz) => *hz,
            Reference::PmTimer(_) => 3_579_545,
            Reference::Pit => 1_193_182,
        }
    }

    fn read(&self) -> u32 {
        match self {
            // SAFETY: the mapped counter register.
            Reference::Hpet(counter, _) => unsafe { counter.read_volatile() },
            Reference::PmTimer(port) => inl(*port) & 0xff_ffff,
            Reference::Pit => {
                outb(0x43, 0); // latch
                let low = inb(0x40);
                0xffff - (u32::from(inb(0x40)) << 8 | u32::from(low))
            }
        }
    }

    fn elapsed(&self, from: u32, to: u32) -> u64 {
        let mask = match self {
            Reference::Hpet(..) => u32::MAX,
            Reference::PmTimer(_) => 0xff_ffff,
            Reference::Pit => 0xffff,
        };
        u64::from(to.wrapping_sub(from) & mask)
    }
}

/// The three clocks at one moment.
#[derive(Clone, Copy)]
struct Moment {
    reference: u32,
    tsc: u64,
    lapic: u32,
    /// Between which ticks it was: the error.
    width: u64,
}

impl Moment {
    /// The tightest of a few looks at a tick of the reference: an interrupted one is wide.
    fn now(reference: &Reference) -> Moment {
        let look = || {
            let start = reference.read();
            loop {
                let before = tsc();
                let now = reference.read();
                let after = tsc();
                if now != start {
                    let lapic = apic::timer_left();
                    return Moment { reference: now, tsc: after, lapic, width: after - before };
                }
            }
        };
        (0..4).map(|_| look()).min_by_key(|moment| moment.width).unwrap_or_else(look)
    }
}

/// Measures counter and LAPIC timer together: three runs of 0.4 ms, of which the one with the
/// sharpest ends counts, so that losing the CPU in one of them does no harm. No fixed delays.
pub fn calibrate(machine: &Machine) {
    const RUNS: usize = 3;
    let start = tsc();
    apic::timer_mode(apic::Timer::Silent);
    apic::timer_start(u32::MAX);
    let (tsc_hz, lapic_hz) = match Reference::find(machine) {
        Some(reference) => {
            let hz = reference.hz();
            let mut best = (u64::MAX, VIRTUAL_LAPIC_HZ, VIRTUAL_LAPIC_HZ);
            let mut from = Moment::now(&reference);
            for _ in 0..RUNS {
                while reference.elapsed(from.reference, reference.read()) < hz * 4 / 10_000 {
                    core::hint::spin_loop();
                }
                let to = Moment::now(&reference);
                let ticks = reference.elapsed(from.reference, to.reference).max(1);
                let rate =
                    |count: u64| (u128::from(count) * u128::from(hz) / u128::from(ticks)) as u64;
                let run = (
                    from.width + to.width,
                    rate(to.tsc - from.tsc),
                    rate(u64::from(from.lapic.wrapping_sub(to.lapic))),
                );
                best = best.min(run);
                from = to;
            }
            (best.1, best.2)
        }
        None => {
            // No reference: the LAPIC timer of a virtual machine is one.
            let (from, left) = (tsc(), apic::timer_left());
            while left - apic::timer_left() < 1_000_000 {
                core::hint::spin_loop();
            }
            ((tsc() - from) * 1000, VIRTUAL_LAPIC_HZ)
        }
    };
    apic::timer_start(0);
    TSC_HZ.store(tsc_hz, Ordering::Relaxed);
    TSC_START.store(start, Ordering::Relaxed);
    TSC_TO_NS.store(((u128::from(NS) << 32) / u128::from(tsc_hz.max(1))) as u64, Ordering::Relaxed);
    NS_TO_LAPIC.store(((u128::from(lapic_hz) << 32) / u128::from(NS)) as u64, Ordering::Relaxed);
}

/// Sets this CPU's timer up for [`arm`].
pub fn enable() {
    apic::timer_start(0);
    apic::timer_mode(apic::Timer::OneShot);
}

/// Has the timer interrupt this CPU every `ns` (while other CPUs are being started).
pub fn periodic(ns: u64) {
    apic::timer_mode(apic::Timer::Periodic);
    apic::timer_start(scale(ns, NS_TO_LAPIC.load(Ordering::Relaxed)) as u32);
}

/// Has [`crate::Hooks::timer`] called on this CPU at `deadline_ns` of [`now_ns`] or soon after;
/// `u64::MAX`: never. A deadline in the past is not lost: it interrupts at once. Replaces the
/// deadline that was armed before.
pub fn arm(deadline_ns: u64) {
    let _guard = NoIrq::new();
    let cpu = percpu::this();
    if cpu.deadline.replace(deadline_ns) != deadline_ns {
        start(deadline_ns);
    }
}

fn start(deadline_ns: u64) {
    if deadline_ns == u64::MAX {
        apic::timer_start(0);
        return;
    }
    let left = deadline_ns.saturating_sub(now_ns());
    // Rounded up, at least one tick; a far deadline is reached in steps.
    let ticks = scale(left.min(NS), NS_TO_LAPIC.load(Ordering::Relaxed)) + 1;
    apic::timer_start(ticks.min(u64::from(u32::MAX)) as u32);
}

/// The timer interrupt. Interrupts are off.
pub fn fired() {
    let cpu = percpu::this();
    let deadline = cpu.deadline.get();
    if deadline == u64::MAX {
        return;
    }
    if deadline > now_ns() {
        start(deadline);
        return;
    }
    cpu.deadline.set(u64::MAX);
    super::hooks().timer();
}
