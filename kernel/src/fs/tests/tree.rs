//! Files of tmpfs.

use super::*;
use crate::fs::ExecFile;
use abi::errno::*;
use abi::fs::{FallocFlags, SEEK_CUR, SEEK_DATA, SEEK_END, SEEK_HOLE, SEEK_SET};
use abi::process::RLIMIT_FSIZE;

const RW: OpenFlags = OpenFlags::RDWR.with(OpenFlags::CREAT);

#[test]
fn holes_read_as_zeroes() {
    let w = World::new();
    let f = w.open("/f", RW).unwrap();
    assert_eq!(f.seek(10_000, SEEK_SET), Ok(10_000));
    assert_eq!(w.write(&f, b"end"), Ok(3));
    let attr = f.inode().attr();
    assert_eq!((attr.size, attr.blocks), (10_003, 8));
    let all = w.read_at(&f, 20_000, 0).unwrap();
    assert_eq!(all.len(), 10_003);
    assert!(all[..10_000].iter().all(|&b| b == 0));
    assert_eq!(&all[10_000..], b"end");
    assert_eq!(f.seek(0, SEEK_DATA), Ok(8192));
    assert_eq!(f.seek(0, SEEK_HOLE), Ok(0));
    assert_eq!(f.seek(9000, SEEK_HOLE), Ok(10_003));
    assert_eq!(f.seek(10_003, SEEK_DATA), Err(ENXIO));
    assert_eq!(w.read_at(&f, 10, 10_003), Ok(Vec::new()));
}

#[test]
fn what_truncate_cut_off_is_gone() {
    let w = World::new();
    let f = w.open("/f", RW).unwrap();
    w.write(&f, &[7; 9000]).unwrap();
    w.set_len(&f, 100).unwrap();
    assert_eq!(f.inode().attr().blocks, 8);
    w.set_len(&f, 9000).unwrap();
    let all = w.read_at(&f, 9000, 0).unwrap();
    assert!(all[..100].iter().all(|&b| b == 7));
    assert!(all[100..].iter().all(|&b| b == 0));
    w.set_len(&f, 0).unwrap();
    assert_eq!(f.inode().attr().blocks, 0);
}

#[test]
fn append_goes_to_the_end() {
    let w = World::new();
    let a = w.open("/f", RW | OpenFlags::APPEND).unwrap();
    let b = w.open("/f", RW).unwrap();
    w.write(&a, b"one").unwrap();
    w.write(&b, b"T").unwrap();
    w.write(&a, b"two").unwrap();
    assert_eq!(a.offset(), 6);
    assert_eq!(w.with(|c| a.write_at(c, &mut SliceSource::new(b"!"), 0)), Ok(1));
    assert_eq!(w.read_at(&b, 10, 0), Ok(b"Tnetwo!".to_vec()));
}

#[test]
fn access_modes_and_offsets() {
    let w = World::new();
    let f = w.open("/f", OpenFlags::WRONLY | OpenFlags::CREAT).unwrap();
    assert_eq!(w.read(&f, 1), Err(EBADF));
    w.write(&f, b"abc").unwrap();
    assert_eq!(f.seek(-1, SEEK_SET), Err(EINVAL));
    assert_eq!(f.seek(-1, SEEK_END), Ok(2));
    assert_eq!(f.seek(0, SEEK_CUR), Ok(2));
    assert_eq!(f.seek(0, 9), Err(EINVAL));
    let r = w.open("/f", OpenFlags::RDONLY).unwrap();
    assert_eq!(w.write(&r, b"x"), Err(EBADF));
    assert_eq!(w.read_at(&r, 1, -1), Err(EINVAL));
    assert_eq!(w.read(&r, 2), Ok(b"ab".to_vec()));
    assert_eq!(w.read(&r, 9), Ok(b"c".to_vec()));
    assert_eq!(w.read(&r, 9), Ok(Vec::new()));
    let dir = w.open("/", OpenFlags::RDONLY).unwrap();
    assert_eq!(w.read(&dir, 9), Err(EISDIR));
    let place = w.open("/f", OpenFlags::PATH | OpenFlags::RDWR).unwrap();
    assert_eq!(w.read(&place, 1), Err(EBADF));
}

#[test]
fn truncating_on_open_and_set_id_bits() {
    let mut w = World::new();
    let f = w.open("/f", RW).unwrap();
    w.write(&f, b"abc").unwrap();
    w.with(|c| attr::chmod(c, f.inode(), 0o6777)).unwrap();
    w.become_user(3);
    let mine = w.open("/f", OpenFlags::WRONLY).unwrap();
    w.write(&mine, b"x").unwrap();
    assert_eq!(f.inode().attr().mode & 0o7777, 0o777);
    drop(w.open("/f", OpenFlags::WRONLY | OpenFlags::TRUNC).unwrap());
    assert_eq!(f.inode().attr().size, 0);
}

#[test]
fn a_size_limit_ends_in_a_signal() {
    let mut w = World::new();
    let f = w.open("/f", RW).unwrap();
    let mut limit = w.limits.both(RLIMIT_FSIZE).unwrap();
    limit.rlim_cur = 5;
    w.limits.set(RLIMIT_FSIZE, limit);
    assert_eq!(w.write(&f, b"abcdefg"), Ok(5));
    assert_eq!(w.signals.borrow().len(), 0);
    assert_eq!(w.write(&f, b"h"), Err(EFBIG));
    assert_eq!(w.set_len(&f, 6), Err(EFBIG));
    assert_eq!(*w.signals.borrow(), [abi::signal::SIGXFSZ; 2]);
}

