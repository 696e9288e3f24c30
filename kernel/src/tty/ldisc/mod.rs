//! The line discipline: what lies between a terminal's wire and the programs that read and write
//! it (Linux's `n_tty`). Pure: it knows no locks, no devices and no processes.
//!
//! ```text
//!            receive                    peek, consume
//!   wire ───────────────▶ [Input] ─────────────────▶ read(2)
//!               │ echo
//!               ▼                       write
//!   wire ◀──────────────── [Output] ◀────────────── write(2)
//!            take
//! ```
//!
//! `receive` and its kin are in this file, in the order in which a byte meets them; erasing is in
//! `edit`, output processing and echo in `output`. Sources: termios(3), `drivers/tty/n_tty.c`.

mod echo;
mod edit;
mod input;
mod output;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod tests;

pub use input::Peek;
pub use output::{CHUNK, EXPANSION};

use abi::signal::{SIGINT, SIGQUIT, SIGTSTP};
use abi::tty::{
    InputFlags, LocalFlags, VEOF, VEOL, VEOL2, VERASE, VINTR, VKILL, VLNEXT, VQUIT, VREPRINT,
    VSTART, VSTOP, VSUSP, VWERASE,
};

use super::termios::{Ask, Settings};
use input::{Input, SIZE};
use output::{Output, to_lower};

/// With so little room left for input the sender is told to stop (`TTY_THRESHOLD_THROTTLE`), and
/// with so few bytes left to read to go on (`TTY_THRESHOLD_UNTHROTTLE`).
const THROTTLE: usize = 128;

/// One terminal's line discipline.
pub struct Ldisc {
    input: Input,
    output: Output,
    /// The next byte is an ordinary one (after `VLNEXT`).
    literal: bool,
    /// In the midst of an `ECHOPRT` erasure: `\` was echoed, `/` is to come.
    erasing: bool,
    /// The sender was told to stop.
    throttled: bool,
}

impl Default for Ldisc {
    /// Nothing received, nothing to send.
    fn default() -> Self {
        Self {
            input: Input::new(),
            output: Output::new(),
            literal: false,
            erasing: false,
            throttled: false,
        }
    }
}

impl Ldisc {
    // ---- receiving ----

    /// How many bytes may be received now. A full line can still be ended: the last byte of an
    /// overlong one is replaced until a line end comes.
    pub fn room(&self, t: &Settings) -> usize {
        let free = SIZE - self.input.len();
        let free = if t.input(InputFlags::PARMRK) { free.div_ceil(3) } else { free };
        match free.saturating_sub(1) {
            0 => usize::from(t.canonical() && !self.input.has_line()),
            room => room,
        }
    }

    /// Takes a byte from the wire; the caller has asked for [`Ldisc::room`]. The result is a
    /// signal that the foreground process group is to get.
    pub fn receive(&mut self, byte: u8, t: &Settings) -> Option<u32> {
        if is_raw(t) || t.external() && !is_stripped(t) {
            self.input.push(byte);
            return None;
        }
        // The ring is full but for the byte that this one replaces.
        if self.input.len() == SIZE {
            self.input.erase(1);
        }
        let byte = if t.input(InputFlags::ISTRIP) { byte & 0x7f } else { byte };
        let lower = t.input(InputFlags::IUCLC) && t.local(LocalFlags::IEXTEN);
        let byte = if lower { to_lower(byte) } else { byte };
        if t.external() {
            self.input.push(byte);
            return None;
        }
        if core::mem::take(&mut self.literal) {
            self.restart_by_any(t);
            self.store(byte, false, t);
            return None;
        }
        self.receive_special(byte, t)
    }

