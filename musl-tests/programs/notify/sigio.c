/* Signals that tell of files: F_SETOWN, F_SETSIG, O_ASYNC, FIOASYNC. */
#include "check.h"
#include <poll.h>
#include <sys/ioctl.h>

#ifndef F_SETSIG
#define F_SETSIG 10
#define F_GETSIG 11
#endif
#ifndef F_SETOWN_EX
#define F_SETOWN_EX 15
#define F_GETOWN_EX 16
#endif
#define F_GETOWNER_UIDS_ 17
struct owner { int type, pid; };

static volatile siginfo_t got;
static volatile int count;
static void handler(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	got = *info;
	count++;
}

static void catch(int sig)
{
	struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };

	OK(sigaction(sig, &sa, NULL));
	count = 0;
}

/* Owner and signal as they are asked and told. */
static void owners(void)
{
	int p[2];
	struct owner o = { 7, 7 };
	unsigned ids[2] = { 9, 9 };

	OK(pipe(p));
	EQ(fcntl(p[0], F_GETOWN), 0);
	OK(fcntl(p[0], F_GETOWN_EX, &o));
	EQ(o.type, 0);
	EQ(o.pid, 0);
	OK(fcntl(p[0], F_SETOWN, getpid()));
	EQ(fcntl(p[0], F_GETOWN), getpid());
	EQ(fcntl(p[1], F_GETOWN), 0);
	OK(fcntl(p[0], F_GETOWN_EX, &o));
	EQ(o.type, 1);
	EQ(o.pid, getpid());
	OK(fcntl(p[0], F_SETOWN, -getpgrp()));
	/* The bare call: its library wrapper uses F_GETOWN_EX. */
	EQ(fcntl(p[0], F_GETOWN), -getpgrp());
	OK(fcntl(p[0], F_GETOWN_EX, &o));
	EQ(o.type, 2);
	EQ(o.pid, getpgrp());
	o = (struct owner){ 0, getpid() };
	OK(fcntl(p[0], F_SETOWN_EX, &o));
	EQ(fcntl(p[0], F_GETOWN), getpid());
	o.type = 3;
	FAILS(fcntl(p[0], F_SETOWN_EX, &o), EINVAL);
	o = (struct owner){ 1, 4000000 };
	FAILS(fcntl(p[0], F_SETOWN_EX, &o), ESRCH);
	o.pid = -getpid();
	FAILS(fcntl(p[0], F_SETOWN_EX, &o), ESRCH);
	FAILS(syscall(SYS_fcntl, p[0], F_SETOWN_EX, 8), EFAULT);
	FAILS(syscall(SYS_fcntl, p[0], F_GETOWN_EX, 8), EFAULT);
	FAILS(fcntl(p[0], F_SETOWN, 4000000), ESRCH);
	FAILS(fcntl(p[0], F_SETOWN, INT32_MIN), EINVAL);
	EQ(fcntl(p[0], F_GETOWN), getpid());
	OK(fcntl(p[0], F_GETOWNER_UIDS_, ids));
	EQ(ids[0], 0);
	EQ(ids[1], 0);
	OK(fcntl(p[0], F_SETOWN, 0));
	EQ(fcntl(p[0], F_GETOWN), 0);
	/* One that has ended is nobody. */
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	OK(fcntl(p[0], F_SETOWN, pid));
	EXITS(pid, 0);
	EQ(fcntl(p[0], F_GETOWN), 0);
	EQ(fcntl(p[0], F_GETSIG), 0);
	OK(fcntl(p[0], F_SETSIG, 40));
	EQ(fcntl(p[0], F_GETSIG), 40);
	FAILS(fcntl(p[0], F_SETSIG, 65), EINVAL);
	FAILS(fcntl(p[0], F_SETSIG, -1), EINVAL);
	int path = OK(open(".", O_PATH));
	FAILS(fcntl(path, F_GETOWN), EBADF);
	FAILS(fcntl(path, F_SETSIG, 0), EBADF);
	close(path);
	close(p[0]);
	close(p[1]);
}

static void readers_are_told(void)
{
	int p[2], on = 1;
	char byte;

	OK(pipe(p));
	catch(SIGIO);
	/* Nothing without O_ASYNC, nothing without an owner. */
	OK(fcntl(p[0], F_SETOWN, getpid()));
	EQ(write(p[1], "x", 1), 1);
	EQ(count, 0);
	OK(fcntl(p[0], F_SETFL, O_ASYNC));
	EQ(fcntl(p[0], F_GETFL), O_RDONLY | O_ASYNC);
	EQ(write(p[1], "x", 1), 1);
	EQ(count, 1);
	EQ(got.si_code, SI_KERNEL);
	OK(fcntl(p[0], F_SETOWN, 0));
	EQ(write(p[1], "x", 1), 1);
	EQ(count, 1);
	OK(fcntl(p[0], F_SETOWN, getpid()));
	OK(fcntl(p[0], F_SETFL, 0));
	EQ(write(p[1], "x", 1), 1);
	EQ(count, 1);
	OK(ioctl(p[0], FIOASYNC, &on));
	EQ(fcntl(p[0], F_GETFL), O_RDONLY | O_ASYNC);
	OK(fcntl(p[0], F_SETSIG, SIGRTMIN + 1));
	catch(SIGRTMIN + 1);
	EQ(write(p[1], "x", 1), 1);
	EQ(count, 1);
	EQ(got.si_code, POLL_IN);
	EQ(got.si_fd, p[0]);
	EQ(got.si_band, POLLIN | POLLRDNORM);
	EQ(read(p[0], &byte, 1), 1);
	EQ(count, 1);
	/* The end of the writers is news, too. */
	close(p[1]);
	EQ(count, 2);
	close(p[0]);
}

