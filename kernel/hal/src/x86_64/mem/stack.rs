//! Kernel stacks, each with unmapped pages below it.
//!
//! The stack area is cut into slots of 64 KiB, of which the upper half is the stack and the lower
//! half stays unmapped: an overflow is a double fault, not corruption. A stack given back stays
//! mapped in a cache of its CPU; when the cache is full half of it is unmapped with one TLB flush.

use super::super::cpu::{NoIrq, percpu};
use super::{physmap, tlb};
use crate::contract::NoMemory;

/// Bytes of a stack.
pub const SIZE: usize = 32 << 10;
const SLOT: usize = 64 << 10;
const PAGES: usize = SIZE / 4096;
/// Most stacks at a time: more than there are pids.
const SLOTS: usize = 1 << 16;
/// Stacks a CPU keeps.
const CACHED: usize = 16;

/// Free slots: a bit per slot, set when it is taken. Also guards the area's page tables.
static TAKEN: spin::Mutex<Taken> = spin::Mutex::new(Taken { bits: [0; SLOTS / 64], hint: 0 });

struct Taken {
    bits: [u64; SLOTS / 64],
    /// No word before this has a free slot.
    hint: usize,
}

impl Taken {
    fn take(&mut self) -> Option<usize> {
        let word = (self.hint..self.bits.len()).find(|&word| self.bits[word] != u64::MAX)?;
        self.hint = word;
        let bit = self.bits[word].trailing_ones() as usize;
        self.bits[word] |= 1 << bit;
        Some(word * 64 + bit)
    }

    fn give(&mut self, slot: usize) {
        self.bits[slot / 64] &= !(1 << (slot % 64));
        self.hint = self.hint.min(slot / 64);
    }
}

/// Frames under stacks, those kept for reuse included.
pub fn frames() -> usize {
    let _guard = NoIrq::new();
    let taken = TAKEN.lock();
    taken.bits.iter().map(|word| word.count_ones() as usize).sum::<usize>() * PAGES
}

/// A kernel stack.
pub struct Stack {
    slot: usize,
}

/// Mapped stacks ready for use.
pub struct Cache(heapless::Vec<Stack, CACHED>);

impl Cache {
    /// An empty cache.
    pub const fn new() -> Cache {
        Cache(heapless::Vec::new())
    }
}

impl Stack {
    /// A stack; what is in it is not defined.
    pub fn new() -> Result<Stack, NoMemory> {
        if let Some(cpu) = percpu::this_checked() {
            let _guard = NoIrq::new();
            // SAFETY: this CPU's cache, interrupts off; the borrow ends here.
            if let Some(stack) = unsafe { &mut *cpu.stacks.get() }.0.pop() {
                return Ok(stack);
            }
        }
        let _guard = NoIrq::new();
        let mut taken = TAKEN.lock();
        let stack = Stack { slot: taken.take().ok_or(NoMemory)? };
        for page in 0..PAGES {
            let mapped = physmap::frame(false).and_then(|pa| {
                // SAFETY: the slot was just taken, the frame just allocated.
                unsafe { physmap::map_stack_page(stack.bottom() + page as u64 * 4096, pa) }
                    .inspect_err(|_| give_back(pa))
            });
            if mapped.is_err() {
                for mapped in 0..page {
                    // SAFETY: mapped above, never used, so in no TLB.
                    let pa =
                        unsafe { physmap::unmap_stack_page(stack.bottom() + mapped as u64 * 4096) };
                    give_back(pa);
                }
                taken.give(stack.slot);
                core::mem::forget(stack);
                return Err(NoMemory);
            }
        }
        Ok(stack)
    }

    fn bottom(&self) -> u64 {
        self.top() - SIZE as u64
    }

    /// One past its highest byte.
    pub fn top(&self) -> u64 {
        physmap::AREA + ((self.slot + 1) * SLOT) as u64
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let mut surplus = heapless::Vec::<Stack, CACHED>::new();
        {
            let _guard = NoIrq::new();
            let stack = Stack { slot: self.slot };
            // SAFETY: this CPU's cache, interrupts off.
            let cache = unsafe { &mut *percpu::this().stacks.get() };
            let Err(stack) = cache.0.push(stack) else { return };
            let _ = surplus.push(stack);
            while surplus.len() < CACHED / 2 {
                let Some(stack) = cache.0.pop() else { break };
                let _ = surplus.push(stack);
            }
        }
        release(surplus);
    }
}

/// Unmaps stacks and frees their frames. Interrupts must be on.
fn release(stacks: heapless::Vec<Stack, CACHED>) {
    let mut frames = heapless::Vec::<u64, { CACHED * PAGES }>::new();
    {
        let _guard = NoIrq::new();
        let _taken = TAKEN.lock();
        for stack in &stacks {
            for page in 0..PAGES as u64 {
                // SAFETY: nobody uses these stacks any more.
                let pa = unsafe { physmap::unmap_stack_page(stack.bottom() + page * 4096) };
                let _ = frames.push(pa);
            }
        }
    }
    // Only when no CPU can reach them are frames and addresses free for others.
    tlb::flush_kernel();
    for pa in frames {
        give_back(pa);
    }
    let _guard = NoIrq::new();
    let mut taken = TAKEN.lock();
    for stack in stacks {
        taken.give(stack.slot);
        core::mem::forget(stack);
    }
}

/// Frees the frame of a page that is not mapped any more.
fn give_back(pa: u64) {
    // SAFETY: all callers have unmapped it, or failed to map it.
    unsafe { physmap::free(pa) };
}

/// Whether an address is in the unmapped part below a stack.
pub fn is_guard(addr: u64) -> bool {
    let area = physmap::AREA..physmap::AREA + (SLOTS * SLOT) as u64;
    area.contains(&addr) && (addr - physmap::AREA) as usize % SLOT < SLOT - SIZE
}
