/* eventfd(2): values, semaphores, blocking, polling, errors, fdinfo's count.
 *
//@ smp=1,2
 */
#include "../check.h"
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

static uint64_t value;

static int events(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM };

	OK(poll(&p, 1, 0));
	return p.revents;
}

static void put(int fd, uint64_t v)
{
	EQ(write(fd, &v, 8), 8);
}

static void counts(void)
{
	int fd = OK(eventfd(5, EFD_NONBLOCK));

	EQ(events(fd), POLLIN | POLLOUT);
	put(fd, 7);
	EQ(read(fd, &value, 8), 8);
	EQ(value, 12);
	EQ(events(fd), POLLOUT);
	FAILS(read(fd, &value, 8), EAGAIN);
	put(fd, 0);
	FAILS(read(fd, &value, 8), EAGAIN);
	put(fd, UINT64_MAX - 1);
	EQ(events(fd), POLLIN);
	value = 1;
	FAILS(write(fd, &value, 8), EAGAIN);
	value = 0;
	EQ(write(fd, &value, 8), 8);
	value = UINT64_MAX;
	FAILS(write(fd, &value, 8), EINVAL);
	EQ(read(fd, &value, 8), 8);
	EQ(value, UINT64_MAX - 1);
	put(fd, UINT64_MAX - 2);
	EQ(events(fd), POLLIN | POLLOUT);
	close(fd);
}

static void semaphore(void)
{
	int fd = OK(eventfd(2, EFD_NONBLOCK | EFD_SEMAPHORE));

	for (int i = 0; i < 2; i++) {
		value = 9;
		EQ(read(fd, &value, 8), 8);
		EQ(value, 1);
	}
	FAILS(read(fd, &value, 8), EAGAIN);
	close(fd);
}

static void sizes(void)
{
	int fd = OK(eventfd(1, EFD_NONBLOCK));
	uint64_t two[2] = { 3, 4 };
	struct iovec iov[2] = { { two, 8 }, { two + 1, 8 } };

	FAILS(read(fd, two, 7), EINVAL);
	FAILS(write(fd, two, 7), EINVAL);
	EQ(write(fd, two, 16), 8);
	EQ(read(fd, two, 16), 8);
	EQ(two[0], 4);
	EQ(two[1], 4);
	FAILS(write(fd, (void *)8, 8), EFAULT);
	put(fd, 6);
	FAILS(pread(fd, two, 8, 0), ESPIPE);
	FAILS(pwrite(fd, two, 8, 0), ESPIPE);
	EQ(lseek(fd, 0, SEEK_SET), 0);
	EQ(lseek(fd, 5, SEEK_CUR), 0);
	EQ(readv(fd, iov, 1), 8);
	EQ(two[0], 6);
	FAILS(ioctl(fd, 0x5401, two), ENOTTY);
	FAILS(ftruncate(fd, 0), EINVAL);
	FAILS(fsync(fd), EINVAL);
	close(fd);
}

static void errors(void)
{
	FAILS(syscall(SYS_eventfd2, 0, 2), EINVAL);
	FAILS(syscall(SYS_eventfd2, 0, O_APPEND), EINVAL);
	int fd = OK(syscall(SYS_eventfd2, 0, O_CLOEXEC));
	EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	EQ(fcntl(fd, F_GETFL), O_RDWR);
	struct stat st;
	OK(fstat(fd, &st));
	EQ(st.st_mode, 0600);
	EQ(st.st_size, 0);
	EQ(st.st_nlink, 1);
	int other = OK(eventfd(0, 0));
	struct stat st2;
	OK(fstat(other, &st2));
	EQ(st2.st_ino, st.st_ino);
	EQ(st2.st_dev, st.st_dev);
	close(other);
	close(fd);
}

/* Reader and writer block for each other, and nothing is lost. */
static void ping_pong(void)
{
	int there = OK(eventfd(0, 0)), back = OK(eventfd(0, 0));
	pid_t pid = fork();

	if (pid == 0) {
		for (int i = 1; i <= 500; i++) {
			if (read(there, &value, 8) != 8 || value != (uint64_t)i)
				_exit(1);
			put(back, i * 2);
		}
		_exit(0);
	}
	for (int i = 1; i <= 500; i++) {
		put(there, i);
		EQ(read(back, &value, 8), 8);
		EQ(value, i * 2);
	}
	EXITS(pid, 0);
	close(there);
	close(back);
}

static void full_blocks(void)
{
	int fd = OK(eventfd(0, 0));
	pid_t pid;

	put(fd, UINT64_MAX - 1);
	pid = fork();
	if (pid == 0) {
		put(fd, 10);
		_exit(report());
	}
	struct timespec ms = { 0, 20000000 };
	nanosleep(&ms, 0);
	EQ(waitpid(pid, 0, WNOHANG), 0);
	EQ(read(fd, &value, 8), 8);
	EQ(value, UINT64_MAX - 1);
	EXITS(pid, 0);
	EQ(read(fd, &value, 8), 8);
	EQ(value, 10);
	close(fd);
}

static volatile int hits;
static void handler(int sig) { (void)sig; hits++; }

static void interrupted(void)
{
	int fd = OK(eventfd(0, 0));
	struct sigaction sa = { .sa_handler = handler };
	struct itimerval it = { .it_value = { 0, 20000 } };

	sigaction(SIGALRM, &sa, 0);
	syscall(SYS_setitimer, 0, &it, 0);
	FAILS(read(fd, &value, 8), EINTR);
	EQ(hits, 1);
	close(fd);
}

int main(void)
{
	RUN(counts);
	RUN(semaphore);
	RUN(sizes);
	RUN(errors);
	RUN(ping_pong);
	RUN(full_blocks);
	RUN(interrupted);
	return report();
}
