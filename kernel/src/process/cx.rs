//! [`Cx`]: the running thread's own context, handed to every system call.

use alloc::{sync::Arc, vec::Vec};
use core::sync::atomic::Ordering::Relaxed;

use abi::{
    Wire,
    errno::{EBADF, Errno, Result},
    signal::{
        FPE_FLTDIV, FPE_FLTINV, FPE_FLTOVF, FPE_FLTRES, FPE_FLTUND, FPE_INTDIV, ILL_ILLOPN,
        SI_KERNEL, SIGBUS, SIGFPE, SIGILL, SIGKILL, SIGSEGV, SIGTRAP, SigSet, SigStack, Siginfo,
        SsFlags, TRAP_BRKPT, TRAP_TRACE,
    },
};
use hal::user::{Access, Regs};

use super::{Kernel, Process, Thread};
use crate::{
    cred::{Cred, Limits},
    fs::{Caller, Fd, FdTable, File, FsInfo},
    mm::{Dumpable, FaultSignal, Space},
    sched::{TaskRef, work},
    signal::Signal,
};

/// What a thread works with and may share with others (clone(2)).
#[derive(Clone)]
pub struct Parts {
    /// `CLONE_VM`
    pub space: Arc<Space>,
    /// `CLONE_FILES`
    pub files: Arc<FdTable>,
    /// `CLONE_FS`
    pub fs: Arc<FsInfo>,
    /// `CLONE_SIGHAND`
    pub actions: Arc<crate::lock::Spin<crate::signal::Actions, crate::lock::order::Actions>>,
    /// Who it is; never shared, but immutable.
    pub cred: Arc<Cred>,
}

/// What the last exception was, for signal frames (`thread.trap_nr`, `error_code`, `cr2`).
#[derive(Clone, Copy, Debug, Default)]
pub struct TrapInfo {
    /// Vector.
    pub vector: u64,
    /// Error code.
    pub error: u64,
    /// Faulting address.
    pub addr: u64,
}

/// How an interrupted call goes on when it is restarted by restart_syscall(2).
#[derive(Clone, Copy, Debug)]
pub enum Restart {
    /// nanosleep(2): the deadline, the clock, and where the rest is told.
    Sleep {
        /// Monotonic nanoseconds.
        until: u64,
        /// `struct timespec *`, 0: nowhere.
        rest: u64,
    },
    /// futex(2): a wait with a deadline.
    Futex {
        /// The word.
        addr: u64,
        /// `FUTEX_PRIVATE_FLAG`
        private: bool,
        /// What it was.
        value: u32,
        /// `FUTEX_WAIT_BITSET`
        bits: u32,
        /// Monotonic nanoseconds.
        until: u64,
    },
    /// poll(2): the descriptors and the deadline.
    Poll {
        /// `struct pollfd *`
        fds: u64,
        /// How many.
        count: u32,
        /// Monotonic nanoseconds; `None`: for ever.
        until: Option<u64>,
    },
}

/// The running thread's context. Owned by its fiber; nobody else sees it.
pub struct Cx {
    /// The kernel it runs in.
    pub kernel: &'static Kernel,
    /// What others see of it.
    pub thread: Arc<Thread>,
    /// What the scheduler sees of it.
    pub task: TaskRef,
    /// User registers.
    pub regs: Regs,
    /// Its own handles of what it shares, so that using them takes no lock.
    pub parts: Parts,
    /// Soft and hard limits are read through the process.
    pub limits: Limits,
    /// The number of the system call being made or made last.
    pub nr: u64,
    /// The call ended with this restart code; [`super::deliver`] decides what becomes of it.
    pub restart: Option<Errno>,
    /// The thread has called exit(2), with this wait status.
    pub ended: Option<i32>,
    /// Where a call interrupted with `ERESTART_RESTARTBLOCK` goes on.
    pub restart_block: Option<Restart>,
    /// The mask to go back to after a call that had one of its own (sigsuspend(2), ppoll(2)).
    pub saved_mask: Option<SigSet>,
    /// The alternate signal stack.
    pub alt_stack: SigStack,
    /// The last exception.
    pub trap: TrapInfo,
    /// `CLONE_CHILD_SETTID`: where the new thread writes its number; 0: nowhere.
    pub set_child_tid: u64,
    /// `personality(2)`
    pub personality: u32,
}

impl core::ops::Deref for Cx {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.parts
    }
}

