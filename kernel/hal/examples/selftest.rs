#![cfg_attr(target_os="none", no_std, no_main)]
#[cfg(target_os="none")]
#[unsafe(no_mangle)] pub fn foo() { hal::touch() }
#[cfg(not(target_os="none"))]
fn main() { hal::touch() }
