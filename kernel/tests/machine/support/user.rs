//! What a scripted program can do: system calls with typed arguments, over the raw ones.
//!
//! Arguments in memory go through a few pages below the stack pointer that the program was entered
//! with, like a C program's locals.

use abi::Wire;
use abi::errno::{Errno, Result};
use abi::fs::{AT_FDCWD, Dirent64, OpenFlags};
use abi::mm::{MapFlags, Prot};
use abi::nr;
use abi::poll::{PollEvents, Pollfd};
use abi::process::{
    LINUX_REBOOT_CMD_POWER_OFF, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, WaitOptions,
};
use abi::signal::{SIGSET_SIZE, SaFlags, SigAction, SigSet};
use abi::time::{CLOCK_MONOTONIC, Timespec};

/// Bytes of one place for an argument.
const PLACE: u64 = 4096;
/// Where the places of a program begin, below its stack pointer.
const PROGRAM: u64 = 4 * PLACE;
/// Those of a signal handler lie below those of what it interrupted.
const HANDLER: u64 = 10 * PLACE;

/// A scripted program's view of its kernel.
pub struct User<'a> {
    raw: &'a mut hal::host::User,
    /// The first place.
    places: u64,
}

impl<'a> User<'a> {
    /// The view of a program.
    pub fn new(raw: &'a mut hal::host::User) -> Self {
        let places = (raw.stack() - PROGRAM) & !(PLACE - 1);
        Self { raw, places }
    }

    fn in_handler(raw: &'a mut hal::host::User) -> Self {
        let places = (raw.stack() - HANDLER) & !(PLACE - 1);
        Self { raw, places }
    }

    /// Makes a system call with up to six arguments.
    pub fn call<const N: usize>(&mut self, nr: usize, args: [u64; N]) -> Result<u64> {
        let mut all = [0; 6];
        all[..N].copy_from_slice(&args);
        result(self.raw.syscall(nr as u64, all))
    }

    /// A call whose arguments are a number and the address of `value`.
    pub fn call_with<T: Wire>(&mut self, nr: usize, number: u64, value: &T) -> Result<u64> {
        let at = self.put_wire(0, value);
        self.call(nr, [number, at])
    }

    // ---- memory ----

    /// Puts `bytes` at place 0, 1 or 2; where that is.
    fn put(&mut self, place: u64, bytes: &[u8]) -> u64 {
        assert!(bytes.len() as u64 <= PLACE);
        let at = self.place(place);
        self.raw.store(at, bytes);
        at
    }

    fn put_wire<T: Wire>(&mut self, place: u64, value: &T) -> u64 {
        let mut bytes = vec![0; T::SIZE];
        value.put(&mut bytes);
        self.put(place, &bytes)
    }

    fn put_str(&mut self, place: u64, text: &str) -> u64 {
        self.put(place, &[text.as_bytes(), b"\0"].concat())
    }

    fn place(&self, place: u64) -> u64 {
        self.places + place * PLACE
    }

    /// Reads memory, as an instruction does.
    pub fn load(&mut self, at: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.raw.load(at, &mut bytes);
        bytes
    }

    /// Writes memory, as an instruction does.
    pub fn store(&mut self, at: u64, bytes: &[u8]) {
        self.raw.store(at, bytes);
    }

    /// Reads eight bytes.
    pub fn load_u64(&mut self, at: u64) -> u64 {
        self.raw.load_u64(at)
    }

    /// Writes eight bytes.
    pub fn store_u64(&mut self, at: u64, value: u64) {
        self.raw.store_u64(at, value);
    }

    /// The stack pointer that the program was entered with.
    pub fn stack(&self) -> u64 {
        self.raw.stack()
    }

    /// Executes at `at`.
    pub fn jump(&mut self, at: u64) {
        self.raw.jump(at);
    }

    /// Raises a CPU exception.
    pub fn exception(&mut self, vector: u8) {
        self.raw.exception(vector, 0);
    }

    /// mmap(2) of private zeroes.
    pub fn mmap(&mut self, len: u64, prot: Prot) -> Result<u64> {
        let flags = MapFlags::PRIVATE | MapFlags::ANONYMOUS;
        let (prot, flags) = (prot.bits().into(), flags.bits().into());
        self.call(nr::mmap, [0, len, prot, flags, u64::MAX, 0])
    }

