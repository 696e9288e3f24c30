//! What a program finds on its stack: arguments, environment, the auxiliary vector.
//!
//! From the top of the stack downwards (`fs/exec.c`, `create_elf_tables` of Linux 6.1):
//!
//! ```text
//! 8 bytes of zero
//! the path given to execve (AT_EXECFN)
//! environment strings, the first one lowest
//! argument strings, likewise
//! up to 8 KiB left to chance, then "x86_64" (AT_PLATFORM), 16 random bytes (AT_RANDOM)
//! auxiliary vector; NULL, environment pointers; NULL, argument pointers; argc   <- sp, 16-aligned
//! ```
//!
//! Strings are copied while the old program's memory still is there, into frames that then become
//! the top of the new stack as they are ([`Strings`]).

use alloc::vec::Vec;
use core::ops::Range;

use abi::elf_aux::{
    AT_BASE, AT_CLKTCK, AT_EGID, AT_ENTRY, AT_EUID, AT_EXECFN, AT_FLAGS, AT_GID, AT_HWCAP,
    AT_HWCAP2, AT_MINSIGSTKSZ, AT_NULL, AT_PAGESZ, AT_PHDR, AT_PHENT, AT_PHNUM, AT_PLATFORM,
    AT_RANDOM, AT_SECURE, AT_SYSINFO_EHDR, AT_UID,
};
use abi::errno::{E2BIG, EFAULT, ENAMETOOLONG, ENOMEM, ERESTARTNOHAND, Result};
use hal::mem::Frame;

use crate::mm::user::{UserIn, UserStr};
use crate::mm::{Chance, PAGE, Space, go_on};

/// Longest single string, its NUL included (`MAX_ARG_STRLEN`).
const MAX_ARG_STRLEN: usize = 32 * PAGE as usize;
/// Strings and pointers may always take this much, however small the stack (`ARG_MAX`).
const ARG_MAX: u64 = 131_072;
/// ... and never more than this: three quarters of the ordinary stack limit (`_STK_LIM`).
const ARG_CEILING: u64 = (8 << 20) / 4 * 3;
/// A pointer's size in memory.
const WORD: u64 = 8;
/// Most strings in one list (`MAX_ARG_STRINGS`).
const MAX_STRINGS: usize = i32::MAX as usize;
/// Bytes of a list looked at together.
const PIECE: usize = 512;
/// The zeroes at the very top.
const TOP_GAP: u64 = WORD;

const PLATFORM: &[u8] = b"x86_64\0";
/// Ticks per second, as user space counts them (`USER_HZ`).
const USER_HZ: u64 = 100;
/// Size of a program header.
const PHENT: u64 = 56;

/// The strings of a program to be, laid out as they will lie at the top of its stack.
///
/// Places are counted in bytes down from the stack's top.
pub struct Strings {
    /// Page `i` ends `i` pages below the top.
    frames: Vec<Frame>,
    /// Bytes in use, the zeroes at the top included.
    used: u64,
    /// `used` may not exceed this.
    limit: u64,
    argc: usize,
    envc: usize,
    /// Where the path of the program starts.
    path: u64,
    /// Where the first environment string starts.
    env: u64,
}

impl Strings {
    /// Copies the strings of execve(2) from user memory. `argv` and `envp` may be NULL.
    ///
    /// Linux does this before it looks at the file, so `EFAULT` and `E2BIG` come before `ENOENT`.
    /// If there is no argument, an empty one is added.
    pub fn copy(
        space: &Space,
        path: &[u8],
        argv: u64,
        envp: u64,
        stack_limit: u64,
    ) -> Result<Self> {
        let (argc, envc) = (count(space, argv)?, count(space, envp)?);
        let mut strings = Self::with_room(stack_limit, argc, envc)?;
        strings.push_path(path)?;
        strings.push_list(space, envp, envc)?;
        strings.env = strings.used;
        strings.push_list(space, argv, argc)?;
        strings.ensure_argument()
    }

    /// The same from strings of the kernel, for the first program.
    pub fn new(path: &[u8], argv: &[&[u8]], envp: &[&[u8]], stack_limit: u64) -> Result<Self> {
        let mut strings = Self::with_room(stack_limit, argv.len(), envp.len())?;
        strings.push_path(path)?;
        for text in envp.iter().rev() {
            strings.push(text)?;
        }
        strings.env = strings.used;
        for text in argv.iter().rev() {
            strings.push(text)?;
        }
        strings.ensure_argument()
    }

    /// `bprm_stack_limits`: pointers and strings share a quarter of the stack.
    fn with_room(stack_limit: u64, argc: usize, envc: usize) -> Result<Self> {
        let limit = ARG_CEILING.min(stack_limit / 4).max(ARG_MAX);
        let pointers = (argc.max(1) as u64 + envc as u64) * WORD;
        if limit <= pointers {
            return Err(E2BIG);
        }
        let limit = limit - pointers + TOP_GAP;
        let used = TOP_GAP;
        Ok(Self { frames: Vec::new(), used, limit, argc, envc, path: used, env: used })
    }

