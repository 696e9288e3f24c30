//! Who runs where: the slot that owns a sleeping fiber, tasks, run queues, the CPU loop.
//!
//! The kernel is not preempted: a thread leaves its CPU when it sleeps, yields or returns to user
//! mode with [`task::work::RESCHED`] set. [`fair`] has the policies of `sched(7)`.

pub mod cpu;
pub mod fair;
pub mod load;
pub mod parking;
pub mod slot;
pub mod task;
pub mod timer;

pub use cpu::{
    Background, Cpu, Mode, Sched, count_file, current, current_id, go_on, out_of_memory, printk,
    this,
};
pub use fair::Params;
pub use slot::{Sleep, Wake};
pub use task::{Call, Lane, Notify, Statistics, Target, Task, TaskRef, Waiter, work};

/// Lets another thread run, if one waits for this CPU.
pub fn yield_now() {
    crate::lock::might_sleep();
    hal::fiber::suspend(hal::fiber::Suspend::Yield);
}
