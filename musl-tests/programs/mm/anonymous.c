/* Anonymous memory: zero, private, where the kernel or the caller puts it. */
#include "check.h"

#define MIB (1 << 20)

static void *map(void *at, size_t len, int prot, int flags)
{
	return mmap(at, len, prot, flags | MAP_ANONYMOUS, -1, 0);
}

static void zero_and_writable(void)
{
	unsigned char *p = OK(map(NULL, 4 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE));
	size_t dirty = 0;

	EQ((uintptr_t)p % 4096, 0);
	for (size_t i = 0; i < 4 * MIB; i++)
		dirty += p[i];
	EQ(dirty, 0);
	for (size_t i = 0; i < 4 * MIB; i += 4096)
		*(size_t *)(p + i) = i;
	for (size_t i = 0; i < 4 * MIB; i += 4096)
		EQ(*(size_t *)(p + i), i);
	OK(munmap(p, 4 * MIB));
	/* New memory at the old place is zero again. */
	EQ((uintptr_t)map(p, 4 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED), (uintptr_t)p);
	for (size_t i = 0; i < 4 * MIB; i++)
		dirty += p[i];
	EQ(dirty, 0);
	OK(munmap(p, 4 * MIB));
}

static void refusals(void)
{
	char *p = OK(map(NULL, 3 * 4096, PROT_READ, MAP_PRIVATE));

	FAILS((long)map(NULL, 0, PROT_READ, MAP_PRIVATE), EINVAL);
	FAILS((long)map(NULL, 4096, PROT_READ, 0), EINVAL);
	FAILS((long)map((void *)4097, 4096, PROT_READ, MAP_PRIVATE | MAP_FIXED), EINVAL);
	FAILS((long)map(NULL, (size_t)1 << 60, PROT_READ, MAP_PRIVATE), ENOMEM);
	FAILS(syscall(SYS_mmap, 0, -1UL, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), ENOMEM);
	FAILS(syscall(SYS_mmap, 0, 4096, PROT_READ, MAP_PRIVATE, 99, 0), EBADF);
	FAILS(syscall(SYS_mmap, 0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 1), EINVAL);
	FAILS((long)map((void *)-8192L, 4096, PROT_READ, MAP_PRIVATE | MAP_FIXED), ENOMEM);
	/* MAP_FIXED_NOREPLACE */
	FAILS((long)map(p, 4096, PROT_READ, MAP_PRIVATE | 0x100000), EEXIST);
	FAILS(syscall(SYS_munmap, p + 1, 4096), EINVAL);
	FAILS(syscall(SYS_munmap, p, 0), EINVAL);
	FAILS(syscall(SYS_munmap, 0x8000000000000000, 4096), EINVAL);
	/* Nothing there is nothing to complain about. */
	OK(munmap(p, 3 * 4096));
	OK(munmap(p, 3 * 4096));
}

/* A hint is taken when the place is free, and not when it is not. */
static void hints(void)
{
	char *p = OK(map(NULL, 8 * 4096, PROT_READ, MAP_PRIVATE));

	OK(munmap(p + 4 * 4096, 4096));
	CHECK(map(p + 4 * 4096, 4096, PROT_READ, MAP_PRIVATE) == p + 4 * 4096);
	CHECK(map(p, 4096, PROT_READ, MAP_PRIVATE) != p);
	munmap(p, 8 * 4096);
}

/* Thousands of small maps with holes between them. */
static void many(void)
{
	static char *maps[3000];

	for (int i = 0; i < 3000; i++) {
		maps[i] = OK(map(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE));
		maps[i][4096] = i;
		OK(munmap(maps[i], 4096));
	}
	for (int i = 0; i < 3000; i++)
		EQ((unsigned char)maps[i][4096], i & 255);
	for (int i = 0; i < 3000; i += 2)
		OK(munmap(maps[i], 3 * 4096));
	for (int i = 1; i < 3000; i += 2)
		EQ((unsigned char)maps[i][4096], i & 255);
	for (int i = 1; i < 3000; i += 2)
		OK(munmap(maps[i], 3 * 4096));
}

/* Far more than there is, of which little is touched. */
static void reserve(void)
{
	size_t size = (size_t)64 << 30;
	char *p = OK(map(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE));

	for (size_t i = 0; i < size; i += size / 16)
		p[i] = 1;
	for (size_t i = 0; i < size; i += size / 16)
		EQ(p[i] + p[i + 4096], 1);
	OK(munmap(p, size));
}

int main(void)
{
	RUN(zero_and_writable);
	RUN(refusals);
	RUN(hints);
	RUN(many);
	RUN(reserve);
	return report();
}
