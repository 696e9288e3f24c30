//! Scripted programs: closures on threads of their own, which meet `Regs::run` at a mailbox.
//!
//! The program's thread asks (a system call, a memory access), the fiber in `Regs::run` answers.
//! A signal handler is a closure that the program's thread calls while it waits for an answer.

use super::machine::{lock, message};
use crate::contract::Access;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::time::Duration;

/// A program or signal handler; the value is the exit code (a handler's is ignored).
pub type Body = Arc<dyn Fn(&mut User) -> i32 + Send + Sync>;
/// What a new process or thread does: runs once.
type Child = Box<dyn FnOnce(&mut User) -> i32 + Send>;

/// First address given to a program; each gets a page.
const PROGRAMS: u64 = 0x40_0000;
/// First address given to a signal handler.
const HANDLERS: u64 = 0x6000_0000_0000;
/// Mark of a child's number in `r15` across a fork.
const CHILD: u64 = 0xc41d_0000_0000_0000;

/// What a program's thread wants from the kernel's side.
pub(super) enum Request {
    Syscall {
        nr: u64,
        args: [u64; 6],
        child: Option<u64>,
    },
    /// A signal handler has returned.
    HandlerDone,
    Load {
        addr: u64,
        len: usize,
    },
    Store {
        addr: u64,
        bytes: Vec<u8>,
    },
    Cas {
        addr: u64,
        old: u32,
        new: u32,
    },
    Exception {
        vector: u8,
        error: u32,
    },
    Jump {
        addr: u64,
    },
    /// The closure returned.
    Exit(i32),
}

/// What it gets.
pub(super) enum Reply {
    Value(i64),
    Bytes(Vec<u8>),
    /// Call this signal handler, then ask again what is to be done.
    Call {
        body: Body,
        args: [u64; 3],
        stack: u64,
    },
}

/// What lies in the mailbox.
enum Mail {
    /// Nothing: the program computes.
    Empty,
    Request(Request),
    /// A request was taken; the program waits.
    Taken,
    Reply(Reply),
    /// The program panicked.
    Panicked(String),
    /// Nobody will ever answer.
    Dead,
}

/// Where a program's thread and the fiber that runs it meet.
pub(super) struct Mailbox {
    mail: Mutex<Mail>,
    changed: Condvar,
}

/// What a program's thread unwinds with when its image is gone.
struct Abandoned;

impl Mailbox {
    fn new() -> Arc<Mailbox> {
        Arc::new(Mailbox { mail: Mutex::new(Mail::Empty), changed: Condvar::new() })
    }

    fn put(&self, new: Mail) {
        let mut mail = lock(&self.mail);
        if !matches!(*mail, Mail::Dead) {
            *mail = new;
        }
        drop(mail);
        self.changed.notify_all();
    }

