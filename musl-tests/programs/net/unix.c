/* Sockets within one machine: names, datagrams, connections, ends. */
//@ smp=1,2
#include "check.h"
#include <poll.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

static struct sockaddr_un at(const char *path)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };

	strcpy(name.sun_path, path);
	return name;
}

#define NAME(n) (struct sockaddr *)&(n), sizeof(n)

static void kinds(void)
{
	FAILS(socket(AF_UNIX, SOCK_RDM, 0), ESOCKTNOSUPPORT);
	FAILS(socket(AF_UNIX, SOCK_STREAM, 2), EPROTONOSUPPORT);
	FAILS(socket(AF_UNIX, SOCK_STREAM | 0x100, 0), EINVAL);
	FAILS(socket(AF_UNIX, 12, 0), EINVAL);
	FAILS(socket(1000, SOCK_STREAM, 0), EAFNOSUPPORT);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	OK(fd);
	EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	EQ(fcntl(fd, F_GETFL), O_RDWR | O_NONBLOCK);
	struct stat st;

	OK(fstat(fd, &st));
	EQ(st.st_mode, S_IFSOCK | 0777);
	char c;

	FAILS(read(fd, &c, 1), EAGAIN);
	FAILS(write(fd, "x", 1), ENOTCONN);
	FAILS(lseek(fd, 0, SEEK_SET), ESPIPE);
	FAILS(pread(fd, &c, 1, 0), ESPIPE);
	OK(close(fd));
	FAILS(bind(0, NULL, 0), ENOTSOCK);
	FAILS(listen(-1, 1), EBADF);
}

static void options(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0), value = -1;
	socklen_t len = sizeof value;

	OK(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &len));
	EQ(value, SOCK_SEQPACKET);
	EQ(len, 4);
	OK(getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &value, &len));
	EQ(value, AF_UNIX);
	OK(getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &value, &len));
	EQ(value, 212992);
	value = 10000;
	OK(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &value, sizeof value));
	OK(getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &value, &len));
	EQ(value, 20000);
	value = 1;
	OK(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &value, sizeof value));
	OK(getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &value, &len));
	EQ(value, 2304);
	FAILS(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &value, 3), EINVAL);
	FAILS(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, (void *)8, 4), EFAULT);
	FAILS(getsockopt(fd, SOL_SOCKET, 10000, &value, &len), ENOPROTOOPT);
	FAILS(getsockopt(fd, 1000, SO_TYPE, &value, &len), EOPNOTSUPP);
	len = 2;
	value = -1;
	OK(getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &len));
	EQ(len, 2);
	EQ(value, -65536);
	close(fd);
}

static void names(void)
{
	struct sockaddr_un name = at("name"), got;
	socklen_t len = sizeof got;
	struct stat st;
	int a = socket(AF_UNIX, SOCK_DGRAM, 0), b = socket(AF_UNIX, SOCK_DGRAM, 0);

	FAILS(bind(a, (void *)&name, 1), EINVAL);
	FAILS(bind(a, (void *)&name, 111), EINVAL);
	FAILS(bind(a, (void *)8, 20), EFAULT);
	OK(getsockname(a, (void *)&got, &len));
	EQ(len, 2);
	umask(022);
	OK(bind(a, NAME(name)));
	OK(stat("name", &st));
	EQ(st.st_mode, S_IFSOCK | 0755);
	len = sizeof got;
	OK(getsockname(a, (void *)&got, &len));
	EQ(len, 2 + 5);
	EQ(strcmp(got.sun_path, "name"), 0);
	FAILS(bind(b, NAME(name)), EADDRINUSE);
	struct sockaddr_un other = at("other");

	FAILS(bind(a, NAME(other)), EINVAL);
	FAILS(stat("other", &st), ENOENT);
	FAILS(open("name", O_RDWR), ENXIO);
	FAILS(getpeername(a, (void *)&got, &len), ENOTCONN);
	/* The file outlives the socket, and then leads nowhere. */
	OK(close(a));
	FAILS(connect(b, NAME(name)), ECONNREFUSED);
	FAILS(bind(b, NAME(name)), EADDRINUSE);
	OK(unlink("name"));
	FAILS(connect(b, NAME(name)), ENOENT);
	OK(close(open("name", O_CREAT | O_WRONLY, 0600)));
	FAILS(connect(b, NAME(name)), ECONNREFUSED);
	OK(unlink("name"));
	struct sockaddr_un long_way = at("no/such/folder");

	FAILS(bind(b, NAME(long_way)), ENOENT);
	close(b);
}

