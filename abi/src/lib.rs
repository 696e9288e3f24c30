//! The Linux x86-64 ABI: numbers, errnos, flags and structures. Facts only, no behaviour.
#![no_std]
#![forbid(unsafe_code)]
