//! Runs one program on a kernel as if it were run here.
//!
//! The initramfs holds busybox, the program, and the guest runner as PID 1 (`initramfs/runner/`),
//! the same on both kernels. The program's output and status come over a serial line of their
//! own, so they are exact whatever the kernel logs.

use crate::qemu::{self, Accel, Machine, Running, Vm};
use crate::wire::{self, Decoder, Frame};
use crate::{accel, image, linux, project};
use anyhow::{Context, Result, bail};
use std::fmt;
use std::io::{self, ErrorKind, Read};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Which kernel runs the program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kernel {
    /// This one: `target/eclipse`.
    #[default]
    Eclipse,
    /// The reference: Debian's Linux 6.1.
    Linux,
}

/// What the program reads as standard input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Stdin {
    /// Nothing: end of file at once.
    #[default]
    Empty,
    /// These bytes, then end of file.
    Bytes(Vec<u8>),
    /// What this process reads as its own.
    Inherit,
}

/// What to run, on what.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which kernel.
    pub kernel: Kernel,
    /// Which machine.
    pub machine: Machine,
    /// Number of CPUs.
    pub smp: u32,
    /// Memory in MiB.
    pub mem_mib: u32,
    /// Words added to the kernel's command line.
    pub append: String,
    /// Files and folders of this machine, with their places in the guest.
    pub adds: Vec<(PathBuf, String)>,
    /// Additions to the environment, `NAME=VALUE`; the last of a name counts.
    pub env: Vec<String>,
    /// Standard input.
    pub stdin: Stdin,
    /// How long the program may run, counted from its start; none: for ever. Booting has a limit
    /// of its own.
    pub timeout: Option<Duration>,
    /// Count instructions instead of time ([`Accel::Icount`]).
    pub icount: bool,
    /// The program, as [`image::resolve`] takes it, and its arguments.
    pub argv: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            kernel: Kernel::Eclipse,
            machine: Machine::Q35,
            smp: 1,
            mem_mib: 512,
            append: String::new(),
            adds: Vec::new(),
            env: Vec::new(),
            stdin: Stdin::Empty,
            timeout: None,
            icount: false,
            argv: Vec::new(),
        }
    }
}

/// How the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It exited with this code.
    Code(i32),
    /// A signal ended it.
    Signal(i32),
    /// It was still running when its time was up.
    Timeout,
    /// The kernel died or did not boot.
    KernelDied,
}

impl Exit {
    /// The exit status a shell would see: 128+N for a signal, 124 for a timeout as timeout(1)
    /// has it, 125 for a kernel that died.
    #[must_use]
    pub fn status(self) -> u8 {
        match self {
            Self::Code(code) => code as u8,
            Self::Signal(signal) => (128 + signal) as u8,
            Self::Timeout => 124,
            Self::KernelDied => 125,
        }
    }

    /// Reads a wait status as wait(2) gives it.
    fn from_wait(status: i32) -> Self {
        match status & 0x7f {
            0 => Self::Code(status >> 8 & 0xff),
            signal => Self::Signal(signal),
        }
    }
}

/// What running a program gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How it ended.
    pub status: Exit,
    /// Its standard output, byte for byte; empty when a sink took it.
    pub stdout: Vec<u8>,
    /// Its standard error, likewise.
    pub stderr: Vec<u8>,
    /// What the kernel wrote to its console, and QEMU's complaints, if any.
    pub log: Vec<u8>,
}

/// The program is neither a file here nor one of the guest's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoSuchProgram(pub String);

impl fmt::Display for NoSuchProgram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: neither a file here nor a program of the guest", self.0)
    }
}

impl std::error::Error for NoSuchProgram {}

/// One of the program's two outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// How long a kernel may take to start the runner.
const BOOT_LIMIT: Duration = Duration::from_secs(60);
/// How long it may take to power off once the status is known.
const POWER_OFF_LIMIT: Duration = Duration::from_secs(5);

/// Runs a program and gathers what it writes.
///
/// # Errors
/// When something is missing on this machine: QEMU, the kernel, a file, a library. What goes
/// wrong in the guest is part of the [`Outcome`]. A program that does not exist is told by
/// [`NoSuchProgram`].
pub fn run(options: &Options) -> Result<Outcome> {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let outcome = run_with(options, &mut |stream, bytes| {
        match stream {
            Stream::Out => out.extend_from_slice(bytes),
            Stream::Err => err.extend_from_slice(bytes),
        }
        Ok(())
    })?;
    Ok(Outcome { stdout: out, stderr: err, ..outcome })
}