/* Names without files; each kind has its own, and any may be asked for. */
static void abstract(void)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "\0word" }, got;
	socklen_t size = 2 + 5, len = sizeof got;
	int a = socket(AF_UNIX, SOCK_DGRAM, 0), b = socket(AF_UNIX, SOCK_DGRAM, 0);
	int c = socket(AF_UNIX, SOCK_STREAM, 0);

	OK(bind(a, (void *)&name, size));
	FAILS(bind(b, (void *)&name, size), EADDRINUSE);
	OK(bind(c, (void *)&name, size));
	OK(connect(b, (void *)&name, size));
	EQ(send(b, "hi", 2, 0), 2);
	OK(getpeername(b, (void *)&got, &len));
	EQ(len, size);
	EQ(memcmp(got.sun_path, "\0word", 5), 0);
	FAILS(connect(b, (void *)&name, size - 1), ECONNREFUSED);
	OK(close(a));
	FAILS(send(b, "hi", 2, 0), ECONNREFUSED);
	FAILS(send(b, "hi", 2, 0), ENOTCONN);
	OK(bind(b, (void *)&name, 2));
	len = sizeof got;
	OK(getsockname(b, (void *)&got, &len));
	EQ(len, 2 + 6);
	EQ(got.sun_path[0], 0);
	close(b);
	close(c);
}

static void datagrams(void)
{
	struct sockaddr_un name = at("log"), mine = at("mine"), got;
	socklen_t len = sizeof got;
	int log = socket(AF_UNIX, SOCK_DGRAM, 0), fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	char text[16];

	OK(bind(log, NAME(name)));
	OK(bind(fd, NAME(mine)));
	OK(connect(fd, NAME(name)));
	EQ(send(fd, "one", 3, MSG_NOSIGNAL), 3);
	EQ(write(fd, "", 0), 0);
	EQ(sendto(fd, "three", 5, 0, NAME(name)), 5);
	int n = 0;

	OK(ioctl(log, FIONREAD, &n));
	EQ(n, 3);
	EQ(recv(log, text, 2, MSG_PEEK | MSG_TRUNC), 3);
	EQ(recvfrom(log, text, 2, 0, (void *)&got, &len), 2);
	EQ(memcmp(text, "on", 2), 0);
	EQ(len, 2 + 5);
	EQ(strcmp(got.sun_path, "mine"), 0);
	EQ(read(log, text, sizeof text), 0);
	EQ(read(log, text, sizeof text), 5);
	FAILS(recv(log, text, 1, MSG_DONTWAIT), EAGAIN);
	/* A crowd waits outside. */
	for (n = 0; send(fd, "x", 1, MSG_DONTWAIT) == 1; n++)
		;
	CHECK(errno == EAGAIN);
	EQ(n, 11);
	struct pollfd both[] = { { .fd = log, .events = POLLIN }, { .fd = fd, .events = POLLOUT } };

	EQ(poll(both, 2, 0), 1);
	EQ(both[0].revents, POLLIN);
	EQ(read(log, text, 1), 1);
	EQ(poll(both, 2, 0), 2);
	/* Who has chosen hears nobody else. */
	OK(connect(log, NAME(mine)));
	int stranger = socket(AF_UNIX, SOCK_DGRAM, 0);

	FAILS(connect(stranger, NAME(name)), EPERM);
	FAILS(sendto(stranger, "x", 1, 0, NAME(name)), EPERM);
	static char huge[300000];

	FAILS(send(fd, huge, sizeof huge, 0), EMSGSIZE);
	FAILS(send(fd, (void *)8, 5, 0), EFAULT);
	FAILS(sendto(fd, "x", 1, MSG_OOB, NULL, 0), EOPNOTSUPP);
	FAILS(listen(fd, 1), EOPNOTSUPP);
	FAILS(accept(fd, NULL, NULL), EOPNOTSUPP);
	close(stranger);
	close(fd);
	close(log);
	unlink("log");
	unlink("mine");
}

static void connections(int kind)
{
	struct sockaddr_un name = at("server"), got;
	socklen_t len = sizeof got;
	int server = socket(AF_UNIX, kind, 0), client = socket(AF_UNIX, kind, 0);
	int wrong = socket(AF_UNIX, SOCK_DGRAM, 0);
	char text[16];

	FAILS(listen(server, 1), EINVAL);
	OK(bind(server, NAME(name)));
	FAILS(connect(client, NAME(name)), ECONNREFUSED);
	FAILS(accept(server, NULL, NULL), EINVAL);
	OK(listen(server, 0));
	FAILS(connect(wrong, NAME(name)), EPROTOTYPE);
	FAILS(send(client, "x", 1, 0), ENOTCONN);
	OK(connect(client, NAME(name)));
	EQ(write(client, "early", 5), 5);
	int second = socket(AF_UNIX, kind | SOCK_NONBLOCK, 0);

	FAILS(connect(second, NAME(name)), EAGAIN);
	FAILS(syscall(SYS_accept4, server, NULL, NULL, 1), EINVAL);
	int fd = accept4(server, (void *)&got, &len, SOCK_CLOEXEC);

	OK(fd);
	EQ(len, 2);
	EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	FAILS(connect(client, NAME(name)), EISCONN);
	OK(connect(second, NAME(name)));
	len = sizeof got;
	OK(getpeername(client, (void *)&got, &len));
	EQ(strcmp(got.sun_path, "server"), 0);
	struct ucred cred;

	len = sizeof cred;
	OK(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len));
	EQ(cred.pid, getpid());
	EQ(cred.uid, 0);
	EQ(read(fd, text, sizeof text), 5);
	OK(shutdown(client, SHUT_WR));
	EQ(read(fd, text, 1), 0);
	struct pollfd end = { .fd = fd, .events = POLLIN | POLLRDHUP };

	EQ(poll(&end, 1, 0), 1);
	EQ(end.revents, POLLIN | POLLRDHUP);
	EQ(write(fd, "back", 4), 4);
	EQ(read(client, text, sizeof text), 4);
	/* The rest was not read: the other end learns it. */
	EQ(write(fd, "unread", 6), 6);
	OK(close(client));
	EQ(poll(&end, 1, 0), 1);
	CHECK(end.revents & POLLHUP);
	FAILS(read(fd, text, 1), ECONNRESET);
	EQ(read(fd, text, 1), 0);
	FAILS(send(fd, "x", 1, MSG_NOSIGNAL), EPIPE);
	/* One that was never accepted. */
	OK(close(server));
	FAILS(read(second, text, 1), ECONNRESET);
	close(fd);
	close(second);
	close(wrong);
	unlink("server");
}

