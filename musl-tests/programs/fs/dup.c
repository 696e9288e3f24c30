/* dup(2), dup2(2), dup3(2), and fcntl's F_DUPFD: numbers and flags. */
#include "check.h"
#include <sys/resource.h>

static void copies(void)
{
	int fd = OK(open("/", O_RDONLY | O_CLOEXEC)), twin = OK(dup(fd));

	CHECK(twin > fd);
	EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	EQ(fcntl(twin, F_GETFD), 0);
	EQ(dup2(fd, 40), 40);
	EQ(fcntl(40, F_GETFD), 0);
	EQ(dup2(fd, fd), fd);
	EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	EQ(dup3(fd, 41, O_CLOEXEC), 41);
	EQ(fcntl(41, F_GETFD), FD_CLOEXEC);
	EQ(fcntl(fd, F_DUPFD, 50), 50);
	EQ(fcntl(fd, F_DUPFD, 50), 51);
	EQ(fcntl(51, F_GETFD), 0);
	EQ(fcntl(fd, F_DUPFD_CLOEXEC, 50), 52);
	EQ(fcntl(52, F_GETFD), FD_CLOEXEC);
	for (int n = 40; n <= 52; n++)
		close(n);
	close(twin);
	close(fd);
}

static void refusals(void)
{
	struct rlimit limit = {64, 64};

	OK(setrlimit(RLIMIT_NOFILE, &limit));
	FAILS(dup(63), EBADF);
	FAILS(dup2(63, 5), EBADF);
	FAILS(dup2(63, 63), EBADF);
	FAILS(dup2(0, 64), EBADF);
	FAILS(dup2(0, -1), EBADF);
	FAILS(dup3(0, 0, 0), EINVAL);
	FAILS(syscall(SYS_dup3, 0, 5, O_NONBLOCK), EINVAL);
	FAILS(dup3(0, 64, 0), EBADF);
	FAILS(fcntl(0, F_DUPFD, 64), EINVAL);
	FAILS(fcntl(0, F_DUPFD, -1), EINVAL);
	for (int n = 3; n < 64; n++)
		EQ(dup(0), n);
	FAILS(dup(0), EMFILE);
	FAILS(open("/", O_RDONLY), EMFILE);
	FAILS(fcntl(0, F_DUPFD, 3), EMFILE);
	int p[2] = {-7, -7};

	FAILS(pipe(p), EMFILE);
	EQ(p[0], -7);
}

/* dup2 onto an open number closes what was there. */
static void replaces(void)
{
	int p[2], fd = OK(open("/", O_RDONLY));
	char c;

	OK(pipe(p));
	EQ(dup2(fd, p[1]), p[1]);
	EQ(read(p[0], &c, 1), 0);
	close(p[0]);
	close(p[1]);
	close(fd);
}

/* Far more descriptors than fit a first table, and the table is copied by fork. */
static void many(void)
{
	struct rlimit limit = {4096, 4096};

	OK(setrlimit(RLIMIT_NOFILE, &limit));
	int fd = file_with("f", "", 0);

	for (int n = 100; n < 4000; n++)
		EQ(dup2(fd, n), n);
	if (fork() == 0)
		_exit(write(3999, "x", 1) == 1 && close(2000) == 0 ? 0 : 1);
	int status;

	OK(wait(&status));
	EQ(status, 0);
	OK(fcntl(2000, F_GETFD));
	EQ(lseek(100, 0, SEEK_CUR), 1);
}

int main(void)
{
	RUN(copies);
	IN_CHILD(refusals);
	RUN(replaces);
	IN_CHILD(many);
	return report();
}
