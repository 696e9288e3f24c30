/* ioprio_get(2), ioprio_set(2): what is kept, for whom, who inherits it, who may change it. */
#include "check.h"

enum { IOPRIO_CLASS_NONE, IOPRIO_CLASS_RT, IOPRIO_CLASS_BE, IOPRIO_CLASS_IDLE };
enum { IOPRIO_WHO_PROCESS = 1, IOPRIO_WHO_PGRP, IOPRIO_WHO_USER };

#define IOPRIO_CLASS_SHIFT 13
#define VALUE(class, level) ((class) << IOPRIO_CLASS_SHIFT | (level))
#define GET(which, who) syscall(SYS_ioprio_get, which, who)
#define SET(which, who, value) syscall(SYS_ioprio_set, which, who, value)

static void kept(void)
{
	static const int values[] = {
		VALUE(IOPRIO_CLASS_BE, 0), VALUE(IOPRIO_CLASS_BE, 7), VALUE(IOPRIO_CLASS_RT, 3),
		VALUE(IOPRIO_CLASS_IDLE, 0), VALUE(IOPRIO_CLASS_NONE, 0),
		/* A level is three bits; above them are hints, which are kept. */
		VALUE(IOPRIO_CLASS_BE, 8), VALUE(IOPRIO_CLASS_BE, 0x1fff),
	};

	for (unsigned i = 0; i < sizeof values / sizeof *values; i++) {
		EQ(SET(IOPRIO_WHO_PROCESS, 0, values[i]), 0);
		EQ(GET(IOPRIO_WHO_PROCESS, 0), values[i]);
		EQ(GET(IOPRIO_WHO_PROCESS, getpid()), values[i]);
	}
}

static void inherited(void)
{
	EQ(GET(IOPRIO_WHO_PROCESS, 0), VALUE(IOPRIO_CLASS_BE, 6));
}

static void children(void)
{
	EQ(SET(IOPRIO_WHO_PROCESS, 0, VALUE(IOPRIO_CLASS_BE, 6)), 0);
	IN_CHILD(inherited);
}

static void refused(void)
{
	FAILS(SET(IOPRIO_WHO_PROCESS, 0, VALUE(IOPRIO_CLASS_NONE, 1)), EINVAL);
	FAILS(SET(IOPRIO_WHO_PROCESS, 0, VALUE(4, 0)), EINVAL);
	FAILS(SET(0, 0, VALUE(IOPRIO_CLASS_BE, 1)), EINVAL);
	FAILS(SET(4, 0, VALUE(IOPRIO_CLASS_BE, 1)), EINVAL);
	FAILS(GET(0, 0), EINVAL);
	FAILS(GET(IOPRIO_WHO_PROCESS, 4194305), ESRCH);
	FAILS(SET(IOPRIO_WHO_PROCESS, 4194305, VALUE(IOPRIO_CLASS_BE, 1)), ESRCH);
	FAILS(GET(IOPRIO_WHO_USER, 4242), ESRCH);
}

static void as_nobody(void)
{
	OK(setresuid(65534, 65534, 65534));
	FAILS(SET(IOPRIO_WHO_PROCESS, 0, VALUE(IOPRIO_CLASS_RT, 0)), EPERM);
	EQ(SET(IOPRIO_WHO_PROCESS, 0, VALUE(IOPRIO_CLASS_BE, 1)), 0);
	FAILS(SET(IOPRIO_WHO_PROCESS, getppid(), VALUE(IOPRIO_CLASS_BE, 1)), EPERM);
	EQ(GET(IOPRIO_WHO_PROCESS, getppid()), VALUE(IOPRIO_CLASS_BE, 6));
}

static void best_of_group(void)
{
	int pair[2];
	char byte;

	/* The suite has made this the leader of a group of its own. */
	OK(pipe(pair));
	EQ(SET(IOPRIO_WHO_PROCESS, 0, VALUE(IOPRIO_CLASS_BE, 6)), 0);
	pid_t pid = fork();

	if (pid == 0) {
		close(pair[1]);
		_exit(read(pair[0], &byte, 1) != 0);
	}
	EQ(SET(IOPRIO_WHO_PROCESS, pid, VALUE(IOPRIO_CLASS_BE, 2)), 0);
	EQ(GET(IOPRIO_WHO_PGRP, 0), VALUE(IOPRIO_CLASS_BE, 2));
	EQ(SET(IOPRIO_WHO_PGRP, 0, VALUE(IOPRIO_CLASS_BE, 5)), 0);
	EQ(GET(IOPRIO_WHO_PROCESS, pid), VALUE(IOPRIO_CLASS_BE, 5));
	EQ(GET(IOPRIO_WHO_PROCESS, 0), VALUE(IOPRIO_CLASS_BE, 5));
	close(pair[1]);
	EQ(waitpid(pid, NULL, 0), pid);
}

int main(void)
{
	RUN(kept);
	RUN(children);
	RUN(refused);
	IN_CHILD(as_nobody);
	RUN(best_of_group);
	return report();
}
