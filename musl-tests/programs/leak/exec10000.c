/* 10 000 times fork, exec, wait: afterwards as much memory is free as before. */
//@ smp=2 timeout=600
#include "check.h"
#include <sys/sysinfo.h>

#define ROUNDS 10000
/* Caches, and what a kernel keeps per CPU, may still grow a little. */
#define SLACK_KIB 2048

/* Free memory in KiB, without what the kernel keeps only to be quick. */
static long free_kib(void)
{
	struct sysinfo s;
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY);

	if (fd >= 0) {
		(void)!write(fd, "3", 1);
		close(fd);
	}
	OK(sysinfo(&s));
	return (long)(s.freeram * s.mem_unit >> 10);
}

static void rounds(const char *self, int n)
{
	for (int i = 0; i < n; i++) {
		pid_t pid = OK(fork());

		if (pid == 0) {
			execl(self, self, "x", (char *)NULL);
			_exit(1);
		}
		EXITS(pid, 7);
	}
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return 7;
	/* The first tenth fills every cache. */
	rounds(argv[0], ROUNDS / 10);
	long before = free_kib();

	rounds(argv[0], ROUNDS / 2 - ROUNDS / 10);
	long half = free_kib();

	rounds(argv[0], ROUNDS / 2);
	long after = free_kib();

	if (before - half > SLACK_KIB || half - after > SLACK_KIB)
		check_fail(__FILE__, __LINE__, "free: %ld KiB, half way %ld KiB, at the end %ld KiB", before, half,
			   after);
	return report();
}
