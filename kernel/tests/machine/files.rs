//! Files by system calls: made, read, renamed, removed.

use crate::support::{Boot, boot, run};
use abi::errno::{EBADF, EEXIST, EFAULT, EISDIR, ENOENT, ENOTEMPTY};
use abi::fs::{OpenFlags, SEEK_END, SEEK_SET};
use abi::nr;

#[test]
fn a_file_is_made_read_renamed_and_removed() {
    run(|u| {
        let fd = u.open("/tmp/a", OpenFlags::CREAT | OpenFlags::RDWR, 0o600).unwrap();
        assert_eq!(u.write(fd, b"some words"), Ok(10));
        assert_eq!(u.read(fd, 5), Ok(vec![]));
        assert_eq!(u.lseek(fd, 5, SEEK_SET), Ok(5));
        assert_eq!(u.read(fd, 100), Ok(b"words".into()));
        assert_eq!(u.lseek(fd, -4, SEEK_END), Ok(6));

        let exclusive = OpenFlags::CREAT | OpenFlags::EXCL;
        assert_eq!(u.open("/tmp/a", exclusive, 0o600), Err(EEXIST));
        assert_eq!(u.paths_call(nr::rename, "/tmp/a", "/tmp/b"), Ok(0));
        assert_eq!(u.open("/tmp/a", OpenFlags::RDONLY, 0), Err(ENOENT));
        let other = u.open("/tmp/b", OpenFlags::RDONLY, 0).unwrap();
        assert_eq!(u.write(other, b"x"), Err(EBADF));
        assert_eq!(u.path_call(nr::unlink, "/tmp/b", [0, 0]), Ok(0));
        assert_eq!(u.read(other, 4), Ok(b"some".into()), "open files outlive their names");
        assert_eq!(u.close(other), Ok(0));
        assert_eq!(u.close(other), Err(EBADF));
    });
}

#[test]
fn directories_hold_files() {
    run(|u| {
        assert_eq!(u.path_call(nr::mkdir, "/tmp/d", [0o755, 0]), Ok(0));
        assert_eq!(u.open("/tmp/d", OpenFlags::RDWR, 0), Err(EISDIR));
        let fd = u.open("/tmp/d/f", OpenFlags::CREAT | OpenFlags::WRONLY, 0o644).unwrap();
        assert_eq!(u.path_call(nr::rmdir, "/tmp/d", [0, 0]), Err(ENOTEMPTY));
        assert_eq!(u.paths_call(nr::rename, "/tmp/d", "/tmp/e"), Ok(0));
        assert_eq!(u.path_call(nr::chdir, "/tmp/e", [0, 0]), Ok(0));
        assert_eq!(u.path_call(nr::unlink, "f", [0, 0]), Ok(0));
        assert_eq!(u.write(fd, b"still there"), Ok(11));
        assert_eq!(u.path_call(nr::rmdir, "/tmp/e", [0, 0]), Ok(0));
        assert_eq!(u.open("f", OpenFlags::CREAT, 0o644), Err(ENOENT), "the directory is gone");
    });
}

#[test]
fn the_archive_is_the_first_root() {
    boot(
        Boot::new(|u| {
            let fd = u.open("/etc/motd", OpenFlags::RDONLY, 0).unwrap();
            assert_eq!(u.read(fd, 100), Ok(b"welcome\n".into()));
            // Longer than the pages that a system call copies at a time.
            let big = u.open("/big", OpenFlags::RDONLY, 0).unwrap();
            for page in 0..5_u8 {
                assert_eq!(u.read(big, 4096), Ok(vec![page; 4096]));
            }
            assert_eq!(u.read(big, 4096), Ok(vec![9; 5]));
        })
        .file("/etc/motd", 0o644, b"welcome\n")
        .file(
            "/big",
            0o644,
            &[
                vec![0; 4096],
                vec![1; 4096],
                vec![2; 4096],
                vec![3; 4096],
                vec![4; 4096],
                vec![9; 5],
            ]
            .concat(),
        ),
    );
}

#[test]
fn bad_addresses_are_refused() {
    run(|u| {
        let fd = u.open("/tmp/f", OpenFlags::CREAT | OpenFlags::RDWR, 0o600).unwrap() as u64;
        assert_eq!(u.call(nr::write, [fd, 0, 4]), Err(EFAULT));
        assert_eq!(u.call(nr::write, [fd, u64::MAX - 2, 2]), Err(EFAULT));
        assert_eq!(u.call(nr::openat, [0, 0x1000, 0]), Err(EFAULT));
        assert_eq!(u.call(nr::openat, [0, 0xffff_8000_0000_0000, 0]), Err(EFAULT));
    });
}

#[test]
fn what_is_printed_reaches_the_console() {
    let console = boot(Boot::new(|u| {
        assert_eq!(u.write(1, b"hello from init\n"), Ok(16));
    }));
    assert!(console.contains("hello from init\r\n"), "{console}");
}
