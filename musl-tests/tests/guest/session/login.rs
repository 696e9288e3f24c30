//! Logging in and out, becoming somebody else, and passwords.

use super::Step;
use super::console::{Console, ROOT};
use anyhow::{Result, ensure};

pub const STEPS: &[Step] = &[("login", login), ("su", su), ("passwd", passwd), ("who", who)];

/// The prompt of the ordinary user's login shell at home.
const USER: &str = "user@eclipse:~$ ";

/// A wrong password is refused, the right one is not; getty comes again after each session.
fn login(c: &mut Console) -> Result<()> {
    c.enter("exit")?;
    c.expect("eclipse login: ")?;
    c.enter("user")?;
    c.expect("Password: ")?;
    c.enter("wrong")?;
    let shown = c.expect("Login incorrect")?;
    ensure!(!shown.contains("wrong"), "the password was echoed: {shown:?}");
    c.expect("eclipse login: ")?;
    c.enter("user")?;
    c.expect("Password: ")?;
    c.enter("user")?;
    c.expect(USER)?;
    c.enter("id; pwd")?;
    c.expect("uid=1000(user) gid=1000(user) groups=1000(user)")?;
    c.expect("/home/user")?;
    c.expect(USER)?;
    c.enter("cat /etc/shadow")?;
    c.expect("Permission denied")?;
    c.expect(USER)?;
    c.enter("exit")?;
    c.expect("eclipse login: ")?;
    c.enter("nobody-at-all")?;
    c.expect("Password: ")?;
    c.enter("")?;
    c.expect("Login incorrect")?;
    c.expect("eclipse login: ")?;
    c.log_in_as_root()?;
    c.check("whoami; pwd; tty", "root\n/root\n/dev/console")
}

/// root becomes anybody; anybody becomes root by root's password, which is none.
fn su(c: &mut Console) -> Result<()> {
    c.check("su user -c 'id -un; id -ru'", "user\n1000")?;
    c.enter("su - user")?;
    c.expect(USER)?;
    c.enter("su root -c 'id -u; id -ru'")?;
    c.expect_match(r"0\r+\n0\r+\n")?;
    c.expect(USER)?;
    c.enter("exit")?;
    c.expect(ROOT)?;
    c.check("su no-such-user; echo $?", "su: unknown user no-such-user\n1")
}

/// Changes the user's password: the old one is refused then. And sets root's.
fn passwd(c: &mut Console) -> Result<()> {
    c.enter("passwd user")?;
    c.expect("New password: ")?;
    c.enter("Tr0ub4dor&3")?;
    c.expect("Retype password: ")?;
    c.enter("Tr0ub4dor&3")?;
    c.expect("password for user changed")?;
    c.expect(ROOT)?;
    c.enter("su - user")?;
    c.expect(USER)?;
    c.enter("passwd")?;
    c.expect("Old password: ")?;
    c.enter("user")?;
    c.expect("Incorrect password")?;
    c.expect(USER)?;
    c.enter("exit")?;
    c.expect(ROOT)?;
    c.enter("exit")?;
    c.expect("eclipse login: ")?;
    c.enter("user")?;
    c.expect("Password: ")?;
    c.enter("user")?;
    c.expect("Login incorrect")?;
    c.expect("eclipse login: ")?;
    c.enter("user")?;
    c.expect("Password: ")?;
    c.enter("Tr0ub4dor&3")?;
    c.expect(USER)?;
    c.enter("exit")?;
    c.expect("eclipse login: ")?;
    c.log_in_as_root()
}

/// login(1) writes down who is there.
fn who(c: &mut Console) -> Result<()> {
    let who = c.run("who")?;
    ensure!(who.contains("root") && who.contains("console"), "{who:?}");
    let last = c.run("last | grep root")?;
    ensure!(last.contains("console"), "{last:?}");
    c.check("hostname", "eclipse")
}
