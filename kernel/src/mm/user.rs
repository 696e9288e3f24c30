//! Typed user pointers: what a register *claims*.
//!
//! They are allegations, built without any check, since Linux too checks only when it copies.
//! The range test, the faults and `EFAULT` happen in [`Space`]'s copies. Values go field by field
//! through [`Wire`], so neither padding leaks out nor an invalid value comes in.
//!
//! | type | registers |
//! |---|---|
//! | [`UserIn`], [`UserOut`], [`UserInOut`] | 1 |
//! | [`UserBytes`] | 2: pointer, length in bytes |
//! | [`UserList`] | 2: pointer, count of elements |
//! | [`UserPath`], [`UserStr`] | 1 |
//!
//! Copies may sleep and take `Mm`: no lock at or below that level may be held.

use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use abi::Wire;
use abi::errno::{EFAULT, EINVAL, ENAMETOOLONG, ENOMEM, Result};

use super::Space;
use super::io::{UserSink, UserSource};

/// The kernel reads what the pointer names.
pub enum In {}
/// The kernel writes what the pointer names.
pub enum Out {}
/// The kernel does both.
pub enum InOut {}

/// A direction in which the kernel reads user memory.
pub trait Reads {}
impl Reads for In {}
impl Reads for InOut {}

/// A direction in which the kernel writes user memory.
pub trait Writes {}
impl Writes for Out {}
impl Writes for InOut {}

/// Longest path a system call accepts, its NUL included (`PATH_MAX`).
pub const PATH_MAX: usize = 4096;

/// Values are copied through a buffer on the stack, whose zeroing is not free: of three sizes.
const SMALL: usize = 64;
/// Fits `struct stat`, `siginfo_t` and `struct rusage`.
const MEDIUM: usize = 160;
/// The largest value a typed pointer moves: a signal frame.
const LARGE: usize = 448;

/// A pointer to one `T` in user memory, for the direction `D`.
pub struct UserPtr<T, D> {
    addr: u64,
    what: PhantomData<fn() -> (T, D)>,
}

/// A pointer through which the kernel reads one `T`.
pub type UserIn<T> = UserPtr<T, In>;
/// A pointer through which the kernel writes one `T`.
pub type UserOut<T> = UserPtr<T, Out>;
/// A pointer to a `T` that the kernel reads and then changes.
pub type UserInOut<T> = UserPtr<T, InOut>;

impl<T, D> Clone for UserPtr<T, D> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, D> Copy for UserPtr<T, D> {}

impl<T, D> fmt::Debug for UserPtr<T, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.addr)
    }
}

impl<T, D> UserPtr<T, D> {
    /// Takes a register at its word.
    pub const fn new(addr: u64) -> Self {
        Self { addr, what: PhantomData }
    }

    /// The address, unchecked.
    pub const fn addr(self) -> u64 {
        self.addr
    }
}

impl<T: Wire, D: Reads> UserPtr<T, D> {
    /// Reads the value. `EFAULT` if any byte of it cannot be read.
    pub fn read(self, space: &Space) -> Result<T> {
        read_value(space, self.addr)
    }
}

impl<T: Wire, D: Writes> UserPtr<T, D> {
    /// Writes the value. `EFAULT` if any byte of it cannot be written; then some may have been.
    pub fn write(self, space: &Space, value: &T) -> Result<()> {
        write_value(space, self.addr, value)
    }
}

fn read_value<T: Wire>(space: &Space, addr: u64) -> Result<T> {
    fn through<const N: usize, T: Wire>(space: &Space, addr: u64) -> Result<T> {
        let mut bytes = [0; N];
        space.copy_in(addr, &mut bytes[..T::SIZE])?;
        Ok(T::get(&bytes))
    }
    const { assert!(T::SIZE <= LARGE) }
    match T::SIZE {
        ..=SMALL => through::<SMALL, T>(space, addr),
        ..=MEDIUM => through::<MEDIUM, T>(space, addr),
        _ => through::<LARGE, T>(space, addr),
    }
}

fn write_value<T: Wire>(space: &Space, addr: u64, value: &T) -> Result<()> {
    fn through<const N: usize, T: Wire>(space: &Space, addr: u64, value: &T) -> Result<()> {
        let mut bytes = [0; N];
        value.put(&mut bytes);
        space.copy_out(addr, &bytes[..T::SIZE])
    }
    const { assert!(T::SIZE <= LARGE) }
    match T::SIZE {
        ..=SMALL => through::<SMALL, T>(space, addr, value),
        ..=MEDIUM => through::<MEDIUM, T>(space, addr, value),
        _ => through::<LARGE, T>(space, addr, value),
    }
}

/// A range of bytes in user memory: the two arguments (pointer, length) of read(2) and its kin.
pub struct UserBytes<D> {
    addr: u64,
    len: usize,
    direction: PhantomData<fn() -> D>,
}

impl<D> Clone for UserBytes<D> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<D> Copy for UserBytes<D> {}

impl<D> fmt::Debug for UserBytes<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}, {}", self.addr, self.len)
    }
}

impl<D> UserBytes<D> {
    /// Takes two registers at their word.
    pub const fn new(addr: u64, len: usize) -> Self {
        Self { addr, len, direction: PhantomData }
    }

    /// The address, unchecked.
    pub const fn addr(self) -> u64 {
        self.addr
    }

    /// The length in bytes, unchecked.
    pub const fn len(self) -> usize {
        self.len
    }

    /// Whether the range has no byte.
    pub const fn is_empty(self) -> bool {
        self.len == 0
    }
}

