/* Every call that takes a pointer, with each of its pointers bad in each way:
 * the answers are Linux's, call by call, and nobody dies. */
//@ oracle timeout=120
#include "check.h"
#include <sched.h>
#include <sys/time.h>

#define PAGE 4096
#define ARCH_SET_GS 0x1001
#define ARCH_SET_FS 0x1002

/* Arguments that are made at run time; BUF and PATH are the pointers under test. */
enum { BUF = -1000, PATH, FILE_FD, DIR_FD, PIPE_FD, CHILD };

static const struct row {
	const char *name;
	long number;
	long args[6];
} rows[] = {
#define ROW(call, ...) {#call, SYS_##call, {__VA_ARGS__}}
	ROW(read, FILE_FD, BUF, 16), ROW(write, FILE_FD, BUF, 16),
	ROW(pread64, FILE_FD, BUF, 16, 0), ROW(pwrite64, FILE_FD, BUF, 16, 0),
	ROW(readv, FILE_FD, BUF, 2), ROW(writev, FILE_FD, BUF, 2),
	ROW(preadv, FILE_FD, BUF, 2, 0), ROW(pwritev, FILE_FD, BUF, 2, 0),
	ROW(open, PATH, O_RDONLY), ROW(openat, DIR_FD, PATH, O_RDONLY), ROW(creat, PATH, 0600),
	ROW(pipe, BUF), ROW(pipe2, BUF, 0), ROW(getdents64, DIR_FD, BUF, 4096),
	ROW(stat, PATH, BUF), ROW(lstat, PATH, BUF), ROW(fstat, FILE_FD, BUF),
	ROW(newfstatat, DIR_FD, PATH, BUF, 0), ROW(statx, DIR_FD, PATH, 0, 0x7ff, BUF),
	ROW(access, PATH, 0), ROW(faccessat, DIR_FD, PATH, 0), ROW(faccessat2, DIR_FD, PATH, 0, 0),
	ROW(mkdir, PATH, 0700), ROW(mkdirat, DIR_FD, PATH, 0700), ROW(rmdir, PATH),
	ROW(unlink, PATH), ROW(unlinkat, DIR_FD, PATH, 0),
	ROW(link, PATH, PATH), ROW(linkat, DIR_FD, PATH, DIR_FD, PATH, 0),
	ROW(symlink, PATH, PATH), ROW(symlinkat, PATH, DIR_FD, PATH),
	ROW(readlink, PATH, BUF, 64), ROW(readlinkat, DIR_FD, PATH, BUF, 64),
	ROW(rename, PATH, PATH), ROW(renameat, DIR_FD, PATH, DIR_FD, PATH),
	ROW(renameat2, DIR_FD, PATH, DIR_FD, PATH, 0),
	ROW(chdir, PATH), ROW(getcwd, BUF, 4096), ROW(truncate, PATH, 0),
	ROW(chmod, PATH, 0600), ROW(fchmodat, DIR_FD, PATH, 0600), ROW(chown, PATH, 0, 0),
	ROW(lchown, PATH, 0, 0), ROW(fchownat, DIR_FD, PATH, 0, 0, 0),
	ROW(mknod, PATH, S_IFREG | 0600, 0), ROW(mknodat, DIR_FD, PATH, S_IFREG | 0600, 0),
	ROW(utimensat, DIR_FD, PATH, BUF, 0), ROW(ioctl, PIPE_FD, 0x541b, BUF), ROW(ioctl, PIPE_FD, 0x5421, BUF),
	ROW(poll, BUF, 2, 0), ROW(ppoll, BUF, 2, BUF, BUF, 8),
	ROW(execve, PATH, BUF, BUF), ROW(execveat, DIR_FD, PATH, BUF, BUF, 0),
	ROW(wait4, CHILD, BUF, 0, BUF), ROW(waitid, P_PID, CHILD, BUF, WEXITED, BUF),
	ROW(rt_sigaction, SIGUSR1, BUF, BUF, 8), ROW(rt_sigprocmask, SIG_BLOCK, BUF, BUF, 8),
	ROW(rt_sigpending, BUF, 8), ROW(rt_sigsuspend, BUF, 8), ROW(rt_sigtimedwait, BUF, BUF, BUF, 8),
	ROW(sigaltstack, BUF, BUF), ROW(nanosleep, BUF, BUF), ROW(clock_nanosleep, 1, 0, BUF, BUF),
	ROW(clock_gettime, 1, BUF), ROW(clock_getres, 1, BUF), ROW(gettimeofday, BUF, BUF), ROW(time, BUF),
	ROW(uname, BUF), ROW(getrandom, BUF, 64, 0), ROW(arch_prctl, 0x1003, BUF),
	ROW(set_tid_address, BUF), ROW(set_robust_list, BUF, 24),
	ROW(prlimit64, 0, 7, BUF, BUF), ROW(getrlimit, 7, BUF), ROW(setrlimit, 7, BUF),
	ROW(getrusage, 0, BUF), ROW(sysinfo, BUF), ROW(times, BUF),
	ROW(getresuid, BUF, BUF, BUF), ROW(getresgid, BUF, BUF, BUF), ROW(getgroups, 16, BUF),
	ROW(setgroups, 2, BUF), ROW(getcpu, BUF, BUF, 0), ROW(sched_getaffinity, 0, 128, BUF),
	ROW(getitimer, 0, BUF), ROW(setitimer, 1, BUF, BUF),
	ROW(futex, BUF, 0, 1, BUF), ROW(futex, BUF, 128, 1, BUF), ROW(futex, BUF, 1, 1), ROW(futex, BUF, 129, 1),
	ROW(munmap, BUF, 4096), ROW(mprotect, BUF, 4096, PROT_READ), ROW(madvise, BUF, 4096, MADV_DONTNEED),
	ROW(mmap, BUF, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
	ROW(mmap, BUF, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
	ROW(mmap, BUF, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, FILE_FD, 0),
	ROW(mremap, BUF, PAGE, 2 * PAGE, MREMAP_MAYMOVE), ROW(mremap, BUF, PAGE, 2 * PAGE, 0),
	ROW(mremap, BUF, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, BUF),
	ROW(clone, CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD, 0, BUF, BUF, 0),
	ROW(clone, SIGCHLD, BUF, 0, 0, 0), ROW(clone, CLONE_SETTLS | SIGCHLD, 0, 0, 0, BUF),
	ROW(arch_prctl, ARCH_SET_FS, BUF), ROW(arch_prctl, ARCH_SET_GS, BUF),
	ROW(rt_sigreturn, BUF),
	ROW(reboot, 0xfee1dead, 672274793, 0x4321fedc, BUF),
};

#define BASE 0x10000000UL

/* At BASE a page of zeroes to read and write, then a hole, then one to read only. */
static const struct {
	const char *name;
	unsigned long address;
} classes[] = {
	{"NULL", 0},
	{"low", 8},
	{"unmapped", BASE + PAGE},
	{"read-only", BASE + 2 * PAGE},
	{"crossing", BASE + PAGE - 1},
	{"crossing half", BASE + PAGE - 8},
	{"odd", BASE + 3},
	{"last of user", 0x7ffffffff000 - 1},
	{"kernel", 0xffffffff81000000},
	{"kernel half", 0xffff800000000000},
	{"non-canonical", 0x8000000000000000},
	{"last", -1UL},
	{"wrapping", -8UL},
};

static int file_fd, dir_fd, pipe_fd;

/* rt_sigreturn(2) finds its argument through the stack pointer. */
static _Noreturn void sigreturn_at(unsigned long frame)
{
	__asm__ volatile("mov %0, %%rsp\n\tsyscall\n\tud2" : : "r"(frame), "a"(SYS_rt_sigreturn) : "memory");
	__builtin_unreachable();
}

static void none(int sig)
{
	(void)sig;
}

/* In a child of its own: the call with pointer number `slot` bad. Answers by the
 * exit status: errno, or 0. */
static void one(const struct row *row, int slot, unsigned long bad)
{
	static const struct itimerval soon = {{0, 0}, {0, 300000}};
	struct sigaction action = {.sa_handler = none};
	static _Alignas(PAGE) char scratch[6][PAGE];
	long args[6];

	for (int i = 0; i < 6; i++) {
		args[i] = row->args[i];
		switch (args[i]) {
		case BUF:
			args[i] = i == slot ? (long)bad : (long)scratch[i];
			break;
		case PATH:
			args[i] = i == slot ? (long)bad : (long)"file";
			break;
		case FILE_FD:
			args[i] = file_fd;
			break;
		case DIR_FD:
			args[i] = dir_fd;
			break;
		case PIPE_FD:
			args[i] = pipe_fd;
			break;
		case CHILD:
			args[i] = fork();
			if (args[i] == 0)
				_exit(0);
			break;
		}
	}
	if (row->number == SYS_reboot)
		/* Root would really do it. */
		syscall(SYS_setresuid, 1000, 1000, 1000);
	if (row->number == SYS_rt_sigreturn)
		sigreturn_at(bad);
	/* What sleeps is woken, and answers EINTR. */
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	errno = 0;
	long result = syscall(row->number, args[0], args[1], args[2], args[3], args[4], args[5]);

	_exit(result == -1 ? errno : 0);
}

int main(void)
{
	int p[2];

	setvbuf(stdout, NULL, _IOFBF, 65536);
	CHECK(mmap((void *)BASE, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
	      (void *)BASE);
	OK(mprotect((void *)(BASE + 2 * PAGE), PAGE, PROT_READ));
	OK(munmap((void *)(BASE + PAGE), PAGE));
	OK(pipe(p));
	pipe_fd = p[0];
	for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++)
		for (int slot = 0; slot < 6; slot++) {
			if (rows[r].args[slot] != BUF && rows[r].args[slot] != PATH)
				continue;
			for (size_t c = 0; c < sizeof classes / sizeof classes[0]; c++) {
				/* Each child finds the same folder. */
				mkdir("d", 0755);
				OK(chdir("d"));
				file_fd = file_with("file", "0123456789abcdef0123456789abcdef", 32);
				dir_fd = OK(open(".", O_RDONLY));
				fflush(stdout);
				pid_t pid = fork();

				if (pid == 0)
					one(&rows[r], slot, classes[c].address);
				int status = status_of(pid);

				printf("%s argument %d %s: ", rows[r].name, slot, classes[c].name);
				if (status & 0x7f)
					printf("signal %d\n", status & 0x7f);
				else
					printf("%s\n", status ? strerror(status >> 8) : "ok");
				close(file_fd);
				close(dir_fd);
				unlink("file");
				OK(chdir(".."));
			}
		}
	fflush(stdout);
	return report();
}
