/* vfork(2): the parent waits until the child executes or ends, and both use
 * one memory. */
//@ smp=1,2,4
#include "check.h"
#include <sched.h>

static volatile int shared;

static void until_exit(void)
{
	shared = 0;
	pid_t pid = vfork();

	if (pid == 0) {
		for (int i = 0; i < 100; i++) {
			shared++;
			sched_yield();
		}
		_exit(3);
	}
	EQ(shared, 100);
	EXITS(pid, 3);
}

static void until_exec(const char *self)
{
	int p[2];

	OK(pipe(p));
	char fd[16];

	snprintf(fd, sizeof fd, "%d", p[0]);
	shared = 0;
	pid_t pid = vfork();

	if (pid == 0) {
		shared = 1;
		execl(self, self, fd, (char *)NULL);
		_exit(99);
	}
	/* The new program is running, its memory is its own, and it waits for us. */
	EQ(shared, 1);
	close(p[0]);
	EQ(write(p[1], "x", 1), 1);
	EXITS(pid, 42);
	close(p[1]);
}

static void failed_exec(void)
{
	static volatile int error;
	pid_t pid = vfork();

	if (pid == 0) {
		execl("/nothing", "nothing", (char *)NULL);
		error = errno;
		_exit(1);
	}
	EQ(error, ENOENT);
	EXITS(pid, 1);
}

/* A child killed by a signal frees the parent as well. */
static void until_killed(void)
{
	pid_t pid = vfork();

	if (pid == 0) {
		syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
		_exit(1);
	}
	KILLED(pid, SIGKILL);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return await_byte(atoi(argv[1])) == 'x' && shared == 0 ? 42 : 43;
	RUN(until_exit);
	check_name = "until_exec";
	until_exec(argv[0]);
	RUN(failed_exec);
	RUN(until_killed);
	return report();
}
