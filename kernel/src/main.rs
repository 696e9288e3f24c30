//! The kernel image: joins the machine and the kernel.
fn main() {}
