//! The options of each script.

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand, ValueEnum};
use serde_json::json;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use xtask::build::{self, Profile, Tell};
use xtask::exec::{self, Exit, Kernel, Options, Stdin, Stream};
use xtask::insn;
use xtask::interactive::{self, Session};
use xtask::qemu::Machine;
use xtask::report;
use xtask::selftest;
use xtask::test::{self, Depth, Plan};

/// Eclipse's tooling; call it through the scripts in scripts/.
#[derive(Parser)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Build(BuildArgs),
    /// Boot busybox as a small Unix and give its login prompt on this terminal
    #[command(override_usage = "scripts/run [OPTIONS] [-- QEMU ARGS]...")]
    Run(RunArgs),
    Exec(ExecArgs),
    Test(TestArgs),
    /// Boot the kernel with busybox, waiting for gdb before the first instruction
    #[command(override_usage = "scripts/debug [OPTIONS] [-- QEMU ARGS]...")]
    Debug(RunArgs),
    Insn(InsnArgs),
    Report(ReportArgs),
    /// Run the hal's self-test on each machine; a part of test
    #[command(hide = true)]
    SelfTest,
    /// Write the coverage page docs/syscalls.md from the kernel's table
    #[command(override_usage = "scripts/syscalls")]
    Syscalls,
}

