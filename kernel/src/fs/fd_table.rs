//! Descriptors: small numbers for open files. Lock: `Files`, never held while a file is dropped.
//!
//! A bitmap of used numbers with a second one over its full words finds the lowest free number
//! without a walk over the table (`fs/file.c` does the same). Sources: open(2), dup(2), fcntl(2),
//! close_range(2).

use crate::fs::file::File;
use crate::fs::locks;
use crate::lock::{Spin, order};
use abi::Result;
use abi::errno::{EBADF, EBUSY, EINVAL, EMFILE, ENOMEM};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::mem;
use core::ops::RangeInclusive;

/// A descriptor as a program names it; it may be any number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fd(pub i32);

/// No table grows beyond this, whatever `RLIMIT_NOFILE` says (`sysctl_nr_open`).
pub const NR_OPEN: u64 = 1024 * 1024;

/// The open files of a process, or of several with `CLONE_FILES`.
#[derive(Default)]
pub struct FdTable {
    table: Spin<Table, order::Files>,
}

#[derive(Default)]
struct Table {
    slots: Vec<Option<Arc<File>>>,
    /// One bit per slot: in use or reserved.
    used: Vec<u64>,
    /// One bit per word of `used`: full.
    full: Vec<u64>,
    /// One bit per slot: closed by execve(2).
    cloexec: Vec<u64>,
}

/// A number taken for a file that is yet to be opened; dropping it gives it back.
#[derive(Debug)]
pub struct Reserved<'a> {
    table: &'a FdTable,
    fd: usize,
}

impl core::fmt::Debug for FdTable {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("FdTable")
    }
}

impl FdTable {
    /// A table without open files.
    pub fn new() -> Self {
        Self::default()
    }

    /// The file behind `fd`, or `EBADF`.
    pub fn get(&self, fd: Fd) -> Result<Arc<File>> {
        let at = usize::try_from(fd.0).map_err(|_| EBADF)?;
        self.table.lock().slots.get(at).and_then(Clone::clone).ok_or(EBADF)
    }

