//! FPU state and segment bases of user programs.
//!
//! The kernel is soft-float, so a program's state can stay in the registers over system calls and
//! interrupts. It is stored (XSAVEOPT) when its fiber suspends, or when another program is to run
//! here, and loaded before user mode if this CPU does not hold it.
//!
//! Ownership cannot dangle. `PerCpu::live` names the [`Area`] whose newest state is in this CPU's
//! registers only; an area remembers in `cpu` where it was last loaded. Whoever wants the memory
//! image, or drops the area, first makes that CPU store it (by an IPI if it is another one, which
//! takes a `Regs` moved between CPUs without its fiber suspending; sound, and rare).
//! `PerCpu::loaded` says whose state the registers last held, and is only compared: a load is
//! skipped when it names the area *and* the area names this CPU.

use alloc::alloc::{alloc_zeroed, dealloc};
use core::alloc::Layout;
use core::arch::asm;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use x86_64::VirtAddr;
use x86_64::registers::model_specific::{FsBase, KernelGsBase};
use x86_64::registers::segmentation::{FS, Segment64};
use x86_64::registers::xcontrol::{XCr0, XCr0Flags};

use super::features::{self, cpuid, has};
use super::{NoIrq, ipi, percpu};
use crate::contract::{BadState, NoMemory};

/// x87, SSE and AVX; AVX-512 where there is one. MPX is gone from Linux, and protection keys are
/// not offered to programs.
const WANTED: u64 = 0x7 | 0xe0;
/// The FXSAVE part of an image.
const LEGACY: usize = 512;
/// Where the XSAVE header is: XSTATE_BV, XCOMP_BV, and 48 zero bytes.
const XSTATE_BV: usize = 512;
const HEADER_END: usize = 576;
const MXCSR: usize = 24;
const MXCSR_MASK: usize = 28;
/// Initial x87 control word: all exceptions masked, extended precision.
const FCW_INIT: u16 = 0x37f;
/// Initial SSE control word: all exceptions masked.
const MXCSR_INIT: u32 = 0x1f80;
/// The MXCSR bits of a CPU that does not say.
const MXCSR_DEFAULT_MASK: u32 = 0xffbf;

const NOWHERE: u32 = u32::MAX;

/// Bytes of an image (XCR0's components in standard format, or FXSAVE's 512).
static SIZE: AtomicUsize = AtomicUsize::new(LEGACY);
/// Components enabled in XCR0.
static COMPONENTS: AtomicU32 = AtomicU32::new(0);
/// MXCSR bits this CPU knows.
static KNOWN_MXCSR: AtomicU32 = AtomicU32::new(MXCSR_DEFAULT_MASK);

/// A program's state while it is not in the registers; the image follows in memory.
#[repr(C, align(64))]
pub struct Area {
    /// The CPU it was last loaded on, or [`NOWHERE`] when no CPU's registers equal it.
    cpu: AtomicU32,
    fs_base: u64,
    gs_base: u64,
}

/// Sets up the FPU of this CPU; on the boot CPU (`first`) also finds the size of its state.
pub fn enable(first: bool) {
    if has(features::XSAVE) {
        let offered = cpuid(0xd, 0);
        let components = (u64::from(offered.eax) & WANTED) | 3;
        // SAFETY: only components that CPUID offers; AVX-512 comes with all its parts.
        unsafe { XCr0::write(XCr0Flags::from_bits_truncate(components)) };
        if first {
            COMPONENTS.store(components as u32, Ordering::Relaxed);
            // EBX is the size for what is enabled now.
            SIZE.store(cpuid(0xd, 0).ebx as usize, Ordering::Relaxed);
        }
    }
    if first {
        #[repr(C, align(16))]
        struct Image([u8; LEGACY]);
        let mut image = Image([0; LEGACY]);
        // SAFETY: 512 bytes, 16-byte aligned.
        unsafe { asm!("fxsave64 [{}]", in(reg) image.0.as_mut_ptr(), options(nostack)) };
        let mask = u32::from_le_bytes(word(&image.0, MXCSR_MASK));
        if mask != 0 {
            KNOWN_MXCSR.store(mask, Ordering::Relaxed);
        }
    }
}

fn word<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut word = [0; N];
    word.copy_from_slice(&bytes[at..at + N]);
    word
}

/// Bytes of a program's FPU image.
pub fn size() -> usize {
    SIZE.load(Ordering::Relaxed)
}

