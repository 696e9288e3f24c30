//! What the boot loader said, copied out of the low memory it lies in.
//!
//! The map is as QEMU's firmwares give it: unsorted, with an empty entry at the end, and with
//! neither image nor initial RAM disk taken out of the RAM they lie in.

use core::ops::Range;

use pvh::start_info::reader::StartInfoReader;

use crate::contract::MemoryRange;

/// Most entries taken from the map.
const MOST_RANGES: usize = 128;
/// Longest command line: QEMU's buffer.
const MOST_CMDLINE: usize = 4096;

/// What the boot loader handed over.
pub struct Handover {
    /// The memory map, sorted, without overlaps of RAM and anything else.
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
        let info = unsafe { StartInfoReader::from_paddr_identity(start_info)? };
        for entry in info.memmap() {
            let Some(end) = entry.addr.checked_add(entry.size) else { continue };
            if entry.size > 0 && entry.ty > 0 {
                let range = MemoryRange { start: entry.addr, end, kind: entry.ty };
                let _ = self.memory.push(range);
            }
        }
        self.memory.sort_unstable_by_key(|range| range.start);
        let cmdline = info.cmdline().map_or(&b""[..], |text| text.to_bytes());
        let length = cmdline.len().min(MOST_CMDLINE);
        let _ = self.cmdline.extend_from_slice(&cmdline[..length]);
        self.initrd = info.modlist().next().map(|module| {
            let module = module.raw();
            module.paddr..module.paddr + module.size
        });
        self.rsdp = info.raw().rsdp_paddr;
        if let Some(limit) = self.option("mem").and_then(bytes) {
            self.limit(limit);
        }
        Some(())
    }

    /// Linux's `mem=`: no RAM from `limit` on is used.
    fn limit(&mut self, limit: u64) {
        for range in self.memory.iter_mut().filter(|range| range.kind == 1) {
            range.end = range.end.min(limit);
            range.start = range.start.min(range.end);
        }
        self.memory.retain(|range| range.start < range.end);
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
