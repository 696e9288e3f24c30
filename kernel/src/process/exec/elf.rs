//! Loading ELF programs (`fs/binfmt_elf.c` of Linux 6.1): static, static-PIE, and those with an
//! interpreter.
//!
//! [`prepare`] does what Linux does while it still can say no; [`Program::commit`] builds the new
//! address space. The old one is untouched all the while, yet Linux's callers must not notice: an
//! error of `commit` comes after Linux's point of no return, where a program is killed by
//! `SIGSEGV`.
//!
//! `xmas-elf` panics on hostile input, so it only ever sees a bounded, aligned copy of the file
//! header and the program headers, made after our own checks of every field it relies on.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

use abi::Wire;
use abi::elf_aux::{
    ELFCLASS64, ELFDATA2LSB, ELFMAG, EM_X86_64, ET_DYN, ET_EXEC, EV_CURRENT, Elf64Ehdr, Elf64Phdr,
    PT_GNU_STACK,
};
use abi::errno::{EFAULT, EINVAL, EIO, ELIBBAD, ENOEXEC, ENOMEM, EPERM, Result};
use abi::mm::MapFlags;
use abi::process::RLIMIT_STACK;
use hal::user::USER_END;
use xmas_elf::ElfFile;
use xmas_elf::program::{ProgramHeader, Type};

use super::stack::{Facts, ProgramFacts, Strings, write_tables};
use crate::mm::{
    Addresses, Chance, FileRef, MMAP_MIN_ADDR, MapFile, MapRequest, PAGE, PIE_BASE, Prot, Space,
    Vdso, Who, is_aligned, page_down, page_up,
};

/// A file that is to be executed, opened for that.
pub trait Executable: Send + Sync {
    /// Reads bytes at an offset; fewer only at the end of the file.
    fn read_at(&self, at: u64, to: &mut [u8]) -> Result<usize>;

    /// The file as a mapping needs it.
    fn map(&self) -> MapFile;

    /// What the space of a program running it keeps.
    fn exe(self: Arc<Self>) -> FileRef;
}

/// Opens an interpreter by its path, with all checks of `open_exec`.
pub type Open<'a> = &'a mut dyn FnMut(&[u8]) -> Result<Arc<dyn Executable>>;

/// Size of the file header.
const HEADER: usize = <Elf64Ehdr as Wire>::SIZE;
/// Size of a program header.
const ENTRY: usize = <Elf64Phdr as Wire>::SIZE;
/// Most bytes of program headers: a page.
const MAX_HEADERS: usize = PAGE as usize;
/// Longest path of an interpreter, its NUL included.
const PATH_MAX: u64 = 4096;
/// The stack at first, below its strings.
const STACK_EXPAND: u64 = 128 << 10;

/// File header and program headers, aligned for `xmas-elf`.
#[repr(align(8))]
struct Headers([u8; HEADER + MAX_HEADERS]);

/// What a program header says.
#[derive(Clone, Copy, Debug)]
struct Segment {
    kind: Type,
    prot: Prot,
    offset: u64,
    vaddr: u64,
    filesz: u64,
    memsz: u64,
    align: u64,
}

/// One ELF file: the program or its interpreter.
struct Image {
    file: Arc<dyn Executable>,
    /// `ET_EXEC`: loaded at its own addresses; or `ET_DYN`: at any.
    kind: u16,
    entry: u64,
    phoff: u64,
    segments: Vec<Segment>,
}

/// A program that passed all checks of the old world.
pub struct Program {
    image: Image,
    interpreter: Option<Image>,
    executable_stack: bool,
}

/// Where a new program starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// First instruction: the interpreter's, if there is one.
    pub entry: u64,
    /// Stack pointer.
    pub sp: u64,
}