    fn push_path(&mut self, path: &[u8]) -> Result<()> {
        self.push(path)?;
        self.path = self.used;
        Ok(())
    }

    fn push_list(&mut self, space: &Space, list: u64, count: usize) -> Result<()> {
        for index in (0..count as u64).rev() {
            let pointer = UserIn::<u64>::new(list + index * WORD).read(space)?;
            let text = UserStr::new(pointer).read(space, MAX_ARG_STRLEN).map_err(too_big)?;
            self.push(&text)?;
        }
        Ok(())
    }

    fn ensure_argument(mut self) -> Result<Self> {
        if self.argc == 0 {
            self.push(b"")?;
            self.argc = 1;
        }
        Ok(self)
    }

    /// Puts a string and its NUL below the others.
    fn push(&mut self, text: &[u8]) -> Result<()> {
        let end = self.used;
        let used = end + text.len() as u64 + 1;
        if text.len() >= MAX_ARG_STRLEN || used > self.limit {
            return Err(E2BIG);
        }
        while (self.frames.len() as u64) * PAGE < used {
            self.frames.try_reserve(1).map_err(|_| ENOMEM)?;
            self.frames.push(Frame::zeroed().map_err(|_| ENOMEM)?);
        }
        self.used = used;
        let mut rest = text;
        let mut at = used;
        while !rest.is_empty() {
            let (page, offset, room) = place(at);
            let (now, later) = rest.split_at(room.min(rest.len()));
            self.frames[page].write(offset, now);
            at -= now.len() as u64;
            rest = later;
        }
        // The frame is zero where nothing was written, but argument 0 may have been dropped here.
        let (page, offset, _) = place(at);
        self.frames[page].write(offset, &[0]);
        Ok(())
    }

    /// Reads bytes from `at` below the top upwards.
    fn read(&self, at: u64, to: &mut [u8]) {
        let mut done = 0;
        while done < to.len() {
            let (page, offset, room) = place(at - done as u64);
            let end = to.len().min(done + room);
            self.frames[page].read(offset, &mut to[done..end]);
            done = end;
        }
    }

    /// Calls `visit` with the place of each of `count` strings from `at` on; returns where the
    /// last one ends.
    fn each(&self, at: u64, count: usize, mut visit: impl FnMut(u64) -> Result<()>) -> Result<u64> {
        let mut piece = [0; 256];
        let (mut start, mut at, mut left) = (at, at, count);
        while left > 0 {
            let part = &mut piece[..(at as usize).min(256)];
            self.read(at, part);
            for byte in &*part {
                at -= 1;
                if *byte == 0 && left > 0 {
                    visit(start)?;
                    start = at;
                    left -= 1;
                }
            }
        }
        Ok(start)
    }

    /// Argument 0 gives way to a script's interpreter, its argument if there is one, and the
    /// script's path.
    pub fn interpret(
        &mut self,
        interpreter: &[u8],
        argument: Option<&[u8]>,
        script: &[u8],
    ) -> Result<()> {
        self.used = self.each(self.used, 1, |_| Ok(()))?;
        self.argc -= 1;
        for text in [Some(script), argument, Some(interpreter)].into_iter().flatten() {
            self.push(text)?;
            self.argc += 1;
        }
        Ok(())
    }

    /// Where they begin if the stack ends at `top`.
    pub fn start(&self, top: u64) -> u64 {
        top - self.used
    }

    /// The frames, from the top of the stack down.
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }
}

/// Page, offset in it and bytes up to the page's end, for a place `at` bytes below the top.
fn place(at: u64) -> (usize, usize, usize) {
    let page = (at - 1) / PAGE;
    let room = at - page * PAGE;
    (page as usize, (PAGE - room) as usize, room as usize)
}

/// Number of pointers before the NULL. As on Linux, a list that memory ends is `EFAULT` however
/// long it is: whether it is too long is asked afterwards.
fn count(space: &Space, list: u64) -> Result<usize> {
    if list == 0 {
        return Ok(0);
    }
    let mut piece = [0; PIECE];
    let mut count = 0;
    loop {
        let at = list.checked_add(count as u64 * WORD).ok_or(EFAULT)?;
        let got = space.copy_in_partial(at, &mut piece);
        let mut words = piece[..got].chunks_exact(WORD as usize);
        if let Some(end) = words.position(|word| word.iter().all(|byte| *byte == 0)) {
            return Ok(count + end);
        }
        if got < PIECE {
            return Err(EFAULT);
        }
        count += PIECE / WORD as usize;
        if count > MAX_STRINGS {
            return Err(E2BIG);
        }
        if !go_on(count as u64 * WORD) {
            return Err(ERESTARTNOHAND);
        }
    }
}

