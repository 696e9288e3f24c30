//! The host's end of the line to the guest runner (`initramfs/runner/runner.c` tells the protocol).

use anyhow::{Context, Result, bail};
use std::io::{self, Read, Write};

/// The longest payload of one frame to the guest, in bytes: less than what a tty holds.
pub const INPUT_MAX: usize = 1024;
/// The longest payload of one frame from the guest, in bytes.
const OUTPUT_MAX: usize = 4096;

/// What the guest says.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame {
    /// It is ready for one more frame of input.
    Ready,
    /// Bytes of the program's standard output.
    Out(Vec<u8>),
    /// Bytes of the program's standard error.
    Err(Vec<u8>),
    /// The program ended with this wait status, as wait(2) gives it.
    Status(i32),
    /// The runner itself failed, for this reason.
    Failed(String),
}

/// Gathers frames out of bytes that come in any portions.
#[derive(Default)]
pub struct Decoder {
    bytes: Vec<u8>,
}

impl Decoder {
    /// Takes what was read from the line.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole frame, if there is one.
    ///
    /// # Errors
    /// When the bytes are no frame.
    pub fn take(&mut self) -> Result<Option<Frame>> {
        let [kind, low, high, rest @ ..] = self.bytes.as_slice() else { return Ok(None) };
        let len = usize::from(u16::from_le_bytes([*low, *high]));
        if len > OUTPUT_MAX {
            bail!("a frame of {len} bytes");
        }
        let Some(payload) = rest.get(..len) else { return Ok(None) };
        let frame = match kind {
            b'R' => Frame::Ready,
            b'O' => Frame::Out(payload.to_vec()),
            b'E' => Frame::Err(payload.to_vec()),
            b'S' => Frame::Status(i32::from_le_bytes(payload.try_into().context("a status")?)),
            b'F' => Frame::Failed(String::from_utf8_lossy(payload).into_owned()),
            other => bail!("a frame of type {other:#x}"),
        };
        self.bytes.drain(..3 + len);
        Ok(Some(frame))
    }
}

/// Sends bytes of standard input, at most [`INPUT_MAX`]; none at all mean its end.
///
/// # Errors
/// Those of writing to the line.
pub fn send_input(line: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    send(line, b'I', bytes)
}

/// Tells the guest that its last frame has arrived and it may power off.
///
/// # Errors
/// Those of writing to the line.
pub fn send_quit(line: &mut impl Write) -> io::Result<()> {
    send(line, b'Q', &[])
}

fn send(line: &mut impl Write, kind: u8, payload: &[u8]) -> io::Result<()> {
    assert!(payload.len() <= INPUT_MAX);
    let [low, high] = (payload.len() as u16).to_le_bytes();
    let mut frame = vec![kind, low, high];
    frame.extend_from_slice(payload);
    line.write_all(&frame)
}

/// Reads one portion of input, as long as a frame may be; empty at the end.
///
/// # Errors
/// Those of reading `from`.
pub fn read_portion(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut portion = vec![0; INPUT_MAX];
    loop {
        match from.read(&mut portion) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => {
                portion.truncate(read?);
                return Ok(portion);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_whole_out_of_any_portions() {
        let bytes = b"R\0\0O\x02\0hiE\0\0S\x04\0\0\x07\0\0F\x03\0bad";
        let expected = [
            Frame::Ready,
            Frame::Out(b"hi".to_vec()),
            Frame::Err(vec![]),
            Frame::Status(7 << 8),
            Frame::Failed("bad".into()),
        ];
        for portion in 1..bytes.len() {
            let mut decoder = Decoder::default();
            let mut frames = vec![];
            for part in bytes.chunks(portion) {
                decoder.push(part);
                while let Some(frame) = decoder.take().unwrap() {
                    frames.push(frame);
                }
            }
            assert_eq!(frames, expected);
        }
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        for bytes in [&b"X\0\0"[..], b"O\xff\xff", b"S\x01\0x"] {
            let mut decoder = Decoder::default();
            decoder.push(bytes);
            assert!(decoder.take().is_err());
        }
    }

    #[test]
    fn input_is_framed() {
        let mut line = vec![];
        send_input(&mut line, b"abc").unwrap();
        send_input(&mut line, b"").unwrap();
        send_quit(&mut line).unwrap();
        assert_eq!(line, b"I\x03\0abcI\0\0Q\0\0");
    }
}
