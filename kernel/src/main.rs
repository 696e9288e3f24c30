//! The kernel image: joins the machine and the kernel.
#![cfg_attr(target_os = "none", no_std, no_main)]

use kernel::process::Kernel;

/// The one kernel of this machine.
static KERNEL: Kernel = Kernel::new();

hal::entry!(&KERNEL);
