/* Signals and threads: which thread takes one, stops of all threads, robust locks, WAKE_OP. */
//@ smp=1,2
#include "../check.h"
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>

/* As linux/futex.h has them, which the C library's headers do not include. */
enum { FUTEX_WAIT = 0, FUTEX_WAKE_OP = 5 };
enum { FUTEX_OP_SET, FUTEX_OP_ADD, FUTEX_OP_OR, FUTEX_OP_ANDN, FUTEX_OP_XOR, FUTEX_OP_OPARG_SHIFT = 8 };
enum { FUTEX_OP_CMP_EQ, FUTEX_OP_CMP_NE, FUTEX_OP_CMP_LT, FUTEX_OP_CMP_LE, FUTEX_OP_CMP_GT, FUTEX_OP_CMP_GE };
#define FUTEX_OP(op, oparg, cmp, cmparg) \
	((int)((unsigned)(op) << 28 | (unsigned)(cmp) << 24 | ((oparg) & 0xfff) << 12 | ((cmparg) & 0xfff)))

static volatile int taker, hits;
static sem_t up, down;

static void handler(int sig)
{
	(void)sig;
	taker = syscall(SYS_gettid);
	__atomic_add_fetch(&hits, 1, __ATOMIC_SEQ_CST);
}

static void block(int how, int sig)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	pthread_sigmask(how, &set, 0);
}

static void wait_hits(int n)
{
	for (int ms = 0; __atomic_load_n(&hits, __ATOMIC_SEQ_CST) < n && ms < 5000; ms++)
		usleep(1000);
	EQ(hits, n);
}

static void *open_to_it(void *arg)
{
	block(SIG_UNBLOCK, SIGUSR1);
	*(int *)arg = syscall(SYS_gettid);
	sem_post(&up);
	while (sem_wait(&down))
		;
	return 0;
}

/* A thread that does not block it takes it, also one that sleeps. */
static void chosen(void)
{
	struct sigaction sa = { .sa_handler = handler };
	pthread_t t;
	int tid;

	sigaction(SIGUSR1, &sa, 0);
	block(SIG_BLOCK, SIGUSR1);
	sem_init(&up, 0, 0);
	sem_init(&down, 0, 0);
	pthread_create(&t, 0, open_to_it, &tid);
	sem_wait(&up);
	for (int i = 1; i <= 20; i++) {
		kill(getpid(), SIGUSR1);
		wait_hits(i);
		EQ(taker, tid);
	}
	/* To one thread only. */
	syscall(SYS_tgkill, getpid(), getpid(), SIGUSR1);
	usleep(20000);
	EQ(hits, 20);
	sem_post(&down);
	pthread_join(t, 0);
	/* One for the process stays until somebody wants it. */
	kill(getpid(), SIGUSR1);
	usleep(10000);
	EQ(hits, 20);
	block(SIG_UNBLOCK, SIGUSR1);
	CHECK(hits >= 21);
	EQ(taker, getpid());
}

static void *waits(void *arg)
{
	sigset_t set;
	siginfo_t info;

	(void)arg;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	for (int i = 0; i < 200; i++) {
		EQ(sigwaitinfo(&set, &info), SIGUSR2);
		sem_post(&up);
	}
	return 0;
}

static void sigwait_thread(void)
{
	pthread_t t;

	block(SIG_BLOCK, SIGUSR2);
	sem_init(&up, 0, 0);
	pthread_create(&t, 0, waits, 0);
	for (int i = 0; i < 200; i++) {
		kill(getpid(), SIGUSR2);
		sem_wait(&up);
	}
	pthread_join(t, 0);
	block(SIG_UNBLOCK, SIGUSR2);
}

/* Threads block and unblock in turn; a signal to the process always finds one that takes it. */
static volatile int stop;

static void *toggles(void *arg)
{
	(void)arg;
	while (!stop) {
		block(SIG_BLOCK, SIGUSR1);
		block(SIG_UNBLOCK, SIGUSR1);
	}
	block(SIG_BLOCK, SIGUSR1);
	return 0;
}

