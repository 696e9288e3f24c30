//! The first process (`kernel_init` in `init/main.c`): unpacks the initramfs, opens the console,
//! and becomes the first program that can be executed.

use alloc::{sync::Arc, vec::Vec};

use abi::{
    errno::{ELOOP, ENOENT, ENOMEM, ENOTDIR, ESRCH, Result},
    fs::{OpenFlags, makedev},
    process::RLIMIT_STACK,
    signal::SigSet,
};
use hal::Initrd;

use crate::{
    cred::{Cred, Limits, Uid},
    fs::{Caller, FdTable, FsInfo, initramfs, inode::What, namei, open},
    lock::Spin,
    process::{
        Cx, Kernel, Parts, Pid, Process, Thread, Traits, TrapInfo,
        exec::{Loader, first_registers, stack::Strings},
        run,
    },
    sched::{TaskRef, work},
    signal::Actions,
};

/// Programs that are tried when the command line names none.
const PROGRAMS: &[&[u8]] = &[b"/sbin/init", b"/etc/init", b"/bin/init", b"/bin/sh"];

/// Makes process 1 and lets it run.
pub fn start(kernel: &'static Kernel, initrd: Option<Initrd>) -> Result<()> {
    let all = kernel.sched.all_cpus();
    let limits = Limits::init(kernel.max_threads());
    let pid = kernel.family.lock().allocate().ok_or(ESRCH)?;
    let process = Process::new(kernel, pid, 0, Uid::ROOT, limits);
    let thread =
        Arc::new(Thread::new(pid, process.clone(), SigSet::EMPTY, Traits::default(), None));
    thread.set_comm(b"swapper/0");
    process.signals.lock().threads.add(&thread);
    kernel.family.lock().add(pid, Pid::NONE, process);
    kernel.count_fork();
    let own = thread.clone();
    let task = TaskRef::new(pid.0, all, move |task| become_init(kernel, own, task, initrd, limits))
        .map_err(|_| ENOMEM)?;
    thread.set_task(task.clone());
    task.start();
    Ok(())
}

fn become_init(
    kernel: &'static Kernel,
    thread: Arc<Thread>,
    task: TaskRef,
    initrd: Option<Initrd>,
    limits: Limits,
) {
    let Some(mounts) = kernel.mounts.get() else { return };
    let fs = Arc::new(FsInfo::new(mounts.clone()));
    fs.set_umask(0);
    let cred = Arc::new(Cred::root());
    let caller = Caller { cred: &cred, space: None, limits: &limits, fs_info: &fs, raise: &|_| {} };
    make_default_root(&caller);
    if let Some(initrd) = initrd {
        crate::printk!(INFO, "Trying to unpack rootfs image as initramfs...");
        if let Err(why) = initramfs::unpack(&caller, &cred, &initrd) {
            crate::printk!(EMERG, "Initramfs unpacking failed: {why}");
        }
        crate::printk!(INFO, "Freeing initrd memory: {}K", initrd.len() / 1024);
    }
    fs.set_umask(0o022);
    provoke(kernel);
    let files = Arc::new(FdTable::new());
    open_console(&caller, &cred, &files);
    let loader = Loader {
        kernel,
        cred: &cred,
        limits: &limits,
        fs: &fs,
        personality: 0,
        no_new_privs: false,
    };
    let (loaded, name) = first_program(kernel, &loader);
    let regs = match first_registers(loaded.start) {
        Ok(regs) => regs,
        Err(why) => hal::panic(format_args!("No memory for init's registers: {why}")),
    };
    let base = name.rsplit(|b| *b == b'/').next().unwrap_or(&name);
    thread.set_comm(base);
    let cx = Cx {
        kernel,
        thread,
        task,
        regs,
        parts: Parts {
            space: loaded.space,
            files,
            fs: fs.clone(),
            actions: Arc::new(Spin::new(Actions::default())),
            cred: Arc::new(loaded.cred),
        },
        limits,
        nr: u64::MAX,
        restart: None,
        ended: None,
        restart_block: None,
        saved_mask: None,
        alt_stack: crate::process::NO_ALT_STACK,
        trap: TrapInfo::default(),
        set_child_tid: 0,
        personality: 0,
    };
    cx.publish();
    if kernel.options.get().is_some_and(|options| options.trace) {
        cx.task.set_work(work::TRACE);
    }
    run(cx);
}

