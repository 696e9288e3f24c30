/* poll(2), ppoll(2): readiness of pipes and files, timeouts, masks. */
//@ smp=1,2,4
#include "check.h"
#include <poll.h>
#include <sys/resource.h>

static int p[2];

static void pipes(void)
{
	struct pollfd f[2] = {{p[0], POLLIN, 0}, {p[1], POLLOUT, 0}};
	char c;

	EQ(poll(f, 2, -1), 1);
	EQ(f[0].revents, 0);
	EQ(f[1].revents, POLLOUT);
	EQ(write(p[1], "x", 1), 1);
	EQ(poll(f, 2, -1), 2);
	EQ(f[0].revents, POLLIN);
	f[0].events = POLLIN | POLLRDNORM | POLLPRI;
	EQ(poll(f, 1, 0), 1);
	EQ(f[0].revents, POLLIN | POLLRDNORM);
	EQ(read(p[0], &c, 1), 1);
	EQ(poll(f, 1, 0), 0);
}

static void hang_ups(void)
{
	int q[2];

	OK(pipe(q));
	struct pollfd f[2] = {{q[0], POLLIN, 0}, {q[1], POLLOUT, 0}};

	EQ(write(q[1], "x", 1), 1);
	close(q[1]);
	f[1].fd = -1;
	/* Hang-up is told unasked, beside what is still there to read. */
	EQ(poll(f, 2, 0), 1);
	EQ(f[0].revents, POLLIN | POLLHUP);
	f[0].events = 0;
	EQ(poll(f, 1, 0), 1);
	EQ(f[0].revents, POLLHUP);
	close(q[0]);
	OK(pipe(q));
	close(q[0]);
	f[1].fd = q[1];
	EQ(poll(f + 1, 1, 0), 1);
	EQ(f[1].revents, POLLOUT | POLLERR);
	close(q[1]);
}

static void files_and_closed(void)
{
	int fd = file_with("f", "", 0), dir = OK(open(".", O_RDONLY));
	struct pollfd f[4] = {{fd, POLLIN | POLLOUT, 0}, {999, POLLIN, 0}, {-5, POLLIN, 7}, {dir, POLLIN, 0}};

	EQ(poll(f, 4, -1), 3);
	EQ(f[0].revents, POLLIN | POLLOUT);
	EQ(f[1].revents, POLLNVAL);
	EQ(f[2].revents, 0);
	EQ(f[3].revents, POLLIN);
	close(dir);
	close(fd);
}

static void full(void)
{
	static char data[65536];
	struct pollfd f = {p[1], POLLOUT, 0};

	EQ(write(p[1], data, sizeof data), sizeof data);
	EQ(poll(&f, 1, 0), 0);
	EQ(f.revents, 0);
	/* Room for PIPE_BUF is what makes it writable. */
	EQ(read(p[0], data, 4095), 4095);
	EQ(poll(&f, 1, 0), 0);
	EQ(read(p[0], data, 1), 1);
	EQ(poll(&f, 1, 0), 1);
	EQ(read(p[0], data, sizeof data), sizeof data - 4096);
}

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static void timeouts(void)
{
	struct pollfd f = {p[0], POLLIN, 0};
	long long start = now_ms();

	EQ(poll(&f, 1, 30), 0);
	CHECK(now_ms() - start >= 29);
	start = now_ms();
	EQ(poll(NULL, 0, 20), 0);
	CHECK(now_ms() - start >= 19);
	struct timespec t = {0, 20000000}, bad = {0, -1};

	/* The raw call counts its time down; the library hides that. */
	EQ(syscall(SYS_ppoll, &f, 1, &t, NULL, 8), 0);
	EQ(t.tv_sec | t.tv_nsec, 0);
	FAILS(syscall(SYS_ppoll, &f, 1, &bad, NULL, 8), EINVAL);
	sigset_t none;

	sigemptyset(&none);
	FAILS(syscall(SYS_ppoll, &f, 1, &t, &none, 7), EINVAL);
}

/* A sleeper in poll is woken by the event, from another process. */
static void woken(void)
{
	int answers[2];

	OK(pipe(answers));
	pid_t pid = fork();

	if (pid == 0) {
		struct pollfd f = {p[0], POLLIN, 0};

		for (int i = 0; i < 300; i++) {
			char c;

			if (poll(&f, 1, -1) != 1 || f.revents != POLLIN || read(p[0], &c, 1) != 1)
				_exit(1);
			(void)!write(answers[1], "a", 1);
		}
		_exit(0);
	}
	for (int i = 0; i < 300; i++) {
		EQ(write(p[1], "x", 1), 1);
		EQ(await_byte(answers[0]), 'a');
	}
	EXITS(pid, 0);
}

static volatile int count;

static void note(int sig)
{
	(void)sig;
	count++;
}

/* ppoll's mask holds while it sleeps, and only then: no race with the signal. */
static void masks(void)
{
	sigset_t usr1, none;
	struct pollfd f = {p[0], POLLIN, 0};
	struct timespec ample = {100, 0};

	sigemptyset(&none);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	OK(sigprocmask(SIG_BLOCK, &usr1, NULL));
	signal(SIGUSR1, note);
	raise(SIGUSR1);
	EQ(count, 0);
	FAILS(ppoll(&f, 1, &ample, &none), EINTR);
	EQ(count, 1);
	sigset_t now;

	OK(sigprocmask(SIG_BLOCK, NULL, &now));
	EQ(sigismember(&now, SIGUSR1), 1);
	/* Ready at once: a pending signal is not looked at. */
	raise(SIGUSR1);
	EQ(write(p[1], "x", 1), 1);
	EQ(ppoll(&f, 1, &ample, &none), 1);
	OK(sigprocmask(SIG_UNBLOCK, &usr1, NULL));
	EQ(await_byte(p[0]), 'x');
}

static void refusals(void)
{
	struct rlimit limit = {10, 10};
	static struct pollfd many[11];

	FAILS(syscall(SYS_poll, 8, 1, 0), EFAULT);
	OK(setrlimit(RLIMIT_NOFILE, &limit));
	FAILS(poll(many, 11, 0), EINVAL);
}

int main(void)
{
	OK(pipe(p));
	RUN(pipes);
	RUN(hang_ups);
	RUN(files_and_closed);
	RUN(full);
	RUN(timeouts);
	RUN(woken);
	RUN(masks);
	IN_CHILD(refusals);
	return report();
}
