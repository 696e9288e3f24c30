//! What can be set by writing: the name, how a victim is chosen when memory runs out, and more
//! (`fs/proc/base.c`).

use super::super::table::{Value, input};
use super::{ProcCx, Task, Text, current, stat};
use crate::fs::Caller;
use crate::mm::io::Source;
use crate::process::{Process, Thread, oom};
use abi::Result;
use abi::errno::{EACCES, EINVAL, EPERM, ESRCH};
use abi::process::{
    CAP_SYS_NICE, CAP_SYS_RESOURCE, OOM_ADJUST_MAX, OOM_ADJUST_MIN, OOM_DISABLE, OOM_SCORE_ADJ_MAX,
    OOM_SCORE_ADJ_MIN,
};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::Ordering::Relaxed;

/// Bytes of a number that are looked at (`PROC_NUMBUF` without its NUL).
const NUMBER: usize = 12;

/// A number as text, with white space around it (`kstrtol` after `strstrip`); `base` 0: as in C.
/// `EINVAL` for anything else.
pub fn number(text: &[u8], base: u32) -> Result<i64> {
    let text = text.split(|b| *b == 0).next().unwrap_or_default().trim_ascii();
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let (base, digits) = match (base, digits) {
        (0, [b'0', b'x' | b'X', hex @ ..]) => (16, hex),
        (0, [b'0', octal @ ..]) if !octal.is_empty() => (8, octal),
        (0, digits) => (10, digits),
        (base, digits) => (base, digits),
    };
    // A second sign is no digit.
    if digits.first().is_none_or(|b| !b.is_ascii_hexdigit()) {
        return Err(EINVAL);
    }
    let digits = core::str::from_utf8(digits).map_err(|_| EINVAL)?;
    let value = i64::from_str_radix(digits, base).map_err(|_| EINVAL)?;
    Ok(if negative { -value } else { value })
}

/// The first bytes of what is written, as many as a number can have.
fn first(from: &mut dyn Source) -> Result<Vec<u8>> {
    let mut bytes = [0; NUMBER];
    let len = from.left().min(NUMBER);
    let room = bytes.get_mut(..len).ok_or(EINVAL)?;
    let got = from.get(room)?;
    if got < len { Err(abi::errno::EFAULT) } else { Ok(room.to_vec()) }
}

/// `comm`: the name of the thread.
pub struct Comm;

/// Bytes that are looked at: more than a name has.
const COMM_INPUT: usize = 4096;

impl Value<Task> for Comm {
    fn show(&self, cx: &ProcCx<Task>, out: &mut Text) -> Result<()> {
        out.bytes(&stat::comm(cx.target)?)?;
        writeln!(out)
    }

    /// Only a thread of the process itself may name it.
    fn store(
        &self,
        cx: &ProcCx<Task>,
        _c: &Caller,
        _at: u64,
        from: &mut dyn Source,
    ) -> Result<usize> {
        let bytes = input(from, COMM_INPUT)?;
        let thread = cx.target.living()?.ok_or(ESRCH)?;
        if !Arc::ptr_eq(&thread.process, &current(cx.kernel)?) {
            return Err(EINVAL);
        }
        let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
        thread.set_comm(bytes.get(..end).unwrap_or_default());
        Ok(bytes.len())
    }
}

/// `oom_score`
pub fn oom_score(cx: &ProcCx<Task>, out: &mut Text) -> Result<()> {
    writeln!(out, "{}", oom::score(&*cx.target.process()?))
}

/// Changes how soon the process goes, and those that share its memory with it. To go back below
/// what one with `CAP_SYS_RESOURCE` has set takes that capability, too (`EACCES`).
fn adjust(c: &Caller, process: &Process, new: i64, legacy: bool) -> Result<()> {
    let privileged = c.cred.capable(CAP_SYS_RESOURCE);
    let floor = if legacy { &process.oom_score_adj } else { &process.oom_score_adj_min };
    if new < floor.load(Relaxed).into() && !privileged {
        return Err(EACCES);
    }
    process.set_oom_score_adj(new as i32, !legacy && privileged);
    Ok(())
}

/// `oom_score_adj`
pub struct OomScoreAdj;

impl Value<Task> for OomScoreAdj {
    fn show(&self, cx: &ProcCx<Task>, out: &mut Text) -> Result<()> {
        writeln!(out, "{}", cx.target.process()?.oom_score_adj.load(Relaxed))
    }

    fn store(
        &self,
        cx: &ProcCx<Task>,
        c: &Caller,
        _at: u64,
        from: &mut dyn Source,
    ) -> Result<usize> {
        let bytes = first(from)?;
        let new = number(&bytes, 0)?;
        if !(OOM_SCORE_ADJ_MIN.into()..=OOM_SCORE_ADJ_MAX.into()).contains(&new) {
            return Err(EINVAL);
        }
        adjust(c, &*cx.target.process()?, new, false)?;
        Ok(bytes.len())
    }
}

/// `oom_adj`: the same in the older units.
pub struct OomAdj;

impl Value<Task> for OomAdj {
    fn show(&self, cx: &ProcCx<Task>, out: &mut Text) -> Result<()> {
        let adjustment = match cx.target.process()?.oom_score_adj.load(Relaxed) {
            OOM_SCORE_ADJ_MAX => OOM_ADJUST_MAX,
            score => (score * -OOM_DISABLE / OOM_SCORE_ADJ_MAX).min(OOM_ADJUST_MAX),
        };
        writeln!(out, "{adjustment}")
    }

