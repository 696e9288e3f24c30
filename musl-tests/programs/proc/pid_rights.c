/* Who may see what of whom in /proc/PID: another user, one's own process, one that hides itself,
 * and what belongs to whom. */
#include "../proc.h"
#include <sys/prctl.h>

static void as(unsigned uid)
{
	if (syscall(SYS_setresgid, uid, uid, uid) || syscall(SYS_setresuid, uid, uid, uid))
		_exit(99);
}

static unsigned owner(const char *format, int pid)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof path, format, pid);
	return lstat(path, &st) ? 9999 : st.st_uid;
}

/* Nobody looks at init. */
static void at_init(void)
{
	static const char *const open_files[] = {
		"stat", "statm", "status", "cmdline", "comm", "limits", "mounts", "oom_score", "cgroup",
		"sched", "schedstat", "wchan", "cpuset", "uid_map",
	}, *const closed_files[] = {
		"environ", "auxv", "mem", "pagemap", "maps", "smaps", "smaps_rollup", "numa_maps", "io",
		"personality", "fd", "fdinfo", "fdinfo/0",
	}, *const links[] = {"cwd", "root", "exe", "ns/mnt"};

	as(65534);
	for (size_t i = 0; i < sizeof open_files / sizeof *open_files; i++) {
		int why = open_errno("/proc/1/%s", open_files[i]);

		if (why)
			check_fail(__FILE__, __LINE__, "%s: %s", open_files[i], strerror(why));
	}
	for (size_t i = 0; i < sizeof closed_files / sizeof *closed_files; i++) {
		int why = open_errno("/proc/1/%s", closed_files[i]);

		if (why != EACCES)
			check_fail(__FILE__, __LINE__, "%s: %s", closed_files[i], strerror(why));
	}
	for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
		STREQ(link_text("/proc/1/%s", links[i]), "");
		CHECK(errno == EACCES);
		EQ(open_errno("/proc/1/%s", links[i]), EACCES);
	}
	FAILS(open("/proc/1/comm", O_WRONLY), EACCES);
	FAILS(open("/proc/1/oom_score_adj", O_WRONLY), EACCES);
	FAILS(open("/proc/1/clear_refs", O_WRONLY), EACCES);
	EQ(open_errno("/proc/1/timerslack_ns"), EPERM);
	/* Addresses are not told. */
	EQ(parse_stat(slurp("/proc/1/stat")), 0);
	EQ(proc_stat[26], 1);
	EQ(proc_stat[27], 1);
	EQ(proc_stat[28], 0);
	EQ(proc_stat[48], 0);
	CHECK(proc_stat[23] > 0);
	STREQ(slurp("/proc/1/wchan"), "0");
	STREQ(slurp("/proc/1/task/1/comm"), "init\n");
}

static void at_oneself(void)
{
	static const char *const files[] = {
		"environ", "auxv", "maps", "smaps", "io", "personality", "fdinfo/0", "stat",
		"timerslack_ns",
	};

	as(65534);
	EQ(prctl(PR_GET_DUMPABLE), 0);
	/* Whose ids changed is hidden: its files belong to root. */
	EQ(owner("/proc/%d/environ", getpid()), 0);
	EQ(owner("/proc/%d", getpid()), 65534);
	FAILS(open("/proc/self/environ", O_RDONLY), EACCES);
	EQ(open_errno("/proc/self/maps"), 0);
	EQ(prctl(PR_SET_DUMPABLE, 1), 0);
	EQ(owner("/proc/%d/environ", getpid()), 65534);
	EQ(owner("/proc/%d/fd", getpid()), 65534);
	EQ(owner("/proc/%d/fd/0", getpid()), 65534);
	EQ(owner("/proc/%d/task", getpid()), 65534);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		int why = open_errno("/proc/self/%s", files[i]);

		if (why)
			check_fail(__FILE__, __LINE__, "%s: %s", files[i], strerror(why));
	}
}

static int ready[2], go[2];

static pid_t target(unsigned uid, int dumpable)
{
	pid_t pid;

	OK(pipe(ready));
	OK(pipe(go));
	pid = fork();
	if (pid == 0) {
		close(go[1]);
		as(uid);
		prctl(PR_SET_DUMPABLE, dumpable);
		if (write(ready[1], "x", 1) != 1)
			_exit(9);
		await_byte(go[0]);
		_exit(0);
	}
	close(go[0]);
	await_byte(ready[0]);
	return pid;
}

static void finish(pid_t pid)
{
	close(go[1]);
	EXITS(pid, 0);
	close(ready[0]);
	close(ready[1]);
}

static pid_t other;

static void may_look(void)
{
	as(500);
	EQ(open_errno("/proc/%d/maps", other), 0);
	EQ(open_errno("/proc/%d/environ", other), 0);
	EQ(open_errno("/proc/%d/fd/0", other), 0);
	CHECK(link_text("/proc/%d/cwd", other)[0] == '/');
	parse_stat(slurp("/proc/%d/stat", other));
	CHECK(proc_stat[26] > 1);
}

