//! Makes the kernel file that is booted out of the linked one: without what only debuggers read,
//! and with the names of the functions for back traces.
//!
//! The image's linker script (kernel/hal/linker.ld) ends with a segment `.ksymbols` that holds an
//! empty table; the layout is described in kernel/hal/src/x86_64/symbols.rs. Here the real table is
//! put at the end of what is loaded, and the segment's program header made to load it in place of
//! the empty one. Nothing else that is loaded moves.

use anyhow::{Context, Result};
use object::{Object, ObjectSection, ObjectSymbol, SymbolKind};

const MAGIC: u32 = 0x5359_4d31;
const HEADER: usize = 16;
const ENTRY: usize = 12;
const KERNEL_BASE: u64 = 0xffff_ffff_8000_0000;
/// Longer names are cut.
const LONGEST_NAME: usize = 120;
const PAGE: usize = 4096;

/// One function.
struct Function {
    /// From [`KERNEL_BASE`].
    offset: u32,
    size: u32,
    name: String,
}

/// The bootable image of a linked one.
///
/// # Errors
/// When `linked` was not linked by the kernel's script.
pub fn bootable(linked: &[u8]) -> Result<Vec<u8>> {
    let (place, functions) = read(linked)?;
    let (headers, end) = segments(linked)?;
    let mut image = linked.get(..end).context("the image is truncated")?.to_vec();
    // Without e_shoff, e_shnum and e_shstrndx there are no sections: elf(5).
    image[40..48].fill(0);
    image[60..64].fill(0);

    let header = headers.into_iter().find(|&header| word(linked, header + 16).ok() == Some(place));
    let header = header.context("no segment for .ksymbols")?;
    let table = build(&functions)?;
    image.resize(end.next_multiple_of(PAGE), 0);
    let offset = image.len() as u64;
    image.extend_from_slice(&table);
    for (field, value) in [(8, offset), (32, table.len() as u64), (40, table.len() as u64)] {
        image[header + field..header + field + 8].copy_from_slice(&value.to_le_bytes());
    }
    Ok(image)
}

/// The address of `.ksymbols`, and the functions of `.text` in order.
fn read(elf: &[u8]) -> Result<(u64, Vec<Function>)> {
    let file = object::File::parse(elf)?;
    let place = file.section_by_name(".ksymbols").context("no section .ksymbols")?.address();
    let text = file.section_by_name(".text").context("no section .text")?;
    let text = text.address()..text.address() + text.size();

    let mut symbols: Vec<_> = file
        .symbols()
        .filter(|symbol| text.contains(&symbol.address()))
        // Assembly may not say that its labels are functions.
        .filter(|symbol| matches!(symbol.kind(), SymbolKind::Text | SymbolKind::Unknown))
        .filter_map(|symbol| Some((symbol.address(), symbol.size(), symbol.name().ok()?)))
        .filter(|(_, _, name)| !name.is_empty())
        .collect();
    // Of several names for one place the one with a size counts.
    symbols.sort_by_key(|&(address, size, name)| (address, std::cmp::Reverse(size), name));
    symbols.dedup_by_key(|symbol| symbol.0);

    let ends = symbols.iter().skip(1).map(|symbol| symbol.0).chain([text.end]);
    let functions = symbols.iter().zip(ends).map(|(&(address, size, name), next)| {
        let size = if size == 0 { next - address } else { size };
        let offset = address.checked_sub(KERNEL_BASE).context("text below the kernel's base")?;
        Ok(Function { offset: offset.try_into()?, size: size.try_into()?, name: readable(name) })
    });
    Ok((place, functions.collect::<Result<_>>()?))
}

/// The name without mangling and hash, of bounded length.
fn readable(name: &str) -> String {
    let mut text = format!("{:#}", rustc_demangle::demangle(name));
    if text.len() > LONGEST_NAME {
        let end = (0..=LONGEST_NAME - 3).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        text.truncate(end);
        text.push_str("...");
    }
    text
}

fn build(functions: &[Function]) -> Result<Vec<u8>> {
    let names_start = HEADER + functions.len() * ENTRY;
    let mut names = Vec::new();
    let mut entries = Vec::new();
    for function in functions {
        let name = u32::try_from(names_start + names.len())?;
        for word in [function.offset, function.size, name] {
            entries.extend_from_slice(&word.to_le_bytes());
        }
        names.push(u8::try_from(function.name.len())?);
        names.extend_from_slice(function.name.as_bytes());
    }
    let mut table = Vec::new();
    let bytes = u32::try_from(names_start + names.len())?;
    for word in [MAGIC, u32::try_from(functions.len())?, bytes, 0] {
        table.extend_from_slice(&word.to_le_bytes());
    }
    table.extend(entries);
    table.extend(names);
    Ok(table)
}

/// Where in the file the headers of the loadable segments are, and where the last of these ends.
fn segments(elf: &[u8]) -> Result<(Vec<usize>, usize)> {
    const PT_LOAD: u64 = 1;
    let first = usize::try_from(word(elf, 32)?)?;
    let sizes = word(elf, 54)?;
    let (size, count) = ((sizes & 0xffff) as usize, (sizes >> 16 & 0xffff) as usize);
    let (mut headers, mut end) = (Vec::new(), 0);
    for header in (0..count).map(|index| first + index * size) {
        if word(elf, header)? & 0xffff_ffff == PT_LOAD {
            end = end.max(usize::try_from(word(elf, header + 8)? + word(elf, header + 32)?)?);
            headers.push(header);
        }
    }
    Ok((headers, end))
}

/// The little-endian word at an offset in the file.
fn word(elf: &[u8], at: usize) -> Result<u64> {
    let bytes = elf.get(at..at + 8).context("the image is truncated")?;
    Ok(u64::from_le_bytes(bytes.try_into()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn functions() -> Vec<Function> {
        ["first", "second"]
            .iter()
            .enumerate()
            .map(|(index, name)| Function {
                offset: 0x1000 * (index as u32 + 1),
                size: 0x20,
                name: name.to_string(),
            })
            .collect()
    }

    #[test]
    fn the_table_says_its_own_length_and_finds_its_names() {
        let table = build(&functions()).unwrap();
        assert_eq!(word(&table, 0).unwrap(), u64::from(MAGIC) | 2 << 32);
        assert_eq!(word(&table, 8).unwrap() as usize, table.len());
        let name = (word(&table, HEADER + ENTRY + 8).unwrap() & 0xffff_ffff) as usize;
        assert_eq!(table[name] as usize, "second".len());
        assert_eq!(&table[name + 1..name + 7], b"second");
    }

    #[test]
    fn long_names_are_cut_at_a_character() {
        let name = readable(&"ä".repeat(100));
        assert!(name.len() <= LONGEST_NAME && name.ends_with("..."));
    }

    #[test]
    fn what_is_no_image_is_refused() {
        assert!(bootable(b"").is_err());
        assert!(bootable(&b"\x7fELF".repeat(100)).is_err());
    }
}
