//! [`Console`]: somebody at the terminal of a guest. A real pseudo-terminal with QEMU on it, typed
//! at and read by an expect library. Nothing here guesses how long something takes: what is
//! waited for is text, and the limit of time only catches what hangs.

use crate::{log_end, tail};
use anyhow::{Context, Error, Result, bail, ensure};
use initramfs::Tree;
use rexpect::process::WaitStatus;
use rexpect::reader::Options;
use rexpect::session::{self, PtySession};
use std::time::{Duration, Instant};
use tempfile::NamedTempFile;
use xtask::exec::{self, Kernel};
use xtask::qemu::{self, Vm};
use xtask::{image, interactive};

/// How long to wait for any one text.
const LIMIT: Duration = Duration::from_secs(30);
/// How long the line must be silent to count as stopped.
const SILENCE: Duration = Duration::from_millis(700);

/// Ctrl and a letter, as a terminal sends it.
pub const CTRL_A: &str = "\x01";
/// Interrupt.
pub const CTRL_C: &str = "\x03";
/// End of file.
pub const CTRL_D: &str = "\x04";
/// Go on with output.
pub const CTRL_Q: &str = "\x11";
/// Stop output.
pub const CTRL_S: &str = "\x13";
/// Stop the job.
pub const CTRL_Z: &str = "\x1a";
/// Quit.
pub const CTRL_BACKSLASH: &str = "\x1c";
/// Escape; also how keys such as arrows begin.
pub const ESC: &str = "\x1b";

/// The prompt of root's login shell at home.
pub const ROOT: &str = "root@eclipse:~# ";

/// A machine to log in at.
#[derive(Clone, Copy)]
pub struct Machine {
    /// What it boots.
    pub kernel: Kernel,
    /// Number of CPUs.
    pub smp: u32,
    /// Memory in MiB.
    pub mem_mib: u32,
}

impl Machine {
    /// One CPU, as `scripts/run` has it without options.
    pub fn of(kernel: Kernel) -> Self {
        Self { kernel, smp: 1, mem_mib: 512 }
    }
}

/// The terminal of a booted machine.
pub struct Console {
    pty: PtySession,
    /// What has been read, for telling what led to a failure.
    seen: String,
    _initrd: NamedTempFile,
}

impl Console {
    /// Boots the tree that `scripts/run` boots, with these additions, up to the login prompt.
    pub fn boot(machine: Machine, add: impl FnOnce(&mut Tree) -> Result<()>) -> Result<Self> {
        let mut tree = image::base()?;
        add(&mut tree)?;
        let initrd = qemu::initrd_file(&tree.pack())?;
        let quiet = if machine.kernel == Kernel::Linux { " quiet no_timer_check" } else { "" };
        let vm = Vm {
            kernel: exec::kernel_file(machine.kernel)?,
            initrd: Some(initrd.path().to_owned()),
            append: format!("console=ttyS0 panic=-1{quiet}"),
            smp: machine.smp,
            mem_mib: machine.mem_mib,
            ..Vm::default()
        };
        let limit = u64::try_from(LIMIT.as_millis()).ok();
        let options = Options::new().timeout_ms(limit).strip_ansi_escape_codes(true);
        let pty = session::spawn_with_options(interactive::on_terminal(&vm), options)?;
        let mut console = Self { pty, seen: String::new(), _initrd: initrd };
        console.expect("eclipse login: ")?;
        Ok(console)
    }

    /// The same, with root logged in.
    pub fn boot_as_root(
        machine: Machine,
        add: impl FnOnce(&mut Tree) -> Result<()>,
    ) -> Result<Self> {
        let mut console = Self::boot(machine, add)?;
        console.log_in_as_root()?;
        Ok(console)
    }

    /// From a login prompt to root's shell.
    pub fn log_in_as_root(&mut self) -> Result<()> {
        self.enter("root")?;
        self.expect(ROOT)?;
        Ok(())
    }

    /// Waits for a text; the answer is what came before it, without carriage returns.
    pub fn expect(&mut self, what: &str) -> Result<String> {
        let before = self.pty.exp_string(what).map_err(|error| self.failed(error))?;
        self.saw(&before, what)
    }

    /// Waits for a match of a regular expression; the answer is what matched.
    pub fn expect_match(&mut self, what: &str) -> Result<String> {
        let (before, matched) = self.pty.exp_regex(what).map_err(|error| self.failed(error))?;
        self.saw(&before, &matched)?;
        Ok(matched)
    }

    fn saw(&mut self, before: &str, what: &str) -> Result<String> {
        let before = before.replace('\r', "");
        self.seen += &before;
        self.seen += what;
        Ok(before)
    }

    fn failed(&self, error: rexpect::error::Error) -> Error {
        Error::from(error).context(format!("--- the terminal showed:\n{}", tail(&self.seen, 30)))
    }

    /// Types these keys.
    pub fn keys(&mut self, keys: &str) -> Result<()> {
        self.pty.send(keys)?;
        self.pty.flush()?;
        Ok(())
    }

    /// Types a line and the Enter key.
    pub fn enter(&mut self, line: &str) -> Result<()> {
        self.keys(&format!("{line}\r"))
    }

    /// At root's prompt: enters a command and waits for the next prompt; the answer is what it
    /// printed, trimmed.
    pub fn run(&mut self, command: &str) -> Result<String> {
        // The shell redraws a longer line in its own way.
        ensure!(ROOT.len() + command.len() < 80, "too long for one line: {command}");
        self.enter(command)?;
        let shown = self.expect(ROOT)?;
        let (_, printed) = shown.split_once('\n').context("a command is echoed")?;
        Ok(printed.trim().to_owned())
    }

    /// The same, and it must have printed exactly this.
    pub fn check(&mut self, command: &str, printed: &str) -> Result<()> {
        let got = self.run(command)?;
        ensure!(got == printed, "{command}: not {printed:?} but {got:?}");
        Ok(())
    }

    /// Writes a file in the guest by a here-document.
    pub fn write(&mut self, path: &str, text: &str) -> Result<()> {
        self.enter(&format!("cat >{path} <<'END'"))?;
        for line in text.lines() {
            self.expect("> ")?;
            self.enter(line)?;
        }
        self.expect("> ")?;
        self.enter("END")?;
        self.expect(ROOT)?;
        Ok(())
    }

    /// Reads until nothing has come for a while: true. False when it does not stop.
    pub fn falls_silent(&mut self) -> bool {
        let begin = Instant::now();
        let mut last = begin;
        while begin.elapsed() < LIMIT {
            if self.pty.try_read().is_some() {
                last = Instant::now();
            } else if last.elapsed() > SILENCE {
                return true;
            } else {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        false
    }

    /// Waits for QEMU's end, which must be a success; the answer is what came before.
    pub fn end(mut self) -> Result<String> {
        let last = self.pty.exp_eof().map_err(|error| self.failed(error))?;
        match self.pty.process().wait()? {
            WaitStatus::Exited(_, 0) => Ok(last.replace('\r', "")),
            status => bail!("QEMU: {status:?}\n{}", log_end(last.as_bytes())),
        }
    }
}
