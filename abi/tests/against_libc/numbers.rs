//! Every table made by `consts!` and `flags!` against the headers.

use crate::host::{GLIBC, Headers, KERNEL};
use abi::{Names, Wire};
use abi::{elf_aux, fs, mm, net, poll, process, signal, time, tty};

/// One constant: its name in C, its value here, its bytes here.
struct Number {
    c_name: String,
    value: u64,
    size: usize,
}

fn numbers<T: Wire>(names: Names<T>, c_name: impl Fn(&str) -> String) -> Vec<Number> {
    let number = |&(name, value): &(&str, T)| {
        let mut bytes = [0; 8];
        value.put(&mut bytes);
        Number { c_name: c_name(name), value: u64::from_le_bytes(bytes), size: T::SIZE }
    };
    names.iter().map(number).collect()
}

fn check(headers: Headers, numbers: &[Number]) {
    assert!(!numbers.is_empty());
    let expressions: Vec<_> = numbers.iter().map(|n| n.c_name.clone()).collect();
    for (ours, theirs) in numbers.iter().zip(headers.eval("", &expressions)) {
        // C may have a smaller or a signed type: -100, or 1 << 31.
        let unused = 64 - 8 * ours.size as u32;
        let signed = ((ours.value << unused) as i64 >> unused) as u64;
        assert!(
            theirs == ours.value || theirs == signed,
            "{}: {:#x} here, {theirs:#x} in C",
            ours.c_name,
            ours.value
        );
    }
}

/// Checks tables with one set of headers, and lists their names for [`crate::complete`].
macro_rules! tables {
    (
        $test:ident, $covered:ident, $headers:expr;
        consts { $($($c:ident)::+),* $(,)? }
        flags { $($($f:ident)::+ = $c_name:expr),* $(,)? }
    ) => {
        pub const $covered: &[&str] = &[$(stringify!($($c)::+),)* $(stringify!($($f)::+),)*];

        #[test]
        fn $test() {
            let mut all = Vec::new();
            $(all.extend(numbers($($c)::+, prefix("")));)*
            $(all.extend(numbers($($f)::+::NAMES, $c_name));)*
            check($headers, &all);
        }
    };
}

fn prefix(prefix: &'static str) -> impl Fn(&str) -> String {
    move |name| format!("{prefix}{name}")
}

