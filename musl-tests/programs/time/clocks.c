/* clock_gettime, clock_getres, gettimeofday, time: they agree and never go back. */
//@ smp=1,2,4
#include "check.h"
#include <sys/time.h>

static long long ns(int clock)
{
	struct timespec t;

	OK(clock_gettime(clock, &t));
	CHECK(t.tv_nsec >= 0 && t.tv_nsec < 1000000000);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static long long raw_ns(int clock)
{
	struct timespec t;

	OK(syscall(SYS_clock_gettime, clock, &t));
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void never_back(void)
{
	static const int clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME};

	for (int c = 0; c < 4; c++) {
		long long last = ns(clocks[c]);

		for (int i = 0; i < 3000; i++) {
			/* The library's way and the kernel's way alternate. */
			long long now = i % 2 ? ns(clocks[c]) : raw_ns(clocks[c]);

			if (now < last)
				check_fail(__FILE__, __LINE__, "clock %d went back %lld ns", clocks[c], last - now);
			last = now;
		}
	}
}

/* Also when seen by different processes, on different CPUs, in turn. */
static void never_back_between_processes(void)
{
	volatile long long *last = OK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	int ping[2], pong[2];

	OK(pipe(ping));
	OK(pipe(pong));
	pid_t pid = fork();

	for (int i = 0; i < 500; i++) {
		char c = 0;

		if (pid == 0 && read(ping[0], &c, 1) != 1)
			_exit(2);
		long long now = ns(CLOCK_MONOTONIC);

		if (now < last[0])
			check_fail(__FILE__, __LINE__, "went back %lld ns", last[0] - now);
		last[0] = now;
		if (write(pid == 0 ? pong[1] : ping[1], &c, 1) != 1)
			_exit(3);
		if (pid != 0 && read(pong[0], &c, 1) != 1)
			_exit(2);
	}
	if (pid == 0)
		_exit(report());
	EXITS(pid, 0);
}

static void agree(void)
{
	struct timeval tv;
	long long before = ns(CLOCK_REALTIME);

	OK(gettimeofday(&tv, NULL));
	time_t seconds = time(NULL);
	long long after = ns(CLOCK_REALTIME);
	long long micro = tv.tv_sec * 1000000000LL + tv.tv_usec * 1000LL;

	CHECK(micro >= before - 1000 && micro <= after);
	/* time(2) may be a tick behind. */
	CHECK(seconds >= before / 1000000000 - 1 && seconds <= after / 1000000000);
	time_t stored = 0;

	seconds = syscall(SYS_time, &stored);
	EQ(stored, seconds);
	CHECK(ns(CLOCK_BOOTTIME) >= ns(CLOCK_MONOTONIC) - 1000000);
	/* 2020 or later: the clock was read at boot. */
	CHECK(before / 1000000000 > 1577836800);
	/* The coarse clocks lag by one tick at most. */
	long long fine = ns(CLOCK_MONOTONIC), coarse = ns(CLOCK_MONOTONIC_COARSE);

	CHECK(coarse <= ns(CLOCK_MONOTONIC));
	CHECK(fine - coarse < 1000000000);
}

static void resolutions(void)
{
	struct timespec t;

	OK(clock_getres(CLOCK_MONOTONIC, &t));
	EQ(t.tv_sec, 0);
	EQ(t.tv_nsec, 1);
	OK(clock_getres(CLOCK_REALTIME_COARSE, &t));
	EQ(t.tv_nsec, 4000000);
	EQ(syscall(SYS_clock_getres, CLOCK_MONOTONIC, NULL), 0);
	FAILS(syscall(SYS_clock_getres, 99, &t), EINVAL);
	FAILS(syscall(SYS_clock_gettime, 99, &t), EINVAL);
	FAILS(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, 8), EFAULT);
	FAILS(syscall(SYS_gettimeofday, 8, NULL), EFAULT);
	FAILS(syscall(SYS_time, 8), EFAULT);
	FAILS(syscall(SYS_clock_settime, CLOCK_MONOTONIC, &t), EINVAL);
}

static void cpu_clocks(void)
{
	long long process = ns(CLOCK_PROCESS_CPUTIME_ID), thread = ns(CLOCK_THREAD_CPUTIME_ID);
	struct timespec nap = {0, 50000000};

	CHECK(process > 0 && thread > 0);
	for (int i = 0; i < 100; i++)
		CHECK(ns(CLOCK_PROCESS_CPUTIME_ID) >= process);
	process = ns(CLOCK_PROCESS_CPUTIME_ID);
	nanosleep(&nap, NULL);
	CHECK(ns(CLOCK_PROCESS_CPUTIME_ID) - process < 50000000);
}

int main(void)
{
	RUN(never_back);
	RUN(never_back_between_processes);
	RUN(agree);
	RUN(resolutions);
	RUN(cpu_clocks);
	return report();
}
