/* alarm(2), setitimer(2), getitimer(2). */
#include "check.h"
#include <sys/time.h>

static volatile int count;

static void note(int sig)
{
	(void)sig;
	count++;
}

static void alarms(void)
{
	signal(SIGALRM, note);
	EQ(alarm(100), 0);
	EQ(alarm(50), 100);
	unsigned left = alarm(0);

	CHECK(left == 50 || left == 49);
	EQ(alarm(0), 0);
	EQ(count, 0);
}

static void repeated(void)
{
	struct itimerval every = {{0, 10000}, {0, 10000}}, off = {{0, 0}, {0, 0}}, old;

	count = 0;
	OK(setitimer(ITIMER_REAL, &every, NULL));
	while (count < 5)
		pause();
	OK(setitimer(ITIMER_REAL, &off, &old));
	EQ(old.it_interval.tv_usec, 10000);
	CHECK(old.it_value.tv_sec == 0 && old.it_value.tv_usec <= 10000);
	OK(getitimer(ITIMER_REAL, &old));
	EQ(old.it_value.tv_usec | old.it_interval.tv_usec, 0);
}

/* ITIMER_VIRTUAL counts our own CPU time only. */
static void virtual_time(void)
{
	struct itimerval soon = {{0, 0}, {0, 50000}};
	struct timespec nap = {0, 100000000};

	count = 0;
	signal(SIGVTALRM, note);
	OK(setitimer(ITIMER_VIRTUAL, &soon, NULL));
	nanosleep(&nap, NULL);
	EQ(count, 0);
	while (count == 0)
		;
	EQ(count, 1);
}

static void refusals(void)
{
	struct itimerval bad = {{0, 1000000}, {0, 1000000}};

	FAILS(setitimer(ITIMER_REAL, &bad, NULL), EINVAL);
	FAILS(syscall(SYS_setitimer, 9, &bad, NULL), EINVAL);
	FAILS(syscall(SYS_getitimer, ITIMER_REAL, 8), EFAULT);
}

int main(void)
{
	RUN(alarms);
	RUN(repeated);
	RUN(virtual_time);
	RUN(refusals);
	return report();
}
