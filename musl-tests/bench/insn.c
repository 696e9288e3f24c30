/*
 * What an operation costs, in ticks of the TSC. Under QEMU's `-icount shift=0`
 * one tick is one executed instruction; scripts/insn runs it so on both
 * kernels.
 *
 * usage: insn [ROW]...		all rows without arguments
 *
 * One line for each row: its name, then "ticks" and the least number of ticks
 * per operation that was seen, or "errno" and the number of the error that
 * stopped it. A name that is no row ends it with status 2 and "NAME unknown".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define REPETITIONS 7
#define PAGE 4096
#define SCRATCH "/tmp/insn-file"

typedef int64_t ticks;

static inline ticks now(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (ticks)((uint64_t)high << 32 | low);
}

/* A system call without libc's errno around it. */
static inline long bare(long number)
{
	long result = number;

	__asm__ volatile("syscall" : "+a"(result) : : "rcx", "r11", "memory");
	return result;
}

/*
 * The rows. Each does its operation n times and returns the ticks that took,
 * or -errno. What is only preparation stays outside of the measured part.
 */

#define TRY(call)					\
	do {						\
		if ((long)(call) == -1)			\
			return -errno;			\
	} while (0)

static ticks enosys(int n)
{
	ticks start = now();

	for (int i = 0; i < n; i++)
		if (bare(9999) != -ENOSYS)
			return -EPROTO;
	return now() - start;
}

static ticks getppid_row(int n)
{
	ticks start = now();

	for (int i = 0; i < n; i++)
		if (bare(SYS_getppid) < 0)
			return -ENOSYS;
	return now() - start;
}

static ticks write_null(int n)
{
	int fd = open("/dev/null", O_WRONLY);

	TRY(fd);
	ticks start = now();
	for (int i = 0; i < n; i++)
		TRY(write(fd, "", 1));
	ticks took = now() - start;
	close(fd);
	return took;
}

static ticks read_zero(int n)
{
	int fd = open("/dev/zero", O_RDONLY);
	char byte;

	TRY(fd);
	ticks start = now();
	for (int i = 0; i < n; i++)
		TRY(read(fd, &byte, 1));
	ticks took = now() - start;
	close(fd);
	return took;
}

static ticks dup_close(int n)
{
	ticks start = now();

	for (int i = 0; i < n; i++) {
		int fd = dup(0);
		TRY(fd);
		TRY(close(fd));
	}
	return now() - start;
}

static ticks sigprocmask_row(int n)
{
	uint64_t set = 1ull << (SIGUSR2 - 1);
	ticks start = now();

	for (int i = 0; i < n; i++)
		TRY(syscall(SYS_rt_sigprocmask, i & 1 ? SIG_UNBLOCK : SIG_BLOCK,
			    &set, NULL, sizeof set));
	return now() - start;
}

static volatile int handled;

static void handle(int signal)
{
	(void)signal;
	handled++;
}

static ticks signal_row(int n)
{
	struct sigaction action = { .sa_handler = handle };
	pid_t self = getpid();

	TRY(sigaction(SIGUSR1, &action, NULL));
	handled = 0;
	ticks start = now();
	for (int i = 0; i < n; i++)
		TRY(kill(self, SIGUSR1));
	ticks took = now() - start;
	return handled == n ? took : -EPROTO;
}

static int wait_for(pid_t pid, int code)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -1;
	errno = EPROTO;
	return WIFEXITED(status) && WEXITSTATUS(status) == code ? 0 : -1;
}

static ticks fork_exit_wait(int n)
{
	ticks start = now();

	for (int i = 0; i < n; i++) {
		pid_t pid = fork();
		if (pid == 0)
			_exit(3);
		TRY(pid);
		TRY(wait_for(pid, 3));
	}
	return now() - start;
}

/* This program with one argument that makes it end at once. */
static const char *self;
#define END_AT_ONCE "--end-at-once"

static void exec_self(void)
{
	char *argv[] = { (char *)self, END_AT_ONCE, NULL }, *envp[] = { NULL };

	execve(self, argv, envp);
	_exit(127);
}

static ticks fork_exec_wait(int n)
{
	ticks start = now();

	for (int i = 0; i < n; i++) {
		pid_t pid = fork();
		if (pid == 0)
			exec_self();
		TRY(pid);
		TRY(wait_for(pid, 3));
	}
	return now() - start;
}

/* Apart, because the child borrows the frame of whoever calls vfork(2). */
static __attribute__((noinline)) pid_t vfork_exec(void)
{
	pid_t pid = vfork();

	if (pid == 0)
		exec_self();
	return pid;
}

static ticks vfork_exec_wait(int n)
{
	ticks start = now();

	for (int i = 0; i < n; i++) {
		pid_t pid = vfork_exec();
		TRY(pid);
		TRY(wait_for(pid, 3));
	}
	return now() - start;
}

static ticks pipe_self(int n)
{
	int ends[2];
	char byte = 0;

	TRY(pipe(ends));
	ticks start = now();
	for (int i = 0; i < n; i++) {
		TRY(write(ends[1], &byte, 1));
		TRY(read(ends[0], &byte, 1));
	}
	ticks took = now() - start;
	close(ends[0]);
	close(ends[1]);
	return took;
}

