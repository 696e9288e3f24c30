//! What a program is loaded from and told at its start: ELF headers and the auxiliary vector
//! (`linux/elf.h`, `linux/auxvec.h`).

consts! {
    /// Keys of the auxiliary vector.
    pub AT_NAMES: u64 {
        AT_NULL = 0, AT_IGNORE = 1, AT_EXECFD = 2, AT_PHDR = 3, AT_PHENT = 4, AT_PHNUM = 5,
        AT_PAGESZ = 6, AT_BASE = 7, AT_FLAGS = 8, AT_ENTRY = 9, AT_NOTELF = 10, AT_UID = 11,
        AT_EUID = 12, AT_GID = 13, AT_EGID = 14, AT_PLATFORM = 15, AT_HWCAP = 16, AT_CLKTCK = 17,
        AT_SECURE = 23, AT_BASE_PLATFORM = 24, AT_RANDOM = 25, AT_HWCAP2 = 26, AT_EXECFN = 31,
        AT_SYSINFO_EHDR = 33, AT_MINSIGSTKSZ = 51,
    }

    /// Places in `e_ident`.
    pub EI_NAMES: usize {
        EI_MAG0 = 0, EI_CLASS = 4, EI_DATA = 5, EI_VERSION = 6, EI_OSABI = 7, EI_NIDENT = 16,
    }

    /// Values in `e_ident`.
    pub ELF_IDENT_NAMES: u8 {
        ELFCLASS32 = 1, ELFCLASS64 = 2, ELFDATA2LSB = 1, ELFDATA2MSB = 2, EV_CURRENT = 1,
        ELFOSABI_NONE = 0, ELFOSABI_LINUX = 3,
    }

    /// Kinds of file, `e_type`.
    pub ET_NAMES: u16 { ET_NONE = 0, ET_REL = 1, ET_EXEC = 2, ET_DYN = 3, ET_CORE = 4 }

    /// Machines, `e_machine`.
    pub EM_NAMES: u16 { EM_386 = 3, EM_X86_64 = 62, EM_AARCH64 = 183, EM_RISCV = 243 }

    /// Kinds of segment, `p_type`.
    pub PT_NAMES: u32 {
        PT_NULL = 0, PT_LOAD = 1, PT_DYNAMIC = 2, PT_INTERP = 3, PT_NOTE = 4, PT_SHLIB = 5,
        PT_PHDR = 6, PT_TLS = 7, PT_GNU_EH_FRAME = 0x6474_e550, PT_GNU_STACK = 0x6474_e551,
        PT_GNU_RELRO = 0x6474_e552, PT_GNU_PROPERTY = 0x6474_e553,
    }

    /// Kinds of note in a core dump.
    pub NT_NAMES: u32 {
        NT_PRSTATUS = 1, NT_PRFPREG = 2, NT_PRPSINFO = 3, NT_AUXV = 6,
        NT_SIGINFO = 0x5349_4749, NT_FILE = 0x4649_4c45, NT_X86_XSTATE = 0x202,
    }

    /// `e_phnum` when there are more segments than it can count.
    pub PN_NAMES: u16 { PN_XNUM = 0xffff }
}

/// How an ELF file begins.
pub const ELFMAG: [u8; 4] = *b"\x7fELF";

flags! {
    /// Rights of a segment, `p_flags`, without `PF_`.
    pub struct SegmentFlags: u32 { X = 1, W = 2, R = 4 }
}

wire! {
    /// `Elf64_Ehdr`: the file's header.
    pub struct Elf64Ehdr {
        /// Magic, class, byte order, version.
        pub e_ident: [u8; EI_NIDENT],
        /// Kind of file, `ET_*`.
        pub e_type: u16,
        /// Machine, `EM_*`.
        pub e_machine: u16,
        /// Version, `EV_CURRENT`.
        pub e_version: u32,
        /// Address of the first instruction.
        pub e_entry: u64,
        /// Offset of the program headers.
        pub e_phoff: u64,
        /// Offset of the section headers.
        pub e_shoff: u64,
        /// Flags of the processor; none on x86.
        pub e_flags: u32,
        /// Size of this header.
        pub e_ehsize: u16,
        /// Size of a program header.
        pub e_phentsize: u16,
        /// Number of program headers.
        pub e_phnum: u16,
        /// Size of a section header.
        pub e_shentsize: u16,
        /// Number of section headers.
        pub e_shnum: u16,
        /// Section that holds the sections' names.
        pub e_shstrndx: u16,
    }

    /// `Elf64_Phdr`: a segment.
    pub struct Elf64Phdr {
        /// Kind, `PT_*`.
        pub p_type: u32,
        /// Rights.
        pub p_flags: SegmentFlags,
        /// Offset in the file.
        pub p_offset: u64,
        /// Address in memory.
        pub p_vaddr: u64,
        /// Physical address; unused.
        pub p_paddr: u64,
        /// Bytes in the file.
        pub p_filesz: u64,
        /// Bytes in memory; those beyond the file's are zero.
        pub p_memsz: u64,
        /// Alignment of offset and address.
        pub p_align: u64,
    }

    /// `Elf64_Nhdr`: the head of a note.
    pub struct Elf64Nhdr {
        /// Length of the name.
        pub n_namesz: u32,
        /// Length of the description.
        pub n_descsz: u32,
        /// Kind, `NT_*`.
        pub n_type: u32,
    }
}
