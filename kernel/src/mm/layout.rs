//! Where things lie in an address space, and how much of that is left to chance.
//!
//! The places are Linux's for x86-64 (`arch/x86/mm/mmap.c`, `arch/x86/include/asm/elf.h`): the
//! stack below the top of user space, mappings from below the stack's room downwards, programs
//! that can be loaded anywhere at two thirds of the space.

use core::ops::Range;

use hal::user::USER_END;

use super::{PAGE, page_down};

/// Bytes kept free below a stack (`stack_guard_gap`, 256 pages).
pub const STACK_GUARD_GAP: u64 = 256 * PAGE;

/// How far the stack's top may move, in pages: 22 bits.
const STACK_PAGES: u64 = 0x3f_ffff;
/// How far the mappings' base may move, in pages: 28 bits.
const MMAP_PAGES: u64 = (1 << 28) - 1;
/// How far the heap's start may move, in bytes.
const BRK_ROOM: u64 = 0x200_0000;
/// The least and the most room left to the stack above the mappings.
const STACK_ROOM: Range<u64> = 128 << 20..USER_END / 6 * 5;

/// Bytes that one last-level page table spans.
const TABLE: u64 = 512 * PAGE;

/// Where programs with an interpreter are loaded, before chance moves them (`ELF_ET_DYN_BASE`).
pub const PIE_BASE: u64 = USER_END / 3 * 2;

/// Chance, if the program gets any: off under `ADDR_NO_RANDOMIZE` and where
/// `kernel.randomize_va_space` is 0.
pub struct Chance<'a> {
    random: &'a mut dyn FnMut() -> u64,
    on: bool,
    heap: bool,
}

impl<'a> Chance<'a> {
    /// `random` yields 64 random bits per call; they are used for addresses only if `on`.
    pub fn new(random: &'a mut dyn FnMut() -> u64, on: bool) -> Self {
        Self { random, on, heap: on }
    }

    /// Whether the heap's start is left to chance as well, if anything is.
    pub fn moving_heap(self, heap: bool) -> Self {
        Self { heap: self.on && heap, ..self }
    }

    /// Random bits, whether addresses are left to chance or not.
    pub fn bits(&mut self) -> u64 {
        (self.random)()
    }

    /// Whether addresses are left to chance.
    pub fn is_on(&self) -> bool {
        self.on
    }

    fn masked(&mut self, mask: u64) -> u64 {
        if self.on { (self.random)() & mask } else { 0 }
    }

    /// Bytes to move the mappings' base or a program by.
    pub fn mmap_offset(&mut self) -> u64 {
        self.masked(MMAP_PAGES) * PAGE
    }

    /// The top of the stack's range.
    pub fn stack_top(&mut self) -> u64 {
        let top = USER_END - self.masked(STACK_PAGES) * PAGE;
        super::page_up(self.stack_pointer(top)).unwrap_or(top)
    }

    /// A stack pointer, moved down by up to 8 KiB and aligned.
    pub fn stack_pointer(&mut self, at: u64) -> u64 {
        (at - self.masked(8191)) & !15
    }

    /// Where to look for room for the vDSO of `len` bytes: above the stack that begins at `stack`,
    /// but within the same 2 MiB, so that it takes no page table of its own (`vdso_addr`).
    pub fn vdso(&mut self, stack: u64, len: u64) -> u64 {
        let start = super::page_up(stack).unwrap_or(stack);
        let end = (start + len).next_multiple_of(TABLE).min(USER_END).saturating_sub(len);
        let room = end.saturating_sub(start) / PAGE;
        match self.on {
            true => start + (self.random)() % (room + 1) * PAGE,
            false => start,
        }
    }

    /// The heap's start at or after `at`.
    pub fn brk(&mut self, at: u64) -> u64 {
        if !self.heap {
            return at;
        }
        let from = super::page_up(at).unwrap_or(at);
        from + self.masked(BRK_ROOM / PAGE - 1) * PAGE
    }
}

/// The window mmap(2) chooses from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Mappings are placed below this address, downwards.
    pub mmap_base: u64,
}

impl Layout {
    /// The layout for a program whose stack may grow to `stack_limit` bytes.
    pub fn new(stack_limit: u64, chance: &mut Chance<'_>) -> Self {
        let pad = if chance.on { STACK_PAGES * PAGE } else { 0 } + STACK_GUARD_GAP;
        let gap = stack_limit.checked_add(pad).unwrap_or(stack_limit);
        let gap = gap.clamp(STACK_ROOM.start, STACK_ROOM.end);
        let base = USER_END - gap - chance.mmap_offset();
        Self { mmap_base: page_down(base.saturating_add(PAGE - 1)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_chance_the_places_are_linux_s() {
        let mut none = || unreachable!();
        let mut chance = Chance::new(&mut none, false);
        assert_eq!(chance.stack_top(), 0x7fff_ffff_f000);
        assert_eq!(page_down(PIE_BASE), 0x5555_5555_4000);
        // What `setarch -R` shows for a limit of 8 MiB: 128 MiB below the top.
        assert_eq!(Layout::new(8 << 20, &mut chance).mmap_base, 0x7fff_f7ff_f000);
        assert_eq!(chance.brk(0x40_1234), 0x40_1234);
        // No room there: such a hint is passed over.
        assert_eq!(chance.vdso(USER_END - 100, 2 * PAGE), USER_END);
    }

    #[test]
    fn chance_stays_in_its_bounds() {
        for bits in [0, u64::MAX, 0x1234_5678_9abc_def0] {
            let mut random = || bits;
            let mut chance = Chance::new(&mut random, true);
            let top = chance.stack_top();
            assert!(top <= USER_END && top > USER_END - (1 << 35) && top.is_multiple_of(PAGE));
            let base = Layout::new(u64::MAX, &mut chance).mmap_base;
            assert!(base > USER_END / 6 - (1 << 41) && base.is_multiple_of(PAGE));
            let vdso = chance.vdso(0x7fff_1234_5678, 2 * PAGE);
            assert!((0x7fff_1234_6000..=0x7fff_123f_e000).contains(&vdso));
            assert!(vdso.is_multiple_of(PAGE));
            let brk = chance.brk(0x40_1234);
            assert!((0x40_2000..0x240_2000).contains(&brk) && brk.is_multiple_of(PAGE));
        }
    }
}
