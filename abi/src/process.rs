//! Processes and threads: clone, wait, limits, scheduling, capabilities
//! (`linux/sched.h`, `linux/wait.h`, `linux/resource.h`, `linux/prctl.h`, `linux/capability.h`).

use crate::time::Timeval;

/// Bytes of a thread's name, with its NUL (`linux/sched.h`).
pub const TASK_COMM_LEN: usize = 16;

/// The default of `/proc/sys/kernel/pid_max`: pids are below it.
pub const PID_MAX_DEFAULT: i32 = 32768;
/// The least that it can be set to (`RESERVED_PIDS` + 1).
pub const PID_MAX_MIN: i32 = 301;
/// The most (`PID_MAX_LIMIT` of a 64-bit kernel).
pub const PID_MAX_LIMIT: i32 = 4 << 20;

flags! {
    /// Flags of clone(2), clone3(2) and unshare(2), without `CLONE_`.
    ///
    /// clone(2)'s lowest byte is the signal at the child's end, see [`CSIGNAL`]; there
    /// `NEWTIME` is unknown.
    pub struct CloneFlags: u64 {
        NEWTIME = 0x80, VM = 0x100, FS = 0x200, FILES = 0x400, SIGHAND = 0x800, PIDFD = 0x1000,
        PTRACE = 0x2000, VFORK = 0x4000, PARENT = 0x8000, THREAD = 0x1_0000, NEWNS = 0x2_0000,
        SYSVSEM = 0x4_0000, SETTLS = 0x8_0000, PARENT_SETTID = 0x10_0000,
        CHILD_CLEARTID = 0x20_0000, DETACHED = 0x40_0000, UNTRACED = 0x80_0000,
        CHILD_SETTID = 0x100_0000, NEWCGROUP = 0x200_0000, NEWUTS = 0x400_0000,
        NEWIPC = 0x800_0000, NEWUSER = 0x1000_0000, NEWPID = 0x2000_0000, NEWNET = 0x4000_0000,
        IO = 0x8000_0000, CLEAR_SIGHAND = 0x1_0000_0000, INTO_CGROUP = 0x2_0000_0000,
    }

    /// Options of wait4(2) and waitid(2), without the first `W`. `STOPPED` is `UNTRACED`, too.
    pub struct WaitOptions: u32 {
        NOHANG = 1, STOPPED = 2, EXITED = 4, CONTINUED = 8, NOWAIT = 0x0100_0000,
    }

    /// Options of the wait calls that begin with two underscores, without `__W`.
    pub struct WaitKind: u32 { NOTHREAD = 0x2000_0000, ALL = 0x4000_0000, CLONE = 0x8000_0000 }

    /// Flags of getrandom(2), without `GRND_`.
    pub struct RandomFlags: u32 { NONBLOCK = 1, RANDOM = 2, INSECURE = 4 }

    /// Flags of pidfd_open(2), without `PIDFD_`.
    pub struct PidfdFlags: u32 { NONBLOCK = 0o4000 }

    /// What `PR_SET_SECUREBITS` sets, without `SECBIT_`.
    pub struct SecureBits: u32 {
        NOROOT = 1, NOROOT_LOCKED = 2, NO_SETUID_FIXUP = 4, NO_SETUID_FIXUP_LOCKED = 8,
        KEEP_CAPS = 16, KEEP_CAPS_LOCKED = 32, NO_CAP_AMBIENT_RAISE = 64,
        NO_CAP_AMBIENT_RAISE_LOCKED = 128,
    }

    /// Flags of rseq(2), without `RSEQ_FLAG_`.
    pub struct RseqFlags: u32 { UNREGISTER = 1 }
}

