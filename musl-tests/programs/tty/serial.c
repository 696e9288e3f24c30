/* The serial console as a terminal: settings, size, session, job control. */
#include "check.h"
#include <sys/ioctl.h>
#include <termios.h>

static int tty;

static void settings(void)
{
	struct termios t, saved, back;

	OK(ioctl(tty, TCGETS, &saved));
	t = saved;
	EQ(isatty(tty), 1);
	t.c_lflag |= ICANON | ECHO | ISIG;
	t.c_cc[VINTR] = 3;
	t.c_cc[VEOF] = 4;
	OK(ioctl(tty, TCSETS, &t));
	OK(ioctl(tty, TCGETS, &back));
	EQ(back.c_lflag & (ICANON | ECHO | ISIG), ICANON | ECHO | ISIG);
	EQ(back.c_cc[VINTR], 3);
	t.c_lflag &= ~(ICANON | ECHO | ISIG);
	t.c_cc[VMIN] = 0;
	t.c_cc[VTIME] = 0;
	OK(ioctl(tty, TCSETSF, &t));
	OK(ioctl(tty, TCGETS, &back));
	EQ(back.c_lflag & (ICANON | ECHO | ISIG), 0);
	EQ(back.c_cc[VMIN], 0);
	OK(ioctl(tty, TCSETSW, &saved));
	FAILS(syscall(SYS_ioctl, tty, TCGETS, 8), EFAULT);
	FAILS(syscall(SYS_ioctl, tty, TCSETS, 8), EFAULT);
	FAILS(ioctl(tty, 0x54ff, 0), ENOTTY);
}

static void size(void)
{
	struct winsize set = {31, 97, 0, 0}, got, saved;

	OK(ioctl(tty, TIOCGWINSZ, &saved));
	OK(ioctl(tty, TIOCSWINSZ, &set));
	OK(ioctl(tty, TIOCGWINSZ, &got));
	EQ(got.ws_row, 31);
	EQ(got.ws_col, 97);
	OK(ioctl(tty, TIOCSWINSZ, &saved));
}

static void a_device(void)
{
	struct stat st;
	char c;

	OK(fstat(tty, &st));
	CHECK(S_ISCHR(st.st_mode));
	EQ(st.st_rdev, 4 << 8 | 64);
	FAILS(lseek(tty, 0, SEEK_SET), ESPIPE);
	FAILS(read(tty, &c, 1), EAGAIN);
	/* Without a session there is no group in the foreground. */
	pid_t group;

	FAILS(ioctl(tty, TIOCGPGRP, &group), ENOTTY);
	FAILS(open("/dev/tty", O_RDWR), ENXIO);
}

static volatile int stops;

static void note(int sig)
{
	stops += sig == SIGTTOU;
}

/* A session leader takes the terminal; groups take turns in the foreground. */
static void job_control(void)
{
	pid_t group = 0, session = 0;

	OK(setsid());
	OK(ioctl(tty, TIOCSCTTY, 0));
	OK(ioctl(tty, TIOCGPGRP, &group));
	EQ(group, getpid());
	OK(ioctl(tty, TIOCGSID, &session));
	EQ(session, getpid());
	int again = OK(open("/dev/tty", O_RDWR | O_NONBLOCK));

	EQ(isatty(again), 1);
	close(again);
	pid_t job = fork();

	if (job == 0) {
		OK(setpgid(0, 0));
		/* From the background, taking the terminal is a SIGTTOU ... */
		struct sigaction action = {.sa_handler = note};

		OK(sigaction(SIGTTOU, &action, NULL));
		pid_t mine = getpid();

		FAILS(ioctl(tty, TIOCSPGRP, &mine), EINTR);
		EQ(stops, 1);
		/* ... unless that is ignored, as shells do. */
		signal(SIGTTOU, SIG_IGN);
		OK(ioctl(tty, TIOCSPGRP, &mine));
		_exit(report());
	}
	EXITS(job, 0);
	signal(SIGTTOU, SIG_IGN);
	group = getpgrp();
	OK(ioctl(tty, TIOCSPGRP, &group));
	/* Reading from the background stops the reader. */
	job = fork();
	if (job == 0) {
		char c;

		setpgid(0, 0);
		_exit(read(tty, &c, 1) == -1 && errno == EAGAIN ? 3 : 4);
	}
	int status;

	EQ(waitpid(job, &status, WUNTRACED), job);
	EQ(status, (SIGTTIN << 8) | 0x7f);
	OK(kill(job, SIGKILL));
	KILLED(job, SIGKILL);
	group = 999999;
	FAILS(ioctl(tty, TIOCSPGRP, &group), ESRCH);
	/* Whoever gives the terminal up hangs up its group. */
	signal(SIGHUP, SIG_IGN);
	OK(ioctl(tty, TIOCNOTTY, 0));
	FAILS(open("/dev/tty", O_RDWR), ENXIO);
}

int main(void)
{
	tty = OK(open("/dev/ttyS0", O_RDWR | O_NOCTTY | O_NONBLOCK));
	RUN(a_device);
	RUN(settings);
	RUN(size);
	IN_CHILD(job_control);
	return report();
}
