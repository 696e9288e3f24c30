//! fork(2), vfork(2), clone(2): new processes and threads (`kernel/fork.c`).

use alloc::sync::Arc;
use core::sync::atomic::Ordering::Relaxed;

use abi::{
    errno::{EAGAIN, EINVAL, ENOMEM, ERESTARTNOINTR, Result},
    process::{
        CAP_SYS_ADMIN, CAP_SYS_RESOURCE, CSIGNAL, CloneFlags, PidfdFlags, RLIMIT_NOFILE,
        RLIMIT_NPROC,
    },
    signal::{SIGCHLD, SigSet},
};

use super::{
    Cx, Kernel, Parts, Pid, Process, Thread,
    cx::{NO_ALT_STACK, TrapInfo},
    pidfd,
    thread::{self, Vfork},
};
use crate::{
    cred::Uid,
    lock::Spin,
    mm::user::UserOut,
    sched::{TaskRef, work},
};

/// What a new process or thread shall be like.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request {
    /// What it shares, and how.
    pub flags: CloneFlags,
    /// The signal its parent gets when it ends; none if there is no such signal.
    pub exit_signal: u32,
    /// Its stack pointer; 0: its parent's.
    pub stack: u64,
    /// Where the parent finds its number (`CLONE_PARENT_SETTID`).
    pub parent_tid: u64,
    /// Where the child finds or clears its number.
    pub child_tid: u64,
    /// Its thread pointer (`CLONE_SETTLS`).
    pub tls: u64,
    /// Where the parent finds a file that stands for it (`CLONE_PIDFD`).
    pub pidfd: u64,
    /// The number it shall have.
    pub set_tid: Option<Pid>,
}

impl Request {
    /// fork(2)
    pub fn fork() -> Self {
        Self { exit_signal: SIGCHLD, ..Self::default() }
    }

    /// vfork(2)
    pub fn vfork() -> Self {
        Self { flags: CloneFlags::VM | CloneFlags::VFORK, ..Self::fork() }
    }

    /// clone(2): the low byte of its flags is the signal.
    pub fn clone(raw: u64, stack: u64, parent_tid: u64, child_tid: u64, tls: u64) -> Self {
        Self {
            // clone(2) looks at 32 bits and ignores those it does not know.
            flags: CloneFlags::from_bits_truncate(raw & 0xffff_ffff & !CSIGNAL),
            exit_signal: (raw & CSIGNAL) as u32,
            stack,
            parent_tid,
            child_tid,
            tls,
            pidfd: parent_tid,
            set_tid: None,
        }
    }
}

/// The flags that ask for a namespace of one's own; there is one of each kind so far.
const NAMESPACES: CloneFlags = CloneFlags::NEWNS
    .with(CloneFlags::NEWCGROUP)
    .with(CloneFlags::NEWUTS)
    .with(CloneFlags::NEWIPC)
    .with(CloneFlags::NEWUSER)
    .with(CloneFlags::NEWPID)
    .with(CloneFlags::NEWNET);

/// The combinations that `copy_process` refuses, and what is not built yet.
fn check(request: &Request) -> Result<()> {
    let flags = request.flags;
    let needs = |flag, other| flags.has(flag) && !flags.has(other);
    if flags.has(CloneFlags::NEWNS | CloneFlags::FS)
        || needs(CloneFlags::THREAD, CloneFlags::SIGHAND)
        || needs(CloneFlags::SIGHAND, CloneFlags::VM)
        || flags.has(CloneFlags::SIGHAND | CloneFlags::CLEAR_SIGHAND)
    {
        return Err(EINVAL);
    }
    if flags.intersects(NAMESPACES) {
        // As a kernel without these namespaces.
        return Err(EINVAL);
    }
    let both = CloneFlags::PIDFD | CloneFlags::PARENT_SETTID;
    if flags.has(both) && request.pidfd == request.parent_tid {
        return Err(EINVAL);
    }
    if flags.has(CloneFlags::PIDFD) && flags.intersects(CloneFlags::THREAD | CloneFlags::DETACHED) {
        return Err(EINVAL);
    }
    Ok(())
}

/// `RLIMIT_NPROC` and the number of threads that memory allows (`copy_creds`, `copy_process`).
fn admit(cx: &Cx) -> Result<()> {
    let cred = cx.cred();
    let privileged =
        cred.uid == Uid::ROOT || cred.capable(CAP_SYS_RESOURCE) || cred.capable(CAP_SYS_ADMIN);
    let over = cx.kernel.users.count(cred.uid) >= cx.limit(RLIMIT_NPROC);
    let full = cx.kernel.family.lock().threads() as u64 >= cx.kernel.max_threads();
    if over && !privileged || full { Err(EAGAIN) } else { Ok(()) }
}