impl<D: Reads> UserBytes<D> {
    /// Copies the first `to.len()` bytes, or all if there are fewer. Returns how many.
    pub fn copy_to(self, space: &Space, to: &mut [u8]) -> Result<usize> {
        let len = self.len.min(to.len());
        space.copy_in(self.addr, &mut to[..len])?;
        Ok(len)
    }

    /// Copies the whole range; the caller has bounded its length. `ENOMEM` if there is no room.
    pub fn to_vec(self, space: &Space) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(self.len).map_err(|_| ENOMEM)?;
        bytes.resize(self.len, 0);
        space.copy_in(self.addr, &mut bytes)?;
        Ok(bytes)
    }

    /// The range as the source of a stream copy.
    pub fn source(self, space: &Space) -> UserSource<'_> {
        UserSource::single(space, self.addr, self.len)
    }
}

impl<D: Writes> UserBytes<D> {
    /// Writes as much of `bytes` as fits. Returns how many bytes that is.
    pub fn copy_from(self, space: &Space, bytes: &[u8]) -> Result<usize> {
        let len = self.len.min(bytes.len());
        space.copy_out(self.addr, &bytes[..len])?;
        Ok(len)
    }

    /// The range as the destination of a stream copy.
    pub fn sink(self, space: &Space) -> UserSink<'_> {
        UserSink::single(space, self.addr, self.len)
    }
}

/// An array in user memory: the two arguments (pointer, count) of poll(2) and its kin.
pub struct UserList<T, D> {
    addr: u64,
    count: usize,
    what: PhantomData<fn() -> (T, D)>,
}

impl<T, D> Clone for UserList<T, D> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, D> Copy for UserList<T, D> {}

impl<T, D> fmt::Debug for UserList<T, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}, {}", self.addr, self.count)
    }
}

impl<T, D> UserList<T, D> {
    /// Takes two registers at their word.
    pub const fn new(addr: u64, count: usize) -> Self {
        Self { addr, count, what: PhantomData }
    }

    /// The address of the first element, unchecked.
    pub const fn addr(self) -> u64 {
        self.addr
    }

    /// The number of elements, unchecked.
    pub const fn count(self) -> usize {
        self.count
    }
}

impl<T: Wire, D> UserList<T, D> {
    /// Where element `index` lies. `EFAULT` outside the list or beyond all addresses.
    fn at(self, index: usize) -> Result<u64> {
        if index >= self.count {
            return Err(EFAULT);
        }
        let offset = (index as u64).checked_mul(T::SIZE as u64).ok_or(EFAULT)?;
        self.addr.checked_add(offset).ok_or(EFAULT)
    }
}

impl<T: Wire, D: Reads> UserList<T, D> {
    /// Reads element `index`.
    pub fn get(self, space: &Space, index: usize) -> Result<T> {
        read_value(space, self.at(index)?)
    }

    /// Reads all elements. `EINVAL` if there are more than `limit`.
    pub fn to_vec(self, space: &Space, limit: usize) -> Result<Vec<T>> {
        if self.count > limit {
            return Err(EINVAL);
        }
        let mut list = Vec::new();
        list.try_reserve_exact(self.count).map_err(|_| ENOMEM)?;
        for index in 0..self.count {
            list.push(self.get(space, index)?);
        }
        Ok(list)
    }
}

impl<T: Wire, D: Writes> UserList<T, D> {
    /// Writes element `index`.
    pub fn set(self, space: &Space, index: usize, value: &T) -> Result<()> {
        write_value(space, self.at(index)?, value)
    }
}

/// A NUL-terminated string in user memory.
#[derive(Clone, Copy)]
pub struct UserStr {
    addr: u64,
}

impl fmt::Debug for UserStr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.addr)
    }
}

impl UserStr {
    /// Takes a register at its word.
    pub const fn new(addr: u64) -> Self {
        Self { addr }
    }

    /// The address, unchecked.
    pub const fn addr(self) -> u64 {
        self.addr
    }

    /// The string without its NUL, which must be among the first `max` bytes.
    ///
    /// `EFAULT` if it cannot be read, `ENAMETOOLONG` if it is longer, `ENOMEM` without memory.
    pub fn read(self, space: &Space, max: usize) -> Result<Vec<u8>> {
        let mut piece = [0; 256];
        let mut text = Vec::new();
        loop {
            let room = piece.len().min(max - text.len());
            if room == 0 {
                return Err(ENAMETOOLONG);
            }
            let from = self.addr.checked_add(text.len() as u64).ok_or(EFAULT)?;
            let end = space.copy_str_in(from, &mut piece[..room])?;
            let new = &piece[..end.unwrap_or(room)];
            text.try_reserve(new.len()).map_err(|_| ENOMEM)?;
            text.extend_from_slice(new);
            if end.is_some() {
                return Ok(text);
            }
        }
    }
}

/// A path in user memory: a NUL-terminated string of at most [`PATH_MAX`] bytes.
#[derive(Clone, Copy)]
pub struct UserPath {
    text: UserStr,
}

impl fmt::Debug for UserPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

impl UserPath {
    /// Takes a register at its word.
    pub const fn new(addr: u64) -> Self {
        Self { text: UserStr::new(addr) }
    }

    /// The address, unchecked.
    pub const fn addr(self) -> u64 {
        self.text.addr()
    }

    /// The path's bytes. It may be empty: whether that is `ENOENT` is the path walk's business.
    ///
    /// `EFAULT` if it cannot be read, `ENAMETOOLONG` if it is too long, `ENOMEM` without memory.
    pub fn read(self, space: &Space) -> Result<Vec<u8>> {
        self.text.read(space, PATH_MAX)
    }
}
