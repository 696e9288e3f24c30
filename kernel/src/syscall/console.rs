//! The terminal of the caller, and the kernel's own: vhangup(2), syslog(2).

use abi::{
    errno::{EINVAL, ENOSYS, EPERM, Result},
    process::CAP_SYS_TTY_CONFIG,
};

use crate::{
    dev::kmsg,
    log::RING_BYTES,
    mm::user::{Out, UserBytes},
    process::Cx,
};

/// What syslog(2) is to do (`SYSLOG_ACTION_*`, which no header of the C library has).
mod action {
    pub const CLOSE: u32 = 0;
    pub const OPEN: u32 = 1;
    pub const READ: u32 = 2;
    pub const READ_ALL: u32 = 3;
    pub const READ_CLEAR: u32 = 4;
    pub const CLEAR: u32 = 5;
    pub const CONSOLE_OFF: u32 = 6;
    pub const CONSOLE_ON: u32 = 7;
    pub const CONSOLE_LEVEL: u32 = 8;
    pub const SIZE_UNREAD: u32 = 9;
    pub const SIZE_BUFFER: u32 = 10;
}

/// vhangup(2)
pub fn vhangup(cx: &mut Cx) -> Result<()> {
    if !cx.cred().capable(CAP_SYS_TTY_CONFIG) {
        return Err(EPERM);
    }
    let terminal = cx.process().terminal.lock().clone();
    if let Some(terminal) = terminal {
        terminal.hang_up(false);
    }
    Ok(())
}

/// syslog(2)
pub fn syslog(cx: &mut Cx, what: u32, to: u64, len: i32) -> Result<usize> {
    kmsg::may_read(cx.cred())?;
    let (log, readers) = (&cx.kernel.log, cx.kernel.drivers.get().ok_or(ENOSYS)?.log_readers);
    match what {
        action::CLOSE | action::OPEN => {}
        action::READ | action::READ_ALL | action::READ_CLEAR => {
            let len = usize::try_from(len).map_err(|_| EINVAL)?;
            if to == 0 {
                return Err(EINVAL);
            }
            let to = UserBytes::<Out>::new(to, len);
            let sink = &mut to.sink(cx.space());
            return match what {
                _ if len == 0 => Ok(0),
                action::READ => readers.read(sink),
                _ => readers.read_all(sink, what == action::READ_CLEAR),
            };
        }
        action::CLEAR => readers.clear(),
        action::CONSOLE_OFF => log.switch_console(false),
        action::CONSOLE_ON => log.switch_console(true),
        action::CONSOLE_LEVEL if (1..=8).contains(&len) => log.choose_level(len),
        action::SIZE_UNREAD => return readers.unread(),
        action::SIZE_BUFFER => return Ok(RING_BYTES),
        _ => return Err(EINVAL),
    }
    Ok(0)
}
