//! execve(2): programs that take the place of programs.

use crate::support::{Boot, boot};
use abi::errno::{EACCES, ENOENT, ENOEXEC};
use abi::fs::OpenFlags;
use abi::process::{WaitOptions, wait_exited};
use abi::signal::{SIGUSR1, SaFlags};

#[test]
fn a_child_becomes_another_program() {
    boot(
        Boot::new(|u| {
            let (reader, writer) = u.pipe2(OpenFlags::EMPTY).unwrap();
            let closed = u.pipe2(OpenFlags::CLOEXEC).unwrap().0;
            let child = u
                .fork(move |u| {
                    u.on_signal(SIGUSR1, SaFlags::EMPTY, |_, _| {}).unwrap();
                    let (writer, closed) = (writer.to_string(), closed.to_string());
                    let why = u.execve("/bin/second", &["second", &writer, &closed]);
                    why.0.into()
                })
                .unwrap();
            u.close(writer).unwrap();
            assert_eq!(u.read(reader, 100), Ok(b"I am second".into()));
            assert_eq!(u.wait4(child, WaitOptions::EMPTY), Ok((child, wait_exited(17))));
        })
        .program("/bin/second", |u| {
            let args = u.args();
            let number = |at: usize| args[at].parse::<i32>().unwrap();
            assert!(u.close(number(2)).is_err(), "closed on exec");
            u.write(number(1), format!("I am {}", args[0]).as_bytes()).unwrap();
            17
        }),
    );
}

#[test]
fn what_is_no_program_is_refused() {
    boot(
        Boot::new(|u| {
            assert_eq!(u.execve("/none", &["none"]), ENOENT);
            assert_eq!(u.execve("/text", &["text"]), ENOEXEC);
            assert_eq!(u.execve("/plain", &["plain"]), EACCES);
            assert_eq!(u.execve("/tmp", &["tmp"]), EACCES);
        })
        .file("/text", 0o755, b"just words")
        .file("/plain", 0o644, b"just words"),
    );
}

#[test]
fn a_script_names_its_interpreter() {
    boot(
        Boot::new(|u| {
            let status = u.in_child(|u| u.execve("/script", &["x", "more"]).0.into());
            assert_eq!(status, Ok(wait_exited(3)));
        })
        .file("/script", 0o755, b"#!/bin/sh -e\n")
        .program("/bin/sh", |u| {
            assert_eq!(u.args(), ["/bin/sh", "-e", "/script", "more"]);
            3
        }),
    );
}

#[test]
fn init_gets_the_words_of_the_command_line() {
    let console = boot(
        Boot::new(|u| {
            let all = u.args().join(" ");
            u.write(1, all.as_bytes()).unwrap();
        })
        .cmdline("single quiet -- --last"),
    );
    assert!(console.contains("/init single --last"), "{console}");
}
