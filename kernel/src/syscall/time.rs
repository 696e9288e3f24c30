//! System calls about time.

use abi::{
    errno::{EINTR, EINVAL, ENOTSUP, EPERM, ERESTART_RESTARTBLOCK, ERESTARTNOHAND, Result},
    process::CAP_SYS_TIME,
    time::{
        CLOCK_BOOTTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_COARSE, CLOCK_MONOTONIC_RAW,
        CLOCK_PROCESS_CPUTIME_ID, CLOCK_REALTIME, CLOCK_REALTIME_COARSE, CLOCK_TAI,
        CLOCK_THREAD_CPUTIME_ID, ITIMER_PROF, ITIMER_REAL, ITIMER_VIRTUAL, Itimerval, TimerFlags,
        Timespec, Timeval, Timezone,
    },
};

use crate::{
    mm::user::{UserIn, UserOut},
    process::{Cx, Restart, cpu_timers::CpuClock},
    sched::timer::TICK_NS,
    time::{self, NSEC_PER_SEC},
    wait::{Pause, WaitQueue, Woken},
};

/// What clock `id` says, in nanoseconds.
fn read_clock(cx: &Cx, id: u32) -> Result<i64> {
    Ok(match id {
        CLOCK_REALTIME | CLOCK_REALTIME_COARSE | CLOCK_TAI => cx.kernel.real_time.now_ns(),
        CLOCK_MONOTONIC | CLOCK_MONOTONIC_COARSE | CLOCK_MONOTONIC_RAW | CLOCK_BOOTTIME => {
            time::mono_ns() as i64
        }
        CLOCK_THREAD_CPUTIME_ID => cx.task.ran_ns() as i64,
        CLOCK_PROCESS_CPUTIME_ID => {
            let used = cx.process().used();
            (used.user_ns + used.system_ns) as i64
        }
        _ => return Err(EINVAL),
    })
}

/// clock_gettime(2)
pub fn clock_gettime(cx: &mut Cx, id: u32, out: UserOut<Timespec>) -> Result<()> {
    let now = read_clock(cx, id)?;
    out.write(cx.space(), &time::timespec(now))
}

/// clock_getres(2)
pub fn clock_getres(cx: &mut Cx, id: u32, out: Option<UserOut<Timespec>>) -> Result<()> {
    read_clock(cx, id)?;
    let ns = match id {
        CLOCK_REALTIME_COARSE | CLOCK_MONOTONIC_COARSE => TICK_NS as i64,
        _ => 1,
    };
    match out {
        Some(out) => out.write(cx.space(), &time::timespec(ns)),
        None => Ok(()),
    }
}

/// The latest time that can be set, in seconds (`TIME_SETTOD_SEC_MAX`): thirty years before the
/// end of 64-bit nanoseconds.
const LATEST_SEC: i64 = i64::MAX / NSEC_PER_SEC as i64 - 30 * 365 * 24 * 3600;

/// clock_settime(2)
pub fn clock_settime(cx: &mut Cx, id: u32, new: UserIn<Timespec>) -> Result<()> {
    if id != CLOCK_REALTIME {
        read_clock(cx, id)?;
        return Err(EINVAL);
    }
    let ns = time::nanoseconds(new.read(cx.space())?).ok_or(EINVAL)?;
    set_time(cx, ns as i64)
}

fn set_time(cx: &Cx, ns: i64) -> Result<()> {
    if !cx.cred().capable(CAP_SYS_TIME) {
        return Err(EPERM);
    }
    // The real-time clock may not be set to before the monotonic one began, nor so late that it
    // could pass its end while the machine is up.
    if ns < time::mono_ns() as i64 || ns >= LATEST_SEC * NSEC_PER_SEC as i64 {
        return Err(EINVAL);
    }
    cx.kernel.set_real_time(ns);
    Ok(())
}

/// gettimeofday(2); there is no time zone.
pub fn gettimeofday(
    cx: &mut Cx,
    now: Option<UserOut<Timeval>>,
    zone: Option<UserOut<Timezone>>,
) -> Result<()> {
    if let Some(now) = now {
        now.write(cx.space(), &time::timeval(cx.kernel.real_time.now_ns()))?;
    }
    match zone {
        Some(zone) => zone.write(cx.space(), &Timezone { tz_minuteswest: 0, tz_dsttime: 0 }),
        None => Ok(()),
    }
}

/// time(2)
pub fn time(cx: &mut Cx, out: Option<UserOut<i64>>) -> Result<u64> {
    let now = cx.kernel.real_time.now_ns() / NSEC_PER_SEC as i64;
    if let Some(out) = out {
        out.write(cx.space(), &now)?;
    }
    Ok(now as u64)
}

/// Sleeps until `until` on the monotonic clock. `Err(left)`: a signal came, so much before.
fn sleep_until(until: u64) -> core::result::Result<(), u64> {
    let nothing = WaitQueue::new();
    match nothing.wait::<()>(Pause::INTERRUPTIBLE.until(Some(until)), || None) {
        Ok(()) | Err(Woken::Deadline) => Ok(()),
        Err(Woken::Signal) => match until.saturating_sub(time::mono_ns()) {
            0 => Ok(()),
            left => Err(left),
        },
    }
}

