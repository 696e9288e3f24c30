//! The options of each script.

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand, ValueEnum};
use serde_json::json;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use xtask::exec::{self, Exit, Kernel, Options, Stdin, Stream};
use xtask::qemu::Machine;

/// Eclipse's tooling; call it through the scripts in scripts/.
#[derive(Parser)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Exec(ExecArgs),
}

impl Cli {
    /// Does what was asked; the result is the process's exit status.
    pub fn run(self) -> Result<ExitCode> {
        match self.command {
            Command::Exec(args) => args.run(),
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum KernelArg {
    Eclipse,
    Linux,
}

#[derive(Clone, Copy, ValueEnum)]
enum MachineArg {
    Q35,
    Pc,
    Microvm,
}

/// Run one program on the kernel as if it were run here.
///
/// CMD is a file of this machine, copied in at its absolute path with the shared libraries it
/// names, or a name in the guest's PATH (busybox has its applets there). It runs as root in /,
/// with PATH, HOME and TERM set. Its output is passed on byte for byte and its exit status is
/// this script's: 128+N for a signal, 124 for a timeout, 125 when the kernel died or did not
/// boot (then with the end of its log on standard error).
#[derive(Args)]
struct ExecArgs {
    /// The kernel to run it on
    #[arg(long, value_enum, default_value = "eclipse")]
    kernel: KernelArg,
    /// Number of CPUs
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=255))]
    smp: u32,
    /// Memory in MiB
    #[arg(long, default_value_t = 512)]
    mem: u32,
    /// Words added to the kernel's command line
    #[arg(long, default_value = "", allow_hyphen_values = true)]
    append: String,
    /// Copy a file or folder into the guest, by default at its absolute path
    #[arg(long, value_name = "HOST[:GUEST]")]
    add: Vec<String>,
    /// Add to the program's environment
    #[arg(long, value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// Seconds the program may run
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<f64>,
    /// Write the kernel's log to this file
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// The machine QEMU plays
    #[arg(long, value_enum, default_value = "q35")]
    machine: MachineArg,
    /// Print one JSON object instead of the program's output
    #[arg(long)]
    json: bool,
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "CMD")]
    argv: Vec<String>,
}

impl ExecArgs {
    fn run(self) -> Result<ExitCode> {
        let options = self.options()?;
        let outcome =
            if self.json { exec::run(&options)? } else { exec::run_with(&options, &mut pass_on)? };
        if let Some(file) = &self.log {
            fs::write(file, &outcome.log).with_context(|| file.display().to_string())?;
        }
        let status = outcome.status.status();
        if self.json {
            println!("{}", report(&outcome));
        } else {
            match outcome.status {
                Exit::KernelDied => tell_death(&outcome.log),
                Exit::Timeout => eprintln!("exec: time is up"),
                Exit::Code(_) | Exit::Signal(_) => {}
            }
        }
        Ok(ExitCode::from(status))
    }

    fn options(&self) -> Result<Options> {
        let timeout = self.timeout.map(Duration::try_from_secs_f64).transpose();
        Ok(Options {
            kernel: match self.kernel {
                KernelArg::Eclipse => Kernel::Eclipse,
                KernelArg::Linux => Kernel::Linux,
            },
            machine: match self.machine {
                MachineArg::Q35 => Machine::Q35,
                MachineArg::Pc => Machine::Pc,
                MachineArg::Microvm => Machine::Microvm,
            },
            smp: self.smp,
            mem_mib: self.mem,
            append: self.append.clone(),
            adds: self.add.iter().map(|add| addition(add)).collect::<Result<_>>()?,
            env: self.env.clone(),
            stdin: Stdin::Inherit,
            timeout: timeout.context("--timeout")?,
            icount: false,
            argv: self.argv.clone(),
        })
    }
}

/// Reads `HOST[:GUEST]`.
fn addition(text: &str) -> Result<(PathBuf, String)> {
    let (host, guest) = text.split_once(':').unwrap_or((text, ""));
    let host = std::path::absolute(host)?;
    let guest = if guest.is_empty() {
        host.to_str().context("--add: a path in UTF-8")?.to_owned()
    } else {
        guest.to_owned()
    };
    anyhow::ensure!(guest.starts_with('/'), "--add {text}: the guest's path must be absolute");
    Ok((host, guest))
}

fn pass_on(stream: Stream, bytes: &[u8]) -> io::Result<()> {
    match stream {
        Stream::Out => {
            let mut out = io::stdout().lock();
            out.write_all(bytes)?;
            out.flush()
        }
        Stream::Err => io::stderr().write_all(bytes),
    }
}

/// Prints the end of a dead kernel's log.
fn tell_death(log: &[u8]) {
    const LINES: usize = 40;
    let text = String::from_utf8_lossy(log);
    let lines: Vec<&str> = text.lines().collect();
    eprintln!("exec: the kernel died or did not boot; its log ends:");
    for line in &lines[lines.len().saturating_sub(LINES)..] {
        eprintln!("  {line}");
    }
    if lines.is_empty() && io::stderr().is_terminal() {
        eprintln!("  (it is empty)");
    }
}

fn report(outcome: &exec::Outcome) -> serde_json::Value {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (how, number) = match outcome.status {
        Exit::Code(code) => ("exited", Some(code)),
        Exit::Signal(signal) => ("signalled", Some(signal)),
        Exit::Timeout => ("timeout", None),
        Exit::KernelDied => ("kernel-died", None),
    };
    json!({
        "how": how,
        "number": number,
        "status": outcome.status.status(),
        "stdout": text(&outcome.stdout),
        "stderr": text(&outcome.stderr),
        "log": text(&outcome.log),
    })
}
