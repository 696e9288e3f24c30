//! `/proc/sys/vm`.

use super::{Ints, fixed, int};
use crate::mm::{MAX_MAP_COUNT, MMAP_MIN_ADDR};
use crate::procfs::table::{Dir, value};
use core::sync::atomic::Ordering::Relaxed;

pub(super) static VM: Dir<()> = Dir::settings(&[
    value("drop_caches", 0o200, &DROP_CACHES),
    int("max_map_count", &fixed(|_| [MAX_MAP_COUNT as i64])),
    int("mmap_min_addr", &fixed(|_| [MMAP_MIN_ADDR as i64])),
    int("oom_kill_allocating_task", &OOM_KILL_ALLOCATING_TASK),
    int("overcommit_memory", &fixed(|_| [HEURISTIC])),
    int("panic_on_oom", &PANIC_ON_OOM),
]);

/// How much memory may be promised: all but what can never be had (`OVERCOMMIT_GUESS`).
const HEURISTIC: i64 = 0;

/// 2 lets go of names that nobody uses. 1 asks for cached pages to go, but those here are their
/// files' only copies.
static DROP_CACHES: Ints<1> = Ints {
    range: 1..=4,
    get: |_| [0],
    set: Some(|cx, [what]| {
        if what & 2 != 0
            && let Some(mounts) = cx.kernel.mounts.get()
        {
            mounts.forget_names();
        }
        Ok(())
    }),
};

static OOM_KILL_ALLOCATING_TASK: Ints<1> = Ints {
    range: i32::MIN as i64..=i32::MAX as i64,
    get: |kernel| [kernel.settings.oom_kill_allocating_task.load(Relaxed).into()],
    set: Some(|cx, [on]| {
        cx.kernel.settings.oom_kill_allocating_task.store(on as i32, Relaxed);
        Ok(())
    }),
};

static PANIC_ON_OOM: Ints<1> = Ints {
    range: 0..=2,
    get: |kernel| [kernel.settings.panic_on_oom.load(Relaxed).into()],
    set: Some(|cx, [when]| {
        cx.kernel.settings.panic_on_oom.store(when as i32, Relaxed);
        Ok(())
    }),
};