static void may_not_look(void)
{
	as(500);
	EQ(open_errno("/proc/%d/maps", other), EACCES);
	EQ(open_errno("/proc/%d/environ", other), EACCES);
	EQ(open_errno("/proc/%d/fd/0", other), EACCES);
	EQ(open_errno("/proc/%d/status", other), 0);
	link_text("/proc/%d/cwd", other);
	CHECK(errno == EACCES);
}

static void at_others(void)
{
	other = target(500, 1);
	IN_CHILD(may_look);
	EQ(owner("/proc/%d/maps", other), 500);
	finish(other);
	other = target(500, 0);
	IN_CHILD(may_not_look);
	EQ(owner("/proc/%d/maps", other), 0);
	EQ(owner("/proc/%d", other), 500);
	/* Root may. */
	EQ(open_errno("/proc/%d/maps", other), 0);
	finish(other);
	other = target(501, 1);
	IN_CHILD(may_not_look);
	finish(other);
}

/* oom_score_adj: down again only as far as the privileged have set it. */
static void lowers(void)
{
	int fd;

	prctl(PR_SET_DUMPABLE, 1);
	as(65534);
	prctl(PR_SET_DUMPABLE, 1);
	fd = OK(open("/proc/self/oom_score_adj", O_RDWR));
	EQ(write(fd, "300", 3), 3);
	STREQ(slurp("/proc/self/oom_score_adj"), "300\n");
	EQ(write(fd, "100\n", 4), 4);
	FAILS(write(fd, "99", 2), EACCES);
	STREQ(slurp("/proc/self/oom_score_adj"), "100\n");
	close(fd);
}

static void oom_settings(void)
{
	int fd = OK(open("/proc/self/oom_score_adj", O_RDWR));
	long long score = strtoll(slurp("/proc/self/oom_score"), NULL, 10);

	CHECK(score >= 660 && score < 720);
	FAILS(write(fd, "1001", 4), EINVAL);
	FAILS(write(fd, "-1001", 5), EINVAL);
	FAILS(write(fd, "x", 1), EINVAL);
	EQ(write(fd, " 100\n", 5), 5);
	STREQ(slurp("/proc/self/oom_adj"), "1\n");
	CHECK(strtoll(slurp("/proc/self/oom_score"), NULL, 10) >= score + 60);
	IN_CHILD(lowers);
	EQ(write(fd, "-1000", 5), 5);
	STREQ(slurp("/proc/self/oom_adj"), "-17\n");
	STREQ(slurp("/proc/self/oom_score"), "0\n");
	EQ(write(fd, "0", 1), 1);
	close(fd);
	fd = OK(open("/proc/self/oom_adj", O_RDWR));
	EQ(write(fd, "15", 2), 2);
	STREQ(slurp("/proc/self/oom_score_adj"), "1000\n");
	EQ(write(fd, "-16", 3), 3);
	STREQ(slurp("/proc/self/oom_score_adj"), "-941\n");
	FAILS(write(fd, "16", 2), EINVAL);
	EQ(write(fd, "0", 1), 1);
	close(fd);
}

static void other_settings(void)
{
	int fd = OK(open("/proc/self/coredump_filter", O_RDWR));

	STREQ(slurp("/proc/self/coredump_filter"), "00000033\n");
	EQ(write(fd, "0x3f\n", 5), 5);
	STREQ(slurp("/proc/self/coredump_filter"), "0000003f\n");
	FAILS(write(fd, "zz", 2), EINVAL);
	EQ(write(fd, "0x33", 4), 4);
	close(fd);
	fd = OK(open("/proc/self/timerslack_ns", O_RDWR));
	EQ(write(fd, "1234", 4), 4);
	EQ(prctl(PR_GET_TIMERSLACK), 1234);
	STREQ(slurp("/proc/self/timerslack_ns"), "1234\n");
	EQ(write(fd, "0", 1), 1);
	STREQ(slurp("/proc/self/timerslack_ns"), "50000\n");
	close(fd);
	STREQ(slurp("/proc/self/uid_map"), "         0          0 4294967295\n");
	fd = OK(open("/proc/self/uid_map", O_RDWR));
	FAILS(write(fd, "0 0 1\n", 6), EPERM);
	close(fd);
	STREQ(slurp("/proc/self/setgroups"), "allow\n");
	STREQ(slurp("/proc/self/personality"), "00000000\n");
	fd = OK(open("/proc/1/comm", O_WRONLY));
	FAILS(write(fd, "x", 1), EINVAL);
	close(fd);
}

int main(void)
{
	IN_CHILD(at_init);
	IN_CHILD(at_oneself);
	RUN(at_others);
	RUN(oom_settings);
	RUN(other_settings);
	return report();
}
