/* pidfd_open(2), pidfd_send_signal(2), pidfd_getfd(2), CLONE_PIDFD, clone3(2), P_PIDFD. */
//@ smp=1,2
#include "../check.h"
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif
#define CLONE_PIDFD_ 0x1000

struct args { uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup; };

static int open_pid(pid_t pid, unsigned flags) { return syscall(SYS_pidfd_open, pid, flags); }
static int send(int fd, int sig, siginfo_t *info, unsigned flags) { return syscall(SYS_pidfd_send_signal, fd, sig, info, flags); }
static int getfd(int fd, int n, unsigned flags) { return syscall(SYS_pidfd_getfd, fd, n, flags); }
static long clone3(struct args *a, size_t size) { return syscall(SYS_clone3, a, size); }

static int readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	OK(poll(&p, 1, 0));
	return p.revents;
}

static void life(void)
{
	pid_t pid = fork();
	siginfo_t info;

	if (pid == 0)
		for (;;)
			pause();
	int fd = OK(open_pid(pid, 0));
	EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	EQ(readable(fd), 0);
	EQ(waitid(P_PIDFD, fd, &info, WEXITED | WNOHANG), 0);
	EQ(info.si_pid, 0);
	OK(send(fd, 0, 0, 0));
	FAILS(send(fd, 0, 0, 1), EINVAL);
	FAILS(send(fd, 65, 0, 0), EINVAL);
	FAILS(send(0, 0, 0, 0), EBADF);
	FAILS(send(-1, 0, 0, 0), EBADF);
	memset(&info, 0, sizeof info);
	info.si_signo = SIGTERM;
	info.si_code = SI_QUEUE;
	FAILS(send(fd, SIGKILL, &info, 0), EINVAL);
	info.si_code = SI_USER;
	FAILS(send(fd, SIGTERM, &info, 0), EPERM);
	OK(send(fd, SIGTERM, 0, 0));
	struct pollfd p = { .fd = fd, .events = POLLIN };
	EQ(poll(&p, 1, -1), 1);
	EQ(p.revents, POLLIN);
	OK(send(fd, 0, 0, 0));
	EQ(waitid(P_PIDFD, fd, &info, WEXITED), 0);
	EQ(info.si_pid, pid);
	EQ(info.si_status, SIGTERM);
	EQ(readable(fd), POLLIN);
	FAILS(send(fd, 0, 0, 0), ESRCH);
	FAILS(waitid(P_PIDFD, fd, &info, WEXITED), ECHILD);
	FAILS(getfd(fd, 0, 0), ESRCH);
	FAILS(read(fd, &info, 8), EINVAL);
	close(fd);
	FAILS(waitid(P_PIDFD, 0, &info, WEXITED), EBADF);
	FAILS(waitid(P_PIDFD, -1, &info, WEXITED), EINVAL);
}

