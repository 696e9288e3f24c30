//! execve(2): a process takes up a new program (`fs/exec.c`).
//!
//! [`Loader::open`] follows `#!` lines to a program and checks it; nothing has happened yet.
//! [`Loader::build`] makes the new address space. Then the thread moves over: from Linux's point of
//! no return on an error ends the process by SIGSEGV.

mod alone;
pub mod elf;
pub mod script;
pub mod stack;

use alloc::{sync::Arc, vec::Vec};
use core::{fmt::Write, sync::atomic::Ordering::Relaxed};

use abi::{
    errno::{EACCES, EAGAIN, EINVAL, ELOOP, ENOENT, ENOEXEC, ENOMEM, ENOTDIR, Result},
    fs::{AT_FDCWD, AtFlags},
    process::{RLIMIT_NPROC, RLIMIT_STACK, wait_signaled},
    signal::{SIGCHLD, SIGSEGV},
};
use hal::user::Regs;

use self::{
    elf::{Executable, Program, Start},
    stack::{Facts, Strings},
};
use super::{Cx, Kernel, cx::NO_ALT_STACK};
use crate::{
    cred::{Cred, Limits},
    fs::{
        Caller, ExecFile, Fd, FsInfo,
        access::{READ, permission},
        open,
    },
    lock::Spin,
    mm::{Chance, Dumpable, FileRef, MapFile, Space, Who, io::SliceSink, user::UserPath},
};

/// `ADDR_NO_RANDOMIZE` of personality(2).
const ADDR_NO_RANDOMIZE: u32 = 0x004_0000;

/// What loading a program depends on.
pub struct Loader<'a> {
    /// The kernel.
    pub kernel: &'static Kernel,
    /// Who executes it.
    pub cred: &'a Arc<Cred>,
    /// With which limits.
    pub limits: &'a Limits,
    /// Where paths start.
    pub fs: &'a Arc<FsInfo>,
    /// `personality(2)`
    pub personality: u32,
    /// A file's set-user-ID and set-group-ID bits mean nothing (`PR_SET_NO_NEW_PRIVS`).
    pub no_new_privs: bool,
}

/// A program that can be loaded.
pub struct Opened {
    program: Program,
    file: Arc<ExecFile>,
    strings: Strings,
}

/// A program in its new address space.
pub struct Loaded {
    /// The space.
    pub space: Arc<Space>,
    /// Where it starts.
    pub start: Start,
    /// Who it is.
    pub cred: Cred,
}

/// A program file as the loader reads and maps it.
struct ProgramFile {
    file: Arc<ExecFile>,
    cred: Arc<Cred>,
    limits: Limits,
    fs: Arc<FsInfo>,
}

impl Executable for ProgramFile {
    fn read_at(&self, at: u64, to: &mut [u8]) -> Result<usize> {
        let at = i64::try_from(at).map_err(|_| EINVAL)?;
        kernel_caller(&self.cred, &self.limits, &self.fs, |c| {
            let len = to.len();
            let mut done = 0;
            while done < len {
                let mut sink = SliceSink::new(to.get_mut(done..).ok_or(EINVAL)?);
                match self.file.file().read_at(c, &mut sink, at + done as i64)? {
                    0 => break,
                    n => done += n,
                }
            }
            Ok(done)
        })
    }

    fn map(&self) -> MapFile {
        self.file.file().map_file()
    }

    fn exe(self: Arc<Self>) -> FileRef {
        self.file.clone()
    }
}

