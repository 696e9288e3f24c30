//! Record locks as data: who holds which bytes, and what a new lock or an unlock makes of it
//! (`posix_lock_inode` in `fs/locks.c`). No waiting here.

use abi::Result;
use abi::errno::ENOLCK;
use alloc::vec::Vec;

/// Who has a lock: the address of a table of open files (for record locks of fcntl(2)) or of an
/// open file (for flock(2) and the locks of open file descriptions). It is good while that lives;
/// its locks go with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Owner(usize);

impl Owner {
    /// What is at this place.
    pub fn of<T>(who: &T) -> Self {
        Self(core::ptr::from_ref(who).addr())
    }
}

/// Which family of calls a lock belongs to. The first two exclude each other, the third is apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// `F_SETLK`: of a process.
    Posix,
    /// `F_OFD_SETLK`: of an open file description.
    Ofd,
    /// flock(2): of an open file description, on the whole file.
    Flock,
}

/// Shared, or for one alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `F_RDLCK`, `LOCK_SH`
    Read,
    /// `F_WRLCK`, `LOCK_EX`
    Write,
}

/// Bytes of a file, the last one included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes {
    /// The first.
    pub first: u64,
    /// The last.
    pub last: u64,
}

impl Bytes {
    /// As far as offsets go (`OFFSET_MAX`).
    pub const END: u64 = i64::MAX as u64;
    /// All of a file.
    pub const ALL: Self = Self { first: 0, last: Self::END };

    fn overlaps(self, other: Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }

    /// Whether they overlap or nothing is between them.
    fn touches(self, other: Self) -> bool {
        self.first <= other.last + 1 && other.first <= self.last + 1
    }
}

/// A lock that is held or wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lock {
    /// Family.
    pub style: Style,
    /// Whose it is.
    pub owner: Owner,
    /// The process that asked for it, as `F_GETLK` tells.
    pub pid: i32,
    /// Shared or not.
    pub kind: Kind,
    /// Which bytes.
    pub bytes: Bytes,
}

impl Lock {
    /// Whether the two cannot be held at once.
    pub fn conflicts(&self, other: &Lock) -> bool {
        self.owner != other.owner
            && (self.kind == Kind::Write || other.kind == Kind::Write)
            && self.bytes.overlaps(other.bytes)
    }
}

/// The record locks on a file: an owner's stand together in order, the owners as they came.
#[derive(Default)]
pub struct Ranges {
    list: Vec<Lock>,
}

impl Ranges {
    /// The locks.
    pub fn iter(&self) -> impl Iterator<Item = &Lock> {
        self.list.iter()
    }

    /// A lock that is in the way of `wanted`.
    pub fn conflict(&self, wanted: &Lock) -> Option<&Lock> {
        self.list.iter().find(|lock| wanted.conflicts(lock))
    }

    /// Enters `lock`, which nothing is in the way of: it replaces what its owner has of those
    /// bytes and joins what it borders on. Returns whether locks of the owner were changed.
    pub fn lock(&mut self, lock: Lock) -> Result<bool> {
        self.change(lock.owner, lock.bytes, Some(lock))
    }

    /// Takes `bytes` from the locks of `owner`. Returns whether it had any.
    pub fn unlock(&mut self, owner: Owner, bytes: Bytes) -> Result<bool> {
        self.change(owner, bytes, None)
    }

    /// Takes all locks of `owner`. Returns whether it had any.
    pub fn remove(&mut self, owner: Owner) -> bool {
        let before = self.list.len();
        self.list.retain(|lock| lock.owner != owner);
        self.list.len() != before
    }

