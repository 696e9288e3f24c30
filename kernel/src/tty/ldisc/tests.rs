//! What a line discipline shows and gives, row by row as Linux does: every row was played on a
//! pseudoterminal of Linux 6.18 and written down from there.

use super::*;
use crate::tty::termios::STANDARD;
use abi::tty::{ControlFlags, OutputFlags};
use std::string::{String, ToString};
use std::vec::Vec;

/// One session: what is written and typed, and what is seen and read then.
struct Row {
    name: &'static str,
    iflag: u32,
    oflag: u32,
    lflag: u32,
    /// One control character that is not the default's.
    cc: Option<(usize, u8)>,
    /// What a program has written before.
    written: &'static [u8],
    typed: &'static [u8],
    screen: &'static [u8],
    /// What successive reads of `size` bytes give.
    size: usize,
    reads: &'static [&'static [u8]],
}

const ROW: Row = Row {
    name: "",
    iflag: 0x500,
    oflag: 0x5,
    lflag: L,
    cc: None,
    written: b"",
    typed: b"",
    screen: b"",
    size: 4096,
    reads: &[],
};

/// The default local flags.
const L: u32 = 0x8a3b;
const ISIG: u32 = LocalFlags::ISIG.bits();
const ECHO: u32 = LocalFlags::ECHO.bits();
const ECHOE: u32 = LocalFlags::ECHOE.bits();
const ECHOK: u32 = LocalFlags::ECHOK.bits();
const ECHONL: u32 = LocalFlags::ECHONL.bits();
const ECHOCTL: u32 = LocalFlags::ECHOCTL.bits();
const ECHOPRT: u32 = LocalFlags::ECHOPRT.bits();
const ECHOKE: u32 = LocalFlags::ECHOKE.bits();
const IEXTEN: u32 = LocalFlags::IEXTEN.bits();
const IUTF8: u32 = InputFlags::IUTF8.bits();