    /// Takes the lowest free number from `min` on. `limit` is `RLIMIT_NOFILE`: `EMFILE` if no
    /// number below it is free.
    pub fn reserve_from(&self, min: usize, limit: u64, cloexec: bool) -> Result<Reserved<'_>> {
        let limit = limit.min(NR_OPEN) as usize;
        let mut table = self.table.lock();
        let fd = table.lowest_free(min);
        if fd >= limit {
            return Err(EMFILE);
        }
        table.grow(fd + 1)?;
        table.take(fd, cloexec);
        Ok(Reserved { table: self, fd })
    }

    /// Takes the lowest free number.
    pub fn reserve(&self, limit: u64, cloexec: bool) -> Result<Reserved<'_>> {
        self.reserve_from(0, limit, cloexec)
    }

    /// Gives `file` the lowest free number.
    pub fn insert(&self, file: Arc<File>, limit: u64, cloexec: bool) -> Result<Fd> {
        Ok(self.reserve(limit, cloexec)?.install(file))
    }

    /// dup2(2), dup3(2): makes `new` mean what `old` means, and closes what it meant before.
    /// `EBADF` for a bad number, `EBUSY` while `new` is being opened by another thread.
    pub fn dup_to(&self, old: Fd, new: Fd, limit: u64, cloexec: bool) -> Result<()> {
        let to = usize::try_from(new.0).map_err(|_| EBADF)?;
        if to as u64 >= limit.min(NR_OPEN) {
            return Err(EBADF);
        }
        let file = self.get(old)?;
        let replaced = {
            let mut table = self.table.lock();
            table.grow(to + 1)?;
            if table.slots[to].is_none() && table.is_used(to) {
                return Err(EBUSY);
            }
            table.take(to, cloexec);
            table.slots[to].replace(file)
        };
        if let Some(replaced) = replaced {
            self.closed(replaced);
        }
        Ok(())
    }

    /// close(2)
    pub fn close(&self, fd: Fd) -> Result<()> {
        let at = usize::try_from(fd.0).map_err(|_| EBADF)?;
        let file = self.table.lock().remove(at).ok_or(EBADF)?;
        self.closed(file);
        Ok(())
    }

    /// A descriptor of `file` is gone; with it the locks of this table on the file.
    fn closed(&self, file: Arc<File>) {
        locks::closed(self, &file);
    }

    /// close_range(2): closes all of `range`, or marks them for execve(2). Both ends included.
    pub fn close_range(&self, range: RangeInclusive<u32>, cloexec: bool) -> Result<()> {
        let (first, last) = (*range.start() as usize, *range.end() as usize);
        if first > last {
            return Err(EINVAL);
        }
        if cloexec {
            let mut table = self.table.lock();
            for fd in first..table.slots.len().min(last.saturating_add(1)) {
                if table.slots[fd].is_some() {
                    set(&mut table.cloexec, fd, true);
                }
            }
            return Ok(());
        }
        self.close_where(first, last, |_, _| true);
        Ok(())
    }

    /// execve(2): closes what is marked so.
    pub fn close_on_exec(&self) {
        self.close_where(0, usize::MAX, |table, fd| get(&table.cloexec, fd));
    }

    /// Closes everything: the process ends.
    pub fn close_all(&self) {
        self.close_where(0, usize::MAX, |_, _| true);
    }

    /// Closes one by one, so that the lock is free while a file is dropped.
    fn close_where(&self, first: usize, last: usize, wanted: impl Fn(&Table, usize) -> bool) {
        let mut at = first;
        loop {
            let file = {
                let mut table = self.table.lock();
                let end = table.slots.len().min(last.saturating_add(1));
                while at < end && !(table.slots[at].is_some() && wanted(&table, at)) {
                    at += 1;
                }
                if at >= end {
                    return;
                }
                table.remove(at)
            };
            if let Some(file) = file {
                self.closed(file);
            }
        }
    }

    /// Whether execve(2) closes `fd` (`F_GETFD`).
    pub fn cloexec(&self, fd: Fd) -> Result<bool> {
        let table = self.table.lock();
        Ok(get(&table.cloexec, table.open(fd)?))
    }

    /// Says whether execve(2) closes `fd` (`F_SETFD`).
    pub fn set_cloexec(&self, fd: Fd, on: bool) -> Result<()> {
        let mut table = self.table.lock();
        let at = table.open(fd)?;
        set(&mut table.cloexec, at, on);
        Ok(())
    }

    /// A table of one's own with the same files, for fork(2). `ENOMEM` without memory.
    pub fn fork(&self) -> Result<Self> {
        let mut new = Table::default();
        let table = self.table.lock();
        new.grow(table.slots.len())?;
        for (fd, slot) in table.slots.iter().enumerate() {
            if let Some(file) = slot {
                new.slots[fd] = Some(file.clone());
                new.take(fd, get(&table.cloexec, fd));
            }
        }
        drop(table);
        Ok(Self { table: Spin::new(new) })
    }

    /// The first open descriptor from `from` on and its file, for listing `/proc/PID/fd`.
    pub fn next_open(&self, from: usize) -> Option<(Fd, Arc<File>)> {
        let table = self.table.lock();
        let slots = table.slots.iter().enumerate().skip(from);
        slots.filter_map(|(fd, slot)| Some((Fd(fd as i32), slot.clone()?))).next()
    }

    /// How many numbers the table has room for (`FDSize` in `/proc/PID/status`).
    pub fn size(&self) -> usize {
        self.table.lock().slots.len()
    }
}

impl Drop for FdTable {
    fn drop(&mut self) {
        self.close_all();
    }
}

