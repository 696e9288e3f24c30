/* nanosleep(2), clock_nanosleep(2): never short; absolute times; refusals. */
//@ smp=1,2,4
#include "check.h"

static long long now(int clock)
{
	struct timespec t;

	OK(clock_gettime(clock, &t));
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void never_short(void)
{
	static const long naps[] = {0, 1, 1000, 50000, 1000000, 4000000, 30000000};

	for (size_t i = 0; i < sizeof naps / sizeof naps[0]; i++) {
		struct timespec nap = {0, naps[i]}, left = {-7, -7};
		long long start = now(CLOCK_MONOTONIC);

		OK(nanosleep(&nap, &left));
		CHECK(now(CLOCK_MONOTONIC) - start >= naps[i]);
		/* What is left is written on interruption only. */
		EQ(left.tv_sec, -7);
	}
}

static void absolute(void)
{
	static const int clocks[] = {CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME};

	for (int i = 0; i < 3; i++) {
		long long end = now(clocks[i]) + 20000000;
		struct timespec t = {end / 1000000000, end % 1000000000}, past = {1, 0};

		EQ(clock_nanosleep(clocks[i], TIMER_ABSTIME, &t, NULL), 0);
		CHECK(now(clocks[i]) >= end);
		EQ(clock_nanosleep(clocks[i], TIMER_ABSTIME, &past, NULL), 0);
	}
}

static void refusals(void)
{
	struct timespec bad = {0, 1000000000}, negative = {-1, 0}, fine = {0, 1};

	FAILS(nanosleep(&bad, NULL), EINVAL);
	FAILS(nanosleep(&negative, NULL), EINVAL);
	FAILS(syscall(SYS_nanosleep, 8, NULL), EFAULT);
	EQ(clock_nanosleep(99, 0, &fine, NULL), EINVAL);
	EQ(clock_nanosleep(CLOCK_MONOTONIC, 0, &bad, NULL), EINVAL);
	EQ(clock_nanosleep(CLOCK_MONOTONIC_RAW, 0, &fine, NULL), ENOTSUP);
	FAILS(syscall(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &fine, NULL), ENOTSUP);
}

/* Many sleepers with times in mixed order: each wakes, once, and not early. */
static void many_sleepers(void)
{
	int p[2];
	char woken[11] = "";

	OK(pipe(p));
	long long base = now(CLOCK_MONOTONIC) + 300000000;

	for (int i = 0; i < 10; i++)
		if (fork() == 0) {
			int turn = i * 7 % 10;
			long long end = base + turn * 40000000LL;
			struct timespec t = {end / 1000000000, end % 1000000000};
			char c = '0' + turn;

			clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
			_exit(now(CLOCK_MONOTONIC) >= end && write(p[1], &c, 1) == 1 ? 0 : 1);
		}
	for (int i = 0; i < 10; i++) {
		int status = -1;

		EQ(read(p[0], woken + i, 1), 1);
		OK(wait(&status));
		EQ(status, 0);
	}
	for (int i = 0; i < 10; i++)
		CHECK(strchr(woken, '0' + i) != NULL);
}

int main(void)
{
	RUN(never_short);
	RUN(absolute);
	RUN(refusals);
	RUN(many_sleepers);
	return report();
}