#[rustfmt::skip]
const ROWS: &[Row] = &[
    Row { name: "a line", typed: b"ab\r", screen: b"ab\r\n", reads: &[b"ab\n"], ..ROW },
    Row { name: "VERASE", typed: b"ab\x7fc\n",
          screen: b"ab\x08 \x08c\r\n", reads: &[b"ac\n"], ..ROW },
    Row { name: "VERASE of nothing", typed: b"\x7f\x7fa\n",
          screen: b"a\r\n", reads: &[b"a\n"], ..ROW },
    Row { name: "VERASE of a control character", typed: b"a\x01\x7fb\n",
          screen: b"a^A\x08 \x08\x08 \x08b\r\n", reads: &[b"ab\n"], ..ROW },
    Row { name: "VKILL", typed: b"abc\x15d\n",
          screen: b"abc\x08 \x08\x08 \x08\x08 \x08d\r\n", reads: &[b"d\n"], ..ROW },
    Row { name: "VKILL over tabs and control characters", typed: b"a\tb\x01c\x15z\n",
          screen: b"a\tb^Ac\x08 \x08\x08 \x08\x08 \x08\x08 \x08\x08\x08\x08\x08\x08\x08\x08\x08 \x08z\r\n", reads: &[b"z\n"], ..ROW },
    Row { name: "VKILL without ECHOKE", lflag: L & !ECHOKE, typed: b"abc\x15d\n",
          screen: b"abc^U\r\nd\r\n", reads: &[b"d\n"], ..ROW },
    Row { name: "VKILL without ECHOK", lflag: L & !ECHOK, typed: b"abc\x15d\n",
          screen: b"abc^Ud\r\n", reads: &[b"d\n"], ..ROW },
    Row { name: "VWERASE", typed: b"one two_3 .\x17x\n",
          screen: b"one two_3 .\x08 \x08\x08 \x08\x08 \x08\x08 \x08\x08 \x08\x08 \x08\x08 \x08x\r\n", reads: &[b"one x\n"], ..ROW },
    Row { name: "VREPRINT", typed: b"a\x01b\x12c\n",
          screen: b"a^Ab^R\r\na^Abc\r\n", reads: &[b"a\x01bc\n"], ..ROW },
    Row { name: "VLNEXT", typed: b"a\x16\x03\x16\x7fb\n",
          screen: b"a^\x08^C^\x08^?b\r\n", reads: &[b"a\x03\x7fb\n"], ..ROW },
    Row { name: "VLNEXT of a line feed", typed: b"\x16\nb\n",
          screen: b"^\x08^Jb\r\n", reads: &[b"\nb\n"], ..ROW },
    Row { name: "VEOF", typed: b"ab\x04\x04c\n",
          screen: b"abc\r\n", reads: &[b"ab", b"", b"c\n"], ..ROW },
    Row { name: "VEOF after a full read", size: 3, typed: b"abc\x04d\n",
          screen: b"abcd\r\n", reads: &[b"abc", b"d\n"], ..ROW },
    Row { name: "a line in two reads", size: 4, typed: b"abcdef\n",
          screen: b"abcdef\r\n", reads: &[b"abcd", b"ef\n"], ..ROW },
    Row { name: "VEOL", cc: Some((VEOL, b';')), typed: b"ab;cd\n",
          screen: b"ab;cd\r\n", reads: &[b"ab;", b"cd\n"], ..ROW },
    Row { name: "VEOL2", cc: Some((VEOL2, b':')), typed: b"ab:cd\n",
          screen: b"ab:cd\r\n", reads: &[b"ab:", b"cd\n"], ..ROW },
    Row { name: "a tab erased", typed: b"ab\t\x7fc\n",
          screen: b"ab\t\x08\x08\x08\x08\x08\x08c\r\n", reads: &[b"abc\n"], ..ROW },
    Row { name: "two tabs, one erased", typed: b"a\tbc\t\x7f\x7fd\n",
          screen: b"a\tbc\t\x08\x08\x08\x08\x08\x08\x08 \x08d\r\n", reads: &[b"a\tbd\n"], ..ROW },
    Row { name: "a tab after a prompt erased", written: b"$ ", typed: b"ab\t\x7fc\n",
          screen: b"$ ab\t\x08\x08\x08\x08c\r\n", reads: &[b"abc\n"], ..ROW },
    Row { name: "UTF-8 erased", iflag: 0x500 | IUTF8, typed: b"a\xc3\xa9\xe2\x82\xac\x7f\x7fb\n",
          screen: b"a\xc3\xa9\xe2\x82\xac\x08 \x08\x08 \x08b\r\n", reads: &[b"ab\n"], ..ROW },
    Row { name: "UTF-8 words erased", iflag: 0x500 | IUTF8, typed: b"x \xc3\xa9a\x17\n",
          screen: b"x \xc3\xa9a\x08 \x08\x08 \x08\r\n", reads: &[b"x \n"], ..ROW },
    Row { name: "half a character erased", iflag: 0x500 | IUTF8, typed: b"\x80\x80\x7f\n",
          screen: b"\x80\x80\r\n", reads: &[b"\x80\x80\n"], ..ROW },
    Row { name: "bytes erased", typed: b"\xc3\xa9\x7fb\n",
          screen: b"\xc3\xa9\x08 \x08b\r\n", reads: &[b"\xc3b\n"], ..ROW },
    Row { name: "without ECHOE", lflag: L & !ECHOE, typed: b"ab\x7fc\n",
          screen: b"ab^?c\r\n", reads: &[b"ac\n"], ..ROW },
    Row { name: "ECHOPRT", lflag: L | ECHOPRT, typed: b"abc\x7f\x7fx\n",
          screen: b"abc\\cb/x\r\n", reads: &[b"ax\n"], ..ROW },
    Row { name: "ECHOPRT up to the begin", lflag: L | ECHOPRT, typed: b"ab\x7f\x7f\n",
          screen: b"ab\\ba/\r\n", reads: &[b"\n"], ..ROW },
    Row { name: "ECHOPRT of UTF-8", iflag: 0x500 | IUTF8, lflag: L | ECHOPRT, typed: b"a\xc3\xa9\x7fb\n",
          screen: b"a\xc3\xa9\\\xc3\xa9/b\r\n", reads: &[b"ab\n"], ..ROW },
    Row { name: "without ECHO", lflag: L & !ECHO, typed: b"ab\x7f\x15c\n",
          reads: &[b"c\n"], ..ROW },
    Row { name: "ECHONL", lflag: L & !ECHO | ECHONL, typed: b"ab\n",
          screen: b"\r\n", reads: &[b"ab\n"], ..ROW },
    Row { name: "without ECHOCTL", lflag: L & !ECHOCTL, typed: b"a\x01\x7f\n",
          screen: b"a\x01\r\n", reads: &[b"a\n"], ..ROW },
    Row { name: "without IEXTEN", lflag: L & !IEXTEN, typed: b"a b\x17\x16\x12\n",
          screen: b"a b^W^V^R\r\n", reads: &[b"a b\x17\x16\x12\n"], ..ROW },
    Row { name: "without ISIG", lflag: L & !ISIG, typed: b"\x03\n",
          screen: b"^C\r\n", reads: &[b"\x03\n"], ..ROW },
    Row { name: "INLCR", iflag: InputFlags::INLCR.bits(), typed: b"a\nb\r",
          screen: b"a^Mb^M", ..ROW },
    Row { name: "IGNCR", iflag: InputFlags::IGNCR.bits(), typed: b"a\r\n",
          screen: b"a\r\n", reads: &[b"a\n"], ..ROW },
    Row { name: "ISTRIP", iflag: 0x500 | InputFlags::ISTRIP.bits(), typed: b"\xe1\n",
          screen: b"a\r\n", reads: &[b"a\n"], ..ROW },
    Row { name: "IUCLC", iflag: 0x500 | InputFlags::IUCLC.bits(), typed: b"ABc\n",
          screen: b"abc\r\n", reads: &[b"abc\n"], ..ROW },
    Row { name: "PARMRK", iflag: 0x500 | InputFlags::PARMRK.bits(), typed: b"a\xff\n",
          screen: b"a\xff\r\n", reads: &[b"a\xff\xff\n"], ..ROW },
    Row { name: "IXON", typed: b"a\x13bc\x11d\n", screen: b"abcd\r\n", reads: &[b"abcd\n"], ..ROW },
    Row { name: "raw echo, ICRNL", iflag: InputFlags::ICRNL.bits(), lflag: ECHO | ECHOCTL, typed: b"a\n\r\x01",
          screen: b"a^J\r\n^A", reads: &[b"a\n\n\x01"], ..ROW },
    Row { name: "raw echo", iflag: 0, lflag: ECHO | ECHOCTL, typed: b"a\n\r\x01",
          screen: b"a^J^M^A", reads: &[b"a\n\r\x01"], ..ROW },
    Row { name: "no OPOST", oflag: 0, written: b"a\nb\r", typed: b"\x16\t\n",
          screen: b"a\nb\r^\x08\t\n", reads: &[b"\t\n"], ..ROW },
    Row { name: "OCRNL ONLRET", oflag: 0x29, written: b"\ra\r\nb\n", screen: b"\na\n\nb\n", ..ROW },
    Row { name: "OCRNL", oflag: 0x9, written: b"a\rb\n", screen: b"a\nb\n", ..ROW },
    Row { name: "ONOCR", oflag: 0x11, written: b"\ra\r\r", screen: b"a\r", ..ROW },
    Row { name: "XTABS", oflag: 0x1805, written: b"a\tb\t\x08\tc\n",
          screen: b"a       b       \x08 c\r\n", ..ROW },
    Row { name: "OLCUC", oflag: 0x3, written: b"aBc", screen: b"ABC", ..ROW },
];

