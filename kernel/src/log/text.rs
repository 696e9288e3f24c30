//! Records as programs read them: one by one from `/dev/kmsg`, or as lines by syslog(2).
//! Sources: `Documentation/ABI/testing/dev-kmsg`, `kernel/printk/printk.c`.

use abi::errno::{ENOMEM, Result};
use alloc::vec::Vec;
use core::fmt::Write;

use super::Record;

/// A buffer whose growth may fail.
struct Text(Vec<u8>);

impl Write for Text {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        self.0.try_reserve(text.len()).map_err(|_| core::fmt::Error)?;
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

impl Record {
    /// Facility and level in one number, as in `<30>`.
    pub fn priority(&self) -> u32 {
        u32::from(self.facility) << 3 | u32::from(self.level)
    }

    /// `priority,sequence,microseconds,-;text`: what one read of `/dev/kmsg` gives. Bytes that do
    /// not print are escaped, so that one line is one record.
    pub fn extended(&self) -> Result<Vec<u8>> {
        let mut out = Text(Vec::new());
        self.write_extended(&mut out).map_err(|_| ENOMEM)?;
        Ok(out.0)
    }

    fn write_extended(&self, out: &mut Text) -> core::fmt::Result {
        write!(out, "{},{},{},-;", self.priority(), self.sequence, self.at_ns / 1000)?;
        for &byte in &*self.text {
            match byte {
                b' '..=b'~' if byte != b'\\' => out.write_char(char::from(byte))?,
                _ => write!(out, "\\x{byte:02x}")?,
            }
        }
        out.write_char('\n')
    }

    /// Appends `<priority>[time] text` for each line of it: what syslog(2) gives.
    pub fn append_lines(&self, to: &mut Vec<u8>) -> Result<()> {
        let mut out = Text(core::mem::take(to));
        let done = self.write_lines(&mut out);
        *to = out.0;
        done.map_err(|_| ENOMEM)
    }

    fn write_lines(&self, out: &mut Text) -> core::fmt::Result {
        for line in self.text.split(|&byte| byte == b'\n') {
            write!(out, "<{}>{}", self.priority(), Stamp(self.at_ns))?;
            out.0.try_reserve(line.len() + 1).map_err(|_| core::fmt::Error)?;
            out.0.extend_from_slice(line);
            out.0.push(b'\n');
        }
        Ok(())
    }
}

/// `[    1.234567] `: nanoseconds since boot as the log shows them.
pub struct Stamp(pub u64);

impl core::fmt::Display for Stamp {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let (s, us) = (self.0 / 1_000_000_000, self.0 / 1000 % 1_000_000);
        write!(f, "[{s:5}.{us:06}] ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_as_text() {
        let record = Record {
            sequence: 334,
            at_ns: 5_407_418_999,
            level: 6,
            facility: 3,
            text: b"multi\nline\\ \x01\xe9"[..].into(),
        };
        let want = b"30,334,5407418,-;multi\\x0aline\\x5c \\x01\\xe9\n";
        assert_eq!(record.extended().as_deref(), Ok(&want[..]));
        let mut lines = Vec::new();
        record.append_lines(&mut lines).unwrap();
        assert_eq!(lines, b"<30>[    5.407418] multi\n<30>[    5.407418] line\\ \x01\xe9\n");
    }
}
