//! `stat` and `statm`: numbers about a process, for programs (`do_task_stat` in `fs/proc/array.c`).

use super::{ProcCx, Task, Text, access};
use crate::mm::{PAGE, page_down, page_up};
use crate::process::{Process, Thread, Usage};
use crate::signal::Pending;
use abi::Result;
use abi::errno::ESRCH;
use abi::process::{RLIMIT_RSS, TASK_COMM_LEN};
use abi::signal::SigSet;
use abi::time::USER_HZ;
use alloc::sync::Arc;
use core::sync::atomic::Ordering::Relaxed;

/// `task_struct.flags`: it has not executed a program since it was made; ...
const PF_FORKNOEXEC: u64 = 0x40;
/// ... it has ended; ...
const PF_EXITING: u64 = 0x4;
/// ... its addresses are left to chance.
const PF_RANDOMIZE: u64 = 0x40_0000;
/// `ADDR_NO_RANDOMIZE` of personality(2).
const ADDR_NO_RANDOMIZE: u32 = 0x004_0000;

/// The letter of its state.
pub fn letter(thread: Option<&Thread>) -> char {
    match thread.map(|thread| thread.task().map_or('R', |task| task.letter())) {
        // Its last steps.
        Some('X') => 'R',
        Some(letter) => letter,
        None => 'Z',
    }
}

/// The name; of one that has ended, the one that it had.
pub fn comm(task: &Task) -> Result<heapless::Vec<u8, { TASK_COMM_LEN - 1 }>> {
    if let Some(thread) = task.living()? {
        return Ok(thread.comm.lock().clone());
    }
    let remains = task.process()?.remains.lock().as_ref().map(|remains| remains.comm.clone());
    remains.ok_or(ESRCH)
}

/// How many threads there are. The first one counts also when it has ended before the others.
pub fn threads(process: &Process) -> usize {
    let group = process.signals.lock();
    let first = group.threads.get(process.pid, process.pid);
    group.threads.len() + usize::from(first.is_none())
}

/// What the thread, or all of the process, has used.
pub fn used(task: &Task, process: &Process) -> Result<Usage> {
    match (task.tid, task.living()?) {
        (Some(_), Some(thread)) => Ok(thread.used()),
        _ => Ok(process.used()),
    }
}

/// A device number as programs outside of the C library see it (`new_encode_dev`).
fn device(dev: u64) -> u64 {
    let (major, minor) = (u64::from(abi::fs::major(dev)), u64::from(abi::fs::minor(dev)));
    minor & 0xff | major << 8 | (minor & !0xff) << 12
}

/// The controlling terminal, and its foreground group.
fn terminal(process: &Process) -> (u64, i32) {
    let tty = process.terminal.lock().clone();
    tty.map_or((0, -1), |tty| (device(tty.dev()), tty.owner().foreground))
}

/// The signals a thread has pending and blocked, and those it ignores and catches.
fn signals(thread: Option<&Arc<Thread>>) -> [SigSet; 4] {
    let Some(thread) = thread else { return [SigSet::EMPTY; 4] };
    let (pending, mask) = {
        let own = thread.signals.lock();
        (Pending::set(&own.pending), own.mask)
    };
    let (caught, ignored) = thread
        .actions()
        .map_or((SigSet::EMPTY, SigSet::EMPTY), |actions| actions.lock().caught_and_ignored());
    [pending, mask, ignored, caught]
}

