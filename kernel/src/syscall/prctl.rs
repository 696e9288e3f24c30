//! prctl(2): what a thread may change of itself, and what of that others see.
//!
//! Operations that are not built are `EINVAL`, as with their configuration off.

use abi::{
    errno::{EINVAL, EPERM, Result},
    process::{
        CAP_LAST_CAP, CAP_SETPCAP, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, PR_CAP_AMBIENT_IS_SET,
        PR_CAP_AMBIENT_LOWER, PR_CAP_AMBIENT_RAISE, PR_CAPBSET_DROP, PR_CAPBSET_READ,
        PR_GET_CHILD_SUBREAPER, PR_GET_DUMPABLE, PR_GET_KEEPCAPS, PR_GET_NAME, PR_GET_NO_NEW_PRIVS,
        PR_GET_PDEATHSIG, PR_GET_SECCOMP, PR_GET_SECUREBITS, PR_GET_THP_DISABLE,
        PR_GET_TID_ADDRESS, PR_GET_TIMERSLACK, PR_GET_TIMING, PR_GET_TSC, PR_SET_CHILD_SUBREAPER,
        PR_SET_DUMPABLE, PR_SET_KEEPCAPS, PR_SET_NAME, PR_SET_NO_NEW_PRIVS, PR_SET_PDEATHSIG,
        PR_SET_SECUREBITS, PR_SET_THP_DISABLE, PR_SET_TIMERSLACK, PR_SET_TIMING,
        PR_TIMING_STATISTICAL, PR_TSC_ENABLE, SecureBits, TASK_COMM_LEN,
    },
    signal::NSIG,
};
use alloc::sync::Arc;
use core::sync::atomic::Ordering::Relaxed;

use crate::{
    mm::{Dumpable, user::UserOut},
    process::Cx,
};

/// The arguments after the operation.
type Rest = [u64; 3];

/// prctl(2)
pub fn prctl(
    cx: &mut Cx,
    what: u32,
    arg: u64,
    second: u64,
    third: u64,
    last: u64,
) -> Result<usize> {
    let rest: Rest = [second, third, last];
    match what {
        PR_SET_NAME => {
            let mut name = [0; TASK_COMM_LEN - 1];
            let len = cx.space().copy_str_in(arg, &mut name)?.unwrap_or(name.len());
            cx.thread.set_comm(name.get(..len).unwrap_or(&name));
            Ok(0)
        }
        PR_GET_NAME => {
            let mut name = [0; TASK_COMM_LEN];
            for (to, from) in name.iter_mut().zip(cx.thread.comm.lock().iter()) {
                *to = *from;
            }
            cx.space().copy_out(arg, &name)?;
            Ok(0)
        }
        PR_SET_PDEATHSIG => {
            let signal = u32::try_from(arg).ok().filter(|sig| *sig <= NSIG).ok_or(EINVAL)?;
            cx.thread.traits.death_signal.store(signal, Relaxed);
            Ok(0)
        }
        PR_GET_PDEATHSIG => tell(cx, arg, cx.thread.traits.death_signal.load(Relaxed)),
        PR_SET_DUMPABLE => {
            let dumpable = match arg {
                0 => Dumpable::No,
                1 => Dumpable::Yes,
                _ => return Err(EINVAL),
            };
            cx.space().set_dumpable(dumpable);
            Ok(0)
        }
        PR_GET_DUMPABLE => Ok(cx.space().dumpable() as usize),
        PR_SET_NO_NEW_PRIVS | PR_GET_NO_NEW_PRIVS => no_new_privs(cx, what, arg, rest),
        PR_SET_CHILD_SUBREAPER => {
            cx.kernel.family.lock().set_subreaper(cx.process().pid, arg != 0);
            Ok(0)
        }
        PR_GET_CHILD_SUBREAPER => {
            let is = cx.kernel.family.lock().is_subreaper(cx.process().pid);
            tell(cx, arg, is.into())
        }
        PR_SET_TIMERSLACK => {
            let slack = &cx.thread.traits.timer_slack;
            let [_, default] = slack;
            let new = if arg == 0 { default.load(Relaxed) } else { arg };
            slack[0].store(new, Relaxed);
            Ok(0)
        }
        PR_GET_TIMERSLACK => {
            Ok(cx.thread.traits.timer_slack[0].load(Relaxed).min(i64::MAX as u64) as usize)
        }
        PR_SET_THP_DISABLE if rest == [0; 3] => {
            cx.space().set_thp_disabled(arg != 0);
            Ok(0)
        }
        PR_GET_THP_DISABLE if arg == 0 && rest == [0; 3] => Ok(cx.space().thp_disabled().into()),
        PR_GET_TID_ADDRESS => {
            let at = cx.thread.clear_child_tid.load(Relaxed);
            UserOut::<u64>::new(arg).write(cx.space(), &at)?;
            Ok(0)
        }
        PR_GET_TIMING => Ok(PR_TIMING_STATISTICAL as usize),
        PR_SET_TIMING if arg == u64::from(PR_TIMING_STATISTICAL) => Ok(0),
        // Reading the time-stamp counter is never forbidden.
        PR_GET_TSC => tell(cx, arg, PR_TSC_ENABLE),
        // No filter can be set.
        PR_GET_SECCOMP => Ok(0),
        PR_GET_KEEPCAPS => Ok(cx.cred().securebits.has(SecureBits::KEEP_CAPS).into()),
        PR_SET_KEEPCAPS => keep_caps(cx, arg),
        PR_GET_SECUREBITS => Ok(cx.cred().securebits.bits() as usize),
        PR_SET_SECUREBITS => {
            let mut cred = (**cx.cred()).clone();
            cred.set_securebits(arg)?;
            cx.set_cred(Arc::new(cred));
            Ok(0)
        }
        PR_CAPBSET_READ | PR_CAPBSET_DROP => bounding(cx, what, arg),
        PR_CAP_AMBIENT => ambient(cx, arg, rest),
        _ => Err(EINVAL),
    }
}

