//! The virtual machines: one QEMU line for both kernels, and [`boot`] for tests that bring their
//! own initramfs.
//!
//! The kernel's log is the first serial port. The second one, when asked for, is one end of a
//! socket pair and carries the runner's frames ([`crate::wire`]).

use anyhow::{Context, Result};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// A kind of machine that QEMU offers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Machine {
    /// A PC with PCI Express: what everything is compared on.
    #[default]
    Q35,
    /// An old PC (i440FX).
    Pc,
    /// The minimal machine: no PCI, no BIOS worth the name.
    Microvm,
}

/// What runs the guest's instructions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Accel {
    /// QEMU's own translator.
    #[default]
    Tcg,
    /// The processor itself.
    Kvm,
    /// The translator, with virtual time counting instructions: one each nanosecond, one each
    /// tick of the TSC. Equal runs are equal to the last tick.
    Icount,
}

/// One virtual machine with what it boots.
#[derive(Clone, Debug, Default)]
pub struct Vm {
    /// The kernel file: bzImage or an ELF with a PVH note.
    pub kernel: PathBuf,
    /// The initramfs, if any.
    pub initrd: Option<PathBuf>,
    /// The kernel's command line.
    pub append: String,
    /// Which machine.
    pub machine: Machine,
    /// Number of CPUs.
    pub smp: u32,
    /// Memory in MiB.
    pub mem_mib: u32,
    /// What runs the instructions.
    pub accel: Accel,
}

/// What a boot without a runner left behind.
#[derive(Debug)]
pub struct Booted {
    /// Everything written to the first serial port.
    pub log: Vec<u8>,
    /// How QEMU ended; none when the time was up and it was killed.
    pub status: Option<ExitStatus>,
}

impl Vm {
    /// The QEMU command without any serial port.
    ///
    /// The processor is `max` without three features that TCG makes slow or that the two kernels
    /// would use differently: byte-wise string moves are counted per byte (erms), a write to PKRU
    /// empties the TLB (pku), and five-level page tables (la57).
    #[must_use]
    pub fn command(&self) -> Command {
        // QEMU dies with whoever started it, even when that is killed: setpriv(1).
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "qemu-system-x86_64"]);
        let machine = match self.machine {
            Machine::Q35 => "q35",
            Machine::Pc => "pc",
            Machine::Microvm => "microvm",
        };
        let accel = if self.accel == Accel::Kvm { "kvm" } else { "tcg" };
        command.args(["-M", &format!("{machine},accel={accel}")]);
        command.args(["-cpu", "max,erms=off,pku=off,la57=off"]);
        command.args(["-smp", &self.smp.to_string(), "-m", &self.mem_mib.to_string()]);
        command.args(["-nodefaults", "-display", "none", "-no-reboot"]);
        if self.accel == Accel::Icount {
            command.args(["-icount", "shift=0,sleep=off", "-seed", "1"]);
            command.args(["-rtc", "base=2024-01-01,clock=vm"]);
        }
        command.arg("-kernel").arg(&self.kernel).args(["-append", &self.append]);
        if let Some(initrd) = &self.initrd {
            command.arg("-initrd").arg(initrd);
        }
        command
    }
}

/// A QEMU that runs, with its log being gathered.
pub struct Running {
    child: Child,
    log: mpsc::Receiver<Vec<u8>>,
    messages: mpsc::Receiver<Vec<u8>>,
}

/// How a [`Running`] machine ended.
#[derive(Debug)]
pub struct Ended {
    /// Everything written to the first serial port.
    pub log: Vec<u8>,
    /// QEMU's own messages.
    pub messages: Vec<u8>,
    /// How QEMU ended; none when it had to be killed.
    pub status: Option<ExitStatus>,
}

impl Running {
    /// Starts `vm`. With `line`, that socket becomes the second serial port.
    ///
    /// # Errors
    /// When QEMU cannot be started.
    pub fn start(vm: &Vm, line: Option<UnixStream>) -> Result<Self> {
        let mut command = vm.command();
        command.args(["-serial", "file:/dev/stdout"]);
        if let Some(line) = line {
            command.args(["-chardev", "socket,id=line,fd=0"]);
            if vm.machine == Machine::Microvm {
                // It has one serial port of its own.
                command.args(["-device", "isa-serial,iobase=0x2f8,irq=3,index=1,chardev=line"]);
            } else {
                command.args(["-serial", "chardev:line"]);
            }
            command.stdin(OwnedFd::from(line));
        } else {
            command.stdin(Stdio::null());
        }
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start setpriv(1) and qemu-system-x86_64: run scripts/setup")?;
        let log = gather(child.stdout.take().context("QEMU's output")?);
        let messages = gather(child.stderr.take().context("QEMU's messages")?);
        Ok(Self { child, log, messages })
    }

    /// Waits for QEMU to end by itself, at most for `limit`, then ends it.
    ///
    /// # Errors
    /// When the process cannot be waited for.
    pub fn finish(mut self, limit: Duration) -> Result<Ended> {
        // QEMU closes its output when it ends; waiting for that needs no polling.
        let log = self.log.recv_timeout(limit).ok();
        let status = if log.is_some() {
            Some(self.child.wait()?)
        } else {
            self.child.kill()?;
            self.child.wait()?;
            None
        };
        let log = log.or_else(|| self.log.recv().ok()).unwrap_or_default();
        Ok(Ended { log, messages: self.messages.recv().unwrap_or_default(), status })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // After `finish` the process is gone, and both fail harmlessly.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads a pipe to its end in a thread of its own, so that QEMU never blocks on it.
fn gather(mut pipe: impl Read + Send + 'static) -> mpsc::Receiver<Vec<u8>> {
    let (done, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        // The receiver may be gone: then nobody wants to know.
        let _ = done.send(bytes);
    });
    receiver
}

/// Boots `vm` and waits for it to end, at most for `limit`.
///
/// # Errors
/// When QEMU cannot be started or complains about its arguments.
pub fn boot(vm: &Vm, limit: Duration) -> Result<Booted> {
    let ended = Running::start(vm, None)?.finish(limit)?;
    if ended.log.is_empty() && ended.status.is_some_and(|status| !status.success()) {
        anyhow::bail!("QEMU: {}", String::from_utf8_lossy(&ended.messages).trim());
    }
    Ok(Booted { log: ended.log, status: ended.status })
}

/// Writes an archive where QEMU can read it; the file goes when the value does.
///
/// # Errors
/// Those of writing the file.
pub fn initrd_file(archive: &[u8]) -> Result<tempfile::NamedTempFile> {
    let mut file = tempfile::Builder::new().prefix("eclipse-").suffix(".cpio").tempfile()?;
    file.write_all(archive)?;
    Ok(file)
}

/// The time left until `deadline`; none when it is past.
#[must_use]
pub fn left(deadline: Option<Instant>) -> Option<Duration> {
    deadline.map_or(Some(Duration::MAX), |at| at.checked_duration_since(Instant::now()))
}
