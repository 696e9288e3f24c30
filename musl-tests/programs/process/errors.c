/* The order in which calls about processes find fault with their arguments. */
#include "check.h"
#include <sched.h>

#define NOBODY 999999

static void signals(void)
{
	/* Who is meant comes before what is sent. */
	FAILS(kill(NOBODY, 99), ESRCH);
	FAILS(kill(-NOBODY, 99), ESRCH);
	FAILS(kill(getpid(), 99), EINVAL);
	FAILS(kill(getpid(), -1), EINVAL);
	FAILS(syscall(SYS_kill, 0x80000000, 99), ESRCH);
	FAILS(syscall(SYS_tkill, NOBODY, 99), ESRCH);
	FAILS(syscall(SYS_tkill, 0, 0), EINVAL);
	FAILS(syscall(SYS_tgkill, getpid(), NOBODY, 99), ESRCH);
	FAILS(syscall(SYS_tgkill, 1, getpid(), 0), ESRCH);
}

/* A child of root's that has ended and is not waited for. */
static pid_t zombie;

static void stranger(void)
{
	OK(setuid(1000));
	FAILS(kill(zombie, 0), EPERM);
	FAILS(kill(getppid(), 99), EINVAL);
	FAILS(kill(getppid(), 0), EPERM);
	OK(kill(getppid(), SIGCONT));
	cpu_set_t all;

	memset(&all, -1, sizeof all);
	FAILS(sched_setaffinity(getppid(), sizeof all, &all), EPERM);
	OK(sched_setaffinity(0, sizeof all, &all));
}

static void zombies(void)
{
	siginfo_t info;

	zombie = fork();
	if (zombie == 0)
		_exit(0);
	OK(waitid(P_PID, zombie, &info, WEXITED | WNOWAIT));
	OK(kill(zombie, SIGKILL));
	OK(syscall(SYS_tkill, zombie, 0));
	OK(syscall(SYS_tgkill, zombie, zombie, SIGKILL));
	IN_CHILD(stranger);
	EXITS(zombie, 0);
}

static void waitid_fails(void)
{
	siginfo_t info;
	int fd = open("/", O_RDONLY);

	/* The siginfo is cleared all the same. */
	memset(&info, 1, sizeof info);
	FAILS(syscall(SYS_waitid, P_ALL, 0, &info, WEXITED, NULL), ECHILD);
	EQ(info.si_signo, 0);
	memset(&info, 1, sizeof info);
	FAILS(syscall(SYS_waitid, P_ALL, 0, &info, 0, NULL), EINVAL);
	EQ(info.si_signo, 0);
	FAILS(syscall(SYS_waitid, P_ALL, 0, 16, WEXITED, NULL), EFAULT);
	FAILS(syscall(SYS_waitid, 3, 99, NULL, WEXITED, NULL), EBADF);
	FAILS(syscall(SYS_waitid, 3, fd, NULL, WEXITED, NULL), EBADF);
	FAILS(syscall(SYS_waitid, 3, -1, NULL, WEXITED, NULL), EINVAL);
	close(fd);
}

/* The eight bits of clone's exit signal may name none. */
static void no_such_signal(void)
{
	pid_t pid = syscall(SYS_clone, 0x50, 0, 0, 0, 0);

	if (pid == 0)
		_exit(5);
	int status;

	EQ(waitpid(pid, &status, __WALL), pid);
	EQ(status, 5 << 8);
}

static void pipes_are_no_programs(void)
{
	char *argv[] = {"x", NULL};
	int p[2];

	OK(pipe(p));
	FAILS(syscall(SYS_execveat, p[0], "x", argv, argv, 0), ENOTDIR);
	FAILS(syscall(SYS_execveat, p[0], "", argv, argv, AT_EMPTY_PATH), EACCES);
	FAILS(lseek(p[0], 0, 9), EINVAL);
	FAILS(lseek(p[0], 0, SEEK_SET), ESPIPE);
	close(p[0]);
	close(p[1]);
}

static void addresses(void)
{
	FAILS(syscall(SYS_arch_prctl, 0x1001, (1ul << 47) - 4096), EPERM);
	FAILS(syscall(SYS_utimensat, AT_FDCWD, NULL, NULL, 0), EFAULT);
}

int main(void)
{
	RUN(waitid_fails);
	RUN(signals);
	RUN(zombies);
	RUN(no_such_signal);
	RUN(pipes_are_no_programs);
	RUN(addresses);
	return report();
}
