//! madvise(2), msync(2), mincore(2), mlock(2) and their kin: what programs tell or ask about
//! memory they have mapped (`mm/madvise.c`, `mm/mlock.c`, `mm/mincore.c`, `mm/msync.c` of 6.1).

use core::ops::Range;

use abi::errno::{EAGAIN, EBUSY, EFAULT, EINTR, EINVAL, ENOMEM, EPERM, Result};
use abi::mm::{
    MADV_COLD, MADV_DODUMP, MADV_DOFORK, MADV_DONTDUMP, MADV_DONTFORK, MADV_DONTNEED,
    MADV_DONTNEED_LOCKED, MADV_FREE, MADV_KEEPONFORK, MADV_MERGEABLE, MADV_NOHUGEPAGE, MADV_NORMAL,
    MADV_PAGEOUT, MADV_POPULATE_READ, MADV_POPULATE_WRITE, MADV_WILLNEED, MADV_WIPEONFORK,
    MclFlags, MsyncFlags,
};
use abi::process::{CAP_IPC_LOCK, RLIMIT_MEMLOCK};
use hal::user::{Access, USER_END};

use super::source::{Attached, has_page};
use super::space::{Space, State, Who, go_on, unmap_pages};
use super::vma::{Backing, Prot, VmFlags, Vma};
use super::{PAGE, is_aligned, page_down, page_up, page_up_wrapping};

impl Space {
    /// madvise(2).
    ///
    /// Unlike most calls it goes on over holes and reports `ENOMEM` at the end.
    pub fn madvise(&self, addr: u64, len: u64, advice: u32) -> Result<()> {
        let is_hint = matches!(
            advice,
            MADV_NORMAL..=MADV_WILLNEED
                | MADV_MERGEABLE..=MADV_NOHUGEPAGE
                | MADV_COLD
                | MADV_PAGEOUT
        );
        let is_order = matches!(
            advice,
            MADV_DONTNEED
                | MADV_DONTNEED_LOCKED
                | MADV_FREE
                | MADV_DONTFORK
                | MADV_DOFORK
                | MADV_DONTDUMP
                ..=MADV_KEEPONFORK | MADV_POPULATE_READ | MADV_POPULATE_WRITE
        );
        if !(is_hint || is_order) || !is_aligned(addr) {
            return Err(EINVAL);
        }
        let end = page_up(len).and_then(|len| addr.checked_add(len)).ok_or(EINVAL)?;
        match advice {
            _ if end == addr => Ok(()),
            MADV_POPULATE_READ => self.populate_all(addr..end, false),
            MADV_POPULATE_WRITE => self.populate_all(addr..end, true),
            MADV_DONTNEED | MADV_DONTNEED_LOCKED | MADV_FREE => {
                self.most_pages();
                let state = self.state.read();
                walk(&state, addr..end, |vma, part| self.discard(vma, part, advice))
            }
            MADV_DONTFORK | MADV_DOFORK | MADV_DONTDUMP | MADV_DODUMP | MADV_WIPEONFORK
            | MADV_KEEPONFORK => self.edit(|state, _| state.mark(addr..end, advice)),
            _ => walk(&self.state.read(), addr..end, |_, _| Ok(())),
        }
    }

    /// Forgets the pages of `part`. `MADV_FREE` may keep them until memory is short, or not.
    fn discard(&self, vma: &Vma, part: Range<u64>, advice: u32) -> Result<()> {
        let locked = vma.flags.has(VmFlags::LOCKED) && advice != MADV_DONTNEED_LOCKED;
        let not_anonymous = !matches!(vma.backing, Backing::Anon);
        if locked || advice == MADV_FREE && not_anonymous {
            return Err(EINVAL);
        }
        unmap_pages(&self.pages, part);
        Ok(())
    }

    fn populate_all(&self, range: Range<u64>, write: bool) -> Result<()> {
        for page in range.step_by(PAGE as usize) {
            if self.fault(page, Access { write, exec: false }).is_err() {
                let mapped = self.state.read().map.find(page).map(|vma| vma.prot);
                return Err(match mapped {
                    None => ENOMEM,
                    Some(prot) if !prot.has(if write { Prot::WRITE } else { Prot::READ }) => EINVAL,
                    Some(_) => EFAULT,
                });
            }
            if !go_on(page) {
                return Err(EINTR);
            }
        }
        Ok(())
    }

