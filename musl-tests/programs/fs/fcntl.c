/* fcntl(2): descriptor flags, status flags, pipe sizes. */
#include "check.h"

static void descriptor_flags(void)
{
	int fd = OK(open("/", O_RDONLY));

	EQ(fcntl(fd, F_GETFD), 0);
	OK(fcntl(fd, F_SETFD, FD_CLOEXEC));
	EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	OK(fcntl(fd, F_SETFD, ~FD_CLOEXEC));
	EQ(fcntl(fd, F_GETFD), 0);
	close(fd);
	FAILS(fcntl(fd, F_GETFD), EBADF);
}

/* musl adds O_LARGEFILE as Linux itself does on a 64-bit open. */
static void status_flags(void)
{
	int fd = OK(open("f", O_CREAT | O_EXCL | O_TRUNC | O_RDWR | O_CLOEXEC, 0600)), twin = OK(dup(fd));

	EQ(fcntl(fd, F_GETFL) & ~0100000, O_RDWR);
	OK(fcntl(twin, F_SETFL, O_APPEND | O_NONBLOCK));
	EQ(fcntl(fd, F_GETFL) & ~0100000, O_RDWR | O_APPEND | O_NONBLOCK);
	/* The access mode and creation flags cannot be changed. */
	OK(fcntl(fd, F_SETFL, O_WRONLY | O_CREAT | O_EXCL));
	EQ(fcntl(fd, F_GETFL) & ~0100000, O_RDWR);
	close(twin);
	close(fd);
	fd = OK(open(".", O_RDONLY | O_DIRECTORY));
	EQ(fcntl(fd, F_GETFL) & ~0100000, O_RDONLY | O_DIRECTORY);
	close(fd);
}

static void pipe_flags(void)
{
	int p[2];

	OK(pipe2(p, O_NONBLOCK | O_CLOEXEC));
	EQ(fcntl(p[0], F_GETFL), O_RDONLY | O_NONBLOCK);
	EQ(fcntl(p[1], F_GETFL), O_WRONLY | O_NONBLOCK);
	EQ(fcntl(p[0], F_GETFD), FD_CLOEXEC);
	EQ(fcntl(p[1], F_GETFD), FD_CLOEXEC);
	close(p[0]);
	close(p[1]);
	FAILS(pipe2(p, O_CREAT), EINVAL);
	FAILS(syscall(SYS_pipe, 8), EFAULT);
}

static void unknown(void)
{
	int fd = OK(open("/", O_RDONLY));

	FAILS(fcntl(fd, 9999), EINVAL);
	FAILS(fcntl(fd, F_GETPIPE_SZ), EBADF);
	FAILS(fcntl(-1, F_GETFL), EBADF);
	close(fd);
}

int main(void)
{
	RUN(descriptor_flags);
	RUN(status_flags);
	RUN(pipe_flags);
	RUN(unknown);
	return report();
}
