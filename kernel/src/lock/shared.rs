//! What the protocols of sleepers and wakers are made of: a lock, a flag and a counter, as traits.
//!
//! The kernel's own are the usual ones. Loom's models run the same protocols on loom's types, which
//! explore every interleaving; nothing is modelled that does not run.

use core::sync::atomic::Ordering::SeqCst;

use super::{IrqSpin, order::Level};

/// A value under a lock.
pub trait Guarded<T> {
    /// Runs `f` with the lock held.
    fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R;
}

/// A bit that several set and look at.
pub trait Flag {
    /// Puts `new` there; what was there before. Both sides swap, so that whoever clears the flag
    /// has seen what was done before it was set.
    fn swap(&self, new: bool) -> bool;
    /// What is there.
    fn get(&self) -> bool;
}

/// A number that several count on.
pub trait Counter {
    /// One more. What the caller does next comes after it for everybody.
    fn up(&self);
    /// One less.
    fn down(&self);
    /// Is it zero? What the caller did before comes before it for everybody.
    fn is_zero(&self) -> bool;
}

impl<T, L: Level> Guarded<T> for IrqSpin<T, L> {
    #[inline]
    #[track_caller]
    fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        f(&mut self.lock())
    }
}

/// The flag and the counter on the atomics of a module.
macro_rules! on_atomics {
    ($($module:ident)::+) => {
        impl Flag for $($module)::+::AtomicBool {
            #[inline]
            fn swap(&self, new: bool) -> bool {
                self.swap(new, SeqCst)
            }

            #[inline]
            fn get(&self) -> bool {
                self.load(SeqCst)
            }
        }

        impl Counter for $($module)::+::AtomicUsize {
            #[inline]
            fn up(&self) {
                self.fetch_add(1, SeqCst);
                $($module)::+::fence(SeqCst);
            }

            #[inline]
            fn down(&self) {
                self.fetch_sub(1, SeqCst);
            }

            #[inline]
            fn is_zero(&self) -> bool {
                $($module)::+::fence(SeqCst);
                self.load(SeqCst) == 0
            }
        }
    };
}
on_atomics!(core::sync::atomic);
#[cfg(all(test, loom))]
on_atomics!(loom::sync::atomic);

#[cfg(all(test, loom))]
impl<T> Guarded<T> for loom::sync::Mutex<T> {
    fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        f(&mut self.lock().unwrap())
    }
}