/// Makes a new process or thread. Returns its number to the maker.
pub fn clone(cx: &mut Cx, request: &Request) -> Result<Pid> {
    check(request)?;
    let kernel = cx.kernel;
    let own = cx.process().clone();
    let forking = Forking::begin(cx)?;
    // Signals first, as Linux does: a fork takes long.
    if !cx.deliverable().is_empty() {
        return Err(ERESTARTNOINTR);
    }
    admit(cx)?;
    let is_thread = request.flags.has(CloneFlags::THREAD);
    // A sibling tells the parent of its creator in the way its creator does (`CLONE_PARENT`).
    let sibling = request.flags.has(CloneFlags::PARENT);
    if sibling && own.pid == Pid::INIT {
        return Err(EINVAL);
    }
    let exit_signal = if sibling { own.exit_signal.load(Relaxed) } else { request.exit_signal };
    let vfork = request.flags.has(CloneFlags::VFORK).then(Arc::<Vfork>::default);
    let mut regs = cx.regs.try_clone().map_err(|_| ENOMEM)?;
    regs.rax = 0;
    if request.stack != 0 {
        regs.set_rsp(request.stack);
    }
    if request.flags.has(CloneFlags::SETTLS) {
        regs.set_fs_base(request.tls).map_err(|_| abi::errno::EPERM)?;
    }
    let parts = share(cx, request.flags)?;

    let limits = *own.limits.lock();
    let number = Number::take(kernel, request.set_tid)?;
    let process = if is_thread {
        own.clone()
    } else {
        let process = Process::new(kernel, number.pid, exit_signal, cx.cred().uid, limits);
        process.inherit(&own);
        process
    };
    let mask = cx.thread.signals.lock().mask;
    let traits = cx.thread.traits.inherited();
    let thread = Arc::new(Thread::new(number.pid, process.clone(), mask, traits, vfork.clone()));
    let comm = cx.thread.comm.lock().clone();
    thread.set_comm(&comm);
    if request.flags.has(CloneFlags::CHILD_CLEARTID) {
        thread.clear_child_tid.store(request.child_tid, Relaxed);
    }
    // A vfork child and its parent share one alternate stack; another child has its own copy.
    let shares_stack = request.flags.has(CloneFlags::VM) && !request.flags.has(CloneFlags::VFORK);
    let set_tid = request.flags.has(CloneFlags::CHILD_SETTID);
    let child = Child {
        thread: thread.clone(),
        parts,
        regs,
        limits,
        alt_stack: if shares_stack { NO_ALT_STACK } else { cx.alt_stack },
        trap: cx.trap,
        set_child_tid: if set_tid { request.child_tid } else { 0 },
        personality: cx.personality,
    };
    let task = start(kernel, child, cx.task.allowed())?;
    let files = cx.files().clone();
    let pidfd = if request.flags.has(CloneFlags::PIDFD) {
        let fd = files.reserve(cx.limit(RLIMIT_NOFILE), true);
        // Before anybody can see the child: a bad address leaves none.
        let told = fd.and_then(|fd| {
            UserOut::<i32>::new(request.pidfd).write(cx.space(), &fd.fd().0)?;
            Ok(fd)
        });
        Some(told.inspect_err(|_| task.abandon())?)
    } else {
        None
    };
    let entered = if is_thread {
        enter_thread(cx, &thread)
    } else {
        enter_process(cx, &thread, &task, sibling, &forking)
    };
    if let Err(why) = entered {
        task.abandon();
        return Err(why);
    }
    if let Some(pidfd) = pidfd {
        pidfd.install(pidfd::file(cx, thread.process.clone(), PidfdFlags::EMPTY));
    }
    let pid = number.keep();
    drop(forking);
    if request.flags.has(CloneFlags::PARENT_SETTID) {
        // The number is there before the child runs; a bad address is the parent's own loss.
        let _ = UserOut::<i32>::new(request.parent_tid).write(&cx.parts.space, &pid.0);
    }
    kernel.count_fork();
    task.start();
    if let Some(vfork) = vfork {
        vfork.wait();
    }
    Ok(pid)
}

/// The thread joins its process, unless that ends, stops, or leaves its other threads behind.
fn enter_thread(cx: &Cx, thread: &Arc<Thread>) -> Result<()> {
    let mut family = cx.kernel.family.lock();
    let mut group = cx.process().signals.lock();
    if group.exit.is_some() || group.exec.is_some() || group.stopped.is_some() {
        return Err(ERESTARTNOINTR);
    }
    family.add_thread(thread.tid(), cx.process().pid);
    group.threads.add(thread);
    drop(group);
    drop(family);
    thread.enter_user(cx.cred().uid);
    Ok(())
}

