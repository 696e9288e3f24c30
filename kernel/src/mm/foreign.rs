//! Another program's memory, page by page: /proc/PID/mem, process_vm_readv(2), what `ps` reads of
//! arguments. The page tables in use are never changed for that; frames are.
//!
//! Takes `Mm` of the other space, and may sleep. `access_remote_vm` in Linux's `mm/memory.c`.

use hal::mem::{Frame, Kind, Perms};
use hal::user::{Access, USER_END};

use super::fault::may_force;
use super::vma::Prot;
use super::{PAGE, Space, page_down};

impl Space {
    /// The frame of the page at `addr`, to read from: brought in if need be. `force`: also where
    /// the program itself may not read, but could be allowed to. `None`: there is none to be had.
    pub fn pin(&self, addr: u64, force: bool) -> Option<Frame> {
        if addr >= USER_END {
            return None;
        }
        let page = page_down(addr);
        let read = Access { write: false, exec: false };
        loop {
            {
                let state = self.state.read();
                let vma = state.map.find(page)?;
                if !(vma.prot.has(Prot::READ) || force && may_force(vma, read)) {
                    return None;
                }
                if let Some((frame, _)) = self.pages.lookup(page) {
                    return Some(frame);
                }
            }
            self.fault_for(page, read, force).ok()?;
        }
    }

    /// Reads as much as can be read; returns the number of bytes.
    pub fn peek(&self, addr: u64, to: &mut [u8], force: bool) -> usize {
        let mut done = 0;
        while done < to.len() {
            let at = addr.saturating_add(done as u64);
            let Some(frame) = self.pin(at, force) else { break };
            let off = (at % PAGE) as usize;
            let len = (to.len() - done).min(PAGE as usize - off);
            frame.read(off, &mut to[done..done + len]);
            done += len;
        }
        done
    }

    /// Writes as much as can be written; returns the number of bytes. `force`: also to private
    /// pages that the program itself may not write; it gets copies of its own.
    pub fn poke(&self, addr: u64, from: &[u8], force: bool) -> usize {
        let mut done = 0;
        while done < from.len() {
            let at = addr.saturating_add(done as u64);
            let off = (at % PAGE) as usize;
            let len = (from.len() - done).min(PAGE as usize - off);
            if at >= USER_END || !self.poke_page(at, &from[done..done + len], force) {
                break;
            }
            done += len;
        }
        done
    }

    /// Writes within one page.
    fn poke_page(&self, addr: u64, bytes: &[u8], force: bool) -> bool {
        let page = page_down(addr);
        let write = Access { write: true, exec: false };
        loop {
            {
                // Held while writing, so that no fork shares the frame meanwhile.
                let state = self.state.read();
                let Some(vma) = state.map.find(page) else { return false };
                let allowed = vma.prot.has(Prot::WRITE);
                if !(allowed || force && may_force(vma, write)) {
                    return false;
                }
                let mut alone = false;
                self.pages.visit(page..page + PAGE, |mapped| {
                    alone = mapped.sharers == 1 && mapped.kind == Kind::Anon;
                });
                if let Some((frame, perms)) = self.pages.lookup(page)
                    && (perms.contains(Perms::WRITE) || !allowed && alone)
                {
                    frame.write((addr - page) as usize, bytes);
                    return true;
                }
            }
            if self.fault_for(page, write, force).is_err() {
                return false;
            }
        }
    }
}
