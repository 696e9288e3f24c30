//! Files as mmap(2) sees them: from an open [`File`] to what [`crate::mm`] needs to map it.

use alloc::sync::Arc;

use abi::fs::MountFlags;

use super::file::{File, Mapping};
use crate::mm::{MapFile, MapSource};

impl File {
    /// What mapping this file means.
    pub fn map_file(self: &Arc<Self>) -> MapFile {
        let source = match self.ops().map(self) {
            Ok(Mapping::Pages(pages)) => Some(MapSource::Pages(pages)),
            Ok(Mapping::Anonymous) => Some(MapSource::Zero),
            Err(_) => None,
        };
        let noexec =
            self.path().is_some_and(|path| path.mount.flags().has(MountFlags::NOEXEC));
        MapFile {
            source,
            file: self.clone(),
            readable: self.readable(),
            writable: self.writable(),
            append_only: false,
            noexec,
        }
    }
}
