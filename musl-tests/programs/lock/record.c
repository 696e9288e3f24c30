/* Record locks of fcntl(2): which bytes, whose, until when. */
#include "check.h"

static struct flock part(int type, int whence, off_t start, off_t len)
{
	return (struct flock){ .l_type = type, .l_whence = whence, .l_start = start, .l_len = len };
}

static int set(int fd, int type, off_t start, off_t len)
{
	struct flock l = part(type, SEEK_SET, start, len);

	return fcntl(fd, F_SETLK, &l);
}

/* What another process sees in the way of a write lock on [at, at + len): the
 * answer is put together as type * 1000000 + start * 1000 + length, or -1. */
static int seen_fd;
static int seen(off_t at, off_t len)
{
	int p[2], answer = -2;

	OK(pipe(p));
	pid_t pid = fork();
	if (pid == 0) {
		struct flock l = part(F_WRLCK, SEEK_SET, at, len);
		int value = fcntl(seen_fd, F_GETLK, &l) ? -3 : -1;

		if (l.l_type != F_UNLCK)
			value = l.l_pid != getppid() || l.l_whence != SEEK_SET
				      ? -4
				      : l.l_type * 1000000 + l.l_start * 1000 + l.l_len;
		_exit(write(p[1], &value, sizeof value) != sizeof value);
	}
	EXITS(pid, 0);
	EQ(read(p[0], &answer, sizeof answer), sizeof answer);
	close(p[0]);
	close(p[1]);
	return answer;
}

static void split_and_join(void)
{
	int fd = seen_fd = file_with("f", "0123456789", 10);

	EQ(seen(0, 0), -1);
	OK(set(fd, F_WRLCK, 10, 30));
	EQ(seen(0, 0), 1010030);
	EQ(seen(0, 10), -1);
	EQ(seen(40, 0), -1);
	/* A hole, another kind, a border. */
	OK(set(fd, F_UNLCK, 20, 5));
	EQ(seen(0, 0), 1010010);
	EQ(seen(20, 5), -1);
	EQ(seen(20, 6), 1025015);
	OK(set(fd, F_RDLCK, 12, 2));
	EQ(seen(12, 1), 12002);
	EQ(seen(14, 1), 1014006);
	EQ(seen(11, 1), 1010002);
	OK(set(fd, F_WRLCK, 12, 2));
	EQ(seen(13, 1), 1010010);
	OK(set(fd, F_RDLCK, 50, 10));
	OK(set(fd, F_RDLCK, 60, 10));
	EQ(seen(69, 1), 50020);
	OK(set(fd, F_RDLCK, 0, 0));
	EQ(seen(1000, 1), 0);
	OK(set(fd, F_UNLCK, 0, 0));
	EQ(seen(0, 0), -1);
	close(fd);
}

static void positions(void)
{
	int fd = seen_fd = file_with("f", "0123456789", 10);
	struct flock l = part(F_WRLCK, SEEK_END, -4, 2);

	OK(fcntl(fd, F_SETLK, &l));
	EQ(seen(0, 0), 1006002);
	OK(lseek(fd, 5, SEEK_SET));
	l = part(F_WRLCK, SEEK_CUR, 1, -3);
	OK(fcntl(fd, F_SETLK, &l));
	EQ(seen(0, 0), 1003005);
	l = part(F_WRLCK, SEEK_CUR, -6, 1);
	FAILS(fcntl(fd, F_SETLK, &l), EINVAL);
	l = part(F_WRLCK, SEEK_SET, 3, -4);
	FAILS(fcntl(fd, F_SETLK, &l), EINVAL);
	l = part(F_WRLCK, SEEK_SET, -1, 1);
	FAILS(fcntl(fd, F_SETLK, &l), EINVAL);
	l = part(F_WRLCK, SEEK_CUR, INT64_MAX, 1);
	FAILS(fcntl(fd, F_SETLK, &l), EOVERFLOW);
	l = part(F_WRLCK, SEEK_SET, INT64_MAX, 2);
	FAILS(fcntl(fd, F_SETLK, &l), EOVERFLOW);
	l = part(F_UNLCK, SEEK_SET, INT64_MAX, 1);
	OK(fcntl(fd, F_SETLK, &l));
	l = part(F_WRLCK, 3, 0, 1);
	FAILS(fcntl(fd, F_SETLK, &l), EINVAL);
	l = part(3, SEEK_SET, 0, 1);
	FAILS(fcntl(fd, F_SETLK, &l), EINVAL);
	l = part(F_UNLCK, SEEK_SET, 0, 1);
	FAILS(fcntl(fd, F_GETLK, &l), EINVAL);
	FAILS(syscall(SYS_fcntl, fd, F_SETLK, 8), EFAULT);
	FAILS(syscall(SYS_fcntl, fd, F_GETLK, 8), EFAULT);
	FAILS(fcntl(-1, F_SETLK, &l), EBADF);
	/* Nothing in the way: only the type is told. */
	l = part(F_WRLCK, SEEK_CUR, 1, 2);
	l.l_pid = 77;
	OK(fcntl(fd, F_GETLK, &l));
	EQ(l.l_type, F_UNLCK);
	EQ(l.l_whence, SEEK_CUR);
	EQ(l.l_start, 1);
	EQ(l.l_len, 2);
	EQ(l.l_pid, 77);
	close(fd);
}

