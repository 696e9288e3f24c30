/* Which calls a handler ends with EINTR, and which go on under SA_RESTART
 * (signal(7)). A helper process signals until the handler has run. */
//@ smp=1,2,4
#include "check.h"
#include <poll.h>

static volatile int count;
static int p[2];
static pid_t helper;

static void note(int sig)
{
	(void)sig;
	count++;
}

/* After the handler has run once, the reader gets its byte. */
static void note_and_feed(int sig)
{
	(void)sig;
	if (count++ == 0)
		(void)!write(p[1], "x", 1);
}

static void with(void (*handler)(int), int flags)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = flags};

	OK(sigaction(SIGUSR1, &action, NULL));
	count = 0;
}

/* Sends SIGUSR1 every 50 ms for ever. That the first one finds us asleep is
 * likely, not sure; a call interrupted before it slept answers the same. */
static void start_helper(void)
{
	pid_t target = getpid();

	helper = fork();
	if (helper == 0) {
		struct timespec pace = {0, 50000000};

		for (;;) {
			nanosleep(&pace, NULL);
			kill(target, SIGUSR1);
		}
	}
}

static void stop_helper(void)
{
	OK(kill(helper, SIGKILL));
	KILLED(helper, SIGKILL);
}

static void waits(void)
{
	for (;;)
		pause();
}

static void interrupted(void)
{
	char c;
	struct timespec long_time = {1000, 0}, left = {0};
	struct pollfd fd = {p[0], POLLIN, 0};
	pid_t pid = child(waits);
	int status;

	with(note, 0);
	start_helper();
	FAILS(read(p[0], &c, 1), EINTR);
	FAILS(waitpid(pid, &status, 0), EINTR);
	FAILS(poll(&fd, 1, -1), EINTR);
	FAILS(nanosleep(&long_time, &left), EINTR);
	CHECK(left.tv_sec >= 900 && left.tv_sec < 1000);
	EQ(clock_nanosleep(CLOCK_MONOTONIC, 0, &long_time, NULL), EINTR);
	FAILS(pause(), EINTR);
	CHECK(count >= 6);
	/* These answer EINTR even with SA_RESTART. */
	with(note, SA_RESTART);
	FAILS(poll(&fd, 1, -1), EINTR);
	FAILS(nanosleep(&long_time, NULL), EINTR);
	FAILS(pause(), EINTR);
	sigset_t usr2;

	sigemptyset(&usr2);
	sigaddset(&usr2, SIGUSR2);
	FAILS(syscall(SYS_rt_sigtimedwait, &usr2, NULL, &long_time, 8), EINTR);
	stop_helper();
	OK(kill(pid, SIGKILL));
	KILLED(pid, SIGKILL);
}

static void restarted_read(void)
{
	char c = 0;

	with(note_and_feed, SA_RESTART);
	start_helper();
	EQ(read(p[0], &c, 1), 1);
	EQ(c, 'x');
	CHECK(count >= 1);
	stop_helper();
}

static pid_t victim;

static void note_and_kill(int sig)
{
	(void)sig;
	if (count++ == 0)
		kill(victim, SIGKILL);
}

static void restarted_wait(void)
{
	victim = child(waits);
	with(note_and_kill, SA_RESTART);
	start_helper();
	int status = -1;

	EQ(waitpid(victim, &status, 0), victim);
	EQ(status, SIGKILL);
	CHECK(count >= 1);
	stop_helper();
}

/* A write that has moved something answers that, not EINTR. */
static void partial_write(void)
{
	static char data[200000];

	with(note, 0);
	start_helper();
	EQ(write(p[1], data, sizeof data), 65536);
	FAILS(write(p[1], data, 1), EINTR);
	stop_helper();
	EQ(read(p[0], data, sizeof data), 65536);
}

/* Stop and continue, without a handler, disturb no sleep; nanosleep resumes
 * with what is left of it. */
static void stop_and_continue(void)
{
	struct timespec a, b;
	int report_to[2];
	char c;

	OK(pipe(report_to));
	pid_t pid = fork();

	if (pid == 0) {
		struct timespec nap = {0, 300000000};

		clock_gettime(CLOCK_MONOTONIC, &a);
		(void)!write(report_to[1], "r", 1);
		if (nanosleep(&nap, NULL) != 0)
			_exit(1);
		clock_gettime(CLOCK_MONOTONIC, &b);
		long ms = (b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000;

		if (ms < 299)
			_exit(2);
		_exit(read(p[0], &c, 1) == 1 ? 0 : 3);
	}
	await_byte(report_to[0]);
	int status;

	for (int i = 0; i < 10; i++) {
		OK(kill(pid, SIGSTOP));
		EQ(waitpid(pid, &status, WUNTRACED), pid);
		EQ(status, (SIGSTOP << 8) | 0x7f);
		OK(kill(pid, SIGCONT));
	}
	EQ(write(p[1], "x", 1), 1);
	EXITS(pid, 0);
}

int main(void)
{
	OK(pipe(p));
	RUN(interrupted);
	RUN(restarted_read);
	RUN(restarted_wait);
	RUN(partial_write);
	RUN(stop_and_continue);
	return report();
}
