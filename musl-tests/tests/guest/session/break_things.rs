//! What people try in the first hour to see whether it breaks. The reference survives all of it.

use super::Test;
use super::console::{Console, Machine, ROOT};
use anyhow::{Result, ensure};
use xtask::exec::Kernel;

/// Tests with a machine of their own each.
pub const TESTS: &[Test] = &[
    ("remove_all", remove_all),
    ("fork_bomb", fork_bomb),
    ("full_tmp", full_tmp),
    ("kill_all", kill_all),
    ("sysrq", sysrq),
];

fn boot(kernel: Kernel) -> Result<Console> {
    Console::boot_as_root(Machine { smp: 2, ..Machine::of(kernel) }, |_| Ok(()))
}

/// `rm -rf /`: what is mounted stays, and the shell, which has all of busybox in its memory.
fn remove_all(kernel: Kernel) -> Result<()> {
    let mut c = boot(kernel)?;
    // Without /etc/passwd the prompt does not know who it is for.
    c.run("cd /; PS1='root@eclipse'':~# '")?;
    c.run("rm -rf / 2>/dev/null")?;
    c.check("echo /*", "/dev /proc /run /sys /tmp")?;
    c.check("seq 100 | grep -c 7", "19")?;
    c.check("cp /proc/self/exe /tmp/busybox; /tmp/busybox echo alive", "alive")?;
    c.enter("/tmp/busybox poweroff -f")?;
    c.expect("reboot: Power down")?;
    c.end().map(drop)
}

/// A fork bomb within a limit: the others go on, and root ends it.
fn fork_bomb(kernel: Kernel) -> Result<()> {
    let mut c = boot(kernel)?;
    c.write(
        "/tmp/bomb",
        "ulimit -u 100\nbomb() { while :; do bomb & done; }\nbomb &\necho ticking >&3\nwait",
    )?;
    c.enter("su user -c 'sh /tmp/bomb' 3>&1 >/dev/null 2>&1 &")?;
    c.expect("ticking")?;
    let counted = c.run("for i in $(seq 50); do /bin/true || break; done; echo $i")?;
    ensure!(counted.contains("\n50") || counted == "50", "{counted:?}");
    c.write(
        "/tmp/defuse",
        "while ps | grep -q ' [u]ser  '; do su user -c 'kill -9 -1'; done 2>/dev/null",
    )?;
    c.run("sh /tmp/defuse; wait")?;
    c.check("ps | grep -c ' [u]ser  '", "0")
}

fn full_tmp(kernel: Kernel) -> Result<()> {
    let mut c = boot(kernel)?;
    let told = c.run("dd if=/dev/zero of=/tmp/fill bs=1M")?;
    ensure!(told.contains("No space left on device"), "{told:?}");
    let told = c.run("echo more >/tmp/more")?;
    ensure!(told.contains("No space left on device"), "{told:?}");
    let df = c.run("df /tmp | tail -n 1")?;
    ensure!(df.contains("100% /tmp"), "{df:?}");
    c.run("rm /tmp/*")?;
    c.check("echo more >/tmp/more; cat /tmp/more", "more")?;
    let df = c.run("df /tmp | tail -n 1")?;
    ensure!(df.contains(" 0% /tmp"), "{df:?}");
    Ok(())
}

/// Everything but init dies; init starts again what it keeps running.
fn kill_all(kernel: Kernel) -> Result<()> {
    let mut c = boot(kernel)?;
    c.run("sleep 1000 &")?;
    c.enter("kill -9 -1")?;
    c.expect("eclipse login: ")?;
    c.log_in_as_root()?;
    for daemon in ["syslogd", "klogd", "crond"] {
        c.run(&format!("until pidof {daemon} >/dev/null; do usleep 10000; done"))?;
    }
    c.check("pidof sleep; echo $?", "1")
}

/// Reboots at once, past init.
fn sysrq(kernel: Kernel) -> Result<()> {
    let mut c = boot(kernel)?;
    let told = c.run("echo h >/proc/sysrq-trigger; dmesg | tail -n 1")?;
    ensure!(told.contains("sysrq: HELP : loglevel(0-9) reboot(b) "), "{told:?}");
    c.enter("echo b >/proc/sysrq-trigger")?;
    let last = c.end()?;
    ensure!(!last.contains(ROOT), "{last:?}");
    Ok(())
}
