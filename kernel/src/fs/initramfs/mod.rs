//! The initramfs: archives that the boot loader brings become the first files.
//!
//! As Linux's `unpack_to_rootfs` does it: any number of newc cpio archives, plain or gzip'ed, one
//! after the other, with zeroes between. What is wrong ends the unpacking with a message; what
//! came before stays. Whole pages of plain archives become pages of files without a copy.

mod cpio;
mod gzip;
mod tree;

use self::cpio::{Cpio, Message, Receiver};
use self::tree::Tree;
use crate::cred::Cred;
use crate::fs::caller::Caller;
use crate::mm::PAGE;
use alloc::sync::Arc;
use alloc::vec;
use hal::mem::Frame;

/// The bytes of an initramfs.
pub trait Image {
    /// How many.
    fn len(&self) -> usize;
    /// Reads `to.len()` of them, all within the image.
    fn read(&self, at: usize, to: &mut [u8]);
    /// The frame with the whole page at `at`, if the image is made of such.
    fn frame(&self, at: usize) -> Option<Frame>;
}

impl Image for hal::Initrd {
    fn len(&self) -> usize {
        self.len()
    }

    fn read(&self, at: usize, to: &mut [u8]) {
        self.read(at, to);
    }

    fn frame(&self, at: usize) -> Option<Frame> {
        self.frame(at)
    }
}

/// Unpacks `image` below the caller's root. The error is what Linux prints after
/// `Initramfs unpacking failed: `.
pub fn unpack(c: &Caller, cred: &Arc<Cred>, image: &dyn Image) -> Result<(), Message> {
    let mut tree = Tree::new(c, cred);
    let result = unpack_to(image, &mut tree);
    tree.finish();
    result
}

/// A receiver that may be able to take a page as it is.
trait Target: Receiver {
    /// Takes `frame` as the next page of the open file's data.
    fn adopt(&mut self, frame: &Frame) -> bool;
}

/// Bytes read at a time from a plain archive.
const PIECE: usize = 16 * 1024;

/// The compressions Linux knows by their first bytes, and this kernel does not.
const OTHERS: [([u8; 2], Message); 6] = [
    (*b"BZ", "compression method bzip2 not configured"),
    ([0x5d, 0x00], "compression method lzma not configured"),
    ([0xfd, 0x37], "compression method xz not configured"),
    ([0x89, 0x4c], "compression method lzo not configured"),
    ([0x02, 0x21], "compression method lz4 not configured"),
    ([0x28, 0xb5], "compression method zstd not configured"),
];

fn unpack_to(image: &dyn Image, to: &mut dyn Target) -> Result<(), Message> {
    let mut cpio = Cpio::default();
    let mut at = 0;
    // As `at`, but what is compressed counts as nothing: headers stand at multiples of 4 of it.
    let mut base = 0u64;
    while at < image.len() {
        let mut head = [0; 2];
        let n = head.len().min(image.len() - at);
        image.read(at, &mut head[..n]);
        if head[0] == b'0' && base % 4 == 0 {
            cpio.start(base);
            let taken = plain(image, at, &mut cpio, to)?;
            at += taken;
            base += taken as u64;
            continue;
        }
        if head[0] == 0 {
            at += 1;
            base += 1;
            continue;
        }
        if n == head.len() {
            if let Some((_, message)) = OTHERS.iter().find(|(magic, _)| *magic == head) {
                return Err(message);
            }
        }
        if n < head.len() || head != gzip::MAGIC {
            return Err("invalid magic at start of compressed archive");
        }
        cpio.rebase(0);
        let end = gzip::unpack(image, at, &mut |bytes| compressed(bytes, &mut cpio, to))?;
        if !cpio.is_between() {
            return Err("junk at the end of compressed archive");
        }
        base += (end - at) as u64;
        at = end;
    }
    Ok(())
}

/// Takes in a plain archive; returns how many bytes it is.
fn plain(
    image: &dyn Image,
    from: usize,
    cpio: &mut Cpio,
    to: &mut dyn Target,
) -> Result<usize, Message> {
    let page = PAGE as usize;
    let mut buffer = vec![0; PIECE];
    let mut at = from;
    while at < image.len() {
        while at % page == 0 && cpio.open_data() as usize >= page {
            let Some(frame) = image.frame(at) else { break };
            if !to.adopt(&frame) {
                break;
            }
            cpio.skip(page as u32);
            at += page;
        }
        // Up to the next page boundary, so that the test above meets each of them.
        let to_boundary = page - at % page;
        let want = if cpio.open_data() as usize > to_boundary { to_boundary } else { PIECE };
        let n = want.min(image.len() - at).min(PIECE);
        let piece = buffer.get_mut(..n).unwrap_or_default();
        image.read(at, piece);
        let boundary = n.min(to_boundary);
        let taken = cpio.write(&piece[..boundary], to)?;
        at += taken;
        if taken < boundary {
            break;
        }
    }
    Ok(at - from)
}

