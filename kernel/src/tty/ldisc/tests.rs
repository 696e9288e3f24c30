//! The line discipline: sessions as on Linux, and what sessions do not show.

use super::sessions::{ECHO, L, ROW, ROWS, Row};
use super::*;
use crate::tty::termios::STANDARD;
use abi::tty::{ControlFlags, OutputFlags};
use std::string::{String, ToString};
use std::vec::Vec;

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

fn screen(ldisc: &mut Ldisc, t: &Settings) -> Vec<u8> {
    let mut all = Vec::new();
    let mut piece = [0; 100];
    loop {
        let n = ldisc.output().take(&mut piece, t, false);
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
        let mut ldisc = Ldisc::default();
        ldisc.output().write(row.written, &t);
        type_in(&mut ldisc, &t, row.typed);
        let show = |bytes: &[u8]| String::from_utf8_lossy(bytes).escape_debug().to_string();
        assert_eq!(show(&screen(&mut ldisc, &t)), show(row.screen), "screen of {}", row.name);
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
    let mut ldisc = Ldisc::default();
    for _ in 0..40 {
        assert!(type_in(&mut ldisc, &t, &all).is_empty());
        assert_eq!(read(&mut ldisc, &t, 1000).as_deref(), Some(&all[..]));
        for chunk in all.chunks(CHUNK) {
            assert!(ldisc.sending().room() >= chunk.len());
            ldisc.output().write(chunk, &t);
            assert_eq!(screen(&mut ldisc, &t), chunk);
        }
    }
}

#[test]
fn a_long_line_keeps_its_end() {
    let t = settings(&Row { lflag: L & !ECHO, ..ROW });
    for len in [4095, 5000] {
        let mut ldisc = Ldisc::default();
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
    let mut ldisc = Ldisc::default();
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
        let mut ldisc = Ldisc::default();
        assert_eq!(type_in(&mut ldisc, &t, &[b'l', b'\n', b'a', byte, b'b', b'\n']), [signal]);
        assert_eq!(screen(&mut ldisc, &t), [b'^', byte ^ 0o100, b'b', b'\r', b'\n']);
        assert_eq!(read(&mut ldisc, &t, 99).as_deref(), Some(&b"b\n"[..]));

        let t = settings(&Row { lflag: L | LocalFlags::NOFLSH.bits(), ..ROW });
        let mut ldisc = Ldisc::default();
        assert_eq!(type_in(&mut ldisc, &t, &[b'a', byte, b'\n']), [signal]);
        assert_eq!(read(&mut ldisc, &t, 99).as_deref(), Some(&b"a\n"[..]));
    }
    let mut ldisc = Ldisc::default();
    let t = settings(&Row { cc: Some((VINTR, 0)), ..ROW });
    assert!(type_in(&mut ldisc, &t, b"\0\x03").is_empty(), "a character that is off is no byte");
}

#[test]
fn output_stops_and_starts() {
    let t = STANDARD;
    let mut ldisc = Ldisc::default();
    type_in(&mut ldisc, &t, b"\x13ab");
    ldisc.output().write(b"cd", &t);
    assert_eq!(screen(&mut ldisc, &t), b"");
    type_in(&mut ldisc, &t, b"\x11");
    assert_eq!(screen(&mut ldisc, &t), b"abcd");

    ldisc.output().hold(true);
    type_in(&mut ldisc, &t, b"x\x11");
    assert_eq!(screen(&mut ldisc, &t), b"", "a program's stop outlasts ^Q");
    ldisc.output().hold(false);
    assert_eq!(screen(&mut ldisc, &t), b"x");

    let any = settings(&Row { iflag: 0x500 | InputFlags::IXANY.bits(), ..ROW });
    type_in(&mut ldisc, &any, b"\x13");
    type_in(&mut ldisc, &any, b"y");
    assert_eq!(screen(&mut ldisc, &t), b"y");

    type_in(&mut ldisc, &t, b"\x13z");
    let off = settings(&Row { iflag: 0x100, ..ROW });
    ldisc.settings_changed(&t, &off);
    assert_eq!(screen(&mut ldisc, &t), b"z", "without IXON nothing could start it again");
}

#[test]
fn stopped_output_has_an_end() {
    let t = STANDARD;
    let mut ldisc = Ldisc::default();
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
    type_in(&mut ldisc, &t, b"kept");
    type_in(&mut ldisc, &t, b"\x11");
    let shown = screen(&mut ldisc, &t);
    assert!(shown.len() <= 4100 && shown.len() >= 2 * written);
    assert!(shown.ends_with(b"kept"), "echo waits by itself");
}

#[test]
fn ixoff_tells_the_sender() {
    let t = settings(&Row { iflag: InputFlags::IXOFF.bits(), lflag: 0, ..ROW });
    let mut ldisc = Ldisc::default();
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
    let mut ldisc = Ldisc::default();
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
    let mut ldisc = Ldisc::default();
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
    let mut ldisc = Ldisc::default();
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
        let mut ldisc = Ldisc::default();
        for _ in 0..3000 {
            if ldisc.room(&t) > 0 {
                let byte = next() as u8;
                ldisc.receive(if byte > 200 { byte & 0x1f } else { byte }, &t);
            }
            match next() % 64 {
                0 => drop(read(&mut ldisc, &t, next() as usize % 50)),
                1 => drop(screen(&mut ldisc, &t)),
                2 if ldisc.sending().room() > 9 => {
                    ldisc.output().write(b"\tx\r\n\x08\0\xff\xc3y", &t);
                }
                _ => {}
            }
            assert!(ldisc.unread(&t) <= 4096 && ldisc.sending().len() <= 4096);
        }
    }
}
