//! Pipes between processes, and poll(2) on them.

use crate::support::run;
use abi::errno::{EAGAIN, EPIPE};
use abi::fs::OpenFlags;
use abi::poll::PollEvents;
use abi::process::{WaitOptions, wait_exited, wait_signaled};
use abi::signal::{SIGPIPE, SaFlags};

#[test]
fn bytes_go_from_child_to_parent() {
    run(|u| {
        let (reader, writer) = u.pipe2(OpenFlags::EMPTY).unwrap();
        let child = u
            .fork(move |u| {
                u.close(reader).unwrap();
                for part in [&b"hello, "[..], b"parent"] {
                    assert_eq!(u.write(writer, part), Ok(part.len() as u64));
                }
                7
            })
            .unwrap();
        u.close(writer).unwrap();
        let mut all = Vec::new();
        loop {
            let part = u.read(reader, 64).unwrap();
            if part.is_empty() {
                break;
            }
            all.extend(part);
        }
        assert_eq!(all, b"hello, parent");
        assert_eq!(u.wait4(child, WaitOptions::EMPTY), Ok((child, wait_exited(7))));
    });
}

#[test]
fn a_full_pipe_stops_its_writer() {
    const PAGES: usize = 40;
    run(|u| {
        let (reader, writer) = u.pipe2(OpenFlags::EMPTY).unwrap();
        let child = u
            .fork(move |u| {
                u.close(reader).unwrap();
                for page in 0..PAGES {
                    assert_eq!(u.write(writer, &[page as u8; 4096]), Ok(4096));
                }
                0
            })
            .unwrap();
        u.close(writer).unwrap();
        for page in 0..PAGES {
            let mut left = 4096;
            while left > 0 {
                let part = u.read(reader, left.min(1000)).unwrap();
                assert!(!part.is_empty() && part.iter().all(|&byte| byte == page as u8));
                left -= part.len();
            }
        }
        assert_eq!(u.read(reader, 1), Ok(vec![]));
        assert_eq!(u.wait4(child, WaitOptions::EMPTY), Ok((child, 0)));
    });
}

#[test]
fn a_pipe_without_readers_breaks() {
    run(|u| {
        let status = u.in_child(|u| {
            let (reader, writer) = u.pipe2(OpenFlags::EMPTY).unwrap();
            u.close(reader).unwrap();
            let _ = u.write(writer, b"x");
            1
        });
        assert_eq!(status, Ok(wait_signaled(SIGPIPE, false)));
        let (reader, writer) = u.pipe2(OpenFlags::EMPTY).unwrap();
        u.close(reader).unwrap();
        u.sigaction(SIGPIPE, 1, SaFlags::EMPTY).unwrap();
        assert_eq!(u.write(writer, b"x"), Err(EPIPE));
    });
}

#[test]
fn poll_tells_what_is_there() {
    run(|u| {
        let (reader, writer) = u.pipe2(OpenFlags::NONBLOCK).unwrap();
        assert_eq!(u.read(reader, 1), Err(EAGAIN));
        let both = [(reader, PollEvents::IN), (writer, PollEvents::OUT)];
        assert_eq!(u.poll(&both, -1), Ok(vec![PollEvents::EMPTY, PollEvents::OUT]));
        assert_eq!(u.poll(&both[..1], 20), Ok(vec![PollEvents::EMPTY]));
        u.write(writer, b"x").unwrap();
        assert_eq!(u.poll(&both[..1], -1), Ok(vec![PollEvents::IN]));
        u.read(reader, 1).unwrap();
        u.close(writer).unwrap();
        assert_eq!(u.poll(&both[..1], -1), Ok(vec![PollEvents::HUP]));
        assert_eq!(u.poll(&both[1..], -1), Ok(vec![PollEvents::NVAL]));
    });
}

#[test]
fn poll_sleeps_until_something_comes() {
    run(|u| {
        let (reader, writer) = u.pipe2(OpenFlags::EMPTY).unwrap();
        let (quiet, _kept) = u.pipe2(OpenFlags::EMPTY).unwrap();
        let child = u
            .fork(move |u| {
                u.nanosleep(5_000_000).unwrap();
                u.write(writer, b"x").map_or(1, |_| 0)
            })
            .unwrap();
        let fds = [(quiet, PollEvents::IN), (reader, PollEvents::IN)];
        assert_eq!(u.poll(&fds, -1), Ok(vec![PollEvents::EMPTY, PollEvents::IN]));
        assert_eq!(u.wait4(child, WaitOptions::EMPTY), Ok((child, 0)));
    });
}
