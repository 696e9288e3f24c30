//! The command line behind the scripts; each script is one subcommand.
#![forbid(unsafe_code)]

mod cli;

use clap::Parser;
use std::io;
use std::process::ExitCode;
use xtask::exec::NoSuchProgram;

fn main() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(code) => code,
        // Whoever read our output has left: end as SIGPIPE would have ended us.
        Err(error) if is_broken_pipe(&error) => ExitCode::from(141),
        Err(error) => {
            eprintln!("{error:#}");
            // As env(1) and timeout(1) have it: 127 for a program that is not there, 125 when the
            // tool itself fails.
            let missing = error.downcast_ref::<NoSuchProgram>().is_some();
            ExitCode::from(if missing { 127 } else { 125 })
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let cause = error.downcast_ref::<io::Error>();
    cause.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