static ticks pipe_pingpong(int n)
{
	int there[2], back[2];
	char byte = 0;

	TRY(pipe(there));
	TRY(pipe(back));
	pid_t pid = fork();
	TRY(pid);
	if (pid == 0) {
		close(there[1]);
		while (read(there[0], &byte, 1) == 1)
			if (write(back[1], &byte, 1) != 1)
				break;
		_exit(3);
	}
	ticks start = now();
	for (int i = 0; i < n; i++) {
		TRY(write(there[1], &byte, 1));
		TRY(read(back[0], &byte, 1));
	}
	ticks took = now() - start;
	close(there[1]);
	TRY(wait_for(pid, 3));
	close(there[0]);
	close(back[0]);
	close(back[1]);
	return took;
}

static ticks touch4k(int n)
{
	size_t size = (size_t)n * PAGE;
	volatile char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	TRY(memory);
	madvise((void *)memory, size, MADV_NOHUGEPAGE);
	ticks start = now();
	for (int i = 0; i < n; i++)
		memory[(size_t)i * PAGE] = 1;
	ticks took = now() - start;
	TRY(munmap((void *)memory, size));
	return took;
}

static ticks mmap_munmap(int n)
{
	ticks start = now();

	for (int i = 0; i < n; i++) {
		void *memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		TRY(memory);
		TRY(munmap(memory, PAGE));
	}
	return now() - start;
}

/* Three calls: ask where the break is, move it up two pages, and back. */
static ticks brk_row(int n)
{
	ticks start = now();

	for (int i = 0; i < n; i++) {
		long at = syscall(SYS_brk, 0);
		if (syscall(SYS_brk, at + 2 * PAGE) != at + 2 * PAGE)
			return -ENOMEM;
		if (syscall(SYS_brk, at) != at)
			return -ENOMEM;
	}
	return now() - start;
}

static int scratch_file(void)
{
	int fd = open(SCRATCH, O_RDWR | O_CREAT, 0644);

	return fd < 0 ? fd : close(fd);
}

static ticks stat_row(int n)
{
	struct stat info;

	TRY(scratch_file());
	ticks start = now();
	for (int i = 0; i < n; i++)
		TRY(syscall(SYS_stat, SCRATCH, &info));
	return now() - start;
}

static ticks fstat_row(int n)
{
	struct stat info;
	int fd = open("/", O_RDONLY);

	TRY(fd);
	ticks start = now();
	for (int i = 0; i < n; i++)
		TRY(syscall(SYS_fstat, fd, &info));
	ticks took = now() - start;
	close(fd);
	return took;
}

static ticks open_close(int n)
{
	TRY(scratch_file());
	ticks start = now();
	for (int i = 0; i < n; i++) {
		int fd = open(SCRATCH, O_RDONLY);
		TRY(fd);
		TRY(close(fd));
	}
	return now() - start;
}

static const struct row {
	const char *name;
	ticks (*run)(int n);
	int n;
} rows[] = {
	{ "enosys", enosys, 2000 },
	{ "getppid", getppid_row, 2000 },
	{ "write_null", write_null, 2000 },
	{ "read_zero", read_zero, 2000 },
	{ "dup_close", dup_close, 2000 },
	{ "sigprocmask", sigprocmask_row, 2000 },
	{ "signal", signal_row, 1000 },
	{ "fork_exit_wait", fork_exit_wait, 50 },
	{ "fork_exec_wait", fork_exec_wait, 30 },
	{ "vfork_exec_wait", vfork_exec_wait, 30 },
	{ "pipe_self", pipe_self, 1000 },
	{ "pipe_pingpong", pipe_pingpong, 500 },
	{ "touch4k", touch4k, 4096 },
	{ "mmap_munmap", mmap_munmap, 500 },
	{ "brk", brk_row, 500 },
	{ "stat", stat_row, 2000 },
	{ "fstat", fstat_row, 2000 },
	{ "open_close", open_close, 1000 },
};

static void measure(const struct row *row)
{
	ticks best = INT64_MAX;

	for (int i = 0; i < REPETITIONS; i++) {
		ticks took = row->run(row->n);
		if (took < 0) {
			printf("%s errno %d\n", row->name, (int)-took);
			return;
		}
		if (took < best)
			best = took;
	}
	printf("%s ticks %lld\n", row->name, (long long)(best / row->n));
}

static int is_row(const char *name)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (!strcmp(rows[i].name, name))
			return 1;
	return 0;
}

static int is_wanted(const char *name, char **names)
{
	if (!*names)
		return 1;
	while (*names && strcmp(*names, name))
		names++;
	return *names != NULL;
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], END_AT_ONCE))
		_exit(3);
	self = argv[0];
	for (int i = 1; i < argc; i++) {
		if (!is_row(argv[i])) {
			printf("%s unknown\n", argv[i]);
			return 2;
		}
	}
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (is_wanted(rows[i].name, argv + 1)) {
			measure(&rows[i]);
			fflush(stdout);
		}
	}
}
