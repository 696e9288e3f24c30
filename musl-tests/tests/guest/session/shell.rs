//! What one does with a shell.

use super::Step;
use super::console::{CTRL_Z, Console, ESC, ROOT};
use anyhow::{Result, ensure};

pub const STEPS: &[Step] = &[
    ("root_tree", root_tree),
    ("mounts", mounts),
    ("pipeline", pipeline),
    ("here_documents", here_documents),
    ("functions", functions),
    ("forks", forks),
    ("jobs", jobs),
    ("wait", wait),
    ("kill", kill),
    ("completion", completion),
    ("history", history),
];

fn root_tree(c: &mut Console) -> Result<()> {
    let list = c.run("ls -la /")?;
    for line in ["drwxrwxrwt", "dr-xr-xr-x", "drwx------", "init -> /sbin/init"] {
        ensure!(list.contains(line), "no {line} in\n{list}");
    }
    let all = "bin dev etc home init linuxrc mnt proc root run sbin srv sys tmp usr var";
    c.check("echo $(ls /)", all)?;
    c.check("stat -c '%a %u %g' /etc/shadow /tmp /home/user", "640 0 0\n1777 0 0\n750 1000 1000")
}

/// What fstab asks for is mounted.
fn mounts(c: &mut Console) -> Result<()> {
    let list = c.run("mount")?;
    for mount in [
        "devtmpfs on /dev type devtmpfs (rw,nosuid",
        "devpts on /dev/pts type devpts (rw,nosuid,noexec",
        "tmpfs on /dev/shm type tmpfs (rw,nosuid,nodev",
        "proc on /proc type proc (rw,nosuid,nodev,noexec",
        "sysfs on /sys type sysfs (rw,nosuid,nodev,noexec",
        "tmpfs on /run type tmpfs (rw,nosuid,nodev",
        "tmpfs on /tmp type tmpfs (rw,nosuid,nodev",
    ] {
        ensure!(list.contains(mount), "no {mount} in\n{list}");
    }
    Ok(())
}

/// Three stages over 10 000 lines.
fn pipeline(c: &mut Console) -> Result<()> {
    c.check("seq 10000 | grep 7 | wc -l", "3439")?;
    c.check("seq 10000 | sort -rn | sed -n 5000p", "5001")?;
    c.check("seq 10000 | tr -d '\\n' | md5sum", "6784cd80458707896e40532a50f69b82  -")
}

fn here_documents(c: &mut Console) -> Result<()> {
    c.enter("cat <<EOF | tr a-z A-Z")?;
    for line in ["home is $HOME", "six times seven: $((6 * 7))", "$(echo nested)"] {
        c.expect("> ")?;
        c.enter(line)?;
    }
    c.expect("> ")?;
    c.enter("EOF")?;
    c.expect("HOME IS /ROOT")?;
    c.expect("SIX TIMES SEVEN: 42")?;
    c.expect("NESTED")?;
    c.expect(ROOT)?;
    c.write("/tmp/literal", "$HOME stays")?;
    c.check("cat /tmp/literal", "$HOME stays")
}

fn functions(c: &mut Console) -> Result<()> {
    c.write(
        "/tmp/lib.sh",
        "fib() {\n[ $1 -lt 2 ] && echo $1 && return\n\
        echo $(($(fib $(($1 - 1))) + $(fib $(($1 - 2)))))\n}",
    )?;
    c.check(". /tmp/lib.sh; fib 9", "34")?;
    c.check("f() { local x=in; return 3; }; x=out; f; echo $? $x", "3 out")
}

/// Two hundred children, each with a program of its own, one after the other.
fn forks(c: &mut Console) -> Result<()> {
    c.check("for i in $(seq 200); do /bin/true || break; done; echo $i", "200")
}

/// In the background, to the foreground, stopped, and on again.
fn jobs(c: &mut Console) -> Result<()> {
    c.run("sleep 1000 &")?;
    let list = c.run("jobs")?;
    ensure!(list.contains("[1]+  Running") && list.contains("sleep 1000"), "{list:?}");
    c.enter("fg")?;
    c.expect("sleep 1000\r")?;
    c.keys(CTRL_Z)?;
    c.expect("[1]+  Stopped")?;
    c.expect(ROOT)?;
    let list = c.run("bg")?;
    ensure!(list.contains("[1] sleep 1000"), "{list:?}");
    let list = c.run("jobs")?;
    ensure!(list.contains("[1]+  Running"), "{list:?}");
    c.run("kill %1; wait")?;
    c.check("jobs", "")
}

fn wait(c: &mut Console) -> Result<()> {
    // What has ended is told before the next prompt, after these.
    for (command, status) in [
        ("(exit 7) & sh -c 'exit 5' & wait $!; echo $?", "5\n"),
        ("(exit 7) & p=$!; true & wait; echo $?", "0\n"),
    ] {
        let printed = c.run(command)?;
        ensure!(printed.starts_with(status), "{command}: {printed:?}");
    }
    c.check("wait 1; echo $?", "127")
}

fn kill(c: &mut Console) -> Result<()> {
    c.run("sleep 1000 &")?;
    c.run("kill -9 %1; wait $!; echo status $? >/tmp/killed")?;
    c.check("cat /tmp/killed", "status 137")?;
    c.run("true")?;
    c.check("jobs", "")?;
    c.check("kill -0 1 && echo alive", "alive")
}

/// The Tab key completes the names of files.
fn completion(c: &mut Console) -> Result<()> {
    c.keys("cat /etc/hostn\t")?;
    c.expect("cat /etc/hostname ")?;
    c.enter("")?;
    c.expect("eclipse")?;
    c.expect(ROOT)?;
    Ok(())
}

/// Arrow up brings the last line back.
fn history(c: &mut Console) -> Result<()> {
    c.check("echo $((6 * 111))", "666")?;
    c.keys(&format!("{ESC}[A"))?;
    c.expect("echo $((6 * 111))")?;
    c.enter("")?;
    c.expect("666")?;
    c.expect(ROOT)?;
    Ok(())
}
