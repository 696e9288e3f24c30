//! Files: open flags, modes, stat, directories, fcntl, mounts
//! (`asm-generic/fcntl.h`, `linux/stat.h`, `linux/fs.h`, `linux/mount.h`).

mod stat;

pub use stat::*;

consts! {
    /// Limits (`linux/limits.h`). Paths include their NUL, names do not.
    pub LIMIT_NAMES: usize {
        NAME_MAX = 255, PATH_MAX = 4096, PIPE_BUF = 4096, NGROUPS_MAX = 65536,
        XATTR_NAME_MAX = 255, XATTR_SIZE_MAX = 65536, XATTR_LIST_MAX = 65536,
    }

    /// Most pieces in one readv(2), writev(2) and the like (`linux/uio.h`).
    pub UIO_NAMES: usize { UIO_FASTIOV = 8, UIO_MAXIOV = 1024 }
}

/// [`UIO_MAXIOV`] under its POSIX name.
pub const IOV_MAX: usize = UIO_MAXIOV;
/// Most symbolic links followed in one path (`linux/namei.h`, not shown to user space).
pub const MAXSYMLINKS: usize = 40;
/// Most bytes one read or write moves: `INT_MAX` down to a whole page; longer ones are cut.
pub const MAX_RW_COUNT: usize = 0x7fff_f000;