/// nanosleep(2)
pub fn nanosleep(
    cx: &mut Cx,
    request: UserIn<Timespec>,
    rest: Option<UserOut<Timespec>>,
) -> Result<()> {
    let ns = time::nanoseconds(request.read(cx.space())?).ok_or(EINVAL)?;
    let until = time::mono_ns().saturating_add(ns);
    sleep_relative(cx, until, rest.map_or(0, UserOut::addr))
}

/// A sleep that restart_syscall(2) goes on with; `rest` is where the rest is told.
fn sleep_relative(cx: &mut Cx, until: u64, rest: u64) -> Result<()> {
    let Err(left) = sleep_until(until) else { return Ok(()) };
    if rest != 0 {
        UserOut::<Timespec>::new(rest).write(cx.space(), &time::timespec(left as i64))?;
    }
    cx.restart_block = Some(Restart::Sleep { until, rest });
    Err(ERESTART_RESTARTBLOCK)
}

/// clock_nanosleep(2)
pub fn clock_nanosleep(
    cx: &mut Cx,
    id: u32,
    flags: u32,
    request: UserIn<Timespec>,
    rest: Option<UserOut<Timespec>>,
) -> Result<()> {
    match id {
        CLOCK_REALTIME | CLOCK_MONOTONIC | CLOCK_BOOTTIME | CLOCK_TAI => {}
        CLOCK_THREAD_CPUTIME_ID
        | CLOCK_PROCESS_CPUTIME_ID
        | CLOCK_MONOTONIC_RAW
        | CLOCK_REALTIME_COARSE
        | CLOCK_MONOTONIC_COARSE => return Err(ENOTSUP),
        _ => return Err(EINVAL),
    }
    let ns = time::nanoseconds(request.read(cx.space())?).ok_or(EINVAL)?;
    if TimerFlags(flags).has(TimerFlags::ABSTIME) {
        let ahead = (ns as i64).saturating_sub(read_clock(cx, id)?).max(0);
        let until = time::mono_ns().saturating_add(ahead as u64);
        return sleep_until(until).map_err(|_| ERESTARTNOHAND);
    }
    let until = time::mono_ns().saturating_add(ns);
    sleep_relative(cx, until, rest.map_or(0, UserOut::addr))
}

/// restart_syscall(2): goes on with what a signal without a handler interrupted.
pub fn restart_syscall(cx: &mut Cx) -> Result<usize> {
    match cx.restart_block.take() {
        Some(Restart::Sleep { until, rest }) => sleep_relative(cx, until, rest).map(|()| 0),
        Some(Restart::Poll { fds, count, until }) => super::poll::poll_until(cx, fds, count, until),
        Some(Restart::Futex { addr, private, value, bits, until }) => {
            super::sched::futex_wait(cx, addr, private, (value, bits), Some(until))
        }
        None => Err(EINTR),
    }
}

fn itimerval((first, every): (u64, u64)) -> Itimerval {
    Itimerval { it_interval: time::timeval(every as i64), it_value: time::timeval(first as i64) }
}

/// A `struct timeval` of an interval timer in nanoseconds.
fn interval(tv: Timeval) -> Result<u64> {
    if tv.tv_sec < 0 || !(0..1_000_000).contains(&tv.tv_usec) {
        return Err(EINVAL);
    }
    let ts = Timespec { tv_sec: tv.tv_sec, tv_nsec: tv.tv_usec * 1000 };
    time::nanoseconds(ts).ok_or(EINVAL)
}

/// The CPU clock behind an interval timer; `None` for the real one.
fn timer_clock(which: u32) -> Result<Option<CpuClock>> {
    match which {
        ITIMER_REAL => Ok(None),
        ITIMER_VIRTUAL => Ok(Some(CpuClock::Virtual)),
        ITIMER_PROF => Ok(Some(CpuClock::Prof)),
        _ => Err(EINVAL),
    }
}

/// getitimer(2)
pub fn getitimer(cx: &mut Cx, which: u32, out: UserOut<Itimerval>) -> Result<()> {
    let left = match timer_clock(which)? {
        None => cx.process().alarm_left(),
        Some(clock) => cx.process().cpu_timer_left(clock),
    };
    out.write(cx.space(), &itimerval(left))
}

/// setitimer(2); a NULL value is zero.
pub fn setitimer(
    cx: &mut Cx,
    which: u32,
    new: Option<UserIn<Itimerval>>,
    old: Option<UserOut<Itimerval>>,
) -> Result<()> {
    let new = match new {
        Some(new) => new.read(cx.space())?,
        None => <Itimerval as abi::Wire>::ZERO,
    };
    let (first, every) = (interval(new.it_value)?, interval(new.it_interval)?);
    let before = match timer_clock(which)? {
        None => cx.process().set_alarm(first, every),
        Some(clock) => cx.process().set_cpu_timer(clock, first, every),
    };
    match old {
        Some(old) => old.write(cx.space(), &itimerval(before)),
        None => Ok(()),
    }
}
