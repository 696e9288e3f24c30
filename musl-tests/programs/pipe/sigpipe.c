/* Writing where nobody can read: SIGPIPE, and EPIPE when that is survived. */
#include "check.h"

static int p[2];

static void killed_by_default(void)
{
	OK(pipe(p));
	close(p[0]);
	(void)!write(p[1], "x", 1);
}

static volatile int signals;
static volatile int from;

static void count(int sig, siginfo_t *info, void *context)
{
	(void)context;
	signals += sig == SIGPIPE;
	from = info->si_pid;
}

static void handled(void)
{
	struct sigaction action = {.sa_sigaction = count, .sa_flags = SA_SIGINFO};

	OK(pipe(p));
	close(p[0]);
	OK(sigaction(SIGPIPE, &action, NULL));
	FAILS(write(p[1], "x", 1), EPIPE);
	EQ(signals, 1);
	EQ(from, getpid());
	/* An empty write finds out nothing. */
	EQ(write(p[1], "", 0), 0);
	EQ(signals, 1);
	signal(SIGPIPE, SIG_IGN);
	FAILS(write(p[1], "x", 1), EPIPE);
}

/* A writer that sleeps in a full pipe is woken when the last reader goes. */
static void while_asleep(void)
{
	static char data[100000];

	signal(SIGPIPE, SIG_IGN);
	OK(pipe(p));
	pid_t writer = fork();

	if (writer == 0) {
		close(p[0]);
		/* What was written before counts. */
		ssize_t n = write(p[1], data, sizeof data);

		_exit(n > 0 && n < (ssize_t)sizeof data && write(p[1], data, 1) == -1 && errno == EPIPE ? 0 : 1);
	}
	close(p[1]);
	EQ(read(p[0], data, 1), 1);
	close(p[0]);
	EXITS(writer, 0);
}

int main(void)
{
	KILLED(child(killed_by_default), SIGPIPE);
	IN_CHILD(handled);
	RUN(while_asleep);
	return report();
}
