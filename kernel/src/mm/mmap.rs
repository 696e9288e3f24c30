//! mmap(2), munmap(2), mprotect(2), brk(2): checks and errors in Linux's order (`mm/mmap.c`,
//! `mm/mprotect.c` of 6.1).

use alloc::sync::Arc;
use core::ops::Range;

use abi::errno::{
    EACCES, EAGAIN, EEXIST, EINVAL, ENODEV, ENOMEM, EOPNOTSUPP, EOVERFLOW, EPERM, Errno, Result,
};
use abi::mm::MapFlags;
use abi::process::{CAP_IPC_LOCK, CAP_SYS_RAWIO, RLIMIT_DATA, RLIMIT_MEMLOCK};
use hal::user::{Access, USER_END};

use super::source::{Attached, PageSource};
use super::space::{Dead, Space, State, Who, go_on, may_commit};
use super::vma::{Backing, FileRef, Object, Prot, VmFlags, Vma, perms_of};
use super::{MAX_MAP_COUNT, MMAP_MIN_ADDR, PAGE, SharedPages, is_aligned, page_down, page_up};

/// What mapping a file yields; the answer of a file's `map`.
#[derive(Clone)]
pub enum MapSource {
    /// The pages of a source.
    Pages(Arc<dyn PageSource>),
    /// Fresh zeroes, as of /dev/zero: as if no file had been named.
    Zero,
}

/// An open file to be mapped.
pub struct MapFile {
    /// What stands behind it; `None` for files that cannot be mapped (`ENODEV`).
    pub source: Option<MapSource>,
    /// Kept by the mapping.
    pub file: FileRef,
    /// Opened for reading.
    pub readable: bool,
    /// Opened for writing.
    pub writable: bool,
    /// May only be appended to (the inode's attribute, not `O_APPEND`).
    pub append_only: bool,
    /// On a file system mounted `noexec`.
    pub noexec: bool,
}

/// The arguments of mmap(2).
pub struct MapRequest {
    /// Hint, or the place itself with `MAP_FIXED`.
    pub addr: u64,
    /// Bytes.
    pub len: u64,
    /// Unknown bits are ignored, as Linux does.
    pub prot: Prot,
    /// Unknown bits are ignored, but with `MAP_SHARED_VALIDATE`.
    pub flags: MapFlags,
    /// Offset in the file; the caller has checked that it is a whole page.
    pub offset: u64,
    /// The file, unless `MAP_ANONYMOUS`.
    pub file: Option<MapFile>,
}

/// The rights a program can ask for.
pub(super) const RWX: Prot = Prot(7);

/// The flags that every file accepts (`LEGACY_MAP_MASK`).
const LEGACY_MAP_MASK: MapFlags = MapFlags(
    MapFlags::SHARED.0
        | MapFlags::PRIVATE.0
        | MapFlags::FIXED.0
        | MapFlags::ANONYMOUS.0
        | MapFlags::DENYWRITE.0
        | MapFlags::EXECUTABLE.0
        | MapFlags::UNINITIALIZED.0
        | MapFlags::GROWSDOWN.0
        | MapFlags::LOCKED.0
        | MapFlags::NORESERVE.0
        | MapFlags::POPULATE.0
        | MapFlags::NONBLOCK.0
        | MapFlags::STACK.0
        | MapFlags::HUGETLB.0
        | MapFlags::M32BIT.0
        | MapFlags::HUGE_2MB.0
        | MapFlags::HUGE_1GB.0,
);

/// Where `MAP_32BIT` mappings go.
const LOW_WINDOW: Range<u64> = 0x4000_0000..0x8000_0000;

/// Where mappings go, lowest first, when there is no room below the base.
const BOTTOM_UP: Range<u64> = page_down(USER_END / 3)..USER_END;

impl Space {
    /// mmap(2): maps and returns the address.
    pub fn mmap(&self, request: MapRequest, who: Who<'_>) -> Result<u64> {
        let populate = request.flags.intersects(MapFlags::POPULATE | MapFlags::LOCKED)
            && !request.flags.has(MapFlags::NONBLOCK);
        let prot = request.prot & RWX;
        // The request, and with it perhaps the last handle of the file, is dropped without the lock.
        let (range, locked) = self.edit(|state, dead| state.mmap(self, &request, who, dead))?;
        if populate || locked {
            self.populate(range.clone(), prot);
        }
        Ok(range.start)
    }

    /// Brings in every page of a fresh mapping. Errors are left to the program's own faults.
    pub(super) fn populate(&self, range: Range<u64>, prot: Prot) {
        if !prot.intersects(RWX) {
            return;
        }
        let access = Access { write: prot.has(Prot::WRITE), exec: false };
        for page in range.step_by(PAGE as usize) {
            if self.fault(page, access).is_err() || !go_on(page) {
                return;
            }
        }
    }

