//! Page faults: what a program touches is brought in here, or refused with a signal.
//!
//! The range ([`Vma`]) decides what is allowed; the page-table entry, the source of the page and
//! the number of its users decide how. Faults only read the map, so threads of one program fault
//! side by side; when two touch the same page, the second finds the entry taken and looks again.
//! A page that has to be fetched is fetched with no lock held, and then everything is looked at
//! anew.
//!
//! Lock level: takes `Mm`. See `mm/memory.c` and `arch/x86/mm/fault.c` of Linux.

use alloc::sync::Arc;

use abi::errno::{ENOMEM, Result};
use abi::signal::{BUS_ADRERR, SEGV_ACCERR, SEGV_MAPERR, SI_KERNEL, SIGBUS, SIGKILL, SIGSEGV};
use hal::mem::{Frame, Kind, MapError, Perms};
use hal::user::Access;

use super::source::{Attached, PageSource, has_page};
use super::space::{Space, State, may_commit};
use super::vma::{Backing, Prot, VmFlags, Vma};
use super::{MMAP_MIN_ADDR, PAGE, STACK_GUARD_GAP, page_down};
use crate::sched;

/// Pages mapped around a file page that is read (`fault_around_bytes` is 64 KiB).
const AROUND: u64 = 16;

/// Why a fault is refused: the signal the thread gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultSignal {
    /// `SIGSEGV`, `SIGBUS`; or `SIGKILL` when there is no memory.
    pub signal: u32,
    /// `si_code`.
    pub code: i32,
    /// `si_addr`.
    pub addr: u64,
}

/// Why an attempt did not settle the fault.
enum Stop {
    /// The address lies below a stack.
    Grow,
    /// This page is needed first.
    Fetch(Wanted),
    /// The entry changed meanwhile.
    Again,
    /// Nothing is mapped there.
    Unmapped,
    /// The range forbids it.
    Forbidden,
    /// The file ends before.
    BeyondEnd,
    /// No memory.
    NoMemory,
}

/// A page of a source.
struct Wanted {
    source: Arc<dyn PageSource>,
    index: u64,
    write: bool,
}

type Attempt = core::result::Result<(), Stop>;

impl Space {
    /// Makes the page at `addr` accessible as `access` says, or tells the signal instead.
    ///
    /// Sleeps; takes `Mm`, and `PageCache` below it.
    pub fn fault(&self, addr: u64, access: Access) -> core::result::Result<(), FaultSignal> {
        self.fault_for(addr, access, false)
    }

    /// The same for one who looks at the memory from outside. With `force` it counts only what
    /// mprotect(2) could allow (`FOLL_FORCE`): then a page that was to be written is there, and has
    /// a frame that may be, but its entry still forbids it.
    pub(super) fn fault_for(
        &self,
        addr: u64,
        access: Access,
        force: bool,
    ) -> core::result::Result<(), FaultSignal> {
        let page = page_down(addr);
        let denied = |signal, code| Err(FaultSignal { signal, code, addr });
        let mut fetched: Option<(Wanted, Frame)> = None;
        loop {
            let attempt = self.attempt(&self.state.read(), page, access, force, fetched.as_ref());
            let Err(stop) = attempt else { return Ok(()) };
            match stop {
                Stop::Again => {}
                Stop::Grow if self.grow_stack(page).is_ok() => {}
                Stop::Grow | Stop::Unmapped => return denied(SIGSEGV, SEGV_MAPERR),
                Stop::Forbidden => return denied(SIGSEGV, SEGV_ACCERR),
                Stop::BeyondEnd => return denied(SIGBUS, BUS_ADRERR),
                Stop::NoMemory if sched::out_of_memory() => {}
                Stop::NoMemory => return denied(SIGKILL, SI_KERNEL),
                Stop::Fetch(wanted) => match wanted.source.page(wanted.index, wanted.write) {
                    Ok(frame) => fetched = Some((wanted, frame)),
                    Err(ENOMEM) if sched::out_of_memory() => {}
                    Err(ENOMEM) => return denied(SIGKILL, SI_KERNEL),
                    Err(_) => return denied(SIGBUS, BUS_ADRERR),
                },
            }
        }
    }

