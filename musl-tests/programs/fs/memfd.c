/* memfd_create(2) and seals. */
#include "check.h"

#define F_ADD_SEALS_ 1033
#define F_GET_SEALS_ 1034
enum { SEAL = 1, SHRINK = 2, GROW = 4, WRITE = 8, FUTURE = 16 };

static int memfd(const char *name, unsigned flags)
{
	return syscall(SYS_memfd_create, name, flags);
}

static void making(void)
{
	char name[260];
	struct stat st;
	int fd = OK(memfd("x", 0));

	OK(fstat(fd, &st));
	EQ(st.st_mode, S_IFREG | 0777);
	EQ(st.st_nlink, 0);
	EQ(st.st_size, 0);
	EQ(fcntl(fd, F_GETFL) & ~0100000, O_RDWR);
	EQ(fcntl(fd, F_GETFD), 0);
	EQ(write(fd, "hello", 5), 5);
	EQ(lseek(fd, 1, SEEK_SET), 1);
	EQ(read(fd, name, 9), 4);
	SAME(name, "ello", 4);
	FAILS(linkat(fd, "", AT_FDCWD, "named", AT_EMPTY_PATH), EXDEV);
	close(fd);
	fd = OK(memfd("", 1));
	EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	memset(name, 'n', sizeof name);
	name[249] = 0;
	close(OK(memfd(name, 0)));
	name[249] = 'n';
	name[250] = 0;
	FAILS(memfd(name, 0), EINVAL);
	FAILS(memfd("x", 8), EINVAL);
	FAILS(memfd("x", 1u << 30), EINVAL);
	FAILS(memfd((char *)8, 0), EFAULT);
	FAILS(memfd((char *)8, 8), EINVAL);
}

static void rules(void)
{
	int fd = OK(memfd("x", 2)), plain = OK(memfd("x", 0)), p[2];
	int file = OK(open("f", O_RDWR | O_CREAT, 0600)), dir = OK(open(".", O_RDONLY));

	EQ(fcntl(fd, F_GET_SEALS_), 0);
	EQ(fcntl(plain, F_GET_SEALS_), SEAL);
	EQ(fcntl(file, F_GET_SEALS_), SEAL);
	FAILS(fcntl(plain, F_ADD_SEALS_, GROW), EPERM);
	FAILS(fcntl(file, F_ADD_SEALS_, GROW), EPERM);
	FAILS(fcntl(fd, F_ADD_SEALS_, 32 | GROW), EINVAL);
	EQ(fcntl(fd, F_GET_SEALS_), 0);
	FAILS(fcntl(dir, F_GET_SEALS_), EINVAL);
	FAILS(fcntl(dir, F_ADD_SEALS_, 0), EPERM);
	OK(pipe(p));
	FAILS(fcntl(p[1], F_ADD_SEALS_, 0), EINVAL);
	OK(fcntl(fd, F_ADD_SEALS_, GROW));
	OK(fcntl(fd, F_ADD_SEALS_, SHRINK));
	EQ(fcntl(fd, F_GET_SEALS_), GROW | SHRINK);
	OK(fcntl(fd, F_ADD_SEALS_, SEAL));
	FAILS(fcntl(fd, F_ADD_SEALS_, 0), EPERM);
	close(fd);
	close(plain);
	close(file);
	close(dir);
	close(p[0]);
	close(p[1]);
}

static void sizes(void)
{
	char page[8192] = { 1 };
	int fd = OK(memfd("x", 2));

	OK(ftruncate(fd, 4100));
	OK(fcntl(fd, F_ADD_SEALS_, SHRINK));
	FAILS(ftruncate(fd, 4099), EPERM);
	OK(ftruncate(fd, 4200));
	OK(fcntl(fd, F_ADD_SEALS_, GROW));
	FAILS(ftruncate(fd, 4201), EPERM);
	OK(ftruncate(fd, 4200));
	FAILS(pwrite(fd, page, 1, 4200), EPERM);
	FAILS(pwrite(fd, page, 101, 4100), EPERM);
	EQ(pwrite(fd, page, 100, 4100), 100);
	/* Page by page: what fits is written. */
	EQ(pwrite(fd, page, 8192, 0), 4096);
	FAILS(fallocate(fd, 0, 0, 4201), EPERM);
	OK(fallocate(fd, 0, 0, 4200));
	OK(fallocate(fd, 3, 0, 4096));
	OK(fcntl(fd, F_ADD_SEALS_, WRITE));
	FAILS(fallocate(fd, 3, 0, 4096), EPERM);
	FAILS(pwrite(fd, page, 1, 0), EPERM);
	EQ(pread(fd, page, 1, 0), 1);
	close(fd);
}

static void mappings(void)
{
	int fd = OK(memfd("x", 2));
	char *map, *private;

	OK(ftruncate(fd, 8192));
	map = OK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	private = OK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));
	map[0] = 7;
	FAILS(fcntl(fd, F_ADD_SEALS_, WRITE), EBUSY);
	EQ(fcntl(fd, F_GET_SEALS_), 0);
	/* A child's mapping counts, and so does what is left of one. */
	pid_t pid = fork();
	if (pid == 0) {
		check_failures = 0;
		OK(munmap(map, 4096));
		FAILS(fcntl(fd, F_ADD_SEALS_, WRITE), EBUSY);
		_exit(report());
	}
	EXITS(pid, 0);
	OK(fcntl(fd, F_ADD_SEALS_, FUTURE));
	map[1] = 8;
	FAILS(pwrite(fd, "x", 1, 0), EPERM);
	FAILS(mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, fd, 0), EPERM);
	char *read_only = OK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0));
	FAILS(mprotect(read_only, 4096, PROT_READ | PROT_WRITE), EACCES);
	EQ(read_only[1], 8);
	FAILS(fcntl(fd, F_ADD_SEALS_, WRITE), EBUSY);
	OK(munmap(read_only, 4096));
	OK(munmap(map, 4096));
	OK(fcntl(fd, F_ADD_SEALS_, WRITE));
	private[0] = 9;
	FAILS(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), EPERM);
	read_only = OK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0));
	FAILS(mprotect(read_only, 4096, PROT_READ | PROT_WRITE), EACCES);
	EQ(read_only[1], 8);
	munmap(read_only, 4096);
	map = OK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));
	EQ(map[0], 7);
	close(fd);
	munmap(map, 4096);
	munmap(private, 4096);
}

int main(void)
{
	RUN(making);
	RUN(rules);
	RUN(sizes);
	RUN(mappings);
	return report();
}
