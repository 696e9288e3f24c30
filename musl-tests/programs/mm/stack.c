/* The stack grows as it is touched, up to RLIMIT_STACK, and not into what lies below. */
#include "check.h"
#include <sys/resource.h>

__attribute__((noinline)) static int deep(int levels)
{
	volatile char room[4096];

	room[0] = levels;
	return levels == 0 ? 0 : deep(levels - 1) + room[0] - room[0];
}

/* 7 of the 8 MiB. */
static void grows(void)
{
	EQ(deep(7 << 8), 0);
}

static void too_deep(void)
{
	deep(9 << 8);
}

/* A system call may be the first to touch a page far below. */
static void grown_by_the_kernel(void)
{
	volatile char *here = __builtin_alloca(200000);
	int fd = file_with("f", "abc", 3);

	EQ(read(fd, (char *)here, 3), 3);
	EQ(here[0], 'a');
	close(fd);
}

static void smaller_limit(void)
{
	struct rlimit limit = {1 << 20, 1 << 20};

	OK(setrlimit(RLIMIT_STACK, &limit));
	deep(2 << 8);
}

int main(void)
{
	IN_CHILD(grows);
	KILLED(child(too_deep), SIGSEGV);
	IN_CHILD(grown_by_the_kernel);
	KILLED(child(smaller_limit), SIGSEGV);
	return report();
}
