/* capget(2), capset(2), and what prctl(2) has to do with them: keep-caps and the secure bits. */
#include "check.h"
#include <sys/prctl.h>

/* linux/capability.h is not among musl's headers. */
#define _LINUX_CAPABILITY_VERSION_1 0x19980330
#define _LINUX_CAPABILITY_VERSION_3 0x20080522
enum { CAP_CHOWN = 0, CAP_FOWNER = 3, CAP_KILL = 5, CAP_SETUID = 7 };

struct __user_cap_header_struct {
	unsigned version;
	int pid;
};

struct __user_cap_data_struct {
	unsigned effective, permitted, inheritable;
};

#ifndef SECBIT_NOROOT
#define SECBIT_NOROOT 1
#define SECBIT_NOROOT_LOCKED 2
#define SECBIT_NO_SETUID_FIXUP 4
#define SECBIT_KEEP_CAPS 16
#define SECBIT_KEEP_CAPS_LOCKED 32
#endif

static struct __user_cap_header_struct head(unsigned version, int pid)
{
	return (struct __user_cap_header_struct){version, pid};
}

static const char *program;

static long get(int pid, struct __user_cap_data_struct data[2])
{
	struct __user_cap_header_struct header = head(_LINUX_CAPABILITY_VERSION_3, pid);

	return syscall(SYS_capget, &header, data);
}

static long set(struct __user_cap_data_struct data[2])
{
	struct __user_cap_header_struct header = head(_LINUX_CAPABILITY_VERSION_3, 0);

	return syscall(SYS_capset, &header, data);
}

static void headers(void)
{
	struct __user_cap_header_struct header = head(0, 0);
	struct __user_cap_data_struct data[2];

	/* To ask for the version no data is needed. */
	OK(syscall(SYS_capget, &header, NULL));
	EQ(header.version, _LINUX_CAPABILITY_VERSION_3);
	header = head(7, 0);
	FAILS(syscall(SYS_capget, &header, data), EINVAL);
	EQ(header.version, _LINUX_CAPABILITY_VERSION_3);
	header = head(7, 0);
	FAILS(syscall(SYS_capset, &header, data), EINVAL);
	FAILS(syscall(SYS_capget, NULL, data), EFAULT);
	FAILS(syscall(SYS_capget, NULL, NULL), EFAULT);
	FAILS(get(-1, data), EINVAL);
	FAILS(get(4000000, data), ESRCH);
	header = head(_LINUX_CAPABILITY_VERSION_3, 0);
	FAILS(syscall(SYS_capget, &header, (void *)8), EFAULT);
	FAILS(syscall(SYS_capset, &header, (void *)8), EFAULT);
	header = head(_LINUX_CAPABILITY_VERSION_3, 1);
	FAILS(syscall(SYS_capset, &header, data), EPERM);
	/* The first version has one word. */
	header = head(_LINUX_CAPABILITY_VERSION_1, 0);
	data[1].effective = 0x12345678;
	OK(syscall(SYS_capget, &header, data));
	EQ(data[0].effective, 0xffffffff);
	EQ(data[1].effective, 0x12345678);
}

static void roots(void)
{
	struct __user_cap_data_struct own[2], init[2];

	OK(get(0, own));
	EQ(own[0].effective, 0xffffffff);
	EQ(own[1].effective, 0x1ff);
	EQ(own[0].permitted, 0xffffffff);
	EQ(own[0].inheritable, 0);
	OK(get(1, init));
	SAME(init, own, sizeof own);
	OK(get(getpid(), init));
	SAME(init, own, sizeof own);
}

static void what_is_dropped_is_gone(void)
{
	struct __user_cap_data_struct data[2] = {{0}}, now[2];

	data[0].permitted = 1 << CAP_CHOWN | 1 << CAP_KILL;
	data[0].effective = 1 << CAP_KILL;
	data[0].inheritable = 1 << CAP_KILL;
	OK(set(data));
	OK(get(0, now));
	SAME(now, data, sizeof data);
	close(file_with("file", "", 0));
	FAILS(chown("file", 5, 5), EPERM);
	data[0].effective |= 1 << CAP_CHOWN;
	OK(set(data));
	OK(chown("file", 5, 5));
	data[0].permitted |= 1 << CAP_FOWNER;
	FAILS(set(data), EPERM);
	data[0].permitted = 1 << CAP_CHOWN;
	FAILS(set(data), EPERM);
	data[0].effective = 1 << CAP_CHOWN;
	/* What it inherits may stay, and nothing else may come. */
	OK(set(data));
	data[0].inheritable |= 1 << CAP_FOWNER;
	FAILS(set(data), EPERM);
	unlink("file");
}

static void kept_over_setuid(void)
{
	struct __user_cap_data_struct data[2];

	EQ(prctl(PR_GET_KEEPCAPS), 0);
	FAILS(prctl(PR_SET_KEEPCAPS, 2), EINVAL);
	OK(prctl(PR_SET_KEEPCAPS, 1));
	EQ(prctl(PR_GET_KEEPCAPS), 1);
	EQ(prctl(PR_GET_SECUREBITS), SECBIT_KEEP_CAPS);
	OK(syscall(SYS_setresuid, 1000, 1000, 1000));
	OK(get(0, data));
	EQ(data[0].permitted, 0xffffffff);
	EQ(data[0].effective, 0);
	data[0].effective = 1 << CAP_SETUID;
	OK(set(data));
	OK(syscall(SYS_setresuid, 0, 0, 0));
}

static void lost_by_setuid(void)
{
	struct __user_cap_data_struct data[2];

	OK(syscall(SYS_setresuid, 1000, 1000, 1000));
	OK(get(0, data));
	EQ(data[0].permitted, 0);
	FAILS(prctl(PR_SET_SECUREBITS, 0), EPERM);
}

static void secure_bits(void)
{
	struct __user_cap_data_struct data[2];

	EQ(prctl(PR_GET_SECUREBITS), 0);
	FAILS(prctl(PR_SET_SECUREBITS, 1 << 8), EPERM);
	OK(prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP));
	OK(syscall(SYS_setresuid, 1000, 1000, 1000));
	OK(get(0, data));
	EQ(data[0].effective, 0xffffffff);
	OK(syscall(SYS_setresuid, 0, 0, 0));
	OK(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_KEEP_CAPS_LOCKED));
	FAILS(prctl(PR_SET_KEEPCAPS, 1), EPERM);
	FAILS(prctl(PR_SET_SECUREBITS, 0), EPERM);
	/* Root is nobody special any more when it executes a program. */
	execl(program, "bare", (char *)NULL);
	check_fail(__FILE__, __LINE__, "execl: errno %d", errno);
}

int main(int argc, char **argv)
{
	struct __user_cap_data_struct data[2];

	(void)argc;
	program = argv[0];
	if (strcmp(argv[0], "bare") == 0) {
		OK(get(0, data));
		EQ(data[0].permitted, 0);
		EQ(data[0].effective, 0);
		return report();
	}
	RUN(headers);
	RUN(roots);
	IN_CHILD(what_is_dropped_is_gone);
	IN_CHILD(kept_over_setuid);
	IN_CHILD(lost_by_setuid);
	IN_CHILD(secure_bits);
	return report();
}
