//! System calls on files that stand for processes: pidfd_open(2) and its kin.

use abi::{
    errno::{EINVAL, EPERM, ESRCH, Result},
    process::{PidfdFlags, RLIMIT_NOFILE},
    signal::{NSIG, SI_TKILL, Siginfo},
};

use crate::{
    fs::Fd,
    mm::user::UserIn,
    process::{Cx, Pid, access::As, pidfd, signal},
};

/// pidfd_open(2)
pub fn pidfd_open(cx: &mut Cx, pid: i32, flags: u32) -> Result<Fd> {
    let flags = PidfdFlags::checked(flags).ok_or(EINVAL)?;
    if pid <= 0 {
        return Err(EINVAL);
    }
    let file = pidfd::open(cx, Pid(pid), flags)?;
    cx.files().insert(file, cx.limit(RLIMIT_NOFILE), true)
}

/// pidfd_send_signal(2)
pub fn pidfd_send_signal(
    cx: &mut Cx,
    fd: Fd,
    sig: i32,
    info: Option<UserIn<Siginfo>>,
    flags: u32,
) -> Result<()> {
    if flags != 0 {
        return Err(EINVAL);
    }
    let target = pidfd::process(cx, fd)?;
    let info = match info {
        None => {
            Siginfo::kill(sig as u32, abi::signal::SI_USER, cx.process().pid.0, cx.cred().uid.0)
        }
        Some(info) => {
            let info = info.read(cx.space())?;
            if info.si_signo != sig {
                return Err(EINVAL);
            }
            // As for rt_sigqueueinfo(2): only to oneself anything may be said.
            let forged = info.si_code >= 0 || info.si_code == SI_TKILL;
            if forged && target.pid != cx.process().pid {
                return Err(EPERM);
            }
            info
        }
    };
    if target.is_reaped() {
        return Err(ESRCH);
    }
    let message = match u32::try_from(sig) {
        Ok(0) => Ok(None),
        Ok(sig) if sig <= NSIG => Ok(Some(info)),
        _ => Err(EINVAL),
    };
    signal::send_with(cx, &target, &message)
}

/// pidfd_getfd(2)
pub fn pidfd_getfd(cx: &mut Cx, pidfd: Fd, fd: Fd, flags: u32) -> Result<Fd> {
    if flags != 0 {
        return Err(EINVAL);
    }
    let target = pidfd::process(cx, pidfd)?;
    let thread = target.thread().ok_or(ESRCH)?;
    target.may_be_looked_into(Some(cx.process()), cx.cred(), As::Real)?;
    let files = thread.parts.lock().as_ref().map(|parts| parts.files.clone()).ok_or(ESRCH)?;
    let file = files.get(fd)?;
    cx.files().insert(file, cx.limit(RLIMIT_NOFILE), true)
}
