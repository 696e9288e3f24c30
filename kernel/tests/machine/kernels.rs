//! Kernels side by side in one process share nothing.

use crate::support::{Boot, Run};
use abi::fs::OpenFlags;
use abi::process::wait_exited;
use hal::host::End;

#[test]
fn several_kernels_run_in_one_process() {
    let runners: Vec<_> = (0..4_u8)
        .map(|n| {
            let boot = Boot::new(move |u| {
                let fd = u.open("/tmp/who", OpenFlags::CREAT | OpenFlags::EXCL, 0o600);
                assert_eq!(u.close(fd.unwrap()), Ok(0));
                for _ in 0..5 {
                    let status = u.in_child(move |u| {
                        u.nanosleep(1_000_000_000).unwrap();
                        assert_eq!(u.getppid(), 1);
                        n.into()
                    });
                    assert_eq!(status, Ok(wait_exited(n)));
                }
                u.write(1, format!("I am {n}\n").as_bytes()).unwrap();
            });
            std::thread::spawn(move || boot.cpus(usize::from(n) % 3 + 1).run())
        })
        .collect();
    for (n, runner) in runners.into_iter().enumerate() {
        let Run { end, console } = runner.join().unwrap();
        assert_eq!(end, Ok(End::Off), "{console}");
        assert!(console.contains(&format!("I am {n}\r\n")), "{console}");
    }
}
