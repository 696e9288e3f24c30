/* `#!` lines: which interpreter, which arguments. The interpreter is this program. */
#include "check.h"

static char self[256];

static void script(const char *name, const char *line)
{
	int fd = OK(open(name, O_CREAT | O_TRUNC | O_WRONLY, 0755));

	EQ(write(fd, line, strlen(line)), strlen(line));
	close(fd);
}

/* Runs the script and compares the arguments the interpreter got. */
static void gives(const char *name, const char *want)
{
	char got[1024] = "";
	int p[2];
	ssize_t n, at = 0;

	OK(pipe(p));
	pid_t pid = fork();

	if (pid == 0) {
		dup2(p[1], 1);
		execl(name, "zero", "one", "two words", (char *)NULL);
		_exit(errno);
	}
	close(p[1]);
	while ((n = read(p[0], got + at, sizeof got - 1 - at)) > 0)
		at += n;
	close(p[0]);
	EXITS(pid, 0);
	STREQ(got, want);
}

static void lines(void)
{
	char line[600], want[600];

	snprintf(want, sizeof want, "[%s][./s][one][two words]", self);
	snprintf(line, sizeof line, "#!%s\n", self);
	script("s", line);
	gives("./s", want);
	snprintf(line, sizeof line, "#! \t %s \t \nexit 1\n", self);
	script("s", line);
	gives("./s", want);
	/* No newline: the line ends with the file. */
	snprintf(line, sizeof line, "#!%s", self);
	script("s", line);
	gives("./s", want);
	/* Everything after the name is one argument, blanks inside and all. */
	snprintf(want, sizeof want, "[%s][-a  b c][./s][one][two words]", self);
	snprintf(line, sizeof line, "#!%s   -a  b c  \n", self);
	script("s", line);
	gives("./s", want);
}

/* A script may be a script's interpreter. */
static void nested(void)
{
	char line[300], want[600];

	snprintf(line, sizeof line, "#!%s inner\n", self);
	script("in", line);
	script("out", "#!./in outer\n");
	snprintf(want, sizeof want, "[%s][inner][./in][outer][./out][one][two words]", self);
	gives("./out", want);
}

/* Only 255 bytes of the file are looked at: an argument is cut there, an
 * interpreter's name is not (it would be another program). */
static void long_line(void)
{
	char line[600], want[1024];

	snprintf(line, sizeof line, "#!%s ", self);
	size_t start = strlen(line);

	memset(line + start, 'x', 500 - start);
	line[500] = '\n';
	line[501] = 0;
	script("s", line);
	line[255] = 0;
	snprintf(want, sizeof want, "[%s][%s][./s][one][two words]", self, line + start);
	gives("./s", want);
	memset(line + 2, 'y', 400);
	line[402] = '\n';
	line[403] = 0;
	script("s", line);
	FAILS(execl("./s", "s", (char *)NULL), ENOEXEC);
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		for (int i = 0; i < argc; i++)
			dprintf(1, "[%s]", argv[i]);
		return 0;
	}
	snprintf(self, sizeof self, "%s", argv[0]);
	RUN(lines);
	RUN(nested);
	RUN(long_line);
	return report();
}