tables! {
    kernel_headers_agree, IN_KERNEL_HEADERS, KERNEL;
    consts {
        elf_aux::AT_NAMES, elf_aux::EI_NAMES, elf_aux::ELF_IDENT_NAMES, elf_aux::ET_NAMES,
        elf_aux::EM_NAMES, elf_aux::PT_NAMES, elf_aux::NT_NAMES, elf_aux::PN_NAMES,
        fs::LIMIT_NAMES, fs::UIO_NAMES, fs::MODE_NAMES, fs::AT_FD_NAMES, fs::AT_SHARED_NAMES,
        fs::SEEK_NAMES, fs::FCNTL_NAMES, fs::FD_FLAG_NAMES, fs::LOCK_NAMES, fs::OWNER_NAMES,
        fs::FADV_NAMES, fs::RW_HINT_NAMES, fs::MAGIC_NAMES, fs::FIO_NAMES, fs::RND_NAMES,
        fs::BLK_NAMES,
        mm::MADV_NAMES, mm::MEMBARRIER_NAMES, mm::MPOL_NAMES, mm::PKEY_NAMES,
        poll::EPOLL_CTL_NAMES,
        process::CLONE_NAMES, process::WAITID_NAMES, process::RUSAGE_NAMES,
        process::RLIMIT_NAMES, process::RLIM_NAMES, process::PRIO_NAMES, process::SCHED_NAMES,
        process::SCHED_FLAG_NAMES, process::IOPRIO_NAMES, process::OOM_NAMES,
        process::FUTEX_NAMES, process::FUTEX_WORD_NAMES, process::FUTEX_OP_NAMES,
        process::ROBUST_NAMES, process::ARCH_NAMES, process::PR_NAMES, process::PR_ARG_NAMES,
        process::CAP_NAMES, process::CAP_VERSION_NAMES, process::REBOOT_NAMES,
        signal::SIG_NAMES, signal::SIG_HOW_NAMES, signal::SIG_HANDLER_NAMES, signal::SI_NAMES,
        signal::ILL_NAMES, signal::FPE_NAMES, signal::SEGV_NAMES, signal::BUS_NAMES,
        signal::TRAP_NAMES, signal::CLD_NAMES, signal::POLL_NAMES, signal::SYS_NAMES,
        signal::SIGEV_NAMES, signal::STACK_NAMES, signal::frame::FP_XSTATE_NAMES,
        time::CLOCK_NAMES, time::ITIMER_NAMES, time::TFD_IOC_NAMES,
        time::TIME_STATE_NAMES,
        tty::LDISC_NAMES, tty::CC_NAMES, tty::TERM_FIELD_NAMES, tty::TTY_IOCTL_NAMES,
        tty::TTY_ARG_NAMES, tty::PKT_NAMES, tty::MODEM_NAMES,
    }
    flags {
        elf_aux::SegmentFlags = prefix("PF_"),
        // The kernel calls O_ASYNC by its BSD name.
        fs::OpenFlags = |name: &str| format!("O_{name}").replace("O_ASYNC", "FASYNC"),
        fs::ModeBits = prefix("S_"),
        fs::AtFlags = prefix("AT_"),
        fs::RenameFlags = prefix("RENAME_"),
        fs::RwfFlags = prefix("RWF_"),
        fs::FallocFlags = prefix("FALLOC_FL_"),
        fs::StatxMask = prefix("STATX_"),
        fs::StatxAttr = prefix("STATX_ATTR_"),
        fs::MountFlags = prefix("MS_"),
        fs::MountAttrFlags = prefix("MOUNT_ATTR_"),
        fs::CloseRangeFlags = prefix("CLOSE_RANGE_"),
        fs::XattrFlags = prefix("XATTR_"),
        fs::SyncRangeFlags = prefix("SYNC_FILE_RANGE_"),
        fs::FlockOp = prefix("LOCK_"),
        fs::InotifyMask = prefix("IN_"),
        fs::InotifyInitFlags = prefix("IN_"),
        fs::ResolveFlags = prefix("RESOLVE_"),
        mm::Prot = prefix("PROT_"),
        mm::MapFlags = |name: &str| format!("MAP_{}", name.replace("M32BIT", "32BIT")),
        mm::MremapFlags = prefix("MREMAP_"),
        mm::MsyncFlags = prefix("MS_"),
        mm::MclFlags = prefix("MCL_"),
        mm::MlockFlags = prefix("MLOCK_"),
        mm::MemfdFlags = prefix("MFD_"),
        mm::Seals = prefix("F_SEAL_"),
        poll::PollEvents = prefix("POLL"),
        poll::EpollEvents = prefix("EPOLL"),
        poll::EpollCreateFlags = prefix("EPOLL_"),
        poll::SignalfdFlags = prefix("SFD_"),
        process::CloneFlags = prefix("CLONE_"),
        process::SecureBits = prefix("SECBIT_"),
        process::WaitOptions = prefix("W"),
        process::WaitKind = prefix("__W"),
        process::RandomFlags = prefix("GRND_"),
        process::PidfdFlags = prefix("PIDFD_"),
        process::RseqFlags = prefix("RSEQ_FLAG_"),
        signal::SaFlags = prefix("SA_"),
        signal::SsFlags = prefix("SS_"),
        signal::frame::UcFlags = prefix("UC_"),
        time::TimerFlags = prefix("TIMER_"),
        time::TimerfdCreateFlags = prefix("TFD_"),
        time::TimerfdSetFlags = prefix("TFD_TIMER_"),
        time::AdjFlags = prefix("ADJ_"),
        time::StaFlags = prefix("STA_"),
        tty::InputFlags = prefix(""),
        tty::OutputFlags = prefix(""),
        tty::ControlFlags = prefix(""),
        tty::LocalFlags = prefix(""),
    }
}

/// Two of `f_flags` are in no header (`include/linux/statfs.h` of the kernel has them).
fn statfs_flag(name: &str) -> String {
    match name {
        "VALID" => "0x0020".into(),
        "NOSYMFOLLOW" => "0x2000".into(),
        _ => format!("ST_{name}"),
    }
}

fn umount_flag(name: &str) -> String {
    let prefix = if name == "NOFOLLOW" { "UMOUNT_" } else { "MNT_" };
    format!("{prefix}{name}")
}

