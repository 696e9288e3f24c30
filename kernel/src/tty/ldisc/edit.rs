//! Erasing in the unfinished line, and how that looks on the screen (`eraser` of `n_tty.c`).

use abi::tty::{LocalFlags, VERASE, VKILL};

use super::Ldisc;
use super::output::{is_continuation, is_control};
use crate::tty::termios::{Ask, Settings};

/// Is it part of a word? Letters are those of Latin-1, as for the kernel's `isalnum`.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0xc0 && !matches!(byte, 0xd7 | 0xf7)
}

impl Ldisc {
    /// `VERASE`: the last character.
    pub(super) fn erase(&mut self, t: &Settings) {
        if self.input.line_len() == 0 {
            return;
        }
        if let Some((first, count)) = self.last_character(t) {
            self.input_erase(first, count, t, t.local(LocalFlags::ECHOE));
        }
        self.erased(t);
    }

    /// `VWERASE`: the last word, and what stands between it and the cursor.
    pub(super) fn erase_word(&mut self, t: &Settings) {
        if self.input.line_len() == 0 {
            return;
        }
        let mut in_word = false;
        while let Some((first, count)) = self.last_character(t) {
            if is_word(first) {
                in_word = true;
            } else if in_word {
                break;
            }
            self.input_erase(first, count, t, true);
        }
        self.erased(t);
    }

    /// `VKILL`: the whole line.
    pub(super) fn kill(&mut self, t: &Settings) {
        const VISIBLY: LocalFlags =
            LocalFlags::ECHOK.with(LocalFlags::ECHOKE).with(LocalFlags::ECHOE);
        if self.input.line_len() == 0 {
            return;
        }
        if t.local(LocalFlags::ECHO) && t.local(VISIBLY) {
            while let Some((first, count)) = self.last_character(t) {
                self.input_erase(first, count, t, true);
            }
            self.erased(t);
            return;
        }
        self.input.erase(self.input.line_len());
        if t.local(LocalFlags::ECHO) {
            self.finish_erasing();
            self.output.echo(t.c_cc[VKILL], t);
            if t.local(LocalFlags::ECHOK) {
                self.output.echo_raw(b'\n');
            }
        }
    }

    /// Ends an `ECHOPRT` erasure with `/`.
    pub(super) fn finish_erasing(&mut self) {
        if core::mem::take(&mut self.erasing) {
            self.output.echo_raw(b'/');
        }
    }

    /// The last character of the line: its first byte and its length. None if the line is empty
    /// or has but the rest of one.
    fn last_character(&self, t: &Settings) -> Option<(u8, usize)> {
        (1..=self.input.line_len()).find_map(|n| {
            self.input.back(n).filter(|&byte| !is_continuation(byte, t)).map(|b| (b, n))
        })
    }

    /// Something was erased: with nothing left, a `\…/` is complete.
    fn erased(&mut self, t: &Settings) {
        if self.input.line_len() == 0 && t.local(LocalFlags::ECHO) {
            self.finish_erasing();
        }
    }

    /// Erases the last character, `count` bytes from `first` on, and shows it. `wipe`: by going
    /// back over it rather than by the erase character.
    fn input_erase(&mut self, first: u8, count: usize, t: &Settings, wipe: bool) {
        if t.local(LocalFlags::ECHO) {
            if t.local(LocalFlags::ECHOPRT) {
                self.print_erased(first, count, t);
            } else if !wipe {
                self.output.echo(t.c_cc[VERASE], t);
            } else if first == b'\t' {
                self.wipe_tab(count, t);
            } else {
                let shown = !is_control(first) || t.local(LocalFlags::ECHOCTL);
                let columns = usize::from(shown) + usize::from(shown && is_control(first));
                for _ in 0..columns {
                    b"\x08 \x08".iter().for_each(|&byte| self.output.echo_raw(byte));
                }
            }
        }
        self.input.erase(count);
    }

    /// `ECHOPRT`, for paper: the erased characters backwards, between `\` and `/`.
    fn print_erased(&mut self, first: u8, count: usize, t: &Settings) {
        if !core::mem::replace(&mut self.erasing, true) {
            self.output.echo_raw(b'\\');
        }
        self.output.echo(first, t);
        for n in (1..count).rev() {
            if let Some(byte) = self.input.back(n) {
                self.output.echo_raw(byte);
                self.output.step_back();
            }
        }
    }

    /// Goes back over a tab: as far as the characters since the tab before it, or since the line
    /// began, leave room.
    fn wipe_tab(&mut self, count: usize, t: &Settings) {
        let mut columns = 0;
        let mut after_tab = false;
        for byte in self.input.unfinished().rev().skip(count) {
            if byte == b'\t' {
                after_tab = true;
                break;
            } else if is_control(byte) {
                columns += if t.local(LocalFlags::ECHOCTL) { 2 } else { 0 };
            } else if !is_continuation(byte, t) {
                columns += 1;
            }
        }
        self.output.erase_tab(columns, after_tab);
    }
}