/// Reads the headers of `file` and of its interpreter.
///
/// `ENOEXEC` if it is no program for this machine; `ELIBBAD` for a bad interpreter, `EIO` for one
/// too short, and whatever `open` says of it.
pub fn prepare(file: Arc<dyn Executable>, open: Open<'_>) -> Result<Program> {
    let mut header = [0; HEADER];
    // A file shorter than its header is padded with zeroes, which make no program.
    file.read_at(0, &mut header)?;
    let image = Image::read(file, &header)?.ok_or(ENOEXEC)?;
    if !image.is_loadable() {
        return Err(ENOEXEC);
    }
    let interpreter = match image.segments.iter().find(|s| s.kind == Type::Interp) {
        None => None,
        Some(segment) => {
            let path = image.interpreter_path(segment)?;
            let file = open(&path)?;
            let mut header = [0; HEADER];
            read_exactly(&*file, 0, &mut header)?;
            Some(Image::read(file, &header)?.ok_or(ELIBBAD)?)
        }
    };
    let mut executable_stack = false;
    for segment in &image.segments {
        if segment.kind == Type::OsSpecific(PT_GNU_STACK) {
            executable_stack = segment.prot.has(Prot::EXEC);
        }
    }
    Ok(Program { image, interpreter, executable_stack })
}

impl Image {
    /// Checks the file header and reads the program headers. `None` if the file is no program for
    /// this machine. Like Linux it looks at the machine, but not at class and byte order.
    fn read(file: Arc<dyn Executable>, header: &[u8; HEADER]) -> Result<Option<Self>> {
        let raw = Elf64Ehdr::get(header);
        let size = raw.e_phnum as usize * ENTRY;
        if !header.starts_with(&ELFMAG)
            || raw.e_machine != EM_X86_64
            || raw.e_phentsize as usize != ENTRY
            || size == 0
            || size > MAX_HEADERS
        {
            return Ok(None);
        }
        let mut headers = Box::new(Headers([0; HEADER + MAX_HEADERS]));
        let (head, table) = headers.0.split_at_mut(HEADER);
        if read_exactly(&*file, raw.e_phoff, &mut table[..size]).is_err() {
            return Ok(None);
        }
        // What lies in the copy: a 64-bit file whose program headers follow its header.
        let mut copy = raw;
        copy.e_ident[4..7].copy_from_slice(&[ELFCLASS64, ELFDATA2LSB, EV_CURRENT]);
        copy.e_phoff = HEADER as u64;
        copy.put(head);
        let Ok(elf) = ElfFile::new(&headers.0[..HEADER + size]) else { return Ok(None) };
        let mut segments = Vec::new();
        segments.try_reserve_exact(raw.e_phnum.into()).map_err(|_| ENOMEM)?;
        segments.extend(elf.program_iter().map(Segment::from));
        let Elf64Ehdr { e_type: kind, e_entry: entry, e_phoff: phoff, .. } = raw;
        Ok(Some(Self { file, kind, entry, phoff, segments }))
    }

    /// Whether it can be loaded at any address.
    fn is_movable(&self) -> bool {
        self.kind == ET_DYN
    }

    /// Whether it can be loaded at all.
    fn is_loadable(&self) -> bool {
        matches!(self.kind, ET_EXEC | ET_DYN) && self.file.map().source.is_some()
    }

    fn interpreter_path(&self, segment: &Segment) -> Result<Vec<u8>> {
        if segment.filesz < 2 || segment.filesz > PATH_MAX {
            return Err(ENOEXEC);
        }
        let mut path = Vec::new();
        path.try_reserve_exact(segment.filesz as usize).map_err(|_| ENOMEM)?;
        path.resize(segment.filesz as usize, 0);
        read_exactly(&*self.file, segment.offset, &mut path)?;
        if path.last() != Some(&0) {
            return Err(ENOEXEC);
        }
        let length = path.iter().position(|b| *b == 0).unwrap_or(0);
        path.truncate(length);
        Ok(path)
    }

    fn loads(&self) -> impl Iterator<Item = &Segment> {
        self.segments.iter().filter(|segment| segment.kind == Type::Load)
    }

    /// Bytes from the first page to the end of the last segment, if there is any
    /// (`total_mapping_size`).
    fn span(&self) -> u64 {
        let start = self.loads().map(|s| page_down(s.vaddr)).min().unwrap_or(0);
        let end = self.loads().map(|s| s.vaddr.wrapping_add(s.memsz)).max().unwrap_or(0);
        end.wrapping_sub(start)
    }

