/* syslog(2): reading the log in lines, clearing it, and the console's level. */
//@ smp=1,2
#include "check.h"
#include <sys/klog.h>

static char b[1 << 18];

static void say(const char *text)
{
	int fd = OK(open("/dev/kmsg", O_WRONLY));

	EQ(write(fd, text, strlen(text)), (int)strlen(text));
	close(fd);
}

/* `<prio>[time] text` */
static void is_line(const char *line, int priority, const char *text)
{
	unsigned long s, us;
	int prio, at = 0;

	EQ(sscanf(line, "<%d>[%lu.%6lu] %n", &prio, &s, &us, &at), 3);
	EQ(prio, priority);
	EQ(strncmp(line + at, text, strlen(text)), 0);
	EQ(line[at + strlen(text)], '\n');
}

static void errors(void)
{
	FAILS(klogctl(11, b, 10), EINVAL);
	FAILS(klogctl(-1, b, 10), EINVAL);
	FAILS(klogctl(2, NULL, 10), EINVAL);
	FAILS(klogctl(3, b, -1), EINVAL);
	FAILS(klogctl(3, NULL, 0), EINVAL);
	EQ(klogctl(3, b, 0), 0);
	EQ(klogctl(2, b, 0), 0);
	FAILS(klogctl(3, (char *)8, 100000), EFAULT);
	FAILS(klogctl(8, NULL, 0), EINVAL);
	FAILS(klogctl(8, NULL, 9), EINVAL);
	EQ(klogctl(0, NULL, 0), 0);
	EQ(klogctl(1, NULL, 0), 0);
	EQ(klogctl(10, NULL, 0), 131072);
	OK(seteuid(1));
	for (int i = 0; i < 12; i++)
		FAILS(klogctl(i, b, 100), EPERM);
	OK(seteuid(0));
}

static void all_and_clear(void)
{
	say("<4>one\n");
	say("<30>two\nlines\n");
	int n = OK(klogctl(3, b, sizeof b - 1));

	b[n] = 0;
	char *at = strstr(b, "] one\n");

	CHECK(at != NULL);
	if (!at)
		return;
	while (at > b && at[-1] != '\n')
		at--;
	is_line(at, 12, "one");
	at = strchr(at, '\n') + 1;
	is_line(at, 30, "two");
	at = strchr(at, '\n') + 1;
	is_line(at, 30, "lines");
	/* Only the last records fit, and whole ones. */
	n = OK(klogctl(3, b, 60));
	CHECK(n > 0 && n <= 60);
	b[n] = 0;
	is_line(b, 30, "two");
	EQ(klogctl(3, b, 30), 0);
	EQ(klogctl(4, b, 60), n);
	EQ(klogctl(3, b, sizeof b), 0);
	say("three\n");
	n = OK(klogctl(3, b, sizeof b - 1));
	b[n] = 0;
	is_line(b, 12, "three");
	OK(klogctl(5, NULL, 0));
	EQ(klogctl(3, b, sizeof b), 0);
	/* Cleared is not gone. */
	int fd = OK(open("/dev/kmsg", O_RDONLY | O_NONBLOCK));

	CHECK(read(fd, b, sizeof b) > 0);
	lseek(fd, 0, SEEK_DATA);
	FAILS(read(fd, b, sizeof b), EAGAIN);
	close(fd);
}

static void reading(void)
{
	int n, unread = OK(klogctl(9, NULL, 0));
	char whole[64];

	/* What is there is read once, by whomever. */
	while (unread > 0) {
		n = OK(klogctl(2, b, sizeof b));
		EQ(n, unread);
		unread = OK(klogctl(9, NULL, 0));
	}
	say("<6>piece by piece\n");
	unread = OK(klogctl(9, NULL, 0));
	EQ(unread, (int)strlen("<14>[    0.000000] piece by piece\n"));
	EQ(klogctl(2, whole, 4), 4);
	SAME(whole, "<14>", 4);
	EQ(klogctl(9, NULL, 0), unread - 4);
	EQ(klogctl(2, whole + 4, sizeof whole - 5), unread - 4);
	whole[unread] = 0;
	is_line(whole, 14, "piece by piece");
	EQ(klogctl(9, NULL, 0), 0);
	/* Then a reader waits. */
	pid_t pid = fork();

	if (pid == 0) {
		n = OK(klogctl(2, b, sizeof b - 1));
		b[n > 0 ? n : 0] = 0;
		is_line(b, 12, "awaited");
		_exit(report());
	}
	usleep(20000);
	say("awaited\n");
	EXITS(pid, 0);
}

int main(void)
{
	RUN(errors);
	RUN(all_and_clear);
	RUN(reading);
	return report();
}
