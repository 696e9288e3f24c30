/* O_PATH: a place in the tree, not an open file. */
#include "check.h"
#include <sys/ioctl.h>

int main(void)
{
	struct stat st;
	char c;
	int fd;

	close(file_with("f", "x", 1));
	OK(chmod("f", 0));
	fd = OK(open("f", O_PATH));
	FAILS(read(fd, &c, 1), EBADF);
	FAILS(write(fd, &c, 1), EBADF);
	FAILS(syscall(SYS_fchmod, fd, 0600), EBADF);
	FAILS(syscall(SYS_fchown, fd, 0, 0), EBADF);
	FAILS(ioctl(fd, 0x5401, &c), EBADF);
	FAILS(ftruncate(fd, 0), EBADF);
	CHECK(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED && errno == EBADF);
	OK(fstat(fd, &st));
	EQ(st.st_size, 1);
	EQ(fcntl(fd, F_GETFL), O_PATH & ~3 & ~O_CLOEXEC);
	FAILS(fcntl(fd, F_SETFL, O_APPEND), EBADF);
	close(OK(dup(fd)));
	close(fd);

	OK(mkdir("d", 0755));
	close(file_with("d/g", "y", 1));
	fd = OK(open("d", O_PATH | O_DIRECTORY));
	close(OK(openat(fd, "g", O_RDONLY)));
	OK(fchdir(fd));
	EQ(access("g", F_OK), 0);
	close(fd);
	return report();
}
