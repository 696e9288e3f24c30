//! Names of sockets: a file of the type socket, or a word that is nowhere else. The file only
//! leads to the socket; [`Registry`] knows which socket that is. Lock level: `Names`.

use abi::errno::{EADDRINUSE, EINVAL, ENOMEM, ENOSPC, Result};
use abi::net::{AF_UNIX, SA_FAMILY_SIZE, SOCKADDR_UN_SIZE};
use alloc::{
    collections::{BTreeMap, btree_map::Entry},
    format,
    sync::{Arc, Weak},
    vec::Vec,
};

use super::{Kind, Socket};
use crate::fs::inode::Inode;
use crate::lock::{Spin, order};

/// Numbers that a socket may be named by which asks for any name: five hexadecimal digits.
const ANY: u32 = 1 << 20;

/// A socket address as a program gives it.
#[derive(Debug, PartialEq, Eq)]
pub enum Address<'a> {
    /// The family alone.
    Nothing,
    /// The path of a file.
    Path(&'a [u8]),
    /// A word without a file; it begins with a NUL.
    Abstract(&'a [u8]),
}

impl<'a> Address<'a> {
    /// Reads `struct sockaddr_un` (`unix_validate_addr`).
    pub fn parse(raw: &'a [u8]) -> Result<Self> {
        let (family, path) = raw.split_at_checked(SA_FAMILY_SIZE).ok_or(EINVAL)?;
        if raw.len() > SOCKADDR_UN_SIZE || family != AF_UNIX.to_ne_bytes() {
            return Err(EINVAL);
        }
        Ok(match path.first() {
            None => Self::Nothing,
            Some(0) => Self::Abstract(path),
            Some(_) => Self::Path(path.split(|&byte| byte == 0).next().unwrap_or(path)),
        })
    }
}

/// By what a name is found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    /// Device and number of the file.
    File(u64, u64),
    /// A word; each kind of socket has its own.
    Word(Kind, Vec<u8>),
}

/// The name of a socket.
pub struct Name {
    pub(super) key: Key,
    /// As `sun_path`, with the NUL that ends a path.
    text: Vec<u8>,
    /// Kept, so that no other file gets its number.
    _inode: Option<Arc<dyn Inode>>,
}

impl Name {
    pub(super) fn of_file(path: &[u8], inode: Arc<dyn Inode>) -> Result<Self> {
        let attr = inode.attr();
        let mut text = copy(path)?;
        text.try_reserve(1).map_err(|_| ENOMEM)?;
        text.push(0);
        Ok(Self { key: Key::File(attr.dev, attr.ino), text, _inode: Some(inode) })
    }

    pub(super) fn of_word(kind: Kind, word: &[u8]) -> Result<Self> {
        Ok(Self { key: Key::Word(kind, copy(word)?), text: copy(word)?, _inode: None })
    }

    /// As getsockname(2) tells it, behind the family.
    pub fn text(&self) -> &[u8] {
        &self.text
    }
}

fn copy(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(bytes.len()).map_err(|_| ENOMEM)?;
    copy.extend_from_slice(bytes);
    Ok(copy)
}

/// The sockets that have names.
pub struct Registry {
    sockets: Spin<Sockets, order::Names>,
}

struct Sockets {
    by_key: BTreeMap<Key, Weak<Socket>>,
    next: u32,
}

impl Registry {
    /// Without any.
    pub const fn new() -> Self {
        Self { sockets: Spin::new(Sockets { by_key: BTreeMap::new(), next: 0 }) }
    }

    /// The socket with this name.
    pub(super) fn find(&self, key: &Key) -> Option<Arc<Socket>> {
        self.sockets.lock().by_key.get(key)?.upgrade()
    }

    /// `socket` takes a name: `EADDRINUSE` if it is taken.
    pub(super) fn add(&self, name: &Name, socket: &Arc<Socket>) -> Result<()> {
        match self.sockets.lock().by_key.entry(name.key.clone()) {
            Entry::Vacant(free) => {
                free.insert(Arc::downgrade(socket));
                Ok(())
            }
            Entry::Occupied(_) => Err(EADDRINUSE),
        }
    }

    /// `socket` gives its name back.
    pub(super) fn remove(&self, name: &Name, socket: &Socket) {
        let mut sockets = self.sockets.lock();
        // An accepted socket has the name of the one that listens.
        if sockets.by_key.get(&name.key).is_some_and(|known| known.as_ptr() == &raw const *socket) {
            sockets.by_key.remove(&name.key);
        }
    }

    /// `socket` takes any free word (`unix_autobind`).
    pub(super) fn add_any(&self, socket: &Arc<Socket>) -> Result<Name> {
        for _ in 0..ANY {
            let number = {
                let mut sockets = self.sockets.lock();
                sockets.next = (sockets.next + 1) % ANY;
                sockets.next
            };
            let name = Name::of_word(socket.kind, format!("\0{number:05x}").as_bytes())?;
            if self.add(&name, socket).is_ok() {
                return Ok(name);
            }
        }
        Err(ENOSPC)
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_linux_reads_them() {
        assert_eq!(Address::parse(b""), Err(EINVAL));
        assert_eq!(Address::parse(b"\x01"), Err(EINVAL));
        assert_eq!(Address::parse(b"\x02\0/a\0"), Err(EINVAL));
        assert_eq!(Address::parse(b"\x01\0"), Ok(Address::Nothing));
        assert_eq!(Address::parse(b"\x01\0/dev/log\0rest"), Ok(Address::Path(b"/dev/log")));
        assert_eq!(Address::parse(b"\x01\0/dev/log"), Ok(Address::Path(b"/dev/log")));
        assert_eq!(Address::parse(b"\x01\0\0a\0b"), Ok(Address::Abstract(b"\0a\0b")));
        let mut long = [b'x'; 111];
        long[..2].copy_from_slice(b"\x01\0");
        assert_eq!(Address::parse(&long), Err(EINVAL));
        assert!(Address::parse(&long[..110]).is_ok());
    }
}
