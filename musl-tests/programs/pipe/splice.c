/* splice(2), tee(2), vmsplice(2), sendfile(2): what moves, what waits, what is
 * refused. */
#include "check.h"
#include <sys/sendfile.h>
#include <sys/ioctl.h>

static char data[200000], back[200000];

static int make(size_t len)
{
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = i * 31 + i / 4096;
	return file_with("f", data, len);
}

static void errors(void)
{
	int p[2], q[2], fd = make(100);
	off_t at = 0;
	int dir = OK(open(".", O_RDONLY)), append = OK(open("a", O_CREAT | O_WRONLY | O_APPEND, 0600));

	OK(pipe(p));
	OK(pipe(q));
	EQ(splice(-1, NULL, -1, NULL, 0, 99), 0);
	FAILS(splice(-1, NULL, p[1], NULL, 1, 0), EBADF);
	FAILS(splice(fd, NULL, p[1], NULL, 1, 16), EINVAL);
	FAILS(splice(fd, NULL, fd, NULL, 1, 0), EINVAL);
	FAILS(splice(p[1], NULL, fd, NULL, 1, 0), EBADF);
	FAILS(splice(fd, NULL, p[0], NULL, 1, 0), EBADF);
	FAILS(splice(fd, &at, p[1], &at, 1, 0), ESPIPE);
	FAILS(splice(p[0], &at, fd, &at, 1, 0), ESPIPE);
	FAILS(splice(fd, (void *)8, p[1], NULL, 1, 0), EFAULT);
	FAILS(splice(p[0], NULL, p[1], NULL, 1, 0), EINVAL);
	FAILS(splice(dir, NULL, p[1], NULL, 1, 0), EINVAL);
	FAILS(splice(p[0], NULL, append, NULL, 1, 0), EINVAL);
	at = -1;
	FAILS(splice(fd, &at, p[1], NULL, 1, 0), EINVAL);
	FAILS(splice(p[0], NULL, fd, NULL, 1, SPLICE_F_NONBLOCK), EAGAIN);
	FAILS(splice(p[0], NULL, q[1], NULL, 1, SPLICE_F_NONBLOCK), EAGAIN);
	FAILS(tee(p[0], q[1], 1, SPLICE_F_NONBLOCK), EAGAIN);
	FAILS(tee(p[0], p[1], 1, 0), EINVAL);
	FAILS(tee(p[0], fd, 1, 0), EINVAL);
	FAILS(tee(p[1], q[1], 1, 0), EBADF);
	FAILS(tee(-1, -1, 0, 16), EINVAL);
	EQ(tee(-1, -1, 0, 0), 0);
	struct iovec v = { data, 5 };
	FAILS(vmsplice(fd, &v, 1, 0), EBADF);
	FAILS(vmsplice(p[1], &v, 1, 16), EINVAL);
	FAILS(vmsplice(-1, &v, 1, 0), EBADF);
	FAILS(vmsplice(p[1], &v, 1025, 0), EINVAL);
	EQ(vmsplice(p[1], &v, 0, 0), 0);
	FAILS(vmsplice(p[0], &v, 1, SPLICE_F_NONBLOCK), EAGAIN);
	/* No reader. */
	signal(SIGPIPE, SIG_IGN);
	close(q[0]);
	FAILS(splice(fd, NULL, q[1], NULL, 1, 0), EPIPE);
	FAILS(vmsplice(q[1], &v, 1, 0), EPIPE);
	EQ(write(p[1], "x", 1), 1);
	FAILS(splice(p[0], NULL, q[1], NULL, 1, 0), EPIPE);
	close(q[1]);
	/* No writer. */
	close(p[1]);
	EQ(splice(p[0], NULL, fd, NULL, 5, 0), 1);
	EQ(splice(p[0], NULL, fd, NULL, 5, 0), 0);
	OK(pipe(q));
	EQ(splice(p[0], NULL, q[1], NULL, 5, 0), 0);
	EQ(tee(p[0], q[1], 5, 0), 0);
	close(p[0]);
	close(q[0]);
	close(q[1]);
	close(fd);
	close(dir);
	close(append);
}

