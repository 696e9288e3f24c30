//! `/dev/null`: takes everything, gives nothing (null(4)).

use super::{Drivers, Opening};
use crate::fs::{Caller, File, FileOps, Pos};
use crate::mm::io::{Sink, Source};
use abi::Result;
use alloc::sync::Arc;

struct Null;

pub(super) fn open(_: &'static Drivers, _: &Opening) -> Result<Arc<dyn FileOps>> {
    Ok(Arc::new(Null))
}

impl FileOps for Null {
    fn splices(&self) -> (bool, bool) {
        (false, true)
    }

    fn read(&self, _f: &File, _c: &Caller, _to: &mut dyn Sink, _at: Pos) -> Result<usize> {
        Ok(0)
    }

    /// The bytes are not even looked at: a bad pointer is no error.
    fn write(&self, _f: &File, _c: &Caller, from: &mut dyn Source, _at: Pos) -> Result<usize> {
        Ok(from.left())
    }

    fn is_seekable(&self) -> bool {
        true
    }

    fn seek(&self, _f: &File, _now: u64, _offset: i64, _whence: u32) -> Result<u64> {
        Ok(0)
    }
}
