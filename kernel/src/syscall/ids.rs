//! System calls about who a thread is: user and group ids (credentials(7)).

use alloc::sync::Arc;

use abi::{
    errno::{EINVAL, EPERM, Result},
    process::{CAP_SETGID, CAP_SETUID},
};

use crate::{
    cred::{Cred, Gid, NGROUPS_MAX, Uid},
    mm::user::{In, Out, UserList, UserOut},
    process::Cx,
};

/// getuid(2)
pub fn getuid(cx: &mut Cx) -> Result<u32> {
    Ok(cx.cred().uid.0)
}

/// geteuid(2)
pub fn geteuid(cx: &mut Cx) -> Result<u32> {
    Ok(cx.cred().euid.0)
}

/// getgid(2)
pub fn getgid(cx: &mut Cx) -> Result<u32> {
    Ok(cx.cred().gid.0)
}

/// getegid(2)
pub fn getegid(cx: &mut Cx) -> Result<u32> {
    Ok(cx.cred().egid.0)
}

/// getresuid(2)
pub fn getresuid(
    cx: &mut Cx,
    real: UserOut<u32>,
    effective: UserOut<u32>,
    saved: UserOut<u32>,
) -> Result<()> {
    let cred = cx.cred().clone();
    real.write(cx.space(), &cred.uid.0)?;
    effective.write(cx.space(), &cred.euid.0)?;
    saved.write(cx.space(), &cred.suid.0)
}

/// getresgid(2)
pub fn getresgid(
    cx: &mut Cx,
    real: UserOut<u32>,
    effective: UserOut<u32>,
    saved: UserOut<u32>,
) -> Result<()> {
    let cred = cx.cred().clone();
    real.write(cx.space(), &cred.gid.0)?;
    effective.write(cx.space(), &cred.egid.0)?;
    saved.write(cx.space(), &cred.sgid.0)
}

/// Installs changed credentials; capabilities follow the user ids.
fn install(cx: &mut Cx, mut new: Cred) {
    let old = cx.cred().clone();
    new.ids_changed(&old);
    new.fsuid_changed(old.fsuid);
    cx.set_cred(Arc::new(new));
}

/// setuid(2)
pub fn setuid(cx: &mut Cx, uid: u32) -> Result<()> {
    let uid = valid(uid).map(Uid)?;
    let mut new = (**cx.cred()).clone();
    if new.capable(CAP_SETUID) {
        (new.uid, new.suid) = (uid, uid);
    } else if uid != new.uid && uid != new.suid {
        return Err(EPERM);
    }
    (new.euid, new.fsuid) = (uid, uid);
    install(cx, new);
    Ok(())
}

/// setgid(2)
pub fn setgid(cx: &mut Cx, gid: u32) -> Result<()> {
    let gid = valid(gid).map(Gid)?;
    let mut new = (**cx.cred()).clone();
    if new.capable(CAP_SETGID) {
        (new.gid, new.sgid) = (gid, gid);
    } else if gid != new.gid && gid != new.sgid {
        return Err(EPERM);
    }
    (new.egid, new.fsgid) = (gid, gid);
    install(cx, new);
    Ok(())
}

/// -1 is no id.
fn valid(id: u32) -> Result<u32> {
    if id == u32::MAX { Err(EINVAL) } else { Ok(id) }
}

/// -1 leaves an id as it is.
fn given(id: u32) -> Option<u32> {
    (id != u32::MAX).then_some(id)
}

/// setreuid(2)
pub fn setreuid(cx: &mut Cx, real: u32, effective: u32) -> Result<()> {
    let old = cx.cred().clone();
    let mut new = (*old).clone();
    let any = old.capable(CAP_SETUID);
    if let Some(id) = given(real).map(Uid) {
        if !any && id != old.uid && id != old.euid {
            return Err(EPERM);
        }
        new.uid = id;
    }
    if let Some(id) = given(effective).map(Uid) {
        if !any && ![old.uid, old.euid, old.suid].contains(&id) {
            return Err(EPERM);
        }
        new.euid = id;
    }
    if given(real).is_some() || given(effective).is_some_and(|id| Uid(id) != old.uid) {
        new.suid = new.euid;
    }
    new.fsuid = new.euid;
    install(cx, new);
    Ok(())
}

