//! Pipes, as far as nobody has to sleep.

use super::*;
use crate::fs::pipe;
use abi::errno::*;
use abi::poll::PollEvents;
use abi::signal::SIGPIPE;

fn pair(w: &World) -> (Arc<File>, Arc<File>) {
    w.with(|c| pipe::pipe(c, &w.cred, OpenFlags::NONBLOCK)).unwrap()
}

fn poll(w: &World, file: &File) -> PollEvents {
    w.with(|c| file.poll(c, None))
}

const IN: PollEvents = PollEvents::IN.with(PollEvents::RDNORM);
const OUT: PollEvents = PollEvents::OUT.with(PollEvents::WRNORM);

#[test]
fn what_goes_in_comes_out() {
    let w = World::new();
    let (r, t) = pair(&w);
    assert_eq!(w.read(&r, 1), Err(EAGAIN));
    assert_eq!(w.write(&t, b"hello "), Ok(6));
    assert_eq!(w.write(&t, b"world"), Ok(5));
    assert_eq!(w.read(&r, 3), Ok(b"hel".to_vec()));
    assert_eq!(w.read(&r, 100), Ok(b"lo world".to_vec()));
    assert_eq!(w.read(&r, 0), Ok(Vec::new()));
    assert_eq!(w.read(&t, 1), Err(EBADF));
    assert_eq!(w.write(&r, b"x"), Err(EBADF));
    assert_eq!(r.seek(0, 0), Err(ESPIPE));
    assert_eq!(w.read_at(&r, 1, 0), Err(ESPIPE));
    assert_eq!(w.read_at(&r, 1, -1), Err(EINVAL));
}

#[test]
fn ends_that_close() {
    let w = World::new();
    let (r, t) = pair(&w);
    assert_eq!((poll(&w, &r), poll(&w, &t)), (PollEvents::EMPTY, OUT));
    w.write(&t, b"x").unwrap();
    assert_eq!(poll(&w, &r), IN);
    drop(t);
    assert_eq!(poll(&w, &r), IN | PollEvents::HUP);
    assert_eq!(w.read(&r, 9), Ok(b"x".to_vec()));
    assert_eq!(w.read(&r, 9), Ok(Vec::new()));
    assert_eq!(poll(&w, &r), PollEvents::HUP);
    let (r, t) = pair(&w);
    drop(r);
    assert_eq!(poll(&w, &t), OUT | PollEvents::ERR);
    assert_eq!(w.write(&t, b""), Ok(0));
    assert_eq!(w.write(&t, b"x"), Err(EPIPE));
    assert_eq!(*w.signals.borrow(), [SIGPIPE]);
}

#[test]
fn full_is_sixteen_pages() {
    let w = World::new();
    let (r, t) = pair(&w);
    assert_eq!(w.write(&t, &[1; 100_000]), Ok(65536));
    assert_eq!(w.write(&t, b"x"), Err(EAGAIN));
    assert_eq!(poll(&w, &t), PollEvents::EMPTY);
    assert_eq!(w.read(&r, 4095).map(|b| b.len()), Ok(4095));
    assert_eq!(w.write(&t, b"x"), Err(EAGAIN), "no page is free yet");
    assert_eq!(w.read(&r, 1).map(|b| b.len()), Ok(1));
    assert_eq!(poll(&w, &t), OUT);
    assert_eq!(w.write(&t, &[2; 4096]), Ok(4096));
    assert_eq!(w.read(&r, 100_000).map(|b| b.len()), Ok(65536));
}

/// Up to `PIPE_BUF` bytes go in whole or not at all.
#[test]
fn small_writes_are_one_piece() {
    let w = World::new();
    let (r, t) = pair(&w);
    for _ in 0..16 {
        assert_eq!(w.write(&t, &[1; 3000]), Ok(3000));
    }
    assert_eq!(w.write(&t, &[2; 3000]), Err(EAGAIN));
    assert_eq!(w.write(&t, &[3; 1000]), Ok(1000), "fits on the last page");
    assert_eq!(w.read(&r, 100_000).map(|b| b.len()), Ok(49_000));
}

#[test]
fn sizes() {
    let w = World::new();
    let (r, t) = pair(&w);
    let set = |size| w.with(|c| pipe::fcntl(&t, c, abi::fs::F_SETPIPE_SZ, size));
    let get = || w.with(|c| pipe::fcntl(&r, c, abi::fs::F_GETPIPE_SZ, 0));
    assert_eq!(get(), Ok(65536));
    assert_eq!(set(5000), Ok(8192));
    assert_eq!(get(), Ok(8192));
    assert_eq!(w.write(&t, &[1; 10_000]), Ok(8192));
    assert_eq!(set(1), Err(EBUSY));
    assert_eq!(set(1 << 21), Ok(1 << 21));
    let mut other = World::new();
    other.become_user(1);
    assert_eq!(other.with(|c| pipe::fcntl(&t, c, abi::fs::F_SETPIPE_SZ, 1 << 22)), Err(EPERM));
    let file = w.open("/", OpenFlags::DIRECTORY).unwrap();
    assert_eq!(w.with(|c| pipe::fcntl(&file, c, abi::fs::F_GETPIPE_SZ, 0)), Err(EBADF));
}

#[test]
fn named_pipes() {
    let w = World::new();
    w.make("/p", 0o666, What::Fifo).unwrap();
    let nonblock = OpenFlags::NONBLOCK;
    assert_eq!(w.open("/p", OpenFlags::WRONLY | nonblock).err(), Some(ENXIO));
    let r = w.open("/p", OpenFlags::RDONLY | nonblock).unwrap();
    assert_eq!(poll(&w, &r), PollEvents::EMPTY, "no writer has been there");
    assert_eq!(w.read(&r, 1), Ok(Vec::new()));
    let t = w.open("/p", OpenFlags::WRONLY | nonblock).unwrap();
    assert_eq!(w.read(&r, 1), Err(EAGAIN));
    w.write(&t, b"abc").unwrap();
    drop(t);
    assert_eq!(poll(&w, &r), IN | PollEvents::HUP);
    assert_eq!(w.read(&r, 9), Ok(b"abc".to_vec()));
    let both = w.open("/p", OpenFlags::RDWR).unwrap();
    w.write(&both, b"left").unwrap();
    drop((both, r));
    let r = w.open("/p", OpenFlags::RDONLY | nonblock).unwrap();
    assert_eq!(w.read(&r, 9), Ok(Vec::new()), "what nobody read is gone");
}

/// Many sizes of reads and writes against a queue of bytes.
#[test]
fn a_pipe_agrees_with_a_model() {
    let w = World::new();
    let (r, t) = pair(&w);
    let mut model = alloc::collections::VecDeque::new();
    let (mut seed, mut next) = (3u32, 0u8);
    for _ in 0..5000 {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let len = (seed >> 8) as usize % [10, 5000, 30_000][(seed >> 4) as usize % 3] + 1;
        if seed >> 31 == 0 {
            let bytes: Vec<u8> = (0..len).map(|i| next.wrapping_add(i as u8)).collect();
            match w.write(&t, &bytes) {
                Ok(n) => {
                    assert!(n == len || len > 4096);
                    model.extend(&bytes[..n]);
                    next = next.wrapping_add(n as u8);
                }
                Err(error) => assert_eq!((error, model.is_empty()), (EAGAIN, false)),
            }
        } else {
            let want: Vec<u8> = model.drain(..len.min(model.len())).collect();
            match want.is_empty() {
                true => assert_eq!(w.read(&r, len), Err(EAGAIN)),
                false => assert_eq!(w.read(&r, len), Ok(want)),
            }
        }
    }
}
