//! Sessions on a terminal: what is typed and written, and what is then seen and read. Every row was
//! played on a pseudoterminal of Linux 6.18 and written down from there.

use abi::tty::{InputFlags, LocalFlags, VEOL, VEOL2};

/// The default local flags.
pub const L: u32 = 0x8a3b;
/// The flag of this name; so the others.
pub const ECHO: u32 = LocalFlags::ECHO.bits();

/// One session: what is written and typed, and what is seen and read then.
pub struct Row {
    pub name: &'static str,
    pub iflag: u32,
    pub oflag: u32,
    pub lflag: u32,
    /// One control character that is not the default's.
    pub cc: Option<(usize, u8)>,
    /// What a program has written before.
    pub written: &'static [u8],
    pub typed: &'static [u8],
    pub screen: &'static [u8],
    /// What successive reads of `size` bytes give.
    pub size: usize,
    pub reads: &'static [&'static [u8]],
}

pub const ROW: Row = Row {
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

const ISIG: u32 = LocalFlags::ISIG.bits();
const ECHOE: u32 = LocalFlags::ECHOE.bits();
const ECHOK: u32 = LocalFlags::ECHOK.bits();
const ECHONL: u32 = LocalFlags::ECHONL.bits();
const ECHOCTL: u32 = LocalFlags::ECHOCTL.bits();
const ECHOPRT: u32 = LocalFlags::ECHOPRT.bits();
const ECHOKE: u32 = LocalFlags::ECHOKE.bits();
const IEXTEN: u32 = LocalFlags::IEXTEN.bits();
const IUTF8: u32 = InputFlags::IUTF8.bits();

#[rustfmt::skip]
pub const ROWS: &[Row] = &[
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
