//! capget(2), capset(2): what a thread may do (`kernel/capability.c`).

use abi::{
    Wire,
    errno::{EINVAL, EPERM, ESRCH, Result},
    process::{
        _LINUX_CAPABILITY_VERSION_1, _LINUX_CAPABILITY_VERSION_2, _LINUX_CAPABILITY_VERSION_3,
        CapUserData, CapUserHeader,
    },
};
use alloc::sync::Arc;

use crate::{
    cred::{CapSet, Cred},
    mm::{Space, user::UserInOut},
    process::{Cx, Pid, signal},
};

/// How many words of 32 capabilities a version has. An unknown one is `EINVAL`, and the caller is
/// told the one that should be.
fn words(space: &Space, header: UserInOut<CapUserHeader>) -> Result<(CapUserHeader, usize)> {
    let asked = header.read(space)?;
    match asked.version {
        _LINUX_CAPABILITY_VERSION_1 => Ok((asked, 1)),
        _LINUX_CAPABILITY_VERSION_2 | _LINUX_CAPABILITY_VERSION_3 => Ok((asked, 2)),
        _ => {
            let version = _LINUX_CAPABILITY_VERSION_3;
            header.write(space, &CapUserHeader { version, ..asked })?;
            Err(EINVAL)
        }
    }
}

/// Where word `index` of the data at `data` lies.
fn place(data: u64, index: usize) -> UserInOut<CapUserData> {
    UserInOut::new(data.wrapping_add((index * CapUserData::SIZE) as u64))
}

/// capget(2). Without `data` it only asks for the version.
pub fn capget(cx: &mut Cx, header: UserInOut<CapUserHeader>, data: u64) -> Result<()> {
    let (asked, words) = match words(cx.space(), header) {
        Err(EINVAL) if data == 0 => return Ok(()),
        found => found?,
    };
    if data == 0 {
        return Ok(());
    }
    if asked.pid < 0 {
        return Err(EINVAL);
    }
    let cred = match asked.pid {
        0 => cx.cred().clone(),
        pid => cred_of(cx, Pid(pid)).ok_or(ESRCH)?,
    };
    for index in 0..words {
        let word = |set: CapSet| (set.0 >> (32 * index)) as u32;
        let value = CapUserData {
            effective: word(cred.effective),
            permitted: word(cred.permitted),
            inheritable: word(cred.inheritable),
        };
        place(data, index).write(cx.space(), &value)?;
    }
    Ok(())
}

fn cred_of(cx: &Cx, tid: Pid) -> Option<Arc<Cred>> {
    let thread = signal::find(cx, tid)?.thread_of(tid)?;
    let parts = thread.parts.lock();
    parts.as_ref().map(|parts| parts.cred.clone())
}

/// capset(2): of the calling thread only.
pub fn capset(cx: &mut Cx, header: UserInOut<CapUserHeader>, data: u64) -> Result<()> {
    let (asked, words) = words(cx.space(), header)?;
    if asked.pid != 0 && asked.pid != cx.thread.tid().0 {
        return Err(EPERM);
    }
    let [mut effective, mut permitted, mut inheritable] = [0; 3];
    for index in 0..words {
        let value = place(data, index).read(cx.space())?;
        let word = |bits: u32| u64::from(bits) << (32 * index) & CapSet::ALL.0;
        effective |= word(value.effective);
        permitted |= word(value.permitted);
        inheritable |= word(value.inheritable);
    }
    let mut cred = (**cx.cred()).clone();
    cred.set_caps(CapSet(effective), CapSet(permitted), CapSet(inheritable))?;
    cx.set_cred(Arc::new(cred));
    Ok(())
}
