//! System calls with arguments that nobody chose. Whatever comes of a program that makes them, the
//! kernel neither panics nor hangs. The seeds are fixed: a failure comes again.

use crate::support::{Boot, User, boot};
use abi::mm::Prot;
use abi::nr;
use abi::process::WaitOptions;
use abi::signal::SIGKILL;
use kernel::syscall::table::IMPLEMENTED;

/// Calls that would end the program or the machine.
const ENDS: &[usize] = &[nr::exit, nr::exit_group, nr::reboot, nr::rt_sigreturn];
/// Calls that a program makes.
const CALLS: usize = 300;

/// Marsaglia's xorshift.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }

    /// Something that an argument could be; `memory` is a place to point to.
    fn argument(&mut self, memory: u64) -> u64 {
        const EDGES: &[u64] = &[
            0,
            u64::MAX,
            i64::MAX as u64,
            i64::MIN as u64,
            u32::MAX as u64,
            i32::MAX as u64,
            0x7fff_ffff_f000,
            0x7fff_ffff_efff,
            0xffff_8000_0000_0000,
        ];
        match self.below(10) {
            0 => self.one(EDGES),
            1 => self.one(EDGES).wrapping_sub(self.below(16)),
            2 => self.next(),
            3 => 1 << self.below(64),
            4 => self.below(0x3000),
            5 | 6 => self.below(8),
            _ => memory + self.below(0x3000),
        }
    }
}

/// Makes calls until it has made enough, or was ended by one of them.
fn make_calls(u: &mut User, seed: u64) -> i32 {
    let mut random = Random(seed);
    let Ok(memory) = u.mmap(0x2000, Prot::READ | Prot::WRITE) else { return 1 };
    for _ in 0..CALLS {
        for _ in 0..4 {
            let (at, value) = (random.below(0x200) * 8, random.argument(memory));
            u.store_u64(memory + at, value);
        }
        let path = random.one(&["/tmp", "/tmp/a", "/tmp/b/c", "/dev/zero", "/dev/tty", "/init"]);
        u.store(memory + 0x800, &[path.as_bytes(), b"\0"].concat());
        let (nr, _) = random.one(IMPLEMENTED);
        if ENDS.contains(&nr) {
            continue;
        }
        let mut args = [(); 6].map(|()| random.argument(memory));
        if random.below(2) == 0 {
            args[random.below(2) as usize] = memory + 0x800;
        }
        let _ = u.call(nr, args);
    }
    0
}

/// Programs with the seeds from `first`, one after the other.
fn run(first: u64) {
    boot(
        Boot::new(move |u| {
            for seed in first..first + 10 {
                let seed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                let child = u.fork(move |u| make_calls(u, seed)).unwrap();
                for _ in 0..100 {
                    if u.wait4(child, WaitOptions::NOHANG) != Ok((0, 0)) {
                        break;
                    }
                    u.nanosleep(10_000_000).unwrap();
                }
                // It may sleep for ever, and so may its children.
                let _ = u.kill(-1, SIGKILL);
                while u.wait4(-1, WaitOptions::EMPTY).is_ok() {}
            }
        })
        .cmdline("loglevel=3"),
    );
}

#[test]
fn calls_at_random() {
    run(1);
}

#[test]
fn more_calls_at_random() {
    run(1000);
}
