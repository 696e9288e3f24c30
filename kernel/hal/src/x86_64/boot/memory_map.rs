//! What the boot loader said, copied out of the low memory it lies in.
//!
//! The map is as QEMU's firmwares give it: unsorted, with an empty entry at the end, and with
//! neither image nor initial RAM disk taken out of the RAM they lie in.

use core::ops::Range;

use pvh::start_info::{MemmapTableEntry, ModlistEntry, START_MAGIC_VALUE, StartInfo};

use crate::contract::MemoryRange;

/// Most entries taken from the map.
const MOST_RANGES: usize = 128;
/// Longest command line: QEMU's buffer.
const MOST_CMDLINE: usize = 4096;

/// What the boot loader handed over.
pub struct Handover {
    /// The memory map, sorted.
    pub memory: heapless::Vec<MemoryRange, MOST_RANGES>,
    /// The command line.
    pub cmdline: heapless::Vec<u8, MOST_CMDLINE>,
    /// The initial RAM disk, physical.
    pub initrd: Option<Range<u64>>,
    /// ACPI's root pointer, or 0.
    pub rsdp: u64,
}

impl Handover {
    /// Nothing yet.
    pub const fn empty() -> Handover {
        Handover {
            memory: heapless::Vec::new(),
            cmdline: heapless::Vec::new(),
            initrd: None,
            rsdp: 0,
        }
    }

    /// Reads the start info at a physical address. `None` if it is not one.
    ///
    /// # Safety
    /// The loader's structures must be intact and mapped at their physical addresses.
    pub unsafe fn read(&mut self, start_info: u32) -> Option<()> {
        // SAFETY: by the caller.
        let info: StartInfo = unsafe { record(start_info.into(), 0) };
        if info.magic != START_MAGIC_VALUE || info.version < 1 {
            return None;
        }
        for index in 0..info.memmap_entries {
            // SAFETY: by the caller.
            let entry: MemmapTableEntry = unsafe { record(info.memmap_paddr, index) };
            let Some(end) = entry.addr.checked_add(entry.size) else { continue };
            if entry.size > 0 && entry.ty > 0 {
                let range = MemoryRange { start: entry.addr, end, kind: entry.ty };
                let _ = self.memory.push(range);
            }
        }
        self.memory.sort_unstable_by_key(|range| range.start);
        if info.nr_modules > 0 {
            // SAFETY: by the caller.
            let module: ModlistEntry = unsafe { record(info.modlist_paddr, 0) };
            self.initrd = Some(module.paddr..module.paddr + module.size);
        }
        if info.cmdline_paddr != 0 {
            for index in 0..MOST_CMDLINE as u32 {
                // SAFETY: by the caller; up to the NUL.
                let byte: u8 = unsafe { record(info.cmdline_paddr, index) };
                if byte == 0 {
                    break;
                }
                let _ = self.cmdline.push(byte);
            }
        }
        self.rsdp = info.rsdp_paddr;
        if let Some(limit) = self.option("mem").and_then(bytes) {
            self.limit(limit);
        }
        Some(())
    }

    /// Linux's `mem=`: no RAM from `limit` on is used, but for the initial RAM disk.
    fn limit(&mut self, limit: u64) {
        for range in self.memory.iter_mut().filter(|range| range.kind == 1) {
            range.end = range.end.min(limit);
            range.start = range.start.min(range.end);
        }
        self.memory.retain(|range| range.start < range.end);
        let initrd = self.initrd_frames();
        if initrd.end > limit {
            let start = initrd.start.max(limit);
            let _ = self.memory.push(MemoryRange { start, end: initrd.end, kind: 1 });
            self.memory.sort_unstable_by_key(|range| range.start);
        }
    }

    /// Value of the last `name=value` on the command line.
    pub fn option(&self, name: &str) -> Option<&str> {
        let line = core::str::from_utf8(&self.cmdline).ok()?;
        line.split_ascii_whitespace()
            .filter_map(|word| word.strip_prefix(name)?.strip_prefix('='))
            .next_back()
    }

    /// Whether the bare word is on the command line.
    pub fn flag(&self, name: &str) -> bool {
        let line = core::str::from_utf8(&self.cmdline).unwrap_or("");
        line.split_ascii_whitespace().any(|word| word == name)
    }

    /// The RAM ranges.
    pub fn ram(&self) -> impl Iterator<Item = Range<u64>> {
        self.memory.iter().filter(|range| range.kind == 1).map(|range| range.start..range.end)
    }

    /// The whole frames of the initial RAM disk.
    pub fn initrd_frames(&self) -> Range<u64> {
        match &self.initrd {
            Some(range) => range.start & !4095..range.end.next_multiple_of(4096),
            None => 0..0,
        }
    }
}

/// Record `index` of an array of the loader's. Not by the crate's reader: that one wants them
/// aligned, which qboot's list of modules is not.
///
/// # Safety
/// There must be such a record, in identity-mapped memory; any bytes must do as a `T`.
unsafe fn record<T: Copy>(array: u64, index: u32) -> T {
    let place = (array + u64::from(index) * size_of::<T>() as u64) as *const T;
    // SAFETY: by the caller.
    unsafe { place.read_unaligned() }
}

/// A size with Linux's suffixes.
fn bytes(text: &str) -> Option<u64> {
    let (number, shift) = match text.as_bytes().last()? {
        b'K' | b'k' => (&text[..text.len() - 1], 10),
        b'M' | b'm' => (&text[..text.len() - 1], 20),
        b'G' | b'g' => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    number.parse::<u64>().ok()?.checked_shl(shift)
}