consts! {
    /// The part of clone(2)'s flags that is a signal, and sizes of `struct clone_args`.
    pub CLONE_NAMES: u64 {
        CSIGNAL = 0xff, CLONE_ARGS_SIZE_VER0 = 64, CLONE_ARGS_SIZE_VER1 = 80,
        CLONE_ARGS_SIZE_VER2 = 88,
    }

    /// Whom waitid(2) waits for.
    pub WAITID_NAMES: u32 { P_ALL = 0, P_PID = 1, P_PGID = 2, P_PIDFD = 3 }

    /// Whose usage getrusage(2) tells.
    pub RUSAGE_NAMES: i32 { RUSAGE_SELF = 0, RUSAGE_CHILDREN = -1, RUSAGE_THREAD = 1 }

    /// Limits of getrlimit(2).
    pub RLIMIT_NAMES: u32 {
        RLIMIT_CPU = 0, RLIMIT_FSIZE = 1, RLIMIT_DATA = 2, RLIMIT_STACK = 3, RLIMIT_CORE = 4,
        RLIMIT_RSS = 5, RLIMIT_NPROC = 6, RLIMIT_NOFILE = 7, RLIMIT_MEMLOCK = 8, RLIMIT_AS = 9,
        RLIMIT_LOCKS = 10, RLIMIT_SIGPENDING = 11, RLIMIT_MSGQUEUE = 12, RLIMIT_NICE = 13,
        RLIMIT_RTPRIO = 14, RLIMIT_RTTIME = 15, RLIM_NLIMITS = 16,
    }

    /// No limit.
    pub RLIM_NAMES: u64 { RLIM_INFINITY = u64::MAX }

    /// Whose priority getpriority(2) tells.
    pub PRIO_NAMES: u32 { PRIO_PROCESS = 0, PRIO_PGRP = 1, PRIO_USER = 2 }

    /// Whose I/O priority ioprio_get(2) tells, the classes, and how a priority is put together.
    pub IOPRIO_NAMES: u32 {
        IOPRIO_WHO_PROCESS = 1, IOPRIO_WHO_PGRP = 2, IOPRIO_WHO_USER = 3,
        IOPRIO_CLASS_NONE = 0, IOPRIO_CLASS_RT = 1, IOPRIO_CLASS_BE = 2, IOPRIO_CLASS_IDLE = 3,
        IOPRIO_CLASS_SHIFT = 13, IOPRIO_NR_LEVELS = 8,
    }

    /// Bounds of /proc/PID/oom_score_adj, and of its older form oom_adj.
    pub OOM_NAMES: i32 {
        OOM_SCORE_ADJ_MIN = -1000, OOM_SCORE_ADJ_MAX = 1000, OOM_DISABLE = -17,
        OOM_ADJUST_MIN = -16, OOM_ADJUST_MAX = 15,
    }

    /// Scheduling policies.
    pub SCHED_NAMES: u32 {
        SCHED_NORMAL = 0, SCHED_FIFO = 1, SCHED_RR = 2, SCHED_BATCH = 3, SCHED_IDLE = 5,
        SCHED_DEADLINE = 6, SCHED_RESET_ON_FORK = 0x4000_0000,
    }

    /// Flags of sched_setattr(2).
    pub SCHED_FLAG_NAMES: u64 { SCHED_FLAG_RESET_ON_FORK = 1 }

    /// Operations of futex(2); the last two are flags in them.
    pub FUTEX_NAMES: u32 {
        FUTEX_WAIT = 0, FUTEX_WAKE = 1, FUTEX_FD = 2, FUTEX_REQUEUE = 3, FUTEX_CMP_REQUEUE = 4,
        FUTEX_WAKE_OP = 5, FUTEX_LOCK_PI = 6, FUTEX_UNLOCK_PI = 7, FUTEX_TRYLOCK_PI = 8,
        FUTEX_WAIT_BITSET = 9, FUTEX_WAKE_BITSET = 10, FUTEX_WAIT_REQUEUE_PI = 11,
        FUTEX_CMP_REQUEUE_PI = 12, FUTEX_LOCK_PI2 = 13, FUTEX_PRIVATE_FLAG = 128,
        FUTEX_CLOCK_REALTIME = 256,
    }

    /// Parts of a futex word, and the set that matches every waiter.
    pub FUTEX_WORD_NAMES: u32 {
        FUTEX_WAITERS = 0x8000_0000, FUTEX_OWNER_DIED = 0x4000_0000,
        FUTEX_TID_MASK = 0x3fff_ffff, FUTEX_BITSET_MATCH_ANY = 0xffff_ffff,
    }

    /// Operations and comparisons of `FUTEX_WAKE_OP`.
    pub FUTEX_OP_NAMES: u32 {
        FUTEX_OP_SET = 0, FUTEX_OP_ADD = 1, FUTEX_OP_OR = 2, FUTEX_OP_ANDN = 3, FUTEX_OP_XOR = 4,
        FUTEX_OP_OPARG_SHIFT = 8, FUTEX_OP_CMP_EQ = 0, FUTEX_OP_CMP_NE = 1, FUTEX_OP_CMP_LT = 2,
        FUTEX_OP_CMP_LE = 3, FUTEX_OP_CMP_GT = 4, FUTEX_OP_CMP_GE = 5,
    }

    /// Most locks followed in a robust list; it may be a ring.
    pub ROBUST_NAMES: usize { ROBUST_LIST_LIMIT = 2048 }

    /// Operations of arch_prctl(2).
    pub ARCH_NAMES: u32 {
        ARCH_SET_GS = 0x1001, ARCH_SET_FS = 0x1002, ARCH_GET_FS = 0x1003, ARCH_GET_GS = 0x1004,
        ARCH_GET_CPUID = 0x1011, ARCH_SET_CPUID = 0x1012, ARCH_GET_XCOMP_SUPP = 0x1021,
        ARCH_GET_XCOMP_PERM = 0x1022, ARCH_REQ_XCOMP_PERM = 0x1023,
    }

    /// Operations of prctl(2) that mean something on x86.
    pub PR_NAMES: u32 {
        PR_SET_PDEATHSIG = 1, PR_GET_PDEATHSIG = 2, PR_GET_DUMPABLE = 3, PR_SET_DUMPABLE = 4,
        PR_GET_KEEPCAPS = 7, PR_SET_KEEPCAPS = 8, PR_GET_TIMING = 13, PR_SET_TIMING = 14,
        PR_SET_NAME = 15, PR_GET_NAME = 16, PR_GET_SECCOMP = 21, PR_SET_SECCOMP = 22,
        PR_CAPBSET_READ = 23, PR_CAPBSET_DROP = 24, PR_GET_TSC = 25, PR_SET_TSC = 26,
        PR_GET_SECUREBITS = 27, PR_SET_SECUREBITS = 28, PR_SET_TIMERSLACK = 29,
        PR_GET_TIMERSLACK = 30, PR_MCE_KILL = 33, PR_MCE_KILL_GET = 34, PR_SET_MM = 35,
        PR_SET_CHILD_SUBREAPER = 36, PR_GET_CHILD_SUBREAPER = 37, PR_SET_NO_NEW_PRIVS = 38,
        PR_GET_NO_NEW_PRIVS = 39, PR_GET_TID_ADDRESS = 40, PR_SET_THP_DISABLE = 41,
        PR_GET_THP_DISABLE = 42, PR_CAP_AMBIENT = 47, PR_GET_SPECULATION_CTRL = 52,
        PR_SET_SPECULATION_CTRL = 53, PR_SET_IO_FLUSHER = 57, PR_GET_IO_FLUSHER = 58,
        PR_SET_SYSCALL_USER_DISPATCH = 59, PR_SCHED_CORE = 62, PR_SET_VMA = 0x5356_4d41,
        PR_SET_PTRACER = 0x5961_6d61,
    }

    /// Arguments of prctl(2).
    pub PR_ARG_NAMES: u32 {
        PR_CAP_AMBIENT_IS_SET = 1, PR_CAP_AMBIENT_RAISE = 2, PR_CAP_AMBIENT_LOWER = 3,
        PR_CAP_AMBIENT_CLEAR_ALL = 4, PR_TSC_ENABLE = 1, PR_TSC_SIGSEGV = 2,
        PR_TIMING_STATISTICAL = 0, PR_SET_VMA_ANON_NAME = 0,
    }

    /// Capabilities, as bit numbers.
    pub CAP_NAMES: u32 {
        CAP_CHOWN = 0, CAP_DAC_OVERRIDE = 1, CAP_DAC_READ_SEARCH = 2, CAP_FOWNER = 3,
        CAP_FSETID = 4, CAP_KILL = 5, CAP_SETGID = 6, CAP_SETUID = 7, CAP_SETPCAP = 8,
        CAP_LINUX_IMMUTABLE = 9, CAP_NET_BIND_SERVICE = 10, CAP_NET_BROADCAST = 11,
        CAP_NET_ADMIN = 12, CAP_NET_RAW = 13, CAP_IPC_LOCK = 14, CAP_IPC_OWNER = 15,
        CAP_SYS_MODULE = 16, CAP_SYS_RAWIO = 17, CAP_SYS_CHROOT = 18, CAP_SYS_PTRACE = 19,
        CAP_SYS_PACCT = 20, CAP_SYS_ADMIN = 21, CAP_SYS_BOOT = 22, CAP_SYS_NICE = 23,
        CAP_SYS_RESOURCE = 24, CAP_SYS_TIME = 25, CAP_SYS_TTY_CONFIG = 26, CAP_MKNOD = 27,
        CAP_LEASE = 28, CAP_AUDIT_WRITE = 29, CAP_AUDIT_CONTROL = 30, CAP_SETFCAP = 31,
        CAP_MAC_OVERRIDE = 32, CAP_MAC_ADMIN = 33, CAP_SYSLOG = 34, CAP_WAKE_ALARM = 35,
        CAP_BLOCK_SUSPEND = 36, CAP_AUDIT_READ = 37, CAP_PERFMON = 38, CAP_BPF = 39,
        CAP_CHECKPOINT_RESTORE = 40, CAP_LAST_CAP = 40,
    }

    /// Versions of capget(2)'s header.
    pub CAP_VERSION_NAMES: u32 {
        _LINUX_CAPABILITY_VERSION_1 = 0x1998_0330, _LINUX_CAPABILITY_VERSION_2 = 0x2007_1026,
        _LINUX_CAPABILITY_VERSION_3 = 0x2008_0522,
    }

    /// Magic numbers and commands of reboot(2).
    pub REBOOT_NAMES: u32 {
        LINUX_REBOOT_MAGIC1 = 0xfee1_dead, LINUX_REBOOT_MAGIC2 = 672_274_793,
        LINUX_REBOOT_MAGIC2A = 85_072_278, LINUX_REBOOT_MAGIC2B = 369_367_448,
        LINUX_REBOOT_MAGIC2C = 537_993_216, LINUX_REBOOT_CMD_RESTART = 0x0123_4567,
        LINUX_REBOOT_CMD_HALT = 0xcdef_0123, LINUX_REBOOT_CMD_CAD_ON = 0x89ab_cdef,
        LINUX_REBOOT_CMD_CAD_OFF = 0, LINUX_REBOOT_CMD_POWER_OFF = 0x4321_fedc,
        LINUX_REBOOT_CMD_RESTART2 = 0xa1b2_c3d4, LINUX_REBOOT_CMD_SW_SUSPEND = 0xd000_fce2,
        LINUX_REBOOT_CMD_KEXEC = 0x4558_4543,
    }
}

