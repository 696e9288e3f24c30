/* madvise(2): MADV_DONTNEED empties pages; and each refusal. */
#include "check.h"

#define PAGE 4096

int main(void)
{
	char *p = OK(mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

	memset(p, 'x', 4 * PAGE);
	OK(madvise(p + PAGE, 2 * PAGE, MADV_DONTNEED));
	EQ(p[PAGE - 1], 'x');
	EQ(p[PAGE], 0);
	EQ(p[3 * PAGE - 1], 0);
	EQ(p[3 * PAGE], 'x');
	p[PAGE] = 'y';
	EQ(p[PAGE], 'y');
	/* After fork it empties one side only. */
	pid_t pid = fork();

	if (pid == 0) {
		OK(madvise(p, PAGE, MADV_DONTNEED));
		EQ(p[0], 0);
		_exit(report());
	}
	EXITS(pid, 0);
	EQ(p[0], 'x');
	/* A file's page is read again. */
	int fd = file_with("f", "abc", 3);
	char *q = OK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));

	q[0] = 'Z';
	OK(madvise(q, PAGE, MADV_DONTNEED));
	EQ(q[0], 'a');
	/* Hints that promise nothing are taken. */
	OK(madvise(p, 4 * PAGE, MADV_NORMAL));
	OK(madvise(p, 4 * PAGE, MADV_WILLNEED));
	OK(madvise(p, 4 * PAGE, MADV_SEQUENTIAL));
	FAILS(madvise(p + 1, PAGE, MADV_DONTNEED), EINVAL);
	FAILS(madvise(p, PAGE, 9999), EINVAL);
	FAILS(madvise(p, -PAGE, MADV_DONTNEED), EINVAL);
	OK(madvise(p, 0, MADV_DONTNEED));
	OK(munmap(p + PAGE, PAGE));
	FAILS(madvise(p, 4 * PAGE, MADV_DONTNEED), ENOMEM);
	/* What is mapped was emptied all the same. */
	EQ(p[0], 0);
	EQ(p[3 * PAGE], 0);
	return report();
}
