/* mremap(2): shrinking, growing in place, moving. */
#include "check.h"

#define PAGE 4096

int main(void)
{
	char *p = OK(mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

	for (int i = 0; i < 8; i++)
		p[i * PAGE] = 'a' + i;
	CHECK(mremap(p, 8 * PAGE, 4 * PAGE, 0) == p);
	/* The freed room is taken again by growing. */
	CHECK(mremap(p, 4 * PAGE, 6 * PAGE, 0) == p);
	EQ(p[3 * PAGE], 'd');
	EQ(p[4 * PAGE], 0);
	/* A wall behind it: stay or move. */
	char *wall = OK(mmap(p + 6 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));

	FAILS((long)mremap(p, 6 * PAGE, 7 * PAGE, 0), ENOMEM);
	char *q = OK(mremap(p, 6 * PAGE, 100 * PAGE, MREMAP_MAYMOVE));

	CHECK(q != p);
	for (int i = 0; i < 4; i++)
		EQ(q[i * PAGE], 'a' + i);
	EQ(q[99 * PAGE], 0);
	FAILS((long)mremap(p, PAGE, PAGE, 0), EFAULT);
	/* To a place of our choice, over what was there. */
	char *r = OK(mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

	r[0] = 'r';
	CHECK(mremap(q, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, r) == r);
	EQ(r[0], 'a');
	EQ(r[PAGE], 'b');
	EQ(q[2 * PAGE], 'c');
	FAILS((long)mremap(r + 1, PAGE, PAGE, 0), EINVAL);
	FAILS((long)mremap(r, PAGE, 0, 0), EINVAL);
	FAILS((long)mremap(r, PAGE, PAGE, 0x80), EINVAL);
	FAILS((long)mremap(r, PAGE, PAGE, MREMAP_FIXED, q), EINVAL);
	FAILS((long)mremap(r, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, r + PAGE), EINVAL);
	(void)wall;
	return report();
}
