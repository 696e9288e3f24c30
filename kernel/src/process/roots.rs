//! What pivot_root(2) does to processes (`chroot_fs_refs` in `fs/fs_struct.c`).

use alloc::vec::Vec;

use abi::errno::{ENOMEM, Result};

use super::Kernel;
use crate::fs::Path;

impl Kernel {
    /// Gives all threads whose root or working directory is `old` the new one instead. One that
    /// is forked meanwhile may keep the old one, as on Linux.
    pub fn replace_root(&self, old: &Path, new: &Path) -> Result<()> {
        let mut processes = Vec::new();
        {
            let family = self.family.lock();
            processes.try_reserve_exact(family.len()).map_err(|_| ENOMEM)?;
            processes.extend(family.iter().map(|(_, process)| process.clone()));
        }
        for process in processes {
            let threads: Vec<_> = process.signals.lock().living().collect();
            for thread in threads {
                let fs = thread.parts.lock().as_ref().map(|parts| parts.fs.clone());
                if let Some(fs) = fs {
                    fs.replace(old, new);
                }
            }
        }
        Ok(())
    }
}
