//! [`Output`]: what programs write and what is echoed, on its way to the device (`do_output_char`,
//! `__process_echoes`). It keeps the column of the cursor, which tabs and erasing need.

use abi::tty::{InputFlags, LocalFlags, OutputFlags};
use heapless::Deque;

use super::echo::{Echo, Echoes};

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
    echoes: Echoes,
    column: u32,
    /// Where the unfinished line of input began.
    line_column: u32,
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
            echoes: Echoes::new(),
            column: 0,
            line_column: 0,
            stopped: false,
            held: false,
        }
    }

    /// As new.
    pub fn reset(&mut self) {
        self.queue.clear();
        self.echoes.clear();
        self.left();
        (self.stopped, self.held) = (false, false);
    }

    /// Bytes that wait.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// How many bytes a [`Output::write`] may bring now.
    pub fn room(&self) -> usize {
        ((QUEUE - self.queue.len()) / EXPANSION).min(CHUNK)
    }

    /// Takes what a program writes; the caller has asked for [`Output::room`]. It comes after what
    /// was to be echoed before.
    pub fn write(&mut self, bytes: &[u8], t: &Settings) {
        self.process_echoes(t);
        for &byte in bytes {
            self.put(byte, t);
        }
    }

    /// Moves waiting bytes to `to`, for a device that takes them also while output is stopped
    /// (`direct`: then nothing new was let in), or does not.
    pub fn take(&mut self, to: &mut [u8], t: &Settings, direct: bool) -> usize {
        if !(self.stopped && direct) {
            self.process_echoes(t);
        }
        if self.stopped && !direct {
            return 0;
        }
        let mut n = 0;
        while let Some(slot) = to.get_mut(n) {
            let Some(byte) = self.queue.pop_front() else { break };
            *slot = byte;
            n += 1;
        }
        n
    }

    /// Forgets what programs have written.
    pub fn flush(&mut self) {
        self.queue.clear();
    }

    /// Forgets what was to be echoed.
    pub fn flush_echoes(&mut self) {
        self.echoes.clear();
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

    /// `^Q`, and with `IXANY` any byte: what was to be echoed goes out, whatever follows.
    pub fn go_on(&mut self, t: &Settings) {
        self.start();
        if !self.stopped {
            self.process_echoes(t);
        }
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
        let as_control = t.local(LocalFlags::ECHOCTL) && is_control(byte) && byte != b'\t';
        self.echoes.push(if as_control { Echo::Control(byte) } else { Echo::Byte(byte) });
    }

    /// Echoes a byte as it is.
    pub fn echo_raw(&mut self, byte: u8) {
        self.echoes.push(Echo::Byte(byte));
    }

    /// The unfinished line begins at the cursor.
    pub fn begin_line(&mut self) {
        self.echoes.push(Echo::BeginLine);
    }

    /// One column less than was thought: a byte echoed was part of a character.
    pub fn step_back(&mut self) {
        self.echoes.push(Echo::StepBack);
    }

    /// Moves the cursor back over a tab. `columns` were used since the tab before (`after_tab`),
    /// or since the line began.
    pub fn erase_tab(&mut self, columns: u32, after_tab: bool) {
        self.echoes.push(Echo::EraseTab { columns: (columns % TAB) as u8, after_tab });
    }

    /// Lets out what is to be echoed, as far as there is room.
    fn process_echoes(&mut self, t: &Settings) {
        while self.queue.len() + EXPANSION <= ECHO_LIMIT {
            let Some(echo) = self.echoes.pop() else { break };
            match echo {
                // Linux's own mark comes out unprocessed.
                Echo::Byte(0xff) => {
                    self.push(0xff);
                    self.column = self.column.wrapping_add(1);
                }
                Echo::Byte(byte) => self.put(byte, t),
                Echo::Control(byte) => {
                    self.push(b'^');
                    self.push(byte ^ 0o100);
                    self.column = self.column.wrapping_add(2);
                }
                Echo::StepBack => self.back(),
                Echo::BeginLine => self.line_column = self.column,
                Echo::EraseTab { columns, after_tab } => {
                    let from = if after_tab { 0 } else { self.line_column };
                    for _ in 0..TAB - from.wrapping_add(columns.into()) % TAB {
                        self.push(b'\x08');
                        self.back();
                    }
                }
            }
        }
    }

    fn back(&mut self) {
        self.column = self.column.saturating_sub(1);
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
                self.back();
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