/* A file through a pipe into another, at offsets of the caller and their own. */
static void through_a_pipe(void)
{
	int p[2], fd = make(150000), out = OK(open("out", O_CREAT | O_TRUNC | O_RDWR, 0600));
	loff_t from = 10, to = 3;
	size_t done = 0;

	OK(pipe(p));
	while (done < 140000) {
		ssize_t n = OK(splice(fd, &from, p[1], NULL, 140000 - done, 0));
		if (n <= 0)
			break;
		CHECK(n <= 65536);
		for (ssize_t m = 0; m < n;) {
			ssize_t k = OK(splice(p[0], NULL, out, &to, n - m, 0));
			if (k <= 0)
				return;
			m += k;
		}
		done += n;
	}
	EQ(from, 140010);
	EQ(to, 140003);
	EQ(lseek(fd, 0, SEEK_CUR), 0);
	EQ(lseek(out, 0, SEEK_CUR), 0);
	EQ(pread(out, back, 140000, 3), 140000);
	SAME(back, data + 10, 140000);
	OK(lseek(fd, 149990, SEEK_SET));
	EQ(splice(fd, NULL, p[1], NULL, 100, 0), 10);
	EQ(lseek(fd, 0, SEEK_CUR), 150000);
	EQ(splice(fd, NULL, p[1], NULL, 100, 0), 0);
	EQ(splice(p[0], NULL, out, NULL, 4, 0), 4);
	EQ(lseek(out, 0, SEEK_CUR), 4);
	EQ(read(p[0], back, 100), 6);
	SAME(back, data + 149994, 6);
	close(p[0]);
	close(p[1]);
	close(fd);
	close(out);
}

/* What a file's pages lend a pipe is never written to by the pipe. */
static void lent_pages(void)
{
	int p[2], fd = make(100);

	OK(pipe(p));
	EQ(splice(fd, NULL, p[1], NULL, 50, 0), 50);
	EQ(write(p[1], "hello", 5), 5);
	EQ(pread(fd, back, 100, 0), 100);
	SAME(back, data, 100);
	EQ(read(p[0], back, 100), 55);
	SAME(back, data, 50);
	SAME(back + 50, "hello", 5);
	close(p[0]);
	close(p[1]);
	close(fd);
}

static void between_pipes(void)
{
	int p[2], q[2], n;

	OK(pipe(p));
	OK(pipe(q));
	EQ(write(p[1], data, 10000), 10000);
	EQ(tee(p[0], q[1], 5000, 0), 5000);
	OK(ioctl(p[0], FIONREAD, &n));
	EQ(n, 10000);
	EQ(read(q[0], back, 20000), 5000);
	SAME(back, data, 5000);
	EQ(splice(p[0], NULL, q[1], NULL, 6000, 0), 6000);
	EQ(read(p[0], back, 20000), 4000);
	SAME(back, data + 6000, 4000);
	/* Both write on: neither sees the other's. */
	EQ(write(p[1], "pp", 2), 2);
	EQ(tee(p[0], q[1], 9, 0), 2);
	EQ(write(p[1], "P", 1), 1);
	EQ(write(q[1], "Q", 1), 1);
	EQ(read(q[0], back, 20000), 6003);
	SAME(back, data, 6000);
	SAME(back + 6000, "ppQ", 3);
	EQ(read(p[0], back, 100), 3);
	SAME(back, "ppP", 3);
	/* A full one. */
	OK(fcntl(q[1], F_SETPIPE_SZ, 4096));
	EQ(write(q[1], data, 4096), 4096);
	EQ(write(p[1], "x", 1), 1);
	FAILS(splice(p[0], NULL, q[1], NULL, 1, SPLICE_F_NONBLOCK), EAGAIN);
	FAILS(tee(p[0], q[1], 1, SPLICE_F_NONBLOCK), EAGAIN);
	int fd = make(10);
	FAILS(splice(fd, NULL, q[1], NULL, 1, SPLICE_F_NONBLOCK), EAGAIN);
	struct iovec v = { data, 5 };
	FAILS(vmsplice(q[1], &v, 1, SPLICE_F_NONBLOCK), EAGAIN);
	close(fd);
	close(p[0]);
	close(p[1]);
	close(q[0]);
	close(q[1]);
}

static void memory(void)
{
	int p[2];
	struct iovec v[2] = { { data, 3000 }, { data + 5000, 2000 } };

	OK(pipe(p));
	EQ(vmsplice(p[1], v, 2, 0), 5000);
	EQ(read(p[0], back, 9000), 5000);
	SAME(back, data, 3000);
	SAME(back + 3000, data + 5000, 2000);
	EQ(write(p[1], data, 100), 100);
	v[0] = (struct iovec){ back, 40 };
	v[1] = (struct iovec){ back + 1000, 400 };
	EQ(vmsplice(p[0], v, 2, 0), 100);
	SAME(back, data, 40);
	SAME(back + 1000, data + 40, 60);
	/* No more than the pipe holds, when it may not wait. */
	v[0] = (struct iovec){ data, 100000 };
	ssize_t n = OK(vmsplice(p[1], v, 1, SPLICE_F_NONBLOCK));
	CHECK(n > 60000 && n <= 65536);
	close(p[0]);
	close(p[1]);
}

static void handler(int sig)
{
	(void)sig;
}

