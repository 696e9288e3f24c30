//! Boots as anyone would do them by hand: no runner, an initramfs with a script or a shell as
//! PID 1, the first serial port as console, on every machine, with little memory and with much.

use crate::{log_end, single};
use anyhow::{Context, Result, ensure};
use initramfs::Tree;
use musl_tests::pool::Job;
use std::io::{Read, Write};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};
use xtask::exec::{self, Kernel};
use xtask::image;
use xtask::project;
use xtask::qemu::{self, Machine, Vm};

/// How long a boot and its few commands may take.
const LIMIT: Duration = Duration::from_secs(90);
/// How Linux ends when PID 1 does; the number is the wait status.
const INIT_DIED: &str = "Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000";

pub fn jobs(kernel: Kernel) -> Vec<Job> {
    // Linux unpacks 53 MB of itself first.
    let little = if kernel == Kernel::Eclipse { 32 } else { 128 };
    let mut machines = vec![(Machine::Q35, "q35"), (Machine::Pc, "pc")];
    if kernel == Kernel::Eclipse {
        // Debian's kernel mostly hangs on QEMU 7.2's microvm under TCG: it cannot calibrate its
        // timer ("tsc: Unable to calibrate against PIT").
        machines.push((Machine::Microvm, "microvm"));
    }
    let mut jobs = Vec::new();
    for (machine, name) in machines {
        for (mem_mib, size) in [(little, "small"), (4096, "large")] {
            let name = format!("boot/script_{name}_{size}");
            jobs.push(single(&name, move || script(kernel, machine, mem_mib)));
        }
        jobs.push(single(&format!("boot/shell_{name}"), move || shell(kernel, machine)));
    }
    jobs.push(single("boot/init_killed", move || init_killed(kernel)));
    jobs.push(single("boot/no_init", move || no_init(kernel)));
    if kernel == Kernel::Eclipse {
        jobs.push(single("boot/run_script", run_script));
    }
    jobs
}

fn vm(kernel: Kernel, machine: Machine, mem_mib: u32, append: &str) -> Result<Vm> {
    let append = format!("console=ttyS0 panic=-1 {append}");
    let kernel = exec::kernel_file(kernel)?;
    Ok(Vm { kernel, append, machine, smp: 1, mem_mib, ..Vm::default() })
}

/// The base tree with `/script`.
fn tree(script: &str) -> Result<Tree> {
    let mut tree = image::base()?;
    tree.file("/script", 0o755, script.as_bytes().to_vec());
    Ok(tree)
}

/// Boots the tree and answers the log; QEMU must have ended by itself.
fn log_of(mut vm: Vm, tree: &Tree) -> Result<String> {
    let initrd = qemu::initrd_file(&tree.pack())?;
    vm.initrd = Some(initrd.path().to_owned());
    let booted = qemu::boot(&vm, LIMIT)?;
    let log = String::from_utf8_lossy(&booted.log).into_owned();
    ensure!(booted.status.is_some(), "QEMU did not end\n{}", log_end(&booted.log));
    Ok(log)
}

fn has(log: &str, what: &str) -> Result<()> {
    ensure!(log.contains(what), "{what:?} is missing\n{}", log_end(log.as_bytes()));
    Ok(())
}

fn script(kernel: Kernel, machine: Machine, mem_mib: u32) -> Result<()> {
    let script = "#!/bin/sh\necho pid $$ says $((6 * 7))\n\
                  echo one two three | tr ' ' '\\n' | sort | tr '\\n' ' '\necho end\nexit 0\n";
    let log = log_of(vm(kernel, machine, mem_mib, "rdinit=/script")?, &tree(script)?)?;
    has(&log, "pid 1 says 42")?;
    has(&log, "one three two end")?;
    has(&log, &format!("{INIT_DIED}0000"))
}

fn init_killed(kernel: Kernel) -> Result<()> {
    let log =
        log_of(vm(kernel, Machine::Q35, 256, "rdinit=/script")?, &tree("#!/bin/sh\nexit 3\n")?)?;
    has(&log, &format!("{INIT_DIED}0300"))
}

