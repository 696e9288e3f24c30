//! `/proc/sys/kernel`.

use super::{Ints, Line, fixed, int, line, text};
use crate::cred::{CapSet, NGROUPS_MAX};
use crate::process::settings::MAX_THREADS;
use crate::process::uts::{MACHINE, NAME_LEN, Name, RELEASE, SYSNAME, VERSION};
use crate::process::{Kernel, Pid};
use crate::procfs::Text;
use crate::procfs::table::{Dir, dir, value};
use crate::tty::pty;
use abi::errno::{EINVAL, EPERM, Result};
use abi::process::{CAP_CHECKPOINT_RESTORE, CAP_SYS_ADMIN, PID_MAX_LIMIT, PID_MAX_MIN};
use core::ops::RangeInclusive;
use core::sync::atomic::Ordering::Relaxed;

/// What an `int` of C holds.
const INT: RangeInclusive<i64> = i32::MIN as i64..=i32::MAX as i64;

/// What users and groups are called whose numbers do not fit in 16 bits.
pub(super) const NOBODY: Ints<1> = fixed(|_| [65534]);

pub(super) static KERNEL: Dir<()> = Dir::settings(&[
    line("arch", &text(|_, out| out.bytes(MACHINE))),
    int("cap_last_cap", &fixed(|_| [CapSet::ALL.0.ilog2().into()])),
    line("domainname", &DOMAINNAME),
    line("hostname", &HOSTNAME),
    int("ngroups_max", &fixed(|_| [NGROUPS_MAX as i64])),
    value("ns_last_pid", 0o666, &NS_LAST_PID),
    line("osrelease", &text(|_, out| out.bytes(RELEASE))),
    line("ostype", &text(|_, out| out.bytes(SYSNAME))),
    int("overflowgid", &NOBODY),
    int("overflowuid", &NOBODY),
    int("panic", &PANIC),
    int("pid_max", &PID_MAX),
    value("printk", 0o644, &PRINTK),
    dir("pty", &PTY),
    dir("random", &RANDOM),
    int("randomize_va_space", &RANDOMIZE_VA_SPACE),
    int("threads-max", &THREADS_MAX),
    line("version", &text(|_, out| out.bytes(VERSION))),
]);

/// A name of as many bytes as uname(2) has room for.
fn name(bytes: &[u8]) -> Result<Name> {
    Name::from_slice(bytes).map_err(|_| EINVAL)
}

static HOSTNAME: Line = Line {
    max: NAME_LEN,
    get: |kernel, out| {
        let name = kernel.uts.lock().nodename.clone();
        out.bytes(&name)
    },
    set: Some(|kernel, bytes| {
        kernel.uts.lock().nodename = name(bytes)?;
        Ok(())
    }),
};

static DOMAINNAME: Line = Line {
    max: NAME_LEN,
    get: |kernel, out| {
        let name = kernel.uts.lock().domainname.clone();
        out.bytes(&name)
    },
    set: Some(|kernel, bytes| {
        kernel.uts.lock().domainname = name(bytes)?;
        Ok(())
    }),
};

static PANIC: Ints<1> = Ints {
    range: INT,
    get: |kernel| [kernel.settings.panic_timeout.load(Relaxed).into()],
    set: Some(|cx, [seconds]| {
        cx.kernel.settings.set_panic_timeout(seconds as i32);
        Ok(())
    }),
};

static PID_MAX: Ints<1> = Ints {
    range: PID_MAX_MIN as i64..=PID_MAX_LIMIT as i64,
    get: |kernel| [kernel.family.lock().pid_max().into()],
    set: Some(|cx, [max]| {
        cx.kernel.family.lock().set_pid_max(max as i32);
        Ok(())
    }),
};

/// The pid given last: the next one is looked for behind it.
static NS_LAST_PID: Ints<1> = Ints {
    range: 0..=PID_MAX_LIMIT as i64,
    get: |kernel| [kernel.family.lock().last_pid().0.into()],
    set: Some(|cx, [pid]| {
        let able = |cap| cx.opener.is_some_and(|cred| cred.capable(cap));
        if !able(CAP_CHECKPOINT_RESTORE) && !able(CAP_SYS_ADMIN) {
            return Err(EPERM);
        }
        cx.kernel.family.lock().set_last_pid(Pid(pid as i32));
        Ok(())
    }),
};

/// Which messages reach the console, and the levels that syslog(2) and messages without one take.
static PRINTK: Ints<4> = Ints {
    range: INT,
    get: |kernel| kernel.log.levels().map(i64::from),
    set: Some(|cx, levels| {
        cx.kernel.log.set_levels(levels.map(|level| level as i32));
        Ok(())
    }),
};

static RANDOMIZE_VA_SPACE: Ints<1> = Ints {
    range: INT,
    get: |kernel| [kernel.settings.randomize_va_space.load(Relaxed).into()],
    set: Some(|cx, [what]| {
        cx.kernel.settings.randomize_va_space.store(what as i32, Relaxed);
        Ok(())
    }),
};

static THREADS_MAX: Ints<1> = Ints {
    range: 1..=MAX_THREADS as i64,
    get: |kernel| [kernel.max_threads() as i64],
    set: Some(|cx, [max]| {
        cx.kernel.settings.threads_max.store(max as u64, Relaxed);
        Ok(())
    }),
};

static PTY: Dir<()> = Dir::settings(&[
    int("max", &fixed(|_| [pty::MAX.into()])),
    int("nr", &fixed(|kernel| [kernel.terminals.get().map_or(0, |all| all.ptys().count()).into()])),
]);

/// The generator is seeded at boot, and has all the entropy it has room for from then on.
const POOL_BITS: i64 = 256;

static RANDOM: Dir<()> = Dir::settings(&[
    line("boot_id", &text(boot_id)),
    int("entropy_avail", &fixed(|_| [POOL_BITS])),
    int("poolsize", &fixed(|_| [POOL_BITS])),
    line("uuid", &text(uuid)),
]);

fn boot_id(kernel: &Kernel, out: &mut Text) -> Result<()> {
    write_uuid(kernel.settings.boot_id(|| kernel.random.u64()), out)
}

/// Another one at each read.
fn uuid(kernel: &Kernel, out: &mut Text) -> Result<()> {
    write_uuid([kernel.random.u64(), kernel.random.u64()], out)
}

/// 128 random bits as a UUID of version 4 (RFC 4122).
fn write_uuid([high, low]: [u64; 2], out: &mut Text) -> Result<()> {
    let high = high & !0xf000 | 0x4000;
    let low = low & !(0b11 << 62) | 0b10 << 62;
    write!(
        out,
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}