static void open_modes(void)
{
	close(file_with("f", "0123456789", 10));
	int r = OK(open("f", O_RDONLY)), w = OK(open("f", O_WRONLY));
	int path = OK(open("f", O_PATH)), none = OK(open("f", 3)), dir = OK(open(".", O_RDONLY));

	FAILS(set(r, F_WRLCK, 0, 1), EBADF);
	FAILS(set(w, F_RDLCK, 0, 1), EBADF);
	FAILS(set(none, F_RDLCK, 0, 1), EBADF);
	OK(set(none, F_UNLCK, 0, 1));
	FAILS(set(path, F_UNLCK, 0, 1), EBADF);
	OK(set(r, F_RDLCK, 0, 1));
	OK(set(dir, F_RDLCK, 0, 1));
	close(r);
	close(w);
	close(path);
	close(none);
	close(dir);
}

/* A pipe has no bytes to name, but it can be locked. */
static void of_a_pipe(void)
{
	int p[2];

	OK(pipe(p));
	OK(set(p[1], F_WRLCK, 0, 0));
	FAILS(set(p[0], F_WRLCK, 0, 0), EBADF);
	seen_fd = p[1];
	EQ(seen(0, 0), 1000000);
	close(p[0]);
	close(p[1]);
}

static int fd0;
static void has_none(void)
{
	struct flock l = part(F_WRLCK, SEEK_SET, 0, 0);

	OK(fcntl(fd0, F_GETLK, &l));
	EQ(l.l_type, F_WRLCK);
	EQ(l.l_pid, getppid());
	FAILS(set(fd0, F_RDLCK, 0, 1), EAGAIN);
	/* Neither closing nor unlocking here takes what the parent has. */
	OK(set(fd0, F_UNLCK, 0, 0));
	close(fd0);
	fd0 = OK(open("f", O_RDWR));
	FAILS(set(fd0, F_RDLCK, 0, 1), EAGAIN);
}

static void not_inherited(void)
{
	fd0 = seen_fd = file_with("f", "x", 1);
	OK(set(fd0, F_WRLCK, 0, 0));
	IN_CHILD(has_none);
	EQ(seen(0, 1), 1000000);
	close(fd0);
}

/* Closing any descriptor of the file gives up all locks on it. */
static void closing(void)
{
	int fd = seen_fd = file_with("f", "x", 1), twin = OK(dup(fd)), other = OK(open("f", O_RDONLY));

	OK(link("f", "g"));
	OK(set(fd, F_WRLCK, 0, 1));
	close(other);
	EQ(seen(0, 1), -1);
	OK(set(fd, F_WRLCK, 0, 1));
	close(OK(open("g", O_RDONLY)));
	EQ(seen(0, 1), -1);
	OK(set(fd, F_WRLCK, 0, 1));
	OK(dup2(0, twin));
	EQ(seen(0, 1), -1);
	OK(set(fd, F_WRLCK, 0, 1));
	other = OK(open("f", O_RDONLY));
	OK(syscall(SYS_close_range, other, other, 0));
	EQ(seen(0, 1), -1);
	close(fd);
	close(twin);
	unlink("g");
}

static void shared_and_not(void)
{
	int p[2], q[2], fd = file_with("f", "x", 1);

	OK(pipe(p));
	OK(pipe(q));
	OK(set(fd, F_RDLCK, 0, 5));
	pid_t pid = fork();
	if (pid == 0) {
		check_failures = 0;
		OK(set(fd, F_RDLCK, 0, 5));
		FAILS(set(fd, F_WRLCK, 4, 5), EAGAIN);
		EQ(write(p[1], "", 1), 1);
		await_byte(q[0]);
		_exit(report());
	}
	await_byte(p[0]);
	FAILS(set(fd, F_WRLCK, 0, 1), EAGAIN);
	OK(set(fd, F_WRLCK, 5, 1));
	EQ(write(q[1], "", 1), 1);
	EXITS(pid, 0);
	/* Its end was the end of its locks. */
	OK(set(fd, F_WRLCK, 0, 1));
	close(fd);
}

int main(int argc, char **argv)
{
	/* Run by itself below, with the lock of the program before. */
	if (argc == 2) {
		seen_fd = atoi(argv[1]);
		EQ(seen(0, 1), 1000001);
		return report();
	}
	RUN(split_and_join);
	RUN(positions);
	RUN(open_modes);
	RUN(of_a_pipe);
	RUN(not_inherited);
	RUN(closing);
	RUN(shared_and_not);

	pid_t pid = fork();
	if (pid == 0) {
		char number[16];
		int fd = file_with("f", "x", 1);

		snprintf(number, sizeof number, "%d", fd);
		OK(set(fd, F_WRLCK, 0, 1));
		execl(argv[0], argv[0], number, (char *)0);
		_exit(99);
	}
	EXITS(pid, 0);
	return report();
}
