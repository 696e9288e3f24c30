/* The test programs' only shared code.
 *
 * A program is a row of named checks:
 *
 *     static void reads_back(void) { EQ(write(fd, "x", 1), 1); }
 *     int main(void) { RUN(reads_back); return report(); }
 *
 * A check that fails prints where, what, and the values, and the program goes
 * on; the exit status is 1 when any failed. Output goes straight to write(2),
 * so nothing is printed twice after a fork and nothing is lost by a crash.
 * A child made with `child()` hands its own failures up through its status.
 */
#ifndef CHECK_H
#define CHECK_H

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The check that is running, and how many statements of it failed so far. */
static const char *check_name __attribute__((unused)) = "main";
static volatile int check_failures __attribute__((unused));

/* Prints one failed statement. Keeps errno: the caller may still look at it. */
__attribute__((unused, format(printf, 3, 4)))
static void check_fail(const char *file, int line, const char *format, ...)
{
	char text[512];
	int saved = errno;
	int n = snprintf(text, sizeof text, "FAIL %s (%s:%d): ", check_name, file, line);
	va_list args;

	va_start(args, format);
	n += vsnprintf(text + n, sizeof text - n, format, args);
	va_end(args);
	if (n > (int)sizeof text - 2)
		n = sizeof text - 2;
	text[n++] = '\n';
	if (write(1, text, n) != n)
		check_failures++;
	check_failures++;
	errno = saved;
}

/* The condition holds. */
#define CHECK(cond) \
	do { \
		if (!(cond)) \
			check_fail(__FILE__, __LINE__, "%s (errno %d %s)", #cond, errno, strerror(errno)); \
	} while (0)

/* Two integers are equal. */
#define EQ(got, want) \
	do { \
		errno = 0; \
		long long g_ = (long long)(got), w_ = (long long)(want); \
		if (g_ != w_) \
			check_fail(__FILE__, __LINE__, "%s is %lld (0x%llx), not %lld (0x%llx); errno %d %s", \
				   #got, g_, g_, w_, w_, errno, strerror(errno)); \
	} while (0)

/* The call succeeds; the value of the expression is its result. */
#define OK(call) \
	({ \
		errno = 0; \
		__auto_type r_ = (call); \
		if ((long)r_ == -1) \
			check_fail(__FILE__, __LINE__, "%s failed: errno %d %s", #call, errno, strerror(errno)); \
		r_; \
	})

/* The call answers -1 and this errno. */
#define FAILS(call, want) \
	do { \
		errno = 0; \
		long long g_ = (long long)(call); \
		int e_ = errno; \
		if (g_ != -1) \
			check_fail(__FILE__, __LINE__, "%s is %lld, not an error (%s)", #call, g_, #want); \
		else if (e_ != (want)) \
			check_fail(__FILE__, __LINE__, "%s: errno %d %s, not %s", #call, e_, strerror(e_), #want); \
	} while (0)

/* Two byte ranges are equal. */
#define SAME(got, want, len) \
	do { \
		const unsigned char *g_ = (const void *)(got), *w_ = (const void *)(want); \
		size_t n_ = (len); \
		for (size_t i_ = 0; i_ < n_; i_++) \
			if (g_[i_] != w_[i_]) { \
				check_fail(__FILE__, __LINE__, "%s: byte %zu of %zu is 0x%02x, not 0x%02x", \
					   #got, i_, n_, g_[i_], w_[i_]); \
				break; \
			} \
	} while (0)

/* Two strings are equal. */
#define STREQ(got, want) \
	do { \
		const char *g_ = (got), *w_ = (want); \
		if (strcmp(g_, w_) != 0) \
			check_fail(__FILE__, __LINE__, "%s is \"%s\", not \"%s\"", #got, g_, w_); \
	} while (0)

/* Runs one named check. */
#define RUN(function) \
	do { \
		check_name = #function; \
		function(); \
		check_name = "main"; \
	} while (0)

/* The program's exit status. */
__attribute__((unused))
static int report(void)
{
	return check_failures != 0;
}

/* Runs `body` in a forked child, which exits 0 when all its checks held. */
__attribute__((unused))
static pid_t child(void (*body)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		check_failures = 0;
		body();
		_exit(report());
	}
	if (pid < 0)
		check_fail(__FILE__, __LINE__, "fork: errno %d %s", errno, strerror(errno));
	return pid;
}

/* Waits for one child and answers its raw wait status, or -1. */
__attribute__((unused))
static int status_of(pid_t pid)
{
	int status = -1;
	pid_t got;

	do
		got = waitpid(pid, &status, 0);
	while (got == -1 && errno == EINTR);
	return got == pid ? status : -1;
}

/* The child ends by exit(code). */
#define EXITS(pid, code) EQ(status_of(pid), (code) << 8)

/* The child is killed by this signal (without a core). */
#define KILLED(pid, signo) EQ(status_of(pid) & 0xff7f, (signo))

/* Runs the body in a child and waits until it ended well. */
#define IN_CHILD(body) EXITS(child(body), 0)

/* A new file with this content, open for reading and writing at offset 0. */
__attribute__((unused))
static int file_with(const char *path, const void *data, size_t len)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_RDWR, 0644);

	if (fd < 0 || write(fd, data, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET) != 0)
		check_fail(__FILE__, __LINE__, "cannot make %s: errno %d %s", path, errno, strerror(errno));
	return fd;
}

/* Waits until the other end writes a byte (or closes): the only way two
 * processes of a test meet. Nothing here guesses how long something takes. */
__attribute__((unused))
static int await_byte(int fd)
{
	char byte;
	ssize_t n;

	do
		n = read(fd, &byte, 1);
	while (n == -1 && errno == EINTR);
	return n == 1 ? (unsigned char)byte : -1;
}

#endif
