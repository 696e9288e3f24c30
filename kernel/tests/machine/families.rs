//! Parents and children: wait statuses, zombies, orphans, and the end of init.

use crate::support::{Boot, run};
use abi::errno::{ECHILD, ESRCH};
use abi::fs::OpenFlags;
use abi::nr;
use abi::process::{WAIT_CONTINUED, WaitOptions, wait_exited, wait_signaled, wait_stopped};
use abi::signal::{SIGCHLD, SIGCONT, SIGKILL, SIGSTOP, SaFlags};

#[test]
fn wait_tells_how_a_child_ended() {
    run(|u| {
        assert_eq!(u.getpid(), 1);
        assert_eq!(u.wait4(-1, WaitOptions::EMPTY), Err(ECHILD));
        for code in [0, 1, 255] {
            assert_eq!(u.in_child(move |_| code), Ok(wait_exited(code as u8)));
        }
        let child = u.fork(|u| u.getppid()).unwrap();
        assert_eq!(u.wait4(-1, WaitOptions::EMPTY), Ok((child, wait_exited(1))));
        assert_eq!(u.wait4(child, WaitOptions::EMPTY), Err(ECHILD));
        let child = u
            .fork(|u| {
                let _ = u.call(nr::pause, []);
                0
            })
            .unwrap();
        assert_eq!(u.wait4(child, WaitOptions::NOHANG), Ok((0, 0)));
        u.kill(child, SIGKILL).unwrap();
        assert_eq!(u.wait4(0, WaitOptions::EMPTY), Ok((child, wait_signaled(SIGKILL, false))));
    });
}

#[test]
fn a_zombie_stays_until_it_is_waited_for() {
    run(|u| {
        let (reader, writer) = u.pipe2(OpenFlags::EMPTY).unwrap();
        let child = u.fork(|_| 5).unwrap();
        u.close(writer).unwrap();
        assert_eq!(u.read(reader, 1), Ok(vec![]), "its descriptors are closed");
        assert_eq!(u.kill(child, 0), Ok(0));
        assert_eq!(u.wait4(child, WaitOptions::EMPTY), Ok((child, wait_exited(5))));
        assert_eq!(u.kill(child, 0), Err(ESRCH));
    });
}

#[test]
fn who_ignores_its_children_never_sees_them() {
    run(|u| {
        u.sigaction(SIGCHLD, 1, SaFlags::EMPTY).unwrap();
        let child = u.fork(|_| 5).unwrap();
        assert_eq!(u.wait4(child, WaitOptions::EMPTY), Err(ECHILD));
        assert_eq!(u.kill(child, 0), Err(ESRCH));
    });
}

#[test]
fn init_adopts_orphans() {
    run(|u| {
        let (reader, writer) = u.pipe2(OpenFlags::EMPTY).unwrap();
        let status = u.in_child(move |u| {
            u.fork(move |u| {
                while u.getppid() != 1 {
                    u.nanosleep(1_000_000).unwrap();
                }
                u.write(writer, b"x").unwrap();
                4
            })
            .map_or(1, |_| 0)
        });
        assert_eq!(status, Ok(0));
        assert_eq!(u.read(reader, 1), Ok(b"x".into()));
        let (orphan, status) = u.wait4(-1, WaitOptions::EMPTY).unwrap();
        assert!(orphan > 2);
        assert_eq!(status, wait_exited(4));
    });
}

#[test]
fn children_stop_and_go_on() {
    run(|u| {
        let child = u
            .fork(|u| {
                let _ = u.call(nr::pause, []);
                0
            })
            .unwrap();
        u.kill(child, SIGSTOP).unwrap();
        assert_eq!(u.wait4(child, WaitOptions::STOPPED), Ok((child, wait_stopped(SIGSTOP))));
        assert_eq!(u.wait4(child, WaitOptions::STOPPED | WaitOptions::NOHANG), Ok((0, 0)));
        u.kill(child, SIGCONT).unwrap();
        assert_eq!(u.wait4(child, WaitOptions::CONTINUED), Ok((child, WAIT_CONTINUED)));
        u.kill(child, SIGSTOP).unwrap();
        u.kill(child, SIGKILL).unwrap();
        let told = u.wait4(child, WaitOptions::EMPTY);
        assert_eq!(told, Ok((child, wait_signaled(SIGKILL, false))));
    });
}

#[test]
fn many_children_come_and_go() {
    run(|u| {
        for round in 0..3 {
            let children: Vec<i32> = (0..12)
                .map(|n| u.fork(move |u| u.call(nr::sched_yield, []).map_or(99, |_| n)).unwrap())
                .collect();
            let mut seen = Vec::new();
            while let Ok((pid, status)) = u.wait4(-1, WaitOptions::EMPTY) {
                seen.push((pid, status));
            }
            seen.sort_unstable();
            let want: Vec<_> =
                children.iter().zip(0..).map(|(&pid, n)| (pid, wait_exited(n))).collect();
            assert_eq!(seen, want, "in round {round}");
        }
    });
}

#[test]
fn the_end_of_init_is_the_end() {
    for (code, want) in [(0, "0x00000000"), (7, "0x00000700")] {
        let run = Boot::new(move |u| {
            let _ = u.call(nr::exit_group, [code]);
        })
        .run();
        let why = run.end.unwrap_err();
        let text = format!("Kernel panic - not syncing: Attempted to kill init! exitcode={want}");
        assert!(why.starts_with(&text), "{why}");
        assert!(why.contains("PID: 1 Comm: init"), "{why}");
    }
}

#[test]
fn a_fault_of_init_is_the_end() {
    let run = Boot::new(|u| _ = u.load_u64(0)).run();
    let why = run.end.unwrap_err();
    assert!(why.contains("Attempted to kill init! exitcode=0x0000000b"), "{why}");
}