tables! {
    library_headers_agree, IN_LIBRARY_HEADERS, GLIBC;
    consts { fs::DT_NAMES, net::AF_NAMES, net::SHUT_NAMES, net::SOCK_NAMES, net::SO_NAMES, time::UTIME_NAMES }
    flags {
        fs::AccessMode = |name: &str| format!("{name}_OK"),
        fs::SpliceFlags = prefix("SPLICE_F_"),
        fs::StatfsFlags = statfs_flag,
        fs::UmountFlags = umount_flag,
        net::MsgFlags = prefix("MSG_"),
        net::SockFlags = prefix("SOCK_"),
        mm::SwapFlags = prefix("SWAP_FLAG_"),
        poll::EventfdFlags = prefix("EFD_"),
    }
}

/// Checks constants that are in no table.
fn check_some(headers: Headers, some: &[(&str, u64)]) {
    let number = |&(name, value): &(&str, u64)| Number { c_name: name.into(), value, size: 8 };
    check(headers, &some.iter().map(number).collect::<Vec<_>>());
}

#[test]
fn single_constants_agree() {
    check_some(
        KERNEL,
        &[
            ("O_ACCMODE", fs::OpenFlags::ACCMODE.bits().into()),
            ("MAP_TYPE", mm::MapFlags::TYPE.bits().into()),
            ("FP_XSTATE_MAGIC2_SIZE", signal::frame::FP_XSTATE_MAGIC2_SIZE as u64),
            ("sizeof(sigset_t)", signal::SIGSET_SIZE as u64),
            ("8 * sizeof(sigset_t)", signal::NSIG.into()),
            ("SIGRTMIN", signal::SIGRTMIN.into()),
            ("NCCS", tty::NCCS as u64),
            ("S_ISUID | S_ISGID | S_ISVTX | 0777", fs::ModeBits::KNOWN.bits().into()),
            ("sizeof(struct open_how)", fs::OPEN_HOW_SIZE_VER0 as u64),
        ],
    );
    check_some(
        GLIBC,
        &[
            ("sysconf(_SC_CLK_TCK)", time::USER_HZ),
            ("sysconf(_SC_PAGESIZE)", mm::PAGE_SIZE as u64),
            ("FD_SETSIZE", poll::FD_SETSIZE as u64),
            ("8 * sizeof(fd_mask)", poll::FD_SET_WORD_BITS as u64),
            ("IOV_MAX", fs::IOV_MAX as u64),
            ("SOL_SOCKET", net::SOL_SOCKET as u64),
            ("SOMAXCONN", net::SOMAXCONN as u64),
            ("sizeof(sa_family_t)", net::SA_FAMILY_SIZE as u64),
            ("sizeof(struct sockaddr_storage)", net::SOCKADDR_STORAGE_SIZE as u64),
            ("sizeof(struct sockaddr_un)", net::SOCKADDR_UN_SIZE as u64),
            ("sizeof(((struct sockaddr_un *)0)->sun_path)", net::UNIX_PATH_MAX as u64),
            ("sizeof(struct sockaddr_in)", net::SOCKADDR_IN_SIZE as u64),
            ("sizeof(struct sockaddr_in6)", net::SOCKADDR_IN6_SIZE as u64),
            ("_POSIX_VDISABLE", tty::POSIX_VDISABLE.into()),
        ],
    );
}

#[test]
fn device_numbers_agree() {
    for (major, minor) in [(0, 0), (5, 1), (136, 300), (4095, 0xf_ffff), (u32::MAX, u32::MAX)] {
        check_some(GLIBC, &[(&format!("makedev({major}u, {minor}u)"), fs::makedev(major, minor))]);
    }
}

#[test]
fn wait_statuses_agree() {
    let exited = process::wait_exited(7);
    let killed = process::wait_signaled(signal::SIGSEGV, true);
    let stopped = process::wait_stopped(signal::SIGTSTP);
    assert!(libc::WIFEXITED(exited) && libc::WEXITSTATUS(exited) == 7);
    assert!(libc::WIFSIGNALED(killed) && libc::WTERMSIG(killed) == libc::SIGSEGV);
    assert!(libc::WCOREDUMP(killed));
    assert!(!libc::WCOREDUMP(process::wait_signaled(signal::SIGKILL, false)));
    assert!(libc::WIFSTOPPED(stopped) && libc::WSTOPSIG(stopped) == libc::SIGTSTP);
    assert!(libc::WIFCONTINUED(process::WAIT_CONTINUED));
}
