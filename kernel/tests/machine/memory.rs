//! Address spaces: copies on write, mappings, and what happens to those who touch what is not
//! theirs.

use crate::support::{Boot, User, boot, run};
use abi::errno::{EFAULT, ENOMEM};
use abi::fs::OpenFlags;
use abi::mm::{MapFlags, Prot};
use abi::nr;
use abi::process::{WaitOptions, wait_exited, wait_signaled};
use abi::signal::{SIGBUS, SIGILL, SIGSEGV};

const RW: Prot = Prot::READ.with(Prot::WRITE);

#[test]
fn fork_copies_on_write() {
    run(|u| {
        let at = u.mmap(0x4000, RW).unwrap();
        u.store_u64(at, 1);
        let (reader, writer) = u.pipe2(OpenFlags::EMPTY).unwrap();
        let child = u
            .fork(move |u| {
                assert_eq!(u.load_u64(at), 1);
                u.store_u64(at, 2);
                u.store_u64(at + 0x1000, 3);
                let grandchild = u.in_child(move |u| {
                    u.store_u64(at, 4);
                    u.load_u64(at + 0x1000) as i32
                });
                assert_eq!(grandchild, Ok(wait_exited(3)));
                u.write(writer, b"x").unwrap();
                u.load_u64(at) as i32
            })
            .unwrap();
        u.read(reader, 1).unwrap();
        assert_eq!((u.load_u64(at), u.load_u64(at + 0x1000)), (1, 0));
        u.store_u64(at, 5);
        assert_eq!(u.wait4(child, WaitOptions::EMPTY), Ok((child, wait_exited(2))));
        assert_eq!(u.load_u64(at), 5);
    });
}

#[test]
fn shared_memory_is_shared() {
    run(|u| {
        let at = u.mmap_shared(0x2000).unwrap();
        let status = u.in_child(move |u| {
            u.store_u64(at + 0x1000, 42);
            0
        });
        assert_eq!(status, Ok(0));
        assert_eq!(u.load_u64(at + 0x1000), 42);
    });
}

#[test]
fn a_vfork_child_uses_its_parents_memory() {
    run(|u| {
        let at = u.mmap(0x1000, RW).unwrap();
        let child = u.vfork(move |u| {
            u.nanosleep(1_000_000).unwrap();
            u.store_u64(at, 9);
            0
        });
        assert_eq!(u.load_u64(at), 9, "the parent waits for the child");
        assert!(u.wait4(child.unwrap(), WaitOptions::EMPTY).is_ok());
    });
}

/// The wait status of a child that does `f` in vain.
#[track_caller]
fn dies(u: &mut User, sig: u32, f: impl FnOnce(&mut User) + Send + 'static) {
    let status = u.in_child(|u| {
        f(u);
        0
    });
    assert_eq!(status, Ok(wait_signaled(sig, false)));
}

#[test]
fn bad_accesses_are_answered_by_signals() {
    run(|u| {
        let at = u.mmap(0x3000, RW).unwrap();
        u.store_u64(at, 1);
        dies(u, SIGSEGV, |u| _ = u.load_u64(0));
        dies(u, SIGSEGV, |u| _ = u.load_u64(0x7fff_ffff_f000));
        dies(u, SIGSEGV, |u| _ = u.load_u64(0x8000_0000_0000));
        dies(u, SIGSEGV, |u| _ = u.load_u64(u64::MAX - 7));
        dies(u, SIGSEGV, move |u| u.jump(at));
        dies(u, SIGSEGV, move |u| {
            u.munmap(at, 0x1000).unwrap();
            u.load_u64(at);
        });
        dies(u, SIGSEGV, move |u| {
            u.mprotect(at, 0x1000, Prot::READ).unwrap();
            assert_eq!(u.load_u64(at), 1);
            u.store_u64(at, 2);
        });
        dies(u, SIGSEGV, move |u| {
            u.mprotect(at, 0x1000, Prot::NONE).unwrap();
            u.load_u64(at);
        });
        dies(u, SIGILL, |u| u.exception(6));
        assert_eq!(u.load_u64(at), 1, "what children did to their copies");
    });
}

#[test]
fn rights_can_be_given_back() {
    run(|u| {
        let at = u.mmap(0x3000, RW).unwrap();
        u.store_u64(at + 0x1000, 1);
        u.mprotect(at + 0x1000, 0x1000, Prot::NONE).unwrap();
        assert_eq!(u.call(nr::pipe2, [at + 0x1000, 0]), Err(EFAULT));
        u.mprotect(at, 0x3000, RW).unwrap();
        assert_eq!(u.load_u64(at + 0x1000), 1);
        u.store_u64(at + 0x1000, 2);
        assert_eq!(u.mprotect(at, 0x10_0000, RW), Err(ENOMEM));
    });
}

#[test]
fn the_heap_grows_and_shrinks() {
    run(|u| {
        let start = u.brk(0);
        assert_eq!(u.brk(start + 0x5000), start + 0x5000);
        u.store_u64(start + 0x4ff8, 1);
        assert_eq!(u.brk(start + 0x1000), start + 0x1000);
        dies(u, SIGSEGV, move |u| _ = u.load_u64(start + 0x4ff8));
        assert_eq!(u.brk(start + 0x5000), start + 0x5000);
        assert_eq!(u.load_u64(start + 0x4ff8), 0, "what comes back is empty");
        assert_eq!(u.brk(1), start + 0x5000, "a bad end changes nothing");
    });
}

#[test]
fn the_stack_grows_down() {
    run(|u| {
        let here = u.mmap(0x1000, RW).unwrap();
        let status = u.in_child(move |u| {
            // A quarter of a mebibyte below what was there at first.
            let deep = u.stack() - 0x6_0000;
            u.store_u64(deep, 7);
            let found = u.load_u64(deep);
            u.store_u64(here, found);
            u.load_u64(here) as i32
        });
        assert_eq!(status, Ok(wait_exited(7)));
        dies(u, SIGSEGV, |u| {
            let beyond = u.stack() - 0x100_0000;
            u.store_u64(beyond, 7);
        });
    });
}

#[test]
fn files_can_be_mapped() {
    boot(
        Boot::new(|u| {
            let fd = u.open("/data", OpenFlags::RDWR, 0).unwrap();
            let flags = MapFlags::PRIVATE;
            let private = u.mmap_file(fd, 0x2000, RW, flags).unwrap();
            let shared = u.mmap_file(fd, 0x2000, RW, MapFlags::SHARED).unwrap();
            assert_eq!(u.load(private, 5), b"words");
            assert_eq!(u.load(shared + 5, 3), [0; 3]);
            u.store(private, b"W");
            u.store(shared + 1, b"O");
            assert_eq!((u.load(private, 5), u.load(shared, 5)), (b"Words".into(), b"wOrds".into()));
            assert_eq!(u.read(fd, 9), Ok(b"wOrds".into()));
            dies(u, SIGBUS, move |u| _ = u.load_u64(shared + 0x1000));
            u.call(nr::ftruncate, [fd as u64, 0x1010]).unwrap();
            u.store_u64(shared + 0x1000, 1);
            u.call(nr::ftruncate, [fd as u64, 3]).unwrap();
            dies(u, SIGBUS, move |u| _ = u.load_u64(shared + 0x1000));
            u.call(nr::ftruncate, [fd as u64, 8]).unwrap();
            assert_eq!(u.load(shared, 8), b"wOr\0\0\0\0\0");
        })
        .file("/data", 0o644, b"words"),
    );
}
