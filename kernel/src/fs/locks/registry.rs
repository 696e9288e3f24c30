//! What is known of locks across files: which files have any, for `/proc/locks`, and which owner
//! waits for which, to find deadlocks. Only who makes the first lock on a file or has to wait comes
//! here. Lock: `LockTable`.

use super::FileLocks;
use super::ranges::Owner;
use crate::lock::{Spin, order};
use abi::Result;
use abi::errno::{EDEADLK, ENOLCK};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use hal::list::{List, Node};
use hashbrown::HashMap;

/// The files with locks, and who waits.
#[derive(Clone, Default)]
pub struct Registry(Arc<Spin<Table, order::LockTable>>);

/// A file's way back to the registry.
pub(super) type Shared = Arc<Spin<Table, order::LockTable>>;

#[derive(Default)]
pub(super) struct Table {
    files: List<FileLocks>,
    /// Whom the threads of a process wait for. The first counts.
    waits: HashMap<Owner, Vec<Owner>>,
}

/// How long a chain of waiting processes is followed (`MAX_DEADLK_ITERATIONS`).
const MAX_DEADLK_ITERATIONS: usize = 10;

impl Registry {
    /// Notes a file that gets its first lock.
    pub(in crate::fs) fn enter(
        &self,
        new: impl FnOnce(Weak<Node<FileLocks>>) -> FileLocks,
    ) -> Arc<Node<FileLocks>> {
        let node = Arc::new_cyclic(|me| Node::new(new(me.clone())));
        // A new node is on no list.
        let _ = self.0.lock().files.push_back(node.clone());
        node
    }

    pub(super) fn shared(&self) -> Shared {
        self.0.clone()
    }

    /// Calls `f` for every file that has or had locks, without the lock.
    pub(super) fn each(&self, mut f: impl FnMut(&FileLocks)) {
        let mut seen = Vec::new();
        {
            let table = self.0.lock();
            if seen.try_reserve(table.files.len()).is_err() {
                return;
            }
            seen.extend(table.files.iter().filter_map(|file| file.me.upgrade()));
        }
        seen.iter().for_each(|file| f(file));
    }
}

impl Table {
    /// The file is gone.
    pub(super) fn leave(&mut self, file: &Arc<Node<FileLocks>>) {
        self.files.remove(file);
    }

    /// `owner` is going to wait for `blocker`: `EDEADLK` if that one waits for `owner`, by however
    /// many others.
    pub(super) fn wait(&mut self, owner: Owner, blocker: Owner) -> Result<()> {
        let mut at = blocker;
        for _ in 0..MAX_DEADLK_ITERATIONS {
            if at == owner {
                return Err(EDEADLK);
            }
            match self.waits.get(&at).and_then(|list| list.first()) {
                Some(next) => at = *next,
                None => break,
            }
        }
        self.waits.try_reserve(1).map_err(|_| ENOLCK)?;
        let list = self.waits.entry(owner).or_default();
        list.try_reserve(1).map_err(|_| ENOLCK)?;
        list.push(blocker);
        Ok(())
    }

    /// `owner` does not wait for `blocker` any more.
    pub(super) fn go_on(&mut self, owner: Owner, blocker: Owner) {
        let Some(list) = self.waits.get_mut(&owner) else { return };
        if let Some(at) = list.iter().position(|other| *other == blocker) {
            list.remove(at);
        }
        if list.is_empty() {
            self.waits.remove(&owner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circle_is_a_deadlock() {
        let places = [0u8; 4];
        let [a, b, c, d] = [0, 1, 2, 3].map(|i: usize| Owner::of(&places[i]));
        let mut table = Table::default();
        assert_eq!(table.wait(a, b), Ok(()));
        assert_eq!(table.wait(b, c), Ok(()));
        assert_eq!(table.wait(c, a), Err(EDEADLK));
        assert_eq!(table.wait(d, a), Ok(()), "waiting for those in a chain is none");
        table.go_on(b, c);
        assert_eq!(table.wait(c, a), Ok(()));
        assert_eq!(table.wait(b, c), Err(EDEADLK));
    }
}
