/* getpriority(2), setpriority(2), sched_setscheduler(2) and their kin: values, inheritance, who may,
 * and that a nicer process really gets less of a CPU. */
//@ timeout=60
#include "check.h"
#include <sched.h>
#include <sys/resource.h>

#ifndef SCHED_RESET_ON_FORK
#define SCHED_RESET_ON_FORK 0x40000000
#endif

struct attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
	uint32_t util_min, util_max;
};

/* musl answers ENOSYS itself for these. */
static int set_scheduler(pid_t pid, int policy, int priority)
{
	struct sched_param param = {.sched_priority = priority};

	return syscall(SYS_sched_setscheduler, pid, policy, &param);
}

static int get_scheduler(pid_t pid)
{
	return syscall(SYS_sched_getscheduler, pid);
}

static void nice_values(void)
{
	EQ(getpriority(PRIO_PROCESS, 0), 0);
	EQ(syscall(SYS_getpriority, PRIO_PROCESS, 0), 20);
	EQ(setpriority(PRIO_PROCESS, 0, 7), 0);
	EQ(getpriority(PRIO_PROCESS, getpid()), 7);
	EQ(syscall(SYS_getpriority, PRIO_PROCESS, 0), 13);
	EQ(setpriority(PRIO_PROCESS, 0, 100), 0);
	EQ(getpriority(PRIO_PROCESS, 0), 19);
	EQ(setpriority(PRIO_PROCESS, 0, -100), 0);
	EQ(getpriority(PRIO_PROCESS, 0), -20);
	EQ(setpriority(PRIO_PROCESS, 0, 0), 0);
	FAILS(setpriority(3, 0, 0), EINVAL);
	FAILS(getpriority(-1, 0), EINVAL);
	FAILS(getpriority(PRIO_PROCESS, 999999), ESRCH);
	FAILS(setpriority(PRIO_PGRP, 999999, 1), ESRCH);
	FAILS(getpriority(PRIO_USER, 4242), ESRCH);
}

static void inherited(void)
{
	EQ(getpriority(PRIO_PROCESS, 0), 5);
	EQ(get_scheduler(0), SCHED_BATCH);
}

static void children_inherit(void)
{
	EQ(setpriority(PRIO_PROCESS, 0, 5), 0);
	EQ(set_scheduler(0, SCHED_BATCH, 0), 0);
	IN_CHILD(inherited);
	EQ(set_scheduler(0, SCHED_OTHER, 0), 0);
	EQ(setpriority(PRIO_PROCESS, 0, 0), 0);
}

static void groups(void)
{
	int pipes[2];
	pid_t pid;

	OK(pipe(pipes));
	pid = fork();
	if (pid == 0) {
		close(pipes[1]);
		await_byte(pipes[0]);
		_exit(0);
	}
	EQ(setpgid(pid, pid), 0);
	EQ(setpriority(PRIO_PGRP, pid, 9), 0);
	EQ(getpriority(PRIO_PROCESS, pid), 9);
	EQ(getpriority(PRIO_PGRP, pid), 9);
	EQ(getpriority(PRIO_PGRP, 0), 0);
	EQ(getpriority(PRIO_PROCESS, 0), 0);
	/* The best of all of the user's. */
	EQ(getpriority(PRIO_USER, 0) <= 0, 1);
	close(pipes[1]);
	EXITS(pid, 0);
}

static void unprivileged(void)
{
	struct rlimit limit = {15, 15};

	EQ(setrlimit(RLIMIT_NICE, &limit), 0);
	EQ(setuid(65534), 0);
	FAILS(setpriority(PRIO_PROCESS, 1, 5), EPERM);
	FAILS(setpriority(PRIO_PROCESS, 0, -1), EACCES);
	EQ(setpriority(PRIO_PROCESS, 0, 8), 0);
	/* Down to 20 - RLIMIT_NICE. */
	EQ(setpriority(PRIO_PROCESS, 0, 5), 0);
	FAILS(setpriority(PRIO_PROCESS, 0, 4), EACCES);
	EQ(set_scheduler(0, SCHED_BATCH, 0), 0);
	FAILS(set_scheduler(0, SCHED_FIFO, 1), EPERM);
	FAILS(set_scheduler(1, SCHED_OTHER, 0), EPERM);
	EQ(get_scheduler(1), SCHED_OTHER);
	EQ(set_scheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK, 0), 0);
	FAILS(set_scheduler(0, SCHED_OTHER, 0), EPERM);
}

