/* wait4(2) and waitid(2): statuses, choices, options, rusage, zombies. */
#include "check.h"
#include <sched.h>
#include <sys/resource.h>

static pid_t exiting(int code)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(code);
	return pid;
}

static pid_t sleeping(void)
{
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	return pid;
}

static void codes(void)
{
	int status;

	for (int code = 0; code < 256; code += 51) {
		pid_t pid = exiting(code);

		EQ(waitpid(pid, &status, 0), pid);
		CHECK(WIFEXITED(status));
		EQ(status, code << 8);
	}
	for (int sig = 1; sig < 32; sig++) {
		if (sig == SIGCHLD || sig == SIGCONT || sig == SIGURG || sig == SIGWINCH || sig == SIGSTOP ||
		    sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU)
			continue;
		pid_t pid = sleeping();

		OK(kill(pid, sig));
		EQ(waitpid(pid, &status, 0), pid);
		EQ(status & 0x7f, sig);
	}
}

static void choices(void)
{
	int status;
	pid_t a = exiting(1), b = exiting(2);

	EQ(waitpid(b, &status, 0), b);
	EQ(status, 2 << 8);
	EQ(waitpid(-1, &status, 0), a);
	EQ(status, 1 << 8);
	FAILS(waitpid(-1, &status, 0), ECHILD);
	FAILS(waitpid(a, &status, 0), ECHILD);
	FAILS(waitpid(1, &status, 0), ECHILD);
	FAILS(waitpid(getpid(), &status, 0), ECHILD);

	/* By process group: 0 is ours, -N is N. */
	a = sleeping();
	OK(setpgid(a, a));
	b = exiting(3);
	EQ(waitpid(0, &status, 0), b);
	FAILS(waitpid(0, &status, 0), ECHILD);
	EQ(waitpid(-a, &status, WNOHANG), 0);
	OK(kill(a, SIGKILL));
	EQ(waitpid(-a, &status, 0), a);
	FAILS(waitpid(-a, &status, 0), ECHILD);
}

static void options(void)
{
	int status = -1;
	pid_t pid = sleeping();

	EQ(waitpid(pid, &status, WNOHANG), 0);
	EQ(status, -1);
	FAILS(waitpid(pid, &status, 0x100), EINVAL);
	FAILS(syscall(SYS_wait4, INT32_MIN, &status, 0, 0), ESRCH);
	OK(kill(pid, SIGSTOP));
	EQ(waitpid(pid, &status, WUNTRACED), pid);
	EQ(status, (SIGSTOP << 8) | 0x7f);
	/* Told once. */
	EQ(waitpid(pid, &status, WUNTRACED | WNOHANG), 0);
	OK(kill(pid, SIGCONT));
	EQ(waitpid(pid, &status, WCONTINUED), pid);
	EQ(status, 0xffff);
	OK(kill(pid, SIGSTOP));
	/* A stopped process dies of SIGKILL all the same. */
	OK(kill(pid, SIGKILL));
	EQ(waitpid(pid, &status, 0), pid);
	EQ(status, SIGKILL);
}

/* A bad status pointer costs the status: the child is reaped all the same. */
static void bad_pointer(void)
{
	pid_t pid = exiting(0);

	FAILS(syscall(SYS_wait4, pid, 8, 0, 0), EFAULT);
	FAILS(waitpid(pid, NULL, 0), ECHILD);
	pid = exiting(0);
	EQ(waitpid(pid, NULL, 0), pid);
}

static void by_waitid(void)
{
	siginfo_t info;
	pid_t pid = exiting(9);

	memset(&info, 0xee, sizeof info);
	OK(waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
	EQ(info.si_signo, SIGCHLD);
	EQ(info.si_code, CLD_EXITED);
	EQ(info.si_errno, 0);
	EQ(info.si_status, 9);
	EQ(info.si_pid, pid);
	EQ(info.si_uid, 0);
	/* WNOWAIT left it there. */
	OK(waitid(P_ALL, 0, &info, WEXITED));
	EQ(info.si_pid, pid);
	FAILS(waitid(P_PID, pid, &info, WEXITED), ECHILD);

	pid = sleeping();
	info.si_pid = 77;
	OK(waitid(P_PID, pid, &info, WEXITED | WNOHANG));
	EQ(info.si_pid, 0);
	EQ(info.si_signo, 0);
	FAILS(waitid(P_PID, pid, &info, 0), EINVAL);
	FAILS(waitid(P_PID, pid, &info, WNOHANG), EINVAL);
	FAILS(waitid(17, pid, &info, WEXITED), EINVAL);
	FAILS(waitid(P_PID, 0, &info, WEXITED), EINVAL);
	OK(kill(pid, SIGSTOP));
	OK(waitid(P_PID, pid, &info, WSTOPPED));
	EQ(info.si_code, CLD_STOPPED);
	EQ(info.si_status, SIGSTOP);
	OK(kill(pid, SIGCONT));
	OK(waitid(P_PID, pid, &info, WCONTINUED));
	EQ(info.si_code, CLD_CONTINUED);
	EQ(info.si_status, SIGCONT);
	OK(kill(pid, SIGTERM));
	OK(waitid(P_PGID, getpgrp(), &info, WEXITED));
	EQ(info.si_code, CLD_KILLED);
	EQ(info.si_status, SIGTERM);
}

/* A zombie still has its number: it can be signalled, and asked for its group. */
static void zombies(void)
{
	siginfo_t info;
	pid_t pid = exiting(0);

	OK(waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
	EQ(kill(pid, 0), 0);
	EQ(kill(pid, SIGKILL), 0);
	EQ(getpgid(pid), getpgrp());
	EXITS(pid, 0);
	FAILS(kill(pid, 0), ESRCH);
	FAILS(getpgid(pid), ESRCH);
}

/* With SIGCHLD ignored (or SA_NOCLDWAIT) children vanish by themselves. */
static void no_zombies(void)
{
	int status;

	signal(SIGCHLD, SIG_IGN);
	pid_t pid = exiting(0);

	FAILS(waitpid(pid, &status, 0), ECHILD);
	/* The number goes a moment after the child. */
	while (kill(pid, 0) == 0)
		sched_yield();
	CHECK(errno == ESRCH);
	struct sigaction action = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT};

	OK(sigaction(SIGCHLD, &action, NULL));
	exiting(0);
	FAILS(wait(&status), ECHILD);
}

static void usage_of_child(void)
{
	struct rusage usage;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct rusage own;

		do
			getrusage(RUSAGE_SELF, &own);
		while (own.ru_utime.tv_sec * 1000000 + own.ru_utime.tv_usec + own.ru_stime.tv_sec * 1000000 +
			       own.ru_stime.tv_usec <
		       50000);
		_exit(0);
	}
	memset(&usage, 0xee, sizeof usage);
	EQ(wait4(pid, &status, 0, &usage), pid);
	CHECK(usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec + usage.ru_stime.tv_sec * 1000000 +
		      usage.ru_stime.tv_usec >=
	      50000);
	CHECK(usage.ru_maxrss > 0);
	struct rusage children;

	OK(getrusage(RUSAGE_CHILDREN, &children));
	CHECK(children.ru_utime.tv_sec * 1000000 + children.ru_utime.tv_usec >=
	      usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec);
}

int main(void)
{
	RUN(codes);
	RUN(choices);
	RUN(options);
	RUN(bad_pointer);
	RUN(by_waitid);
	RUN(zombies);
	IN_CHILD(no_zombies);
	RUN(usage_of_child);
	return report();
}