    /// mmap(2) of zeroes shared with children.
    pub fn mmap_shared(&mut self, len: u64) -> Result<u64> {
        let (prot, flags) = (Prot::READ | Prot::WRITE, MapFlags::SHARED | MapFlags::ANONYMOUS);
        self.call(nr::mmap, [0, len, prot.bits().into(), flags.bits().into(), u64::MAX, 0])
    }

    /// mmap(2) of a file.
    pub fn mmap_file(&mut self, fd: i32, len: u64, prot: Prot, flags: MapFlags) -> Result<u64> {
        self.call(nr::mmap, [0, len, prot.bits().into(), flags.bits().into(), fd as u64, 0])
    }

    /// munmap(2)
    pub fn munmap(&mut self, at: u64, len: u64) -> Result<u64> {
        self.call(nr::munmap, [at, len])
    }

    /// mprotect(2)
    pub fn mprotect(&mut self, at: u64, len: u64, prot: Prot) -> Result<u64> {
        self.call(nr::mprotect, [at, len, prot.bits().into()])
    }

    /// brk(2), the raw call: the new end, or the old one.
    pub fn brk(&mut self, to: u64) -> u64 {
        self.call(nr::brk, [to]).unwrap_or(0)
    }

    // ---- processes ----

    /// fork(2): the child runs `child` and exits with its value.
    pub fn fork(&mut self, child: impl FnOnce(&mut User) -> i32 + Send + 'static) -> Result<i32> {
        let answer = self.raw.fork(nr::fork as u64, [0; 6], move |raw| child(&mut User::new(raw)));
        result(answer).map(|pid| pid as i32)
    }

    /// vfork(2)
    pub fn vfork(&mut self, child: impl FnOnce(&mut User) -> i32 + Send + 'static) -> Result<i32> {
        let answer = self.raw.fork(nr::vfork as u64, [0; 6], move |raw| child(&mut User::new(raw)));
        result(answer).map(|pid| pid as i32)
    }

    /// Runs `child` as a process of its own; its wait status.
    pub fn in_child(
        &mut self,
        child: impl FnOnce(&mut User) -> i32 + Send + 'static,
    ) -> Result<i32> {
        let pid = self.fork(child)?;
        self.wait4(pid, WaitOptions::EMPTY).map(|(_, status)| status)
    }

    /// wait4(2): the child and its status.
    pub fn wait4(&mut self, pid: i32, options: WaitOptions) -> Result<(i32, i32)> {
        let at = self.put(0, &[0; 4]);
        let pid = self.call(nr::wait4, [pid as u64, at, options.bits().into(), 0])?;
        Ok((pid as i32, i32::get(&self.load(at, 4))))
    }

    /// execve(2) with `argv` and no environment; comes back only with an error.
    pub fn execve(&mut self, path: &str, argv: &[&str]) -> Errno {
        let mut strings = Vec::new();
        let mut pointers = Vec::new();
        for arg in argv {
            pointers.extend((self.place(1) + strings.len() as u64).to_ne_bytes());
            strings.extend(arg.bytes().chain([0]));
        }
        pointers.extend([0; 8]);
        self.put(1, &strings);
        let argv = self.put(2, &pointers);
        let path = self.put_str(0, path);
        let envp = argv + pointers.len() as u64 - 8;
        match self.call(nr::execve, [path, argv, envp]) {
            Err(why) => why,
            Ok(_) => panic!("execve came back without an error"),
        }
    }

    /// What the program was executed with.
    pub fn args(&mut self) -> Vec<String> {
        let stack = self.raw.stack();
        let argc = self.load_u64(stack);
        (1..=argc).map(|i| self.string_at(stack + 8 * i)).collect()
    }

    fn string_at(&mut self, pointer: u64) -> String {
        let mut at = self.load_u64(pointer);
        let mut bytes = Vec::new();
        loop {
            match self.load(at, 1)[0] {
                0 => return String::from_utf8(bytes).expect("tests pass text"),
                byte => bytes.push(byte),
            }
            at += 1;
        }
    }

