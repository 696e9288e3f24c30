/* /proc/PID of a zombie and of a process that is gone: on new and on open files; and a walk over
 * /proc while processes come and go. */
//@ timeout=180
#include "../proc.h"
#include <dirent.h>

static const char *const files[] = {
	"stat", "statm", "status", "comm", "cmdline", "limits", "maps", "smaps", "io", "cgroup", "oom_score",
	"oom_score_adj", "schedstat", "sched", "wchan", "environ", "auxv", "personality", "uid_map",
};
enum { FILES = sizeof files / sizeof *files };

/* What a read of an open file gives: bytes, or an errno as a negative. */
static int look(int fd)
{
	char buffer[64];
	ssize_t n = pread(fd, buffer, sizeof buffer, 0);

	return n < 0 ? -errno : n;
}

static void dead(void)
{
	static const struct {
		const char *name;
		int zombie, gone;
	} want[FILES] = {
		{"stat", 1, -ESRCH}, {"statm", 1, -ESRCH}, {"status", 1, -ESRCH}, {"comm", 1, -ESRCH},
		{"cmdline", 0, -ESRCH}, {"limits", 1, -ESRCH}, {"maps", 0, -ESRCH}, {"smaps", 0, -ESRCH},
		{"io", 1, -ESRCH}, {"cgroup", 0, -ESRCH}, {"oom_score", 1, -ESRCH}, {"oom_score_adj", 1, -ESRCH},
		{"schedstat", 1, -ESRCH}, {"sched", 1, -ESRCH}, {"wchan", 1, -ESRCH}, {"environ", 0, 0},
		{"auxv", 1, 1}, {"personality", 1, -ESRCH}, {"uid_map", 1, 1},
	};
	int fds[FILES], ends[2], dir, entries;
	char path[64], text[8];
	siginfo_t info;

	OK(pipe(ends));
	pid_t pid = fork();

	if (pid == 0) {
		close(ends[1]);
		await_byte(ends[0]);
		_exit(5);
	}
	for (int i = 0; i < FILES; i++) {
		snprintf(path, sizeof path, "/proc/%d/%s", pid, files[i]);
		fds[i] = OK(open(path, O_RDONLY));
	}
	snprintf(path, sizeof path, "/proc/%d", pid);
	dir = OK(open(path, O_RDONLY | O_DIRECTORY));
	snprintf(path, sizeof path, "/proc/%d/fd", pid);
	entries = OK(open(path, O_RDONLY | O_DIRECTORY));
	close(ends[1]);
	EQ(waitid(P_PID, pid, &info, WEXITED | WNOWAIT), 0);
	for (int i = 0; i < FILES; i++) {
		int got = look(fds[i]);

		if (strcmp(files[i], "auxv") && strcmp(files[i], "uid_map") && (want[i].zombie > 0 ? got <= 0 : got != want[i].zombie))
			check_fail(__FILE__, __LINE__, "zombie's %s: %d", files[i], got);
	}
	STREQ(link_text("/proc/%d/exe", pid), "");
	CHECK(errno == ENOENT);
	STREQ(link_text("/proc/%d/cwd", pid), "");
	CHECK(errno == ENOENT);
	STREQ(slurp("/proc/%d/cmdline", pid), "");
	CHECK(errno == 0);
	STREQ(slurp("/proc/%d/maps", pid), "");
	CHECK(errno == 0);
	EQ(open_errno("/proc/%d/mounts", pid), EINVAL);
	EQ(open_errno("/proc/%d/fd/0", pid), ENOENT);
	EQ(syscall(SYS_getdents64, entries, (char[512]){0}, 512) > 0, 1);
	snprintf(text, sizeof text, "%d", pid);
	EXITS(pid, 5);
	for (int i = 0; i < FILES; i++) {
		int got = look(fds[i]);

		if (strcmp(files[i], "auxv") && strcmp(files[i], "uid_map") && got != want[i].gone)
			check_fail(__FILE__, __LINE__, "gone %s: %d", files[i], got);
		close(fds[i]);
	}
	FAILS(openat(dir, "stat", O_RDONLY), ESRCH);
	FAILS(syscall(SYS_getdents64, dir, (char[512]){0}, 512), ENOENT);
	FAILS(openat(entries, "0", O_RDONLY), ENOENT);
	EQ(open_errno("/proc/%d/stat", pid), ENOENT);
	close(dir);
	close(entries);
}

/* Forks all the time; each child lives for a moment. */
static void storm(void)
{
	for (;;) {
		pid_t pids[8];

		for (int i = 0; i < 8; i++) {
			pids[i] = fork();
			if (pids[i] == 0)
				_exit(0);
		}
		for (int i = 0; i < 8; i++)
			if (pids[i] > 0)
				waitpid(pids[i], NULL, 0);
	}
}

static void walks(void)
{
	pid_t stormers[3];
	int seen = 0, own, stats = 0;

	for (int i = 0; i < 3; i++) {
		stormers[i] = fork();
		if (stormers[i] == 0)
			storm();
	}
	for (int round = 0; round < 12; round++) {
		DIR *dir = opendir("/proc");
		struct dirent *entry;
		long last = 0;

		own = 0;
		while ((entry = readdir(dir))) {
			long pid = strtol(entry->d_name, NULL, 10);
			char *text;

			if (pid == 0)
				continue;
			CHECK(pid > last);
			last = pid;
			seen++;
			own |= pid == getpid();
			text = slurp("/proc/%ld/stat", pid);
			if (!*text) {
				CHECK(errno == ENOENT || errno == ESRCH);
				continue;
			}
			stats++;
			EQ(parse_stat(text), 0);
			EQ(proc_stat[1], pid);
			slurp("/proc/%ld/status", pid);
			slurp("/proc/%ld/cmdline", pid);
			slurp("/proc/%ld/maps", pid);
			slurp("/proc/%ld/smaps", pid);
			link_text("/proc/%ld/exe", pid);
			link_text("/proc/%ld/fd/0", pid);
		}
		closedir(dir);
		EQ(own, 1);
	}
	CHECK(seen >= 12 * 4 && stats > 12 * 2);
	for (int i = 0; i < 3; i++)
		OK(kill(stormers[i], SIGKILL));
	for (int i = 0; i < 3; i++)
		KILLED(stormers[i], SIGKILL);
}

int main(void)
{
	RUN(dead);
	RUN(walks);
	return report();
}
