//! Which futex an address names (`get_futex_key`): a word of one address space, or of shared
//! memory, wherever that is mapped.

use abi::errno::{EFAULT, Result};
use hal::user::USER_END;

use super::{Backing, PAGE, Prot, Space};

/// The identity of a futex: two keys are equal if and only if they name the same word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FutexKey(pub [u64; 2]);

impl Space {
    /// The futex at `addr`. With `private` (`FUTEX_PRIVATE_FLAG`) the caller vouches that nobody
    /// else shares the word, and nothing is looked up. `EFAULT` where nothing is mapped.
    pub fn futex_key(&self, addr: u64, private: bool) -> Result<FutexKey> {
        if addr >= USER_END - 3 {
            return Err(EFAULT);
        }
        let own = FutexKey([core::ptr::from_ref(self).addr() as u64, addr]);
        if private {
            return Ok(own);
        }
        let state = self.state.read();
        let vma = state.map.find(addr).ok_or(EFAULT)?;
        // Nobody can change a word that nobody can write.
        if matches!(vma.backing, Backing::Anon) && !vma.prot.has(Prot::WRITE) {
            return Err(EFAULT);
        }
        match vma.page_index(addr) {
            Some((source, index)) if !vma.is_private() => {
                let object = alloc::sync::Arc::as_ptr(&source.to_arc()).addr() as u64;
                // Odd, as no address of a space is: the two kinds never meet.
                Ok(FutexKey([object | 1, index * PAGE + addr % PAGE]))
            }
            _ => Ok(own),
        }
    }
}