impl Reserved<'_> {
    /// The number.
    pub fn fd(&self) -> Fd {
        Fd(self.fd as i32)
    }

    /// Makes the number mean `file`.
    pub fn install(self, file: Arc<File>) -> Fd {
        let fd = self.fd();
        if let Some(slot) = self.table.table.lock().slots.get_mut(self.fd) {
            *slot = Some(file);
        }
        mem::forget(self);
        fd
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        self.table.table.lock().release(self.fd);
    }
}

impl Table {
    /// Where an open `fd` is, or `EBADF`.
    fn open(&self, fd: Fd) -> Result<usize> {
        let at = usize::try_from(fd.0).map_err(|_| EBADF)?;
        self.slots.get(at).and_then(Option::as_ref).map(|_| at).ok_or(EBADF)
    }

    fn is_used(&self, fd: usize) -> bool {
        get(&self.used, fd)
    }

    /// Makes room for `len` slots, in steps of 64 that double.
    fn grow(&mut self, len: usize) -> Result<()> {
        if len <= self.slots.len() {
            return Ok(());
        }
        let len = len.max(64).next_power_of_two();
        let words = len / 64;
        extend(&mut self.used, words, 0)?;
        extend(&mut self.cloexec, words, 0)?;
        extend(&mut self.full, words.div_ceil(64), 0)?;
        extend(&mut self.slots, len, None)
    }

    /// The lowest number from `min` on that is free; it may be past the end of the table.
    fn lowest_free(&self, min: usize) -> usize {
        let word = min / 64;
        match self.used.get(word) {
            None => return min,
            Some(bits) => {
                let bits = bits | ((1 << (min % 64)) - 1);
                if bits != u64::MAX {
                    return word * 64 + bits.trailing_ones() as usize;
                }
            }
        }
        // The next word that is not full, by the upper bitmap.
        let next = word + 1;
        let mut upper = next / 64;
        let mut skip = (1u64 << (next % 64)) - 1;
        while let Some(bits) = self.full.get(upper) {
            let bits = bits | skip;
            if bits != u64::MAX {
                let word = upper * 64 + bits.trailing_ones() as usize;
                let bits = self.used.get(word).copied().unwrap_or(0);
                return word * 64 + bits.trailing_ones() as usize;
            }
            upper += 1;
            skip = 0;
        }
        self.slots.len()
    }

    fn take(&mut self, fd: usize, cloexec: bool) {
        set(&mut self.used, fd, true);
        set(&mut self.cloexec, fd, cloexec);
        let word = fd / 64;
        set(&mut self.full, word, self.used[word] == u64::MAX);
    }

    fn release(&mut self, fd: usize) {
        set(&mut self.used, fd, false);
        set(&mut self.cloexec, fd, false);
        set(&mut self.full, fd / 64, false);
    }

    fn remove(&mut self, fd: usize) -> Option<Arc<File>> {
        let file = self.slots.get_mut(fd)?.take()?;
        self.release(fd);
        Some(file)
    }
}

fn get(bits: &[u64], at: usize) -> bool {
    bits.get(at / 64).is_some_and(|word| word >> (at % 64) & 1 != 0)
}

fn set(bits: &mut [u64], at: usize, on: bool) {
    if let Some(word) = bits.get_mut(at / 64) {
        *word = *word & !(1 << (at % 64)) | u64::from(on) << (at % 64);
    }
}

