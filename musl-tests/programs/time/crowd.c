/* More processes than CPUs burn, sleep and take SIGALRM: every sleep ends, and not too early. */
//@ smp=1,2,4 timeout=120
#include "check.h"
#include <sys/time.h>

#define ROUNDS 40

static int64_t now_ns(void)
{
	struct timespec t;

	OK(clock_gettime(CLOCK_MONOTONIC, &t));
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static volatile int alarms;

static void on_alarm(int sig)
{
	(void)sig;
	alarms++;
}

static void burns(void)
{
	for (;;)
		;
}

static void sleeps(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct timespec t = { 0, i * 37 % 30 * 100000 };
		int64_t start = now_ns();

		OK(nanosleep(&t, NULL));
		CHECK(now_ns() - start >= t.tv_nsec);
	}
}

static void is_alarmed(void)
{
	struct itimerval each = { { 0, 1000 }, { 0, 1000 } }, off = { 0 };

	signal(SIGALRM, on_alarm);
	OK(setitimer(ITIMER_REAL, &each, NULL));
	while (alarms < ROUNDS) {
		struct timespec t = { 0, 500000 };

		nanosleep(&t, NULL);
	}
	/* Whatever went off before is taken on the way out of the call; nothing comes after it. */
	OK(setitimer(ITIMER_REAL, &off, NULL));
	int seen = alarms;

	for (int i = 0; i < 5; i++) {
		struct timespec t = { 0, 1000000 };

		EQ(nanosleep(&t, NULL), 0);
	}
	EQ(alarms, seen);
}

static void all_sleeps_end(void)
{
	pid_t busy[4], others[12];

	for (int i = 0; i < 4; i++)
		busy[i] = child(burns);
	for (int i = 0; i < 12; i++)
		others[i] = child(i % 3 == 0 ? is_alarmed : sleeps);
	for (int i = 0; i < 12; i++)
		EXITS(others[i], 0);
	for (int i = 0; i < 4; i++) {
		OK(kill(busy[i], SIGKILL));
		KILLED(busy[i], SIGKILL);
	}
}

int main(void)
{
	RUN(all_sleeps_end);
	return report();
}
