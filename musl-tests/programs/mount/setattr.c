/* mount_setattr(2): flags and ties of one mount, or of a whole tree. */
#include "../check.h"
#include <sys/mount.h>
#include <sys/statfs.h>

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

struct attr {
	uint64_t set, clear, ties, userns;
};

static int change_sized(const char *path, unsigned flags, const void *attr, size_t size)
{
	return syscall(442, AT_FDCWD, path, flags, attr, size);
}

static int change(const char *path, unsigned flags, uint64_t set, uint64_t clear, uint64_t ties)
{
	struct attr attr = { set, clear, ties, 0 };

	return change_sized(path, flags, &attr, sizeof attr);
}

static long flags_of(const char *path)
{
	struct statfs fs;

	OK(statfs(path, &fs));
	return fs.f_flags & ~0x20;
}

static void flags(void)
{
	EQ(flags_of("m"), 0x1000);
	OK(change("m", 0, 1 | 2 | 4 | 8, 0, 0));
	EQ(flags_of("m"), 0x100f);
	FAILS(mkdir("m/new", 0755), EROFS);
	OK(change("m", 0, 0, 1 | 2 | 4, 0));
	EQ(flags_of("m"), 0x1008);
	OK(change("m", 0, 2, 2 | 8, 0));
	EQ(flags_of("m"), 0x1002);
	OK(change("m", 0, 0x200000 | 0x80, 2, 0));
	EQ(flags_of("m"), 0x3800);
	OK(change("m", 0, 0x10, 0x70 | 0x200000 | 0x80, 0));
	EQ(flags_of("m"), 0x400);
	OK(change("m", 0, 0x20, 0x70, 0));
	EQ(flags_of("m"), 0);
	OK(change("m", 0, 0, 0x70, 0));
	EQ(flags_of("m"), 0x1000);
	EQ(flags_of("m/in"), 0x1000);
}

static void trees(void)
{
	OK(change("m", AT_RECURSIVE, 1, 0, 0));
	EQ(flags_of("m"), 0x1001);
	EQ(flags_of("m/in"), 0x1001);
	FAILS(mkdir("m/in/new", 0755), EROFS);
	OK(change("m", AT_RECURSIVE, 0, 1, 0));
	/* One writer, and nothing changes at all. */
	int fd = OK(open("m/in/f", O_CREAT | O_WRONLY, 0644));
	FAILS(change("m", AT_RECURSIVE, 1 | 2, 0, 0), EBUSY);
	EQ(flags_of("m"), 0x1000);
	EQ(flags_of("m/in"), 0x1000);
	OK(mkdir("m/new", 0755));
	OK(rmdir("m/new"));
	close(fd);
}

static void ties(void)
{
	OK(change("m", AT_RECURSIVE, 0, 0, MS_SHARED));
	OK(mount("m", "n", NULL, MS_BIND | MS_REC, NULL));
	OK(mkdir("m/in/x", 0755));
	OK(mount("none", "m/in/x", "tmpfs", 0, NULL));
	close(OK(open("m/in/x/f", O_CREAT | O_WRONLY, 0644)));
	EQ(access("n/in/x/f", F_OK), 0);
	OK(change("n", AT_RECURSIVE, 0, 0, MS_PRIVATE));
	OK(umount("m/in/x"));
	EQ(access("n/in/x/f", F_OK), 0);
	OK(umount2("n", MNT_DETACH));
	OK(change("m", 0, 0, 0, MS_UNBINDABLE));
	FAILS(mount("m", "n", NULL, MS_BIND, NULL), EINVAL);
	OK(change("m", 0, 0, 0, MS_PRIVATE));
}

static void errors(void)
{
	struct attr attr = { 2, 0, 0, 0 };
	struct {
		struct attr attr;
		uint64_t more;
	} longer = { { 2, 0, 0, 0 }, 0 };

	FAILS(change("m/in/f", 0, 2, 0, 0), EINVAL);
	FAILS(change("missing", 0, 2, 0, 0), ENOENT);
	FAILS(change("m", 0x10000, 2, 0, 0), EINVAL);
	FAILS(change("m", 0, 1 << 22, 0, 0), EINVAL);
	FAILS(change("m", 0, 0, 1 << 22, 0), EINVAL);
	FAILS(change("m", 0, 0x10, 0, 0), EINVAL);
	FAILS(change("m", 0, 0x10, 0x10, 0), EINVAL);
	FAILS(change("m", 0, 0x30, 0x70, 0), EINVAL);
	FAILS(change("m", 0, 0, 0, MS_SHARED | MS_PRIVATE), EINVAL);
	FAILS(change("m", 0, 0, 0, MS_REC), EINVAL);
	FAILS(change("m", 0, 0, 0x100000, 0), EINVAL);
	/* Nothing to do is done, wherever it is. */
	OK(change("missing", 0, 0, 0, 0));
	FAILS(change_sized("m", 0, &attr, 31), EINVAL);
	FAILS(change_sized("m", 0, &attr, 4097), E2BIG);
	FAILS(change_sized("m", 0, (void *)1, 32), EFAULT);
	OK(change_sized("m", 0, &longer, sizeof longer));
	longer.more = 1;
	FAILS(change_sized("m", 0, &longer, sizeof longer), E2BIG);
	OK(change("m", 0, 0, 2, 0));
	int fd = OK(open("m", O_PATH));
	OK(syscall(442, fd, "", 0x1000, &attr, sizeof attr));
	EQ(flags_of("m"), 0x1002);
	close(fd);
}

static void as_user(void)
{
	OK(setresuid(1000, 1000, 1000));
	FAILS(change("missing", 0, 2, 0, 0), EPERM);
	FAILS(change("missing", 0x10000, 2, 0, 0), EINVAL);
}

int main(void)
{
	OK(mkdir("m", 0755));
	OK(mkdir("n", 0755));
	OK(mount("none", "m", "tmpfs", 0, NULL));
	OK(mkdir("m/in", 0755));
	OK(mount("none", "m/in", "tmpfs", 0, NULL));
	RUN(flags);
	RUN(trees);
	RUN(ties);
	RUN(errors);
	IN_CHILD(as_user);
	OK(umount2("m", MNT_DETACH));
	return report();
}
