/* mprotect(2), munmap(2) of parts, MAP_FIXED over parts: what may be touched. */
#include "check.h"
#include <setjmp.h>

static sigjmp_buf back;
static volatile int code;

static void fault(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	code = info->si_code;
	siglongjmp(back, 1);
}

/* The si_code of touching the byte, or 0. */
static int reading(volatile char *p)
{
	code = 0;
	if (sigsetjmp(back, 1) == 0)
		(void)*p;
	return code;
}

static int writing(volatile char *p)
{
	code = 0;
	if (sigsetjmp(back, 1) == 0)
		*p = *p;
	return code;
}

static int calling(char *p)
{
	code = 0;
	if (sigsetjmp(back, 1) == 0)
		((void (*)(void))p)();
	return code;
}

#define PAGE 4096

static char *fresh(int pages, int prot)
{
	return OK(mmap(NULL, pages * PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

static void each_permission(void)
{
	char *p = fresh(1, PROT_READ | PROT_WRITE);

	*p = (char)0xc3; /* ret */
	OK(mprotect(p, PAGE, PROT_READ));
	EQ(reading(p), 0);
	EQ(writing(p), SEGV_ACCERR);
	EQ(calling(p), SEGV_ACCERR);
	OK(mprotect(p, PAGE, PROT_NONE));
	EQ(reading(p), SEGV_ACCERR);
	OK(mprotect(p, PAGE, PROT_READ | PROT_EXEC));
	EQ(calling(p), 0);
	EQ(writing(p), SEGV_ACCERR);
	OK(mprotect(p, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC));
	EQ(calling(p), 0);
	EQ(writing(p), 0);
	/* Writing alone implies reading on this processor. */
	OK(mprotect(p, PAGE, PROT_WRITE));
	EQ(writing(p), 0);
	EQ(*p, (char)0xc3);
	OK(munmap(p, PAGE));
	EQ(reading(p), SEGV_MAPERR);
}

static void parts(void)
{
	char *p = fresh(6, PROT_READ | PROT_WRITE);

	for (int i = 0; i < 6; i++)
		p[i * PAGE] = 'a' + i;
	OK(mprotect(p + PAGE, PAGE, PROT_READ));
	OK(munmap(p + 3 * PAGE, PAGE));
	EQ(writing(p), 0);
	EQ(writing(p + PAGE), SEGV_ACCERR);
	EQ(writing(p + 2 * PAGE), 0);
	EQ(reading(p + 3 * PAGE), SEGV_MAPERR);
	EQ(writing(p + 4 * PAGE), 0);
	/* Over a hole: what lies before it is changed, then ENOMEM. */
	FAILS(mprotect(p + 2 * PAGE, 4 * PAGE, PROT_READ), ENOMEM);
	EQ(writing(p + 2 * PAGE), SEGV_ACCERR);
	EQ(writing(p + 4 * PAGE), 0);
	/* A new map over the middle. */
	CHECK(mmap(p + 2 * PAGE, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
	      p + 2 * PAGE);
	EQ(p[2 * PAGE], 0);
	EQ(p[4 * PAGE], 0);
	EQ(p[5 * PAGE], 'f');
	EQ(p[PAGE], 'b');
	munmap(p, 6 * PAGE);
}

static void refusals(void)
{
	char *p = fresh(1, PROT_READ);

	FAILS(syscall(SYS_mprotect, p + 1, PAGE, PROT_READ), EINVAL);
	FAILS(syscall(SYS_mprotect, p, PAGE, 0x80), EINVAL);
	FAILS(syscall(SYS_mprotect, p, -PAGE, PROT_READ), ENOMEM);
	EQ(syscall(SYS_mprotect, p, 0, PROT_READ), 0);
	munmap(p, PAGE);
	FAILS(mprotect(p, PAGE, PROT_READ), ENOMEM);
	/* A shared map of a file opened for reading never becomes writable. */
	close(file_with("f", "x", 1));
	int fd = OK(open("f", O_RDONLY));

	p = OK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0));
	FAILS(mprotect(p, PAGE, PROT_READ | PROT_WRITE), EACCES);
	FAILS((long)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), EACCES);
	munmap(p, PAGE);
	close(fd);
	fd = OK(open("f", O_WRONLY));
	FAILS((long)mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0), EACCES);
	close(fd);
}

/* The kernel's own copies keep to the permissions, too. */
static void system_calls_obey(void)
{
	int fds[2];
	char *p = fresh(2, PROT_READ);

	OK(pipe(fds));
	EQ(write(fds[1], "abcd", 4), 4);
	FAILS(read(fds[0], p, 4), EFAULT);
	OK(mprotect(p, PAGE, PROT_READ | PROT_WRITE));
	EQ(read(fds[0], p, 4), 4);
	OK(mprotect(p, PAGE, PROT_NONE));
	FAILS(write(fds[1], p, 4), EFAULT);
	close(fds[0]);
	close(fds[1]);
	munmap(p, 2 * PAGE);
}

/* Text and constants cannot be written, data cannot be run. */
static const char constant = 'c';
static char data[16];

static void own_image(void)
{
	EQ(writing((char *)own_image), SEGV_ACCERR);
	EQ(writing((char *)&constant), SEGV_ACCERR);
	EQ(calling(data), SEGV_ACCERR);
	char on_stack[16];

	EQ(calling(on_stack), SEGV_ACCERR);
	EQ(reading((char *)0), SEGV_MAPERR);
	EQ(reading((char *)4095), SEGV_MAPERR);
}

int main(void)
{
	struct sigaction action = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO};

	OK(sigaction(SIGSEGV, &action, NULL));
	RUN(each_permission);
	RUN(parts);
	RUN(refusals);
	RUN(system_calls_obey);
	RUN(own_image);
	return report();
}
