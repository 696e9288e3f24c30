//! The kernel's own page tables: physmap, image, and the area of stacks and device windows.
//!
//! The upper half of every space is a copy of this top table, whose entries never change after
//! boot: all second-level tables it needs are made here. W^X: text is read-only, everything else
//! is not executable, and the physmap's alias of text and read-only data is read-only, too.

use core::ops::Range;
use core::sync::atomic::{AtomicU64, Ordering};

use x86_64::PhysAddr;
use x86_64::registers::control::{Cr3, Cr3Flags};
use x86_64::structures::paging::{PhysFrame, page_table::PageTableFlags as Flags};

use super::super::boot::KERNEL_BASE;
use super::super::cpu::features::{self, has};
use crate::contract::MemoryRange;
use crate::frame::Block;

/// Where all of RAM is mapped.
pub const PHYSMAP: u64 = 0xffff_8880_0000_0000;
/// Stacks, and behind them the device windows: one top-level slot.
pub const AREA: u64 = 0xffff_c900_0000_0000;
/// Device windows are in the slot's upper half.
const WINDOWS: u64 = AREA + (256 << 30);

const DATA: Flags = Flags::PRESENT.union(Flags::WRITABLE).union(Flags::NO_EXECUTE);
const READ_ONLY: Flags = Flags::PRESENT.union(Flags::NO_EXECUTE);
const TEXT: Flags = Flags::PRESENT;
/// Uncached by the reset value of the page attribute table.
const DEVICE: Flags = DATA.union(Flags::NO_CACHE).union(Flags::WRITE_THROUGH);
const TABLE: Flags = Flags::PRESENT.union(Flags::WRITABLE);
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

/// Physical address of the top table.
static ROOT: AtomicU64 = AtomicU64::new(0);
/// Where tables are reached: the boot mapping at first, then the physmap.
static VIEW: AtomicU64 = AtomicU64::new(KERNEL_BASE);
/// End of the device windows handed out.
static WINDOWS_END: AtomicU64 = AtomicU64::new(WINDOWS);

unsafe extern "C" {
    static __image_start: u8;
    static __text_start: u8;
    static __text_end: u8;
    static __rodata_end: u8;
    static __data_end: u8;
}

/// Physical address of a symbol of the linker script.
fn phys(symbol: &u8) -> u64 {
    core::ptr::from_ref(symbol) as u64 - KERNEL_BASE
}

/// The image in memory, symbols included: physical addresses.
pub fn image() -> Range<u64> {
    // SAFETY: only the address is taken.
    let start = phys(unsafe { &__image_start });
    start..super::super::symbols::end() - KERNEL_BASE
}

/// The kernel's view of a physical address in RAM.
#[inline]
pub fn phys_to_virt(pa: u64) -> *mut u8 {
    (PHYSMAP + pa) as *mut u8
}

/// Physical address of the kernel's own top table, which maps no user memory.
pub fn kernel_root() -> u64 {
    ROOT.load(Ordering::Relaxed)
}

fn entries(table: u64) -> *mut u64 {
    (VIEW.load(Ordering::Relaxed) + table) as *mut u64
}

fn entry(table: u64, index: usize) -> *mut u64 {
    debug_assert!(index < 512);
    // SAFETY: inside the table's 512 entries.
    unsafe { entries(table).add(index) }
}

/// A source of zeroed frames for tables.
pub type Source<'a> = &'a mut dyn FnMut() -> u64;

/// The entry that maps `virt` at `level` (0: 4 KiB, 1: 2 MiB, 2: 1 GiB); makes tables on the way.
fn walk(virt: u64, level: usize, source: Source) -> *mut u64 {
    let mut table = ROOT.load(Ordering::Relaxed);
    for above in (level + 1..4).rev() {
        let place = entry(table, (virt >> (12 + 9 * above)) as usize & 511);
        // SAFETY: an entry of one of the kernel's tables; boot and the stack allocator's lock see
        // to it that nobody else changes it.
        let mut value = unsafe { place.read_volatile() };
        if value & 1 == 0 {
            value = source() | TABLE.bits();
            // SAFETY: as above; links an empty table.
            unsafe { place.write_volatile(value) };
        }
        assert!(value & Flags::HUGE_PAGE.bits() == 0, "kernel mapping of {virt:#x} overlaps");
        table = value & ADDRESS;
    }
    entry(table, (virt >> (12 + 9 * level)) as usize & 511)
}

