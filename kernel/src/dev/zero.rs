//! `/dev/zero`: zeroes without end, and memory to map (zero(4)).

use super::bulk::in_pieces;
use super::{Drivers, Opening};
use crate::fs::{Caller, File, FileOps, Pos};
use crate::mm::MapSource;
use crate::mm::io::{Sink, Source};
use abi::Result;
use alloc::sync::Arc;

/// Bytes between two looks at whether others want the CPU.
const PIECE: usize = 64 << 10;

struct Zero;

pub(super) fn open(_: &'static Drivers, _: &Opening) -> Result<Arc<dyn FileOps>> {
    Ok(Arc::new(Zero))
}

/// Fills `to` with zeroes.
pub(super) fn fill(to: &mut dyn Sink) -> Result<usize> {
    in_pieces(to.left(), PIECE, |n| to.zero(n))
}

impl FileOps for Zero {
    fn splices(&self) -> (bool, bool) {
        (false, true)
    }

    fn read(&self, _f: &File, _c: &Caller, to: &mut dyn Sink, _at: Pos) -> Result<usize> {
        fill(to)
    }

    fn write(&self, _f: &File, _c: &Caller, from: &mut dyn Source, _at: Pos) -> Result<usize> {
        Ok(from.left())
    }

    fn is_seekable(&self) -> bool {
        true
    }

    fn seek(&self, _f: &File, _now: u64, _offset: i64, _whence: u32) -> Result<u64> {
        Ok(0)
    }

    fn map(&self, _f: &File) -> Result<MapSource> {
        Ok(MapSource::Zero)
    }
}
