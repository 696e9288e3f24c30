//! Boots kernels for tests: a machine, an initramfs of tiny programs, and what came of it.

mod elf;
mod user;

pub use user::User;

use abi::nr;
use hal::host::{Abi, Config, End, Machine};
use kernel::process::Kernel;
use std::sync::Arc;

/// Where the first program lies; each has a page.
const FIRST: u64 = 0x40_0000;

/// What a machine boots with.
pub struct Boot {
    machine: Config,
    root: initramfs::Tree,
    bodies: Vec<(u64, hal::host::Body)>,
}

/// A machine that has been run.
pub struct Run {
    /// How it ended.
    pub end: Result<End, String>,
    /// What it wrote to its serial console.
    pub console: String,
}

impl Boot {
    /// A machine whose `/init` is `init`; when that returns, the machine is turned off.
    pub fn new(init: impl Fn(&mut User) + Send + Sync + 'static) -> Boot {
        let abi = Abi { exit_group: nr::exit_group as u64, rt_sigreturn: nr::rt_sigreturn as u64 };
        let mut boot = Boot {
            machine: Config {
                // Without chance in its address spaces a kernel does the same each time.
                cmdline: b"console=ttyS0 norandmaps".to_vec(),
                ..Config::new(abi)
            },
            root: initramfs::Tree::new(),
            bodies: Vec::new(),
        };
        boot.root.dir("/tmp", 0o1777);
        boot.program("/init", move |u| {
            init(u);
            u.power_off()
        })
    }

    /// Also has a program at `path`; its value is its exit code.
    pub fn program(
        mut self,
        path: &str,
        body: impl Fn(&mut User) -> i32 + Send + Sync + 'static,
    ) -> Boot {
        let entry = FIRST + self.bodies.len() as u64 * 0x1000;
        self.root.file(path, 0o755, elf::program(entry));
        self.bodies.push((entry, Arc::new(move |raw| body(&mut User::new(raw)))));
        self
    }

    /// Also has a file.
    pub fn file(mut self, path: &str, mode: u32, data: &[u8]) -> Boot {
        self.root.file(path, mode, data.to_vec());
        self
    }

    /// Adds words to the kernel's command line.
    pub fn cmdline(mut self, words: &str) -> Boot {
        self.machine.cmdline.push(b' ');
        self.machine.cmdline.extend_from_slice(words.as_bytes());
        self
    }

    /// With so many CPUs.
    pub fn cpus(mut self, cpus: usize) -> Boot {
        self.machine.cpus = cpus;
        self
    }

    /// With so many frames of memory.
    pub fn frames(mut self, frames: usize) -> Boot {
        self.machine.frames = frames;
        self
    }

    /// Frames that the initial RAM disk takes.
    pub fn disk_frames(&self) -> usize {
        self.root.pack().len().div_ceil(4096)
    }

    /// The machine, not yet started.
    pub fn machine(mut self) -> Machine {
        self.machine.initrd = Some(self.root.pack());
        // Kernels live as long as their machine, which is for ever.
        let kernel: &'static Kernel = Box::leak(Box::new(Kernel::new()));
        let machine = Machine::new(kernel, self.machine);
        for (entry, body) in self.bodies {
            machine.program_at(entry, body);
        }
        machine
    }

    /// Runs it.
    pub fn run(self) -> Run {
        Run::of(&self.machine())
    }
}

impl Run {
    /// Runs `machine`.
    pub fn of(machine: &Machine) -> Run {
        let end = machine.run();
        let console = String::from_utf8_lossy(&machine.serial_output(0)).into_owned();
        Run { end, console }
    }
}

/// Boots a kernel with `init` as its first program, which must come to its end.
#[track_caller]
pub fn run(init: impl Fn(&mut User) + Send + Sync + 'static) {
    boot(Boot::new(init));
}

/// Runs a machine that must come to its end; what it wrote.
#[track_caller]
pub fn boot(boot: Boot) -> String {
    let Run { end, console } = boot.run();
    assert_eq!(end, Ok(End::Off), "the console:\n{console}");
    console
}
