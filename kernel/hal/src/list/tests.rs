//! Lists and heaps against ordinary collections, with the misuse that must be harmless.

use super::*;
use alloc::collections::{BTreeSet, VecDeque};
use alloc::vec::Vec;
use std::collections::HashSet;

/// A small generator (xorshift64), so that a failing seed can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

#[test]
fn two_lists_against_two_queues() {
    for seed in 1..50 {
        let mut random = Random(seed);
        let nodes: Vec<_> = (0..16usize).map(|i| Arc::new(Node::new(i))).collect();
        let mut lists = [List::new(), List::new()];
        let mut model = [VecDeque::new(), VecDeque::new()];
        for _ in 0..400 {
            let (which, i) = (random.below(2) as usize, random.below(16) as usize);
            let linked = model.iter().any(|queue| queue.contains(&i));
            match random.below(5) {
                0 => {
                    assert_eq!(lists[which].push_back(nodes[i].clone()).is_err(), linked);
                    if !linked {
                        model[which].push_back(i);
                    }
                }
                1 => {
                    assert_eq!(lists[which].push_front(nodes[i].clone()).is_err(), linked);
                    if !linked {
                        model[which].push_front(i);
                    }
                }
                2 => {
                    let here = model[which].contains(&i);
                    assert_eq!(lists[which].remove(&nodes[i]), here);
                    model[which].retain(|&other| other != i);
                }
                3 => {
                    let got = lists[which].take_first(|&value| value % 3 == 0).map(|node| **node);
                    let at = model[which].iter().position(|&value| value % 3 == 0);
                    assert_eq!(got, at.and_then(|at| model[which].remove(at)));
                }
                _ => {
                    let got = lists[which].pop_front().map(|node| **node);
                    assert_eq!(got, model[which].pop_front());
                }
            }
            let seen: VecDeque<usize> = lists[which].iter().map(|node| **node).collect();
            assert_eq!(seen, model[which], "seed {seed}");
            assert_eq!(lists[which].len(), model[which].len());
        }
        drop(lists);
        assert!(nodes.iter().all(|node| Arc::strong_count(node) == 1 && !node.is_linked()));
    }
}

#[test]
fn a_moved_list_keeps_its_nodes() {
    let node = Arc::new(Node::new(7));
    let mut list = List::new();
    assert!(list.push_back(node.clone()).is_ok());
    let mut moved = alloc::boxed::Box::new(list);
    assert!(moved.remove(&node));
    assert!(!moved.remove(&node));
}

#[test]
fn two_heaps_against_sorted_sets() {
    for seed in 1..50 {
        let mut random = Random(seed);
        let nodes: Vec<_> = (0..24u64).map(|i| Arc::new(HeapNode::new(i))).collect();
        let mut heaps = [Heap::new(), Heap::new()];
        let mut model = [BTreeSet::new(), BTreeSet::new()];
        let mut keys = [None; 24];
        for _ in 0..400 {
            let (which, i) = (random.below(2) as usize, random.below(24) as usize);
            match random.below(4) {
                0 | 1 => {
                    let key = random.below(40);
                    let busy = heaps[which].insert((key, i), nodes[i].clone()).is_err();
                    assert_eq!(busy, keys[i].is_some());
                    if !busy {
                        keys[i] = Some((which, key));
                        model[which].insert((key, i));
                    }
                }
                2 => {
                    let here = keys[i].is_some_and(|(heap, _)| heap == which);
                    assert_eq!(heaps[which].remove(&nodes[i]), here);
                    if here {
                        let (_, key) = keys[i].take().unwrap();
                        model[which].remove(&(key, i));
                    }
                }
                _ => {
                    let got = heaps[which].pop().map(|(key, node)| (key, **node));
                    let want = model[which].pop_first();
                    assert_eq!(got.map(|(key, _)| key), want, "seed {seed}");
                    if let Some((_, i)) = want {
                        assert_eq!(got.map(|(_, value)| value), Some(i as u64));
                        keys[i] = None;
                    }
                }
            }
            let top = heaps[which].peek().map(|(key, _)| key);
            assert_eq!(top.as_ref(), model[which].first());
            assert_eq!(heaps[which].len(), model[which].len());
        }
        drop(heaps);
        assert!(nodes.iter().all(|node| Arc::strong_count(node) == 1 && !node.is_linked()));
    }
}

#[test]
fn a_key_that_orders_nothing_loses_no_node() {
    /// Compares as it likes; only memory safety and the counts are promised.
    #[derive(Clone, Copy, PartialEq, Eq)]
    struct Odd(u64);
    impl PartialOrd for Odd {
        fn partial_cmp(&self, other: &Odd) -> Option<core::cmp::Ordering> {
            Some(self.cmp(other))
        }
    }
    impl Ord for Odd {
        fn cmp(&self, other: &Odd) -> core::cmp::Ordering {
            (self.0 * 7 % 5).cmp(&(other.0 * 3 % 4))
        }
    }
    let mut heap = Heap::new();
    for i in 0..100 {
        assert!(heap.insert(Odd(i), Arc::new(HeapNode::new(i))).is_ok());
    }
    let seen: HashSet<u64> = core::iter::from_fn(|| heap.pop()).map(|(_, node)| **node).collect();
    assert_eq!(seen.len(), 100);
}