/// `stat`: 52 numbers, of which the second is a name.
pub fn stat(cx: &ProcCx<Task>, out: &mut Text) -> Result<()> {
    let process = cx.target.process()?;
    let thread = cx.target.living()?;
    let task = match &thread {
        Some(thread) => thread.task().cloned(),
        None => process.task(),
    };
    let task = task.ok_or(ESRCH)?;
    let permitted = access::look(cx).is_ok();
    let state = letter(thread.as_deref());
    let (parent, group, session, execed, status) = {
        let family = cx.kernel.family.lock();
        let (parent, group, session) = family.place(process.pid).ok_or(ESRCH)?;
        let execed = family.is_execed(process.pid);
        (parent, group, session, execed, family.status(process.pid).unwrap_or(0))
    };
    let (tty, foreground) = terminal(&process);
    let used = used(cx.target, &process)?;
    let children = process.usage.lock()[1];
    let tick = |ns: u64| ns / (1_000_000_000 / USER_HZ);
    let params = task.params();
    let personality = thread.as_ref().map_or(0, |t| t.traits.personality.load(Relaxed));
    let fixed = cx.kernel.options.get().is_some_and(|options| options.norandmaps);
    let mut flags = if execed { 0 } else { PF_FORKNOEXEC };
    if thread.is_none() {
        flags |= PF_EXITING;
    }
    if personality & ADDR_NO_RANDOMIZE == 0 && !fixed {
        flags |= PF_RANDOMIZE;
    }

    write!(out, "{} (", cx.target.pid()?.0)?;
    out.bytes(&comm(cx.target)?)?;
    write!(out, ") {state} {} {} {} {tty} {foreground} ", parent.0, group.0, session.0)?;
    write!(out, "{flags} {} {} 0 0 ", used.faults, children.faults)?;
    write!(out, "{} {} ", tick(used.user_ns), tick(used.system_ns))?;
    write!(out, "{} {} ", tick(children.user_ns), tick(children.system_ns))?;
    let threads = threads(&process);
    write!(out, "{} {} {threads} 0 ", params.prio() - 100, params.nice)?;
    write!(out, "{} ", tick(process.started_ns))?;

    let space = cx.target.space()?;
    let rss_limit = process.limits.lock().get(RLIMIT_RSS);
    let counts = space.as_ref().map_or_else(Default::default, |space| space.counts());
    let size = space.as_ref().map_or(0, |space| space.totals().0.total * PAGE);
    write!(out, "{size} {} {rss_limit} ", counts.anon + counts.file + counts.shmem)?;
    let addresses = space.as_ref().map(|space| space.addresses());
    let shown = addresses.clone().filter(|_| permitted);
    let hidden = u64::from(addresses.is_some());
    let code = shown.as_ref().map_or(hidden..hidden, |a| a.code.clone());
    let stack = shown.as_ref().map_or(0, |a| a.start_stack);
    // Where it stands in its program is nobody's business any more.
    write!(out, "{} {} {stack} 0 0", code.start, code.end)?;
    for set in signals(thread.as_ref()) {
        write!(out, " {}", set.0 & 0x7fff_ffff)?;
    }
    let waits = u64::from(permitted && state != 'R');
    write!(out, " {waits} 0 0 {} ", process.exit_signal.load(Relaxed))?;
    write!(out, "{} {} {} 0 0 0", task.last_cpu().0, params.rt_priority, params.policy)?;
    let a = shown.unwrap_or_default();
    let places = [a.data.start, a.data.end, a.brk.start, a.args.start, a.args.end];
    for place in places.into_iter().chain([a.env.start, a.env.end]) {
        write!(out, " {place}")?;
    }
    writeln!(out, " {}", if permitted { status } else { 0 })
}

/// `statm`: sizes in pages: all, resident, shared, code, 0, data and stack, 0.
pub fn statm(cx: &ProcCx<Task>, out: &mut Text) -> Result<()> {
    let Some(space) = cx.target.space()? else { return writeln!(out, "0 0 0 0 0 0 0") };
    let (totals, _) = space.totals();
    let counts = space.counts();
    let code = space.addresses().code;
    let text = (page_up(code.end).unwrap_or(code.end) - page_down(code.start)) / PAGE;
    let shared = counts.file + counts.shmem;
    let (resident, data) = (counts.anon + shared, totals.data + totals.stack);
    writeln!(out, "{} {resident} {shared} {text} 0 {data} 0", totals.total)
}
