//! [`Map`]: the list of a program's mapped ranges. Pure data: no page table is touched here.
//!
//! Ranges never overlap; neighbours that continue each other are one range. Every change says
//! what it took out, and the caller ([`super::Space`]) applies that to the page tables and drops
//! it after releasing its lock, for the last user of a file may have work to do.

use alloc::vec::Vec;
use core::ops::Range;

use abi::errno::{ENOMEM, Result};

use super::tree::{Span, Tree};
use super::vma::{Prot, VmFlags, Vma};

/// Most ranges of one program (`vm.max_map_count`).
pub const MAX_MAP_COUNT: usize = 65530;

/// Most ranges that [`Map::carve`] takes out at a time.
pub const BATCH: usize = 256;

/// Sizes in pages, kept up to date with every change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Everything (`VmSize`).
    pub total: u64,
    /// Private and writable, without stacks (`VmData`).
    pub data: u64,
    /// Stacks (`VmStk`).
    pub stack: u64,
    /// Executable and not writable (`VmExe` and `VmLib`).
    pub exec: u64,
    /// Locked (`VmLck`).
    pub locked: u64,
}

impl Totals {
    /// The sizes of one range, by the fields they belong to.
    fn of(vma: &Vma) -> Self {
        let pages = vma.pages();
        let if_so = |yes: bool| if yes { pages } else { 0 };
        let stack = vma.flags.has(VmFlags::GROWSDOWN);
        Self {
            total: pages,
            data: if_so(vma.is_data()),
            stack: if_so(stack),
            exec: if_so(vma.prot.has(Prot::EXEC) && !vma.prot.has(Prot::WRITE) && !stack),
            locked: if_so(vma.flags.has(VmFlags::LOCKED)),
        }
    }

    fn combine(&mut self, other: Self, with: impl Fn(u64, u64) -> u64) {
        self.total = with(self.total, other.total);
        self.data = with(self.data, other.data);
        self.stack = with(self.stack, other.stack);
        self.exec = with(self.exec, other.exec);
        self.locked = with(self.locked, other.locked);
    }
}

/// The mapped ranges, ordered by address.
#[derive(Default)]
pub struct Map {
    tree: Tree<Vma>,
    totals: Totals,
}

impl Map {
    /// Number of ranges.
    pub fn len(&self) -> usize {
        self.tree.len()
    }

    /// Whether nothing is mapped.
    pub fn is_empty(&self) -> bool {
        self.tree.len() == 0
    }

    /// The sizes of what is mapped.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// The range that holds `addr`.
    pub fn find(&self, addr: u64) -> Option<&Vma> {
        self.tree.at_or_after(addr).filter(|vma| vma.range.start <= addr)
    }

    /// The first range that ends after `addr`: the one that holds it, or the next one.
    pub fn next(&self, addr: u64) -> Option<&Vma> {
        self.tree.at_or_after(addr)
    }

    /// The last range that starts before `addr`.
    pub fn previous(&self, addr: u64) -> Option<&Vma> {
        self.tree.before(addr)
    }

    /// All ranges by rising address.
    pub fn iter(&self) -> impl Iterator<Item = &Vma> {
        self.tree.iter_from(0)
    }

    /// The ranges that overlap `range`, by rising address.
    pub fn overlapping(&self, range: Range<u64>) -> impl Iterator<Item = &Vma> {
        self.tree.iter_from(range.start).take_while(move |vma| vma.range.start < range.end)
    }

    /// Whether nothing is mapped in `range`.
    pub fn is_free(&self, range: Range<u64>) -> bool {
        self.overlapping(range).next().is_none()
    }

    /// Whether nothing is mapped in `range`, nor does a stack above claim any of it as its gap.
    pub fn is_unclaimed(&self, range: Range<u64>) -> bool {
        self.next(range.start).is_none_or(|next| range.end <= next.claim())
    }

    /// Mapped pages within `range`.
    pub fn pages_in(&self, range: Range<u64>) -> u64 {
        self.overlapping(range.clone()).map(|vma| vma.pages_in(&range)).sum()
    }

