/* setpgid(2), getpgid(2), setsid(2), getsid(2), and signals to groups. */
#include "check.h"

static void waits(void)
{
	for (;;)
		pause();
}

static void leaders(void)
{
	EQ(setpgid(0, 0), 0);
	EQ(getpgrp(), getpid());
	FAILS(setsid(), EPERM);
}

static void new_session(void)
{
	pid_t before = getsid(0);

	EQ(setsid(), getpid());
	EQ(getsid(0), getpid());
	EQ(getpgrp(), getpid());
	CHECK(before != getpid());
	/* A session's leader stays in its group. */
	FAILS(setpgid(0, 0), EPERM);
	FAILS(setsid(), EPERM);
}

static void moving_children(void)
{
	pid_t a = child(waits), b = child(waits);

	OK(setpgid(a, 0));
	EQ(getpgid(a), a);
	OK(setpgid(b, a));
	EQ(getpgid(b), a);
	FAILS(setpgid(b, 1), EPERM);
	FAILS(setpgid(b, 999999), EPERM);
	FAILS(setpgid(b, -1), EINVAL);
	FAILS(setpgid(1, a), ESRCH);
	FAILS(setpgid(999999, a), ESRCH);
	FAILS(getpgid(999999), ESRCH);
	FAILS(getsid(999999), ESRCH);
	EQ(getsid(a), getsid(0));
	OK(kill(-a, SIGTERM));
	KILLED(a, SIGTERM);
	KILLED(b, SIGTERM);
	FAILS(kill(-a, 0), ESRCH);
}

static int ready[2];

static void in_other_session(void)
{
	setsid();
	(void)!write(ready[1], "x", 1);
	waits();
}

static void other_sessions_child(void)
{
	OK(pipe(ready));
	pid_t pid = child(in_other_session);

	await_byte(ready[0]);
	FAILS(setpgid(pid, getpgrp()), EPERM);
	EQ(getsid(pid), pid);
	OK(kill(pid, SIGKILL));
	KILLED(pid, SIGKILL);
}

/* After its exec a child is its own master. */
static void after_exec(const char *self)
{
	int p[2];
	pid_t pid;

	OK(pipe(p));
	pid = fork();
	if (pid == 0) {
		dup2(p[1], 1);
		execl(self, self, "wait", (char *)NULL);
		_exit(1);
	}
	await_byte(p[0]);
	FAILS(setpgid(pid, pid), EACCES);
	OK(kill(pid, SIGKILL));
	KILLED(pid, SIGKILL);
}

static volatile int hits;

static void count(int sig)
{
	(void)sig;
	hits++;
}

static void group_of_many(void)
{
	pid_t pids[10];

	OK(setpgid(0, 0));
	signal(SIGUSR1, count);
	for (int i = 0; i < 10; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			signal(SIGUSR1, SIG_DFL);
			(void)!write(ready[1], "x", 1);
			waits();
		}
	}
	for (int i = 0; i < 10; i++)
		await_byte(ready[0]);
	OK(kill(0, SIGUSR1));
	EQ(hits, 1);
	for (int i = 0; i < 10; i++)
		KILLED(pids[i], SIGUSR1);
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		(void)!write(1, "x", 1);
		waits();
	}
	IN_CHILD(leaders);
	IN_CHILD(new_session);
	RUN(moving_children);
	RUN(other_sessions_child);
	check_name = "after_exec";
	after_exec(argv[0]);
	IN_CHILD(group_of_many);
	return report();
}
