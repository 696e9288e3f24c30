//! The initramfs, unpacked into a tree.

use super::*;
use crate::fs::initramfs::{Image, unpack};
use abi::errno::*;
use abi::fs::{S_IFCHR, S_IFDIR, S_IFLNK, S_IFREG};
use hal::mem::Frame;
use std::format;

const PAGE: usize = 4096;

/// An archive in frames, as the boot loader leaves it.
struct Loaded {
    frames: Vec<Frame>,
    len: usize,
}

impl Loaded {
    fn new(bytes: &[u8]) -> Self {
        let frame = |page: &[u8]| {
            let frame = Frame::zeroed().unwrap();
            frame.write(0, page);
            frame
        };
        Self { frames: bytes.chunks(PAGE).map(frame).collect(), len: bytes.len() }
    }
}

impl Image for Loaded {
    fn size(&self) -> usize {
        self.len
    }

    fn read(&self, at: usize, to: &mut [u8]) {
        let mut done = 0;
        while done < to.len() {
            let off = (at + done) % PAGE;
            let n = (PAGE - off).min(to.len() - done);
            self.frames[(at + done) / PAGE].read(off, &mut to[done..done + n]);
            done += n;
        }
    }

    fn frame(&self, at: usize) -> Option<Frame> {
        assert_eq!(at % PAGE, 0);
        if at + PAGE > self.len {
            return None;
        }
        self.frames.get(at / PAGE).cloned()
    }
}

/// Appends a member; `aligned`: its data starts a page, by NULs after the name.
fn member(out: &mut Vec<u8>, name: &str, mode: u32, links: (u32, u32), data: &[u8], aligned: bool) {
    let mut name = [name.as_bytes(), b"\0"].concat();
    if aligned {
        let start = out.len() + 110 + name.len();
        name.resize(name.len() + (PAGE - start % PAGE) % PAGE, 0);
    }
    let (ino, nlink) = links;
    let fields = [ino, mode, 7, 8, nlink, 1000, data.len() as u32, 0, 1, 5, 1];
    out.extend(b"070701");
    for field in fields.into_iter().chain([name.len() as u32, 0]) {
        out.extend(format!("{field:08x}").bytes());
    }
    out.extend(name);
    out.resize(out.len().next_multiple_of(4), 0);
    out.extend(data);
    out.resize(out.len().next_multiple_of(4), 0);
}

fn contents(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i / 7) as u8).collect()
}

fn archive() -> Vec<u8> {
    let mut out = Vec::new();
    let alone = (0, 1);
    member(&mut out, ".", S_IFDIR | 0o750, alone, b"", false);
    member(&mut out, "bin", S_IFDIR | 0o755, alone, b"", false);
    member(&mut out, "bin/big", S_IFREG | 0o4755, alone, &contents(10_000), true);
    member(&mut out, "bin/odd", S_IFREG | 0o644, alone, &contents(10_000), false);
    member(&mut out, "bin/one", S_IFREG | 0o644, (9, 2), b"", false);
    member(&mut out, "bin/two", S_IFREG | 0o644, (9, 2), b"both", false);
    member(&mut out, "sh", S_IFLNK | 0o777, alone, b"bin/big", false);
    member(&mut out, "console", S_IFCHR | 0o600, alone, b"", false);
    member(&mut out, "TRAILER!!!", 0, alone, b"", false);
    out
}

fn unpacked(w: &World, image: &Loaded) -> core::result::Result<(), &'static str> {
    w.with(|c| unpack(c, &w.cred, image))
}

fn content(w: &World, path: &str) -> Vec<u8> {
    let file = w.open(path, OpenFlags::RDONLY).unwrap();
    w.read_at(&file, 100_000, 0).unwrap()
}

