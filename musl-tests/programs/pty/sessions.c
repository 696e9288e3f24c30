/* Sessions on a pseudoterminal: getting and losing it, /dev/tty, signals to
 * the foreground group, and the ends of sessions.
 */
//@ smp=1,2
#include "pty.h"
#include <sys/syscall.h>

static struct pair p;
static int told[2];
static volatile sig_atomic_t got[65];

static void note(int sig)
{
	got[sig]++;
}

static void notes(int sig)
{
	struct sigaction a = {.sa_handler = note};

	sigaction(sig, &a, NULL);
}

static void tell(char c)
{
	write(told[1], &c, 1);
}

/* A new session, whose terminal is the slave. */
static void own_slave(void)
{
	OK(setsid());
	OK(ioctl(p.slave, TIOCSCTTY, 0));
}

static void a_child_in_a_session_of_its_own(void (*body)(void))
{
	p = new_pair();
	OK(pipe(told));
	IN_CHILD(body);
	close(told[0]);
	close(told[1]);
	close_pair(&p);
}

static void acquiring(void)
{
	pid_t pid = getpid(), id = -1;
	char path[32];

	snprintf(path, sizeof path, "pts/%d", p.number);
	FAILS(ioctl(p.slave, TIOCSCTTY, 0), EPERM);
	OK(setsid());
	FAILS(open("/dev/tty", O_RDWR), ENXIO);
	FAILS(ioctl(p.slave, TIOCGPGRP, &id), ENOTTY);
	FAILS(ioctl(p.slave, TIOCGSID, &id), ENOTTY);
	FAILS(ioctl(p.slave, TIOCNOTTY), ENOTTY);
	OK(ioctl(p.master, TIOCGPGRP, &id));
	EQ(id, 0);
	FAILS(ioctl(p.master, TIOCGSID, &id), ENOTTY);
	close(OK(open(path, O_RDWR | O_NOCTTY)));
	FAILS(open("/dev/tty", O_RDWR), ENXIO);
	close(OK(open(path, O_WRONLY)));
	FAILS(open("/dev/tty", O_RDWR), ENXIO);
	close(OK(open(path, O_RDWR)));
	int tty = OK(open("/dev/tty", O_RDWR));
	struct stat st;

	OK(fstat(tty, &st));
	EQ(st.st_rdev, makedev(5, 0));
	OK(ioctl(tty, TIOCGPGRP, &id));
	EQ(id, pid);
	OK(ioctl(p.slave, TIOCGSID, &id));
	EQ(id, pid);
	OK(ioctl(p.master, TIOCGPGRP, &id));
	EQ(id, pid);
	OK(ioctl(p.master, TIOCGSID, &id));
	EQ(id, pid);
	unsigned dev;

	OK(ioctl(tty, TIOCGDEV, &dev));
	EQ(dev, 136 << 8 | p.number);
	OK(ioctl(p.master, TIOCGDEV, &dev));
	EQ(dev, 136 << 8 | p.number);
	WRITES(tty, "hello");
	READS(p.master, "hello");
	OK(ioctl(p.slave, TIOCSCTTY, 0));
	/* Another one cannot be had as well. */
	struct pair q = new_pair();

	FAILS(ioctl(q.slave, TIOCSCTTY, 0), EPERM);
	FAILS(ioctl(q.slave, TIOCSPGRP, &pid), ENOTTY);
	/* A master never is a controlling terminal by being opened. */
	close_pair(&q);
	signal(SIGHUP, SIG_IGN);
	OK(ioctl(tty, TIOCNOTTY));
	FAILS(open("/dev/tty", O_RDWR), ENXIO);
	OK(ioctl(p.master, TIOCSCTTY, 0));
	close(OK(open("/dev/tty", O_RDWR)));
}

static void a_free_child(void)
{
	OK(setsid());
	FAILS(ioctl(p.slave, TIOCSCTTY, 0), EPERM);
	OK(seteuid(1));
	FAILS(ioctl(p.slave, TIOCSCTTY, 1), EPERM);
	OK(seteuid(0));
	OK(ioctl(p.slave, TIOCSCTTY, 1));
	close(OK(open("/dev/tty", O_RDWR)));
}

static void stealing(void)
{
	signal(SIGHUP, SIG_IGN);
	own_slave();
	IN_CHILD(a_free_child);
	FAILS(open("/dev/tty", O_RDWR), ENXIO);
}

static void window_sizes(void)
{
	struct winsize w = {24, 80, 1, 2}, back;

	own_slave();
	notes(SIGWINCH);
	OK(ioctl(p.slave, TIOCGWINSZ, &back));
	EQ(back.ws_row, 0);
	OK(ioctl(p.master, TIOCSWINSZ, &w));
	EQ(got[SIGWINCH], 1);
	OK(ioctl(p.slave, TIOCGWINSZ, &back));
	SAME(&back, &w, sizeof w);
	OK(ioctl(p.slave, TIOCSWINSZ, &w));
	EQ(got[SIGWINCH], 1);
	w.ws_col++;
	OK(ioctl(p.slave, TIOCSWINSZ, &w));
	EQ(got[SIGWINCH], 2);
	OK(ioctl(p.master, TIOCGWINSZ, &back));
	EQ(back.ws_col, 81);
}

