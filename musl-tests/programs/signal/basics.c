/* Sending, catching, ignoring, and what happens by default. */
#include "check.h"

static volatile int count, last;

static void note(int sig)
{
	count++;
	last = sig;
}

static void caught(void)
{
	for (int sig = 1; sig <= 64; sig++) {
		if (sig == SIGKILL || sig == SIGSTOP || (sig >= 32 && sig < 35))
			continue;
		count = 0;
		CHECK(signal(sig, note) == SIG_DFL);
		OK(raise(sig));
		EQ(count, 1);
		EQ(last, sig);
		CHECK(signal(sig, SIG_IGN) == note);
		OK(raise(sig));
		EQ(count, 1);
		CHECK(signal(sig, SIG_DFL) == SIG_IGN);
	}
}

static void action_refusals(void)
{
	struct sigaction action = {.sa_handler = note};

	FAILS(syscall(SYS_rt_sigaction, SIGKILL, &action, NULL, 8), EINVAL);
	FAILS(syscall(SYS_rt_sigaction, SIGSTOP, &action, NULL, 8), EINVAL);
	FAILS(syscall(SYS_rt_sigaction, 0, NULL, NULL, 8), EINVAL);
	FAILS(syscall(SYS_rt_sigaction, 65, NULL, NULL, 8), EINVAL);
	FAILS(syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 16), EINVAL);
	FAILS(syscall(SYS_rt_sigaction, SIGUSR1, 8, NULL, 8), EFAULT);
	FAILS(syscall(SYS_rt_sigaction, SIGUSR1, NULL, 8, 8), EFAULT);
	/* Asking about SIGKILL is allowed. */
	char old[64];

	EQ(syscall(SYS_rt_sigaction, SIGKILL, NULL, old, 8), 0);
}

static void kill_refusals(void)
{
	pid_t self = getpid();

	FAILS(kill(self, 65), EINVAL);
	FAILS(kill(self, -1), EINVAL);
	FAILS(kill(999999, 0), ESRCH);
	FAILS(kill(-999999, 0), ESRCH);
	FAILS(syscall(SYS_kill, INT32_MIN, 0), ESRCH);
	EQ(kill(self, 0), 0);
	EQ(kill(0, 0), 0);
	FAILS(syscall(SYS_tgkill, self, self, 65), EINVAL);
	FAILS(syscall(SYS_tgkill, -1, self, 0), EINVAL);
	FAILS(syscall(SYS_tgkill, self, 0, 0), EINVAL);
	FAILS(syscall(SYS_tgkill, 1, self, 0), ESRCH);
	FAILS(syscall(SYS_tkill, 999999, 0), ESRCH);
	FAILS(syscall(SYS_tkill, 0, 0), EINVAL);
	EQ(syscall(SYS_tgkill, self, self, 0), 0);
	EQ(syscall(SYS_tkill, self, 0), 0);
}

static void waits(void)
{
	for (;;)
		pause();
}

/* By default a signal terminates, is ignored, or stops. */
static void defaults(void)
{
	static const int ignored[] = {SIGCHLD, SIGCONT, SIGURG, SIGWINCH};
	pid_t pid = child(waits);
	int status;

	/* In an orphaned group the terminal's stop signals would do nothing; this
	 * one has a parent outside it, in the same session. */
	OK(setpgid(pid, pid));
	for (int i = 0; i < 4; i++)
		OK(kill(pid, ignored[i]));
	EQ(waitpid(pid, &status, WNOHANG), 0);
	static const int stops[] = {SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU};

	for (int i = 0; i < 4; i++) {
		OK(kill(pid, stops[i]));
		EQ(waitpid(pid, &status, WUNTRACED), pid);
		EQ(status, (stops[i] << 8) | 0x7f);
		OK(kill(pid, SIGCONT));
		EQ(waitpid(pid, &status, WCONTINUED), pid);
	}
	OK(kill(pid, 40));
	KILLED(pid, 40);
}

/* The handler blocks its own signal and its mask, and nothing after it. */
static void masks_while_running(int sig)
{
	sigset_t now;

	(void)sig;
	sigprocmask(SIG_BLOCK, NULL, &now);
	EQ(sigismember(&now, SIGUSR1), 1);
	EQ(sigismember(&now, SIGUSR2), 1);
	EQ(sigismember(&now, SIGHUP), 0);
	count++;
	if (count == 1) {
		raise(SIGUSR1);
		EQ(count, 1);
	}
}

static void handler_mask(void)
{
	struct sigaction action = {.sa_handler = masks_while_running};
	sigset_t now;

	count = 0;
	sigaddset(&action.sa_mask, SIGUSR2);
	OK(sigaction(SIGUSR1, &action, NULL));
	raise(SIGUSR1);
	EQ(count, 2);
	sigprocmask(SIG_BLOCK, NULL, &now);
	EQ(sigismember(&now, SIGUSR1), 0);
	EQ(sigismember(&now, SIGUSR2), 0);
}

static void nest(int sig)
{
	(void)sig;
	if (++count < 10)
		raise(SIGUSR1);
}

static void nodefer_and_resethand(void)
{
	struct sigaction action = {.sa_handler = nest, .sa_flags = SA_NODEFER}, old;

	count = 0;
	OK(sigaction(SIGUSR1, &action, NULL));
	raise(SIGUSR1);
	EQ(count, 10);
	action.sa_handler = note;
	action.sa_flags = SA_RESETHAND;
	OK(sigaction(SIGUSR1, &action, NULL));
	raise(SIGUSR1);
	EQ(count, 11);
	OK(sigaction(SIGUSR1, NULL, &old));
	CHECK(old.sa_handler == SIG_DFL);
}

int main(void)
{
	RUN(caught);
	RUN(action_refusals);
	RUN(kill_refusals);
	RUN(defaults);
	RUN(handler_mask);
	RUN(nodefer_and_resethand);
	return report();
}
