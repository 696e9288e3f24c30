//! What the machine does. The only crate of the kernel with `unsafe` in it.
#![cfg_attr(metal, no_std)]
