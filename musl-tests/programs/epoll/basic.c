/* epoll(7): levels, edges, one-shot, MOD and DEL, closing, dup, errors.
 *
//@ smp=1,2
 */
#include "../check.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

static struct epoll_event got[16];

static int ctl(int ep, int op, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event e = { .events = events, .data.u64 = data };

	return epoll_ctl(ep, op, fd, &e);
}

/* What is ready now. */
static int ready(int ep)
{
	return OK(epoll_wait(ep, got, 16, 0));
}

/* Exactly this is ready now. */
#define READY(ep, ev, number) \
	do { \
		EQ(ready(ep), 1); \
		EQ(got[0].events, ev); \
		EQ(got[0].data.u64, number); \
	} while (0)

static void level(void)
{
	int ep = OK(epoll_create1(0)), p[2];

	OK(pipe(p));
	OK(ctl(ep, EPOLL_CTL_ADD, p[0], EPOLLIN, 7));
	EQ(ready(ep), 0);
	OK(write(p[1], "x", 1));
	READY(ep, EPOLLIN, 7);
	READY(ep, EPOLLIN, 7);
	OK(read(p[0], got, 1));
	EQ(ready(ep), 0);
	OK(ctl(ep, EPOLL_CTL_ADD, p[1], EPOLLOUT, 8));
	READY(ep, EPOLLOUT, 8);
	close(p[0]);
	READY(ep, EPOLLOUT | EPOLLERR, 8);
	close(p[1]);
	EQ(ready(ep), 0);
	close(ep);
}

static void hang_up(void)
{
	int ep = OK(epoll_create1(0)), p[2];

	OK(pipe(p));
	OK(ctl(ep, EPOLL_CTL_ADD, p[0], 0, 1));
	OK(write(p[1], "x", 1));
	EQ(ready(ep), 0);
	close(p[1]);
	READY(ep, EPOLLHUP, 1);
	OK(ctl(ep, EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLRDNORM, 2));
	READY(ep, EPOLLHUP | EPOLLIN | EPOLLRDNORM, 2);
	close(p[0]);
	close(ep);
}

static void edge(void)
{
	int ep = OK(epoll_create1(0)), p[2];

	OK(pipe(p));
	OK(write(p[1], "x", 1));
	OK(ctl(ep, EPOLL_CTL_ADD, p[0], EPOLLIN | EPOLLET, 1));
	READY(ep, EPOLLIN, 1);
	EQ(ready(ep), 0);
	/* Every write is an edge, also into what is readable already. */
	OK(write(p[1], "x", 1));
	READY(ep, EPOLLIN, 1);
	EQ(ready(ep), 0);
	/* A read is none. */
	OK(read(p[0], got, 1));
	EQ(ready(ep), 0);
	/* Nor is MOD's own look forgotten. */
	OK(ctl(ep, EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLET, 2));
	READY(ep, EPOLLIN, 2);
	EQ(ready(ep), 0);
	/* What does not matter is no edge. */
	OK(ctl(ep, EPOLL_CTL_MOD, p[0], EPOLLPRI | EPOLLET, 3));
	OK(write(p[1], "x", 1));
	EQ(ready(ep), 0);
	close(p[1]);
	READY(ep, EPOLLHUP, 3);
	EQ(ready(ep), 0);
	close(p[0]);
	close(ep);
}

static void edge_of_eventfd(void)
{
	int ep = OK(epoll_create1(0)), fd = OK(eventfd(0, 0));

	OK(ctl(ep, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLOUT | EPOLLET, 1));
	READY(ep, EPOLLOUT, 1);
	EQ(ready(ep), 0);
	for (int i = 0; i < 3; i++) {
		OK(eventfd_write(fd, 1));
		READY(ep, EPOLLIN | EPOLLOUT, 1);
		EQ(ready(ep), 0);
	}
	eventfd_t v;
	OK(eventfd_read(fd, &v));
	READY(ep, EPOLLOUT, 1);
	EQ(ready(ep), 0);
	close(fd);
	close(ep);
}

