//! The whole kernel on the host machine: scripted programs make real system calls, and touch their
//! memory through the page tables that the kernel wrote. Each test boots a kernel of its own.

mod exec;
mod failures;
mod families;
mod files;
mod fuzz;
mod kernels;
mod memory;
mod pipes;
mod proc;
mod signals;
mod support;
mod time;
mod trace;
