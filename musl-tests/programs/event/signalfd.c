/* signalfd(2): reading signals, polling, masks, siginfo of all kinds, threads and children. */
//@ smp=1,2
#include "../check.h"
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

static struct signalfd_siginfo info[4];

static sigset_t set_of(int a, int b)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, a);
	if (b)
		sigaddset(&set, b);
	return set;
}

static int readable(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };

	OK(poll(&p, 1, ms));
	return p.revents;
}

static void reads(void)
{
	sigset_t set = set_of(SIGUSR1, SIGRTMIN);
	int fd = OK(signalfd(-1, &set, SFD_NONBLOCK));

	sigprocmask(SIG_BLOCK, &set, 0);
	FAILS(read(fd, info, sizeof info), EAGAIN);
	EQ(readable(fd, 0), 0);
	kill(getpid(), SIGUSR1);
	kill(getpid(), SIGUSR1);
	union sigval v = { .sival_int = 0x12345678 };
	sigqueue(getpid(), SIGRTMIN, v);
	v.sival_int = -2;
	sigqueue(getpid(), SIGRTMIN, v);
	EQ(readable(fd, 0), POLLIN);
	EQ(read(fd, info, sizeof info), 3 * sizeof info[0]);
	EQ(info[0].ssi_signo, SIGUSR1);
	EQ(info[0].ssi_code, SI_USER);
	EQ(info[0].ssi_pid, getpid());
	EQ(info[1].ssi_signo, SIGRTMIN);
	EQ(info[1].ssi_code, SI_QUEUE);
	EQ(info[1].ssi_int, 0x12345678);
	EQ(info[2].ssi_int, -2);
	FAILS(read(fd, info, sizeof info), EAGAIN);
	FAILS(read(fd, info, sizeof info[0] - 1), EINVAL);
	FAILS(write(fd, info, sizeof info), EINVAL);
	syscall(SYS_tgkill, getpid(), getpid(), SIGUSR1);
	EQ(read(fd, info, sizeof info), sizeof info[0]);
	EQ(info[0].ssi_code, SI_TKILL);
	close(fd);
}

static void children(void)
{
	sigset_t set = set_of(SIGCHLD, 0);
	int fd = OK(signalfd(-1, &set, 0));

	sigprocmask(SIG_BLOCK, &set, 0);
	for (int i = 0; i < 50; i++) {
		pid_t pid = fork();
		if (pid == 0)
			_exit(i);
		EQ(read(fd, info, sizeof info), sizeof info[0]);
		EQ(info[0].ssi_signo, SIGCHLD);
		EQ(info[0].ssi_code, CLD_EXITED);
		EQ(info[0].ssi_pid, pid);
		EQ(info[0].ssi_status, i);
		EXITS(pid, i);
	}
	close(fd);
}

static void new_mask(void)
{
	sigset_t one = set_of(SIGUSR1, 0), two = set_of(SIGUSR2, SIGKILL);
	sigset_t both = set_of(SIGUSR1, SIGUSR2);
	int fd = OK(signalfd(-1, &one, SFD_NONBLOCK | SFD_CLOEXEC)), ep = OK(epoll_create1(0));
	struct epoll_event e = { .events = EPOLLIN };

	EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	sigprocmask(SIG_BLOCK, &both, 0);
	OK(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e));
	kill(getpid(), SIGUSR2);
	EQ(readable(fd, 0), 0);
	EQ(epoll_wait(ep, &e, 1, 0), 0);
	EQ(signalfd(fd, &two, 0), fd);
	EQ(readable(fd, 0), POLLIN);
	EQ(epoll_wait(ep, &e, 1, 0), 1);
	EQ(read(fd, info, sizeof info), sizeof info[0]);
	EQ(info[0].ssi_signo, SIGUSR2);
	EQ(epoll_wait(ep, &e, 1, 0), 0);
	kill(getpid(), SIGUSR2);
	EQ(epoll_wait(ep, &e, 1, 1000), 1);
	EQ(read(fd, info, sizeof info), sizeof info[0]);
	close(ep);
	close(fd);
}

static void errors(void)
{
	sigset_t set = set_of(SIGUSR1, 0);

	FAILS(syscall(SYS_signalfd4, -1, &set, 4, 0), EINVAL);
	FAILS(syscall(SYS_signalfd4, -1, &set, 8, 1), EINVAL);
	FAILS(syscall(SYS_signalfd4, -1, (void *)8, 8, 0), EFAULT);
	FAILS(syscall(SYS_signalfd4, 0, &set, 8, 0), EINVAL);
	FAILS(syscall(SYS_signalfd4, 77, &set, 8, 0), EBADF);
	FAILS(syscall(SYS_signalfd4, -2, &set, 8, 0), EBADF);
	int fd = OK(syscall(SYS_signalfd, -1, &set, 8));
	EQ(fcntl(fd, F_GETFL), O_RDWR);
	close(fd);
}

/* Each thread reads its own signals and those of the process. */
static void *reader(void *arg)
{
	int fd = *(int *)arg;

	EQ(readable(fd, 0), 0);
	syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGUSR1);
	EQ(readable(fd, 0), POLLIN);
	EQ(read(fd, info, sizeof info), sizeof info[0]);
	return 0;
}

static void threads(void)
{
	sigset_t set = set_of(SIGUSR1, 0);
	int fd = OK(signalfd(-1, &set, SFD_NONBLOCK));
	pthread_t t;

	sigprocmask(SIG_BLOCK, &set, 0);
	syscall(SYS_tgkill, getpid(), getpid(), SIGUSR1);
	EQ(readable(fd, 0), POLLIN);
	pthread_create(&t, 0, reader, &fd);
	pthread_join(t, 0);
	EQ(readable(fd, 0), POLLIN);
	EQ(read(fd, info, sizeof info), sizeof info[0]);
	close(fd);
}

int main(void)
{
	RUN(reads);
	RUN(children);
	RUN(new_mask);
	RUN(errors);
	RUN(threads);
	return report();
}
