/* mknod(2) and the nodes it makes: FIFOs, devices, plain files. */
#include "check.h"
#include <poll.h>
#include <sys/sysmacros.h>

static void kinds(void)
{
	struct stat st;

	OK(mknod("plain", S_IFREG | 0600, 0));
	OK(stat("plain", &st));
	EQ(st.st_mode, S_IFREG | 0600);
	OK(mknod("plain0", 0600, 0));
	OK(stat("plain0", &st));
	EQ(st.st_mode, S_IFREG | 0600);
	OK(mknodat(AT_FDCWD, "null", S_IFCHR | 0600, makedev(1, 3)));
	OK(stat("null", &st));
	EQ(st.st_rdev, makedev(1, 3));
	FAILS(mknod("null", S_IFCHR | 0600, makedev(1, 3)), EEXIST);
	FAILS(mknod("dir", S_IFDIR | 0700, 0), EPERM);
	FAILS(mknod("link", S_IFLNK | 0700, 0), EINVAL);
	FAILS(mknod("nothing/x", S_IFREG | 0600, 0), ENOENT);
	FAILS(mknod("trailing/", S_IFREG | 0600, 0), ENOENT);
}

static void device_behind_the_node(void)
{
	char byte = 'x';
	int fd = OK(open("null", O_RDWR));

	EQ(read(fd, &byte, 1), 0);
	EQ(write(fd, "abc", 3), 3);
	close(fd);
	OK(mknod("zero", S_IFCHR | 0600, makedev(1, 5)));
	fd = OK(open("zero", O_RDWR));
	EQ(read(fd, &byte, 1), 1);
	EQ(byte, 0);
	close(fd);
	OK(mknod("full", S_IFCHR | 0600, makedev(1, 7)));
	fd = OK(open("full", O_RDWR));
	FAILS(write(fd, "x", 1), ENOSPC);
	close(fd);
	OK(mknod("nobody_home", S_IFCHR | 0600, makedev(240, 17)));
	FAILS(open("nobody_home", O_RDWR), ENXIO);
}

/* The opens of a FIFO wait for each other; O_NONBLOCK does not. */
static void fifo(void)
{
	char text[8];

	OK(mkfifo("fifo", 0600));
	FAILS(open("fifo", O_WRONLY | O_NONBLOCK), ENXIO);
	pid_t pid = fork();

	if (pid == 0) {
		int fd = open("fifo", O_WRONLY);

		_exit(write(fd, "hello", 5) == 5 ? 0 : 1);
	}
	int fd = OK(open("fifo", O_RDONLY));

	EQ(read(fd, text, 5), 5);
	SAME(text, "hello", 5);
	EXITS(pid, 0);
	EQ(read(fd, text, 5), 0);
	close(fd);
}

static void fifo_without_waiting(void)
{
	char byte;
	int in = OK(open("fifo", O_RDONLY | O_NONBLOCK));
	struct pollfd p = {in, POLLIN, 0};

	/* Nobody has written yet: end of file, but no hang-up (poll(2)). */
	EQ(read(in, &byte, 1), 0);
	EQ(poll(&p, 1, 0), 0);
	int out = OK(open("fifo", O_WRONLY | O_NONBLOCK));

	FAILS(read(in, &byte, 1), EAGAIN);
	EQ(write(out, "x", 1), 1);
	EQ(poll(&p, 1, 0), 1);
	EQ(p.revents, POLLIN);
	close(out);
	EQ(poll(&p, 1, 0), 1);
	EQ(p.revents, POLLIN | POLLHUP);
	EQ(read(in, &byte, 1), 1);
	EQ(read(in, &byte, 1), 0);
	close(in);
	/* Opening for both never waits. */
	int both = OK(open("fifo", O_RDWR));

	EQ(write(both, "y", 1), 1);
	EQ(read(both, &byte, 1), 1);
	FAILS(lseek(both, 0, SEEK_SET), ESPIPE);
	close(both);
}

int main(void)
{
	RUN(kinds);
	RUN(device_behind_the_node);
	RUN(fifo);
	RUN(fifo_without_waiting);
	return report();
}