    fn store(
        &self,
        cx: &ProcCx<Task>,
        c: &Caller,
        _at: u64,
        from: &mut dyn Source,
    ) -> Result<usize> {
        let bytes = first(from)?;
        let old = i32::try_from(number(&bytes, 0)?).map_err(|_| EINVAL)?;
        let new = match old {
            OOM_ADJUST_MAX => OOM_SCORE_ADJ_MAX,
            OOM_DISABLE | OOM_ADJUST_MIN..OOM_ADJUST_MAX => old * OOM_SCORE_ADJ_MAX / -OOM_DISABLE,
            _ => return Err(EINVAL),
        };
        adjust(c, &*cx.target.process()?, new.into(), true)?;
        Ok(bytes.len())
    }
}

/// `coredump_filter`: what a core dump would hold.
pub struct CoredumpFilter;

/// The bits there are (`MMF_DUMP_FILTER_MASK`).
const FILTERS: u32 = 0x1ff;

impl Value<Task> for CoredumpFilter {
    fn show(&self, cx: &ProcCx<Task>, out: &mut Text) -> Result<()> {
        match cx.target.space()? {
            Some(space) => writeln!(out, "{:08x}", space.dump_filter()),
            None => Ok(()),
        }
    }

    fn store(
        &self,
        cx: &ProcCx<Task>,
        _c: &Caller,
        _at: u64,
        from: &mut dyn Source,
    ) -> Result<usize> {
        let bytes = input(from, 32)?;
        let filter = u32::try_from(number(&bytes, 0)?).map_err(|_| EINVAL)?;
        cx.target.space()?.ok_or(ESRCH)?.set_dump_filter(filter & FILTERS);
        Ok(bytes.len())
    }
}

/// `timerslack_ns`
pub struct TimerSlack;

impl TimerSlack {
    /// The thread, if the running one may know and say how late its timers are.
    fn thread(cx: &ProcCx<Task>) -> Result<Arc<Thread>> {
        let own = current(cx.kernel)?;
        let thread = cx.target.living()?.ok_or(ESRCH)?;
        let same = Arc::ptr_eq(&thread.process, &own);
        let privileged = own.cred().is_some_and(|cred| cred.capable(CAP_SYS_NICE));
        if same || privileged { Ok(thread) } else { Err(EPERM) }
    }
}

impl Value<Task> for TimerSlack {
    fn show(&self, cx: &ProcCx<Task>, out: &mut Text) -> Result<()> {
        writeln!(out, "{}", Self::thread(cx)?.traits.timer_slack[0].load(Relaxed))
    }

    fn store(
        &self,
        cx: &ProcCx<Task>,
        _c: &Caller,
        _at: u64,
        from: &mut dyn Source,
    ) -> Result<usize> {
        let bytes = input(from, 32)?;
        let new = u64::try_from(number(&bytes, 10)?).map_err(|_| EINVAL)?;
        let thread = Self::thread(cx)?;
        let [now, default] = &thread.traits.timer_slack;
        now.store(if new == 0 { default.load(Relaxed) } else { new }, Relaxed);
        Ok(bytes.len())
    }
}

/// `setgroups`: whether setgroups(2) is allowed, which in the one user name space it is.
pub struct SetGroups;

impl Value<Task> for SetGroups {
    fn show(&self, cx: &ProcCx<Task>, out: &mut Text) -> Result<()> {
        cx.target.process()?;
        writeln!(out, "allow")
    }

    fn store(
        &self,
        _cx: &ProcCx<Task>,
        _c: &Caller,
        at: u64,
        from: &mut dyn Source,
    ) -> Result<usize> {
        let bytes = input(from, 7)?;
        match bytes.trim_ascii_end() {
            _ if at != 0 => Err(EINVAL),
            b"allow" => Ok(bytes.len()),
            // Groups have been mapped already.
            b"deny" => Err(EPERM),
            _ => Err(EINVAL),
        }
    }
}

/// `uid_map` and its like: in the one user name space every id is itself.
pub fn id_map(cx: &ProcCx<Task>, out: &mut Text) -> Result<()> {
    cx.target.process()?;
    writeln!(out, "{:10} {:10} {:10}", 0, 0, u32::MAX)
}

/// A map is set once, and that of the first name space is.
pub fn set_map(_cx: &ProcCx<Task>, _c: &Caller, _at: u64, _from: &mut dyn Source) -> Result<usize> {
    Err(EPERM)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_by_the_kernel() {
        assert_eq!(number(b" -17\n", 0), Ok(-17));
        assert_eq!(number(b"0x1f", 0), Ok(31));
        assert_eq!(number(b"010", 0), Ok(8));
        assert_eq!(number(b"010", 10), Ok(10));
        assert_eq!(number(b"+5\0junk", 10), Ok(5));
        for bad in [&b""[..], b"-", b"--1", b"1 2", b"0x", b"08", b"5x", b"99999999999999999999"] {
            assert_eq!(number(bad, 0), Err(EINVAL), "{bad:?}");
        }
    }
}
