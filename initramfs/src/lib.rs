//! Packs a tree of files into an initramfs: the newc cpio archive from which a kernel unpacks its
//! first root file system (Linux: `Documentation/driver-api/early-userspace/buffer-format.rst`).
//!
//! A [`Tree`] is built in memory, so device nodes and owners need no privilege, and is packed in
//! the order of its paths: equal trees make equal archives, byte for byte.
//!
//! ```
//! let mut tree = initramfs::Tree::new();
//! tree.file("/init", 0o755, b"#!/bin/sh\n".to_vec());
//! tree.char_device("/dev/console", 0o600, 5, 1);
//! assert!(tree.pack().starts_with(b"070701"));
//! ```
#![forbid(unsafe_code)]

mod cpio;
mod tree;

pub use cpio::PAGE;
pub use tree::{Kind, Meta, Node, Tree};

use std::io::Write;

/// Compresses an archive as `gzip -9` would, without a time stamp, so that equal archives stay
/// equal.
#[must_use]
pub fn gzip(archive: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(archive).expect("writing to memory does not fail");
    encoder.finish().expect("writing to memory does not fail")
}