/// Takes in the content of a compressed archive: cpio archives with zeroes between.
fn compressed(bytes: &[u8], cpio: &mut Cpio, to: &mut dyn Target) -> Result<(), Message> {
    // It stops early only before a byte that is neither a header's nor padding.
    match cpio.write(bytes, to)? {
        taken if taken == bytes.len() => Ok(()),
        _ => Err("junk within compressed archive"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::initramfs::cpio::tests::{Notes, member, sample};
    use abi::fs::S_IFREG;
    use alloc::vec::Vec;

    impl Image for Vec<u8> {
        fn len(&self) -> usize {
            self.len()
        }
        fn read(&self, at: usize, to: &mut [u8]) {
            to.copy_from_slice(&self[at..at + to.len()]);
        }
        fn frame(&self, _at: usize) -> Option<Frame> {
            None
        }
    }

    impl Target for Notes {
        fn adopt(&mut self, _frame: &Frame) -> bool {
            false
        }
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::from(*b"\x1f\x8b\x08\x08\0\0\0\0\0\x03name\0");
        out.extend(miniz_oxide::deflate::compress_to_vec(bytes, 6));
        out.extend([0; 8]);
        out
    }

    fn read(image: &Vec<u8>) -> (Vec<std::string::String>, Result<(), Message>) {
        let mut notes = Notes::default();
        let result = unpack_to(image, &mut notes);
        (notes.0, result)
    }

    #[test]
    fn plain_and_compressed_give_the_same() {
        let (plain, result) = read(&sample());
        assert_eq!(result, Ok(()));
        assert_eq!(plain.len(), 10);
        assert_eq!(read(&gzip(&sample())), (plain, Ok(())));
    }

    #[test]
    fn archives_follow_each_other() {
        let (one, _) = read(&sample());
        let twice = [one.clone(), one].concat();
        for between in [0, 4, 512] {
            let zeroes = alloc::vec![0; between];
            for first in [sample(), gzip(&sample())] {
                for second in [sample(), gzip(&sample())] {
                    // A plain archive has to begin at a multiple of 4.
                    let mut image = first.clone();
                    image.resize(image.len().next_multiple_of(4), 0);
                    image.extend(&zeroes);
                    image.extend(&second);
                    assert_eq!(read(&image), (twice.clone(), Ok(())));
                }
            }
        }
    }

    #[test]
    fn messages() {
        let say = |image: &[u8]| read(&image.to_vec()).1.err();
        assert_eq!(say(b""), None);
        assert_eq!(say(b"\0\0\0"), None);
        assert_eq!(say(b"x"), Some("invalid magic at start of compressed archive"));
        assert_eq!(say(b"xyz"), Some("invalid magic at start of compressed archive"));
        assert_eq!(say(b"\xfd7zXZ\0"), Some("compression method xz not configured"));
        assert_eq!(say(&gzip(&[b'j'; 200])), Some("no cpio magic"));
        assert_eq!(say(&gzip(b"")), Some("junk at the end of compressed archive"));
        let junk = [sample(), b"junk".to_vec()].concat();
        assert_eq!(say(&gzip(&junk)), Some("junk within compressed archive"));
        let half = &sample()[..150];
        assert_eq!(say(&gzip(half)), Some("junk at the end of compressed archive"));
        let mut method = gzip(&sample());
        method[2] = 7;
        assert_eq!(say(&method), Some("Not a gzip file"));
    }

    #[test]
    fn a_cut_or_wrong_gzip_keeps_what_came_before() {
        let image = gzip(&sample());
        let (whole, _) = read(&image);
        for end in 1..image.len() - 8 {
            let (notes, result) = read(&image[..end].to_vec());
            assert!(result.is_err(), "cut at {end}");
            assert_eq!(notes[..], whole[..notes.len()]);
        }
        for at in 0..image.len() {
            for bit in 0..8 {
                let mut image = image.clone();
                image[at] ^= 1 << bit;
                // Any end will do but a panic or none at all.
                let _ = read(&image);
            }
        }
    }

    #[test]
    fn data_larger_than_every_buffer() {
        let data: Vec<u8> = (0..100_000u32).map(|n| b'a' + (n % 23) as u8).collect();
        let archive = member(S_IFREG, (1, 1), "big", &data);
        let (notes, result) = read(&archive);
        assert_eq!(result, Ok(()));
        assert_eq!(notes[1].as_bytes()[5..], data);
        assert_eq!(read(&gzip(&archive)), (notes, Ok(())));
    }
}
