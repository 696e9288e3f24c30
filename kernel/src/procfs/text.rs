//! [`Text`]: what a row writes into; the memory it takes may run out.

use core::fmt;

use abi::errno::{ENOMEM, Result};
use alloc::vec::Vec;

/// A list stops adding records here; the rest comes with the next read.
const FULL: usize = 8192;

/// The text of a file while it is made. `write!(text, ...)?` ends in `ENOMEM` without memory.
#[derive(Default)]
pub struct Text {
    bytes: Vec<u8>,
}

impl Text {
    /// What was written so far.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many bytes that are.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Was nothing written?
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Is it long enough for one piece of a list?
    pub fn is_full(&self) -> bool {
        self.bytes.len() >= FULL
    }

    /// Forgets what was written, keeps the room.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Appends bytes as they are: names need not be text.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.bytes.try_reserve(bytes.len()).map_err(|_| ENOMEM)?;
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// Appends bytes, those in `special` as `\ooo` (`seq_escape`).
    pub fn escaped(&mut self, bytes: &[u8], special: &[u8]) -> Result<()> {
        for &byte in bytes {
            if special.contains(&byte) {
                write!(self, "\\{byte:03o}")?;
            } else {
                self.bytes(&[byte])?;
            }
        }
        Ok(())
    }

    /// What `write!` calls.
    pub fn write_fmt(&mut self, args: fmt::Arguments<'_>) -> Result<()> {
        fmt::write(self, args).map_err(|_| ENOMEM)
    }
}

impl fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.bytes(text.as_bytes()).map_err(|_| fmt::Error)
    }
}