fn extend<T: Clone>(list: &mut Vec<T>, len: usize, value: T) -> Result<()> {
    list.try_reserve(len.saturating_sub(list.len())).map_err(|_| ENOMEM)?;
    list.resize(len, value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::file::tests::nothing;

    const MANY: u64 = 1 << 20;

    #[test]
    fn the_lowest_free_number_is_given() {
        let table = FdTable::new();
        for fd in 0..200 {
            assert_eq!(table.insert(nothing(), MANY, false), Ok(Fd(fd)));
        }
        for fd in [130, 5, 64] {
            table.close(Fd(fd)).unwrap();
        }
        for fd in [5, 64, 130, 200] {
            assert_eq!(table.insert(nothing(), MANY, false), Ok(Fd(fd)));
        }
        table.close(Fd(3)).unwrap();
        assert_eq!(table.reserve_from(100, MANY, false).map(|r| r.fd()).ok(), Some(Fd(201)));
        assert_eq!(table.reserve_from(5000, MANY, false).map(|r| r.fd()).ok(), Some(Fd(5000)));
    }

    /// The bitmaps against a plain list.
    #[test]
    fn numbers_agree_with_a_model() {
        let table = FdTable::new();
        let mut model = [false; 300];
        let mut seed = 1u32;
        for _ in 0..20_000 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let n = (seed >> 8) as usize % 300;
            if seed >> 30 == 0 || model.iter().filter(|&&used| used).count() > 290 {
                assert_eq!(table.close(Fd(n as i32)).is_ok(), model[n]);
                model[n] = false;
            } else {
                let want = (n..).find(|&fd| !model.get(fd).copied().unwrap_or(false));
                let got = table.reserve_from(n, 300, false).map(|r| r.install(nothing()));
                match want {
                    Some(fd) if fd < 300 => {
                        assert_eq!(got, Ok(Fd(fd as i32)));
                        model[fd] = true;
                    }
                    _ => assert_eq!(got, Err(EMFILE)),
                }
            }
        }
    }

    #[test]
    fn a_reservation_is_no_file_and_can_be_given_back() {
        let table = FdTable::new();
        let reserved = table.reserve(MANY, true).unwrap();
        assert!(table.get(Fd(0)).is_err());
        assert_eq!(table.insert(nothing(), MANY, false), Ok(Fd(1)));
        assert_eq!(table.dup_to(Fd(1), Fd(0), MANY, false), Err(EBUSY));
        drop(reserved);
        assert_eq!(table.insert(nothing(), MANY, false), Ok(Fd(0)));
        assert_eq!(table.cloexec(Fd(0)), Ok(false));
    }

    #[test]
    fn limits() {
        let table = FdTable::new();
        assert_eq!(table.insert(nothing(), 1, false), Ok(Fd(0)));
        assert_eq!(table.insert(nothing(), 1, false), Err(EMFILE));
        assert_eq!(table.dup_to(Fd(0), Fd(1), 1, false), Err(EBADF));
        assert_eq!(table.dup_to(Fd(0), Fd(-1), 1, false), Err(EBADF));
        assert_eq!(table.dup_to(Fd(9), Fd(0), 1, false), Err(EBADF));
    }

    #[test]
    fn exec_closes_what_is_marked() {
        let table = FdTable::new();
        for fd in 0..100 {
            assert_eq!(table.insert(nothing(), MANY, fd % 3 == 0), Ok(Fd(fd)));
        }
        let child = table.fork().unwrap();
        child.close_on_exec();
        for fd in 0..100 {
            assert_eq!(child.get(Fd(fd)).is_ok(), fd % 3 != 0);
            assert!(table.get(Fd(fd)).is_ok());
        }
        assert_eq!(child.next_open(3).map(|(fd, _)| fd), Some(Fd(4)));
        child.close_range(10..=u32::MAX, false).unwrap();
        assert_eq!(child.next_open(9).map(|(fd, _)| fd), None);
        child.close_range(0..=5, true).unwrap();
        assert_eq!(child.cloexec(Fd(5)), Ok(true));
        assert_eq!(child.cloexec(Fd(7)), Ok(false));
    }

    #[test]
    fn files_go_when_their_last_number_goes() {
        let (a, b) = (FdTable::new(), FdTable::new());
        let file = nothing();
        let weak = Arc::downgrade(&file);
        a.insert(file, MANY, false).unwrap();
        a.dup_to(Fd(0), Fd(70), MANY, true).unwrap();
        drop(b);
        a.close(Fd(0)).unwrap();
        assert!(weak.upgrade().is_some());
        a.close_all();
        assert!(weak.upgrade().is_none());
    }
}