fn too_big(error: abi::Errno) -> abi::Errno {
    if error == ENAMETOOLONG { E2BIG } else { error }
}

/// What the auxiliary vector says of the machine and of the user.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts {
    /// Real and effective ids after this execve.
    pub uid: u32,
    /// Effective user id.
    pub euid: u32,
    /// Real group id.
    pub gid: u32,
    /// Effective group id.
    pub egid: u32,
    /// The program got rights its caller may not have (set-user-id).
    pub secure: bool,
    /// `AT_HWCAP`: CPUID leaf 1, EDX.
    pub hwcap: u64,
    /// `AT_HWCAP2`: bit 1 is FSGSBASE.
    pub hwcap2: u64,
    /// Bytes a signal's frame takes at most.
    pub min_signal_stack: u64,
}

/// What the auxiliary vector says of the program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProgramFacts {
    /// Address of the program headers in memory.
    pub phdr: u64,
    /// Their number.
    pub phnum: u64,
    /// Where the interpreter was loaded; 0 without one.
    pub base: u64,
    /// The program's own entry point.
    pub entry: u64,
    /// Where the vDSO lies, if it does.
    pub vdso: Option<u64>,
}

/// The finished stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tables {
    /// Where `argc` lies.
    pub sp: u64,
    /// The argument strings.
    pub args: Range<u64>,
    /// The environment strings.
    pub env: Range<u64>,
    /// The auxiliary vector, its `AT_NULL` included.
    pub auxv: Range<u64>,
}

/// Writes everything below the strings, whose frames lie at the top of the stack already.
///
/// `EFAULT` if it does not fit into the stack.
pub fn write_tables(
    space: &Space,
    top: u64,
    strings: &Strings,
    program: &ProgramFacts,
    facts: &Facts,
    chance: &mut Chance<'_>,
) -> Result<Tables> {
    let mut at = chance.stack_pointer(strings.start(top));
    at -= PLATFORM.len() as u64;
    let platform = at;
    space.copy_out(platform, PLATFORM)?;
    at -= 16;
    let random = at;
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&chance.bits().to_ne_bytes());
    bytes[8..].copy_from_slice(&chance.bits().to_ne_bytes());
    space.copy_out(random, &bytes)?;

    let vdso = program.vdso.map(|at| (AT_SYSINFO_EHDR, at));
    let others = [
        (AT_MINSIGSTKSZ, facts.min_signal_stack),
        (AT_HWCAP, facts.hwcap),
        (AT_PAGESZ, PAGE),
        (AT_CLKTCK, USER_HZ),
        (AT_PHDR, program.phdr),
        (AT_PHENT, PHENT),
        (AT_PHNUM, program.phnum),
        (AT_BASE, program.base),
        (AT_FLAGS, 0),
        (AT_ENTRY, program.entry),
        (AT_UID, facts.uid.into()),
        (AT_EUID, facts.euid.into()),
        (AT_GID, facts.gid.into()),
        (AT_EGID, facts.egid.into()),
        (AT_SECURE, facts.secure.into()),
        (AT_RANDOM, random),
        (AT_HWCAP2, facts.hwcap2),
        (AT_EXECFN, top - strings.path),
        (AT_PLATFORM, platform),
        (AT_NULL, 0),
    ];
    let auxv_words = (u64::from(vdso.is_some()) + others.len() as u64) * 2;
    let pointers = 1 + strings.argc as u64 + 1 + strings.envc as u64 + 1;
    let sp = (at - (auxv_words + pointers) * WORD) & !15;

    let mut words = Words { space, at: sp, buffer: [0; 512], len: 0 };
    words.put(strings.argc as u64)?;
    let args_end = strings.each(strings.used, strings.argc, |at| words.put(top - at))?;
    words.put(0)?;
    let env_end = strings.each(strings.env, strings.envc, |at| words.put(top - at))?;
    words.put(0)?;
    let auxv = sp + pointers * WORD;
    for (key, value) in vdso.into_iter().chain(others) {
        words.put(key)?;
        words.put(value)?;
    }
    words.flush()?;
    Ok(Tables {
        sp,
        args: top - strings.used..top - args_end,
        env: top - strings.env..top - env_end,
        auxv: auxv..auxv + auxv_words * WORD,
    })
}

/// Writes words to rising addresses, a few at a time.
struct Words<'a> {
    space: &'a Space,
    at: u64,
    buffer: [u8; 512],
    len: usize,
}

impl Words<'_> {
    fn put(&mut self, word: u64) -> Result<()> {
        self.buffer[self.len..self.len + 8].copy_from_slice(&word.to_ne_bytes());
        self.len += 8;
        if self.len == self.buffer.len() { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        self.space.copy_out(self.at, &self.buffer[..self.len])?;
        self.at += self.len as u64;
        self.len = 0;
        Ok(())
    }
}
