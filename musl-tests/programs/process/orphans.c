/* A child whose parent ends gets PID 1 as its parent, which also reaps it; so
 * does a zombie that its parent never waited for. */
//@ smp=1,2,4
#include "check.h"
#include <sched.h>

int main(void)
{
	int p[2], hold[2];
	pid_t grandchild, seen;

	OK(pipe(p));
	OK(pipe(hold));
	pid_t pid = fork();

	if (pid == 0) {
		pid_t old = getpid();

		if (fork() == 0) {
			/* The parent writes our number, then is gone. */
			while (getppid() == old)
				sched_yield();
			seen = getppid();
			(void)!write(p[1], &seen, sizeof seen);
			close(hold[1]);
			await_byte(hold[0]);
			_exit(0);
		}
		_exit(5);
	}
	EXITS(pid, 5);
	EQ(read(p[0], &seen, sizeof seen), sizeof seen);
	EQ(seen, 1);
	FAILS(wait(NULL), ECHILD);

	/* Init reaps: the number of an ended orphan becomes unknown. */
	pid = fork();
	if (pid == 0) {
		grandchild = fork();
		if (grandchild == 0)
			_exit(0);
		siginfo_t info;

		/* It is a zombie already when we leave. */
		waitid(P_PID, grandchild, &info, WEXITED | WNOWAIT);
		(void)!write(p[1], &grandchild, sizeof grandchild);
		_exit(0);
	}
	EXITS(pid, 0);
	EQ(read(p[0], &grandchild, sizeof grandchild), sizeof grandchild);
	while (kill(grandchild, 0) == 0)
		sched_yield();
	CHECK(errno == ESRCH);
	close(hold[0]);
	close(hold[1]);
	return report();
}
