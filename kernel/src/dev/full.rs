//! `/dev/full`: a disk without room (full(4)).

use super::{Drivers, Opening, zero};
use crate::fs::{Caller, File, FileOps, Pos};
use crate::mm::io::{Sink, Source};
use abi::Result;
use abi::errno::ENOSPC;
use alloc::sync::Arc;

struct Full;

pub(super) fn open(_: &'static Drivers, _: &Opening) -> Result<Arc<dyn FileOps>> {
    Ok(Arc::new(Full))
}

impl FileOps for Full {
    fn read(&self, _f: &File, _c: &Caller, to: &mut dyn Sink, _at: Pos) -> Result<usize> {
        zero::fill(to)
    }

    fn write(&self, _f: &File, _c: &Caller, _from: &mut dyn Source, _at: Pos) -> Result<usize> {
        Err(ENOSPC)
    }

    fn is_seekable(&self) -> bool {
        true
    }

    fn seek(&self, _f: &File, _now: u64, _offset: i64, _whence: u32) -> Result<u64> {
        Ok(0)
    }
}
