//! Every structure made by `wire!` against the headers and the `libc` crate.

use crate::host::{GLIBC, Headers, KERNEL};
use abi::signal::Siginfo;
use abi::wire::Field;
use abi::{Wire, elf_aux, fs, net, poll, process, signal, time, tty};
use std::mem::{align_of, offset_of, size_of};

/// A structure: its name in C, what is known about it here.
struct Layout {
    c_type: &'static str,
    size: usize,
    /// None where C packs, and Rust does not need to.
    align: Option<usize>,
    fields: &'static [Field],
    /// Puts bytes through the structure.
    through: fn(&[u8]) -> Vec<u8>,
}

fn through<T: Wire>(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0xaa; T::SIZE];
    T::get(bytes).put(&mut out);
    out
}

/// The name of a field in C. What begins with two underscores is reserved: newer headers may use
/// it up, so that only the structure's size tells. Siginfo's union has a test of its own.
fn c_field(field: &Field) -> Option<&str> {
    match field.name {
        "r#type" => Some("type"),
        "si_fields" => None,
        name => (!name.starts_with("__")).then_some(name),
    }
}

fn check(headers: Headers, before_main: &str, layouts: &[Layout]) {
    let mut questions = Vec::new();
    for Layout { c_type, size, align, fields, .. } in layouts {
        questions.push((format!("sizeof({c_type})"), *size));
        if let Some(align) = align {
            questions.push((format!("_Alignof({c_type})"), *align));
        }
        for field in *fields {
            let Some(name) = c_field(field) else { continue };
            questions.push((format!("offsetof({c_type}, {name})"), field.offset));
            questions.push((format!("sizeof((({c_type} *)0)->{name})"), field.size));
        }
    }
    let expressions: Vec<_> = questions.iter().map(|(e, _)| e.clone()).collect();
    for ((expression, ours), theirs) in
        questions.iter().zip(headers.eval(before_main, &expressions))
    {
        assert_eq!(*ours as u64, theirs, "{expression}: left is ours");
    }
}

/// Lists structures with their names in C, and their names here for [`crate::complete`].
macro_rules! layouts {
    (
        aligned { $($($a:ident)::+ = $a_type:literal),* $(,)? }
        packed { $($($p:ident)::+ = $p_type:literal),* $(,)? }
        library { $($($l:ident)::+ = $l_type:literal),* $(,)? }
    ) => {
        pub const COMPARED: &[&str] = &[
            $(stringify!($($a)::+),)* $(stringify!($($p)::+),)* $(stringify!($($l)::+),)*
            "Dirent64",
        ];

        fn kernel() -> Vec<Layout> {
            vec![
                $(layouts!(@one $($a)::+, $a_type, Some(align_of::<$($a)::+>())),)*
                $(layouts!(@one $($p)::+, $p_type, None),)*
            ]
        }

        fn library() -> Vec<Layout> {
            vec![$(layouts!(@one $($l)::+, $l_type, Some(align_of::<$($l)::+>())),)*]
        }
    };
    (@one $t:ty, $c_type:literal, $align:expr) => {
        Layout {
            c_type: $c_type,
            size: <$t as Wire>::SIZE,
            align: $align,
            fields: <$t>::FIELDS,
            through: through::<$t>,
        }
    };
}