    /// The strictest alignment any segment asks for, in whole pages.
    fn alignment(&self) -> u64 {
        let powers = self.loads().map(|s| s.align).filter(|align| align.is_power_of_two());
        powers.max().and_then(page_up).unwrap_or(0)
    }

    /// Maps the file's part of a segment at `addr` (`elf_map`). With `total`, that many bytes are
    /// first found free, so that the later segments fit as well. Returns where the page starts.
    fn map(
        &self,
        to: &Target<'_>,
        addr: u64,
        segment: &Segment,
        flags: MapFlags,
        total: u64,
    ) -> Result<u64> {
        let start = page_down(addr);
        let lead = segment.vaddr % PAGE;
        let size = page_up(segment.filesz.wrapping_add(lead)).unwrap_or(0);
        if size == 0 {
            return Ok(start);
        }
        let offset = segment.offset.wrapping_sub(lead);
        let len = if total == 0 { size } else { page_up(total).unwrap_or(0) };
        if !is_aligned(offset) || page_up(len).and_then(|l| offset.checked_add(l)).is_none() {
            return Err(EINVAL);
        }
        let request = MapRequest {
            addr: start,
            len,
            prot: segment.prot,
            flags: MapFlags::PRIVATE | flags,
            offset,
            file: Some(self.file.map()),
        };
        let mapped = to.space.mmap(request, to.who)?;
        if len > size {
            to.space.munmap(mapped + size, len - size)?;
        }
        Ok(mapped)
    }

    /// Maps a segment of the program at `addr`, its zeroes included (`elf_load`).
    fn load(
        &self,
        to: &Target<'_>,
        addr: u64,
        segment: &Segment,
        flags: MapFlags,
        total: u64,
    ) -> Result<u64> {
        let (mapped, zeroes) = if segment.filesz > 0 {
            let mapped = self.map(to, addr, segment, flags, total)?;
            (mapped, mapped.wrapping_add(segment.vaddr % PAGE).wrapping_add(segment.filesz))
        } else {
            (page_down(addr), page_down(addr))
        };
        if segment.memsz > segment.filesz {
            // Fails in a page that is not writable or lies beyond the file's end. Linux 6.1 takes
            // that of a program, though not of an interpreter.
            let _ = to.zero_page_from(zeroes);
            let end = mapped.wrapping_add(segment.vaddr % PAGE).wrapping_add(segment.memsz);
            to.map_zeroes(zeroes, end, segment.prot)?;
        }
        Ok(mapped)
    }
}

impl From<ProgramHeader<'_>> for Segment {
    fn from(header: ProgramHeader<'_>) -> Self {
        let flags = header.flags();
        let mut prot = Prot::NONE;
        for (set, right) in [
            (flags.is_read(), Prot::READ),
            (flags.is_write(), Prot::WRITE),
            (flags.is_execute(), Prot::EXEC),
        ] {
            if set {
                prot |= right;
            }
        }
        Self {
            // Kinds that nobody knows are skipped like any other that is of no concern.
            kind: header.get_type().unwrap_or(Type::Null),
            prot,
            offset: header.offset(),
            vaddr: header.virtual_addr(),
            filesz: header.file_size(),
            memsz: header.mem_size(),
            align: header.align(),
        }
    }
}

/// Bytes from `at` to the end of its page; none if a page starts there.
fn to_page_end(at: u64) -> u64 {
    (PAGE - at % PAGE) % PAGE
}

/// Reads all of `to` (`elf_read`): `EIO` if the file ends before.
fn read_exactly(file: &dyn Executable, at: u64, to: &mut [u8]) -> Result<()> {
    if i64::try_from(at).is_err() {
        return Err(EINVAL);
    }
    if file.read_at(at, to)? == to.len() { Ok(()) } else { Err(EIO) }
}

/// The space a program is loaded into.
struct Target<'a> {
    space: &'a Space,
    who: Who<'a>,
}

/// Where a program came to lie.
#[derive(Debug, Default)]
struct Loaded {
    bias: u64,
    phdr: u64,
    code: Range<u64>,
    data: Range<u64>,
    /// First address after everything.
    end: u64,
}

