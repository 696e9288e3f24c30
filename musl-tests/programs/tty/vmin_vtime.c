/* Reads without lines: VMIN, VTIME, signals in between, and modes that change
 * while bytes wait.
 */
//@ smp=1,2
#include "pty.h"

static struct pair p;

static void raw(int min, int time)
{
	struct termios t;

	OK(tcgetattr(p.slave, &t));
	cfmakeraw(&t);
	t.c_cc[VMIN] = min;
	t.c_cc[VTIME] = time;
	OK(tcsetattr(p.slave, TCSANOW, &t));
}

static long ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Reads up to `len`; it takes at least `least` milliseconds. */
static void takes(int len, const char *text, long least)
{
	char b[64];
	long began = ms();
	int n = OK(read(p.slave, b, len));

	EQ(n, (int)strlen(text));
	if (n > 0)
		SAME(b, text, n);
	CHECK(ms() - began >= least);
}

static void neither(void)
{
	raw(0, 0);
	takes(9, "", 0);
	WRITES(p.master, "ab");
	await_input(p.slave);
	takes(9, "ab", 0);
}

static void only_time(void)
{
	raw(0, 2);
	takes(9, "", 190);
	WRITES(p.master, "ab");
	takes(1, "a", 0);
	takes(9, "b", 0);
}

static void only_min(void)
{
	raw(3, 0);
	WRITES(p.master, "abcd");
	takes(9, "abcd", 0);
	/* No more than fits is waited for. */
	WRITES(p.master, "xy");
	takes(2, "xy", 0);
	WRITES(p.master, "12");
	usleep(10000);
	EQ(events(p.slave) & POLLIN, 0);
	WRITES(p.master, "3");
	EQ(await_input(p.slave), 1);
	takes(9, "123", 0);
	fcntl(p.slave, F_SETFL, O_NONBLOCK);
	char b[8];

	FAILS(read(p.slave, b, 8), EAGAIN);
	WRITES(p.master, "q");
	usleep(10000);
	takes(9, "q", 0);
	fcntl(p.slave, F_SETFL, 0);
}

static void both(void)
{
	raw(5, 2);
	WRITES(p.master, "ab");
	/* The clock runs between bytes. */
	takes(9, "ab", 190);
	WRITES(p.master, "abcde");
	takes(9, "abcde", 0);
}

static void alarmed(int sig)
{
	(void)sig;
}

static void interrupted(void)
{
	struct sigaction a = {.sa_handler = alarmed};
	char b[8];

	sigaction(SIGALRM, &a, NULL);
	raw(3, 0);
	alarm(1);
	FAILS(read(p.slave, b, 8), EINTR);
}

static void modes_change(void)
{
	struct termios t;
	int n;

	raw(1, 0);
	WRITES(p.master, "one\ntw");
	await_input(p.slave);
	usleep(10000);
	OK(tcgetattr(p.slave, &t));
	t.c_lflag |= ICANON;
	t.c_cc[VEOF] = 4;
	OK(tcsetattr(p.slave, TCSANOW, &t));
	/* What is there is a line. */
	OK(ioctl(p.slave, FIONREAD, &n));
	EQ(n, 6);
	takes(64, "one\ntw", 0);
	WRITES(p.master, "unfinished");
	usleep(10000);
	EQ(events(p.slave) & POLLIN, 0);
	t.c_lflag &= ~ICANON;
	t.c_cc[VMIN] = 1;
	OK(tcsetattr(p.slave, TCSANOW, &t));
	takes(64, "unfinished", 0);
}

int main(void)
{
	mount_devpts("pts", "ptmxmode=666");
	p = new_pair();
	RUN(neither);
	RUN(only_time);
	RUN(only_min);
	RUN(both);
	RUN(interrupted);
	RUN(modes_change);
	close_pair(&p);
	OK(umount("pts"));
	return report();
}
