//! Which Rust builds the kernel.
//!
//! With rustup, the target's libraries come ready-made. Debian has no libraries for bare metal but
//! their sources, which cargo can build along; it calls that unstable, so `RUSTC_BOOTSTRAP` must
//! be set, and since the same switch would let any crate use unstable features, the test run
//! also checks the kernel with the plain compiler.

use crate::project;
use std::fs;
use std::process::Command;

/// The target that the kernel is built for.
pub const TARGET: &str = "x86_64-unknown-none";

/// Where the toolchain comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// rustup's stable, with the target added.
    Rustup,
    /// Debian's packages, building the libraries from source.
    Debian,
}

impl Way {
    /// The way that `scripts/setup` found.
    #[must_use]
    pub fn chosen() -> Self {
        match fs::read_to_string(project::target("rust-way")) {
            Ok(way) if way.trim() == "debian" => Self::Debian,
            _ => Self::Rustup,
        }
    }

    /// A cargo for programs of this machine.
    #[must_use]
    pub fn cargo(self) -> Command {
        let mut cargo = match self {
            Self::Rustup => Command::new("cargo"),
            Self::Debian => {
                let mut cargo = Command::new("/usr/bin/cargo");
                let path = std::env::var("PATH").unwrap_or_default();
                cargo.env("PATH", format!("/usr/bin:{path}"));
                cargo
            }
        };
        // Whoever runs this under cargo must not hand its own settings down.
        for name in ["RUSTUP_TOOLCHAIN", "CARGO_TARGET_DIR", "RUSTFLAGS"] {
            cargo.env_remove(name);
        }
        cargo.current_dir(project::root());
        cargo
    }

    /// Makes `cargo build` and its like work for [`TARGET`].
    pub fn for_target(self, cargo: &mut Command) {
        cargo.args(["--target", TARGET]);
        if self == Self::Debian {
            cargo.env("RUSTC_BOOTSTRAP", "1");
            cargo.arg("-Zbuild-std=core,alloc,compiler_builtins");
            cargo.arg("-Zbuild-std-features=compiler-builtins-mem");
            // The target's own choice, rust-lld, is not packaged; GNU ld does.
            cargo.env("CARGO_TARGET_X86_64_UNKNOWN_NONE_LINKER", "ld");
            cargo.env("CARGO_TARGET_X86_64_UNKNOWN_NONE_RUSTFLAGS", "-Clinker-flavor=ld");
        }
    }
}