static void one_shot(void)
{
	int ep = OK(epoll_create1(0)), fd = OK(eventfd(1, 0));

	OK(ctl(ep, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLONESHOT, 1));
	READY(ep, EPOLLIN, 1);
	EQ(ready(ep), 0);
	OK(eventfd_write(fd, 1));
	EQ(ready(ep), 0);
	OK(ctl(ep, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLONESHOT, 2));
	READY(ep, EPOLLIN, 2);
	EQ(ready(ep), 0);
	OK(ctl(ep, EPOLL_CTL_MOD, fd, EPOLLIN, 3));
	READY(ep, EPOLLIN, 3);
	READY(ep, EPOLLIN, 3);
	close(fd);
	close(ep);
}

/* A file leaves when its last descriptor is closed, not before. */
static void closing(void)
{
	int ep = OK(epoll_create1(0)), p[2];

	OK(pipe(p));
	OK(write(p[1], "x", 1));
	OK(ctl(ep, EPOLL_CTL_ADD, p[0], EPOLLIN, 1));
	int copy = OK(dup(p[0]));
	OK(ctl(ep, EPOLL_CTL_ADD, copy, EPOLLIN, 2));
	EQ(ready(ep), 2);
	OK(close(p[0]));
	EQ(ready(ep), 2);
	/* It cannot be named any more, though it is still there. */
	FAILS(ctl(ep, EPOLL_CTL_DEL, p[0], 0, 0), EBADF);
	OK(ctl(ep, EPOLL_CTL_DEL, copy, 0, 0));
	EQ(ready(ep), 1);
	EQ(got[0].data.u64, 1);
	OK(close(copy));
	EQ(ready(ep), 0);
	/* A new file at the same number is another. */
	int fd = OK(eventfd(1, 0));
	FAILS(ctl(ep, EPOLL_CTL_MOD, fd, EPOLLIN, 3), ENOENT);
	OK(ctl(ep, EPOLL_CTL_ADD, fd, EPOLLIN, 3));
	READY(ep, EPOLLIN, 3);
	close(fd);
	close(p[1]);
	close(ep);
}

