//! [`Cred`]: user and group ids and capabilities of a thread.

use alloc::{sync::Arc, vec::Vec};

use abi::{
    errno::{EPERM, Result},
    process::{CAP_SETPCAP, SecureBits},
};

/// A user id. `Uid(u32::MAX)` is no user: calls take it as "leave as it is".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Uid(pub u32);

/// A group id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gid(pub u32);

impl Uid {
    /// The superuser.
    pub const ROOT: Self = Self(0);
}

/// Supplementary groups a thread may have.
pub const NGROUPS_MAX: usize = 65536;

/// A set of capabilities; bit n is capability n.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CapSet(pub u64);

impl CapSet {
    /// None.
    pub const EMPTY: Self = Self(0);
    /// All that Linux 6.1 knows (`CAP_LAST_CAP` is 40).
    pub const ALL: Self = Self((1 << 41) - 1);

    /// These and those of `other`.
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Are all of `other` in the set?
    pub const fn contains(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// Is capability `cap` in the set?
    pub const fn has(self, cap: u32) -> bool {
        self.0 >> cap & 1 != 0
    }
}

/// The credentials of a thread.
#[derive(Clone, Debug)]
pub struct Cred {
    /// Real user id.
    pub uid: Uid,
    /// Effective user id: who the thread acts as.
    pub euid: Uid,
    /// Saved set-user-id.
    pub suid: Uid,
    /// User id for file access.
    pub fsuid: Uid,
    /// Real group id.
    pub gid: Gid,
    /// Effective group id.
    pub egid: Gid,
    /// Saved set-group-id.
    pub sgid: Gid,
    /// Group id for file access.
    pub fsgid: Gid,
    /// Supplementary groups, sorted.
    pub groups: Arc<[Gid]>,
    /// What it may do now.
    pub effective: CapSet,
    /// What it may make effective.
    pub permitted: CapSet,
    /// What survives execve of a file that asks for it.
    pub inheritable: CapSet,
    /// What execve can ever give.
    pub bounding: CapSet,
    /// What survives execve of an ordinary file.
    pub ambient: CapSet,
    /// How ids and capabilities go together.
    pub securebits: SecureBits,
}

/// The bits that keep the ones below them as they are (`SECURE_ALL_LOCKS`).
const LOCKS: SecureBits = SecureBits::NOROOT_LOCKED
    .with(SecureBits::NO_SETUID_FIXUP_LOCKED)
    .with(SecureBits::KEEP_CAPS_LOCKED)
    .with(SecureBits::NO_CAP_AMBIENT_RAISE_LOCKED);

impl Cred {
    /// The credentials of init.
    pub fn root() -> Self {
        Self {
            uid: Uid::ROOT,
            euid: Uid::ROOT,
            suid: Uid::ROOT,
            fsuid: Uid::ROOT,
            gid: Gid(0),
            egid: Gid(0),
            sgid: Gid(0),
            fsgid: Gid(0),
            groups: Arc::from(Vec::new()),
            effective: CapSet::ALL,
            permitted: CapSet::ALL,
            inheritable: CapSet::EMPTY,
            bounding: CapSet::ALL,
            ambient: CapSet::EMPTY,
            securebits: SecureBits::EMPTY,
        }
    }

    /// May the thread use capability `cap` (`CAP_*`)?
    pub fn capable(&self, cap: u32) -> bool {
        self.effective.has(cap)
    }

    /// Is `gid` its file-access group or one of its supplementary groups?
    pub fn in_group(&self, gid: Gid) -> bool {
        gid == self.fsgid || self.groups.binary_search(&gid).is_ok()
    }

    /// Sets the secure bits (`PR_SET_SECUREBITS`): `EPERM` against a lock, for bits that do not
    /// exist, and without `CAP_SETPCAP`.
    pub fn set_securebits(&mut self, new: u64) -> Result<()> {
        let old = self.securebits;
        let new = u32::try_from(new).ok().and_then(SecureBits::checked).ok_or(EPERM)?;
        let changed = SecureBits(old.bits() ^ new.bits());
        let locked = SecureBits((old & LOCKS).bits() >> 1);
        let unlocks = !(old & LOCKS).without(new).is_empty();
        if changed.intersects(locked) || unlocks || !self.capable(CAP_SETPCAP) {
            return Err(EPERM);
        }
        self.securebits = new;
        Ok(())
    }

    /// Sets what the thread may do (capset(2)): `EPERM` for what it could not get so.
    pub fn set_caps(
        &mut self,
        effective: CapSet,
        permitted: CapSet,
        inheritable: CapSet,
    ) -> Result<()> {
        let own = self.inheritable.with(self.permitted);
        let within = self.capable(CAP_SETPCAP) || own.contains(inheritable);
        if !within
            || !self.inheritable.with(self.bounding).contains(inheritable)
            || !self.permitted.contains(permitted)
            || !permitted.contains(effective)
        {
            return Err(EPERM);
        }
        (self.effective, self.permitted, self.inheritable) = (effective, permitted, inheritable);
        self.ambient.0 &= permitted.0 & inheritable.0;
        Ok(())
    }

    /// After user ids changed: drops or gains capabilities as `cap_emulate_setxuid` does
    /// (capabilities(7), "Effect of user ID changes on capabilities").
    pub fn ids_changed(&mut self, old: &Cred) {
        if self.securebits.has(SecureBits::NO_SETUID_FIXUP) {
            return;
        }
        let had_root = [old.uid, old.euid, old.suid].contains(&Uid::ROOT);
        let has_root = [self.uid, self.euid, self.suid].contains(&Uid::ROOT);
        if had_root && !has_root {
            if !self.securebits.has(SecureBits::KEEP_CAPS) {
                self.permitted = CapSet::EMPTY;
                self.effective = CapSet::EMPTY;
            }
            self.ambient = CapSet::EMPTY;
        }
        if old.euid == Uid::ROOT && self.euid != Uid::ROOT {
            self.effective = CapSet::EMPTY;
        }
        if old.euid != Uid::ROOT && self.euid == Uid::ROOT {
            self.effective = self.permitted;
        }
    }

