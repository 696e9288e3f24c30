//! [`Spin`] and [`IrqSpin`]: short critical sections, with the level in the type.

use core::ops::{Deref, DerefMut};

use hal::cpu::{NoIrq, NoPreempt};
use spin::mutex::{SpinMutex, SpinMutexGuard};

use super::{order::Level, rank::Held};
use core::marker::PhantomData;

/// A spin lock for thread context. Interrupt handlers must not take it.
pub struct Spin<T: ?Sized, L> {
    level: PhantomData<fn() -> L>,
    inner: SpinMutex<T>,
}

/// A spin lock that interrupt handlers take, too: interrupts are off while it is held.
pub struct IrqSpin<T: ?Sized, L> {
    level: PhantomData<fn() -> L>,
    inner: SpinMutex<T>,
}

/// Holds a [`Spin`].
pub struct SpinGuard<'a, T: ?Sized, L: Level> {
    // Order of drop: the lock first, then the note, then the pin.
    data: SpinMutexGuard<'a, T>,
    _held: Held<L>,
    _pin: NoPreempt,
}

/// Holds an [`IrqSpin`].
pub struct IrqSpinGuard<'a, T: ?Sized, L: Level> {
    data: SpinMutexGuard<'a, T>,
    _held: Held<L>,
    _pin: NoIrq,
}

impl<T, L: Level> Spin<T, L> {
    /// A lock around `value`.
    pub const fn new(value: T) -> Self {
        Self { level: PhantomData, inner: SpinMutex::new(value) }
    }

    /// Takes two locks of one level, in address order; the guards come back in argument order.
    /// `None` for the second when both are the same lock.
    #[track_caller]
    pub fn lock_pair<'a>(
        a: &'a Self,
        b: &'a Self,
    ) -> (SpinGuard<'a, T, L>, Option<SpinGuard<'a, T, L>>) {
        let (at, bt) = (core::ptr::from_ref(a).addr(), core::ptr::from_ref(b).addr());
        if at == bt {
            (a.lock(), None)
        } else if at < bt {
            let first = a.lock();
            (first, Some(b.lock_second()))
        } else {
            let first = b.lock();
            (a.lock_second(), Some(first))
        }
    }

    /// The value, when nobody else can have the lock.
    pub fn get_mut(&mut self) -> &mut T {
        self.inner.get_mut()
    }

    #[track_caller]
    fn lock_second(&self) -> SpinGuard<'_, T, L> {
        let pin = NoPreempt::new();
        let held = Held::enter_second();
        SpinGuard { data: self.inner.lock(), _held: held, _pin: pin }
    }
}

impl<T: ?Sized, L: Level> Spin<T, L> {
    /// Takes the lock if it is free at once; for panics, which must never wait. Not checked
    /// against the lock order: what does not wait cannot deadlock.
    pub fn try_lock(&self) -> Option<SpinMutexGuard<'_, T>> {
        self.inner.try_lock()
    }

    /// Waits for the lock and takes it.
    #[inline]
    #[track_caller]
    pub fn lock(&self) -> SpinGuard<'_, T, L> {
        let pin = NoPreempt::new();
        let held = Held::enter();
        SpinGuard { data: self.inner.lock(), _held: held, _pin: pin }
    }
}

impl<T, L: Level> IrqSpin<T, L> {
    /// A lock around `value`.
    pub const fn new(value: T) -> Self {
        Self { level: PhantomData, inner: SpinMutex::new(value) }
    }
}

impl<T: ?Sized, L: Level> IrqSpin<T, L> {
    /// Turns interrupts off, waits for the lock and takes it.
    #[inline]
    #[track_caller]
    pub fn lock(&self) -> IrqSpinGuard<'_, T, L> {
        let pin = NoIrq::new();
        let held = Held::enter();
        IrqSpinGuard { data: self.inner.lock(), _held: held, _pin: pin }
    }

    /// Takes the lock if it is free at once; for panics, which must never wait. An interrupt that
    /// wants it as well must wait like everybody, so they are off meanwhile.
    pub fn try_lock(&self) -> Option<IrqTryGuard<'_, T>> {
        let pin = NoIrq::new();
        Some(IrqTryGuard { data: self.inner.try_lock()?, _pin: pin })
    }
}

/// What [`IrqSpin::try_lock`] gives. Interrupts come back after the lock is free.
pub struct IrqTryGuard<'a, T: ?Sized> {
    data: SpinMutexGuard<'a, T>,
    _pin: NoIrq,
}

impl<T: ?Sized> Deref for IrqTryGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.data
    }
}

impl<T: ?Sized> DerefMut for IrqTryGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.data
    }
}

impl<T: Default, L: Level> Default for Spin<T, L> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: Default, L: Level> Default for IrqSpin<T, L> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: ?Sized, L: Level> Deref for SpinGuard<'_, T, L> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        &self.data
    }
}

impl<T: ?Sized, L: Level> DerefMut for SpinGuard<'_, T, L> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.data
    }
}

impl<T: ?Sized, L: Level> Deref for IrqSpinGuard<'_, T, L> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        &self.data
    }
}

impl<T: ?Sized, L: Level> DerefMut for IrqSpinGuard<'_, T, L> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.data
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lock::{might_sleep, order};

    #[test]
    fn in_order_is_fine() {
        let outer = Spin::<_, order::Family>::new(1);
        let inner = IrqSpin::<_, order::RunQueue>::new(2);
        let a = outer.lock();
        let b = inner.lock();
        assert_eq!(*a + *b, 3);
    }

    #[test]
    #[should_panic(expected = "lock order: Family taken under RunQueue")]
    fn out_of_order_is_caught() {
        let outer = Spin::<_, order::Family>::new(1);
        let inner = IrqSpin::<_, order::RunQueue>::new(2);
        let _b = inner.lock();
        let _a = outer.lock();
    }

    #[test]
    #[should_panic(expected = "lock order: Family taken under Family")]
    fn one_level_twice_is_caught() {
        let a = Spin::<_, order::Family>::new(1);
        let b = Spin::<_, order::Family>::new(2);
        let _a = a.lock();
        let _b = b.lock();
    }

    #[test]
    fn a_pair_comes_in_argument_order() {
        let a = Spin::<_, order::Family>::new(1);
        let b = Spin::<_, order::Family>::new(2);
        for (x, y) in [(&a, &b), (&b, &a)] {
            let want = if core::ptr::eq(x, &a) { (1, 2) } else { (2, 1) };
            let (gx, gy) = Spin::lock_pair(x, y);
            assert_eq!((*gx, gy.map(|g| *g)), (want.0, Some(want.1)));
        }
        assert!(Spin::lock_pair(&a, &a).1.is_none());
    }

    #[test]
    #[should_panic(expected = "sleeping with a spin lock held")]
    fn sleeping_is_caught() {
        let a = Spin::<_, order::Family>::new(1);
        let _a = a.lock();
        might_sleep();
    }

    #[test]
    fn a_dropped_guard_is_forgotten() {
        let inner = IrqSpin::<_, order::RunQueue>::new(2);
        drop(inner.lock());
        let outer = Spin::<_, order::Family>::new(1);
        drop(outer.lock());
        might_sleep();
    }
}
