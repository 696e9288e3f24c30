//! [`Space`]: a program's address space, the map and the page tables together.
//!
//! Threads share it as an `Arc`. Faults read the map, everything that changes it writes; the page
//! tables order their own changes. What a change throws out (files, frames) is dropped after the
//! map's lock.
//!
//! Lock level: `Mm` (`state`).

use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::ops::Range;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use abi::errno::{EEXIST, ENOMEM, Result};
use abi::process::{RLIMIT_AS, RLIMIT_DATA};
use hal::mem::{Counts, Frame, Kind};
use hal::user::USER_END;

use super::layout::{Chance, Layout};
use super::mmap::heap;
use super::source::PageSource;
use super::vma::{Backing, FileRef, Prot, VmFlags, Vma};
use super::{Map, PAGE, Totals};
use crate::cred::{Cred, Limits};
use crate::lock::order;
use crate::sched::{self, work};
use crate::wait::RwLock;

/// For whom an address space is changed.
#[derive(Clone, Copy)]
pub struct Who<'a> {
    /// May exceed some limits by capability.
    pub cred: &'a Cred,
    /// The limits.
    pub limits: &'a Limits,
}

/// Addresses that mean something to execve, brk and /proc.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// The program's instructions.
    pub code: Range<u64>,
    /// Its initialised data.
    pub data: Range<u64>,
    /// The heap: from `start_brk` to the current break.
    pub brk: Range<u64>,
    /// Where the stack pointer was at the start.
    pub start_stack: u64,
    /// The argument strings.
    pub args: Range<u64>,
    /// The environment strings.
    pub env: Range<u64>,
    /// The auxiliary vector, as the program got it (for /proc/PID/auxv).
    pub auxv: Range<u64>,
}

/// What the map's lock guards.
pub(super) struct State {
    pub map: Map,
    pub layout: Layout,
    pub addresses: Addresses,
    /// The program's file.
    pub exe: Option<FileRef>,
    /// New ranges are locked in memory (`MCL_FUTURE`).
    pub lock_future: bool,
    /// Highest of `map.totals().total` (`VmPeak`).
    pub peak: u64,
}

/// An address space.
pub struct Space {
    pub(super) me: Weak<Space>,
    pub(super) state: RwLock<State, order::Mm>,
    pub(super) pages: hal::mem::Space,
    /// `RLIMIT_STACK` in bytes. setrlimit(2) tells it here too, since a fault in a copy has no
    /// process at hand.
    stack_limit: AtomicU64,
    /// The most pages there have been at once, as far as somebody looked (`hiwater_rss`).
    most: AtomicU64,
    settings: Settings,
}

/// Who may look at a program's memory besides the privileged (`PR_SET_DUMPABLE`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dumpable {
    /// Nobody.
    No = 0,
    /// Those who run as the same user.
    Yes = 1,
}

/// What children inherit and execve(2) keeps (`MMF_INIT_MASK`), but for `dumpable`.
struct Settings {
    dumpable: AtomicBool,
    /// What a core dump holds (/proc/PID/coredump_filter).
    dump_filter: AtomicU32,
    /// `PR_SET_THP_DISABLE`; there are no huge pages to be had.
    no_thp: AtomicBool,
}

/// Private and shared anonymous memory, ELF headers, private huge pages.
const DUMP_FILTER: u32 = 0x33;

impl Default for Settings {
    fn default() -> Self {
        Self {
            dumpable: AtomicBool::new(true),
            dump_filter: AtomicU32::new(DUMP_FILTER),
            no_thp: AtomicBool::new(false),
        }
    }
}

/// Ranges to be dropped once no lock is held.
pub(super) type Dead = Vec<Vec<Vma>>;

impl Space {
    /// An empty space for a program whose stack may grow to `stack_limit` bytes.
    pub fn new(stack_limit: u64, chance: &mut Chance<'_>) -> Result<Arc<Self>> {
        let state = State {
            map: Map::default(),
            layout: Layout::new(stack_limit, chance),
            addresses: Addresses::default(),
            exe: None,
            lock_future: false,
            peak: 0,
        };
        let pages = hal::mem::Space::new().map_err(|_| ENOMEM)?;
        Ok(Self::assemble(pages, stack_limit, |_| state))
    }

