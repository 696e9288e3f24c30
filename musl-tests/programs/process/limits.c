/* prlimit64(2), getrlimit(2), setrlimit(2), getrusage(2), times(2). */
#include "check.h"
#include <sys/resource.h>
#include <sys/times.h>

struct limit {
	uint64_t now, max;
};

static int prlimit_(pid_t pid, int what, const struct limit *set, struct limit *old)
{
	return syscall(SYS_prlimit64, pid, what, set, old);
}

static void reading_and_setting(void)
{
	struct limit old, set = {100, 200};

	OK(prlimit_(0, RLIMIT_NOFILE, NULL, &old));
	CHECK(old.now >= 256 && old.now <= old.max);
	OK(prlimit_(0, RLIMIT_NOFILE, &set, &old));
	OK(prlimit_(getpid(), RLIMIT_NOFILE, NULL, &old));
	EQ(old.now, 100);
	EQ(old.max, 200);
	struct rlimit r;

	OK(syscall(SYS_getrlimit, RLIMIT_NOFILE, &r));
	EQ(r.rlim_cur, 100);
	EQ(r.rlim_max, 200);
	OK(prlimit_(0, RLIMIT_STACK, NULL, &old));
	EQ(old.now, 8 << 20);
	EQ(old.max, -1);
}

static void refusals(void)
{
	struct limit upside_down = {5, 4}, more = {300, 300}, old;

	FAILS(prlimit_(0, 16, NULL, &old), EINVAL);
	FAILS(prlimit_(0, -1, NULL, &old), EINVAL);
	FAILS(prlimit_(0, RLIMIT_NOFILE, &upside_down, NULL), EINVAL);
	FAILS(prlimit_(999999, RLIMIT_NOFILE, NULL, &old), ESRCH);
	FAILS(syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, 8, 0), EFAULT);
	FAILS(syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, 8), EFAULT);
	struct limit low = {100, 200};

	OK(prlimit_(0, RLIMIT_NOFILE, &low, NULL));
	OK(setresuid(1000, 1000, 1000));
	FAILS(prlimit_(0, RLIMIT_NOFILE, &more, NULL), EPERM);
	FAILS(prlimit_(1, RLIMIT_NOFILE, NULL, &old), EPERM);
	struct limit within = {150, 150};

	OK(prlimit_(0, RLIMIT_NOFILE, &within, NULL));
}

static void inherited(void)
{
	struct limit set = {77, 77}, got;

	OK(prlimit_(0, RLIMIT_CORE, &set, NULL));
	pid_t pid = fork();

	if (pid == 0)
		_exit(prlimit_(0, RLIMIT_CORE, NULL, &got) == 0 && got.now == 77 ? 0 : 1);
	EXITS(pid, 0);
}

/* RLIMIT_NPROC counts the user's processes, and root is free. */
static void processes(void)
{
	struct limit none = {0, 0};

	OK(prlimit_(0, RLIMIT_NPROC, &none, NULL));
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	EXITS(pid, 0);
	OK(setresuid(4321, 4321, 4321));
	FAILS(fork(), EAGAIN);
}

static void usage(void)
{
	struct rusage self, children;

	memset(&self, 0xee, sizeof self);
	/* Linux writes 144 bytes; musl's structure is longer. */
	OK(syscall(SYS_getrusage, RUSAGE_SELF, &self));
	CHECK(self.ru_maxrss > 0 && self.ru_maxrss < 1 << 20);
	CHECK(self.ru_utime.tv_usec < 1000000);
	CHECK(self.ru_minflt > 0);
	OK(getrusage(RUSAGE_CHILDREN, &children));
	FAILS(syscall(SYS_getrusage, 5, &self), EINVAL);
	FAILS(syscall(SYS_getrusage, 0, 8), EFAULT);
}

/* CPU time passes while we compute, and not while we sleep. */
static void cpu_time(void)
{
	struct tms a, b;
	struct timespec start, now, nap = {0, 100000000};
	clock_t first, second;

	first = times(&a);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
	do
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	while ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 < 100);
	second = times(&b);
	CHECK(second - first >= 9);
	CHECK(b.tms_utime + b.tms_stime - a.tms_utime - a.tms_stime >= 8);
	first = times(&a);
	nanosleep(&nap, NULL);
	second = times(&b);
	CHECK(second - first >= 9);
	CHECK(b.tms_utime + b.tms_stime - a.tms_utime - a.tms_stime <= 8);
	FAILS(syscall(SYS_times, 8), EFAULT);
	CHECK(syscall(SYS_times, 0) >= second);
}

/* Soft RLIMIT_CPU: SIGXCPU after that many seconds of CPU time. */
static void cpu_limit(void)
{
	struct limit one = {1, 3};

	OK(prlimit_(0, RLIMIT_CPU, &one, NULL));
	for (;;)
		__asm__ volatile("");
}

int main(void)
{
	IN_CHILD(reading_and_setting);
	IN_CHILD(refusals);
	IN_CHILD(inherited);
	IN_CHILD(processes);
	RUN(usage);
	RUN(cpu_time);
	KILLED(child(cpu_limit), SIGXCPU);
	return report();
}
