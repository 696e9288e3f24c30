//! A balanced tree of ranges that do not overlap, which also knows the gaps between them.
//!
//! Every node sums up its subtree (first start, last end, widest gap inside), so finding the
//! range at an address and the highest gap of a length both take O(log n). Nodes lie in an arena
//! of small pieces: no allocation grows with the tree, and room is reserved beforehand
//! ([`Tree::reserve`]), so that no change of a tree can run out of memory halfway.
//!
//! The tree is an AVL tree whose changes are all made of `join` and `split` (Blelloch, Ferizovic,
//! Sun: "Just Join for Parallel Ordered Sets", 2016). Its height, and so the depth of recursion,
//! is below 1.45 log2(n), whatever addresses a program chooses.

use alloc::collections::TryReserveError;
use alloc::vec::Vec;

/// Something that covers a range of addresses.
pub trait Span {
    /// First address.
    fn start(&self) -> u64;
    /// First address after it.
    fn end(&self) -> u64;
    /// Where the room begins that gaps before this range must leave free; at most `start`.
    fn claim(&self) -> u64 {
        self.start()
    }
}

/// Index of a node, or [`NIL`].
type Link = u32;
const NIL: Link = u32::MAX;

/// Nodes in one piece of the arena.
const PIECE: usize = 32;

struct Node<T> {
    /// `None` in a free slot, whose `left` then links to the next free one.
    item: Option<T>,
    left: Link,
    right: Link,
    height: u32,
    /// Claim of the subtree's first range.
    first: u64,
    /// End of the subtree's last range.
    last: u64,
    /// Widest gap between two neighbours of the subtree.
    gap: u64,
}

/// See the module's description.
pub struct Tree<T> {
    /// Every piece but the last that has nodes is full.
    pieces: Vec<Vec<Node<T>>>,
    /// Nodes in all pieces, free slots included.
    slots: usize,
    root: Link,
    /// First of the free slots.
    free: Link,
    len: usize,
}

impl<T> Default for Tree<T> {
    fn default() -> Self {
        Self { pieces: Vec::new(), slots: 0, root: NIL, free: NIL, len: 0 }
    }
}

impl<T: Span> Tree<T> {
    /// Number of ranges.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Makes room for `more` ranges, so that as many calls of `insert` do not allocate.
    pub fn reserve(&mut self, more: usize) -> Result<(), TryReserveError> {
        while self.pieces.len() * PIECE - self.len < more {
            let mut piece = Vec::new();
            piece.try_reserve_exact(PIECE)?;
            self.pieces.try_reserve(1)?;
            self.pieces.push(piece);
        }
        Ok(())
    }

    /// The first range that ends after `addr`.
    pub fn at_or_after(&self, addr: u64) -> Option<&T> {
        let mut best = None;
        let mut at = self.root;
        while let Some(item) = self.item(at) {
            if item.end() > addr {
                best = Some(item);
                at = self.node(at).left;
            } else {
                at = self.node(at).right;
            }
        }
        best
    }

    /// The last range that starts before `addr`.
    pub fn before(&self, addr: u64) -> Option<&T> {
        let mut best = None;
        let mut at = self.root;
        while let Some(item) = self.item(at) {
            if item.start() < addr {
                best = Some(item);
                at = self.node(at).right;
            } else {
                at = self.node(at).left;
            }
        }
        best
    }

    /// The ranges that end after `addr`, by rising address.
    pub fn iter_from(&self, addr: u64) -> impl Iterator<Item = &T> {
        let mut at = addr;
        core::iter::from_fn(move || {
            let item = self.at_or_after(at)?;
            at = item.end();
            Some(item)
        })
    }

    /// Adds a range that overlaps no other.
    pub fn insert(&mut self, item: T) {
        debug_assert!(item.start() < item.end());
        debug_assert!(self.at_or_after(item.start()).is_none_or(|next| item.end() <= next.start()));
        let (left, right) = self.split(self.root, item.start());
        let node = self.new_node(item);
        self.root = self.join(left, node, right);
        self.len += 1;
    }

    /// Removes the range that starts at `start`.
    pub fn remove(&mut self, start: u64) -> Option<T> {
        if self.at_or_after(start)?.start() != start {
            return None;
        }
        let (left, rest) = self.split(self.root, start);
        let (node, right) = self.take_first(rest);
        self.root = self.join_two(left, right);
        self.len -= 1;
        self.free_node(node)
    }

    /// The highest start of a gap of `len` bytes within `low..high`.
    pub fn highest_gap(&self, len: u64, low: u64, high: u64) -> Option<u64> {
        self.search(self.root, (0, u64::MAX), (len, low, high), true)
    }

    /// The lowest start of a gap of `len` bytes within `low..high`.
    pub fn lowest_gap(&self, len: u64, low: u64, high: u64) -> Option<u64> {
        self.search(self.root, (0, u64::MAX), (len, low, high), false)
    }

