//! Numbers of mounts, peer groups and file systems: the lowest that is free, as Linux's `ida`
//! gives them. Lock: `Numbers`.

use crate::lock::{Spin, order};
use alloc::collections::BTreeSet;
use alloc::sync::Arc;

/// The numbers from a first one on.
pub struct Numbers(Spin<Free, order::Numbers>);

struct Free {
    /// Given back, all below `next`.
    back: BTreeSet<u32>,
    /// This and all above were never given out.
    next: u32,
}

/// A number nobody else has, until it is dropped.
pub struct Number {
    value: u32,
    from: Arc<Numbers>,
}

impl Numbers {
    /// All from `first` on.
    pub fn from(first: u32) -> Arc<Self> {
        Arc::new(Self(Spin::new(Free { back: BTreeSet::new(), next: first })))
    }

    /// The lowest free number.
    pub fn take(self: &Arc<Self>) -> Number {
        let mut free = self.0.lock();
        let value = free.back.pop_first().unwrap_or_else(|| {
            free.next += 1;
            free.next - 1
        });
        Number { value, from: self.clone() }
    }
}

impl Number {
    /// The number.
    pub fn get(&self) -> u32 {
        self.value
    }
}

impl Drop for Number {
    fn drop(&mut self) {
        let mut free = self.from.0.lock();
        free.back.insert(self.value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_free_number_comes_first() {
        let numbers = Numbers::from(5);
        let (a, b, c) = (numbers.take(), numbers.take(), numbers.take());
        assert_eq!((a.get(), b.get(), c.get()), (5, 6, 7));
        drop((c, a));
        assert_eq!(numbers.take().get(), 5, "and given back at once");
        let _a = numbers.take();
        assert_eq!(numbers.take().get(), 7);
    }
}