/// What is in the root before any archive (`usr/default_cpio_list`).
fn make_default_root(caller: &Caller<'_>) {
    let console = What::Char(makedev(5, 1));
    for (path, perm, what) in [
        (&b"/dev"[..], 0o755, What::Dir),
        (b"/dev/console", 0o600, console),
        (b"/root", 0o700, What::Dir),
    ] {
        if let Err(why) = namei::make(caller, None, path, perm, what) {
            crate::printk!(ERR, "rootfs: cannot make {}: {why}", path.escape_ascii());
        }
    }
}

/// The faults that `eclipse.debug=` provokes, for testing what watches the kernel.
fn provoke(kernel: &Kernel) {
    let Some(fault) = kernel.options.get().and_then(|options| options.debug.as_deref()) else {
        return;
    };
    if fault == b"panic" {
        hal::panic(format_args!("eclipse.debug=panic asked for it"));
    }
    crate::printk!(WARNING, "eclipse.debug={}: unknown", fault.escape_ascii());
}

/// Descriptors 0, 1 and 2 (`console_on_rootfs`).
fn open_console(caller: &Caller<'_>, cred: &Arc<Cred>, files: &FdTable) {
    let console = open::open(caller, cred, None, b"/dev/console", OpenFlags::RDWR, 0);
    match console {
        Ok(file) => {
            for _ in 0..3 {
                // A fresh table has room for three.
                let _ = files.insert(file.clone(), 3, false);
            }
        }
        Err(_) => crate::printk!(WARNING, "Warning: unable to open an initial console."),
    }
}

/// Tries what the command line asks for, then the usual places.
fn first_program(kernel: &Kernel, loader: &Loader<'_>) -> (crate::process::exec::Loaded, Vec<u8>) {
    let options = kernel.options.get().cloned().unwrap_or_default();
    let ramdisk = options.rdinit.clone().unwrap_or_else(|| b"/init".to_vec());
    let missing = matches!(loader.find(&ramdisk), Err(ENOENT | ENOTDIR | ELOOP));
    if missing && options.rdinit.is_some() {
        // Linux turns to the disk that `root=` names, and finds none.
        crate::printk!(ERR, "rdinit={}: there is no such file", ramdisk.escape_ascii());
        hal::panic(format_args!("VFS: Unable to mount root fs on unknown-block(0,0)"));
    }
    if !missing {
        match load(loader, &options, &ramdisk) {
            Ok(loaded) => return (loaded, ramdisk),
            Err(why) => {
                let name = ramdisk.escape_ascii();
                crate::printk!(ERR, "Failed to execute {name} (error -{})", why.0);
            }
        }
    }
    if let Some(init) = &options.init {
        match load(loader, &options, init) {
            Ok(loaded) => return (loaded, init.clone()),
            Err(why) => hal::panic(format_args!(
                "Requested init {} failed (error -{}).",
                init.escape_ascii(),
                why.0
            )),
        }
    }
    for path in PROGRAMS {
        match load(loader, &options, path) {
            Ok(loaded) => return (loaded, path.to_vec()),
            Err(ENOENT) => {}
            Err(why) => crate::printk!(
                ERR,
                "Starting init: {} exists but couldn't execute it (error -{})",
                path.escape_ascii(),
                why.0
            ),
        }
    }
    hal::panic(format_args!(
        "No working init found.  Try passing init= option to kernel. See Linux \
         Documentation/admin-guide/init.rst for guidance."
    ))
}

fn load(
    loader: &Loader<'_>,
    options: &crate::process::Options,
    path: &[u8],
) -> Result<crate::process::exec::Loaded> {
    let file = loader.find(path)?;
    let mut argv: Vec<&[u8]> = Vec::from([path]);
    argv.extend(options.args.iter().map(Vec::as_slice));
    let mut envp: Vec<&[u8]> = Vec::from([&b"HOME=/"[..], b"TERM=linux"]);
    for word in &options.env {
        // A later setting of the same name takes the place of the earlier.
        let name = |w: &[u8]| w.iter().position(|b| *b == b'=');
        match envp
            .iter_mut()
            .find(|old| old[..name(old).unwrap_or(0)] == word[..name(word).unwrap_or(0)])
        {
            Some(old) => *old = word,
            None => envp.push(word),
        }
    }
    crate::printk!(INFO, "Run {} as init process", path.escape_ascii());
    let strings = Strings::new(path, &argv, &envp, loader.limits.get(RLIMIT_STACK))?;
    loader.open(file, Some(path), strings).and_then(|opened| loader.build(opened))
}