/// A name that is not there is said so, and the usual places are not tried for `rdinit=`.
fn no_init(kernel: Kernel) -> Result<()> {
    let log = log_of(vm(kernel, Machine::Q35, 256, "rdinit=/nothing")?, &tree("")?)?;
    has(&log, "Kernel panic - not syncing:")
}

/// A shell on the serial line, typed at.
fn shell(kernel: Kernel, machine: Machine) -> Result<()> {
    let initrd = qemu::initrd_file(&image::base()?.pack())?;
    let mut vm = vm(kernel, machine, 256, "rdinit=/bin/sh")?;
    vm.initrd = Some(initrd.path().to_owned());
    let mut command = vm.command();
    command.args(["-serial", "stdio"]);
    talk(command, |console, keys| {
        console.wait_for("/ # ")?;
        keys.write_all(b"echo $((40 + 2)); cd /tmp\n")?;
        console.wait_for("42")?;
        console.wait_for("/tmp # ")?;
        keys.write_all(b"exit 5\n")?;
        console.wait_for(&format!("{INIT_DIED}0500"))
    })
}

/// The command for people: `scripts/run` says how to log in, has job control, and ends when told
/// to power off.
fn run_script() -> Result<()> {
    talk(Command::new(project::root().join("scripts/run")), |console, keys| {
        console.wait_for("Log in as root, without a password")?;
        console.wait_for("login: ")?;
        keys.write_all(b"root\n")?;
        console.wait_for("~# ")?;
        keys.write_all(b"sleep 100 &\n")?;
        console.wait_for("~# ")?;
        keys.write_all(b"jobs; kill %1; echo $((40 + 2))\n")?;
        console.wait_for("Running")?;
        console.wait_for("42")?;
        keys.write_all(b"poweroff\n")?;
        console.wait_for("Requesting system poweroff")?;
        console.wait_for("reboot: Power down")
    })
}

/// Starts something with a console on its standard streams, talks to it, and waits for its end.
fn talk(
    mut command: Command,
    say: impl FnOnce(&mut Console, &mut ChildStdin) -> Result<()>,
) -> Result<()> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().context("QEMU: run scripts/setup")?;
    let mut keys = child.stdin.take().context("QEMU's input")?;
    let mut screen = child.stdout.take().context("QEMU's output")?;
    let (send, shown) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = [0; 1024];
        while let Ok(n @ 1..) = screen.read(&mut bytes) {
            if send.send(bytes[..n].to_vec()).is_err() {
                return;
            }
        }
    });
    let mut console = Console { shown, seen: String::new(), deadline: Instant::now() + LIMIT };
    let said = say(&mut console, &mut keys).and_then(|()| console.wait_for_end());
    // After the end both fail harmlessly.
    let _ = child.kill();
    let _ = child.wait();
    said
}

/// What has come over the serial line and was not asked for yet.
struct Console {
    shown: mpsc::Receiver<Vec<u8>>,
    seen: String,
    deadline: Instant,
}

impl Console {
    /// Waits until `what` has come, and forgets everything up to it.
    fn wait_for(&mut self, what: &str) -> Result<()> {
        loop {
            if let Some(at) = self.seen.find(what) {
                self.seen.drain(..at + what.len());
                return Ok(());
            }
            let left = self.deadline.saturating_duration_since(Instant::now());
            match self.shown.recv_timeout(left) {
                Ok(bytes) => self.seen += &String::from_utf8_lossy(&bytes),
                Err(_) => anyhow::bail!("{what:?} did not come\n{}", log_end(self.seen.as_bytes())),
            }
        }
    }

    /// Waits until QEMU has closed the line.
    fn wait_for_end(&mut self) -> Result<()> {
        loop {
            let left = self.deadline.saturating_duration_since(Instant::now());
            match self.shown.recv_timeout(left) {
                Ok(_) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => return Ok(()),
                Err(mpsc::RecvTimeoutError::Timeout) => anyhow::bail!("QEMU did not end"),
            }
        }
    }
}
