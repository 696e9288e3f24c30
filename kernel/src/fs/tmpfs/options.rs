//! The options of tmpfs: how they are read from mount(2)'s text and shown in `/proc/mounts`
//! (tmpfs(5), `shmem_parse_one` and `shmem_show_options` in `mm/shmem.c`).

use crate::cred::{Gid, Uid};
use crate::mm::PAGE;
use abi::Result;
use abi::errno::EINVAL;
use core::fmt::{self, Write};

/// What one text of options says; `None` where it says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    /// Most pages; 0 for no limit.
    pub pages: Option<u64>,
    /// Most inodes; 0 for no limit.
    pub inodes: Option<u64>,
    /// Permissions of the root.
    pub perm: Option<u32>,
    /// Its owner.
    pub uid: Option<Uid>,
    /// Its group.
    pub gid: Option<Gid>,
    /// Whether huge pages are wished for.
    pub huge: Option<Huge>,
    /// `inode64` (or `inode32`).
    pub wide: Option<bool>,
}

/// When huge pages are wished for. A wish: a file is made of small pages where there are no huge
/// ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Huge {
    /// Not at all.
    Never,
    /// Wherever one fits.
    Always,
    /// Where the file fills one.
    WithinSize,
    /// Where madvise(2) asks.
    Advise,
}

const HUGE: [(&str, Huge); 4] = [
    ("never", Huge::Never),
    ("always", Huge::Always),
    ("within_size", Huge::WithinSize),
    ("advise", Huge::Advise),
];

impl Options {
    /// Reads `text`; `total` is the memory of the machine in pages. `EINVAL` for a word that is
    /// not known or a value that makes no sense, `mpol=` included: there are no nodes to choose
    /// from.
    pub fn parse(text: &[u8], total: u64) -> Result<Self> {
        let mut options = Self::default();
        for word in words(text) {
            let (key, value) = match word.iter().position(|&b| b == b'=') {
                Some(at) => (&word[..at], Some(&word[at + 1..])),
                None => (word, None),
            };
            match (key, value) {
                (_, Some(b"")) => return Err(EINVAL),
                (b"inode32", None) => options.wide = Some(false),
                (b"inode64", None) => options.wide = Some(true),
                (b"size", Some(value)) => options.pages = Some(size(value, total)?),
                (b"nr_blocks", Some(value)) => {
                    let pages = whole_amount(value)?;
                    options.pages = Some(pages).filter(|&n| i64::try_from(n).is_ok());
                    options.pages.ok_or(EINVAL)?;
                }
                (b"nr_inodes", Some(value)) => options.inodes = Some(whole_amount(value)?),
                (b"mode", Some(value)) => options.perm = Some(word32(value, 8)? & 0o7777),
                (b"uid", Some(value)) => options.uid = Some(Uid(id(value)?)),
                (b"gid", Some(value)) => options.gid = Some(Gid(id(value)?)),
                (b"huge", Some(value)) => {
                    let known = HUGE.iter().find(|(name, _)| name.as_bytes() == value);
                    options.huge = Some(known.ok_or(EINVAL)?.1);
                }
                _ => return Err(EINVAL),
            }
        }
        Ok(options)
    }
}

impl fmt::Display for Huge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HUGE.iter().find(|(_, huge)| huge == self).map_or("", |(name, _)| name))
    }
}

/// Writes `,huge=…` unless that is the default.
pub(super) fn show_huge(huge: Huge, out: &mut dyn Write) -> fmt::Result {
    if huge == Huge::Never { Ok(()) } else { write!(out, ",huge={huge}") }
}

/// The words between commas. A comma before a digit ends no word: it is within a list.
fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    core::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let ends = |pair: &[u8]| pair.first() == Some(&b',') && !pair[1..].iter().any(is_digit);
        let end = (0..rest.len()).find(|&at| ends(&rest[at..rest.len().min(at + 2)]));
        let (word, left) = match end {
            Some(end) => (&rest[..end], &rest[end + 1..]),
            None => (rest, &rest[..0]),
        };
        rest = left;
        Some(word)
    })
    .filter(|word| !word.is_empty())
}

fn is_digit(byte: &u8) -> bool {
    byte.is_ascii_digit()
}

