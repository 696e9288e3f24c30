//! [`Echoes`]: what is to be echoed and has not been processed (`echo_buf`). It is processed when it
//! goes out, under the settings and at the column of then, and a signal character takes it back.

use heapless::Deque;

/// Bytes that wait, the marks of [`Echo`]s among them.
const SIZE: usize = 2048;

/// Begins what is not a plain byte (`ECHO_OP_START`).
const MARK: u8 = 0xff;
const STEP_BACK: u8 = 0x80;
const BEGIN_LINE: u8 = 0x81;
const ERASE_TAB: u8 = 0x82;

/// In the operand of [`ERASE_TAB`]: the columns are counted from a tab.
const AFTER_TAB: u8 = 0x80;

/// One thing to echo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Echo {
    /// A byte, through output processing.
    Byte(u8),
    /// A control character, as `^X`.
    Control(u8),
    /// The cursor is one column further left than was thought.
    StepBack,
    /// The unfinished line begins at the cursor.
    BeginLine,
    /// Back over a tab, with so many columns (modulo 8) used since the tab before it
    /// (`after_tab`), or since the line began.
    EraseTab { columns: u8, after_tab: bool },
}

/// A queue of them.
pub struct Echoes(Deque<u8, SIZE>);

impl Echoes {
    /// Nothing to echo.
    pub const fn new() -> Self {
        Self(Deque::new())
    }

    /// Appends one; it is lost if too much waits.
    pub fn push(&mut self, echo: Echo) {
        let bytes: &[u8] = match echo {
            Echo::Byte(MARK) => &[MARK, MARK],
            Echo::Byte(byte) => &[byte],
            Echo::Control(byte) => &[MARK, byte],
            Echo::StepBack => &[MARK, STEP_BACK],
            Echo::BeginLine => &[MARK, BEGIN_LINE],
            Echo::EraseTab { columns, after_tab } => {
                &[MARK, ERASE_TAB, columns & 7 | if after_tab { AFTER_TAB } else { 0 }]
            }
        };
        if self.0.len() + bytes.len() <= SIZE {
            self.0.extend(bytes.iter().copied());
        }
    }

    /// Takes the first one out.
    pub fn pop(&mut self) -> Option<Echo> {
        let first = self.0.pop_front()?;
        if first != MARK {
            return Some(Echo::Byte(first));
        }
        Some(match self.0.pop_front()? {
            MARK => Echo::Byte(MARK),
            STEP_BACK => Echo::StepBack,
            BEGIN_LINE => Echo::BeginLine,
            ERASE_TAB => {
                let operand = self.0.pop_front()?;
                Echo::EraseTab { columns: operand & 7, after_tab: operand & AFTER_TAB != 0 }
            }
            control => Echo::Control(control),
        })
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn echoes_come_out_as_they_went_in() {
        let all = [
            Echo::Byte(b'a'),
            Echo::Byte(MARK),
            Echo::Control(3),
            Echo::Control(0x7f),
            Echo::StepBack,
            Echo::BeginLine,
            Echo::EraseTab { columns: 5, after_tab: true },
            Echo::EraseTab { columns: 0, after_tab: false },
            Echo::Byte(0x81),
        ];
        let mut echoes = Echoes::new();
        all.into_iter().for_each(|echo| echoes.push(echo));
        assert_eq!(std::vec::Vec::from_iter(core::iter::from_fn(|| echoes.pop())), all);
    }

    #[test]
    fn what_finds_no_room_is_lost_whole() {
        let mut echoes = Echoes::new();
        (0..SIZE - 1).for_each(|_| echoes.push(Echo::Byte(b'x')));
        echoes.push(Echo::Control(3));
        echoes.push(Echo::Byte(b'y'));
        let last = core::iter::from_fn(|| echoes.pop()).last();
        assert_eq!(last, Some(Echo::Byte(b'y')));
    }
}
