//! What stat(2), statx(2) and statfs(2) tell, and device numbers
//! (`asm/stat.h`, `linux/stat.h`, `asm-generic/statfs.h`, `linux/kdev_t.h`).

use super::{StatfsFlags, StatxAttr, StatxMask};

wire! {
    /// `struct stat`, 144 bytes.
    pub struct Stat {
        /// Device the file lies on.
        pub st_dev: u64,
        /// Inode number.
        pub st_ino: u64,
        /// Number of names.
        pub st_nlink: u64,
        /// Type and permissions.
        pub st_mode: u32,
        /// Owner.
        pub st_uid: u32,
        /// Group.
        pub st_gid: u32,
        /// The device the file is.
        pub st_rdev: u64,
        /// Length in bytes.
        pub st_size: i64,
        /// Bytes best read or written at once.
        pub st_blksize: i64,
        /// Space taken, in units of 512 bytes whatever `st_blksize` says.
        pub st_blocks: i64,
        /// Time of last read: seconds.
        pub st_atime: i64,
        /// Time of last read: nanoseconds.
        pub st_atime_nsec: i64,
        /// Time of last write: seconds.
        pub st_mtime: i64,
        /// Time of last write: nanoseconds.
        pub st_mtime_nsec: i64,
        /// Time of last change of the inode: seconds.
        pub st_ctime: i64,
        /// Time of last change of the inode: nanoseconds.
        pub st_ctime_nsec: i64,
        /// Zero.
        pub __unused: [i64; 3],
    }

    /// `struct statx_timestamp`.
    pub struct StatxTimestamp {
        /// Seconds.
        pub tv_sec: i64,
        /// Nanoseconds.
        pub tv_nsec: u32,
    }

    /// `struct statx`, 256 bytes.
    pub struct Statx {
        /// What was filled in.
        pub stx_mask: StatxMask,
        /// Bytes best read or written at once.
        pub stx_blksize: u32,
        /// Attributes that are set.
        pub stx_attributes: StatxAttr,
        /// Number of names.
        pub stx_nlink: u32,
        /// Owner.
        pub stx_uid: u32,
        /// Group.
        pub stx_gid: u32,
        /// Type and permissions.
        pub stx_mode: u16,
        /// Inode number.
        pub stx_ino: u64,
        /// Length in bytes.
        pub stx_size: u64,
        /// Space taken, in units of 512 bytes.
        pub stx_blocks: u64,
        /// Attributes the file system knows.
        pub stx_attributes_mask: StatxAttr,
        /// Time of last read.
        pub stx_atime: StatxTimestamp,
        /// Time of birth.
        pub stx_btime: StatxTimestamp,
        /// Time of last change of the inode.
        pub stx_ctime: StatxTimestamp,
        /// Time of last write.
        pub stx_mtime: StatxTimestamp,
        /// The device the file is: major.
        pub stx_rdev_major: u32,
        /// The device the file is: minor.
        pub stx_rdev_minor: u32,
        /// Device the file lies on: major.
        pub stx_dev_major: u32,
        /// Device the file lies on: minor.
        pub stx_dev_minor: u32,
        /// The mount.
        pub stx_mnt_id: u64,
        /// Alignment of memory for direct I/O.
        pub stx_dio_mem_align: u32,
        /// Alignment of offsets for direct I/O.
        pub stx_dio_offset_align: u32,
        /// Zero.
        pub __spare3: [u64; 12],
    }

    /// `struct statfs`, 120 bytes.
    pub struct Statfs {
        /// Kind of file system, `*_MAGIC`.
        pub f_type: i64,
        /// Bytes in a block.
        pub f_bsize: i64,
        /// Blocks.
        pub f_blocks: i64,
        /// Free blocks.
        pub f_bfree: i64,
        /// Free blocks for everyone.
        pub f_bavail: i64,
        /// Inodes.
        pub f_files: i64,
        /// Free inodes.
        pub f_ffree: i64,
        /// Identity of the file system.
        pub f_fsid: [i32; 2],
        /// Longest name.
        pub f_namelen: i64,
        /// Bytes in a fragment.
        pub f_frsize: i64,
        /// How it is mounted.
        pub f_flags: StatfsFlags,
        /// Zero.
        pub f_spare: [i64; 4],
    }
}

/// A device number as `st_rdev` has it: 12 + 20 bits of major, 8 + 24 bits of minor, interleaved.
///
/// This is makedev(3)'s 64-bit encoding. For the numbers Linux uses (major below 2^12, minor below
/// 2^20) it has the same value as the kernel's 32-bit one, [`new_encode_dev`].
pub const fn makedev(major: u32, minor: u32) -> u64 {
    let (major, minor) = (major as u64, minor as u64);
    (major & 0xfff) << 8 | (major & !0xfff) << 32 | (minor & 0xff) | (minor & !0xff) << 12
}

/// The major number in a [`makedev`].
pub const fn major(dev: u64) -> u32 {
    ((dev >> 8 & 0xfff) | (dev >> 32 & !0xfff)) as u32
}

/// The minor number in a [`makedev`].
pub const fn minor(dev: u64) -> u32 {
    ((dev & 0xff) | (dev >> 12 & !0xff)) as u32
}

/// A device number as mknod(2) takes it and `/proc/PID/stat` shows `tty_nr`: 32 bits, of which
/// 12 are the major number's and 20 the minor's.
pub const fn new_encode_dev(major: u32, minor: u32) -> u32 {
    (minor & 0xff) | (major & 0xfff) << 8 | (minor & 0xf_ff00) << 12
}

/// The major and the minor number in a [`new_encode_dev`].
pub const fn new_decode_dev(dev: u32) -> (u32, u32) {
    (dev >> 8 & 0xfff, (dev & 0xff) | (dev >> 12 & 0xf_ff00))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_encodings_of_a_device_agree_where_linux_uses_them() {
        for (maj, min) in [(0, 0), (1, 3), (5, 0), (136, 255), (4, 256), (0xfff, 0xf_ffff)] {
            let dev = makedev(maj, min);
            assert_eq!((major(dev), minor(dev)), (maj, min));
            assert_eq!(dev, u64::from(new_encode_dev(maj, min)));
            assert_eq!(new_decode_dev(new_encode_dev(maj, min)), (maj, min));
        }
        assert_eq!(major(makedev(u32::MAX, 0)), u32::MAX);
        assert_eq!(minor(makedev(0, u32::MAX)), u32::MAX);
    }
}
