//! Fibers of the host machine: std threads that run only between `resume` and `suspend`.

use super::cpu;
use super::machine::{Shared, message};
use crate::contract::{NoMemory, Suspend};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// Bytes of stack; debug builds of the kernel are hungry, and untouched pages cost nothing.
const STACK: usize = 4 << 20;

/// Whose turn it is.
enum Turn {
    /// The fiber runs on this CPU.
    Fiber(usize),
    /// The CPU runs, and was told this.
    Cpu(Suspend),
    /// The machine ended while the fiber ran; it stays where it is.
    Ended,
}

/// Hands control between a fiber's thread and the one that resumes it.
pub(super) struct Baton {
    turn: Mutex<Turn>,
    changed: Condvar,
}

impl Baton {
    fn set(&self, turn: Turn) {
        *self.turn.lock().unwrap_or_else(PoisonError::into_inner) = turn;
        self.changed.notify_all();
    }

    /// Waits until `mine` recognises the turn.
    fn wait<R>(&self, mine: impl Fn(&Turn) -> Option<R>) -> R {
        let mut turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(found) = mine(&turn) {
                return found;
            }
            turn = self.changed.wait(turn).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Gives the CPU back for good.
    pub(super) fn end(&self) {
        self.set(Turn::Ended);
    }

    /// On the fiber's thread: waits to be resumed, and notes by which CPU.
    fn wait_for_cpu(self: &Arc<Self>, machine: Option<Arc<Shared>>) {
        let index = self.wait(|turn| match turn {
            Turn::Fiber(index) => Some(*index),
            _ => None,
        });
        cpu::enter(machine, index, Some(self.clone()));
    }
}

type Body = Box<dyn FnOnce() + Send>;

enum State {
    New(Body),
    Suspended,
    Exited,
}

/// A kernel coroutine with its own stack.
pub struct Fiber {
    baton: Arc<Baton>,
    state: State,
}

impl Fiber {
    /// A fiber that will run `f` when first resumed.
    pub fn new(f: impl FnOnce() + Send + 'static) -> Result<Fiber, NoMemory> {
        crate::heap::admit()?;
        let turn = Mutex::new(Turn::Cpu(Suspend::Yield));
        let baton = Arc::new(Baton { turn, changed: Condvar::new() });
        Ok(Fiber { baton, state: State::New(Box::new(f)) })
    }

    /// Runs the fiber on this CPU until it suspends; `Suspend::Exit` when its function returned.
    ///
    /// # Panics
    /// If it has already exited.
    pub fn resume(&mut self) -> Suspend {
        cpu::checkpoint();
        self.baton.set(Turn::Fiber(cpu::cpu_index()));
        match std::mem::replace(&mut self.state, State::Suspended) {
            State::New(body) => self.start(body),
            State::Suspended => {}
            State::Exited => panic!("a fiber was resumed after it had exited"),
        }
        let why = self.baton.wait(|turn| match turn {
            Turn::Fiber(_) => None,
            Turn::Cpu(why) => Some(Some(*why)),
            Turn::Ended => Some(None),
        });
        let Some(why) = why else { cpu::leave() };
        if why == Suspend::Exit {
            self.state = State::Exited;
        }
        why
    }

    fn start(&self, body: Body) {
        let (baton, machine) = (self.baton.clone(), cpu::machine());
        let run = move || {
            baton.wait_for_cpu(machine.clone());
            match catch_unwind(AssertUnwindSafe(body)) {
                Ok(()) => baton.set(Turn::Cpu(Suspend::Exit)),
                Err(payload) => {
                    if let Some(machine) = machine {
                        machine.fail(message(&*payload));
                    }
                    baton.end();
                }
            }
        };
        let thread = std::thread::Builder::new().name("fiber".into()).stack_size(STACK);
        thread.spawn(run).expect("the host has a thread for each fiber");
    }
}

impl Drop for Fiber {
    fn drop(&mut self) {
        let ended = cpu::machine().is_some_and(|machine| machine.has_ended());
        if matches!(self.state, State::Suspended) && !ended && !std::thread::panicking() {
            panic!("a fiber was dropped before it had exited");
        }
    }
}

/// Gives the CPU back to the caller of `resume`.
///
/// # Panics
/// If the caller is not a fiber, or a guard is alive.
pub fn suspend(why: Suspend) {
    let baton = cpu::baton().expect("only a fiber can suspend");
    assert_eq!(cpu::guards(), 0, "a fiber suspended with a guard alive");
    let machine = cpu::machine();
    let told = if why == Suspend::Exit { Suspend::Yield } else { why };
    baton.set(Turn::Cpu(told));
    baton.wait_for_cpu(machine);
}
