//! Sleeping until a time.

use crate::support::run;
use abi::nr;
use abi::process::WaitOptions;
use abi::signal::{SIGALRM, SaFlags};

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
        assert_eq!(u.nanosleep(HOUR), Err(abi::errno::EINTR));
        let slept = u.now() - before;
        assert!((5_000_000_000..HOUR).contains(&slept), "{slept}");
    });
}
