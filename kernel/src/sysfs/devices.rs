//! Devices: each in its place below `devices`, with links to it from its class and its number
//! (`drivers/base/core.c`).

use alloc::{format, string::String, sync::Arc};

use super::{Uevents, draft::Draft};
use crate::{dev::Device, process::Kernel};
use abi::fs::{major, minor};

/// Classes, by the major number of their devices.
const CLASSES: [(u32, &str); 4] = [(1, "mem"), (4, "tty"), (5, "tty"), (10, "misc")];

/// The permissions of a node of which nobody says anything.
const PLAIN_PERM: u32 = 0o600;

/// Classes that are there even without devices.
const EMPTY: [&str; 3] = ["class/block", "dev/block", "dev/char"];

/// What drives the serial ports, and where it is.
const SERIAL: &str = "devices/platform/serial8250";

/// Adds all devices of `kernel`.
pub(super) fn add(top: &mut Draft, kernel: &'static Kernel, uevents: &Arc<Uevents>) {
    for path in EMPTY {
        top.at(path);
    }
    let Some(drivers) = kernel.drivers.get() else { return };
    for device in drivers.devices() {
        add_device(top, device, uevents);
    }
    if drivers.terminals.serial_count() > 0 {
        add_serial(top, uevents);
    }
    let console = move |out: &mut dyn core::fmt::Write| {
        let dev = drivers.terminals.console().map(|tty| tty.dev());
        match drivers.devices().find(|device| Some(device.dev()) == dev) {
            Some(device) => writeln!(out, "{}", device.name),
            None => Ok(()),
        }
    };
    top.file("devices/virtual/tty/console/active", console);
}

fn add_device(top: &mut Draft, device: &Device, uevents: &Arc<Uevents>) {
    let (major, minor) = (major(device.dev()), minor(device.dev()));
    let Some((_, class)) = CLASSES.iter().find(|(number, _)| *number == major) else { return };
    let name = device.name.rsplit('/').next().unwrap_or(device.name);
    let is_serial = name.starts_with("ttyS");
    let home = if is_serial { SERIAL } else { "devices/virtual" };
    let place = format!("{home}/{class}/{name}");
    top.text(&format!("{place}/dev"), format!("{major}:{minor}\n"));
    let mut text = format!("MAJOR={major}\nMINOR={minor}\nDEVNAME={}\n", device.name);
    let perm = device.mode() & 0o777;
    if perm != PLAIN_PERM {
        text += &format!("DEVMODE={perm:#05o}\n").replace("0o", "0");
    }
    top.uevent(&place, text, uevents);
    top.link(&format!("{place}/subsystem"), &format!("class/{class}"));
    if is_serial {
        top.link(&format!("{place}/device"), SERIAL);
    }
    top.link(&format!("class/{class}/{name}"), &place);
    top.link(&format!("dev/char/{major}:{minor}"), &place);
}

/// The platform device that the serial ports belong to, and its driver.
fn add_serial(top: &mut Draft, uevents: &Arc<Uevents>) {
    let alias = "platform:serial8250\n";
    let driver = "bus/platform/drivers/serial8250";
    top.text(&format!("{SERIAL}/modalias"), String::from(alias));
    top.uevent(SERIAL, format!("DRIVER=serial8250\nMODALIAS={alias}"), uevents);
    top.link(&format!("{SERIAL}/subsystem"), "bus/platform");
    top.link(&format!("{SERIAL}/driver"), driver);
    top.link(&format!("{driver}/serial8250"), SERIAL);
    top.link("bus/platform/devices/serial8250", SERIAL);
}
