//! The newc format of cpio(5), taken in piece by piece. Pure: what is found goes to a
//! [`Receiver`].
//!
//! The rules, the leniency and the messages are those of Linux's `init/initramfs.c`: a header is
//! 110 bytes of ASCII, then comes the name, then the data, each padded to 4 bytes.

use abi::fs::{PATH_MAX, S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// What an archive says of a file, but for its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Number that joins the names of one file.
    pub ino: u32,
    /// Type and permissions.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Names.
    pub nlink: u32,
    /// Time of last write, in seconds since the epoch.
    pub mtime: u32,
    /// Bytes of data.
    pub len: u32,
    /// Device the file lay on: major and minor.
    pub dev: (u32, u32),
    /// The device the file is: major and minor.
    pub rdev: (u32, u32),
    /// Bytes of name, with the NUL.
    name_len: u32,
    /// Sum of the data's bytes, for the format with one.
    sum: u32,
}

/// Takes what is in an archive. An operation that fails is the receiver's own affair; Linux goes
/// on with the next file, too.
pub trait Receiver {
    /// A directory.
    fn dir(&mut self, name: &[u8], header: &Header);
    /// A device, named pipe or socket.
    fn node(&mut self, name: &[u8], header: &Header);
    /// A symbolic link.
    fn symlink(&mut self, name: &[u8], text: &[u8], header: &Header);
    /// One more name for `old`, which came before.
    fn link(&mut self, old: &[u8], name: &[u8]) -> bool;
    /// A regular file, whose data follows through [`Receiver::data`]. `again`: the name is one of
    /// a file that came before. `false` if it cannot be made: the data is skipped.
    fn file(&mut self, name: &[u8], header: &Header, again: bool) -> bool;
    /// The next data of the file. `false` if it cannot be written.
    fn data(&mut self, bytes: &[u8]) -> bool;
    /// The file is complete.
    fn close(&mut self, header: &Header);
}

/// Why an archive cannot be read on.
pub type Message = &'static str;

/// The reader: where it is in an archive.
pub struct Cpio {
    state: State,
    /// Bytes taken in since the archive began.
    at: u64,
    /// What is being collected.
    got: Vec<u8>,
    header: Header,
    /// Where the next header begins.
    next: u64,
    /// Whether the data is checked by its sum.
    summed: bool,
    sum: u32,
    /// Data bytes still to come.
    left: u32,
    links: BTreeMap<Key, Vec<u8>>,
}

/// What joins the names of one file: device, number and type.
type Key = (u32, u32, u32, u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Header,
    Name,
    Data,
    Link,
    Skip,
    /// Between two files.
    Reset,
}

/// Bytes in a header.
const HEADER: usize = 110;

/// The name's bytes with the padding after it (`N_ALIGN`).
fn padded_name(len: u32) -> usize {
    ((len as usize + 1) & !3) + 2
}

impl Default for Cpio {
    fn default() -> Self {
        Self {
            state: State::Header,
            at: 0,
            got: Vec::new(),
            header: Header::default(),
            next: 0,
            summed: false,
            sum: 0,
            left: 0,
            links: BTreeMap::new(),
        }
    }
}

impl Cpio {
    /// Starts with a header at the given position, which counts for the padding.
    pub fn start(&mut self, at: u64) {
        self.state = State::Header;
        self.at = at;
        self.got.clear();
    }

    /// What follows counts from position `at` on.
    pub fn rebase(&mut self, at: u64) {
        self.at = at;
    }

    /// Whether it stands between two files, where an archive may end.
    pub fn is_between(&self) -> bool {
        self.state == State::Reset
    }

    /// Data bytes that can be taken without passing through [`Cpio::write`]; see [`Cpio::skip`].
    pub fn open_data(&self) -> u32 {
        if self.state == State::Data && !self.summed { self.left } else { 0 }
    }

    /// Passes over `n` data bytes that the receiver got by another way.
    pub fn skip(&mut self, n: u32) {
        self.at += u64::from(n);
        self.left -= n;
    }