    /// getpid(2)
    pub fn getpid(&mut self) -> i32 {
        self.call(nr::getpid, []).map_or(-1, |pid| pid as i32)
    }

    /// getppid(2)
    pub fn getppid(&mut self) -> i32 {
        self.call(nr::getppid, []).map_or(-1, |pid| pid as i32)
    }

    /// Turns the machine off: never comes back.
    pub fn power_off(&mut self) -> ! {
        let (one, two) = (LINUX_REBOOT_MAGIC1.into(), LINUX_REBOOT_MAGIC2.into());
        let answer = self.call(nr::reboot, [one, two, LINUX_REBOOT_CMD_POWER_OFF.into()]);
        panic!("reboot: {answer:?}");
    }

    // ---- signals ----

    /// kill(2)
    pub fn kill(&mut self, pid: i32, sig: u32) -> Result<u64> {
        self.call(nr::kill, [pid as u64, sig.into()])
    }

    /// sigaction(2) with a handler of its own, which gets the signal's number.
    pub fn on_signal(
        &mut self,
        sig: u32,
        flags: SaFlags,
        handler: impl Fn(&mut User, u32) + Send + Sync + 'static,
    ) -> Result<u64> {
        let handler = self.raw.handler(move |raw| {
            let sig = raw.args()[0] as u32;
            handler(&mut User::in_handler(raw), sig);
            0
        });
        self.sigaction(sig, handler, flags)
    }

    /// sigaction(2); `handler` may be 0 (`SIG_DFL`) or 1 (`SIG_IGN`).
    pub fn sigaction(&mut self, sig: u32, handler: u64, flags: SaFlags) -> Result<u64> {
        let action = SigAction {
            sa_handler: handler,
            sa_flags: flags | SaFlags::RESTORER,
            // Never executed: the machine makes the call itself.
            sa_restorer: handler,
            sa_mask: SigSet::EMPTY,
        };
        let at = self.put_wire(0, &action);
        self.call(nr::rt_sigaction, [sig.into(), at, 0, SIGSET_SIZE as u64])
    }

    /// sigprocmask(2); the old mask.
    pub fn sigprocmask(&mut self, how: u32, set: SigSet) -> Result<SigSet> {
        let (set, old) = (self.put_wire(0, &set.0), self.put(1, &[0; 8]));
        self.call(nr::rt_sigprocmask, [how.into(), set, old, SIGSET_SIZE as u64])?;
        Ok(SigSet(self.load_u64(old)))
    }

    // ---- files ----

    /// open(2)
    pub fn open(&mut self, path: &str, flags: OpenFlags, mode: u32) -> Result<i32> {
        let path = self.put_str(0, path);
        let dir = AT_FDCWD as u64;
        let fd = self.call(nr::openat, [dir, path, flags.bits().into(), mode.into()])?;
        Ok(fd as i32)
    }

    /// close(2)
    pub fn close(&mut self, fd: i32) -> Result<u64> {
        self.call(nr::close, [fd as u64])
    }

    /// read(2) of at most a page.
    pub fn read(&mut self, fd: i32, len: usize) -> Result<Vec<u8>> {
        let at = self.place(2);
        let len = self.call(nr::read, [fd as u64, at, len as u64])?;
        Ok(self.load(at, len as usize))
    }

    /// write(2) of at most a page; the bytes written.
    pub fn write(&mut self, fd: i32, bytes: &[u8]) -> Result<u64> {
        let at = self.put(2, bytes);
        self.call(nr::write, [fd as u64, at, bytes.len() as u64])
    }

    /// lseek(2)
    pub fn lseek(&mut self, fd: i32, to: i64, whence: u32) -> Result<u64> {
        self.call(nr::lseek, [fd as u64, to as u64, whence.into()])
    }

    /// pread(2) of at most a page.
    pub fn pread(&mut self, fd: i32, len: usize, at: u64) -> Result<Vec<u8>> {
        let to = self.place(2);
        let len = self.call(nr::pread64, [fd as u64, to, len as u64, at])?;
        Ok(self.load(to, len as usize))
    }

