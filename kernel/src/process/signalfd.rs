//! signalfd(2): signals to be read instead of delivered (`fs/signalfd.c`).
//!
//! What it gives depends on who reads: the signals of the reading thread and its process.

use alloc::sync::Arc;
use core::{
    fmt,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use abi::{
    Wire,
    errno::{EAGAIN, EINVAL, Result},
    fs::OpenFlags,
    poll::{PollEvents, SignalfdFlags, SignalfdSiginfo},
    signal::{
        SI_MESGQ, SI_QUEUE, SI_TIMER, SIGBUS, SIGCHLD, SIGFPE, SIGILL, SIGIO, SIGSEGV, SIGSYS,
        SIGTRAP, SigSet, Siginfo,
    },
};

use super::{Cx, Kernel, Pid, Thread};
use crate::{
    fs::{Caller, File, FileOps, Pos, nameless::anon_file},
    mm::io::Sink,
    sched,
    wait::Watch,
};

/// The signals that it gives.
pub struct Signalfd {
    kernel: &'static Kernel,
    mask: AtomicU64,
}

/// A new one.
pub fn open(cx: &Cx, mask: SigSet, flags: SignalfdFlags) -> Arc<File> {
    let ops = Arc::new(Signalfd { kernel: cx.kernel, mask: AtomicU64::new(mask.bits()) });
    let flags = OpenFlags::RDWR | OpenFlags(flags.bits()) & OpenFlags::NONBLOCK;
    cx.with_caller(|c| anon_file(c, cx.cred(), ops, flags))
}

impl Kernel {
    /// The running thread, if it is one of a process.
    pub fn current_thread(&self) -> Option<Arc<Thread>> {
        let tid = Pid(sched::current()?.id());
        let process = self.family.lock().get(tid).cloned()?;
        process.thread_of(tid)
    }
}

impl Signalfd {
    /// It gives other signals from now on.
    pub fn set_mask(&self, cx: &Cx, mask: SigSet) {
        self.mask.store(mask.bits(), Relaxed);
        cx.process().signalled.wake_all();
    }

    fn mask(&self) -> SigSet {
        SigSet(self.mask.load(Relaxed))
    }

    /// The next of its signals that waits for `thread`.
    fn take(&self, thread: &Thread) -> Option<Siginfo> {
        let mut group = thread.process.signals.lock();
        let mut own = thread.signals.lock();
        own.pending.take(self.mask()).or_else(|| group.pending.take(self.mask()))
    }
}

impl FileOps for Signalfd {
    fn read(&self, _f: &File, _c: &Caller, to: &mut dyn Sink, _at: Pos) -> Result<usize> {
        let thread = self.kernel.current_thread().ok_or(EINVAL)?;
        if to.left() < SignalfdSiginfo::SIZE {
            return Err(EINVAL);
        }
        let mut done = 0;
        while to.left() >= SignalfdSiginfo::SIZE
            && let Some(info) = self.take(&thread)
        {
            let mut bytes = [0; SignalfdSiginfo::SIZE];
            told(&info).put(&mut bytes);
            // As on Linux: what cannot be stored is taken all the same.
            match to.put_all(&bytes) {
                Ok(()) => done += bytes.len(),
                Err(_) if done > 0 => break,
                Err(why) => return Err(why),
            }
        }
        if done > 0 { Ok(done) } else { Err(EAGAIN) }
    }

    fn can_poll(&self) -> bool {
        true
    }

    fn poll(&self, _f: &File, _c: &Caller, watch: Option<&mut Watch>) -> PollEvents {
        let Some(thread) = self.kernel.current_thread() else { return PollEvents::EMPTY };
        if let Some(watch) = watch {
            watch.add(&thread.process.signalled, 0);
        }
        let group = thread.process.signals.lock();
        let own = thread.signals.lock();
        let pending = SigSet(group.pending.set().bits() | own.pending.set().bits());
        match (pending & self.mask()).is_empty() {
            true => PollEvents::EMPTY,
            false => PollEvents::IN,
        }
    }

    fn seek(&self, _f: &File, now: u64, _offset: i64, _whence: u32) -> Result<u64> {
        Ok(now)
    }

    fn link_name(&self) -> Option<&'static str> {
        Some("anon_inode:[signalfd]")
    }

    fn fdinfo(&self, _f: &File, out: &mut dyn fmt::Write) -> fmt::Result {
        writeln!(out, "sigmask:\t{:016x}", self.mask().bits())
    }
}

/// A siginfo as a signalfd tells it (`signalfd_copyinfo`).
fn told(info: &Siginfo) -> SignalfdSiginfo {
    let mut out = SignalfdSiginfo::ZERO;
    out.ssi_signo = info.sig();
    out.ssi_errno = info.si_errno;
    out.ssi_code = info.si_code;
    let value = |out: &mut SignalfdSiginfo| {
        out.ssi_ptr = info.value();
        out.ssi_int = info.value() as i32;
    };
    let sender = |out: &mut SignalfdSiginfo| {
        out.ssi_pid = info.pid() as u32;
        out.ssi_uid = info.uid();
    };
    // What the fields mean follows from the code, and for the kernel's own from the signal.
    match (info.sig(), info.si_code) {
        (_, SI_TIMER) => {
            out.ssi_tid = info.timer_id() as u32;
            out.ssi_overrun = info.overrun() as u32;
            value(&mut out);
        }
        (_, SI_QUEUE | SI_MESGQ) => {
            sender(&mut out);
            value(&mut out);
        }
        (SIGCHLD, 1..=6) => {
            sender(&mut out);
            out.ssi_status = info.status();
            out.ssi_utime = info.utime() as u64;
            out.ssi_stime = info.stime() as u64;
        }
        (SIGIO, 1..=6) => {
            out.ssi_band = info.band() as u32;
            out.ssi_fd = info.fd();
        }
        (SIGSYS, 1..=0x7f) => {
            out.ssi_call_addr = info.call_addr();
            out.ssi_syscall = info.syscall();
            out.ssi_arch = info.arch();
        }
        (SIGBUS, 4..=5) => {
            out.ssi_addr = info.addr();
            out.ssi_addr_lsb = info.addr_lsb() as u16;
        }
        (SIGILL | SIGFPE | SIGSEGV | SIGBUS | SIGTRAP, 1..=0x7f) => out.ssi_addr = info.addr(),
        (_, code) if code < 0 && code > SI_SIGIO => {
            sender(&mut out);
            value(&mut out);
        }
        _ => sender(&mut out),
    }
    out
}

/// Below this, codes are no process's own (`SI_SIGIO`).
const SI_SIGIO: i32 = -5;
