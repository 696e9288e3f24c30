//! Waiting for many files at once: the core of poll(2) and select(2).
//!
//! A watch is put on every file's queues in the first round; then the files are asked again after
//! every wake-up until one of them has what was asked for.

use crate::fs::caller::Caller;
use crate::fs::file::File;
use crate::wait::{Pause, Vigil, Watch, Woken};
use abi::Result;
use abi::errno::ERESTARTNOHAND;
use abi::poll::PollEvents;
use alloc::sync::Arc;

/// What makes select(2) call a file readable.
pub const SELECT_IN: PollEvents = PollEvents::RDNORM
    .with(PollEvents::RDBAND)
    .with(PollEvents::IN)
    .with(PollEvents::HUP)
    .with(PollEvents::ERR);
/// What makes select(2) call a file writable.
pub const SELECT_OUT: PollEvents =
    PollEvents::WRNORM.with(PollEvents::WRBAND).with(PollEvents::OUT).with(PollEvents::ERR);
/// What makes select(2) call a file exceptional.
pub const SELECT_EX: PollEvents = PollEvents::PRI;

/// One file to wait for.
pub struct Request {
    /// The file; `None` is ready with `revents` as they are (a bad descriptor), or never.
    pub file: Option<Arc<File>>,
    /// What to wait for. Errors and hang-ups are always reported.
    pub events: PollEvents,
    /// What is ready.
    pub revents: PollEvents,
}

/// Asks every file; returns how many have something to report.
fn ask(c: &Caller, list: &mut [Request], mut watch: Option<&mut Watch>) -> usize {
    let mut ready = 0;
    for request in list {
        if let Some(file) = &request.file {
            // Once something is ready nobody is going to sleep.
            let watch = watch.as_deref_mut().filter(|_| ready == 0);
            let found = file.poll(c, watch);
            request.revents = found & (request.events | PollEvents::ALWAYS);
        }
        ready += usize::from(!request.revents.is_empty());
    }
    ready
}

/// Waits until a file of `list` is ready, the deadline (monotonic nanoseconds; `None`: for ever)
/// passes, or a signal comes: `ERESTARTNOHAND`. Returns how many are ready.
pub fn wait(c: &Caller, list: &mut [Request], deadline: Option<u64>) -> Result<usize> {
    let now = crate::time::mono_ns();
    let mut vigil = match deadline {
        Some(at) if at <= now => None,
        _ => Vigil::new(),
    };
    let ready = ask(c, list, vigil.as_mut().map(|vigil| &mut vigil.watch));
    let Some(vigil) = vigil else { return Ok(ready) };
    if ready > 0 {
        return Ok(ready);
    }
    let pause = Pause::INTERRUPTIBLE.until(deadline);
    loop {
        vigil.clear();
        let ready = ask(c, list, None);
        if ready > 0 {
            return Ok(ready);
        }
        match vigil.wait(pause) {
            Ok(()) => {}
            Err(Woken::Deadline) => return Ok(ask(c, list, None)),
            Err(Woken::Signal) => return Err(ERESTARTNOHAND),
        }
    }
}
