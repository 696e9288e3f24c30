//! The tree of files to pack: paths with what lies there, kept in order.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

/// What lies at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Dir,
    /// A regular file with its contents.
    File(Vec<u8>),
    /// A symbolic link with its target.
    Symlink(String),
    /// A character device, by major and minor number.
    Char(u32, u32),
    /// A block device, by major and minor number.
    Block(u32, u32),
    /// A named pipe.
    Fifo,
}

/// Who owns a node, who may use it, and when it was last changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// Permission bits, `0o7777` at most; the file type is told by [`Kind`].
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Seconds since 1970; newc holds 32 bits.
    pub mtime: u32,
}

/// One entry of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// Its owner, mode and time.
    pub meta: Meta,
}

/// A tree of files. Paths are absolute; directories on the way are made with mode 0755.
///
/// Adding at a path where something is replaces it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// Keyed by path without the leading `/`; the root itself is the empty key. A parent's key is
    /// a prefix of its children's, so the order of keys puts every directory before its contents.
    nodes: BTreeMap<String, Node>,
}

impl Tree {
    /// A tree that holds only the root directory.
    #[must_use]
    pub fn new() -> Self {
        let mut tree = Self::default();
        tree.nodes.insert(String::new(), Node { kind: Kind::Dir, meta: owned(0o755) });
        tree
    }

    /// Adds a directory.
    pub fn dir(&mut self, path: &str, mode: u32) {
        self.add(path, Node { kind: Kind::Dir, meta: owned(mode) });
    }

    /// Adds a regular file, owned by root.
    pub fn file(&mut self, path: &str, mode: u32, data: Vec<u8>) {
        self.add(path, Node { kind: Kind::File(data), meta: owned(mode) });
    }

    /// Adds a symbolic link.
    pub fn symlink(&mut self, path: &str, target: &str) {
        self.add(path, Node { kind: Kind::Symlink(target.to_owned()), meta: owned(0o777) });
    }

    /// Adds a character device.
    pub fn char_device(&mut self, path: &str, mode: u32, major: u32, minor: u32) {
        self.add(path, Node { kind: Kind::Char(major, minor), meta: owned(mode) });
    }

    /// Adds a node with every detail given. The root (`/`) keeps being a directory.
    ///
    /// # Panics
    /// When a path is not absolute and plain (holds an empty, `.` or `..` component), when it
    /// leads through something that is not a directory, or when the root would not be one.
    pub fn add(&mut self, path: &str, node: Node) {
        let key = key_of(path);
        for (end, _) in key.match_indices('/') {
            let parent = Node { kind: Kind::Dir, meta: owned(0o755) };
            let found = self.nodes.entry(key[..end].to_owned()).or_insert(parent);
            assert!(found.kind == Kind::Dir, "{path} leads through /{}", &key[..end]);
        }
        assert!(!key.is_empty() || node.kind == Kind::Dir, "the root must be a directory");
        self.nodes.insert(key, node);
    }

    /// Copies a file or a whole directory from this machine; modes and times are kept, owners
    /// become root (the archive should not depend on who packs it). Symbolic links inside a
    /// directory are copied as links; `host` itself is followed.
    ///
    /// # Errors
    /// Those of reading `host`; `InvalidInput` for a socket or a name that is not UTF-8.
    pub fn copy(&mut self, host: &Path, guest: &str) -> io::Result<()> {
        let host = fs::canonicalize(host)?;
        self.copy_node(&host, guest)
    }

    fn copy_node(&mut self, host: &Path, guest: &str) -> io::Result<()> {
        let info = fs::symlink_metadata(host)?;
        let kind = info.file_type();
        let meta = Meta {
            mode: info.mode() & 0o7777,
            mtime: u32::try_from(info.mtime()).unwrap_or(0),
            ..Meta::default()
        };
        let kind = if kind.is_dir() {
            Kind::Dir
        } else if kind.is_file() {
            Kind::File(fs::read(host)?)
        } else if kind.is_symlink() {
            Kind::Symlink(utf8(fs::read_link(host)?.into_os_string())?)
        } else if kind.is_fifo() {
            Kind::Fifo
        } else if kind.is_char_device() {
            Kind::Char(major(info.rdev()), minor(info.rdev()))
        } else if kind.is_block_device() {
            Kind::Block(major(info.rdev()), minor(info.rdev()))
        } else {
            return Err(invalid(format!("{} is a socket", host.display())));
        };
        let is_dir = kind == Kind::Dir;
        self.add(guest, Node { kind, meta });
        if is_dir {
            for entry in fs::read_dir(host)? {
                let entry = entry?;
                let name = utf8(entry.file_name())?;
                self.copy_node(&entry.path(), &format!("{}/{name}", guest.trim_end_matches('/')))?;
            }
        }
        Ok(())
    }

    /// What lies at `path`, without following links.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&Node> {
        self.nodes.get(&key_of(path))
    }

    /// Every path (without its leading `/`; the root is the empty one) with its node, parents
    /// first.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.nodes.iter().map(|(path, node)| (path.as_str(), node))
    }

    /// Packs the tree into an uncompressed newc archive.
    #[must_use]
    pub fn pack(&self) -> Vec<u8> {
        crate::cpio::pack(self)
    }
}

fn owned(mode: u32) -> Meta {
    Meta { mode, ..Meta::default() }
}

fn key_of(path: &str) -> String {
    let Some(key) = path.strip_prefix('/') else { panic!("{path:?} is not absolute") };
    let key = key.trim_end_matches('/');
    let plain = |part: &str| !matches!(part, "" | "." | "..");
    assert!(key.is_empty() || key.split('/').all(plain), "{path:?} is not a plain path");
    key.to_owned()
}

fn utf8(name: std::ffi::OsString) -> io::Result<String> {
    name.into_string().map_err(|name| invalid(format!("{} is not UTF-8", name.display())))
}

fn invalid(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

// The kernel's 64-bit dev_t as user space sees it: makedev(3).
fn major(dev: u64) -> u32 {
    ((dev >> 8 & 0xfff) | (dev >> 32 & 0xffff_f000)) as u32
}

fn minor(dev: u64) -> u32 {
    ((dev & 0xff) | (dev >> 12 & 0xffff_ff00)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_come_first_and_are_made() {
        let mut tree = Tree::new();
        tree.file("/a/b/c", 0o644, vec![]);
        tree.file("/a-b", 0o644, vec![]);
        let paths: Vec<&str> = tree.iter().map(|(path, _)| path).collect();
        assert_eq!(paths, ["", "a", "a-b", "a/b", "a/b/c"]);
    }

    #[test]
    #[should_panic(expected = "leads through /a")]
    fn a_file_is_no_parent() {
        let mut tree = Tree::new();
        tree.file("/a", 0o644, vec![]);
        tree.file("/a/b", 0o644, vec![]);
    }

    #[test]
    #[should_panic(expected = "not a plain path")]
    fn dots_are_refused() {
        Tree::new().dir("/a/../b", 0o755);
    }
}
