//! The CPUs of the machine (`Documentation/ABI/testing/sysfs-devices-system-cpu`). All of them
//! are always online.

use alloc::{
    format,
    string::{String, ToString},
    sync::Arc,
};

use super::{Uevents, draft::Draft};
use crate::process::Kernel;

const HOME: &str = "devices/system/cpu";

/// A range of numbers as Linux prints a set: `0`, `0-3`.
fn up_to(count: usize) -> String {
    match count {
        0 | 1 => "0\n".to_string(),
        _ => format!("0-{}\n", count - 1),
    }
}

/// Adds the CPUs of `kernel`.
pub(super) fn add(top: &mut Draft, kernel: &'static Kernel, uevents: &Arc<Uevents>) {
    let count = kernel.sched.cpus().len().max(1);
    for name in ["online", "possible", "present"] {
        top.text(&format!("{HOME}/{name}"), up_to(count));
    }
    for name in ["isolated", "offline"] {
        top.text(&format!("{HOME}/{name}"), "\n".to_string());
    }
    top.text(&format!("{HOME}/kernel_max"), format!("{}\n", hal::cpu::MAX - 1));
    top.uevent(HOME, String::new(), uevents);
    for cpu in 0..count {
        let place = format!("{HOME}/cpu{cpu}");
        top.uevent(&place, String::new(), uevents);
        top.link(&format!("{place}/subsystem"), "bus/cpu");
        top.link(&format!("bus/cpu/devices/cpu{cpu}"), &place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_cpus() {
        assert_eq!((up_to(1).as_str(), up_to(4).as_str()), ("0\n", "0-3\n"));
    }
}