impl Cli {
    /// Does what was asked; the result is the process's exit status.
    pub fn run(self) -> Result<ExitCode> {
        match self.command {
            Command::Build(args) => args.run(),
            Command::Run(args) => args.run(interactive::run),
            Command::Exec(args) => args.run(),
            Command::Test(args) => args.run(),
            Command::Debug(args) => args.run(interactive::debug),
            Command::Insn(args) => args.run(),
            Command::Report(args) => args.run(),
            Command::SelfTest => Ok(ExitCode::from(u8::from(!selftest::run()?))),
            Command::Syscalls => {
                println!("{}", build::coverage_page()?.display());
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum KernelArg {
    Eclipse,
    Linux,
}

impl From<KernelArg> for Kernel {
    fn from(arg: KernelArg) -> Self {
        match arg {
            KernelArg::Eclipse => Self::Eclipse,
            KernelArg::Linux => Self::Linux,
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum MachineArg {
    Q35,
    Pc,
    Microvm,
}

#[derive(Clone, Copy, ValueEnum)]
enum ProfileArg {
    Release,
    Checked,
}

/// Build the kernel; the last line printed is the path of its file.
#[derive(Args)]
#[command(override_usage = "scripts/build [OPTIONS]")]
struct BuildArgs {
    /// How to optimise and check it
    #[arg(long, value_enum, default_value = "release")]
    profile: ProfileArg,
}

impl BuildArgs {
    fn run(self) -> Result<ExitCode> {
        let profile = match self.profile {
            ProfileArg::Release => Profile::Release,
            ProfileArg::Checked => Profile::Checked,
        };
        println!("{}", build::kernel(profile, Tell::All)?.display());
        Ok(ExitCode::SUCCESS)
    }
}

/// What run and debug take.
#[derive(Args)]
struct RunArgs {
    /// The kernel to boot
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
    /// Further arguments for QEMU
    #[arg(last = true, value_name = "QEMU ARGS")]
    qemu_args: Vec<String>,
}

impl RunArgs {
    fn run(self, start: fn(&Session) -> Result<()>) -> Result<ExitCode> {
        let kernel = self.kernel.into();
        if kernel == Kernel::Eclipse {
            build::kernel(Profile::Release, Tell::All)?;
        }
        start(&Session {
            kernel,
            smp: self.smp,
            mem_mib: self.mem,
            append: self.append,
            qemu_args: self.qemu_args,
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Check, build and test everything, or the tests with FILTER in their name.
#[derive(Args)]
#[command(override_usage = "scripts/test [OPTIONS] [FILTER]")]
struct TestArgs {
    /// Only tests with this in their name; formatting and lints are left out
    filter: Option<String>,
    /// Where the guest tests run; on Linux, only they do
    #[arg(long, value_enum, default_value = "eclipse")]
    kernel: KernelArg,
    /// Only what needs no guest
    #[arg(long, conflicts_with = "kernel")]
    quick: bool,
    /// Take an hour for the test of a day at work
    #[arg(long, conflicts_with = "quick")]
    deep: bool,
    /// Print one JSON object instead of the summary
    #[arg(long)]
    json: bool,
}

impl TestArgs {
    fn run(self) -> Result<ExitCode> {
        let start = Instant::now();
        let depth = match (self.quick, self.deep) {
            (true, _) => Depth::Quick,
            (_, true) => Depth::Deep,
            _ => Depth::Whole,
        };
        let plan = Plan { depth, filter: self.filter, kernel: self.kernel.into() };
        let steps = test::run(&plan)?;
        let (passed, failed) = test::totals(&steps);
        if let Some(filter) = plan.filter.filter(|_| passed + failed == 0) {
            anyhow::bail!("no test has {filter} in its name");
        }
        if self.json {
            println!("{}", test::to_json(&steps));
        } else {
            println!("\nWhere the time went:");
            let mut slow_first: Vec<_> = steps.iter().collect();
            slow_first.sort_by_key(|step| std::cmp::Reverse(step.took));
            for step in slow_first {
                println!("{}", test::line_of(step));
            }
            println!("  {:<26} {:>14.1} s\n", "all", start.elapsed().as_secs_f64());
            println!("{passed} passed, {failed} failed");
        }
        Ok(ExitCode::from(u8::from(failed > 0)))
    }
}

/// Count instructions per operation on Linux and on Eclipse.
///
/// Both run the same program on the same virtual machine under QEMU's -icount, Linux with what
/// Eclipse does not have (mitigations, security modules, address randomisation) switched off.
#[derive(Args)]
#[command(override_usage = "scripts/insn [OPTIONS] [ROW]...")]
struct InsnArgs {
    /// Only on this kernel
    #[arg(long, value_enum)]
    kernel: Option<KernelArg>,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
    /// The rows to measure; all without any
    #[arg(value_name = "ROW")]
    rows: Vec<String>,
}

impl InsnArgs {
    fn run(self) -> Result<ExitCode> {
        let only = self.kernel.map(Kernel::from);
        let measure = |kernel| {
            if only.is_some_and(|only| only != kernel) {
                return Ok(Vec::new());
            }
            make_sure_of(kernel)?;
            insn::measure(kernel, &self.rows)
        };
        let rows = insn::join(measure(Kernel::Linux)?, &measure(Kernel::Eclipse)?);
        if self.json {
            println!("{}", insn::to_json(&rows));
        } else {
            print!("{}", insn::table(&rows));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Say what Linux and Eclipse cost before any program runs: size, instructions to boot, memory.
#[derive(Args)]
#[command(override_usage = "scripts/report [OPTIONS]")]
struct ReportArgs {
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
}

impl ReportArgs {
    fn run(self) -> Result<ExitCode> {
        make_sure_of(Kernel::Eclipse)?;
        let linux = report::measure(Kernel::Linux)?;
        let eclipse = report::measure(Kernel::Eclipse)?;
        if self.json {
            let both = json!({
                "linux": report::to_json(&linux),
                "eclipse": report::to_json(&eclipse),
            });
            println!("{both}");
        } else {
            print!("{}", report::table(&linux, &eclipse));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Run one program on the kernel as if it were run here.
///
/// CMD is a file of this machine, copied in at its absolute path with the shared libraries it
/// names, or a name in the guest's PATH (busybox has its applets there). It runs as root in /,
/// with PATH, HOME and TERM set. Its output is passed on byte for byte and its exit status is
/// this script's: 128+N for a signal, 124 for a timeout, 125 when the kernel died or did not
/// boot (then with the end of its log on standard error).
#[derive(Args)]
#[command(override_usage = "scripts/exec [OPTIONS] -- CMD [ARG]...")]
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
        make_sure_of(options.kernel)?;
        let outcome =
            if self.json { exec::run(&options)? } else { exec::run_with(&options, &mut pass_on)? };
        if let Some(file) = &self.log {
            fs::write(file, &outcome.log).with_context(|| file.display().to_string())?;
        }
        let status = outcome.status.status();
        if self.json {
            println!("{}", outcome_json(&outcome));
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
            kernel: self.kernel.into(),
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

/// Builds the kernel if it is the one to boot; quietly, for other output counts.
fn make_sure_of(kernel: Kernel) -> Result<()> {
    if kernel == Kernel::Eclipse {
        build::kernel(Profile::Release, Tell::Failure)?;
    }
    Ok(())
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

fn outcome_json(outcome: &exec::Outcome) -> serde_json::Value {
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
