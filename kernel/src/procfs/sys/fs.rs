//! `/proc/sys/fs`.

use super::kernel::NOBODY;
use super::{Ints, fixed, int};
use crate::fs::fd_table::NR_OPEN;
use crate::fs::settings::Settings;
use crate::process::Kernel;
use crate::procfs::table::{Dir, dir, value};
use core::sync::atomic::Ordering::Relaxed;

pub(super) static FS: Dir<()> = Dir::settings(&[
    value("file-nr", 0o444, &FILE_NR),
    dir("inotify", &INOTIFY),
    int("mount-max", &MOUNT_MAX),
    int("nr_open", &fixed(|_| [NR_OPEN as i64])),
    int("overflowgid", &NOBODY),
    int("overflowuid", &NOBODY),
    int("pipe-max-size", &PIPE_MAX_SIZE),
    int("protected_fifos", &PROTECTED_FIFOS),
    int("protected_hardlinks", &PROTECTED_HARDLINKS),
    int("protected_regular", &PROTECTED_REGULAR),
    int("protected_symlinks", &PROTECTED_SYMLINKS),
]);

static INOTIFY: Dir<()> = Dir::settings(&[
    int("max_queued_events", &MAX_QUEUED_EVENTS),
    int("max_user_instances", &MAX_USER_INSTANCES),
    int("max_user_watches", &MAX_USER_WATCHES),
]);

/// Open files; those that are kept for reuse, which are none; how many there may be, which memory
/// decides.
static FILE_NR: Ints<3> = Ints {
    range: i64::MIN..=i64::MAX,
    get: |kernel| [kernel.sched.open_files(), 0, i64::MAX],
    set: None,
};

/// The settings of the initial mounts, which are there before the first program runs.
fn settings(kernel: &Kernel) -> Option<&Settings> {
    kernel.mounts.get().map(|mounts| mounts.settings())
}

/// A setting that is one small number.
macro_rules! number {
    ($name:ident, $field:ident, $range:expr) => {
        static $name: Ints<1> = Ints {
            range: $range,
            get: |kernel| [settings(kernel).map_or(0, |all| all.$field.load(Relaxed).into())],
            set: Some(|cx, [new]| {
                if let Some(all) = settings(cx.kernel) {
                    all.$field.store(new as u32, Relaxed);
                }
                Ok(())
            }),
        };
    };
}

number!(MOUNT_MAX, mount_max, 1..=i32::MAX as i64);
number!(PROTECTED_FIFOS, protected_fifos, 0..=2);
number!(PROTECTED_HARDLINKS, protected_hardlinks, 0..=1);
number!(PROTECTED_REGULAR, protected_regular, 0..=2);
number!(PROTECTED_SYMLINKS, protected_symlinks, 0..=1);

number!(MAX_QUEUED_EVENTS, inotify_max_queued_events, 0..=i32::MAX as i64);
number!(MAX_USER_INSTANCES, inotify_max_user_instances, 0..=i32::MAX as i64);
number!(MAX_USER_WATCHES, inotify_max_user_watches, 0..=i32::MAX as i64);

/// Rounded up to a power of two, a page at least, 2 GiB at most (`round_pipe_size`).
static PIPE_MAX_SIZE: Ints<1> = Ints {
    range: 0..=1 << 31,
    get: |kernel| [settings(kernel).map_or(0, |all| all.pipe_max_size.load(Relaxed)) as i64],
    set: Some(|cx, [new]| {
        if let Some(all) = settings(cx.kernel) {
            all.pipe_max_size.store((new as u64).next_power_of_two().max(4096), Relaxed);
        }
        Ok(())
    }),
};
