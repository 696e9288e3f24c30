//! The newc cpio format, with file data on page boundaries.
//!
//! Every entry is a header of 110 bytes (`070701` and thirteen 8-digit hex fields), the name with
//! its NUL, and the data; name and data are each padded to four bytes. A name field may be longer
//! than the name: Linux reads `namesize` bytes, at most `PATH_MAX` (4096), and takes what stands
//! before the first NUL (`init/initramfs.c`, `do_header` and `do_name`); GNU cpio does the same.
//! So NULs after the name push the data of a file to the next page boundary, where a kernel may
//! adopt the pages in place instead of copying them.

use crate::tree::{Kind, Meta, Node, Tree};

/// File data begins at a multiple of this, in bytes.
pub const PAGE: usize = 4096;

/// Bytes of a newc header.
const HEADER: usize = 110;
/// The longest name field that Linux reads (`PATH_MAX`); an entry with a longer one is skipped.
const NAME_MAX: usize = 4096;

/// The name of the entry that ends an archive.
const TRAILER: &str = "TRAILER!!!";

const S_IFMT: u32 = 0o170_000;
const S_IFIFO: u32 = 0o010_000;
const S_IFCHR: u32 = 0o020_000;
const S_IFDIR: u32 = 0o040_000;
const S_IFBLK: u32 = 0o060_000;
const S_IFREG: u32 = 0o100_000;
const S_IFLNK: u32 = 0o120_000;

pub(crate) fn pack(tree: &Tree) -> Vec<u8> {
    let mut archive = Archive { bytes: Vec::new(), next_ino: 1 };
    let mut root = Meta::default();
    for (path, node) in tree.iter() {
        if path.is_empty() {
            root = node.meta;
        }
        archive.node(if path.is_empty() { "." } else { path }, node, root);
    }
    archive.entry(TRAILER, 0, Meta::default(), (0, 0), &[], TRAILER.len() + 1);
    archive.bytes
}

struct Archive {
    bytes: Vec<u8>,
    next_ino: u32,
}

impl Archive {
    fn node(&mut self, name: &str, node: &Node, root: Meta) {
        let (kind, rdev, data): (u32, (u32, u32), &[u8]) = match &node.kind {
            Kind::Dir => (S_IFDIR, (0, 0), &[]),
            Kind::File(data) => (S_IFREG, (0, 0), data),
            Kind::Symlink(target) => (S_IFLNK, (0, 0), target.as_bytes()),
            Kind::Char(major, minor) => (S_IFCHR, (*major, *minor), &[]),
            Kind::Block(major, minor) => (S_IFBLK, (*major, *minor), &[]),
            Kind::Fifo => (S_IFIFO, (0, 0), &[]),
        };
        // Only whole pages can be adopted: shorter files gain nothing from a boundary.
        let aligned = kind == S_IFREG && data.len() >= PAGE;
        let name_field = if aligned { self.aligned_name(name, root) } else { name.len() + 1 };
        self.entry(name, kind | node.meta.mode, node.meta, rdev, data, name_field);
    }

    /// The length of the name field that ends on a page boundary. Where that would be more than
    /// Linux reads, the rest of this page is filled first with one more entry for the root
    /// directory, which changes nothing.
    fn aligned_name(&mut self, name: &str, root: Meta) -> usize {
        // Entries begin at multiples of 4 and a header is 110 bytes, so at least 2 bytes are left.
        let to_boundary = |at: usize| (at + HEADER).next_multiple_of(PAGE) - at - HEADER;
        let reach = |at: usize| match to_boundary(at) {
            field if field > name.len() => field,
            field => field + PAGE,
        };
        if reach(self.bytes.len()) > NAME_MAX {
            let field = to_boundary(self.bytes.len());
            self.entry(".", S_IFDIR | root.mode, root, (0, 0), &[], field);
        }
        reach(self.bytes.len())
    }

    fn entry(
        &mut self,
        name: &str,
        mode: u32,
        meta: Meta,
        rdev: (u32, u32),
        data: &[u8],
        name_field: usize,
    ) {
        let ino = self.next_ino;
        self.next_ino += 1;
        let links = if mode & S_IFMT == S_IFDIR { 2 } else { 1 };
        let size = u32::try_from(data.len()).expect("newc holds files below 4 GiB");
        assert!(name_field <= NAME_MAX, "no kernel would read the name {name}");
        let fields = [
            ino,
            mode,
            meta.uid,
            meta.gid,
            links,
            meta.mtime,
            size,
            0,
            0,
            rdev.0,
            rdev.1,
            name_field as u32,
            0,
        ];
        let header = self.bytes.len();
        self.bytes.extend_from_slice(b"070701");
        for field in fields {
            self.bytes.extend_from_slice(format!("{field:08x}").as_bytes());
        }
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.resize(header + HEADER + name_field, 0);
        self.pad();
        self.bytes.extend_from_slice(data);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}
