//! Reading, writing, settings.

use super::*;

#[test]
fn lines_go_in_and_out() {
    let w = World::new();
    let file = w.open();
    assert_eq!((w.user.read(&file, 9), w.events(&file)), (Err(EAGAIN), WRITABLE));
    w.type_in(b"hal\x7fllo\rx");
    assert_eq!(w.screen(), b"hal\x08 \x08llo\r\nx");
    assert_eq!(w.events(&file), READABLE | WRITABLE);
    assert_eq!(w.user.get::<i32>(&file, TIOCINQ), Ok(6));
    assert_eq!(w.user.read(&file, 99).as_deref(), Ok(&b"hallo\n"[..]));
    assert_eq!(w.user.write(&file, b"a\nb"), Ok(3));
    assert_eq!(w.screen(), b"a\r\nb");
}

#[test]
fn raw_bytes_survive_in_bulk() {
    let w = World::new();
    let file = w.open();
    w.change(&file, |t| {
        (t.c_iflag, t.c_oflag, t.c_lflag) = Default::default();
    });
    let all: Vec<u8> = (0..30_000u32).map(|n| (n ^ n >> 8) as u8).collect();
    assert_eq!(w.user.write(&file, &all), Ok(all.len()));
    assert_eq!(w.screen(), all);
    w.type_in(&all);
    let mut got = Vec::new();
    while got.len() < all.len() {
        got.extend(w.user.read(&file, 1000).unwrap());
    }
    assert_eq!(got, all, "what does not fit waits on the wire");
}

#[test]
fn min_and_time() {
    let w = World::new();
    let file = w.open();
    let raw = |min, time| {
        w.change(&file, |t| {
            t.c_lflag = LocalFlags::EMPTY;
            (t.c_cc[VMIN], t.c_cc[VTIME]) = (min, time);
        });
    };
    let deadline = |began| file.ops().read_deadline(began);
    raw(3, 0);
    w.type_in(b"ab");
    assert_eq!((w.user.read(&file, 9), w.events(&file)), (Err(EAGAIN), WRITABLE));
    assert_eq!(w.user.read(&file, 2).as_deref(), Ok(&b"ab"[..]), "no more than fits is waited for");
    assert_eq!(deadline(7), None);
    w.type_in(b"cdef");
    assert_eq!(w.user.read(&file, 9).as_deref(), Ok(&b"cdef"[..]));
    raw(0, 0);
    assert_eq!(w.user.read(&file, 9).as_deref(), Ok(&b""[..]));
    raw(0, 5);
    assert_eq!((w.user.read(&file, 9), deadline(7)), (Err(EAGAIN), Some(500_000_007)));
    raw(4, 5);
    assert_eq!(deadline(7), None, "the clock between bytes starts with the first");
    w.type_in(b"xy");
    let far = u64::MAX / 2;
    assert_eq!(deadline(far), Some(far + 500_000_000));
    let late = w.user.with(|c| {
        let mut bytes = [0; 9];
        file.ops().read_late(&file, c, &mut SliceSink::new(&mut bytes))
    });
    assert_eq!(late, Ok(2));

    let nonblock = w.open_as(OpenFlags::RDWR | OpenFlags::NONBLOCK, false).unwrap();
    w.type_in(b"z");
    assert_eq!(w.user.read(&nonblock, 9).as_deref(), Ok(&b"z"[..]));
}

#[test]
fn exclusive_means_alone() {
    let mut w = World::new();
    let file = w.open();
    assert_eq!(w.user.get::<i32>(&file, TIOCGEXCL), Ok(0));
    assert_eq!(w.user.ioctl(&file, TIOCEXCL, 0), Ok(()));
    let mut cred = Cred::root();
    cred.effective = CapSet::EMPTY;
    w.user.cred = Arc::new(cred);
    assert_eq!(w.open_as(OpenFlags::RDWR, false).map(drop), Err(EBUSY));
    drop(file);
    assert!(w.open_as(OpenFlags::RDWR, false).is_ok(), "the last close ends it");
}

#[test]
fn settings_sizes_and_flow() {
    let w = World::new();
    let file = w.open();
    let mut t: Termios2 = w.user.get(&file, TCGETS2).unwrap();
    assert_eq!(t, termios::STANDARD);
    t.c_cflag = ControlFlags(BOTHER | CS8);
    t.c_ospeed = 31250;
    w.user.set(&file, TCSETSF2, &t).unwrap();
    let now: Termios2 = w.user.get(&file, TCGETS2).unwrap();
    assert_eq!((now.c_ispeed, now.c_ospeed), (31250, 31250));

    let size = Winsize { ws_row: 25, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
    w.user.set(&file, TIOCSWINSZ, &size).unwrap();
    w.user.set(&file, TIOCSWINSZ, &size).unwrap();
    assert_eq!(w.user.get(&file, TIOCGWINSZ), Ok(size));
    assert_eq!(w.processes.signals(), [(10, SIGWINCH)], "once: it changed once");

    w.user.ioctl(&file, TCXONC, TCOOFF.into()).unwrap();
    assert_eq!(w.user.write(&file, b"held"), Ok(4));
    assert_eq!((w.screen(), w.user.get::<i32>(&file, TIOCOUTQ)), (vec![], Ok(4)));
    w.user.ioctl(&file, TCXONC, TCOON.into()).unwrap();
    assert_eq!(w.screen(), b"held");
    w.user.ioctl(&file, TCXONC, TCIOFF.into()).unwrap();
    assert_eq!(w.screen(), b"\x13");
    assert_eq!(w.user.ioctl(&file, TCXONC, 4), Err(EINVAL));
    w.type_in(b"gone\n");
    w.user.ioctl(&file, TCFLSH, TCIFLUSH.into()).unwrap();
    assert_eq!((w.user.read(&file, 9), w.user.ioctl(&file, TCFLSH, 3)), (Err(EAGAIN), Err(EINVAL)));
    assert_eq!(w.user.ioctl(&file, TIOCMGET, 0), Err(ENOTTY));
    assert_eq!(w.user.ioctl(&file, TCGETS, 8), Err(EFAULT));
    assert_eq!(w.user.get::<u32>(&file, TIOCGDEV), Ok(4 << 8 | 64));
    w.user.set(&file, TIOCSTI, &b'q').unwrap();
    assert!(w.screen().ends_with(b"q"));
}

#[test]
fn consoles_are_parsed_as_linux_does() {
    for (option, want) in [
        (&b"ttyS0"[..], Some((0, 9600))),
        (b"ttyS1,115200", Some((1, 115_200))),
        (b"ttyS1,57600n8r", Some((1, 57600))),
        (b"ttyS0,", Some((0, 9600))),
        (b"tty0", None),
        (b"ttyS", None),
        (b"ttyS0x", None),
        (b"", None),
    ] {
        assert_eq!(parse_console(option), want, "{}", option.escape_ascii());
    }
}
