//! What /proc tells of an address space: its ranges one by one ([`Region`]) and what of them is in
//! memory ([`Survey`]).
//!
//! Both take `Mm` briefly and only collect; paths are formatted after. See `fs/proc/task_mmu.c`.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

use abi::errno::{ENOMEM, Result};
use hal::mem::{Kind, Mapped};

use super::space::{STRIDE, Space, State, breathe};
use super::vma::{Backing, FileRef, Prot, VmFlags, Vma};
use super::{PAGE, page_up};

/// A mapped range, as others see it.
pub struct Region {
    /// Its addresses.
    pub range: Range<u64>,
    /// What the program may do.
    pub prot: Prot,
    /// Everything else.
    pub flags: VmFlags,
    /// Where in its file it begins, in bytes.
    pub offset: u64,
    /// What it is.
    pub name: RegionName,
}

/// What a range is.
pub enum RegionName {
    /// Memory without a name.
    None,
    /// The heap, `[heap]`.
    Heap,
    /// The first thread's stack, `[stack]`.
    Stack,
    /// Part of a file.
    File(FileRef),
    /// Memory of the kernel's own, by its name.
    Special(&'static str),
    /// Anonymous memory that is shared: its name, and a number for as long as it exists.
    Shared(&'static str, u64),
}

impl RegionName {
    /// The range's kind of memory belongs to no program: `vvar` and `vdso`.
    pub fn is_special(&self) -> bool {
        matches!(self, Self::Special(_))
    }
}

/// What of a range is in memory, in bytes unless said otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// All of it.
    pub rss: u64,
    /// Each page divided by the number of its users; in units of a byte / 4096, as are the other
    /// proportional sizes.
    pub pss: u64,
    /// Of `pss`, what was written.
    pub pss_dirty: u64,
    /// Of `pss`, anonymous memory.
    pub pss_anon: u64,
    /// Of `pss`, files.
    pub pss_file: u64,
    /// Of `pss`, shared memory.
    pub pss_shmem: u64,
    /// Of `pss`, what is locked.
    pub pss_locked: u64,
    /// Used by others, too, and not written.
    pub shared_clean: u64,
    /// Used by others, too, and written.
    pub shared_dirty: u64,
    /// Used by nobody else, and not written.
    pub private_clean: u64,
    /// Used by nobody else, and written.
    pub private_dirty: u64,
    /// Used lately.
    pub referenced: u64,
    /// Belonging to no file.
    pub anonymous: u64,
    /// The most users that one of the pages has.
    pub most_users: u64,
}

/// Fixed point of the proportional sizes.
pub const PSS_SHIFT: u32 = 12;

/// How many page-table entries lead to the frame of a page: files and shared memory hold one handle
/// themselves.
pub fn users(page: &Mapped) -> u64 {
    let own = if page.kind == Kind::Anon { 0 } else { 1 };
    u64::from(page.sharers.saturating_sub(own).max(1))
}

/// Whether a page has contents that are nowhere else. Memory without a backing file always has, as
/// far as anyone can tell: it is written before it is mapped.
fn is_dirty(page: &Mapped) -> bool {
    page.dirty || page.kind != Kind::File
}

impl Survey {
    /// One page more.
    fn add(&mut self, page: &Mapped, locked: bool) {
        let users = users(page);
        let pss = (PAGE << PSS_SHIFT) / users;
        let dirty = is_dirty(page);
        self.rss += PAGE;
        self.pss += pss;
        *match page.kind {
            Kind::Anon => &mut self.pss_anon,
            Kind::File => &mut self.pss_file,
            Kind::Shmem => &mut self.pss_shmem,
        } += pss;
        if dirty {
            self.pss_dirty += pss;
        }
        if locked {
            self.pss_locked += pss;
        }
        if page.kind == Kind::Anon {
            self.anonymous += PAGE;
        }
        if page.accessed {
            self.referenced += PAGE;
        }
        *match (users > 1, dirty) {
            (true, false) => &mut self.shared_clean,
            (true, true) => &mut self.shared_dirty,
            (false, false) => &mut self.private_clean,
            (false, true) => &mut self.private_dirty,
        } += PAGE;
        self.most_users = self.most_users.max(users);
    }

