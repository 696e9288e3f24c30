//! `sysrq-trigger`: commands to the kernel, a letter each
//! (Documentation/admin-guide/sysrq.rst, `drivers/tty/sysrq.c`).

use super::table::ProcCx;
use crate::fs::Caller;
use crate::mm::io::Source;
use crate::process::{Kernel, Pid, reboot};
use crate::sched;
use crate::signal::Pending;
use abi::Result;
use abi::errno::EFAULT;
use abi::signal::{SIGKILL, SIGTERM};
use hal::mem::FRAME_SIZE;

/// What a console shows that nobody has told otherwise (`CONSOLE_LOGLEVEL_DEFAULT`).
const USUAL_LEVEL: u8 = 7;

/// A command.
struct Command {
    key: u8,
    /// What the log says that it does.
    action: &'static str,
    /// What the help line says.
    help: &'static str,
    run: fn(&Kernel),
}

/// In the order of the help line.
static COMMANDS: [Command; 10] = [
    Command { key: b'b', action: "Resetting", help: "reboot(b)", run: |_| hal::power::reboot() },
    Command {
        key: b'c',
        action: "Trigger a crash",
        help: "crash(c)",
        run: |_| hal::panic(format_args!("sysrq triggered crash")),
    },
    Command {
        key: b'e',
        action: "Terminate All Tasks",
        help: "terminate-all-tasks(e)",
        run: |kernel| signal_all(kernel, SIGTERM),
    },
    Command {
        key: b'f',
        action: "Manual OOM execution",
        help: "memory-full-oom-kill(f)",
        run: |kernel| {
            kernel.out_of_memory();
        },
    },
    Command {
        key: b'i',
        action: "Kill All Tasks",
        help: "kill-all-tasks(i)",
        run: |kernel| signal_all(kernel, SIGKILL),
    },
    Command {
        key: b'm',
        action: "Show Memory",
        help: "show-memory-usage(m)",
        run: |_| show_memory(),
    },
    Command { key: b'o', action: "Power Off", help: "poweroff(o)", run: |_| reboot::power_off() },
    // Files are in memory only: they are as safe as they get.
    Command {
        key: b's',
        action: "Emergency Sync",
        help: "sync(s)",
        run: |_| crate::printk!(WARNING, "Emergency Sync complete"),
    },
    Command {
        key: b't',
        action: "Show State",
        help: "show-task-states(t)",
        run: |kernel| show_tasks(kernel, |_| true),
    },
    Command {
        key: b'w',
        action: "Show Blocked State",
        help: "show-blocked-tasks(w)",
        run: |kernel| show_tasks(kernel, |state| state == 'D'),
    },
];

/// The first character written is a command; the rest is ignored (`write_sysrq_trigger`).
pub(super) fn trigger(
    cx: &ProcCx<()>,
    _c: &Caller,
    _at: u64,
    from: &mut dyn Source,
) -> Result<usize> {
    let len = from.left();
    let mut key = [0];
    if len > 0 && from.get(&mut key)? < 1 {
        return Err(EFAULT);
    }
    if len > 0 {
        run(cx.kernel, key[0]);
    }
    Ok(len)
}

fn run(kernel: &Kernel, key: u8) {
    // What it is reaches the console whatever is shown there (`__handle_sysrq`).
    let levels = kernel.log.levels();
    kernel.log.set_console_level(USUAL_LEVEL);
    announce(key);
    kernel.log.set_levels(levels);
    if key.is_ascii_digit() {
        kernel.log.set_console_level(key - b'0');
    } else if let Some(command) = COMMANDS.iter().find(|command| command.key == key) {
        (command.run)(kernel);
    }
}

fn announce(key: u8) {
    if key.is_ascii_digit() {
        crate::printk!(INFO, "sysrq: Changing Loglevel");
        crate::printk!(INFO, "sysrq: Loglevel set to {}", key - b'0');
    } else if let Some(command) = COMMANDS.iter().find(|command| command.key == key) {
        crate::printk!(INFO, "sysrq: {}", command.action);
    } else {
        help();
    }
}

fn help() {
    let mut line: heapless::String<256> = heapless::String::new();
    let _ = line.push_str(" loglevel(0-9)");
    for Command { help, .. } in &COMMANDS {
        // All of it fits; see the test.
        let _ = line.push(' ');
        let _ = line.push_str(help);
    }
    crate::printk!(INFO, "sysrq: HELP :{line}");
}

/// Sends a signal to all processes but init.
fn signal_all(kernel: &Kernel, signal: u32) {
    let family = kernel.family.lock();
    for (pid, process) in family.iter() {
        if pid != Pid::INIT {
            process.send_in_family(&Pending::kernel_info(signal));
        }
    }
}

fn show_memory() {
    let memory = hal::mem::stats();
    let kib = |frames: usize| frames * FRAME_SIZE / 1024;
    crate::printk!(INFO, "Mem-Info:");
    crate::printk!(
        INFO,
        "total:{}kB free:{}kB anon:{}kB shmem:{}kB pagetables:{}kB kernel_stack:{}kB",
        kib(memory.total),
        kib(memory.free),
        kib(memory.anon),
        kib(memory.cache),
        kib(memory.tables),
        kib(memory.stacks),
    );
}

/// Logs the processes whose state is asked for.
fn show_tasks(kernel: &Kernel, wanted: fn(char) -> bool) {
    let mut from = Pid::INIT;
    loop {
        let process = {
            let family = kernel.family.lock();
            let next = family.pids_from(from).next();
            next.and_then(|pid| family.get(pid).cloned())
        };
        let Some(process) = process else { return };
        from = Pid(process.pid.0.saturating_add(1));
        let thread = process.thread();
        let state = thread.as_ref().and_then(|thread| thread.task()).map_or('Z', |t| t.letter());
        if !wanted(state) {
            continue;
        }
        let comm = thread.map(|thread| thread.comm.lock().clone()).unwrap_or_default();
        crate::printk!(
            INFO,
            "task:{:<15} state:{state} pid:{:<5} ppid:{:<6}",
            comm.escape_ascii(),
            process.pid.0,
            process.parent_pid().0,
        );
        sched::go_on(sched::work::KILL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_line_fits() {
        let len: usize = COMMANDS.iter().map(|command| command.help.len() + 1).sum();
        assert!(len + " loglevel(0-9)".len() <= 256);
        assert!(COMMANDS.iter().all(|command| command.help.contains(command.key as char)));
    }
}