flags! {
    /// Flags of open(2), without `O_`. The lowest two bits are the access mode, see
    /// [`OpenFlags::ACCMODE`].
    pub struct OpenFlags: u32 {
        RDONLY = 0, WRONLY = 1, RDWR = 2, CREAT = 0o100, EXCL = 0o200, NOCTTY = 0o400,
        TRUNC = 0o1000, APPEND = 0o2000, NONBLOCK = 0o4000,
        /// Includes `DSYNC`.
        SYNC = 0o4010000,
        DSYNC = 0o10000, ASYNC = 0o20000, DIRECT = 0o40000, LARGEFILE = 0o100000,
        /// Includes `DIRECTORY`.
        TMPFILE = 0o20200000,
        DIRECTORY = 0o200000, NOFOLLOW = 0o400000, NOATIME = 0o1000000, CLOEXEC = 0o2000000,
        PATH = 0o10000000,
    }

    /// Mode bits below the file type, as chmod(2) takes them; without `S_`.
    pub struct ModeBits: u32 {
        ISUID = 0o4000, ISGID = 0o2000, ISVTX = 0o1000,
        IRWXU = 0o700, IRUSR = 0o400, IWUSR = 0o200, IXUSR = 0o100,
        IRWXG = 0o070, IRGRP = 0o040, IWGRP = 0o020, IXGRP = 0o010,
        IRWXO = 0o007, IROTH = 0o004, IWOTH = 0o002, IXOTH = 0o001,
    }

    /// Flags of the `*at` calls, without `AT_`. [`AT_REMOVEDIR`] and [`AT_EACCESS`] share a bit.
    pub struct AtFlags: u32 {
        SYMLINK_NOFOLLOW = 0x100, EACCESS = 0x200, SYMLINK_FOLLOW = 0x400, NO_AUTOMOUNT = 0x800,
        EMPTY_PATH = 0x1000, STATX_FORCE_SYNC = 0x2000, STATX_DONT_SYNC = 0x4000,
        RECURSIVE = 0x8000,
    }

    /// What faccessat(2) asks for, without the last `_OK`: `F_OK` is none of them.
    pub struct AccessMode: u32 { X = 1, W = 2, R = 4 }

    /// Flags of renameat2(2), without `RENAME_`.
    pub struct RenameFlags: u32 { NOREPLACE = 1, EXCHANGE = 2, WHITEOUT = 4 }

    /// Flags of preadv2(2), without `RWF_`.
    pub struct RwfFlags: u32 { HIPRI = 1, DSYNC = 2, SYNC = 4, NOWAIT = 8, APPEND = 16 }

    /// Modes of fallocate(2), without `FALLOC_FL_`.
    pub struct FallocFlags: u32 {
        KEEP_SIZE = 0x01, PUNCH_HOLE = 0x02, NO_HIDE_STALE = 0x04, COLLAPSE_RANGE = 0x08,
        ZERO_RANGE = 0x10, INSERT_RANGE = 0x20, UNSHARE_RANGE = 0x40,
    }

    /// What statx(2) asks for and answers, without `STATX_`.
    pub struct StatxMask: u32 {
        BASIC_STATS = 0x7ff,
        TYPE = 0x001, MODE = 0x002, NLINK = 0x004, UID = 0x008, GID = 0x010, ATIME = 0x020,
        MTIME = 0x040, CTIME = 0x080, INO = 0x100, SIZE = 0x200, BLOCKS = 0x400, BTIME = 0x800,
        MNT_ID = 0x1000, DIOALIGN = 0x2000,
        /// Must be zero: `EINVAL`.
        _RESERVED = 0x8000_0000,
    }

    /// Attributes of a file in statx(2), without `STATX_ATTR_`.
    pub struct StatxAttr: u64 {
        COMPRESSED = 0x04, IMMUTABLE = 0x10, APPEND = 0x20, NODUMP = 0x40, ENCRYPTED = 0x800,
        AUTOMOUNT = 0x1000, MOUNT_ROOT = 0x2000, VERITY = 0x10_0000, DAX = 0x20_0000,
    }

    /// Flags of mount(2), without `MS_`.
    pub struct MountFlags: u64 {
        RDONLY = 1, NOSUID = 2, NODEV = 4, NOEXEC = 8, SYNCHRONOUS = 16, REMOUNT = 32,
        MANDLOCK = 64, DIRSYNC = 128, NOSYMFOLLOW = 256, NOATIME = 1024, NODIRATIME = 2048,
        BIND = 4096, MOVE = 8192, REC = 16384, SILENT = 32768, POSIXACL = 1 << 16,
        UNBINDABLE = 1 << 17, PRIVATE = 1 << 18, SLAVE = 1 << 19, SHARED = 1 << 20,
        RELATIME = 1 << 21, KERNMOUNT = 1 << 22, I_VERSION = 1 << 23, STRICTATIME = 1 << 24,
        LAZYTIME = 1 << 25,
    }

    /// Attributes of a mount in mount_setattr(2), without `MOUNT_ATTR_`.
    pub struct MountAttrFlags: u64 {
        RDONLY = 1, NOSUID = 2, NODEV = 4, NOEXEC = 8,
        /// Where the three ways to keep times of last read stand; zero is `RELATIME`.
        _ATIME = 0x70,
        NOATIME = 0x10, STRICTATIME = 0x20, NODIRATIME = 0x80, IDMAP = 0x10_0000,
        NOSYMFOLLOW = 0x20_0000,
    }

    /// Flags of umount2(2) (`MNT_FORCE`, `UMOUNT_NOFOLLOW`, …), without prefix.
    pub struct UmountFlags: u32 { FORCE = 1, DETACH = 2, EXPIRE = 4, NOFOLLOW = 8 }

    /// `f_flags` of statfs(2) as statvfs(3) names them, without `ST_`.
    pub struct StatfsFlags: u64 {
        RDONLY = 1, NOSUID = 2, NODEV = 4, NOEXEC = 8, SYNCHRONOUS = 16,
        /// Kernel only: the flags are there at all.
        VALID = 0x20,
        MANDLOCK = 64, NOATIME = 1024, NODIRATIME = 2048, RELATIME = 4096, NOSYMFOLLOW = 8192,
    }

    /// Flags of close_range(2), without `CLOSE_RANGE_`.
    pub struct CloseRangeFlags: u32 { UNSHARE = 2, CLOEXEC = 4 }

    /// Flags of setxattr(2), without `XATTR_`.
    pub struct XattrFlags: u32 { CREATE = 1, REPLACE = 2 }

    /// Flags of splice(2), tee(2) and vmsplice(2), without `SPLICE_F_`.
    pub struct SpliceFlags: u32 { MOVE = 1, NONBLOCK = 2, MORE = 4, GIFT = 8 }

    /// Flags of sync_file_range(2), without `SYNC_FILE_RANGE_`.
    pub struct SyncRangeFlags: u32 { WAIT_BEFORE = 1, WRITE = 2, WAIT_AFTER = 4 }

    /// Operations of flock(2), without `LOCK_`.
    pub struct FlockOp: u32 { SH = 1, EX = 2, NB = 4, UN = 8, MAND = 32 }

    /// Events and flags of inotify(7), without `IN_`.
    pub struct InotifyMask: u32 {
        ACCESS = 0x001, MODIFY = 0x002, ATTRIB = 0x004, CLOSE_WRITE = 0x008,
        CLOSE_NOWRITE = 0x010, OPEN = 0x020, MOVED_FROM = 0x040, MOVED_TO = 0x080,
        CREATE = 0x100, DELETE = 0x200, DELETE_SELF = 0x400, MOVE_SELF = 0x800,
        UNMOUNT = 0x2000, Q_OVERFLOW = 0x4000, IGNORED = 0x8000, ONLYDIR = 0x0100_0000,
        DONT_FOLLOW = 0x0200_0000, EXCL_UNLINK = 0x0400_0000, MASK_CREATE = 0x1000_0000,
        MASK_ADD = 0x2000_0000, ISDIR = 0x4000_0000, ONESHOT = 0x8000_0000,
    }

    /// Flags of inotify_init1(2), without `IN_`.
    pub struct InotifyInitFlags: u32 { CLOEXEC = 0o2000000, NONBLOCK = 0o4000 }

    /// How openat2(2) resolves a path, without `RESOLVE_`.
    pub struct ResolveFlags: u64 {
        NO_XDEV = 0x01, NO_MAGICLINKS = 0x02, NO_SYMLINKS = 0x04, BENEATH = 0x08, IN_ROOT = 0x10,
        CACHED = 0x20,
    }
}

