//! Page tables against an eager model that copies at fork, and the copies' edges.

use super::*;
use crate::contract::{Access, Fault};
use crate::host::tests::on_machine;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

const RW: Perms = Perms(3);

/// What the model knows of a page; `Shmem` pages share their word with their relatives.
#[derive(Clone)]
struct Page {
    word: Rc<Cell<u64>>,
    perms: Perms,
    kind: Kind,
}

/// An address space, and what must be in it.
struct Process {
    space: Space,
    pages: BTreeMap<u64, Page>,
}

struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % n
    }

    /// A page near a border between tables of some level.
    fn page(&mut self) -> u64 {
        let border = [16 * PAGE, 2 << 20, 1 << 30, 512 << 30, USER_END - 8 * PAGE];
        border[self.below(5) as usize] - 6 * PAGE + self.below(12) * PAGE
    }

    fn range(&mut self) -> Range<u64> {
        let (a, b) = (self.page(), self.page());
        match self.below(4) {
            0 => a.min(b)..a.max(b),
            _ => a..a + (1 + self.below(6)) * PAGE,
        }
    }
}

impl Process {
    fn new() -> Process {
        Process { space: Space::new().unwrap(), pages: BTreeMap::new() }
    }

    fn map(&mut self, page: u64, kind: Kind, word: u64) {
        let frame = Frame::zeroed().unwrap();
        frame.write(8, &word.to_ne_bytes());
        // A private file page comes read-only, like one of the page cache.
        let perms = if kind == Kind::File { Perms::READ } else { RW };
        let result = self.space.map(page, frame, perms, kind);
        if self.pages.contains_key(&page) {
            assert_eq!(result, Err(MapError::Busy));
        } else {
            assert_eq!(result, Ok(()));
            self.pages.insert(page, Page { word: Rc::new(Cell::new(word)), perms: RW, kind });
        }
    }

    fn fork(&self) -> Process {
        let mut child = Process::new();
        for (&at, page) in &self.pages {
            let private = page.kind != Kind::Shmem;
            self.space.share_into(&child.space, at..at + PAGE, private).unwrap();
            let word =
                if private { Rc::new(Cell::new(page.word.get())) } else { page.word.clone() };
            child.pages.insert(at, Page { word, ..page.clone() });
        }
        self.space.flush_all();
        child
    }

    /// Writes as a kernel does for a program: faults until the page allows it.
    fn write(&mut self, at: u64, word: u64) {
        let allowed = self.pages.get(&at).filter(|page| page.perms.contains(Perms::WRITE)).cloned();
        for _ in 0..3 {
            let Err(fault) = self.space.copy_out(at + 8, &word.to_ne_bytes()) else {
                allowed.expect("the page may be written").word.set(word);
                return;
            };
            assert_eq!((fault.done, fault.addr, fault.access.write), (0, at + 8, true));
            let Some(page) = &allowed else { return };
            let (frame, _) = self.space.lookup(at).unwrap();
            if page.kind == Kind::Shmem {
                assert!(self.space.share_writable(at, &frame));
            } else if !self.space.make_writable(at, &frame) {
                let copy = Frame::copy_of(&frame).unwrap();
                self.space.replace(at, &frame, copy, RW, page.kind).map(drop).unwrap();
            }
        }
        panic!("the fault does not help");
    }

    fn unmap(&mut self, range: Range<u64>) {
        drop(self.space.unmap(range.clone()));
        self.pages.retain(|page, _| !range.contains(page));
    }

    fn protect(&mut self, range: Range<u64>, perms: Perms) {
        drop(self.space.protect(range.clone(), perms));
        self.pages.range_mut(range).for_each(|(_, page)| page.perms = perms);
    }

    fn shift(&mut self, from: u64, to: u64, len: u64) {
        let overlap = from < to + len && to < from + len;
        let moved: Vec<u64> = self.pages.range(from..from + len).map(|(&at, _)| at).collect();
        let busy = overlap || moved.iter().any(|at| self.pages.contains_key(&(at - from + to)));
        let result = self.space.move_range(from, to, len).map(drop);
        assert_eq!(result, if busy { Err(MapError::Busy) } else { Ok(()) });
        for at in moved.into_iter().filter(|_| !busy) {
            let page = self.pages.remove(&at).unwrap();
            self.pages.insert(at - from + to, page);
        }
    }

    fn check(&self) {
        let mut at = 0;
        for (&want, page) in &self.pages {
            let found = self.space.next_page(at, USER_END).unwrap();
            assert_eq!((found.page, found.kind), (want, page.kind));
            assert!(page.perms.contains(found.perms), "more than the model allows");
            at = want + PAGE;
            let mut bytes = [0; 8];
            let read = self.space.copy_in(want + 8, &mut bytes);
            assert_eq!(read.is_ok(), page.perms != Perms::NONE);
            if read.is_ok() {
                assert_eq!(u64::from_ne_bytes(bytes), page.word.get());
            }
        }
        assert_eq!(self.space.next_page(at, USER_END), None);
        let count = |kind| self.pages.values().filter(|page| page.kind == kind).count() as u64;
        let counts = self.space.counts();
        assert_eq!(
            (counts.anon, counts.file, counts.shmem),
            (count(Kind::Anon), count(Kind::File), count(Kind::Shmem))
        );
    }
}

