//! On bare metal the image is linked by the hal's script; elsewhere there is nothing to do.

fn main() {
    println!("cargo:rerun-if-changed=hal/linker.ld");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "none") {
        let dir = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
        println!("cargo:rustc-link-arg-bins=-T{dir}/hal/linker.ld");
        // Both GNU ld and rust-lld would otherwise align segments to 2 MiB in the file.
        println!("cargo:rustc-link-arg-bins=-zmax-page-size=4096");
    }
}