fn settings(row: &Row) -> Settings {
    let mut t = Settings {
        c_iflag: InputFlags(row.iflag),
        c_oflag: OutputFlags(row.oflag),
        c_lflag: LocalFlags(row.lflag),
        c_cflag: ControlFlags::EMPTY,
        ..STANDARD
    };
    if let Some((place, byte)) = row.cc {
        t.c_cc[place] = byte;
    }
    t
}

/// Types bytes and returns the signals they caused.
fn type_in(ldisc: &mut Ldisc, t: &Settings, bytes: &[u8]) -> Vec<u32> {
    let mut signals = Vec::new();
    for &byte in bytes {
        assert!(ldisc.room(t) > 0, "no room");
        signals.extend(ldisc.receive(byte, t));
    }
    signals
}

fn screen(ldisc: &mut Ldisc) -> Vec<u8> {
    let mut all = Vec::new();
    let mut piece = [0; 100];
    loop {
        let n = ldisc.output().take(&mut piece);
        if n == 0 {
            return all;
        }
        all.extend_from_slice(&piece[..n]);
    }
}

/// A read of up to `size` bytes, as an open terminal makes it. `None` would wait.
fn read(ldisc: &mut Ldisc, t: &Settings, size: usize) -> Option<Vec<u8>> {
    if !ldisc.readable(t, 1) {
        return None;
    }
    let mut all = Vec::new();
    while all.len() < size {
        let mut piece = [0; 7];
        let want = piece.len().min(size - all.len());
        let peek = ldisc.peek(t, &mut piece[..want]);
        ldisc.consume(&peek, peek.len);
        all.extend_from_slice(&piece[..peek.len]);
        if peek.ends || peek.len == 0 {
            return Some(all);
        }
    }
    ldisc.skip_eof(t);
    Some(all)
}

