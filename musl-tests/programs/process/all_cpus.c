/* Every CPU takes work: busy children between them see all CPU numbers, and
 * none that does not exist. The runner gives the number of CPUs. */
//@ smp=1,2,4 arg=smp
#include "check.h"
#include <sched.h>

#define CHILDREN 12
#define PATIENCE_S 30

static unsigned now_on(void)
{
	unsigned cpu = ~0u, node = ~0u;

	OK(syscall(SYS_getcpu, &cpu, &node, NULL));
	EQ(node, 0);
	return cpu;
}

int main(int argc, char **argv)
{
	unsigned cpus = argc > 1 ? atoi(argv[1]) : 1, all = (1u << cpus) - 1;
	unsigned *seen = OK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	unsigned long mask[16] = {0};
	time_t end = time(NULL) + PATIENCE_S;

	/* The answer is the mask's size in bytes, a multiple of 8. */
	long size = OK(syscall(SYS_sched_getaffinity, 0, sizeof mask, mask));

	CHECK(size > 0 && size % 8 == 0);
	EQ(mask[0], all);
	FAILS(syscall(SYS_sched_getaffinity, 0, 7, mask), EINVAL);
	FAILS(syscall(SYS_sched_getaffinity, 999999, sizeof mask, mask), ESRCH);
	for (int i = 0; i < CHILDREN; i++)
		if (fork() == 0) {
			while (__atomic_load_n(seen, __ATOMIC_RELAXED) != all && time(NULL) < end) {
				unsigned cpu = now_on();

				if (cpu >= cpus)
					_exit(1);
				__atomic_fetch_or(seen, 1u << cpu, __ATOMIC_RELAXED);
			}
			_exit(report());
		}
	for (int i = 0; i < CHILDREN; i++) {
		int status = -1;

		OK(wait(&status));
		EQ(status, 0);
	}
	EQ(*seen, all);
	return report();
}
