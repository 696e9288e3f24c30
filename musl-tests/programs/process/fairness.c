/* Endless loops do not keep others from running: with three times as many
 * spinners as CPUs, a shell-like parent still forks, waits and is woken. */
//@ smp=1,2,4
#include "check.h"

#define SPINNERS 12

int main(void)
{
	pid_t spinners[SPINNERS];
	volatile unsigned *laps = OK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));

	for (int i = 0; i < SPINNERS; i++) {
		spinners[i] = fork();
		if (spinners[i] == 0)
			for (;;)
				laps[i]++;
	}
	for (int i = 0; i < 5; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(i);
		EXITS(pid, i);
	}
	/* Each of them gets its turn. */
	struct timespec nap = {0, 10000000};

	for (int i = 0; i < SPINNERS; i++)
		for (unsigned before = laps[i]; laps[i] == before;)
			nanosleep(&nap, NULL);
	for (int i = 0; i < SPINNERS; i++)
		OK(kill(spinners[i], SIGKILL));
	for (int i = 0; i < SPINNERS; i++)
		KILLED(spinners[i], SIGKILL);
	return report();
}
