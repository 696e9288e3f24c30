//! Names for back traces, from the table that `xtask` appends to the image after linking.
//!
//! The linker script ends the image with the segment `.ksymbols`, here a [`Header`] that says "no
//! symbols"; the appended table replaces it in place and goes on behind. All numbers are
//! little-endian:
//!
//! ```text
//! header   magic u32, count u32, bytes u32 (of the whole table), zero u32
//! entry    offset from KERNEL_BASE u32, size u32, offset of the name in the table u32;  sorted
//! names    length u8 and that many bytes of UTF-8 each
//! ```

use core::fmt;
use core::ptr;

use super::boot::KERNEL_BASE;

const MAGIC: u32 = 0x5359_4d31; // "SYM1"

#[repr(C, align(16))]
struct Header {
    magic: u32,
    count: u32,
    bytes: u32,
    zero: u32,
}

#[unsafe(link_section = ".ksymbols")]
#[used]
static HEADER: Header =
    Header { magic: MAGIC, count: 0, bytes: size_of::<Header>() as u32, zero: 0 };

/// The header as it is in memory, which the compiler does not know.
fn header() -> Header {
    // SAFETY: reads the static; volatile because the file was patched after compilation.
    unsafe { ptr::read_volatile(&HEADER) }
}

/// End of the image in memory, page-aligned.
pub fn end() -> u64 {
    (ptr::from_ref(&HEADER) as u64 + u64::from(header().bytes)).next_multiple_of(4096)
}

fn table() -> &'static [u8] {
    let start = ptr::from_ref(&HEADER).cast::<u8>();
    // SAFETY: the loader put that many bytes there, and the final tables map them read-only.
    unsafe { core::slice::from_raw_parts(core::hint::black_box(start), header().bytes as usize) }
}

fn word(at: usize) -> Option<u32> {
    let bytes = table().get(at..at + 4)?;
    Some(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
}

/// A code address, shown as Linux does: `name+0x1f/0x80`, or the bare address if it is not known.
pub struct Symbol(pub u64);

impl Symbol {
    /// Name, offset into the function, size of the function.
    fn find(&self) -> Option<(&'static str, u32, u32)> {
        let offset = u32::try_from(self.0.checked_sub(KERNEL_BASE)?).ok()?;
        let entry = |index: u32| size_of::<Header>() + 12 * index as usize;
        let (mut low, mut high) = (0, header().count);
        while low < high {
            let middle = low + (high - low) / 2;
            if word(entry(middle))? <= offset { low = middle + 1 } else { high = middle }
        }
        let entry = entry(low.checked_sub(1)?);
        let (start, size, name) = (word(entry)?, word(entry + 4)?, word(entry + 8)? as usize);
        let length = usize::from(*table().get(name)?);
        let name = table().get(name + 1..name + 1 + length)?;
        let into = offset - start;
        (into < size).then_some((core::str::from_utf8(name).ok()?, into, size))
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.find() {
            Some((name, into, size)) => write!(f, "{name}+{into:#x}/{size:#x}"),
            None => write!(f, "{:#018x}", self.0),
        }
    }
}