#[test]
fn a_family_of_spaces_against_the_model() {
    on_machine(4096, |_| {
        for seed in 0..30 {
            let mut random = Random(seed);
            let mut family = vec![Process::new()];
            for step in 0..300 {
                let which = random.below(family.len() as u64) as usize;
                let (relatives, choice) = (family.len(), random.below(12));
                let process = &mut family[which];
                match choice {
                    0..=3 => {
                        let kind = [Kind::Anon, Kind::File, Kind::Shmem][random.below(3) as usize];
                        process.map(random.page(), kind, step);
                    }
                    4..=6 => process.write(random.page(), step),
                    7 => process.unmap(random.range()),
                    8 => {
                        let perms = [Perms::NONE, Perms::READ, RW][random.below(3) as usize];
                        process.protect(random.range(), perms);
                    }
                    9 => {
                        let (from, to) = (random.page(), random.page());
                        let room = (USER_END - from.max(to)).min(8 * PAGE);
                        process.shift(from, to, (1 + random.below(room / PAGE)) * PAGE);
                    }
                    10 if relatives < 5 => {
                        let child = process.fork();
                        family.push(child);
                    }
                    11 if relatives > 1 => drop(family.swap_remove(which)),
                    _ => {}
                }
                if let Some(process) = family.get(which) {
                    process.check();
                }
                if step % 20 == 0 {
                    family.iter().for_each(Process::check);
                }
            }
        }
    });
}

#[test]
fn unmapping_all_leaves_the_root_alone() {
    on_machine(4096, |machine| {
        let space = Space::new().unwrap();
        for i in 0..1500 {
            let page = (i * 7 % 1500) * 3 * PAGE;
            space.map(page, Frame::zeroed().unwrap(), RW, Kind::Anon).unwrap();
        }
        // 4500 pages meet 9 last tables, below one each of the upper two.
        assert_eq!(space.counts(), Counts { anon: 1500, file: 0, shmem: 0, tables: 12 });
        drop(space.unmap(0..USER_END));
        assert_eq!(space.counts(), Counts { tables: 1, ..Counts::default() });
        assert_eq!(machine.frames_held(), 1);
    });
}

#[test]
fn frames_wait_for_the_flush() {
    on_machine(64, |machine| {
        let space = Space::new().unwrap();
        space.map(PAGE, Frame::zeroed().unwrap(), RW, Kind::Anon).unwrap();
        let flush = space.unmap(0..USER_END);
        assert_eq!(space.counts().anon, 0);
        assert_eq!(machine.frames_held(), 5);
        drop(flush);
        assert_eq!(machine.frames_held(), 1);
    });
}

#[test]
fn every_failing_frame_of_a_fork_is_survived() {
    on_machine(4096, |machine| {
        let parent = Space::new().unwrap();
        for page in [PAGE, 2 << 20, 1 << 30, 512 << 30] {
            parent.map(page, Frame::zeroed().unwrap(), RW, Kind::Anon).unwrap();
        }
        let before = machine.frames_held();
        let mut failures = 0;
        for n in 1.. {
            machine.fail_frame_at(n);
            let child = Space::new();
            let shared = child.as_ref().map(|child| parent.share_into(child, 0..USER_END, true));
            let done = matches!(shared, Ok(Ok(())));
            drop(child);
            assert_eq!(machine.frames_held(), before);
            if done {
                break;
            }
            failures += 1;
        }
        // A root and 3 + 1 + 2 + 3 tables.
        assert_eq!(failures, 10);
        machine.fail_frame_at(u64::MAX / 2);
        assert_eq!(parent.counts().anon, 4);
    });
}

