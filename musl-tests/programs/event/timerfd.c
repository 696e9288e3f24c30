/* timerfd_create(2): times, periods, the settable clock, polling, errors. */
//@ smp=1,2
#include "../check.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>

#define SET_TICKS _IOW('T', 0, uint64_t)

static uint64_t ticks;

static struct itimerspec spec(long first_ns, long every_ns)
{
	struct itimerspec its = { .it_value = { first_ns / 1000000000, first_ns % 1000000000 },
				  .it_interval = { every_ns / 1000000000, every_ns % 1000000000 } };
	return its;
}

static int set(int fd, int flags, long first, long every)
{
	struct itimerspec its = spec(first, every);

	return timerfd_settime(fd, flags, &its, 0);
}

static long now(int clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int readable(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };

	OK(poll(&p, 1, ms));
	return p.revents;
}

static void once(int clock)
{
	int fd = OK(timerfd_create(clock, TFD_NONBLOCK));
	struct itimerspec its;

	FAILS(read(fd, &ticks, 8), EAGAIN);
	EQ(readable(fd, 0), 0);
	long before = now(CLOCK_MONOTONIC);
	OK(set(fd, 0, 20000000, 0));
	OK(timerfd_gettime(fd, &its));
	CHECK(its.it_value.tv_sec == 0 && its.it_value.tv_nsec > 0 && its.it_value.tv_nsec <= 20000000);
	EQ(readable(fd, -1), POLLIN);
	CHECK(now(CLOCK_MONOTONIC) - before >= 20000000);
	OK(timerfd_gettime(fd, &its));
	EQ(its.it_value.tv_nsec, 0);
	EQ(read(fd, &ticks, 8), 8);
	EQ(ticks, 1);
	FAILS(read(fd, &ticks, 8), EAGAIN);
	/* At a moment of its clock, also one that has passed. */
	OK(set(fd, TFD_TIMER_ABSTIME, now(clock) + 10000000, 0));
	EQ(readable(fd, -1), POLLIN);
	OK(set(fd, TFD_TIMER_ABSTIME, 1, 0));
	EQ(readable(fd, 1000), POLLIN);
	EQ(read(fd, &ticks, 8), 8);
	EQ(ticks, 1);
	/* Off. */
	OK(set(fd, 0, 10000000, 0));
	OK(set(fd, 0, 0, 5));
	EQ(readable(fd, 30), 0);
	close(fd);
}

static void monotonic(void) { once(CLOCK_MONOTONIC); }
static void real(void) { once(CLOCK_REALTIME); }
static void boottime(void) { once(CLOCK_BOOTTIME); }

static void periodic(void)
{
	int fd = OK(timerfd_create(CLOCK_MONOTONIC, 0));
	struct itimerspec its, old;

	OK(set(fd, 0, 5000000, 5000000));
	EQ(read(fd, &ticks, 8), 8);
	CHECK(ticks >= 1);
	usleep(32000);
	EQ(read(fd, &ticks, 8), 8);
	CHECK(ticks >= 5);
	OK(timerfd_gettime(fd, &its));
	EQ(its.it_interval.tv_nsec, 5000000);
	CHECK(its.it_value.tv_nsec <= 5000000);
	its = spec(0, 0);
	OK(timerfd_settime(fd, 0, &its, &old));
	EQ(old.it_interval.tv_nsec, 5000000);
	/* Shorter than anybody can count one by one. */
	OK(set(fd, 0, 1, 1));
	usleep(10000);
	EQ(read(fd, &ticks, 8), 8);
	CHECK(ticks > 9000000);
	/* An absolute start long ago counts all periods since. */
	OK(set(fd, TFD_TIMER_ABSTIME, now(CLOCK_MONOTONIC) - 100000000, 10000000));
	EQ(read(fd, &ticks, 8), 8);
	CHECK(ticks >= 11);
	close(fd);
}

