//! The smallest program: headers, and one page whose first address the host machine knows.

use abi::Wire;
use abi::elf_aux::{
    ELFCLASS64, ELFDATA2LSB, ELFMAG, EM_X86_64, ET_EXEC, EV_CURRENT, Elf64Ehdr, Elf64Phdr,
    PT_GNU_STACK, PT_LOAD, SegmentFlags,
};

/// An ELF file that is mapped at `entry` and starts there.
pub fn program(entry: u64) -> Vec<u8> {
    const HEADER: usize = <Elf64Ehdr as Wire>::SIZE;
    const ENTRY: usize = <Elf64Phdr as Wire>::SIZE;
    let mut bytes = vec![0; HEADER + 2 * ENTRY];
    let mut header = Elf64Ehdr {
        e_type: ET_EXEC,
        e_machine: EM_X86_64,
        e_version: EV_CURRENT.into(),
        e_entry: entry,
        e_phoff: HEADER as u64,
        e_ehsize: HEADER as u16,
        e_phentsize: ENTRY as u16,
        e_phnum: 2,
        ..Elf64Ehdr::ZERO
    };
    header.e_ident[..4].copy_from_slice(&ELFMAG);
    header.e_ident[4..7].copy_from_slice(&[ELFCLASS64, ELFDATA2LSB, EV_CURRENT]);
    header.put(&mut bytes);
    let text = Elf64Phdr {
        p_type: PT_LOAD,
        p_flags: SegmentFlags::R | SegmentFlags::X,
        p_vaddr: entry,
        p_filesz: bytes.len() as u64,
        p_memsz: bytes.len() as u64,
        p_align: 0x1000,
        ..Elf64Phdr::ZERO
    };
    text.put(&mut bytes[HEADER..]);
    let stack = Elf64Phdr {
        p_type: PT_GNU_STACK,
        p_flags: SegmentFlags::R | SegmentFlags::W,
        ..Elf64Phdr::ZERO
    };
    stack.put(&mut bytes[HEADER + ENTRY..]);
    bytes
}