/// Stores an `int`.
fn tell(cx: &Cx, at: u64, value: u32) -> Result<usize> {
    UserOut::<u32>::new(at).write(cx.space(), &value)?;
    Ok(0)
}

fn no_new_privs(cx: &Cx, what: u32, arg: u64, rest: Rest) -> Result<usize> {
    let set = what == PR_SET_NO_NEW_PRIVS;
    if rest != [0; 3] || arg != u64::from(set) {
        return Err(EINVAL);
    }
    let bit = &cx.thread.traits.no_new_privs;
    if set {
        bit.store(true, Relaxed);
        return Ok(0);
    }
    Ok(bit.load(Relaxed).into())
}

fn capability(number: u64) -> Result<u32> {
    u32::try_from(number).ok().filter(|cap| *cap <= CAP_LAST_CAP).ok_or(EINVAL)
}

/// Whether permitted capabilities stay when the last user id of root goes.
fn keep_caps(cx: &mut Cx, on: u64) -> Result<usize> {
    let mut cred = (**cx.cred()).clone();
    let old = cred.securebits;
    cred.securebits = match on {
        0 => old.without(SecureBits::KEEP_CAPS),
        1 => old | SecureBits::KEEP_CAPS,
        _ => return Err(EINVAL),
    };
    if old.has(SecureBits::KEEP_CAPS_LOCKED) {
        return Err(EPERM);
    }
    cx.set_cred(Arc::new(cred));
    Ok(0)
}

/// The set of capabilities that execve(2) can ever give.
fn bounding(cx: &mut Cx, what: u32, arg: u64) -> Result<usize> {
    if what == PR_CAPBSET_READ {
        return Ok(cx.cred().bounding.has(capability(arg)?).into());
    }
    if !cx.cred().capable(CAP_SETPCAP) {
        return Err(EPERM);
    }
    let cap = capability(arg)?;
    let mut cred = (**cx.cred()).clone();
    cred.bounding.0 &= !(1 << cap);
    cx.set_cred(Arc::new(cred));
    Ok(0)
}

/// The set of capabilities that an ordinary program keeps.
fn ambient(cx: &mut Cx, what: u64, [cap, third, last]: Rest) -> Result<usize> {
    if third != 0 || last != 0 {
        return Err(EINVAL);
    }
    let mut cred = (**cx.cred()).clone();
    match u32::try_from(what).map_err(|_| EINVAL)? {
        PR_CAP_AMBIENT_CLEAR_ALL if cap == 0 => cred.ambient.0 = 0,
        PR_CAP_AMBIENT_IS_SET => return Ok(cred.ambient.has(capability(cap)?).into()),
        PR_CAP_AMBIENT_RAISE => {
            let cap = capability(cap)?;
            let forbidden = cred.securebits.has(SecureBits::NO_CAP_AMBIENT_RAISE);
            if forbidden || !cred.permitted.has(cap) || !cred.inheritable.has(cap) {
                return Err(EPERM);
            }
            cred.ambient.0 |= 1 << cap;
        }
        PR_CAP_AMBIENT_LOWER => cred.ambient.0 &= !(1 << capability(cap)?),
        _ => return Err(EINVAL),
    }
    cx.set_cred(Arc::new(cred));
    Ok(0)
}