    fn attempt(
        &self,
        state: &State,
        page: u64,
        access: Access,
        force: bool,
        fetched: Option<&(Wanted, Frame)>,
    ) -> Attempt {
        let vma = state.map.next(page).ok_or(Stop::Unmapped)?;
        if vma.range.start > page {
            let stack = vma.flags.has(VmFlags::GROWSDOWN);
            return Err(if stack { Stop::Grow } else { Stop::Unmapped });
        }
        let needed = match access {
            Access { write: true, .. } => Prot::WRITE,
            Access { exec: true, .. } => Prot::EXEC,
            _ => Prot::READ | Prot::WRITE | Prot::EXEC,
        };
        let forced = !vma.prot.intersects(needed);
        if forced && !(force && may_force(vma, access)) {
            return Err(Stop::Forbidden);
        }
        match (self.pages.lookup(page), &vma.backing) {
            (Some((frame, perms)), _) if access.write && !perms.contains(Perms::WRITE) => {
                match vma.page_index(page) {
                    Some((source, index)) if !vma.is_private() => {
                        let new = fetched_page(source, index, true, fetched)?;
                        if !new.same(&frame) {
                            self.exchange(page, &frame, new, vma, source.kind())
                        } else if self.pages.share_writable(page, &frame) {
                            Ok(())
                        } else {
                            Err(Stop::Again)
                        }
                    }
                    _ if forced => {
                        let copy = Frame::copy_of(&frame).map_err(|_| Stop::NoMemory)?;
                        self.exchange(page, &frame, copy, vma, Kind::Anon)
                    }
                    _ => self.copy_on_write(page, frame, vma),
                }
            }
            // The entry allows it: another thread was faster. A right that the entry lacks but the
            // range gives is put right.
            (Some((_, perms)), _) => {
                if !perms.contains(vma.read_perms()) {
                    drop(self.pages.protect(page..page + PAGE, vma.perms()));
                }
                Ok(())
            }
            (None, Backing::Anon) => {
                let frame = Frame::zeroed().map_err(|_| Stop::NoMemory)?;
                self.put(page, frame, vma.perms(), Kind::Anon)
            }
            (None, Backing::Pages(_)) => self.bring_in(page, vma, access, fetched),
        }
    }

    /// Maps a page of a source where nothing is mapped yet.
    fn bring_in(
        &self,
        page: u64,
        vma: &Vma,
        access: Access,
        fetched: Option<&(Wanted, Frame)>,
    ) -> Attempt {
        let Some((source, index)) = vma.page_index(page) else { return Err(Stop::Again) };
        if !has_page(&**source, index) {
            return Err(Stop::BeyondEnd);
        }
        let kind = source.kind();
        let shared = !vma.is_private();
        if shared && (access.write || kind == Kind::Shmem && vma.prot.has(Prot::WRITE)) {
            let frame = fetched_page(source, index, true, fetched)?;
            self.put(page, frame, vma.perms(), kind)?;
        } else if access.write {
            let original = fetched_page(source, index, false, fetched)?;
            let copy = Frame::copy_of(&original).map_err(|_| Stop::NoMemory)?;
            self.put(page, copy, vma.perms(), Kind::Anon)?;
        } else {
            self.map_around(page, vma, source, index, fetched)?;
        }
        // truncate(2) first shortens the source and then unmaps: either it sees this entry, or we
        // see the new length.
        if !has_page(&**source, index) {
            drop(self.pages.unmap(page..page + PAGE));
            return Err(Stop::BeyondEnd);
        }
        Ok(())
    }

