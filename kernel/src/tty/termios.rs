//! Terminal settings: Linux's defaults, speeds, and short questions to a [`Settings`].
//!
//! The kernel keeps a `struct termios2` per terminal; the older structure is a view of it.
//! Sources: termios(3), ioctl_tty(2), `drivers/tty/tty_io.c` (`tty_std_termios`),
//! `drivers/tty/tty_baudrate.c`, `drivers/tty/serial/serial_core.c`.

use abi::tty::{
    B38400, BOTHER, CBAUD, CBAUDEX, CIBAUD, CS8, ControlFlags, InputFlags, LocalFlags, N_TTY, NCC,
    NCCS, OutputFlags, POSIX_VDISABLE, Termio, Termios, Termios2,
};

/// What a terminal is set to.
pub type Settings = Termios2;

/// Control characters of a new terminal (`INIT_C_CC`): `^C ^\ DEL ^U ^D`, time 0, min 1, none,
/// `^Q ^S ^Z`, none, `^R ^O ^W ^V`, none.
const CHARACTERS: [u8; NCCS] = [
    0o003, 0o034, 0o177, 0o025, 0o004, 0, 1, 0, 0o021, 0o023, 0o032, 0, 0o022, 0o017, 0o027, 0o026,
    0, 0, 0,
];

/// The settings of a new terminal (`tty_std_termios`): what `stty sane` gives, at 38400 baud.
pub const STANDARD: Settings = Settings {
    c_iflag: InputFlags::ICRNL.with(InputFlags::IXON),
    c_oflag: OutputFlags::OPOST.with(OutputFlags::ONLCR),
    c_cflag: ControlFlags(B38400 | CS8 | ControlFlags::CREAD.bits() | ControlFlags::HUPCL.bits()),
    c_lflag: LocalFlags::ISIG
        .with(LocalFlags::ICANON)
        .with(LocalFlags::ECHO)
        .with(LocalFlags::ECHOE)
        .with(LocalFlags::ECHOK)
        .with(LocalFlags::ECHOCTL)
        .with(LocalFlags::ECHOKE)
        .with(LocalFlags::IEXTEN),
    c_line: N_TTY,
    c_cc: CHARACTERS,
    c_ispeed: 38400,
    c_ospeed: 38400,
};

/// The hardware flags that a pseudoterminal cannot change (`pty_set_termios`).
pub const PTY_FIXED: ControlFlags = ControlFlags(CS8 | ControlFlags::CREAD.bits());

/// The settings of a new pseudoterminal's slave.
pub const PTY: Settings = Settings { c_cflag: ControlFlags(B38400 | PTY_FIXED.bits()), ..STANDARD };

/// The speed of a serial port nobody has set: as `console=ttyS0` without a speed.
pub const DEFAULT_BAUD: u32 = 9600;

/// The fastest a PC's serial port can be: its clock of 1.8432 MHz over 16.
const SERIAL_MAX_BAUD: u32 = 115_200;

/// Speeds with a code in `c_cflag`, in the order of their codes (`baud_table`). From the 16th on
/// the code is one more than the place less 15, with `CBAUDEX`.
const SPEEDS: [u32; 31] = [
    0, 50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19200, 38400, 57600,
    115_200, 230_400, 460_800, 500_000, 576_000, 921_600, 1_000_000, 1_152_000, 1_500_000,
    2_000_000, 2_500_000, 3_000_000, 3_500_000, 4_000_000,
];

/// The settings of a new serial port: 8 bits, no modem control (`CLOCAL`), at `baud`.
pub fn serial(baud: u32) -> Settings {
    let lines = ControlFlags::CREAD | ControlFlags::HUPCL | ControlFlags::CLOCAL;
    let c_cflag = ControlFlags(code(baud) | CS8 | lines.bits());
    Settings { c_cflag, c_ispeed: baud, c_ospeed: baud, ..STANDARD }
}

/// The code of a speed in `c_cflag`; `BOTHER` if it has none.
fn code(baud: u32) -> u32 {
    match SPEEDS.iter().position(|&speed| speed == baud) {
        Some(place @ 0..=15) => place as u32,
        Some(place) => CBAUDEX | (place as u32 - 15),
        None => BOTHER,
    }
}

/// The speed a code stands for; `None` for `BOTHER`, whose speed stands apart.
fn speed(code: u32) -> Option<u32> {
    if code == BOTHER {
        return None;
    }
    let place = if code & CBAUDEX != 0 { (code & !CBAUDEX) + 15 } else { code };
    Some(SPEEDS.get(place as usize).copied().unwrap_or(0))
}

