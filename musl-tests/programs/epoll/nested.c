/* Epoll sets within epoll sets: what they report, loops and depth.
 *
//@ smp=1,2
 */
#include "../check.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

static struct epoll_event got[16];

static int add(int ep, int fd, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.fd = fd };

	return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
}

static void readable_through(void)
{
	int outer = OK(epoll_create1(0)), middle = OK(epoll_create1(0)), inner = OK(epoll_create1(0));
	int fd = OK(eventfd(0, 0));
	struct pollfd p = { .fd = outer, .events = POLLIN };

	OK(add(outer, middle, EPOLLIN));
	OK(add(middle, inner, EPOLLIN));
	OK(add(inner, fd, EPOLLIN));
	EQ(epoll_wait(outer, got, 16, 0), 0);
	EQ(poll(&p, 1, 0), 0);
	OK(eventfd_write(fd, 1));
	EQ(poll(&p, 1, 0), 1);
	EQ(p.revents, POLLIN);
	EQ(epoll_wait(outer, got, 16, 0), 1);
	EQ(got[0].data.fd, middle);
	EQ(got[0].events, EPOLLIN);
	EQ(epoll_wait(inner, got, 16, 0), 1);
	eventfd_t v;
	OK(eventfd_read(fd, &v));
	EQ(epoll_wait(outer, got, 16, 0), 0);
	EQ(poll(&p, 1, 0), 0);

	/* A sleeper at the far end. */
	pid_t pid = fork();
	if (pid == 0) {
		EQ(epoll_wait(outer, got, 16, -1), 1);
		EQ(poll(&p, 1, -1), 1);
		_exit(report());
	}
	struct timespec ms = { 0, 20000000 };
	nanosleep(&ms, 0);
	OK(eventfd_write(fd, 1));
	EXITS(pid, 0);
	close(fd);
	EQ(epoll_wait(outer, got, 16, 0), 0);
	close(outer);
	close(middle);
	close(inner);
}

static void edge_of_a_set(void)
{
	int outer = OK(epoll_create1(0)), inner = OK(epoll_create1(0)), fd = OK(eventfd(1, 0));

	OK(add(inner, fd, EPOLLIN));
	OK(add(outer, inner, EPOLLIN | EPOLLET));
	EQ(epoll_wait(outer, got, 16, 0), 1);
	EQ(epoll_wait(outer, got, 16, 0), 0);
	OK(eventfd_write(fd, 1));
	EQ(epoll_wait(outer, got, 16, 0), 1);
	EQ(epoll_wait(outer, got, 16, 0), 0);
	close(outer);
	close(inner);
	close(fd);
}

static void loops(void)
{
	int a = OK(epoll_create1(0)), b = OK(epoll_create1(0)), c = OK(epoll_create1(0));

	OK(add(a, b, EPOLLIN));
	FAILS(add(b, a, EPOLLIN), ELOOP);
	OK(add(b, c, EPOLLIN));
	FAILS(add(c, a, EPOLLIN), ELOOP);
	FAILS(add(a, a, EPOLLIN), EINVAL);
	FAILS(add(a, b, EPOLLIN), EEXIST);
	OK(add(a, c, EPOLLIN));
	OK(epoll_ctl(a, EPOLL_CTL_DEL, b, 0));
	OK(epoll_ctl(a, EPOLL_CTL_DEL, c, 0));
	OK(add(c, a, EPOLLIN));
	close(a);
	close(b);
	close(c);
}

/* Chains of sets, built from the inside and from the outside: what is refused, and how. */
static void depth(void)
{
	int chain[10], fd = OK(eventfd(1, 0));
	int first_error = 0, first_errno = 0;

	for (int i = 0; i < 10; i++)
		chain[i] = OK(epoll_create1(0));
	OK(add(chain[0], fd, EPOLLIN));
	for (int i = 1; i < 10; i++)
		if (add(chain[i], chain[i - 1], EPOLLIN) != 0) {
			first_error = i;
			first_errno = errno;
			break;
		}
	EQ(first_error, 5);
	EQ(first_errno, ELOOP);
	for (int i = 0; i < 10; i++)
		close(chain[i]);

	for (int i = 0; i < 10; i++)
		chain[i] = OK(epoll_create1(0));
	first_error = 0;
	for (int i = 1; i < 10; i++)
		if (add(chain[i], chain[i - 1], EPOLLIN) != 0) {
			first_error = i;
			first_errno = errno;
			break;
		}
	EQ(first_error, 5);
	EQ(first_errno, ELOOP);
	OK(add(chain[0], fd, EPOLLIN));
	OK(add(chain[2], fd, EPOLLIN));
	for (int i = 0; i < 10; i++)
		close(chain[i]);
	close(fd);
}

/* Few chains of sets may watch one file; a set of it alone does not count. */
static void paths(void)
{
	int fd = OK(eventfd(1, 0)), inner = OK(epoll_create1(0)), outer[600], n = 0, why = 0;

	OK(add(inner, fd, EPOLLIN));
	while (n < 600) {
		outer[n] = OK(epoll_create1(0));
		if (add(outer[n++], inner, EPOLLIN) != 0) {
			why = errno;
			break;
		}
	}
	EQ(n, 501);
	EQ(why, EINVAL);
	for (int i = 0; i < n; i++)
		close(outer[i]);
	close(inner);
	close(fd);
}

/* A set that is closed while others watch it, and one closed while it watches. */
static void closing(void)
{
	for (int i = 0; i < 50; i++) {
		int outer = OK(epoll_create1(0)), inner = OK(epoll_create1(0)), fd = OK(eventfd(1, 0));

		OK(add(outer, inner, EPOLLIN));
		OK(add(inner, fd, EPOLLIN));
		close(i % 3 == 0 ? outer : i % 3 == 1 ? inner : fd);
		if (i % 3)
			EQ(epoll_wait(outer, got, 16, 0), 0);
		close(i % 3 == 0 ? inner : i % 3 == 1 ? fd : outer);
		close(i % 3 == 0 ? fd : i % 3 == 1 ? outer : inner);
	}
}

int main(void)
{
	RUN(readable_through);
	RUN(edge_of_a_set);
	RUN(loops);
	RUN(depth);
	RUN(paths);
	RUN(closing);
	return report();
}
