/* /proc/PID/task: the threads of a process, each with its own name, state and priority, and a first
 * thread that ends before the others. */
#include "../proc.h"
#include <dirent.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static pid_t other;
static int ready[2], go[2];

static void *second(void *arg)
{
	(void)arg;
	other = syscall(SYS_gettid);
	prctl(PR_SET_NAME, "second");
	setpriority(PRIO_PROCESS, other, 7);
	if (write(ready[1], "x", 1) != 1)
		_exit(9);
	await_byte(go[0]);
	return NULL;
}

static void await_sleep(const char *path)
{
	do {
		nanosleep(&(struct timespec){0, 2000000}, NULL);
		if (parse_stat(slurp("%s", path))) {
			check_fail(__FILE__, __LINE__, "no %s", path);
			return;
		}
	} while (proc_state != 'S');
}

static void two_threads(void)
{
	pthread_t thread;
	struct dirent *entry;
	char path[64], want[32];
	int seen = 0;
	DIR *dir;

	OK(pipe(ready));
	OK(pipe(go));
	EQ(pthread_create(&thread, NULL, second, NULL), 0);
	await_byte(ready[0]);
	EQ(field(slurp("/proc/self/status"), "Threads"), 2);
	EQ(parse_stat(slurp("/proc/self/stat")), 0);
	EQ(proc_stat[20], 2);
	EQ(proc_stat[19], 0);
	dir = opendir("/proc/self/task");
	while ((entry = readdir(dir))) {
		int tid = atoi(entry->d_name);

		seen += tid == getpid() ? 1 : tid == other ? 10 : tid ? 100 : 0;
	}
	closedir(dir);
	EQ(seen, 11);
	snprintf(path, sizeof path, "/proc/self/task/%d/stat", other);
	await_sleep(path);
	EQ(proc_stat[1], other);
	STREQ(proc_comm, "second");
	EQ(proc_stat[19], 7);
	EQ(proc_stat[4], getppid());
	char *status = slurp("/proc/self/task/%d/status", other);

	EQ(field(status, "Tgid"), getpid());
	EQ(field(status, "Pid"), other);
	EQ(field(status, "Threads"), 2);
	STREQ(slurp("/proc/self/task/%d/comm", other), "second\n");
	int fd;

	snprintf(path, sizeof path, "/proc/self/task/%d/comm", other);
	fd = OK(open(path, O_WRONLY));
	EQ(write(fd, "renamed", 7), 7);
	close(fd);
	STREQ(slurp("/proc/self/task/%d/comm", other), "renamed\n");
	CHECK(strcmp(slurp("/proc/self/comm"), "renamed\n") != 0);
	/* A thread has a directory in /proc, which is not listed. */
	EQ(field(slurp("/proc/%d/status", other), "Tgid"), getpid());
	EQ(field(slurp("/proc/%d/status", other), "Pid"), other);
	seen = 0;
	dir = opendir("/proc");
	while ((entry = readdir(dir)))
		seen += atoi(entry->d_name) == other;
	closedir(dir);
	EQ(seen, 0);
	EQ(getpriority(PRIO_PROCESS, other), 7);
	EQ(getpriority(PRIO_PROCESS, 0), 0);
	snprintf(path, sizeof path, "/proc/self/task/%d/stat", other);
	fd = OK(open(path, O_RDONLY));
	close(go[1]);
	EQ(pthread_join(thread, NULL), 0);
	/* The thread is joined a moment before it is gone. */
	for (int i = 0; i < 1000 && access(path, F_OK) == 0; i++)
		nanosleep(&(struct timespec){0, 2000000}, NULL);
	FAILS(read(fd, want, 1), ESRCH);
	close(fd);
	EQ(open_errno("/proc/self/task/%d/stat", other), ENOENT);
	EQ(open_errno("/proc/%d/stat", other), ENOENT);
	EQ(open_errno("/proc/self/task/1/stat"), ENOENT);
	EQ(field(slurp("/proc/self/status"), "Threads"), 1);
}

static void *lives_on(void *arg)
{
	(void)arg;
	prctl(PR_SET_NAME, "survivor");
	other = syscall(SYS_gettid);
	await_byte(go[0]);
	exit(6);
}

static void without_its_first(void)
{
	char path[64];

	OK(pipe(go));
	pid_t pid = fork();

	if (pid == 0) {
		pthread_t thread;

		close(go[1]);
		prctl(PR_SET_NAME, "first");
		pthread_create(&thread, NULL, lives_on, NULL);
		syscall(SYS_exit, 3);
	}
	close(go[0]);
	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	do
		nanosleep(&(struct timespec){0, 2000000}, NULL);
	while (parse_stat(slurp("%s", path)) == 0 && proc_state != 'Z');
	EQ(proc_state, 'Z');
	STREQ(proc_comm, "first");
	EQ(proc_stat[20], 2);
	STREQ(slurp("/proc/%d/maps", pid), "");
	CHECK(strstr(slurp("/proc/%d/status", pid), "State:\tZ (zombie)\n"));
	EQ(waitpid(pid, NULL, WNOHANG), 0);
	close(go[1]);
	EXITS(pid, 6);
}

int main(void)
{
	RUN(two_threads);
	RUN(without_its_first);
	return report();
}