/// Runs `f` as a caller without user memory.
fn kernel_caller<R>(
    cred: &Cred,
    limits: &Limits,
    fs: &FsInfo,
    f: impl FnOnce(&Caller<'_>) -> R,
) -> R {
    f(&Caller { cred, space: None, limits, fs_info: fs, raise: &|_| {} })
}

impl Loader<'_> {
    /// Opens a program by its path, from the working directory; which is what an empty path names,
    /// since no program gave it to open(2).
    pub fn find(&self, path: &[u8]) -> Result<Arc<ExecFile>> {
        let file = kernel_caller(self.cred, self.limits, self.fs, |c| match path {
            b"" => open::exec_at(c, self.cred, self.fs.cwd()),
            path => open::open_exec(c, self.cred, None, path, true),
        })?;
        Ok(Arc::new(file))
    }

    fn executable(&self, file: Arc<ExecFile>) -> Arc<ProgramFile> {
        let (cred, fs) = (self.cred.clone(), self.fs.clone());
        Arc::new(ProgramFile { file, cred, limits: *self.limits, fs })
    }

    /// Follows `#!` lines from `file`, which was called `name`, and checks the program at the end.
    /// A script's interpreter gets the script by that name; `None`: it cannot be opened by name.
    pub fn open(
        &self,
        file: Arc<ExecFile>,
        name: Option<&[u8]>,
        mut strings: Strings,
    ) -> Result<Opened> {
        let mut file = file;
        let mut name = name.map(<[u8]>::to_vec);
        for _ in 0..=script::MAX_DEPTH {
            let program = self.executable(file.clone());
            let mut head = [0; script::HEAD];
            program.read_at(0, &mut head)?;
            if !head.starts_with(b"#!") {
                let mut interpreter = |path: &[u8]| -> Result<Arc<dyn Executable>> {
                    Ok(self.executable(self.find(path)?))
                };
                let program = elf::prepare(program, &mut interpreter)?;
                return Ok(Opened { program, file, strings });
            }
            let script = script::parse(&head).ok_or(ENOEXEC)?;
            let own = name.ok_or(ENOENT)?;
            strings.interpret(script.interpreter, script.argument, &own)?;
            file = self.find(script.interpreter)?;
            name = Some(script.interpreter.to_vec());
        }
        Err(ELOOP)
    }

    /// Builds the address space of `opened`.
    pub fn build(&self, opened: Opened) -> Result<Loaded> {
        let path = opened.file.file().path().filter(|_| !self.no_new_privs);
        let ids = path.map(open::set_ids).transpose()?.unwrap_or((None, None));
        let cred = self.cred.for_exec(ids.0, ids.1);
        let secure = cred.euid != cred.uid || cred.egid != cred.gid;
        let facts = Facts {
            uid: cred.uid.0,
            euid: cred.euid.0,
            gid: cred.gid.0,
            egid: cred.egid.0,
            secure,
            hwcap: hal::cpu::hwcap(),
            hwcap2: hal::cpu::hwcap2(),
            min_signal_stack: super::frame::largest(),
        };
        let mut random = || self.kernel.random.u64();
        let wanted = match self.personality & ADDR_NO_RANDOMIZE {
            0 => self.kernel.settings.randomize_va_space.load(Relaxed),
            _ => 0,
        };
        let mut chance = Chance::new(&mut random, wanted != 0).moving_heap(wanted > 1);
        let who = Who { cred: &cred, limits: self.limits };
        let vdso = self.kernel.vdso.get();
        let readable = opened.file.file().inode().access();
        let readable = permission(self.cred, readable, READ).is_ok();
        let (space, start) =
            opened.program.commit(opened.strings, &facts, who, vdso, &mut chance)?;
        space.set_dumpable(if secure || !readable { Dumpable::No } else { Dumpable::Yes });
        Ok(Loaded { space, start, cred })
    }
}

/// Registers at the first instruction of a program.
pub fn first_registers(start: Start) -> Result<Regs> {
    let mut regs = Regs::new().map_err(|_| ENOMEM)?;
    regs.set_rip(start.entry).map_err(|_| EINVAL)?;
    regs.set_rsp(start.sp);
    Ok(regs)
}

/// execve(2) and execveat(2)
pub fn execve(
    cx: &mut Cx,
    dir: Fd,
    path: UserPath,
    argv: u64,
    envp: u64,
    flags: u32,
) -> Result<()> {
    let path = path.read(cx.space())?;
    if path.is_empty() && !AtFlags(flags).has(AtFlags::EMPTY_PATH) {
        return Err(ENOENT);
    }
    // A process that setuid(2) took over its new user's limit may not execute another program.
    if cx.cred().uid.0 != 0 && cx.kernel.users.count(cx.cred().uid) > cx.limit(RLIMIT_NPROC) {
        return Err(EAGAIN);
    }
    let (name, by_name) = program_name(cx, dir, &path)?;
    let stack_limit = cx.limit(RLIMIT_STACK);
    let strings = Strings::copy(cx.space(), &name, argv, envp, stack_limit)?;
    if !AtFlags(flags).without(AtFlags::EMPTY_PATH | AtFlags::SYMLINK_NOFOLLOW).is_empty() {
        return Err(EINVAL);
    }
    let follow = !AtFlags(flags).has(AtFlags::SYMLINK_NOFOLLOW);
    let file = cx.with_caller(|c| {
        let from = from_dir(cx, dir, &path)?;
        match from {
            Some(place) if path.is_empty() => open::exec_at(c, cx.cred(), place),
            from => open::open_exec(c, cx.cred(), from, &path, follow),
        }
    })?;
    let (cred, limits, fs) = (cx.cred().clone(), *cx.process().limits.lock(), cx.fs().clone());
    let loader = Loader {
        kernel: cx.kernel,
        cred: &cred,
        limits: &limits,
        fs: &fs,
        personality: cx.personality,
        no_new_privs: cx.thread.traits.no_new_privs.load(Relaxed),
    };
    let opened = loader.open(Arc::new(file), by_name.then_some(&name), strings)?;
    // From here on there is no way back.
    alone::become_only(cx)?;
    let moved = loader.build(opened).and_then(|loaded| {
        let regs = first_registers(loaded.start)?;
        move_over(cx, loaded, regs, &name)
    });
    if moved.is_err() {
        cx.process().kill_group(wait_signaled(SIGSEGV, false));
    }
    moved
}

