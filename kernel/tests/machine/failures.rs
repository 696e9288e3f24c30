//! Memory that runs out: each request for a frame, and each for a place on the heap, fails once.
//!
//! Whatever a program is told or becomes of it, the kernel goes on, and when the program is gone it
//! holds as much memory as before.

use crate::support::{Boot, Run, User, boot};
use abi::errno::{ECHILD, Result};
use abi::fs::OpenFlags;
use abi::mm::{MapFlags, Prot};
use abi::nr;
use abi::poll::PollEvents;
use abi::process::{WaitOptions, wait_signaled};
use abi::signal::{SIGKILL, SIGUSR1, SaFlags};
use hal::host::{End, Machine};
use std::sync::{Arc, OnceLock};

const RW: Prot = Prot::READ.with(Prot::WRITE);
/// So many requests never come.
const NEVER: u64 = u64::MAX / 2;

/// What is refused.
#[derive(Clone, Copy)]
enum Refused {
    Frames,
    Admissions,
}

impl Refused {
    fn at(self, machine: &Machine, n: u64) {
        match self {
            Refused::Frames => machine.fail_frame_at(n),
            Refused::Admissions => machine.fail_admit_at(n),
        }
    }

    fn asked(self, machine: &Machine) -> u64 {
        match self {
            Refused::Frames => machine.frame_requests(),
            Refused::Admissions => machine.admissions(),
        }
    }
}

/// A program that lets nothing surprise it.
type Program = fn(&mut User) -> Result<()>;

/// Runs `program` as a child and waits for whomever it leaves; whether it succeeded.
fn attempt(u: &mut User, program: Program) -> bool {
    let child = u.fork(move |u| if program(u).is_ok() { 0 } else { 1 });
    let mut succeeded = false;
    loop {
        match u.wait4(-1, WaitOptions::EMPTY) {
            Ok((pid, status)) => succeeded |= Ok(pid) == child && status == 0,
            Err(ECHILD) => return succeeded,
            // The status of a child could not be stored: the child is gone all the same.
            Err(_) => {}
        }
    }
}

/// Removes the files that a program has left.
fn clean_up(u: &mut User) {
    for (nr, path) in [(nr::unlink, "/tmp/f"), (nr::unlink, "/tmp/d/g"), (nr::rmdir, "/tmp/d")] {
        let _ = u.path_call(nr, path, [0, 0]);
    }
}

/// Lets every request fail that `program` makes, one in each run.
#[track_caller]
fn survives(what: Refused, program: Program) {
    let known = Arc::new(OnceLock::<Machine>::new());
    let of_init = known.clone();
    let init = Boot::new(move |u| {
        let machine = of_init.get().unwrap();
        // What stays for good is there after the first run.
        assert!(attempt(u, program) && attempt(u, program));
        clean_up(u);
        u.nanosleep(1_000_000).unwrap();
        let held = machine.frames_held();
        for n in 1.. {
            let before = what.asked(machine);
            what.at(machine, n);
            let succeeded = attempt(u, program);
            let asked = what.asked(machine) - before;
            what.at(machine, NEVER);
            clean_up(u);
            u.nanosleep(1_000_000).unwrap();
            assert_eq!(machine.frames_held(), held, "after request {n} of {asked} had failed");
            if asked < n {
                assert!(n > 5 && succeeded, "{n} requests, and a program that does nothing");
                break;
            }
        }
    });
    let machine = init.program("/bin/second", second).machine();
    assert!(known.set(machine.clone()).is_ok());
    let Run { end, console } = Run::of(&machine);
    assert_eq!(end, Ok(End::Off), "the console:\n{console}");
}

fn forks(u: &mut User) -> Result<()> {
    let at = u.mmap(0x3000, RW)?;
    u.store_u64(at, 1);
    let (reader, writer) = u.pipe2(OpenFlags::EMPTY)?;
    let child = u.fork(move |u| {
        u.store_u64(at, 2);
        u.store_u64(at + 0x2000, 3);
        i32::from(u.write(writer, b"from the child").is_err())
    })?;
    u.close(writer)?;
    u.store_u64(at, 4);
    let read = u.read(reader, 100)?;
    let (_, status) = u.wait4(child, WaitOptions::EMPTY)?;
    if read == b"from the child" && status == 0 && u.load_u64(at) == 4 {
        Ok(())
    } else {
        Err(ECHILD)
    }
}

fn executes(u: &mut User) -> Result<()> {
    let status = u.in_child(|u| u.execve("/bin/second", &["second", "argument"]).0.into())?;
    if status == 0 { Ok(()) } else { Err(ECHILD) }
}

fn second(u: &mut User) -> i32 {
    let args = u.args();
    let end = u.brk(0);
    if u.brk(end + 0x2000) != end + 0x2000 {
        return 1;
    }
    u.store_u64(end + 0x1000, 1);
    i32::from(args != ["second", "argument"])
}

