//! The table of `/proc` itself.
//!
//! In the order of Linux's listing: shorter names first, then by the alphabet.

use super::pid::{self, Pids};
use super::table::{Dir, leads_to, link, text};
use super::{mem, time};

pub(super) static ROOT: Dir<()> = Dir::new(&[
    text("uptime", 0o444, time::uptime),
    link("mounts", |_, _| leads_to(b"self/mounts")),
    text("meminfo", 0o444, mem::meminfo),
    link("self", pid::own),
    link("thread-self", pid::own_thread),
])
.with(&Pids);
