/* Files with holes: zeroes to read, no blocks, huge sizes. */
#include "check.h"

static void holes_read_as_zero(void)
{
	int fd = file_with("f", "", 0);
	char page[4096], zero[4096] = {0};
	struct stat st;

	EQ(pwrite(fd, "end", 3, 10 << 20), 3);
	OK(fstat(fd, &st));
	EQ(st.st_size, (10 << 20) + 3);
	EQ(st.st_blocks, 8);
	EQ(pread(fd, page, 4096, 5 << 20), 4096);
	SAME(page, zero, 4096);
	EQ(pread(fd, page, 4096, (10 << 20) - 10), 13);
	SAME(page, "\0\0\0\0\0\0\0\0\0\0end", 13);
	close(fd);
}

static void far_away(void)
{
	int fd = file_with("f", "", 0);
	long long far = 1LL << 40;
	char c = 0;

	EQ(pwrite(fd, "x", 1, far), 1);
	EQ(lseek(fd, 0, SEEK_END), far + 1);
	EQ(pread(fd, &c, 1, far), 1);
	EQ(c, 'x');
	EQ(pread(fd, &c, 1, far - 4096), 1);
	EQ(c, 0);
	OK(ftruncate(fd, 0));
	close(fd);
}

int main(void)
{
	RUN(holes_read_as_zero);
	RUN(far_away);
	return report();
}
