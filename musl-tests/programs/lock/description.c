/* Locks of open file descriptions: flock(2) and F_OFD_SETLK. */
#include "check.h"
#include <sys/file.h>

#ifndef F_OFD_GETLK
#define F_OFD_GETLK 36
#define F_OFD_SETLK 37
#define F_OFD_SETLKW 38
#endif

static int set(int fd, int cmd, int type, off_t start, off_t len)
{
	struct flock l = { .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len };

	return fcntl(fd, cmd, &l);
}

static void settle(void)
{
	struct timespec ts = { 0, 50000000 };

	nanosleep(&ts, NULL);
}

static void whole_files(void)
{
	int fd = file_with("f", "x", 1), other = OK(open("f", O_RDONLY)), twin = OK(dup(fd));

	OK(flock(fd, LOCK_EX));
	FAILS(flock(other, LOCK_SH | LOCK_NB), EWOULDBLOCK);
	/* A duplicate has the same lock. */
	OK(flock(twin, LOCK_EX | LOCK_NB));
	OK(flock(twin, LOCK_SH));
	OK(flock(other, LOCK_SH | LOCK_NB));
	FAILS(flock(fd, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	/* The attempt has cost the lock it had. */
	OK(flock(other, LOCK_EX | LOCK_NB));
	OK(flock(other, LOCK_UN));
	OK(flock(fd, LOCK_EX | LOCK_NB));
	close(fd);
	FAILS(flock(other, LOCK_SH | LOCK_NB), EWOULDBLOCK);
	close(twin);
	OK(flock(other, LOCK_EX | LOCK_NB));
	/* Record locks are another matter. */
	fd = OK(open("f", O_RDWR));
	OK(set(fd, F_SETLK, F_WRLCK, 0, 0));
	close(fd);
	FAILS(flock(other, 0), EINVAL);
	FAILS(flock(other, LOCK_SH | LOCK_EX), EINVAL);
	FAILS(flock(-1, LOCK_SH), EBADF);
	FAILS(flock(-1, 77), EINVAL);
	close(other);
	fd = OK(open("f", O_PATH));
	FAILS(flock(fd, LOCK_SH), EBADF);
	close(fd);
	fd = OK(open("f", 3));
	FAILS(flock(fd, LOCK_SH), EBADF);
	OK(flock(fd, LOCK_UN));
	close(fd);
	fd = OK(open(".", O_RDONLY));
	OK(flock(fd, LOCK_EX));
	close(fd);
}

/* A child has the parent's lock: unlocked by one it is unlocked for both. */
static void across_fork(void)
{
	int fd = file_with("f", "x", 1), other = OK(open("f", O_RDONLY));

	OK(flock(fd, LOCK_EX));
	pid_t pid = fork();
	if (pid == 0) {
		check_failures = 0;
		FAILS(flock(other, LOCK_EX | LOCK_NB), EWOULDBLOCK);
		close(fd);
		FAILS(flock(other, LOCK_EX | LOCK_NB), EWOULDBLOCK);
		_exit(report());
	}
	EXITS(pid, 0);
	FAILS(flock(other, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	pid = fork();
	if (pid == 0)
		_exit(flock(fd, LOCK_UN) != 0);
	EXITS(pid, 0);
	OK(flock(other, LOCK_EX | LOCK_NB));
	close(fd);
	close(other);
}

static void handler(int sig)
{
	(void)sig;
}

static void waiting(void)
{
	int p[2], fd = file_with("f", "x", 1);

	OK(pipe(p));
	OK(flock(fd, LOCK_EX));
	pid_t pid = fork();
	if (pid == 0) {
		struct sigaction sa = { .sa_handler = handler };
		int mine = open("f", O_RDONLY);

		check_failures = 0;
		close(fd);
		sigaction(SIGUSR1, &sa, NULL);
		EQ(write(p[1], "1", 1), 1);
		FAILS(flock(mine, LOCK_SH), EINTR);
		EQ(write(p[1], "2", 1), 1);
		OK(flock(mine, LOCK_SH));
		EQ(write(p[1], "3", 1), 1);
		_exit(report());
	}
	EQ(await_byte(p[0]), '1');
	settle();
	kill(pid, SIGUSR1);
	EQ(await_byte(p[0]), '2');
	settle();
	close(fd);
	EQ(await_byte(p[0]), '3');
	EXITS(pid, 0);
}

static void records(void)
{
	int fd = file_with("f", "x", 1), other = OK(open("f", O_RDWR)), twin = OK(dup(fd));
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 2, .l_len = 3 };

	OK(fcntl(fd, F_OFD_SETLK, &l));
	/* Another description of the same process is somebody else. */
	FAILS(set(other, F_OFD_SETLK, F_RDLCK, 4, 1), EAGAIN);
	/* So is the process itself. */
	FAILS(set(fd, F_SETLK, F_RDLCK, 4, 1), EAGAIN);
	OK(set(other, F_OFD_SETLK, F_RDLCK, 5, 1));
	l = (struct flock){ .l_type = F_WRLCK };
	OK(fcntl(other, F_OFD_GETLK, &l));
	EQ(l.l_type, F_WRLCK);
	EQ(l.l_start, 2);
	EQ(l.l_len, 3);
	EQ(l.l_pid, -1);
	l = (struct flock){ .l_type = F_WRLCK };
	OK(fcntl(fd, F_GETLK, &l));
	EQ(l.l_type, F_WRLCK);
	EQ(l.l_pid, -1);
	l = (struct flock){ .l_type = F_WRLCK, .l_pid = 1 };
	FAILS(fcntl(fd, F_OFD_SETLK, &l), EINVAL);
	FAILS(fcntl(fd, F_OFD_GETLK, &l), EINVAL);
	FAILS(fcntl(fd, F_OFD_SETLKW, &l), EINVAL);
	/* Closing a twin, or the file elsewhere, takes nothing. */
	close(twin);
	close(OK(open("f", O_RDONLY)));
	FAILS(set(other, F_OFD_SETLK, F_RDLCK, 4, 1), EAGAIN);
	/* A child has it too. */
	pid_t pid = fork();
	if (pid == 0)
		_exit(set(fd, F_OFD_SETLK, F_UNLCK, 0, 0) != 0);
	EXITS(pid, 0);
	OK(set(other, F_OFD_SETLK, F_RDLCK, 4, 1));
	OK(set(other, F_OFD_SETLK, F_UNLCK, 0, 0));
	OK(set(fd, F_OFD_SETLK, F_WRLCK, 0, 0));
	close(fd);
	OK(set(other, F_OFD_SETLKW, F_WRLCK, 0, 0));
	close(other);
}

/* Two descriptions of one process can wait for each other; nobody looks. */
static void wait_for_description(void)
{
	int fd = file_with("f", "x", 1);

	OK(set(fd, F_OFD_SETLK, F_WRLCK, 0, 0));
	pid_t pid = fork();
	if (pid == 0) {
		int mine = open("f", O_RDWR);

		check_failures = 0;
		close(fd);
		OK(set(mine, F_OFD_SETLKW, F_RDLCK, 0, 0));
		_exit(report());
	}
	settle();
	close(fd);
	EXITS(pid, 0);
}

int main(void)
{
	RUN(whole_files);
	RUN(across_fork);
	RUN(waiting);
	RUN(records);
	RUN(wait_for_description);
	return report();
}