    /// Takes in `bytes`. Returns how many: fewer only at the end of an archive, before a byte
    /// that does not belong to it.
    pub fn write(&mut self, bytes: &[u8], to: &mut dyn Receiver) -> Result<usize, Message> {
        let mut rest = bytes;
        loop {
            let before = (self.state, rest.len());
            match self.state {
                State::Header => {
                    if self.collect(&mut rest, HEADER)? {
                        self.header()?;
                    }
                }
                State::Name => {
                    if self.collect(&mut rest, padded_name(self.header.name_len))? {
                        self.name(to)?;
                    }
                }
                State::Link => {
                    let len = padded_name(self.header.name_len) + self.header.len as usize;
                    if self.collect(&mut rest, len)? {
                        self.link(to);
                    }
                }
                State::Data => self.data(&mut rest, to)?,
                State::Skip => {
                    let n = (self.next - self.at).min(rest.len() as u64);
                    self.eat(&mut rest, n as usize);
                    if self.at == self.next {
                        self.state = State::Reset;
                    }
                }
                State::Reset => {
                    let zeroes = rest.iter().take_while(|&&b| b == 0).count();
                    self.eat(&mut rest, zeroes);
                    if !rest.is_empty() && self.at % 4 != 0 {
                        return Err("broken padding");
                    }
                    if rest.first() != Some(&b'0') {
                        return Ok(bytes.len() - rest.len());
                    }
                    self.start(self.at);
                }
            }
            if before == (self.state, rest.len()) {
                return Ok(bytes.len() - rest.len());
            }
        }
    }

