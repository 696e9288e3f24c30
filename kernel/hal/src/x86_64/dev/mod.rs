//! Devices the machine itself drives.

pub mod acpi;
pub mod rtc;
pub mod serial;
