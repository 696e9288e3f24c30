//! Sockets, as far as those within one machine need it (`linux/socket.h`, `linux/net.h`,
//! `linux/un.h`).

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

/// The level of options that all sockets have.
pub const SOL_SOCKET: i32 = 1;
/// The most connections that wait to be accepted, whatever listen(2) asks for.
pub const SOMAXCONN: usize = 4096;
/// Bytes in the family at the beginning of every address.
pub const SA_FAMILY_SIZE: usize = 2;

consts! {
    /// Options of all sockets.
    pub SO_NAMES: i32 {
        SO_TYPE = 3, SO_ERROR = 4, SO_SNDBUF = 7, SO_RCVBUF = 8, SO_PEERCRED = 17,
        SO_ACCEPTCONN = 30, SO_PROTOCOL = 38, SO_DOMAIN = 39,
    }

    /// What shutdown(2) ends.
    pub SHUT_NAMES: u32 { SHUT_RD = 0, SHUT_WR = 1, SHUT_RDWR = 2 }
}

wire! {
    /// `struct ucred`: who is at the other end.
    pub struct Ucred {
        /// Process.
        pub pid: i32,
        /// User.
        pub uid: u32,
        /// Group.
        pub gid: u32,
    }
}

flags! {
    /// Flags of send(2) and recv(2), without `MSG_`.
    pub struct MsgFlags: u32 {
        OOB = 0x1, PEEK = 0x2, DONTROUTE = 0x4, CTRUNC = 0x8, TRUNC = 0x20, DONTWAIT = 0x40,
        EOR = 0x80, WAITALL = 0x100, CONFIRM = 0x800, ERRQUEUE = 0x2000, NOSIGNAL = 0x4000,
        MORE = 0x8000, CMSG_CLOEXEC = 0x40000000,
    }

    /// Flags in socket(2)'s type, without `SOCK_`.
    pub struct SockFlags: u32 { CLOEXEC = 0o2000000, NONBLOCK = 0o4000 }
}
