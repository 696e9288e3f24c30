/* Extended attributes on a tmpfs: setxattr(2), getxattr(2), listxattr(2),
 * removexattr(2). */
#include "check.h"
#include <sys/xattr.h>

static char value[70000];

static void set_and_get(void)
{
	char back[16];

	close(file_with("f", "x", 1));
	FAILS(getxattr("f", "trusted.a", back, 16), ENODATA);
	OK(setxattr("f", "trusted.a", "hello", 5, 0));
	EQ(getxattr("f", "trusted.a", NULL, 0), 5);
	EQ(getxattr("f", "trusted.a", back, 16), 5);
	SAME(back, "hello", 5);
	FAILS(getxattr("f", "trusted.a", back, 4), ERANGE);
	FAILS(setxattr("f", "trusted.a", "x", 1, XATTR_CREATE), EEXIST);
	FAILS(setxattr("f", "trusted.b", "x", 1, XATTR_REPLACE), ENODATA);
	OK(setxattr("f", "trusted.b", "", 0, XATTR_CREATE));
	EQ(getxattr("f", "trusted.b", back, 16), 0);
	EQ(getxattr("f", "trusted.b", back, 0), 0);
	OK(setxattr("f", "trusted.a", "by", 2, XATTR_REPLACE));
	EQ(getxattr("f", "trusted.a", back, 16), 2);
	SAME(back, "by", 2);
	FAILS(setxattr("f", "trusted.a", "x", 1, XATTR_CREATE | XATTR_REPLACE), EEXIST);
	FAILS(setxattr("f", "trusted.a", "x", 1, 4), EINVAL);
	OK(setxattr("f", "security.mine", "sec", 3, 0));
	EQ(getxattr("f", "security.mine", back, 16), 3);
	OK(removexattr("f", "trusted.a"));
	FAILS(removexattr("f", "trusted.a"), ENODATA);
	FAILS(getxattr("f", "trusted.a", back, 16), ENODATA);
}

static void lists(void)
{
	char names[100];

	unlink("f");
	close(file_with("f", "x", 1));
	EQ(listxattr("f", names, 100), 0);
	OK(setxattr("f", "trusted.one", "1", 1, 0));
	OK(setxattr("f", "trusted.two", "2", 1, 0));
	OK(setxattr("f", "security.three", "3", 1, 0));
	EQ(listxattr("f", NULL, 0), 39);
	EQ(listxattr("f", names, 100), 39);
	SAME(names, "security.three\0trusted.two\0trusted.one", 39);
	FAILS(listxattr("f", names, 38), ERANGE);
	OK(setxattr("f", "trusted.one", "1", 1, 0));
	EQ(listxattr("f", names, 100), 39);
	SAME(names, "security.three\0trusted.two\0trusted.one", 39);
	OK(removexattr("f", "trusted.two"));
	EQ(listxattr("f", names, 100), 27);
	SAME(names, "security.three\0trusted.one", 27);
}

/* Names are 1 to 255 bytes, values up to 64 KiB. */
static void sizes(void)
{
	char name[300] = "trusted.", back[4];

	memset(name + 8, 'n', 290);
	name[256] = 0;
	FAILS(setxattr("f", name, "x", 1, 0), ERANGE);
	FAILS(getxattr("f", name, back, 4), ERANGE);
	FAILS(removexattr("f", name), ERANGE);
	name[255] = 0;
	OK(setxattr("f", name, "x", 1, 0));
	EQ(getxattr("f", name, back, 4), 1);
	OK(removexattr("f", name));
	FAILS(setxattr("f", "", "x", 1, 0), ERANGE);
	FAILS(setxattr("f", "trusted.", "x", 1, 0), EINVAL);
	FAILS(getxattr("f", "trusted.", back, 4), EINVAL);
	memset(value, 'v', sizeof value);
	FAILS(setxattr("f", "trusted.big", value, 65537, 0), E2BIG);
	OK(setxattr("f", "trusted.big", value, 65536, 0));
	EQ(getxattr("f", "trusted.big", value, sizeof value), 65536);
	FAILS(getxattr("f", "trusted.big", value, 65535), ERANGE);
	FAILS(setxattr("f", "trusted.x", (void *)8, 5, 0), EFAULT);
	FAILS(setxattr("f", (char *)8, "x", 1, 0), EFAULT);
	FAILS(getxattr("f", "trusted.big", (void *)8, 65536), EFAULT);
	FAILS(listxattr("f", (char *)8, 1000), EFAULT);
	OK(removexattr("f", "trusted.big"));
}