#[test]
fn sessions_are_as_on_linux() {
    for row in ROWS {
        let t = settings(row);
        let mut ldisc = Ldisc::new();
        ldisc.output().write(row.written, &t);
        type_in(&mut ldisc, &t, row.typed);
        let show = |bytes: &[u8]| String::from_utf8_lossy(bytes).escape_debug().to_string();
        assert_eq!(show(&screen(&mut ldisc)), show(row.screen), "screen of {}", row.name);
        let mut reads = Vec::new();
        while let Some(bytes) = read(&mut ldisc, &t, row.size) {
            reads.push(show(&bytes));
        }
        let want: Vec<_> = row.reads.iter().map(|bytes| show(bytes)).collect();
        assert_eq!(reads, want, "reads of {}", row.name);
    }
}


/// Everything off: `cfmakeraw`.
fn raw() -> Settings {
    settings(&Row { iflag: 0, oflag: 0, lflag: 0, ..ROW })
}

#[test]
fn raw_mode_passes_every_byte_both_ways() {
    let all: Vec<u8> = (0..=255).collect();
    let t = raw();
    let mut ldisc = Ldisc::new();
    for _ in 0..40 {
        assert!(type_in(&mut ldisc, &t, &all).is_empty());
        assert_eq!(read(&mut ldisc, &t, 1000).as_deref(), Some(&all[..]));
        for chunk in all.chunks(CHUNK) {
            assert!(ldisc.sending().room() >= chunk.len());
            ldisc.output().write(chunk, &t);
            assert_eq!(screen(&mut ldisc), chunk);
        }
    }
}

