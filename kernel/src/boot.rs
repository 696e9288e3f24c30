//! Boot: from the machine's hand-over to the first program. Owns the tables of devices and file
//! systems and hands them down.

mod cmdline;
mod init;

use alloc::{vec, vec::Vec};
use core::{fmt::Write, sync::atomic::Ordering::Relaxed};

use hal::{
    BootInfo, Hooks, Line,
    cpu::{CpuId, NoPreempt},
};

use crate::{
    dev::{DeviceTable, Drivers, devtmpfs, kmsg::Readers},
    fs::{inode::FsType, mount::Namespace, tmpfs},
    log::Log,
    mm::Vdso,
    process::{
        Kernel, Pid,
        uts::{RELEASE, VERSION},
    },
    procfs,
    sched::{self, Background, Cpu},
    sysfs,
    time::NSEC_PER_SEC,
    tty::{self, Terminals},
};

/// The file systems that mount(2) knows.
fn file_systems(kernel: &'static Kernel, drivers: &'static Drivers) -> Vec<FsType> {
    vec![
        FsType::nodev("tmpfs", tmpfs::mount),
        FsType::nodev("devpts", |args| drivers.terminals.ptys().mount(args)),
        FsType::nodev("proc", move |args| procfs::mount(kernel, args)),
        devtmpfs::kind(drivers),
        FsType::nodev("ramfs", tmpfs::mount_plain),
        sysfs::kind(kernel),
    ]
}

impl Hooks for Kernel {
    fn boot(&'static self, info: BootInfo) {
        self.sched.start(info.cpus, self);
        let options = cmdline::parse(&info.cmdline);
        self.log.set_console_level(options.console_level.unwrap_or(7));
        self.settings.set_panic_timeout(options.panic);
        if options.norandmaps {
            self.settings.randomize_va_space.store(0, Relaxed);
        }
        crate::printk!(
            NOTICE,
            "Linux version {} ({})",
            RELEASE.escape_ascii(),
            VERSION.escape_ascii()
        );
        crate::printk!(INFO, "Command line: {}", info.cmdline.escape_ascii());
        for range in &info.memory_map {
            let kind = if range.kind == 1 { "usable" } else { "reserved" };
            crate::printk!(
                INFO,
                "BIOS-e820: [mem {:#018x}-{:#018x}] {kind}",
                range.start,
                range.end.saturating_sub(1)
            );
        }
        if let Some(console) = &options.console {
            self.log.start_console(tty::console_port(Some(console.as_bytes())));
        }
        self.memory_map.call_once(|| info.memory_map);
        let memory = hal::mem::stats();
        crate::printk!(INFO, "Memory: {}K/{}K available", memory.free * 4, memory.total * 4);
        crate::printk!(INFO, "smp: Brought up 1 node, {} CPUs", info.cpus);
        crate::printk!(INFO, "tsc: {} Hz", hal::time::tsc_hz());
        self.uts.lock().name_host();
        self.real_time.set(info.boot_unix_seconds * NSEC_PER_SEC as i64);
        match Vdso::new(&self.real_time) {
            Ok(Some(vdso)) => {
                self.vdso.call_once(|| vdso);
            }
            Ok(None) => {}
            Err(why) => crate::printk!(WARNING, "vdso: {why}"),
        }
        let console = options.console.clone();
        self.options.call_once(|| options);
        let terminals = self
            .terminals
            .call_once(|| Terminals::new(self, &self.log, console.as_deref().map(str::as_bytes)));
        let log_readers = self.log_readers.call_once(|| Readers::new(&self.log));
        let drivers =
            self.drivers.call_once(|| Drivers { random: &self.random, terminals, log_readers });
        let devices = self.devices.call_once(|| DeviceTable(drivers));
        let types = self.file_systems.call_once(|| file_systems(self, drivers));
        match Namespace::new(types, devices, &self.real_time) {
            Ok(mounts) => {
                self.mounts.call_once(|| mounts);
            }
            Err(why) => hal::panic(format_args!("VFS: Unable to make the root file system: {why}")),
        }
        if let Err(why) = init::start(self, info.initrd) {
            hal::panic(format_args!("No memory for init: {why}"));
        }
    }

    fn cpu_loop(&'static self, cpu: CpuId) {
        if let Some(cpu) = self.sched.cpus().get(cpu.0 as usize) {
            cpu.run();
        }
    }

    fn timer(&self) {
        if let Some(cpu) = sched::this(&NoPreempt::new()) {
            cpu.timer_interrupt();
        }
    }

    fn irq(&self, line: Line) {
        match line {
            Line::Serial(port) => {
                if let Some(terminals) = self.terminals.get() {
                    terminals.interrupt(port.into());
                }
            }
        }
        if let Some(cpu) = sched::this(&NoPreempt::new()) {
            cpu.defer();
        }
    }

    fn log(&self, level: u8, text: core::fmt::Arguments<'_>) {
        self.log.write(level, text);
    }

    fn describe_current(&self, out: &mut dyn Write) {
        let pid = sched::current_id();
        let comm = self.comm_if_free(Pid(pid));
        // Whatever cannot be written is left out: this is a panic.
        let _ = match comm {
            Some(comm) => write!(out, "PID: {pid} Comm: {}", comm.escape_ascii()),
            None => write!(out, "PID: {pid} Comm: swapper"),
        };
    }
}

impl Kernel {
    /// The name of a process, if no lock has to be waited for.
    fn comm_if_free(&self, pid: Pid) -> Option<heapless::Vec<u8, 15>> {
        let process = self.family.try_lock()?.get(pid)?.clone();
        let thread = process.signals.try_lock()?.threads.get(process.pid, pid)?;
        let comm = thread.comm.try_lock()?.clone();
        Some(comm)
    }
}

impl Background for Kernel {
    fn run_deferred(&self, _cpu: &Cpu) {
        if let Some(terminals) = self.terminals.get() {
            terminals.run_deferred();
        }
        if let Some(readers) = self.log_readers.get() {
            readers.run_deferred();
        }
    }

    fn out_of_memory(&self) -> bool {
        self.out_of_memory()
    }

    fn log(&self) -> &Log {
        &self.log
    }
}
