//! gzip(1) as Linux's boot decompressor reads it (RFC 1952, `lib/decompress_inflate.c`): one
//! member, whose check sum is not looked at. The messages are Linux's.

use super::cpio::Message;
use alloc::boxed::Box;
use alloc::vec;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_HAS_MORE_INPUT;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};
use miniz_oxide::inflate::TINFLStatus;

/// The first bytes of a gzip member.
pub const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The window that deflate refers back to.
const WINDOW: usize = 32 * 1024;

/// Bits of the flags byte: a header check sum, extra fields, a name, a comment follow.
const FHCRC: u8 = 2;
const FEXTRA: u8 = 4;
const FNAME: u8 = 8;
const FCOMMENT: u8 = 16;

/// Bytes after the deflate stream: check sum and length.
const TRAILER: usize = 8;

/// Reads the bytes of an image one after the other.
pub struct Input<'a> {
    image: &'a dyn super::Image,
    at: usize,
    buffer: Box<[u8]>,
    /// The bytes in the buffer that are still to be read.
    from: usize,
    to: usize,
}

impl<'a> Input<'a> {
    /// Starts at `at`.
    pub fn new(image: &'a dyn super::Image, at: usize) -> Self {
        let buffer = vec![0; 4096].into_boxed_slice();
        Self { image, at, buffer, from: 0, to: 0 }
    }

    /// Where the next byte is.
    fn position(&self) -> usize {
        self.at - (self.to - self.from)
    }

    fn fill(&mut self) -> &[u8] {
        if self.from == self.to {
            let n = self.buffer.len().min(self.image.len() - self.at);
            let (now, _) = self.buffer.split_at_mut(n);
            self.image.read(self.at, now);
            self.at += n;
            (self.from, self.to) = (0, n);
        }
        self.buffer.get(self.from..self.to).unwrap_or_default()
    }

    fn byte(&mut self) -> Result<u8, Message> {
        let byte = *self.fill().first().ok_or("read error")?;
        self.from += 1;
        Ok(byte)
    }

    fn string(&mut self) -> Result<(), Message> {
        while self.byte()? != 0 {}
        Ok(())
    }
}

/// Unpacks the member at `at` and hands its content to `out`, piece by piece, until that fails.
/// Returns where the member ends.
pub fn unpack(
    image: &dyn super::Image,
    at: usize,
    out: &mut dyn FnMut(&[u8]) -> Result<(), Message>,
) -> Result<usize, Message> {
    let mut input = Input::new(image, at);
    header(&mut input)?;
    let mut inflate: Box<DecompressorOxide> = Box::default();
    let mut window = vec![0; WINDOW];
    let mut pos = 0;
    loop {
        let bytes = input.fill();
        let more = if bytes.is_empty() { 0 } else { TINFL_FLAG_HAS_MORE_INPUT };
        let (status, taken, made) = decompress(&mut inflate, bytes, &mut window, pos, more);
        input.from += taken;
        out(window.get(pos..pos + made).unwrap_or_default())?;
        pos = (pos + made) % WINDOW;
        match status {
            TINFLStatus::Done => {
                let end = input.position().saturating_add(TRAILER);
                return Ok(end.min(image.len()));
            }
            TINFLStatus::HasMoreOutput => {}
            TINFLStatus::NeedsMoreInput => {
                if input.fill().is_empty() {
                    return Err("read error");
                }
            }
            TINFLStatus::FailedCannotMakeProgress => return Err("read error"),
            _ => return Err("uncompression error"),
        }
    }
}

fn header(input: &mut Input) -> Result<(), Message> {
    let mut head = [0; 10];
    for byte in &mut head {
        *byte = input.byte()?;
    }
    let [m0, m1, method, flags, ..] = head;
    if [m0, m1] != MAGIC || method != 8 {
        return Err("Not a gzip file");
    }
    if flags & FEXTRA != 0 {
        let len = u16::from_le_bytes([input.byte()?, input.byte()?]);
        for _ in 0..len {
            input.byte()?;
        }
    }
    if flags & FNAME != 0 {
        input.string()?;
    }
    if flags & FCOMMENT != 0 {
        input.string()?;
    }
    if flags & FHCRC != 0 {
        input.byte()?;
        input.byte()?;
    }
    Ok(())
}