wire! {
    /// `struct clone_args`, of clone3(2).
    pub struct CloneArgs {
        /// Flags.
        pub flags: CloneFlags,
        /// Where to store the child's pidfd.
        pub pidfd: u64,
        /// Where to store the child's thread id in the child's memory.
        pub child_tid: u64,
        /// Where to store the child's thread id in the parent's memory.
        pub parent_tid: u64,
        /// Signal at the child's end.
        pub exit_signal: u64,
        /// Lowest address of the child's stack.
        pub stack: u64,
        /// Bytes of the child's stack.
        pub stack_size: u64,
        /// The child's thread-local storage.
        pub tls: u64,
        /// Address of the ids the child shall have.
        pub set_tid: u64,
        /// Number of those ids.
        pub set_tid_size: u64,
        /// File descriptor of the child's cgroup.
        pub cgroup: u64,
    }

    /// `struct rusage`, 144 bytes.
    pub struct Rusage {
        /// Time in user mode.
        pub ru_utime: Timeval,
        /// Time in the kernel.
        pub ru_stime: Timeval,
        /// Most memory resident at once, in KiB.
        pub ru_maxrss: i64,
        /// Unused.
        pub ru_ixrss: i64,
        /// Unused.
        pub ru_idrss: i64,
        /// Unused.
        pub ru_isrss: i64,
        /// Page faults without I/O.
        pub ru_minflt: i64,
        /// Page faults with I/O.
        pub ru_majflt: i64,
        /// Unused.
        pub ru_nswap: i64,
        /// Blocks of 512 bytes read from disk.
        pub ru_inblock: i64,
        /// Blocks of 512 bytes written to disk.
        pub ru_oublock: i64,
        /// Unused.
        pub ru_msgsnd: i64,
        /// Unused.
        pub ru_msgrcv: i64,
        /// Unused.
        pub ru_nsignals: i64,
        /// Times it waited of its own accord.
        pub ru_nvcsw: i64,
        /// Times it was made to wait.
        pub ru_nivcsw: i64,
    }

    /// `struct __user_cap_header_struct`, of capget(2).
    pub struct CapUserHeader {
        /// `_LINUX_CAPABILITY_VERSION_*`.
        pub version: u32,
        /// Whose; 0: the caller's.
        pub pid: i32,
    }

    /// `struct __user_cap_data_struct`: 32 capabilities of each set.
    pub struct CapUserData {
        /// What it may do now.
        pub effective: u32,
        /// What it may make effective.
        pub permitted: u32,
        /// What an executed file may keep.
        pub inheritable: u32,
    }

    /// `struct rlimit64`; `struct rlimit` is the same on x86-64.
    pub struct Rlimit64 {
        /// The limit.
        pub rlim_cur: u64,
        /// What the limit may be raised to.
        pub rlim_max: u64,
    }

    /// `struct new_utsname`, of uname(2): six strings with their NULs.
    pub struct Utsname {
        /// `Linux`.
        pub sysname: [u8; 65],
        /// Host name.
        pub nodename: [u8; 65],
        /// Version, such as `6.1.0`.
        pub release: [u8; 65],
        /// Build.
        pub version: [u8; 65],
        /// `x86_64`.
        pub machine: [u8; 65],
        /// NIS domain.
        pub domainname: [u8; 65],
    }

    /// `struct sysinfo`, 112 bytes.
    pub struct Sysinfo {
        /// Seconds since boot.
        pub uptime: i64,
        /// Load over 1, 5 and 15 minutes, in units of 2^-16.
        pub loads: [u64; 3],
        /// Memory, in units of `mem_unit`, as are all below.
        pub totalram: u64,
        /// Free memory.
        pub freeram: u64,
        /// Shared memory.
        pub sharedram: u64,
        /// Memory in buffers.
        pub bufferram: u64,
        /// Swap.
        pub totalswap: u64,
        /// Free swap.
        pub freeswap: u64,
        /// Threads.
        pub procs: u16,
        /// High memory.
        pub totalhigh: u64,
        /// Free high memory.
        pub freehigh: u64,
        /// Bytes in a unit.
        pub mem_unit: u32,
    }

    /// `struct sched_param`.
    pub struct SchedParam {
        /// Priority: 1 to 99 for `SCHED_FIFO` and `SCHED_RR`, else 0.
        pub sched_priority: i32,
    }

    /// `struct sched_attr`, of sched_setattr(2).
    pub struct SchedAttr {
        /// Bytes in this structure.
        pub size: u32,
        /// Policy.
        pub sched_policy: u32,
        /// `SCHED_FLAG_*`.
        pub sched_flags: u64,
        /// Nice value.
        pub sched_nice: i32,
        /// Priority.
        pub sched_priority: u32,
        /// `SCHED_DEADLINE`: running time, in ns.
        pub sched_runtime: u64,
        /// `SCHED_DEADLINE`: deadline, in ns.
        pub sched_deadline: u64,
        /// `SCHED_DEADLINE`: period, in ns.
        pub sched_period: u64,
        /// Least utilisation, 0 to 1024.
        pub sched_util_min: u32,
        /// Most utilisation, 0 to 1024.
        pub sched_util_max: u32,
    }

    /// `struct robust_list_head`: the locks a thread holds, left for its end.
    pub struct RobustListHead {
        /// Address of the first lock's link; the ring ends here.
        pub list: u64,
        /// From a link to its futex word.
        pub futex_offset: i64,
        /// A lock being taken or freed.
        pub list_op_pending: u64,
    }

    /// `struct futex_waitv`, of futex_waitv(2).
    pub struct FutexWaitv {
        /// Value to wait on.
        pub val: u64,
        /// Address of the word.
        pub uaddr: u64,
        /// `FUTEX_32` and `FUTEX_PRIVATE_FLAG`.
        pub flags: u32,
        /// Zero.
        pub __reserved: u32,
    }

    /// `struct __user_cap_header_struct`, of capget(2).
    pub struct CapHeader {
        /// `_LINUX_CAPABILITY_VERSION_*`.
        pub version: u32,
        /// Thread; 0 for the caller.
        pub pid: i32,
    }

    /// `struct __user_cap_data_struct`: 32 capabilities; version 3 has two.
    pub struct CapData {
        /// What counts.
        pub effective: u32,
        /// What may count.
        pub permitted: u32,
        /// What is kept across execve(2).
        pub inheritable: u32,
    }

    /// `struct rseq` of Linux 6.1, 32 bytes and so aligned.
    #[repr(align(32))]
    pub struct Rseq {
        /// The processor, valid even before registration.
        pub cpu_id_start: u32,
        /// The processor.
        pub cpu_id: u32,
        /// Address of the critical section.
        pub rseq_cs: u64,
        /// Flags.
        pub flags: u32,
    }

    /// `struct rseq_cs`: a critical section.
    #[repr(align(32))]
    pub struct RseqCs {
        /// Zero.
        pub version: u32,
        /// Flags.
        pub flags: u32,
        /// First instruction.
        pub start_ip: u64,
        /// Bytes of instructions.
        pub post_commit_offset: u64,
        /// Where to go when interrupted.
        pub abort_ip: u64,
    }
}

/// `wait` status of a process that called exit(2).
pub const fn wait_exited(code: u8) -> i32 {
    (code as i32) << 8
}

/// `wait` status of a process ended by a signal.
pub const fn wait_signaled(sig: u32, core: bool) -> i32 {
    (sig & 0x7f) as i32 | if core { 0x80 } else { 0 }
}

/// `wait` status of a process stopped by a signal.
pub const fn wait_stopped(sig: u32) -> i32 {
    (sig as i32) << 8 | 0x7f
}

/// `wait` status of a process that went on.
pub const WAIT_CONTINUED: i32 = 0xffff;