    /// Maps a page for reading, and those around it which are at hand.
    fn map_around(
        &self,
        page: u64,
        vma: &Vma,
        source: &Attached,
        index: u64,
        fetched: Option<&(Wanted, Frame)>,
    ) -> Attempt {
        let window = page_down(page) & !(AROUND * PAGE - 1);
        let start = window.max(vma.range.start);
        let end = (window + AROUND * PAGE).min(vma.range.end);
        let first = index - (page - start) / PAGE;
        let count = ((end - start) / PAGE) as usize;
        let own = (index - first) as usize;
        let mut frames = [const { None }; AROUND as usize];
        let frames = &mut frames[..count];
        source.cached(first, frames);
        let frame = match frames[own].take() {
            Some(frame) => frame,
            None => fetched_page(source, index, false, fetched)?,
        };
        let (perms, kind) = (vma.read_perms(), source.kind());
        self.put(page, frame, perms, kind)?;
        for (i, frame) in frames.iter_mut().enumerate() {
            let Some(frame) = frame.take() else { continue };
            if has_page(&**source, first + i as u64) {
                // Taken or out of memory: these pages were not asked for.
                let _ = self.pages.map(start + i as u64 * PAGE, frame, perms, kind);
            }
        }
        // As in `bring_in`, for the neighbours.
        let past = source.len().div_ceil(PAGE);
        if past < first + count as u64 {
            let from = start + past.saturating_sub(first) * PAGE;
            drop(self.pages.unmap(from..end));
        }
        Ok(())
    }

    fn put(&self, page: u64, frame: Frame, perms: Perms, kind: Kind) -> Attempt {
        self.pages.map(page, frame, perms, kind).map_err(|error| match error {
            MapError::Busy => Stop::Again,
            MapError::NoMemory => Stop::NoMemory,
        })
    }

    /// The first write to a private page: the last user keeps the frame, others get a copy.
    fn copy_on_write(&self, page: u64, frame: Frame, vma: &Vma) -> Attempt {
        if self.pages.make_writable(page, &frame) {
            return Ok(());
        }
        let copy = Frame::copy_of(&frame).map_err(|_| Stop::NoMemory)?;
        self.exchange(page, &frame, copy, vma, Kind::Anon)
    }

    fn exchange(&self, page: u64, old: &Frame, new: Frame, vma: &Vma, kind: Kind) -> Attempt {
        match self.pages.replace(page, old, new, vma.perms(), kind) {
            Ok(flush) => {
                drop(flush);
                Ok(())
            }
            Err(_) => Err(Stop::Again),
        }
    }

    /// Extends the stack above `page` down to it (`expand_downwards`).
    fn grow_stack(&self, page: u64) -> Result<()> {
        self.edit(|state, _| {
            let stack = state.map.next(page).ok_or(ENOMEM)?;
            if stack.range.start <= page {
                return Ok(());
            }
            let size = stack.range.end - page;
            let close = |below: &Vma| {
                !below.flags.has(VmFlags::GROWSDOWN)
                    && below.prot.intersects(Prot::READ | Prot::WRITE | Prot::EXEC)
                    && page.saturating_sub(below.range.end) < STACK_GUARD_GAP
            };
            if !stack.flags.has(VmFlags::GROWSDOWN)
                || page < MMAP_MIN_ADDR
                || size > self.stack_limit()
                || state.map.previous(page).is_some_and(close)
                || !may_commit(size / PAGE)
            {
                return Err(ENOMEM);
            }
            let mut more = stack.clone();
            more.range = page..stack.range.start;
            state.add(more)
        })
    }
}

/// Whether mprotect(2) could allow the access, and it would change no file (`check_vma_flags`).
pub(super) fn may_force(vma: &Vma, access: Access) -> bool {
    match access.write {
        true => vma.is_private() && vma.flags.has(VmFlags::MAYWRITE),
        false => vma.flags.has(VmFlags::MAYREAD),
    }
}

/// The fetched frame if it is the one needed here, else the wish to fetch it.
fn fetched_page(
    source: &Attached,
    index: u64,
    write: bool,
    fetched: Option<&(Wanted, Frame)>,
) -> core::result::Result<Frame, Stop> {
    if let Some((wanted, frame)) = fetched
        && source.is(&*wanted.source)
        && wanted.index == index
        && wanted.write >= write
    {
        return Ok(frame.clone());
    }
    Err(Stop::Fetch(Wanted { source: source.to_arc(), index, write }))
}
