//! `status`: a process for people to read (`proc_pid_status` in `fs/proc/array.c`).

use super::stat::{comm, letter};
use super::{ProcCx, Task, Text};
use crate::cred::Cred;
use crate::mm::{PAGE, Space};
use crate::process::{Process, Thread};
use abi::Result;
use abi::errno::ESRCH;
use abi::process::RLIMIT_SIGPENDING;
use abi::signal::SigSet;
use alloc::sync::Arc;
use core::sync::atomic::Ordering::Relaxed;

fn state(letter: char) -> &'static str {
    match letter {
        'R' => "R (running)",
        'S' => "S (sleeping)",
        'D' => "D (disk sleep)",
        'T' => "T (stopped)",
        't' => "t (tracing stop)",
        'Z' => "Z (zombie)",
        _ => "X (dead)",
    }
}

/// `status`
pub fn status(cx: &ProcCx<Task>, out: &mut Text) -> Result<()> {
    let process = cx.target.process()?;
    let thread = cx.target.living()?;
    let parts = cx.target.parts()?;
    let cred = match &parts {
        Some(parts) => parts.cred.clone(),
        None => process.cred().ok_or(ESRCH)?,
    };
    out.bytes(b"Name:\t")?;
    for byte in comm(cx.target)? {
        match byte {
            b'\n' => out.bytes(b"\\n")?,
            b'\\' => out.bytes(b"\\\\")?,
            byte => out.bytes(&[byte])?,
        }
    }
    writeln!(out)?;
    if let Some(parts) = &parts {
        writeln!(out, "Umask:\t{:04o}", parts.fs.umask())?;
    }
    writeln!(out, "State:\t{}", state(letter(thread.as_deref())))?;
    identity(cx, &process, out)?;
    credentials(&cred, out)?;
    let size = parts.as_ref().map_or(0, |parts| parts.files.size().max(64));
    writeln!(out, "FDSize:\t{size}")?;
    out.bytes(b"Groups:\t")?;
    for (n, gid) in cred.groups.iter().enumerate() {
        write!(out, "{}{}", if n == 0 { "" } else { " " }, gid.0)?;
    }
    out.bytes(b" \n")?;
    let pid = cx.target.pid()?.0;
    let (_, group, session) = cx.kernel.family.lock().place(process.pid).ok_or(ESRCH)?;
    writeln!(out, "NStgid:\t{}\nNSpid:\t{pid}", process.pid.0)?;
    writeln!(out, "NSpgid:\t{}\nNSsid:\t{}", group.0, session.0)?;
    if let Some(parts) = &parts {
        memory(&parts.space, out)?;
    }
    signals(&process, thread.as_ref(), out)?;
    for (name, set) in [
        ("CapInh", cred.inheritable),
        ("CapPrm", cred.permitted),
        ("CapEff", cred.effective),
        ("CapBnd", cred.bounding),
        ("CapAmb", cred.ambient),
    ] {
        writeln!(out, "{name}:\t{:016x}", set.0)?;
    }
    let sealed = thread.as_ref().is_some_and(|t| t.traits.no_new_privs.load(Relaxed));
    writeln!(out, "NoNewPrivs:\t{}\nSeccomp:\t0\nSeccomp_filters:\t0", u8::from(sealed))?;
    // Nothing is done about speculation, nor can a program ask for it.
    writeln!(out, "Speculation_Store_Bypass:\tunknown")?;
    writeln!(out, "SpeculationIndirectBranch:\talways enabled")?;
    places(cx, &process, out)
}

fn identity(cx: &ProcCx<Task>, process: &Process, out: &mut Text) -> Result<()> {
    let pid = cx.target.pid()?.0;
    writeln!(out, "Tgid:\t{}\nNgid:\t0\nPid:\t{pid}", process.pid.0)?;
    writeln!(out, "PPid:\t{}\nTracerPid:\t0", process.parent_pid().0)
}

fn credentials(cred: &Cred, out: &mut Text) -> Result<()> {
    let uids = [cred.uid, cred.euid, cred.suid, cred.fsuid].map(|uid| uid.0);
    let gids = [cred.gid, cred.egid, cred.sgid, cred.fsgid].map(|gid| gid.0);
    for (name, [real, effective, saved, fs]) in [("Uid", uids), ("Gid", gids)] {
        writeln!(out, "{name}:\t{real}\t{effective}\t{saved}\t{fs}")?;
    }
    Ok(())
}