    /// munmap(2).
    pub fn munmap(&self, addr: u64, len: u64) -> Result<()> {
        if !is_aligned(addr) || addr > USER_END || len > USER_END - addr {
            return Err(EINVAL);
        }
        let len = page_up(len).filter(|len| *len > 0).ok_or(EINVAL)?;
        self.edit(|state, dead| state.unmap(&self.pages, addr..addr + len, dead))
    }

    /// mprotect(2) with the raw `prot` bits.
    ///
    /// Linux goes range by range and stops at the first that refuses (`EACCES`) or at a hole
    /// (`ENOMEM`); what came before has changed.
    pub fn mprotect(&self, addr: u64, len: u64, prot: Prot, who: Who<'_>) -> Result<()> {
        let grows = prot & (Prot::GROWSDOWN | Prot::GROWSUP);
        if grows == Prot::GROWSDOWN | Prot::GROWSUP || !is_aligned(addr) {
            return Err(EINVAL);
        }
        if len == 0 {
            return Ok(());
        }
        let end = page_up(len).and_then(|len| addr.checked_add(len)).ok_or(ENOMEM)?;
        if end <= addr {
            return Err(ENOMEM);
        }
        let prot = prot - grows;
        if !(RWX | Prot::SEM).has(prot) {
            return Err(EINVAL);
        }
        self.edit(|state, _| state.mprotect(self, addr..end, prot & RWX, grows, who))
    }

    /// brk(2): moves the break if that is possible; returns where it is then.
    pub fn brk(&self, to: u64, who: Who<'_>) -> u64 {
        let moved = self.edit(|state, dead| {
            let grown = state.brk(&self.pages, to, who, dead)?;
            Ok((grown, state.lock_future))
        });
        if let Ok((grown, true)) = moved {
            self.populate(grown, Prot::READ | Prot::WRITE);
        }
        self.state.read().addresses.brk.end
    }
}

impl State {
    /// Returns the range and whether it is locked in memory.
    fn mmap(
        &mut self,
        space: &Space,
        request: &MapRequest,
        who: Who<'_>,
        dead: &mut Dead,
    ) -> Result<(Range<u64>, bool)> {
        let mut flags = request.flags;
        if request.len == 0 {
            return Err(EINVAL);
        }
        if flags.has(MapFlags::FIXED_NOREPLACE) {
            flags |= MapFlags::FIXED;
        }
        let len = page_up(request.len).ok_or(ENOMEM)?;
        (request.offset / PAGE).checked_add(len / PAGE).ok_or(EOVERFLOW)?;
        if self.map.len() > MAX_MAP_COUNT {
            return Err(ENOMEM);
        }
        let start = self.place(request.addr, len, flags, who)?;
        let range = start..start + len;
        if flags.has(MapFlags::FIXED_NOREPLACE) && !self.map.is_free(range.clone()) {
            return Err(EEXIST);
        }
        if flags.has(MapFlags::LOCKED)
            && who.limits.get(RLIMIT_MEMLOCK) == 0
            && !who.cred.capable(CAP_IPC_LOCK)
        {
            return Err(EPERM);
        }
        let locked = flags.has(MapFlags::LOCKED) || self.lock_future;
        if locked && !self.may_lock(len / PAGE, who) {
            return Err(EAGAIN);
        }
        let mut vma = Vma {
            range: range.clone(),
            prot: request.prot & RWX,
            flags: VmFlags::MAYREAD | VmFlags::MAYWRITE | VmFlags::MAYEXEC,
            backing: Backing::Anon,
        };
        for (asked, bit) in [
            (locked, VmFlags::LOCKED),
            (flags.has(MapFlags::GROWSDOWN), VmFlags::GROWSDOWN),
            (flags.has(MapFlags::NORESERVE), VmFlags::NORESERVE),
        ] {
            if asked {
                vma.flags |= bit;
            }
        }
        match &request.file {
            None => back_anonymous(&mut vma, space, flags)?,
            Some(file) => back_by_file(&mut vma, space, flags, request.offset, file)?,
        }
        if vma.is_private() && vma.prot.has(Prot::WRITE) {
            vma.flags |= VmFlags::COPIES;
        }

        let replaced = self.map.pages_in(range.clone());
        let more = (len / PAGE).saturating_sub(replaced);
        if !self.may_expand(who.limits, more, vma.is_data()) {
            return Err(ENOMEM);
        }
        let charged = match vma.backing {
            Backing::Anon => vma.prot.has(Prot::WRITE),
            Backing::Pages(_) => vma.is_data(),
        };
        if charged && !flags.has(MapFlags::NORESERVE) && !may_commit(len / PAGE) {
            return Err(ENOMEM);
        }
        self.unmap(&space.pages, range.clone(), dead)?;
        self.add(vma)?;
        Ok((range, locked))
    }