static void handed_on(void)
{
	pthread_t t[3];

	stop = 0;
	hits = 0;
	block(SIG_BLOCK, SIGUSR1);
	for (int i = 0; i < 3; i++)
		pthread_create(&t[i], 0, toggles, 0);
	for (int i = 1; i <= 300; i++) {
		kill(getpid(), SIGUSR1);
		for (int spins = 0; hits < i && spins < 5000; spins++)
			usleep(200);
		if (hits < i)
			break;
	}
	EQ(hits, 300);
	stop = 1;
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], 0);
	block(SIG_UNBLOCK, SIGUSR1);
}

/* When a stop is told, every thread has stopped. */
static void *counts(void *arg)
{
	volatile unsigned *n = arg;

	for (;;)
		++*n;
	return 0;
}

static void *naps(void *arg)
{
	volatile unsigned *n = arg;

	for (;;) {
		usleep(100);
		++*n;
	}
	return 0;
}

static void stops(void)
{
	volatile unsigned *n = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		pthread_t t;
		for (int i = 1; i < 4; i++)
			pthread_create(&t, 0, i % 2 ? counts : naps, (void *)(n + i * 16));
		for (;;)
			pause();
	}
	for (int i = 1; i < 4; i++)
		while (n[i * 16] == 0)
			usleep(1000);
	for (int round = 0; round < 60; round++) {
		unsigned seen[4];
		OK(kill(pid, SIGSTOP));
		EQ(waitpid(pid, &status, WUNTRACED), pid);
		CHECK(WIFSTOPPED(status));
		for (int i = 1; i < 4; i++)
			seen[i] = n[i * 16];
		if (round % 10 == 0)
			usleep(10000);
		else
			sched_yield();
		for (int i = 1; i < 4; i++)
			EQ(n[i * 16], seen[i]);
		OK(kill(pid, SIGCONT));
		EQ(waitpid(pid, &status, WCONTINUED), pid);
		CHECK(WIFCONTINUED(status));
		for (int i = 1; i < 4; i++)
			for (int ms = 0; n[i * 16] == seen[i] && ms < 3000; ms++)
				usleep(1000);
		for (int i = 1; i < 4; i++)
			CHECK(n[i * 16] != seen[i]);
	}
	kill(pid, SIGSTOP);
	kill(pid, SIGKILL);
	do
		EQ(waitpid(pid, &status, WUNTRACED), pid);
	while (WIFSTOPPED(status));
	EQ(status, SIGKILL);
	munmap((void *)n, 4096);
}

/* A lock whose holder has gone. */
static pthread_mutex_t *robust;

static void *dies_with_it(void *arg)
{
	(void)arg;
	pthread_mutex_lock(robust);
	return 0;
}

static void robust_locks(void)
{
	pthread_mutexattr_t attr;
	pthread_t t;

	robust = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(robust, &attr);
	pthread_create(&t, 0, dies_with_it, 0);
	pthread_join(t, 0);
	EQ(pthread_mutex_lock(robust), EOWNERDEAD);
	EQ(pthread_mutex_consistent(robust), 0);
	EQ(pthread_mutex_unlock(robust), 0);
	for (int i = 0; i < 20; i++) {
		int p[2];
		OK(pipe(p));
		pid_t pid = fork();
		if (pid == 0) {
			pthread_mutex_lock(robust);
			if (write(p[1], "x", 1) != 1)
				_exit(1);
			for (;;)
				pause();
		}
		await_byte(p[0]);
		pid_t other = fork();
		if (other == 0) {
			/* Sleeps until the holder is killed. */
			if (pthread_mutex_lock(robust) != EOWNERDEAD)
				_exit(1);
			pthread_mutex_consistent(robust);
			pthread_mutex_unlock(robust);
			_exit(0);
		}
		if (i % 2)
			usleep(2000);
		kill(pid, SIGKILL);
		KILLED(pid, SIGKILL);
		EXITS(other, 0);
		close(p[0]);
		close(p[1]);
	}
	void *head = 0;
	size_t len = 0;
	OK(syscall(SYS_get_robust_list, 0, &head, &len));
	EQ(len, 24);
	CHECK(head != 0);
	FAILS(syscall(SYS_get_robust_list, 0x3fffff, &head, &len), ESRCH);
	FAILS(syscall(SYS_set_robust_list, 0, 23), EINVAL);
}

