//! KVM or TCG: KVM only where it has been seen to boot a kernel.
//!
//! `/dev/kvm` alone proves nothing: nested and paravirtual kinds exist on which ordinary kernels
//! hang at their first instructions. So the first boot where it exists is a trial of two seconds,
//! and the outcome is kept under `target/`.

use crate::project;
use crate::qemu::Accel;
use std::fs::{self, OpenOptions};
use std::time::Duration;

/// How long the trial may take.
pub const TRIAL: Duration = Duration::from_secs(2);

/// What to boot with. `boots` runs the trial: true when the guest started with the given
/// accelerator within [`TRIAL`].
pub fn choose(boots: impl FnOnce(Accel) -> bool) -> Accel {
    let usable = OpenOptions::new().read(true).write(true).open("/dev/kvm").is_ok();
    if !usable {
        return Accel::Tcg;
    }
    let memory = project::target("kvm-boots");
    let verdict = fs::read_to_string(&memory).unwrap_or_default();
    let kvm = match verdict.trim() {
        "yes" => true,
        "no" => false,
        _ => {
            let kvm = boots(Accel::Kvm);
            // If it cannot be kept, the next run tries again.
            let _ = fs::write(&memory, if kvm { "yes\n" } else { "no\n" });
            kvm
        }
    };
    if kvm { Accel::Kvm } else { Accel::Tcg }
}