layouts! {
    aligned {
        elf_aux::Elf64Ehdr = "Elf64_Ehdr",
        elf_aux::Elf64Phdr = "Elf64_Phdr",
        elf_aux::Elf64Nhdr = "Elf64_Nhdr",
        fs::Stat = "struct stat",
        fs::StatxTimestamp = "struct statx_timestamp",
        fs::Statx = "struct statx",
        fs::Statfs = "struct statfs",
        fs::Iovec = "struct iovec",
        fs::Flock = "struct flock",
        fs::FOwnerEx = "struct f_owner_ex",
        fs::OpenHow = "struct open_how",
        fs::MountAttr = "struct mount_attr",
        fs::InotifyEvent = "struct inotify_event",
        poll::Pollfd = "struct pollfd",
        poll::SignalfdSiginfo = "struct signalfd_siginfo",
        process::CapUserHeader = "struct __user_cap_header_struct",
        process::CapUserData = "struct __user_cap_data_struct",
        process::CloneArgs = "struct clone_args",
        process::Rusage = "struct rusage",
        process::Rlimit64 = "struct rlimit64",
        process::Utsname = "struct new_utsname",
        process::Sysinfo = "struct sysinfo",
        process::SchedAttr = "struct sched_attr",
        process::RobustListHead = "struct robust_list_head",
        process::FutexWaitv = "struct futex_waitv",
        process::CapHeader = "struct __user_cap_header_struct",
        process::CapData = "struct __user_cap_data_struct",
        process::Rseq = "struct rseq",
        process::RseqCs = "struct rseq_cs",
        signal::SigAction = "struct sigaction",
        signal::SigStack = "stack_t",
        signal::Sigevent = "struct sigevent",
        signal::Siginfo = "siginfo_t",
        signal::frame::Sigcontext = "struct sigcontext",
        signal::frame::Ucontext = "struct ucontext",
        signal::frame::RtSigframe = "struct rt_sigframe",
        signal::frame::FpxSwBytes = "struct _fpx_sw_bytes",
        signal::frame::FpState = "struct _fpstate",
        signal::frame::XstateHeader = "struct _header",
        time::Timespec = "struct timespec",
        time::Timeval = "struct timeval",
        time::Timezone = "struct timezone",
        time::Itimerval = "struct itimerval",
        time::Itimerspec = "struct itimerspec",
        time::Tms = "struct tms",
        time::Utimbuf = "struct utimbuf",
        time::Timex = "struct timex",
        tty::Termio = "struct termio",
        tty::Termios = "struct termios",
        tty::Termios2 = "struct termios2",
        tty::Serial = "struct serial_struct",
        tty::Winsize = "struct winsize",
    }
    packed { poll::EpollEvent = "struct epoll_event" }
    library { net::Ucred = "struct ucred", process::SchedParam = "struct sched_param" }
}

#[test]
fn kernel_headers_agree() {
    // No header programs may include has this one; it is asm/sigframe.h's.
    let rt_sigframe = "struct rt_sigframe { char *pretcode; struct ucontext uc; siginfo_t info; };";
    check(KERNEL, rt_sigframe, &kernel());
}

#[test]
fn library_headers_agree() {
    check(GLIBC, "", &library());
}