fn uses_files(u: &mut User) -> Result<()> {
    let fd = u.open("/tmp/f", OpenFlags::CREAT | OpenFlags::RDWR, 0o600)?;
    for page in 0..3 {
        u.write(fd, &[page; 4096])?;
    }
    u.call(nr::ftruncate, [fd as u64, 0x2800])?;
    let at = u.mmap_file(fd, 0x2000, RW, MapFlags::SHARED)?;
    u.store_u64(at + 0x1000, 5);
    let copy = u.mmap_file(fd, 0x2000, RW, MapFlags::PRIVATE)?;
    u.store_u64(copy, u64::MAX);
    u.path_call(nr::mkdir, "/tmp/d", [0o755, 0])?;
    u.paths_call(nr::rename, "/tmp/f", "/tmp/d/g")?;
    u.paths_call(nr::link, "/tmp/d/g", "/tmp/f")?;
    u.close(fd)?;
    clean_up(u);
    Ok(())
}

fn is_signalled(u: &mut User) -> Result<()> {
    let at = u.mmap_shared(0x1000)?;
    u.on_signal(SIGUSR1, SaFlags::RESTART, move |u, _| u.store_u64(at, 1))?;
    let me = u.getpid();
    u.kill(me, SIGUSR1)?;
    let (reader, writer) = u.pipe2(OpenFlags::EMPTY)?;
    u.poll(&[(reader, PollEvents::IN), (writer, PollEvents::OUT)], 10)?;
    u.poll(&[(reader, PollEvents::IN)], 10)?;
    u.nanosleep(1_000_000)?;
    if u.load_u64(at) == 1 { Ok(()) } else { Err(ECHILD) }
}

fn maps(u: &mut User) -> Result<()> {
    let at = u.mmap(0x10_0000, RW)?;
    for page in [0, 0x80_000, 0xf_f000] {
        u.store_u64(at + page, 1);
    }
    u.mprotect(at + 0x1000, 0x1000, Prot::READ)?;
    u.munmap(at + 0x4_0000, 0x1000)?;
    let bigger = u.call(nr::mremap, [at + 0x8_0000, 0x8_0000, 0x20_0000, 1])?;
    u.store_u64(bigger + 0x1f_f000, 1);
    u.munmap(bigger, 0x20_0000).map(|_| ())
}

macro_rules! survivals {
    ($($program:ident: $frames:ident, $admissions:ident;)*) => { $(
        #[test]
        fn $frames() {
            survives(Refused::Frames, $program);
        }

        #[test]
        fn $admissions() {
            survives(Refused::Admissions, $program);
        }
    )* };
}
survivals! {
    forks: fork_without_frames, fork_without_heap;
    executes: execve_without_frames, execve_without_heap;
    uses_files: files_without_frames, files_without_heap;
    is_signalled: signals_without_frames, signals_without_heap;
    maps: mappings_without_frames, mappings_without_heap;
}

/// Boots with every request failing once: the kernel comes up, or says why it cannot.
#[track_caller]
fn boots(what: Refused) {
    let new = || {
        Boot::new(|u| {
            let _ = u.write(1, b"up\n");
        })
    };
    let skip = match what {
        // Without its disk a machine is not even started.
        Refused::Frames => new().disk_frames() as u64,
        Refused::Admissions => 0,
    };
    let (mut ups, mut downs) = (0, 0);
    for n in 1.. {
        let machine = new().machine();
        what.at(&machine, skip + n);
        let Run { end, console } = Run::of(&machine);
        match end {
            Ok(end) => {
                ups += 1;
                assert_eq!(end, End::Off);
            }
            Err(why) => {
                downs += 1;
                let honest = why.starts_with("Kernel panic - not syncing: ")
                    && !why.contains("Attempted to kill init");
                assert!(honest, "request {n} failed: {why}\n{console}");
            }
        }
        if what.asked(&machine) < skip + n {
            break;
        }
    }
    assert!(ups > 3 && downs > 0, "{ups} came up, {downs} did not");
}

#[test]
fn who_takes_all_memory_is_killed() {
    let console = boot(
        Boot::new(|u| {
            for _ in 0..3 {
                let status = u.in_child(|u| {
                    for _ in 0..2 {
                        let at = u.mmap(400 * 4096, RW).unwrap();
                        for page in 0..400 {
                            u.store_u64(at + page * 4096, 1);
                        }
                    }
                    0
                });
                assert_eq!(status, Ok(wait_signaled(SIGKILL, false)));
            }
        })
        .frames(600),
    );
    assert!(console.contains("Out of memory: Killed process 2 (init)"), "{console}");
}

#[test]
fn boot_without_frames() {
    boots(Refused::Frames);
}

#[test]
fn boot_without_heap() {
    boots(Refused::Admissions);
}