    /// Flow control and signals come first, whatever the mode.
    fn receive_special(&mut self, byte: u8, t: &Settings) -> Option<u32> {
        if t.input(InputFlags::IXON) {
            if t.is(byte, VSTART) {
                self.output.go_on(t);
                return None;
            }
            if t.is(byte, VSTOP) {
                self.output.stop();
                return None;
            }
        }
        if t.local(LocalFlags::ISIG) {
            for (place, signal) in [(VINTR, SIGINT), (VQUIT, SIGQUIT), (VSUSP, SIGTSTP)] {
                if t.is(byte, place) {
                    self.interrupt(byte, t);
                    return Some(signal);
                }
            }
        }
        self.restart_by_any(t);
        let typed = byte;
        let byte = match typed {
            b'\r' if t.input(InputFlags::IGNCR) => return None,
            b'\r' if t.input(InputFlags::ICRNL) => b'\n',
            b'\n' if t.input(InputFlags::INLCR) => b'\r',
            byte => byte,
        };
        if !(t.canonical() && self.receive_canonical(byte, t)) {
            self.store(byte, typed != byte, t);
        }
        None
    }

    /// The bytes that edit or end a line. `false` if this is none.
    fn receive_canonical(&mut self, byte: u8, t: &Settings) -> bool {
        let extended = t.local(LocalFlags::IEXTEN);
        let echo = t.local(LocalFlags::ECHO);
        if t.is(byte, VERASE) {
            self.erase(t);
        } else if t.is(byte, VKILL) {
            self.kill(t);
        } else if extended && t.is(byte, VWERASE) {
            self.erase_word(t);
        } else if extended && t.is(byte, VLNEXT) {
            self.literal = true;
            if echo {
                self.finish_erasing();
                if t.local(LocalFlags::ECHOCTL) {
                    self.output.echo_raw(b'^');
                    self.output.echo_raw(b'\x08');
                }
            }
        } else if extended && echo && t.is(byte, VREPRINT) {
            self.finish_erasing();
            self.output.echo(byte, t);
            self.output.echo_raw(b'\n');
            for byte in self.input.unfinished() {
                self.output.echo(byte, t);
            }
        } else if byte == b'\n' {
            if echo || t.local(LocalFlags::ECHONL) {
                self.output.echo_raw(b'\n');
            }
            self.input.end_line(Some(b'\n'));
        } else if t.is(byte, VEOF) {
            self.input.end_line(None);
        } else if t.is(byte, VEOL) || extended && t.is(byte, VEOL2) {
            if echo {
                self.mark_line();
                self.output.echo(byte, t);
            }
            self.double(byte, t);
            self.input.end_line(Some(byte));
        } else {
            return false;
        }
        true
    }

    /// An ordinary byte. A line feed that was typed as carriage return is echoed as it is.
    fn store(&mut self, byte: u8, mapped: bool, t: &Settings) {
        if t.local(LocalFlags::ECHO) {
            self.finish_erasing();
            if byte == b'\n' && mapped {
                self.output.echo_raw(b'\n');
            } else {
                self.mark_line();
                self.output.echo(byte, t);
            }
        }
        self.double(byte, t);
        self.input.push(byte);
    }

    /// With `PARMRK`, 0xff introduces an error; a true 0xff comes twice.
    fn double(&mut self, byte: u8, t: &Settings) {
        if byte == 0xff && t.input(InputFlags::PARMRK) {
            self.input.push(byte);
        }
    }

    /// A signal character: what was typed and not yet sent is void, unless `NOFLSH`.
    fn interrupt(&mut self, byte: u8, t: &Settings) {
        if !t.local(LocalFlags::NOFLSH) {
            self.input.flush();
            self.output.flush();
            self.output.flush_echoes();
            self.erasing = false;
        }
        if t.input(InputFlags::IXON) {
            self.output.start();
        }
        if t.local(LocalFlags::ECHO) {
            self.output.echo(byte, t);
        }
    }

    /// With `IXANY` any byte starts output that `^S` stopped.
    fn restart_by_any(&mut self, t: &Settings) {
        let any = t.input(InputFlags::IXON) && t.input(InputFlags::IXANY);
        if any && self.output.is_stopped() && !self.output.is_held() {
            self.output.go_on(t);
        }
    }

    /// The first byte of a line: tabs in it are erased relative to the cursor of now.
    fn mark_line(&mut self) {
        if self.input.line_len() == 0 {
            self.output.begin_line();
        }
    }