static int shared[2];
static void waits(void)
{
	struct sigaction sa = { .sa_handler = handler };
	int out = OK(open("out", O_RDWR | O_CREAT | O_TRUNC, 0600));

	sigaction(SIGALRM, &sa, NULL);
	alarm(1);
	FAILS(splice(shared[0], NULL, out, NULL, 10, 0), EINTR);
	close(shared[1]);
	EQ(splice(shared[0], NULL, out, NULL, 10, 0), 3);
	EQ(splice(shared[0], NULL, out, NULL, 10, 0), 0);
}

static void blocking(void)
{
	OK(pipe(shared));
	pid_t pid = child(waits);
	sleep(2);
	EQ(write(shared[1], "abc", 3), 3);
	close(shared[1]);
	EXITS(pid, 0);
	close(shared[0]);
}

static void sending(void)
{
	int p[2], fd = make(150000), out = OK(open("out", O_CREAT | O_TRUNC | O_RDWR, 0600));
	off_t at = 100;

	OK(pipe(p));
	EQ(sendfile(out, fd, NULL, 1000), 1000);
	EQ(sendfile(out, fd, &at, 149000), 149000);
	EQ(at, 149100);
	EQ(lseek(fd, 0, SEEK_CUR), 1000);
	EQ(lseek(out, 0, SEEK_CUR), 150000);
	EQ(pread(out, back, 150000, 0), 150000);
	SAME(back, data, 1000);
	SAME(back + 1000, data + 100, 149000);
	EQ(sendfile(out, fd, &at, 5000), 900);
	EQ(sendfile(out, fd, &at, 5000), 0);
	at = 0;
	/* Into a pipe: what it holds. */
	EQ(sendfile(p[1], fd, &at, 150000), 65536);
	EQ(at, 65536);
	OK(fcntl(p[1], F_SETFL, O_NONBLOCK));
	FAILS(sendfile(p[1], fd, &at, 1), EAGAIN);
	FAILS(sendfile(out, p[0], NULL, 1), EINVAL);
	FAILS(sendfile(out, p[0], &at, 1), ESPIPE);
	FAILS(sendfile(fd, p[1], NULL, 1), EBADF);
	FAILS(sendfile(p[0], fd, NULL, 1), EBADF);
	FAILS(syscall(SYS_sendfile, out, fd, 8, 1), EFAULT);
	at = -1;
	FAILS(sendfile(out, fd, &at, 1), EINVAL);
	OK(fcntl(out, F_SETFL, O_APPEND));
	FAILS(sendfile(out, fd, NULL, 1), EINVAL);
	close(p[0]);
	close(p[1]);
	close(fd);
	close(out);
}

static ssize_t copy(int in, loff_t *a, int out, loff_t *b, size_t len, unsigned flags)
{
	return syscall(SYS_copy_file_range, in, a, out, b, len, flags);
}

static void ranges(void)
{
	int p[2], fd = make(10000), out = OK(open("out", O_CREAT | O_TRUNC | O_RDWR, 0600));
	int dir = OK(open(".", O_RDONLY));
	loff_t a = 10, b = 20;

	OK(pipe(p));
	EQ(copy(fd, &a, out, &b, 5000, 0), 5000);
	EQ(a, 5010);
	EQ(b, 5020);
	EQ(copy(fd, NULL, out, NULL, 7, 0), 7);
	EQ(lseek(fd, 0, SEEK_CUR), 7);
	EQ(lseek(out, 0, SEEK_CUR), 7);
	EQ(pread(out, back, 5020, 0), 5020);
	SAME(back, data, 7);
	SAME(back + 20, data + 10, 5000);
	a = 20000;
	EQ(copy(fd, &a, out, NULL, 7, 0), 0);
	FAILS(copy(fd, NULL, out, NULL, 7, 1), EINVAL);
	FAILS(copy(fd, NULL, dir, NULL, 7, 0), EISDIR);
	FAILS(copy(fd, NULL, p[1], NULL, 7, 0), EINVAL);
	FAILS(copy(fd, NULL, out, (void *)8, 7, 0), EFAULT);
	a = 0, b = 5;
	FAILS(copy(fd, &a, fd, &b, 6, 0), EINVAL);
	/* Cut to the end of the file first, they do not overlap. */
	a = 9990, b = 10000;
	EQ(copy(fd, &a, fd, &b, 100, 0), 10);
	int r = OK(open("f", O_RDONLY)), w = OK(open("f", O_WRONLY | O_APPEND));
	FAILS(copy(out, NULL, r, NULL, 7, 0), EBADF);
	FAILS(copy(w, NULL, out, NULL, 7, 0), EBADF);
	FAILS(copy(out, NULL, w, NULL, 7, 0), EBADF);
	close(r);
	close(w);
	close(fd);
	close(out);
	close(dir);
	close(p[0]);
	close(p[1]);
}

int main(void)
{
	RUN(errors);
	RUN(through_a_pipe);
	RUN(lent_pages);
	RUN(between_pipes);
	RUN(memory);
	RUN(blocking);
	RUN(sending);
	RUN(ranges);
	return report();
}
