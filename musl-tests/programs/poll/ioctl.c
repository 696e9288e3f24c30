/* ioctl(2) on what is not a terminal. */
#include "check.h"
#include <sys/ioctl.h>
#include <termios.h>

int main(void)
{
	struct termios t;
	struct winsize w;
	int p[2], n, file = file_with("f", "12345", 5), null = OK(open("/dev/null", O_RDWR));
	int dir = OK(open(".", O_RDONLY));
	pid_t group;

	OK(pipe(p));
	int fds[] = {p[0], file, null, dir};

	for (int i = 0; i < 4; i++) {
		FAILS(ioctl(fds[i], TCGETS, &t), ENOTTY);
		FAILS(ioctl(fds[i], TIOCGWINSZ, &w), ENOTTY);
		FAILS(ioctl(fds[i], TIOCGPGRP, &group), ENOTTY);
		FAILS(ioctl(fds[i], 0x12345678, 0), ENOTTY);
		EQ(isatty(fds[i]), 0);
	}
	FAILS(ioctl(-1, TCGETS, &t), EBADF);
	/* Generic ones work everywhere. */
	OK(ioctl(file, FIOCLEX));
	EQ(fcntl(file, F_GETFD), FD_CLOEXEC);
	OK(ioctl(file, FIONCLEX));
	EQ(fcntl(file, F_GETFD), 0);
	n = 1;
	OK(ioctl(p[0], FIONBIO, &n));
	EQ(fcntl(p[0], F_GETFL), O_NONBLOCK);
	FAILS(syscall(SYS_ioctl, p[0], FIONBIO, 8), EFAULT);
	OK(ioctl(file, FIONREAD, &n));
	EQ(n, 5);
	EQ(lseek(file, 2, SEEK_SET), 2);
	OK(ioctl(file, FIONREAD, &n));
	EQ(n, 3);
	return report();
}
