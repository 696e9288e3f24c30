/* rt_sigprocmask, rt_sigpending, rt_sigsuspend, rt_sigtimedwait, pause. */
//@ smp=1,2,4
#include "check.h"

static volatile int order[32], count;

static void note(int sig)
{
	order[count++] = sig;
}

static sigset_t set_of(int a, int b)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, a);
	if (b)
		sigaddset(&set, b);
	return set;
}

static void blocked_waits(void)
{
	sigset_t both = set_of(SIGUSR1, SIGUSR2), one = set_of(SIGUSR1, 0), old, pending;

	signal(SIGUSR1, note);
	signal(SIGUSR2, note);
	count = 0;
	OK(sigprocmask(SIG_BLOCK, &both, &old));
	EQ(sigismember(&old, SIGUSR1), 0);
	raise(SIGUSR2);
	raise(SIGUSR1);
	raise(SIGUSR1);
	EQ(count, 0);
	OK(sigpending(&pending));
	EQ(sigismember(&pending, SIGUSR1), 1);
	EQ(sigismember(&pending, SIGUSR2), 1);
	OK(sigprocmask(SIG_UNBLOCK, &one, NULL));
	/* A standard signal is pending once, however often it was sent. */
	EQ(count, 1);
	EQ(order[0], SIGUSR1);
	OK(sigprocmask(SIG_SETMASK, &old, NULL));
	EQ(count, 2);
	EQ(order[1], SIGUSR2);
}

static void mask_refusals(void)
{
	uint64_t all = ~0UL, old = 0;

	FAILS(syscall(SYS_rt_sigprocmask, 17, &all, NULL, 8), EINVAL);
	FAILS(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &all, NULL, 4), EINVAL);
	FAILS(syscall(SYS_rt_sigprocmask, SIG_BLOCK, 8, NULL, 8), EFAULT);
	FAILS(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, 8, 8), EFAULT);
	FAILS(syscall(SYS_rt_sigpending, &all, 9), EINVAL);
	/* SIGKILL and SIGSTOP cannot be blocked; no error is made of it. */
	OK(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &old, 8));
	OK(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &old, &all, 8));
	EQ(all, ~(1UL << (SIGKILL - 1) | 1UL << (SIGSTOP - 1)));
	/* How many does not matter when no set is given. */
	EQ(syscall(SYS_rt_sigprocmask, 17, NULL, &old, 8), 0);
}

/* Ignoring a pending signal throws it away. */
static void ignoring_discards(void)
{
	sigset_t one = set_of(SIGUSR1, 0), pending;

	OK(sigprocmask(SIG_BLOCK, &one, NULL));
	raise(SIGUSR1);
	signal(SIGUSR1, SIG_IGN);
	OK(sigpending(&pending));
	EQ(sigismember(&pending, SIGUSR1), 0);
	signal(SIGUSR1, note);
	count = 0;
	OK(sigprocmask(SIG_UNBLOCK, &one, NULL));
	EQ(count, 0);
}

/* Real-time signals queue, in order, lowest number first, each with its value. */
static siginfo_t infos[32];

static void keep(int sig, siginfo_t *info, void *context)
{
	(void)context;
	infos[count] = *info;
	order[count++] = sig;
}

static void realtime_queue(void)
{
	struct sigaction action = {.sa_sigaction = keep, .sa_flags = SA_SIGINFO};
	sigset_t two = set_of(40, 41);

	/* Nothing interrupts a handler here: one order comes out. */
	sigfillset(&action.sa_mask);
	OK(sigaction(40, &action, NULL));
	OK(sigaction(41, &action, NULL));
	OK(sigprocmask(SIG_BLOCK, &two, NULL));
	for (int i = 0; i < 5; i++) {
		OK(sigqueue(getpid(), 41, (union sigval){.sival_int = i}));
		OK(sigqueue(getpid(), 40, (union sigval){.sival_int = i}));
	}
	count = 0;
	OK(sigprocmask(SIG_UNBLOCK, &two, NULL));
	EQ(count, 10);
	for (int i = 0; i < 10; i++) {
		EQ(order[i], i < 5 ? 40 : 41);
		EQ(infos[i].si_value.sival_int, i % 5);
		EQ(infos[i].si_code, SI_QUEUE);
		EQ(infos[i].si_pid, getpid());
	}
}