/// Maps a page-aligned range with the largest pages that fit.
///
/// # Safety
/// The range must be nobody else's, and the memory fit for such a mapping.
unsafe fn map(virt: u64, physical: Range<u64>, flags: Flags, source: Source) {
    let largest = if has(features::PAGE_1G) { 2 } else { 1 };
    let mut at = physical.start;
    while at < physical.end {
        let to = virt + (at - physical.start);
        let level = (0..=largest)
            .rev()
            .find(|level| {
                let size = 4096u64 << (9 * level);
                (at | to) & (size - 1) == 0 && physical.end - at >= size
            })
            .unwrap_or(0);
        let mut value = at | flags.bits() | (Flags::ACCESSED | Flags::DIRTY).bits();
        if level > 0 {
            value |= Flags::HUGE_PAGE.bits();
        }
        let place = walk(to, level, source);
        // SAFETY: by the caller, the place is free for this.
        unsafe { place.write_volatile(value) };
        at += 4096 << (9 * level);
    }
}

/// Builds the final tables from frames of `source` (below 1 GiB: they are reached by the boot
/// mapping) and loads them.
///
/// # Safety
/// Once, on the boot CPU; `source` must yield zeroed frames that nobody else uses.
pub unsafe fn init(memory: &[MemoryRange], source: Source) {
    const CHUNK: u64 = 2 << 20;
    ROOT.store(source(), Ordering::Relaxed);
    // SAFETY: only addresses of the linker's symbols are taken.
    let (text, text_end) = unsafe { (phys(&__text_start), phys(&__text_end)) };
    // SAFETY: as above.
    let (rodata_end, data_end) = unsafe { (phys(&__rodata_end), phys(&__data_end)) };
    let image_end = image().end;

    // SAFETY: the image's parts, each with its own protection. The `.boot` part before the text
    // has served.
    unsafe { map(KERNEL_BASE + text, text..text_end, TEXT, source) };
    // SAFETY: as above.
    unsafe { map(KERNEL_BASE + text_end, text_end..rodata_end, READ_ONLY, source) };
    // SAFETY: as above.
    unsafe { map(KERNEL_BASE + rodata_end, rodata_end..data_end, DATA, source) };
    if image_end > data_end {
        // SAFETY: the symbol table.
        unsafe { map(KERNEL_BASE + data_end, data_end..image_end, READ_ONLY, source) };
    }

    // The physmap: RAM and ACPI's tables, rounded to 2 MiB, without the holes between.
    let mut end = 0;
    for range in memory.iter().filter(|range| matches!(range.kind, 1 | 3 | 4)) {
        let start = (range.start & !(CHUNK - 1)).max(end);
        end = (range.end.next_multiple_of(CHUNK)).max(end);
        for (part, flags) in [
            (start..end.min(text), DATA),
            (start.max(text)..end.min(rodata_end), READ_ONLY),
            (start.max(rodata_end)..end, DATA),
        ] {
            if part.start < part.end {
                // SAFETY: RAM, reached by whoever owns the frame.
                unsafe { map(PHYSMAP + part.start, part, flags, source) };
            }
        }
    }
    // The table below the slot of stacks and windows must exist before any space copies the top.
    walk(AREA, 2, source);
    walk(KERNEL_BASE, 2, source);

    // SAFETY: the new tables map all that runs and is used: image, its stack, and the physmap.
    unsafe { load(kernel_root()) };
    VIEW.store(PHYSMAP, Ordering::Relaxed);
}

