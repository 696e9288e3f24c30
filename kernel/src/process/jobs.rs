//! Job control: what terminals ask of processes ([`JobControl`], owned by [`crate::tty`]).

use alloc::{sync::Arc, vec::Vec};
use core::sync::atomic::Ordering::Relaxed;

use abi::signal::{SIG_IGN, SIGCONT, SIGHUP};

use super::{Kernel, Pid, Process};
use crate::{
    sched,
    signal::Pending,
    tty::{Job, JobControl, Tty},
};

impl Kernel {
    /// The process of the running thread. `None` for the kernel's own.
    pub fn current_process(&self) -> Option<Arc<Process>> {
        let task = sched::current()?;
        self.family.lock().get(Pid(task.id())).cloned()
    }

    fn members(&self, group: i32) -> Vec<Arc<Process>> {
        self.family.lock().members(Pid(group)).cloned().collect()
    }
}

impl JobControl for Kernel {
    fn caller(&self) -> Option<Job> {
        let pid = self.current_process()?.pid;
        let family = self.family.lock();
        let (_, group, session) = family.place(pid)?;
        Some(Job {
            group: group.0,
            session: session.0,
            leads_session: session == pid,
            orphaned: family.is_orphaned(group),
        })
    }

    fn shields(&self, signal: u32) -> bool {
        let thread = self.current_process().and_then(|process| process.thread());
        let Some(thread) = thread else { return false };
        if thread.signals.lock().mask.has(signal) {
            return true;
        }
        let parts = thread.parts.lock().clone();
        parts.is_some_and(|parts| parts.actions.lock().get(signal).sa_handler == SIG_IGN)
    }

    fn terminal(&self) -> Option<Arc<Tty>> {
        self.current_process()?.terminal.lock().clone()
    }

    fn set_terminal(&self, tty: Option<Arc<Tty>>) {
        if let Some(process) = self.current_process() {
            process.lost_foreground.store(0, Relaxed);
            let old = core::mem::replace(&mut *process.terminal.lock(), tty);
            drop(old);
        }
    }

    fn session_of(&self, group: i32) -> Option<i32> {
        let family = self.family.lock();
        let member = family.members(Pid(group)).next().map(|process| process.pid);
        family.place(member.unwrap_or(Pid(group))).map(|(_, _, session)| session.0)
    }

    fn signal_group(&self, group: i32, signal: u32) {
        for process in self.members(group) {
            process.send(&Pending::kernel_info(signal));
        }
    }

    fn hang_up_leader(&self, session: i32, foreground: i32) {
        let leader = self.family.lock().get(Pid(session)).cloned();
        if let Some(leader) = leader {
            leader.lost_foreground.store(foreground, Relaxed);
            leader.send(&Pending::kernel_info(SIGHUP));
            leader.send(&Pending::kernel_info(SIGCONT));
        }
    }

    fn clear_terminals(&self, session: i32) {
        let all: Vec<Arc<Process>> = {
            let family = self.family.lock();
            let belongs = |pid: Pid| family.place(pid).is_some_and(|place| place.2.0 == session);
            family.iter().filter(|(pid, _)| belongs(*pid)).map(|(_, p)| p.clone()).collect()
        };
        for process in all {
            let old = process.terminal.lock().take();
            drop(old);
        }
    }
}
