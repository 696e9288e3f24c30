/* The C library stands on the kernel: stdio, malloc, environment, sorting. */
//@ pie
#include "check.h"

static void stdio_files(void)
{
	FILE *f = fopen("numbers", "w+");
	int n, sum = 0;

	CHECK(f != NULL);
	for (int i = 0; i < 5000; i++)
		CHECK(fprintf(f, "%d\n", i) > 0);
	rewind(f);
	while (fscanf(f, "%d", &n) == 1)
		sum += n;
	EQ(sum, 5000 * 4999 / 2);
	EQ(fclose(f), 0);
	EQ(unlink("numbers"), 0);
}

/* Small blocks come from brk, large ones from mmap; both are given back. */
static void heap(void)
{
	char *blocks[64];

	for (int round = 0; round < 8; round++) {
		for (int i = 0; i < 64; i++) {
			size_t size = (size_t)16 << (i % 18);

			blocks[i] = malloc(size);
			CHECK(blocks[i] != NULL);
			memset(blocks[i], i, size);
		}
		for (int i = 0; i < 64; i++) {
			EQ(blocks[i][((size_t)16 << (i % 18)) - 1], i);
			free(blocks[i]);
		}
	}
}

static void environment(void)
{
	CHECK(getenv("PATH") != NULL);
	EQ(setenv("ECLIPSE", "1", 1), 0);
	STREQ(getenv("ECLIPSE"), "1");
}

static int by_value(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void sorting(void)
{
	int n[1000];

	for (int i = 0; i < 1000; i++)
		n[i] = i * 7919 % 1000;
	qsort(n, 1000, sizeof n[0], by_value);
	for (int i = 0; i < 1000; i++)
		EQ(n[i], i);
}

int main(void)
{
	RUN(stdio_files);
	RUN(heap);
	RUN(environment);
	RUN(sorting);
	return report();
}