static void errors(void)
{
	FAILS(open_pid(0, 0), EINVAL);
	FAILS(open_pid(-1, 0), EINVAL);
	FAILS(open_pid(getpid(), 1), EINVAL);
	FAILS(open_pid(0x3fffff, 0), ESRCH);
	int fd = OK(open_pid(getpid(), O_NONBLOCK));
	EQ(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	close(fd);
}

static void *thread_tid(void *arg)
{
	FAILS(open_pid(syscall(SYS_gettid), 0), EINVAL);
	return arg;
}

static void of_a_thread(void)
{
	pthread_t t;

	EQ(pthread_create(&t, 0, thread_tid, 0), 0);
	EQ(pthread_join(t, 0), 0);
}

static void nonblocking(void)
{
	pid_t pid = fork();
	siginfo_t info;

	if (pid == 0)
		for (;;)
			pause();
	int fd = OK(open_pid(pid, O_NONBLOCK));
	FAILS(waitid(P_PIDFD, fd, &info, WEXITED), EAGAIN);
	EQ(waitid(P_PIDFD, fd, &info, WEXITED | WNOHANG), 0);
	kill(pid, SIGKILL);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	EQ(poll(&p, 1, -1), 1);
	EQ(waitid(P_PIDFD, fd, &info, WEXITED), 0);
	close(fd);
}

/* A file of another process. */
static void fetch(void)
{
	int p[2];

	OK(pipe(p));
	pid_t pid = fork();
	if (pid == 0) {
		int own = open("theirs", O_CREAT | O_RDWR, 0600);
		if (write(own, "abc", 3) != 3)
			_exit(1);
		char n = own;
		if (write(p[1], &n, 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	int theirs = await_byte(p[0]);
	int fd = OK(open_pid(pid, 0));
	int mine = OK(getfd(fd, theirs, 0));
	char text[4] = "";
	EQ(fcntl(mine, F_GETFD), FD_CLOEXEC);
	EQ(lseek(mine, 0, SEEK_CUR), 3);
	EQ(pread(mine, text, 3, 0), 3);
	STREQ(text, "abc");
	FAILS(getfd(fd, theirs, 1), EINVAL);
	FAILS(getfd(fd, 900, 0), EBADF);
	FAILS(getfd(mine, 0, 0), EBADF);
	kill(pid, SIGKILL);
	KILLED(pid, SIGKILL);
	close(mine);
	close(fd);
	close(p[0]);
	close(p[1]);
}

static void cloned(void)
{
	int fd = -1, tid = 0;
	siginfo_t info;
	pid_t pid = syscall(SYS_clone, CLONE_PIDFD_ | SIGCHLD, 0, &fd, 0, 0);

	if (pid == 0)
		_exit(3);
	CHECK(fd > 2);
	EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	EQ(waitid(P_PIDFD, fd, &info, WEXITED), 0);
	EQ(info.si_status, 3);
	close(fd);
	FAILS(syscall(SYS_clone, CLONE_PIDFD_ | CLONE_PARENT_SETTID | SIGCHLD, 0, &fd, 0, 0), EINVAL);
	FAILS(syscall(SYS_clone, CLONE_PIDFD_ | CLONE_DETACHED | SIGCHLD, 0, &fd, 0, 0), EINVAL);
	FAILS(syscall(SYS_clone, CLONE_PIDFD_ | SIGCHLD, 0, (void *)8, 0, 0), EFAULT);
	FAILS(waitpid(-1, 0, 0), ECHILD);

	struct args a = { .flags = CLONE_PIDFD_ | CLONE_PARENT_SETTID, .pidfd = (uintptr_t)&fd,
			  .parent_tid = (uintptr_t)&tid, .exit_signal = SIGCHLD };
	pid = clone3(&a, sizeof a);
	if (pid == 0)
		_exit(4);
	EQ(tid, pid);
	EQ(waitid(P_PIDFD, fd, &info, WEXITED), 0);
	EQ(info.si_status, 4);
	close(fd);
}

static void clone3_errors(void)
{
	struct args a = { .exit_signal = SIGCHLD };
	struct { struct args a; uint64_t more; } big = { { .exit_signal = SIGCHLD }, 1 };
	int wanted = 31999;

	FAILS(clone3(&a, 63), EINVAL);
	FAILS(clone3(&a, 5000), E2BIG);
	FAILS(clone3(&big.a, sizeof big), E2BIG);
	FAILS(clone3((void *)8, sizeof a), EFAULT);
	a.flags = SIGCHLD;
	FAILS(clone3(&a, sizeof a), EINVAL);
	a.flags = CLONE_DETACHED;
	FAILS(clone3(&a, sizeof a), EINVAL);
	a.flags = CLONE_THREAD | CLONE_SIGHAND | CLONE_VM;
	FAILS(clone3(&a, sizeof a), EINVAL);
	a.flags = CLONE_SIGHAND | CLONE_VM | 0x100000000;
	FAILS(clone3(&a, sizeof a), EINVAL);
	a.flags = 0;
	a.exit_signal = 65;
	FAILS(clone3(&a, sizeof a), EINVAL);
	a.exit_signal = SIGCHLD;
	a.stack = 4096;
	FAILS(clone3(&a, sizeof a), EINVAL);
	a.stack = 0;
	a.stack_size = 4096;
	FAILS(clone3(&a, sizeof a), EINVAL);
	a.stack_size = 0;
	a.set_tid = (uintptr_t)&wanted;
	FAILS(clone3(&a, sizeof a), EINVAL);
	a.set_tid_size = 1;
	pid_t pid = clone3(&a, sizeof a);
	if (pid == 0)
		_exit(getpid() != wanted);
	EQ(pid, wanted);
	EXITS(pid, 0);
	wanted = 1;
	FAILS(clone3(&a, sizeof a), EEXIST);
	wanted = -5;
	FAILS(clone3(&a, sizeof a), EINVAL);
	/* The oldest size will do. */
	a.set_tid = 0;
	pid = clone3(&a, 64);
	if (pid == 0)
		_exit(8);
	EXITS(pid, 8);
}

/* epoll learns of many ends. */
static void many(void)
{
	int ep = OK(epoll_create1(0)), left = 50;

	for (int i = 0; i < 50; i++) {
		pid_t pid = fork();
		if (pid == 0)
			_exit(0);
		int fd = OK(open_pid(pid, 0));
		struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };
		OK(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e));
	}
	while (left > 0) {
		struct epoll_event got[8];
		siginfo_t info;
		int n = OK(epoll_wait(ep, got, 8, -1));
		for (int i = 0; i < n; i++, left--) {
			EQ(waitid(P_PIDFD, got[i].data.fd, &info, WEXITED), 0);
			/* Children still have a copy. */
			OK(epoll_ctl(ep, EPOLL_CTL_DEL, got[i].data.fd, 0));
			close(got[i].data.fd);
		}
	}
	close(ep);
}

int main(void)
{
	RUN(life);
	RUN(errors);
	RUN(of_a_thread);
	RUN(nonblocking);
	RUN(fetch);
	RUN(cloned);
	RUN(clone3_errors);
	RUN(many);
	return report();
}