impl Program {
    /// Builds the address space and the stack of the program.
    ///
    /// An error is fatal for the program that called execve: `SIGSEGV`.
    pub fn commit(
        &self,
        strings: Strings,
        facts: &Facts,
        who: Who<'_>,
        vdso: Option<&Vdso>,
        chance: &mut Chance<'_>,
    ) -> Result<(Arc<Space>, Start)> {
        let stack_limit = who.limits.get(RLIMIT_STACK);
        let space = Space::new(stack_limit, chance)?;
        let to = Target { space: &space, who };
        let top = chance.stack_top();
        to.map_stack(top, &strings, stack_limit, self.executable_stack)?;
        let loaded = self.load(&to, chance)?;
        let own_entry = self.image.entry.wrapping_add(loaded.bias);
        let (entry, base) = match &self.interpreter {
            None => (own_entry, 0),
            Some(image) => {
                let base = load_interpreter(&to, image)?;
                (base.wrapping_add(image.entry), base)
            }
        };
        if entry >= USER_END {
            return Err(EINVAL);
        }
        let phnum = self.image.segments.len() as u64;
        let stack = strings.start(top);
        let vdso = vdso.map(|vdso| space.map_vdso(vdso, stack, chance)).transpose()?;
        let program = ProgramFacts { phdr: loaded.phdr, phnum, base, entry: own_entry, vdso };
        let tables = write_tables(&space, top, &strings, &program, facts, chance)?;
        // A program that brings its own loader along lies among the mappings: its heap goes where
        // other programs are.
        let alone = self.image.is_movable() && self.interpreter.is_none() && chance.is_on();
        let brk = chance.brk(if alone { PIE_BASE } else { loaded.end });
        space.set_addresses(Addresses {
            code: loaded.code,
            data: loaded.data,
            brk: brk..brk,
            start_stack: tables.sp,
            args: tables.args,
            env: tables.env,
            auxv: tables.auxv,
        });
        space.set_exe(Some(self.image.file.clone().exe()));
        Ok((space, Start { entry, sp: tables.sp }))
    }

    /// Maps the program's own segments.
    fn load(&self, to: &Target<'_>, chance: &mut Chance<'_>) -> Result<Loaded> {
        let image = &self.image;
        let mut loaded = Loaded::default();
        loaded.code.start = u64::MAX;
        let mut end = 0u64;
        let mut first = true;
        for segment in image.loads() {
            let mut total = 0;
            let mut flags = MapFlags::FIXED;
            if first {
                flags = MapFlags::FIXED_NOREPLACE;
                if image.is_movable() {
                    loaded.bias = match self.interpreter {
                        None => {
                            flags = MapFlags::EMPTY;
                            0
                        }
                        Some(_) => {
                            let base = PIE_BASE + chance.mmap_offset();
                            base & !image.alignment().saturating_sub(1)
                        }
                    };
                    loaded.bias = page_down(loaded.bias.wrapping_sub(segment.vaddr));
                    total = image.span();
                    if total == 0 {
                        return Err(EINVAL);
                    }
                }
            }
            let addr = loaded.bias.wrapping_add(segment.vaddr);
            let mapped = image.load(to, addr, segment, flags, total)?;
            if mapped >= USER_END {
                return Err(EINVAL);
            }
            if first && image.is_movable() {
                let moved = mapped.wrapping_sub(page_down(addr));
                loaded.bias = loaded.bias.wrapping_add(moved);
            }
            first = false;
            let file_end = segment.offset.saturating_add(segment.filesz);
            if (segment.offset..file_end).contains(&image.phoff) {
                loaded.phdr = (image.phoff - segment.offset).wrapping_add(segment.vaddr);
            }
            check_sizes(segment, segment.vaddr).ok_or(EINVAL)?;
            let (start, stop) = (segment.vaddr, segment.vaddr + segment.filesz);
            if segment.prot.has(Prot::EXEC) {
                loaded.code.start = loaded.code.start.min(start);
                loaded.code.end = loaded.code.end.max(stop);
            }
            loaded.data.start = loaded.data.start.max(start);
            loaded.data.end = loaded.data.end.max(stop);
            end = end.max(segment.vaddr + segment.memsz);
        }
        let bias = loaded.bias;
        for address in [
            &mut loaded.phdr,
            &mut loaded.code.start,
            &mut loaded.code.end,
            &mut loaded.data.start,
            &mut loaded.data.end,
        ] {
            *address = address.wrapping_add(bias);
        }
        loaded.end = page_up(end.wrapping_add(bias)).ok_or(ENOMEM)?;
        Ok(loaded)
    }
}

