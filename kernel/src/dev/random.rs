//! `/dev/random` and `/dev/urandom`: the same since the generator never runs dry (random(4)).

use super::bulk::in_pieces;
use super::{Drivers, Opening};
use crate::fs::{Caller, File, FileOps, Pos};
use crate::mm::io::{Sink, Source};
use crate::random::Random;
use abi::Result;
use abi::errno::EINVAL;
use alloc::sync::Arc;

/// Bytes between two looks at signals, and the length up to which a read is never cut short.
const PIECE: usize = 4096;

struct Device(&'static Random);

pub(super) fn open(drivers: &'static Drivers, _: &Opening) -> Result<Arc<dyn FileOps>> {
    Ok(Arc::new(Device(drivers.random)))
}

impl FileOps for Device {
    fn splices(&self) -> (bool, bool) {
        (true, true)
    }

    fn read(&self, _f: &File, _c: &Caller, to: &mut dyn Sink, _at: Pos) -> Result<usize> {
        in_pieces(to.left(), PIECE, |want| {
            let mut done = 0;
            let mut last = Ok(0);
            self.0.pour(want, |bytes| {
                last = to.put(bytes);
                done += last.unwrap_or(0);
                last == Ok(bytes.len())
            });
            if done == 0 { last } else { Ok(done) }
        })
    }

    /// Stirs the bytes in. They are not taken for random.
    fn write(&self, _f: &File, _c: &Caller, from: &mut dyn Source, _at: Pos) -> Result<usize> {
        in_pieces(from.left(), PIECE, |want| {
            let mut bytes = [0; PIECE];
            let n = from.get(&mut bytes[..want])?;
            self.0.mix(&bytes[..n]);
            Ok(n)
        })
    }

    fn is_seekable(&self) -> bool {
        true
    }

    fn seek(&self, _f: &File, now: u64, _offset: i64, _whence: u32) -> Result<u64> {
        Ok(now)
    }

    fn ioctl(&self, _f: &File, _c: &Caller, _cmd: u32, _arg: u64) -> Result<i64> {
        Err(EINVAL)
    }
}
