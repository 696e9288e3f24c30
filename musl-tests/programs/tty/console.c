/* The end of a session that has the console as its terminal: whoever opened it
 * as /dev/console keeps it, as init must to say its last words. */
#include "check.h"
#include <sys/ioctl.h>
#include <poll.h>

static int console, serial;

/* Takes the terminal, and ends with it. */
static pid_t session(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		setsid();
		_exit(ioctl(console, TIOCSCTTY, 1) ? errno : 0);
	}
	return pid;
}

static void leader_ends(void)
{
	struct pollfd both[] = {
		{ .fd = console, .events = POLLOUT },
		{ .fd = serial, .events = POLLOUT },
	};
	int status = -1;
	char c;

	EQ(write(serial, "", 0), 0);
	OK(waitpid(session(), &status, 0));
	EQ(status, 0);
	EQ(write(console, "\r", 1), 1);
	OK(ioctl(console, TIOCGWINSZ, (char[8]){0}));
	FAILS(write(serial, "\r", 1), EIO);
	FAILS(ioctl(serial, TIOCGWINSZ, (char[8]){0}), EIO);
	EQ(read(serial, &c, 1), 0);
	OK(poll(both, 2, 0));
	EQ(both[0].revents, POLLOUT);
	CHECK(both[1].revents & POLLHUP);
}

/* It is nobody's terminal now; opened anew it works. */
static void opened_again(void)
{
	pid_t owner;

	close(serial);
	serial = open("/dev/ttyS0", O_RDWR | O_NOCTTY | O_NONBLOCK);
	OK(serial);
	EQ(write(serial, "\r", 1), 1);
	FAILS(ioctl(serial, TIOCGSID, &owner), ENOTTY);
}

int main(void)
{
	console = open("/dev/console", O_RDWR | O_NOCTTY | O_NONBLOCK);
	OK(console);
	serial = open("/dev/ttyS0", O_RDWR | O_NOCTTY | O_NONBLOCK);
	OK(serial);
	RUN(leader_ends);
	RUN(opened_again);
	return report();
}
