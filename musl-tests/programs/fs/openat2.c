/* openat2(2): what may stand in the way of a path. */
#include "check.h"

struct how {
	uint64_t flags, mode, resolve;
};

enum { NO_XDEV = 1, NO_MAGIC = 2, NO_LINKS = 4, BENEATH = 8, IN_ROOT = 16, CACHED = 32 };

static int dir;

static int at(int fd, const char *path, uint64_t flags, uint64_t resolve)
{
	struct how how = { flags, 0, resolve };
	int got = syscall(SYS_openat2, fd, path, &how, sizeof how);

	if (got >= 0)
		close(got);
	return got >= 0 ? 0 : -1;
}

static int go(const char *path, uint64_t resolve)
{
	return at(dir, path, O_RDONLY, resolve);
}

static void arguments(void)
{
	struct {
		struct how how;
		uint64_t more[2];
	} big = { { O_RDONLY, 0, 0 }, { 0, 0 } };
	struct how how = { O_RDONLY, 0, 0 };
	int fd;

	FAILS(syscall(SYS_openat2, dir, "f", &how, 23), EINVAL);
	FAILS(syscall(SYS_openat2, dir, "f", &how, 4097), E2BIG);
	FAILS(syscall(SYS_openat2, dir, "f", 8, sizeof how), EFAULT);
	fd = OK(syscall(SYS_openat2, dir, "f", &big, sizeof big));
	close(fd);
	big.more[1] = 1;
	FAILS(syscall(SYS_openat2, dir, "f", &big, sizeof big), E2BIG);
	FAILS(at(dir, "f", 1ull << 40, 0), EINVAL);
	FAILS(at(dir, "f", 1u << 31, 0), EINVAL);
	FAILS(at(dir, "f", O_RDONLY, 64), EINVAL);
	FAILS(at(dir, "f", O_RDONLY, BENEATH | IN_ROOT), EINVAL);
	FAILS(at(dir, "f", O_PATH | O_RDWR, 0), EINVAL);
	OK(at(dir, "f", O_PATH | O_NOFOLLOW | O_CLOEXEC, 0));
	how.mode = 0600;
	FAILS(syscall(SYS_openat2, dir, "f", &how, sizeof how), EINVAL);
	how = (struct how){ O_CREAT | O_RDWR, 010000, 0 };
	FAILS(syscall(SYS_openat2, dir, "f", &how, sizeof how), EINVAL);
	how = (struct how){ O_TMPFILE | O_RDWR, 0600, 0 };
	fd = OK(syscall(SYS_openat2, dir, ".", &how, sizeof how));
	close(fd);
	how = (struct how){ O_CREAT | O_RDWR, 0640, BENEATH };
	fd = OK(syscall(SYS_openat2, dir, "new", &how, sizeof how));
	struct stat st;
	OK(fstat(fd, &st));
	EQ(st.st_mode & 07777, 0640);
	close(fd);
	OK(unlinkat(dir, "new", 0));
	FAILS(at(dir, "f", O_RDWR | O_TRUNC, CACHED), EAGAIN);
	FAILS(at(-1, "f", O_RDONLY, 0), EBADF);
	FAILS(at(dir, "none", O_RDONLY, 0), ENOENT);
	FAILS(at(dir, "", O_RDONLY, 0), ENOENT);
}

static void beneath(void)
{
	OK(go("f", BENEATH));
	OK(go("sub/../f", BENEATH));
	OK(go("sub/up", BENEATH));
	OK(go("in", BENEATH));
	OK(go(".", BENEATH));
	FAILS(go("..", BENEATH), EXDEV);
	FAILS(go("../f", BENEATH), EXDEV);
	FAILS(go("sub/../../root/f", BENEATH), EXDEV);
	FAILS(go("/", BENEATH), EXDEV);
	FAILS(go("out", BENEATH), EXDEV);
	FAILS(go("abs", BENEATH), EXDEV);
	FAILS(at(dir, "../made", O_CREAT | O_RDWR, BENEATH), EXDEV);
}

static void in_root(void)
{
	OK(go("f", IN_ROOT));
	OK(go("/f", IN_ROOT));
	OK(go("../../f", IN_ROOT));
	OK(go("/../sub/up", IN_ROOT));
	OK(go("inabs", IN_ROOT));
	OK(go("/", IN_ROOT));
	FAILS(go("inabs", 0), ENOENT);
	FAILS(go("out", IN_ROOT), ENOENT);
	FAILS(go("/proc", IN_ROOT), ENOENT);
}

static void links(void)
{
	OK(go("in", 0));
	FAILS(go("in", NO_LINKS), ELOOP);
	FAILS(go("subl/up", NO_LINKS), ELOOP);
	OK(at(dir, "in", O_PATH | O_NOFOLLOW, NO_LINKS));
	OK(go("in", NO_MAGIC));
	char path[64];
	snprintf(path, sizeof path, "/proc/self/fd/%d", dir);
	OK(go(path, 0));
	FAILS(go(path, NO_MAGIC), ELOOP);
	FAILS(go("/proc/self/cwd", NO_MAGIC), ELOOP);
	OK(go("/proc/self/status", NO_MAGIC));
	OK(at(dir, "/proc/self/cwd", O_PATH | O_NOFOLLOW, NO_MAGIC));
}

static void mounts(void)
{
	OK(go("f", NO_XDEV));
	FAILS(go("/proc/uptime", NO_XDEV), EXDEV);
	OK(go("/", NO_XDEV));
	int proc = OK(open("/proc", O_RDONLY | O_DIRECTORY));
	OK(at(proc, "uptime", O_RDONLY, NO_XDEV));
	FAILS(at(proc, "..", O_RDONLY, NO_XDEV), EXDEV);
	FAILS(at(proc, "self/cwd", O_RDONLY, NO_XDEV), EXDEV);
	FAILS(at(proc, "self/cwd", O_RDONLY, BENEATH), EXDEV);
	FAILS(at(proc, "self/cwd", O_RDONLY, IN_ROOT), EXDEV);
	OK(at(proc, "self/status", O_RDONLY, BENEATH));
	close(proc);
}

int main(void)
{
	OK(mkdir("root", 0700));
	OK(mkdir("root/sub", 0700));
	close(file_with("root/f", "x", 1));
	close(file_with("f", "x", 1));
	dir = OK(open("root", O_RDONLY | O_DIRECTORY));
	OK(symlinkat("f", dir, "in"));
	OK(symlinkat("../f", dir, "sub/up"));
	OK(symlinkat("sub", dir, "subl"));
	OK(symlinkat("../g", dir, "out"));
	OK(symlinkat("/f", dir, "inabs"));
	OK(symlinkat("/proc", dir, "abs"));
	RUN(arguments);
	RUN(beneath);
	RUN(in_root);
	RUN(links);
	RUN(mounts);
	return report();
}