    /// Adds a range where nothing is mapped.
    pub(super) fn add(&mut self, vma: Vma) -> Result<()> {
        self.map.reserve(1)?;
        self.map.insert(vma);
        Ok(())
    }

    /// Whether `pages` more may be locked in memory.
    pub(super) fn may_lock(&self, pages: u64, who: Who<'_>) -> bool {
        who.cred.capable(CAP_IPC_LOCK)
            || self.map.totals().locked.saturating_add(pages)
                <= who.limits.get(RLIMIT_MEMLOCK) / PAGE
    }

    /// Where a mapping of `len` bytes goes (`get_unmapped_area`).
    pub(super) fn place(&self, addr: u64, len: u64, flags: MapFlags, who: Who<'_>) -> Result<u64> {
        if len > USER_END {
            return Err(ENOMEM);
        }
        let start = if flags.has(MapFlags::FIXED) {
            // Linux hands the address on unseen, and its last page looks like an error.
            if let Some(looks_like) = Errno::from_neg(addr as isize) {
                return Err(looks_like);
            }
            addr
        } else {
            let hint = match page_down(addr) {
                0 => 0,
                hint => hint.max(MMAP_MIN_ADDR),
            };
            self.find_place(hint, len, flags).ok_or(ENOMEM)?
        };
        if start > USER_END - len {
            return Err(ENOMEM);
        }
        if !is_aligned(start) {
            return Err(EINVAL);
        }
        if start < MMAP_MIN_ADDR && !who.cred.capable(CAP_SYS_RAWIO) {
            return Err(EPERM);
        }
        Ok(start)
    }

    /// A free place, at `hint` if that is one.
    pub(super) fn find_place(&self, hint: u64, len: u64, flags: MapFlags) -> Option<u64> {
        if hint != 0 && hint <= USER_END - len && self.map.is_unclaimed(hint..hint + len) {
            let low = !flags.has(MapFlags::M32BIT) || hint + len <= LOW_WINDOW.end;
            if low {
                return Some(hint);
            }
        }
        if flags.has(MapFlags::M32BIT) {
            return self.map.find_gap(len, LOW_WINDOW, false);
        }
        self.map
            .find_gap(len, MMAP_MIN_ADDR..self.layout.mmap_base, true)
            .or_else(|| self.map.find_gap(len, BOTTOM_UP, false))
    }

    fn mprotect(
        &mut self,
        space: &Space,
        range: Range<u64>,
        prot: Prot,
        grows: Prot,
        who: Who<'_>,
    ) -> Result<()> {
        let mut at = range.start;
        let first = self.map.next(at).ok_or(ENOMEM)?;
        if grows == Prot::GROWSDOWN {
            if first.range.start >= range.end {
                return Err(ENOMEM);
            }
            if !first.flags.has(VmFlags::GROWSDOWN) {
                return Err(EINVAL);
            }
            at = first.range.start;
        } else if first.range.start > at {
            return Err(ENOMEM);
        } else if grows == Prot::GROWSUP {
            return Err(EINVAL);
        }
        while at < range.end {
            let vma = self.map.find(at).ok_or(ENOMEM)?;
            let part = at..vma.range.end.min(range.end);
            at = part.end;
            if vma.prot == prot {
                continue;
            }
            for (right, may) in [
                (Prot::READ, VmFlags::MAYREAD),
                (Prot::WRITE, VmFlags::MAYWRITE),
                (Prot::EXEC, VmFlags::MAYEXEC),
            ] {
                if prot.has(right) && !vma.flags.has(may) {
                    return Err(EACCES);
                }
            }
            let becomes_data = vma.is_private()
                && prot.has(Prot::WRITE)
                && !vma.prot.has(Prot::WRITE)
                && !vma.flags.has(VmFlags::GROWSDOWN);
            if becomes_data {
                let pages = (part.end - part.start) / PAGE;
                let data = self.map.totals().data + pages;
                let charged = !vma.flags.intersects(VmFlags::NORESERVE | VmFlags::COPIES);
                if data > who.limits.get(RLIMIT_DATA) / PAGE || charged && !may_commit(pages) {
                    return Err(ENOMEM);
                }
            }
            self.map.change(part.clone(), |vma| {
                vma.prot = prot;
                if vma.is_private() && prot.has(Prot::WRITE) {
                    vma.flags |= VmFlags::COPIES;
                }
            })?;
            drop(space.pages.protect(part, perms_of(prot)));
        }
        Ok(())
    }

