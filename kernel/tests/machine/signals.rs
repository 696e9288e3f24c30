//! Signals: handlers, restarts, masks, and what happens to those who have none.

use crate::support::run;
use abi::errno::{EINTR, EINVAL};
use abi::fs::OpenFlags;
use abi::mm::Prot;
use abi::nr;
use abi::process::{WaitOptions, wait_exited, wait_signaled};
use abi::signal::{
    SIG_BLOCK, SIG_SETMASK, SIGCHLD, SIGHUP, SIGKILL, SIGSEGV, SIGTERM, SIGUSR1, SIGUSR2, SaFlags,
    SigSet,
};

const RW: Prot = Prot::READ.with(Prot::WRITE);

#[test]
fn a_handler_runs_and_comes_back() {
    run(|u| {
        let at = u.mmap(0x1000, RW).unwrap();
        u.on_signal(SIGUSR1, SaFlags::EMPTY, move |u, sig| {
            let before = u.load_u64(at);
            u.store_u64(at, before + u64::from(sig));
        })
        .unwrap();
        let me = u.getpid();
        assert_eq!(u.kill(me, SIGUSR1), Ok(0));
        assert_eq!(u.load_u64(at), u64::from(SIGUSR1));
        assert_eq!(u.kill(me, SIGUSR1), Ok(0));
        assert_eq!(u.load_u64(at), 2 * u64::from(SIGUSR1));
    });
}

/// A child reads from a pipe; a signal comes; then a byte. What the child's read said is its exit
/// code: 0 for the byte, else the error.
fn interrupted_read(flags: SaFlags) {
    run(move |u| {
        let (reader, writer) = u.pipe2(OpenFlags::EMPTY).unwrap();
        let (ready_in, ready_out) = u.pipe2(OpenFlags::EMPTY).unwrap();
        let at = u.mmap_shared(0x1000).unwrap();
        let child = u
            .fork(move |u| {
                u.on_signal(SIGUSR1, flags, move |u, _| u.store_u64(at, 1)).unwrap();
                u.write(ready_out, b"x").unwrap();
                match u.read(reader, 1) {
                    Ok(bytes) if bytes == b"y" => 0,
                    Ok(_) => 255,
                    Err(why) => why.0.into(),
                }
            })
            .unwrap();
        u.read(ready_in, 1).unwrap();
        // By then it sleeps in read(2): the clock stands still while anybody runs.
        u.nanosleep(50_000_000).unwrap();
        u.kill(child, SIGUSR1).unwrap();
        while u.load_u64(at) == 0 {
            u.nanosleep(1_000_000).unwrap();
        }
        u.nanosleep(50_000_000).unwrap();
        u.write(writer, b"y").unwrap();
        let want = if flags.has(SaFlags::RESTART) { 0 } else { EINTR.0 as u8 };
        assert_eq!(u.wait4(child, WaitOptions::EMPTY), Ok((child, wait_exited(want))));
    });
}

#[test]
fn a_signal_interrupts_a_read() {
    interrupted_read(SaFlags::EMPTY);
}

#[test]
fn sa_restart_goes_on_reading() {
    interrupted_read(SaFlags::RESTART);
}

#[test]
fn a_blocked_signal_waits() {
    run(|u| {
        let at = u.mmap(0x1000, RW).unwrap();
        u.on_signal(SIGUSR2, SaFlags::EMPTY, move |u, _| u.store_u64(at, 1)).unwrap();
        let old = u.sigprocmask(SIG_BLOCK, SigSet::of(&[SIGUSR2])).unwrap();
        assert!(old.is_empty());
        let me = u.getpid();
        u.kill(me, SIGUSR2).unwrap();
        assert_eq!(u.load_u64(at), 0);
        assert_eq!(u.sigprocmask(SIG_SETMASK, old), Ok(SigSet::of(&[SIGUSR2])));
        assert_eq!(u.load_u64(at), 1);
    });
}

#[test]
fn handlers_nest_unless_blocked() {
    run(|u| {
        let at = u.mmap(0x1000, RW).unwrap();
        u.on_signal(SIGUSR1, SaFlags::EMPTY, move |u, _| {
            let me = u.getpid();
            let depth = u.load_u64(at);
            u.store_u64(at, depth + 1);
            // Its own signal has to wait until it returns, the other one does not.
            if depth == 0 {
                u.kill(me, SIGUSR1).unwrap();
            }
            assert_eq!(u.load_u64(at), depth + 1);
            u.kill(me, SIGUSR2).unwrap();
            assert_eq!(u.load_u64(at + 8), depth + 1);
        })
        .unwrap();
        u.on_signal(SIGUSR2, SaFlags::EMPTY, move |u, _| {
            let before = u.load_u64(at + 8);
            u.store_u64(at + 8, before + 1);
        })
        .unwrap();
        let me = u.getpid();
        u.kill(me, SIGUSR1).unwrap();
        assert_eq!((u.load_u64(at), u.load_u64(at + 8)), (2, 2));
    });
}

#[test]
fn a_handler_can_mend_a_fault() {
    run(|u| {
        let at = u.mmap(0x1000, Prot::NONE).unwrap();
        u.on_signal(SIGSEGV, SaFlags::SIGINFO, move |u, _| {
            u.mprotect(at, 0x1000, RW).unwrap();
        })
        .unwrap();
        u.store_u64(at, 3);
        assert_eq!(u.load_u64(at), 3);
    });
}

#[test]
fn signals_end_those_who_do_not_care() {
    run(|u| {
        for sig in [SIGTERM, SIGKILL, SIGHUP] {
            let child = u
                .fork(|u| {
                    let _ = u.call(nr::pause, []);
                    1
                })
                .unwrap();
            u.nanosleep(1_000_000).unwrap();
            u.kill(child, sig).unwrap();
            let told = u.wait4(child, WaitOptions::EMPTY);
            assert_eq!(told, Ok((child, wait_signaled(sig, false))));
        }
        assert_eq!(u.sigaction(SIGKILL, 1, SaFlags::EMPTY), Err(EINVAL));
        // Init has no handler for it, so nothing happens.
        let me = u.getpid();
        u.kill(me, SIGTERM).unwrap();
        u.kill(me, SIGKILL).unwrap();
    });
}

#[test]
fn the_end_of_a_child_is_a_signal() {
    run(|u| {
        let at = u.mmap(0x1000, RW).unwrap();
        u.on_signal(SIGCHLD, SaFlags::RESTART, move |u, _| u.store_u64(at, 1)).unwrap();
        assert_eq!(u.in_child(|_| 3), Ok(wait_exited(3)));
        assert_eq!(u.load_u64(at), 1);
    });
}