impl OpenFlags {
    /// The bits that hold the access mode; the value 3 means neither read nor write, only ioctl.
    pub const ACCMODE: Self = Self(3);

    /// The access mode alone.
    #[inline]
    pub const fn access(self) -> Self {
        Self(self.0 & Self::ACCMODE.0)
    }

    /// Whether the access mode allows reading.
    #[inline]
    pub const fn reads(self) -> bool {
        matches!(self.access(), Self::RDONLY | Self::RDWR)
    }

    /// Whether the access mode allows writing.
    #[inline]
    pub const fn writes(self) -> bool {
        matches!(self.access(), Self::WRONLY | Self::RDWR)
    }
}

consts! {
    /// File types in `st_mode`, and their mask.
    pub MODE_NAMES: u32 {
        S_IFMT = 0o170000, S_IFSOCK = 0o140000, S_IFLNK = 0o120000, S_IFREG = 0o100000,
        S_IFBLK = 0o060000, S_IFDIR = 0o040000, S_IFCHR = 0o020000, S_IFIFO = 0o010000,
        S_ISUID = 0o4000, S_ISGID = 0o2000, S_ISVTX = 0o1000,
        S_IRWXU = 0o700, S_IRUSR = 0o400, S_IWUSR = 0o200, S_IXUSR = 0o100,
        S_IRWXG = 0o070, S_IRGRP = 0o040, S_IWGRP = 0o020, S_IXGRP = 0o010,
        S_IRWXO = 0o007, S_IROTH = 0o004, S_IWOTH = 0o002, S_IXOTH = 0o001,
    }

    /// File types in a directory entry: `S_IFMT` shifted down by 12.
    pub DT_NAMES: u8 {
        DT_UNKNOWN = 0, DT_FIFO = 1, DT_CHR = 2, DT_DIR = 4, DT_BLK = 6, DT_REG = 8, DT_LNK = 10,
        DT_SOCK = 12, DT_WHT = 14,
    }

    /// In place of a directory descriptor: the working directory.
    pub AT_FD_NAMES: i32 { AT_FDCWD = -100 }

    /// The two meanings of one bit: unlinkat(2)'s and faccessat2(2)'s.
    pub AT_SHARED_NAMES: u32 { AT_REMOVEDIR = 0x200, AT_EACCESS = 0x200 }

    /// Where lseek(2) counts from.
    pub SEEK_NAMES: u32 {
        SEEK_SET = 0, SEEK_CUR = 1, SEEK_END = 2, SEEK_DATA = 3, SEEK_HOLE = 4,
    }

    /// Commands of fcntl(2).
    pub FCNTL_NAMES: u32 {
        F_DUPFD = 0, F_GETFD = 1, F_SETFD = 2, F_GETFL = 3, F_SETFL = 4, F_GETLK = 5,
        F_SETLK = 6, F_SETLKW = 7, F_SETOWN = 8, F_GETOWN = 9, F_SETSIG = 10, F_GETSIG = 11,
        F_SETOWN_EX = 15, F_GETOWN_EX = 16, F_GETOWNER_UIDS = 17, F_OFD_GETLK = 36,
        F_OFD_SETLK = 37, F_OFD_SETLKW = 38, F_SETLEASE = 1024, F_GETLEASE = 1025,
        F_NOTIFY = 1026, F_CANCELLK = 1029, F_DUPFD_CLOEXEC = 1030, F_SETPIPE_SZ = 1031,
        F_GETPIPE_SZ = 1032, F_ADD_SEALS = 1033, F_GET_SEALS = 1034, F_GET_RW_HINT = 1035,
        F_SET_RW_HINT = 1036, F_GET_FILE_RW_HINT = 1037, F_SET_FILE_RW_HINT = 1038,
    }

    /// The descriptor flag of `F_SETFD`.
    pub FD_FLAG_NAMES: u32 { FD_CLOEXEC = 1 }

    /// Kinds of record lock, `l_type`.
    pub LOCK_NAMES: i16 { F_RDLCK = 0, F_WRLCK = 1, F_UNLCK = 2 }

    /// How long what is written is expected to live (`F_SET_RW_HINT`).
    pub RW_HINT_NAMES: u64 {
        RWH_WRITE_LIFE_NOT_SET = 0, RWH_WRITE_LIFE_NONE = 1, RWH_WRITE_LIFE_SHORT = 2,
        RWH_WRITE_LIFE_MEDIUM = 3, RWH_WRITE_LIFE_LONG = 4, RWH_WRITE_LIFE_EXTREME = 5,
    }

    /// Kinds of owner in `F_SETOWN_EX`.
    pub OWNER_NAMES: i32 { F_OWNER_TID = 0, F_OWNER_PID = 1, F_OWNER_PGRP = 2 }

    /// Advice of posix_fadvise(2).
    pub FADV_NAMES: u32 {
        POSIX_FADV_NORMAL = 0, POSIX_FADV_RANDOM = 1, POSIX_FADV_SEQUENTIAL = 2,
        POSIX_FADV_WILLNEED = 3, POSIX_FADV_DONTNEED = 4, POSIX_FADV_NOREUSE = 5,
    }

    /// `f_type` of file systems (`linux/magic.h`).
    pub MAGIC_NAMES: u64 {
        TMPFS_MAGIC = 0x0102_1994, RAMFS_MAGIC = 0x8584_58f6, PROC_SUPER_MAGIC = 0x9fa0,
        SYSFS_MAGIC = 0x6265_6572, DEVPTS_SUPER_MAGIC = 0x1cd1, PIPEFS_MAGIC = 0x5049_5045,
        SOCKFS_MAGIC = 0x534f_434b, ANON_INODE_FS_MAGIC = 0x0904_1934, NSFS_MAGIC = 0x6e73_6673,
        EXT4_SUPER_MAGIC = 0xef53, MSDOS_SUPER_MAGIC = 0x4d44, CGROUP2_SUPER_MAGIC = 0x6367_7270,
        DEBUGFS_MAGIC = 0x6462_6720, BDEVFS_MAGIC = 0x6264_6576,
    }

    /// ioctls of every file.
    pub FIO_NAMES: u32 {
        FIOCLEX = 0x5451, FIONCLEX = 0x5450, FIOASYNC = 0x5452, FIONBIO = 0x5421,
        FIONREAD = 0x541b, FIOQSIZE = 0x5460,
    }

    /// ioctl commands of `/dev/random`.
    pub RND_NAMES: u32 {
        RNDGETENTCNT = 0x8004_5200, RNDADDTOENTCNT = 0x4004_5201, RNDADDENTROPY = 0x4008_5203,
        RNDZAPENTCNT = 0x5204, RNDCLEARPOOL = 0x5206, RNDRESEEDCRNG = 0x5207,
    }

    /// ioctls of block devices, and of file systems.
    pub BLK_NAMES: u32 {
        BLKROSET = 0x125d, BLKROGET = 0x125e, BLKRRPART = 0x125f, BLKGETSIZE = 0x1260,
        BLKFLSBUF = 0x1261, BLKSSZGET = 0x1268, BLKBSZGET = 0x8008_1270, BLKPBSZGET = 0x127b,
        BLKGETSIZE64 = 0x8008_1272, FIGETBSZ = 2, FICLONE = 0x4004_9409,
        FS_IOC_GETFLAGS = 0x8008_6601, FS_IOC_SETFLAGS = 0x4008_6602,
    }
}

