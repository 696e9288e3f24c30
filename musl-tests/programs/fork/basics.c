/* fork(2): what the child shares, what it copies, what it starts anew. */
//@ smp=1,2,4
#include "check.h"
#include <sys/times.h>

static int data = 1;
static pid_t parent;

static void memory_is_a_copy(void)
{
	int local = 5, p[2];

	OK(pipe(p));
	pid_t pid = fork();

	if (pid == 0) {
		data = 2;
		local = 6;
		(void)!write(p[1], "x", 1);
		_exit(data == 2 && local == 6 ? 0 : 1);
	}
	await_byte(p[0]);
	EQ(data, 1);
	EQ(local, 5);
	data = 3;
	EXITS(pid, 0);
	close(p[0]);
	close(p[1]);
}

static void identity(void)
{
	CHECK(getpid() != parent);
	EQ(getppid(), parent);
	EQ(gettid(), getpid());
	EQ(getpgrp(), getpgid(parent));
	EQ(getsid(0), getsid(parent));
	EQ(syscall(SYS_set_tid_address, NULL), getpid());
}

static void files_are_shared(void)
{
	int fd = file_with("f", "0123456789", 10);
	pid_t pid = fork();

	if (pid == 0) {
		char c;

		/* Closing here does not close there; reading here moves there. */
		_exit(read(fd, &c, 1) == 1 && close(fd) == 0 ? 0 : 1);
	}
	EXITS(pid, 0);
	EQ(lseek(fd, 0, SEEK_CUR), 1);
	close(fd);
}

static void starts_anew(void)
{
	struct tms t;
	sigset_t pending;

	times(&t);
	EQ(t.tms_cutime, 0);
	EQ(t.tms_cstime, 0);
	EQ(alarm(0), 0);
	sigpending(&pending);
	EQ(sigismember(&pending, SIGUSR1), 0);
}

static void pending_and_alarm(void)
{
	sigset_t usr1;

	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	raise(SIGUSR1);
	alarm(1000);
	IN_CHILD(starts_anew);
	EQ(alarm(0), 1000);
	sigpending(&usr1);
	EQ(sigismember(&usr1, SIGUSR1), 1);
	signal(SIGUSR1, SIG_IGN);
}

/* Children of children of children. */
static void generations(void)
{
	static int depth;

	if (++depth < 30)
		IN_CHILD(generations);
}

/* The registers of the child are the parent's, but for the result. */
static void registers(void)
{
	register long r8 __asm__("r8") = 0x8888, r9 __asm__("r9") = 0x9999, r10 __asm__("r10") = 0xaaaa;
	register long r12 __asm__("r12") = 0x2222, r13 __asm__("r13") = 0x3333;
	register long r14 __asm__("r14") = 0x4444, r15 __asm__("r15") = 0x5555;
	long result = SYS_fork, rdi = 0x6666, rsi = 0x7777, rdx = 0xbbbb;

	__asm__ volatile("syscall"
			 : "+a"(result), "+D"(rdi), "+S"(rsi), "+d"(rdx), "+r"(r8), "+r"(r9), "+r"(r10),
			   "+r"(r12), "+r"(r13), "+r"(r14), "+r"(r15)
			 :
			 : "rcx", "r11", "memory");
	int kept = r8 == 0x8888 && r9 == 0x9999 && r10 == 0xaaaa && r12 == 0x2222 && r13 == 0x3333 &&
		   r14 == 0x4444 && r15 == 0x5555 && rdi == 0x6666 && rsi == 0x7777 && rdx == 0xbbbb;

	if (result == 0)
		_exit(kept ? 0 : 1);
	CHECK(kept);
	EXITS(result, 0);
}

int main(void)
{
	parent = getpid();
	RUN(memory_is_a_copy);
	IN_CHILD(identity);
	RUN(files_are_shared);
	RUN(pending_and_alarm);
	RUN(generations);
	RUN(registers);
	return report();
}