static void keys_and_signals(void)
{
	own_slave();
	notes(SIGINT);
	notes(SIGQUIT);
	notes(SIGTSTP);
	OK(ioctl(p.master, TIOCSIG, SIGINT));
	EQ(got[SIGINT], 1);
	OK(ioctl(p.master, TIOCSIG, SIGQUIT));
	EQ(got[SIGQUIT], 1);
	OK(ioctl(p.master, TIOCSIG, SIGTSTP));
	EQ(got[SIGTSTP], 1);
	FAILS(ioctl(p.master, TIOCSIG, SIGTERM), EINVAL);
	FAILS(ioctl(p.master, TIOCSIG, 0), EINVAL);
	FAILS(ioctl(p.slave, TIOCSIG, SIGINT), ENOTTY);
	EQ(write(p.master, "\x03", 1), 1);
	for (int i = 0; i < 10000 && got[SIGINT] < 2; i++)
		usleep(1000);
	EQ(got[SIGINT], 2);
	READS(p.master, "^C");
	EQ(write(p.master, "\x1c", 1), 1);
	READS(p.master, "^\\");
	EQ(write(p.master, "\x1a", 1), 1);
	READS(p.master, "^Z");
	EQ(got[SIGQUIT], 2);
	EQ(got[SIGTSTP], 2);
	/* A byte put in by hand. */
	EQ(ioctl(p.slave, TIOCSTI, "\x03"), 0);
	for (int i = 0; i < 10000 && got[SIGINT] < 3; i++)
		usleep(1000);
	EQ(got[SIGINT], 3);
	READS(p.master, "^C");
	EQ(ioctl(p.master, TIOCSTI, "z"), 0);
	READS(p.master, "z");
	OK(seteuid(1));
	FAILS(ioctl(p.master, TIOCSTI, "z"), EPERM);
	OK(ioctl(p.slave, TIOCSTI, "z"));
	OK(seteuid(0));
	FAILS(ioctl(p.slave, TIOCSTI, 8), EFAULT);
}

/* In the background: what stops a process, and what does not. */
static void background_child(void)
{
	char c;
	pid_t id = getpid();

	OK(setpgid(0, 0));
	notes(SIGTTIN);
	notes(SIGTTOU);
	FAILS(read(p.slave, &c, 1), EINTR);
	EQ(got[SIGTTIN], 1);
	EQ(write(p.slave, "b", 1), 1);
	struct termios t;

	OK(tcgetattr(p.slave, &t));
	FAILS(tcsetattr(p.slave, TCSANOW, &t), EINTR);
	EQ(got[SIGTTOU], 1);
	FAILS(tcflush(p.slave, TCIFLUSH), EINTR);
	FAILS(ioctl(p.slave, TIOCSPGRP, &id), EINTR);
	FAILS(ioctl(p.slave, TCSBRK, 1), EINTR);
	EQ(got[SIGTTOU], 4);
	OK(ioctl(p.master, TCFLSH, TCIFLUSH));
	signal(SIGTTIN, SIG_IGN);
	FAILS(read(p.slave, &c, 1), EIO);
	signal(SIGTTOU, SIG_IGN);
	t.c_lflag |= TOSTOP;
	OK(tcsetattr(p.slave, TCSANOW, &t));
	EQ(write(p.slave, "i", 1), 1);
	signal(SIGTTOU, note);
	notes(SIGTTOU);
	FAILS(write(p.slave, "s", 1), EINTR);
	EQ(got[SIGTTOU], 5);
	FAILS(ioctl(p.slave, TIOCSPGRP, &id), EINTR);
	signal(SIGTTOU, SIG_IGN);
	OK(ioctl(p.slave, TIOCSPGRP, &id));
	id = -1;
	FAILS(ioctl(p.slave, TIOCSPGRP, &id), EINVAL);
	id = 1;
	FAILS(ioctl(p.slave, TIOCSPGRP, &id), EPERM);
	id = 0x3fffffff;
	FAILS(ioctl(p.slave, TIOCSPGRP, &id), ESRCH);
	FAILS(ioctl(p.slave, TIOCSPGRP, 8), EFAULT);
	id = getppid();
	OK(ioctl(p.slave, TIOCSPGRP, &id));
}

static void background(void)
{
	own_slave();
	signal(SIGHUP, SIG_IGN);
	IN_CHILD(background_child);
	READS(p.master, "i");
}

static int tells_who;

