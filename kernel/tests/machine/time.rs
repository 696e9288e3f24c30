//! Sleeping until a time.

use crate::support::run;
use abi::errno::{EINTR, EINVAL};
use abi::nr;
use abi::process::WaitOptions;
use abi::signal::{SIGALRM, SaFlags};
use abi::time::{CLOCK_REALTIME, Timespec};

const HOUR: i64 = 3_600_000_000_000;

#[test]
fn nanosleep_takes_its_time() {
    run(|u| {
        // A day would take long if an idle CPU ticked.
        for ns in [1, 1_000_000, 24 * HOUR] {
            let before = u.now();
            u.nanosleep(ns).unwrap();
            assert!(u.now() - before >= ns);
        }
    });
}

#[test]
fn sleepers_wake_in_order() {
    run(|u| {
        let start = u.now();
        let sleeper = |seconds: i64| {
            move |u: &mut crate::support::User| {
                u.nanosleep(seconds * 1_000_000_000).map_or(99, |_| seconds as i32)
            }
        };
        let slow = u.fork(sleeper(60)).unwrap();
        let fast = u.fork(sleeper(30)).unwrap();
        assert_eq!(u.wait4(-1, WaitOptions::EMPTY).unwrap().0, fast);
        assert_eq!(u.wait4(-1, WaitOptions::EMPTY).unwrap().0, slow);
        assert!(u.now() - start >= 60_000_000_000);
    });
}

#[test]
fn an_alarm_interrupts() {
    run(|u| {
        u.on_signal(SIGALRM, SaFlags::EMPTY, |_, _| {}).unwrap();
        let before = u.now();
        u.call(nr::alarm, [5]).unwrap();
        assert_eq!(u.nanosleep(HOUR), Err(EINTR));
        let slept = u.now() - before;
        assert!((5_000_000_000..HOUR).contains(&slept), "{slept}");
    });
}

#[test]
fn the_clock_can_be_set_but_not_to_its_end() {
    run(|u| {
        let set = |u: &mut crate::support::User, tv_sec| {
            u.call_with(nr::clock_settime, CLOCK_REALTIME.into(), &Timespec { tv_sec, tv_nsec: 0 })
        };
        assert_eq!(set(u, i64::MAX / 1_000_000_000), Err(EINVAL));
        assert_eq!(set(u, -1), Err(EINVAL));
        assert_eq!(set(u, 1 << 32), Ok(0));
        assert!((1 << 32..(1 << 32) + 60).contains(&u.call(nr::time, [0]).unwrap()));
    });
}
