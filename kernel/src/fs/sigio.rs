//! Signals that tell of files: whom an open file tells (`F_SETOWN`, `F_SETSIG`), and who listens to
//! an object (`O_ASYNC`). See fcntl(2); `send_sigio` and `fasync_helper` in `fs/fcntl.c`.
//!
//! Files stand below processes: who gets a signal is behind the trait [`Recipient`].
//!
//! Locks: `Listeners`, then `FileOwner`; signals are sent with the first held.

use crate::cred::Uid;
use crate::lock::{Spin, order};
use abi::Result;
use abi::errno::{EAGAIN, ENOMEM};
use abi::fs::F_OWNER_TID;
use abi::poll::PollEvents;
use abi::signal::{
    POLL_IN, POLL_OUT, SI_SIGIO, SIGBUS, SIGCHLD, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP, Siginfo,
};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, Ordering};

/// A thread, a process or a process group that a file belongs to.
pub trait Recipient: Send + Sync {
    /// Sends `info` to all of it that `from` may send to. `EAGAIN` if somebody's queue is full.
    fn send(&self, info: &Siginfo, from: Sender) -> Result<()>;

    /// Sends SIGIO as the kernel's own.
    fn send_plain(&self, from: Sender);

    /// Its number; 0 when there is no such thing any more.
    fn number(&self) -> i32;
}

/// In whose name a file sends signals: the real and effective user of who said `F_SETOWN`.
#[derive(Clone, Copy, Debug)]
pub struct Sender {
    /// Real user.
    pub uid: Uid,
    /// Effective user.
    pub euid: Uid,
}

/// What has happened, as `si_code` tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// There is something to read.
    In,
    /// There is room to write.
    Out,
}

impl Event {
    fn code(self) -> i32 {
        match self {
            Self::In => POLL_IN,
            Self::Out => POLL_OUT,
        }
    }

    /// What poll(2) says of it, for `si_band`.
    fn band(self) -> PollEvents {
        match self {
            Self::In => PollEvents::IN | PollEvents::RDNORM,
            Self::Out => PollEvents::OUT | PollEvents::WRNORM | PollEvents::WRBAND,
        }
    }
}

/// Whom an open file tells, and how. Part of a file as soon as anyone asks for it.
pub struct Teller {
    state: Spin<State, order::FileOwner>,
}

#[derive(Clone)]
struct State {
    /// `F_OWNER_*`
    kind: i32,
    owner: Option<Arc<dyn Recipient>>,
    from: Sender,
    /// `F_SETSIG`; 0: SIGIO without siginfo.
    signal: u32,
    /// The descriptor that said `O_ASYNC`.
    fd: i32,
}

impl Default for Teller {
    fn default() -> Self {
        let from = Sender { uid: Uid::ROOT, euid: Uid::ROOT };
        let state = State { kind: F_OWNER_TID, owner: None, from, signal: 0, fd: 0 };
        Self { state: Spin::new(state) }
    }
}

impl Teller {
    /// `F_SETOWN`: the kind, who it is (`None`: nobody), and who says so.
    pub fn set_owner(&self, kind: i32, owner: Option<Arc<dyn Recipient>>, from: Sender) {
        let old = {
            let mut state = self.state.lock();
            (state.kind, state.from) = (kind, from);
            core::mem::replace(&mut state.owner, owner)
        };
        drop(old);
    }

    /// `F_GETOWN`: the kind, the number (0: nobody) and who said so.
    pub fn owner(&self) -> (i32, i32, Sender) {
        let State { kind, owner, from, .. } = self.state.lock().clone();
        (kind, owner.map_or(0, |owner| owner.number()), from)
    }

    /// `F_SETSIG`
    pub fn set_signal(&self, signal: u32) {
        self.state.lock().signal = signal;
    }

    /// `F_GETSIG`
    pub fn signal(&self) -> u32 {
        self.state.lock().signal
    }

    /// Tells the owner.
    fn tell(&self, event: Event) {
        let State { owner, from, signal, fd, .. } = self.state.lock().clone();
        let Some(owner) = owner else { return };
        if signal != 0 {
            let mut info = Siginfo::poll(event.code(), i64::from(event.band().bits()), fd);
            info.si_signo = signal as i32;
            // Signals whose codes have meanings of their own.
            if matches!(signal, SIGILL | SIGFPE | SIGSEGV | SIGBUS | SIGTRAP | SIGCHLD | SIGSYS) {
                info.si_code = SI_SIGIO;
            }
            // Where the queue is full, SIGIO says that something was lost.
            if owner.send(&info, from) != Err(EAGAIN) {
                return;
            }
        }
        owner.send_plain(from);
    }
}

/// The open files that tell of an object (`struct fasync_struct`).
#[derive(Default)]
pub struct Listeners {
    /// Whether there are any, so that nobody need look.
    any: AtomicBool,
    list: Spin<Vec<Weak<Teller>>, order::Listeners>,
}

impl Listeners {
    /// `teller` listens from now on, or no more.
    pub fn set(&self, teller: &Arc<Teller>, fd: i32, on: bool) -> Result<()> {
        let mut list = self.list.lock();
        list.retain(|other| other.strong_count() > 0 && other.as_ptr() != Arc::as_ptr(teller));
        if on {
            list.try_reserve(1).map_err(|_| ENOMEM)?;
            teller.state.lock().fd = fd;
            list.push(Arc::downgrade(teller));
        }
        self.any.store(!list.is_empty(), Ordering::SeqCst);
        Ok(())
    }

    /// Tells all. To be called without a spin lock.
    #[inline]
    pub fn tell(&self, event: Event) {
        if self.any.load(Ordering::SeqCst) {
            self.tell_all(event);
        }
    }

    #[cold]
    fn tell_all(&self, event: Event) {
        let mut list = self.list.lock();
        list.retain(|teller| {
            let teller = teller.upgrade();
            teller.inspect(|teller| teller.tell(event)).is_some()
        });
        self.any.store(!list.is_empty(), Ordering::SeqCst);
    }
}