    /// Of the owner's locks that touch `bytes` only the first and the last can reach beyond them:
    /// those parts stay or, if they are of the same kind, join the new lock.
    fn change(&mut self, owner: Owner, bytes: Bytes, mut new: Option<Lock>) -> Result<bool> {
        self.list.try_reserve(2).map_err(|_| ENOLCK)?;
        let begin = self.list.iter().position(|lock| lock.owner == owner);
        let begin = begin.unwrap_or(self.list.len());
        let own = self.list.iter().skip(begin).take_while(|lock| lock.owner == owner);
        let below = own.clone().take_while(|lock| lock.bytes.last + 1 < bytes.first).count();
        let touched = own.skip(below).take_while(|lock| lock.bytes.touches(bytes)).count();
        let at = begin + below..begin + below + touched;

        let (mut left, mut right) = (None, None);
        let old = self.list.get(at.clone()).unwrap_or_default();
        if let Some(first) = old.first().filter(|first| first.bytes.first < bytes.first) {
            match &mut new {
                Some(new) if new.kind == first.kind => new.bytes.first = first.bytes.first,
                _ => {
                    let last = first.bytes.last.min(bytes.first - 1);
                    left = Some(Lock { bytes: Bytes { last, ..first.bytes }, ..*first });
                }
            }
        }
        if let Some(last) = old.last().filter(|last| last.bytes.last > bytes.last) {
            match &mut new {
                Some(new) if new.kind == last.kind => new.bytes.last = last.bytes.last,
                _ => {
                    let first = last.bytes.first.max(bytes.last + 1);
                    right = Some(Lock { bytes: Bytes { first, ..last.bytes }, ..*last });
                }
            }
        }
        let changed = old.iter().any(|lock| lock.bytes.overlaps(bytes));
        self.list.splice(at, [left, new, right].into_iter().flatten());
        Ok(changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(owner: usize, kind: Kind, first: u64, last: u64) -> Lock {
        let bytes = Bytes { first, last };
        Lock { style: Style::Posix, owner: Owner(owner), pid: 1, kind, bytes }
    }

    fn shown(ranges: &Ranges) -> Vec<(usize, Kind, u64, u64)> {
        ranges.iter().map(|l| (l.owner.0, l.kind, l.bytes.first, l.bytes.last)).collect()
    }

    #[test]
    fn locks_split_join_and_change_kind() {
        use Kind::{Read, Write};
        let mut ranges = Ranges::default();
        assert_eq!(ranges.lock(lock(1, Read, 10, 19)), Ok(false));
        assert_eq!(ranges.lock(lock(1, Read, 20, 29)), Ok(false));
        assert_eq!(shown(&ranges), [(1, Read, 10, 29)]);
        assert_eq!(ranges.lock(lock(1, Write, 15, 16)), Ok(true));
        assert_eq!(shown(&ranges), [(1, Read, 10, 14), (1, Write, 15, 16), (1, Read, 17, 29)]);
        assert_eq!(ranges.lock(lock(2, Read, 0, 5)), Ok(false));
        assert_eq!(ranges.unlock(Owner(1), Bytes { first: 12, last: 27 }), Ok(true));
        assert_eq!(shown(&ranges), [(1, Read, 10, 11), (1, Read, 28, 29), (2, Read, 0, 5)]);
        assert_eq!(ranges.lock(lock(1, Read, 0, Bytes::END)), Ok(true));
        assert_eq!(shown(&ranges), [(1, Read, 0, Bytes::END), (2, Read, 0, 5)]);
        assert_eq!(ranges.conflict(&lock(2, Write, 9, 9)), Some(&lock(1, Read, 0, Bytes::END)));
        assert_eq!(ranges.conflict(&lock(2, Read, 9, 9)), None);
        assert!(ranges.remove(Owner(1)) && !ranges.remove(Owner(1)));
        assert_eq!(ranges.unlock(Owner(3), Bytes::ALL), Ok(false));
    }

    /// Against one kind per byte and owner.
    #[test]
    fn ranges_agree_with_a_model() {
        const LEN: usize = 40;
        let mut ranges = Ranges::default();
        let mut model = [[None::<Kind>; LEN]; 3];
        let mut seed = 7u32;
        let mut random = |n: u32| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 12) % n
        };
        for _ in 0..20_000 {
            let owner = random(3) as usize;
            let (a, b) = (random(LEN as u32) as usize, random(LEN as u32) as usize);
            let (first, last) = (a.min(b), a.max(b));
            let kind = [None, Some(Kind::Read), Some(Kind::Write)][random(3) as usize];
            match kind {
                None => {
                    let bytes = Bytes { first: first as u64, last: last as u64 };
                    ranges.unlock(Owner(owner), bytes).unwrap();
                }
                Some(kind) => {
                    let wanted = lock(owner, kind, first as u64, last as u64);
                    let free = (0..3).filter(|&other| other != owner).all(|other| {
                        model[other][first..=last].iter().all(|held| match held {
                            None => true,
                            Some(held) => *held == Kind::Read && kind == Kind::Read,
                        })
                    });
                    assert_eq!(ranges.conflict(&wanted).is_none(), free);
                    if !free {
                        continue;
                    }
                    ranges.lock(wanted).unwrap();
                }
            }
            model[owner][first..=last].fill(kind);
            for (owner, bytes) in model.iter().enumerate() {
                let own: Vec<_> = ranges.iter().filter(|lock| lock.owner.0 == owner).collect();
                let mut seen = [None; LEN];
                for lock in &own {
                    let part = lock.bytes.first as usize..=lock.bytes.last as usize;
                    seen[part].fill(Some(lock.kind));
                }
                assert_eq!(&seen, bytes);
                for pair in own.windows(2) {
                    assert!(pair[0].bytes.last < pair[1].bytes.first, "in order");
                    let joined = pair[0].bytes.touches(pair[1].bytes);
                    assert!(!joined || pair[0].kind != pair[1].kind, "joined where they can be");
                }
            }
        }
    }
}
