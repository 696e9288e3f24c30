/* clone(2) as other calls use it: shared tables, ids written, refusals. */
#include "check.h"
#include <sched.h>

/* A fork with flags; the child goes on with the stack or its copy. Inline, for
 * with CLONE_VM a child that returned from here would spoil the parent's frame. */
static inline __attribute__((always_inline)) long raw_clone(unsigned long flags, int *parent_tid,
							    int *child_tid)
{
	register int *ctid __asm__("r10") = child_tid;
	register long tls __asm__("r8") = 0;
	long result = SYS_clone;

	__asm__ volatile("syscall"
			 : "+a"(result)
			 : "D"(flags), "S"(0L), "d"(parent_tid), "r"(ctid), "r"(tls)
			 : "rcx", "r11", "memory");
	if (result < 0 && result > -4096) {
		errno = -result;
		return -1;
	}
	return result;
}

static void shares_files(void)
{
	long pid = raw_clone(CLONE_FILES | SIGCHLD, NULL, NULL);

	if (pid == 0)
		_exit(open("/", O_RDONLY) == 3 ? 0 : 1);
	EXITS(pid, 0);
	OK(fcntl(3, F_GETFD));
	close(3);
	pid = raw_clone(SIGCHLD, NULL, NULL);
	if (pid == 0)
		_exit(open("/", O_RDONLY) == 3 ? 0 : 1);
	EXITS(pid, 0);
	FAILS(fcntl(3, F_GETFD), EBADF);
}

static void shares_directory_and_mask(void)
{
	char path[64];
	long pid = raw_clone(CLONE_FS | SIGCHLD, NULL, NULL);

	if (pid == 0) {
		umask(0123);
		_exit(chdir("/dev") == 0 ? 0 : 1);
	}
	EXITS(pid, 0);
	OK(syscall(SYS_getcwd, path, sizeof path));
	STREQ(path, "/dev");
	EQ(umask(022), 0123);
	OK(chdir("/tmp"));
}

static void writes_ids(void)
{
	static int parent_tid, child_tid;
	long pid = raw_clone(CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | SIGCHLD, &parent_tid, &child_tid);

	if (pid == 0)
		_exit(child_tid == syscall(SYS_getpid) ? 0 : 1);
	EQ(parent_tid, pid);
	EQ(child_tid, 0);
	EXITS(pid, 0);
}

/* With shared memory the child's end clears the word (and wakes a futex). */
static void clears_id(void)
{
	static int child_tid;

	child_tid = -1;
	long pid = raw_clone(CLONE_VM | CLONE_VFORK | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD,
			     NULL, &child_tid);

	if (pid == 0)
		_exit(child_tid > 0 ? 0 : 1);
	EXITS(pid, 0);
	EQ(child_tid, 0);
}

static volatile int got;

static void note(int sig)
{
	got = sig;
}

/* Any signal may announce the end; without SIGCHLD it takes __WALL to wait. */
static void other_exit_signal(void)
{
	int status;

	signal(SIGUSR2, note);
	long pid = raw_clone(SIGUSR2, NULL, NULL);

	if (pid == 0)
		_exit(5);
	FAILS(waitpid(pid, &status, 0), ECHILD);
	EQ(waitpid(pid, &status, __WALL), pid);
	EQ(status, 5 << 8);
	EQ(got, SIGUSR2);
	pid = raw_clone(0, NULL, NULL);
	if (pid == 0)
		_exit(6);
	EQ(waitpid(pid, &status, __WCLONE), pid);
	EQ(status, 6 << 8);
}

/* With CLONE_PARENT the child is a sibling. */
static void sibling(void)
{
	pid_t mine = getppid();
	long pid = raw_clone(CLONE_PARENT | SIGCHLD, NULL, NULL);

	if (pid == 0)
		_exit(getppid() == mine ? 17 : 1);
	FAILS(waitpid(pid, NULL, 0), ECHILD);
}

static void refusals(void)
{
	FAILS(raw_clone(CLONE_SIGHAND | SIGCHLD, NULL, NULL), EINVAL);
	FAILS(raw_clone(CLONE_THREAD | CLONE_VM | SIGCHLD, NULL, NULL), EINVAL);
	FAILS(raw_clone(CLONE_FS | CLONE_NEWNS | SIGCHLD, NULL, NULL), EINVAL);
}

int main(void)
{
	RUN(shares_files);
	RUN(shares_directory_and_mask);
	RUN(writes_ids);
	RUN(clears_id);
	RUN(other_exit_signal);
	IN_CHILD(sibling);
	int status;

	OK(wait(&status));
	EQ(status, 17 << 8);
	RUN(refusals);
	return report();
}