/// Maps the interpreter; returns by how much its addresses are moved (`load_elf_interp`).
fn load_interpreter(to: &Target<'_>, image: &Image) -> Result<u64> {
    if !image.is_loadable() {
        return Err(EPERM);
    }
    let mut total = image.span();
    if total == 0 {
        return Err(EINVAL);
    }
    let mut bias: Option<u64> = None;
    let (mut bss, mut end, mut bss_prot) = (0u64, 0u64, Prot::NONE);
    for segment in image.loads() {
        let (flags, addr) = match bias {
            Some(bias) => (MapFlags::FIXED, bias.wrapping_add(segment.vaddr)),
            None if image.is_movable() => (MapFlags::EMPTY, 0),
            None => (MapFlags::FIXED, segment.vaddr),
        };
        let mapped = image.map(to, addr, segment, flags, total)?;
        total = 0;
        let own =
            if image.is_movable() { mapped.wrapping_sub(page_down(segment.vaddr)) } else { 0 };
        let bias = *bias.get_or_insert(own);
        let start = bias.wrapping_add(segment.vaddr);
        check_sizes(segment, start).ok_or(ENOMEM)?;
        bss = bss.max(start + segment.filesz);
        if start + segment.memsz > end {
            end = start + segment.memsz;
            bss_prot = segment.prot;
        }
    }
    to.zero_page_from(bss)?;
    to.map_zeroes(bss, end, bss_prot)?;
    bias.ok_or(EINVAL)
}

/// Whether a segment at `start` lies within user space.
fn check_sizes(segment: &Segment, start: u64) -> Option<()> {
    let fits = start < USER_END
        && segment.filesz <= segment.memsz
        && segment.memsz <= USER_END
        && USER_END - segment.memsz >= start;
    fits.then_some(())
}

impl Target<'_> {
    /// Makes the stack: the strings' frames at its top, and some room below them.
    fn map_stack(
        &self,
        top: u64,
        strings: &Strings,
        stack_limit: u64,
        executable: bool,
    ) -> Result<()> {
        let used = (strings.frames().len() as u64) * PAGE;
        if top < MMAP_MIN_ADDR || used >= top - MMAP_MIN_ADDR {
            return Err(ENOMEM);
        }
        let size = (used + STACK_EXPAND).min(page_down(stack_limit)).max(used);
        let mut prot = Prot::READ | Prot::WRITE;
        if executable {
            prot |= Prot::EXEC;
        }
        self.space.map_stack(top - size..top, prot, strings.frames()).map_err(|_| EFAULT)
    }

    /// Maps zeroes from the first whole page at or after `from` to `end` (`vm_brk_flags`).
    fn map_zeroes(&self, from: u64, end: u64, prot: Prot) -> Result<()> {
        let from = page_up(from).ok_or(ENOMEM)?;
        let end = page_up(end).ok_or(ENOMEM)?;
        if end <= from {
            return Ok(());
        }
        let flags = MapFlags::PRIVATE | MapFlags::ANONYMOUS | MapFlags::FIXED;
        let prot = Prot::READ | Prot::WRITE | (prot & Prot::EXEC);
        let request =
            MapRequest { addr: from, len: end - from, prot, flags, offset: 0, file: None };
        self.space.mmap(request, self.who).map(|_| ())
    }

    /// Zeroes from `at` to the end of its page (`padzero`).
    fn zero_page_from(&self, at: u64) -> Result<()> {
        self.space.zero_out(at, to_page_end(at) as usize)
    }
}

#[cfg(test)]
mod tests;
