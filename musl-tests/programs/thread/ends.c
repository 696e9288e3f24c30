/* How processes with threads end and change: exit of the main thread, exit_group, signals, execve
 * and fork from any thread. */
//@ smp=1,2 timeout=180
#include "../check.h"
#include <pthread.h>
#include <sched.h>

static const char *self;
static int pipe_fd[2];

static void *sleeps(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return 0;
}

static void *spins(void *arg)
{
	(void)arg;
	for (;;)
		;
	return 0;
}

static void others(int n)
{
	pthread_t t;

	for (int i = 0; i < n; i++)
		pthread_create(&t, 0, i % 2 ? spins : sleeps, 0);
}

static void *late(void *arg)
{
	char c;

	(void)arg;
	/* The main thread is gone, the process is not. */
	if (read(pipe_fd[0], &c, 1) != 1)
		exit(1);
	exit(42);
}

/* The process lives on without its first thread, and nobody sees it end before it does. */
static void main_thread_first(void)
{
	for (int i = 0; i < 30; i++) {
		OK(pipe(pipe_fd));
		pid_t pid = fork();
		if (pid == 0) {
			pthread_t t;
			pthread_create(&t, 0, late, 0);
			syscall(SYS_exit, 7);
		}
		if (i % 3 == 0) {
			struct timespec ms = { 0, 5000000 };
			nanosleep(&ms, 0);
			EQ(waitpid(pid, 0, WNOHANG), 0);
			OK(kill(pid, 0));
		}
		OK(write(pipe_fd[1], "x", 1));
		EXITS(pid, 42);
		close(pipe_fd[0]);
		close(pipe_fd[1]);
	}
}

static void *leaves(void *arg)
{
	sched_yield();
	syscall(SYS_exit, (long)arg);
	return 0;
}

/* Threads that only call exit(2): the last one's status is the process's. */
static void all_exit(void)
{
	for (int i = 0; i < 100; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			pthread_t t;
			for (long n = 0; n < 4; n++)
				pthread_create(&t, 0, leaves, (void *)(n + 50));
			if (i % 2)
				sched_yield();
			syscall(SYS_exit, 9);
		}
		int code = status_of(pid) >> 8;
		CHECK(code == 9 || (code >= 50 && code < 54));
	}
}

static void *last(void *arg)
{
	char c;

	(void)arg;
	/* Ends when the main thread has ended. */
	EQ(read(pipe_fd[0], &c, 1), 0);
	syscall(SYS_exit, 57);
	return 0;
}

static void last_exit(void)
{
	OK(pipe(pipe_fd));
	pid_t pid = fork();
	if (pid == 0) {
		pthread_t t;
		close(pipe_fd[1]);
		pthread_create(&t, 0, last, 0);
		syscall(SYS_exit, 9);
	}
	struct timespec ms = { 0, 30000000 };
	nanosleep(&ms, 0);
	close(pipe_fd[1]);
	EXITS(pid, 57);
	close(pipe_fd[0]);
}

static void *exits_group(void *arg)
{
	_exit((int)(intptr_t)arg);
}

static void group_exit(void)
{
	for (int i = 0; i < 100; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			pthread_t t;
			others(4);
			pthread_create(&t, 0, exits_group, (void *)33);
			if (i % 2)
				for (;;)
					pause();
			_exit(33);
		}
		EXITS(pid, 33);
	}
}

static void killed(void)
{
	for (int i = 0; i < 50; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			others(5);
			for (;;)
				pause();
		}
		if (i % 2) {
			struct timespec ms = { 0, 1000000 };
			nanosleep(&ms, 0);
		}
		kill(pid, i % 3 ? SIGKILL : SIGTERM);
		KILLED(pid, i % 3 ? SIGKILL : SIGTERM);
	}
}

static void *faults(void *arg)
{
	(void)arg;
	*(volatile int *)8 = 1;
	return 0;
}

static void fault_in_a_thread(void)
{
	for (int i = 0; i < 20; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			pthread_t t;
			others(3);
			pthread_create(&t, 0, faults, 0);
			for (;;)
				pause();
		}
		KILLED(pid, SIGSEGV);
	}
}

static void *execs(void *arg)
{
	char pid[16];

	(void)arg;
	snprintf(pid, sizeof pid, "%d", getpid());
	execl(self, self, "exec", pid, (char *)0);
	_exit(99);
	return 0;
}

/* What the executed program finds: one thread, its process's number, nobody else. */
static int executed(const char *pid)
{
	EQ(getpid(), atoi(pid));
	EQ(syscall(SYS_gettid), atoi(pid));
	FAILS(syscall(SYS_tgkill, getpid(), getpid() + 1, 0), ESRCH);
	sigset_t set;
	sigprocmask(SIG_BLOCK, 0, &set);
	return check_failures ? 1 : 21;
}

