/* A forked child has its parent's actions and mask, and no pending signals; a
 * blocked fault kills; SIGKILL reaches everything. */
//@ smp=1,2,4
#include "check.h"

static volatile int hits;

static void note(int sig)
{
	(void)sig;
	hits++;
}

static void in_child(void)
{
	struct sigaction action;
	sigset_t now, pending;

	OK(sigaction(SIGUSR1, NULL, &action));
	CHECK(action.sa_handler == note);
	EQ(action.sa_flags & SA_RESTART, SA_RESTART);
	EQ(sigismember(&action.sa_mask, SIGHUP), 1);
	OK(sigprocmask(SIG_BLOCK, NULL, &now));
	EQ(sigismember(&now, SIGUSR2), 1);
	OK(sigpending(&pending));
	EQ(sigismember(&pending, SIGUSR2), 0);
	/* Changing it here changes nothing there. */
	signal(SIGUSR1, SIG_DFL);
}

static void inherited(void)
{
	struct sigaction action = {.sa_handler = note, .sa_flags = SA_RESTART};
	sigset_t usr2;

	sigaddset(&action.sa_mask, SIGHUP);
	OK(sigaction(SIGUSR1, &action, NULL));
	sigemptyset(&usr2);
	sigaddset(&usr2, SIGUSR2);
	OK(sigprocmask(SIG_BLOCK, &usr2, NULL));
	raise(SIGUSR2);
	IN_CHILD(in_child);
	raise(SIGUSR1);
	EQ(hits, 1);
}

/* A fault whose signal is blocked or ignored cannot be put off. */
static void blocked_fault(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	*(volatile int *)16 = 1;
}

static void ignored_fault(void)
{
	signal(SIGSEGV, SIG_IGN);
	*(volatile int *)16 = 1;
}

static void fault_again(int sig)
{
	(void)sig;
	*(volatile int *)16 = 1;
}

static void fault_in_handler(void)
{
	signal(SIGSEGV, fault_again);
	*(volatile int *)16 = 1;
}

static int ready[2];

static void deaf(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	(void)!write(ready[1], "x", 1);
	for (;;)
		;
}

static void stopped(void)
{
	raise(SIGSTOP);
}

static void kill_reaches_all(void)
{
	OK(pipe(ready));
	pid_t pid = child(deaf);

	await_byte(ready[0]);
	OK(kill(pid, SIGTERM));
	OK(kill(pid, SIGKILL));
	KILLED(pid, SIGKILL);
	pid = child(stopped);
	int status;

	EQ(waitpid(pid, &status, WUNTRACED), pid);
	OK(kill(pid, SIGTERM));
	EQ(waitpid(pid, &status, WNOHANG), 0);
	OK(kill(pid, SIGKILL));
	KILLED(pid, SIGKILL);
}

int main(void)
{
	RUN(inherited);
	KILLED(child(blocked_fault), SIGSEGV);
	KILLED(child(ignored_fault), SIGSEGV);
	KILLED(child(fault_in_handler), SIGSEGV);
	RUN(kill_reaches_all);
	return report();
}
