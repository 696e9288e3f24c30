//! Keys that are more than characters: signals, end of file, flow control, raw mode.
//!
//! Keys mean something to a program only once it has begun, and says so: before that the shell
//! has the terminal, in a mode of its own.

use super::Step;
use super::console::{CTRL_BACKSLASH, CTRL_C, CTRL_D, CTRL_Q, CTRL_S, CTRL_Z, Console, ROOT};
use anyhow::{Result, ensure};

pub const STEPS: &[Step] = &[
    ("ctrl_c", ctrl_c),
    ("ctrl_backslash", ctrl_backslash),
    ("ctrl_z", ctrl_z),
    ("ctrl_d", ctrl_d),
    ("ctrl_s_q", ctrl_s_q),
    ("stty", stty),
    ("raw", raw),
];

/// A foreground pipeline ends as a whole; the shell does not.
fn ctrl_c(c: &mut Console) -> Result<()> {
    c.enter("sh -c 'echo begun; exec sleep 1000' | cat")?;
    c.expect("begun\r")?;
    c.keys(CTRL_C)?;
    c.expect("^C")?;
    c.expect(ROOT)?;
    c.enter("sh -c 'echo begun; exec sleep 1000'")?;
    c.expect("begun\r")?;
    c.keys(CTRL_C)?;
    c.expect(ROOT)?;
    c.check("echo $?", "130")?;
    // At the prompt it throws the line away.
    c.keys("echo never")?;
    c.expect("echo never")?;
    c.keys(CTRL_C)?;
    c.expect(ROOT)?;
    Ok(())
}

fn ctrl_backslash(c: &mut Console) -> Result<()> {
    c.enter("sh -c 'echo begun; exec sleep 1000'")?;
    c.expect("begun\r")?;
    c.keys(CTRL_BACKSLASH)?;
    c.expect("Quit")?;
    c.expect(ROOT)?;
    c.check("echo $?", "131")
}

fn ctrl_z(c: &mut Console) -> Result<()> {
    c.enter("sh -c 'echo begun; read x; echo got $x'")?;
    c.expect("begun\r")?;
    c.keys(CTRL_Z)?;
    c.expect("Stopped")?;
    c.expect(ROOT)?;
    c.enter("fg")?;
    c.expect("fg\r")?;
    c.expect("sh -c")?;
    c.enter("a line")?;
    c.expect("got a line")?;
    c.expect(ROOT)?;
    c.check("jobs", "")
}

/// Ends what reads, and at the prompt the shell.
fn ctrl_d(c: &mut Console) -> Result<()> {
    c.enter("sh -c 'echo begun; exec cat'; echo done")?;
    c.expect("begun\r")?;
    c.enter("a line")?;
    c.expect("a line\r")?;
    c.expect("a line\r")?;
    c.keys(CTRL_D)?;
    c.expect("done")?;
    c.expect(ROOT)?;
    // In the middle of a line it only hands over what there is.
    c.enter("sh -c 'echo begun; head -c 4; echo; exec cat'")?;
    c.expect("begun\r")?;
    c.keys(&format!("half{CTRL_D}"))?;
    c.expect("half")?;
    c.expect("half\r")?;
    c.keys(CTRL_D)?;
    c.expect(ROOT)?;
    c.keys(CTRL_D)?;
    c.expect("eclipse login: ")?;
    c.log_in_as_root()
}

/// A flood stands still and goes on.
fn ctrl_s_q(c: &mut Console) -> Result<()> {
    c.enter("yes")?;
    c.expect("y\r")?;
    c.keys(CTRL_S)?;
    ensure!(c.falls_silent(), "Ctrl-S does not stop the output");
    c.keys(CTRL_Q)?;
    c.expect("y\r")?;
    c.keys(CTRL_C)?;
    c.expect(ROOT)?;
    Ok(())
}

fn stty(c: &mut Console) -> Result<()> {
    let all = c.run("stty -a")?;
    for word in ["speed 9600 baud", "intr = ^C", "susp = ^Z", " icrnl", "ixon", " icanon", " echo "]
    {
        ensure!(all.contains(word), "no {word:?} in\n{all}");
    }
    c.check("stty rows 33 cols 99; stty size; stty rows 24 cols 80", "33 99")?;
    c.run("stty intr ^X")?;
    c.enter("sh -c 'echo begun; exec cat'")?;
    c.expect("begun\r")?;
    c.keys(&format!("{CTRL_C}\r"))?;
    c.expect("^C")?;
    c.keys("\x18")?;
    c.expect(ROOT)?;
    c.run("stty intr ^C")?;
    Ok(())
}

/// Byte for byte: no echo, no lines, no signals.
fn raw(c: &mut Console) -> Result<()> {
    c.write(
        "/tmp/raw.sh",
        "old=$(stty -g)\nstty raw -echo\nprintf 'ready>'\n\
        head -c 5 | hexdump -C\nstty $old\n",
    )?;
    c.enter("sh /tmp/raw.sh")?;
    c.expect("ready>")?;
    c.keys(&format!("{CTRL_C}{CTRL_Z}{CTRL_D}\r{CTRL_S}"))?;
    c.expect("03 1a 04 0d 13")?;
    c.expect(ROOT)?;
    let all = c.run("stty raw; stty -a >/tmp/raw; stty sane; cat /tmp/raw")?;
    for word in ["-icanon", "-isig", "-opost", "-icrnl", "-ixon"] {
        ensure!(all.contains(word), "no {word:?} in\n{all}");
    }
    Ok(())
}
