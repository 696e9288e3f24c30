//! The error numbers and what they mean.
//!
//! Names and numbers are Linux's (`errno-base.h`, `errno.h`); the texts are what strerror(3)
//! prints in the C locale.

use core::fmt;

/// An error as a system call reports it: a small positive number.
///
/// `Debug` prints the name (`ENOENT`), `Display` the text (`No such file or directory`).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Errno(pub u16);

/// What fails with an [`Errno`].
pub type Result<T> = core::result::Result<T, Errno>;

/// The highest error number a system call may return: results from `-MAX_ERRNO` to -1 are errors.
pub const MAX_ERRNO: u16 = 4095;

impl Errno {
    /// The error as a system call returns it in `rax`.
    #[inline]
    pub const fn as_neg(self) -> isize {
        -(self.0 as isize)
    }

    /// The error in a system call's result, if it is one.
    #[inline]
    pub const fn from_neg(result: isize) -> Option<Self> {
        if result < 0 && result >= -(MAX_ERRNO as isize) {
            Some(Self(-result as u16))
        } else {
            None
        }
    }

    /// Whether this is one of the restart codes, which must never reach user space.
    #[inline]
    pub const fn is_restart(self) -> bool {
        matches!(self, ERESTARTSYS | ERESTARTNOINTR | ERESTARTNOHAND | ERESTART_RESTARTBLOCK)
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => write!(f, "errno {}", self.0),
        }
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.text() {
            Some(text) => f.pad(text),
            None => write!(f, "Unknown error {}", self.0),
        }
    }
}

impl core::error::Error for Errno {}

