//! Controlling terminals, foreground and background.

use super::*;

#[test]
fn a_session_leader_gets_the_terminal_it_opens() {
    let w = World::new();
    let noctty = w.open_as(OpenFlags::RDWR | OpenFlags::NOCTTY, false).unwrap();
    drop(w.open_as(OpenFlags::WRONLY, false).unwrap());
    let _console = w.open_as(OpenFlags::RDWR, true).unwrap();
    assert!(!w.tty.is_terminal_of_caller());
    assert_eq!(w.user.get::<i32>(&noctty, TIOCGPGRP), Err(ENOTTY));
    let file = w.open();
    assert!(w.tty.is_terminal_of_caller());
    assert_eq!(w.user.get::<i32>(&file, TIOCGPGRP), Ok(10));
    assert_eq!(w.user.get::<i32>(&file, TIOCGSID), Ok(10));
    w.type_in(b"\x03");
    assert_eq!(w.processes.signals(), [(10, SIGINT)]);
}

#[test]
fn foreground_groups_are_of_the_session() {
    let w = World::new();
    let file = w.open();
    w.processes.play(|p| p.sessions = vec![(20, 10), (30, 11)]);
    let set = |group: i32| w.user.set(&file, TIOCSPGRP, &group);
    assert_eq!((set(-1), set(99), set(30)), (Err(EINVAL), Err(ESRCH), Err(EPERM)));
    assert_eq!(set(20), Ok(()));
    assert_eq!(w.tty.owner().foreground, 20);
    // The leader now is in the background itself.
    assert_eq!(set(20), Err(ERESTARTSYS));
    assert_eq!(w.processes.signals(), [(10, SIGTTOU)]);
    w.processes.play(|p| p.shielded = true);
    w.processes.play(|p| p.sessions.push((10, 10)));
    assert_eq!(set(10), Ok(()), "a shell that ignores SIGTTOU takes the terminal back");
}

#[test]
fn background_processes_stop() {
    let w = World::new();
    let file = w.open();
    let console = w.open_as(OpenFlags::RDWR, true).unwrap();
    w.type_in(b"line\n");
    w.screen();
    w.go_to_background();
    assert_eq!(w.user.read(&file, 9), Err(ERESTARTSYS));
    assert_eq!(w.processes.signals(), [(20, SIGTTIN)]);
    assert_eq!(w.user.write(&file, b"x"), Ok(1), "without TOSTOP writing is free");
    w.processes.play(|p| p.shielded = true);
    assert_eq!(w.user.read(&file, 9), Err(EIO));
    w.change(&file, |t| t.c_lflag |= LocalFlags::TOSTOP);
    assert_eq!(w.user.write(&file, b"x"), Ok(1));
    w.processes.play(|p| p.shielded = false);
    assert_eq!(w.user.write(&file, b"x"), Err(ERESTARTSYS));
    assert_eq!(w.user.write(&console, b"x"), Ok(1), "the console is free to all");
    assert_eq!(w.processes.signals(), [(20, SIGTTOU)]);
    let orphan = Job { group: 20, session: 10, leads_session: false, orphaned: true };
    w.processes.play(|p| p.caller = Some(orphan));
    assert_eq!((w.user.read(&file, 9), w.user.write(&file, b"x")), (Err(EIO), Err(EIO)));
    assert_eq!(w.user.read(&console, 9).as_deref(), Ok(&b"line\n"[..]));
}

#[test]
fn a_hang_up_ends_what_is_open() {
    let w = World::new();
    let file = w.open();
    w.type_in(b"line\n");
    w.tty.hang_up(true);
    assert_eq!(w.processes.signals(), [(-10, SIGHUP), (-10, SIGCONT), (10, SIGHUP)]);
    assert_eq!(
        (w.user.read(&file, 9).as_deref(), w.user.write(&file, b"x")),
        (Ok(&b""[..]), Err(EIO))
    );
    assert!(w.events(&file).has(PollEvents::HUP | PollEvents::IN));
    assert_eq!(w.user.get::<Termios>(&file, TCGETS).map(drop), Err(EIO));
    assert_eq!(w.user.set(&file, TIOCSPGRP, &10), Err(ENOTTY));
    let again = w.open();
    assert!(w.tty.is_terminal_of_caller());
    assert_eq!((w.user.read(&again, 9), w.events(&again)), (Err(EAGAIN), WRITABLE));
}

#[test]
fn giving_up_and_stealing_a_terminal() {
    let w = World::new();
    let file = w.open();
    assert_eq!(w.user.ioctl(&file, TIOCSCTTY, 0), Ok(()), "it is the caller's already");
    assert_eq!(w.user.ioctl(&file, TIOCNOTTY, 0), Ok(()));
    assert_eq!(w.processes.signals(), [(10, SIGHUP), (10, SIGCONT)]);
    assert_eq!(w.user.ioctl(&file, TIOCNOTTY, 0), Err(ENOTTY));
    assert_eq!(w.user.ioctl(&file, TIOCSCTTY, 0), Ok(()));
    let other = Job { group: 50, session: 50, leads_session: true, orphaned: false };
    w.processes.play(|p| (p.caller, p.terminal) = (Some(other), None));
    assert_eq!(w.user.ioctl(&file, TIOCSCTTY, 0), Err(EPERM));
    assert_eq!(w.user.ioctl(&file, TIOCSCTTY, 1), Ok(()));
    assert_eq!(w.tty.owner().session, 50);
}
