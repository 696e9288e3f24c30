/* Reading /proc, for the tests of it. */
#ifndef PROC_H
#define PROC_H

#include "check.h"

/* The whole of a file as a string, in a buffer that the next call reuses; "" and errno on error.
 * `proc_len` is its length. */
static size_t proc_len __attribute__((unused));

__attribute__((unused, format(printf, 1, 2)))
static char *slurp(const char *format, ...)
{
	static char text[1 << 17];
	char path[256];
	va_list args;
	ssize_t n = 0;
	int fd;

	va_start(args, format);
	vsnprintf(path, sizeof path, format, args);
	va_end(args);
	proc_len = 0;
	errno = 0;
	fd = open(path, O_RDONLY);
	if (fd >= 0) {
		while (proc_len < sizeof text - 1 && (n = read(fd, text + proc_len, sizeof text - 1 - proc_len)) > 0)
			proc_len += n;
		int saved = errno;

		close(fd);
		errno = n < 0 ? saved : 0;
	}
	text[proc_len] = 0;
	return text;
}

/* The text of a link, or "" and errno. */
__attribute__((unused, format(printf, 1, 2)))
static char *link_text(const char *format, ...)
{
	static char text[4096];
	char path[256];
	va_list args;
	ssize_t n;

	va_start(args, format);
	vsnprintf(path, sizeof path, format, args);
	va_end(args);
	errno = 0;
	n = readlink(path, text, sizeof text - 1);
	text[n < 0 ? 0 : n] = 0;
	return text;
}

/* What open(2) and read(2) of one byte say: an errno, or 0. */
__attribute__((unused, format(printf, 1, 2)))
static int open_errno(const char *format, ...)
{
	char path[256], byte;
	va_list args;
	int fd, why;

	va_start(args, format);
	vsnprintf(path, sizeof path, format, args);
	va_end(args);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return errno;
	errno = 0;
	why = read(fd, &byte, 1) < 0 ? errno : 0;
	close(fd);
	return why;
}

/* The number behind `NAME:` in a text of such lines; -1 if there is none. */
__attribute__((unused))
static long long field(const char *text, const char *name)
{
	size_t len = strlen(name);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, len) == 0 && line[len] == ':')
			return strtoll(line + len + 1, NULL, 0);
	}
	return -1;
}

/* The fields of a stat file from the third on, by their number in proc_pid_stat(5). */
static char proc_state __attribute__((unused));
static char proc_comm[64] __attribute__((unused));
static long long proc_stat[53] __attribute__((unused));

__attribute__((unused))
static int parse_stat(const char *text)
{
	const char *open = strchr(text, '('), *close = strrchr(text, ')');
	char *end;
	int n = 3;

	if (!open || !close || strlen(text) < 10 || text[strlen(text) - 1] != '\n')
		return -1;
	proc_stat[1] = strtoll(text, &end, 10);
	if (end != open - 1 || close - open > 60)
		return -1;
	memcpy(proc_comm, open + 1, close - open - 1);
	proc_comm[close - open - 1] = 0;
	if (close[1] != ' ' || close[3] != ' ')
		return -1;
	proc_state = close[2];
	for (const char *at = close + 3; *at == ' '; at = end) {
		if (++n > 52)
			return -1;
		proc_stat[n] = at[1] == '1' && strncmp(at + 1, "18446744073709551615", 20) == 0 ? -1 : strtoll(at + 1, &end, 10);
		if (proc_stat[n] == -1 && at[1] == '1')
			end = (char *)at + 21;
		if (end == at + 1)
			return -1;
	}
	return n == 52 && strcmp(end, "\n") == 0 ? 0 : -1;
}

#endif