    /// Searches a subtree whose neighbours leave `free` to it.
    fn search(
        &self,
        at: Link,
        free: (u64, u64),
        want: (u64, u64, u64),
        highest: bool,
    ) -> Option<u64> {
        let (len, low, high) = want;
        // What of this subtree lies in the window at all.
        let (from, to) = (free.0.max(low), free.1.min(high));
        if from.checked_add(len)? > to {
            return None;
        }
        let Some(item) = self.item(at) else {
            return Some(if highest { to - len } else { from });
        };
        let node = self.node(at);
        let widest =
            node.gap.max(node.first.saturating_sub(free.0)).max(free.1.saturating_sub(node.last));
        if widest < len {
            return None;
        }
        let left = || self.search(node.left, (free.0, item.claim()), want, highest);
        let right = || self.search(node.right, (item.end(), free.1), want, highest);
        if highest { right().or_else(left) } else { left().or_else(right) }
    }

    // The tree's mechanics.

    fn get(&self, at: Link) -> Option<&Node<T>> {
        self.pieces.get(at as usize / PIECE)?.get(at as usize % PIECE)
    }

    /// A node that is not [`NIL`].
    fn node(&self, at: Link) -> &Node<T> {
        &self.pieces[at as usize / PIECE][at as usize % PIECE]
    }

    fn node_mut(&mut self, at: Link) -> &mut Node<T> {
        &mut self.pieces[at as usize / PIECE][at as usize % PIECE]
    }

    fn item(&self, at: Link) -> Option<&T> {
        self.get(at)?.item.as_ref()
    }

    fn height(&self, at: Link) -> u32 {
        self.get(at).map_or(0, |node| node.height)
    }

    fn new_node(&mut self, item: T) -> Link {
        let node = Node {
            first: item.claim(),
            last: item.end(),
            item: Some(item),
            left: NIL,
            right: NIL,
            height: 1,
            gap: 0,
        };
        let at = self.free;
        if at != NIL {
            self.free = self.node(at).left;
            *self.node_mut(at) = node;
            return at;
        }
        let at = self.slots;
        self.slots += 1;
        if at / PIECE == self.pieces.len() {
            // Nobody reserved room; then it may have to be made now.
            self.pieces.push(Vec::with_capacity(PIECE));
        }
        self.pieces[at / PIECE].push(node);
        at as Link
    }

    fn free_node(&mut self, at: Link) -> Option<T> {
        let free = core::mem::replace(&mut self.free, at);
        let node = self.node_mut(at);
        node.left = free;
        node.right = NIL;
        node.item.take()
    }

    /// Makes `at` the root of a tree with these branches and sums it up.
    fn link(&mut self, left: Link, at: Link, right: Link) -> Link {
        let sum = |link: Link| {
            let node = self.get(link)?;
            Some((node.first, node.last, node.gap, node.height))
        };
        let (l, r) = (sum(left), sum(right));
        let node = self.node_mut(at);
        let Some(item) = &node.item else { return at };
        let before = l.map_or(0, |(_, last, gap, _)| gap.max(item.claim().saturating_sub(last)));
        let after = r.map_or(0, |(first, _, gap, _)| gap.max(first.saturating_sub(item.end())));
        node.gap = before.max(after);
        node.first = l.map_or(item.claim(), |(first, ..)| first);
        node.last = r.map_or(item.end(), |(_, last, ..)| last);
        node.height = 1 + l.map_or(0, |s| s.3).max(r.map_or(0, |s| s.3));
        node.left = left;
        node.right = right;
        at
    }

    fn branches(&self, at: Link) -> (Link, Link) {
        let node = self.node(at);
        (node.left, node.right)
    }

    fn rotate_left(&mut self, at: Link) -> Link {
        let (left, up) = self.branches(at);
        let (middle, right) = self.branches(up);
        let down = self.link(left, at, middle);
        self.link(down, up, right)
    }

    fn rotate_right(&mut self, at: Link) -> Link {
        let (up, right) = self.branches(at);
        let (left, middle) = self.branches(up);
        let down = self.link(middle, at, right);
        self.link(left, up, down)
    }

    /// Joins two trees around a node whose range lies between them.
    fn join(&mut self, left: Link, middle: Link, right: Link) -> Link {
        let (hl, hr) = (self.height(left), self.height(right));
        if hl > hr + 1 {
            let (outer, inner) = self.branches(left);
            let joined = self.join(inner, middle, right);
            if self.height(joined) <= self.height(outer) + 1 {
                return self.link(outer, left, joined);
            }
            // Too high on the right; lean `joined` outwards first if it leans inwards.
            let (in_l, in_r) = self.branches(joined);
            let joined = if self.height(in_l) > self.height(in_r) {
                self.rotate_right(joined)
            } else {
                joined
            };
            let top = self.link(outer, left, joined);
            self.rotate_left(top)
        } else if hr > hl + 1 {
            let (inner, outer) = self.branches(right);
            let joined = self.join(left, middle, inner);
            if self.height(joined) <= self.height(outer) + 1 {
                return self.link(joined, right, outer);
            }
            let (in_l, in_r) = self.branches(joined);
            let joined = if self.height(in_r) > self.height(in_l) {
                self.rotate_left(joined)
            } else {
                joined
            };
            let top = self.link(joined, right, outer);
            self.rotate_right(top)
        } else {
            self.link(left, middle, right)
        }
    }

