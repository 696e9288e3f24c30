//! How the machine ends when it is asked to: what is said, then done (`kernel/reboot.c`).

/// Restarts the machine; `command` is for whoever starts it again, and only logged here.
pub fn restart(command: Option<&[u8]>) -> ! {
    match command {
        None => crate::printk!(EMERG, "reboot: Restarting system"),
        Some(command) => crate::printk!(
            EMERG,
            "reboot: Restarting system with command '{}'",
            command.escape_ascii()
        ),
    }
    hal::power::reboot()
}

/// Stops the machine, which stays on.
pub fn halt() -> ! {
    crate::printk!(EMERG, "reboot: System halted");
    hal::power::halt()
}

/// Switches the machine off.
pub fn power_off() -> ! {
    crate::printk!(EMERG, "reboot: Power down");
    hal::power::off()
}
