//! [`Kernel`]: what there is once per kernel. Reached through `cx.kernel`; tests hold several.

use abi::process::PID_MAX_DEFAULT;

use super::{family::Family, object::Process};
use crate::{
    fs::mount::Namespace,
    lock::{Spin, order},
    log::Log,
    random::Random,
    sched::Sched,
    time::RealTime,
};
use alloc::sync::Arc;

/// One kernel.
pub struct Kernel {
    /// CPUs and run queues.
    pub sched: Sched,
    /// The kernel log.
    pub log: Log,
    /// Random numbers.
    pub random: Random,
    /// The real-time clock.
    pub real_time: RealTime,
    /// All processes.
    pub family: Spin<Option<Family<Arc<Process>>>, order::Family>,
    /// Host and domain name.
    pub uts: Spin<Uts, order::Names>,
    /// The initial mounts.
    pub mounts: spin::Once<Arc<Namespace>>,
    /// The kernel command line.
    pub options: spin::Once<Options>,
}