#[test]
fn siginfo_of_every_kind_is_as_c_has_it() {
    let show = "static void show(siginfo_t *info) {
        for (int i = 0; i < sizeof *info; i++) printf(\"%02x\", ((unsigned char *)info)[i]);
        printf(\"\\n\");
    }";
    let mut program = String::new();
    let mut expected = Vec::new();
    let mut kind = |info: Siginfo, sets: &[(&str, i64)]| {
        program += "{ static siginfo_t info;\n";
        let head = [("si_signo", info.si_signo.into()), ("si_code", info.si_code.into())];
        for (field, value) in head.iter().chain(sets) {
            program += &format!("info.{field} = (typeof(info.{field})){value}LL;\n");
        }
        program += "show(&info); }\n";
        let mut bytes = [0; Siginfo::SIZE];
        info.put(&mut bytes);
        expected.push(bytes.iter().map(|b| format!("{b:02x}")).collect::<String>());
    };
    kind(Siginfo::kill(15, 0, 7, 8), &[("si_pid", 7), ("si_uid", 8)]);
    kind(Siginfo::queue(34, 7, 8, 1 << 40), &[("si_pid", 7), ("si_uid", 8), ("si_ptr", 1 << 40)]);
    kind(
        Siginfo::timer(14, 3, 4, 1 << 40),
        &[("si_tid", 3), ("si_overrun", 4), ("si_ptr", 1 << 40)],
    );
    kind(
        Siginfo::chld(signal::CLD_EXITED, 7, 8, -9, 1 << 33, 1 << 34),
        &[
            ("si_pid", 7),
            ("si_uid", 8),
            ("si_status", -9),
            ("si_utime", 1 << 33),
            ("si_stime", 1 << 34),
        ],
    );
    kind(Siginfo::fault(11, signal::SEGV_MAPERR, 1 << 46), &[("si_addr", 1 << 46)]);
    kind(Siginfo::poll(signal::POLL_IN, -5, 6), &[("si_band", -5), ("si_fd", 6)]);
    kind(
        Siginfo::sys(1 << 46, 39, 0xc000_003e),
        &[("si_call_addr", 1 << 46), ("si_syscall", 39), ("si_arch", 0xc000_003e)],
    );
    assert_eq!(KERNEL.run(show, &program), expected);
}

#[test]
fn a_directory_entry_is_as_readdir_has_it() {
    // struct linux_dirent64 is in no header. The C library uses it as its own, and there the
    // head ends where the name begins.
    let size_of_head = "offsetof(struct dirent64, d_name)".to_string();
    assert_eq!(GLIBC.eval("", &[size_of_head]), [fs::Dirent64::SIZE as u64]);
    let offsets: Vec<_> = fs::Dirent64::FIELDS.iter().map(|f| (f.name, f.offset)).collect();
    let expressions: Vec<_> =
        offsets.iter().map(|(n, _)| format!("offsetof(struct dirent64, {n})")).collect();
    let theirs = GLIBC.eval("", &expressions);
    assert_eq!(offsets.iter().map(|(_, o)| *o as u64).collect::<Vec<_>>(), theirs);
}

#[test]
fn bytes_go_through_and_padding_is_zero() {
    for layout in kernel().iter().chain(&library()) {
        let bytes: Vec<u8> = (0..layout.size).map(|i| i as u8 | 1).collect();
        let mut expected = vec![0; layout.size];
        for Field { offset, size, .. } in layout.fields {
            expected[*offset..offset + size].copy_from_slice(&bytes[*offset..offset + size]);
        }
        // Where a field is a structure with padding, that padding is zero as well.
        let out = (layout.through)(&bytes);
        for (i, (&out, &expected)) in out.iter().zip(&expected).enumerate() {
            let inner_padding = out == 0 && has_inner_padding(layout.c_type);
            assert!(out == expected || inner_padding, "byte {i} of {}", layout.c_type);
        }
        assert_eq!((layout.through)(&out), out, "{}", layout.c_type);
    }
}

/// The structures that hold others with padding.
fn has_inner_padding(c_type: &str) -> bool {
    ["struct statx", "struct ucontext", "struct rt_sigframe"].contains(&c_type)
}

/// Compares size, alignment and the offset of each field with a type of the `libc` crate.
macro_rules! same_layout {
    ($($ours:ty = $theirs:ty { $($f:ident),* $(,)? })*) => { $(
        let name = stringify!($theirs);
        assert_eq!(size_of::<$ours>(), size_of::<$theirs>(), "size of {name}");
        assert_eq!(align_of::<$ours>(), align_of::<$theirs>(), "alignment of {name}");
        $(assert_eq!(
            offset_of!($ours, $f),
            offset_of!($theirs, $f),
            "{name}.{}", stringify!($f)
        );)*
    )* };
}

#[test]
fn libc_crate_agrees() {
    same_layout! {
        elf_aux::Elf64Ehdr = libc::Elf64_Ehdr {
            e_ident, e_type, e_machine, e_version, e_entry, e_phoff, e_shoff, e_flags, e_ehsize,
            e_phentsize, e_phnum, e_shentsize, e_shnum, e_shstrndx,
        }
        elf_aux::Elf64Phdr = libc::Elf64_Phdr {
            p_type, p_flags, p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_align,
        }
        fs::Stat = libc::stat {
            st_dev, st_ino, st_nlink, st_mode, st_uid, st_gid, st_rdev, st_size, st_blksize,
            st_blocks, st_atime, st_atime_nsec, st_mtime, st_mtime_nsec, st_ctime, st_ctime_nsec,
        }
        fs::StatxTimestamp = libc::statx_timestamp { tv_sec, tv_nsec }
        fs::Statx = libc::statx {
            stx_mask, stx_blksize, stx_attributes, stx_nlink, stx_uid, stx_gid, stx_mode, stx_ino,
            stx_size, stx_blocks, stx_attributes_mask, stx_atime, stx_btime, stx_ctime, stx_mtime,
            stx_rdev_major, stx_rdev_minor, stx_dev_major, stx_dev_minor, stx_mnt_id,
            stx_dio_mem_align, stx_dio_offset_align,
        }
        fs::Statfs = libc::statfs {
            f_type, f_bsize, f_blocks, f_bfree, f_bavail, f_files, f_ffree, f_fsid, f_namelen,
            f_frsize,
        }
        fs::Iovec = libc::iovec { iov_base, iov_len }
        fs::Flock = libc::flock { l_type, l_whence, l_start, l_len, l_pid }
        fs::OpenHow = libc::open_how { flags, mode, resolve }
        fs::InotifyEvent = libc::inotify_event { wd, mask, cookie, len }
        net::Ucred = libc::ucred { pid, uid, gid }
        poll::Pollfd = libc::pollfd { fd, events, revents }
        poll::SignalfdSiginfo = libc::signalfd_siginfo {
            ssi_signo, ssi_errno, ssi_code, ssi_pid, ssi_uid, ssi_fd, ssi_tid, ssi_band,
            ssi_overrun, ssi_trapno, ssi_status, ssi_int, ssi_ptr, ssi_utime, ssi_stime, ssi_addr,
            ssi_addr_lsb, ssi_syscall, ssi_call_addr, ssi_arch,
        }
        process::CloneArgs = libc::clone_args {
            flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid,
            set_tid_size, cgroup,
        }
        process::Rusage = libc::rusage {
            ru_utime, ru_stime, ru_maxrss, ru_minflt, ru_majflt, ru_inblock, ru_oublock, ru_nvcsw,
            ru_nivcsw,
        }
        process::Rlimit64 = libc::rlimit64 { rlim_cur, rlim_max }
        process::Utsname = libc::utsname {
            sysname, nodename, release, version, machine, domainname,
        }
        process::Sysinfo = libc::sysinfo {
            uptime, loads, totalram, freeram, sharedram, bufferram, totalswap, freeswap, procs,
            totalhigh, freehigh, mem_unit,
        }
        process::SchedParam = libc::sched_param { sched_priority }
        signal::SigStack = libc::stack_t { ss_sp, ss_flags, ss_size }
        signal::Sigevent = libc::sigevent {
            sigev_value, sigev_signo, sigev_notify, sigev_notify_thread_id,
        }
        signal::Siginfo = libc::siginfo_t { si_signo, si_errno, si_code }
        time::Timespec = libc::timespec { tv_sec, tv_nsec }
        time::Timeval = libc::timeval { tv_sec, tv_usec }
        time::Itimerval = libc::itimerval { it_interval, it_value }
        time::Itimerspec = libc::itimerspec { it_interval, it_value }
        time::Tms = libc::tms { tms_utime, tms_stime, tms_cutime, tms_cstime }
        time::Utimbuf = libc::utimbuf { actime, modtime }
        time::Timex = libc::timex {
            modes, offset, freq, maxerror, esterror, status, constant, precision, tolerance, time,
            tick, ppsfreq, jitter, shift, stabil, jitcnt, calcnt, errcnt, stbcnt, tai,
        }
        tty::Termios2 = libc::termios2 {
            c_iflag, c_oflag, c_cflag, c_lflag, c_line, c_cc, c_ispeed, c_ospeed,
        }
        tty::Winsize = libc::winsize { ws_row, ws_col, ws_xpixel, ws_ypixel }
    }
    assert_eq!(poll::EpollEvent::SIZE, size_of::<libc::epoll_event>());
    assert_eq!(poll::EpollEvent::FIELDS[1].offset, offset_of!(libc::epoll_event, u64));
}
