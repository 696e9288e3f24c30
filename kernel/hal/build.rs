//! Decides which of the two machines is built: `cfg(metal)` for bare metal, else the host machine.
//!
//! `ECLIPSE_METAL=1 cargo check` type-checks the metal half with any toolchain. The examples of
//! this crate are bootable images like the kernel, hence linked by the same script.

fn main() {
    println!("cargo:rerun-if-env-changed=ECLIPSE_METAL");
    println!("cargo:rerun-if-changed=linker.ld");
    let bare = std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "none");
    if bare || std::env::var_os("ECLIPSE_METAL").is_some() {
        println!("cargo:rustc-cfg=metal");
    }
    if bare {
        let dir = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
        println!("cargo:rustc-link-arg-examples=-T{dir}/linker.ld");
        println!("cargo:rustc-link-arg-examples=-zmax-page-size=4096");
    }
}