static void policies(void)
{
	struct sched_param param = {.sched_priority = 5};
	struct timespec slice = {9, 9};

	EQ(get_scheduler(0), SCHED_OTHER);
	FAILS(set_scheduler(0, SCHED_OTHER, 1), EINVAL);
	FAILS(set_scheduler(0, SCHED_FIFO, 0), EINVAL);
	FAILS(set_scheduler(0, SCHED_FIFO, 100), EINVAL);
	FAILS(set_scheduler(0, 4, 0), EINVAL);
	FAILS(set_scheduler(0, -1, 0), EINVAL);
	FAILS(set_scheduler(-1, SCHED_OTHER, 0), EINVAL);
	FAILS(set_scheduler(999999, SCHED_OTHER, 0), ESRCH);
	FAILS(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, NULL), EINVAL);
	FAILS(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, 8), EFAULT);
	FAILS(get_scheduler(-1), EINVAL);
	FAILS(get_scheduler(999999), ESRCH);

	EQ(set_scheduler(0, SCHED_RR, 5), 0);
	EQ(get_scheduler(0), SCHED_RR);
	param.sched_priority = 0;
	EQ(syscall(SYS_sched_getparam, 0, &param), 0);
	EQ(param.sched_priority, 5);
	EQ(syscall(SYS_sched_rr_get_interval, 0, &slice), 0);
	EQ(slice.tv_sec, 0);
	EQ(slice.tv_nsec, 100000000);
	param.sched_priority = 7;
	EQ(syscall(SYS_sched_setparam, 0, &param), 0);
	EQ(syscall(SYS_sched_getparam, getpid(), &param), 0);
	EQ(param.sched_priority, 7);
	EQ(set_scheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, 3), 0);
	EQ(get_scheduler(0), SCHED_FIFO | SCHED_RESET_ON_FORK);
	EQ(syscall(SYS_sched_rr_get_interval, 0, &slice), 0);
	EQ(slice.tv_nsec, 0);
	EQ(set_scheduler(0, SCHED_OTHER, 0), 0);

	for (int policy = 0; policy < 8; policy++) {
		int real = policy == SCHED_FIFO || policy == SCHED_RR;

		if (policy == 4 || policy == 7) {
			FAILS(syscall(SYS_sched_get_priority_max, policy), EINVAL);
			FAILS(syscall(SYS_sched_get_priority_min, policy), EINVAL);
			continue;
		}
		EQ(syscall(SYS_sched_get_priority_max, policy), real ? 99 : 0);
		EQ(syscall(SYS_sched_get_priority_min, policy), real ? 1 : 0);
	}
}

static void attributes(void)
{
	struct attr attr = {.size = sizeof attr, .policy = SCHED_BATCH, .nice = 11}, got;

	EQ(sizeof attr, 56);
	EQ(syscall(SYS_sched_setattr, 0, &attr, 0), 0);
	memset(&got, 0xff, sizeof got);
	EQ(syscall(SYS_sched_getattr, 0, &got, sizeof got, 0), 0);
	EQ(got.size, 56);
	EQ(got.policy, SCHED_BATCH);
	EQ(got.nice, 11);
	EQ(got.priority, 0);
	EQ(getpriority(PRIO_PROCESS, 0), 11);
	attr.size = 48;
	attr.policy = SCHED_OTHER;
	attr.nice = 0;
	attr.flags = 1;
	EQ(syscall(SYS_sched_setattr, 0, &attr, 0), 0);
	EQ(syscall(SYS_sched_getattr, 0, &got, 48, 0), 0);
	EQ(got.size, 48);
	EQ(got.flags, 1);
	EQ(get_scheduler(0), SCHED_OTHER | SCHED_RESET_ON_FORK);
	attr.flags = 0;
	EQ(syscall(SYS_sched_setattr, 0, &attr, 0), 0);
	attr.size = 47;
	FAILS(syscall(SYS_sched_setattr, 0, &attr, 0), E2BIG);
	EQ(attr.size, 56);
	FAILS(syscall(SYS_sched_setattr, 0, &attr, 1), EINVAL);
	FAILS(syscall(SYS_sched_setattr, 0, NULL, 0), EINVAL);
	FAILS(syscall(SYS_sched_getattr, 0, &got, 47, 0), EINVAL);
	FAILS(syscall(SYS_sched_getattr, 0, &got, 48, 1), EINVAL);
	FAILS(syscall(SYS_sched_getattr, 0, NULL, 48, 0), EINVAL);
	FAILS(syscall(SYS_sched_getattr, 999999, &got, 48, 0), ESRCH);
}

/* Two spinners on one CPU, one of them nice: by Linux's weights the other gets 9.3 times as much. */
static void nice_has_effect(void)
{
	volatile unsigned long *laps = OK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	cpu_set_t first = {{1}};
	pid_t pids[2];

	EQ(sched_setaffinity(0, sizeof first, &first), 0);
	for (int i = 0; i < 2; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			setpriority(PRIO_PROCESS, 0, i * 10);
			for (;;)
				laps[i]++;
		}
	}
	while (laps[0] == 0 || laps[1] == 0)
		nanosleep(&(struct timespec){0, 10000000}, NULL);
	unsigned long before[2] = {laps[0], laps[1]};

	nanosleep(&(struct timespec){3, 0}, NULL);
	unsigned long got[2] = {laps[0] - before[0], laps[1] - before[1]};

	for (int i = 0; i < 2; i++) {
		OK(kill(pids[i], SIGKILL));
		KILLED(pids[i], SIGKILL);
	}
	CHECK(got[1] > 0);
	if (got[0] < got[1] * 4 || got[0] > got[1] * 25)
		check_fail(__FILE__, __LINE__, "shares of %lu and %lu", got[0], got[1]);
}

/* A real-time spinner leaves something to others. */
static void real_time_is_throttled(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		set_scheduler(0, SCHED_FIFO, 1);
		for (;;)
			;
	}
	nanosleep(&(struct timespec){2, 0}, NULL);
	OK(kill(pid, SIGKILL));
	KILLED(pid, SIGKILL);
}

int main(void)
{
	RUN(nice_values);
	RUN(children_inherit);
	RUN(groups);
	IN_CHILD(unprivileged);
	RUN(policies);
	RUN(attributes);
	RUN(nice_has_effect);
	RUN(real_time_is_throttled);
	return report();
}
