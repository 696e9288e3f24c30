//! KVM or TCG: KVM only where it has been seen to boot a kernel.
//!
//! `/dev/kvm` alone proves nothing: nested and paravirtual kinds exist on which ordinary kernels
//! hang at their first instructions. So the first boot where it exists is a trial of two seconds,
//! and the outcome is kept under `target/`.

use crate::project;
use crate::qemu::Accel;
use anyhow::Result;
use std::fs::{self, OpenOptions};
use std::time::Duration;

/// How long the trial may take.
pub const TRIAL: Duration = Duration::from_secs(2);

/// What to boot with. `boots` runs the trial: true when a guest came up under KVM within
/// [`TRIAL`].
///
/// # Errors
/// Those of the trial's preparation; that it fails is no error.
pub fn choose(boots: impl FnOnce() -> Result<bool>) -> Result<Accel> {
    let usable = OpenOptions::new().read(true).write(true).open("/dev/kvm").is_ok();
    if !usable {
        return Ok(Accel::Tcg);
    }
    let memory = project::target("kvm-boots");
    let verdict = fs::read_to_string(&memory).unwrap_or_default();
    let kvm = match verdict.trim() {
        "yes" => true,
        "no" => false,
        _ => {
            let kvm = boots()?;
            fs::write(&memory, if kvm { "yes\n" } else { "no\n" })?;
            kvm
        }
    };
    Ok(if kvm { Accel::Kvm } else { Accel::Tcg })
}