    /// Returns the range that was added.
    fn brk(
        &mut self,
        pages: &hal::mem::Space,
        to: u64,
        who: Who<'_>,
        dead: &mut Dead,
    ) -> Result<Range<u64>> {
        let Range { start, end } = self.addresses.brk;
        if to < start {
            return Err(ENOMEM);
        }
        let data = &self.addresses.data;
        let size = (to - start).saturating_add(data.end - data.start);
        if size > who.limits.get(RLIMIT_DATA) {
            return Err(ENOMEM);
        }
        let old = page_up(end).ok_or(ENOMEM)?;
        let new = page_up(to).filter(|new| *new < USER_END).ok_or(ENOMEM)?;
        if new < old {
            self.unmap(pages, new..old, dead)?;
        } else if new > old {
            let more = (new - old) / PAGE;
            let locks = self.lock_future && !self.may_lock(more, who);
            if !self.map.is_unclaimed(old..new + PAGE)
                || !self.may_expand(who.limits, more, true)
                || self.map.len() > MAX_MAP_COUNT
                || locks
                || !may_commit(more)
            {
                return Err(ENOMEM);
            }
            self.add(heap(old..new, self.lock_future))?;
        }
        self.addresses.brk.end = to;
        Ok(old..new.max(old))
    }
}

/// A piece of the heap, or of a program's zeroed data: anonymous, readable and writable.
pub(super) fn heap(range: Range<u64>, locked: bool) -> Vma {
    let mut flags = VmFlags::MAYREAD | VmFlags::MAYWRITE | VmFlags::MAYEXEC | VmFlags::COPIES;
    if locked {
        flags |= VmFlags::LOCKED;
    }
    Vma { range, prot: Prot::READ | Prot::WRITE, flags, backing: Backing::Anon }
}

fn back_anonymous(vma: &mut Vma, space: &Space, flags: MapFlags) -> Result<()> {
    match flags.map_type() {
        MapFlags::SHARED if vma.flags.has(VmFlags::GROWSDOWN) => Err(EINVAL),
        MapFlags::SHARED => {
            vma.flags |= VmFlags::SHARED;
            let source = Arc::new(SharedPages::new(vma.range.end - vma.range.start));
            vma.backing = Backing::Pages(Object {
                source: Attached::new(source, &space.me),
                first: 0,
                file: None,
            });
            Ok(())
        }
        MapFlags::PRIVATE => Ok(()),
        _ => Err(EINVAL),
    }
}

fn back_by_file(
    vma: &mut Vma,
    space: &Space,
    flags: MapFlags,
    offset: u64,
    file: &MapFile,
) -> Result<()> {
    let len = vma.range.end - vma.range.start;
    if offset.checked_add(len).is_none_or(|end| end > i64::MAX as u64) {
        return Err(EOVERFLOW);
    }
    match flags.map_type() {
        kind @ (MapFlags::SHARED | MapFlags::SHARED_VALIDATE) => {
            let validated = MapFlags(flags.0 & !MapFlags::TYPE.0);
            if kind == MapFlags::SHARED_VALIDATE && !LEGACY_MAP_MASK.has(validated) {
                return Err(EOPNOTSUPP);
            }
            if vma.prot.has(Prot::WRITE) && !file.writable || file.append_only && file.writable {
                return Err(EACCES);
            }
            vma.flags |= VmFlags::SHARED;
            if !file.writable {
                vma.flags -= VmFlags::MAYWRITE;
            }
        }
        MapFlags::PRIVATE => {}
        _ => return Err(EINVAL),
    }
    if !file.readable {
        return Err(EACCES);
    }
    if file.noexec {
        if vma.prot.has(Prot::EXEC) {
            return Err(EPERM);
        }
        vma.flags -= VmFlags::MAYEXEC;
    }
    let source = file.source.as_ref().ok_or(ENODEV)?;
    if vma.flags.has(VmFlags::GROWSDOWN) {
        return Err(EINVAL);
    }
    match source {
        MapSource::Zero if vma.is_private() => Ok(()),
        MapSource::Zero => back_anonymous(vma, space, MapFlags::SHARED),
        MapSource::Pages(source) => {
            let shared = vma.flags.has(VmFlags::SHARED);
            if shared && source.is_sealed() {
                if vma.prot.has(Prot::WRITE) {
                    return Err(EPERM);
                }
                vma.flags -= VmFlags::MAYWRITE;
            }
            let source = match shared && vma.flags.has(VmFlags::MAYWRITE) {
                true => Attached::writing(source.clone(), &space.me)?,
                false => Attached::new(source.clone(), &space.me),
            };
            vma.backing = Backing::Pages(Object {
                source,
                first: offset / PAGE,
                file: Some(file.file.clone()),
            });
            Ok(())
        }
    }
}
