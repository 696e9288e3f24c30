//! Reading what tables make, without processes: long lists, parts, positions, numbers.

use super::Text;
use super::mount::Shared;
use super::node::Node;
use super::table::{
    Body, Changes, Dir, Named, Names, ProcCx, Row, dir, input, list, number_of, text,
};
use crate::cred::{CapSet, Cred, Limits, Uid};
use crate::fs::inode::{FsType, Inode, Kind};
use crate::fs::mount::{Devices, Namespace};
use crate::fs::{Caller, File, FileOps, FsInfo, Path, tmpfs};
use crate::mm::io::{SliceSink, SliceSource, Source};
use crate::process::Kernel;
use crate::time::RealTime;
use abi::Result;
use abi::errno::{EACCES, EINVAL, EIO, ENOENT, ENOMEM};
use abi::fs::{DT_REG, OpenFlags, SEEK_SET};
use abi::poll::PollEvents;
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::string::String;
use std::vec::Vec;
use std::{format, vec};

struct NoDevices;

impl Devices for NoDevices {
    fn open_char(&self, _: u64, _: &Path, _: OpenFlags, _: &Caller) -> Result<Arc<dyn FileOps>> {
        Err(ENOENT)
    }
    fn open_block(&self, _: u64, _: OpenFlags, _: &Caller) -> Result<Arc<dyn FileOps>> {
        Err(ENOENT)
    }
}

/// Someone who opens rows.
struct World {
    shared: Arc<Shared>,
    info: FsInfo,
    cred: Arc<Cred>,
    limits: Limits,
}

impl World {
    fn new() -> Self {
        drop(hal::mem::Frame::zeroed());
        let clock: &'static RealTime = Box::leak(Box::new(RealTime::new()));
        let types = vec![FsType::nodev("tmpfs", tmpfs::mount)].leak();
        let mounts = Namespace::new(types, &NoDevices, clock).unwrap();
        Self {
            shared: Arc::new(Shared::new(Box::leak(Box::new(Kernel::new())), 7, clock)),
            info: FsInfo::new(mounts),
            cred: Arc::new(Cred::root()),
            limits: Limits::init(1000),
        }
    }

    fn with<R>(&self, f: impl FnOnce(&Caller) -> R) -> R {
        let (cred, limits, fs_info) = (&*self.cred, &self.limits, &self.info);
        f(&Caller { cred, space: None, limits, fs_info, raise: &|_| {} })
    }

    fn root(&self) -> Arc<dyn Inode> {
        Arc::new(Node::new(self.shared.clone(), 1, (), 0o555, Body::Dir(&TABLE)))
    }

    fn find(&self, name: &str) -> Result<Arc<dyn Inode>> {
        match self.root().kind() {
            Kind::Dir(dir) => dir.lookup(name.as_bytes())?.ok_or(ENOENT),
            _ => unreachable!("the root is a directory"),
        }
    }

    fn open(&self, name: &str) -> File {
        let inode = self.find(name).unwrap();
        let ops = match inode.kind() {
            Kind::Made(made) => self.with(|c| made.open(c)).unwrap(),
            _ => unreachable!("only files are opened"),
        };
        File::new(ops, inode, None, OpenFlags::RDWR, self.cred.clone())
    }

    fn read(&self, file: &File, len: usize) -> Result<String> {
        let mut bytes = vec![0; len];
        let n = self.with(|c| file.read(c, &mut SliceSink::new(&mut bytes)))?;
        Ok(String::from_utf8(bytes[..n].to_vec()).unwrap())
    }

    fn read_at(&self, file: &File, len: usize, at: i64) -> Result<String> {
        let mut bytes = vec![0; len];
        let n = self.with(|c| file.read_at(c, &mut SliceSink::new(&mut bytes), at))?;
        Ok(String::from_utf8(bytes[..n].to_vec()).unwrap())
    }

    fn write(&self, file: &File, bytes: &[u8]) -> Result<usize> {
        self.with(|c| file.write(c, &mut SliceSource::new(bytes)))
    }
}

