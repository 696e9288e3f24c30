//! Where things are in this repository.

use std::path::{Path, PathBuf};

/// The root of the working tree.
#[must_use]
pub fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("this crate lies in scripts/xtask")
}

/// A place under `target/`, where everything that is built or fetched lives.
#[must_use]
pub fn target(name: &str) -> PathBuf {
    root().join("target").join(name)
}

/// The kernel image that `scripts/build` makes.
#[must_use]
pub fn kernel() -> PathBuf {
    target("eclipse")
}

/// The same kernel with symbols and line numbers, for debuggers.
#[must_use]
pub fn kernel_with_symbols() -> PathBuf {
    target("eclipse.debug")
}
