/* Calls that ask for little: readahead(2), sync_file_range(2), and the flags of
 * preadv2(2) and pwritev2(2). */
#include "check.h"

static ssize_t writev2(int fd, const char *data, off_t at, int flags)
{
	struct iovec v = { (void *)data, strlen(data) };

	return syscall(SYS_pwritev2, fd, &v, 1, at, 0, flags);
}

static ssize_t readv2(int fd, char *data, size_t len, off_t at, int flags)
{
	struct iovec v = { data, len };

	return syscall(SYS_preadv2, fd, &v, 1, at, 0, flags);
}

int main(void)
{
	char back[32];
	int p[2], fd = file_with("f", "0123456789", 10), w = OK(open("f", O_WRONLY));
	int dir = OK(open(".", O_RDONLY)), path = OK(open("f", O_PATH));

	OK(pipe(p));
	OK(syscall(SYS_readahead, fd, 0, 100));
	OK(syscall(SYS_readahead, fd, 1000, 0));
	FAILS(syscall(SYS_readahead, w, 0, 100), EBADF);
	FAILS(syscall(SYS_readahead, path, 0, 100), EBADF);
	FAILS(syscall(SYS_readahead, -1, 0, 100), EBADF);
	FAILS(syscall(SYS_readahead, p[0], 0, 100), EINVAL);
	FAILS(syscall(SYS_readahead, dir, 0, 100), EINVAL);

	OK(syscall(SYS_sync_file_range, fd, 0, 0, 7));
	OK(syscall(SYS_sync_file_range, dir, 5, 100, 2));
	FAILS(syscall(SYS_sync_file_range, fd, 0, 0, 8), EINVAL);
	FAILS(syscall(SYS_sync_file_range, fd, -1L, 5L, 0), EINVAL);
	FAILS(syscall(SYS_sync_file_range, fd, 5L, -7L, 0), EINVAL);
	FAILS(syscall(SYS_sync_file_range, fd, INT64_MAX, 5, 0), EINVAL);
	FAILS(syscall(SYS_sync_file_range, p[0], 0, 5, 0), ESPIPE);
	FAILS(syscall(SYS_sync_file_range, path, 0, 5, 0), EBADF);
	FAILS(syscall(SYS_sync_file_range, -1, 0, 5, 8), EBADF);

	EQ(writev2(fd, "ab", 2, 0), 2);
	EQ(writev2(fd, "cd", 2, 0x10), 2);
	EQ(lseek(fd, 0, SEEK_CUR), 0);
	EQ(writev2(fd, "ef", -1, 0x10), 2);
	EQ(lseek(fd, 0, SEEK_CUR), 14);
	EQ(pread(fd, back, 32, 0), 14);
	SAME(back, "01ab456789cdef", 14);
	EQ(readv2(fd, back, 2, 0, 0x10), 2);
	EQ(writev2(fd, "x", 0, 7), 1);
	FAILS(writev2(fd, "x", 0, 0x20), EOPNOTSUPP);
	FAILS(readv2(fd, back, 1, 0, 0x40), EOPNOTSUPP);
	FAILS(writev2(fd, "x", -2, 0), EINVAL);
	/* Neither a tmpfs nor a pipe promises never to wait. */
	FAILS(readv2(fd, back, 1, 0, 8), EOPNOTSUPP);
	FAILS(writev2(fd, "x", 0, 8), EOPNOTSUPP);
	FAILS(readv2(p[0], back, 1, -1, 8), EOPNOTSUPP);
	return report();
}
