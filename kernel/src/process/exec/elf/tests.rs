//! Programs made here, and a real one, loaded into spaces of the host machine; then the same ones
//! cut off at every length and damaged at every byte.

use alloc::collections::BTreeMap;
use alloc::vec;

use abi::elf_aux::{
    AT_BASE, AT_ENTRY, AT_EXECFN, AT_NULL, AT_PAGESZ, AT_PHDR, AT_PHNUM, AT_PLATFORM, AT_RANDOM,
    AT_UID, PT_INTERP, PT_LOAD,
};
use abi::errno::{E2BIG, ENOENT};
use hal::mem::Frame;

use super::*;
use crate::cred::{Cred, Limits};
use crate::lock::order;
use crate::mm::{MapSource, Mappings, PageSource};
use crate::wait::Mutex;

/// A file in memory.
struct Bytes {
    bytes: Vec<u8>,
    pages: Arc<Pages>,
}

/// Its pages.
struct Pages {
    bytes: Vec<u8>,
    frames: Mutex<BTreeMap<u64, Frame>, order::PageCache>,
    mappings: Mappings,
}

impl PageSource for Pages {
    fn page(&self, index: u64, _write: bool) -> Result<Frame> {
        let mut frames = self.frames.lock();
        let frame = frames.entry(index).or_insert_with(|| {
            let frame = Frame::zeroed().unwrap();
            let rest = &self.bytes[(index * PAGE) as usize..];
            frame.write(0, &rest[..rest.len().min(PAGE as usize)]);
            frame
        });
        Ok(frame.clone())
    }

    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn mappings(&self) -> Option<&Mappings> {
        Some(&self.mappings)
    }
}

