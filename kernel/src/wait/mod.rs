//! Sleeping: wait queues, and the sleeping locks built on them.
//!
//! A sleeper registers on a queue, tests its condition, then parks; a waker changes the condition,
//! then wakes the queue. [`crate::sched::Task::park`] closes the gap between test and sleep.

mod mutex;
mod queue;
mod rwlock;
mod waiting;

pub use mutex::{Mutex, MutexGuard};
pub use queue::{Pause, Vigil, WaitQueue, Watch, Woken};
pub use rwlock::{ReadGuard, RwLock, WriteGuard};