#[test]
fn copies_stop_where_memory_does() {
    let space = Space::new().unwrap();
    for page in [PAGE, 2 * PAGE, USER_END - PAGE] {
        space.map(page, Frame::zeroed().unwrap(), RW, Kind::Anon).unwrap();
    }
    let pattern: Vec<u8> = (0..3 * SIZE).map(|i| (i % 251) as u8 + 1).collect();
    let fault = space.copy_out(PAGE + 5, &pattern).unwrap_err();
    let write = Access { write: true, exec: false };
    assert_eq!(fault, Fault { done: 2 * SIZE - 5, addr: 3 * PAGE, access: write });
    let mut back = vec![0; 2 * SIZE - 5];
    space.copy_in(PAGE + 5, &mut back).unwrap();
    assert_eq!(back, pattern[..back.len()]);

    let fault = space.zero_out(USER_END - 10, 11).unwrap_err();
    assert_eq!((fault.done, fault.addr), (10, USER_END));
    for start in [USER_END, 1 << 47, 0xffff_8000_0000_0000, u64::MAX] {
        let fault = space.copy_in(start, &mut [0; 8]).unwrap_err();
        assert_eq!((fault.done, fault.addr), (0, start));
    }
    assert_eq!(space.copy_in(u64::MAX, &mut []), Ok(()));

    assert_eq!(space.copy_str_in(PAGE + 5, &mut [0; 100]), Ok(None));
    space.zero_out(PAGE + 4200, 1).unwrap();
    let mut text = [0; 5000];
    assert_eq!(space.copy_str_in(PAGE + 4000, &mut text), Ok(Some(200)));
    assert_eq!(text[..200], pattern[3995..4195]);
    // The NUL is the last byte that can be read: no fault behind it.
    space.zero_out(3 * PAGE - 1, 1).unwrap();
    assert_eq!(space.copy_str_in(3 * PAGE - 4, &mut text), Ok(Some(3)));

    let frame = Frame::zeroed().unwrap();
    space.copy_frame_in(2 * PAGE - 50, &frame, 60, 100).unwrap();
    let mut part = [0; 100];
    frame.read(60, &mut part);
    assert_eq!(part, pattern[SIZE - 55..SIZE + 45]);
    let fault = space.copy_frame_out(3 * PAGE - 30, &frame, 0, 100).unwrap_err();
    assert_eq!((fault.done, fault.addr), (30, 3 * PAGE));
}

#[test]
fn words_are_atomic_and_aligned() {
    let space = Space::new().unwrap();
    space.map(PAGE, Frame::zeroed().unwrap(), Perms::READ, Kind::Anon).unwrap();
    assert_eq!(space.load_u32(PAGE + 4), Ok(0));
    assert!(space.cas_u32(PAGE, 0, 1).unwrap_err().access.write);
    let (frame, _) = space.lookup(PAGE).unwrap();
    assert!(space.make_writable(PAGE, &frame));
    assert_eq!(space.cas_u32(PAGE, 0, 7), Ok(0));
    assert_eq!(space.cas_u32(PAGE, 0, 8), Ok(7));
    assert_eq!(space.load_u32(PAGE), Ok(7));
    assert_eq!(space.load_u32(PAGE + 2).unwrap_err().addr, USER_END);
}

#[test]
fn a_space_knows_its_cpus() {
    let space = Space::new().unwrap();
    for cpu in [0, 31, 32, 63] {
        enter(space.root(), cpu);
    }
    leave(space.root(), 31);
    assert_eq!(active_cpus(space.root()), 1 << 63 | 1 << 32 | 1);
    // Tables come and go without disturbing that.
    space.map(PAGE, Frame::zeroed().unwrap(), RW, Kind::Anon).unwrap();
    drop(space.unmap(0..USER_END));
    assert_eq!(active_cpus(space.root()), 1 << 63 | 1 << 32 | 1);
}

#[test]
fn execution_needs_its_permission() {
    let space = Space::new().unwrap();
    let exec = Access { exec: true, write: false };
    space.map(PAGE, Frame::zeroed().unwrap(), RW, Kind::Anon).unwrap();
    assert!(space.probe(PAGE, exec).is_err());
    drop(space.protect(PAGE..2 * PAGE, Perms::READ | Perms::EXEC));
    assert!(space.probe(PAGE, exec).is_ok());
    assert!(space.probe(PAGE, Access { write: true, exec: false }).is_err());
}

#[test]
fn a_racing_family_stays_whole() {
    // Threads fork, write, and unmap one space at once; counts and frames must come out even.
    on_machine(1 << 14, |machine| {
        let space = Space::new().unwrap();
        std::thread::scope(|scope| {
            for thread in 0..4u64 {
                let space = &space;
                scope.spawn(move || {
                    machine.attach();
                    let mut random = Random(thread);
                    for _ in 0..300 {
                        let page = random.below(600) * PAGE;
                        match random.below(5) {
                            0 => drop(space.unmap(page..page + 32 * PAGE)),
                            1 => {
                                let child = Space::new().unwrap();
                                space.share_into(&child, 0..600 * PAGE, true).unwrap();
                                space.flush_all();
                                child.share_into(space, 0..300 * PAGE, true).unwrap();
                                child.flush_all();
                            }
                            2 => drop(space.protect(page..page + 9 * PAGE, Perms::NONE)),
                            3 => {
                                if let Some((frame, _)) = space.lookup(page)
                                    && !space.make_writable(page, &frame)
                                {
                                    let copy = Frame::copy_of(&frame).unwrap();
                                    drop(space.replace(page, &frame, copy, RW, Kind::Anon));
                                }
                            }
                            _ => {
                                let frame = Frame::zeroed().unwrap();
                                let _ = space.map(page, frame, RW, Kind::Anon);
                            }
                        }
                    }
                });
            }
        });
        let mapped = std::iter::successors(space.next_page(0, USER_END), |found| {
            space.next_page(found.page + PAGE, USER_END)
        });
        assert_eq!(mapped.count() as u64, space.counts().anon);
        drop(space.unmap(0..USER_END));
        assert_eq!(space.counts(), Counts { tables: 1, ..Counts::default() });
    });
}