static void errors(void)
{
	int ep = OK(epoll_create1(EPOLL_CLOEXEC)), fd = OK(eventfd(0, 0)), p[2];
	struct epoll_event e = { .events = EPOLLIN };
	int file = OK(open("file", O_CREAT | O_RDWR, 0600)), dir = OK(open(".", O_RDONLY));
	int null = OK(open("/dev/null", O_RDWR)), path = OK(open(".", O_PATH));

	OK(pipe(p));
	EQ(fcntl(ep, F_GETFD), FD_CLOEXEC);
	FAILS(syscall(SYS_epoll_create, 0), EINVAL);
	FAILS(syscall(SYS_epoll_create, -1), EINVAL);
	int old = OK(syscall(SYS_epoll_create, 1));
	close(old);
	FAILS(epoll_create1(1), EINVAL);
	FAILS(epoll_ctl(ep, EPOLL_CTL_ADD, file, &e), EPERM);
	FAILS(epoll_ctl(ep, EPOLL_CTL_ADD, dir, &e), EPERM);
	FAILS(epoll_ctl(ep, EPOLL_CTL_ADD, null, &e), EPERM);
	FAILS(epoll_ctl(ep, EPOLL_CTL_ADD, path, &e), EBADF);
	FAILS(epoll_ctl(ep, EPOLL_CTL_ADD, -1, &e), EBADF);
	FAILS(epoll_ctl(-1, EPOLL_CTL_ADD, fd, &e), EBADF);
	FAILS(epoll_ctl(fd, EPOLL_CTL_ADD, ep, &e), EINVAL);
	FAILS(epoll_ctl(ep, EPOLL_CTL_ADD, ep, &e), EINVAL);
	FAILS(epoll_ctl(ep, 0, fd, &e), EINVAL);
	FAILS(epoll_ctl(ep, 4, fd, &e), EINVAL);
	FAILS(epoll_ctl(ep, EPOLL_CTL_ADD, fd, (void *)8), EFAULT);
	FAILS(epoll_ctl(ep, EPOLL_CTL_MOD, fd, &e), ENOENT);
	FAILS(epoll_ctl(ep, EPOLL_CTL_DEL, fd, 0), ENOENT);
	OK(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e));
	FAILS(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e), EEXIST);
	FAILS(syscall(SYS_epoll_wait, ep, got, 0, 0), EINVAL);
	FAILS(syscall(SYS_epoll_wait, ep, got, -1, 0), EINVAL);
	FAILS(syscall(SYS_epoll_wait, ep, got, INT32_MAX, 0), EINVAL);
	FAILS(syscall(SYS_epoll_wait, ep, -12L, 1, 0), EFAULT);
	FAILS(syscall(SYS_epoll_wait, fd, got, 1, 0), EINVAL);
	FAILS(syscall(SYS_epoll_wait, -1, got, 1, 0), EBADF);
	FAILS(read(ep, got, 8), EINVAL);
	FAILS(write(ep, got, 8), EINVAL);
	/* An event that cannot be stored is not lost. */
	OK(eventfd_write(fd, 1));
	FAILS(syscall(SYS_epoll_wait, ep, 8, 1, 0), EFAULT);
	READY(ep, EPOLLIN, 0);
	/* EPOLLEXCLUSIVE's rules. */
	e.events = EPOLLIN | EPOLLEXCLUSIVE;
	FAILS(epoll_ctl(ep, EPOLL_CTL_MOD, fd, &e), EINVAL);
	OK(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &e));
	e.events = EPOLLIN;
	FAILS(epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &e), EINVAL);
	e.events = EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT;
	FAILS(epoll_ctl(ep, EPOLL_CTL_ADD, p[1], &e), EINVAL);
	e.events = EPOLLIN | EPOLLEXCLUSIVE | EPOLLRDHUP;
	FAILS(epoll_ctl(ep, EPOLL_CTL_ADD, p[1], &e), EINVAL);
	int inner = OK(epoll_create1(0));
	e.events = EPOLLIN | EPOLLEXCLUSIVE;
	FAILS(epoll_ctl(ep, EPOLL_CTL_ADD, inner, &e), EINVAL);
	for (int i = 3; i < 20; i++)
		close(i);
}

/* Everybody gets a turn: what was reported goes to the end of the line. */
static void fair(void)
{
	int ep = OK(epoll_create1(0)), fd[8], seen[8] = { 0 };

	for (int i = 0; i < 8; i++) {
		fd[i] = OK(eventfd(1, 0));
		OK(ctl(ep, EPOLL_CTL_ADD, fd[i], EPOLLIN, i));
	}
	for (int i = 0; i < 8; i++) {
		EQ(epoll_wait(ep, got, 2, 0), 2);
		seen[got[0].data.u64]++;
		seen[got[1].data.u64]++;
	}
	for (int i = 0; i < 8; i++)
		EQ(seen[i], 2);
	EQ(ready(ep), 8);
	for (int i = 0; i < 8; i++)
		close(fd[i]);
	EQ(ready(ep), 0);
	close(ep);
}

static volatile int hits;
static void handler(int sig) { (void)sig; hits++; }