static void streams(void)
{
	connections(SOCK_STREAM);
}

static void packets(void)
{
	connections(SOCK_SEQPACKET);
}

static int alone;

static void write_to_nobody(void)
{
	EQ(write(alone, "x", 1), 1);
}

static void pairs(void)
{
	int ends[2];
	char text[16];

	FAILS(syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, 8), EFAULT);
	OK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	EQ(write(ends[0], "abc", 3), 3);
	EQ(write(ends[0], "def", 3), 3);
	EQ(recv(ends[1], text, 4, MSG_PEEK), 4);
	EQ(read(ends[1], text, sizeof text), 6);
	EQ(memcmp(text, "abcdef", 6), 0);
	OK(close(ends[0]));
	EQ(read(ends[1], text, 1), 0);
	signal(SIGPIPE, SIG_IGN);
	FAILS(write(ends[1], "x", 1), EPIPE);
	signal(SIGPIPE, SIG_DFL);
	alone = ends[1];
	KILLED(child(write_to_nobody), SIGPIPE);
	close(ends[1]);

	OK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends));
	EQ(write(ends[0], "abc", 3), 3);
	EQ(write(ends[0], "def", 3), 3);
	EQ(read(ends[1], text, 2), 2);
	EQ(read(ends[1], text, sizeof text), 3);
	EQ(memcmp(text, "def", 3), 0);
	close(ends[0]);
	close(ends[1]);
}

/* Much, from one process to the other, both ways at once, each byte in its place. */
static void floods(void)
{
	enum { TOTAL = 2000000 };
	int ends[2];

	OK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	pid_t pid = fork();

	if (pid == 0) {
		static char echo[7001];
		ssize_t n;

		close(ends[0]);
		while ((n = read(ends[1], echo, sizeof echo)) > 0)
			for (ssize_t done = 0, m; done < n; done += m)
				if ((m = write(ends[1], echo + done, n - done)) <= 0)
					_exit(1);
		_exit(n != 0);
	}
	close(ends[1]);
	OK(fcntl(ends[0], F_SETFL, O_NONBLOCK));
	static char data[5003];
	long out = 0, in = 0, wrong = 0;

	while (in < TOTAL) {
		struct pollfd fd = { .fd = ends[0], .events = POLLIN };

		if (out < TOTAL)
			fd.events |= POLLOUT;
		EQ(poll(&fd, 1, 10000), 1);
		if (fd.revents & POLLOUT) {
			long len = TOTAL - out < (long)sizeof data ? TOTAL - out : (long)sizeof data;

			for (long i = 0; i < len; i++)
				data[i] = (out + i) * 31 >> 3;
			ssize_t n = write(ends[0], data, len);

			if (n > 0)
				out += n;
			else
				CHECK(errno == EAGAIN);
		}
		if (fd.revents & POLLIN) {
			ssize_t n = read(ends[0], data, sizeof data);

			for (ssize_t i = 0; i < n; i++)
				wrong += data[i] != (char)((in + i) * 31 >> 3);
			in += n;
		}
		if (!fd.revents)
			break;
	}
	EQ(in, TOTAL);
	EQ(wrong, 0);
	OK(shutdown(ends[0], SHUT_WR));
	int status = -1;

	OK(waitpid(pid, &status, 0));
	EQ(status, 0);
	close(ends[0]);
}

int main(void)
{
	RUN(kinds);
	RUN(options);
	RUN(names);
	RUN(abstract);
	RUN(datagrams);
	RUN(streams);
	RUN(packets);
	RUN(pairs);
	RUN(floods);
	return report();
}
