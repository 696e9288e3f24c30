//! [`Output`]: what programs write and what is echoed, on its way to the device (`do_output_char`,
//! `__process_echoes`). It keeps the column of the cursor, which tabs and erasing need.

use abi::tty::{InputFlags, LocalFlags, OutputFlags};
use heapless::Deque;

use super::super::termios::{Ask, Settings};

/// Bytes that wait for the device.
const QUEUE: usize = 4096;

/// The most bytes one byte becomes: a tab.
pub const EXPANSION: usize = 8;

/// The most bytes one [`Output::write`] takes.
pub const CHUNK: usize = 256;

/// Beyond this echo is dropped, so that a write whose room was found before still has it.
const ECHO_LIMIT: usize = QUEUE - CHUNK * EXPANSION;

/// Columns between tab stops.
const TAB: u32 = 8;

/// The way out.
pub struct Output {
    queue: Deque<u8, QUEUE>,
    column: u32,
    /// Where the unfinished line of input began.
    line_column: u32,
    /// Both, before what is echoed and waits: echo that is thrown away has moved nothing.
    shown: (u32, u32),
    /// Output was started again: what waits goes out before anything else is taken in.
    due: bool,
    /// Output waits: `^S`, or [`Output::hold`].
    stopped: bool,
    /// It was a program that stopped it (`TCOOFF`): `^Q` does not start it.
    held: bool,
}

/// Is it a control character, as the kernel's `iscntrl` says?
pub fn is_control(byte: u8) -> bool {
    byte.is_ascii_control()
}

/// Capital and small letters of Latin-1, as the kernel's `toupper` and `tolower` know them; the
/// sharp s and the y with two dots are small ones whose capitals are other characters.
pub fn to_upper(byte: u8) -> u8 {
    match byte {
        b'a'..=b'z' | 0xdf..=0xf6 | 0xf8..=0xff => byte - 0x20,
        _ => byte,
    }
}

/// The other way round.
pub fn to_lower(byte: u8) -> u8 {
    match byte {
        b'A'..=b'Z' | 0xc0..=0xd6 | 0xd8..=0xde => byte + 0x20,
        _ => byte,
    }
}

/// Is it a byte of a UTF-8 character other than its first?
pub fn is_continuation(byte: u8, t: &Settings) -> bool {
    t.input(InputFlags::IUTF8) && byte & 0xc0 == 0x80
}

impl Output {
    /// Nothing to send, cursor at the left.
    pub const fn new() -> Self {
        Self {
            queue: Deque::new(),
            column: 0,
            line_column: 0,
            shown: (0, 0),
            due: false,
            stopped: false,
            held: false,
        }
    }

    /// Bytes that wait.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// How many bytes a [`Output::write`] may bring now.
    pub fn room(&self) -> usize {
        ((QUEUE - self.queue.len()) / EXPANSION).min(CHUNK)
    }

    /// Takes what a program writes; the caller has asked for [`Output::room`].
    pub fn write(&mut self, bytes: &[u8], t: &Settings) {
        for &byte in bytes {
            self.put(byte, t);
        }
        self.shown = (self.column, self.line_column);
    }

    /// Moves waiting bytes to `to`; none while output is stopped.
    pub fn take(&mut self, to: &mut [u8]) -> usize {
        if self.stopped {
            return 0;
        }
        let mut n = 0;
        while let Some(slot) = to.get_mut(n) {
            let Some(byte) = self.queue.pop_front() else { break };
            *slot = byte;
            n += 1;
        }
        if self.queue.is_empty() {
            self.shown = (self.column, self.line_column);
        }
        n
    }

    /// Forgets what waits.
    pub fn flush(&mut self) {
        self.queue.clear();
    }

    /// Forgets what waits, after a signal character (`isig`).
    pub fn interrupt(&mut self) {
        self.queue.clear();
        (self.column, self.line_column) = self.shown;
    }

    /// Whether what waits has to go out now.
    pub fn take_due(&mut self) -> bool {
        core::mem::take(&mut self.due)
    }

    // ---- flow ----

    /// Is output stopped?
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Did a program stop it?
    pub fn is_held(&self) -> bool {
        self.held
    }

