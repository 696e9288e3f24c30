//! The pairing heap: timers and run queues by deadline. See the module above for what keeps it sound.

use super::{Owner, number};
use alloc::sync::Arc;
use core::cell::UnsafeCell;
use core::marker::PhantomData;
use core::ops::Deref;
use core::ptr;

/// A value that can be on one [`Heap`] at a time, under a key given at insertion.
pub struct HeapNode<K, T> {
    owner: Owner,
    tree: UnsafeCell<Tree<K, T>>,
    value: T,
}

struct Tree<K, T> {
    /// Set while the node is on a heap.
    key: Option<K>,
    /// The first of the children, whose keys are not smaller.
    child: *const HeapNode<K, T>,
    /// The parent for a first child, else the sibling before; null for the root.
    prev: *const HeapNode<K, T>,
    next: *const HeapNode<K, T>,
}

// SAFETY: as for `Node`; the key moves along.
unsafe impl<K: Send, T: Send> Send for HeapNode<K, T> {}
// SAFETY: as for `Node`; the key is only reachable through the heap.
unsafe impl<K: Send, T: Sync> Sync for HeapNode<K, T> {}

impl<K, T> HeapNode<K, T> {
    /// A node on no heap.
    pub const fn new(value: T) -> HeapNode<K, T> {
        let tree = Tree { key: None, child: ptr::null(), prev: ptr::null(), next: ptr::null() };
        HeapNode { owner: Owner::none(), tree: UnsafeCell::new(tree), value }
    }

    /// Whether the node is on some heap at this moment (a hint unless that heap is locked).
    pub fn is_linked(&self) -> bool {
        self.owner.any()
    }
}

impl<K, T> Deref for HeapNode<K, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// A pairing heap, smallest key first: O(1) `insert` and `peek`, amortised O(log n) `pop` and
/// `remove`. Equal keys come out in no particular order.
pub struct Heap<K, T> {
    id: u64,
    root: *const HeapNode<K, T>,
    len: usize,
    owns: PhantomData<Arc<HeapNode<K, T>>>,
}

// SAFETY: a collection of `Arc<HeapNode<K, T>>`, so it may move where those may.
unsafe impl<K: Send, T: Send + Sync> Send for Heap<K, T> {}
// SAFETY: `&Heap` only reads keys and hands out `&T`.
unsafe impl<K: Send + Sync, T: Send + Sync> Sync for Heap<K, T> {}

impl<K: Ord + Copy, T> Default for Heap<K, T> {
    fn default() -> Self {
        Heap::new()
    }
}

impl<K: Ord + Copy, T> Heap<K, T> {
    /// An empty heap.
    pub const fn new() -> Heap<K, T> {
        Heap { id: 0, root: ptr::null(), len: 0, owns: PhantomData }
    }

    /// How many nodes are on the heap.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no node is on the heap.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether `node` is on this heap.
    pub fn contains(&self, node: &HeapNode<K, T>) -> bool {
        node.owner.is(self.id)
    }

    /// Puts `node` on the heap under `key`. `Err` gives it back: it is on a heap already.
    pub fn insert(&mut self, key: K, node: Arc<HeapNode<K, T>>) -> Result<(), Arc<HeapNode<K, T>>> {
        if !node.owner.claim(number(&mut self.id)) {
            return Err(node);
        }
        let node = Arc::into_raw(node);
        let fresh =
            Tree { key: Some(key), child: ptr::null(), prev: ptr::null(), next: ptr::null() };
        self.set(node, |tree| *tree = fresh);
        self.root = self.meld(self.root, node);
        self.len += 1;
        Ok(())
    }

    /// The smallest key and its node.
    pub fn peek(&self) -> Option<(K, &HeapNode<K, T>)> {
        // SAFETY: the heap holds a count of every node on it, and is borrowed meanwhile.
        let root = unsafe { self.root.as_ref() }?;
        Some((self.key(self.root), root))
    }

    /// Takes off the node with the smallest key.
    pub fn pop(&mut self) -> Option<(K, Arc<HeapNode<K, T>>)> {
        (!self.root.is_null()).then(|| (self.key(self.root), self.unlink(self.root)))
    }

    /// Takes `node` off; `false` if it is not on this heap.
    pub fn remove(&mut self, node: &Arc<HeapNode<K, T>>) -> bool {
        let here = self.contains(node);
        if here {
            drop(self.unlink(Arc::as_ptr(node)));
        }
        here
    }

    /// Whether some node is `wanted`.
    pub fn any(&self, wanted: impl FnMut(&T) -> bool) -> bool {
        self.find(wanted).is_some()
    }

    /// Takes off a node that is `wanted`; of several it need not be the first. Linear.
    pub fn take_any(&mut self, wanted: impl FnMut(&T) -> bool) -> Option<(K, Arc<HeapNode<K, T>>)> {
        let found = self.find(wanted)?;
        Some((self.key(found), self.unlink(found)))
    }

    fn find(&self, mut wanted: impl FnMut(&T) -> bool) -> Option<*const HeapNode<K, T>> {
        let mut at = self.root;
        // SAFETY: nodes on the heap are kept alive by its count.
        while let Some(node) = unsafe { at.as_ref() } {
            if wanted(&node.value) {
                return Some(at);
            }
            at = self.after(at);
        }
        None
    }

