/* What passes through execve(2), and what starts anew. */
#include "check.h"
#include <sys/resource.h>

static int after(char **argv)
{
	struct sigaction action;
	sigset_t set;
	char path[64];
	int open_fd = atoi(argv[2]), closed_fd = atoi(argv[3]);

	EQ(getpid(), atoi(argv[1]));
	/* Descriptors stay, but for those marked close-on-exec. */
	EQ(fcntl(open_fd, F_GETFD), 0);
	EQ(lseek(open_fd, 0, SEEK_CUR), 3);
	FAILS(fcntl(closed_fd, F_GETFD), EBADF);
	/* Ignored stays ignored, caught becomes default. */
	OK(sigaction(SIGUSR1, NULL, &action));
	CHECK(action.sa_handler == SIG_IGN);
	OK(sigaction(SIGUSR2, NULL, &action));
	CHECK(action.sa_handler == SIG_DFL);
	EQ(action.sa_flags, 0);
	/* The mask and what is pending stay. */
	OK(sigprocmask(SIG_BLOCK, NULL, &set));
	EQ(sigismember(&set, SIGHUP), 1);
	EQ(sigismember(&set, SIGINT), 0);
	OK(sigpending(&set));
	EQ(sigismember(&set, SIGHUP), 1);
	/* The alternate stack is gone. */
	stack_t stack;

	OK(sigaltstack(NULL, &stack));
	EQ(stack.ss_flags, SS_DISABLE);
	OK(syscall(SYS_getcwd, path, sizeof path));
	STREQ(path, "/dev");
	EQ(umask(0), 0123);
	EQ(getpgrp(), getpid());
	unsigned left = alarm(0);

	CHECK(left > 900 && left <= 1000);
	struct rlimit limit;

	OK(getrlimit(RLIMIT_CORE, &limit));
	EQ(limit.rlim_cur, 4242);
	return report();
}

static void handler(int sig)
{
	(void)sig;
}

static const char *self;

static void before(void)
{
	char pid[16], a[16], b[16];
	static char alternate[65536];
	stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};
	struct rlimit limit = {4242, 4242};
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART | SA_ONSTACK};
	sigset_t hup;
	int open_fd = file_with("f", "0123456", 7), closed_fd = OK(open("/", O_RDONLY | O_CLOEXEC));

	EQ(lseek(open_fd, 3, SEEK_SET), 3);
	OK(setpgid(0, 0));
	signal(SIGUSR1, SIG_IGN);
	OK(sigaction(SIGUSR2, &action, NULL));
	OK(sigaltstack(&stack, NULL));
	sigemptyset(&hup);
	sigaddset(&hup, SIGHUP);
	OK(sigprocmask(SIG_SETMASK, &hup, NULL));
	OK(kill(getpid(), SIGHUP));
	OK(chdir("/dev"));
	umask(0123);
	alarm(1000);
	OK(setrlimit(RLIMIT_CORE, &limit));
	snprintf(pid, sizeof pid, "%d", getpid());
	snprintf(a, sizeof a, "%d", open_fd);
	snprintf(b, sizeof b, "%d", closed_fd);
	execl(self, self, pid, a, b, (char *)NULL);
	CHECK(!"execl failed");
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return after(argv);
	self = argv[0];
	IN_CHILD(before);
	return report();
}