/// A size in bytes, or in percent of the memory, as pages.
fn size(value: &[u8], total: u64) -> Result<u64> {
    let (n, rest) = amount(value);
    match rest {
        b"" => Ok(n.div_ceil(PAGE)),
        b"%" => Ok((u128::from(n) * u128::from(total) / 100) as u64),
        _ => Err(EINVAL),
    }
}

fn whole_amount(value: &[u8]) -> Result<u64> {
    match amount(value) {
        (n, b"") => Ok(n),
        _ => Err(EINVAL),
    }
}

/// A number with perhaps a suffix, and what follows (`memparse`). Like there, no digits are zero,
/// and what is too large wraps.
fn amount(value: &[u8]) -> (u64, &[u8]) {
    let (radix, digits) = radix(value, 0);
    let len = digits.iter().take_while(|b| char::from(**b).is_digit(radix)).count();
    let (digits, rest) = digits.split_at(len);
    let digit = |b: &u8| u64::from(char::from(*b).to_digit(radix).unwrap_or(0));
    let n = digits.iter().fold(0u64, |n, b| n.wrapping_mul(radix.into()).wrapping_add(digit(b)));
    let shift = match rest.first().map(u8::to_ascii_lowercase) {
        Some(b'k') => 10,
        Some(b'm') => 20,
        Some(b'g') => 30,
        Some(b't') => 40,
        Some(b'p') => 50,
        Some(b'e') => 60,
        _ => return (n, rest),
    };
    (n << shift, &rest[1..])
}

/// The radix a number is written in, if `radix` leaves that open with 0, and its digits.
fn radix(value: &[u8], radix: u32) -> (u32, &[u8]) {
    match (radix, value) {
        (0, [b'0', b'x' | b'X', digit, ..]) if digit.is_ascii_hexdigit() => (16, &value[2..]),
        (0, [b'0', ..]) => (8, value),
        (0, _) => (10, value),
        _ => (radix, value),
    }
}

/// A whole number of 32 bits (`kstrtouint`).
fn word32(value: &[u8], base: u32) -> Result<u32> {
    let value = value.strip_suffix(b"\n").unwrap_or(value);
    let (radix, digits) = radix(value, base);
    // Which takes a plus sign, as Linux does.
    let text = core::str::from_utf8(digits).map_err(|_| EINVAL)?;
    u32::from_str_radix(text, radix).map_err(|_| EINVAL)
}

/// A user or group: any but the one that stands for none.
fn id(value: &[u8]) -> Result<u32> {
    word32(value, 0).and_then(|id| if id == u32::MAX { Err(EINVAL) } else { Ok(id) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Options> {
        Options::parse(text.as_bytes(), 1000)
    }

    #[test]
    fn every_option() {
        assert_eq!(parse(""), Ok(Options::default()));
        let all = "size=1m,nr_inodes=7,mode=700,uid=3,gid=4,huge=advise,inode32";
        let want = Options {
            pages: Some(256),
            inodes: Some(7),
            perm: Some(0o700),
            uid: Some(Uid(3)),
            gid: Some(Gid(4)),
            huge: Some(Huge::Advise),
            wide: Some(false),
        };
        assert_eq!(parse(all), Ok(want));
        for (text, pages) in [
            ("size=25%", 250),
            ("size=0", 0),
            ("size=4097", 2),
            ("size=0x1000", 1),
            ("nr_blocks=1K", 1024),
            (",size=8192,,", 2),
        ] {
            assert_eq!(parse(text).unwrap().pages, Some(pages), "{text}");
        }
    }

    #[test]
    fn what_makes_no_sense() {
        for bad in [
            "size",
            "size=x",
            "size=1kk",
            "size=1%%",
            "what=1",
            "mode=9",
            "uid=-1",
            "uid=4294967295",
            "huge=maybe",
            "inode64=1",
            "mpol=bind:0,1",
            "nr_blocks=0xffffffffffffffff",
        ] {
            assert_eq!(parse(bad), Err(EINVAL), "{bad}");
        }
    }

    #[test]
    fn a_list_is_one_word() {
        let found: std::vec::Vec<_> = words(b"mpol=bind:0,2,size=1").collect();
        assert_eq!(found, [&b"mpol=bind:0,2"[..], b"size=1"]);
    }
}
