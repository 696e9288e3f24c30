/* Pseudoterminals for tests: an instance of devpts in the working directory,
 * and pairs opened there, so that tests do not meet those of others.
 */
#ifndef PTY_H
#define PTY_H

#include "check.h"
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <termios.h>

struct pair {
	int master, slave, number;
};

/* Mounts a devpts on `pts`, or on another name. */
__attribute__((unused))
static void mount_devpts(const char *at, const char *options)
{
	mkdir(at, 0755);
	OK(mount("none", at, "devpts", 0, options));
}

/* A new master; the slave stays locked. */
__attribute__((unused))
static int new_master(int *number)
{
	int master = OK(open("pts/ptmx", O_RDWR | O_NOCTTY));

	OK(ioctl(master, TIOCGPTN, number));
	return master;
}

__attribute__((unused))
static void unlock(int master)
{
	int off = 0;

	OK(ioctl(master, TIOCSPTLCK, &off));
}

/* Opens slave `number`. */
__attribute__((unused))
static int open_slave(int number, int flags)
{
	char path[32];

	snprintf(path, sizeof path, "pts/%d", number);
	return open(path, flags);
}

/* A pair that is nobody's controlling terminal. */
__attribute__((unused))
static struct pair new_pair(void)
{
	struct pair p;

	p.master = new_master(&p.number);
	unlock(p.master);
	p.slave = OK(open_slave(p.number, O_RDWR | O_NOCTTY));
	return p;
}

__attribute__((unused))
static void close_pair(struct pair *p)
{
	close(p->slave);
	close(p->master);
}

/* No processing in either direction. */
__attribute__((unused))
static void make_raw(int fd)
{
	struct termios t;

	OK(tcgetattr(fd, &t));
	cfmakeraw(&t);
	OK(tcsetattr(fd, TCSANOW, &t));
}

/* What poll(2) says now. */
__attribute__((unused))
static int events(int fd)
{
	struct pollfd p = {fd, POLLIN | POLLOUT | POLLPRI, 0};

	OK(poll(&p, 1, 0));
	return p.revents;
}

/* Waits until there is something to read. Linux moves bytes from one end to
 * the other in a work item of its own. */
__attribute__((unused))
static int await_input(int fd)
{
	struct pollfd p = {fd, POLLIN, 0};

	return poll(&p, 1, 10000);
}

/* Reads once and compares. */
#define READS(fd, text) \
	do { \
		char buf_[256]; \
		int got_, len_ = (int)sizeof(text) - 1; \
		await_input(fd); \
		got_ = read((fd), buf_, sizeof buf_); \
		EQ(got_, len_); \
		if (got_ == len_) \
			SAME(buf_, text, len_); \
	} while (0)

#define WRITES(fd, text) EQ(write((fd), (text), sizeof(text) - 1), sizeof(text) - 1)

#endif
