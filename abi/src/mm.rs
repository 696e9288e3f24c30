//! Memory: mmap(2) and its family (`asm-generic/mman.h`, `linux/mman.h`).

/// Bytes in the smallest page.
pub const PAGE_SIZE: usize = 4096;

flags! {
    /// Protection of mmap(2) and mprotect(2), without `PROT_`.
    pub struct Prot: u32 {
        NONE = 0, READ = 1, WRITE = 2, EXEC = 4,
        /// For atomic operations; without meaning on x86.
        SEM = 8,
        GROWSDOWN = 0x0100_0000, GROWSUP = 0x0200_0000,
    }

    /// Flags of mmap(2), without `MAP_`; the lowest four bits are a type, see [`MapFlags::TYPE`].
    pub struct MapFlags: u32 {
        FILE = 0,
        SHARED_VALIDATE = 0x03, SHARED = 0x01, PRIVATE = 0x02,
        FIXED = 0x10, ANONYMOUS = 0x20,
        /// Below 2 GiB (x86-64).
        M32BIT = 0x40,
        GROWSDOWN = 0x0100, DENYWRITE = 0x0800, EXECUTABLE = 0x1000, LOCKED = 0x2000,
        NORESERVE = 0x4000, POPULATE = 0x8000, NONBLOCK = 0x1_0000, STACK = 0x2_0000,
        HUGETLB = 0x4_0000, SYNC = 0x8_0000, FIXED_NOREPLACE = 0x10_0000,
        UNINITIALIZED = 0x400_0000,
    }

    /// Flags of mremap(2), without `MREMAP_`.
    pub struct MremapFlags: u32 { MAYMOVE = 1, FIXED = 2, DONTUNMAP = 4 }

    /// Flags of msync(2), without `MS_`.
    pub struct MsyncFlags: u32 { ASYNC = 1, INVALIDATE = 2, SYNC = 4 }

    /// Flags of mlockall(2), without `MCL_`.
    pub struct MclFlags: u32 { CURRENT = 1, FUTURE = 2, ONFAULT = 4 }

    /// Flags of mlock2(2), without `MLOCK_`.
    pub struct MlockFlags: u32 { ONFAULT = 1 }

    /// Flags of swapon(2), without `SWAP_FLAG_`.
    pub struct SwapFlags: u32 {
        PREFER = 0x8000, PRIO_MASK = 0x7fff, DISCARD = 0x1_0000,
    }

    /// Flags of memfd_create(2), without `MFD_`. The size of huge pages sits above bit 26.
    pub struct MemfdFlags: u32 { CLOEXEC = 1, ALLOW_SEALING = 2, HUGETLB = 4 }

    /// Seals of `F_ADD_SEALS`, without `F_SEAL_`.
    pub struct Seals: u32 { SEAL = 1, SHRINK = 2, GROW = 4, WRITE = 8, FUTURE_WRITE = 16 }
}

impl MapFlags {
    /// The bits that hold the type: one of `SHARED`, `PRIVATE`, `SHARED_VALIDATE`.
    pub const TYPE: Self = Self(0x0f);

    /// With `HUGETLB`: pages of 2 MiB.
    pub const HUGE_2MB: Self = Self(21 << Self::HUGE_SHIFT);
    /// With `HUGETLB`: pages of 1 GiB.
    pub const HUGE_1GB: Self = Self(30 << Self::HUGE_SHIFT);
    /// Where the size of huge pages stands, as a power of two in six bits (`MAP_HUGE_SHIFT`).
    const HUGE_SHIFT: u32 = 26;

    /// The size of huge pages that is asked for, as a power of two; 0: the usual one.
    pub const fn huge_shift(self) -> u32 {
        self.0 >> Self::HUGE_SHIFT & 0x3f
    }

    /// Whether unknown flags are errors.
    pub const fn is_validated(self) -> bool {
        self.map_type().0 == Self::SHARED_VALIDATE.0
    }

    /// The type alone.
    #[inline]
    pub const fn map_type(self) -> Self {
        Self(self.0 & Self::TYPE.0)
    }
}

consts! {
    /// Advice of madvise(2).
    pub MADV_NAMES: u32 {
        MADV_NORMAL = 0, MADV_RANDOM = 1, MADV_SEQUENTIAL = 2, MADV_WILLNEED = 3,
        MADV_DONTNEED = 4, MADV_FREE = 8, MADV_REMOVE = 9, MADV_DONTFORK = 10, MADV_DOFORK = 11,
        MADV_MERGEABLE = 12, MADV_UNMERGEABLE = 13, MADV_HUGEPAGE = 14, MADV_NOHUGEPAGE = 15,
        MADV_DONTDUMP = 16, MADV_DODUMP = 17, MADV_WIPEONFORK = 18, MADV_KEEPONFORK = 19,
        MADV_COLD = 20, MADV_PAGEOUT = 21, MADV_POPULATE_READ = 22, MADV_POPULATE_WRITE = 23,
        MADV_DONTNEED_LOCKED = 24, MADV_COLLAPSE = 25, MADV_HWPOISON = 100,
        MADV_SOFT_OFFLINE = 101,
    }

    /// Commands of membarrier(2).
    pub MEMBARRIER_NAMES: u32 {
        MEMBARRIER_CMD_QUERY = 0, MEMBARRIER_CMD_GLOBAL = 1 << 0,
        MEMBARRIER_CMD_GLOBAL_EXPEDITED = 1 << 1,
        MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED = 1 << 2,
        MEMBARRIER_CMD_PRIVATE_EXPEDITED = 1 << 3,
        MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED = 1 << 4,
        MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE = 1 << 5,
        MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE = 1 << 6,
        MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ = 1 << 7,
        MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ = 1 << 8,
    }

    /// Modes of set_mempolicy(2).
    pub MPOL_NAMES: u32 {
        MPOL_DEFAULT = 0, MPOL_PREFERRED = 1, MPOL_BIND = 2, MPOL_INTERLEAVE = 3, MPOL_LOCAL = 4,
    }

    /// Rights a protection key denies, for pkey_alloc(2).
    pub PKEY_NAMES: u32 { PKEY_DISABLE_ACCESS = 1, PKEY_DISABLE_WRITE = 2 }
}