static void spaces(void)
{
	char back[16];

	FAILS(setxattr("f", "user.a", "x", 1, 0), EOPNOTSUPP);
	FAILS(getxattr("f", "user.a", back, 16), EOPNOTSUPP);
	FAILS(removexattr("f", "user.a"), EOPNOTSUPP);
	FAILS(setxattr("f", "none.a", "x", 1, 0), EOPNOTSUPP);
	FAILS(setxattr("f", "plain", "x", 1, 0), EOPNOTSUPP);
	FAILS(getxattr("f", "system.other", back, 16), EOPNOTSUPP);
	FAILS(getxattr("f", "system.posix_acl_access", back, 16), ENODATA);
	FAILS(getxattr("f", "system.posix_acl_default", back, 16), ENODATA);
	FAILS(getxattr("f", "security.selinux", back, 16), ENODATA);
	FAILS(setxattr("f", "security.capability", "x", 1, 0), EINVAL);
	FAILS(getxattr("/proc/uptime", "trusted.a", back, 16), EOPNOTSUPP);
	FAILS(setxattr("/proc/uptime", "trusted.a", "x", 1, 0), EOPNOTSUPP);
	FAILS(getxattr("/proc/uptime", "security.a", back, 16), EOPNOTSUPP);
	EQ(listxattr("/proc/uptime", back, 16), 0);
}

/* Through links, to links, by descriptor. */
static void ways(void)
{
	char back[16];
	int p[2], fd = OK(open("f", O_RDONLY)), path = OK(open("f", O_PATH));

	unlink("l");
	OK(symlink("f", "l"));
	OK(setxattr("l", "trusted.w", "1", 1, 0));
	FAILS(lgetxattr("l", "trusted.w", back, 16), ENODATA);
	OK(lsetxattr("l", "trusted.w", "22", 2, 0));
	EQ(lgetxattr("l", "trusted.w", back, 16), 2);
	EQ(getxattr("l", "trusted.w", back, 16), 1);
	EQ(fgetxattr(fd, "trusted.w", back, 16), 1);
	EQ(llistxattr("l", NULL, 0), 10);
	FAILS(lgetxattr("l", "user.x", back, 16), ENODATA);
	FAILS(lsetxattr("l", "user.x", "1", 1, 0), EPERM);
	OK(lremovexattr("l", "trusted.w"));
	EQ(flistxattr(fd, NULL, 0) > 0, 1);
	OK(fsetxattr(fd, "trusted.v", "333", 3, 0));
	EQ(getxattr("f", "trusted.v", back, 16), 3);
	OK(fremovexattr(fd, "trusted.v"));
	FAILS(fgetxattr(path, "trusted.w", back, 16), EBADF);
	FAILS(fsetxattr(path, "trusted.w", "1", 1, 0), EBADF);
	FAILS(flistxattr(path, back, 16), EBADF);
	FAILS(fremovexattr(path, "trusted.w"), EBADF);
	FAILS(fgetxattr(-1, "trusted.w", back, 16), EBADF);
	FAILS(getxattr("nowhere", "trusted.w", back, 16), ENOENT);
	FAILS(setxattr("nowhere", "", "x", 1, 77), ENOENT);
	OK(pipe(p));
	FAILS(fsetxattr(p[0], "user.x", "1", 1, 0), EPERM);
	FAILS(fsetxattr(p[0], "trusted.x", "1", 1, 0), EOPNOTSUPP);
	FAILS(fgetxattr(p[0], "trusted.x", back, 16), EOPNOTSUPP);
	close(fd);
	close(path);
}

static void others(void)
{
	char back[64];

	unlink("f");
	close(file_with("f", "x", 1));
	OK(setxattr("f", "trusted.r", "1", 1, 0));
	OK(setxattr("f", "security.r", "1", 1, 0));
	OK(chmod("f", 0600));
	pid_t pid = fork();
	if (pid == 0) {
		check_failures = 0;
		OK(setuid(1000));
		FAILS(getxattr("f", "trusted.r", back, 64), ENODATA);
		FAILS(setxattr("f", "trusted.r", "1", 1, 0), EPERM);
		FAILS(removexattr("f", "trusted.r"), EPERM);
		EQ(getxattr("f", "security.r", back, 64), 1);
		FAILS(getxattr("f", "user.r", back, 64), EACCES);
		FAILS(setxattr("f", "user.r", "1", 1, 0), EACCES);
		FAILS(getxattr("f", "none", back, 64), EACCES);
		EQ(listxattr("f", back, 64), 11);
		SAME(back, "security.r", 11);
		_exit(report());
	}
	EXITS(pid, 0);
}

static void capabilities(void)
{
	/* VFS_CAP_REVISION_2, permitted CAP_NET_RAW. */
	unsigned char caps[20] = { 0, 0, 0, 2, 0, 0x20, 0, 0 }, back[32];

	OK(setxattr("f", "security.capability", caps, 20, 0));
	EQ(getxattr("f", "security.capability", back, 32), 20);
	SAME(back, caps, 20);
	FAILS(setxattr("f", "security.capability", caps, 19, 0), EINVAL);
	caps[3] = 1;
	FAILS(setxattr("f", "security.capability", caps, 20, 0), EINVAL);
	OK(removexattr("f", "security.capability"));
	FAILS(removexattr("f", "security.capability"), ENODATA);
}

int main(void)
{
	RUN(set_and_get);
	RUN(lists);
	RUN(sizes);
	RUN(spaces);
	RUN(ways);
	RUN(others);
	RUN(capabilities);
	return report();
}
