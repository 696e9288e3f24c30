//! Intrusive lists and heaps: a thread that sleeps, wakes or arms a timer must not allocate.
//!
//! The links live inside the node, the container owns one count of each node on it. A node knows
//! which container it is on by that container's number, so no order of calls from safe code can
//! link a node twice or follow links that another container owns: misuse is an `Err` or `false`.
//! No locks here; the containers are changed through `&mut self` and so live inside the lock of
//! whoever owns them.

mod heap;

pub use heap::{Heap, HeapNode};

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

#[cfg(test)]
#[path = "list/tests.rs"]
mod tests;
