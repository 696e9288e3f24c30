//! [`Settings`]: what `/proc/sys/fs` can change.

use core::sync::atomic::{AtomicU32, AtomicU64};

/// Values of `/proc/sys/fs`.
pub struct Settings {
    /// `fs.mount-max`: most mounts in a name space.
    pub mount_max: AtomicU32,
    /// `fs.pipe-max-size`: bytes that a pipe may be given by who has no `CAP_SYS_RESOURCE`.
    pub pipe_max_size: AtomicU64,
    /// `fs.protected_hardlinks`: who does not own a file links it only if he may write it.
    pub protected_hardlinks: AtomicU32,
    /// `fs.protected_symlinks`: links of others in sticky directories are not followed.
    pub protected_symlinks: AtomicU32,
    /// `fs.protected_fifos`: nor are their pipes opened with `O_CREAT`. 2: not in directories that
    /// only a group may write either.
    pub protected_fifos: AtomicU32,
    /// `fs.protected_regular`: nor their files.
    pub protected_regular: AtomicU32,
    /// `fs.inotify.max_queued_events`: of one instance.
    pub inotify_max_queued_events: AtomicU32,
    /// `fs.inotify.max_user_instances`: of one user.
    pub inotify_max_user_instances: AtomicU32,
    /// `fs.inotify.max_user_watches`: of one user.
    pub inotify_max_user_watches: AtomicU32,
}

impl Settings {
    /// Debian's defaults.
    pub const fn new() -> Self {
        Self {
            mount_max: AtomicU32::new(100_000),
            pipe_max_size: AtomicU64::new(1 << 20),
            protected_hardlinks: AtomicU32::new(1),
            protected_symlinks: AtomicU32::new(1),
            protected_fifos: AtomicU32::new(0),
            protected_regular: AtomicU32::new(0),
            inotify_max_queued_events: AtomicU32::new(16384),
            inotify_max_user_instances: AtomicU32::new(128),
            inotify_max_user_watches: AtomicU32::new(8192),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::new()
    }
}
