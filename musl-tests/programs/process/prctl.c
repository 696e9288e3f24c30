/* prctl(2): values, errors, what children and programs inherit. */
#include "check.h"
#include <sys/prctl.h>

static void names(void)
{
	char name[17] = "";

	EQ(prctl(PR_SET_NAME, "a-name-longer-than-15"), 0);
	EQ(prctl(PR_GET_NAME, name), 0);
	STREQ(name, "a-name-longer-t");
	FAILS(prctl(PR_SET_NAME, 8), EFAULT);
	FAILS(prctl(PR_GET_NAME, 8), EFAULT);
}

static void is_not_dumpable(void)
{
	EQ(prctl(PR_GET_DUMPABLE), 0);
}

static void changes_user(void)
{
	EQ(setresuid(-1, 65534, -1), 0);
	EQ(prctl(PR_GET_DUMPABLE), 0);
}

static void dumpable(void)
{
	EQ(prctl(PR_GET_DUMPABLE), 1);
	FAILS(prctl(PR_SET_DUMPABLE, 2), EINVAL);
	EQ(prctl(PR_SET_DUMPABLE, 0), 0);
	EQ(prctl(PR_GET_DUMPABLE), 0);
	IN_CHILD(is_not_dumpable);
	EQ(prctl(PR_SET_DUMPABLE, 1), 0);
	IN_CHILD(changes_user);
	EQ(prctl(PR_GET_DUMPABLE), 1);
}

static int meet[2];

static void forgets_death_signal(void)
{
	int sig = -1;

	EQ(prctl(PR_GET_PDEATHSIG, &sig), 0);
	EQ(sig, 0);
}

static void death_signal(void)
{
	int sig = -1;
	char pids[16];
	pid_t pid;

	FAILS(prctl(PR_SET_PDEATHSIG, 65), EINVAL);
	FAILS(prctl(PR_GET_PDEATHSIG, 8), EFAULT);
	EQ(prctl(PR_SET_PDEATHSIG, SIGTERM), 0);
	EQ(prctl(PR_GET_PDEATHSIG, &sig), 0);
	EQ(sig, SIGTERM);
	IN_CHILD(forgets_death_signal);
	EQ(prctl(PR_SET_PDEATHSIG, 0), 0);

	/* A grandchild whose parent ends gets it, and we reap it as a subreaper. */
	EQ(prctl(PR_GET_CHILD_SUBREAPER, &sig), 0);
	EQ(sig, 0);
	EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	EQ(prctl(PR_GET_CHILD_SUBREAPER, &sig), 0);
	EQ(sig, 1);
	OK(pipe(meet));
	pid = fork();
	if (pid == 0) {
		pid = fork();
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGUSR2);
			pid = getpid();
			if (write(meet[1], &pid, sizeof pid) != sizeof pid)
				_exit(9);
			for (;;)
				pause();
		}
		/* The grandchild is ready. */
		if (read(meet[0], pids, sizeof pid) != sizeof pid || write(meet[1], pids, sizeof pid) != sizeof pid)
			_exit(8);
		_exit(0);
	}
	EXITS(pid, 0);
	EQ(read(meet[0], &pid, sizeof pid), sizeof pid);
	KILLED(pid, SIGUSR2);
	EQ(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
}

static void keeps_no_new_privs(void)
{
	EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
}

static void no_new_privs(void)
{
	EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
	FAILS(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0), EINVAL);
	FAILS(prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0), EINVAL);
	FAILS(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 1), EINVAL);
	EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
	IN_CHILD(keeps_no_new_privs);
}

static void inherits_slack(void)
{
	EQ(prctl(PR_GET_TIMERSLACK), 70000);
	EQ(prctl(PR_SET_TIMERSLACK, 1), 0);
	EQ(prctl(PR_SET_TIMERSLACK, 0), 0);
	EQ(prctl(PR_GET_TIMERSLACK), 70000);
}

static void timer_slack(void)
{
	EQ(prctl(PR_GET_TIMERSLACK), 50000);
	EQ(prctl(PR_SET_TIMERSLACK, 70000), 0);
	IN_CHILD(inherits_slack);
	EQ(prctl(PR_SET_TIMERSLACK, 0), 0);
	EQ(prctl(PR_GET_TIMERSLACK), 50000);
}

static void others(void)
{
	int *tid = NULL, tsc = 0;

	EQ(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0), 0);
	EQ(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0), 0);
	EQ(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0), 1);
	FAILS(prctl(PR_SET_THP_DISABLE, 0, 1, 0, 0), EINVAL);
	FAILS(prctl(PR_GET_THP_DISABLE, 1, 0, 0, 0), EINVAL);
	EQ(prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0), 0);
	EQ(syscall(SYS_set_tid_address, &tsc), getpid());
	EQ(prctl(PR_GET_TID_ADDRESS, &tid), 0);
	CHECK(tid == &tsc);
	EQ(prctl(PR_GET_TSC, &tsc), 0);
	EQ(tsc, PR_TSC_ENABLE);
	EQ(prctl(PR_GET_TIMING), PR_TIMING_STATISTICAL);
	FAILS(prctl(PR_SET_TIMING, 1), EINVAL);
	EQ(prctl(PR_GET_SECCOMP), 0);
	FAILS(prctl(4711), EINVAL);
	EQ(prctl(PR_CAPBSET_READ, 0), 1);
	FAILS(prctl(PR_CAPBSET_READ, 41), EINVAL);
	EQ(prctl(PR_CAPBSET_DROP, 7), 0);
	EQ(prctl(PR_CAPBSET_READ, 7), 0);
	EQ(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 3, 0, 0), 0);
	FAILS(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 3, 0, 0), EPERM);
	EQ(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), 0);
	FAILS(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 41, 0, 0), EINVAL);
	FAILS(prctl(PR_CAP_AMBIENT, 9, 3, 0, 0), EINVAL);
}

int main(void)
{
	RUN(names);
	RUN(dumpable);
	RUN(death_signal);
	RUN(no_new_privs);
	RUN(timer_slack);
	RUN(others);
	return report();
}