#[test]
fn a_long_line_keeps_its_end() {
    let t = settings(&Row { lflag: L & !ECHO, ..ROW });
    for len in [4095, 5000] {
        let mut ldisc = Ldisc::new();
        type_in(&mut ldisc, &t, &std::vec![b'x'; len]);
        type_in(&mut ldisc, &t, b"\n");
        assert_eq!(ldisc.room(&t), 0, "a whole line fills the buffer");
        let line = read(&mut ldisc, &t, 5000).unwrap();
        assert_eq!((line.len(), &line[4093..]), (4096, &b"xx\n"[..]));
        assert!(ldisc.room(&t) > 4000);
    }
}

#[test]
fn a_raw_buffer_is_full_at_4095() {
    let t = raw();
    let mut ldisc = Ldisc::new();
    assert_eq!(ldisc.room(&t), 4095);
    type_in(&mut ldisc, &t, &[7; 4095]);
    assert_eq!((ldisc.room(&t), ldisc.unread(&t)), (0, 4095));
    read(&mut ldisc, &t, 10);
    assert_eq!(ldisc.room(&t), 10);
}

#[test]
fn signals_flush_unless_told_not_to() {
    for (byte, signal) in [(3, SIGINT), (0o34, SIGQUIT), (0o32, SIGTSTP)] {
        let t = STANDARD;
        let mut ldisc = Ldisc::new();
        assert_eq!(type_in(&mut ldisc, &t, &[b'l', b'\n', b'a', byte, b'b', b'\n']), [signal]);
        assert_eq!(screen(&mut ldisc), [b'^', byte ^ 0o100, b'b', b'\r', b'\n']);
        assert_eq!(read(&mut ldisc, &t, 99).as_deref(), Some(&b"b\n"[..]));

        let t = settings(&Row { lflag: L | LocalFlags::NOFLSH.bits(), ..ROW });
        let mut ldisc = Ldisc::new();
        assert_eq!(type_in(&mut ldisc, &t, &[b'a', byte, b'\n']), [signal]);
        assert_eq!(read(&mut ldisc, &t, 99).as_deref(), Some(&b"a\n"[..]));
    }
    let mut ldisc = Ldisc::new();
    let t = settings(&Row { cc: Some((VINTR, 0)), ..ROW });
    assert!(type_in(&mut ldisc, &t, b"\0\x03").is_empty(), "a character that is off is no byte");
}

#[test]
fn output_stops_and_starts() {
    let t = STANDARD;
    let mut ldisc = Ldisc::new();
    type_in(&mut ldisc, &t, b"\x13ab");
    ldisc.output().write(b"cd", &t);
    assert_eq!(screen(&mut ldisc), b"");
    type_in(&mut ldisc, &t, b"\x11");
    assert_eq!(screen(&mut ldisc), b"abcd");

    ldisc.output().hold(true);
    type_in(&mut ldisc, &t, b"x\x11");
    assert_eq!(screen(&mut ldisc), b"", "a program's stop outlasts ^Q");
    ldisc.output().hold(false);
    assert_eq!(screen(&mut ldisc), b"x");

    let any = settings(&Row { iflag: 0x500 | InputFlags::IXANY.bits(), ..ROW });
    type_in(&mut ldisc, &any, b"\x13");
    type_in(&mut ldisc, &any, b"y");
    assert_eq!(screen(&mut ldisc), b"y");

    type_in(&mut ldisc, &t, b"\x13z");
    let off = settings(&Row { iflag: 0x100, ..ROW });
    ldisc.settings_changed(&t, &off);
    assert_eq!(screen(&mut ldisc), b"z", "without IXON nothing could start it again");
}

#[test]
fn stopped_output_has_an_end() {
    let t = STANDARD;
    let mut ldisc = Ldisc::new();
    ldisc.output().stop();
    let mut written = 0;
    while ldisc.sending().room() > 0 {
        // The echo that comes between asking for room and writing takes none of it.
        let room = ldisc.sending().room();
        type_in(&mut ldisc, &t, &[b'\n'; 50]);
        ldisc.output().write(&std::vec![b'\n'; room], &t);
        written += room;
        ldisc.flush_input();
    }
    type_in(&mut ldisc, &t, b"lost");
    type_in(&mut ldisc, &t, b"\x11");
    let shown = screen(&mut ldisc);
    assert!(shown.len() <= 4096 && shown.len() >= 2 * written);
    assert!(!shown.contains(&b'l'));
}

