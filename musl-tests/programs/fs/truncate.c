/* truncate(2), ftruncate(2), O_TRUNC, and RLIMIT_FSIZE. */
#include "check.h"
#include <sys/resource.h>

static void shrink_and_grow(void)
{
	int fd = file_with("f", "0123456789", 10);
	char text[16];

	OK(ftruncate(fd, 4));
	EQ(pread(fd, text, 16, 0), 4);
	OK(ftruncate(fd, 8));
	EQ(pread(fd, text, 16, 0), 8);
	/* What was cut off must not come back. */
	SAME(text, "0123\0\0\0\0", 8);
	OK(truncate("f", 2));
	EQ(lseek(fd, 0, SEEK_END), 2);
	close(fd);
}

/* The offset stays where it was; the next write leaves a hole. */
static void offset_stays(void)
{
	int fd = file_with("f", "0123456789", 10);
	char text[16];

	EQ(lseek(fd, 10, SEEK_SET), 10);
	OK(ftruncate(fd, 0));
	EQ(lseek(fd, 0, SEEK_CUR), 10);
	EQ(write(fd, "x", 1), 1);
	EQ(pread(fd, text, 16, 0), 11);
	SAME(text, "\0\0\0\0\0\0\0\0\0\0x", 11);
	close(fd);
}

static void refusals(void)
{
	int p[2], fd = file_with("f", "0", 1), in = OK(open("f", O_RDONLY));

	OK(pipe(p));
	OK(mkdir("d", 0755));
	FAILS(ftruncate(fd, -1), EINVAL);
	FAILS(truncate("f", -1), EINVAL);
	FAILS(ftruncate(in, 0), EINVAL);
	FAILS(ftruncate(p[1], 0), EINVAL);
	FAILS(ftruncate(-1, 0), EBADF);
	FAILS(truncate("d", 0), EISDIR);
	FAILS(truncate("nothing", 0), ENOENT);
	FAILS(truncate("f/x", 0), ENOTDIR);
	FAILS(truncate("", 0), ENOENT);
	FAILS(truncate((char *)8, 0), EFAULT);
	OK(rmdir("d"));
	close(p[0]);
	close(p[1]);
	close(in);
	close(fd);
}

static volatile int signals;

static void count(int sig)
{
	(void)sig;
	signals++;
}

/* Past RLIMIT_FSIZE: a write is cut short at the limit, then SIGXFSZ and EFBIG. */
static void file_size_limit(void)
{
	struct rlimit limit = {100, RLIM_INFINITY};
	int fd = file_with("f", "", 0);
	static char data[200];

	signal(SIGXFSZ, count);
	OK(setrlimit(RLIMIT_FSIZE, &limit));
	EQ(write(fd, data, 200), 100);
	EQ(signals, 0);
	FAILS(write(fd, data, 1), EFBIG);
	EQ(signals, 1);
	FAILS(ftruncate(fd, 101), EFBIG);
	EQ(signals, 2);
	OK(ftruncate(fd, 50));
	close(fd);
}

int main(void)
{
	RUN(shrink_and_grow);
	RUN(offset_stays);
	RUN(refusals);
	IN_CHILD(file_size_limit);
	return report();
}
