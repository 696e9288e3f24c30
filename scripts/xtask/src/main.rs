//! The command line behind the scripts; each script is one subcommand.
#![forbid(unsafe_code)]

mod cli;

use clap::Parser;
use std::process::ExitCode;
use xtask::exec::NoSuchProgram;

fn main() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error:#}");
            // As env(1) and timeout(1) have it: 127 for a program that is not there, 125 when the
            // tool itself fails.
            let missing = error.downcast_ref::<NoSuchProgram>().is_some();
            ExitCode::from(if missing { 127 } else { 125 })
        }
    }
}