/// Components of an image beyond FXSAVE's (XCR0); 0 without XSAVE.
pub fn components() -> u64 {
    COMPONENTS.load(Ordering::Relaxed).into()
}

fn layout() -> Layout {
    // The size is a few KiB; this cannot overflow.
    Layout::from_size_align(size_of::<Area>() + size(), 64).unwrap_or(Layout::new::<Area>())
}

/// Stores the state the registers hold, if it is newer than its memory. Interrupts must be off.
pub fn save_live() {
    let cpu = percpu::this();
    let area = cpu.live.load(Ordering::Relaxed);
    if area.is_null() {
        return;
    }
    // SAFETY: a live area is alive: it is stored before it is freed; and its owner waits or runs
    // on this CPU, so nobody else touches it.
    unsafe { store(area) };
    cpu.live.store(ptr::null_mut(), Ordering::Release);
}

/// # Safety
/// `area` must be alive and this CPU's live one; interrupts off.
unsafe fn store(area: *mut Area) {
    // SAFETY: by the caller; the image follows the header.
    let image = unsafe { area.add(1) };
    if has(features::XSAVEOPT) {
        // SAFETY: `size()` bytes, 64-byte aligned.
        unsafe {
            asm!("xsaveopt64 [{}]", in(reg) image, in("eax") u32::MAX, in("edx") u32::MAX, options(nostack))
        };
    } else if has(features::XSAVE) {
        // SAFETY: `size()` bytes, 64-byte aligned.
        unsafe {
            asm!("xsave64 [{}]", in(reg) image, in("eax") u32::MAX, in("edx") u32::MAX, options(nostack))
        };
    } else {
        // SAFETY: 512 bytes, 64-byte aligned.
        unsafe { asm!("fxsave64 [{}]", in(reg) image, options(nostack)) };
    }
    let (fs, gs) = read_bases();
    // SAFETY: by the caller.
    let area = unsafe { &mut *area };
    area.fs_base = fs;
    area.gs_base = gs;
}

/// The user's FS and GS bases. Interrupts off.
fn read_bases() -> (u64, u64) {
    if !has(features::FSGSBASE) {
        return (FsBase::read().as_u64(), KernelGsBase::read().as_u64());
    }
    let gs: u64;
    // SAFETY: FSGSBASE is on; nothing uses GS between the two swaps, interrupts are off.
    unsafe {
        asm!("swapgs", "rdgsbase {}", "swapgs", out(reg) gs, options(nomem, nostack, preserves_flags))
    };
    (FS::read_base().as_u64(), gs)
}

fn write_bases(fs: u64, gs: u64) {
    if !has(features::FSGSBASE) {
        FsBase::write(VirtAddr::new_truncate(fs));
        KernelGsBase::write(VirtAddr::new_truncate(gs));
        return;
    }
    // SAFETY: the kernel does not use FS; the address is canonical (checked when it was set).
    unsafe { FS::write_base(VirtAddr::new_truncate(fs)) };
    // SAFETY: nothing uses GS between the two swaps, interrupts are off.
    unsafe {
        asm!("swapgs", "wrgsbase {}", "swapgs", in(reg) gs, options(nomem, nostack, preserves_flags))
    };
}

/// The segment registers are not part of a program's state here: whoever loads them finds them
/// null again after a switch.
fn clear_selectors() {
    let used: u32;
    // SAFETY: reads selectors only.
    unsafe {
        asm!("mov {s:e}, ds", "mov {t:e}, es", "or {s:e}, {t:e}", "mov {t:e}, fs", "or {s:e}, {t:e}",
             "mov {t:e}, gs", "or {s:e}, {t:e}", s = out(reg) used, t = out(reg) _, options(nomem, nostack));
    }
    if used != 0 {
        // SAFETY: null selectors mean nothing in 64-bit mode; the bases are written afterwards,
        // and the kernel's GS base is swapped away meanwhile (interrupts are off).
        unsafe {
            asm!("swapgs", "mov ds, {z:e}", "mov es, {z:e}", "mov fs, {z:e}", "mov gs, {z:e}", "swapgs",
                 z = in(reg) 0u32, options(nomem, nostack, preserves_flags));
        }
    }
}

/// A program's FPU state and segment bases, owned by its `Regs`.
pub struct State {
    area: NonNull<Area>,
}