/// What a `struct termios` from a program makes of the settings `old`.
pub fn from_termios(new: &Termios, old: &Settings) -> Settings {
    settle_speeds(Settings {
        c_iflag: new.c_iflag,
        c_oflag: new.c_oflag,
        c_cflag: new.c_cflag,
        c_lflag: new.c_lflag,
        c_line: new.c_line,
        c_cc: new.c_cc,
        ..*old
    })
}

/// The settings as a `struct termios`.
pub fn to_termios(now: &Settings) -> Termios {
    Termios {
        c_iflag: now.c_iflag,
        c_oflag: now.c_oflag,
        c_cflag: now.c_cflag,
        c_lflag: now.c_lflag,
        c_line: now.c_line,
        c_cc: now.c_cc,
    }
}

/// What a `struct termio` from a program makes of the settings `old`: it has the lower halves of
/// the flags and the first characters.
pub fn from_termio(new: &Termio, old: &Settings) -> Settings {
    const UPPER: u32 = 0xffff_0000;
    let mut c_cc = old.c_cc;
    c_cc[..NCC].copy_from_slice(&new.c_cc);
    settle_speeds(Settings {
        c_iflag: InputFlags(old.c_iflag.bits() & UPPER | u32::from(new.c_iflag)),
        c_oflag: OutputFlags(old.c_oflag.bits() & UPPER | u32::from(new.c_oflag)),
        c_cflag: ControlFlags(old.c_cflag.bits() & UPPER | u32::from(new.c_cflag)),
        c_lflag: LocalFlags(old.c_lflag.bits() & UPPER | u32::from(new.c_lflag)),
        c_line: new.c_line,
        c_cc,
        ..*old
    })
}

/// The settings as a `struct termio`.
pub fn to_termio(now: &Settings) -> Termio {
    let mut c_cc = [0; NCC];
    c_cc.copy_from_slice(&now.c_cc[..NCC]);
    Termio {
        c_iflag: now.c_iflag.bits() as u16,
        c_oflag: now.c_oflag.bits() as u16,
        c_cflag: now.c_cflag.bits() as u16,
        c_lflag: now.c_lflag.bits() as u16,
        c_line: now.c_line,
        c_cc,
    }
}

/// No bit and no character is locked.
pub const UNLOCKED: Settings = Settings {
    c_iflag: InputFlags::EMPTY,
    c_oflag: OutputFlags::EMPTY,
    c_cflag: ControlFlags::EMPTY,
    c_lflag: LocalFlags::EMPTY,
    c_line: 0,
    c_cc: [0; NCCS],
    c_ispeed: 0,
    c_ospeed: 0,
};

/// `new`, with what is set in `locked` as in `old` (`unset_locked_termios`).
pub fn keep_locked(mut new: Settings, old: &Settings, locked: &Settings) -> Settings {
    let keep = |new: u32, old: u32, locked: u32| new & !locked | old & locked;
    new.c_iflag.0 = keep(new.c_iflag.0, old.c_iflag.0, locked.c_iflag.0);
    new.c_oflag.0 = keep(new.c_oflag.0, old.c_oflag.0, locked.c_oflag.0);
    new.c_cflag.0 = keep(new.c_cflag.0, old.c_cflag.0, locked.c_cflag.0);
    new.c_lflag.0 = keep(new.c_lflag.0, old.c_lflag.0, locked.c_lflag.0);
    if locked.c_line != 0 {
        new.c_line = old.c_line;
    }
    for (place, &locked) in locked.c_cc.iter().enumerate() {
        if locked != 0 {
            new.c_cc[place] = old.c_cc[place];
        }
    }
    new
}

/// Makes the speeds as numbers follow the codes in `c_cflag` (`tty_termios_baud_rate`,
/// `tty_termios_input_baud_rate`: without a code of its own the input is as fast as the output).
pub fn settle_speeds(mut new: Settings) -> Settings {
    new.c_ospeed = speed(new.c_cflag.bits() & CBAUD).unwrap_or(new.c_ospeed);
    let input = (new.c_cflag.bits() & CIBAUD) >> abi::tty::IBSHIFT;
    new.c_ispeed = match input {
        0 => new.c_ospeed,
        input => speed(input & CBAUD).unwrap_or(new.c_ispeed),
    };
    new
}