    /// Kernel's side: the program's next request, if it comes within a moment (so that the caller
    /// can look for interrupts). `Err` is the text of the program's panic.
    pub(super) fn request(&self) -> Result<Option<Request>, String> {
        let mut mail = lock(&self.mail);
        if matches!(*mail, Mail::Empty) {
            let waited = self.changed.wait_timeout(mail, Duration::from_micros(500));
            mail = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        match std::mem::replace(&mut *mail, Mail::Taken) {
            Mail::Request(request) => Ok(Some(request)),
            Mail::Panicked(text) => Err(text),
            other => {
                *mail = other;
                Ok(None)
            }
        }
    }

    /// Kernel's side: answers the request that was taken.
    pub(super) fn reply(&self, reply: Reply) {
        self.put(Mail::Reply(reply));
    }

    /// Kernel's side: nobody will answer any more.
    pub(super) fn kill(&self) {
        *lock(&self.mail) = Mail::Dead;
        self.changed.notify_all();
    }

    /// Program's side: the next reply; `None` if there will be none.
    fn wait(&self) -> Option<Reply> {
        let mut mail = lock(&self.mail);
        loop {
            match std::mem::replace(&mut *mail, Mail::Empty) {
                Mail::Reply(reply) => return Some(reply),
                Mail::Dead => {
                    *mail = Mail::Dead;
                    return None;
                }
                other => *mail = other,
            }
            mail = self.changed.wait(mail).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// The machine's programs.
#[derive(Default)]
pub(super) struct Programs {
    bodies: Mutex<HashMap<u64, Body>>,
    /// Children that no `Regs::run` has started yet, with the place their parent was entered at.
    children: Mutex<HashMap<u64, (u64, Child)>>,
    next: AtomicU64,
    running: Mutex<Vec<Weak<Mailbox>>>,
}

impl Programs {
    pub(super) fn register(&self, entry: u64, body: Body) {
        lock(&self.bodies).insert(entry, body);
    }

    pub(super) fn register_program(&self, body: Body) -> u64 {
        let entry = PROGRAMS + self.next.fetch_add(1, Ordering::Relaxed) * 0x1000;
        self.register(entry, body);
        entry
    }

    fn register_handler(&self, body: Body) -> u64 {
        let entry = HANDLERS + self.next.fetch_add(1, Ordering::Relaxed) * 0x1000;
        self.register(entry, body);
        entry
    }

    pub(super) fn body(&self, entry: u64) -> Option<Body> {
        lock(&self.bodies).get(&entry).cloned()
    }

    fn add_child(&self, entry: u64, child: Child) -> u64 {
        let id = CHILD + self.next.fetch_add(1, Ordering::Relaxed);
        lock(&self.children).insert(id, (entry, child));
        id
    }

    /// Takes the child whose number stands in `r15`, and where its parent was entered.
    pub(super) fn take_child(&self, r15: u64) -> Option<(u64, Child)> {
        lock(&self.children).remove(&r15)
    }

    /// Starts a thread that waits for a first reply, then runs `body`.
    pub(super) fn start(&self, programs: Context, body: Child) -> Arc<Mailbox> {
        let mailbox = Mailbox::new();
        *lock(&mailbox.mail) = Mail::Taken;
        let mut running = lock(&self.running);
        running.retain(|mailbox| mailbox.strong_count() > 0);
        running.push(Arc::downgrade(&mailbox));
        drop(running);
        let mut user = User { mailbox: mailbox.clone(), context: programs };
        let run = move || {
            let life = AssertUnwindSafe(|| {
                user.answer();
                let code = body(&mut user);
                user.ask(Request::Exit(code));
                panic!("exit_group returned to the program");
            });
            if let Err(payload) = catch_unwind(life)
                && !payload.is::<Abandoned>()
            {
                user.mailbox.put(Mail::Panicked(message(&*payload)));
            }
        };
        let thread = std::thread::Builder::new().name("program".into()).stack_size(2 << 20);
        thread.spawn(run).expect("the host has a thread for each program");
        mailbox
    }

    /// Ends all programs' threads.
    pub(super) fn kill_all(&self) {
        let running = std::mem::take(&mut *lock(&self.running));
        running.iter().filter_map(Weak::upgrade).for_each(|mailbox| mailbox.kill());
    }
}

/// What a program (or handler) was entered with.
#[derive(Clone)]
pub(super) struct Context {
    pub(super) machine: Arc<super::machine::Shared>,
    pub(super) entry: u64,
    pub(super) args: [u64; 3],
    pub(super) stack: u64,
}

/// A scripted program's view: raw system calls, and memory through its page tables.
pub struct User {
    mailbox: Arc<Mailbox>,
    context: Context,
}

impl User {
    /// Makes a system call; the answer is what the kernel left in `rax`.
    pub fn syscall(&mut self, nr: u64, args: [u64; 6]) -> i64 {
        self.value(Request::Syscall { nr, args, child: None })
    }

    /// Makes a system call that returns twice (fork, clone). The new process or thread runs `child`,
    /// whose value is its exit code, in place of returning 0.
    pub fn fork(
        &mut self,
        nr: u64,
        args: [u64; 6],
        child: impl FnOnce(&mut User) -> i32 + Send + 'static,
    ) -> i64 {
        let child = self.context.machine.programs.add_child(self.context.entry, Box::new(child));
        let answer = self.value(Request::Syscall { nr, args, child: Some(child) });
        if answer < 0 {
            drop(self.context.machine.programs.take_child(child));
        }
        answer
    }

    /// Registers a signal handler; the answer is its address. It runs with [`User::args`] being
    /// signal, `siginfo` and `ucontext`, and is left by the machine's `rt_sigreturn`.
    pub fn handler(&mut self, body: impl Fn(&mut User) -> i32 + Send + Sync + 'static) -> u64 {
        self.context.machine.programs.register_handler(Arc::new(body))
    }

    /// The first three argument registers at entry.
    pub fn args(&self) -> [u64; 3] {
        self.context.args
    }

    /// The stack pointer at entry: for a program, where `argc` lies.
    pub fn stack(&self) -> u64 {
        self.context.stack
    }

    /// Reads memory. Like an instruction: it traps until the kernel lets it pass.
    pub fn load(&mut self, addr: u64, to: &mut [u8]) {
        if let Reply::Bytes(bytes) = self.ask(Request::Load { addr, len: to.len() }) {
            to.copy_from_slice(&bytes);
        }
    }

    /// Writes memory. Like an instruction: it traps until the kernel lets it pass.
    pub fn store(&mut self, addr: u64, from: &[u8]) {
        self.ask(Request::Store { addr, bytes: from.to_vec() });
    }

    /// Reads eight bytes.
    pub fn load_u64(&mut self, addr: u64) -> u64 {
        let mut bytes = [0; 8];
        self.load(addr, &mut bytes);
        u64::from_ne_bytes(bytes)
    }

    /// Writes eight bytes.
    pub fn store_u64(&mut self, addr: u64, value: u64) {
        self.store(addr, &value.to_ne_bytes());
    }

    /// Reads four bytes.
    pub fn load_u32(&mut self, addr: u64) -> u32 {
        let mut bytes = [0; 4];
        self.load(addr, &mut bytes);
        u32::from_ne_bytes(bytes)
    }

    /// Writes four bytes.
    pub fn store_u32(&mut self, addr: u64, value: u32) {
        self.store(addr, &value.to_ne_bytes());
    }

    /// Atomically writes `new` where `old` is, at an address that is a multiple of four; what was
    /// seen.
    pub fn cas_u32(&mut self, addr: u64, old: u32, new: u32) -> u32 {
        self.value(Request::Cas { addr, old, new }) as u32
    }

    /// Raises a CPU exception; goes on behind it if the kernel lets it.
    pub fn exception(&mut self, vector: u8, error: u32) {
        self.value(Request::Exception { vector, error });
    }

    /// Fetches an instruction at `addr`: traps if that page is not executable. If it is, execution
    /// goes on here, as after a call of a function there.
    pub fn jump(&mut self, addr: u64) {
        self.value(Request::Jump { addr });
    }

    fn value(&mut self, request: Request) -> i64 {
        match self.ask(request) {
            Reply::Value(value) => value,
            _ => 0,
        }
    }

    fn ask(&mut self, request: Request) -> Reply {
        self.mailbox.put(Mail::Request(request));
        self.answer()
    }

    /// Waits for the answer to what was asked, and runs signal handlers meanwhile.
    fn answer(&mut self) -> Reply {
        loop {
            match self.mailbox.wait() {
                Some(Reply::Call { body, args, stack }) => {
                    let context = Context { args, stack, ..self.context.clone() };
                    let outer = std::mem::replace(&mut self.context, context);
                    body(self);
                    self.context = outer;
                    self.mailbox.put(Mail::Request(Request::HandlerDone));
                }
                Some(reply) => return reply,
                // A destructor that makes system calls on the way out of a dead program.
                None if std::thread::panicking() => return Reply::Value(-1),
                None => resume_unwind(Box::new(Abandoned)),
            }
        }
    }
}

/// What a memory request does, for the trap.
pub(super) fn access_of(request: &Request) -> Access {
    let write = matches!(request, Request::Store { .. } | Request::Cas { .. });
    Access { write, exec: matches!(request, Request::Jump { .. }) }
}
