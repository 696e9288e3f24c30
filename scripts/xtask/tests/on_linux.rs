//! The harness itself, tried on the reference kernel: what a program writes and how it ends must
//! come back exactly, whatever happens to it or to the kernel.

use std::path::Path;
use std::time::{Duration, Instant};
use xtask::exec::{self, Exit, Kernel, NoSuchProgram, Options, Outcome, Stdin};
use xtask::qemu::{self, Machine, Vm};
use xtask::{image, linux};

fn options(argv: &[&str]) -> Options {
    Options {
        kernel: Kernel::Linux,
        timeout: Some(Duration::from_secs(60)),
        argv: argv.iter().map(|arg| (*arg).to_owned()).collect(),
        ..Options::default()
    }
}

fn sh(script: &str) -> Outcome {
    exec::run(&options(&["sh", "-c", script])).unwrap()
}

#[test]
fn streams_and_status_are_exact() {
    let outcome = sh("echo out; echo err >&2; printf '%s' \"$HOME:$PWD\"; exit 7");
    assert_eq!(outcome.status, Exit::Code(7));
    assert_eq!(outcome.stdout, b"out\n/root:/");
    assert_eq!(outcome.stderr, b"err\n");
}

#[test]
fn every_byte_passes_both_ways() {
    let bytes: Vec<u8> = (0..200_000u32).map(|i| (i ^ i >> 8 ^ i >> 13) as u8).collect();
    let stdin = Stdin::Bytes(bytes.clone());
    let outcome = exec::run(&Options { stdin, smp: 2, ..options(&["cat"]) }).unwrap();
    assert_eq!(outcome.status, Exit::Code(0));
    assert!(outcome.stdout == bytes);
    assert_eq!(outcome.stderr, b"");
}

#[test]
fn input_that_nobody_reads_does_not_matter() {
    let stdin = Stdin::Bytes(vec![b'x'; 500_000]);
    let outcome = exec::run(&Options { stdin, ..options(&["true"]) }).unwrap();
    assert_eq!(outcome.status, Exit::Code(0));
}

#[test]
fn a_signal_is_told_apart_from_an_exit() {
    let outcome = sh("kill -SEGV $$");
    assert_eq!(outcome.status, Exit::Signal(11));
    assert_eq!(outcome.status.status(), 139);
}

#[test]
fn children_left_behind_hold_nothing_up() {
    let start = Instant::now();
    let outcome = sh("sleep 1000 & yes > /dev/null & echo done");
    assert_eq!((outcome.status, outcome.stdout.as_slice()), (Exit::Code(0), &b"done\n"[..]));
    assert!(start.elapsed() < Duration::from_secs(60));
}

#[test]
fn time_can_be_up() {
    let timeout = Some(Duration::from_secs(5));
    let script = ["sh", "-c", "echo begun; sleep 1000"];
    let outcome = exec::run(&Options { timeout, ..options(&script) }).unwrap();
    assert_eq!(outcome.status, Exit::Timeout);
    assert_eq!(outcome.stdout, b"begun\n");
}

#[test]
fn a_dead_kernel_is_no_status_of_the_program() {
    let outcome = sh("echo last words; echo c > /proc/sysrq-trigger");
    assert_eq!(outcome.status, Exit::KernelDied);
    let log = String::from_utf8_lossy(&outcome.log);
    assert!(log.contains("Kernel panic - not syncing: sysrq triggered crash"), "{log}");
}

#[test]
fn a_kernel_that_panics_and_stands_still_is_dead() {
    let append = "panic=0".into();
    let script = ["sh", "-c", "echo c > /proc/sysrq-trigger"];
    let start = Instant::now();
    let outcome = exec::run(&Options { append, ..options(&script) }).unwrap();
    assert_eq!(outcome.status, Exit::KernelDied);
    assert!(start.elapsed() < Duration::from_secs(60), "it was not noticed");
}

#[test]
fn a_dynamic_program_of_this_machine_runs() {
    // The test itself: it lists its tests and needs libc and libgcc.
    let this = std::env::current_exe().unwrap();
    let this = this.to_str().unwrap();
    let outcome = exec::run(&options(&[this, "--list"])).unwrap();
    assert_eq!(outcome.status, Exit::Code(0), "{}", String::from_utf8_lossy(&outcome.stderr));
    let list = String::from_utf8(outcome.stdout).unwrap();
    assert!(list.contains("a_dynamic_program_of_this_machine_runs: test"));
}

#[test]
fn files_and_environment_are_brought_in_on_microvm() {
    let outcome = exec::run(&Options {
        machine: Machine::Microvm,
        adds: vec![(Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "/data/src".into())],
        env: vec!["WORD=two words".into()],
        ..options(&["sh", "-c", "cat /data/src/lib.rs; echo $WORD"])
    })
    .unwrap();
    let expected = format!("{}two words\n", include_str!("../src/lib.rs"));
    assert_eq!(String::from_utf8(outcome.stdout).unwrap(), expected);
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let error = exec::run(&options(&["no-such-program"])).unwrap_err();
    assert_eq!(error.downcast_ref(), Some(&NoSuchProgram("no-such-program".into())));
}

#[test]
fn an_initramfs_boots_without_the_runner() {
    let mut tree = image::base().unwrap();
    let script = "#!/bin/sh\necho the log has this\npoweroff -f\n";
    tree.file("/init", 0o755, script.into());
    let initrd = qemu::initrd_file(&tree.pack()).unwrap();
    let vm = Vm {
        kernel: linux::kernel().unwrap(),
        initrd: Some(initrd.path().to_owned()),
        append: "console=ttyS0 panic=-1 quiet".into(),
        smp: 1,
        mem_mib: 256,
        ..Vm::default()
    };
    let booted = qemu::boot(&vm, Duration::from_secs(60)).unwrap();
    assert!(booted.status.is_some_and(|status| status.success()));
    assert!(String::from_utf8_lossy(&booted.log).contains("the log has this"));
    let hung = qemu::boot(&Vm { append: "rdinit=/none".into(), ..vm }, Duration::from_millis(300));
    assert_eq!(hung.unwrap().status, None);
}
