//! Epoll sets within epoll sets: no set may contain itself, and one wake-up may not reach
//! arbitrarily many of them (`ep_loop_check`, `reverse_path_check` in `fs/eventpoll.c`).

use alloc::{
    collections::BTreeMap,
    sync::{Arc, Weak},
    vec::Vec,
};

use abi::Result;
use abi::errno::ENOMEM;

use super::Epoll;
use crate::fs::file::File;
use crate::lock::order;
use crate::wait::{Mutex, MutexGuard};

/// How many sets may lie in one, each in the next (`EP_MAX_NESTS`).
const MAX_NESTS: usize = 4;

/// How many chains of sets of each length may watch one file; of the shortest, any number.
const PATH_LIMITS: [usize; MAX_NESTS + 1] = [1000, 500, 100, 50, 10];

/// Held while a set is put into another. One in a kernel.
#[derive(Default)]
pub struct Nesting(Mutex<(), order::EpollNesting>);

impl Nesting {
    /// Free.
    pub const fn new() -> Self {
        Self(Mutex::new(()))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, (), order::EpollNesting> {
        self.0.lock()
    }
}

/// May `inner` be put into `outer`? Not if `outer` is within it, or the chain of sets through both
/// would be too long.
pub(super) fn allows(outer: &Epoll, inner: &Epoll) -> Result<bool> {
    let below = depth_below(inner, outer, 0, &mut BTreeMap::new(), &mut Vec::new())?;
    Ok(below <= MAX_NESTS && below + 1 + depth_above(outer, 0)? <= MAX_NESTS)
}

/// Says that the depth is too large, or that there is a circle.
const TOO_DEEP: usize = MAX_NESTS + 1;

/// How many sets lie in each other within `set`; [`TOO_DEEP`] if `outer` is among them. Collects
/// the files that are no sets. `known` has the depths of sets that have been looked through.
fn depth_below(
    set: &Epoll,
    outer: &Epoll,
    depth: usize,
    known: &mut BTreeMap<usize, usize>,
    leaves: &mut Vec<Arc<File>>,
) -> Result<usize> {
    let name = core::ptr::from_ref(set).addr();
    if let Some(depth) = known.get(&name) {
        return Ok(*depth);
    }
    let mut deepest = 0;
    for file in set.files()? {
        match file.ops_as::<Epoll>() {
            None => {
                leaves.try_reserve(1).map_err(|_| ENOMEM)?;
                leaves.push(file);
            }
            Some(inner) if core::ptr::eq(inner, outer) || depth > MAX_NESTS => {
                deepest = TOO_DEEP;
            }
            Some(inner) => {
                let below = depth_below(inner, outer, depth + 1, known, leaves)?;
                deepest = deepest.max(below + 1);
            }
        }
        if deepest > MAX_NESTS {
            break;
        }
    }
    known.insert(name, deepest);
    Ok(deepest)
}

/// How many sets lie in each other above `set`.
fn depth_above(set: &Epoll, depth: usize) -> Result<usize> {
    let Some(file) = set.file.get().and_then(Weak::upgrade) else { return Ok(0) };
    let mut highest = 0;
    for above in file.watchers().sets()? {
        if depth > MAX_NESTS {
            return Ok(TOO_DEEP);
        }
        highest = highest.max(depth_above(&above, depth + 1)? + 1);
    }
    Ok(highest)
}

/// Are the chains of sets that watch `file`, or the files within it if it is a set, few and short
/// enough?
pub(super) fn paths_fit(file: &Arc<File>) -> Result<bool> {
    let mut leaves = Vec::new();
    match file.ops_as::<Epoll>() {
        Some(set) => {
            // No set is within itself: nothing is found but the leaves.
            depth_below(set, set, 0, &mut BTreeMap::new(), &mut leaves)?;
        }
        None => leaves.push(file.clone()),
    }
    for leaf in &leaves {
        if !climb(leaf, 0, &mut [0; PATH_LIMITS.len()])? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Counts the chains of sets above `file`; `false`: there are too many.
fn climb(file: &File, depth: usize, counts: &mut [usize; PATH_LIMITS.len()]) -> Result<bool> {
    let (Some(limit), mut ends) = (PATH_LIMITS.get(depth), 0) else { return Ok(false) };
    for set in file.watchers().sets()? {
        let above = set.file.get().and_then(Weak::upgrade);
        match above.filter(|above| !above.watchers().is_empty()) {
            Some(above) if !climb(&above, depth + 1, counts)? => return Ok(false),
            Some(_) => {}
            None => ends += 1,
        }
    }
    counts[depth] += ends;
    Ok(depth == 0 || counts[depth] <= *limit)
}
