/* What socket calls say where there is no such family, and of files that are no sockets. */
#include "check.h"
#include <sys/socket.h>

/* AX.25: nobody has it, and a module of it would have to be asked for. */
#define AF_NOBODYS 3

static void families(void)
{
	int pair[2];

	FAILS(socket(AF_NOBODYS, SOCK_STREAM, 0), EAFNOSUPPORT);
	FAILS(socket(46, SOCK_STREAM, 0), EAFNOSUPPORT);
	FAILS(socket(-1, SOCK_STREAM, 0), EAFNOSUPPORT);
	FAILS(socketpair(AF_NOBODYS, SOCK_STREAM, 0, pair), EAFNOSUPPORT);
}

static void order_of_checks(void)
{
	/* Unknown flags come first, then the family's number, then the kind's. */
	FAILS(socket(99, SOCK_STREAM | 0x100000, 0), EINVAL);
	FAILS(socket(99, 11, 0), EAFNOSUPPORT);
	FAILS(socket(AF_NOBODYS, 11, 0), EINVAL);
	FAILS(socket(AF_NOBODYS, 11 | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), EINVAL);
	FAILS(socket(AF_NOBODYS, 10 | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), EAFNOSUPPORT);
}

static void all_calls(int fd, int error)
{
	struct sockaddr_storage address = {.ss_family = AF_UNIX};
	socklen_t len = sizeof address;
	int value = 0;

	FAILS(bind(fd, (void *)&address, len), error);
	FAILS(listen(fd, 1), error);
	FAILS(connect(fd, (void *)&address, len), error);
	FAILS(accept(fd, NULL, NULL), error);
	FAILS(accept4(fd, NULL, NULL, SOCK_CLOEXEC), error);
	FAILS(getsockname(fd, (void *)&address, &len), error);
	FAILS(getpeername(fd, (void *)&address, &len), error);
	FAILS(send(fd, "x", 1, 0), error);
	FAILS(recv(fd, &value, 1, 0), error);
	FAILS(shutdown(fd, SHUT_RDWR), error);
	FAILS(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &value, sizeof value), error);
	len = sizeof value;
	FAILS(getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &len), error);
	/* Flags of what could be no socket anyway do not matter. */
	FAILS(accept4(fd, NULL, NULL, 1), error);
}

static void no_sockets(void)
{
	int ends[2], file = open("/dev/null", O_RDWR), path = open("/", O_PATH);

	OK(pipe(ends));
	all_calls(file, ENOTSOCK);
	all_calls(ends[0], ENOTSOCK);
	all_calls(path, EBADF);
	all_calls(-1, EBADF);
	all_calls(1000, EBADF);
}

int main(void)
{
	RUN(families);
	RUN(order_of_checks);
	RUN(no_sockets);
	return report();
}