/// The process takes its place in the family.
fn enter_process(
    cx: &Cx,
    thread: &Arc<Thread>,
    task: &TaskRef,
    sibling: bool,
    forking: &Forking,
) -> Result<()> {
    let (own, process) = (cx.process(), &thread.process);
    let mut family = cx.kernel.family.lock();
    // A signal to the whole group that came before this and ends the parent must not miss the
    // child: there will be none.
    if cx.must_end() || cx.is_ending() {
        return Err(ERESTARTNOINTR);
    }
    let delayed = forking.delayed();
    {
        let mut group = process.signals.lock();
        group.threads.add(thread);
        group.pending.add_bare(delayed);
    }
    if !delayed.is_empty() {
        task.set_work(work::SIGNAL);
    }
    // Only now: the parent that is to be shared may just have ended, and left its own to another.
    let parent = if sibling { family.place(own.pid).map(|place| place.0) } else { None };
    let parent = parent.unwrap_or(own.pid);
    let maker = if sibling { own.maker.load(Relaxed) } else { cx.thread.tid().0 };
    process.ppid.store(parent.0, Relaxed);
    process.maker.store(maker, Relaxed);
    family.add(process.pid, parent, process.clone());
    Ok(())
}

/// A number that goes back unless it is kept.
struct Number {
    kernel: &'static Kernel,
    pid: Pid,
}

impl Number {
    fn take(kernel: &'static Kernel, wanted: Option<Pid>) -> Result<Self> {
        let mut family = kernel.family.lock();
        let pid = match wanted {
            Some(wanted) => family.claim(wanted)?,
            None => family.allocate().ok_or(EAGAIN)?,
        };
        Ok(Self { kernel, pid })
    }

    fn keep(self) -> Pid {
        let pid = self.pid;
        core::mem::forget(self);
        pid
    }
}

impl Drop for Number {
    fn drop(&mut self) {
        self.kernel.family.lock().remove_thread(self.pid);
    }
}

/// A fork under way: what is sent to the whole group of its process meanwhile is noted, for the
/// child that is not there yet (`struct multiprocess_signals`).
struct Forking {
    process: Arc<Process>,
    tid: Pid,
}

impl Forking {
    fn begin(cx: &Cx) -> Result<Self> {
        let (process, tid) = (cx.process().clone(), cx.thread.tid());
        {
            let mut group = process.signals.lock();
            group.forking.try_reserve(1).map_err(|_| ENOMEM)?;
            group.forking.push((tid, SigSet::EMPTY));
        }
        Ok(Self { process, tid })
    }

    /// What was sent since it began.
    fn delayed(&self) -> SigSet {
        let group = self.process.signals.lock();
        let own = group.forking.iter().find(|(tid, _)| *tid == self.tid);
        own.map_or(SigSet::EMPTY, |(_, delayed)| *delayed)
    }
}

impl Drop for Forking {
    fn drop(&mut self) {
        self.process.signals.lock().forking.retain(|(tid, _)| *tid != self.tid);
    }
}

/// What the child works with: shared where the flags say so, else its own copy.
fn share(cx: &Cx, flags: CloneFlags) -> Result<Parts> {
    let space =
        if flags.has(CloneFlags::VM) { cx.parts.space.clone() } else { cx.parts.space.fork()? };
    let files = if flags.has(CloneFlags::FILES) {
        cx.parts.files.clone()
    } else {
        Arc::new(cx.parts.files.fork()?)
    };
    let fs =
        if flags.has(CloneFlags::FS) { cx.parts.fs.clone() } else { Arc::new(cx.parts.fs.fork()) };
    let actions = if flags.has(CloneFlags::SIGHAND) {
        cx.parts.actions.clone()
    } else {
        let mut actions = cx.parts.actions.lock().clone();
        if flags.has(CloneFlags::CLEAR_SIGHAND) {
            actions.reset_handlers();
        }
        Arc::new(Spin::new(actions))
    };
    Ok(Parts { space, files, fs, actions, cred: cx.parts.cred.clone() })
}

/// A thread about to start.
pub(super) struct Child {
    pub thread: Arc<Thread>,
    pub parts: Parts,
    pub regs: hal::user::Regs,
    pub limits: crate::cred::Limits,
    pub alt_stack: abi::signal::SigStack,
    pub trap: TrapInfo,
    pub set_child_tid: u64,
    pub personality: u32,
}

/// Gives the thread a task, which sleeps until it is started.
pub(super) fn start(kernel: &'static Kernel, child: Child, allowed: u64) -> Result<TaskRef> {
    let thread = child.thread.clone();
    *thread.parts.lock() = Some(child.parts.clone());
    let task = TaskRef::new(thread.tid().0, allowed, move |task| {
        thread::run(Cx {
            kernel,
            thread: child.thread,
            task,
            regs: child.regs,
            parts: child.parts,
            limits: child.limits,
            nr: u64::MAX,
            restart: None,
            ended: None,
            restart_block: None,
            saved_mask: None,
            alt_stack: child.alt_stack,
            trap: child.trap,
            set_child_tid: child.set_child_tid,
            personality: child.personality,
        });
    })
    .map_err(|_| ENOMEM)?;
    thread.set_task(task.clone());
    Ok(task)
}
