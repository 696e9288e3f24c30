//! Decides which of the two machines is built: `cfg(metal)` for bare metal, else the host machine.
//!
//! `ECLIPSE_METAL=1 cargo check` type-checks the metal half with any toolchain.

fn main() {
    println!("cargo:rerun-if-env-changed=ECLIPSE_METAL");
    let bare = std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "none");
    if bare || std::env::var_os("ECLIPSE_METAL").is_some() {
        println!("cargo:rustc-cfg=metal");
    }
}
