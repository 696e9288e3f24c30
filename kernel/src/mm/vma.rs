//! [`Vma`]: one mapped range of addresses and what stands behind it.

use alloc::sync::{Arc, Weak};
use core::any::Any;
use core::fmt;
use core::ops::Range;

pub use abi::mm::Prot;
use hal::mem::Perms;

use super::source::Attached;
use super::tree::Span;
use super::{PAGE, STACK_GUARD_GAP, Space};

abi::flags! {
    /// Properties of a range besides its protection; Linux's `VM_*`.
    pub struct VmFlags: u32 {
        /// Writes are seen by all who map the same pages.
        SHARED = 0x1,
        /// mprotect(2) may allow reading; ...
        MAYREAD = 0x2,
        /// ... writing; ...
        MAYWRITE = 0x4,
        /// ... executing.
        MAYEXEC = 0x8,
        /// A stack: a fault below it extends it downwards.
        GROWSDOWN = 0x10,
        /// Locked in memory, as far as accounting goes: nothing is ever swapped out.
        LOCKED = 0x20,
        /// Not counted against the overcommit limit.
        NORESERVE = 0x40,
        /// A child does not inherit it.
        DONTFORK = 0x80,
        /// A child finds it filled with zeroes.
        WIPEONFORK = 0x100,
        /// Not part of core dumps.
        DONTDUMP = 0x200,
        /// Private and at some time writable, so that it may hold copies of its own. Only such
        /// ranges need be shared page by page at fork; others are faulted in anew.
        COPIES = 0x400,
    }
}

/// The open file behind a mapping, kept open by it. What it is, only the file layer knows;
/// /proc/PID/maps asks it for a path.
pub type FileRef = Arc<dyn Any + Send + Sync>;

/// Pages that come from somewhere: a file, or memory shared with children.
#[derive(Clone)]
pub struct Object {
    /// Where they come from; tells the source that this address space maps it.
    pub source: Attached,
    /// Page of the source at the start of the range.
    pub first: u64,
    /// The open file, if there is one.
    pub file: Option<FileRef>,
}

/// What stands behind a range.
#[derive(Clone)]
pub enum Backing {
    /// Private memory, zero at first.
    Anon,
    /// Pages of a source, shared or copied on write ([`VmFlags::SHARED`]).
    Pages(Object),
}

/// A mapped range: Linux's `vm_area_struct`.
#[derive(Clone)]
pub struct Vma {
    /// Its addresses, whole pages.
    pub range: Range<u64>,
    /// What the program may do: `READ`, `WRITE`, `EXEC`.
    pub prot: Prot,
    /// Everything else.
    pub flags: VmFlags,
    /// Where its pages come from.
    pub backing: Backing,
}

impl Vma {
    /// Number of pages.
    pub fn pages(&self) -> u64 {
        (self.range.end - self.range.start) / PAGE
    }

    /// Whether writes go to a private copy.
    pub fn is_private(&self) -> bool {
        !self.flags.has(VmFlags::SHARED)
    }

    /// Whether it counts as the program's data (`VmData`, `RLIMIT_DATA`): private, writable and
    /// not a stack.
    pub fn is_data(&self) -> bool {
        self.is_private() && self.prot.has(Prot::WRITE) && !self.flags.has(VmFlags::GROWSDOWN)
    }

    /// The page of the source that belongs to `addr`, for ranges with a source.
    pub fn page_index(&self, addr: u64) -> Option<(&Attached, u64)> {
        match &self.backing {
            Backing::Anon => None,
            Backing::Pages(object) => {
                Some((&object.source, object.first + (addr - self.range.start) / PAGE))
            }
        }
    }

    /// The pages that it has in `range`.
    pub fn pages_in(&self, range: &Range<u64>) -> u64 {
        let start = range.start.max(self.range.start);
        range.end.min(self.range.end).saturating_sub(start) / PAGE
    }

    /// Gives up what lies outside `range`, which overlaps it.
    pub fn trim(&mut self, range: &Range<u64>) {
        let start = range.start.max(self.range.start);
        if let Backing::Pages(object) = &mut self.backing {
            object.first += (start - self.range.start) / PAGE;
        }
        self.range = start..range.end.min(self.range.end);
    }

    /// The part within `range`, which overlaps it.
    pub fn part(&self, range: &Range<u64>) -> Self {
        let mut part = self.clone();
        part.trim(range);
        part
    }

    /// The same range in a child's space, where it is not locked in memory.
    pub(super) fn inherited(&self, child: &Weak<Space>) -> Self {
        let backing = match &self.backing {
            Backing::Anon => Backing::Anon,
            Backing::Pages(object) => Backing::Pages(Object {
                source: object.source.for_space(child),
                first: object.first,
                file: object.file.clone(),
            }),
        };
        let flags = self.flags - VmFlags::LOCKED;
        Self { range: self.range.clone(), prot: self.prot, flags, backing }
    }

    /// Whether `next` goes on where this range ends, in every respect.
    pub fn continues_with(&self, next: &Self) -> bool {
        self.range.end == next.range.start
            && self.prot == next.prot
            && self.flags == next.flags
            && match (&self.backing, &next.backing) {
                (Backing::Anon, Backing::Anon) => true,
                (Backing::Pages(a), Backing::Pages(b)) => {
                    a.source.is_same(&b.source)
                        && a.first + self.pages() == b.first
                        && match (&a.file, &b.file) {
                            (None, None) => true,
                            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
                            _ => false,
                        }
                }
                _ => false,
            }
    }

    /// The rights of page-table entries before copy-on-write takes some away. On x86, whatever
    /// may be written or executed may also be read.
    pub fn perms(&self) -> Perms {
        perms_of(self.prot)
    }

    /// The same without the right to write: for pages that are copied on write.
    pub fn read_perms(&self) -> Perms {
        if self.prot.has(Prot::EXEC) { Perms::READ | Perms::EXEC } else { Perms::READ }
    }
}

/// The rights of page-table entries for a protection.
pub(super) fn perms_of(prot: Prot) -> Perms {
    let mut perms = Perms::NONE;
    if prot.intersects(Prot::READ | Prot::WRITE | Prot::EXEC) {
        perms = perms | Perms::READ;
    }
    if prot.has(Prot::WRITE) {
        perms = perms | Perms::WRITE;
    }
    if prot.has(Prot::EXEC) {
        perms = perms | Perms::EXEC;
    }
    perms
}

impl Span for Vma {
    fn start(&self) -> u64 {
        self.range.start
    }

    fn end(&self) -> u64 {
        self.range.end
    }

    /// A stack keeps a gap below itself free, lest it grow into a neighbour unnoticed.
    fn claim(&self) -> u64 {
        if self.flags.has(VmFlags::GROWSDOWN) {
            self.range.start.saturating_sub(STACK_GUARD_GAP)
        } else {
            self.range.start
        }
    }
}

impl fmt::Debug for Vma {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:#x}..{:#x} {:?} {:?}",
            self.range.start, self.range.end, self.prot, self.flags
        )?;
        match &self.backing {
            Backing::Anon => Ok(()),
            Backing::Pages(object) => write!(f, " from page {}", object.first),
        }
    }
}