impl Executable for Bytes {
    fn read_at(&self, at: u64, to: &mut [u8]) -> Result<usize> {
        let rest = self.bytes.get(at as usize..).unwrap_or(&[]);
        let len = rest.len().min(to.len());
        to[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    fn map(&self) -> MapFile {
        MapFile {
            source: Some(MapSource::Pages(self.pages.clone())),
            file: self.pages.clone(),
            readable: true,
            writable: false,
            append_only: false,
            noexec: false,
        }
    }

    fn exe(self: Arc<Self>) -> FileRef {
        self.pages.clone()
    }
}

fn file(bytes: &[u8]) -> Arc<dyn Executable> {
    let pages = Pages {
        bytes: bytes.to_vec(),
        frames: Mutex::new(BTreeMap::new()),
        mappings: Mappings::default(),
    };
    Arc::new(Bytes { bytes: bytes.to_vec(), pages: Arc::new(pages) })
}

fn load(offset: u64, vaddr: u64, filesz: u64, memsz: u64, flags: u32) -> Elf64Phdr {
    Elf64Phdr {
        p_type: PT_LOAD,
        p_flags: abi::elf_aux::SegmentFlags(flags),
        p_offset: offset,
        p_vaddr: vaddr,
        p_paddr: 0,
        p_filesz: filesz,
        p_memsz: memsz,
        p_align: PAGE,
    }
}

/// An ELF file of three pages, page `n` filled with `n` where no header lies.
fn elf(kind: u16, headers: &[Elf64Phdr], path: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 3 * PAGE as usize];
    for (i, page) in bytes.chunks_mut(PAGE as usize).enumerate() {
        page.fill(i as u8);
    }
    let mut header = Elf64Ehdr::ZERO;
    header.e_ident[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    header.e_type = kind;
    header.e_machine = EM_X86_64;
    header.e_entry = headers.first().map_or(0, |h| h.p_vaddr + 0x100);
    header.e_phoff = HEADER as u64;
    header.e_phentsize = ENTRY as u16;
    header.e_phnum = headers.len() as u16;
    header.put(&mut bytes);
    for (i, header) in headers.iter().enumerate() {
        header.put(&mut bytes[HEADER + i * ENTRY..]);
    }
    bytes[0x800..0x800 + path.len()].copy_from_slice(path);
    bytes
}

/// Text, data with zeroes behind it, an executable stack.
fn sample(kind: u16, base: u64) -> Vec<u8> {
    let stack = Elf64Phdr { p_type: PT_GNU_STACK, ..load(0, 0, 0, 0, 7) };
    let data = load(0x1e00, base + 0x2e00, 0x300, 0x3000, 6);
    elf(kind, &[load(0, base, 0x1000, 0x1000, 5), data, stack], b"")
}

/// One that names an interpreter.
fn dynamic(base: u64) -> Vec<u8> {
    let interp = Elf64Phdr { p_type: PT_INTERP, ..load(0x800, 0, 7, 7, 4) };
    elf(ET_DYN, &[load(0, base, 0x1000, 0x1000, 5), interp], b"/ld.so\0")
}

fn nothing(_: &[u8]) -> Result<Arc<dyn Executable>> {
    Err(ENOENT)
}

fn strings() -> Strings {
    Strings::new(b"/bin/prog", &[b"prog", b"-x"], &[b"HOME=/"], 8 << 20).unwrap()
}

fn commit(program: &Program, random: bool) -> Result<(Arc<Space>, Start)> {
    let mut seed = 12345u64;
    let mut numbers = move || {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        seed ^ seed >> 31
    };
    let mut chance = Chance::new(&mut numbers, random);
    let facts = Facts { uid: 1000, ..Facts::default() };
    let who = Who { cred: &Cred::root(), limits: &Limits::init(1000) };
    program.commit(strings(), &facts, who, None, &mut chance)
}

fn run(bytes: &[u8]) -> Result<(Arc<Space>, Start)> {
    commit(&prepare(file(bytes), &mut nothing)?, false)
}

fn byte(space: &Space, at: u64) -> Result<u8> {
    let mut byte = [0];
    space.copy_in(at, &mut byte).map(|()| byte[0])
}

fn word(space: &Space, at: u64) -> u64 {
    let mut bytes = [0; 8];
    space.copy_in(at, &mut bytes).unwrap();
    u64::from_ne_bytes(bytes)
}

fn text(space: &Space, at: u64) -> Vec<u8> {
    crate::mm::user::UserStr::new(at).read(space, 100).unwrap()
}

/// Strings of a program.
type Texts = Vec<Vec<u8>>;

/// The stack from `argc` on: arguments, environment, auxiliary vector.
fn tables(space: &Space, mut sp: u64) -> (Texts, Texts, Vec<(u64, u64)>) {
    let mut next = || {
        sp += 8;
        word(space, sp - 8)
    };
    let argc = next();
    let args = (0..argc).map(|_| text(space, next())).collect();
    assert_eq!(next(), 0);
    let mut env = Vec::new();
    loop {
        match next() {
            0 => break,
            at => env.push(text(space, at)),
        }
    }
    let mut auxv = Vec::new();
    while auxv.last().is_none_or(|(key, _)| *key != AT_NULL) {
        auxv.push((next(), next()));
    }
    (args, env, auxv)
}

#[test]
fn a_static_program_lies_where_it_says() {
    let (space, start) = run(&sample(ET_EXEC, 0x40_0000)).unwrap();
    assert_eq!(start.entry, 0x40_0100);
    assert_eq!(start.sp % 16, 0);
    assert_eq!(byte(&space, 0x40_0fff), Ok(0));
    assert_eq!(byte(&space, 0x40_1000), Err(EFAULT));
    assert_eq!(byte(&space, 0x40_2e00), Ok(1));
    assert_eq!(byte(&space, 0x40_30ff), Ok(2));
    assert_eq!(byte(&space, 0x40_3100), Ok(0), "zero from the file's end on");
    assert_eq!(byte(&space, 0x40_5dff), Ok(0));
    space.copy_out(0x40_5000, b"x").unwrap();
    assert_eq!(space.copy_out(0x40_0000, b"x"), Err(EFAULT));
    assert_eq!(byte(&space, 0x40_6000), Err(EFAULT));
    let addresses = space.addresses();
    assert_eq!(addresses.brk, 0x40_6000..0x40_6000);
    assert_eq!(addresses.code, 0x40_0000..0x40_1000);
    assert_eq!(addresses.data, 0x40_2e00..0x40_3100);
    assert_eq!(addresses.start_stack, start.sp);
    let stack = space.ranges(start.sp, 1).unwrap().remove(0);
    assert_eq!(stack.range, 0x7fff_ffff_f000 - 33 * PAGE..0x7fff_ffff_f000);
    assert!(stack.prot.has(Prot::EXEC), "as PT_GNU_STACK says");
}

#[test]
fn the_stack_tells_what_linux_tells() {
    let (space, start) = run(&sample(ET_EXEC, 0x40_0000)).unwrap();
    let (args, env, auxv) = tables(&space, start.sp);
    assert_eq!(args, [b"prog".to_vec(), b"-x".to_vec()]);
    assert_eq!(env, [b"HOME=/".to_vec()]);
    let keys: Vec<u64> = auxv.iter().map(|(key, _)| *key).collect();
    // AT_MINSIGSTKSZ, AT_HWCAP, AT_PAGESZ ... in the order of /proc/self/auxv.
    assert_eq!(keys, [51, 16, 6, 17, 3, 4, 5, 7, 8, 9, 11, 12, 13, 14, 23, 25, 26, 31, 15, 0]);
    let value = |key| auxv.iter().find(|(k, _)| *k == key).unwrap().1;
    assert_eq!(value(AT_PAGESZ), PAGE);
    assert_eq!(value(AT_PHDR), 0x40_0040);
    assert_eq!(value(AT_PHNUM), 3);
    assert_eq!(value(AT_BASE), 0);
    assert_eq!(value(AT_ENTRY), 0x40_0100);
    assert_eq!(value(AT_UID), 1000);
    assert_eq!(text(&space, value(AT_EXECFN)), b"/bin/prog");
    assert_eq!(value(AT_EXECFN), 0x7fff_ffff_f000 - 8 - 10);
    assert_eq!(text(&space, value(AT_PLATFORM)), b"x86_64");
    assert_ne!(word(&space, value(AT_RANDOM)), 0);
    let addresses = space.addresses();
    let mut bytes = vec![0; (addresses.args.end - addresses.args.start) as usize];
    space.copy_in(addresses.args.start, &mut bytes).unwrap();
    assert_eq!(bytes, b"prog\0-x\0");
    assert_eq!(text(&space, addresses.env.start), b"HOME=/");
    assert_eq!(addresses.env.start, addresses.args.end);
    assert_eq!(word(&space, addresses.auxv.start), 51);
    assert_eq!(addresses.auxv.end - addresses.auxv.start, 20 * 16);
}

#[test]
fn movable_programs_and_their_interpreter() {
    let (space, start) = run(&sample(ET_DYN, 0)).unwrap();
    let base = start.entry - 0x100;
    assert_eq!(base, 0x7fff_f7ff_f000 - 6 * PAGE, "a static one lies among the mappings");
    assert_eq!(space.addresses().brk.start, base + 6 * PAGE);
    assert_eq!(byte(&space, base + 0x2e00), Ok(1));

    let interpreter = sample(ET_DYN, 0x1000);
    let mut opened = Vec::new();
    let mut open = |path: &[u8]| {
        opened.push(path.to_vec());
        Ok(file(&interpreter))
    };
    let program = prepare(file(&dynamic(0x2000)), &mut open).unwrap();
    assert_eq!(opened, [b"/ld.so".to_vec()]);
    let (space, start) = commit(&program, false).unwrap();
    let (_, _, auxv) = tables(&space, start.sp);
    let value = |key| auxv.iter().find(|(k, _)| *k == key).unwrap().1;
    assert_eq!(value(AT_ENTRY), 0x5555_5555_4100);
    assert_eq!(value(AT_PHDR), 0x5555_5555_4040);
    let base = 0x7fff_f7ff_f000 - 7 * PAGE;
    assert_eq!((value(AT_BASE), start.entry), (base, base + 0x1100));
    assert_eq!(byte(&space, base + 0x3e00), Ok(1));

    let (space, random) = commit(&program, true).unwrap();
    assert_ne!(random.entry, start.entry);
    assert_ne!(space.addresses().code.start, 0x5555_5555_4000);
    assert!(space.addresses().brk.start > space.addresses().code.end);
    assert_eq!(random.sp % 16, 0);
}

#[test]
fn bad_programs_are_refused_as_by_linux() {
    let refused = |bytes: &[u8]| prepare(file(bytes), &mut nothing).err();
    assert_eq!(refused(b""), Some(ENOEXEC));
    assert_eq!(refused(b"#!/bin/sh\n"), Some(ENOEXEC));
    assert_eq!(refused(&sample(1, 0x40_0000)), Some(ENOEXEC));
    let change = |at: usize, value: &[u8]| {
        let mut bytes = sample(ET_EXEC, 0x40_0000);
        bytes[at..at + value.len()].copy_from_slice(value);
        bytes
    };
    assert_eq!(refused(&change(18, &[183, 0])), Some(ENOEXEC), "another machine");
    assert_eq!(refused(&change(54, &[32])), Some(ENOEXEC), "e_phentsize");
    assert_eq!(refused(&change(56, &[0])), Some(ENOEXEC), "e_phnum");
    assert_eq!(refused(&change(56, &[74])), Some(ENOEXEC), "more than a page of headers");
    assert_eq!(refused(&change(32, &[0xff; 8])), Some(ENOEXEC), "e_phoff");
    assert_eq!(refused(&change(4, &[1, 2, 7])), None, "nobody looks at the class");

    assert_eq!(refused(&dynamic(0)), Some(ENOENT), "as open says");
    let with = |interpreter: &[u8]| {
        let mut open = |_: &[u8]| Ok(file(interpreter));
        prepare(file(&dynamic(0)), &mut open).err()
    };
    assert_eq!(with(b"too short"), Some(EIO));
    assert_eq!(with(&[0; 100]), Some(ELIBBAD));
    let mut unterminated = dynamic(0);
    unterminated[0x806] = b'x';
    assert_eq!(refused(&unterminated), Some(ENOEXEC));

    // Past Linux's point of no return.
    let fatal = |headers: &[Elf64Phdr]| run(&elf(ET_EXEC, headers, b"")).err();
    assert_eq!(fatal(&[load(0x10, 0x40_0000, 0x100, 0x100, 5)]), Some(EINVAL), "not congruent");
    assert_eq!(fatal(&[load(0, 0x40_0000, 0x200, 0x100, 5)]), Some(EINVAL), "filesz > memsz");
    assert_eq!(fatal(&[load(0, 0x40_0000, 0, u64::MAX, 5)]), Some(EINVAL));
    assert_eq!(fatal(&[load(0, u64::MAX - 0xfff, 0x1000, 0x1000, 5)]), Some(ENOMEM));
    assert_eq!(fatal(&[load(0, 0x40_0000, 0x100, 0x200, 5)]), None, "zeroes in text: left out");
    let loader = elf(ET_EXEC, &[load(0, 0x80_0000, 0x100, 0x200, 5)], b"");
    let program = prepare(file(&dynamic(0)), &mut |_| Ok(file(&loader))).unwrap();
    assert_eq!(commit(&program, false).err(), Some(EFAULT), "but not of an interpreter");
    assert_eq!(run(&elf(ET_DYN, &[load(0, 0, 0, 0, 5)], b"")).err(), Some(EINVAL));
}

#[test]
fn overlapping_segments_replace_each_other() {
    let headers = [load(0, 0x40_0000, 0x2000, 0x2000, 5), load(0x2000, 0x40_1000, 0x800, 0x800, 6)];
    let (space, _) = run(&elf(ET_EXEC, &headers, b"")).unwrap();
    assert_eq!(byte(&space, 0x40_1000), Ok(2));
    space.copy_out(0x40_1000, b"w").unwrap();
    assert_eq!(space.copy_out(0x40_0fff, b"w"), Err(EFAULT));
}

/// Loads what may be damaged: an error is fine, a panic is not.
fn try_anything(bytes: &[u8], interpreter: &[u8]) {
    let mut open = |_: &[u8]| Ok(file(interpreter));
    if let Ok(program) = prepare(file(bytes), &mut open) {
        let _ = commit(&program, true);
    }
}

#[test]
fn no_damage_makes_the_loader_panic() {
    let program = dynamic(0);
    let interpreter = sample(ET_DYN, 0x1000);
    for length in (0..0x900).chain([0x1000, 0x1800, 0x2000, 0x2fff]) {
        try_anything(&program[..length], &interpreter);
        try_anything(&program, &interpreter[..length]);
        try_anything(&sample(ET_EXEC, 0x40_0000)[..length], &[]);
    }
    for at in 0..HEADER + 3 * ENTRY {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            for (mut bytes, role) in
                [(program.clone(), 0), (interpreter.clone(), 1), (sample(ET_EXEC, 0x40_0000), 2)]
            {
                bytes[at] = value;
                match role {
                    1 => try_anything(&program, &bytes),
                    _ => try_anything(&bytes, &interpreter),
                }
            }
        }
    }
}

#[test]
fn a_real_program_survives_damage_too() {
    // The test itself is a program with an interpreter, several segments, and notes.
    let own = std::env::current_exe().and_then(std::fs::read).unwrap();
    let own = &own[..own.len().min(1 << 16)];
    let count = usize::from(Elf64Ehdr::get(own).e_phnum);
    assert!(prepare(file(own), &mut |_| Ok(file(own))).is_ok());
    let headers = HEADER + count * ENTRY;
    for at in 0..headers {
        let mut bytes = own[..headers + 0x1000].to_vec();
        bytes[at] ^= 0xa5;
        try_anything(&bytes, &bytes);
        try_anything(&own[..at], &own[..at]);
    }
}

#[test]
fn a_static_musl_program_is_loaded() {
    let folder = std::env::temp_dir().join(std::format!("eclipse-elf-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (source, program) = (folder.join("main.c"), folder.join("main"));
    std::fs::write(&source, "int zero[5000]; int one[] = {1}; int main(void) { return *one; }")
        .unwrap();
    let built = std::process::Command::new("musl-gcc")
        .args(["-static", "-o"])
        .args([&program, &source])
        .status()
        .is_ok_and(|status| status.success());
    let bytes = built.then(|| std::fs::read(&program).unwrap());
    std::fs::remove_dir_all(&folder).unwrap();
    // Without musl-gcc there is nothing to load; the machine that runs all tests has it.
    let Some(bytes) = bytes else { return };
    let (space, start) = run(&bytes).unwrap();
    let header = Elf64Ehdr::get(&bytes);
    assert_eq!(start.entry, header.e_entry);
    let (_, _, auxv) = tables(&space, start.sp);
    let phdr = auxv.iter().find(|(key, _)| *key == AT_PHDR).unwrap().1;
    let first = header.e_phoff as usize;
    let mut seen = [0; ENTRY];
    space.copy_in(phdr, &mut seen).unwrap();
    assert_eq!(seen, bytes[first..first + ENTRY], "AT_PHDR shows the program headers");
    // Every byte of every segment is where it belongs.
    for i in 0..usize::from(header.e_phnum) {
        let header = Elf64Phdr::get(&bytes[first + i * ENTRY..]);
        if header.p_type != PT_LOAD {
            continue;
        }
        let mut memory = vec![0xaa; header.p_memsz as usize];
        space.copy_in(header.p_vaddr, &mut memory).unwrap();
        let (data, zeroes) = memory.split_at(header.p_filesz as usize);
        let from = header.p_offset as usize;
        assert_eq!(data, &bytes[from..from + data.len()]);
        assert!(zeroes.iter().all(|b| *b == 0));
    }
}

#[test]
fn argument_limits() {
    let long = vec![b'a'; 131_071];
    let new = |args: &[&[u8]], limit| Strings::new(b"/p", args, &[], limit).err();
    assert_eq!(new(&[&long], 8 << 20), None);
    let longer = vec![b'a'; 131_072];
    assert_eq!(new(&[&longer], 8 << 20), Some(E2BIG));
    assert_eq!(new(&[&long[..1000]; 120], 1 << 16), None, "ARG_MAX however small the stack");
    assert_eq!(new(&[&long[..1000]; 140], 1 << 16), Some(E2BIG));
    assert_eq!(new(&[&long[..]; 15], 8 << 20), None, "a quarter of the stack");
    assert_eq!(new(&[&long[..]; 16], 8 << 20), Some(E2BIG));
    assert_eq!(new(&[&long[..]; 47], u64::MAX), None);
    assert_eq!(new(&[&long[..]; 48], u64::MAX), Some(E2BIG));
}

#[test]
fn strings_come_from_user_memory_and_scripts_change_them() {
    let space = Space::new(8 << 20, &mut Chance::new(&mut || 0, false)).unwrap();
    let who = Who { cred: &Cred::root(), limits: &Limits::init(1000) };
    let flags = MapFlags::PRIVATE | MapFlags::ANONYMOUS;
    let request = MapRequest {
        addr: 0,
        len: 2 * PAGE,
        prot: Prot::READ | Prot::WRITE,
        flags,
        offset: 0,
        file: None,
    };
    let at = space.mmap(request, who).unwrap();
    let poke = |offset: u64, word: u64| space.copy_out(at + offset, &word.to_ne_bytes()).unwrap();
    space.copy_out(at + 100, b"script\0one\0A=1\0").unwrap();
    poke(0, at + 100);
    poke(8, at + 107);
    poke(32, at + 111);
    let copy = |argv, envp| Strings::copy(&space, b"./script", argv, envp, 8 << 20);
    assert_eq!(copy(at + 2 * PAGE, 0).err(), Some(EFAULT));
    poke(64, 1);
    assert_eq!(copy(at + 64, 0).err(), Some(EFAULT));

    let program = prepare(file(&sample(ET_EXEC, 0x40_0000)), &mut nothing).unwrap();
    let seen = |strings| {
        let mut numbers = || 7;
        let mut chance = Chance::new(&mut numbers, false);
        let (space, start) =
            program.commit(strings, &Facts::default(), who, None, &mut chance).unwrap();
        let (args, env, auxv) = tables(&space, start.sp);
        let path = auxv.iter().find(|(key, _)| *key == AT_EXECFN).unwrap().1;
        (args, env, text(&space, path))
    };
    let mut strings = copy(at, at + 32).unwrap();
    strings.interpret(b"/bin/sh", Some(b"-e"), b"./script").unwrap();
    let (args, env, path) = seen(strings);
    assert_eq!(args, [&b"/bin/sh"[..], b"-e", b"./script", b"one"]);
    assert_eq!(env, [b"A=1"]);
    assert_eq!(path, b"./script");

    let (args, env, _) = seen(copy(0, 0).unwrap());
    assert_eq!((args.as_slice(), env.len()), (&[Vec::new()][..], 0), "an empty argument 0");
}