static void suspend(void)
{
	sigset_t usr1 = set_of(SIGUSR1, 0), none, now;

	sigemptyset(&none);
	OK(sigprocmask(SIG_BLOCK, &usr1, NULL));
	signal(SIGUSR1, note);
	count = 0;
	/* The child's signal waits until sigsuspend opens the mask: no race. */
	pid_t parent = getpid(), pid = fork();

	if (pid == 0)
		_exit(kill(parent, SIGUSR1));
	FAILS(sigsuspend(&none), EINTR);
	EQ(count, 1);
	OK(sigprocmask(SIG_UNBLOCK, &usr1, &now));
	EQ(sigismember(&now, SIGUSR1), 1);
	EXITS(pid, 0);
	FAILS(syscall(SYS_rt_sigsuspend, &none, 7), EINVAL);
	FAILS(syscall(SYS_rt_sigsuspend, 8, 8), EFAULT);
}

static void timed_wait(void)
{
	sigset_t both = set_of(SIGUSR1, SIGUSR2);
	struct timespec zero = {0, 0}, brief = {0, 1000000}, bad = {0, 1000000000}, ample = {100, 0};
	siginfo_t info;

	OK(sigprocmask(SIG_BLOCK, &both, NULL));
	FAILS(sigtimedwait(&both, &info, &zero), EAGAIN);
	FAILS(sigtimedwait(&both, &info, &brief), EAGAIN);
	FAILS(sigtimedwait(&both, &info, &bad), EINVAL);
	FAILS(syscall(SYS_rt_sigtimedwait, &both, &info, &zero, 7), EINVAL);
	FAILS(syscall(SYS_rt_sigtimedwait, 8, &info, &zero, 8), EFAULT);
	raise(SIGUSR2);
	raise(SIGUSR1);
	EQ(sigtimedwait(&both, &info, &zero), SIGUSR1);
	EQ(sigtimedwait(&both, &info, NULL), SIGUSR2);
	EQ(info.si_signo, SIGUSR2);
	FAILS(sigtimedwait(&both, NULL, &zero), EAGAIN);
	/* It sleeps until one comes, and no handler runs. */
	count = 0;
	pid_t parent = getpid(), pid = fork();

	if (pid == 0)
		_exit(kill(parent, SIGUSR2));
	EQ(sigtimedwait(&both, &info, &ample), SIGUSR2);
	EQ(info.si_pid, pid);
	EQ(info.si_code, SI_USER);
	EQ(count, 0);
	EXITS(pid, 0);
}

static void pausing(void)
{
	signal(SIGALRM, note);
	count = 0;
	alarm(1);
	FAILS(pause(), EINTR);
	EQ(count, 1);
	EQ(order[0], SIGALRM);
}

/* Signals thrown at a busy process are neither lost nor doubled: every one
 * is answered before the next is sent. */
static int answers[2];

static void answer(int sig)
{
	(void)sig;
	(void)!write(answers[1], "a", 1);
}

static void hand_shakes(void)
{
	OK(pipe(answers));
	pid_t pid = fork();

	if (pid == 0) {
		signal(SIGUSR1, answer);
		answer(0);
		for (volatile long n = 0;; n++)
			if (n % 1000 == 0)
				getppid();
	}
	EQ(await_byte(answers[0]), 'a');
	for (int i = 0; i < 500; i++) {
		OK(kill(pid, SIGUSR1));
		EQ(await_byte(answers[0]), 'a');
	}
	OK(kill(pid, SIGKILL));
	KILLED(pid, SIGKILL);
}

int main(void)
{
	RUN(blocked_waits);
	RUN(mask_refusals);
	RUN(ignoring_discards);
	RUN(realtime_queue);
	RUN(suspend);
	IN_CHILD(timed_wait);
	RUN(pausing);
	sigset_t usr1 = set_of(SIGUSR1, 0);

	OK(sigprocmask(SIG_UNBLOCK, &usr1, NULL));
	RUN(hand_shakes);
	return report();
}
