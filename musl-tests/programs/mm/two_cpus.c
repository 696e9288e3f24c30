/* Processes that share one address space see each other's mprotect and munmap at once, on
 * whichever CPU they run, and a fork takes what they write at one moment. */
//@ smp=1,2,4
#include "check.h"
#include <sched.h>

#define ROUNDS 30
#define PAGES 16

static char stack[16384] __attribute__((aligned(16)));
static volatile int writes;

static int writer(void *at)
{
	volatile char *byte = at;

	while (writes >= 0) {
		for (int i = 0; i < PAGES; i++)
			byte[i * 4096]++;
		writes = writes % 1000 + 1;
	}
	return 0;
}

static char *pages(void)
{
	return OK(mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

static pid_t write_in(char *at)
{
	writes = 0;
	pid_t pid = OK(clone(writer, stack + sizeof stack, CLONE_VM | SIGCHLD, at));

	while (writes == 0)
		sched_yield();
	return pid;
}

static void protected_pages_stay_as_they_are(void)
{
	for (int round = 0; round < ROUNDS; round++) {
		volatile char *at = pages();
		pid_t pid = write_in((char *)at);

		OK(mprotect((char *)at, PAGES * 4096, PROT_READ));
		char was = at[0];

		for (int i = 0; i < 10000; i++)
			if (at[0] != was) {
				EQ(at[0], was);
				break;
			}
		KILLED(pid, SIGSEGV);
		OK(munmap((char *)at, PAGES * 4096));
	}
}

static void unmapped_pages_are_gone(void)
{
	for (int round = 0; round < ROUNDS; round++) {
		char *at = pages();
		pid_t pid = write_in(at);

		OK(munmap(at, PAGES * 4096));
		KILLED(pid, SIGSEGV);
	}
}

static char *shared;

static void sees_no_writes(void)
{
	char was[PAGES];

	for (int i = 0; i < PAGES; i++)
		was[i] = ((volatile char *)shared)[i * 4096];
	for (int round = 0; round < 50; round++)
		for (int i = 0; i < PAGES; i++)
			EQ(((volatile char *)shared)[i * 4096], was[i]);
}

static void forks_take_a_copy(void)
{
	shared = pages();
	pid_t pid = write_in(shared);

	for (int round = 0; round < ROUNDS; round++)
		IN_CHILD(sees_no_writes);
	OK(kill(pid, SIGKILL));
	KILLED(pid, SIGKILL);
}

int main(void)
{
	RUN(protected_pages_stay_as_they_are);
	RUN(unmapped_pages_are_gone);
	RUN(forks_take_a_copy);
	return report();
}
