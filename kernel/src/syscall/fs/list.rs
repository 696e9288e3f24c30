//! Listing directories: getdents64(2), getdents(2).

use crate::fs::Fd;
use crate::fs::inode::Entry;
use crate::mm::user::{Out, UserBytes};
use crate::process::Cx;
use abi::Wire;
use abi::errno::{EINVAL, Errno, Result};
use abi::fs::{Dirent64, NAME_MAX};

/// Room for the largest entry.
const LARGEST: usize = (Dirent64::SIZE + NAME_MAX + 1).next_multiple_of(8);

/// Bytes before the name in a `struct linux_dirent`: inode number, next position, length.
const OLD_HEAD: usize = 18;

/// getdents64(2)
pub fn getdents64(cx: &mut Cx, fd: Fd, to: UserBytes<Out>) -> Result<usize> {
    list(cx, fd, to, |entry, out| {
        let len = (Dirent64::SIZE + entry.name.len() + 1).next_multiple_of(8);
        let head = Dirent64 {
            d_ino: entry.ino,
            d_off: entry.next as i64,
            d_reclen: len as u16,
            d_type: entry.kind,
        };
        head.put(out);
        name_at(Dirent64::SIZE, entry, out);
        len
    })
}

/// getdents(2): the type stands in the last byte of the entry.
pub fn getdents(cx: &mut Cx, fd: Fd, to: UserBytes<Out>) -> Result<usize> {
    list(cx, fd, to, |entry, out| {
        let len = (OLD_HEAD + entry.name.len() + 2).next_multiple_of(8);
        let head = Dirent64 {
            d_ino: entry.ino,
            d_off: entry.next as i64,
            d_reclen: len as u16,
            d_type: 0,
        };
        head.put(out);
        name_at(OLD_HEAD, entry, out);
        if let Some(last) = out.get_mut(len - 1) {
            *last = entry.kind;
        }
        len
    })
}

fn name_at(at: usize, entry: &Entry, out: &mut [u8]) {
    if let Some(room) = out.get_mut(at..at + entry.name.len()) {
        room.copy_from_slice(entry.name);
    }
}

/// Writes entries as `pack` lays them out until the room or the directory ends.
fn list(
    cx: &mut Cx,
    fd: Fd,
    to: UserBytes<Out>,
    pack: impl Fn(&Entry, &mut [u8]) -> usize,
) -> Result<usize> {
    let file = cx.usable_file(fd)?;
    let space = cx.space();
    // Linux counts in an int.
    let room = usize::try_from(to.len() as i32).unwrap_or(0);
    let mut done = 0;
    let mut stopped: Option<Errno> = None;
    let mut emit = |entry: Entry| {
        let mut bytes = [0; LARGEST];
        // A name that no directory entry can hold is left out, as Linux leaves it.
        if entry.name.len() > NAME_MAX {
            return true;
        }
        let len = pack(&entry, &mut bytes);
        if len > room - done {
            stopped = Some(EINVAL);
            return false;
        }
        let at = to.addr().wrapping_add(done as u64);
        match space.copy_out(at, bytes.get(..len).unwrap_or_default()) {
            Ok(()) => done += len,
            Err(error) => stopped = Some(error),
        }
        stopped.is_none()
    };
    cx.with_caller(|c| file.readdir(c, &mut emit))?;
    match stopped {
        Some(error) if done == 0 => Err(error),
        _ => Ok(done),
    }
}