static void writers_are_told(void)
{
	int p[2];
	char byte;

	OK(pipe(p));
	catch(SIGCHLD);
	OK(fcntl(p[1], F_SETOWN, getpid()));
	OK(fcntl(p[1], F_SETSIG, SIGCHLD));
	OK(fcntl(p[1], F_SETFL, O_ASYNC));
	EQ(write(p[1], "x", 1), 1);
	EQ(count, 0);
	EQ(read(p[0], &byte, 1), 1);
	EQ(count, 1);
	EQ(got.si_code, SI_SIGIO);
	EQ(got.si_fd, p[1]);
	EQ(got.si_band, POLLOUT | POLLWRNORM | POLLWRBAND);
	close(p[0]);
	EQ(count, 2);
	close(p[1]);
	signal(SIGCHLD, SIG_DFL);
}

static int shared[2], ready[2];
static void waits_for_sigio(void)
{
	catch(SIGIO);
	EQ(write(ready[1], "", 1), 1);
	while (count == 0)
		;
}

/* Another process, and a whole group. */
static void others(void)
{
	OK(pipe(shared));
	OK(pipe(ready));
	pid_t pid = child(waits_for_sigio);
	await_byte(ready[0]);
	OK(fcntl(shared[0], F_SETOWN, pid));
	OK(fcntl(shared[0], F_SETFL, O_ASYNC));
	EQ(write(shared[1], "x", 1), 1);
	EXITS(pid, 0);

	pid_t a = fork();
	if (a == 0) {
		check_failures = 0;
		setpgid(0, 0);
		pid_t b = child(waits_for_sigio);
		waits_for_sigio();
		EXITS(b, 0);
		_exit(report());
	}
	setpgid(a, a);
	await_byte(ready[0]);
	await_byte(ready[0]);
	OK(fcntl(shared[0], F_SETOWN, -a));
	EQ(write(shared[1], "x", 1), 1);
	EXITS(a, 0);
}

/* Who said F_SETOWN must be one who may send the signal. */
static void permission(void)
{
	int p[2];

	OK(pipe(p));
	catch(SIGIO);
	pid_t pid = fork();
	if (pid == 0) {
		setuid(1000);
		_exit(fcntl(p[0], F_SETOWN, getppid()) || fcntl(p[0], F_SETFL, O_ASYNC));
	}
	EXITS(pid, 0);
	EQ(write(p[1], "x", 1), 1);
	EQ(count, 0);
	OK(fcntl(p[0], F_SETOWN, getpid()));
	EQ(write(p[1], "x", 1), 1);
	EQ(count, 1);
	close(p[0]);
	close(p[1]);
}

/* Files that tell nothing: asking is no error for fcntl, but it is for ioctl. */
static void nothing_to_tell(void)
{
	int on = 1, fd = OK(open("f", O_RDWR | O_CREAT, 0600));

	OK(fcntl(fd, F_SETFL, O_ASYNC));
	EQ(fcntl(fd, F_GETFL) & O_ASYNC, 0);
	FAILS(ioctl(fd, FIOASYNC, &on), ENOTTY);
	FAILS(ioctl(fd, FIOASYNC, (void *)8), EFAULT);
	on = 0;
	OK(ioctl(fd, FIOASYNC, &on));
	close(fd);
}

/* How long what is written will live. */
static void write_hints(void)
{
	int fd = OK(open("f", O_RDWR | O_CREAT, 0600)), again = OK(open("f", O_RDONLY));
	uint64_t hint = 99;

	OK(fcntl(fd, 1035, &hint));
	EQ(hint, 0);
	hint = 3;
	OK(fcntl(fd, 1036, &hint));
	OK(fcntl(again, 1035, &hint));
	EQ(hint, 3);
	hint = 6;
	FAILS(fcntl(fd, 1036, &hint), EINVAL);
	FAILS(fcntl(fd, 1037, &hint), EINVAL);
	FAILS(syscall(SYS_fcntl, fd, 1036, 8), EFAULT);
	close(fd);
	close(again);
}

int main(void)
{
	RUN(owners);
	RUN(readers_are_told);
	RUN(writers_are_told);
	RUN(others);
	RUN(permission);
	RUN(nothing_to_tell);
	RUN(write_hints);
	return report();
}
