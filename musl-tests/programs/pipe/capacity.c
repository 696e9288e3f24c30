/* A pipe holds 65536 bytes; F_SETPIPE_SZ changes that; writes up to PIPE_BUF
 * are all or nothing (pipe(7)). */
#include "check.h"
#include <limits.h>

static char data[1 << 20];

/* Writes `step` bytes at a time until the pipe is full. */
static long fill(int fd, size_t step)
{
	long total = 0;
	ssize_t n;

	while ((n = write(fd, data, step)) > 0)
		total += n;
	EQ(errno == EAGAIN ? 0 : errno, 0);
	return total;
}

static void drain(int fd, long want)
{
	long got = 0;
	ssize_t n;

	while ((n = read(fd, data, sizeof data)) > 0)
		got += n;
	EQ(got, want);
}

static void default_size(void)
{
	int p[2];

	OK(pipe2(p, O_NONBLOCK));
	EQ(fcntl(p[0], F_GETPIPE_SZ), 65536);
	EQ(fill(p[1], 1), 65536);
	drain(p[0], 65536);
	EQ(write(p[1], data, sizeof data), 65536);
	drain(p[0], 65536);
	EQ(fill(p[1], 4096), 65536);
	close(p[0]);
	close(p[1]);
}

static void all_or_nothing(void)
{
	int p[2];

	OK(pipe2(p, O_NONBLOCK));
	EQ(write(p[1], data, 65536 - PIPE_BUF), 65536 - PIPE_BUF);
	EQ(write(p[1], data, 100), 100);
	FAILS(write(p[1], data, PIPE_BUF), EAGAIN);
	/* A larger one may be cut. */
	CHECK(write(p[1], data, PIPE_BUF + 1) > 0);
	FAILS(read(p[1], data, 1), EBADF);
	close(p[0]);
	close(p[1]);
	OK(pipe2(p, O_NONBLOCK));
	FAILS(read(p[0], data, 1), EAGAIN);
	close(p[0]);
	close(p[1]);
}

static void resize(void)
{
	int p[2];

	OK(pipe2(p, O_NONBLOCK));
	EQ(fcntl(p[1], F_SETPIPE_SZ, 1 << 20), 1 << 20);
	EQ(fcntl(p[0], F_GETPIPE_SZ), 1 << 20);
	EQ(fill(p[1], 65536), 1 << 20);
	FAILS(fcntl(p[0], F_SETPIPE_SZ, 4096), EBUSY);
	drain(p[0], 1 << 20);
	/* Rounded up to a power of two pages; one page is the least. */
	EQ(fcntl(p[0], F_SETPIPE_SZ, 5000), 8192);
	EQ(fcntl(p[0], F_SETPIPE_SZ, 1), 4096);
	EQ(fill(p[1], 100), 4000);
	close(p[0]);
	close(p[1]);
}

static void size_limits(void)
{
	int p[2];

	OK(pipe(p));
	FAILS(fcntl(p[0], F_SETPIPE_SZ, 0x80000001), EINVAL);
	/* Beyond pipe-max-size it takes CAP_SYS_RESOURCE. */
	OK(setresuid(65534, 65534, 65534));
	FAILS(fcntl(p[0], F_SETPIPE_SZ, 1 << 21), EPERM);
}

int main(void)
{
	RUN(default_size);
	RUN(all_or_nothing);
	RUN(resize);
	IN_CHILD(size_limits);
	return report();
}