static int words[2];

static void *futex_sleeper(void *arg)
{
	int *word = arg;

	sem_post(&up);
	syscall(SYS_futex, word, FUTEX_WAIT, 0, 0, 0, 0);
	return 0;
}

static long wake_op(int n, long m, int op)
{
	return syscall(SYS_futex, &words[0], FUTEX_WAKE_OP, n, m, &words[1], op);
}

static void wake_ops(void)
{
	pthread_t t[4];

	words[1] = 5;
	EQ(wake_op(1, 1, FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_EQ, 5)), 0);
	EQ(words[1], 8);
	EQ(wake_op(1, 1, FUTEX_OP(FUTEX_OP_OR | FUTEX_OP_OPARG_SHIFT, 4, FUTEX_OP_CMP_EQ, 5)), 0);
	EQ(words[1], 24);
	EQ(wake_op(1, 1, FUTEX_OP(FUTEX_OP_ANDN, 8, FUTEX_OP_CMP_GE, 5)), 0);
	EQ(words[1], 16);
	EQ(wake_op(1, 1, FUTEX_OP(FUTEX_OP_XOR, 0xff, FUTEX_OP_CMP_LT, -1)), 0);
	EQ(words[1], 0xef);
	EQ(wake_op(1, 1, FUTEX_OP(FUTEX_OP_SET, 0xfff, FUTEX_OP_CMP_LT, -1)), 0);
	EQ(words[1], -1);
	FAILS(wake_op(1, 1, FUTEX_OP(5, 0, FUTEX_OP_CMP_EQ, 0)), ENOSYS);
	FAILS(wake_op(1, 1, FUTEX_OP(FUTEX_OP_SET, 7, 6, 0)), ENOSYS);
	words[0] = words[1] = 0;
	sem_init(&up, 0, 0);
	for (int i = 0; i < 4; i++) {
		pthread_create(&t[i], 0, futex_sleeper, &words[i / 2]);
		sem_wait(&up);
	}
	int woken = 0;
	for (int ms = 0; woken < 4 && ms < 5000; ms++) {
		woken += wake_op(10, 10, FUTEX_OP(FUTEX_OP_ADD, 0, FUTEX_OP_CMP_EQ, 0));
		usleep(1000);
	}
	EQ(woken, 4);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], 0);
}

static void *queued(void *arg)
{
	siginfo_t info = { .si_code = SI_QUEUE, .si_value.sival_int = 77 };

	(void)arg;
	OK(syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), SIGUSR2, &info));
	info.si_code = SI_USER;
	FAILS(syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), SIGUSR2, &info), EPERM);
	info.si_code = SI_QUEUE;
	FAILS(syscall(SYS_rt_tgsigqueueinfo, getppid(), getpid(), SIGUSR2, &info), ESRCH);
	FAILS(syscall(SYS_rt_tgsigqueueinfo, getpid(), 0, SIGUSR2, &info), EINVAL);
	return 0;
}

static void to_a_thread(void)
{
	sigset_t set;
	siginfo_t info;
	pthread_t t;

	block(SIG_BLOCK, SIGUSR2);
	pthread_create(&t, 0, queued, 0);
	pthread_join(t, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	EQ(sigwaitinfo(&set, &info), SIGUSR2);
	EQ(info.si_value.sival_int, 77);
	block(SIG_UNBLOCK, SIGUSR2);
}

int main(void)
{
	RUN(chosen);
	RUN(sigwait_thread);
	RUN(handed_on);
	RUN(stops);
	RUN(robust_locks);
	RUN(wake_ops);
	RUN(to_a_thread);
	return report();
}
