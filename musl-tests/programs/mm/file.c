/* Mapped files: private copies, shared pages, the end of the file. */
#include "check.h"
#include <setjmp.h>

#define PAGE 4096

static char text[3 * PAGE];

static void private_copy(void)
{
	int fd = file_with("f", text, sizeof text);
	char *p = OK(mmap(NULL, sizeof text, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0)), c;

	SAME(p, text, sizeof text);
	p[PAGE] = 'P';
	EQ(pread(fd, &c, 1, PAGE), 1);
	EQ(c, text[PAGE]);
	/* Pages not yet written to still show the file. */
	EQ(pwrite(fd, "Q", 1, 2 * PAGE), 1);
	EQ(p[2 * PAGE], 'Q');
	EQ(pwrite(fd, "R", 1, PAGE), 1);
	EQ(p[PAGE], 'P');
	OK(munmap(p, sizeof text));
	close(fd);
}

static void shared_pages(void)
{
	int fd = file_with("f", text, sizeof text);
	char *p = OK(mmap(NULL, sizeof text, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	char *q = OK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, PAGE)), c;

	close(fd);
	p[PAGE] = 'S';
	EQ(q[0], 'S');
	fd = OK(open("f", O_RDWR));
	EQ(pread(fd, &c, 1, PAGE), 1);
	EQ(c, 'S');
	EQ(pwrite(fd, "T", 1, PAGE), 1);
	EQ(p[PAGE], 'T');
	if (fork() == 0) {
		p[PAGE] = 'U';
		_exit(0);
	}
	int status;

	OK(wait(&status));
	EQ(q[0], 'U');
	OK(msync(p, sizeof text, MS_SYNC));
	munmap(p, sizeof text);
	munmap(q, PAGE);
	close(fd);
}

static void offsets(void)
{
	int fd = file_with("f", text, sizeof text);

	FAILS(syscall(SYS_mmap, 0, PAGE, PROT_READ, MAP_SHARED, fd, 1), EINVAL);
	FAILS(syscall(SYS_mmap, 0, PAGE, PROT_READ, MAP_SHARED, fd, -4096L), EOVERFLOW);
	char *p = OK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 2 * PAGE));

	SAME(p, text + 2 * PAGE, PAGE);
	munmap(p, PAGE);
	int pipes[2];

	OK(pipe(pipes));
	FAILS((long)mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, pipes[0], 0), ENODEV);
	int dir = OK(open(".", O_RDONLY));

	FAILS((long)mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, dir, 0), ENODEV);
	close(dir);
	close(pipes[0]);
	close(pipes[1]);
	close(fd);
}

static sigjmp_buf back;
static volatile int got_signal, got_code;
static void *volatile got_addr;

static void fault(int sig, siginfo_t *info, void *context)
{
	(void)context;
	got_signal = sig;
	got_code = info->si_code;
	got_addr = info->si_addr;
	siglongjmp(back, 1);
}

static int touch(volatile char *p)
{
	got_signal = 0;
	if (sigsetjmp(back, 1) == 0)
		(void)*p;
	return got_signal;
}

/* The rest of the last page is zero; whole pages beyond it are SIGBUS. */
static void beyond_the_end(void)
{
	int fd = file_with("f", "abc", 3);
	char *p = OK(mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)), c;

	EQ(p[3], 0);
	EQ(p[PAGE - 1], 0);
	EQ(touch(p + PAGE), SIGBUS);
	EQ(got_code, BUS_ADRERR);
	CHECK(got_addr == p + PAGE);
	/* What is written behind the end does not become content. */
	p[5] = 'x';
	EQ(pread(fd, &c, 1, 3), 0);
	/* A system call meets the same end as EFAULT. */
	int fds[2];

	OK(pipe(fds));
	FAILS(write(fds[1], p + PAGE, 1), EFAULT);
	close(fds[0]);
	close(fds[1]);
	OK(ftruncate(fd, 2 * PAGE));
	EQ(touch(p + PAGE), 0);
	EQ(p[PAGE], 0);
	OK(ftruncate(fd, PAGE));
	EQ(touch(p + PAGE), SIGBUS);
	munmap(p, 2 * PAGE);
	close(fd);
}

/* Cutting the file takes the pages out of private maps as well, copies too. */
static void cut_under_private(void)
{
	int fd = file_with("f", text, sizeof text);
	char *p = OK(mmap(NULL, sizeof text, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));

	p[2 * PAGE] = 'c';
	OK(ftruncate(fd, PAGE));
	EQ(touch(p), 0);
	EQ(touch(p + PAGE), SIGBUS);
	EQ(touch(p + 2 * PAGE), SIGBUS);
	munmap(p, sizeof text);
	close(fd);
}

int main(void)
{
	struct sigaction action = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO};

	OK(sigaction(SIGBUS, &action, NULL));
	OK(sigaction(SIGSEGV, &action, NULL));
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = 'a' + i % 23;
	RUN(private_copy);
	RUN(shared_pages);
	RUN(offsets);
	RUN(beyond_the_end);
	RUN(cut_under_private);
	return report();
}