#[test]
fn an_archive_becomes_files() {
    let w = World::new();
    let image = Loaded::new(&archive());
    let free = || w.info.root().mount.statfs().f_bfree;
    let before = free();
    assert_eq!(unpacked(&w, &image), Ok(()));
    assert_eq!(before - free(), 3 + 3 + 1);
    for path in ["/bin/big", "/bin/odd", "/sh"] {
        assert_eq!(content(&w, path), contents(10_000), "{path}");
    }
    assert_eq!(content(&w, "/bin/one"), b"both");
    let attr = |path: &str| w.find(path).unwrap().inode().unwrap().attr();
    let big = attr("/bin/big");
    assert_eq!((big.mode, big.uid, big.gid), (S_IFREG | 0o4755, Uid(7), Gid(8)));
    assert_eq!((big.size, big.blocks, big.mtime.tv_sec), (10_000, 24, 1000));
    assert_eq!((attr("/bin/one").nlink, attr("/bin/one").ino), (2, attr("/bin/two").ino));
    assert_eq!((attr("/").mode, attr("/").mtime.tv_sec), (S_IFDIR | 0o750, 1000));
    assert_eq!((attr("/console").mode, attr("/console").rdev), (S_IFCHR | 0o600, 0x501));
    assert_eq!(w.names("/bin").len(), 6);
}

/// Whole pages that lie well are not copied.
#[test]
fn pages_are_taken_over() {
    let w = World::new();
    let image = Loaded::new(&archive());
    unpacked(&w, &image).unwrap();
    let pages = |path: &str| {
        let path = w.find(path).unwrap();
        let crate::fs::Kind::File(data) = path.inode().unwrap().kind() else { unreachable!() };
        let pages = data.pages();
        let shared = |n| image.frames.iter().any(|f| f.same(&pages.page(n, false).unwrap()));
        [shared(0), shared(1), shared(2)]
    };
    assert_eq!(pages("/bin/big"), [true, true, false]);
    assert_eq!(pages("/bin/odd"), [false; 3]);
}

/// A cut or wrong archive leaves what came before, and never more than a message.
#[test]
fn cut_and_wrong_archives() {
    let whole = archive();
    for end in (0..whole.len()).step_by(101) {
        let w = World::new();
        assert_eq!(unpacked(&w, &Loaded::new(&whole[..end])), Ok(()), "cut at {end}");
        if end > 25_000 {
            assert_eq!(content(&w, "/bin/big"), contents(10_000));
        }
    }
    let mut seed = 5u32;
    for _ in 0..100 {
        let mut wrong = whole.clone();
        for _ in 0..3 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let at = (seed >> 4) as usize % wrong.len();
            wrong[at] = b"0f\0/"[(seed >> 2) as usize % 4];
        }
        // Any answer will do, as long as there is one.
        let _ = unpacked(&World::new(), &Loaded::new(&wrong));
    }
}

/// Later members replace earlier ones; what is of another kind makes way.
#[test]
fn later_members_win() {
    let w = World::new();
    w.mkdir("/bin").unwrap();
    w.symlink("nowhere", "/console").unwrap();
    w.touch("/sh").unwrap();
    let mut first = Vec::new();
    member(&mut first, "bin/big", S_IFREG | 0o600, (0, 1), &contents(50_000), false);
    let both = [first, archive()].concat();
    assert_eq!(unpacked(&w, &Loaded::new(&both)), Ok(()));
    assert_eq!(content(&w, "/bin/big"), contents(10_000));
    assert_eq!(w.find("/console").unwrap().inode().unwrap().attr().rdev, 0x501);
    assert_eq!(content(&w, "/sh"), contents(10_000));
    assert_eq!(w.find("/nowhere").err(), Some(ENOENT));
}

/// Files of absurd length fill nothing: a hole is a hole.
#[test]
fn an_absurd_length_takes_no_memory() {
    let w = World::new();
    let mut image = Vec::new();
    member(&mut image, "f", S_IFREG | 0o600, (0, 1), b"start", false);
    image.splice(54..62, *b"ffffffff");
    let before = w.info.root().mount.statfs().f_bfree;
    assert_eq!(unpacked(&w, &Loaded::new(&image)), Ok(()));
    assert_eq!(w.find("/f").unwrap().inode().unwrap().attr().size, 0xffff_ffff);
    assert_eq!(before - w.info.root().mount.statfs().f_bfree, 1);
}