macro_rules! errnos {
    (
        user { $($name:ident = $n:literal $text:literal),* $(,)? }
        kernel { $($(#[$m:meta])* $kname:ident = $kn:literal),* $(,)? }
    ) => {
        $(
            #[doc = $text]
            pub const $name: Errno = Errno($n);
        )*
        $(
            $(#[$m])*
            pub const $kname: Errno = Errno($kn);
        )*

        /// Every error user space can see, by rising number.
        pub const ALL: &[(Errno, &str)] = &[$(($name, stringify!($name))),*];

        impl Errno {
            /// The name, such as `ENOENT`.
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $($name => Some(stringify!($name)),)*
                    $($kname => Some(stringify!($kname)),)*
                    _ => None,
                }
            }

            /// The text strerror(3) prints.
            pub const fn text(self) -> Option<&'static str> {
                match self {
                    $($name => Some($text),)*
                    _ => None,
                }
            }
        }
    };
}

/// The same number as `EAGAIN` on Linux.
pub const EWOULDBLOCK: Errno = EAGAIN;
/// The same number as `EDEADLK` on x86.
pub const EDEADLOCK: Errno = EDEADLK;
/// The same number as `EOPNOTSUPP` on Linux.
pub const ENOTSUP: Errno = EOPNOTSUPP;

errnos! {
    user {
        EPERM = 1 "Operation not permitted",
        ENOENT = 2 "No such file or directory",
        ESRCH = 3 "No such process",
        EINTR = 4 "Interrupted system call",
        EIO = 5 "Input/output error",
        ENXIO = 6 "No such device or address",
        E2BIG = 7 "Argument list too long",
        ENOEXEC = 8 "Exec format error",
        EBADF = 9 "Bad file descriptor",
        ECHILD = 10 "No child processes",
        EAGAIN = 11 "Resource temporarily unavailable",
        ENOMEM = 12 "Cannot allocate memory",
        EACCES = 13 "Permission denied",
        EFAULT = 14 "Bad address",
        ENOTBLK = 15 "Block device required",
        EBUSY = 16 "Device or resource busy",
        EEXIST = 17 "File exists",
        EXDEV = 18 "Invalid cross-device link",
        ENODEV = 19 "No such device",
        ENOTDIR = 20 "Not a directory",
        EISDIR = 21 "Is a directory",
        EINVAL = 22 "Invalid argument",
        ENFILE = 23 "Too many open files in system",
        EMFILE = 24 "Too many open files",
        ENOTTY = 25 "Inappropriate ioctl for device",
        ETXTBSY = 26 "Text file busy",
        EFBIG = 27 "File too large",
        ENOSPC = 28 "No space left on device",
        ESPIPE = 29 "Illegal seek",
        EROFS = 30 "Read-only file system",
        EMLINK = 31 "Too many links",
        EPIPE = 32 "Broken pipe",
        EDOM = 33 "Numerical argument out of domain",
        ERANGE = 34 "Numerical result out of range",
        EDEADLK = 35 "Resource deadlock avoided",
        ENAMETOOLONG = 36 "File name too long",
        ENOLCK = 37 "No locks available",
        ENOSYS = 38 "Function not implemented",
        ENOTEMPTY = 39 "Directory not empty",
        ELOOP = 40 "Too many levels of symbolic links",
        ENOMSG = 42 "No message of desired type",
        EIDRM = 43 "Identifier removed",
        ECHRNG = 44 "Channel number out of range",
        EL2NSYNC = 45 "Level 2 not synchronized",
        EL3HLT = 46 "Level 3 halted",
        EL3RST = 47 "Level 3 reset",
        ELNRNG = 48 "Link number out of range",
        EUNATCH = 49 "Protocol driver not attached",
        ENOCSI = 50 "No CSI structure available",
        EL2HLT = 51 "Level 2 halted",
        EBADE = 52 "Invalid exchange",
        EBADR = 53 "Invalid request descriptor",
        EXFULL = 54 "Exchange full",
        ENOANO = 55 "No anode",
        EBADRQC = 56 "Invalid request code",
        EBADSLT = 57 "Invalid slot",
        EBFONT = 59 "Bad font file format",
        ENOSTR = 60 "Device not a stream",
        ENODATA = 61 "No data available",
        ETIME = 62 "Timer expired",
        ENOSR = 63 "Out of streams resources",
        ENONET = 64 "Machine is not on the network",
        ENOPKG = 65 "Package not installed",
        EREMOTE = 66 "Object is remote",
        ENOLINK = 67 "Link has been severed",
        EADV = 68 "Advertise error",
        ESRMNT = 69 "Srmount error",
        ECOMM = 70 "Communication error on send",
        EPROTO = 71 "Protocol error",
        EMULTIHOP = 72 "Multihop attempted",
        EDOTDOT = 73 "RFS specific error",
        EBADMSG = 74 "Bad message",
        EOVERFLOW = 75 "Value too large for defined data type",
        ENOTUNIQ = 76 "Name not unique on network",
        EBADFD = 77 "File descriptor in bad state",
        EREMCHG = 78 "Remote address changed",
        ELIBACC = 79 "Can not access a needed shared library",
        ELIBBAD = 80 "Accessing a corrupted shared library",
        ELIBSCN = 81 ".lib section in a.out corrupted",
        ELIBMAX = 82 "Attempting to link in too many shared libraries",
        ELIBEXEC = 83 "Cannot exec a shared library directly",
        EILSEQ = 84 "Invalid or incomplete multibyte or wide character",
        ERESTART = 85 "Interrupted system call should be restarted",
        ESTRPIPE = 86 "Streams pipe error",
        EUSERS = 87 "Too many users",
        ENOTSOCK = 88 "Socket operation on non-socket",
        EDESTADDRREQ = 89 "Destination address required",
        EMSGSIZE = 90 "Message too long",
        EPROTOTYPE = 91 "Protocol wrong type for socket",
        ENOPROTOOPT = 92 "Protocol not available",
        EPROTONOSUPPORT = 93 "Protocol not supported",
        ESOCKTNOSUPPORT = 94 "Socket type not supported",
        EOPNOTSUPP = 95 "Operation not supported",
        EPFNOSUPPORT = 96 "Protocol family not supported",
        EAFNOSUPPORT = 97 "Address family not supported by protocol",
        EADDRINUSE = 98 "Address already in use",
        EADDRNOTAVAIL = 99 "Cannot assign requested address",
        ENETDOWN = 100 "Network is down",
        ENETUNREACH = 101 "Network is unreachable",
        ENETRESET = 102 "Network dropped connection on reset",
        ECONNABORTED = 103 "Software caused connection abort",
        ECONNRESET = 104 "Connection reset by peer",
        ENOBUFS = 105 "No buffer space available",
        EISCONN = 106 "Transport endpoint is already connected",
        ENOTCONN = 107 "Transport endpoint is not connected",
        ESHUTDOWN = 108 "Cannot send after transport endpoint shutdown",
        ETOOMANYREFS = 109 "Too many references: cannot splice",
        ETIMEDOUT = 110 "Connection timed out",
        ECONNREFUSED = 111 "Connection refused",
        EHOSTDOWN = 112 "Host is down",
        EHOSTUNREACH = 113 "No route to host",
        EALREADY = 114 "Operation already in progress",
        EINPROGRESS = 115 "Operation now in progress",
        ESTALE = 116 "Stale file handle",
        EUCLEAN = 117 "Structure needs cleaning",
        ENOTNAM = 118 "Not a XENIX named type file",
        ENAVAIL = 119 "No XENIX semaphores available",
        EISNAM = 120 "Is a named type file",
        EREMOTEIO = 121 "Remote I/O error",
        EDQUOT = 122 "Disk quota exceeded",
        ENOMEDIUM = 123 "No medium found",
        EMEDIUMTYPE = 124 "Wrong medium type",
        ECANCELED = 125 "Operation canceled",
        ENOKEY = 126 "Required key not available",
        EKEYEXPIRED = 127 "Key has expired",
        EKEYREVOKED = 128 "Key has been revoked",
        EKEYREJECTED = 129 "Key was rejected by service",
        EOWNERDEAD = 130 "Owner died",
        ENOTRECOVERABLE = 131 "State not recoverable",
        ERFKILL = 132 "Operation not possible due to RF-kill",
        EHWPOISON = 133 "Memory page has hardware error",
    }
    // How an interrupted call tells the way out of the kernel what to do about it
    // (include/linux/errno.h). There they become EINTR or a restart; user space sees none.
    kernel {
        /// Restart unless a handler without `SA_RESTART` runs.
        ERESTARTSYS = 512,
        /// Restart always, even after a handler.
        ERESTARTNOINTR = 513,
        /// Restart only if no handler runs.
        ERESTARTNOHAND = 514,
        /// Restart through restart_syscall(2) with adjusted arguments; `EINTR` after a handler.
        ERESTART_RESTARTBLOCK = 516,
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::format;

    #[test]
    fn debug_is_the_name_and_display_the_text() {
        assert_eq!(format!("{ENOENT:?} {ENOENT}"), "ENOENT No such file or directory");
        assert_eq!(format!("{ERESTARTSYS:?}"), "ERESTARTSYS");
        assert_eq!(format!("{:?} {}", Errno(41), Errno(41)), "errno 41 Unknown error 41");
    }

    #[test]
    fn results_carry_errors_as_small_negative_numbers() {
        assert_eq!(EPERM.as_neg(), -1);
        assert_eq!(Errno::from_neg(-1), Some(EPERM));
        assert_eq!(Errno::from_neg(-4095), Some(Errno(4095)));
        assert_eq!(Errno::from_neg(-4096), None);
        assert_eq!(Errno::from_neg(0), None);
        assert_eq!(Errno::from_neg(isize::MIN), None);
        assert!(ALL.iter().all(|&(e, _)| Errno::from_neg(e.as_neg()) == Some(e)));
    }

    #[test]
    fn restart_codes_are_apart() {
        assert!(ERESTARTNOHAND.is_restart());
        assert!(ALL.iter().all(|(e, _)| !e.is_restart()));
    }
}
