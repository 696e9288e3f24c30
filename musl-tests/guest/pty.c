/* Runs a program on a pseudo-terminal and talks to it, for programs that want a person.
 *
 *     pty [WAIT SAY]... -- PROGRAM [ARG]...
 *
 * Each time the text WAIT has been shown, SAY is typed. All that is shown goes
 * to standard output; the exit status is the program's, or 128+N for signal N.
 * The terminal has 24 lines of 80 columns.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

static char shown[1 << 20];
static size_t length, seen;

static void die(const char *what)
{
	dprintf(2, "pty: %s: %s\n", what, strerror(errno));
	_exit(125);
}

/* Gathers what is shown, passing it on; 0 once the other side is closed. */
static int more(int master)
{
	ssize_t n = read(master, shown + length, sizeof shown - length);

	if (n < 0 && errno == EINTR)
		return 1;
	/* EIO: nobody has the terminal open any more. */
	if (n <= 0)
		return 0;
	if (write(1, shown + length, n) != n)
		die("write");
	length += n;
	return 1;
}

/* Waits for a text after the one found last. */
static int wait_for(int master, const char *text)
{
	for (;;) {
		char *at = memmem(shown + seen, length - seen, text, strlen(text));

		if (at) {
			seen = at - shown + strlen(text);
			return 1;
		}
		if (!more(master))
			return 0;
	}
}

static void become(const char *name, char **argv)
{
	setsid();
	int fd = open(name, O_RDWR);

	if (fd < 0 || ioctl(fd, TIOCSCTTY, 0) != 0)
		die(name);
	for (int i = 0; i < 3; i++)
		dup2(fd, i);
	if (fd > 2)
		close(fd);
	execvp(argv[0], argv);
	die(argv[0]);
}

int main(int argc, char **argv)
{
	struct winsize size = {.ws_row = 24, .ws_col = 80};
	int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC), talk = 1, status;
	char name[64];

	if (master < 0 || grantpt(master) || unlockpt(master) || ptsname_r(master, name, sizeof name))
		die("/dev/ptmx");
	if (ioctl(master, TIOCSWINSZ, &size) != 0)
		die("TIOCSWINSZ");
	while (talk < argc && strcmp(argv[talk], "--") != 0)
		talk++;
	if (talk + 1 >= argc)
		return 125;
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid == 0)
		become(name, argv + talk + 1);
	for (int i = 1; i + 1 < talk; i += 2) {
		if (!wait_for(master, argv[i])) {
			dprintf(2, "pty: \"%s\" was not shown\n", argv[i]);
			break;
		}
		if (write(master, argv[i + 1], strlen(argv[i + 1])) < 0)
			die("typing");
	}
	while (more(master))
		;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