static void waiting(void)
{
	int ep = OK(epoll_create1(0)), fd = OK(eventfd(0, 0));
	struct sigaction sa = { .sa_handler = handler, .sa_flags = SA_RESTART };
	struct itimerval it = { .it_value = { 0, 20000 } }, none = { 0 };
	struct timespec before, after, ms = { 0, 30000000 };
	sigset_t set, empty;

	OK(ctl(ep, EPOLL_CTL_ADD, fd, EPOLLIN, 1));
	clock_gettime(CLOCK_MONOTONIC, &before);
	EQ(epoll_wait(ep, got, 1, 30), 0);
	EQ(syscall(SYS_epoll_pwait2, ep, got, 1, &ms, 0, 8), 0);
	clock_gettime(CLOCK_MONOTONIC, &after);
	CHECK((after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec >= 60000000);
	ms.tv_nsec = 1000000000;
	FAILS(syscall(SYS_epoll_pwait2, ep, got, 1, &ms, 0, 8), EINVAL);
	FAILS(syscall(SYS_epoll_pwait2, ep, got, 1, (void *)8, 0, 8), EFAULT);

	sigaction(SIGALRM, &sa, 0);
	syscall(SYS_setitimer, 0, &it, 0);
	/* Never restarted. */
	FAILS(epoll_wait(ep, got, 1, -1), EINTR);
	EQ(hits, 1);
	/* The mask holds for the wait only. */
	sigemptyset(&empty);
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	sigprocmask(SIG_BLOCK, &set, 0);
	syscall(SYS_setitimer, 0, &it, 0);
	FAILS(epoll_pwait(ep, got, 1, -1, &empty), EINTR);
	EQ(hits, 2);
	syscall(SYS_setitimer, 0, &none, 0);
	sigset_t now;
	sigprocmask(SIG_SETMASK, 0, &now);
	EQ(sigismember(&now, SIGALRM), 1);
	/* An event is told before a signal. */
	OK(eventfd_write(fd, 1));
	raise(SIGALRM);
	EQ(epoll_pwait(ep, got, 1, -1, &empty), 1);
	FAILS(syscall(SYS_epoll_pwait, ep, got, 1, -1, &empty, 4), EINVAL);
	sigprocmask(SIG_UNBLOCK, &set, 0);
	EQ(hits, 3);
	close(fd);
	close(ep);
}

/* A sleeper in another process is woken; the set is shared by fork. */
static void wakes(void)
{
	int ep = OK(epoll_create1(0)), fd = OK(eventfd(0, 0)), back = OK(eventfd(0, 0));
	pid_t pid;

	OK(ctl(ep, EPOLL_CTL_ADD, fd, EPOLLIN, 5));
	pid = fork();
	if (pid == 0) {
		check_failures = 0;
		for (int i = 0; i < 300; i++) {
			EQ(epoll_wait(ep, got, 4, -1), 1);
			EQ(got[0].data.u64, 5);
			eventfd_t v;
			OK(eventfd_read(fd, &v));
			OK(eventfd_write(back, 1));
		}
		_exit(report());
	}
	for (int i = 0; i < 300; i++) {
		eventfd_t v;
		OK(eventfd_write(fd, 1));
		OK(eventfd_read(back, &v));
	}
	EXITS(pid, 0);
	close(ep);
	close(fd);
	close(back);
}

/* The lines of /proc/self/fdinfo, as far as they do not change from boot to boot. */
static void fdinfo(void)
{
	int ep = OK(epoll_create1(0)), fd = OK(eventfd(0x1f, 0));
	char path[64], text[512], want[128];

	snprintf(path, sizeof path, "/proc/self/fdinfo/%d", ep);
	int info = open(path, O_RDONLY);
	if (info < 0)
		return; /* no procfs yet */
	close(info);
	OK(ctl(ep, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLET, 0xabcd));
	info = OK(open(path, O_RDONLY));
	int n = OK(read(info, text, sizeof text - 1));
	text[n] = 0;
	snprintf(want, sizeof want, "tfd: %8d events: %8x data: %16x  pos:0 ino:", fd,
		 EPOLLIN | EPOLLET | EPOLLERR | EPOLLHUP, 0xabcd);
	CHECK(strstr(text, want) != 0);
	close(info);
	snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
	info = OK(open(path, O_RDONLY));
	n = OK(read(info, text, sizeof text - 1));
	text[n] = 0;
	CHECK(strstr(text, "eventfd-count:               1f\neventfd-id: ") != 0);
	close(info);
	close(ep);
	close(fd);
}

int main(void)
{
	RUN(level);
	RUN(hang_up);
	RUN(edge);
	RUN(edge_of_eventfd);
	RUN(one_shot);
	RUN(closing);
	RUN(errors);
	RUN(fair);
	RUN(waiting);
	RUN(wakes);
	RUN(fdinfo);
	return report();
}
