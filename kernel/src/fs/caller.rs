//! Who asks: what a file operation may know of the thread that calls it.

use crate::cred::{Cred, Limits};
use crate::fs::info::FsInfo;
use crate::mm;
use crate::signal::Signal;

/// The caller of a file operation.
///
/// Files stand below processes, so they are given these parts and never the thread itself. The
/// kernel's own use of files (unpacking the initramfs, opening init's console) makes one by hand.
#[derive(Clone, Copy)]
pub struct Caller<'a> {
    /// Whose permissions count.
    pub cred: &'a Cred,
    /// Where pointers in ioctl(2) arguments point to; a kernel thread has none.
    pub space: Option<&'a mm::Space>,
    /// Resource limits.
    pub limits: &'a Limits,
    /// Root, working directory, umask and the mounts.
    pub fs_info: &'a FsInfo,
    /// Sends the calling thread a signal (`SIGPIPE`, `SIGXFSZ`).
    pub raise: &'a dyn Fn(Signal),
}
