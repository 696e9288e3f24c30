//! The address space of a child: the same ranges, the same frames, private ones read-only on both
//! sides until someone writes.
//!
//! Takes `Mm` of the parent as a writer, so that no fault runs meanwhile.

use alloc::sync::Arc;

use abi::errno::{ENOMEM, Result};

use super::Map;
use super::space::{Space, State};
use super::vma::VmFlags;

impl Space {
    /// A copy for a child process (`dup_mmap`).
    ///
    /// Ranges that cannot hold private copies are not copied page by page: the child faults them
    /// in from their source. `ENOMEM` leaves the parent as it was.
    pub fn fork(&self) -> Result<Arc<Self>> {
        let pages = hal::mem::Space::new().map_err(|_| ENOMEM)?;
        let parent = self.state.write();
        let mut map = Map::default();
        map.reserve(parent.map.len())?;
        let inherited = || parent.map.iter().filter(|vma| !vma.flags.has(VmFlags::DONTFORK));
        let child = Self::assemble(pages, self.stack_limit(), |me| {
            for vma in inherited() {
                map.insert(vma.inherited(me));
            }
            State {
                peak: map.totals().total,
                map,
                layout: parent.layout,
                addresses: parent.addresses.clone(),
                exe: parent.exe.clone(),
                lock_future: false,
            }
        });
        child.inherit_settings(self);
        child.set_dumpable(self.dumpable());
        let mut shared = Ok(());
        for vma in inherited() {
            if vma.flags.has(VmFlags::COPIES) && !vma.flags.has(VmFlags::WIPEONFORK) {
                shared = self.pages.share_into(&child.pages, vma.range.clone(), true);
                if shared.is_err() {
                    break;
                }
            }
        }
        // Even after a failure some of the parent's entries have become read-only.
        self.pages.flush_all();
        drop(parent);
        shared.map_err(|_| ENOMEM)?;
        Ok(child)
    }
}