    /// Puts a space together; `state` gets the space's own address for its page sources.
    pub(super) fn assemble(
        pages: hal::mem::Space,
        stack_limit: u64,
        state: impl FnOnce(&Weak<Space>) -> State,
    ) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            me: me.clone(),
            state: RwLock::new(state(me)),
            pages,
            stack_limit: AtomicU64::new(stack_limit),
            most: AtomicU64::new(0),
            settings: Settings::default(),
        })
    }

    /// The page tables, to run a program in.
    pub fn hal(&self) -> &hal::mem::Space {
        &self.pages
    }

    /// How far the stack may grow, in bytes.
    pub fn stack_limit(&self) -> u64 {
        self.stack_limit.load(Ordering::Relaxed)
    }

    /// Follows a change of `RLIMIT_STACK`.
    pub fn set_stack_limit(&self, bytes: u64) {
        self.stack_limit.store(bytes, Ordering::Relaxed);
    }

    /// The addresses that execve and brk left.
    pub fn addresses(&self) -> Addresses {
        self.state.read().addresses.clone()
    }

    /// Sets them; for execve and prctl(2).
    pub fn set_addresses(&self, addresses: Addresses) {
        self.state.write().addresses = addresses;
    }

    /// The program's file, if there is one, in a form that keeps writers off (`fs::ExecFile`).
    pub fn exe(&self) -> Option<FileRef> {
        self.state.read().exe.clone()
    }

    /// Replaces it.
    pub fn set_exe(&self, exe: Option<FileRef>) {
        let old = core::mem::replace(&mut self.state.write().exe, exe);
        drop(old);
    }

    /// Sizes of what is mapped, and the highest total so far, in pages.
    pub fn totals(&self) -> (Totals, u64) {
        let state = self.state.read();
        (state.map.totals(), state.peak)
    }

    /// Pages present, by kind.
    pub fn counts(&self) -> Counts {
        self.pages.counts()
    }

    /// The most pages there have been at once (`VmHWM`). Asked also before pages go, so that it
    /// knows of them (`update_hiwater_rss`).
    pub fn most_pages(&self) -> u64 {
        let now = self.pages.counts();
        let now = now.anon + now.file + now.shmem;
        let most = self.most.load(Ordering::Relaxed);
        if now > most {
            self.most.fetch_max(now, Ordering::Relaxed);
        }
        now.max(most)
    }

    /// Forgets how many pages there have been; those there are count anew (/proc/PID/clear_refs).
    pub fn forget_most(&self) {
        self.most.store(0, Ordering::Relaxed);
    }

    /// Who may look at it.
    pub fn dumpable(&self) -> Dumpable {
        match self.settings.dumpable.load(Ordering::Relaxed) {
            true => Dumpable::Yes,
            false => Dumpable::No,
        }
    }

    /// Says who may look at it.
    pub fn set_dumpable(&self, dumpable: Dumpable) {
        self.settings.dumpable.store(dumpable == Dumpable::Yes, Ordering::Relaxed);
    }

    /// What a core dump holds.
    pub fn dump_filter(&self) -> u32 {
        self.settings.dump_filter.load(Ordering::Relaxed)
    }

    /// Says what a core dump holds.
    pub fn set_dump_filter(&self, filter: u32) {
        self.settings.dump_filter.store(filter, Ordering::Relaxed);
    }

    /// Whether the program wants no huge pages.
    pub fn thp_disabled(&self) -> bool {
        self.settings.no_thp.load(Ordering::Relaxed)
    }

    /// Says whether the program wants huge pages.
    pub fn set_thp_disabled(&self, disabled: bool) {
        self.settings.no_thp.store(disabled, Ordering::Relaxed);
    }

    /// Takes over what a new program has from the one before it.
    pub fn inherit_settings(&self, from: &Self) {
        self.set_dump_filter(from.dump_filter());
        self.set_thp_disabled(from.thp_disabled());
    }

    /// Up to `max` ranges that end after `from`, by rising address, for /proc.
    pub fn ranges(&self, from: u64, max: usize) -> Result<Vec<Vma>> {
        let mut ranges = Vec::new();
        let state = self.state.read();
        for vma in state.map.overlapping(from..u64::MAX).take(max) {
            ranges.try_reserve(1).map_err(|_| ENOMEM)?;
            ranges.push(vma.clone());
        }
        Ok(ranges)
    }

    /// Makes a stack for a new program, `frames` its pages from the top down.
    pub fn map_stack(&self, range: Range<u64>, prot: Prot, frames: &[Frame]) -> Result<()> {
        let mut stack = heap(range.clone(), false);
        stack.prot = prot;
        stack.flags |= VmFlags::GROWSDOWN;
        let perms = stack.perms();
        self.edit(|state, _| {
            if !state.map.is_free(range.clone()) {
                return Err(EEXIST);
            }
            state.add(stack)
        })?;
        for (i, frame) in frames.iter().enumerate() {
            let page = range.end - (i as u64 + 1) * PAGE;
            self.pages.map(page, frame.clone(), perms, Kind::Anon).map_err(|_| ENOMEM)?;
        }
        Ok(())
    }

    /// Changes the map under its lock; what `change` puts among the dead is dropped after it.
    pub(super) fn edit<R>(
        &self,
        change: impl FnOnce(&mut State, &mut Dead) -> Result<R>,
    ) -> Result<R> {
        let mut dead = Dead::new();
        self.most_pages();
        let result = {
            let mut state = self.state.write();
            let result = change(&mut state, &mut dead);
            state.peak = state.peak.max(state.map.totals().total);
            result
        };
        drop(dead);
        result
    }

    /// Unmaps pages `range` (by index) of a source wherever it is mapped; see
    /// [`drop_pages`](super::drop_pages).
    pub(super) fn unmap_source(&self, source: &dyn PageSource, range: Range<u64>) {
        self.most_pages();
        let state = self.state.read();
        for vma in state.map.iter() {
            let Backing::Pages(object) = &vma.backing else { continue };
            if !object.source.is(source) {
                continue;
            }
            let last = object.first + vma.pages();
            let from = range.start.clamp(object.first, last) - object.first;
            let to = range.end.clamp(object.first, last) - object.first;
            if from < to {
                let start = vma.range.start;
                drop(self.pages.unmap(start + from * PAGE..start + to * PAGE));
            }
        }
    }
}

