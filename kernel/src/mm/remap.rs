//! mremap(2): growing, shrinking and moving a mapping (`mm/mremap.c` of Linux 6.1).

use core::ops::Range;

use abi::errno::{EAGAIN, EFAULT, EINVAL, ENOMEM, Result};
use abi::mm::{MapFlags, MremapFlags};
use hal::user::USER_END;

use super::space::{Dead, Space, State, Who, may_commit};
use super::vma::{VmFlags, Vma};
use super::{MAX_MAP_COUNT, PAGE, is_aligned, page_up};

/// The arguments of mremap(2); lengths already in whole pages.
#[derive(Clone, Copy)]
struct Move {
    addr: u64,
    old_len: u64,
    new_len: u64,
    flags: MremapFlags,
    /// Where to, with `MREMAP_FIXED`; a hint with `MREMAP_DONTUNMAP`.
    to: u64,
}

impl Space {
    /// mremap(2) with the raw flags. Returns where the mapping is then.
    pub fn mremap(
        &self,
        addr: u64,
        old_len: u64,
        new_len: u64,
        flags: u32,
        to: u64,
        who: Who<'_>,
    ) -> Result<u64> {
        let flags = MremapFlags::checked(flags).ok_or(EINVAL)?;
        let may_move = flags.has(MremapFlags::MAYMOVE);
        if flags.has(MremapFlags::FIXED) && !may_move
            || flags.has(MremapFlags::DONTUNMAP) && (!may_move || old_len != new_len)
            || !is_aligned(addr)
        {
            return Err(EINVAL);
        }
        let old_len = page_up(old_len).unwrap_or(0);
        let new_len = page_up(new_len).filter(|len| *len > 0).ok_or(EINVAL)?;
        let request = Move { addr, old_len, new_len, flags, to };
        let (at, fresh) = self.edit(|state, dead| {
            let to = if flags.intersects(MremapFlags::FIXED | MremapFlags::DONTUNMAP) {
                state.remap_to(self, request, who, dead)?
            } else {
                state.remap(self, request, who, dead)?
            };
            let locked = state.map.find(to).filter(|vma| vma.flags.has(VmFlags::LOCKED));
            Ok((to, locked.map(|vma| vma.prot)))
        })?;
        if let Some(prot) = fresh
            && new_len > old_len
        {
            self.populate(at + old_len..at + new_len, prot);
        }
        Ok(at)
    }
}

impl State {
    fn remap(
        &mut self,
        space: &Space,
        request: Move,
        who: Who<'_>,
        dead: &mut Dead,
    ) -> Result<u64> {
        let Move { addr, old_len, new_len, flags, .. } = request;
        self.map.find(addr).ok_or(EFAULT)?;
        if old_len >= new_len {
            if old_len > new_len {
                let end = addr.checked_add(old_len).filter(|end| *end <= USER_END).ok_or(EINVAL)?;
                self.unmap(&space.pages, addr + new_len..end, dead)?;
            }
            return Ok(addr);
        }
        let vma = self.may_resize(addr, old_len, new_len, who)?;
        let old_end = addr + old_len;
        if vma.range.end == old_end {
            let end = addr + new_len;
            if end <= USER_END && self.map.is_unclaimed(old_end..end) {
                let mut more = vma;
                more.range.end = end;
                more.trim(&(old_end..end));
                self.add(more)?;
                return Ok(addr);
            }
        }
        if !flags.has(MremapFlags::MAYMOVE) {
            return Err(ENOMEM);
        }
        let to = self.place(0, new_len, MapFlags::EMPTY, who)?;
        self.move_to(space, request, to, dead)?;
        Ok(to)
    }

    fn remap_to(
        &mut self,
        space: &Space,
        mut request: Move,
        who: Who<'_>,
        dead: &mut Dead,
    ) -> Result<u64> {
        let Move { addr, old_len, new_len, flags, to } = request;
        let fixed = flags.has(MremapFlags::FIXED);
        self.map.find(addr).ok_or(EFAULT)?;
        if !is_aligned(to) || new_len > USER_END || to > USER_END - new_len {
            return Err(EINVAL);
        }
        let old_end = addr.checked_add(old_len).ok_or(EINVAL)?;
        if old_end > to && to + new_len > addr {
            return Err(EINVAL);
        }
        if self.map.len() + 5 >= MAX_MAP_COUNT {
            return Err(ENOMEM);
        }
        if fixed {
            self.unmap(&space.pages, to..to + new_len, dead)?;
        }
        if old_len > new_len {
            self.unmap(&space.pages, addr + new_len..old_end, dead)?;
            request.old_len = new_len;
        }
        let vma = self.may_resize(addr, request.old_len, new_len, who)?;
        if flags.has(MremapFlags::DONTUNMAP)
            && !self.may_expand(who.limits, request.old_len / PAGE, vma.is_data())
        {
            return Err(ENOMEM);
        }
        let placing = if fixed { MapFlags::FIXED } else { MapFlags::EMPTY };
        let to = self.place(to, new_len, placing, who)?;
        self.move_to(space, request, to, dead)?;
        Ok(to)
    }

    /// The range at `addr`, if it may become `new_len` long (`vma_to_resize`).
    fn may_resize(&self, addr: u64, old_len: u64, new_len: u64, who: Who<'_>) -> Result<Vma> {
        let vma = self.map.find(addr).ok_or(EFAULT)?;
        if old_len == 0 && vma.is_private() {
            return Err(EINVAL);
        }
        if old_len > vma.range.end - addr {
            return Err(EFAULT);
        }
        if new_len <= old_len {
            return Ok(vma.clone());
        }
        let more = (new_len - old_len) / PAGE;
        if let Some((_, index)) = vma.page_index(addr) {
            index.checked_add(new_len / PAGE).ok_or(EINVAL)?;
        }
        if vma.flags.has(VmFlags::LOCKED) && !self.may_lock(more, who) {
            return Err(EAGAIN);
        }
        let charged = vma.is_data() && !vma.flags.has(VmFlags::NORESERVE);
        if !self.may_expand(who.limits, more, vma.is_data()) || charged && !may_commit(more) {
            return Err(ENOMEM);
        }
        Ok(vma.clone())
    }

    /// Moves `old_len` bytes at `addr` to the free place `to`, where they become `new_len` long.
    fn move_to(&mut self, space: &Space, request: Move, to: u64, dead: &mut Dead) -> Result<()> {
        let Move { addr, old_len, new_len, flags, .. } = request;
        let vma = self.map.find(addr).ok_or(EFAULT)?;
        let mut moved = vma.part(&(addr..vma.range.end));
        moved.range = to..to + new_len;
        self.map.reserve(3)?;
        if old_len > 0 {
            let flush = space.pages.move_range(addr, to, old_len).map_err(|_| ENOMEM)?;
            drop(flush);
        }
        let old: Range<u64> = addr..addr + old_len;
        if flags.has(MremapFlags::DONTUNMAP) {
            // The old range stays, empty; only a locked one loses its lock.
            self.map.change(old, |vma| vma.flags -= VmFlags::LOCKED)?;
        } else if old_len > 0 {
            let parts = self.map.carve(old)?;
            dead.push(parts);
        }
        self.add(moved)
    }
}
