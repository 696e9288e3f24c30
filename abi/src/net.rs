//! Sockets: the few facts needed before there is a network (`linux/socket.h`, `linux/net.h`).

/// Bytes in `struct sockaddr_storage`, the largest socket address.
pub const SOCKADDR_STORAGE_SIZE: usize = 128;
/// Bytes in `struct sockaddr_un`.
pub const SOCKADDR_UN_SIZE: usize = 110;
/// Bytes of the path in `struct sockaddr_un`.
pub const UNIX_PATH_MAX: usize = 108;
/// Bytes in `struct sockaddr_in`.
pub const SOCKADDR_IN_SIZE: usize = 16;
/// Bytes in `struct sockaddr_in6`.
pub const SOCKADDR_IN6_SIZE: usize = 28;

/// Address families are below this.
pub const AF_MAX: u32 = 46;
/// Kinds of socket are below this.
pub const SOCK_MAX: u32 = 11;
/// The bits of socket(2)'s type that hold the kind; the others are [`SockFlags`].
pub const SOCK_TYPE_MASK: u32 = 0xf;

consts! {
    /// Address families.
    pub AF_NAMES: u16 {
        AF_UNSPEC = 0, AF_UNIX = 1, AF_INET = 2, AF_INET6 = 10, AF_NETLINK = 16, AF_PACKET = 17,
        AF_VSOCK = 40,
    }

    /// Kinds of socket.
    pub SOCK_NAMES: u32 {
        SOCK_STREAM = 1, SOCK_DGRAM = 2, SOCK_RAW = 3, SOCK_RDM = 4, SOCK_SEQPACKET = 5,
    }
}

flags! {
    /// Flags in socket(2)'s type, without `SOCK_`.
    pub struct SockFlags: u32 { CLOEXEC = 0o2000000, NONBLOCK = 0o4000 }
}
