/* hidepid=, gid= and subset= of proc: what users may know of the processes of
 * others, for each mount by itself.  proc(5).
 */
#include "check.h"
#include <dirent.h>
#include <grp.h>
#include <sys/mount.h>

static pid_t other;
static char path[128];

static const char *in(const char *below)
{
	snprintf(path, sizeof path, "p/%d%s", other, below);
	return path;
}

static int lists(const char *dir, const char *entry)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int found = 0;

	CHECK(d != NULL);
	while (d && (e = readdir(d)))
		found += strcmp(e->d_name, entry) == 0;
	if (d)
		closedir(d);
	return found;
}

static int listed(void)
{
	char number[16];

	snprintf(number, sizeof number, "%d", other);
	return lists("p", number);
}

static void everything(void)
{
	struct stat st;

	EQ(stat(in(""), &st), 0);
	EQ(access(in("/stat"), R_OK), 0);
	EQ(listed(), 1);
}

static void its_name_only(void)
{
	struct stat st;

	EQ(stat(in(""), &st), 0);
	FAILS(access(in("/stat"), F_OK), EPERM);
	FAILS(open(in("/comm"), O_RDONLY), EPERM);
	FAILS(open(in(""), O_RDONLY | O_DIRECTORY), EPERM);
	EQ(listed(), 1);
}

static void nothing(void)
{
	struct stat st;

	FAILS(stat(in(""), &st), ENOENT);
	FAILS(access(in("/stat"), F_OK), ENOENT);
	FAILS(open(in("/comm"), O_RDONLY), ENOENT);
	FAILS(open(in(""), O_RDONLY | O_DIRECTORY), ENOENT);
	EQ(listed(), 0);
}

/* Whether Linux says EPERM or ENOENT to more depends on who looked it up. */
static void at_most_that_it_is_hidden(void)
{
	struct stat st;

	FAILS(stat(in(""), &st), ENOENT);
	EQ(access(in("/stat"), F_OK), -1);
	EQ(open(in("/comm"), O_RDONLY), -1);
	EQ(listed(), 0);
}

static void (*knows)(void);
static gid_t group;

static void as_user(void)
{
	struct stat st;

	OK(setgroups(0, NULL));
	OK(setgid(group));
	OK(setuid(1000));
	knows();
	/* Of itself it knows all. */
	snprintf(path, sizeof path, "p/%d/stat", getpid());
	EQ(stat(path, &st), 0);
	EQ(access("p/self/status", R_OK), 0);
}

static void user_knows(gid_t as, void (*what)(void))
{
	group = as;
	knows = what;
	IN_CHILD(as_user);
}

static void mounted(const char *options)
{
	OK(mount("proc", "p", "proc", 0, options));
	everything();
}

/* The options as /proc/mounts shows them. */
static void shown(const char *want)
{
	static char all[8192];
	char line[256];
	int fd = OK(open("/proc/self/mounts", O_RDONLY));
	ssize_t n, len = 0;

	while ((n = read(fd, all + len, sizeof all - 1 - len)) > 0)
		len += n;
	all[len] = 0;
	OK(close(fd));
	snprintf(line, sizeof line, "/p proc rw,relatime%s 0 0\n", want);
	if (!strstr(all, line))
		check_fail(__FILE__, __LINE__, "no %s in %s", line, all);
}

static void hiding(void)
{
	mounted("");
	shown("");
	user_knows(1000, everything);
	OK(umount("p"));
	mounted("hidepid=1,gid=50");
	shown(",gid=50,hidepid=noaccess");
	user_knows(1000, its_name_only);
	user_knows(50, everything);
	OK(umount("p"));
	mounted("hidepid=invisible,gid=50");
	shown(",gid=50,hidepid=invisible");
	user_knows(1000, nothing);
	user_knows(50, everything);
	/* What root looked up does not help others. */
	everything();
	user_knows(1000, nothing);
	OK(umount("p"));
	mounted("hidepid=2");
	user_knows(1000, nothing);
	user_knows(0, everything);
	OK(umount("p"));
	mounted("hidepid=4,gid=50");
	shown(",gid=50,hidepid=ptraceable");
	user_knows(50, at_most_that_it_is_hidden);
	OK(umount("p"));
}

static void remounting(void)
{
	mounted("hidepid=2");
	user_knows(1000, nothing);
	OK(mount("proc", "p", "proc", MS_REMOUNT, "hidepid=0"));
	user_knows(1000, everything);
	OK(mount("proc", "p", "proc", MS_REMOUNT, "hidepid=noaccess"));
	shown(",hidepid=noaccess");
	user_knows(1000, its_name_only);
	FAILS(mount("proc", "p", "proc", MS_REMOUNT, "hidepid=9"), EINVAL);
	user_knows(1000, its_name_only);
	OK(umount("p"));
}

static void only_processes(void)
{
	mounted("subset=pid");
	shown(",subset=pid");
	everything();
	EQ(access("p/self/comm", R_OK), 0);
	EQ(access("p/thread-self", F_OK), 0);
	EQ(lists("p", "self"), 1);
	FAILS(access("p/uptime", F_OK), ENOENT);
	FAILS(access("p/sys/kernel/hostname", F_OK), ENOENT);
	EQ(lists("p", "uptime"), 0);
	EQ(lists("p", "sys"), 0);
	OK(umount("p"));
}

static void bad_options(void)
{
	static const char *bad[] = {
		"hidepid=3", "hidepid=5", "hidepid=x", "hidepid", "gid=x", "what=1", "subset=x",
		"subset=pid+x",
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		check_name = bad[i];
		FAILS(mount("proc", "p", "proc", 0, bad[i]), EINVAL);
	}
}

int main(void)
{
	char here[256];

	OK(mkdir("p", 0755));
	OK(chmod(".", 0755));
	OK(mount("none", ".", "tmpfs", 0, "mode=755"));
	CHECK(getcwd(here, sizeof here) != NULL);
	OK(chdir(here));
	OK(mkdir("p", 0755));
	other = fork();
	if (other == 0) {
		pause();
		_exit(0);
	}
	RUN(hiding);
	RUN(remounting);
	RUN(only_processes);
	RUN(bad_options);
	kill(other, SIGKILL);
	KILLED(other, SIGKILL);
	OK(chdir("/"));
	OK(umount(here));
	return report();
}