    /// Splits a tree into the ranges that start before `key` and the rest.
    fn split(&mut self, at: Link, key: u64) -> (Link, Link) {
        let Some(item) = self.item(at) else { return (NIL, NIL) };
        let before = item.start() < key;
        let (left, right) = self.branches(at);
        if before {
            let (inner, rest) = self.split(right, key);
            (self.join(left, at, inner), rest)
        } else {
            let (rest, inner) = self.split(left, key);
            (rest, self.join(inner, at, right))
        }
    }

    /// Splits the first node off a tree that is not empty.
    fn take_first(&mut self, at: Link) -> (Link, Link) {
        let (left, right) = self.branches(at);
        if left == NIL {
            return (at, right);
        }
        let (first, rest) = self.take_first(left);
        (first, self.join(rest, at, right))
    }

    fn join_two(&mut self, left: Link, right: Link) -> Link {
        if right == NIL {
            return left;
        }
        let (middle, rest) = self.take_first(right);
        self.join(left, middle, rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;

    #[derive(Clone, Debug, PartialEq)]
    struct Range(u64, u64);

    impl Span for Range {
        fn start(&self) -> u64 {
            self.0
        }
        fn end(&self) -> u64 {
            self.1
        }
    }

    fn check(tree: &Tree<Range>, at: Link) -> u32 {
        if at == NIL {
            return 0;
        }
        let (l, r) = tree.branches(at);
        let (hl, hr) = (check(tree, l), check(tree, r));
        assert!(hl.abs_diff(hr) <= 1, "unbalanced");
        assert_eq!(tree.height(at), 1 + hl.max(hr));
        1 + hl.max(hr)
    }

    /// The answer by looking at every gap.
    fn gaps(
        model: &BTreeMap<u64, u64>,
        len: u64,
        low: u64,
        high: u64,
    ) -> (Option<u64>, Option<u64>) {
        let mut free = low;
        let (mut lowest, mut highest) = (None, None);
        for (start, end) in model.iter().map(|(s, e)| (*s, *e)).chain([(u64::MAX, u64::MAX)]) {
            let to = start.min(high);
            if free + len <= to {
                lowest = lowest.or(Some(free));
                highest = Some(to - len);
            }
            free = free.max(end);
        }
        (lowest, highest)
    }

    #[test]
    fn agrees_with_a_sorted_map() {
        let mut seed = 1u64;
        let mut random = move |n: u64| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed % n
        };
        let mut tree = Tree::default();
        let mut model = BTreeMap::new();
        for step in 0..20_000 {
            let start = random(1000) * 4;
            let grow = random(3) > 0 || step < 300;
            if grow && !model.contains_key(&start) {
                let end = start + 1 + random(4);
                tree.insert(Range(start, end));
                model.insert(start, end);
            } else {
                let removed = tree.remove(start).map(|r| r.1);
                assert_eq!(removed, model.remove(&start));
            }
            assert_eq!(tree.len(), model.len());
            let (len, low, high) = (1 + random(40), random(4100), random(4200));
            let (lowest, highest) = gaps(&model, len, low, high);
            assert_eq!(tree.highest_gap(len, low, high), highest, "{len} {low}..{high}");
            assert_eq!(tree.lowest_gap(len, low, high), lowest, "{len} {low}..{high}");
            let at = random(4100);
            let next = model.iter().find(|(_, end)| **end > at).map(|(s, _)| *s);
            assert_eq!(tree.at_or_after(at).map(|r| r.0), next);
            let before = model.range(..at).next_back().map(|(s, _)| *s);
            assert_eq!(tree.before(at).map(|r| r.0), before);
            if step % 100 == 0 {
                check(&tree, tree.root);
                assert!(tree.iter_from(0).map(|r| (r.0, r.1)).eq(model.clone()));
            }
        }
    }

    #[test]
    fn stays_low_for_ordered_keys() {
        let mut tree = Tree::default();
        for i in 0..65_530 {
            tree.insert(Range(i * 2, i * 2 + 1));
        }
        assert!(check(&tree, tree.root) <= 23);
        for i in 0..65_000 {
            assert!(tree.remove(i * 2).is_some());
        }
        assert!(check(&tree, tree.root) <= 14);
    }
}