/// Where a program's output goes as it comes.
pub type Sink<'a> = dyn FnMut(Stream, &[u8]) -> io::Result<()> + 'a;

/// Runs a program and hands on what it writes as it comes.
///
/// # Errors
/// As [`run`], and those of `sink`.
pub fn run_with(options: &Options, sink: &mut Sink) -> Result<Outcome> {
    let kernel = kernel_file(options.kernel)?;
    let mut tree = image::base()?;
    for (host, guest) in &options.adds {
        image::add_host(&mut tree, host, guest)?;
    }
    let command = options.argv.first().context("no program to run")?;
    let (path, host) =
        image::resolve(&tree, command).ok_or_else(|| NoSuchProgram(command.clone()))?;
    if let Some(host) = host {
        image::add_host(&mut tree, &host, &path)?;
    }
    let mut argv = options.argv.clone();
    argv[0].clone_from(&path);
    let program = image::Program { path, cwd: "/".into(), argv, env: environment(&options.env) };
    image::add_runner(&mut tree, &program)?;
    let initrd = qemu::initrd_file(&tree.pack())?;

    let accel = if options.icount { Accel::Icount } else { accelerator(&kernel)? };
    let vm = Vm {
        kernel,
        initrd: Some(initrd.path().to_owned()),
        append: command_line(options),
        machine: options.machine,
        smp: options.smp,
        mem_mib: options.mem_mib,
        accel,
    };
    Guest::start(&vm)?.run(options, sink)
}

/// The file of a kernel.
///
/// # Errors
/// When it is not there and cannot be fetched.
pub fn kernel_file(kernel: Kernel) -> Result<PathBuf> {
    match kernel {
        Kernel::Linux => linux::kernel(),
        Kernel::Eclipse => {
            let kernel = project::kernel();
            if !kernel.exists() {
                bail!("{} is not there: run scripts/build", kernel.display());
            }
            Ok(kernel)
        }
    }
}

/// What to boot this kernel with: KVM where the runner has been seen to come up with it.
///
/// # Errors
/// Those of packing an initramfs for the trial.
pub fn accelerator(kernel: &Path) -> Result<Accel> {
    accel::choose(|| {
        let mut tree = image::base()?;
        let program = image::Program { path: "/bin/true".into(), ..image::Program::default() };
        image::add_runner(&mut tree, &program)?;
        let initrd = qemu::initrd_file(&tree.pack())?;
        let mut guest = Guest::start(&Vm {
            kernel: kernel.to_owned(),
            initrd: Some(initrd.path().to_owned()),
            append: "console=ttyS0 panic=-1 quiet".into(),
            smp: 1,
            mem_mib: 512,
            accel: Accel::Kvm,
            ..Vm::default()
        })?;
        Ok(guest.is_ready(accel::TRIAL))
    })
}

/// The environment: what login(1) would set, then the additions.
fn environment(additions: &[String]) -> Vec<String> {
    let mut env =
        vec![format!("PATH={}", image::GUEST_PATH), "HOME=/root".into(), "TERM=linux".into()];
    for addition in additions {
        let name = addition.split('=').next().unwrap_or_default();
        env.retain(|old| old.split('=').next() != Some(name));
        env.push(addition.clone());
    }
    env
}

fn command_line(options: &Options) -> String {
    // Linux writes 30 kB about hardware if not told to be quiet, and does so slowly.
    let quiet = if options.kernel == Kernel::Linux { " quiet" } else { "" };
    format!("console=ttyS0 panic=-1{quiet} {}", options.append).trim_end().to_owned()
}

/// A booting guest and the host's end of its line.
struct Guest {
    qemu: Running,
    line: UnixStream,
    decoder: Decoder,
}

/// Why no frame came.
enum Silence {
    /// The time was up.
    TimeUp,
    /// The machine has ended, or speaks nonsense.
    Dead,
}

impl Guest {
    fn start(vm: &Vm) -> Result<Self> {
        let (line, guest_end) = UnixStream::pair()?;
        let qemu = Running::start(vm, Some(guest_end))?;
        Ok(Self { qemu, line, decoder: Decoder::default() })
    }

