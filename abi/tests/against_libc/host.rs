//! Asks the host's C compiler.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// A set of headers that can be included together.
#[derive(Clone, Copy)]
pub struct Headers(&'static [&'static str]);

/// The kernel's own headers. They redefine what the C library defines, so the two stay apart.
pub const KERNEL: Headers = Headers(&[
    "linux/types.h",
    "linux/signal.h",
    "linux/serial.h",
    "linux/fcntl.h",
    "linux/stat.h",
    "linux/time.h",
    "linux/fs.h",
    "linux/auxvec.h",
    "linux/capability.h",
    "linux/close_range.h",
    "linux/elf.h",
    "linux/eventpoll.h",
    "linux/fadvise.h",
    "linux/falloc.h",
    "linux/futex.h",
    "linux/inotify.h",
    "linux/ioprio.h",
    "linux/limits.h",
    "linux/magic.h",
    "linux/membarrier.h",
    "linux/memfd.h",
    "linux/mempolicy.h",
    "linux/mman.h",
    "linux/mount.h",
    "linux/oom.h",
    "linux/openat2.h",
    "linux/pidfd.h",
    "linux/poll.h",
    "linux/prctl.h",
    "linux/random.h",
    "linux/reboot.h",
    "linux/resource.h",
    "linux/rseq.h",
    "linux/sched.h",
    "linux/sched/types.h",
    "linux/securebits.h",
    "linux/signalfd.h",
    "linux/sysinfo.h",
    "linux/timerfd.h",
    "linux/times.h",
    "linux/timex.h",
    "linux/tty.h",
    "linux/uio.h",
    "linux/utime.h",
    "linux/utsname.h",
    "linux/wait.h",
    "linux/xattr.h",
    "asm/ioctls.h",
    "asm/prctl.h",
    "asm/sigcontext.h",
    "asm/stat.h",
    "asm/statfs.h",
    "asm/termbits.h",
    "asm/termios.h",
    "asm/ucontext.h",
]);

/// The C library's headers, for what the kernel does not show.
pub const GLIBC: Headers = Headers(&[
    "dirent.h",
    "errno.h",
    "fcntl.h",
    "limits.h",
    "netinet/in.h",
    "sched.h",
    "string.h",
    "sys/eventfd.h",
    "sys/mount.h",
    "sys/select.h",
    "sys/socket.h",
    "sys/stat.h",
    "sys/statvfs.h",
    "sys/swap.h",
    "sys/sysmacros.h",
    "sys/un.h",
    "unistd.h",
]);

impl Headers {
    fn includes(self) -> String {
        self.0.iter().map(|h| format!("#include <{h}>\n")).collect()
    }

    /// What the C program with these statements in `main` prints, line by line.
    pub fn run(self, before_main: &str, statements: &str) -> Vec<String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ask-{}-{number}", std::process::id());
        let program = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        let source = format!(
            "#define _GNU_SOURCE\n{}#include <stddef.h>\nint printf(const char *, ...);\n\
             {before_main}\nint main(void) {{\n{statements}\nreturn 0;\n}}\n",
            self.includes()
        );
        let mut cc = Command::new("cc")
            .args(["-std=gnu11", "-w", "-x", "c", "-", "-o"])
            .arg(&program)
            .stdin(Stdio::piped())
            .spawn()
            .expect("a C compiler named cc");
        cc.stdin.take().unwrap().write_all(source.as_bytes()).unwrap();
        assert!(cc.wait().unwrap().success(), "cc refused, see above");
        let output = Command::new(&program).env("LC_ALL", "C").output().unwrap();
        std::fs::remove_file(&program).unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap().lines().map(String::from).collect()
    }

    /// The values of C expressions, extended to 64 bits as C does it.
    pub fn eval(self, before_main: &str, expressions: &[String]) -> Vec<u64> {
        let statements: String = expressions
            .iter()
            .map(|e| format!("printf(\"%llu\\n\", (unsigned long long)({e}));\n"))
            .collect();
        let lines = self.run(before_main, &statements);
        assert_eq!(lines.len(), expressions.len());
        lines.iter().map(|line| line.parse().unwrap()).collect()
    }
}
