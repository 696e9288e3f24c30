//! Numbers as programs write them to settings (`proc_get_long` in `kernel/sysctl.c`).

use abi::errno::{EINVAL, Result};
use core::ops::RangeInclusive;

/// Characters of a number at most.
const LONGEST: usize = 20;

fn is_blank(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}

/// What a number may end with.
fn ends(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n')
}

/// Reads numbers into `values`, one after the other, as long as there are any. Returns how many
/// were read, and the bytes left over behind them. A bad one is `EINVAL`, and so is one out of
/// `range`; then those before it stay read.
pub(super) fn parse(
    text: &[u8],
    values: &mut [i64],
    range: &RangeInclusive<i64>,
) -> (Result<usize>, usize) {
    let mut rest = text.trim_ascii_start();
    let mut found = 0;
    for value in values {
        if rest.is_empty() {
            break;
        }
        let Some((number, len)) = number(rest).filter(|(number, _)| range.contains(number)) else {
            return (Err(EINVAL), rest.len());
        };
        *value = number;
        found += 1;
        rest = rest.get(len..).unwrap_or_default();
        let blanks = rest.iter().take_while(|byte| is_blank(byte)).count();
        rest = rest.get(blanks..).unwrap_or_default();
    }
    (Ok(found), rest.len())
}

/// The number at the beginning of `text`: decimal, `0x` hexadecimal or `0` octal, followed by a
/// blank or nothing.
fn number(text: &[u8]) -> Option<(i64, usize)> {
    let (negative, digits) = match text.strip_prefix(b"-") {
        Some(digits) if !digits.is_empty() => (true, digits),
        _ => (false, text),
    };
    let (radix, skip) = match digits {
        [b'0', b'x' | b'X', digit, ..] if digit.is_ascii_hexdigit() => (16, 2),
        [b'0', ..] => (8, 0),
        _ => (10, 0),
    };
    let body = digits.get(skip..)?;
    let len = body.iter().take_while(|&&byte| char::from(byte).is_digit(radix)).count();
    let (body, after) = body.split_at(len);
    if len == 0 || after.first().is_some_and(|byte| !ends(byte)) {
        return None;
    }
    let all = text.len() - after.len();
    if all > LONGEST {
        return None;
    }
    let magnitude = body.iter().try_fold(0_i64, |sum, &byte| {
        let digit = char::from(byte).to_digit(radix)?;
        sum.checked_mul(radix.into())?.checked_add(digit.into())
    })?;
    Some((if negative { -magnitude } else { magnitude }, all))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Result<(i64, usize)> {
        let mut value = [7];
        let (found, left) = parse(text.as_bytes(), &mut value, &(-1000..=1000));
        found.map(|_| (value[0], left))
    }

    #[test]
    fn numbers() {
        assert_eq!(one("12\n"), Ok((12, 0)));
        assert_eq!(one("  -12"), Ok((-12, 0)));
        assert_eq!(one("0x1f"), Ok((31, 0)));
        assert_eq!(one("010 "), Ok((8, 0)));
        assert_eq!(one("0"), Ok((0, 0)));
        assert_eq!(one("-0"), Ok((0, 0)));
        assert_eq!(one("5 junk"), Ok((5, 4)), "what follows is left");
        assert_eq!(one(" \n"), Ok((7, 0)), "none at all");
        for bad in ["x", "1x", "1.5", "-", "--1", "0x", "08", "1001", "-1001", "+1", "1\x0b"] {
            assert_eq!(one(bad), Err(EINVAL), "{bad}");
        }
        assert_eq!(one("000000000000000000001"), Err(EINVAL), "too long");
        assert_eq!(one("99999999999999999999"), Err(EINVAL));
    }

    #[test]
    fn several_numbers() {
        let mut values = [1, 2, 3];
        assert_eq!(parse(b"7\t8\n", &mut values, &(0..=9)), (Ok(2), 0));
        assert_eq!(values, [7, 8, 3]);
        assert_eq!(parse(b"4 x", &mut values, &(0..=9)).0, Err(EINVAL));
        assert_eq!(values, [4, 8, 3]);
        assert_eq!(parse(b"1 2 3 4\n", &mut values, &(0..=9)), (Ok(3), 2));
    }
}