impl Cx {
    /// Its process.
    pub fn process(&self) -> &Arc<Process> {
        &self.thread.process
    }

    /// Its address space.
    pub fn space(&self) -> &Arc<Space> {
        &self.parts.space
    }

    /// Its open files.
    pub fn files(&self) -> &Arc<FdTable> {
        &self.parts.files
    }

    /// Root, working directory, umask.
    pub fn fs(&self) -> &Arc<FsInfo> {
        &self.parts.fs
    }

    /// Who it is.
    pub fn cred(&self) -> &Arc<Cred> {
        &self.parts.cred
    }

    /// The open file behind `fd`.
    pub fn file(&self, fd: Fd) -> Result<Arc<File>> {
        self.parts.files.get(fd)
    }

    /// As [`Cx::file`], but `EBADF` for one opened with `O_PATH`.
    pub fn usable_file(&self, fd: Fd) -> Result<Arc<File>> {
        self.file(fd).and_then(|file| if file.is_path() { Err(EBADF) } else { Ok(file) })
    }

    /// A soft limit.
    pub fn limit(&self, which: u32) -> u64 {
        self.process().limits.lock().get(which)
    }

    /// Runs `f` with what files may know of this thread.
    pub fn with_caller<R>(&self, f: impl FnOnce(&Caller<'_>) -> R) -> R {
        let raise = |sig: Signal| {
            // As `send_sig` does it: from the thread's own process to itself.
            let (pid, uid) = (self.process().pid.0, self.parts.cred.uid.0);
            self.thread.send(&Siginfo::kill(sig.0, abi::signal::SI_USER, pid, uid));
        };
        f(&Caller {
            cred: &self.parts.cred,
            space: Some(&self.parts.space),
            limits: &self.limits,
            fs_info: &self.parts.fs,
            raise: &raise,
        })
    }

    /// As [`Cx::with_caller`] for a call that reads `file`: what it reads is counted.
    pub fn with_reader(
        &self,
        file: &File,
        f: impl FnOnce(&Caller<'_>) -> Result<usize>,
    ) -> Result<usize> {
        let result = self.with_caller(f);
        if file.readable() {
            self.thread.io.read(&result);
        }
        result
    }

    /// The same for a call that writes.
    pub fn with_writer(
        &self,
        file: &File,
        f: impl FnOnce(&Caller<'_>) -> Result<usize>,
    ) -> Result<usize> {
        let result = self.with_caller(f);
        if file.writable() {
            self.thread.io.wrote(&result);
        }
        result
    }

    /// Replaces the credentials, here and where others look.
    ///
    /// One who acts as another from now on, or may do more, shows his memory to none but root
    /// (`commit_creds`).
    pub fn set_cred(&mut self, cred: Arc<Cred>) {
        self.thread.set_uid(cred.uid);
        let ids = |cred: &Cred| (cred.euid, cred.egid, cred.fsuid, cred.fsgid);
        let old = &self.parts.cred;
        let gains = cred.permitted.0 & !old.permitted.0 != 0;
        if ids(&cred) != ids(old) || gains {
            self.parts.space.set_dumpable(Dumpable::No);
            self.thread.traits.death_signal.store(0, Relaxed);
        }
        self.parts.cred = cred;
        self.publish();
    }

    /// personality(2), here and where others look.
    pub fn set_personality(&mut self, new: u32) {
        self.personality = new;
        self.thread.traits.personality.store(new, Relaxed);
    }

    /// Shows others what this thread works with now.
    pub fn publish(&self) {
        let old = self.thread.parts.lock().replace(self.parts.clone());
        drop(old);
    }

    /// Must something be looked at before user mode?
    #[inline]
    pub fn must_look(&self) -> bool {
        const LOOK: u32 = work::SIGNAL | work::KILL | work::RESCHED | work::DEFERRED | work::LIMITS;
        self.task.work() & LOOK != 0 || self.restart.is_some() || self.saved_mask.is_some()
    }

    /// The first steps of a new thread.
    pub(super) fn start(&mut self) {
        if self.set_child_tid != 0 {
            let tid = self.thread.tid().0.to_ne_bytes();
            // As Linux's schedule_tail: a bad address is the program's own loss.
            let _ = self.parts.space.copy_out(self.set_child_tid, &tid);
        }
    }

    /// A page fault in user mode.
    pub(super) fn fault(&mut self, addr: u64, access: Access, error: u32) {
        self.thread.faults.fetch_add(1, Relaxed);
        /// The page is there, and: the access was one of user mode.
        const PRESENT: u32 = 1;
        const USER: u32 = 4;
        // An access that the processor makes for the program with the kernel's rights (a far
        // return through SMAP): no page that could be mapped would satisfy it.
        let implicit = error & (PRESENT | USER) == PRESENT;
        let denied = FaultSignal { signal: SIGSEGV, code: abi::signal::SEGV_MAPERR, addr };
        let result = if implicit { Err(denied) } else { self.parts.space.fault(addr, access) };
        if let Err(signal) = result {
            if signal.signal == SIGKILL {
                return self.out_of_memory();
            }
            self.trap = TrapInfo { vector: 14, error: error.into(), addr };
            self.thread.force(&Siginfo::fault(signal.signal, signal.code, signal.addr));
        }
    }

    /// There is no memory for a page that the program needs: it is killed. Init takes no SIGKILL;
    /// it faults again when others had their turn.
    #[cold]
    fn out_of_memory(&mut self) {
        let (pid, comm) = (self.process().pid.0, self.thread.comm.lock().clone());
        if self.process().unkillable.load(Relaxed) {
            self.task.set_work(work::RESCHED);
            return;
        }
        crate::printk!(ERR, "Out of memory: Killed process {pid} ({})", comm.escape_ascii());
        self.thread.send(&crate::signal::Pending::kernel_info(SIGKILL));
    }

    /// What kind of floating-point exception it was, by the unmasked bits of the x87's status word
    /// or of MXCSR (`fpu__exception_code`).
    fn float_code(&mut self, vector: u8) -> Option<i32> {
        const STATUS_AT: usize = 2;
        const MXCSR_AT: usize = 24;
        let mut image = Vec::new();
        let bytes = hal::user::fpu_bytes();
        if image.try_reserve_exact(bytes).is_err() {
            return Some(FPE_FLTINV);
        }
        image.resize(bytes, 0);
        self.regs.save_fpu(&mut image);
        let word = |at: usize| image.get(at..).map_or(0, u16::get);
        let raised = match vector {
            16 => word(STATUS_AT) & !word(0),
            _ => word(MXCSR_AT) & !(word(MXCSR_AT) >> 7),
        };
        [
            (0x01, FPE_FLTINV),
            (0x04, FPE_FLTDIV),
            (0x08, FPE_FLTOVF),
            // Denormal operand, or underflow.
            (0x12, FPE_FLTUND),
            (0x20, FPE_FLTRES),
        ]
        .into_iter()
        .find_map(|(bits, code)| (raised & bits != 0).then_some(code))
    }

    /// An exception in user mode: the signal of Linux's `idtentry` for it.
    pub(super) fn exception(&mut self, vector: u8, error: u32) {
        self.trap.vector = vector.into();
        self.trap.error = error.into();
        let ip = self.regs.rip();
        let info = match vector {
            0 => Siginfo::fault(SIGFPE, FPE_INTDIV, ip),
            // Without the trap flag it was `int1`, which leaves no other trace.
            1 if self.regs.flags() & TRAP_FLAG != 0 => Siginfo::fault(SIGTRAP, TRAP_TRACE, ip),
            1 => Siginfo::fault(SIGTRAP, TRAP_BRKPT, ip),
            3 => Siginfo::kill(SIGTRAP, SI_KERNEL, 0, 0),
            4 | 5 | 13 => Siginfo::kill(SIGSEGV, SI_KERNEL, 0, 0),
            6 => Siginfo::fault(SIGILL, ILL_ILLOPN, ip),
            11 | 12 => Siginfo::kill(SIGBUS, SI_KERNEL, 0, 0),
            16 | 19 => match self.float_code(vector) {
                Some(code) => Siginfo::fault(SIGFPE, code, ip),
                // Nothing that is not masked: a late report of what was handled meanwhile.
                None => return,
            },
            17 => Siginfo::fault(SIGBUS, abi::signal::BUS_ADRALN, 0),
            _ => Siginfo::kill(SIGSEGV, SI_KERNEL, 0, 0),
        };
        self.thread.force(&info);
    }
}

/// `X86_EFLAGS_TF`
const TRAP_FLAG: u64 = 1 << 8;

/// No alternate stack.
pub const NO_ALT_STACK: SigStack = SigStack { ss_sp: 0, ss_flags: SsFlags::DISABLE, ss_size: 0 };