/// Sizes of the address space (`task_mem`).
fn memory(space: &Space, out: &mut Text) -> Result<()> {
    let (totals, peak) = space.totals();
    let counts = space.counts();
    let resident = counts.anon + counts.file + counts.shmem;
    let (exe, lib) = space.text_pages();
    for (name, pages) in [
        ("VmPeak", peak),
        ("VmSize", totals.total),
        ("VmLck", totals.locked),
        ("VmPin", 0),
        ("VmHWM", space.most_pages()),
        ("VmRSS", resident),
        ("RssAnon", counts.anon),
        ("RssFile", counts.file),
        ("RssShmem", counts.shmem),
        ("VmData", totals.data),
        ("VmStk", totals.stack),
        ("VmExe", exe),
        ("VmLib", lib),
        // The root is no table of a program's own to Linux.
        ("VmPTE", counts.tables.saturating_sub(1)),
        ("VmSwap", 0),
        ("HugetlbPages", 0),
    ] {
        writeln!(out, "{name}:\t{:8} kB", pages * PAGE / 1024)?;
    }
    // There are no core dumps, and no huge pages to be transparent.
    writeln!(out, "CoreDumping:\t0\nTHP_enabled:\t0")
}

/// Threads, and the signals of the process and the thread (`task_sig`).
fn signals(process: &Process, thread: Option<&Arc<Thread>>, out: &mut Text) -> Result<()> {
    let limit = process.limits.lock().get(RLIMIT_SIGPENDING);
    let threads = super::stat::threads(process);
    let (mut queued, shared) = {
        let group = process.signals.lock();
        (group.pending.len(), group.pending.set())
    };
    let (mut own, mut mask) = (SigSet::EMPTY, SigSet::EMPTY);
    let (mut caught, mut ignored) = (SigSet::EMPTY, SigSet::EMPTY);
    if let Some(thread) = thread {
        {
            let signals = thread.signals.lock();
            queued += signals.pending.len();
            (own, mask) = (signals.pending.set(), signals.mask);
        }
        if let Some(actions) = thread.actions() {
            (caught, ignored) = actions.lock().caught_and_ignored();
        }
    }
    writeln!(out, "Threads:\t{threads}\nSigQ:\t{queued}/{limit}")?;
    for (name, set) in [
        ("SigPnd", own),
        ("ShdPnd", shared),
        ("SigBlk", mask),
        ("SigIgn", ignored),
        ("SigCgt", caught),
    ] {
        writeln!(out, "{name}:\t{:016x}", set.0)?;
    }
    Ok(())
}

/// Words in the mask of memory nodes, of which there is one (`MAX_NUMNODES` is 1024).
const NODE_WORDS: usize = 32;

/// Where it may run and have memory, and how often it changed hands.
fn places(cx: &ProcCx<Task>, process: &Process, out: &mut Text) -> Result<()> {
    let thread = cx.target.living()?;
    let task = thread.as_ref().and_then(|thread| thread.task().cloned());
    let task = task.or_else(|| process.task()).ok_or(ESRCH)?;
    let allowed = task.allowed() & cx.kernel.sched.all_cpus();
    let cpus = cx.kernel.sched.cpus().len().max(1);
    write!(out, "Cpus_allowed:\t")?;
    mask(allowed, cpus, out)?;
    write!(out, "\nCpus_allowed_list:\t")?;
    ranges(allowed, out)?;
    write!(out, "\nMems_allowed:\t")?;
    for _ in 1..NODE_WORDS {
        write!(out, "00000000,")?;
    }
    writeln!(out, "00000001\nMems_allowed_list:\t0")?;
    let (voluntary, forced) = task.switches();
    writeln!(out, "voluntary_ctxt_switches:\t{voluntary}")?;
    writeln!(out, "nonvoluntary_ctxt_switches:\t{forced}")
}

/// A mask of `bits` bits in groups of eight hexadecimal digits.
fn mask(set: u64, bits: usize, out: &mut Text) -> Result<()> {
    let low = bits.min(32).div_ceil(4);
    if bits > 32 {
        return write!(out, "{:0w$x},{:08x}", set >> 32, set as u32, w = (bits - 32).div_ceil(4));
    }
    write!(out, "{:0low$x}", set & 0xffff_ffff)
}

/// A mask as a list of ranges, such as `0-3,5`.
fn ranges(set: u64, out: &mut Text) -> Result<()> {
    let mut separator = "";
    let mut at = 0;
    while at < 64 {
        let first = at + (set >> at).trailing_zeros();
        if first >= 64 || set >> at == 0 {
            break;
        }
        let len = (set >> first).trailing_ones();
        match len {
            1 => write!(out, "{separator}{first}")?,
            _ => write!(out, "{separator}{first}-{}", first + len - 1)?,
        }
        separator = ",";
        at = first + len;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(show: impl Fn(&mut Text) -> Result<()>) -> alloc::string::String {
        let mut out = Text::default();
        show(&mut out).unwrap();
        alloc::string::String::from_utf8(out.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn sets_of_cpus() {
        for (set, cpus, hex, list) in [
            (1, 1, "1", "0"),
            (3, 2, "3", "0-1"),
            (0b1101, 4, "d", "0,2-3"),
            (0x11, 6, "11", "0,4"),
            (u64::MAX, 64, "ffffffff,ffffffff", "0-63"),
            (1 << 33, 34, "2,00000000", "33"),
        ] {
            assert_eq!(shown(|out| mask(set, cpus, out)), hex);
            assert_eq!(shown(|out| ranges(set, out)), list);
        }
    }
}
