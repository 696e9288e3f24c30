/* readv(2), writev(2), preadv(2), pwritev(2). */
#include "check.h"
#include <limits.h>

static void gather_scatter(void)
{
	int fd = file_with("f", "", 0);
	char a[3], b[4], c[5];
	struct iovec out[] = {{"abc", 3}, {NULL, 0}, {"defg", 4}, {"hijkl", 5}};
	struct iovec in[] = {{a, 3}, {b, 4}, {NULL, 0}, {c, 5}};

	EQ(writev(fd, out, 4), 12);
	EQ(lseek(fd, 0, SEEK_SET), 0);
	EQ(readv(fd, in, 4), 12);
	SAME(a, "abc", 3);
	SAME(b, "defg", 4);
	SAME(c, "hijkl", 5);
	EQ(readv(fd, in, 4), 0);
	EQ(preadv(fd, in, 4, 6), 6);
	SAME(a, "ghi", 3);
	SAME(b, "jkl", 3);
	EQ(pwritev(fd, out, 3, 20), 7);
	EQ(lseek(fd, 0, SEEK_CUR), 12);
	EQ(lseek(fd, 0, SEEK_END), 27);
	FAILS(preadv(fd, in, 1, -1), EINVAL);
	FAILS(pwritev(fd, out, 1, -1), EINVAL);
	close(fd);
}

static void counts(void)
{
	static char bytes[IOV_MAX];
	static struct iovec v[IOV_MAX + 1];
	int fd = file_with("f", "", 0);

	for (int i = 0; i < IOV_MAX + 1; i++)
		v[i] = (struct iovec){bytes + (i % IOV_MAX), 1};
	EQ(writev(fd, v, IOV_MAX), IOV_MAX);
	FAILS(writev(fd, v, IOV_MAX + 1), EINVAL);
	FAILS(readv(fd, v, -1), EINVAL);
	EQ(writev(fd, v, 0), 0);
	EQ(readv(fd, NULL, 0), 0);
	FAILS(writev(-1, v, 0), EBADF);
	close(fd);
}

static void lengths(void)
{
	char a[4];
	int fd = file_with("f", "01234567", 8);
	struct iovec negative[] = {{a, 4}, {a, (size_t)-1}};

	FAILS(readv(fd, negative, 2), EINVAL);
	EQ(lseek(fd, 0, SEEK_CUR), 0);
	close(fd);
}

static void bad_memory(void)
{
	char a[4];
	int fd = file_with("f", "01234567", 8);
	struct iovec second_bad[] = {{a, 4}, {(void *)8, 4}};
	struct iovec first_bad[] = {{(void *)8, 4}, {a, 4}};

	FAILS(readv(fd, (void *)8, 1), EFAULT);
	EQ(readv(fd, second_bad, 2), 4);
	SAME(a, "0123", 4);
	FAILS(readv(fd, first_bad, 2), EFAULT);
	/* A range outside user memory is refused before a byte moves, a negative length
	 * anywhere in the list before that. */
	struct iovec outside[] = {{a, 4}, {(void *)(1UL << 47), 4}};
	struct iovec negative[] = {{(void *)(1UL << 47), 4}, {a, -1}};

	EQ(lseek(fd, 0, SEEK_SET), 0);
	FAILS(readv(fd, outside, 2), EFAULT);
	FAILS(readv(fd, negative, 2), EINVAL);
	EQ(lseek(fd, 0, SEEK_CUR), 0);
	close(fd);
}

int main(void)
{
	RUN(gather_scatter);
	RUN(counts);
	RUN(lengths);
	RUN(bad_memory);
	return report();
}
