/* read(2), write(2), pread64(2), pwrite64(2) on a regular file. */
#include "check.h"

static char big[300000], back[300000];

static void fill(void)
{
	for (size_t i = 0; i < sizeof big; i++)
		big[i] = (i * 31) ^ (i >> 8);
}

static void round_trip(void)
{
	int fd = file_with("f", "", 0);

	EQ(write(fd, big, sizeof big), sizeof big);
	EQ(read(fd, back, 1), 0);
	EQ(lseek(fd, 0, SEEK_SET), 0);
	/* Lengths that fall on every side of page borders. */
	size_t at = 0;

	for (size_t step = 1; at < sizeof back; step = step * 3 + 1) {
		size_t left = sizeof back - at, want = step < left ? step : left;

		EQ(read(fd, back + at, step), want);
		at += want;
	}
	SAME(back, big, sizeof big);
	EQ(read(fd, back, 100), 0);
	close(fd);
}

static void overwrite(void)
{
	int fd = file_with("f", "0123456789", 10);

	EQ(lseek(fd, 3, SEEK_SET), 3);
	EQ(write(fd, "abc", 3), 3);
	EQ(pread(fd, back, 100, 0), 10);
	SAME(back, "012abc6789", 10);
	EQ(lseek(fd, 0, SEEK_CUR), 6);
	close(fd);
}

static void positioned(void)
{
	int fd = file_with("f", "0123456789", 10);

	EQ(pread(fd, back, 4, 8), 2);
	EQ(pread(fd, back, 4, 10), 0);
	EQ(pread(fd, back, 4, 1 << 30), 0);
	EQ(pwrite(fd, "xy", 2, 12), 2);
	EQ(lseek(fd, 0, SEEK_CUR), 0);
	EQ(pread(fd, back, 100, 0), 14);
	SAME(back, "0123456789\0\0xy", 14);
	FAILS(pread(fd, back, 1, -1), EINVAL);
	FAILS(pwrite(fd, back, 1, -1), EINVAL);
	FAILS(pwrite(fd, "x", 1, INT64_MAX), EINVAL);
	close(fd);
}

static void refusals(void)
{
	int fd = file_with("f", "0123", 4);
	int in = OK(open("f", O_RDONLY)), out = OK(open("f", O_WRONLY));

	FAILS(write(in, "x", 1), EBADF);
	FAILS(read(out, back, 1), EBADF);
	FAILS(pwrite(in, "x", 1, 0), EBADF);
	FAILS(pread(out, back, 1, 0), EBADF);
	FAILS(read(-1, back, 1), EBADF);
	FAILS(write(1000, back, 1), EBADF);
	FAILS(read(fd, (void *)8, 4), EFAULT);
	FAILS(write(fd, (void *)8, 4), EFAULT);
	EQ(write(fd, NULL, 0), 0);
	EQ(read(fd, back, 0), 0);
	EQ(lseek(fd, 0, SEEK_CUR), 0);
	close(in);
	close(out);
	close(fd);
}

/* A copy that runs into an unmapped page gives what went before. */
static void partial_copy(void)
{
	char *two = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = file_with("f", big, 8192);

	OK(munmap(two + 4096, 4096));
	EQ(read(fd, two + 4000, 1000), 96);
	SAME(two + 4000, big, 96);
	FAILS(read(fd, two + 4096, 1), EFAULT);
	EQ(pwrite(fd, two + 4000, 1000, 0), 96);
	FAILS(pwrite(fd, two + 4096, 1, 0), EFAULT);
	close(fd);
}

/* A write whose source is a mapping of the very page it goes to. */
static void self_copy(void)
{
	int fd = file_with("f", big, 8192);
	char *map = OK(mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));

	EQ(pwrite(fd, map, 4096, 0), 4096);
	EQ(pwrite(fd, map, 4096, 4096), 4096);
	EQ(pread(fd, map, 4096, 4096), 4096);
	SAME(map, big, 4096);
	SAME(map + 4096, big, 4096);
	munmap(map, 8192);
	close(fd);
}

/* A range that ends outside user memory is refused whole, before a byte moves. */
static void huge_length(void)
{
	int fd = file_with("f", big, 1000);

	FAILS(read(fd, back, (size_t)-1), EFAULT);
	FAILS(write(fd, back, (size_t)1 << 63), EFAULT);
	close(fd);
}

int main(void)
{
	fill();
	RUN(round_trip);
	RUN(overwrite);
	RUN(positioned);
	RUN(refusals);
	RUN(partial_copy);
	RUN(self_copy);
	RUN(huge_length);
	return report();
}
