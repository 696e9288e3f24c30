/* brk(2): the raw call answers the new break, or the old one when refused. */
#include "check.h"
#include <sys/resource.h>

static char *brk_(void *to)
{
	return (char *)syscall(SYS_brk, to);
}

int main(void)
{
	char *start = brk_(NULL), *page = (char *)(((uintptr_t)start + 4095) & -4096L);
	size_t dirty = 0;

	CHECK(start != NULL);
	CHECK(brk_(page + (1 << 20)) == page + (1 << 20));
	for (int i = 0; i < 1 << 20; i++)
		dirty += page[i];
	EQ(dirty, 0);
	memset(page, 'x', 1 << 20);
	/* Given back and taken again: zero again. */
	CHECK(brk_(page) == page);
	CHECK(brk_(page + 8192) == page + 8192);
	EQ(page[0] | page[8191], 0);
	/* Odd amounts are kept to the byte. */
	CHECK(brk_(page + 5) == page + 5);
	CHECK(brk_(NULL) == page + 5);
	page[4] = 1;
	/* Absurd requests change nothing. */
	CHECK(brk_((void *)0x10) == page + 5);
	CHECK(brk_((void *)-1L) == page + 5);
	CHECK(brk_((void *)(1UL << 62)) == page + 5);
	/* Another mapping in the way stops it. */
	void *wall = mmap(page + (4 << 20), 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	CHECK(wall == page + (4 << 20));
	CHECK(brk_(page + (8 << 20)) == page + 5);
	CHECK(brk_(page + (2 << 20)) == page + (2 << 20));
	/* A child has its own. */
	pid_t pid = fork();

	if (pid == 0)
		_exit(brk_(page + 4096) == page + 4096 ? 0 : 1);
	EXITS(pid, 0);
	CHECK(brk_(NULL) == page + (2 << 20));
	page[(2 << 20) - 1] = 1;
	/* RLIMIT_DATA bounds it. */
	struct rlimit limit = {1 << 20, 1 << 20};

	OK(setrlimit(RLIMIT_DATA, &limit));
	CHECK(brk_(page + (3 << 20)) == page + (2 << 20));
	return report();
}