/// Keeps the old speed if a serial port cannot do the new one (`uart_get_baud_rate`). 0 is
/// "hang up" and stays.
pub fn settle_serial(mut new: Settings, old: &Settings) -> Settings {
    if new.c_ospeed > SERIAL_MAX_BAUD {
        let speeds = CBAUD | CIBAUD;
        let kept = old.c_cflag.bits() & speeds;
        new.c_cflag = ControlFlags(new.c_cflag.bits() & !speeds | kept);
        (new.c_ispeed, new.c_ospeed) = (old.c_ispeed, old.c_ospeed);
    }
    new
}

/// The questions the line discipline asks.
pub trait Ask {
    /// Is this input flag set?
    fn input(&self, flag: InputFlags) -> bool;
    /// Is this output flag set?
    fn output(&self, flag: OutputFlags) -> bool;
    /// Is this local flag set?
    fn local(&self, flag: LocalFlags) -> bool;
    /// Is `byte` the control character at this place? One that is off is no byte.
    fn is(&self, byte: u8, place: usize) -> bool;
    /// Is input handed over by lines?
    fn canonical(&self) -> bool {
        self.local(LocalFlags::ICANON)
    }
    /// Are lines edited by whoever is at the other end (`EXTPROC`)?
    fn external(&self) -> bool {
        self.local(LocalFlags::EXTPROC)
    }
    /// `VMIN`: bytes a raw read waits for.
    fn min(&self) -> usize;
    /// `VTIME` in nanoseconds: how long a raw read waits.
    fn time_ns(&self) -> u64;
}

impl Ask for Settings {
    fn input(&self, flag: InputFlags) -> bool {
        self.c_iflag.has(flag)
    }

    fn output(&self, flag: OutputFlags) -> bool {
        self.c_oflag.has(flag)
    }

    fn local(&self, flag: LocalFlags) -> bool {
        self.c_lflag.has(flag)
    }

    fn is(&self, byte: u8, place: usize) -> bool {
        byte != POSIX_VDISABLE && self.c_cc[place] == byte
    }

    fn min(&self) -> usize {
        usize::from(self.c_cc[abi::tty::VMIN])
    }

    fn time_ns(&self) -> u64 {
        u64::from(self.c_cc[abi::tty::VTIME]) * 100_000_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use abi::Wire;
    use abi::tty::B115200;

    #[test]
    fn defaults_are_linux_s() {
        // `stty -g` of a fresh console on Linux 6.1: 500:5:bf→cbd:8a3b:3:1c:7f:15:4:0:1:0:11:13:…
        let t = STANDARD;
        assert_eq!((t.c_iflag.bits(), t.c_oflag.bits()), (0x500, 0x5));
        assert_eq!((t.c_cflag.bits(), t.c_lflag.bits()), (0x4bf, 0x8a3b));
        assert_eq!(serial(9600).c_cflag.bits(), 0xcbd);
        assert_eq!(serial(115_200).c_cflag.bits(), 0x1cb2);
        let mut bytes = [0; Termios::SIZE];
        to_termios(&t).put(&mut bytes);
        let cc = b"\x03\x1c\x7f\x15\x04\0\x01\0\x11\x13\x1a\0\x12\x0f\x17\x16\0\0\0";
        assert_eq!(&bytes[17..36], cc);
    }

    #[test]
    fn every_speed_has_its_code() {
        for baud in SPEEDS {
            assert_eq!(speed(code(baud)), Some(baud));
        }
        assert_eq!(code(115_200), B115200);
        assert_eq!((code(12345), speed(BOTHER)), (BOTHER, None));
        assert_eq!(speed(CBAUD), Some(4_000_000), "the last code");
    }

    #[test]
    fn speeds_follow_their_codes() {
        let mut old = serial(9600);
        old.c_cflag = ControlFlags(old.c_cflag.bits() & !CBAUD | B115200);
        let new = from_termios(&to_termios(&old), &old);
        assert_eq!((new.c_ispeed, new.c_ospeed), (115_200, 115_200));

        let other = Settings { c_cflag: ControlFlags(BOTHER), c_ospeed: 31250, ..STANDARD };
        assert_eq!(settle_speeds(other).c_ospeed, 31250);
    }

    #[test]
    fn a_serial_port_keeps_its_speed_when_asked_for_too_much() {
        let old = serial(115_200);
        let new = settle_serial(serial(230_400), &old);
        assert_eq!((new.c_cflag, new.c_ospeed), (old.c_cflag, 115_200));
        assert_eq!(settle_serial(serial(300), &old), serial(300));
    }
}
