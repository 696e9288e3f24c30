/* Runs test programs one after another inside the guest.
 *
 * Standard input lists them, one a line: `SECONDS PATH [ARG]`. Each runs in its
 * own session with its own empty working directory, default signals, standard
 * input from /dev/null, and both outputs in one file. For each, two frames go
 * to standard output:
 *
 *     begin PATH
 *     end PATH exit|signal|timeout NUMBER LENGTH
 *     LENGTH bytes of output, and a newline
 *
 * A `begin` without its `end` names the program that took the kernel along.
 * As little of the kernel as possible is needed: no pipes, no poll, no threads.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SCRATCH "/tmp/suite"
#define OUTPUT "/tmp/suite.out"

/* Frames pass through here whole; a short write is continued. */
static void emit(const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(1, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			_exit(3);
		data += n;
		len -= n;
	}
}

static void die(const char *what)
{
	dprintf(2, "suite: %s: %s\n", what, strerror(errno));
	_exit(2);
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)at;
	return kind == FTW_DP ? rmdir(path) : unlink(path);
}

/* The child's side: a process that knows nothing of its neighbours. */
static void run(char **argv, const sigset_t *mask)
{
	static char *const env[] = {"PATH=/sbin:/usr/sbin:/bin:/usr/bin", "HOME=/", "TERM=vt102", NULL};
	int in = open("/dev/null", O_RDONLY);
	int out = open(OUTPUT, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);

	if (in < 0 || out < 0 || mkdir(SCRATCH, 0777) != 0 || chdir(SCRATCH) != 0 || setsid() < 0)
		die("setting up a program");
	/* A program that gives root away still owns its working directory's use. */
	if (chmod(SCRATCH, 0777) != 0)
		die("chmod");
	dup2(in, 0);
	dup2(out, 1);
	dup2(out, 2);
	if (in > 2)
		close(in);
	if (out > 2)
		close(out);
	sigprocmask(SIG_SETMASK, mask, NULL);
	execve(argv[0], argv, env);
	dprintf(2, "suite: %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/* Waits for the child, but no longer than `seconds`: 0 on time, -1 if not. */
static int wait_for(pid_t pid, long seconds, int *status)
{
	struct timespec now, end;
	sigset_t chld;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += seconds;
	for (;;) {
		if (waitpid(pid, status, WNOHANG) == pid)
			return 0;
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec >= end.tv_sec)
			return -1;
		struct timespec left = {end.tv_sec - now.tv_sec, 0};

		sigtimedwait(&chld, NULL, &left);
	}
}

static void send_output(void)
{
	static char buffer[65536];
	int fd = open(OUTPUT, O_RDONLY);
	ssize_t n;

	while (fd >= 0 && (n = read(fd, buffer, sizeof buffer)) > 0)
		emit(buffer, n);
	close(fd);
}

static void one(char *line, const sigset_t *mask)
{
	char frame[512], *argv[4] = {0}, *save;
	long seconds = strtol(line, &save, 10);
	const char *how = "timeout";
	int status, number = 0;
	struct stat st;

	argv[0] = strtok(save, " ");
	for (int i = 1; i < 3 && argv[i - 1]; i++)
		argv[i] = strtok(NULL, " ");
	if (!argv[0])
		return;
	emit(frame, snprintf(frame, sizeof frame, "begin %s\n", argv[0]));
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid == 0)
		run(argv, mask);
	if (wait_for(pid, seconds, &status) == 0) {
		how = WIFSIGNALED(status) ? "signal" : "exit";
		number = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
		kill(-pid, SIGKILL);
	} else {
		kill(-pid, SIGKILL);
		waitpid(pid, &status, 0);
	}
	if (stat(OUTPUT, &st) != 0)
		st.st_size = 0;
	emit(frame, snprintf(frame, sizeof frame, "end %s %s %d %lld\n", argv[0], how, number,
			     (long long)st.st_size));
	send_output();
	emit("\n", 1);
	unlink(OUTPUT);
	nftw(SCRATCH, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* One line of standard input, read bytewise: it is short, and a program must
 * not find the rest of it in a stdio buffer after fork. */
static int next_line(char *line, size_t size)
{
	size_t n = 0;

	while (n + 1 < size && read(0, line + n, 1) == 1) {
		if (line[n] == '\n') {
			line[n] = 0;
			return 1;
		}
		n++;
	}
	line[n] = 0;
	return n > 0;
}

int main(void)
{
	char line[512];
	sigset_t chld, old;

	/* SIGCHLD waits in line for sigtimedwait, so a quick child is not missed. */
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, &old);
	mkdir("/tmp", 01777);
	nftw(SCRATCH, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	while (next_line(line, sizeof line))
		one(line, &old);
	return 0;
}
