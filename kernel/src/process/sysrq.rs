//! Keys for a machine that listens to nothing else any more (`drivers/tty/sysrq.c`), pressed by
//! writing to `/proc/sysrq-trigger`. A key that is not in the table is told what there is.

use core::fmt::Write;

use abi::signal::{SIGKILL, SIGTERM};
use heapless::String;

use super::{Kernel, Pid, reboot};
use crate::{log::level, signal::Pending};

/// What a console shows that nobody has told otherwise (`CONSOLE_LOGLEVEL_DEFAULT`).
const USUAL_LEVEL: u8 = 7;
/// Everything (`CONSOLE_LOGLEVEL_DEBUG`).
const ALL_LEVELS: u8 = 10;

struct Key {
    keys: &'static [u8],
    help: &'static str,
    action: &'static str,
    work: fn(&Kernel, u8),
}

const KEYS: &[Key] = &[
    Key {
        keys: b"0123456789",
        help: "loglevel(0-9)",
        action: "Changing Loglevel",
        work: change_level,
    },
    Key { keys: b"b", help: "reboot(b)", action: "Resetting", work: |_, _| hal::power::reboot() },
    Key { keys: b"c", help: "crash(c)", action: "Trigger a crash", work: crash },
    Key {
        keys: b"e",
        help: "terminate-all-tasks(e)",
        action: "Terminate All Tasks",
        work: |kernel, _| signal_all(kernel, SIGTERM),
    },
    Key {
        keys: b"i",
        help: "kill-all-tasks(i)",
        action: "Kill All Tasks",
        work: |kernel, _| signal_all(kernel, SIGKILL),
    },
    Key { keys: b"o", help: "poweroff(o)", action: "Power Off", work: |_, _| reboot::power_off() },
    Key { keys: b"s", help: "sync(s)", action: "Emergency Sync", work: sync },
];

/// Does what `key` asks for. What it is reaches the console at any level (`__handle_sysrq`).
pub fn press(kernel: &Kernel, key: u8) {
    let console_level = kernel.log.console_level();
    kernel.log.set_console_level(USUAL_LEVEL);
    let found = KEYS.iter().find(|known| known.keys.contains(&key));
    match found {
        Some(found) => crate::printk!(INFO, "sysrq: {}", found.action),
        None => help(),
    }
    kernel.log.set_console_level(console_level);
    if let Some(found) = found {
        (found.work)(kernel, key);
    }
}

fn help() {
    let mut line: String<256> = String::new();
    for key in KEYS {
        // The table fits.
        let _ = write!(line, "{} ", key.help);
    }
    crate::printk!(INFO, "sysrq: HELP : {line}");
}

fn change_level(kernel: &Kernel, key: u8) {
    let new = key - b'0';
    kernel.log.set_console_level(USUAL_LEVEL);
    crate::printk!(INFO, "sysrq: Loglevel set to {new}");
    kernel.log.set_console_level(new);
}

fn crash(_: &Kernel, _: u8) {
    hal::panic(format_args!("sysrq triggered crash"))
}

/// Sends a signal to everybody but init, also to whoever has pressed the key.
fn signal_all(kernel: &Kernel, sig: u32) {
    let family = kernel.family.lock();
    for (_, process) in family.iter().filter(|(pid, _)| *pid != Pid::INIT) {
        process.send_in_family(&Pending::kernel_info(sig));
    }
    drop(family);
    kernel.log.set_console_level(ALL_LEVELS);
}

/// All file systems are in memory: there is nothing that could be written anywhere.
fn sync(kernel: &Kernel, _: u8) {
    kernel.log.write(level::WARNING, format_args!("Emergency Sync complete"));
}
