/* futex(2): WAIT, WAKE, timeouts, across processes through shared memory. */
//@ smp=1,2,4
#include "check.h"

#define WAIT 0
#define WAKE 1
#define PRIVATE 128

static int *word;

static long futex(int *at, int op, int value, const struct timespec *timeout)
{
	return syscall(SYS_futex, at, op, value, timeout, NULL, 0);
}

static void without_sleeping(void)
{
	struct timespec short_time = {0, 1000000}, bad = {0, -1};

	*word = 1;
	FAILS(futex(word, WAIT, 0, NULL), EAGAIN);
	FAILS(futex(word, WAIT, 1, &short_time), ETIMEDOUT);
	FAILS(futex(word, WAIT | PRIVATE, 1, &short_time), ETIMEDOUT);
	EQ(futex(word, WAKE, 10, NULL), 0);
	FAILS(futex(word, WAIT, 1, &bad), EINVAL);
	FAILS(futex((int *)((char *)word + 1), WAIT, 1, NULL), EINVAL);
	FAILS(futex((int *)((char *)word + 1), WAKE, 1, NULL), EINVAL);
	FAILS(futex((int *)8, WAIT, 0, NULL), EFAULT);
	FAILS(futex((int *)0xffff800000000000, WAIT, 0, NULL), EFAULT);
	FAILS(futex(word, 99, 0, NULL), ENOSYS);
	FAILS(syscall(SYS_futex, word, WAIT, 1, 8), EFAULT);
}

/* Two processes hand a number to and fro; a lost wake-up would hang. */
static void ping_pong(void)
{
	enum { ROUNDS = 2000 };

	*word = 0;
	pid_t pid = fork();

	for (int turn = pid == 0; turn < ROUNDS; turn += 2) {
		int now;

		while ((now = __atomic_load_n(word, __ATOMIC_ACQUIRE)) != turn)
			futex(word, WAIT, now, NULL);
		__atomic_store_n(word, turn + 1, __ATOMIC_RELEASE);
		futex(word, WAKE, 1, NULL);
	}
	if (pid == 0)
		_exit(0);
	EXITS(pid, 0);
	EQ(*word, ROUNDS);
}

/* WAKE wakes as many as it says, and says how many. */
static void counted(void)
{
	enum { SLEEPERS = 8 };
	int woken = 0;

	*word = 0;
	for (int i = 0; i < SLEEPERS; i++)
		if (fork() == 0)
			_exit(futex(word, WAIT, 0, NULL) == 0 ? 0 : 1);
	while (woken < SLEEPERS) {
		long n = OK(futex(word, WAKE, 3, NULL));

		CHECK(n >= 0 && n <= 3);
		woken += n;
	}
	EQ(woken, SLEEPERS);
	for (int i = 0; i < SLEEPERS; i++) {
		int status = -1;

		OK(wait(&status));
		EQ(status, 0);
	}
}

static void none(int sig)
{
	(void)sig;
}

static void interrupted(void)
{
	struct sigaction action = {.sa_handler = none};
	struct timespec long_time = {1000, 0};

	OK(sigaction(SIGALRM, &action, NULL));
	*word = 0;
	alarm(1);
	FAILS(futex(word, WAIT, 0, &long_time), EINTR);
}

/* The same address in two processes with private memory is two futexes. */
static void private_memory(void)
{
	static int own;
	struct timespec patience = {0, 200000000};
	pid_t pid = fork();

	if (pid == 0)
		_exit(futex(&own, WAIT | PRIVATE, 0, &patience) == -1 && errno == ETIMEDOUT ? 0 : 1);
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0)
		EQ(futex(&own, WAKE | PRIVATE, 1, NULL), 0);
	EQ(status, 0);
}

int main(void)
{
	word = OK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	RUN(without_sleeping);
	RUN(ping_pong);
	RUN(counted);
	RUN(interrupted);
	RUN(private_memory);
	return report();
}