/// Rises with each look at `fresh`.
static LOOKS: AtomicU64 = AtomicU64::new(0);
static VERSION: AtomicU64 = AtomicU64::new(1);
static CHANGES: Changes<()> = Changes { version: |_| VERSION.load(Relaxed), watch: |_, _| {} };

static INNER: Dir<()> = Dir::new(&[text("same", 0o444, |_, out| writeln!(out, "same"))]);

static TABLE: Dir<()> = Dir::new(&[
    text("fresh", 0o444, |_, out| writeln!(out, "look {:4}", LOOKS.fetch_add(1, Relaxed))),
    text("watched", 0o444, |_, out| writeln!(out, "x")).changing(&CHANGES),
    text("locked", 0o444, |_, _| Ok(())).guarded(|_, c| match c.cred.uid {
        Uid::ROOT => Ok(()),
        _ => Err(EACCES),
    }),
    list("long", 0o444, long),
    list("broken", 0o444, broken),
    Row::writable(text("echo", 0o644, |_, _| Ok(())), echo),
    dir("one", &INNER),
    dir("two", &INNER),
])
.with(&Odd);

/// Records of which the last ones have high keys, as addresses do.
fn record(key: u64) -> String {
    format!("record {key:08} {}\n", "x".repeat(key as usize % 50))
}

const RECORDS: u64 = 3000;

fn long(_cx: &ProcCx<()>, from: u64, out: &mut Text) -> Result<Option<u64>> {
    for key in from..RECORDS {
        if out.is_full() {
            return Ok(Some(key));
        }
        out.bytes(record(key).as_bytes())?;
    }
    Ok(None)
}

fn broken(_cx: &ProcCx<()>, from: u64, out: &mut Text) -> Result<Option<u64>> {
    writeln!(out, "piece {from}")?;
    if from < 2 { Ok(Some(from + 1)) } else { Err(EIO) }
}

fn echo(_cx: &ProcCx<()>, _c: &Caller, at: u64, from: &mut dyn Source) -> Result<usize> {
    let bytes = input(from, 10)?;
    if at != 5 { Ok(bytes.len()) } else { Err(ENOMEM) }
}

/// The odd numbers below 1000.
struct Odd;

