//! What Eclipse thinks: the kernel above the machine. No `unsafe`.
#![no_std]
#![forbid(unsafe_code)]