/// setregid(2)
pub fn setregid(cx: &mut Cx, real: u32, effective: u32) -> Result<()> {
    let old = cx.cred().clone();
    let mut new = (*old).clone();
    let any = old.capable(CAP_SETGID);
    if let Some(id) = given(real).map(Gid) {
        if !any && id != old.gid && id != old.egid {
            return Err(EPERM);
        }
        new.gid = id;
    }
    if let Some(id) = given(effective).map(Gid) {
        if !any && ![old.gid, old.egid, old.sgid].contains(&id) {
            return Err(EPERM);
        }
        new.egid = id;
    }
    if given(real).is_some() || given(effective).is_some_and(|id| Gid(id) != old.gid) {
        new.sgid = new.egid;
    }
    new.fsgid = new.egid;
    install(cx, new);
    Ok(())
}

/// setresuid(2)
pub fn setresuid(cx: &mut Cx, real: u32, effective: u32, saved: u32) -> Result<()> {
    let old = cx.cred().clone();
    let mut new = (*old).clone();
    let own = [old.uid, old.euid, old.suid];
    for (id, field) in [(real, &mut new.uid), (effective, &mut new.euid), (saved, &mut new.suid)] {
        let Some(id) = given(id).map(Uid) else { continue };
        if !old.capable(CAP_SETUID) && !own.contains(&id) {
            return Err(EPERM);
        }
        *field = id;
    }
    new.fsuid = new.euid;
    install(cx, new);
    Ok(())
}

/// setresgid(2)
pub fn setresgid(cx: &mut Cx, real: u32, effective: u32, saved: u32) -> Result<()> {
    let old = cx.cred().clone();
    let mut new = (*old).clone();
    let own = [old.gid, old.egid, old.sgid];
    for (id, field) in [(real, &mut new.gid), (effective, &mut new.egid), (saved, &mut new.sgid)] {
        let Some(id) = given(id).map(Gid) else { continue };
        if !old.capable(CAP_SETGID) && !own.contains(&id) {
            return Err(EPERM);
        }
        *field = id;
    }
    new.fsgid = new.egid;
    install(cx, new);
    Ok(())
}

/// setfsuid(2): never fails, returns the old id.
pub fn setfsuid(cx: &mut Cx, uid: u32) -> Result<u32> {
    let old = cx.cred().clone();
    let id = Uid(uid);
    let may = old.capable(CAP_SETUID) || [old.uid, old.euid, old.suid, old.fsuid].contains(&id);
    if given(uid).is_some() && may && id != old.fsuid {
        let mut new = (*old).clone();
        new.fsuid = id;
        new.fsuid_changed(old.fsuid);
        cx.set_cred(Arc::new(new));
    }
    Ok(old.fsuid.0)
}

/// setfsgid(2): never fails, returns the old id.
pub fn setfsgid(cx: &mut Cx, gid: u32) -> Result<u32> {
    let old = cx.cred().clone();
    let id = Gid(gid);
    let may = old.capable(CAP_SETGID) || [old.gid, old.egid, old.sgid, old.fsgid].contains(&id);
    if given(gid).is_some() && may && id != old.fsgid {
        let mut new = (*old).clone();
        new.fsgid = id;
        cx.set_cred(Arc::new(new));
    }
    Ok(old.fsgid.0)
}

/// getgroups(2)
pub fn getgroups(cx: &mut Cx, size: i32, list: u64) -> Result<usize> {
    let groups = cx.cred().groups.clone();
    let size = usize::try_from(size).map_err(|_| EINVAL)?;
    if size != 0 {
        if size < groups.len() {
            return Err(EINVAL);
        }
        let list = UserList::<u32, Out>::new(list, size);
        for (at, group) in groups.iter().enumerate() {
            list.set(cx.space(), at, &group.0)?;
        }
    }
    Ok(groups.len())
}

/// setgroups(2)
pub fn setgroups(cx: &mut Cx, size: i32, list: u64) -> Result<()> {
    if !cx.cred().capable(CAP_SETGID) {
        return Err(EPERM);
    }
    let size = usize::try_from(size).ok().filter(|n| *n <= NGROUPS_MAX).ok_or(EINVAL)?;
    let mut groups = UserList::<u32, In>::new(list, size).to_vec(cx.space(), NGROUPS_MAX)?;
    if groups.contains(&u32::MAX) {
        return Err(EINVAL);
    }
    groups.sort_unstable();
    let mut new = (**cx.cred()).clone();
    new.groups = groups.into_iter().map(Gid).collect();
    cx.set_cred(Arc::new(new));
    Ok(())
}
