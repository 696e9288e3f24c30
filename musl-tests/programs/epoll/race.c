/* Many processes around one epoll set: no event is lost, none is told twice where it must not be,
 * whoever adds, removes and closes meanwhile.
 *
//@ smp=1,2,4 timeout=180
 */
#include "../check.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>

#define WORKERS 4
#define ROUNDS 3000

/* Workers share an edge-triggered or one-shot semaphore: every count is taken once. */
static void shared(uint32_t how)
{
	int ep = OK(epoll_create1(0)), fd = OK(eventfd(0, EFD_SEMAPHORE | EFD_NONBLOCK));
	int *taken = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct epoll_event e = { .events = EPOLLIN | how, .data.fd = fd }, got;
	pid_t pid[WORKERS];

	OK(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e));
	for (int w = 0; w < WORKERS; w++) {
		pid[w] = fork();
		if (pid[w])
			continue;
		while (__atomic_load_n(taken, __ATOMIC_SEQ_CST) < ROUNDS) {
			eventfd_t v;

			if (epoll_wait(ep, &got, 1, 2000) != 1)
				_exit(__atomic_load_n(taken, __ATOMIC_SEQ_CST) != ROUNDS);
			while (read(fd, &v, 8) == 8)
				if (__atomic_add_fetch(taken, 1, __ATOMIC_SEQ_CST) == ROUNDS)
					_exit(0);
			if (how & EPOLLONESHOT)
				OK(epoll_ctl(ep, EPOLL_CTL_MOD, fd, &e));
		}
		_exit(report());
	}
	for (int i = 0; i < ROUNDS; i++)
		OK(eventfd_write(fd, 1));
	for (int w = 0; w < WORKERS; w++)
		EXITS(pid[w], 0);
	EQ(*taken, ROUNDS);
	munmap(taken, 4096);
	close(ep);
	close(fd);
}

static void level(void) { shared(0); }
static void edge(void) { shared(EPOLLET); }
static void one_shot(void) { shared(EPOLLONESHOT); }

/* Each in a set of its own, woken one at a time. */
static void exclusive(void)
{
	int fd = OK(eventfd(0, EFD_SEMAPHORE | EFD_NONBLOCK));
	int *taken = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid[WORKERS];

	for (int w = 0; w < WORKERS; w++) {
		pid[w] = fork();
		if (pid[w])
			continue;
		int ep = OK(epoll_create1(0));
		struct epoll_event e = { .events = EPOLLIN | EPOLLEXCLUSIVE }, got;
		OK(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e));
		__atomic_add_fetch(taken + 1, 1, __ATOMIC_SEQ_CST);
		while (epoll_wait(ep, &got, 1, 2000) == 1) {
			eventfd_t v;
			if (read(fd, &v, 8) == 8 && __atomic_add_fetch(taken, 1, __ATOMIC_SEQ_CST) == ROUNDS)
				break;
		}
		_exit(report());
	}
	while (__atomic_load_n(taken + 1, __ATOMIC_SEQ_CST) < WORKERS)
		usleep(1000);
	for (int i = 0; i < ROUNDS; i++) {
		OK(eventfd_write(fd, 1));
		/* One at a time: each must wake somebody. */
		for (int ms = 0; __atomic_load_n(taken, __ATOMIC_SEQ_CST) <= i; ms++) {
			if (ms == 1500) {
				check_fail(__FILE__, __LINE__, "event %d reached nobody", i);
				goto out;
			}
			if (ms < 50)
				syscall(SYS_sched_yield);
			else
				usleep(1000);
		}
	}
out:
	for (int w = 0; w < WORKERS; w++)
		EXITS(pid[w], 0);
	munmap(taken, 4096);
	close(fd);
}

/* Files come and go while others write to them and wait for them. */
static void churn(void)
{
	int ep = OK(epoll_create1(0)), p[2], stop = OK(eventfd(0, 0));
	pid_t waiter, writer;

	OK(pipe2(p, O_NONBLOCK));
	waiter = fork();
	if (waiter == 0) {
		struct epoll_event got[4];
		char c[64];

		close(p[1]);
		for (;;) {
			int n = OK(epoll_wait(ep, got, 4, -1));
			for (int i = 0; i < n; i++) {
				if (got[i].data.fd == stop)
					_exit(report());
				while (read(p[0], c, sizeof c) > 0)
					;
			}
		}
	}
	writer = fork();
	if (writer == 0) {
		close(p[0]);
		for (int i = 0; i < ROUNDS; i++) {
			if (write(p[1], "x", 1) < 0)
				CHECK(errno == EAGAIN);
			if (i % 16 == 0)
				syscall(SYS_sched_yield);
		}
		_exit(report());
	}
	struct epoll_event e = { .events = EPOLLIN };
	for (int i = 0; i < ROUNDS; i++) {
		int copy = OK(dup(p[0]));
		e.data.fd = copy;
		e.events = EPOLLIN | (i % 2 ? EPOLLET : 0);
		OK(epoll_ctl(ep, EPOLL_CTL_ADD, copy, &e));
		if (i % 3)
			OK(epoll_ctl(ep, EPOLL_CTL_MOD, copy, &e));
		OK(epoll_ctl(ep, EPOLL_CTL_DEL, copy, 0));
		close(copy);
		int other = OK(eventfd(1, 0));
		e.data.fd = -1;
		OK(epoll_ctl(ep, EPOLL_CTL_ADD, other, &e));
		close(other);
	}
	EXITS(writer, 0);
	e.data.fd = stop;
	e.events = EPOLLIN;
	OK(epoll_ctl(ep, EPOLL_CTL_ADD, stop, &e));
	OK(eventfd_write(stop, 1));
	EXITS(waiter, 0);
	close(ep);
	close(p[0]);
	close(p[1]);
	close(stop);
}

int main(void)
{
	RUN(level);
	RUN(edge);
	RUN(one_shot);
	RUN(exclusive);
	RUN(churn);
	return report();
}