    /// Whether the runner comes up within `limit`.
    fn is_ready(&mut self, limit: Duration) -> bool {
        matches!(self.frame(Some(Instant::now() + limit)), Ok(Frame::Ready))
    }

    fn run(mut self, options: &Options, sink: &mut Sink) -> Result<Outcome> {
        let status =
            if self.is_ready(BOOT_LIMIT) { self.relay(options, sink)? } else { Exit::KernelDied };
        let patience = match status {
            Exit::Code(_) | Exit::Signal(_) => POWER_OFF_LIMIT,
            Exit::Timeout | Exit::KernelDied => Duration::ZERO,
        };
        let ended = self.qemu.finish(patience)?;
        let mut log = ended.log;
        if status == Exit::KernelDied {
            log.extend_from_slice(&ended.messages);
        }
        Ok(Outcome { status, stdout: vec![], stderr: vec![], log })
    }

    /// Passes input and output between the program and us until it has ended.
    fn relay(&mut self, options: &Options, sink: &mut Sink) -> Result<Exit> {
        let deadline = options.timeout.map(|timeout| Instant::now() + timeout);
        let input = feed(options.stdin.clone(), self.line.try_clone()?);
        // The frame that said "ready" has been taken; if nobody feeds any more, nobody minds.
        let _ = input.send(());
        loop {
            match self.frame(deadline) {
                Ok(Frame::Ready) => drop(input.send(())),
                Ok(Frame::Out(bytes)) => sink(Stream::Out, &bytes)?,
                Ok(Frame::Err(bytes)) => sink(Stream::Err, &bytes)?,
                Ok(Frame::Status(status)) => {
                    // If the guest is gone already, there is nobody to tell.
                    let _ = wire::send_quit(&mut self.line);
                    return Ok(Exit::from_wait(status));
                }
                Ok(Frame::Failed(why)) => bail!("the guest runner failed: {why}"),
                Err(Silence::TimeUp) => return Ok(Exit::Timeout),
                Err(Silence::Dead) => return Ok(Exit::KernelDied),
            }
        }
    }

    fn frame(&mut self, deadline: Option<Instant>) -> Result<Frame, Silence> {
        let mut bytes = [0; 4096];
        loop {
            match self.decoder.take() {
                Ok(Some(frame)) => return Ok(frame),
                Ok(None) => {}
                Err(_) => return Err(Silence::Dead),
            }
            let left = qemu::left(deadline).filter(|left| !left.is_zero());
            let left = left.ok_or(Silence::TimeUp)?;
            let limit = (left != Duration::MAX).then_some(left);
            self.line.set_read_timeout(limit).map_err(|_| Silence::Dead)?;
            match self.line.read(&mut bytes) {
                Ok(0) => return Err(Silence::Dead),
                Ok(got) => self.decoder.push(&bytes[..got]),
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {}
                    _ => return Err(Silence::Dead),
                },
            }
        }
    }
}

/// Feeds `stdin` to the guest, one frame for each message through the returned channel, in a
/// thread of its own: reading our standard input may block for as long as the program runs.
fn feed(stdin: Stdin, mut line: UnixStream) -> mpsc::Sender<()> {
    let (ready, wanted) = mpsc::channel();
    thread::spawn(move || {
        let mut source: Box<dyn Read> = match stdin {
            Stdin::Empty => Box::new(io::empty()),
            Stdin::Bytes(bytes) => Box::new(io::Cursor::new(bytes)),
            Stdin::Inherit => Box::new(io::stdin()),
        };
        while wanted.recv().is_ok() {
            // Unreadable input is input that has ended.
            let portion = wire::read_portion(&mut source).unwrap_or_default();
            if wire::send_input(&mut line, &portion).is_err() || portion.is_empty() {
                break;
            }
        }
    });
    ready
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_the_shells() {
        assert_eq!(Exit::from_wait(7 << 8).status(), 7);
        assert_eq!(Exit::from_wait(0x80 | 11), Exit::Signal(11));
        assert_eq!(Exit::from_wait(9).status(), 137);
        assert_eq!((Exit::Timeout.status(), Exit::KernelDied.status()), (124, 125));
    }

    #[test]
    fn the_last_of_a_name_counts() {
        let env = environment(&["A=1".into(), "HOME=/".into(), "A=2".into()]);
        assert_eq!(env[1..], ["TERM=linux", "HOME=/", "A=2"]);
    }
}
