//! The table of system calls: one row each, by subject. `partial` says what a row leaves out; the
//! coverage page `docs/syscalls.md` is made from it.

use core::fmt::{self, Write};

use abi::{errno::Result, nr};

use super::{
    Registers,
    arg::{Arg, Args},
    caps, console, event, fcntl, fd, foreign, fs, ids, ioprio, limits, lock, mem, misc, net,
    notify, pidfd, poll, prctl, priority, process,
    ret::Ret,
    sched, signal, splice, swap, time,
};
use crate::{mm::Space, process::Cx};

/// An ordinary function `fn(&mut Cx, A, B, …) -> Result<R>` is a handler. `M` only tells apart the
/// implementations for different numbers of parameters.
pub trait Handler<M> {
    /// Takes the arguments and calls it.
    fn call(self, cx: &mut Cx, registers: &Registers) -> Result<isize>;
    /// Shows the arguments.
    fn show(self, registers: &Registers, space: &Space, out: &mut dyn Write) -> fmt::Result;
    /// Shows what was written through the arguments.
    fn show_after(self, registers: &Registers, space: &Space, out: &mut dyn Write) -> fmt::Result;
}

macro_rules! handler {
    ($($a:ident),*) => {
        #[allow(non_snake_case, unused_mut, unused_variables, unused_assignments, reason = "one macro for all arities")]
        impl<F, R: Ret, $($a: Arg),*> Handler<($($a,)*)> for F
        where
            F: Fn(&mut Cx, $($a),*) -> Result<R>,
        {
            #[inline(always)]
            fn call(self, cx: &mut Cx, registers: &Registers) -> Result<isize> {
                let mut args = Args::new(registers);
                $(let $a = $a::take(&mut args);)*
                self(cx, $($a),*).map(Ret::raw)
            }

            fn show(self, registers: &Registers, space: &Space, out: &mut dyn Write) -> fmt::Result {
                let mut args = Args::new(registers);
                let mut separator = "";
                $(
                    out.write_str(separator)?;
                    $a::take(&mut args).show(space, out)?;
                    separator = ", ";
                )*
                Ok(())
            }

            fn show_after(
                self,
                registers: &Registers,
                space: &Space,
                out: &mut dyn Write,
            ) -> fmt::Result {
                let mut args = Args::new(registers);
                $($a::take(&mut args).show_after(space, out)?;)*
                Ok(())
            }
        }
    };
}
handler!();
handler!(A);
handler!(A, B);
handler!(A, B, C);
handler!(A, B, C, D);
handler!(A, B, C, D, E);
handler!(A, B, C, D, E, G);

macro_rules! syscalls {
    ($($name:ident => $handler:path $(, partial $note:literal)?;)*) => {
        /// Calls the handler of `nr`. `None`: there is none.
        #[inline]
        pub fn call(cx: &mut Cx, nr: u64, registers: &Registers) -> Option<Result<isize>> {
            Some(match usize::try_from(nr).ok()? {
                $(nr::$name => Handler::call($handler, cx, registers),)*
                _ => return None,
            })
        }

        /// Shows a call as `name(arguments)`.
        pub fn show(nr: u64, registers: &Registers, space: &Space, out: &mut dyn Write) -> fmt::Result {
            match nr as usize {
                $(nr::$name => {
                    out.write_str(concat!(stringify!($name), "("))?;
                    Handler::show($handler, registers, space, out)?;
                })*
                other => {
                    let name = nr::name(other).unwrap_or("syscall");
                    write!(out, "{name}({registers:x?}")?;
                }
            }
            out.write_str(")")
        }

        /// Shows what a call wrote to user memory.
        pub fn show_after(
            nr: u64,
            registers: &Registers,
            space: &Space,
            out: &mut dyn Write,
        ) -> fmt::Result {
            match nr as usize {
                $(nr::$name => Handler::show_after($handler, registers, space, out),)*
                _ => Ok(()),
            }
        }

        /// What is built, and what it leaves out.
        pub const IMPLEMENTED: &[(usize, &str)] = &[$((nr::$name, concat!($($note)?))),*];
    };
}

