//! Boot: from the machine's hand-over to the first program. Owns the tables of devices and file
//! systems and hands them down.

mod cmdline;
mod init;

use core::fmt::Write;

use hal::{BootInfo, Hooks, Line, cpu::{CpuId, NoPreempt}};

use crate::{
    fs::{inode::FsType, mount::Namespace, tmpfs},
    log::Log,
    process::Kernel,
    sched::{self, Background, Cpu},
    syscall::misc::{RELEASE, VERSION},
    time::NSEC_PER_SEC,
};

/// The file systems that mount(2) knows.
static FILE_SYSTEMS: &[FsType] = &[
    FsType { name: "tmpfs", nodev: true, mount: tmpfs::mount },
    FsType { name: "ramfs", nodev: true, mount: tmpfs::mount },
];

impl Hooks for Kernel {
    fn boot(&'static self, info: BootInfo) {
        self.sched.start(info.cpus, self);
        let options = cmdline::parse(&info.cmdline);
        self.log.set_console_level(options.console_level.unwrap_or(7));
        hal::set_panic_timeout(options.panic);
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
        if options.console.is_some() {
            self.log.start_console();
        }
        let memory = hal::mem::stats();
        crate::printk!(INFO, "Memory: {}K/{}K available", memory.free * 4, memory.total * 4);
        crate::printk!(INFO, "smp: Brought up 1 node, {} CPUs", info.cpus);
        crate::printk!(INFO, "tsc: {} Hz", hal::time::tsc_hz());
        self.name_host();
        self.real_time.set(info.boot_unix_seconds * NSEC_PER_SEC as i64);
        self.options.call_once(|| options);
        match Namespace::new(FILE_SYSTEMS, &crate::dev::DEVICES, &self.real_time) {
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
            Line::Serial(port) => crate::tty::serial::interrupt(port),
        }
        if let Some(cpu) = sched::this(&NoPreempt::new()) {
            cpu.defer();
        }
    }

    fn log(&self, level: u8, text: core::fmt::Arguments<'_>) {
        self.log.write(level, text);
    }

    fn describe_current(&self, out: &mut dyn Write) {
        let _ = out.write_str("PID: 0 Comm: swapper");
    }
}

impl Background for Kernel {
    fn run_deferred(&self, _cpu: &Cpu) {
        crate::tty::serial::run_deferred();
    }

    fn log(&self) -> &Log {
        &self.log
    }
}

