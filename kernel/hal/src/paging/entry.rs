//! Page-table entries and tables of x86-64 (Intel SDM vol. 3, 4.5), with the bits that software may
//! use as this kernel uses them.

use super::{Kind, Mapped, Perms};
use crate::contract::NoMemory;
use crate::frame::{Frame, SIZE, Use};
use crate::machine;
use bit_field::BitField;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

const PRESENT: usize = 0;
const WRITABLE: usize = 1;
const USER: usize = 2;
const ACCESSED: usize = 5;
const DIRTY: usize = 6;
/// Software: the entry holds a frame though it is not present (PROT_NONE).
const HELD: usize = 9;
/// Software: the [`Kind`] of page.
const KIND: core::ops::Range<usize> = 10..12;
const NO_EXEC: usize = 63;
/// Where the physical address stands, in units of a frame.
const FRAME: core::ops::Range<usize> = 12..52;

/// Entries in a table.
pub(super) const ENTRIES: usize = 512;

/// The value of an entry.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry(pub(super) u64);

impl Entry {
    /// An entry of a last-level table. It counts as used, which it is about to be: the processor
    /// need not say so.
    pub(super) fn page(pa: u64, perms: Perms, kind: Kind) -> Entry {
        let mut bits = 0u64;
        bits.set_bits(FRAME, pa / SIZE as u64).set_bits(KIND, kind as u64).set_bit(USER, true);
        bits.set_bit(ACCESSED, true);
        Entry(bits).with_perms(perms).with_write(perms.contains(Perms::WRITE))
    }

    /// An entry of an upper table: everything allowed, the last level decides.
    fn table(pa: u64) -> Entry {
        let mut bits = 0u64;
        bits.set_bits(FRAME, pa / SIZE as u64);
        bits.set_bit(PRESENT, true).set_bit(WRITABLE, true).set_bit(USER, true);
        Entry(bits)
    }

    /// The same page with other permissions; W is only ever taken away.
    pub(super) fn with_perms(mut self, perms: Perms) -> Entry {
        let none = perms == Perms::NONE;
        self.0.set_bit(PRESENT, !none).set_bit(HELD, none);
        self.0.set_bit(NO_EXEC, !perms.contains(Perms::EXEC));
        if !perms.contains(Perms::WRITE) { self.with_write(false) } else { self }
    }

    pub(super) fn with_write(mut self, write: bool) -> Entry {
        self.0.set_bit(WRITABLE, write);
        self
    }

    /// As the entry of a child: nobody has used the page through it yet.
    pub(super) fn fresh(mut self) -> Entry {
        self.0.set_bit(ACCESSED, false).set_bit(DIRTY, false);
        self
    }

    /// The same, but nobody has used the page through it lately.
    pub(super) fn unused(mut self) -> Entry {
        self.0.set_bit(ACCESSED, false);
        self
    }

    pub(super) fn is_accessed(self) -> bool {
        self.0.get_bit(ACCESSED)
    }

    /// What others may know of it, as the entry of `page`.
    pub(super) fn describe(self, page: u64) -> Mapped {
        // SAFETY: only looked at; the handle is forgotten, so the entry keeps its own.
        let frame = core::mem::ManuallyDrop::new(unsafe { Frame::from_pa(self.pa()) });
        Mapped {
            page,
            frame: frame.number(),
            sharers: frame.count(),
            perms: self.perms(),
            kind: self.kind(),
            accessed: self.is_accessed(),
            dirty: self.0.get_bit(DIRTY),
        }
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn is_present(self) -> bool {
        self.0.get_bit(PRESENT)
    }

    pub(super) fn is_writable(self) -> bool {
        self.0.get_bit(WRITABLE)
    }

    pub(super) fn is_executable(self) -> bool {
        !self.0.get_bit(NO_EXEC)
    }

    pub(super) fn pa(self) -> u64 {
        self.0.get_bits(FRAME) * SIZE as u64
    }

    pub(super) fn perms(self) -> Perms {
        if !self.is_present() {
            return Perms::NONE;
        }
        let write = if self.is_writable() { Perms::WRITE } else { Perms::NONE };
        let exec = if self.is_executable() { Perms::EXEC } else { Perms::NONE };
        Perms::READ | write | exec
    }

    pub(super) fn kind(self) -> Kind {
        match self.0.get_bits(KIND) {
            0 => Kind::Anon,
            1 => Kind::File,
            _ => Kind::Shmem,
        }
    }

    /// A share of the page's frame.
    pub(super) fn share(self) -> Frame {
        // SAFETY: a page's entry keeps the handle that `into_pa` let go of; this second one is
        // forgotten below, so the entry's stays.
        let entrys = core::mem::ManuallyDrop::new(unsafe { Frame::from_pa(self.pa()) });
        Frame::clone(&entrys)
    }

    /// The page's own handle.
    ///
    /// # Safety
    /// The entry has been taken out of its table, and this is called once for it.
    pub(super) unsafe fn into_frame(self) -> Frame {
        // SAFETY: the caller passes on the handle that the entry kept.
        unsafe { Frame::from_pa(self.pa()) }
    }
}

/// Entries that one bit of a table's second metadata word stands for: it is set when one of them
/// was ever filled.
const GROUP: usize = ENTRIES / 32;

/// A table of 512 entries, in a frame of its own. Levels: 3 the root (PML4), 0 the last.
///
/// Only its [`super::Space`] uses one, under its lock; hardware sets accessed and dirty bits at any
/// time, so entries change by atomic operations.
#[derive(Clone, Copy)]
pub(super) struct Table {
    pa: u64,
    /// The root's metadata tells its CPUs instead of how many entries are filled.
    root: bool,
}

impl Table {
    /// A new empty table below a root.
    pub(super) fn new() -> Result<Table, NoMemory> {
        let frame = Frame::zeroed()?;
        frame.count_as(Use::Table);
        frame.words().iter().for_each(|word| word.store(0, Ordering::Relaxed));
        Ok(Table { pa: frame.into_pa(), root: false })
    }