    /// `IXOFF`: the byte to tell the sender that it has to stop, or may go on. At most once per
    /// change; to be asked after bytes were received or read.
    pub fn flow(&mut self, t: &Settings) -> Option<u8> {
        let full = self.input.len() + THROTTLE > SIZE && (self.input.has_line() || !t.canonical());
        let place = if !self.throttled && full {
            VSTOP
        } else if self.throttled && self.input.len() <= THROTTLE {
            VSTART
        } else {
            return None;
        };
        self.throttled = full;
        let byte = t.c_cc[place];
        (t.input(InputFlags::IXOFF) && t.is(byte, place)).then_some(byte)
    }

    // ---- reading ----

    /// Is there a whole line or, in raw mode, at least `min` bytes?
    pub fn readable(&self, t: &Settings, min: usize) -> bool {
        match t.canonical() {
            true if t.external() => self.input.len() > 0,
            true => self.input.has_line(),
            false => self.input.len() >= min.max(1),
        }
    }

    /// Copies what a reader may have next to `to`; it stays until it is consumed.
    pub fn peek(&self, t: &Settings, to: &mut [u8]) -> Peek {
        self.input.peek(gives_lines(t), to)
    }

    /// Removes the first `len` bytes of a peek, or with all of them the end of the line.
    pub fn consume(&mut self, peek: &Peek, len: usize) {
        let all = len == peek.len;
        self.input.consume(if all { peek.next } else { peek.from + len as u64 });
    }

    /// A reader got just as much as it had room for: if the line ends right here, by end-of-file,
    /// the next read must not find an empty line (`canon_skip_eof`).
    pub fn skip_eof(&mut self, t: &Settings) {
        let peek = self.peek(t, &mut []);
        if gives_lines(t) && peek.ends {
            self.input.consume(peek.next);
        }
    }

    /// Bytes to read (`FIONREAD`).
    pub fn unread(&self, t: &Settings) -> usize {
        if gives_lines(t) { self.input.lines_len() } else { self.input.len() }
    }

    // ---- the way out ----

    /// What programs write and what is echoed.
    pub fn output(&mut self) -> &mut Output {
        &mut self.output
    }

    /// The same, to look at.
    pub fn sending(&self) -> &Output {
        &self.output
    }

    // ---- changes ----

    /// The settings have changed (`n_tty_set_termios`).
    pub fn settings_changed(&mut self, old: &Settings, new: &Settings) {
        if (old.canonical(), old.external()) != (new.canonical(), new.external()) {
            self.input.set_canonical(new.canonical());
            self.erasing = false;
            self.literal = false;
        }
        if old.input(InputFlags::IXON) && !new.input(InputFlags::IXON) {
            self.output.start();
        }
    }

    /// Forgets all input (`TCIFLUSH`).
    pub fn flush_input(&mut self) {
        self.input.flush();
        self.output.flush_echoes();
        self.erasing = false;
    }

    /// As new, for the next one who opens the terminal.
    pub fn reset(&mut self) {
        self.flush_input();
        self.literal = false;
        self.output.reset();
    }
}

/// Does a read end with the line?
fn gives_lines(t: &Settings) -> bool {
    t.canonical() && !t.external()
}

/// Do bytes change before anything else is made of them?
fn is_stripped(t: &Settings) -> bool {
    let lower = t.input(InputFlags::IUCLC) && t.local(LocalFlags::IEXTEN);
    t.input(InputFlags::ISTRIP) || lower
}

/// Do bytes pass as they are? (`n_tty_set_termios`: nothing that would make a byte special.)
fn is_raw(t: &Settings) -> bool {
    const INPUT: InputFlags = InputFlags::ISTRIP
        .with(InputFlags::IUCLC)
        .with(InputFlags::IGNCR)
        .with(InputFlags::ICRNL)
        .with(InputFlags::INLCR)
        .with(InputFlags::IXON)
        .with(InputFlags::PARMRK);
    const LOCAL: LocalFlags = LocalFlags::ICANON.with(LocalFlags::ISIG).with(LocalFlags::ECHO);
    !t.c_iflag.intersects(INPUT) && !t.c_lflag.intersects(LOCAL)
}
