/* lseek(2): every whence, holes, and each refusal. */
#include "check.h"

static void whence(void)
{
	int fd = file_with("f", "0123456789", 10);
	char c;

	EQ(lseek(fd, 4, SEEK_SET), 4);
	EQ(read(fd, &c, 1), 1);
	EQ(c, '4');
	EQ(lseek(fd, 2, SEEK_CUR), 7);
	EQ(lseek(fd, -3, SEEK_CUR), 4);
	EQ(lseek(fd, -1, SEEK_END), 9);
	EQ(lseek(fd, 100, SEEK_END), 110);
	EQ(read(fd, &c, 1), 0);
	FAILS(lseek(fd, -1, SEEK_SET), EINVAL);
	FAILS(lseek(fd, -11, SEEK_END), EINVAL);
	EQ(lseek(fd, 0, SEEK_CUR), 110);
	FAILS(lseek(fd, 0, 17), EINVAL);
	FAILS(lseek(fd, 0, -1), EINVAL);
	close(fd);
	FAILS(lseek(fd, 0, SEEK_SET), EBADF);
}

static void not_seekable(void)
{
	int p[2];

	OK(pipe(p));
	FAILS(lseek(p[0], 0, SEEK_SET), ESPIPE);
	FAILS(lseek(p[1], 0, SEEK_CUR), ESPIPE);
	char c;

	FAILS(pread(p[0], &c, 1, 0), ESPIPE);
	FAILS(pwrite(p[1], &c, 1, 0), ESPIPE);
	close(p[0]);
	close(p[1]);
}

static void data_and_holes(void)
{
	int fd = file_with("f", "x", 1);

	EQ(pwrite(fd, "y", 1, 1 << 20), 1);
	EQ(lseek(fd, 0, SEEK_DATA), 0);
	EQ(lseek(fd, 0, SEEK_HOLE), 4096);
	EQ(lseek(fd, 4096, SEEK_DATA), 1 << 20);
	EQ(lseek(fd, 1 << 20, SEEK_HOLE), (1 << 20) + 1);
	FAILS(lseek(fd, (1 << 20) + 1, SEEK_DATA), ENXIO);
	FAILS(lseek(fd, (1 << 20) + 1, SEEK_HOLE), ENXIO);
	FAILS(lseek(fd, -1, SEEK_DATA), ENXIO);
	close(fd);
}

/* The offset belongs to the open file, not to the descriptor or process. */
static void shared_by_dup_and_fork(void)
{
	int fd = file_with("f", "0123456789", 10), twin = OK(dup(fd));
	char c;

	EQ(lseek(fd, 5, SEEK_SET), 5);
	EQ(read(twin, &c, 1), 1);
	EQ(c, '5');
	pid_t pid = fork();

	if (pid == 0)
		_exit(read(fd, &c, 1) == 1 && c == '6' ? 0 : 1);
	EXITS(pid, 0);
	EQ(lseek(fd, 0, SEEK_CUR), 7);
	close(twin);
	close(fd);
}

int main(void)
{
	RUN(whence);
	RUN(not_seekable);
	RUN(data_and_holes);
	RUN(shared_by_dup_and_fork);
	return report();
}