    /// msync(2). Sources write nothing back from memory: what is checked is the range.
    pub fn msync(&self, addr: u64, len: u64, flags: u32) -> Result<()> {
        let flags = MsyncFlags::checked(flags).ok_or(EINVAL)?;
        if !is_aligned(addr) || flags.has(MsyncFlags::ASYNC | MsyncFlags::SYNC) {
            return Err(EINVAL);
        }
        let end = addr.checked_add(page_up_wrapping(len)).ok_or(ENOMEM)?;
        if end == addr {
            return Ok(());
        }
        walk(&self.state.read(), addr..end, |vma, _| {
            let locked = vma.flags.has(VmFlags::LOCKED);
            if flags.has(MsyncFlags::INVALIDATE) && locked { Err(EBUSY) } else { Ok(()) }
        })
    }

    /// mincore(2): one byte at `vector` for each page, 1 if it is in memory.
    ///
    /// `ENOMEM` if any page is not mapped; those before it have been told.
    pub fn mincore(&self, addr: u64, len: u64, vector: u64) -> Result<()> {
        if !is_aligned(addr) {
            return Err(EINVAL);
        }
        let end = addr.checked_add(len).filter(|end| *end <= USER_END).ok_or(ENOMEM)?;
        let mut told = [0; 256];
        let mut to = vector;
        let mut at = addr;
        while at < end {
            let pages = (end - at).div_ceil(PAGE).min(told.len() as u64);
            let part = &mut told[..pages as usize];
            self.residency(at, part)?;
            self.copy_out(to, part)?;
            to = to.wrapping_add(pages);
            at += pages * PAGE;
        }
        Ok(())
    }

    /// Says of the pages from `addr` on, which lies in user space, whether each is in memory.
    fn residency(&self, addr: u64, into: &mut [u8]) -> Result<()> {
        let state = self.state.read();
        for (i, resident) in into.iter_mut().enumerate() {
            let page = addr + i as u64 * PAGE;
            let vma = state.map.find(page).ok_or(ENOMEM)?;
            let cached = |(source, index): (&Attached, u64)| {
                let mut frame = [None];
                source.cached(index, &mut frame);
                frame[0].is_some() && has_page(&**source, index)
            };
            let here =
                self.pages.lookup(page).is_some() || vma.page_index(page).is_some_and(cached);
            *resident = here.into();
        }
        Ok(())
    }

    /// mlock(2): brings the range in. Nothing is ever swapped out, so that is all there is to it,
    /// besides keeping count.
    pub fn mlock(&self, addr: u64, len: u64, on_fault: bool, who: Who<'_>) -> Result<()> {
        let range = lock_range(addr, len)?;
        may_lock_at_all(who)?;
        self.edit(|state, _| {
            let already: u64 = state
                .map
                .overlapping(range.clone())
                .filter(|vma| vma.flags.has(VmFlags::LOCKED))
                .map(|vma| vma.pages_in(&range))
                .sum();
            let more = ((range.end - range.start) / PAGE).saturating_sub(already);
            if !state.may_lock(more, who) {
                return Err(ENOMEM);
            }
            state.set_locked(range.clone(), true)
        })?;
        if !on_fault && self.populate_locked(range) { Err(EAGAIN) } else { Ok(()) }
    }

    /// munlock(2).
    pub fn munlock(&self, addr: u64, len: u64) -> Result<()> {
        let range = lock_range(addr, len)?;
        self.edit(|state, _| state.set_locked(range, false))
    }

    /// mlockall(2) with the raw flags.
    pub fn mlockall(&self, flags: u32, who: Who<'_>) -> Result<()> {
        let flags = MclFlags::checked(flags)
            .filter(|flags| flags.intersects(MclFlags::CURRENT | MclFlags::FUTURE))
            .ok_or(EINVAL)?;
        may_lock_at_all(who)?;
        self.edit(|state, _| {
            let total = state.map.totals().total;
            let too_much = total > who.limits.get(RLIMIT_MEMLOCK) / PAGE;
            if flags.has(MclFlags::CURRENT) && too_much && !who.cred.capable(CAP_IPC_LOCK) {
                return Err(ENOMEM);
            }
            state.lock_future = flags.has(MclFlags::FUTURE);
            if flags.has(MclFlags::CURRENT) { state.set_all_locked(true) } else { Ok(()) }
        })?;
        if flags.has(MclFlags::CURRENT) && !flags.has(MclFlags::ONFAULT) {
            // Errors count for nothing here, as on Linux.
            self.populate_locked(0..USER_END);
        }
        Ok(())
    }

