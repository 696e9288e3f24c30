//! [`RwLock`]: a sleeping lock for many readers or one writer. A waiting writer stops new readers.

use core::{
    marker::PhantomData,
    ops::{Deref, DerefMut},
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
};

use spin::rwlock::{RwLock as SpinRwLock, RwLockReadGuard, RwLockWriteGuard};

use super::{Pause, WaitQueue, waiting::Waiting};
use crate::{
    lock::{Held, might_sleep, order::Level},
    sched::Lane,
};

/// A lock for many readers or one writer, whose waiters sleep.
pub struct RwLock<T, L> {
    level: PhantomData<fn() -> L>,
    waiting: Waiting,
    writers_waiting: AtomicUsize,
    queue: WaitQueue,
    /// Only ever tried, never spun on.
    inner: SpinRwLock<T>,
}

/// Holds an [`RwLock`] together with other readers.
pub struct ReadGuard<'a, T, L: Level> {
    data: Option<RwLockReadGuard<'a, T>>,
    lock: &'a RwLock<T, L>,
    _held: Held<L>,
}

/// Holds an [`RwLock`] alone.
pub struct WriteGuard<'a, T, L: Level> {
    data: Option<RwLockWriteGuard<'a, T>>,
    lock: &'a RwLock<T, L>,
    _held: Held<L>,
}

impl<T, L: Level> RwLock<T, L> {
    /// A lock around `value`.
    pub const fn new(value: T) -> Self {
        Self {
            level: PhantomData,
            waiting: Waiting::new(),
            writers_waiting: AtomicUsize::new(0),
            queue: WaitQueue::new(),
            inner: SpinRwLock::new(value),
        }
    }

    /// Sleeps until no writer has the lock or waits for it.
    #[track_caller]
    pub fn read(&self) -> ReadGuard<'_, T, L> {
        might_sleep();
        let held = Held::enter();
        let try_read = || match self.writers_waiting.load(SeqCst) {
            0 => self.inner.try_read(),
            _ => None,
        };
        let data = try_read().unwrap_or_else(|| self.wait(try_read));
        ReadGuard { data: Some(data), lock: self, _held: held }
    }

    /// Sleeps until nobody has the lock.
    #[track_caller]
    pub fn write(&self) -> WriteGuard<'_, T, L> {
        might_sleep();
        let held = Held::enter();
        let data = self.inner.try_write().unwrap_or_else(|| {
            self.writers_waiting.fetch_add(1, SeqCst);
            let data = self.wait(|| self.inner.try_write());
            self.writers_waiting.fetch_sub(1, SeqCst);
            data
        });
        WriteGuard { data: Some(data), lock: self, _held: held }
    }

    fn wait<R>(&self, mut attempt: impl FnMut() -> Option<R>) -> R {
        self.waiting.during(|| {
            loop {
                let pause = Pause::UNINTERRUPTIBLE;
                if let Ok(got) = self.queue.wait_in(Lane::Lock, false, pause, &mut attempt) {
                    return got;
                }
            }
        })
    }

    /// After a guard has let go.
    fn released(&self) {
        self.waiting.released(|| self.queue.wake_all());
    }

    /// The value, when nobody else can have the lock.
    pub fn get_mut(&mut self) -> &mut T {
        self.inner.get_mut()
    }
}

impl<T: Default, L: Level> Default for RwLock<T, L> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

macro_rules! guard {
    ($guard:ident) => {
        impl<T, L: Level> Drop for $guard<'_, T, L> {
            fn drop(&mut self) {
                drop(self.data.take());
                self.lock.released();
            }
        }

        impl<T, L: Level> Deref for $guard<'_, T, L> {
            type Target = T;
            #[inline]
            fn deref(&self) -> &T {
                match &self.data {
                    Some(data) => data,
                    None => unreachable!("the data leaves a guard only in drop"),
                }
            }
        }
    };
}
guard!(ReadGuard);
guard!(WriteGuard);

impl<T, L: Level> DerefMut for WriteGuard<'_, T, L> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        match &mut self.data {
            Some(data) => data,
            None => unreachable!("the data leaves a guard only in drop"),
        }
    }
}
