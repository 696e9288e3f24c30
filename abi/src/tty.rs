//! Terminals: termios, window size, ioctls (`asm-generic/termbits.h`, `asm-generic/ioctls.h`).

/// Control characters in the kernel's structures; the C library has room for 32.
pub const NCCS: usize = 19;

/// Control characters in [`Termio`].
pub const NCC: usize = 8;

/// A control character with this value is off.
pub const POSIX_VDISABLE: u8 = 0;

consts! {
    /// Line disciplines.
    pub LDISC_NAMES: u8 { N_TTY = 0 }

    /// Places in `c_cc`.
    pub CC_NAMES: usize {
        VINTR = 0, VQUIT = 1, VERASE = 2, VKILL = 3, VEOF = 4, VTIME = 5, VMIN = 6, VSWTC = 7,
        VSTART = 8, VSTOP = 9, VSUSP = 10, VEOL = 11, VREPRINT = 12, VDISCARD = 13, VWERASE = 14,
        VLNEXT = 15, VEOL2 = 16,
    }

    /// Parts of `c_cflag` and `c_oflag` that are more than one bit.
    pub TERM_FIELD_NAMES: u32 {
        CBAUD = 0x100f, CBAUDEX = 0x1000, CSIZE = 0x30, CS5 = 0, CS6 = 0x10, CS7 = 0x20,
        CS8 = 0x30, CIBAUD = 0x100f_0000, IBSHIFT = 16, TABDLY = 0x1800, TAB0 = 0, TAB3 = 0x1800,
        B0 = 0, B50 = 1, B75 = 2, B110 = 3, B134 = 4, B150 = 5, B200 = 6, B300 = 7, B600 = 8,
        B1200 = 9, B1800 = 10, B2400 = 11, B4800 = 12, B9600 = 13, B19200 = 14, B38400 = 15,
        BOTHER = 0x1000, B57600 = 0x1001, B115200 = 0x1002, B230400 = 0x1003,
    }

    /// Terminal ioctls.
    pub TTY_IOCTL_NAMES: u32 {
        TCGETS = 0x5401, TCSETS = 0x5402, TCSETSW = 0x5403, TCSETSF = 0x5404, TCGETA = 0x5405,
        TCSETA = 0x5406, TCSETAW = 0x5407, TCSETAF = 0x5408, TCSBRK = 0x5409, TCXONC = 0x540a,
        TCFLSH = 0x540b, TIOCEXCL = 0x540c, TIOCNXCL = 0x540d, TIOCSCTTY = 0x540e,
        TIOCGPGRP = 0x540f, TIOCSPGRP = 0x5410, TIOCOUTQ = 0x5411, TIOCSTI = 0x5412,
        TIOCGWINSZ = 0x5413, TIOCSWINSZ = 0x5414, TIOCMGET = 0x5415, TIOCMBIS = 0x5416,
        TIOCMBIC = 0x5417, TIOCMSET = 0x5418, TIOCGSOFTCAR = 0x5419, TIOCSSOFTCAR = 0x541a,
        TIOCINQ = 0x541b, TIOCLINUX = 0x541c,
        TIOCCONS = 0x541d, TIOCGSERIAL = 0x541e, TIOCSSERIAL = 0x541f, TIOCPKT = 0x5420,
        TIOCNOTTY = 0x5422, TIOCSETD = 0x5423, TIOCGETD = 0x5424, TCSBRKP = 0x5425,
        TIOCSBRK = 0x5427, TIOCCBRK = 0x5428, TIOCGSID = 0x5429, TCGETS2 = 0x802c_542a,
        TCSETS2 = 0x402c_542b, TCSETSW2 = 0x402c_542c, TCSETSF2 = 0x402c_542d,
        TIOCGPTN = 0x8004_5430, TIOCSPTLCK = 0x4004_5431, TIOCGDEV = 0x8004_5432,
        TIOCSIG = 0x4004_5436, TIOCVHANGUP = 0x5437, TIOCGPKT = 0x8004_5438,
        TIOCGPTLCK = 0x8004_5439, TIOCGEXCL = 0x8004_5440, TIOCGPTPEER = 0x5441,
        TIOCGLCKTRMIOS = 0x5456, TIOCSLCKTRMIOS = 0x5457, TIOCMIWAIT = 0x545c, TIOCGICOUNT = 0x545d,
    }

    /// Arguments of `TCXONC` and `TCFLSH`.
    pub TTY_ARG_NAMES: u32 {
        TCOOFF = 0, TCOON = 1, TCIOFF = 2, TCION = 3, TCIFLUSH = 0, TCOFLUSH = 1, TCIOFLUSH = 2,
    }

    /// What a pty's master reads first in packet mode.
    pub PKT_NAMES: u8 {
        TIOCPKT_DATA = 0, TIOCPKT_FLUSHREAD = 1, TIOCPKT_FLUSHWRITE = 2, TIOCPKT_STOP = 4,
        TIOCPKT_START = 8, TIOCPKT_NOSTOP = 16, TIOCPKT_DOSTOP = 32, TIOCPKT_IOCTL = 64,
    }

    /// Modem lines, of `TIOCMGET`.
    pub MODEM_NAMES: u32 {
        TIOCM_LE = 0x001, TIOCM_DTR = 0x002, TIOCM_RTS = 0x004, TIOCM_CTS = 0x020,
        TIOCM_CAR = 0x040, TIOCM_RNG = 0x080, TIOCM_DSR = 0x100, TIOCM_OUT1 = 0x2000,
        TIOCM_OUT2 = 0x4000, TIOCM_LOOP = 0x8000,
    }
}