impl State {
    /// Takes everything in `range` out of map and page tables.
    pub(super) fn unmap(
        &mut self,
        pages: &hal::mem::Space,
        range: Range<u64>,
        dead: &mut Dead,
    ) -> Result<()> {
        loop {
            let parts = self.map.carve(range.clone())?;
            let (Some(first), Some(last)) = (parts.first(), parts.last()) else { return Ok(()) };
            unmap_pages(pages, first.range.start..last.range.end);
            dead.push(parts);
        }
    }

    /// Whether `more` pages, of data or not, stay within `RLIMIT_AS` and `RLIMIT_DATA`
    /// (`may_expand_vm`).
    pub(super) fn may_expand(&self, limits: &Limits, more: u64, is_data: bool) -> bool {
        let totals = self.map.totals();
        let fits = |have: u64, limit| have.saturating_add(more) <= limits.get(limit) / PAGE;
        fits(totals.total, RLIMIT_AS) && (!is_data || fits(totals.data, RLIMIT_DATA))
    }
}

/// Bytes of memory worked on before others get a turn: the kernel is not preempted.
pub(super) const STRIDE: u64 = 8 << 20;

/// Lets others run; call between strides of long work, with no spin lock held.
pub(super) fn breathe() {
    // The space may be a host test's, outside of any machine.
    if hal::cpu::may_sleep() {
        sched::yield_now();
    }
}

/// For loops over pages: takes a breath at every stride. Whether the thread still lives.
pub fn go_on(page: u64) -> bool {
    if !page.is_multiple_of(STRIDE) {
        return true;
    }
    breathe();
    sched::current().is_none_or(|task| task.work() & work::KILL == 0)
}

/// Unmaps a range, however large, with breaths between.
pub(super) fn unmap_pages(pages: &hal::mem::Space, range: Range<u64>) {
    if range.end - range.start <= STRIDE {
        drop(pages.unmap(range));
        return;
    }
    let mut at = range.start;
    while let Some(found) = pages.next_page(at, range.end) {
        at = range.end.min(found.page + STRIDE);
        drop(pages.unmap(found.page..at));
        breathe();
    }
}

impl Drop for Space {
    /// A small space goes at once with its tables; a large one piece by piece before.
    fn drop(&mut self) {
        let counts = self.pages.counts();
        if (counts.anon + counts.file + counts.shmem) * PAGE > 4 * STRIDE {
            unmap_pages(&self.pages, 0..USER_END);
        }
    }
}

/// Whether one request for `pages` writable pages can ever be met: Linux's heuristic overcommit
/// refuses only what exceeds all memory there is.
pub(super) fn may_commit(pages: u64) -> bool {
    pages <= hal::mem::stats().total as u64
}
