//! `/proc` by system calls: looked up, listed, read in parts, stale when what it tells of is gone.

use crate::support::{User, run};
use abi::errno::{EEXIST, EINVAL, EIO, ENOENT, EPERM};
use abi::fs::{OpenFlags, SEEK_CUR, SEEK_END, SEEK_SET};
use abi::nr;
use abi::process::WaitOptions;

fn mount(u: &mut User, at: &str) {
    u.path_call(nr::mkdir, at, [0o755, 0]).unwrap();
    assert_eq!(u.mount("proc", at, "proc"), Ok(0));
}

fn read_file(u: &mut User, path: &str) -> abi::errno::Result<String> {
    let fd = u.open(path, OpenFlags::RDONLY, 0)?;
    let mut all = Vec::new();
    loop {
        let part = u.read(fd, 4096)?;
        if part.is_empty() {
            break;
        }
        all.extend(part);
    }
    u.close(fd)?;
    Ok(String::from_utf8(all).expect("text"))
}

#[test]
fn parts_of_a_text_fit_together_and_offset_0_is_fresh() {
    run(|u| {
        mount(u, "/proc");
        let whole = read_file(u, "/proc/mounts").unwrap();
        assert_eq!(whole.lines().count(), 2, "{whole}");
        assert!(whole.contains("proc /proc proc rw,relatime 0 0\n"), "{whole}");
        let fd = u.open("/proc/mounts", OpenFlags::RDONLY, 0).unwrap();
        let mut parts = Vec::new();
        loop {
            let part = u.read(fd, 7).unwrap();
            if part.is_empty() {
                break;
            }
            parts.extend(part);
        }
        assert_eq!(String::from_utf8(parts).unwrap(), whole);
        assert_eq!(u.pread(fd, 10, 5), Ok(whole.as_bytes()[5..15].to_vec()));
        assert_eq!(u.lseek(fd, 0, SEEK_CUR), Ok(whole.len() as u64));
        assert_eq!(u.lseek(fd, 0, SEEK_END), Err(EINVAL));
        assert_eq!(u.lseek(fd, 1_000_000, SEEK_SET), Ok(1_000_000));
        assert_eq!(u.read(fd, 10), Ok(Vec::new()));
        mount(u, "/again");
        // What follows is from the text that was made; a new beginning is not.
        assert_eq!(u.pread(fd, 4096, 0).unwrap().split(|b| *b == b'\n').count(), 4);
    });
}

#[test]
fn a_name_of_a_dead_process_is_gone() {
    run(|u| {
        mount(u, "/proc");
        let (reader, writer) = u.pipe2(OpenFlags::EMPTY).unwrap();
        let pid = u
            .fork(move |u| {
                u.close(writer).unwrap();
                u.read(reader, 1).unwrap();
                0
            })
            .unwrap();
        let path = format!("/proc/{pid}/comm");
        assert_eq!(read_file(u, &path).as_deref(), Ok("init\n"));
        let kept = u.open(&path, OpenFlags::RDONLY, 0).unwrap();
        let names = u.names("/proc");
        assert!(names.contains(&"1".to_owned()) && names.contains(&pid.to_string()), "{names:?}");
        u.close(writer).unwrap();
        u.wait4(pid, WaitOptions::EMPTY).unwrap();
        assert_eq!(u.open(&path, OpenFlags::RDONLY, 0), Err(ENOENT));
        assert_eq!(u.read(kept, 10), Err(abi::errno::ESRCH));
        assert!(!u.names("/proc").contains(&pid.to_string()));
    });
}

#[test]
fn self_is_who_asks() {
    run(|u| {
        mount(u, "/proc");
        assert_eq!(u.readlink("/proc/self").as_deref(), Ok("1"));
        let status = u.in_child(|u| {
            let pid = u.getpid();
            assert_eq!(u.readlink("/proc/self"), Ok(pid.to_string()));
            assert_eq!(u.readlink("/proc/thread-self"), Ok(format!("{pid}/task/{pid}")));
            let fd = u.open("/proc/self/comm", OpenFlags::RDWR, 0).unwrap();
            assert_eq!(u.write(fd, b"a new name that is long"), Ok(23));
            assert_eq!(u.pread(fd, 100, 0), Ok(b"a new name that\n".to_vec()));
            let other = u.open("/proc/1/comm", OpenFlags::WRONLY, 0).unwrap();
            assert_eq!(u.write(other, b"x"), Err(EINVAL), "somebody else's");
            0
        });
        assert_eq!(status, Ok(0));
        for name in ["0", "01", "1x", "99999999999", "2147483648", "-1", "4294967297"] {
            let path = format!("/proc/{name}/comm");
            assert_eq!(u.open(&path, OpenFlags::RDONLY, 0), Err(ENOENT), "{name}");
        }
    });
}

#[test]
fn nothing_is_made_or_removed() {
    run(|u| {
        mount(u, "/proc");
        let create = OpenFlags::CREAT | OpenFlags::WRONLY;
        assert_eq!(u.open("/proc/new", create, 0o600), Err(ENOENT));
        assert_eq!(u.path_call(nr::mkdir, "/proc/new", [0o755, 0]), Err(ENOENT));
        assert_eq!(u.path_call(nr::mkdir, "/proc/uptime", [0o755, 0]), Err(EEXIST));
        assert_eq!(u.path_call(nr::unlink, "/proc/uptime", [0, 0]), Err(EPERM));
        assert_eq!(u.path_call(nr::rmdir, "/proc/1", [0, 0]), Err(EPERM));
        // The superuser may open what nobody may write, and then cannot write it.
        let fd = u.open("/proc/uptime", OpenFlags::WRONLY, 0).unwrap();
        assert_eq!(u.write(fd, b"1"), Err(EIO));
    });
}
