//! Tells the kernel who compiled it. On bare metal the image is linked by the hal's script.

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=hal/linker.ld");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let answer = Command::new(rustc).arg("--version").output();
    let version = answer.map(|out| String::from_utf8_lossy(&out.stdout).trim().to_owned());
    println!("cargo:rustc-env=ECLIPSE_COMPILER={}", version.as_deref().unwrap_or("rustc"));
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "none") {
        let dir = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
        println!("cargo:rustc-link-arg-bins=-T{dir}/hal/linker.ld");
        // Both GNU ld and rust-lld would otherwise align segments to 2 MiB in the file.
        println!("cargo:rustc-link-arg-bins=-zmax-page-size=4096");
    }
}