#[test]
fn a_full_file_system() {
    let w = World::new();
    w.mkdir("/m").unwrap();
    let at = w.find("/m").unwrap();
    let none = abi::fs::MountFlags::EMPTY;
    w.info.mounts.mount(b"x", at, b"tmpfs", none, b"size=8k,nr_inodes=3").unwrap();
    let f = w.open("/m/f", RW).unwrap();
    assert_eq!(w.write(&f, &[1; 10_000]), Ok(8192));
    assert_eq!(w.write(&f, b"x"), Err(ENOSPC));
    w.touch("/m/g").unwrap();
    assert_eq!(w.touch("/m/h"), Err(ENOSPC));
    let free = || {
        let statfs = w.find("/m").unwrap().mount.statfs();
        (statfs.f_bfree, statfs.f_ffree)
    };
    assert_eq!(free(), (0, 0));
    w.unlink("/m/f").unwrap();
    assert_eq!(free(), (0, 0), "still open");
    assert_eq!(w.read_at(&f, 1, 8191), Ok([1].to_vec()));
    drop(f);
    assert_eq!(free(), (2, 1));
}

#[test]
fn preallocated_and_punched() {
    let w = World::new();
    let f = w.open("/f", RW).unwrap();
    let crate::fs::Kind::File(data) = f.inode().kind() else { unreachable!() };
    data.allocate(FallocFlags::EMPTY, 100, 8192).unwrap();
    assert_eq!((f.inode().attr().size, f.inode().attr().blocks), (8292, 24));
    w.write(&f, &[5; 8292]).unwrap();
    let punch = FallocFlags::PUNCH_HOLE | FallocFlags::KEEP_SIZE;
    data.allocate(punch, 4000, 4300).unwrap();
    assert_eq!(f.inode().attr().blocks, 16);
    let all = w.read_at(&f, 9000, 0).unwrap();
    let zeroes: Vec<usize> = (0..all.len()).filter(|&i| all[i] == 0).collect();
    assert_eq!((zeroes.first(), zeroes.last(), zeroes.len()), (Some(&4000), Some(&8291), 4292));
    assert_eq!(data.allocate(FallocFlags::COLLAPSE_RANGE, 0, 4096), Err(EOPNOTSUPP));
    assert_eq!(data.allocate(FallocFlags::EMPTY, 0, u64::MAX), Err(EFBIG));
}

/// A file against an array of bytes.
#[test]
fn a_file_agrees_with_a_model() {
    let w = World::new();
    let f = w.open("/f", RW).unwrap();
    let mut model: Vec<u8> = Vec::new();
    let mut seed = 7u64;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) as usize % below
    };
    for round in 0..2000 {
        let (at, len) = (random(40_000), random(9000));
        match random(4) {
            0 => {
                w.set_len(&f, at as u64).unwrap();
                model.resize(at, 0);
            }
            1 => {
                let got = w.read_at(&f, len, at as i64).unwrap();
                let end = model.len().min(at + len);
                assert_eq!(got, model.get(at..end).unwrap_or_default(), "round {round}");
            }
            _ => {
                let bytes = vec![round as u8; len];
                let n = w.with(|c| f.write_at(c, &mut SliceSource::new(&bytes), at as i64));
                assert_eq!(n, Ok(len));
                if len > 0 {
                    model.resize(model.len().max(at + len), 0);
                    model[at..at + len].copy_from_slice(&bytes);
                }
            }
        }
        assert_eq!(f.inode().attr().size as usize, model.len());
    }
}

#[test]
fn listings_survive_removal() {
    let w = World::new();
    w.mkdir("/d").unwrap();
    for n in 0..50 {
        w.touch(&std::format!("/d/{n}")).unwrap();
    }
    assert_eq!(w.names("/d").len(), 52);
    assert_eq!(w.names("/d")[..4], [".", "..", "49", "48"]);
    let dir = w.open("/d", OpenFlags::DIRECTORY).unwrap();
    let mut seen = Vec::new();
    loop {
        let mut here = Vec::new();
        w.with(|c| {
            dir.readdir(c, &mut |entry| {
                if here.len() == 3 {
                    return false;
                }
                here.push(std::string::String::from_utf8(entry.name.to_vec()).unwrap());
                true
            })
        })
        .unwrap();
        if here.is_empty() {
            break;
        }
        for name in &here {
            if !name.starts_with('.') {
                w.unlink(&std::format!("/d/{name}")).unwrap();
            }
        }
        seen.extend(here);
    }
    assert_eq!(seen.len(), 52);
    assert_eq!(w.names("/d"), [".", ".."]);
    assert_eq!(dir.seek(0, SEEK_SET), Ok(0));
}

#[test]
fn a_file_is_written_or_run() {
    let w = World::new();
    let writer = w.open("f", OpenFlags::CREAT | OpenFlags::WRONLY).unwrap();
    let reader = w.open("f", OpenFlags::RDONLY).unwrap();
    let run = || ExecFile::new(reader.clone());
    assert_eq!(run().err(), Some(ETXTBSY));
    drop(writer);
    let runs = [run().unwrap(), run().unwrap()];
    assert_eq!(w.open("f", OpenFlags::RDWR).err(), Some(ETXTBSY));
    assert_eq!(w.open("f", OpenFlags::RDONLY | OpenFlags::TRUNC).err(), Some(ETXTBSY));
    let path = w.find("f").unwrap();
    assert_eq!(w.with(|c| attr::truncate(c, &path, 0)), Err(ETXTBSY));
    let [first, last] = runs;
    drop(first);
    assert_eq!(w.open("f", OpenFlags::WRONLY).err(), Some(ETXTBSY));
    drop(last);
    assert_eq!(w.with(|c| attr::truncate(c, &path, 0)), Ok(()));
    assert!(w.open("f", OpenFlags::WRONLY).is_ok());
}