    /// readlink(2)
    pub fn readlink(&mut self, path: &str) -> Result<String> {
        let (path, to) = (self.put_str(0, path), self.place(2));
        let len = self.call(nr::readlink, [path, to, PLACE])?;
        Ok(String::from_utf8(self.load(to, len as usize)).expect("tests link to text"))
    }

    /// mount(2) without flags or options.
    pub fn mount(&mut self, source: &str, at: &str, kind: &str) -> Result<u64> {
        let (source, at) = (self.put_str(0, source), self.put_str(1, at));
        let kind = self.put_str(2, kind);
        self.call(nr::mount, [source, at, kind, 0, 0])
    }

    /// The names in a directory, in the order of the listing.
    pub fn names(&mut self, path: &str) -> Vec<String> {
        let fd = self.open(path, OpenFlags::DIRECTORY, 0).expect("a directory");
        let mut names = Vec::new();
        loop {
            let at = self.place(2);
            let len = self.call(nr::getdents64, [fd as u64, at, PLACE]).expect("a listing");
            let bytes = self.load(at, len as usize);
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let head = Dirent64::get(rest);
                let name = rest[Dirent64::SIZE..].split(|b| *b == 0).next().unwrap_or_default();
                names.push(String::from_utf8_lossy(name).into_owned());
                rest = &rest[usize::from(head.d_reclen)..];
            }
            if len == 0 {
                self.close(fd).expect("an open directory");
                return names;
            }
        }
    }

    /// A call whose arguments are a path and up to two numbers.
    pub fn path_call(&mut self, nr: usize, path: &str, args: [u64; 2]) -> Result<u64> {
        let path = self.put_str(0, path);
        self.call(nr, [path, args[0], args[1]])
    }

    /// A call whose arguments are two paths.
    pub fn paths_call(&mut self, nr: usize, one: &str, two: &str) -> Result<u64> {
        let (one, two) = (self.put_str(0, one), self.put_str(1, two));
        self.call(nr, [one, two])
    }

    /// pipe2(2): the reading end and the writing end.
    pub fn pipe2(&mut self, flags: OpenFlags) -> Result<(i32, i32)> {
        let at = self.put(0, &[0; 8]);
        self.call(nr::pipe2, [at, flags.bits().into()])?;
        let [reader, writer] = <[i32; 2]>::get(&self.load(at, 8));
        Ok((reader, writer))
    }

    /// poll(2): what each descriptor has of what is asked for.
    pub fn poll(&mut self, fds: &[(i32, PollEvents)], timeout_ms: i32) -> Result<Vec<PollEvents>> {
        let mut bytes = vec![0; Pollfd::SIZE * fds.len()];
        for (to, &(fd, events)) in bytes.chunks_mut(Pollfd::SIZE).zip(fds) {
            Pollfd { fd, events, revents: PollEvents::EMPTY }.put(to);
        }
        let at = self.put(0, &bytes);
        self.call(nr::poll, [at, fds.len() as u64, timeout_ms as u64])?;
        let bytes = self.load(at, bytes.len());
        Ok(bytes.chunks(Pollfd::SIZE).map(|one| Pollfd::get(one).revents).collect())
    }

    // ---- time ----

    /// nanosleep(2); what was left is at place 1.
    pub fn nanosleep(&mut self, ns: i64) -> Result<u64> {
        let (tv_sec, tv_nsec) = (ns / 1_000_000_000, ns % 1_000_000_000);
        let at = self.put_wire(0, &Timespec { tv_sec, tv_nsec });
        self.call(nr::nanosleep, [at, 0])
    }

    /// Nanoseconds on the monotonic clock.
    pub fn now(&mut self) -> i64 {
        let at = self.put(0, &[0; Timespec::SIZE]);
        let _ = self.call(nr::clock_gettime, [CLOCK_MONOTONIC.into(), at]);
        let now = Timespec::get(&self.load(at, Timespec::SIZE));
        now.tv_sec * 1_000_000_000 + now.tv_nsec
    }
}

fn result(answer: i64) -> Result<u64> {
    Errno::from_neg(answer as isize).map_or(Ok(answer as u64), Err)
}