    /// After `fsuid` changed: file capabilities follow (`cap_task_fix_setuid`, `LSM_SETID_FS`).
    pub fn fsuid_changed(&mut self, old: Uid) {
        /// CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID LINUX_IMMUTABLE MKNOD MAC_OVERRIDE
        const FS_CAPS: u64 = 1 | 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 9 | 1 << 27 | 1 << 32;
        if self.securebits.has(SecureBits::NO_SETUID_FIXUP) {
            return;
        }
        if old == Uid::ROOT && self.fsuid != Uid::ROOT {
            self.effective.0 &= !FS_CAPS;
        }
        if old != Uid::ROOT && self.fsuid == Uid::ROOT {
            self.effective.0 |= self.permitted.0 & FS_CAPS;
        }
    }

    /// The credentials after execve of a program whose file gives `set_uid` and `set_gid`
    /// (capabilities(7), "Transformation of capabilities during execve"; files carry none here).
    pub fn for_exec(&self, set_uid: Option<Uid>, set_gid: Option<Gid>) -> Self {
        let mut new = self.clone();
        new.euid = set_uid.unwrap_or(self.euid);
        new.egid = set_gid.unwrap_or(self.egid);
        let changed = new.euid != self.euid || new.egid != self.egid;
        if changed {
            new.ambient = CapSet::EMPTY;
        }
        // Root, real or effective, is treated as if the file had every capability.
        let by_id = !self.securebits.has(SecureBits::NOROOT);
        let is_root = by_id && (new.euid == Uid::ROOT || new.uid == Uid::ROOT);
        let file = if is_root { CapSet::ALL } else { CapSet::EMPTY };
        let permitted = self.inheritable.0 & file.0 | file.0 & self.bounding.0 | new.ambient.0;
        new.permitted = CapSet(permitted);
        let all = by_id && new.euid == Uid::ROOT;
        new.effective = if all { new.permitted } else { new.ambient };
        new.securebits = self.securebits.without(SecureBits::KEEP_CAPS);
        new.suid = new.euid;
        new.fsuid = new.euid;
        new.sgid = new.egid;
        new.fsgid = new.egid;
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: u32) -> Cred {
        let root = Cred::root();
        let mut c = root.clone();
        (c.uid, c.euid, c.suid, c.fsuid) = (Uid(id), Uid(id), Uid(id), Uid(id));
        c.ids_changed(&root);
        c
    }

    #[test]
    fn leaving_root_drops_everything() {
        let c = user(1000);
        assert_eq!((c.permitted, c.effective), (CapSet::EMPTY, CapSet::EMPTY));
    }

    #[test]
    fn a_set_uid_root_program_gains_all() {
        let c = user(1000).for_exec(Some(Uid::ROOT), None);
        assert_eq!((c.uid, c.euid, c.suid), (Uid(1000), Uid::ROOT, Uid::ROOT));
        assert_eq!(c.effective, CapSet::ALL);
    }

    #[test]
    fn an_effective_user_loses_and_regains_effect() {
        let root = Cred::root();
        let mut away = root.clone();
        away.euid = Uid(5);
        away.ids_changed(&root);
        assert_eq!((away.permitted, away.effective), (CapSet::ALL, CapSet::EMPTY));
        let mut back = away.clone();
        back.euid = Uid::ROOT;
        back.ids_changed(&away);
        assert_eq!(back.effective, CapSet::ALL);
    }

    #[test]
    fn capabilities_may_be_kept_over_a_change_of_ids() {
        let root = Cred::root();
        let mut c = root.clone();
        c.set_securebits(SecureBits::KEEP_CAPS.bits().into()).unwrap();
        (c.uid, c.euid, c.suid, c.fsuid) = (Uid(7), Uid(7), Uid(7), Uid(7));
        c.ids_changed(&root);
        assert_eq!((c.permitted, c.effective), (CapSet::ALL, CapSet::EMPTY));
        assert!(!c.for_exec(None, None).securebits.has(SecureBits::KEEP_CAPS));
    }

    #[test]
    fn locked_bits_stay() {
        let mut c = Cred::root();
        let locked = SecureBits::NOROOT | SecureBits::NOROOT_LOCKED;
        c.set_securebits(locked.bits().into()).unwrap();
        assert_eq!(c.set_securebits(0), Err(EPERM));
        assert_eq!(c.set_securebits(SecureBits::NOROOT_LOCKED.bits().into()), Err(EPERM));
        assert_eq!(c.set_securebits(1 << 8), Err(EPERM));
        assert_eq!(c.for_exec(None, None).permitted, CapSet::EMPTY);
    }

    #[test]
    fn no_capability_is_gained() {
        let mut c = Cred::root();
        let (few, none) = (CapSet(1), CapSet::EMPTY);
        c.set_caps(none, few, few).unwrap();
        assert_eq!(c.set_caps(none, CapSet::ALL, none), Err(EPERM));
        assert_eq!(c.set_caps(few, none, none), Err(EPERM));
        assert_eq!(c.set_caps(few, few, CapSet(3)), Err(EPERM));
        assert_eq!(c.set_caps(few, few, none), Ok(()));
    }

    #[test]
    fn groups_are_searched() {
        let mut c = Cred::root();
        c.groups = Arc::from([Gid(3), Gid(7)].as_slice());
        assert!(c.in_group(Gid(7)) && c.in_group(Gid(0)) && !c.in_group(Gid(4)));
    }
}
