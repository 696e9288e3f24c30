//! [`Mutex`]: a sleeping lock with a level.

use core::{
    marker::PhantomData,
    ops::{Deref, DerefMut},
};

use spin::mutex::{SpinMutex, SpinMutexGuard};

use super::{Pause, WaitQueue, Woken, waiting::Waiting};
use crate::{
    lock::{Held, might_sleep, order::Level},
    sched::Lane,
};

/// A lock whose waiters sleep. May be held across sleeps and user copies (above level `Mm`).
pub struct Mutex<T, L> {
    level: PhantomData<fn() -> L>,
    /// The one who holds it and those who sleep for it. Never spun on.
    waiting: Waiting,
    queue: WaitQueue,
    inner: SpinMutex<T>,
}

/// Holds a [`Mutex`].
pub struct MutexGuard<'a, T, L: Level> {
    /// `None` only while it is dropped.
    data: Option<SpinMutexGuard<'a, T>>,
    lock: &'a Mutex<T, L>,
    _held: Held<L>,
}

impl<T, L: Level> Mutex<T, L> {
    /// A lock around `value`.
    pub const fn new(value: T) -> Self {
        Self {
            level: PhantomData,
            waiting: Waiting::new(),
            queue: WaitQueue::new(),
            inner: SpinMutex::new(value),
        }
    }

    /// Sleeps until the lock is free, whatever happens.
    #[track_caller]
    pub fn lock(&self) -> MutexGuard<'_, T, L> {
        loop {
            if let Ok(guard) = self.lock_with(Pause::UNINTERRUPTIBLE) {
                return guard;
            }
        }
    }

    /// Sleeps until the lock is free or the thread is killed.
    #[track_caller]
    pub fn lock_killable(&self) -> Result<MutexGuard<'_, T, L>, Woken> {
        self.lock_with(Pause::KILLABLE)
    }

    /// Sleeps until the lock is free or a signal comes.
    #[track_caller]
    pub fn lock_interruptible(&self) -> Result<MutexGuard<'_, T, L>, Woken> {
        self.lock_with(Pause::INTERRUPTIBLE)
    }

    /// Takes the lock if it is free.
    #[track_caller]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T, L>> {
        let held = Held::enter();
        let data = self.inner.try_lock()?;
        Some(MutexGuard { data: Some(data), lock: self, _held: held })
    }

    /// Takes two locks of one level, in address order; the guards come back in argument order.
    /// `None` for the second when both are the same lock.
    #[track_caller]
    pub fn lock_pair<'a>(
        a: &'a Self,
        b: &'a Self,
    ) -> (MutexGuard<'a, T, L>, Option<MutexGuard<'a, T, L>>) {
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

    /// Takes the lock under others of its level. The caller knows why these cannot wait for each
    /// other in a circle.
    #[track_caller]
    pub fn lock_nested(&self) -> MutexGuard<'_, T, L> {
        self.lock_second()
    }

    #[track_caller]
    fn lock_second(&self) -> MutexGuard<'_, T, L> {
        loop {
            if let Ok(guard) = self.lock_held(Held::enter_second(), Pause::UNINTERRUPTIBLE) {
                return guard;
            }
        }
    }

    #[track_caller]
    fn lock_with(&self, pause: Pause) -> Result<MutexGuard<'_, T, L>, Woken> {
        self.lock_held(Held::enter(), pause)
    }

    #[track_caller]
    fn lock_held(&self, held: Held<L>, pause: Pause) -> Result<MutexGuard<'_, T, L>, Woken> {
        might_sleep();
        let data = match self.inner.try_lock() {
            Some(data) => data,
            None => self
                .waiting
                .during(|| self.queue.wait_in(Lane::Lock, true, pause, || self.inner.try_lock()))?,
        };
        Ok(MutexGuard { data: Some(data), lock: self, _held: held })
    }

    /// The value, when nobody else can have the lock.
    pub fn get_mut(&mut self) -> &mut T {
        self.inner.get_mut()
    }
}

impl<T, L: Level> Drop for MutexGuard<'_, T, L> {
    fn drop(&mut self) {
        drop(self.data.take());
        self.lock.waiting.released(|| self.lock.queue.wake(u32::MAX, 1));
    }
}

impl<T: Default, L: Level> Default for Mutex<T, L> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T, L: Level> Deref for MutexGuard<'_, T, L> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        match &self.data {
            Some(data) => data,
            None => unreachable!("the data leaves a guard only in drop"),
        }
    }
}

impl<T, L: Level> DerefMut for MutexGuard<'_, T, L> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        match &mut self.data {
            Some(data) => data,
            None => unreachable!("the data leaves a guard only in drop"),
        }
    }
}
