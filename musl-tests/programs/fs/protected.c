/* What /proc/sys/fs/protected_* keep users from doing to each other in shared
 * directories.  proc(5).
 */
#include "check.h"

static void set(const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof path, "/proc/sys/fs/protected_%s", name);
	int fd = OK(open(path, O_WRONLY));
	EQ(write(fd, value, 1), 1);
	OK(close(fd));
}

/* A sticky directory with something of users 0, 1000 and 2000 in it. */
static void make(const char *dir, mode_t mode)
{
	char path[64];

	OK(mkdir(dir, 0700));
	for (int user = 0; user <= 2000; user += 1000) {
		snprintf(path, sizeof path, "%s/file%d", dir, user);
		int fd = OK(open(path, O_CREAT | O_RDWR, 0666));
		OK(fchmod(fd, 0666));
		OK(fchown(fd, user, user));
		OK(close(fd));
		snprintf(path, sizeof path, "%s/fifo%d", dir, user);
		OK(mkfifo(path, 0666));
		OK(chmod(path, 0666));
		OK(chown(path, user, user));
		snprintf(path, sizeof path, "%s/link%d", dir, user);
		OK(symlink("/etc/passwd", path));
		OK(lchown(path, user, user));
		snprintf(path, sizeof path, "%s/way%d", dir, user);
		OK(symlink("/", path));
		OK(lchown(path, user, user));
	}
	OK(chmod(dir, mode));
}

static int opens(const char *path, int flags)
{
	int fd = open(path, flags, 0600);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static void follow_protected(void)
{
	OK(setgid(1000));
	OK(setuid(1000));
	EQ(opens("sticky/link1000", O_RDONLY), 0);
	EQ(opens("sticky/link0", O_RDONLY), 0);
	EQ(opens("sticky/link2000", O_RDONLY), -EACCES);
	EQ(opens("sticky/link2000", O_RDONLY | O_CREAT), -EACCES);
	FAILS(access("sticky/link2000", F_OK), EACCES);
	FAILS(access("sticky/way2000/", F_OK), EACCES);
	/* Only the last name of a path is guarded. */
	EQ(access("sticky/way2000/etc/passwd", F_OK), 0);
	struct stat st;
	EQ(lstat("sticky/link2000", &st), 0);
	EQ(opens("plain/link2000", O_RDONLY), 0);
}

static void follow_free(void)
{
	OK(setgid(1000));
	OK(setuid(1000));
	EQ(opens("sticky/link2000", O_RDONLY), 0);
}

static void symlinks(void)
{
	set("symlinks", "1");
	/* The superuser is no exception, but it owns the directory's own. */
	EQ(opens("sticky/link2000", O_RDONLY), -EACCES);
	IN_CHILD(follow_protected);
	set("symlinks", "0");
	IN_CHILD(follow_free);
	EQ(opens("sticky/link2000", O_RDONLY), 0);
	set("symlinks", "1");
}

static void link_protected(void)
{
	OK(setgid(1000));
	OK(setuid(1000));
	OK(link("sticky/file1000", "mine/a"));
	OK(link("sticky/file2000", "mine/b"));
	FAILS(link("secret", "mine/c"), EPERM);
	FAILS(link("readable", "mine/d"), EPERM);
	FAILS(link("setuid", "mine/e"), EPERM);
	FAILS(link("setgid", "mine/f"), EPERM);
	FAILS(link("sticky/fifo2000", "mine/g"), EPERM);
	OK(link("sticky/fifo1000", "mine/h"));
	FAILS(link("sticky/link2000", "mine/i"), EPERM);
	FAILS(link("secret", "mine/a"), EEXIST);
}

static void link_free(void)
{
	OK(setgid(1000));
	OK(setuid(1000));
	OK(link("secret", "mine/c"));
	OK(link("setuid", "mine/e"));
	OK(link("sticky/fifo2000", "mine/g"));
}

static void hardlinks(void)
{
	static const struct { const char *name; mode_t mode; } files[] = {
		{ "secret", 0600 }, { "readable", 0644 }, { "setuid", 04666 }, { "setgid", 02676 },
	};

	OK(mkdir("mine", 0700));
	OK(chown("mine", 1000, 1000));
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		OK(close(OK(open(files[i].name, O_CREAT | O_RDWR, 0600))));
		OK(chmod(files[i].name, files[i].mode));
	}
	set("hardlinks", "1");
	IN_CHILD(link_protected);
	OK(link("secret", "by_root"));
	set("hardlinks", "0");
	IN_CHILD(link_free);
	set("hardlinks", "1");
}

static int expected;
static const char *taken, *where;

static void take(void)
{
	char path[64];

	OK(setgid(1000));
	OK(setuid(1000));
	snprintf(path, sizeof path, "%s/%s", where, taken);
	EQ(opens(path, O_RDWR | O_CREAT | O_NONBLOCK), expected);
	EQ(opens(path, O_RDWR | O_NONBLOCK), 0);
}

static void takes(const char *dir, const char *name, int want)
{
	where = dir;
	taken = name;
	expected = want;
	IN_CHILD(take);
}

static void files_and_fifos(void)
{
	static const char *kinds[] = { "fifo", "file" }, *settings[] = { "fifos", "regular" };

	for (int kind = 0; kind < 2; kind++) {
		char mine[16], roots[16], others[16];

		snprintf(mine, sizeof mine, "%s1000", kinds[kind]);
		snprintf(roots, sizeof roots, "%s0", kinds[kind]);
		snprintf(others, sizeof others, "%s2000", kinds[kind]);
		set(settings[kind], "0");
		takes("sticky", others, 0);
		for (int level = 1; level <= 2; level++) {
			set(settings[kind], level == 1 ? "1" : "2");
			takes("sticky", mine, 0);
			takes("sticky", roots, 0);
			takes("sticky", others, -EACCES);
			takes("plain", others, 0);
			takes("group", others, level == 1 ? 0 : -EACCES);
			EQ(opens(kind ? "sticky/file2000" : "sticky/fifo2000", O_RDWR | O_CREAT | O_NONBLOCK),
			   -EACCES);
		}
		set(settings[kind], "0");
	}
}

int main(void)
{
	umask(0);
	make("sticky", 01777);
	make("plain", 0777);
	make("group", 01775);
	OK(chmod(".", 0755));
	RUN(symlinks);
	RUN(hardlinks);
	RUN(files_and_fifos);
	return report();
}
