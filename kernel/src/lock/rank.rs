//! The run-time check of the lock order, and of sleeping with a spin lock held.
//!
//! Each context (a fiber, or a CPU loop) carries a small stack of what it holds. Compiled to
//! nothing without debug assertions.

use core::marker::PhantomData;

use super::order::Level;

/// Proof that a lock of level `L` is noted as held; dropping it forgets it.
#[derive(Debug)]
pub struct Held<L: Level>(PhantomData<fn() -> L>);

impl<L: Level> Held<L> {
    /// Notes a lock about to be taken. Panics (debug builds) when the order forbids it.
    #[inline]
    #[track_caller]
    pub fn enter() -> Self {
        #[cfg(debug_assertions)]
        check::enter(L::RANK, L::NAME, false);
        Self(PhantomData)
    }

    /// As [`Held::enter`] for the second of two locks of one level, taken in address order.
    #[inline]
    #[track_caller]
    pub fn enter_second() -> Self {
        #[cfg(debug_assertions)]
        check::enter(L::RANK, L::NAME, true);
        Self(PhantomData)
    }
}

impl<L: Level> Drop for Held<L> {
    #[inline]
    fn drop(&mut self) {
        #[cfg(debug_assertions)]
        check::leave(L::RANK);
    }
}

/// Panics (debug builds) where Linux would say "sleeping function called from invalid context".
#[inline]
#[track_caller]
pub fn might_sleep() {
    #[cfg(debug_assertions)]
    check::no_spin_lock(<super::order::PageCache as Level>::RANK);
}

#[cfg(debug_assertions)]
mod check {
    use hal::context::{self, Held};

    #[track_caller]
    pub fn enter(rank: u8, name: &'static str, same_level: bool) {
        let under = context::held(|held| {
            let broken = held.iter().find(|h| h.rank > rank || h.rank == rank && !same_level);
            let under = broken.map(|h| h.name);
            if under.is_none() {
                // Deeper nesting than the stack holds is itself a mistake; `leave` copes.
                let _ = held.push(Held { rank, name });
            }
            under
        });
        if let Some(under) = under {
            lock_order_broken(name, under);
        }
    }

    pub fn leave(rank: u8) {
        context::held(|held| {
            if let Some(at) = held.iter().rposition(|h| h.rank == rank) {
                held.remove(at);
            }
        });
    }

    #[track_caller]
    pub fn no_spin_lock(last_sleeping: u8) {
        let spinning =
            context::held(|held| held.iter().find(|h| h.rank > last_sleeping).map(|h| h.name));
        if let Some(name) = spinning {
            sleeping_in_atomic(name);
        }
    }

    #[cold]
    #[track_caller]
    #[expect(clippy::panic, reason = "a broken lock order is a kernel bug; only debug builds look")]
    fn lock_order_broken(name: &str, under: &str) -> ! {
        panic!("lock order: {name} taken under {under}")
    }

    #[cold]
    #[track_caller]
    #[expect(
        clippy::panic,
        reason = "sleeping under a spin lock is a kernel bug; only debug builds look"
    )]
    fn sleeping_in_atomic(name: &str) -> ! {
        panic!("sleeping with a spin lock held: {name}")
    }
}
