/* 64 MiB, touched, forked, written by both sides, compared byte for byte. */
//@ smp=1,2,4 timeout=120
#include "check.h"

#define WORDS ((64UL << 20) / sizeof(uint64_t))

static uint64_t *p;

static uint64_t pattern(size_t i, uint64_t seed)
{
	return (i + seed) * 0x9e3779b97f4a7c15UL;
}

static void fill(uint64_t seed)
{
	for (size_t i = 0; i < WORDS; i++)
		p[i] = pattern(i, seed);
}

static size_t wrong(uint64_t seed)
{
	size_t n = 0;

	for (size_t i = 0; i < WORDS; i++)
		n += p[i] != pattern(i, seed);
	return n;
}

int main(void)
{
	int go[2];

	OK(pipe(go));
	p = OK(mmap(NULL, WORDS * sizeof *p, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	fill(1);
	pid_t writer = fork();

	if (writer == 0) {
		fill(2);
		EQ(wrong(2), 0);
		_exit(report());
	}
	pid_t reader = fork();

	if (reader == 0) {
		close(go[1]);
		await_byte(go[0]);
		EQ(wrong(1), 0);
		_exit(report());
	}
	EXITS(writer, 0);
	EQ(wrong(1), 0);
	fill(3);
	/* The reader compares only now that everyone else has written. */
	close(go[1]);
	EXITS(reader, 0);
	EQ(wrong(3), 0);
	/* All alone again, every page is simply ours. */
	fill(4);
	EQ(wrong(4), 0);
	OK(munmap(p, WORDS * sizeof *p));
	return report();
}