    /// munlockall(2).
    pub fn munlockall(&self) -> Result<()> {
        self.edit(|state, _| {
            state.lock_future = false;
            state.set_all_locked(false)
        })
    }

    /// Brings in the locked ranges within `range`; says whether anything failed.
    fn populate_locked(&self, range: Range<u64>) -> bool {
        let mut at = range.start;
        loop {
            let next = {
                let state = self.state.read();
                let next = state.map.overlapping(at..range.end).next();
                next.map(|vma| (vma.range.start.max(at)..vma.range.end.min(range.end), vma.prot))
            };
            let Some((part, prot)) = next else { return false };
            let access = Access { write: prot.has(Prot::WRITE), exec: false };
            at = part.end;
            if prot.intersects(Prot::READ | Prot::WRITE | Prot::EXEC)
                && part
                    .step_by(PAGE as usize)
                    .any(|page| self.fault(page, access).is_err() || !go_on(page))
            {
                return true;
            }
        }
    }
}

impl State {
    /// Sets a mark on every range in `range`.
    fn mark(&mut self, range: Range<u64>, advice: u32) -> Result<()> {
        if advice == MADV_WIPEONFORK {
            let wipeable = |vma: &Vma| vma.is_private() && matches!(vma.backing, Backing::Anon);
            if self.map.overlapping(range.clone()).any(|vma| !wipeable(vma)) {
                return Err(EINVAL);
            }
        }
        self.map.change(range.clone(), |vma| match advice {
            MADV_DONTFORK => vma.flags |= VmFlags::DONTFORK,
            MADV_DOFORK => vma.flags -= VmFlags::DONTFORK,
            MADV_DONTDUMP => vma.flags |= VmFlags::DONTDUMP,
            MADV_DODUMP => vma.flags -= VmFlags::DONTDUMP,
            MADV_WIPEONFORK => vma.flags |= VmFlags::WIPEONFORK,
            _ => vma.flags -= VmFlags::WIPEONFORK,
        })?;
        walk(self, range, |_, _| Ok(()))
    }

    /// Locks or unlocks what is mapped in `range`; `ENOMEM` if there are holes.
    fn set_locked(&mut self, range: Range<u64>, locked: bool) -> Result<()> {
        let hole = walk(self, range.clone(), |_, _| Ok(()));
        self.map.change(range, |vma| {
            vma.flags -= VmFlags::LOCKED;
            if locked {
                vma.flags |= VmFlags::LOCKED;
            }
        })?;
        hole
    }

    fn set_all_locked(&mut self, locked: bool) -> Result<()> {
        match self.set_locked(0..USER_END, locked) {
            Err(ENOMEM) | Ok(()) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Visits the parts of `range` that are mapped; `ENOMEM` at the end if some are not.
fn walk(
    state: &State,
    range: Range<u64>,
    mut visit: impl FnMut(&Vma, Range<u64>) -> Result<()>,
) -> Result<()> {
    let mut at = range.start;
    let mut hole = false;
    for vma in state.map.overlapping(range.clone()) {
        hole |= vma.range.start > at;
        let part = vma.range.start.max(at)..vma.range.end.min(range.end);
        at = part.end;
        visit(vma, part)?;
    }
    if hole || at < range.end { Err(ENOMEM) } else { Ok(()) }
}

/// The pages that mlock(2) means: unlike others it accepts any address.
fn lock_range(addr: u64, len: u64) -> Result<Range<u64>> {
    let start = page_down(addr);
    let len = page_up_wrapping(len.wrapping_add(addr - start));
    let end = start.checked_add(len).ok_or(EINVAL)?;
    if end > USER_END { Err(ENOMEM) } else { Ok(start..end) }
}

fn may_lock_at_all(who: Who<'_>) -> Result<()> {
    let may = who.limits.get(RLIMIT_MEMLOCK) != 0 || who.cred.capable(CAP_IPC_LOCK);
    if may { Ok(()) } else { Err(EPERM) }
}
