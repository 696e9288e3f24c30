//! The device table, and devices opened through nodes as programs do.

use super::*;
use crate::fs::inode::What;
use crate::fs::{File, namei, open};
use crate::tty::tests::{Processes, User};
use abi::errno::{EINVAL, ENODEV, ENOSPC};
use abi::fs::{SEEK_CUR, SEEK_SET};
use std::boxed::Box;
use std::vec;

fn drivers() -> &'static Drivers {
    let random = Box::leak(Box::new(Random::new()));
    let processes: &'static Processes = Box::leak(Box::default());
    let terminals = Box::leak(Box::new(Terminals::new(processes, Box::leak(Box::default()), None)));
    let log_readers = Box::leak(Box::new(kmsg::Readers::new(Box::leak(Box::default()))));
    Box::leak(Box::new(Drivers { random, terminals, log_readers }))
}

/// Someone with a node for every device of the machine, and a few for none.
fn user() -> User {
    let drivers = drivers();
    let user = User::new(Box::leak(Box::new(DeviceTable(drivers))));
    user.with(|c| {
        for device in drivers.devices() {
            let what = What::Char(device.dev());
            namei::make(c, None, device.name.as_bytes(), device.mode() & 0o777, what).unwrap();
        }
        namei::make(c, None, b"none", 0o666, What::Char(makedev(1, 99))).unwrap();
        namei::make(c, None, b"block", 0o666, What::Block(makedev(1, 3))).unwrap();
    });
    user
}

fn open_file(user: &User, name: &str) -> Result<Arc<File>> {
    user.with(|c| open::open(c, &user.cred, None, name.as_bytes(), OpenFlags::RDWR, 0))
}

#[test]
fn every_major_has_a_name() {
    for device in TABLE {
        let names = MAJORS[usize::from(device.kind == Kind::Block)];
        assert!(names.iter().any(|(major, _)| *major == device.major), "{}", device.name);
    }
}

#[test]
fn every_name_and_number_is_there_once() {
    for (i, a) in TABLE.iter().enumerate() {
        for b in &TABLE[..i] {
            assert!(a.name != b.name && (a.kind, a.dev()) != (b.kind, b.dev()), "{}", a.name);
        }
        assert!(a.mode() & 0o777 != 0 && a.mode() & !0o777 == S_IFCHR);
    }
}

#[test]
fn a_number_without_a_device_is_enxio() {
    let user = user();
    for name in ["none", "block", "tty"] {
        assert_eq!(open_file(&user, name).map(drop), Err(ENXIO), "{name}");
    }
    assert_eq!(open_file(&user, "console").map(drop), Err(ENODEV), "no port, no console");
}

#[test]
fn null_zero_and_full() {
    let user = user();
    let [null, zero, full] = ["null", "zero", "full"].map(|name| open_file(&user, name).unwrap());
    assert_eq!(user.read(&null, 5).as_deref(), Ok(&b""[..]));
    assert_eq!(user.write(&null, b"gone"), Ok(4));
    assert_eq!(user.read(&zero, 200_000), Ok(vec![0; 200_000]));
    assert_eq!(user.write(&zero, b"gone"), Ok(4));
    assert_eq!(user.read(&full, 3), Ok(vec![0; 3]));
    assert_eq!(user.write(&full, b"gone"), Err(ENOSPC));
    for file in [null, zero, full] {
        assert_eq!((file.seek(99, SEEK_SET), file.seek(0, SEEK_CUR)), (Ok(0), Ok(0)));
    }
}

#[test]
fn only_zero_is_memory() {
    let user = user();
    for (name, maps) in [("zero", true), ("null", false), ("full", false), ("random", false)] {
        let file = open_file(&user, name).unwrap();
        assert_eq!(file.ops().map(&file).is_ok(), maps, "{name}");
    }
}

#[test]
fn random_bytes_differ() {
    let user = user();
    let file = open_file(&user, "urandom").unwrap();
    let (a, b) = (user.read(&file, 10_000).unwrap(), user.read(&file, 10_000).unwrap());
    assert_eq!((a.len(), b.len()), (10_000, 10_000));
    assert_ne!(a, b);
    let zeroes = a.iter().filter(|&&byte| byte == 0).count();
    assert!((5..200).contains(&zeroes), "{zeroes} of 10000 bytes are zero");
    assert_eq!(user.write(&file, &[7; 9000]), Ok(9000));
    assert_eq!(user.with(|c| file.ops().ioctl(&file, c, 0x5401, 0)), Err(EINVAL));
}