    fn eat<'a>(&mut self, rest: &mut &'a [u8], n: usize) -> &'a [u8] {
        let (taken, left) = rest.split_at(n.min(rest.len()));
        *rest = left;
        self.at += taken.len() as u64;
        taken
    }

    /// Collects `len` bytes; `true` when they are there. `len` is bounded by two paths.
    fn collect(&mut self, rest: &mut &[u8], len: usize) -> Result<bool, Message> {
        let want = len - self.got.len().min(len);
        let taken = self.eat(rest, want);
        self.got.try_reserve(taken.len()).map_err(|_| NO_MEMORY)?;
        self.got.extend_from_slice(taken);
        Ok(self.got.len() == len)
    }

    fn header(&mut self) -> Result<(), Message> {
        let start = self.at - HEADER as u64;
        self.summed = match self.got.get(..6) {
            Some(b"070701") => false,
            Some(b"070702") => true,
            Some(b"070707") => return Err("incorrect cpio method used: use -H newc option"),
            _ => return Err("no cpio magic"),
        };
        let field = |i: usize| hex(self.got.get(6 + 8 * i..14 + 8 * i).unwrap_or_default());
        self.header = Header {
            ino: field(0),
            mode: field(1),
            uid: field(2),
            gid: field(3),
            nlink: field(4),
            mtime: field(5),
            len: field(6),
            dev: (field(7), field(8)),
            rdev: (field(9), field(10)),
            name_len: field(11),
            sum: field(12),
        };
        self.got.clear();
        let Header { name_len, len, mode, .. } = self.header;
        let end = start + HEADER as u64 + padded_name(name_len) as u64 + u64::from(len);
        self.next = end.next_multiple_of(4);
        self.state = State::Skip;
        if name_len == 0 || name_len as usize > PATH_MAX {
            return Ok(());
        }
        match mode & S_IFMT {
            S_IFLNK if len as usize <= PATH_MAX => self.state = State::Link,
            S_IFLNK => {}
            S_IFREG => self.state = State::Name,
            _ if len == 0 => self.state = State::Name,
            _ => {}
        }
        Ok(())
    }

    /// The name that was collected, without its NUL and what follows.
    fn checked_name(&self) -> Result<Vec<u8>, Message> {
        let name = self.got.get(..self.header.name_len as usize).unwrap_or_default();
        if name.last() != Some(&0) {
            return Err("malformed archive");
        }
        let end = name.iter().position(|&b| b == 0).unwrap_or(0);
        let mut own = Vec::new();
        own.try_reserve_exact(end).map_err(|_| NO_MEMORY)?;
        own.extend_from_slice(&name[..end]);
        Ok(own)
    }

    fn name(&mut self, to: &mut dyn Receiver) -> Result<(), Message> {
        let name = self.checked_name()?;
        self.got.clear();
        self.state = State::Skip;
        let header = self.header;
        if name == b"TRAILER!!!" {
            self.links.clear();
            return Ok(());
        }
        match header.mode & S_IFMT {
            S_IFREG => {
                let Some(again) = self.known(&name, to)? else { return Ok(()) };
                if to.file(&name, &header, again) {
                    self.state = State::Data;
                    self.left = header.len;
                    self.sum = 0;
                }
            }
            S_IFDIR => to.dir(&name, &header),
            S_IFBLK | S_IFCHR | S_IFIFO | S_IFSOCK => {
                if self.known(&name, to)? == Some(false) {
                    to.node(&name, &header);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Links `name` to a file that came before, if it is one (`maybe_link`): then `Some(true)`,
    /// or `None` if that fails.
    fn known(&mut self, name: &[u8], to: &mut dyn Receiver) -> Result<Option<bool>, Message> {
        let Header { nlink, dev, ino, mode, .. } = self.header;
        if nlink < 2 {
            return Ok(Some(false));
        }
        let key = (dev.0, dev.1, ino, mode & S_IFMT);
        if let Some(old) = self.links.get(&key) {
            return Ok(to.link(old, name).then_some(true));
        }
        let mut own = Vec::new();
        own.try_reserve_exact(name.len()).map_err(|_| NO_MEMORY)?;
        own.extend_from_slice(name);
        self.links.insert(key, own);
        Ok(Some(false))
    }

    fn data(&mut self, rest: &mut &[u8], to: &mut dyn Receiver) -> Result<(), Message> {
        let bytes = self.eat(rest, self.left as usize);
        self.left -= bytes.len() as u32;
        if self.summed {
            self.sum = bytes.iter().fold(self.sum, |sum, &b| sum.wrapping_add(b.into()));
        }
        if !bytes.is_empty() && !to.data(bytes) {
            return Err("write error");
        }
        if self.left == 0 {
            to.close(&self.header);
            self.state = State::Skip;
            if self.summed && self.sum != self.header.sum {
                return Err("bad data checksum");
            }
        }
        Ok(())
    }

    fn link(&mut self, to: &mut dyn Receiver) {
        // As Linux: a link's name is not checked for its NUL, only cut there.
        let (name, text) = self.got.split_at(padded_name(self.header.name_len).min(self.got.len()));
        let cut = |bytes: &[u8]| bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
        to.symlink(&name[..cut(name)], &text[..cut(text)], &self.header);
        self.got.clear();
        self.state = State::Skip;
    }
}

/// Where an allocation failed; Linux panics there.
const NO_MEMORY: Message = "out of memory";

/// A number in hexadecimal, up to the first character that is none (`simple_strtoul`).
fn hex(digits: &[u8]) -> u32 {
    let digits = digits.iter().map_while(|&b| (b as char).to_digit(16));
    digits.fold(0, |n, digit| n << 4 | digit)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::format;
    use std::string::{String, ToString};

    /// Writes down what comes, one line each.
    #[derive(Default)]
    pub struct Notes(pub Vec<String>, Vec<u8>);

    fn text(bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).to_string()
    }

    impl Receiver for Notes {
        fn dir(&mut self, name: &[u8], h: &Header) {
            self.0.push(format!("dir {} {:o}", text(name), h.mode));
        }
        fn node(&mut self, name: &[u8], h: &Header) {
            self.0.push(format!("node {} {:o} {:?}", text(name), h.mode, h.rdev));
        }
        fn symlink(&mut self, name: &[u8], to: &[u8], _h: &Header) {
            self.0.push(format!("link {} -> {}", text(name), text(to)));
        }
        fn link(&mut self, old: &[u8], name: &[u8]) -> bool {
            self.0.push(format!("hard {} = {}", text(name), text(old)));
            true
        }
        fn file(&mut self, name: &[u8], h: &Header, again: bool) -> bool {
            self.0.push(format!("file {} {} {again}", text(name), h.len));
            self.1.clear();
            true
        }
        fn data(&mut self, bytes: &[u8]) -> bool {
            self.1.extend_from_slice(bytes);
            true
        }
        fn close(&mut self, _h: &Header) {
            self.0.push(format!("data {}", text(&self.1)));
        }
    }

    /// One member of an archive: magic, mode, (ino, nlink), name, data, sum.
    pub fn member(mode: u32, ino: (u32, u32), name: &str, data: &[u8]) -> Vec<u8> {
        with_magic("070701", mode, ino, name, data, 0)
    }

    fn with_magic(
        magic: &str,
        mode: u32,
        (ino, nlink): (u32, u32),
        name: &str,
        data: &[u8],
        sum: u32,
    ) -> Vec<u8> {
        let rdev = if matches!(mode & S_IFMT, S_IFCHR | S_IFBLK) { (5, 1) } else { (0, 0) };
        let fields =
            [ino, mode, 0, 0, nlink, 7, data.len() as u32, 8, 1, rdev.0, rdev.1]
                .into_iter()
                .chain([name.len() as u32 + 1, sum]);
        let mut out = magic.as_bytes().to_vec();
        out.extend(fields.flat_map(|n| format!("{n:08X}").into_bytes()));
        out.extend(name.as_bytes());
        out.push(0);
        out.resize(out.len().next_multiple_of(4) , 0);
        // The header is 110 bytes, so the name ends two off.
        let pad = HEADER + padded_name(name.len() as u32 + 1);
        out.resize(pad, 0);
        out.extend(data);
        out.resize(out.len().next_multiple_of(4), 0);
        out
    }

    pub fn sample() -> Vec<u8> {
        [
            member(S_IFDIR | 0o755, (1, 2), "dev", b""),
            member(S_IFCHR | 0o600, (2, 1), "dev/console", b""),
            member(S_IFREG | 0o644, (3, 1), "hello", b"hello, world"),
            member(S_IFREG | 0o644, (4, 2), "a", b""),
            member(S_IFREG | 0o644, (4, 2), "b", b"shared"),
            member(S_IFLNK | 0o777, (5, 1), "sh", b"/bin/busybox"),
            member(0, (0, 1), "TRAILER!!!", b""),
        ]
        .concat()
    }

    const SAMPLE: [&str; 9] = [
        "dir dev 40755",
        "node dev/console 20600 (5, 1)",
        "file hello 12 false",
        "data hello, world",
        "file a 0 false",
        "data ",
        "hard b = a",
        "file b 6 true",
        "data shared",
    ];

    fn read(pieces: &[&[u8]]) -> (Vec<String>, Result<usize, Message>) {
        let (mut cpio, mut notes) = (Cpio::default(), Notes::default());
        let mut total = 0;
        for piece in pieces {
            match cpio.write(piece, &mut notes) {
                Ok(n) => total += n,
                Err(message) => return (notes.0, Err(message)),
            }
        }
        (notes.0, Ok(total))
    }

    #[test]
    fn an_archive_comes_out_as_it_went_in() {
        let archive = sample();
        let (notes, result) = read(&[&archive]);
        assert_eq!(notes[..9], SAMPLE);
        assert_eq!(notes[9..], ["link sh -> /bin/busybox"]);
        assert_eq!(result, Ok(archive.len()));
    }

    #[test]
    fn pieces_of_any_size_give_the_same() {
        let archive = sample();
        let whole = read(&[&archive]);
        for size in 1..archive.len() {
            let pieces: Vec<&[u8]> = archive.chunks(size).collect();
            assert_eq!(read(&pieces), whole, "pieces of {size}");
        }
    }

    /// What is cut off simply does not come; the rest does.
    #[test]
    fn cut_at_every_byte() {
        let archive = sample();
        let (whole, _) = read(&[&archive]);
        for end in 0..archive.len() {
            let (notes, result) = read(&[&archive[..end]]);
            assert_eq!(result, Ok(end));
            assert_eq!(notes[..], whole[..notes.len()]);
        }
    }

    /// Any wrong byte gives a message or another archive, never a panic or a hang.
    #[test]
    fn wrong_at_every_byte() {
        let archive = sample();
        for at in 0..archive.len() {
            for wrong in [0, b'0', b'F', 0xff] {
                let mut archive = archive.clone();
                archive[at] = wrong;
                if let (_, Ok(taken)) = read(&[&archive]) {
                    assert!(taken <= archive.len());
                }
            }
        }
    }

    #[test]
    fn messages() {
        let file = |magic, sum| with_magic(magic, S_IFREG, (1, 1), "f", b"ab", sum);
        let say = |archive: &[u8]| read(&[archive]).1.err();
        assert_eq!(say(&file("070707", 0)), Some("incorrect cpio method used: use -H newc option"));
        assert_eq!(say(&file("070709", 0)), Some("no cpio magic"));
        assert_eq!(say(&file("070702", 195)), None);
        assert_eq!(say(&file("070702", 194)), Some("bad data checksum"));
        let mut unended = file("070701", 0);
        unended[HEADER + 1] = b'x';
        assert_eq!(say(&unended), Some("malformed archive"));
        let broken = [file("070701", 0), b"\0".to_vec(), file("070701", 0)].concat();
        assert_eq!(say(&broken), Some("broken padding"));
    }

    #[test]
    fn a_name_longer_than_a_path_is_skipped() {
        let long = "x".repeat(PATH_MAX);
        let archive = [
            member(S_IFREG, (1, 1), &long, b"data"),
            member(S_IFDIR, (2, 1), "after", b""),
        ]
        .concat();
        assert_eq!(read(&[&archive]).0, ["dir after 40000"]);
    }

    #[test]
    fn a_byte_that_belongs_to_nothing_ends_the_archive() {
        let mut archive = sample();
        let len = archive.len();
        archive.extend([0; 8]);
        archive.extend(*b"\x1f\x8b??");
        assert_eq!(read(&[&archive]).1, Ok(len + 8));
    }
}