flags! {
    /// `c_iflag`: input.
    pub struct InputFlags: u32 {
        IGNBRK = 0x001, BRKINT = 0x002, IGNPAR = 0x004, PARMRK = 0x008, INPCK = 0x010,
        ISTRIP = 0x020, INLCR = 0x040, IGNCR = 0x080, ICRNL = 0x100, IUCLC = 0x200,
        IXON = 0x400, IXANY = 0x800, IXOFF = 0x1000, IMAXBEL = 0x2000, IUTF8 = 0x4000,
    }

    /// `c_oflag`: output.
    pub struct OutputFlags: u32 {
        OPOST = 0x01, OLCUC = 0x02, ONLCR = 0x04, OCRNL = 0x08, ONOCR = 0x10, ONLRET = 0x20,
        OFILL = 0x40, OFDEL = 0x80, XTABS = 0x1800,
    }

    /// `c_cflag`: hardware. Speed and character size are fields in it (`CBAUD`, `CSIZE`).
    pub struct ControlFlags: u32 {
        CSTOPB = 0x040, CREAD = 0x080, PARENB = 0x100, PARODD = 0x200, HUPCL = 0x400,
        CLOCAL = 0x800, CMSPAR = 0x4000_0000, CRTSCTS = 0x8000_0000,
    }

    /// `c_lflag`: editing, echo and signals.
    pub struct LocalFlags: u32 {
        ISIG = 0x0001, ICANON = 0x0002, XCASE = 0x0004, ECHO = 0x0008, ECHOE = 0x0010,
        ECHOK = 0x0020, ECHONL = 0x0040, NOFLSH = 0x0080, TOSTOP = 0x0100, ECHOCTL = 0x0200,
        ECHOPRT = 0x0400, ECHOKE = 0x0800, FLUSHO = 0x1000, PENDIN = 0x4000, IEXTEN = 0x8000,
        EXTPROC = 0x1_0000,
    }
}

wire! {
    /// `struct termios` as the kernel has it, 36 bytes; the C library's is larger.
    pub struct Termios {
        /// Input.
        pub c_iflag: InputFlags,
        /// Output.
        pub c_oflag: OutputFlags,
        /// Hardware.
        pub c_cflag: ControlFlags,
        /// Editing, echo and signals.
        pub c_lflag: LocalFlags,
        /// Line discipline.
        pub c_line: u8,
        /// Control characters.
        pub c_cc: [u8; NCCS],
    }

    /// `struct termio`, of System V.
    pub struct Termio {
        /// Input.
        pub c_iflag: u16,
        /// Output.
        pub c_oflag: u16,
        /// Hardware.
        pub c_cflag: u16,
        /// Editing, echo and signals.
        pub c_lflag: u16,
        /// Line discipline.
        pub c_line: u8,
        /// Control characters.
        pub c_cc: [u8; NCC],
    }

    /// `struct termios2`: with speeds as numbers.
    pub struct Termios2 {
        /// Input.
        pub c_iflag: InputFlags,
        /// Output.
        pub c_oflag: OutputFlags,
        /// Hardware.
        pub c_cflag: ControlFlags,
        /// Editing, echo and signals.
        pub c_lflag: LocalFlags,
        /// Line discipline.
        pub c_line: u8,
        /// Control characters.
        pub c_cc: [u8; NCCS],
        /// Input speed, in bits per second.
        pub c_ispeed: u32,
        /// Output speed, in bits per second.
        pub c_ospeed: u32,
    }

    /// `struct serial_struct` of `TIOCGSERIAL`, 72 bytes.
    pub struct Serial {
        /// Kind of port, `PORT_*`.
        pub r#type: i32,
        /// Number of the port.
        pub line: i32,
        /// First I/O port.
        pub port: u32,
        /// Interrupt.
        pub irq: i32,
        /// `ASYNC_*`
        pub flags: i32,
        /// Bytes the transmitter keeps.
        pub xmit_fifo_size: i32,
        /// Divisor of `ASYNC_SPD_CUST`.
        pub custom_divisor: i32,
        /// Highest speed.
        pub baud_base: i32,
        /// Hundredths of a second before a close takes effect.
        pub close_delay: u16,
        /// How its registers are reached.
        pub io_type: u8,
        /// Zero.
        pub reserved_char: u8,
        /// Port of a hub.
        pub hub6: i32,
        /// Hundredths of a second that a close waits for output.
        pub closing_wait: u16,
        /// Zero.
        pub closing_wait2: u16,
        /// Address of its registers in memory.
        pub iomem_base: u64,
        /// Bits between registers.
        pub iomem_reg_shift: u16,
        /// Upper half of the I/O port.
        pub port_high: u32,
        /// Zero.
        pub iomap_base: u64,
    }

    /// `struct winsize`.
    pub struct Winsize {
        /// Rows of characters.
        pub ws_row: u16,
        /// Columns of characters.
        pub ws_col: u16,
        /// Width in pixels.
        pub ws_xpixel: u16,
        /// Height in pixels.
        pub ws_ypixel: u16,
    }
}