syscalls! {
    // Open files
    read => fd::read;
    write => fd::write;
    pread64 => fd::pread64;
    pwrite64 => fd::pwrite64;
    readv => fd::readv;
    writev => fd::writev;
    preadv => fd::preadv;
    pwritev => fd::pwritev;
    preadv2 => fd::preadv2;
    pwritev2 => fd::pwritev2;
    lseek => fd::lseek;
    close => fd::close;
    close_range => fd::close_range;
    dup => fd::dup;
    dup2 => fd::dup2;
    dup3 => fd::dup3;
    pipe => fd::pipe;
    pipe2 => fd::pipe2;
    fcntl => fcntl::fcntl;
    flock => lock::flock;
    ioctl => fd::ioctl;
    sync => fd::sync;
    syncfs => fd::syncfs;
    fsync => fd::fsync;
    fdatasync => fd::fdatasync;
    ftruncate => fd::ftruncate;
    fallocate => fd::fallocate;
    fadvise64 => fd::fadvise64;
    readahead => fd::readahead;
    sync_file_range => fd::sync_file_range;
    sendfile => splice::sendfile;
    copy_file_range => splice::copy_file_range;
    splice => splice::splice;
    tee => splice::tee;
    vmsplice => splice::vmsplice;

    // Names and files
    open => fs::open;
    creat => fs::creat;
    openat => fs::openat;
    openat2 => fs::openat2;
    memfd_create => fs::memfd_create;
    mkdir => fs::mkdir;
    mkdirat => fs::mkdirat;
    mknod => fs::mknod;
    mknodat => fs::mknodat;
    symlink => fs::symlink;
    symlinkat => fs::symlinkat;
    link => fs::link;
    linkat => fs::linkat;
    unlink => fs::unlink;
    rmdir => fs::rmdir;
    unlinkat => fs::unlinkat;
    rename => fs::rename;
    renameat => fs::renameat;
    renameat2 => fs::renameat2;
    readlink => fs::readlink;
    readlinkat => fs::readlinkat;
    chdir => fs::chdir;
    fchdir => fs::fchdir;
    chroot => fs::chroot;
    getcwd => fs::getcwd;
    umask => fs::umask;

    // What files are
    stat => fs::stat;
    lstat => fs::lstat;
    fstat => fs::fstat;
    newfstatat => fs::newfstatat;
    statx => fs::statx;
    access => fs::access;
    faccessat => fs::faccessat;
    faccessat2 => fs::faccessat2;
    statfs => fs::statfs;
    fstatfs => fs::fstatfs;

    // Attributes of files
    chmod => fs::chmod;
    fchmod => fs::fchmod;
    fchmodat => fs::fchmodat;
    chown => fs::chown;
    lchown => fs::lchown;
    fchown => fs::fchown;
    fchownat => fs::fchownat;
    truncate => fs::truncate;
    utime => fs::utime;
    utimes => fs::utimes;
    futimesat => fs::futimesat;
    utimensat => fs::utimensat;

    setxattr => fs::setxattr;
    lsetxattr => fs::lsetxattr;
    fsetxattr => fs::fsetxattr;
    getxattr => fs::getxattr;
    lgetxattr => fs::lgetxattr;
    fgetxattr => fs::fgetxattr;
    listxattr => fs::listxattr;
    llistxattr => fs::llistxattr;
    flistxattr => fs::flistxattr;
    removexattr => fs::removexattr;
    lremovexattr => fs::lremovexattr;
    fremovexattr => fs::fremovexattr;

    // Directories
    getdents64 => fs::getdents64;
    getdents => fs::getdents;

    // Mounts
    mount => fs::mount;
    umount2 => fs::umount2;
    swapon => swap::swapon, partial "no file can be swapped to";
    swapoff => swap::swapoff, partial "no file can be swapped to";
    pivot_root => fs::pivot_root;
    mount_setattr => fs::mount_setattr;

    // What happens to files
    inotify_init => notify::inotify_init;
    inotify_init1 => notify::inotify_init1;
    inotify_add_watch => notify::inotify_add_watch;
    inotify_rm_watch => notify::inotify_rm_watch;

    // Waiting for files
    poll => poll::poll;
    ppoll => poll::ppoll;
    select => poll::select;
    pselect6 => poll::pselect6;
    epoll_create => event::epoll_create;
    epoll_create1 => event::epoll_create1;
    epoll_ctl => event::epoll_ctl;
    epoll_wait => event::epoll_wait;
    epoll_pwait => event::epoll_pwait;
    epoll_pwait2 => event::epoll_pwait2;
    eventfd => event::eventfd;
    eventfd2 => event::eventfd2;
    signalfd => event::signalfd;
    signalfd4 => event::signalfd4;
    timerfd_create => event::timerfd_create;
    timerfd_settime => event::timerfd_settime;
    timerfd_gettime => event::timerfd_gettime;

    // Sockets
    socket => net::socket, partial "AF_UNIX only";
    socketpair => net::socketpair;
    bind => net::bind;
    connect => net::connect;
    listen => net::listen;
    accept => net::accept;
    accept4 => net::accept4;
    getsockname => net::getsockname;
    getpeername => net::getpeername;
    sendto => net::sendto;
    recvfrom => net::recvfrom;
    shutdown => net::shutdown;
    getsockopt => net::getsockopt, partial "no timeouts, no options of SOL_SOCKET that only tune";
    setsockopt => net::setsockopt, partial "buffer sizes";

    // Memory
    mmap => mem::mmap;
    munmap => mem::munmap;
    mprotect => mem::mprotect;
    mremap => mem::mremap;
    brk => mem::brk;
    msync => mem::msync;
    madvise => mem::madvise;
    mincore => mem::mincore;
    mlock => mem::mlock;
    mlock2 => mem::mlock2;
    munlock => mem::munlock;
    mlockall => mem::mlockall;
    munlockall => mem::munlockall;
    process_vm_readv => foreign::process_vm_readv;
    process_vm_writev => foreign::process_vm_writev;

    // Processes
    fork => process::fork;
    vfork => process::vfork;
    clone3 => process::clone3, partial "no namespaces, cgroups";
    clone => process::clone, partial "no namespaces";
    execve => process::execve;
    execveat => process::execveat;
    exit => process::exit;
    exit_group => process::exit_group;
    wait4 => process::wait4;
    waitid => process::waitid;
    pidfd_open => pidfd::pidfd_open;
    pidfd_send_signal => pidfd::pidfd_send_signal;
    pidfd_getfd => pidfd::pidfd_getfd;
    getpid => process::getpid;
    gettid => process::gettid;
    getppid => process::getppid;
    setpgid => process::setpgid;
    getpgid => process::getpgid;
    getpgrp => process::getpgrp;
    getsid => process::getsid;
    setsid => process::setsid;
    set_tid_address => process::set_tid_address;
    set_robust_list => process::set_robust_list;
    get_robust_list => process::get_robust_list;
    arch_prctl => process::arch_prctl, partial "FS and GS bases only";
    getuid => ids::getuid;
    geteuid => ids::geteuid;
    getgid => ids::getgid;
    getegid => ids::getegid;
    getresuid => ids::getresuid;
    getresgid => ids::getresgid;
    setuid => ids::setuid;
    setgid => ids::setgid;
    setreuid => ids::setreuid;
    setregid => ids::setregid;
    setresuid => ids::setresuid;
    setresgid => ids::setresgid;
    setfsuid => ids::setfsuid;
    setfsgid => ids::setfsgid;
    getgroups => ids::getgroups;
    setgroups => ids::setgroups;
    capget => caps::capget;
    capset => caps::capset;
    prlimit64 => limits::prlimit64;
    getrlimit => limits::getrlimit;
    setrlimit => limits::setrlimit;
    getrusage => limits::getrusage, partial "no block and message counts";
    times => limits::times;
    futex => sched::futex, partial "no priority inheritance";
    ioprio_get => ioprio::ioprio_get;
    ioprio_set => ioprio::ioprio_set;
    sched_yield => sched::sched_yield;
    getcpu => sched::getcpu;
    sched_getaffinity => sched::sched_getaffinity;
    sched_setaffinity => sched::sched_setaffinity;
    getpriority => priority::getpriority;
    setpriority => priority::setpriority;
    sched_setscheduler => priority::sched_setscheduler, partial "no SCHED_DEADLINE";
    sched_getscheduler => priority::sched_getscheduler;
    sched_setparam => priority::sched_setparam;
    sched_getparam => priority::sched_getparam;
    sched_setattr => priority::sched_setattr, partial "no SCHED_DEADLINE, no utilisation hints";
    sched_getattr => priority::sched_getattr;
    sched_get_priority_max => priority::sched_get_priority_max;
    sched_get_priority_min => priority::sched_get_priority_min;
    sched_rr_get_interval => priority::sched_rr_get_interval;

    // Signals
    rt_sigaction => signal::rt_sigaction;
    rt_sigprocmask => signal::rt_sigprocmask;
    rt_sigpending => signal::rt_sigpending;
    rt_sigsuspend => signal::rt_sigsuspend;
    rt_sigtimedwait => signal::rt_sigtimedwait;
    rt_sigqueueinfo => signal::rt_sigqueueinfo;
    rt_tgsigqueueinfo => signal::rt_tgsigqueueinfo;
    rt_sigreturn => signal::rt_sigreturn;
    sigaltstack => signal::sigaltstack;
    pause => signal::pause;
    kill => signal::kill;
    tkill => signal::tkill;
    tgkill => signal::tgkill;
    alarm => signal::alarm;

    // Time
    clock_gettime => time::clock_gettime, partial "no clocks of other processes";
    clock_getres => time::clock_getres, partial "no clocks of other processes";
    clock_settime => time::clock_settime, partial "CLOCK_REALTIME only";
    gettimeofday => time::gettimeofday;
    time => time::time;
    nanosleep => time::nanosleep;
    clock_nanosleep => time::clock_nanosleep;
    restart_syscall => time::restart_syscall;
    getitimer => time::getitimer;
    setitimer => time::setitimer;

    // The system
    uname => misc::uname;
    sethostname => misc::sethostname;
    setdomainname => misc::setdomainname;
    getrandom => misc::getrandom;
    reboot => misc::reboot, partial "no kexec, no suspend";
    sysinfo => misc::sysinfo, partial "no load averages, buffers, swap";
    prctl => prctl::prctl, partial "no seccomp, PR_SET_MM, speculation control";
    personality => misc::personality;
    vhangup => console::vhangup;
    syslog => console::syslog;
}
