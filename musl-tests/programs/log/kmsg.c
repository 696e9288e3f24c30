/* /dev/kmsg: records as they are read and written, places, and limits. */
//@ smp=1,2
#include "check.h"
#include <poll.h>

static int kmsg;

/* Reads one record; checks priority and text, and that numbers and times grow. */
static void reads(unsigned priority, const char *text)
{
	static unsigned long long last_seq, last_time;
	unsigned long long seq, time;
	char b[8192];
	unsigned prio;
	int at = 0, n = OK(read(kmsg, b, sizeof b - 1));

	if (n < 0)
		return;
	b[n] = 0;
	EQ(sscanf(b, "%u,%llu,%llu,-;%n", &prio, &seq, &time, &at), 3);
	EQ(prio, priority);
	CHECK(seq > last_seq && time >= last_time);
	last_seq = seq;
	last_time = time;
	STREQ(b + at, text);
}

static void to_the_end(void)
{
	EQ(lseek(kmsg, 0, SEEK_END), 0);
}

static void a_new_one(void)
{
	if (kmsg)
		close(kmsg);
	kmsg = OK(open("/dev/kmsg", O_RDWR | O_NONBLOCK));
	to_the_end();
}

#define SAYS(text) EQ(write(kmsg, text, sizeof(text) - 1), sizeof(text) - 1)

static void messages(void)
{
	a_new_one();
	SAYS("<5>notice\n");
	SAYS("plain\n");
	SAYS("<30>two\nlines\\\x01\xe9\n");
	SAYS("<x>no prefix\n");
	SAYS("<>empty prefix\n");
	SAYS("<3\n");
	SAYS("\n");
	SAYS("<999999>large\n");
	SAYS("  spaces  \n\n");
	reads(13, "notice\n");
	reads(12, "plain\n");
	reads(30, "two\\x0alines\\x5c\\x01\\xe9\n");
	reads(12, "<x>no prefix\n");
	reads(8, "empty prefix\n");
	reads(12, "<3\n");
	reads(12, "\n");
	reads(575, "large\n");
	reads(12, "  spaces  \\x0a\n");
}

static void without_a_line_end(void)
{
	char b[64];

	a_new_one();
	/* It might go on: it is there when the next one comes. */
	SAYS("begun");
	FAILS(read(kmsg, b, sizeof b), EAGAIN);
	SAYS("next\n");
	reads(12, "begun\n");
	reads(12, "next\n");
}

static void limits(void)
{
	char b[8192];

	a_new_one();
	memset(b, 'y', sizeof b);
	FAILS(write(kmsg, b, 993), EINVAL);
	b[599] = '\n';
	EQ(write(kmsg, b, 600), 600);
	FAILS(read(kmsg, b, 500), EINVAL);
	/* It is passed over. */
	FAILS(read(kmsg, b, sizeof b), EAGAIN);
	FAILS(write(kmsg, (void *)8, 10), EFAULT);
	EQ(write(kmsg, "kept\0dropped\n", 13), 13);
	/* The longest message has no room for its line end. */
	memset(b, 'z', sizeof b);
	b[991] = '\n';
	EQ(write(kmsg, b, 992), 992);
	reads(12, "kept\n");
	FAILS(read(kmsg, b, sizeof b), EAGAIN);
}

static void places(void)
{
	char first[8192], again[8192];
	int n;

	a_new_one();
	FAILS(lseek(kmsg, 1, SEEK_SET), ESPIPE);
	FAILS(lseek(kmsg, 0, SEEK_CUR), EINVAL);
	FAILS(lseek(kmsg, 0, SEEK_HOLE), EINVAL);
	EQ(lseek(kmsg, 0, SEEK_SET), 0);
	n = OK(read(kmsg, first, sizeof first));
	EQ(lseek(kmsg, 0, SEEK_SET), 0);
	EQ(read(kmsg, again, sizeof again), n);
	SAME(first, again, n);
	EQ(lseek(kmsg, 0, SEEK_DATA), 0);
	to_the_end();
	FAILS(read(kmsg, first, sizeof first), EAGAIN);
}

static void waiting(void)
{
	struct pollfd p = {0, POLLIN | POLLOUT, 0};
	int ready[2];
	pid_t pid;
	char b[256];

	a_new_one();
	p.fd = kmsg;
	EQ(poll(&p, 1, 0), 0);
	SAYS("here\n");
	EQ(poll(&p, 1, 0), 1);
	EQ(p.revents, POLLIN);
	to_the_end();
	OK(pipe(ready));
	pid = fork();
	if (pid == 0) {
		check_failures = 0;
		fcntl(kmsg, F_SETFL, 0);
		write(ready[1], "r", 1);
		int n = OK(read(kmsg, b, sizeof b - 1));

		b[n > 0 ? n : 0] = 0;
		CHECK(strstr(b, ";wake up\n"));
		_exit(report());
	}
	EQ(await_byte(ready[0]), 'r');
	int other = OK(open("/dev/kmsg", O_WRONLY));

	EQ(write(other, "wake up\n", 8), 8);
	EXITS(pid, 0);
	FAILS(read(other, b, sizeof b), EBADF);
	EQ(lseek(other, 0, SEEK_END), 0);
	close(other);
	close(ready[0]);
	close(ready[1]);
}

static void overrun(void)
{
	char b[8192];
	int mine, n, lost = 0;

	a_new_one();
	SAYS("old\n");
	to_the_end();
	mine = kmsg;
	memset(b, 'z', sizeof b);
	b[900] = '\n';
	/* Each file may write ten. */
	for (int i = 0; i < 60; i++) {
		int w = OK(open("/dev/kmsg", O_WRONLY));

		for (int j = 0; j < 10; j++)
			EQ(write(w, b, 901), 901);
		close(w);
	}
	struct pollfd p = {mine, POLLIN, 0};

	EQ(poll(&p, 1, 0), 1);
	EQ(p.revents, POLLIN | POLLERR);
	FAILS(read(mine, b, sizeof b), EPIPE);
	while ((n = read(mine, b, sizeof b)) > 0)
		lost++;
	CHECK(lost > 50 && lost < 600);
}

static void rates(void)
{
	char b[256];
	int seen = 0;

	a_new_one();
	for (int i = 0; i < 15; i++)
		SAYS("much\n");
	while (read(kmsg, b, sizeof b) > 0)
		seen++;
	EQ(seen, 10);
}

static void permissions(void)
{
	OK(seteuid(1));
	FAILS(open("/dev/kmsg", O_RDONLY), EPERM);
	FAILS(open("/dev/kmsg", O_WRONLY), EACCES);
	OK(seteuid(0));
}

int main(void)
{
	RUN(messages);
	RUN(without_a_line_end);
	RUN(limits);
	RUN(places);
	RUN(waiting);
	RUN(rates);
	RUN(overrun);
	RUN(permissions);
	return report();
}