static void clock_is_set(void)
{
	int fd = OK(timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK));
	int plain = OK(timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK));
	int ep = OK(epoll_create1(0));
	struct epoll_event e = { .events = EPOLLIN };
	struct timespec ts;

	OK(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e));
	OK(set(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, now(CLOCK_REALTIME) + 3600000000000, 0));
	OK(set(plain, TFD_TIMER_ABSTIME, now(CLOCK_REALTIME) + 3600000000000, 0));
	EQ(epoll_wait(ep, &e, 1, 0), 0);
	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_sec += 100;
	OK(clock_settime(CLOCK_REALTIME, &ts));
	EQ(epoll_wait(ep, &e, 1, 0), 1);
	FAILS(read(fd, &ticks, 8), ECANCELED);
	FAILS(read(fd, &ticks, 8), EAGAIN);
	EQ(readable(plain, 0), 0);
	/* The moment itself comes with the clock. */
	ts.tv_sec += 3600;
	OK(clock_settime(CLOCK_REALTIME, &ts));
	EQ(readable(plain, 1000), POLLIN);
	EQ(read(plain, &ticks, 8), 8);
	EQ(ticks, 1);
	/* A span does not. */
	OK(set(plain, 0, 3600000000000, 0));
	ts.tv_sec += 7200;
	OK(clock_settime(CLOCK_REALTIME, &ts));
	EQ(readable(plain, 0), 0);
	ts.tv_sec -= 100 + 3600 + 7200;
	OK(clock_settime(CLOCK_REALTIME, &ts));
	close(fd);
	close(plain);
	close(ep);
}

static void errors(void)
{
	struct itimerspec its = spec(1, 0);

	FAILS(timerfd_create(CLOCK_PROCESS_CPUTIME_ID, 0), EINVAL);
	FAILS(timerfd_create(CLOCK_MONOTONIC_RAW, 0), EINVAL);
	FAILS(timerfd_create(99, 0), EINVAL);
	FAILS(timerfd_create(CLOCK_MONOTONIC, 1), EINVAL);
	int fd = OK(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
	EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	FAILS(timerfd_settime(fd, 4, &its, 0), EINVAL);
	FAILS(timerfd_settime(0, 0, &its, 0), EINVAL);
	FAILS(timerfd_settime(-1, 0, &its, 0), EBADF);
	FAILS(timerfd_settime(fd, 0, (void *)8, 0), EFAULT);
	FAILS(timerfd_gettime(fd, (void *)8), EFAULT);
	FAILS(timerfd_gettime(-1, &its), EBADF);
	its.it_value.tv_nsec = 1000000000;
	FAILS(timerfd_settime(fd, 0, &its, 0), EINVAL);
	its.it_value.tv_nsec = 1;
	its.it_interval.tv_sec = -1;
	FAILS(timerfd_settime(fd, 0, &its, 0), EINVAL);
	FAILS(read(fd, &ticks, 7), EINVAL);
	FAILS(write(fd, &ticks, 8), EINVAL);
	ticks = 0;
	FAILS(ioctl(fd, SET_TICKS, &ticks), EINVAL);
	ticks = 7;
	OK(ioctl(fd, SET_TICKS, &ticks));
	EQ(readable(fd, 0), POLLIN);
	EQ(read(fd, &ticks, 8), 8);
	EQ(ticks, 7);
	FAILS(ioctl(fd, 0x5401, &ticks), ENOTTY);
	close(fd);
	fd = OK(timerfd_create(CLOCK_BOOTTIME_ALARM, 0));
	close(fd);
}

static void without_rights(void)
{
	OK(syscall(SYS_setuid, 1000));
	FAILS(timerfd_create(CLOCK_REALTIME_ALARM, 0), EPERM);
	close(OK(timerfd_create(CLOCK_REALTIME, 0)));
}

static void unprivileged(void) { IN_CHILD(without_rights); }

int main(void)
{
	RUN(monotonic);
	RUN(real);
	RUN(boottime);
	RUN(periodic);
	RUN(clock_is_set);
	RUN(errors);
	RUN(unprivileged);
	return report();
}