    /// The highest or lowest place for `len` bytes within `window`, clear of stack gaps.
    pub fn find_gap(&self, len: u64, window: Range<u64>, highest: bool) -> Option<u64> {
        if highest {
            self.tree.highest_gap(len, window.start, window.end)
        } else {
            self.tree.lowest_gap(len, window.start, window.end)
        }
    }

    /// Makes room for `more` ranges, so that as many insertions cannot fail.
    pub fn reserve(&mut self, more: usize) -> Result<()> {
        self.tree.reserve(more).map_err(|_| ENOMEM)
    }

    /// Adds a range where nothing is mapped, joined with neighbours that it continues.
    ///
    /// Room must have been [`reserve`](Self::reserve)d, and the caller has checked
    /// [`MAX_MAP_COUNT`].
    pub fn insert(&mut self, mut vma: Vma) {
        self.totals.combine(Totals::of(&vma), |a, b| a + b);
        let before = self.tree.before(vma.range.start).filter(|prev| prev.continues_with(&vma));
        if let Some(start) = before.map(|prev| prev.range.start)
            && let Some(mut prev) = self.tree.remove(start)
        {
            prev.range.end = vma.range.end;
            vma = prev;
        }
        let after = self.tree.at_or_after(vma.range.end).filter(|next| vma.continues_with(next));
        if let Some(start) = after.map(|next| next.range.start)
            && let Some(next) = self.tree.remove(start)
        {
            vma.range.end = next.range.end;
        }
        self.tree.insert(vma);
    }

    /// Takes what lies in `range` out, cutting ranges at its edges: at most [`BATCH`] of them, so
    /// an empty answer means that nothing is left.
    ///
    /// Afterwards there is room to put the parts back without failing. `ENOMEM`, and nothing
    /// changed, if cutting would make more than [`MAX_MAP_COUNT`] ranges or memory is short.
    pub fn carve(&mut self, range: Range<u64>) -> Result<Vec<Vma>> {
        let mut parts = Vec::new();
        let count = self.overlapping(range.clone()).take(BATCH).count();
        if count == 0 {
            return Ok(parts);
        }
        let inside = |vma: &&Vma| vma.range.start < range.start && range.end < vma.range.end;
        if self.len() >= MAX_MAP_COUNT && self.next(range.start).filter(inside).is_some() {
            return Err(ENOMEM);
        }
        parts.try_reserve_exact(count).map_err(|_| ENOMEM)?;
        self.reserve(2)?;
        while parts.len() < count
            && let Some(part) = self.cut_next(&range)
        {
            parts.push(part);
        }
        Ok(parts)
    }

    /// Takes out the part of the first range that lies in `range`. Needs room for two more.
    fn cut_next(&mut self, range: &Range<u64>) -> Option<Vma> {
        let start = self.next(range.start)?.range.start;
        if start >= range.end {
            return None;
        }
        let mut vma = self.tree.remove(start)?;
        if start < range.start {
            self.tree.insert(vma.part(&(start..range.start)));
        }
        if range.end < vma.range.end {
            self.tree.insert(vma.part(&(range.end..vma.range.end)));
        }
        vma.trim(range);
        self.totals.combine(Totals::of(&vma), |a, b| a - b);
        Some(vma)
    }