/// Whether `mode` is a regular file's.
pub const fn s_isreg(mode: u32) -> bool {
    mode & S_IFMT == S_IFREG
}

/// Whether `mode` is a directory's.
pub const fn s_isdir(mode: u32) -> bool {
    mode & S_IFMT == S_IFDIR
}

/// Whether `mode` is a symbolic link's.
pub const fn s_islnk(mode: u32) -> bool {
    mode & S_IFMT == S_IFLNK
}

/// Whether `mode` is a character device's.
pub const fn s_ischr(mode: u32) -> bool {
    mode & S_IFMT == S_IFCHR
}

/// Whether `mode` is a block device's.
pub const fn s_isblk(mode: u32) -> bool {
    mode & S_IFMT == S_IFBLK
}

/// Whether `mode` is a pipe's.
pub const fn s_isfifo(mode: u32) -> bool {
    mode & S_IFMT == S_IFIFO
}

/// Whether `mode` is a socket's.
pub const fn s_issock(mode: u32) -> bool {
    mode & S_IFMT == S_IFSOCK
}

/// The `DT_*` of a mode (Linux's `IFTODT`).
pub const fn dt_of_mode(mode: u32) -> u8 {
    ((mode & S_IFMT) >> 12) as u8
}

wire! {
    /// `struct iovec`: a piece of memory.
    pub struct Iovec {
        /// Its address.
        pub iov_base: u64,
        /// Its bytes.
        pub iov_len: u64,
    }

    /// `struct flock`, of `F_SETLK` and its like.
    pub struct Flock {
        /// Kind, `F_RDLCK`, `F_WRLCK` or `F_UNLCK`.
        pub l_type: i16,
        /// Where `l_start` counts from, `SEEK_*`.
        pub l_whence: i16,
        /// First byte.
        pub l_start: i64,
        /// Bytes; 0 for all up to the end, negative for those before.
        pub l_len: i64,
        /// Holder, an answer of `F_GETLK`.
        pub l_pid: i32,
    }

    /// `struct f_owner_ex`, of `F_SETOWN_EX`.
    pub struct FOwnerEx {
        /// Kind, `F_OWNER_*`.
        pub r#type: i32,
        /// Thread, process or process group.
        pub pid: i32,
    }

    /// `struct open_how`, of openat2(2).
    pub struct OpenHow {
        /// Flags of open(2), but unknown ones are refused.
        pub flags: u64,
        /// Mode of a new file.
        pub mode: u64,
        /// How to resolve the path.
        pub resolve: ResolveFlags,
    }

    /// `struct mount_attr`, of mount_setattr(2).
    pub struct MountAttr {
        /// Attributes to set.
        pub attr_set: u64,
        /// Attributes to clear; before the others are set.
        pub attr_clr: u64,
        /// `MS_SHARED` and its like, or 0.
        pub propagation: u64,
        /// For `MOUNT_ATTR_IDMAP`.
        pub userns_fd: u64,
    }

    /// The head of `struct inotify_event`; a name of `len` bytes follows.
    pub struct InotifyEvent {
        /// The watch.
        pub wd: i32,
        /// What happened.
        pub mask: InotifyMask,
        /// Joins the two halves of a rename.
        pub cookie: u32,
        /// Bytes of name that follow, with NULs.
        pub len: u32,
    }
}

wire_packed! {
    /// The head of `struct linux_dirent64`; the name and its NUL follow at once, then zeroes up to
    /// a multiple of 8.
    pub struct Dirent64 {
        /// Inode number.
        pub d_ino: u64,
        /// Where the next entry begins, for lseek(2).
        pub d_off: i64,
        /// Bytes in the whole entry.
        pub d_reclen: u16,
        /// Type, `DT_*`.
        pub d_type: u8,
    }
}

/// `sizeof(struct mount_attr)` as first published.
pub const MOUNT_ATTR_SIZE_VER0: usize = 32;

/// `sizeof(struct open_how)` as first published.
pub const OPEN_HOW_SIZE_VER0: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_modes() {
        let rdwr = OpenFlags::RDWR | OpenFlags::CLOEXEC;
        assert!(rdwr.reads() && rdwr.writes());
        assert!(OpenFlags::RDONLY.reads() && !OpenFlags::RDONLY.writes());
        assert!(!OpenFlags::ACCMODE.reads() && !OpenFlags::ACCMODE.writes());
    }
}
