//! What uname(2) says: the kernel's own names, and those of the host.

/// uname -s: programs look for a Linux of the reference's version.
pub const SYSNAME: &[u8] = b"Linux";
/// uname -r
pub const RELEASE: &[u8] = b"6.1.0-eclipse";
/// uname -v
pub const VERSION: &[u8] = b"#1 SMP Eclipse";
/// uname -m
pub const MACHINE: &[u8] = b"x86_64";

/// Bytes of a name at most (`__NEW_UTS_LEN`).
pub const NAME_LEN: usize = 64;

/// A host or domain name.
pub type Name = heapless::Vec<u8, NAME_LEN>;

/// The name Linux gives a host that has none.
const NO_NAME: &[u8] = b"(none)";

/// Host and domain name (`struct new_utsname`'s changeable half).
pub struct Uts {
    /// uname -n
    pub nodename: Name,
    /// NIS domain.
    pub domainname: Name,
}

impl Uts {
    /// No names yet.
    pub(super) const fn new() -> Self {
        Self { nodename: Name::new(), domainname: Name::new() }
    }

    /// Names the host as Linux does at boot.
    pub fn name_host(&mut self) {
        for name in [&mut self.nodename, &mut self.domainname] {
            name.clear();
            // Six bytes of sixty-four.
            let _ = name.extend_from_slice(NO_NAME);
        }
    }
}
