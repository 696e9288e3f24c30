/* SIGCONT on the heels of a stop: whichever comes last counts, so the child
 * never stays stopped. */
//@ smp=1,2 timeout=60
#include "check.h"

static void worker(void)
{
	for (;;)
		getppid();
}

static void last_one_counts(void)
{
	pid_t pid = child(worker);

	for (int i = 0; i < 3000; i++) {
		OK(kill(pid, SIGSTOP));
		for (volatile int delay = i % 64; delay > 0; delay--)
			;
		OK(kill(pid, SIGCONT));
	}
	/* What is stopped by now stays so, and is told. */
	int status;

	while (waitpid(pid, &status, WNOHANG | WUNTRACED | WCONTINUED) > 0)
		;
	usleep(100000);
	EQ(waitpid(pid, &status, WNOHANG | WUNTRACED), 0);
	/* It still runs: it uses CPU time. */
	OK(kill(pid, SIGKILL));
	KILLED(pid, SIGKILL);
}

/* A long call does not keep the CPU from timers. */
static void alarm_handler(int sig)
{
	(void)sig;
}

static void long_reads_are_interrupted(void)
{
	size_t size = 64 << 20;
	int fd = open("/dev/zero", O_RDONLY);
	char *to = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct sigaction action = {.sa_handler = alarm_handler};

	OK(sigaction(SIGALRM, &action, NULL));
	memset(to, 1, size);
	ualarm(10000, 0);
	ssize_t got = size;

	for (int i = 0; i < 100 && got == (ssize_t)size; i++)
		got = read(fd, to, size);
	CHECK(got < (ssize_t)size);
	munmap(to, size);
	close(fd);
}

int main(void)
{
	RUN(last_one_counts);
	RUN(long_reads_are_interrupted);
	return report();
}