// SAFETY: the area is owned by the state; registers of other CPUs are fetched before it is used.
unsafe impl Send for State {}
// SAFETY: a shared reference reads nothing of the area but its address and atomics.
unsafe impl Sync for State {}

impl State {
    /// Clean state; both bases 0.
    pub fn new() -> Result<State, NoMemory> {
        // SAFETY: the layout is not empty.
        let memory = unsafe { alloc_zeroed(layout()) };
        let area = NonNull::new(memory.cast::<Area>()).ok_or(NoMemory)?;
        // SAFETY: fresh memory of the right layout; all zeros is a valid area.
        unsafe { area.as_ref() }.cpu.store(NOWHERE, Ordering::Relaxed);
        let mut state = State { area };
        state.reset();
        Ok(state)
    }

    /// A copy (fork).
    pub fn try_clone(&mut self) -> Result<State, NoMemory> {
        let mut copy = State::new()?;
        self.fetch();
        copy.image_mut().copy_from_slice(self.image());
        let (fs, gs) = self.bases();
        copy.set_fs_base(fs);
        copy.set_gs_base(gs);
        Ok(copy)
    }

    /// What `PerCpu::live` holds when this state is in the registers.
    #[inline]
    pub fn key(&self) -> *mut Area {
        self.area.as_ptr()
    }

    fn header(&self) -> &Area {
        // SAFETY: alive as long as the state.
        unsafe { self.area.as_ref() }
    }

    fn image(&self) -> &[u8] {
        // SAFETY: the image follows the header.
        let start = unsafe { self.area.add(1) };
        // SAFETY: `size()` initialised bytes; not live (callers fetch first), so nobody writes.
        unsafe { core::slice::from_raw_parts(start.as_ptr().cast(), size()) }
    }

    fn image_mut(&mut self) -> &mut [u8] {
        // SAFETY: the image follows the header.
        let start = unsafe { self.area.add(1) };
        // SAFETY: as in `image`, and borrowed mutably.
        unsafe { core::slice::from_raw_parts_mut(start.as_ptr().cast(), size()) }
    }