    /// `^S`.
    pub fn stop(&mut self) {
        self.stopped = true;
    }

    /// What counts as `^Q`.
    pub fn start(&mut self) {
        self.stopped &= self.held;
    }

    /// `^Q`, and with `IXANY` any byte: what waits comes before the echo of what follows.
    pub fn go_on(&mut self) {
        self.start();
        self.due = true;
    }

    /// `TCOOFF` and `TCOON`.
    pub fn hold(&mut self, on: bool) {
        if on != self.held {
            self.held = on;
            self.stopped = on;
        }
    }

    // ---- echo ----

    /// Echoes a byte; a control character as `^X` with `ECHOCTL`.
    pub fn echo(&mut self, byte: u8, t: &Settings) {
        if t.local(LocalFlags::ECHOCTL) && is_control(byte) && byte != b'\t' {
            if self.may_echo() {
                self.push(b'^');
                self.push(byte ^ 0o100);
                self.column = self.column.wrapping_add(2);
            }
        } else {
            self.echo_raw(byte, t);
        }
    }

    /// Echoes a byte as it is.
    pub fn echo_raw(&mut self, byte: u8, t: &Settings) {
        if !self.may_echo() {
            return;
        }
        // Linux's mark in its own buffer of echoes: it comes out unprocessed.
        if byte == 0xff {
            self.push(byte);
            self.column = self.column.wrapping_add(1);
        } else {
            self.put(byte, t);
        }
    }

    /// The unfinished line begins at the cursor.
    pub fn begin_line(&mut self) {
        self.line_column = self.column;
    }

    /// One column less than was thought: a byte echoed was part of a character.
    pub fn step_back(&mut self) {
        self.column = self.column.saturating_sub(1);
    }

    /// Moves the cursor back over a tab. `columns` were used since the tab before (`after_tab`),
    /// or since the line began.
    pub fn erase_tab(&mut self, columns: u32, after_tab: bool) {
        if !self.may_echo() {
            return;
        }
        let from = if after_tab { 0 } else { self.line_column };
        for _ in 0..TAB - columns.wrapping_add(from) % TAB {
            self.push(b'\x08');
            self.step_back();
        }
    }

    fn may_echo(&self) -> bool {
        self.queue.len() + EXPANSION <= ECHO_LIMIT
    }

    // ---- processing ----

    /// One byte through output processing, if that is on.
    fn put(&mut self, byte: u8, t: &Settings) {
        if !t.output(OutputFlags::OPOST) {
            self.push(byte);
            return;
        }
        let returns = t.output(OutputFlags::ONLRET);
        match byte {
            b'\n' if t.output(OutputFlags::ONLCR) => {
                self.left();
                self.push(b'\r');
                self.push(b'\n');
            }
            b'\n' => {
                if returns {
                    self.column = 0;
                }
                self.line_column = self.column;
                self.push(b'\n');
            }
            b'\r' if t.output(OutputFlags::ONOCR) && self.column == 0 => {}
            b'\r' if t.output(OutputFlags::OCRNL) => {
                if returns {
                    self.left();
                }
                self.push(b'\n');
            }
            b'\r' => {
                self.left();
                self.push(b'\r');
            }
            b'\t' => {
                let spaces = TAB - self.column % TAB;
                self.column = self.column.wrapping_add(spaces);
                if t.output(OutputFlags::XTABS) {
                    (0..spaces).for_each(|_| self.push(b' '));
                } else {
                    self.push(b'\t');
                }
            }
            b'\x08' => {
                self.step_back();
                self.push(byte);
            }
            _ if is_control(byte) => self.push(byte),
            _ => {
                if !is_continuation(byte, t) {
                    self.column = self.column.wrapping_add(1);
                }
                let upper = t.output(OutputFlags::OLCUC);
                self.push(if upper { to_upper(byte) } else { byte });
            }
        }
    }

    fn left(&mut self) {
        self.column = 0;
        self.line_column = 0;
    }

    fn push(&mut self, byte: u8) {
        // Room was asked for: a write takes no more than `room`, an echo no more than its limit.
        let _ = self.queue.push_back(byte);
    }
}