    /// A new empty root.
    pub(super) fn new_root() -> Result<Table, NoMemory> {
        Ok(Table { root: true, ..Table::new()? })
    }

    /// The root at a physical address.
    pub(super) fn at(root_pa: u64) -> Table {
        Table { pa: root_pa, root: true }
    }

    pub(super) fn pa(self) -> u64 {
        self.pa
    }

    /// Gives up the table.
    ///
    /// # Safety
    /// No entry, and no register, leads to it any more; called once.
    pub(super) unsafe fn into_frame(self) -> Frame {
        // SAFETY: `new` let go of this handle; the caller calls once.
        unsafe { Frame::from_pa(self.pa) }
    }

    /// The entries.
    fn entries(self) -> &'static [AtomicU64; ENTRIES] {
        let at = machine::phys_to_virt(self.pa).cast::<[AtomicU64; ENTRIES]>();
        // SAFETY: a whole, aligned frame. It is only used as a table until `into_frame`, and the
        // module keeps no entries of a table beyond the lock under which it found it.
        unsafe { &*at }
    }

    pub(super) fn get(self, index: usize) -> Entry {
        Entry(self.entries()[index].load(Ordering::Acquire))
    }

    /// Fills an empty entry.
    pub(super) fn fill(self, index: usize, entry: Entry) {
        debug_assert!(self.get(index).is_empty() && !entry.is_empty());
        self.entries()[index].store(entry.0, Ordering::Release);
        if !self.root {
            self.words(0).fetch_add(1, Ordering::Relaxed);
            self.words(1).fetch_or(1 << (index / GROUP), Ordering::Relaxed);
        }
    }

    /// The first filled entry from `from` on. Sparse tables are searched by groups of entries.
    pub(super) fn next_filled(self, from: usize) -> Option<usize> {
        let groups = if self.root { u32::MAX } else { self.words(1).load(Ordering::Relaxed) };
        let mut index = from;
        while index < ENTRIES {
            let rest = groups >> (index / GROUP);
            match rest.trailing_zeros() as usize {
                0 => {}
                _ if rest == 0 => return None,
                skipped => index = (index / GROUP + skipped) * GROUP,
            }
            let end = (index / GROUP + 1) * GROUP;
            let entries = &self.entries()[index..end];
            match entries.iter().position(|entry| entry.load(Ordering::Relaxed) != 0) {
                Some(at) => return Some(index + at),
                None => index = end,
            }
        }
        None
    }

    /// Empties an entry; what was in it, with the last of hardware's bits.
    pub(super) fn take(self, index: usize) -> Entry {
        let old = Entry(self.entries()[index].swap(0, Ordering::SeqCst));
        if !old.is_empty() && !self.root {
            self.words(0).fetch_sub(1, Ordering::Relaxed);
        }
        old
    }

    /// Changes an entry that is not empty; what was in it.
    pub(super) fn update(self, index: usize, change: impl Fn(Entry) -> Entry) -> Entry {
        let entry = &self.entries()[index];
        let mut old = entry.load(Ordering::Relaxed);
        loop {
            let new = change(Entry(old)).0;
            if new == old {
                return Entry(old);
            }
            match entry.compare_exchange_weak(old, new, Ordering::SeqCst, Ordering::Relaxed) {
                Ok(_) => return Entry(old),
                Err(now) => old = now,
            }
        }
    }

    /// What the processor does on an access: sets A, and D for a write.
    #[cfg(not(metal))]
    pub(super) fn touch(self, index: usize, write: bool) {
        let bits = 1 << ACCESSED | u64::from(write) << DIRTY;
        let entry = &self.entries()[index];
        if entry.load(Ordering::Relaxed) & bits != bits {
            entry.fetch_or(bits, Ordering::Relaxed);
        }
    }

    /// Whether no entry is filled; a root is always taken to have some.
    pub(super) fn is_empty(self) -> bool {
        !self.root && self.words(0).load(Ordering::Relaxed) == 0
    }

    /// The metadata: how many entries are filled and in which groups, or a root's CPUs.
    pub(super) fn words(self, index: usize) -> &'static AtomicU32 {
        // SAFETY: only looked at; the handle is forgotten, so the table keeps its own.
        let frame = core::mem::ManuallyDrop::new(unsafe { Frame::from_pa(self.pa) });
        &frame.words()[index]
    }

    /// The table that an entry of this one leads to.
    pub(super) fn child(self, index: usize) -> Option<Table> {
        let entry = self.get(index);
        entry.is_present().then(|| Table { pa: entry.pa(), root: false })
    }

    /// Lets an empty entry lead to a table.
    pub(super) fn set_child(self, index: usize, child: Table) {
        self.fill(index, Entry::table(child.pa));
    }

    /// Takes over the kernel's half from another root; its entries do not count as filled.
    pub(super) fn copy_upper_half(self, from_pa: u64) {
        for index in ENTRIES / 2..ENTRIES {
            let entry = Table::at(from_pa).get(index);
            self.entries()[index].store(entry.0, Ordering::Relaxed);
        }
    }
}

/// The index of `addr` in a table of `level`.
pub(super) fn index_at(addr: u64, level: u32) -> usize {
    (addr >> (12 + 9 * level)) as usize % ENTRIES
}

/// Bytes that one entry of a table of `level` covers.
pub(super) const fn span(level: u32) -> u64 {
    (SIZE as u64) << (9 * level)
}
