//! [`Attribute`]: an open attribute. Its text is made by a read at offset 0 and kept for the reads
//! that follow (`fs/sysfs/file.c`). Lock: `Seq`, held over making and copying.

use alloc::string::String;
use core::any::Any;

use abi::{
    Result,
    errno::{EACCES, EINVAL, EIO},
};

use super::{
    draft::{Show, Store},
    node::{ATTRIBUTE_SIZE, Body, Node},
};
use crate::{
    fs::{Caller, File, FileOps, Pos, file::seek_in, regular::MAX_LEN},
    lock::order,
    mm::io::{Sink, Source},
    wait::Mutex,
};

/// Bytes that a write may have (a page, less a NUL).
const LONGEST: usize = ATTRIBUTE_SIZE as usize - 1;

/// An open attribute.
pub(super) struct Attribute {
    text: Mutex<Option<String>, order::Seq>,
}

impl Default for Attribute {
    fn default() -> Self {
        Self { text: Mutex::new(None) }
    }
}

/// What `f` shows and takes.
fn attribute(f: &File) -> Result<(&Show, Option<&Store>)> {
    let inode: &dyn Any = &**f.inode();
    match inode.downcast_ref().map(|node: &Node| &node.body) {
        Some(Body::File(show, store)) => Ok((show, store.as_ref())),
        _ => Err(EIO),
    }
}

impl FileOps for Attribute {
    fn read(&self, f: &File, _c: &Caller, to: &mut dyn Sink, at: Pos) -> Result<usize> {
        let Pos::At(at) = at else { return Err(EINVAL) };
        let (show, _) = attribute(f)?;
        let mut text = self.text.lock();
        if at == 0 || text.is_none() {
            let mut made = String::new();
            show(&mut made).map_err(|_| EIO)?;
            *text = Some(made);
        }
        let text = text.as_ref().map_or(&b""[..], |text| text.as_bytes());
        to.put(text.get(at as usize..).unwrap_or_default())
    }

    fn write(&self, f: &File, _c: &Caller, from: &mut dyn Source, _at: Pos) -> Result<usize> {
        let store = attribute(f)?.1.ok_or(EIO)?;
        let mut bytes = alloc::vec![0; from.left().min(LONGEST)];
        let n = from.get(&mut bytes)?;
        store(bytes.get(..n).unwrap_or_default())?;
        Ok(n)
    }

    fn is_seekable(&self) -> bool {
        true
    }

    fn seek(&self, _f: &File, now: u64, offset: i64, whence: u32) -> Result<u64> {
        seek_in(now, offset, whence, ATTRIBUTE_SIZE, MAX_LEN)
    }

    /// What has no way to be written cannot be opened for that, not even by the superuser.
    fn opened(&self, f: &File, _c: &Caller) -> Result<()> {
        let (_, store) = attribute(f)?;
        if f.writable() && store.is_none() { Err(EACCES) } else { Ok(()) }
    }
}
