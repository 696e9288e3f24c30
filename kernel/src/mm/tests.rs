//! Address spaces on the host machine: what programs would see of mmap, faults, fork and copies.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, Ordering};

use abi::errno::{EACCES, EEXIST, EFAULT, EINVAL, ENODEV, ENOMEM, EPERM, Result};
use abi::mm::{MADV_DONTFORK, MADV_DONTNEED, MADV_DONTNEED_LOCKED, MADV_WIPEONFORK, MapFlags};
use abi::signal::{BUS_ADRERR, SEGV_ACCERR, SEGV_MAPERR, SIGBUS, SIGSEGV};
use hal::mem::Frame;
use hal::user::{Access, USER_END};

use super::io::{Sink, UserSink};
use super::*;
use crate::cred::{Cred, Limits};
use crate::lock::order;
use crate::wait::Mutex;

const READ: Access = Access { write: false, exec: false };
const WRITE: Access = Access { write: true, exec: false };
const RW: Prot = Prot(3);

fn space() -> Arc<Space> {
    Space::new(8 << 20, &mut Chance::new(&mut || 0, false)).unwrap()
}

fn with_root<R>(f: impl FnOnce(Who<'_>) -> R) -> R {
    f(Who { cred: &Cred::root(), limits: &Limits::init(1000) })
}

fn anonymous(len: u64) -> MapRequest {
    let flags = MapFlags::PRIVATE | MapFlags::ANONYMOUS;
    MapRequest { addr: 0, len, prot: RW, flags, offset: 0, file: None }
}

fn map(space: &Space, request: MapRequest) -> Result<u64> {
    with_root(|who| space.mmap(request, who))
}

fn byte(space: &Space, addr: u64) -> Result<u8> {
    let mut byte = [0];
    space.copy_in(addr, &mut byte).map(|()| byte[0])
}

/// A file whose page `n` is filled with the byte `n`.
struct TestFile {
    len: AtomicU64,
    frames: Mutex<BTreeMap<u64, Frame>, order::PageCache>,
    mappings: Mappings,
}

impl TestFile {
    fn new(len: u64) -> Arc<Self> {
        let frames = Mutex::new(BTreeMap::new());
        Arc::new(Self { len: AtomicU64::new(len), frames, mappings: Mappings::default() })
    }

    fn truncate(&self, len: u64) {
        self.len.store(len, Ordering::SeqCst);
        let first = len.div_ceil(PAGE);
        self.frames.lock().retain(|index, _| *index < first);
        drop_pages(self, first..u64::MAX);
    }

    fn request(self: &Arc<Self>, flags: MapFlags, prot: Prot) -> MapRequest {
        let file = MapFile {
            source: Some(MapSource::Pages(self.clone())),
            file: self.clone(),
            readable: true,
            writable: true,
            append_only: false,
            noexec: false,
        };
        let len = self.len.load(Ordering::SeqCst);
        MapRequest { addr: 0, len, prot, flags, offset: 0, file: Some(file) }
    }
}

impl PageSource for TestFile {
    fn page(&self, index: u64, _write: bool) -> Result<Frame> {
        let mut frames = self.frames.lock();
        let frame = frames.entry(index).or_insert_with(|| {
            let frame = Frame::zeroed().unwrap();
            frame.write(0, &[index as u8; PAGE as usize]);
            frame
        });
        Ok(frame.clone())
    }

    fn cached(&self, first: u64, to: &mut [Option<Frame>]) {
        let frames = self.frames.lock();
        for (i, slot) in to.iter_mut().enumerate() {
            *slot = frames.get(&(first + i as u64)).cloned();
        }
    }

    fn len(&self) -> u64 {
        self.len.load(Ordering::SeqCst)
    }

    fn mappings(&self) -> Option<&Mappings> {
        Some(&self.mappings)
    }
}

#[test]
fn memory_is_zero_until_written() {
    let space = space();
    let at = map(&space, anonymous(3 * PAGE)).unwrap();
    assert_eq!(at, 0x7fff_f7ff_f000 - 3 * PAGE);
    assert_eq!(space.counts().anon, 0);
    assert_eq!(byte(&space, at + 5), Ok(0));
    space.copy_out(at + PAGE - 2, b"over the edge").unwrap();
    let mut back = [0; 13];
    space.copy_in(at + PAGE - 2, &mut back).unwrap();
    assert_eq!(&back, b"over the edge");
    assert_eq!(space.counts().anon, 2);
    assert_eq!(space.copy_out(at + 3 * PAGE - 2, b"abc"), Err(EFAULT));
    assert_eq!(space.copy_out_partial(at + 3 * PAGE - 2, b"abc"), 2);
    assert_eq!(byte(&space, USER_END), Err(EFAULT));
    assert_eq!(byte(&space, u64::MAX), Err(EFAULT));
    space.munmap(at + PAGE, PAGE).unwrap();
    assert_eq!(byte(&space, at + PAGE), Err(EFAULT));
    assert_eq!(space.totals().0.total, 2);
    assert_eq!(space.totals().1, 3);
}

#[test]
fn mmap_refuses_as_linux_does() {
    let space = space();
    let fixed = |addr, flags: MapFlags| MapRequest {
        addr,
        flags: MapFlags::PRIVATE | MapFlags::ANONYMOUS | flags,
        ..anonymous(PAGE)
    };
    assert_eq!(map(&space, anonymous(0)), Err(EINVAL));
    assert_eq!(map(&space, anonymous(u64::MAX)), Err(ENOMEM));
    assert_eq!(map(&space, anonymous(USER_END)), Err(ENOMEM));
    assert_eq!(map(&space, fixed(5, MapFlags::FIXED)), Err(EINVAL));
    assert_eq!(map(&space, fixed(USER_END, MapFlags::FIXED)), Err(ENOMEM));
    let neither = MapRequest { flags: MapFlags::ANONYMOUS, ..anonymous(PAGE) };
    assert_eq!(map(&space, neither), Err(EINVAL));

    let at = map(&space, fixed(0x10_0000, MapFlags::FIXED_NOREPLACE)).unwrap();
    assert_eq!(at, 0x10_0000);
    assert_eq!(map(&space, fixed(at, MapFlags::FIXED_NOREPLACE)), Err(EEXIST));
    assert_eq!(map(&space, fixed(at, MapFlags::FIXED)), Ok(at));
    assert_ne!(map(&space, fixed(at, MapFlags::EMPTY)), Ok(at), "a taken hint is only a hint");
    assert_eq!(map(&space, fixed(at + PAGE, MapFlags::EMPTY)), Ok(at + PAGE));
    assert_eq!(map(&space, fixed(0, MapFlags::FIXED)), Ok(0), "root may");
    let mut user = Cred::root();
    user.effective = crate::cred::CapSet::EMPTY;
    let who = Who { cred: &user, limits: &Limits::init(1000) };
    assert_eq!(space.mmap(fixed(PAGE, MapFlags::FIXED), who), Err(EPERM));

    let file = TestFile::new(PAGE);
    let with = |change: &dyn Fn(&mut MapFile), flags, prot| {
        let mut request = file.request(flags, prot);
        request.file.as_mut().map(change);
        map(&space, request)
    };
    let (shared, private) = (MapFlags::SHARED, MapFlags::PRIVATE);
    assert_eq!(with(&|f| f.readable = false, private, Prot::READ), Err(EACCES));
    assert_eq!(with(&|f| f.writable = false, shared, RW), Err(EACCES));
    assert_eq!(with(&|f| f.source = None, private, RW), Err(ENODEV));
    assert_eq!(with(&|f| f.noexec = true, private, Prot::EXEC), Err(EPERM));
    let at = with(&|f| f.writable = false, shared, Prot::READ).unwrap();
    let denied = with_root(|who| space.mprotect(at, PAGE, RW, who));
    assert_eq!(denied, Err(EACCES));
}

#[test]
fn faults_tell_why() {
    let space = space();
    let at = map(&space, anonymous(2 * PAGE)).unwrap();
    let signal = |signal, code, addr| Err(FaultSignal { signal, code, addr });
    assert_eq!(space.fault(at - 1, READ), signal(SIGSEGV, SEGV_MAPERR, at - 1));
    space.copy_out(at, b"x").unwrap();
    with_root(|who| space.mprotect(at, 2 * PAGE, Prot::NONE, who)).unwrap();
    assert_eq!(space.fault(at + 7, READ), signal(SIGSEGV, SEGV_ACCERR, at + 7));
    with_root(|who| space.mprotect(at, PAGE, Prot::READ, who)).unwrap();
    assert_eq!(byte(&space, at), Ok(b'x'));
    assert_eq!(space.fault(at, WRITE), signal(SIGSEGV, SEGV_ACCERR, at));
    with_root(|who| space.mprotect(at, PAGE, RW, who)).unwrap();
    space.copy_out(at, b"y").unwrap();
    assert_eq!(byte(&space, at), Ok(b'y'));
    let hole = with_root(|who| space.mprotect(at, 3 * PAGE, Prot::READ, who));
    assert_eq!(hole, Err(ENOMEM));
    assert_eq!(space.fault(at, WRITE), signal(SIGSEGV, SEGV_ACCERR, at));
}

#[test]
fn a_child_has_its_own_copy() {
    let space = space();
    let at = map(&space, anonymous(8 * PAGE)).unwrap();
    let shared =
        MapRequest { flags: MapFlags::SHARED | MapFlags::ANONYMOUS, ..anonymous(2 * PAGE) };
    let shared = map(&space, shared).unwrap();
    for page in 0..8 {
        space.copy_out(at + page * PAGE, &[page as u8 + 1]).unwrap();
    }
    space.madvise(at + 6 * PAGE, PAGE, MADV_DONTFORK).unwrap();
    space.madvise(at + 7 * PAGE, PAGE, MADV_WIPEONFORK).unwrap();
    space.copy_out(shared, b"before").unwrap();
    let child = space.fork().unwrap();
    space.copy_out(at, b"parent").unwrap();
    child.copy_out(at + PAGE, b"child").unwrap();
    child.copy_out(shared + PAGE, b"shared").unwrap();
    assert_eq!(byte(&child, at), Ok(1));
    assert_eq!(byte(&space, at + PAGE), Ok(2));
    assert_eq!(byte(&space, shared + PAGE), Ok(b's'));
    assert_eq!(byte(&child, shared), Ok(b'b'));
    assert_eq!(byte(&child, at + 6 * PAGE), Err(EFAULT));
    assert_eq!(byte(&child, at + 7 * PAGE), Ok(0));
    assert_eq!(byte(&space, at + 7 * PAGE), Ok(8));
    drop(child);
    // The last user writes without a copy.
    let frame_number = || space.hal().lookup(at + 5 * PAGE).unwrap().0.number();
    let before = frame_number();
    space.copy_out(at + 5 * PAGE, b"again").unwrap();
    assert_eq!(frame_number(), before);
}

#[test]
fn files_are_mapped_shared_and_private() {
    let space = space();
    let file = TestFile::new(40 * PAGE);
    let private = map(&space, file.request(MapFlags::PRIVATE, RW)).unwrap();
    let shared = map(&space, file.request(MapFlags::SHARED, RW)).unwrap();
    assert_eq!(byte(&space, private + 17 * PAGE), Ok(17));
    space.copy_out(private + 17 * PAGE, b"mine").unwrap();
    assert_eq!(byte(&space, shared + 17 * PAGE), Ok(17));
    space.copy_out(shared + 3 * PAGE, b"ours").unwrap();
    assert_eq!(byte(&space, private + 3 * PAGE), Ok(b'o'));
    let mut start = [0];
    file.page(3, false).unwrap().read(0, &mut start);
    assert_eq!(start, *b"o");
    let counts = space.counts();
    assert_eq!(counts.anon, 1);
    assert!(counts.file >= 3, "pages at hand come along");

    file.truncate(3 * PAGE);
    for addr in [private + 3 * PAGE, private + 17 * PAGE, shared + 17 * PAGE] {
        let signal = FaultSignal { signal: SIGBUS, code: BUS_ADRERR, addr };
        assert_eq!(space.fault(addr, READ), Err(signal));
    }
    assert_eq!(byte(&space, shared + 2 * PAGE), Ok(2));
    assert!(!file.mappings.is_empty());
    space.munmap(private, 80 * PAGE).unwrap();
    space.munmap(shared, 80 * PAGE).unwrap();
    assert!(file.mappings.is_empty());
}

#[test]
fn the_file_forgets_a_dead_space() {
    let file = TestFile::new(4 * PAGE);
    let space = space();
    let at = map(&space, file.request(MapFlags::SHARED, RW)).unwrap();
    space.munmap(at + PAGE, PAGE).unwrap();
    let child = space.fork().unwrap();
    drop(space);
    assert!(!file.mappings.is_empty());
    file.truncate(0);
    assert_eq!(byte(&child, at), Err(EFAULT));
    drop(child);
    assert!(file.mappings.is_empty());
}

#[test]
fn the_stack_grows_to_its_limit_and_keeps_its_distance() {
    let space = space();
    let stack = MapRequest {
        addr: 0x7000_0000,
        flags: MapFlags::PRIVATE | MapFlags::ANONYMOUS | MapFlags::GROWSDOWN,
        ..anonymous(PAGE)
    };
    let at = map(&space, stack).unwrap();
    space.copy_out(at - 10 * PAGE, b"deeper").unwrap();
    assert_eq!(space.totals().0.stack, 11);
    assert_eq!(space.copy_out(at - (8 << 20), b"x"), Err(EFAULT), "limit");
    space.copy_out(at + PAGE - (8 << 20), b"x").unwrap();
    space.set_stack_limit(64 << 20);
    let below = at - (16 << 20);
    map(&space, MapRequest { addr: below, ..anonymous(PAGE) }).unwrap();
    assert_eq!(space.copy_out(below + PAGE + STACK_GUARD_GAP - 1, b"x"), Err(EFAULT), "guard");
    space.copy_out(below + PAGE + STACK_GUARD_GAP, b"x").unwrap();
}

#[test]
fn the_break_moves_within_its_room() {
    let space = space();
    let start = 0x40_0800;
    space.set_addresses(Addresses { brk: start..start, ..Addresses::default() });
    with_root(|who| {
        assert_eq!(space.brk(0, who), start);
        assert_eq!(space.brk(start + 5 * PAGE, who), start + 5 * PAGE);
        space.copy_out(start + PAGE, b"heap").unwrap();
        let beside = MapRequest { addr: start - 0x800 + 10 * PAGE, ..anonymous(PAGE) };
        space.mmap(beside, who).unwrap();
        assert_eq!(space.brk(start + 20 * PAGE, who), start + 5 * PAGE);
        assert_eq!(space.brk(start, who), start);
        assert_eq!(byte(&space, start + PAGE), Err(EFAULT));
        assert_eq!(space.brk(start + PAGE, who), start + PAGE);
        assert_eq!(byte(&space, start + PAGE - 1), Ok(0), "given back means gone");
    });
}

#[test]
fn mremap_moves_what_is_there() {
    let space = space();
    let wall = MapRequest { prot: Prot::NONE, ..anonymous(PAGE) };
    map(&space, wall).unwrap();
    let at = map(&space, anonymous(4 * PAGE)).unwrap();
    space.copy_out(at, b"first").unwrap();
    space.copy_out(at + 3 * PAGE, b"last").unwrap();
    with_root(|who| {
        let remap = |addr, old, new, flags, to| space.mremap(addr, old, new, flags, to, who);
        assert_eq!(remap(at, 4 * PAGE, 8 * PAGE, 0, 0), Err(ENOMEM), "a wall above");
        let moved = remap(at, 4 * PAGE, 8 * PAGE, 1, 0).unwrap();
        assert_ne!(moved, at);
        assert_eq!(byte(&space, at), Err(EFAULT));
        assert_eq!(byte(&space, moved), Ok(b'f'));
        assert_eq!(byte(&space, moved + 3 * PAGE), Ok(b'l'));
        assert_eq!(byte(&space, moved + 7 * PAGE), Ok(0));
        assert_eq!(remap(moved, 8 * PAGE, 2 * PAGE, 0, 0), Ok(moved));
        assert_eq!(byte(&space, moved + 2 * PAGE), Err(EFAULT));
        assert_eq!(remap(moved, 2 * PAGE, 3 * PAGE, 0, 0), Ok(moved), "in place");
        let fixed = remap(moved, 3 * PAGE, PAGE, 3, 0x20_0000).unwrap();
        assert_eq!((fixed, byte(&space, fixed)), (0x20_0000, Ok(b'f')));
        assert_eq!(remap(fixed, PAGE, PAGE, 3, fixed), Err(EINVAL), "onto itself");
        assert_eq!(remap(fixed, 2 * PAGE, 4 * PAGE, 1, 0), Err(EFAULT));
        assert_eq!(remap(fixed, 0, PAGE, 1, 0), Err(EINVAL));
        assert_eq!(remap(fixed, PAGE, PAGE, 8, 0), Err(EINVAL));
    });
    assert_eq!(space.totals().0.total, 2);
}

#[test]
fn advice_and_locks() {
    let space = space();
    let vector = map(&space, MapRequest { addr: 0x10_0000, ..anonymous(PAGE) }).unwrap();
    let at = map(&space, anonymous(4 * PAGE)).unwrap();
    space.copy_out(at, b"gone").unwrap();
    assert_eq!(space.madvise(at, 4 * PAGE, MADV_DONTNEED), Ok(()));
    assert_eq!(byte(&space, at), Ok(0));
    assert_eq!(space.madvise(at, 4 * PAGE, 12345), Err(EINVAL));
    assert_eq!(space.madvise(at + 1, PAGE, MADV_DONTNEED), Err(EINVAL));
    assert_eq!(space.madvise(at, 5 * PAGE, MADV_DONTNEED), Err(ENOMEM));
    with_root(|who| space.mlock(at, 4 * PAGE, false, who)).unwrap();
    assert_eq!(space.counts().anon, 4);
    assert_eq!(space.totals().0.locked, 4);
    assert_eq!(space.madvise(at, PAGE, MADV_DONTNEED), Err(EINVAL), "locked");
    space.munlock(at, PAGE).unwrap();
    assert_eq!(space.totals().0.locked, 3);
    space.munmap(at + PAGE, PAGE).unwrap();
    assert_eq!(space.mincore(at, 4 * PAGE, vector), Err(ENOMEM));
    space.madvise(at + 3 * PAGE, PAGE, MADV_DONTNEED_LOCKED).unwrap();
    space.mincore(at + 2 * PAGE, PAGE + 1, vector).unwrap();
    assert_eq!((byte(&space, vector), byte(&space, vector + 1)), (Ok(1), Ok(0)));
    assert_eq!(space.mincore(at + 2 * PAGE, PAGE, at + PAGE), Err(EFAULT));
    assert_eq!(space.msync(at, PAGE, 8), Err(EINVAL));
    assert_eq!(space.msync(at, 2 * PAGE, 4), Err(ENOMEM));
}

#[test]
fn a_read_ends_where_memory_ends() {
    let space = space();
    let at = map(&space, anonymous(PAGE)).unwrap();
    let segments = [
        io::Segment { addr: at + 10, len: 3 },
        io::Segment { addr: at + PAGE - 4, len: 100 },
        io::Segment { addr: at, len: 5 },
    ];
    let mut sink = UserSink::list(&space, &segments);
    assert_eq!(sink.left(), 108);
    assert_eq!(sink.put(b"abcdefghijkl"), Ok(7));
    assert_eq!(sink.put(b"more"), Err(EFAULT));
    let mut back = [0; 4];
    space.copy_in(at + PAGE - 4, &mut back).unwrap();
    assert_eq!(&back, b"defg");
    assert_eq!(byte(&space, at + 12), Ok(b'c'));
}

#[test]
fn strings_end_at_their_nul() {
    let space = space();
    let at = map(&space, anonymous(2 * PAGE)).unwrap();
    space.copy_out(at + PAGE - 3, b"hello\0").unwrap();
    let text = user::UserStr::new(at + PAGE - 3);
    assert_eq!(text.read(&space, 100).unwrap(), b"hello");
    assert_eq!(text.read(&space, 6).unwrap(), b"hello");
    assert_eq!(text.read(&space, 5), Err(abi::errno::ENAMETOOLONG));
    space.copy_out(at + 2 * PAGE - 2, b"xy").unwrap();
    assert_eq!(user::UserStr::new(at + 2 * PAGE - 2).read(&space, 100), Err(EFAULT));
    space.copy_out(at, &[b'a'; 4095]).unwrap();
    assert_eq!(user::UserPath::new(at).read(&space), Err(abi::errno::ENAMETOOLONG));
}

#[test]
fn threads_fault_side_by_side() {
    let space = space();
    let pages = 200;
    let at = map(&space, anonymous(pages * PAGE)).unwrap();
    let file = TestFile::new(pages * PAGE);
    let shared = map(&space, file.request(MapFlags::SHARED, RW)).unwrap();
    let together = std::sync::Barrier::new(4);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (space, together) = (&space, &together);
            scope.spawn(move || {
                together.wait();
                for page in 0..pages {
                    space.copy_out(at + page * PAGE + thread, &[thread as u8 + 1]).unwrap();
                    space.copy_out(shared + page * PAGE + thread, &[thread as u8 + 1]).unwrap();
                }
            });
        }
    });
    assert_eq!(space.counts().anon, pages);
    for page in 0..pages {
        for start in [at, shared] {
            let mut bytes = [0; 4];
            space.copy_in(start + page * PAGE, &mut bytes).unwrap();
            assert_eq!(bytes, [1, 2, 3, 4], "page {page}");
        }
    }
}

