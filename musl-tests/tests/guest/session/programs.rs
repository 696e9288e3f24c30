//! Programs that want a whole screen or a machine that is up: vi, less, top, script, the log, cron.

use super::Step;
use super::console::{CTRL_C, CTRL_D, Console, ESC, ROOT};
use anyhow::{Result, ensure};
use initramfs::Tree;
use std::path::Path;
use xtask::image;

pub const STEPS: &[Step] = &[
    ("vi", vi),
    ("less", less),
    ("top", top),
    ("ps", ps),
    ("script", script),
    ("syslog", syslog),
    ("crond", crond),
    ("respawn", respawn),
];

/// These want script(1), which busybox has not in Debian's choice of applets.
pub fn additions(tree: &mut Tree) -> Result<()> {
    image::add_host(tree, Path::new("/usr/bin/script"), "/usr/bin/script")
}

/// Opens, edits, searches, saves.
fn vi(c: &mut Console) -> Result<()> {
    c.run("seq 50 | sed 's/^/line /' >/tmp/text")?;
    c.enter("vi /tmp/text")?;
    c.expect("line 23- /tmp/text 1/50")?;
    c.keys("/line 42\r")?;
    c.expect("42/50")?;
    c.keys("Anew words")?;
    c.expect("I /tmp/text")?;
    // What follows an escape at once would be taken for an arrow key or the like.
    c.keys(ESC)?;
    c.expect("- /tmp/text [Modified] 42/50")?;
    c.keys("ddpOfirst words here")?;
    c.expect("I /tmp/text [Modified] 43/51")?;
    c.keys(ESC)?;
    c.expect("- /tmp/text [Modified] 43/51")?;
    c.keys(":wq\r")?;
    c.expect(ROOT)?;
    c.check("sed -n 42,45p /tmp/text", "line 43\nfirst words here\nline 42new words\nline 44")?;
    c.check("wc -l </tmp/text", "51")
}

/// Scrolls, searches, goes to the end and leaves.
fn less(c: &mut Console) -> Result<()> {
    c.run("seq 500 | sed 's/^/row /' >/tmp/rows")?;
    c.enter("less /tmp/rows")?;
    c.expect("row 23\r")?;
    c.keys(" ")?;
    c.expect("row 46\r")?;
    c.keys("/row 300\r")?;
    c.expect("row 300")?;
    c.keys("G")?;
    c.expect("row 500")?;
    c.keys("g")?;
    c.expect("row 1\r")?;
    c.keys("q")?;
    c.expect(ROOT)?;
    Ok(())
}

fn top(c: &mut Console) -> Result<()> {
    c.enter("top")?;
    c.expect_match(r"Mem: +\d+K used, +\d+K free")?;
    c.expect_match(r"CPU: +\d+% usr")?;
    c.expect("Load average:")?;
    c.expect("PID")?;
    c.expect("COMMAND")?;
    c.expect("init")?;
    c.keys("q")?;
    c.expect(ROOT)?;
    let once = c.run("top -b -n 1 | head -n 4")?;
    ensure!(once.contains("Mem:"), "{once:?}");
    Ok(())
}

fn ps(c: &mut Console) -> Result<()> {
    let list = c.run("ps")?;
    for line in ["    1 root     init", "syslogd -n", "klogd -n", "crond -f", "-sh"] {
        ensure!(list.contains(line), "no {line:?} in\n{list}");
    }
    c.check("pidof init", "1")
}

/// script(1) puts a second terminal between.
fn script(c: &mut Console) -> Result<()> {
    c.enter("script -q /tmp/typescript")?;
    c.expect("# ")?;
    c.enter("tty; echo $((6 * 111))")?;
    c.expect("/dev/pts/0")?;
    c.expect("666")?;
    c.expect("# ")?;
    c.enter("sh -c 'echo begun; exec sleep 1000'")?;
    c.expect("begun\r")?;
    c.keys(CTRL_C)?;
    c.expect("# ")?;
    c.keys(CTRL_D)?;
    c.expect(ROOT)?;
    let log = c.run("grep -c 666 /tmp/typescript")?;
    ensure!(log == "1", "{log:?}");
    c.check("script -q -e -c 'exit 7' /dev/null; echo $?", "7")
}

/// logger(1) to syslogd to the file, and the kernel's own messages by klogd.
fn syslog(c: &mut Console) -> Result<()> {
    c.run("logger -t tester -p daemon.warning hello there")?;
    c.write("/tmp/until", "until grep -q \"$1\" $2; do usleep 10000; done")?;
    c.run("sh /tmp/until 'hello there' /var/log/messages")?;
    let line = c.run("grep 'hello there' /var/log/messages")?;
    ensure!(line.ends_with("eclipse daemon.warn tester: hello there"), "{line:?}");
    c.run("sh /tmp/until 'Linux version' /var/log/messages")?;
    let line = c.run("grep 'Linux version' /var/log/messages")?;
    ensure!(line.contains("kern.notice kernel: ["), "{line:?}");
    c.run("echo from here >/dev/kmsg")?;
    c.run("sh /tmp/until 'from here' /var/log/messages")?;
    let line = c.run("dmesg | tail -n 1")?;
    ensure!(line.ends_with("] from here"), "{line:?}");
    Ok(())
}

/// A job by the clock. The clock is set shortly before the minute, and crond started anew: it
/// sleeps until then.
fn crond(c: &mut Console) -> Result<()> {
    c.write("/tmp/tab", "* * * * * echo cron says $((6 * 7)) >/dev/console")?;
    c.run("crontab /tmp/tab")?;
    c.check("crontab -l | cut -c 1-14", "* * * * * echo")?;
    c.run("date -s '2030-01-02 03:04:57'; killall crond")?;
    c.expect("cron says 42")?;
    c.run("crontab -r; killall crond; date | cut -c 12-16")?;
    let log = c.run("grep -c 'crond.*USER root pid' /var/log/messages")?;
    ensure!(log == "1", "{log:?}");
    Ok(())
}

/// What dies is started again by init.
fn respawn(c: &mut Console) -> Result<()> {
    let old = c.run("pidof syslogd")?;
    c.write(
        "/tmp/again",
        "kill $1\nwhile p=$(pidof $2); [ \"${p:-$1}\" = $1 ]; do usleep 10000; done",
    )?;
    c.run(&format!("sh /tmp/again {old} syslogd"))?;
    let new = c.run("pidof syslogd")?;
    ensure!(!new.is_empty() && new != old, "{old} then {new}");
    Ok(())
}
