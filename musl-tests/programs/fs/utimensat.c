/* utimensat(2), and which times which calls move. */
#include "check.h"

static struct stat look(const char *path)
{
	struct stat st = {0};

	OK(lstat(path, &st));
	return st;
}

static void exact(void)
{
	struct timespec t[2] = {{1000, 1}, {2000, 999999999}};

	close(file_with("f", "x", 1));
	OK(utimensat(AT_FDCWD, "f", t, 0));
	EQ(look("f").st_atim.tv_sec, 1000);
	EQ(look("f").st_atim.tv_nsec, 1);
	EQ(look("f").st_mtim.tv_sec, 2000);
	EQ(look("f").st_mtim.tv_nsec, 999999999);
	t[0].tv_nsec = UTIME_OMIT;
	t[1] = (struct timespec){3000, 0};
	OK(utimensat(AT_FDCWD, "f", t, 0));
	EQ(look("f").st_atim.tv_sec, 1000);
	EQ(look("f").st_mtim.tv_sec, 3000);
	/* Before 1970 is a time as well. */
	t[1].tv_sec = -5;
	OK(utimensat(AT_FDCWD, "f", t, 0));
	EQ(look("f").st_mtim.tv_sec, -5);
}

static void now(void)
{
	struct timespec t[2] = {{0, UTIME_NOW}, {0, UTIME_OMIT}}, clock;

	clock_gettime(CLOCK_REALTIME, &clock);
	OK(utimensat(AT_FDCWD, "f", t, 0));
	CHECK(look("f").st_atim.tv_sec >= clock.tv_sec - 1);
	EQ(look("f").st_mtim.tv_sec, -5);
	OK(utimensat(AT_FDCWD, "f", NULL, 0));
	CHECK(look("f").st_mtim.tv_sec >= clock.tv_sec - 1);
}

static void by_descriptor(void)
{
	struct timespec t[2] = {{7, 0}, {8, 0}};
	int fd = OK(open("f", O_RDONLY));

	OK(futimens(fd, t));
	EQ(look("f").st_mtim.tv_sec, 8);
	OK(symlink("f", "l"));
	t[1].tv_sec = 9;
	OK(utimensat(AT_FDCWD, "l", t, AT_SYMLINK_NOFOLLOW));
	EQ(look("l").st_mtim.tv_sec, 9);
	EQ(look("f").st_mtim.tv_sec, 8);
	close(fd);
}

static void refusals(void)
{
	struct timespec t[2] = {{0, 1000000000}, {0, 0}};

	FAILS(utimensat(AT_FDCWD, "f", t, 0), EINVAL);
	t[0].tv_nsec = -1;
	FAILS(utimensat(AT_FDCWD, "f", t, 0), EINVAL);
	FAILS(utimensat(AT_FDCWD, "nothing", NULL, 0), ENOENT);
	FAILS(utimensat(AT_FDCWD, "f", NULL, 0x1), EINVAL);
	FAILS(utimensat(-1, "f", NULL, 0), EBADF);
	FAILS(syscall(SYS_utimensat, AT_FDCWD, "f", 8, 0), EFAULT);
}

static void as_nobody(void)
{
	struct timespec t[2] = {{1, 0}, {1, 0}};

	OK(setresuid(65534, 65534, 65534));
	FAILS(utimensat(AT_FDCWD, "f", t, 0), EPERM);
	FAILS(utimensat(AT_FDCWD, "f", NULL, 0), EACCES);
}

/* Content moves mtime and ctime; a new entry moves its directory's. */
static void moved_by_calls(void)
{
	struct timespec old[2] = {{100, 0}, {100, 0}};

	OK(mkdir("d", 0755));
	int fd = file_with("d/f", "", 0);

	OK(utimensat(AT_FDCWD, "d/f", old, 0));
	EQ(write(fd, "x", 1), 1);
	CHECK(look("d/f").st_mtim.tv_sec != 100);
	EQ(look("d/f").st_atim.tv_sec, 100);
	OK(utimensat(AT_FDCWD, "d/f", old, 0));
	OK(ftruncate(fd, 0));
	CHECK(look("d/f").st_mtim.tv_sec != 100);
	OK(utimensat(AT_FDCWD, "d", old, 0));
	OK(link("d/f", "d/g"));
	CHECK(look("d").st_mtim.tv_sec != 100);
	OK(utimensat(AT_FDCWD, "d", old, 0));
	OK(unlink("d/g"));
	CHECK(look("d").st_mtim.tv_sec != 100);
	OK(utimensat(AT_FDCWD, "d", old, 0));
	OK(rename("d/f", "f2"));
	CHECK(look("d").st_mtim.tv_sec != 100);
	close(fd);
}

int main(void)
{
	RUN(exact);
	RUN(now);
	RUN(by_descriptor);
	RUN(refusals);
	IN_CHILD(as_nobody);
	RUN(moved_by_calls);
	return report();
}