#[test]
fn a_child_copies_while_its_parent_writes() {
    let space = space();
    let pages = 64;
    let at = map(&space, anonymous(pages * PAGE)).unwrap();
    for page in 0..pages {
        space.copy_out(at + page * PAGE, &[7]).unwrap();
    }
    let children: alloc::vec::Vec<_> = (0..3).map(|_| space.fork().unwrap()).collect();
    std::thread::scope(|scope| {
        for (value, one) in children.iter().chain([&space]).enumerate() {
            scope.spawn(move || {
                for page in 0..pages {
                    assert_eq!(byte(one, at + page * PAGE), Ok(7));
                    one.copy_out(at + page * PAGE, &[value as u8]).unwrap();
                }
            });
        }
    });
    for (value, one) in children.iter().chain([&space]).enumerate() {
        for page in 0..pages {
            assert_eq!(byte(one, at + page * PAGE), Ok(value as u8));
        }
        assert_eq!(one.counts().anon, pages);
    }
}

#[test]
fn large_ranges_go_piece_by_piece() {
    let space = space();
    let len = 1 << 30;
    let at = map(&space, anonymous(len)).unwrap();
    let corners = [0, 9 << 20, 500 << 20, len - PAGE];
    for offset in corners {
        space.copy_out(at + offset, b"x").unwrap();
    }
    assert_eq!(space.counts().anon, 4);
    space.munmap(at + PAGE, len - 2 * PAGE).unwrap();
    assert_eq!(space.counts().anon, 2);
    assert_eq!(byte(&space, at), Ok(b'x'));
    assert_eq!(byte(&space, at + (9 << 20)), Err(EFAULT));
    assert_eq!(space.totals().0.total, 2);
}