    /// Applies `change` to every range in `range`, cut at its edges; holes stay holes.
    ///
    /// `ENOMEM`, and nothing changed, if there would be too many ranges or memory is short.
    pub fn change(&mut self, range: Range<u64>, mut change: impl FnMut(&mut Vma)) -> Result<()> {
        let cut = |at: u64| self.find(at).is_some_and(|vma| vma.range.start < at);
        let cuts = usize::from(cut(range.start)) + usize::from(cut(range.end));
        if self.len() + cuts > MAX_MAP_COUNT {
            return Err(ENOMEM);
        }
        self.reserve(3)?;
        let mut rest = range;
        while rest.start < rest.end
            && let Some(mut part) = self.cut_next(&rest)
        {
            rest.start = part.range.end;
            change(&mut part);
            self.insert(part);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mm::vma::Backing;

    const PAGES: u64 = 64;

    fn vma(range: Range<u64>, prot: Prot) -> Vma {
        Vma { range, prot, flags: VmFlags::EMPTY, backing: Backing::Anon }
    }

    fn pages(from: u64, to: u64) -> Range<u64> {
        from * 4096..to * 4096
    }

    /// The model: the protection of every page.
    type Model = [Option<Prot>; PAGES as usize];

    fn agrees(map: &Map, model: &Model) {
        let mut seen = [None; PAGES as usize];
        let mut previous: Option<&Vma> = None;
        let mut totals = Totals::default();
        for vma in map.iter() {
            if let Some(previous) = previous {
                assert!(previous.range.end <= vma.range.start);
                assert!(!previous.continues_with(vma), "not merged: {previous:?} {vma:?}");
            }
            for page in vma.range.start / 4096..vma.range.end / 4096 {
                seen[page as usize] = Some(vma.prot);
            }
            totals.combine(Totals::of(vma), |a, b| a + b);
            previous = Some(vma);
        }
        assert_eq!(&seen, model);
        assert_eq!(map.totals(), totals);
        assert_eq!(map.pages_in(0..PAGES * 4096), model.iter().flatten().count() as u64);
    }

    #[test]
    fn agrees_with_one_entry_per_page() {
        let mut seed = 7u64;
        let mut random = move |n: u64| {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (seed >> 33) % n
        };
        let prots = [Prot::NONE, Prot::READ, Prot::READ | Prot::WRITE, Prot::READ | Prot::EXEC];
        let mut map = Map::default();
        let mut model: Model = [None; PAGES as usize];
        for _ in 0..30_000 {
            let from = random(PAGES);
            let to = from + 1 + random(PAGES - from).min(random(12));
            let prot = prots[random(4) as usize];
            let range = pages(from, to);
            let model_range = from as usize..to as usize;
            match random(4) {
                0 => {
                    let removed = map.carve(range).unwrap();
                    let sum: u64 = removed.iter().map(Vma::pages).sum();
                    assert_eq!(sum, model[model_range.clone()].iter().flatten().count() as u64);
                    model[model_range].fill(None);
                }
                1 => {
                    map.change(range, |vma| vma.prot = prot).unwrap();
                    model[model_range].iter_mut().flatten().for_each(|p| *p = prot);
                }
                2 => {
                    let len = to - from;
                    let found = map.find_gap(len * 4096, 0..PAGES * 4096, true);
                    let expect = (0..=PAGES - len).rev().find(|at| {
                        model[*at as usize..(*at + len) as usize].iter().all(Option::is_none)
                    });
                    assert_eq!(found, expect.map(|page| page * 4096));
                }
                _ => {
                    drop(map.carve(range.clone()).unwrap());
                    map.reserve(1).unwrap();
                    map.insert(vma(range, prot));
                    model[model_range].fill(Some(prot));
                }
            }
            agrees(&map, &model);
        }
    }

    #[test]
    fn a_stack_keeps_its_gap() {
        let mut map = Map::default();
        map.reserve(1).unwrap();
        let mut stack = vma(pages(1000, 1010), Prot::READ | Prot::WRITE);
        stack.flags = VmFlags::GROWSDOWN;
        map.insert(stack);
        assert_eq!(map.find_gap(4096, pages(16, 1010), true), Some((1000 - 256 - 1) * 4096));
        assert!(!map.is_unclaimed(pages(800, 801)));
        assert!(map.is_free(pages(800, 801)));
        assert!(map.is_unclaimed(pages(743, 744)));
        assert_eq!(map.totals().stack, 10);
    }

    #[test]
    fn too_many_ranges_are_refused_unchanged() {
        let mut map = Map::default();
        for i in 0..MAX_MAP_COUNT as u64 {
            map.reserve(1).unwrap();
            map.insert(vma(pages(i * 4, i * 4 + 3), Prot::READ));
        }
        assert_eq!(map.carve(pages(1, 2)).unwrap_err(), ENOMEM);
        assert_eq!(map.change(pages(0, 1), |vma| vma.prot = Prot::NONE).unwrap_err(), ENOMEM);
        assert_eq!(map.len(), MAX_MAP_COUNT);
        assert_eq!(map.carve(pages(0, 1)).unwrap().len(), 1, "a cut at an edge adds none");
    }
}
