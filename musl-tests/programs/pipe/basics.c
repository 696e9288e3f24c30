/* pipe(2): order, end of file, short reads, wrong ends, sizes of transfers. */
#include "check.h"
#include <sys/ioctl.h>

static char out[100000], in[100000];

static void order_and_eof(void)
{
	int p[2];
	char text[16];

	OK(pipe(p));
	EQ(p[1], p[0] + 1);
	EQ(write(p[1], "abc", 3), 3);
	EQ(write(p[1], "def", 3), 3);
	EQ(read(p[0], text, 4), 4);
	SAME(text, "abcd", 4);
	EQ(read(p[0], text, 16), 2);
	SAME(text, "ef", 2);
	EQ(write(p[1], "last", 4), 4);
	EQ(close(p[1]), 0);
	EQ(read(p[0], text, 16), 4);
	EQ(read(p[0], text, 16), 0);
	EQ(read(p[0], text, 16), 0);
	close(p[0]);
}

static void wrong_end(void)
{
	int p[2];
	char c = 0;

	OK(pipe(p));
	FAILS(write(p[0], &c, 1), EBADF);
	FAILS(read(p[1], &c, 1), EBADF);
	EQ(write(p[1], &c, 0), 0);
	EQ(read(p[0], &c, 0), 0);
	FAILS(write(p[1], (void *)8, 1), EFAULT);
	EQ(write(p[1], &c, 1), 1);
	FAILS(read(p[0], (void *)8, 1), EFAULT);
	/* The failed read took nothing. */
	EQ(read(p[0], &c, 1), 1);
	close(p[0]);
	close(p[1]);
}

static void bytes_waiting(void)
{
	int p[2], n = -1;

	OK(pipe(p));
	EQ(ioctl(p[0], FIONREAD, &n), 0);
	EQ(n, 0);
	EQ(write(p[1], out, 5000), 5000);
	EQ(ioctl(p[0], FIONREAD, &n), 0);
	EQ(n, 5000);
	EQ(read(p[0], in, 1000), 1000);
	EQ(ioctl(p[0], FIONREAD, &n), 0);
	EQ(n, 4000);
	close(p[0]);
	close(p[1]);
}

/* More than fits: the writer sleeps until the reader made room, and the whole
 * arrives in one write. */
static void larger_than_the_pipe(void)
{
	int p[2];

	for (size_t i = 0; i < sizeof out; i++)
		out[i] = i * 7 + (i >> 9);
	OK(pipe(p));
	pid_t pid = fork();

	if (pid == 0) {
		close(p[0]);
		_exit(write(p[1], out, sizeof out) == sizeof out ? 0 : 1);
	}
	close(p[1]);
	size_t at = 0;
	ssize_t n;

	while ((n = OK(read(p[0], in + at, 777))) > 0)
		at += n;
	EQ(at, sizeof out);
	SAME(in, out, sizeof out);
	EXITS(pid, 0);
	close(p[0]);
}

static void vectors(void)
{
	int p[2];
	char a[3] = "", b[10] = "";
	struct iovec w[] = {{"ab", 2}, {"cde", 3}}, r[] = {{a, 2}, {b, 10}};

	OK(pipe(p));
	EQ(writev(p[1], w, 2), 5);
	EQ(readv(p[0], r, 2), 5);
	STREQ(a, "ab");
	STREQ(b, "cde");
	FAILS(preadv(p[0], r, 2, 0), ESPIPE);
	close(p[0]);
	close(p[1]);
}

int main(void)
{
	RUN(order_and_eof);
	RUN(wrong_end);
	RUN(bytes_waiting);
	RUN(larger_than_the_pipe);
	RUN(vectors);
	return report();
}