/// Where a relative path starts; `None`: at the working directory.
fn from_dir(cx: &Cx, dir: Fd, path: &[u8]) -> Result<Option<crate::fs::Path>> {
    if dir.0 == AT_FDCWD && !path.is_empty() || path.starts_with(b"/") {
        return Ok(None);
    }
    if dir.0 == AT_FDCWD {
        return Ok(Some(cx.fs().cwd()));
    }
    match cx.file(dir)?.path() {
        Some(place) => Ok(Some(place.clone())),
        // A pipe is no directory, nor a program.
        None => Err(if path.is_empty() { EACCES } else { ENOTDIR }),
    }
}

/// The name the program is known by (`bprm->filename`), and whether it can be opened by it.
fn program_name(cx: &Cx, dir: Fd, path: &[u8]) -> Result<(Vec<u8>, bool)> {
    if dir.0 == AT_FDCWD || path.starts_with(b"/") {
        return Ok((path.to_vec(), true));
    }
    let mut name: heapless::String<24> = heapless::String::new();
    // Nineteen bytes at most.
    let _ = write!(name, "/dev/fd/{}", dir.0);
    let mut name = name.into_bytes().to_vec();
    if !path.is_empty() {
        name.push(b'/');
        name.extend_from_slice(path);
    }
    let closes = cx.files().cloexec(dir).unwrap_or(false);
    Ok((name, !closes))
}

/// The thread leaves its old program for `loaded`.
fn move_over(cx: &mut Cx, loaded: Loaded, regs: Regs, name: &[u8]) -> Result<()> {
    let process = cx.process().clone();
    // What was shared with others (CLONE_FILES, CLONE_SIGHAND) is its own from now on.
    let files = if Arc::strong_count(&cx.parts.files) > 2 {
        Arc::new(cx.parts.files.fork()?)
    } else {
        cx.parts.files.clone()
    };
    let mut actions = cx.parts.actions.lock().clone();
    actions.reset_handlers();

    super::exit::release_memory(cx);
    loaded.space.inherit_settings(cx.space());
    let most = cx.space().most_pages();
    {
        let used = &mut process.usage.lock()[0];
        used.max_rss = used.max_rss.max(most);
    }
    let set_ids = loaded.cred.euid != cx.cred().euid || loaded.cred.egid != cx.cred().egid;
    cx.parts.space = loaded.space;
    cx.parts.files = files;
    cx.parts.actions = Arc::new(Spin::new(actions));
    cx.parts.cred = Arc::new(loaded.cred);
    cx.publish();
    if let Some(vfork) = &cx.thread.vfork {
        vfork.finish();
    }
    cx.parts.files.close_on_exec();

    cx.regs = regs;
    cx.alt_stack = NO_ALT_STACK;
    cx.trap = super::TrapInfo::default();
    cx.restart_block = None;
    if set_ids {
        cx.set_personality(cx.personality & !ADDR_NO_RANDOMIZE);
        cx.thread.traits.death_signal.store(0, Relaxed);
    }
    process.exit_signal.store(SIGCHLD, Relaxed);
    let base = name.rsplit(|b| *b == b'/').next().unwrap_or(name);
    cx.thread.set_comm(base);
    cx.kernel.family.lock().has_execed(process.pid);
    Ok(())
}
