//! The device table: which number is which driver, and what is there to be found in `/dev`.
//!
//! A driver is a file in this directory and a row in [`TABLE`]. Numbers are Linux's
//! (`Documentation/admin-guide/devices.txt`), permissions those of its devtmpfs.

pub mod bulk;
pub mod devtmpfs;
mod full;
pub mod kmsg;
mod null;
mod random;
#[cfg(test)]
mod tests;
mod tty;
mod zero;

use abi::Result;
use abi::errno::ENXIO;
use abi::fs::{OpenFlags, S_IFBLK, S_IFCHR, major, makedev, minor};
use alloc::sync::Arc;

use crate::fs::mount::Devices;
use crate::fs::{Caller, FileOps, Path};
use crate::random::Random;
use crate::tty::{Terminals, pty::SLAVE_MAJOR};

/// Every device, by number. `present` says whether this machine has it.
static TABLE: &[Device] = &[
    character("null", 1, 3, 0o666, null::open),
    character("zero", 1, 5, 0o666, zero::open),
    character("full", 1, 7, 0o666, full::open),
    character("random", 1, 8, 0o666, random::open),
    character("urandom", 1, 9, 0o666, random::open),
    character("kmsg", 1, 11, 0o644, kmsg::open),
    character("ttyS0", 4, 64, 0o600, tty::open_serial).present(tty::has_serial),
    character("ttyS1", 4, 65, 0o600, tty::open_serial).present(tty::has_serial),
    character("ttyS2", 4, 66, 0o600, tty::open_serial).present(tty::has_serial),
    character("ttyS3", 4, 67, 0o600, tty::open_serial).present(tty::has_serial),
    character("tty", 5, 0, 0o666, tty::open_own),
    character("console", 5, 1, 0o600, tty::open_console),
    character("ptmx", 5, 2, 0o666, tty::open_ptmx),
    character("", SLAVE_MAJOR, 0, 0o600, tty::open_slave).minors(MINORS),
];

/// The names that `/proc/devices` gives to major numbers: character devices, then block devices.
pub static MAJORS: [&[(u32, &str)]; 2] = [
    &[
        (1, "mem"),
        (4, "ttyS"),
        (5, "/dev/tty"),
        (5, "/dev/console"),
        (5, "/dev/ptmx"),
        (128, "ptm"),
        (SLAVE_MAJOR, "pts"),
    ],
    &[],
];

/// What drivers work with.
pub struct Drivers {
    /// The kernel's random numbers.
    pub random: &'static Random,
    /// Its terminals.
    pub terminals: &'static Terminals,
    /// Who reads its log.
    pub log_readers: &'static kmsg::Readers,
}

/// Character or block device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Char,
    Block,
}

/// A row of the table.
pub struct Device {
    /// Name in `/dev`; empty if it has none there.
    pub name: &'static str,
    kind: Kind,
    major: u32,
    /// The first of `minors` minor numbers.
    minor: u32,
    minors: u32,
    perm: u32,
    open: Open,
    present: fn(&Drivers, u32) -> bool,
}

/// Opens the device with a certain minor number.
type Open = fn(&'static Drivers, &Opening) -> Result<Arc<dyn FileOps>>;

/// How a device is opened.
struct Opening<'a> {
    minor: u32,
    /// Where its node is; block devices have none here.
    path: Option<&'a Path>,
    flags: OpenFlags,
    caller: &'a Caller<'a>,
}

const fn character(name: &'static str, major: u32, minor: u32, perm: u32, open: Open) -> Device {
    Device { name, kind: Kind::Char, major, minor, minors: 1, perm, open, present: |_, _| true }
}

/// Minor numbers there are (`MINORBITS`).
const MINORS: u32 = 1 << 20;

impl Device {
    const fn present(self, present: fn(&Drivers, u32) -> bool) -> Self {
        Self { present, ..self }
    }

    const fn minors(self, minors: u32) -> Self {
        Self { minors, ..self }
    }

    /// Whether it is `dev`.
    fn covers(&self, kind: Kind, dev: u64) -> bool {
        let first = self.minor..self.minor.saturating_add(self.minors);
        self.kind == kind && self.major == major(dev) && first.contains(&minor(dev))
    }

    /// Its number.
    pub fn dev(&self) -> u64 {
        makedev(self.major, self.minor)
    }

    /// Type and permissions of its node.
    pub fn mode(&self) -> u32 {
        let kind = match self.kind {
            Kind::Char => S_IFCHR,
            Kind::Block => S_IFBLK,
        };
        kind | self.perm
    }
}

impl Drivers {
    /// The devices of this machine, for the nodes in `/dev`.
    pub fn devices(&self) -> impl Iterator<Item = &'static Device> + '_ {
        TABLE
            .iter()
            .filter(|device| !device.name.is_empty() && (device.present)(self, device.minor))
    }

    fn open(
        &'static self,
        kind: Kind,
        dev: u64,
        path: Option<&Path>,
        flags: OpenFlags,
        caller: &Caller,
    ) -> Result<Arc<dyn FileOps>> {
        let device = TABLE.iter().find(|device| device.covers(kind, dev)).ok_or(ENXIO)?;
        if !(device.present)(self, device.minor) {
            return Err(ENXIO);
        }
        (device.open)(self, &Opening { minor: minor(dev), path, flags, caller })
    }
}

/// The table as file systems see it.
pub struct DeviceTable(pub &'static Drivers);

impl Devices for DeviceTable {
    fn open_char(
        &self,
        dev: u64,
        path: &Path,
        flags: OpenFlags,
        c: &Caller,
    ) -> Result<Arc<dyn FileOps>> {
        self.0.open(Kind::Char, dev, Some(path), flags, c)
    }

    fn open_block(&self, dev: u64, flags: OpenFlags, c: &Caller) -> Result<Arc<dyn FileOps>> {
        self.0.open(Kind::Block, dev, None, flags, c)
    }
}
