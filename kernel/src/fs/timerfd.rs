//! timerfd_create(2): a timer to be read (`fs/timerfd.c`).
//!
//! A periodic timer is armed for its next time only when somebody looks at it: however short its
//! period, it costs nothing while nobody does. Lock level: `Alarm`.

use alloc::sync::{Arc, Weak};
use core::{fmt, mem::size_of};

use abi::Result;
use abi::errno::{EAGAIN, ECANCELED, EFAULT, EINVAL, ENOTTY};
use abi::fs::OpenFlags;
use abi::poll::PollEvents;
use abi::time::{
    CLOCK_REALTIME, CLOCK_REALTIME_ALARM, TFD_IOC_SET_TICKS, TimerfdCreateFlags, TimerfdSetFlags,
};

use crate::cred::Cred;
use crate::fs::caller::Caller;
use crate::fs::file::{File, FileOps, Pos};
use crate::fs::nameless::anon_file;
use crate::lock::{Spin, order};
use crate::mm::io::{Sink, Source};
use crate::mm::user::UserIn;
use crate::sched::Notify;
use crate::sched::timer::{self, Expire, Timer, TimerNode};
use crate::time::{NSEC_PER_SEC, RealTime, mono_ns};
use crate::wait::{WaitQueue, Watch};

/// An open timer.
pub struct Timerfd {
    inner: Arc<Inner>,
    /// For timers on the real-time clock: to be told when that is set.
    _watch: Option<Watch>,
}

struct Inner {
    clock: u32,
    real: &'static RealTime,
    node: TimerNode,
    plan: Spin<Plan, order::Alarm>,
    changed: Arc<WaitQueue>,
}

#[derive(Default)]
struct Plan {
    /// When it rings or rang, in nanoseconds on its clock, which may be set meanwhile if the time
    /// is absolute; 0: it is off.
    at: u64,
    /// Nanoseconds to the next time; 0: there is none.
    every: u64,
    /// How often it rang since it was read.
    ticks: u64,
    /// It rang and is not armed.
    rang: bool,
    /// The clock was set: the next read says so.
    cancelled: bool,
    /// `at` is on the real-time clock, else on the monotonic one.
    absolute: bool,
    flags: TimerfdSetFlags,
}

/// Nanoseconds to the next time (0: none) and between those after it.
pub type Setting = (u64, u64);

/// Is it one of the two real-time clocks?
fn is_real(clock: u32) -> bool {
    matches!(clock, CLOCK_REALTIME | CLOCK_REALTIME_ALARM)
}

/// A new timer on `clock`, which was checked.
pub fn open(c: &Caller, cred: &Arc<Cred>, clock: u32, flags: TimerfdCreateFlags) -> Arc<File> {
    let real = c.fs_info.mounts.clock();
    let inner = Arc::new_cyclic(|me: &Weak<Inner>| Inner {
        clock,
        real,
        node: Timer::calling(me.clone() as Weak<dyn Expire>),
        plan: Spin::new(Plan::default()),
        changed: Arc::new(WaitQueue::new()),
    });
    let watch = is_real(clock).then(|| {
        let mut watch = Watch::calling(inner.clone(), 0, false);
        watch.add(real.changed(), 0);
        watch
    });
    let ops = Arc::new(Timerfd { inner, _watch: watch });
    let flags = OpenFlags::RDWR | OpenFlags(flags.bits()) & OpenFlags::NONBLOCK;
    anon_file(c, cred, ops, flags)
}

impl Timerfd {
    /// The clock it runs on.
    pub fn clock(&self) -> u32 {
        self.inner.clock
    }

    /// timerfd_settime(2): rings in, or with `ABSTIME` at, `first` nanoseconds (0: never), then
    /// every `every`. Returns what was set before.
    pub fn set(&self, flags: TimerfdSetFlags, (first, every): Setting) -> Setting {
        let inner = &self.inner;
        let mut plan = inner.plan.lock();
        timer::clear(&inner.node);
        plan.catch_up(inner.real);
        let old = plan.left(inner.real);
        let absolute = flags.has(TimerfdSetFlags::ABSTIME);
        let at = match (first, absolute) {
            (0, _) => 0,
            (first, true) => first,
            (first, false) => mono_ns().saturating_add(first),
        };
        let absolute = absolute && is_real(inner.clock);
        *plan = Plan { at, every, absolute, flags, ..Plan::default() };
        inner.arm(&plan);
        old
    }

    /// timerfd_gettime(2)
    pub fn left(&self) -> Setting {
        let inner = &self.inner;
        let mut plan = inner.plan.lock();
        if plan.catch_up(inner.real) {
            inner.arm(&plan);
        }
        plan.left(inner.real)
    }
}

impl Inner {
    /// Arms the timer for the plan's time.
    fn arm(&self, plan: &Plan) {
        if plan.at != 0 && !plan.rang {
            timer::set(&self.node, plan.due(self.real));
        }
    }

    /// It has news for readers.
    fn tell(&self) {
        self.changed.wake(PollEvents::IN.bits().into(), 1);
    }
}