/// Loads CR3.
///
/// # Safety
/// `root` must be a top table whose upper half is the kernel's.
#[inline]
pub unsafe fn load(root: u64) {
    let frame = PhysFrame::containing_address(PhysAddr::new_truncate(root));
    // SAFETY: by the caller.
    unsafe { Cr3::write(frame, Cr3Flags::empty()) };
}

/// Maps device registers, or firmware tables, uncached. The window stays for ever. Only at boot,
/// by the boot CPU, when the frame allocator works.
pub fn window(pa: u64, length: usize) -> *mut u8 {
    let first = pa & !4095;
    let last = (pa + length as u64).next_multiple_of(4096);
    let virt = WINDOWS_END.fetch_add(last - first, Ordering::Relaxed);
    // SAFETY: fresh addresses; nothing there is memory of Rust's.
    unsafe { map(virt, first..last, DEVICE, &mut table_frame) };
    (virt + (pa - first)) as *mut u8
}

/// A frame for the kernel's own mappings.
pub fn frame(zeroed: bool) -> Result<u64, crate::NoMemory> {
    let pa = Block::new(0)?.into_pa();
    if zeroed {
        // SAFETY: a whole frame of our own.
        unsafe { crate::frame::bytes::zero(phys_to_virt(pa), 4096) };
    }
    Ok(pa)
}

/// Gives back what [`frame`] gave.
///
/// # Safety
/// Nothing may be mapped there any more.
pub unsafe fn free(pa: u64) {
    // SAFETY: it came from `frame`, and is given back once.
    drop(unsafe { Block::from_pa(pa, 0) });
}

/// A zeroed frame for a table, which is never given back.
fn table_frame() -> u64 {
    match frame(true) {
        Ok(pa) => pa,
        Err(_) => crate::panic(format_args!("no memory for the kernel's page tables")),
    }
}

/// Maps one frame at a page of the stack area. Its tables stay when it is unmapped.
///
/// # Safety
/// The page must be the caller's and not mapped, the frame too.
pub unsafe fn map_stack_page(virt: u64, pa: u64) -> Result<(), crate::NoMemory> {
    // A spare for each level that may be missing, taken before anything is changed.
    let mut failed = false;
    let place = walk_fallible(virt, &mut failed);
    if failed {
        return Err(crate::NoMemory);
    }
    let value = pa | (DATA | Flags::ACCESSED | Flags::DIRTY).bits();
    // SAFETY: the page's own entry, by the caller.
    unsafe { place.write_volatile(value) };
    Ok(())
}

/// [`walk`] to the last level for the stack area, where memory may run out.
fn walk_fallible(virt: u64, failed: &mut bool) -> *mut u64 {
    let mut table = ROOT.load(Ordering::Relaxed);
    for above in (1..4).rev() {
        let place = entry(table, (virt >> (12 + 9 * above)) as usize & 511);
        // SAFETY: an entry of the kernel's tables; the stack allocator's lock is held.
        let mut value = unsafe { place.read_volatile() };
        if value & 1 == 0 {
            let Ok(frame) = frame(true) else {
                *failed = true;
                return place;
            };
            value = frame | TABLE.bits();
            // SAFETY: as above; links an empty table.
            unsafe { place.write_volatile(value) };
        }
        table = value & ADDRESS;
    }
    entry(table, (virt >> 12) as usize & 511)
}

/// Unmaps a page of the stack area and returns its frame. The TLBs are the caller's business.
///
/// # Safety
/// The page must be the caller's, mapped by [`map_stack_page`] and not in use.
pub unsafe fn unmap_stack_page(virt: u64) -> u64 {
    let mut failed = false;
    let place = walk_fallible(virt, &mut failed);
    // SAFETY: the page's own entry, by the caller.
    let value = unsafe { place.read_volatile() };
    // SAFETY: as above.
    unsafe { place.write_volatile(0) };
    value & ADDRESS
}