#[test]
fn ixoff_tells_the_sender() {
    let t = settings(&Row { iflag: InputFlags::IXOFF.bits(), lflag: 0, ..ROW });
    let mut ldisc = Ldisc::new();
    type_in(&mut ldisc, &t, &[1; 3968]);
    assert_eq!(ldisc.flow(&t), None);
    type_in(&mut ldisc, &t, &[1; 1]);
    assert_eq!((ldisc.flow(&t), ldisc.flow(&t)), (Some(0o23), None));
    read(&mut ldisc, &t, 3840);
    assert_eq!(ldisc.flow(&t), None);
    read(&mut ldisc, &t, 1);
    assert_eq!((ldisc.flow(&t), ldisc.flow(&t)), (Some(0o21), None));
}

#[test]
fn what_is_there_when_the_mode_changes_stays() {
    let (line, raw) = (STANDARD, raw());
    let mut ldisc = Ldisc::new();
    type_in(&mut ldisc, &line, b"ab");
    assert_eq!(read(&mut ldisc, &line, 9), None);
    ldisc.settings_changed(&line, &raw);
    assert_eq!(read(&mut ldisc, &raw, 9).as_deref(), Some(&b"ab"[..]));
    type_in(&mut ldisc, &raw, b"cd");
    ldisc.settings_changed(&raw, &line);
    assert_eq!(read(&mut ldisc, &line, 9).as_deref(), Some(&b"cd"[..]));
}

#[test]
fn a_flush_between_peek_and_consume_is_no_harm() {
    let t = raw();
    let mut ldisc = Ldisc::new();
    type_in(&mut ldisc, &t, b"abc");
    let peek = ldisc.peek(&t, &mut [0; 2]);
    ldisc.flush_input();
    type_in(&mut ldisc, &t, b"de");
    ldisc.consume(&peek, 2);
    assert_eq!(read(&mut ldisc, &t, 9).as_deref(), Some(&b"de"[..]));
}

#[test]
fn a_reader_that_fails_midway_loses_nothing() {
    let t = STANDARD;
    let mut ldisc = Ldisc::new();
    type_in(&mut ldisc, &t, b"abc\x04");
    let peek = ldisc.peek(&t, &mut [0; 9]);
    assert_eq!((peek.len, peek.ends), (3, true));
    ldisc.consume(&peek, 1);
    assert_eq!((ldisc.unread(&t), read(&mut ldisc, &t, 9).as_deref()), (2, Some(&b"bc"[..])));
    assert_eq!(read(&mut ldisc, &t, 9), None);
}

#[test]
fn random_input_breaks_nothing() {
    let mut x = 1u32;
    let mut next = move || {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        x >> 8
    };
    for _ in 0..300 {
        let flags = (next(), next(), next());
        let row = Row { iflag: flags.0 & 0x7fff, oflag: flags.1 & 0x183f, lflag: flags.2, ..ROW };
        let t = settings(&row);
        let mut ldisc = Ldisc::new();
        for _ in 0..3000 {
            if ldisc.room(&t) > 0 {
                let byte = next() as u8;
                ldisc.receive(if byte > 200 { byte & 0x1f } else { byte }, &t);
            }
            match next() % 64 {
                0 => drop(read(&mut ldisc, &t, next() as usize % 50)),
                1 => drop(screen(&mut ldisc)),
                2 if ldisc.sending().room() > 9 => ldisc.output().write(b"\tx\r\n\x08\0\xff\xc3y", &t),
                _ => {}
            }
            assert!(ldisc.unread(&t) <= 4096 && ldisc.sending().len() <= 4096);
        }
    }
}