impl Plan {
    /// When it rings on the monotonic clock.
    fn due(&self, real: &RealTime) -> u64 {
        match self.absolute {
            true => (self.at as i64).saturating_sub(real.boot_ns()).max(0) as u64,
            false => self.at,
        }
    }

    /// A periodic timer that rang goes on to its next time, and counts those in between. `true`: it
    /// is to be armed again.
    fn catch_up(&mut self, real: &RealTime) -> bool {
        if !self.rang || self.every == 0 {
            return false;
        }
        let late = mono_ns().saturating_sub(self.due(real));
        let missed = late / self.every;
        self.ticks = self.ticks.saturating_add(missed);
        self.at = self.at.saturating_add((missed + 1).saturating_mul(self.every));
        self.rang = false;
        true
    }

    fn left(&self, real: &RealTime) -> Setting {
        let left = match self.at {
            0 => 0,
            _ if self.rang => 0,
            _ => self.due(real).saturating_sub(mono_ns()),
        };
        (left, self.every)
    }
}

impl Expire for Inner {
    fn expired(&self) {
        {
            let mut plan = self.plan.lock();
            // Set anew, turned off, or its clock set back, after it went off.
            if plan.at == 0 || plan.rang || plan.due(self.real) > mono_ns() {
                return;
            }
            plan.rang = true;
            plan.ticks += 1;
        }
        self.tell();
    }
}

/// The real-time clock was set.
impl Notify for Inner {
    fn has_sleepers(&self) -> bool {
        true
    }

    fn notify(self: Arc<Self>) {
        let cancelled = {
            let mut plan = self.plan.lock();
            if plan.absolute {
                timer::clear(&self.node);
                self.arm(&plan);
            }
            plan.cancelled = plan.absolute && plan.flags.has(TimerfdSetFlags::CANCEL_ON_SET);
            plan.ticks += u64::from(plan.cancelled);
            plan.cancelled
        };
        if cancelled {
            self.tell();
        }
    }
}

impl FileOps for Timerfd {
    fn read(&self, _f: &File, _c: &Caller, to: &mut dyn Sink, _at: Pos) -> Result<usize> {
        if to.left() < size_of::<u64>() {
            return Err(EINVAL);
        }
        let ticks = {
            let mut plan = self.inner.plan.lock();
            if core::mem::take(&mut plan.cancelled) {
                plan.ticks = 0;
                return Err(ECANCELED);
            }
            if plan.ticks == 0 {
                return Err(EAGAIN);
            }
            if plan.catch_up(self.inner.real) {
                self.inner.arm(&plan);
            }
            core::mem::take(&mut plan.ticks)
        };
        to.put_all(&ticks.to_ne_bytes())?;
        Ok(size_of::<u64>())
    }

    fn write(&self, _f: &File, _c: &Caller, _from: &mut dyn Source, _at: Pos) -> Result<usize> {
        Err(EINVAL)
    }

    fn can_poll(&self) -> bool {
        true
    }

    fn poll(&self, _f: &File, _c: &Caller, watch: Option<&mut Watch>) -> PollEvents {
        if let Some(watch) = watch {
            watch.add(&self.inner.changed, 0);
        }
        match self.inner.plan.lock().ticks {
            0 => PollEvents::EMPTY,
            _ => PollEvents::IN,
        }
    }

    fn ioctl(&self, _f: &File, c: &Caller, cmd: u32, arg: u64) -> Result<i64> {
        if cmd != TFD_IOC_SET_TICKS {
            return Err(ENOTTY);
        }
        let ticks = UserIn::<u64>::new(arg).read(c.space.ok_or(EFAULT)?)?;
        if ticks == 0 {
            return Err(EINVAL);
        }
        {
            let mut plan = self.inner.plan.lock();
            if plan.cancelled {
                return Err(ECANCELED);
            }
            plan.ticks = ticks;
        }
        self.inner.tell();
        Ok(0)
    }

    fn seek(&self, _f: &File, now: u64, _offset: i64, _whence: u32) -> Result<u64> {
        Ok(now)
    }

    fn link_name(&self) -> Option<&'static str> {
        Some("anon_inode:[timerfd]")
    }

    fn fdinfo(&self, _f: &File, out: &mut dyn fmt::Write) -> fmt::Result {
        let (ticks, flags, (left, every)) = {
            let plan = self.inner.plan.lock();
            (plan.ticks, plan.flags, plan.left(self.inner.real))
        };
        let parts = |ns: u64| (ns / NSEC_PER_SEC, ns % NSEC_PER_SEC);
        let ((sec, nsec), (every_sec, every_nsec)) = (parts(left), parts(every));
        writeln!(
            out,
            "clockid: {}\nticks: {ticks}\nsettime flags: 0{:o}\nit_value: ({sec}, {nsec})\n\
             it_interval: ({every_sec}, {every_nsec})",
            self.inner.clock,
            flags.bits(),
        )
    }
}

impl Drop for Timerfd {
    fn drop(&mut self) {
        timer::clear(&self.inner.node);
    }
}
