/* User and group ids: who may become whom, and what a change takes away. */
#include "check.h"
#include <grp.h>

/* The raw calls: the library would ask every thread. */
#define setuid_(a) syscall(SYS_setuid, a)
#define setreuid_(a, b) syscall(SYS_setreuid, a, b)
#define setresuid_(a, b, c) syscall(SYS_setresuid, a, b, c)
#define setgid_(a) syscall(SYS_setgid, a)
#define setregid_(a, b) syscall(SYS_setregid, a, b)
#define setresgid_(a, b, c) syscall(SYS_setresgid, a, b, c)

static void are(uid_t real, uid_t effective, uid_t saved)
{
	uid_t r = -2, e = -2, s = -2;

	OK(syscall(SYS_getresuid, &r, &e, &s));
	EQ(r, real);
	EQ(e, effective);
	EQ(s, saved);
	EQ(getuid(), real);
	EQ(geteuid(), effective);
}

static void at_first(void)
{
	gid_t r, e, s;

	are(0, 0, 0);
	OK(syscall(SYS_getresgid, &r, &e, &s));
	EQ(r | e | s, 0);
	EQ(getgid(), 0);
	EQ(getegid(), 0);
}

static void setuid_of_root_is_final(void)
{
	OK(setuid_(1000));
	are(1000, 1000, 1000);
	FAILS(setuid_(0), EPERM);
	FAILS(setreuid_(0, -1), EPERM);
	FAILS(setresuid_(-1, 0, -1), EPERM);
	FAILS(setgid_(5), EPERM);
	OK(setuid_(1000));
}

static void back_through_the_saved_id(void)
{
	OK(setresuid_(1000, 1001, 0));
	are(1000, 1001, 0);
	FAILS(setresuid_(5, -1, -1), EPERM);
	OK(setuid_(0));
	are(1000, 0, 0);
	OK(setuid_(7));
	are(7, 7, 7);
}

static void swapping(void)
{
	OK(setresuid_(10, 20, 20));
	OK(setreuid_(20, 10));
	/* A set real id, or an effective one unlike the real, moves the saved. */
	are(20, 10, 10);
	OK(setreuid_(-1, 20));
	are(20, 20, 10);
	OK(setresuid_(-1, -1, -1));
	are(20, 20, 10);
	FAILS(setreuid_(30, -1), EPERM);
	FAILS(setuid_(-1), EINVAL);
}

static void groups(void)
{
	gid_t list[3] = {7, 8, 9}, back[4];

	OK(setgroups(3, list));
	EQ(getgroups(0, NULL), 3);
	EQ(getgroups(4, back), 3);
	SAME(back, list, sizeof list);
	FAILS(getgroups(2, back), EINVAL);
	FAILS(getgroups(-1, back), EINVAL);
	FAILS(syscall(SYS_setgroups, 65537, list), EINVAL);
	OK(setresgid_(1, 2, 3));
	EQ(getgid(), 1);
	EQ(getegid(), 2);
	OK(setregid_(2, 1));
	OK(setresuid_(1000, 1000, 1000));
	FAILS(syscall(SYS_setgroups, 0, NULL), EPERM);
	FAILS(setgid_(0), EPERM);
	OK(setgid_(2));
	EQ(getegid(), 2);
}

static void waits(void)
{
	for (;;)
		pause();
}

/* Who may signal whom: the sender's real or effective id against the target's
 * real or saved one; SIGCONT within the session is free. */
static void may_signal(void)
{
	pid_t roots = child(waits);
	pid_t other = fork();

	if (other == 0) {
		OK(setresuid_(5, 6, 7));
		FAILS(kill(roots, 0), EPERM);
		FAILS(kill(1, SIGTERM), EPERM);
		EQ(kill(roots, SIGCONT), 0);
		_exit(report());
	}
	EXITS(other, 0);
	other = fork();
	if (other == 0) {
		OK(setresuid_(5, 6, 7));
		waits();
	}
	pid_t sender = fork();

	if (sender == 0) {
		OK(setresuid_(50, 7, 50));
		/* The target may not have changed its ids yet: EPERM until then. */
		while (kill(other, 0) == -1)
			if (errno != EPERM)
				_exit(1);
		OK(setresuid_(50, 50, 50));
		FAILS(kill(other, 0), EPERM);
		_exit(report());
	}
	EXITS(sender, 0);
	OK(kill(other, SIGKILL));
	KILLED(other, SIGKILL);
	OK(kill(roots, SIGKILL));
	KILLED(roots, SIGKILL);
}

/* Supplementary and all other ids pass through fork. */
static void inherited(void)
{
	gid_t list[2] = {7, 8}, back[2];

	OK(setgroups(2, list));
	OK(setresuid_(1, 2, 3));
	pid_t pid = fork();

	if (pid == 0) {
		are(1, 2, 3);
		EQ(getgroups(2, back), 2);
		_exit(report());
	}
	EXITS(pid, 0);
}

int main(void)
{
	RUN(at_first);
	IN_CHILD(setuid_of_root_is_final);
	IN_CHILD(back_through_the_saved_id);
	IN_CHILD(swapping);
	IN_CHILD(groups);
	RUN(may_signal);
	IN_CHILD(inherited);
	return report();
}