impl Names<()> for Odd {
    fn find(&self, cx: &ProcCx<()>, name: &[u8]) -> Result<Option<Arc<dyn Inode>>> {
        match number_of(name) {
            Some(n) if n % 2 == 1 && n < 1000 => {
                let body = Body::Text(|_, out| writeln!(out, "odd"));
                cx.node(n.into(), (), 0o400, body).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn list(&self, _cx: &ProcCx<()>, from: u64, emit: &mut dyn FnMut(Named) -> bool) -> Result<()> {
        for key in (from..1000).filter(|key| key % 2 == 1) {
            if !emit(Named { key, name: format!("{key}").as_bytes(), kind: DT_REG }) {
                break;
            }
        }
        Ok(())
    }
}

#[test]
fn a_long_list_is_the_same_in_all_parts() {
    let w = World::new();
    let whole: String = (0..RECORDS).map(record).collect();
    let f = w.open("long");
    assert_eq!(w.read(&f, whole.len() + 100).unwrap(), whole);
    for step in [1000, 4096, 10_007] {
        assert_eq!(f.seek(0, SEEK_SET), Ok(0));
        let mut parts = String::new();
        loop {
            match w.read(&f, step).unwrap() {
                part if part.is_empty() => break,
                part => parts += &part,
            }
        }
        assert_eq!(parts, whole, "in steps of {step}");
    }
    // Back and forth, without a look at what lies between.
    for at in [100_000, 3, 60_000, 59_990, 0, whole.len() - 5] {
        let want = &whole[at..whole.len().min(at + 100)];
        assert_eq!(w.read_at(&f, 100, at as i64).unwrap(), want, "at {at}");
    }
    assert_eq!(w.read_at(&f, 100, whole.len() as i64).unwrap(), "");
    assert_eq!(w.read_at(&f, 100, 1 << 40).unwrap(), "");
}

#[test]
fn a_text_is_made_at_offset_0_only() {
    let w = World::new();
    let f = w.open("fresh");
    let first = w.read(&f, 6).unwrap();
    assert!(first.starts_with("look "));
    let looks = LOOKS.load(Relaxed);
    assert_eq!(w.read(&f, 100).unwrap().len(), 4);
    assert_eq!(w.read(&f, 100).unwrap(), "");
    assert_eq!(w.read_at(&f, 4, 0).unwrap(), "look");
    assert_eq!(LOOKS.load(Relaxed), looks + 1);
    assert_eq!(w.write(&f, b"x"), Err(EIO));
}

#[test]
fn an_error_comes_after_what_was_made_before_it() {
    let w = World::new();
    let f = w.open("broken");
    assert_eq!(w.read(&f, 100).unwrap(), "piece 0\npiece 1\n");
    assert_eq!(w.read(&f, 100), Err(EIO));
    assert_eq!(w.read_at(&f, 100, 0).unwrap(), "piece 0\npiece 1\n");
}

#[test]
fn writing_tells_the_position() {
    let w = World::new();
    let f = w.open("echo");
    assert_eq!(w.write(&f, b"12345678901"), Err(EINVAL), "too much");
    assert_eq!(w.write(&f, b"12345"), Ok(5));
    assert_eq!(w.write(&f, b"6"), Err(ENOMEM));
    f.set_flags(OpenFlags::APPEND);
    assert_eq!(f.seek(1, SEEK_SET), Ok(1));
    assert_eq!(w.write(&f, b"xy"), Ok(2));
    assert_eq!(f.offset(), 3);
}

#[test]
fn poll_tells_of_each_change_once() {
    let w = World::new();
    let f = w.open("watched");
    let changed = PollEvents::ERR | PollEvents::PRI;
    let poll = |f: &File| w.with(|c| f.poll(c, None));
    assert!(!poll(&f).intersects(changed));
    VERSION.fetch_add(1, Relaxed);
    assert!(poll(&f).has(changed | PollEvents::IN));
    assert!(!poll(&f).intersects(changed));
    assert!(!poll(&w.open("watched")).intersects(changed), "news for who had it open only");
}

#[test]
fn a_guard_decides_at_open() {
    let mut w = World::new();
    w.open("locked");
    let mut user = Cred::root();
    (user.uid, user.effective) = (Uid(5), CapSet::EMPTY);
    w.cred = Arc::new(user);
    let inode = w.find("locked").unwrap();
    let Kind::Made(made) = inode.kind() else { unreachable!() };
    assert_eq!(w.with(|c| made.open(c)).err(), Some(EACCES));
}

#[test]
fn listings_and_lookups_agree() {
    let w = World::new();
    let root = w.root();
    let Kind::Dir(dir) = root.kind() else { unreachable!() };
    let mut seen = Vec::new();
    let mut at = 2;
    loop {
        let mut count = 0;
        // A few at a time.
        dir.readdir(at, &mut |entry| {
            count += 1;
            if count > 7 {
                return false;
            }
            at = entry.next;
            seen.push((String::from_utf8(entry.name.to_vec()).unwrap(), entry.ino));
            true
        })
        .unwrap();
        if count == 0 {
            break;
        }
    }
    assert_eq!(seen.len(), 8 + 500);
    let mut numbers: Vec<u64> = seen.iter().map(|(_, ino)| *ino).collect();
    for (name, ino) in &seen {
        assert_eq!(w.find(name).unwrap().attr().ino, *ino, "{name}");
    }
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), seen.len(), "numbers are unique");
    assert_eq!(root.attr().nlink, 2 + 2);
    let inner = |name| {
        let dir = w.find(name).unwrap();
        let Kind::Dir(inner) = dir.kind() else { unreachable!() };
        inner.lookup(b"same").unwrap().unwrap().attr().ino
    };
    assert_ne!(inner("one"), inner("two"), "one table at two places");
    assert_eq!(w.find("2").err(), Some(ENOENT));
    assert_eq!(w.find("01").err(), Some(ENOENT));
}