static void exec_from_a_thread(void)
{
	for (int i = 0; i < 60; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			pthread_t t;
			others(i % 5);
			pthread_create(&t, 0, execs, 0);
			if (i % 3 == 0)
				syscall(SYS_exit, 3);
			for (;;)
				pause();
		}
		EXITS(pid, 21);
	}
}

/* All at once: one of them wins. */
static void exec_from_all(void)
{
	for (int i = 0; i < 60; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			pthread_t t;
			for (int n = 0; n < 4; n++)
				pthread_create(&t, 0, execs, 0);
			execs(0);
		}
		EXITS(pid, 21);
	}
}

static void exec_from_main(void)
{
	for (int i = 0; i < 60; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			others(i % 6);
			execs(0);
		}
		EXITS(pid, 21);
	}
}

/* execve, exit_group and SIGKILL race: one of the three ends it. */
static void exec_against_exit(void)
{
	for (int i = 0; i < 150; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			pthread_t t;
			pthread_create(&t, 0, execs, 0);
			pthread_create(&t, 0, exits_group, (void *)22);
			others(2);
			for (;;)
				pause();
		}
		if (i % 4 == 0)
			kill(pid, SIGKILL);
		int status = status_of(pid);
		CHECK(status == 21 << 8 || status == 22 << 8 || (i % 4 == 0 && status == SIGKILL));
	}
}

static void *nothing(void *arg) { return arg; }

static void *forks(void *arg)
{
	int *pid = arg;

	*pid = fork();
	if (*pid == 0) {
		/* Alone, and with this thread's memory. */
		EQ(syscall(SYS_gettid), getpid());
		pthread_t t;
		EQ(pthread_create(&t, 0, nothing, 0), 0);
		EQ(pthread_join(t, 0), 0);
		_exit(check_failures ? 1 : 12);
	}
	return 0;
}

static void fork_from_a_thread(void)
{
	for (int i = 0; i < 50; i++) {
		pthread_t t[3];
		int pid[3];

		for (int n = 0; n < 3; n++)
			EQ(pthread_create(&t[n], 0, forks, &pid[n]), 0);
		for (int n = 0; n < 3; n++)
			EQ(pthread_join(t[n], 0), 0);
		for (int n = 0; n < 3; n++)
			EXITS(pid[n], 12);
	}
}

static void *waits_own(void *arg)
{
	int *own = arg;
	int other = own[1], status;

	own[0] = fork();
	if (own[0] == 0)
		_exit(5);
	/* Only its own child counts with __WNOTHREAD; without, all do. */
	EQ(waitpid(other, &status, __WNOTHREAD), -1);
	EQ(waitpid(own[0], &status, __WNOTHREAD), own[0]);
	EQ(status, 5 << 8);
	EQ(waitpid(other, &status, 0), other);
	EQ(status, 6 << 8);
	return 0;
}

static void waiting(void)
{
	int pids[2];
	pthread_t t;

	pids[1] = fork();
	if (pids[1] == 0)
		_exit(6);
	EQ(pthread_create(&t, 0, waits_own, pids), 0);
	EQ(pthread_join(t, 0), 0);
	FAILS(waitpid(-1, 0, 0), ECHILD);
}

static void *makes_child(void *arg)
{
	int *pid = arg;

	pid[1] = syscall(SYS_gettid);
	*pid = fork();
	if (*pid == 0)
		_exit(4);
	return 0;
}

/* The children of a thread that ended are the others'. */
static void inherited_child(void)
{
	pthread_t t;
	int made[2], status;

	EQ(pthread_create(&t, 0, makes_child, made), 0);
	EQ(pthread_join(t, 0), 0);
	int pid = made[0], maker = made[1];
	/* pthread_join returns a little before the thread is gone. */
	while (syscall(SYS_tgkill, getpid(), maker, 0) == 0)
		sched_yield();
	int got;
	while ((got = waitpid(pid, &status, __WNOTHREAD)) == -1 && errno == ECHILD)
		sched_yield();
	EQ(got, pid);
	EQ(status, 4 << 8);
}

int main(int argc, char **argv)
{
	self = "/proc/self/exe";
	if (argc == 3)
		return executed(argv[2]);
	self = argv[0];
	RUN(main_thread_first);
	RUN(all_exit);
	RUN(last_exit);
	RUN(group_exit);
	RUN(killed);
	RUN(fault_in_a_thread);
	RUN(exec_from_main);
	RUN(exec_from_a_thread);
	RUN(exec_from_all);
	RUN(exec_against_exit);
	RUN(fork_from_a_thread);
	RUN(waiting);
	RUN(inherited_child);
	return report();
}
