//! [`Mutex`]: a sleeping lock with a level.

use core::{
    marker::PhantomData,
    ops::{Deref, DerefMut},
    sync::atomic::{AtomicUsize, Ordering::SeqCst, fence},
};

use spin::mutex::{SpinMutex, SpinMutexGuard};

use super::{Pause, WaitQueue, Woken};
use crate::{
    lock::{Held, might_sleep, order::Level},
    sched::Lane,
};

/// A lock whose waiters sleep. May be held across sleeps and user copies (above level `Mm`).
pub struct Mutex<T, L> {
    level: PhantomData<fn() -> L>,
    /// The one who holds it and those who sleep for it. Never spun on.
    waiting: AtomicUsize,
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
            waiting: AtomicUsize::new(0),
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

    #[track_caller]
    fn lock_with(&self, pause: Pause) -> Result<MutexGuard<'_, T, L>, Woken> {
        might_sleep();
        let held = Held::enter();
        let data = match self.inner.try_lock() {
            Some(data) => data,
            None => {
                self.waiting.fetch_add(1, SeqCst);
                let got = self.queue.wait_in(Lane::Lock, true, pause, || self.inner.try_lock());
                self.waiting.fetch_sub(1, SeqCst);
                got?
            }
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
        // Against the sleeper, who counts itself and then tries the lock once more.
        fence(SeqCst);
        if self.lock.waiting.load(SeqCst) > 0 {
            self.lock.queue.wake(u32::MAX, 1);
        }
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