    /// The sum of both.
    pub fn merge(&mut self, other: &Self) {
        let Self { most_users, .. } = *self;
        for (sum, more) in [
            (&mut self.rss, other.rss),
            (&mut self.pss, other.pss),
            (&mut self.pss_dirty, other.pss_dirty),
            (&mut self.pss_anon, other.pss_anon),
            (&mut self.pss_file, other.pss_file),
            (&mut self.pss_shmem, other.pss_shmem),
            (&mut self.pss_locked, other.pss_locked),
            (&mut self.shared_clean, other.shared_clean),
            (&mut self.shared_dirty, other.shared_dirty),
            (&mut self.private_clean, other.private_clean),
            (&mut self.private_dirty, other.private_dirty),
            (&mut self.referenced, other.referenced),
            (&mut self.anonymous, other.anonymous),
        ] {
            *sum += more;
        }
        self.most_users = most_users.max(other.most_users);
    }
}

impl State {
    /// `vma` as others see it.
    fn region(&self, vma: &Vma) -> Region {
        let Range { start, end } = vma.range;
        let brk = &self.addresses.brk;
        let stack = self.addresses.start_stack;
        let (offset, name) = match &vma.backing {
            Backing::Anon if start <= brk.end && end >= brk.start => (0, RegionName::Heap),
            Backing::Anon if start <= stack && end >= stack => (0, RegionName::Stack),
            Backing::Anon => (0, RegionName::None),
            Backing::Pages(object) => {
                let name = match (&object.file, object.source.name()) {
                    (Some(file), _) => RegionName::File(file.clone()),
                    (None, Some(name)) if name.starts_with('[') => RegionName::Special(name),
                    (None, Some(name)) => {
                        RegionName::Shared(name, number(Arc::as_ptr(&object.source.to_arc())))
                    }
                    (None, None) => RegionName::None,
                };
                let first = if name.is_special() { 0 } else { object.first };
                (first * PAGE, name)
            }
        };
        Region { range: vma.range.clone(), prot: vma.prot, flags: vma.flags, offset, name }
    }
}

/// A number for an object that has none: from its address, which it does not give away.
fn number<T: ?Sized>(object: *const T) -> u64 {
    let mixed = (object.addr() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 33
}

impl Space {
    /// Up to `max` ranges that end after `from`, by rising address. `ENOMEM` without memory.
    pub fn regions(&self, from: u64, max: usize) -> Result<Vec<Region>> {
        let mut regions = Vec::new();
        regions.try_reserve(max).map_err(|_| ENOMEM)?;
        let state = self.state.read();
        regions.extend(state.map.overlapping(from..u64::MAX).take(max).map(|v| state.region(v)));
        Ok(regions)
    }

    /// What of `range` is in memory. Others get a turn meanwhile.
    pub fn survey(&self, range: Range<u64>, locked: bool) -> Survey {
        let mut survey = Survey::default();
        let mut at = range.start;
        while at < range.end {
            let next = range.end.min(at.saturating_add(STRIDE));
            self.pages.visit(at..next, |page| survey.add(&page, locked));
            at = next;
            if at < range.end {
                breathe();
            }
        }
        survey
    }

    /// Sizes of the program's instructions and of those of its libraries, in pages (`VmExe`,
    /// `VmLib`).
    pub fn text_pages(&self) -> (u64, u64) {
        let state = self.state.read();
        let code = &state.addresses.code;
        let end = page_up(code.end).unwrap_or(code.end);
        let exec = state.map.totals().exec;
        let own = (end.saturating_sub(super::page_down(code.start)) / PAGE).min(exec);
        (own, exec - own)
    }

    /// Pages that are present, for /proc/PID/pagemap: calls `f` for those in `range`.
    pub fn visit_pages(&self, range: Range<u64>, f: impl FnMut(Mapped)) {
        self.pages.visit(range, f);
    }

    /// Forgets that pages have been used: those of private memory, of files, or all
    /// (/proc/PID/clear_refs).
    pub fn forget_use(&self, anon: bool, files: bool) -> Result<()> {
        let mut from = 0;
        loop {
            let regions = self.regions(from, 64)?;
            let Some(last) = regions.last() else { return Ok(()) };
            from = last.range.end;
            for region in &regions {
                let is_file = matches!(region.name, RegionName::File(_));
                if if is_file { files } else { anon } {
                    drop(self.pages.forget_use(region.range.clone(), |_| true));
                }
            }
            breathe();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(kind: Kind, sharers: u32, accessed: bool, dirty: bool) -> Mapped {
        let perms = hal::mem::Perms::READ;
        Mapped { page: PAGE, frame: 1, sharers, perms, kind, accessed, dirty }
    }

    #[test]
    fn pages_are_sorted_by_use() {
        let mut survey = Survey::default();
        survey.add(&page(Kind::Anon, 1, true, true), true);
        survey.add(&page(Kind::Anon, 2, false, false), false);
        survey.add(&page(Kind::File, 3, true, false), false);
        survey.add(&page(Kind::File, 2, true, true), false);
        survey.add(&page(Kind::Shmem, 2, false, false), false);
        let unit = PAGE << PSS_SHIFT;
        let expected = Survey {
            rss: 5 * PAGE,
            pss: 4 * unit,
            pss_dirty: 3 * unit + unit / 2,
            pss_anon: unit + unit / 2,
            pss_file: unit + unit / 2,
            pss_shmem: unit,
            pss_locked: unit,
            shared_clean: PAGE,
            shared_dirty: PAGE,
            private_clean: 0,
            private_dirty: 3 * PAGE,
            referenced: 3 * PAGE,
            anonymous: 2 * PAGE,
            most_users: 2,
        };
        assert_eq!(survey, expected);
        let mut twice = survey;
        twice.merge(&survey);
        assert_eq!((twice.rss, twice.pss, twice.most_users), (10 * PAGE, 8 * unit, 2));
    }
}
