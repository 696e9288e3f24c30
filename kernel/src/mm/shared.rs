//! [`SharedPages`]: anonymous memory that several programs share, as after
//! `mmap(MAP_SHARED | MAP_ANONYMOUS)` and `fork`.
//!
//! Frames live in a map by page, zero until someone touches them. Lock level: `PageCache`.

use alloc::collections::BTreeMap;

use abi::errno::{ENOMEM, Result};
use hal::mem::{Frame, Kind, Use};

use super::source::{Mappings, PageSource};
use crate::lock::order;
use crate::wait::Mutex;

/// Pages without a file.
pub struct SharedPages {
    bytes: u64,
    mappings: Mappings,
    frames: Mutex<BTreeMap<u64, Frame>, order::PageCache>,
}

impl SharedPages {
    /// `bytes` of zeroes; costs nothing until touched.
    pub fn new(bytes: u64) -> Self {
        Self { bytes, mappings: Mappings::default(), frames: Mutex::new(BTreeMap::new()) }
    }
}

impl PageSource for SharedPages {
    fn page(&self, index: u64, _write: bool) -> Result<Frame> {
        let mut frames = self.frames.lock();
        if let Some(frame) = frames.get(&index) {
            return Ok(frame.clone());
        }
        hal::heap::admit().map_err(|_| ENOMEM)?;
        let frame = Frame::zeroed().map_err(|_| ENOMEM)?;
        frame.count_as(Use::Cache);
        frames.insert(index, frame.clone());
        Ok(frame)
    }

    fn len(&self) -> u64 {
        self.bytes
    }

    fn kind(&self) -> Kind {
        Kind::Shmem
    }

    /// As Linux calls the file behind such memory.
    fn name(&self) -> Option<&'static str> {
        Some("/dev/zero (deleted)")
    }

    fn mappings(&self) -> Option<&Mappings> {
        Some(&self.mappings)
    }
}
