//! `eclipse.trace`: system calls in the log, as strace shows them.

use crate::support::{Boot, boot};
use abi::fs::OpenFlags;

#[test]
fn calls_are_traced() {
    let console = boot(
        Boot::new(|u| {
            let fd = u.open("/tmp/f", OpenFlags::CREAT | OpenFlags::WRONLY, 0o600).unwrap();
            u.write(fd, b"words\n").unwrap();
            let _ = u.open("/none", OpenFlags::RDONLY, 0);
        })
        .cmdline("debug eclipse.trace"),
    );
    for want in ["openat(AT_FDCWD, \"/tmp/f\"", "write(3, \"words\\n\", 6) = 6", "= -1 ENOENT"] {
        assert!(console.contains(want), "no {want}:\n{console}");
    }
}
