//! `/dev/random` and `/dev/urandom`: the same since the generator never runs dry (random(4)).

use super::bulk::in_pieces;
use super::{Drivers, Opening};
use crate::fs::{Caller, File, FileOps, Pos};
use crate::mm::Space;
use crate::mm::io::{Sink, Source};
use crate::mm::user::{UserIn, UserOut};
use crate::random::Random;
use abi::Result;
use abi::errno::{EFAULT, EINVAL, EPERM};
use abi::fs::{
    RNDADDENTROPY, RNDADDTOENTCNT, RNDCLEARPOOL, RNDGETENTCNT, RNDRESEEDCRNG, RNDZAPENTCNT,
};
use abi::process::CAP_SYS_ADMIN;
use alloc::sync::Arc;

/// Bytes between two looks at signals, and the length up to which a read is never cut short.
const PIECE: usize = 4096;

/// Bits of the pool, which is always full (`POOL_BITS`).
const POOL_BITS: i32 = 256;

struct Device(&'static Random);

pub(super) fn open(drivers: &'static Drivers, _: &Opening) -> Result<Arc<dyn FileOps>> {
    Ok(Arc::new(Device(drivers.random)))
}

fn not_negative(n: i32) -> Result<()> {
    if n < 0 { Err(EINVAL) } else { Ok(()) }
}

impl Device {
    /// `RNDADDENTROPY`: a count of random bits, a length, and so many bytes.
    fn add(&self, space: &Space, at: u64) -> Result<()> {
        not_negative(UserIn::<i32>::new(at).read(space)?)?;
        let len = UserIn::<i32>::new(at.wrapping_add(4)).read(space)?;
        let mut left = u64::try_from(len).map_err(|_| EFAULT)?;
        let mut from = at.wrapping_add(8);
        while left > 0 {
            let mut bytes = [0; 256];
            let piece = &mut bytes[..left.min(256) as usize];
            space.copy_in(from, piece)?;
            self.0.mix(piece);
            (from, left) = (from + piece.len() as u64, left - piece.len() as u64);
        }
        Ok(())
    }
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

    fn ioctl(&self, _f: &File, c: &Caller, cmd: u32, arg: u64) -> Result<i64> {
        let space = c.space.ok_or(EFAULT)?;
        if cmd == RNDGETENTCNT {
            return UserOut::new(arg).write(space, &POOL_BITS).map(|()| 0);
        }
        let known = [RNDADDTOENTCNT, RNDADDENTROPY, RNDZAPENTCNT, RNDCLEARPOOL, RNDRESEEDCRNG];
        if !known.contains(&cmd) {
            return Err(EINVAL);
        }
        if !c.cred.capable(CAP_SYS_ADMIN) {
            return Err(EPERM);
        }
        match cmd {
            // The pool is as full as it gets: nothing is to be added to the count.
            RNDADDTOENTCNT => UserIn::<i32>::new(arg).read(space).and_then(not_negative)?,
            RNDADDENTROPY => self.add(space, arg)?,
            RNDRESEEDCRNG => self.0.reseed(),
            // What these did long ago would weaken the generator (random(4)).
            _ => {}
        }
        Ok(0)
    }
}