    /// The next node in a walk over all, parents first; null after the last.
    fn after(&self, mut at: *const HeapNode<K, T>) -> *const HeapNode<K, T> {
        let child = self.get(at).child;
        if !child.is_null() {
            return child;
        }
        loop {
            let &Tree { prev, next, .. } = self.get(at);
            if !next.is_null() {
                return next;
            }
            // Back along the siblings, and up to the parent.
            let mut before = prev;
            while !before.is_null() && self.get(before).child != at {
                (at, before) = (before, self.get(before).prev);
            }
            if before.is_null() {
                return before;
            }
            at = before;
        }
    }

    /// Changes the links of a node on this heap.
    fn set(&mut self, node: *const HeapNode<K, T>, change: impl FnOnce(&mut Tree<K, T>)) {
        // SAFETY: nodes on the heap are kept alive by its count.
        let node = unsafe { &*node };
        // SAFETY: links belong to the heap, which is borrowed mutably; `change` cannot reach them
        // another way (all callers' closures only assign).
        change(unsafe { &mut *node.tree.get() });
    }

    /// Reads the links of a node on this heap.
    fn get(&self, node: *const HeapNode<K, T>) -> &Tree<K, T> {
        // SAFETY: nodes on the heap are kept alive by its count.
        let node = unsafe { &*node };
        // SAFETY: links change only under `&mut self`.
        unsafe { &*node.tree.get() }
    }

    fn key(&self, node: *const HeapNode<K, T>) -> K {
        self.get(node).key.expect("a node on a heap has a key")
    }

    /// Makes one tree of two, either of which may be null; returns its root.
    fn meld(
        &mut self,
        a: *const HeapNode<K, T>,
        b: *const HeapNode<K, T>,
    ) -> *const HeapNode<K, T> {
        if a.is_null() || b.is_null() {
            return if a.is_null() { b } else { a };
        }
        let (top, low) = if less(&self.key(b), &self.key(a)) { (b, a) } else { (a, b) };
        let first = self.get(top).child;
        self.set(low, |tree| (tree.prev, tree.next) = (top, first));
        if !first.is_null() {
            self.set(first, |tree| tree.prev = low);
        }
        self.set(top, |tree| (tree.child, tree.prev, tree.next) = (low, ptr::null(), ptr::null()));
        top
    }

    /// Melds a chain of siblings: in pairs from the left, then the pairs from the right.
    fn meld_chain(&mut self, mut at: *const HeapNode<K, T>) -> *const HeapNode<K, T> {
        // The finished pairs, last first, chained through `next`.
        let mut pairs: *const HeapNode<K, T> = ptr::null();
        while !at.is_null() {
            let (a, b) = (at, self.get(at).next);
            at = if b.is_null() { b } else { self.get(b).next };
            let pair = self.meld(a, b);
            self.set(pair, |tree| (tree.prev, tree.next) = (ptr::null(), pairs));
            pairs = pair;
        }
        let mut root = ptr::null();
        while !pairs.is_null() {
            let rest = self.get(pairs).next;
            self.set(pairs, |tree| tree.next = ptr::null());
            root = self.meld(root, pairs);
            pairs = rest;
        }
        root
    }

    /// Takes a node of this heap out and returns the heap's count of it.
    fn unlink(&mut self, node: *const HeapNode<K, T>) -> Arc<HeapNode<K, T>> {
        let &Tree { child, prev, next, .. } = self.get(node);
        if !next.is_null() {
            self.set(next, |tree| tree.prev = prev);
        }
        if !prev.is_null() {
            let first = self.get(prev).child == node;
            self.set(prev, |tree| if first { tree.child = next } else { tree.next = next });
        }
        let orphans = self.meld_chain(child);
        let rest = if prev.is_null() { ptr::null() } else { self.root };
        self.root = self.meld(rest, orphans);
        self.set(node, |tree| tree.key = None);
        self.len -= 1;
        // SAFETY: the pointer came from `Arc::into_raw` in `insert` and the count is the heap's.
        let node = unsafe { Arc::from_raw(node) };
        node.owner.release();
        node
    }
}

impl<K, T> Drop for Heap<K, T> {
    fn drop(&mut self) {
        // Without comparisons: children are spliced in front of what is still to be dropped.
        let mut at = self.root;
        while !at.is_null() {
            // SAFETY: the pointer came from `Arc::into_raw` in `insert`; each is taken once.
            let node = unsafe { Arc::from_raw(at) };
            // SAFETY: the heap is borrowed mutably, so nobody else looks at the links.
            let tree = unsafe { &mut *node.tree.get() };
            let (mut last, rest) = (tree.child, tree.next);
            at = if last.is_null() { rest } else { last };
            (tree.child, tree.next, tree.prev, tree.key) =
                (ptr::null(), ptr::null(), ptr::null(), None);
            // SAFETY: children are on the heap too, so alive.
            while let Some(child) = unsafe { last.as_ref() } {
                // SAFETY: as above for their links.
                let links = unsafe { &mut *child.tree.get() };
                if links.next.is_null() {
                    links.next = rest;
                    break;
                }
                last = links.next;
            }
            node.owner.release();
        }
    }
}

/// `a < b`, ending the program if the comparison panics: half-melded trees must never be seen.
fn less<K: Ord>(a: &K, b: &K) -> bool {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            // Reached by unwinding only, where a second panic aborts.
            panic!("the comparison of two heap keys panicked");
        }
    }
    let bomb = Bomb;
    let answer = a < b;
    core::mem::forget(bomb);
    answer
}
