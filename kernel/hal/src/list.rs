//! Intrusive lists and heaps: a thread that sleeps, wakes or arms a timer must not allocate.
//!
//! The links live inside the node, the container owns one count of each node on it. A node knows
//! which container it is on by that container's number, so no order of calls from safe code can
//! link a node twice or follow links that another container owns: misuse is an `Err` or `false`.
//! No locks here; the containers are changed through `&mut self` and so live inside the lock of
//! whoever owns them.

use alloc::sync::Arc;
use core::cell::UnsafeCell;
use core::marker::PhantomData;
use core::ops::Deref;
use core::ptr;
use core::sync::atomic::{AtomicU64, Ordering};

/// Numbers given to containers at their first insertion; 0 means "on no container".
static NEXT_OWNER: AtomicU64 = AtomicU64::new(1);

/// The number of the container that a node is on.
struct Owner(AtomicU64);

impl Owner {
    const fn none() -> Owner {
        Owner(AtomicU64::new(0))
    }

    /// Takes a free node for container `id`. The winner alone may touch the links.
    fn claim(&self, id: u64) -> bool {
        self.0.compare_exchange(0, id, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Gives the node free; what was written to the links is seen by the next claimer.
    fn release(&self) {
        self.0.store(0, Ordering::Release);
    }

    /// Whether the node is on container `id`. Only that container's holder changes the answer, so
    /// for the holder it is stable.
    fn is(&self, id: u64) -> bool {
        id != 0 && self.0.load(Ordering::Relaxed) == id
    }

    fn any(&self) -> bool {
        self.0.load(Ordering::Relaxed) != 0
    }
}

/// The container's own number, drawn at the first insertion (a `const fn new` cannot draw one).
fn number(id: &mut u64) -> u64 {
    if *id == 0 {
        *id = NEXT_OWNER.fetch_add(1, Ordering::Relaxed);
    }
    *id
}

/// A value that can be on one [`List`] at a time.
pub struct Node<T> {
    owner: Owner,
    links: UnsafeCell<Links<T>>,
    value: T,
}

struct Links<T> {
    prev: *const Node<T>,
    next: *const Node<T>,
}

// SAFETY: the links are only touched by the holder of the list that owns the node; moving a node
// moves no list (a linked node is kept in place by the list's count).
unsafe impl<T: Send> Send for Node<T> {}
// SAFETY: through `&Node` only `value` and the atomic owner are reachable; the links need the list.
unsafe impl<T: Sync> Sync for Node<T> {}

impl<T> Node<T> {
    /// A node on no list.
    pub const fn new(value: T) -> Node<T> {
        let links = Links { prev: ptr::null(), next: ptr::null() };
        Node { owner: Owner::none(), links: UnsafeCell::new(links), value }
    }

    /// Whether the node is on some list at this moment (a hint unless that list is locked).
    pub fn is_linked(&self) -> bool {
        self.owner.any()
    }
}

impl<T> Deref for Node<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// A doubly linked list of `Arc<Node<T>>`; every operation but `iter` and `take_first` is O(1).
pub struct List<T> {
    id: u64,
    head: *const Node<T>,
    tail: *const Node<T>,
    len: usize,
    owns: PhantomData<Arc<Node<T>>>,
}

// SAFETY: a list is a collection of `Arc<Node<T>>`, so it may move where those may.
unsafe impl<T: Send + Sync> Send for List<T> {}
// SAFETY: `&List` only reads links, which change through `&mut List` alone, and hands out `&T`.
unsafe impl<T: Send + Sync> Sync for List<T> {}

impl<T> Default for List<T> {
    fn default() -> Self {
        List::new()
    }
}

impl<T> List<T> {
    /// An empty list.
    pub const fn new() -> List<T> {
        List { id: 0, head: ptr::null(), tail: ptr::null(), len: 0, owns: PhantomData }
    }

    /// How many nodes are on the list.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no node is on the list.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether `node` is on this list.
    pub fn contains(&self, node: &Node<T>) -> bool {
        node.owner.is(self.id)
    }

    /// Puts `node` at the end. `Err` gives it back: it is on a list already.
    pub fn push_back(&mut self, node: Arc<Node<T>>) -> Result<(), Arc<Node<T>>> {
        let node = self.claim(node)?;
        self.link(self.tail, node, ptr::null());
        Ok(())
    }

    /// Puts `node` at the front. `Err` gives it back: it is on a list already.
    pub fn push_front(&mut self, node: Arc<Node<T>>) -> Result<(), Arc<Node<T>>> {
        let node = self.claim(node)?;
        self.link(ptr::null(), node, self.head);
        Ok(())
    }

    /// Takes the first node off.
    pub fn pop_front(&mut self) -> Option<Arc<Node<T>>> {
        (!self.head.is_null()).then(|| self.unlink(self.head))
    }

    /// Takes `node` off; `false` if it is not on this list.
    pub fn remove(&mut self, node: &Arc<Node<T>>) -> bool {
        let here = self.contains(node);
        if here {
            drop(self.unlink(Arc::as_ptr(node)));
        }
        here
    }

    /// Takes off the first node that `wanted` accepts.
    pub fn take_first(&mut self, mut wanted: impl FnMut(&T) -> bool) -> Option<Arc<Node<T>>> {
        let found = ptr::from_ref(self.iter().find(|node| wanted(node))?);
        Some(self.unlink(found))
    }

    /// The first node.
    pub fn front(&self) -> Option<&Node<T>> {
        self.iter().next()
    }

    /// The nodes from front to back.
    pub fn iter(&self) -> impl Iterator<Item = &Node<T>> {
        let mut at = self.head;
        core::iter::from_fn(move || {
            // SAFETY: the list holds a count of every node on it, and is borrowed meanwhile.
            let node = unsafe { at.as_ref() }?;
            at = self.links_of(node).next;
            Some(node)
        })
    }

    fn claim(&mut self, node: Arc<Node<T>>) -> Result<*const Node<T>, Arc<Node<T>>> {
        match node.owner.claim(number(&mut self.id)) {
            true => Ok(Arc::into_raw(node)),
            false => Err(node),
        }
    }

    /// Reads the links of a node on this list.
    fn links_of(&self, node: &Node<T>) -> &Links<T> {
        debug_assert!(self.contains(node));
        // SAFETY: the node is on this list, so its links change only under `&mut self`.
        unsafe { &*node.links.get() }
    }

    /// Lets `next` follow `prev`, either of which may be null: the end of the list.
    fn join(&mut self, prev: *const Node<T>, next: *const Node<T>) {
        // SAFETY: both are null or on this list, which holds a count of them.
        match unsafe { prev.as_ref() } {
            // SAFETY: on this list, which is borrowed mutably; no other borrow of links is alive.
            Some(node) => unsafe { (*node.links.get()).next = next },
            None => self.head = next,
        }
        // SAFETY: as above.
        match unsafe { next.as_ref() } {
            // SAFETY: as above.
            Some(node) => unsafe { (*node.links.get()).prev = prev },
            None => self.tail = prev,
        }
    }

    /// Links a claimed node between two neighbours.
    fn link(&mut self, prev: *const Node<T>, node: *const Node<T>, next: *const Node<T>) {
        self.join(prev, node);
        self.join(node, next);
        self.len += 1;
    }

    /// Takes a node of this list out and returns the list's count of it.
    fn unlink(&mut self, node: *const Node<T>) -> Arc<Node<T>> {
        // SAFETY: the pointer came from `Arc::into_raw` in `claim` and the count is still the list's.
        let node = unsafe { Arc::from_raw(node) };
        let &Links { prev, next } = self.links_of(&node);
        self.join(prev, next);
        self.len -= 1;
        node.owner.release();
        node
    }
}

impl<T> Drop for List<T> {
    fn drop(&mut self) {
        while self.pop_front().is_some() {}
    }
}

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

#[cfg(test)]
#[path = "list_tests.rs"]
mod tests;