/* In the foreground group of the session. It tells of each signal. */
static void foreground_member(void)
{
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCONT);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	OK(setpgid(0, 0));
	signal(SIGTTOU, SIG_IGN);
	pid_t id = getpid();

	OK(ioctl(p.slave, TIOCSPGRP, &id));
	tell('r');
	while (sigwait(&set, &sig) == 0) {
		tell(sig == SIGHUP ? 'h' : sig == SIGCONT ? 'c' : 'u');
		if (sig == SIGHUP && tells_who)
			for (int i = 3; i >= 0; i--)
				tell(id >> 8 * i);
		if (sig == SIGUSR1)
			break;
	}
}

static void leader_that_exits(void)
{
	own_slave();
	tells_who = 1;
	child(foreground_member);
	EQ(await_byte(told[0]), 'r');
}

/* The leader exits: the foreground group hears of it. */
static void a_leader_exits(void)
{
	struct termios t;
	pid_t member = 0;

	EXITS(child(leader_that_exits), 0);
	EQ(await_byte(told[0]), 'h');
	for (int i = 3; i >= 0; i--)
		member = member << 8 | await_byte(told[0]);
	/* The line is not: who has it open may go on, and it is free. */
	OK(tcgetattr(p.slave, &t));
	WRITES(p.slave, "on");
	READS(p.master, "on");
	WRITES(p.master, "in\n");
	READS(p.slave, "in\n");
	pid_t id;

	FAILS(ioctl(p.master, TIOCGSID, &id), ENOTTY);
	kill(member, SIGUSR1);
	EQ(await_byte(told[0]), 'u');
}

static void leader_that_lets_go(void)
{
	own_slave();
	notes(SIGHUP);
	pid_t pid = child(foreground_member);

	EQ(await_byte(told[0]), 'r');
	OK(ioctl(p.slave, TIOCNOTTY));
	EQ(await_byte(told[0]), 'h');
	EQ(await_byte(told[0]), 'c');
	EQ(got[SIGHUP], 0);
	struct termios t;

	OK(tcgetattr(p.slave, &t));
	kill(pid, SIGUSR1);
	EXITS(pid, 0);
}

static int ready[2];

/* The line goes: the leader is told, the foreground group when the leader exits. */
static void leader_that_is_cut_off(void)
{
	own_slave();
	sigset_t set, old;

	notes(SIGHUP);
	notes(SIGCONT);
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, &old);
	child(foreground_member);
	EQ(await_byte(told[0]), 'r');
	write(ready[1], "o", 1);
	while (!got[SIGHUP])
		sigsuspend(&old);
	EQ(got[SIGHUP], 1);
	EQ(got[SIGCONT], 1);
	FAILS(open("/dev/tty", O_RDWR), ENXIO);
}

static void a_line_goes(void)
{
	pid_t pid = -1;

	p = new_pair();
	OK(pipe(told));
	OK(pipe(ready));
	pid = fork();
	if (pid == 0) {
		close(p.master);
		check_failures = 0;
		leader_that_is_cut_off();
		_exit(report());
	}
	EQ(await_byte(ready[0]), 'o');
	close(p.master);
	EXITS(pid, 0);
	EQ(await_byte(told[0]), 'h');
	EQ(await_byte(told[0]), 'c');
	close(ready[0]);
	close(ready[1]);
	close(told[0]);
	close(told[1]);
	close(p.slave);
}

static void vhangup_of_oneself(void)
{
	char c;

	OK(seteuid(1));
	FAILS(syscall(SYS_vhangup), EPERM);
	OK(seteuid(0));
	OK(setsid());
	OK(syscall(SYS_vhangup));
	OK(ioctl(p.slave, TIOCSCTTY, 0));
	notes(SIGHUP);
	notes(SIGCONT);
	OK(syscall(SYS_vhangup));
	EQ(got[SIGHUP], 1);
	EQ(got[SIGCONT], 1);
	EQ(read(p.slave, &c, 1), 0);
	FAILS(open("/dev/tty", O_RDWR), ENXIO);
	OK(seteuid(1));
	FAILS(ioctl(p.master, TIOCVHANGUP), EPERM);
	OK(seteuid(0));
}

int main(void)
{
	mount_devpts("pts", "ptmxmode=666");
	signal(SIGTTOU, SIG_DFL);
	check_name = "acquiring", a_child_in_a_session_of_its_own(acquiring);
	check_name = "stealing", a_child_in_a_session_of_its_own(stealing);
	check_name = "window_sizes", a_child_in_a_session_of_its_own(window_sizes);
	check_name = "keys_and_signals", a_child_in_a_session_of_its_own(keys_and_signals);
	check_name = "background", a_child_in_a_session_of_its_own(background);
	check_name = "a_leader_exits", a_child_in_a_session_of_its_own(a_leader_exits);
	check_name = "leader_that_lets_go", a_child_in_a_session_of_its_own(leader_that_lets_go);
	RUN(a_line_goes);
	check_name = "vhangup_of_oneself", a_child_in_a_session_of_its_own(vhangup_of_oneself);
	return report();
}