    /// The CPU whose registers hold a newer state than memory.
    fn live_on(&self) -> Option<&'static percpu::PerCpu> {
        let cpu = percpu::of(self.header().cpu.load(Ordering::Relaxed) as usize)?;
        (cpu.live.load(Ordering::Acquire) == self.key()).then_some(cpu)
    }

    /// Brings memory up to date.
    fn fetch(&mut self) {
        let Some(cpu) = self.live_on() else { return };
        let guard = NoIrq::new();
        if cpu.index == percpu::this().index {
            save_live();
            return;
        }
        drop(guard);
        ipi::call(cpu.bit(), ipi::Work::SaveFpu { area: self.key() });
    }

    /// Brings memory up to date, to be changed: no CPU's registers equal it any more.
    fn take(&mut self) -> &mut Area {
        self.fetch();
        // SAFETY: alive, and not live in any register.
        let area = unsafe { self.area.as_mut() };
        *area.cpu.get_mut() = NOWHERE;
        area
    }

    /// Whether another CPU holds the newest state.
    pub fn is_elsewhere(&self) -> bool {
        self.live_on().is_some_and(|cpu| cpu.index != percpu::this().index)
    }

    /// Fetches the state from another CPU, if that holds it. Before [`State::load`], with
    /// interrupts on.
    pub fn come_here(&mut self) {
        if self.is_elsewhere() {
            self.fetch();
        }
    }

    /// Puts the state into this CPU's registers. Interrupts must be off and stay so until user
    /// mode.
    pub fn load(&mut self) {
        let cpu = percpu::this();
        let area = self.key();
        if cpu.live.load(Ordering::Relaxed) == area {
            return;
        }
        save_live();
        let home = self.header().cpu.load(Ordering::Relaxed);
        if cpu.loaded.load(Ordering::Relaxed) != area || home != cpu.index {
            clear_selectors();
            let image = self.image().as_ptr();
            if has(features::XSAVE) {
                // SAFETY: a valid standard-format image: only XSAVE, `reset` and the checked
                // `restore` write it.
                unsafe {
                    asm!("xrstor64 [{}]", in(reg) image, in("eax") u32::MAX, in("edx") u32::MAX, options(nostack, readonly))
                };
            } else {
                // SAFETY: a valid FXSAVE image, for the same reasons.
                unsafe { asm!("fxrstor64 [{}]", in(reg) image, options(nostack, readonly)) };
            }
            let header = self.header();
            write_bases(header.fs_base, header.gs_base);
            header.cpu.store(cpu.index, Ordering::Relaxed);
            cpu.loaded.store(area, Ordering::Relaxed);
        }
        cpu.live.store(area, Ordering::Relaxed);
    }

    /// FS and GS base.
    pub fn bases(&mut self) -> (u64, u64) {
        self.fetch();
        (self.header().fs_base, self.header().gs_base)
    }

    /// Sets the FS base; must be canonical.
    pub fn set_fs_base(&mut self, base: u64) {
        self.take().fs_base = base;
    }

    /// Sets the GS base; must be canonical.
    pub fn set_gs_base(&mut self, base: u64) {
        self.take().gs_base = base;
    }

    /// Back to the initial FPU state; the bases stay.
    pub fn reset(&mut self) {
        self.take();
        let image = self.image_mut();
        image.fill(0);
        image[..2].copy_from_slice(&FCW_INIT.to_le_bytes());
        image[MXCSR..MXCSR + 4].copy_from_slice(&MXCSR_INIT.to_le_bytes());
        let mask = KNOWN_MXCSR.load(Ordering::Relaxed);
        image[MXCSR_MASK..MXCSR_MASK + 4].copy_from_slice(&mask.to_le_bytes());
        if let Some(present) = image.get_mut(XSTATE_BV..XSTATE_BV + 8) {
            present.copy_from_slice(&3u64.to_le_bytes());
        }
    }

    /// Writes the image to `to`, as much as fits: what a signal frame holds. Components in their
    /// initial state, which XSAVEOPT leaves out, are written as such.
    pub fn save(&mut self, to: &mut [u8]) {
        self.fetch();
        let image = self.image();
        let length = to.len().min(image.len());
        to[..length].copy_from_slice(&image[..length]);
        if image.len() < HEADER_END || length < HEADER_END {
            return;
        }
        let present = u64::from_le_bytes(word(image, XSTATE_BV));
        if present & 1 == 0 {
            to[..MXCSR].fill(0);
            to[..2].copy_from_slice(&FCW_INIT.to_le_bytes());
            to[32..160].fill(0); // ST0..ST7
        }
        if present & 2 == 0 {
            to[160..416].fill(0); // XMM0..XMM15
        }
        for component in 2..64 {
            if COMPONENTS.load(Ordering::Relaxed) >> component.min(31) & 1 != 0
                && component < 32
                && present >> component & 1 == 0
            {
                let place = cpuid(0xd, component);
                let start = (place.ebx as usize).min(length);
                let end = (start + place.eax as usize).min(length);
                to[start..end].fill(0);
            }
        }
    }

    /// Takes the image a program gives back (`rt_sigreturn`, ptrace): 512 bytes for x87 and SSE,
    /// or a whole one. Whatever would fault when loaded is refused, and nothing has changed then.
    pub fn restore(&mut self, from: &[u8]) -> Result<(), BadState> {
        let size = size();
        if from.len() < LEGACY {
            return Err(BadState);
        }
        let mxcsr = u32::from_le_bytes(word(from, MXCSR));
        if mxcsr & !KNOWN_MXCSR.load(Ordering::Relaxed) != 0 {
            return Err(BadState);
        }
        let full = size > LEGACY && from.len() >= size;
        if full {
            let present = u64::from_le_bytes(word(from, XSTATE_BV));
            let rest = &from[XSTATE_BV + 8..HEADER_END];
            let known = u64::from(COMPONENTS.load(Ordering::Relaxed));
            if present & !known != 0 || rest.iter().any(|&byte| byte != 0) {
                return Err(BadState);
            }
        }
        self.take();
        let image = self.image_mut();
        if full {
            image.copy_from_slice(&from[..size]);
        } else {
            image.fill(0);
            image[..LEGACY].copy_from_slice(&from[..LEGACY]);
            if let Some(present) = image.get_mut(XSTATE_BV..XSTATE_BV + 8) {
                present.copy_from_slice(&3u64.to_le_bytes());
            }
        }
        Ok(())
    }
}

impl Drop for State {
    fn drop(&mut self) {
        // The newest state is of no use, but the CPU that holds it must let go.
        self.fetch();
        // SAFETY: allocated with this layout, and no CPU's live area any more.
        unsafe { dealloc(self.area.as_ptr().cast(), layout()) };
    }
}
