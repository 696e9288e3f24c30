//! Files as mmap(2) sees them: from an open [`File`] to what [`crate::mm`] needs to map it.

use alloc::sync::Arc;

use abi::fs::MountFlags;

use super::file::File;
use crate::mm::MapFile;

impl File {
    /// What mapping this file means.
    pub fn map_file(self: &Arc<Self>) -> MapFile {
        let noexec = self.path().is_some_and(|path| path.mount.flags().has(MountFlags::NOEXEC));
        MapFile {
            source: self.ops().map(self).ok(),
            file: self.clone(),
            readable: self.readable(),
            writable: self.writable(),
            append_only: false,
            noexec,
        }
    }
}
