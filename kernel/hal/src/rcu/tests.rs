//! Grace periods on a host machine's guards, and their orderings under loom.

use super::*;

#[cfg(not(loom))]
mod plain {
    use super::*;
    use crate::cpu::NoPreempt;
    use alloc::sync::Arc;

    #[test]
    fn a_value_waits_for_every_cpu() {
        let domain = Domain::new();
        let value = Arc::new(1);
        let rcu = Rcu::new(value.clone());
        domain.retire(rcu.exchange(Arc::new(2)));
        assert_eq!(domain.reap(2), 0b11);
        domain.pass(0);
        assert_eq!(domain.reap(2), 0b10);
        assert_eq!(Arc::strong_count(&value), 2);
        domain.pass(1);
        assert_eq!(domain.reap(2), 0);
        assert_eq!(Arc::strong_count(&value), 1);
        assert_eq!(**rcu.read(&NoPreempt::new()), 2);
    }

    #[test]
    fn a_younger_value_waits_longer() {
        let domain = Domain::new();
        let values: [_; 3] = core::array::from_fn(Arc::new);
        let rcu = Rcu::new(values[0].clone());
        domain.retire(rcu.exchange(values[1].clone()));
        domain.pass(0);
        domain.retire(rcu.exchange(values[2].clone()));
        assert_eq!(domain.reap(1), 0b1);
        assert_eq!(values.each_ref().map(Arc::strong_count), [1, 2, 2]);
        drop(domain);
        assert_eq!(values.each_ref().map(Arc::strong_count), [1, 1, 2]);
        drop(rcu);
        assert_eq!(Arc::strong_count(&values[2]), 1);
    }
}

#[cfg(loom)]
mod models {
    use super::*;
    use loom::cell::UnsafeCell;
    use loom::sync::Arc;
    use loom::thread;

    /// Loom reports when the drop's write races with a reader's read.
    struct Watched(UnsafeCell<u32>);

    // SAFETY: loom checks that accesses are ordered.
    unsafe impl Send for Watched {}
    // SAFETY: as above.
    unsafe impl Sync for Watched {}

    impl Drop for Watched {
        fn drop(&mut self) {
            // SAFETY: loom checks that nobody reads at the same time.
            self.0.with_mut(|cell| unsafe { *cell = 0 });
        }
    }

    fn watched(value: u32) -> Watched {
        Watched(UnsafeCell::new(value))
    }

    fn look(rcu: &Rcu<Watched>) -> u32 {
        let pin = crate::cpu::NoPreempt::new();
        // SAFETY: loom checks that nobody writes at the same time.
        rcu.read(&pin).0.with(|cell| unsafe { *cell })
    }

    #[test]
    fn model_no_reader_sees_a_dropped_value() {
        loom::model(|| {
            let rcu = Arc::new(Rcu::new(watched(1)));
            let domain = Arc::new(Domain::new());
            let reader = {
                let (rcu, domain) = (rcu.clone(), domain.clone());
                thread::spawn(move || {
                    assert_ne!(look(&rcu), 0);
                    domain.pass(1);
                    assert_ne!(look(&rcu), 0);
                })
            };
            domain.retire(rcu.exchange(watched(2)));
            domain.pass(0);
            // Loom runs the reader before a thread that yields goes on.
            if domain.reap(2) != 0 {
                thread::yield_now();
                domain.reap(2);
            }
            assert_eq!(look(&rcu), 2);
            reader.join().unwrap();
        });
    }

    #[test]
    fn model_two_writers_lose_nothing() {
        loom::model(|| {
            let rcu = Arc::new(Rcu::new(watched(1)));
            let domain = Arc::new(Domain::new());
            let other = {
                let (rcu, domain) = (rcu.clone(), domain.clone());
                thread::spawn(move || {
                    domain.retire(rcu.exchange(watched(2)));
                    domain.pass(1);
                })
            };
            domain.retire(rcu.exchange(watched(3)));
            domain.pass(0);
            domain.reap(2);
            other.join().unwrap();
            domain.pass(0);
            domain.pass(1);
            assert_eq!(domain.reap(2), 0);
            assert_eq!(domain.waiting.load(Ordering::Relaxed), 0);
        });
    }
}
